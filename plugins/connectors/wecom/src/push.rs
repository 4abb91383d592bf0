//! One push in one shape: an app's envelope and a suite's differ in every field name that matters.

use heliu_sdk::events::Instant;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::crypto::{Opened, hex};
use crate::xml::{self, XmlError};

/// Seconds up to here, milliseconds from here on: the year 5138, or March 1973.
const MILLISECONDS_FROM: u64 = 100_000_000_000;
/// Past this a time is no milliseconds either.
const TIME_END: u64 = MILLISECONDS_FROM * 1000;
/// Characters of one part of an act's kind. The known ones have at most 30.
const KIND_PART_MAX: usize = 64;

/// What a push says that opens doors: a suite's ticket (half an hour), the code of an authorisation. The journal is for
/// ever, and none of it is a fact about a customer.
const CREDENTIALS: [&str; 2] = ["SuiteTicket", "AuthCode"];

fn without_credentials(mut fields: Map<String, Value>) -> Map<String, Value> {
    for name in CREDENTIALS {
        if let Some(value) = fields.get_mut(name) {
            *value = Value::from("[credential]");
        }
    }
    fields
}

/// What one push says, before it is known what it means.
pub struct Push {
    /// The same for every delivery: the hash of the receive id and the text inside.
    ///
    /// The platform encrypts a retry anew, with another nonce, around the same text. Its own advice, sender and
    /// second, makes one of two customers who were added within a second.
    pub id: String,
    /// When it happened; none where the push has no time that makes sense.
    pub at: Option<Instant>,
    /// Whose customers they are, where a suite's push says so. None: the app's own corp.
    pub auth_corp: Option<String>,
    /// Sent to a suite, which must be answered otherwise.
    pub is_suite: bool,
    /// `Event`, or what stands for it.
    pub event: String,
    /// The whole of it, as a JSON object.
    pub whole: String,
    fields: Map<String, Value>,
}

/// Why a decrypted text is no push.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("the text inside is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("the JSON inside is no object: {0}")]
    Json(String),
}

impl Push {
    /// Reads what was inside of an encrypted text: XML, or JSON from the newer programs.
    pub fn read(opened: &Opened) -> Result<Push, PushError> {
        let text = std::str::from_utf8(&opened.text).map_err(|_| PushError::NotUtf8)?;
        let json = text.trim_start_matches('\u{feff}').trim();
        let (fields, whole) = if json.starts_with('{') {
            let fields: Map<String, Value> =
                serde_json::from_str(json).map_err(|error| PushError::Json(error.to_string()))?;
            // The text itself, not the value made of it: numbers keep all their digits.
            (fields, json.to_owned())
        } else {
            let fields = xml::read(text)?;
            let whole = Value::Object(without_credentials(fields.clone())).to_string();
            (fields, whole)
        };
        let mut push = Push {
            id: id(opened),
            at: None,
            auth_corp: None,
            is_suite: false,
            event: String::new(),
            whole,
            fields,
        };
        push.at = ["CreateTime", "TimeStamp"].iter().find_map(|name| instant(&push.text(name)?));
        push.auth_corp = push.text("AuthCorpId");
        push.is_suite = push.has("InfoType") || push.has("SuiteId");
        push.event = push.name_event();
        Ok(push)
    }

    fn name_event(&self) -> String {
        let event = ["InfoType", "Event", "event_type"].iter().find_map(|name| self.text(name));
        match (event, self.text("MsgType")) {
            // As one page of the platform spells it.
            (Some(event), _) if event == "customer_aqcuisition" => "customer_acquisition".to_owned(),
            (Some(event), _) => event,
            (None, Some(kind)) => format!("message.{kind}"),
            (None, None) => "unknown".to_owned(),
        }
    }

