//! Keeps secrets out of everything that is printed: exact matches of a connection's secret settings are replaced.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::call::{cut, printable};

/// What stands for a secret.
const INSTEAD: &str = "[secret]";
/// A shorter secret is no secret, and replacing it would make every text unreadable.
const SECRET_BYTES_MIN: usize = 4;
/// `$ref` in a schema may point in circles.
const DEPTH_MAX: usize = 16;

/// The values of `settings` that `schema` marks `writeOnly`: what must not be handed on.
#[must_use]
pub fn secrets_in(schema: &str, settings: &str) -> Vec<String> {
    Redactor::new(schema, settings, &[]).secrets
}

/// The secret values of one connection, longest first: one may contain another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// The values of `settings` that `schema` marks `writeOnly`, wherever they stand, and `more`. Texts that are not
    /// JSON hold none: admission has checked the schema, and settings that do not parse are refused before a call.
    pub(crate) fn new(schema: &str, settings: &str, more: &[String]) -> Redactor {
        let mut secrets = more.to_vec();
        if let (Ok(schema), Ok(settings)) =
            (serde_json::from_str::<Value>(schema), serde_json::from_str::<Value>(settings))
        {
            find(&schema, &schema, &settings, &mut secrets, 0);
        }
        secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Redactor { secrets }
    }

    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), INSTEAD));
            }
        }
        text
    }

    /// A plugin's own words, fit to be printed: so many bytes of them, without secrets and control characters.
    ///
    /// Redacts before it cuts: a secret cut in half would no longer match. But what will be cut off is not looked at: a text may
    /// have megabytes, and nothing interrupts the host.
    pub(crate) fn shown(&self, text: &str, bytes: usize) -> String {
        let whole = self.whole(text, bytes);
        let mut shown = cut(&printable(&self.redact(whole)), bytes);
        if whole.len() < text.len() && !shown.ends_with('…') {
            shown.push('…');
        }
        shown
    }

    /// The beginning of a text: so many bytes at least, and no secret cut in two.
    fn whole<'a>(&self, text: &'a str, bytes: usize) -> &'a str {
        let mut end = bytes.min(text.len());
        while end < text.len() {
            let across = self.secrets.iter().filter_map(|secret| {
                let from = (end + 1).saturating_sub(secret.len());
                let found = |at: &usize| text.as_bytes()[*at..].starts_with(secret.as_bytes());
                (from..end).find(found).map(|at| at + secret.len())
            });
            match across.max() {
                Some(further) if further > end => end = further,
                Some(_) | None => break,
            }
        }
        let end = (end..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
        &text[..end]
    }
}

fn find(root: &Value, schema: &Value, settings: &Value, secrets: &mut Vec<String>, depth: usize) {
    let Some(schema) = schema.as_object() else { return };
    if depth > DEPTH_MAX {
        return;
    }
    if schema.get("writeOnly") == Some(&Value::Bool(true)) {
        leaves(settings, secrets);
        return;
    }
    if let Some(target) = reference(root, schema) {
        find(root, target, settings, secrets, depth + 1);
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for part in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            find(root, part, settings, secrets, depth + 1);
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            if let Some(value) = settings.get(name) {
                find(root, property, value, secrets, depth + 1);
            }
        }
    }
    if let (Some(values), Some(rest)) = (settings.as_object(), schema.get("additionalProperties")) {
        values.values().for_each(|value| find(root, rest, value, secrets, depth + 1));
    }
    if let (Some(values), Some(items)) = (settings.as_array(), schema.get("items")) {
        values.iter().for_each(|value| find(root, items, value, secrets, depth + 1));
    }
}

fn reference<'a>(root: &'a Value, schema: &Map<String, Value>) -> Option<&'a Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

fn leaves(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) => secrets.push(text.clone()),
        Value::Number(number) => secrets.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, secrets)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, secrets)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{
        "properties": {
            "corp_id": {"type": "string"},
            "secret": {"type": "string", "writeOnly": true},
            "apps": {"type": "array", "items": {"$ref": "#/$defs/App"}},
            "loop": {"$ref": "#/properties/loop"}
        },
        "$defs": {"App": {"properties": {"key": {"writeOnly": true}}}}
    }"##;

    #[test]
    fn secrets_are_found_wherever_the_schema_marks_them() {
        let settings = r#"{"corp_id":"ww1234","secret":"hunter22","apps":[{"key":"hunter2234"}],"loop":{}}"#;
        let redactor = Redactor::new(SCHEMA, settings, &[]);
        assert_eq!(redactor.redact("ww1234 hunter2234 hunter22 hunter"), "ww1234 [secret] [secret] hunter");
    }

    #[test]
    fn secrets_that_no_schema_marks_are_hidden_too() {
        let more = ["s3cret".to_owned(), String::new(), "abc".to_owned()];
        assert_eq!(Redactor::new("{", "{", &more).redact("a s3cret abc"), "a [secret] abc");
    }

    #[test]
    fn short_values_and_broken_texts_hide_nothing() {
        assert_eq!(Redactor::new(SCHEMA, r#"{"secret":"abc"}"#, &[]).redact("abc"), "abc");
        assert_eq!(Redactor::new("{", "{", &[]).redact("abc"), "abc");
    }
}
