//! Settings: one struct gives both their type and their JSON Schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;

use crate::events::Json;

/// The JSON Schema (2020-12) of a settings struct, for a plugin's descriptor.
pub fn schema<T: JsonSchema>() -> Json {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.to_value().to_string()
}

/// Reads settings. The error names the key at fault and says what is wrong with it.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let settings = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let why = fault(error.inner());
        match error.path().to_string().as_str() {
            "." => format!("settings: {why}"),
            path => format!("settings: {path}: {why}"),
        }
    })?;
    json.end().map_err(|error| format!("settings: {error}"))?;
    Ok(settings)
}

/// What is wrong. The line is told only where the text is no JSON: the host may have written the settings anew, so that
/// the operator would look for the key in the wrong place.
fn fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.is_data() => text[..end].to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        corp: Corp,
    }

    #[derive(Debug, PartialEq, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Corp {
        id: String,
        #[schemars(extend("writeOnly" = true))]
        secret: String,
        #[serde(default)]
        agents: Vec<u32>,
    }

    #[test]
    fn an_error_names_the_key() {
        let wrong = |text: &str| parse::<Settings>(text).expect_err("because the settings are wrong");
        let why = wrong(r#"{"corp":{"id":"ww1","secret":"s","agents":[1,"two"]}}"#);
        assert!(why.starts_with("settings: corp.agents[1]: "), "{why}");
        let why = wrong(r#"{"corp":{"id":"ww1"}}"#);
        assert!(why.contains("corp") && why.contains("`secret`"), "{why}");
        let why = wrong(r#"{"corp":{"id":"ww1","secret":"s","tokn":1}}"#);
        assert!(why.contains("corp.tokn") && why.contains("`tokn`"), "{why}");
        assert!(!why.contains("line"), "{why}");
        let why = wrong("{\n");
        assert!(why.starts_with("settings: ") && why.contains("line 2"), "{why}");
    }

    #[test]
    fn what_follows_the_settings_is_refused() {
        assert!(parse::<Settings>(r#"{"corp":{"id":"ww1","secret":"s"}} {}"#).is_err());
    }

    #[test]
    fn the_schema_marks_secrets_and_closes_objects() {
        let schema = schema::<Settings>();
        let schema: serde_json::Value = serde_json::from_str(&schema).expect("because a schema is JSON");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$defs"]["Corp"]["properties"]["secret"]["writeOnly"], true);
        assert_eq!(schema["$defs"]["Corp"]["additionalProperties"], false);
    }
}
