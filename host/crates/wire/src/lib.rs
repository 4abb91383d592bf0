//! The serialised shapes of `model`'s values: JSON for people and scripts, postcard for disks.
//!
//! One twin for each value serves both formats. JSON has the names of the WIT in snake_case, every key always there
//! (`null` when absent), ids and digests as text, bytes in base64, and JSON inside a value embedded as it is, digit by
//! digit. Postcard has the same fields in the same order, ids as numbers, bytes as bytes.
//!
//! Invariant: equal values have equal bytes. The state hash is taken over them.

mod customer;
mod decision;
mod event;
mod fold;
mod kind;
mod plugin;
mod record;

pub use kind::{Bytes, Kind, Raw};
pub use plugin::{
    CassettePair, HttpAnswer, HttpCall, OwnedHappening, OwnedOutcome, OwnedTurn, RawAnswer, RawRequest,
    turns_from_json,
};
pub use record::record_bytes;

/// Something that is not the JSON, or the bytes, of the value that was asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("not the JSON of {what}: {reason}")]
    Json { what: &'static str, reason: String },
    #[error("not the stored bytes of {what}: {reason}")]
    Bytes { what: &'static str, reason: String },
}

fn name_of<K>() -> &'static str {
    let name = std::any::type_name::<K>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// The value as one line of JSON.
///
/// # Panics
/// Never for model's values: their JSON inside is checked where it enters.
#[must_use]
pub fn to_json<'a, K: Kind<'a>>(value: &'a K::Model) -> String {
    serde_json::to_string(&K::lend(value)).expect("because twins hold nothing that JSON cannot say")
}

/// The value as a JSON tree, to be put into a larger answer.
#[must_use]
pub fn to_raw<'a, K: Kind<'a>>(value: &'a K::Model) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(&K::lend(value)).expect("because twins hold nothing that JSON cannot say")
}

/// Reads what `to_json` wrote, or what a person wrote in the same shape. Keys that may be null may be left out.
///
/// # Errors
/// [`WireError::Json`] names the value, and the place where the text leaves its shape.
pub fn from_json<K: for<'a> Kind<'a>>(text: &str) -> Result<<K as Kind<'static>>::Model, WireError> {
    serde_json::from_str::<<K as Kind<'static>>::Wire>(text)
        .map(<K as Kind<'static>>::take)
        .map_err(|error| WireError::Json { what: name_of::<K>(), reason: error.to_string() })
}

/// The value's bytes for the disk.
///
/// # Panics
/// Never: writing into memory does not fail.
#[must_use]
pub fn to_bytes<'a, K: Kind<'a>>(value: &'a K::Model) -> Vec<u8> {
    postcard::to_stdvec(&K::lend(value)).expect("because writing into memory does not fail")
}

/// Reads what `to_bytes` wrote.
///
/// # Errors
/// [`WireError::Bytes`] for anything else.
pub fn from_bytes<K: for<'a> Kind<'a>>(bytes: &[u8]) -> Result<<K as Kind<'static>>::Model, WireError> {
    postcard::from_bytes::<<K as Kind<'static>>::Wire>(bytes)
        .map(<K as Kind<'static>>::take)
        .map_err(|error| WireError::Bytes { what: name_of::<K>(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Event, Fact, Identity, Touchpoint, Trait, Value};

    fn event() -> Event {
        Event {
            id: "e-1".to_owned(),
            at: 1_767_230_011_000,
            who: vec![Identity {
                scheme: "phone".to_owned(),
                scope: String::new(),
                value: "+8619900000001".to_owned(),
            }],
            staff: None,
            touchpoint: Touchpoint::DirectMessage,
            fact: Fact::Told(vec![Trait {
                name: "name".to_owned(),
                value: Value::Text("小满🌳".to_owned()),
            }]),
            extra: Some(r#"{"n":18446744073709551999,"s":"a"}"#.to_owned()),
        }
    }

    #[test]
    fn an_event_survives_both_formats() {
        let event = event();
        let json = to_json::<Event>(&event);
        assert!(json.contains(r#""touchpoint":"direct_message""#), "{json}");
        assert!(json.contains(r#""staff":null"#), "{json}");
        assert!(json.contains(r#""extra":{"n":18446744073709551999,"s":"a"}"#), "{json}");
        assert_eq!(from_json::<Event>(&json).as_ref(), Ok(&event));
        assert_eq!(from_bytes::<Event>(&to_bytes::<Event>(&event)).as_ref(), Ok(&event));
    }

    #[test]
    fn a_wrong_key_is_named() {
        let error = from_json::<Identity>(r#"{"scheme":"phone","scope":"","valeu":"1"}"#).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("Identity") && text.contains("valeu"), "{text}");
    }

    #[test]
    fn a_turn_without_memory_is_not_a_turn_with_none() {
        let turns = |memory: &str| {
            turns_from_json(&format!(
                r#"[{{"customer":{{"id":"cus_1"}},{memory}"position":1,"now":2,"happening":{{"alarm":{{"key":"k","due":3}}}}}}]"#
            ))
            .unwrap()
        };
        assert_eq!(turns("")[0].memory, None);
        assert_eq!(turns(r#""memory":null,"#)[0].memory, Some(None));
        assert_eq!(turns(r#""memory":"AQ==","#)[0].memory, Some(Some(vec![1])));
    }
}
