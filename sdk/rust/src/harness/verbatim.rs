//! JSON compared and printed without going through numbers of the machine: an id of twenty digits stays what it is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What printed JSON is wrapped at.
const WIDTH: usize = 110;

/// An object's members in their order.
pub struct Members(pub Vec<(String, Box<RawValue>)>);

/// The first place where two JSON texts differ as values, and how. Keys may stand in any order.
pub fn difference(expected: &RawValue, got: &RawValue) -> Option<String> {
    let (left, right) = (expected.get().trim(), got.get().trim());
    if left == right {
        return None;
    }
    match (left.as_bytes().first(), right.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => objects(&parse(left)?, &parse(right)?),
        (Some(b'['), Some(b'[')) => arrays(&parse::<Vec<_>>(left)?, &parse::<Vec<_>>(right)?),
        (Some(b'"'), Some(b'"')) if parse::<String>(left) == parse::<String>(right) => None,
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) if same_number(left, right) => None,
        _ => Some(format!(": expected {left}, got {right}")),
    }
}

fn objects(
    left: &BTreeMap<String, Box<RawValue>>,
    right: &BTreeMap<String, Box<RawValue>>,
) -> Option<String> {
    let missing = left.iter().map(|(key, expected)| match right.get(key) {
        Some(got) => difference(expected, got).map(|why| format!(".{key}{why}")),
        None => Some(format!(".{key}: expected {expected}, got nothing")),
    });
    let unasked = right.iter().filter(|(key, _)| !left.contains_key(*key));
    let unasked = unasked.map(|(key, got)| Some(format!(".{key}: expected nothing, got {got}")));
    missing.chain(unasked).flatten().next()
}

fn arrays(left: &[Box<RawValue>], right: &[Box<RawValue>]) -> Option<String> {
    let both = left.iter().zip(right).enumerate();
    let differ = both.map(|(i, (expected, got))| difference(expected, got).map(|why| format!("[{i}]{why}")));
    let (short, long) = (left.len(), right.len());
    let length = match short.cmp(&long) {
        std::cmp::Ordering::Less => Some(format!("[{short}]: expected nothing, got {}", right[short])),
        std::cmp::Ordering::Greater => Some(format!("[{long}]: expected {}, got nothing", left[long])),
        std::cmp::Ordering::Equal => None,
    };
    differ.flatten().next().or(length)
}

/// `1.0` is `1`; whole numbers are compared in all their digits.
fn same_number(left: &str, right: &str) -> bool {
    match (left.parse::<i128>(), right.parse::<i128>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => left.parse::<f64>() == right.parse::<f64>(),
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// The JSON over several lines, where one is too long. `indent` is how far it stands in already.
pub fn pretty(json: &str, indent: usize) -> String {
    let compact = compact(json);
    if compact.chars().count() + indent <= WIDTH {
        return compact;
    }
    let pad = " ".repeat(indent + 2);
    let end = " ".repeat(indent);
    if let Some(Members(members)) = parse(json) {
        let lines = members.iter().map(|(key, value)| {
            let key = format!("{pad}{}: ", quoted(key));
            let value = pretty(value.get(), indent + 2);
            format!("{key}{value}")
        });
        return format!("{{\n{}\n{end}}}", lines.collect::<Vec<_>>().join(",\n"));
    }
    if let Some(items) = parse::<Vec<Box<RawValue>>>(json) {
        let lines = items.iter().map(|item| format!("{pad}{}", pretty(item.get(), indent + 2)));
        return format!("[\n{}\n{end}]", lines.collect::<Vec<_>>().join(",\n"));
    }
    compact
}

/// The JSON on one line, with a space after each comma and colon.
fn compact(json: &str) -> String {
    let json = json.trim();
    if let Some(Members(members)) = parse(json) {
        let members = members.iter().map(|(key, value)| format!("{}: {}", quoted(key), compact(value.get())));
        return format!("{{{}}}", members.collect::<Vec<_>>().join(", "));
    }
    match parse::<Vec<Box<RawValue>>>(json) {
        Some(items) => {
            format!("[{}]", items.iter().map(|item| compact(item.get())).collect::<Vec<_>>().join(", "))
        }
        None => json.to_owned(),
    }
}

fn quoted(key: &str) -> String {
    serde_json::Value::from(key).to_string()
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(expected: &str, got: &str) -> Option<String> {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("because the test gives JSON");
        difference(&raw(expected), &raw(got))
    }

    #[test]
    fn order_and_spacing_of_an_object_do_not_matter() {
        assert_eq!(differs(r#"{"a":1,"b":[true,null]}"#, r#"{ "b": [true, null], "a": 1.0 }"#), None);
        assert_eq!(differs(r#""\u5c0f""#, r#""小""#), None);
    }

    #[test]
    fn a_difference_is_named_by_its_place() {
        assert_eq!(
            differs(r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":2}]}"#).as_deref(),
            Some(".a[0].b: expected 1, got 2")
        );
        assert_eq!(differs("[1]", "[1,2]").as_deref(), Some("[1]: expected nothing, got 2"));
        assert_eq!(
            differs(r#"{}"#, r#"{"staff":null}"#).as_deref(),
            Some(".staff: expected nothing, got null")
        );
    }

    #[test]
    fn the_last_digit_of_a_long_id_counts() {
        assert!(differs("18446744073709551998", "18446744073709551999").is_some());
    }

    #[test]
    fn a_long_value_is_wrapped_and_keeps_its_order_and_digits() {
        let long = format!(r#"{{"z":18446744073709551999,"a":["{}","b"]}}"#, "x".repeat(WIDTH));
        let printed = pretty(&long, 0);
        assert!(printed.starts_with("{\n  \"z\": 18446744073709551999,\n  \"a\": [\n    \"xxx"), "{printed}");
    }
}