    /// A field's text. None where it is missing or empty, which the platform does not tell apart. Of a list, the
    /// first. Case does not matter: `MsgId` and `MsgID` both occur.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::Array(list) => plain(list.first()?),
            other => plain(other),
        }
    }

    /// A field as it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).or_else(|| {
            self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// `ChangeType`.
    pub fn change(&self) -> Option<String> {
        self.text("ChangeType")
    }

    /// Everything but one field, as a JSON object.
    pub fn whole_without(&self, name: &str) -> String {
        let mut fields = self.fields.clone();
        fields.remove(name);
        Value::Object(fields).to_string()
    }

    /// The kind of an act that says no more than this push: `wecom.change_external_tag.create`.
    pub fn kind(&self) -> String {
        let mut kind = "wecom".to_owned();
        for part in [Some(self.event.clone()), self.change(), self.text("UpdateDetail")].into_iter().flatten()
        {
            kind.push('.');
            kind.extend(part.chars().take(KIND_PART_MAX));
        }
        kind
    }
}

fn id(opened: &Opened) -> String {
    let mut hash = Sha256::new();
    hash.update(&opened.receive_id);
    // A receive id has no zero byte, so the two cannot run into each other.
    hash.update([0]);
    hash.update(&opened.text);
    hex(&hash.finalize())
}

/// A JSON value as text: ids come as numbers in one place and as text in another.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A time of the platform: seconds by its documents, milliseconds in a push that was seen.
pub fn instant(text: &str) -> Option<Instant> {
    let number: u64 = text.trim().parse().ok()?;
    match number {
        0 => None,
        1..MILLISECONDS_FROM => Some(number * 1000),
        MILLISECONDS_FROM..TIME_END => Some(number),
        TIME_END.. => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(text: &str) -> Push {
        let opened = Opened { random: [0; 16], text: text.as_bytes().to_vec(), receive_id: b"ww1".to_vec() };
        Push::read(&opened).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_time_of_13_digits_is_milliseconds() {
        assert_eq!(instant("1767230011"), Some(1_767_230_011_000));
        assert_eq!(instant("1767230011123"), Some(1_767_230_011_123));
        assert_eq!(instant("99999999999"), Some(99_999_999_999_000));
        assert_eq!(instant("100000000000"), Some(100_000_000_000));
        for nonsense in ["", "0", "-1", "x", "99999999999999999", "18446744073709551616"] {
            assert_eq!(instant(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn app_and_suite_come_to_the_same() {
        let app = push("<xml><CreateTime>5</CreateTime><MsgType>event</MsgType><Event>e</Event></xml>");
        let suite =
            push("<xml><AuthCorpId>wp1</AuthCorpId><InfoType>e</InfoType><TimeStamp>5</TimeStamp></xml>");
        assert_eq!((app.event.as_str(), app.at), (suite.event.as_str(), suite.at));
        assert_eq!((app.is_suite, app.auth_corp), (false, None));
        assert_eq!((suite.is_suite, suite.auth_corp.as_deref()), (true, Some("wp1")));
    }

    #[test]
    fn the_id_depends_on_text_and_receive_id_alone() {
        let opened = |random, text: &[u8], receive_id: &[u8]| Opened {
            random: [random; 16],
            text: text.to_vec(),
            receive_id: receive_id.to_vec(),
        };
        assert_eq!(id(&opened(1, b"a", b"b")), id(&opened(2, b"a", b"b")));
        assert_ne!(id(&opened(1, b"a", b"b")), id(&opened(1, b"a", b"c")));
        assert_ne!(id(&opened(1, b"ab", b"")), id(&opened(1, b"b", b"a")));
    }

    #[test]
    fn big_numbers_of_a_json_push_keep_their_digits() {
        let text = r#"{"event_type":"x","id":92233720368547758070123}"#;
        assert_eq!(push(text).whole, text);
    }

    #[test]
    fn kinds_name_event_change_and_detail() {
        let text = "<xml><Event>E</Event><ChangeType>update</ChangeType><UpdateDetail>d</UpdateDetail></xml>";
        assert_eq!(push(text).kind(), "wecom.E.update.d");
        assert_eq!(push("<xml><MsgType>text</MsgType></xml>").kind(), "wecom.message.text");
        assert_eq!(push("<xml/>").kind(), "wecom.unknown");
        assert_eq!(
            push(&format!("<xml><Event>{}</Event></xml>", "林".repeat(99))).kind().chars().count(),
            70
        );
    }
}
