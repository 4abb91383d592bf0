//! Reads one section with serde, and says better than serde what is wrong with it.

use serde::de::DeserializeOwned;
use toml::Value;

use crate::Problem;

/// How many letters may differ in a key that is taken for a misspelling of another.
const MISSPELT_MAX: usize = 3;

pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    if !value.is_table() {
        let reason = format!("is a {} where a section with keys is expected", value.type_str());
        return Err(Problem::Shape { reason });
    }
    value.try_into().map_err(|error: toml::de::Error| understood(&error))
}

/// Turns serde's text into a problem. Its words for an unknown and for a missing key are fixed, and a test holds them.
fn understood(error: &toml::de::Error) -> Problem {
    let message = error.message();
    let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
    if message.starts_with("unknown field") {
        let key = quoted.next().unwrap_or_default();
        let known: Vec<String> = quoted.collect();
        return Problem::UnknownKey { nearest: nearest(&key, &known), key, known };
    }
    if message.starts_with("missing field") {
        let key = quoted.next().unwrap_or_default();
        let mend = format!("add `{key} = …`; the example shows how");
        return Problem::MissingKey { key, mend };
    }
    // The key stands only in the error's full text, behind its message.
    let text = error.to_string();
    let key = text.rsplit_once("in `").and_then(|(_, key)| key.split('`').next());
    let reason = without_value(message);
    match key {
        Some(key) => Problem::wrong(key, reason),
        None => Problem::Shape { reason },
    }
}

/// serde shows a text that stands where none should: it may be a secret.
fn without_value(message: &str) -> String {
    match (message.strip_prefix("invalid type: string "), message.rsplit_once(", expected ")) {
        (Some(_), Some((_, expected))) => format!("invalid type: string, expected {expected}"),
        _ => message.to_owned(),
    }
}

fn nearest(key: &str, known: &[String]) -> Option<String> {
    let distances = known.iter().map(|candidate| (distance(key, candidate), candidate));
    let (distance, nearest) = distances.min()?;
    let short = key.chars().count().max(nearest.chars().count());
    (distance <= MISSPELT_MAX && distance < short).then(|| nearest.clone())
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Section {
        #[expect(dead_code, reason = "only read")]
        phone_country: String,
        #[expect(dead_code, reason = "only read")]
        #[serde(default)]
        number: u32,
    }

    fn problem(text: &str) -> Problem {
        read::<Section>(toml::from_str(text).unwrap()).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let text = problem("phone_contry = \"86\"").to_string();
        assert_eq!(text, r#"unknown key "phone_contry": did you mean "phone_country"?"#);
        let text = problem("x = 1").to_string();
        assert_eq!(text, r#"unknown key "x": known here are phone_country, number"#);
    }

    #[test]
    fn a_missing_key_and_a_wrong_type_are_named() {
        let text = problem("number = 1").to_string();
        assert!(text.starts_with("key \"phone_country\" is missing: add `phone_country"), "{text}");
        let text = problem("phone_country = 86").to_string();
        assert_eq!(text, "key \"phone_country\": invalid type: integer `86`, expected a string");
    }

    #[test]
    fn a_text_in_the_wrong_place_is_not_shown() {
        let text = problem("phone_country = '86'\nnumber = 's3cr3t'").to_string();
        assert_eq!(text, "key \"number\": invalid type: string, expected u32");
        let text = read::<Section>(Value::String("s3cr3t".to_owned())).unwrap_err().to_string();
        assert_eq!(text, "is a string where a section with keys is expected");
    }

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
