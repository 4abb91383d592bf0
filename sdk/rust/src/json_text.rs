//! JSON texts inside of values: a JSON document holds them as they are, digit by digit; other formats hold their text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// For a field that is a JSON text.
pub mod required {
    use super::*;

    /// Writes the text as JSON.
    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serde_json::from_str::<&RawValue>(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
        } else {
            text.serialize(serializer)
        }
    }

    /// Keeps the JSON's text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        if deserializer.is_human_readable() {
            Ok(Box::<RawValue>::deserialize(deserializer)?.get().to_owned())
        } else {
            String::deserialize(deserializer)
        }
    }
}

/// For a field that may be a JSON text; null where it is not.
pub mod option {
    use super::*;

    /// Writes the text as JSON.
    pub fn serialize<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
        match text {
            Some(text) if serializer.is_human_readable() => super::required::serialize(text, serializer),
            other => other.serialize(serializer),
        }
    }

    /// Keeps the JSON's text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
            Ok(raw.map(|raw| raw.get().to_owned()))
        } else {
            Option::deserialize(deserializer)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::chores::Chore;

    #[test]
    fn json_in_json_keeps_its_digits_and_postcard_keeps_its_text() {
        let chore =
            Chore { key: "k".to_owned(), due: None, job: r#"{"id":18446744073709551999}"#.to_owned() };
        let json = serde_json::to_string(&chore).expect("because the job is JSON");
        assert_eq!(json, r#"{"key":"k","due":null,"job":{"id":18446744073709551999}}"#);
        assert_eq!(serde_json::from_str::<Chore>(&json).expect("because it was just written"), chore);
        let bytes = postcard::to_stdvec(&chore).expect("because postcard takes any text");
        assert_eq!(postcard::from_bytes::<Chore>(&bytes).expect("because it was just written"), chore);
    }
}
