//! A plugin's settings against what the plugin says of them.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

/// Settings that a plugin cannot work with. Never shows a value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("the plugin's settings schema is not a JSON Schema: {0}")]
    Schema(String),
    #[error("settings: not JSON: {0}")]
    Json(String),
    /// All that is wrong, one after the other.
    #[error("settings: {}", .0.join("; "))]
    Wrong(Vec<String>),
}

/// Holds a JSON text against a JSON Schema.
///
/// # Errors
/// [`SettingsError::Wrong`] names each key that is missing, unknown or wrong.
pub fn check_settings(schema: &str, settings: &str) -> Result<(), SettingsError> {
    let schema: Value =
        serde_json::from_str(schema).map_err(|error| SettingsError::Schema(error.to_string()))?;
    let settings: Value =
        serde_json::from_str(settings).map_err(|error| SettingsError::Json(error.to_string()))?;
    let validator =
        Validator::new(&schema).map_err(|error| SettingsError::Schema(error.masked().to_string()))?;
    let mut wrong: Vec<String> = validator.iter_errors(&settings).map(|error| describe(&error)).collect();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(SettingsError::Wrong(wrong)) }
}

fn describe(error: &ValidationError<'_>) -> String {
    let key = dotted(error.instance_path().as_str());
    let named = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("missing key \"{}\"", named(property.as_str().unwrap_or_default()))
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|name| format!("\"{}\"", named(name))).collect();
            format!("unknown key {}", names.join(", "))
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("\"{key}\" is {} characters, {limit} at least are due", characters(error))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("\"{key}\" is {} characters, {limit} at most are allowed", characters(error))
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("\"{key}\" is {} characters and does not match {pattern}", characters(error))
        }
        // The library's words for the rest name the rule. The value in them is masked.
        _ if key.is_empty() => error.masked_with("the whole").to_string(),
        _ => error.masked_with(format!("\"{key}\"")).to_string(),
    }
}

fn characters(error: &ValidationError<'_>) -> usize {
    error.instance().as_str().map_or(0, |text| text.chars().count())
}

/// `/apps/0/key` as an operator writes it: `apps.0.key`.
fn dotted(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    steps.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "corp_id": {"type": "string"},
            "encoding_aes_key": {"type": "string", "minLength": 43, "maxLength": 43, "writeOnly": true},
            "mode": {"enum": ["a", "b"]},
            "apps": {"type": "array", "items": {"$ref": "#/$defs/App"}}
        },
        "required": ["corp_id", "encoding_aes_key"],
        "additionalProperties": false,
        "$defs": {"App": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}}
    }"##;

    fn wrong(settings: &str) -> String {
        check_settings(SCHEMA, settings).unwrap_err().to_string()
    }

    #[test]
    fn settings_that_fit_are_taken() {
        let key = "k".repeat(43);
        let settings = format!(r#"{{"corp_id":"ww","encoding_aes_key":"{key}","apps":[{{"id":1}}]}}"#);
        assert_eq!(check_settings(SCHEMA, &settings), Ok(()));
    }

    #[test]
    fn each_key_that_is_missing_unknown_or_wrong_is_named() {
        let text = wrong(r#"{"encoding_aes_key":"tooshort","corpid":"ww","mode":"c","apps":[{}]}"#);
        for part in [
            r#"missing key "corp_id""#,
            r#"unknown key "corpid""#,
            r#""encoding_aes_key" is 8 characters, 43 at least"#,
            r#"missing key "apps.0.id""#,
            r#""mode" "#,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn no_value_is_shown() {
        assert!(
            !wrong(r#"{"corp_id":42424242,"encoding_aes_key":"hunter22","mode":"hunter22"}"#)
                .contains("hunter22")
        );
        assert!(!wrong(r#"{"corp_id":42424242}"#).contains("42424242"));
    }

    #[test]
    fn texts_that_are_no_json_say_which_of_the_two_it_is() {
        assert!(matches!(check_settings("{", "{}"), Err(SettingsError::Schema(_))));
        assert!(matches!(check_settings(r#"{"type":"nonsense"}"#, "{}"), Err(SettingsError::Schema(_))));
        assert!(matches!(check_settings("{}", "{"), Err(SettingsError::Json(_))));
    }
}
