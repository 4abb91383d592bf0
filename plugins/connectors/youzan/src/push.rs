//! The envelope of a push, and the `msg` inside of it.

use percent_encoding::percent_decode_str;

use crate::json::Json;
use crate::settings::Settings;
use crate::sign;

pub struct Push {
    /// What the push is about: `trade_TradePaid`. To be gone by; `mode` and `status` are not.
    pub kind: String,
    /// The envelope's status. Its words are not those of the document inside.
    pub status: Option<String>,
    /// The id of the order, the customer, the coupon.
    pub id: Option<String>,
    msg_id: Option<String>,
    pub msg: Json,
    envelope: Json,
}

impl Push {
    /// Opens an envelope, unless it is only a heartbeat.
    pub fn open(envelope: Json) -> Result<Push, String> {
        let text = |name: &str| envelope.get(name).word().map(str::to_owned);
        Ok(Push {
            kind: text("type").ok_or("the push has no type")?,
            status: text("status"),
            id: envelope.get("id").id().map(str::to_owned),
            msg_id: text("msg_id"),
            msg: decode(envelope.get("msg")).map_err(|why| format!("msg: {why}"))?,
            envelope,
        })
    }

    /// The shop by the envelope. The head office's number stands beside it, and is not the shop's.
    pub fn shop(&self) -> Option<&str> {
        self.envelope.get("kdt_id").id()
    }

    /// The same at every delivery of this push, and no other push's.
    pub fn unique(&self) -> String {
        if let Some(msg_id) = &self.msg_id {
            return format!("push:{msg_id}");
        }
        // Without its own id a push is its type, object, version and content.
        let word = |name: &str| self.envelope.get(name).word().unwrap_or("-");
        let content = sign::md5_hex(&[self.msg.to_string().as_bytes()]);
        format!("push:{}:{}:{}:{}", self.kind, word("id"), word("version"), &content[..16])
    }

    /// When it happened: by the content, else by the version, which is the time of change, else now.
    pub fn at(&self, settings: &Settings, now: u64) -> u64 {
        let zone = settings.zone();
        let fields = [self.msg.get("update_time"), self.msg.get("event_time"), self.envelope.get("version")];
        fields.into_iter().find_map(|field| zone.instant(field)).unwrap_or(now)
    }

    /// All that the push says, as far as it tells of a fact and not of a delivery.
    pub fn whole(&self) -> Json {
        let names = ["type", "status", "id", "kdt_id", "version"];
        let told = names.into_iter().map(|name| (name, self.envelope.get(name).clone()));
        Json::object(told.chain([("msg", self.msg.clone())]))
    }
}

/// `msg` is JSON in a text, percent-encoded more or less thoroughly; the refund pushes of one generation put
/// the object there as it is. A plus sign in it is a plus sign.
fn decode(msg: &Json) -> Result<Json, String> {
    let Json::Text(text) = msg else { return Ok(msg.clone()) };
    let text = text.trim();
    if text.is_empty() {
        return Ok(Json::Null);
    }
    // Every encoder escapes braces and brackets; a text that begins with one was not encoded.
    if text.starts_with(['{', '[']) {
        return Json::parse(text);
    }
    if let Some(place) = broken_escape(text) {
        return Err(format!("a percent sign at byte {place} begins no escape"));
    }
    let decoded =
        percent_decode_str(text).decode_utf8().map_err(|e| format!("decoded, it is no UTF-8: {e}"))?;
    Json::parse(&decoded)
}

/// The decoder would leave such a sign where it is, and the text would mean something else.
fn broken_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_hex = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_hexdigit);
    bytes.iter().enumerate().find(|(i, b)| **b == b'%' && !(is_hex(i + 1) && is_hex(i + 2))).map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<String, String> {
        decode(&Json::text(text)).map(|json| json.to_string())
    }

    #[test]
    fn both_ways_to_encode_are_read() {
        assert_eq!(decoded("%7B%22a%22:%22b%20c%22,%22d%22:1%7D").as_deref(), Ok(r#"{"a":"b c","d":1}"#));
        assert_eq!(decoded("%7B%22a%22%3A%22b%2Bc%22%7D").as_deref(), Ok(r#"{"a":"b+c"}"#));
        assert_eq!(decoded("%7B%22a%22:%22b+c%22%7D").as_deref(), Ok(r#"{"a":"b+c"}"#));
        assert_eq!(decoded(r#"{"a":"50%20off"}"#).as_deref(), Ok(r#"{"a":"50%20off"}"#));
        assert_eq!(
            decode(&Json::object([("a", Json::Null)])).map(|json| json.to_string()).as_deref(),
            Ok(r#"{"a":null}"#)
        );
    }

    #[test]
    fn a_broken_text_is_not_repaired() {
        for text in
            ["%7B%22a%22:%2", "%7B%22a%22:%22100%%22%7D", "%7B%22a%22:%22%E5%BC%22%7D", "hello", "%7B"]
        {
            assert!(decoded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_push_without_an_id_is_its_content() {
        let unique = |msg: &str| {
            let text = format!(r#"{{"type":"ITEM_STATE","id":"7","version":1795140701000,"msg":{msg}}}"#);
            Json::parse(&text).and_then(Push::open).map(|push| push.unique())
        };
        assert_eq!(unique(r#"{"a":1}"#), unique(r#"{ "a" : 1 }"#));
        assert_ne!(unique(r#"{"a":1}"#), unique(r#"{"a":2}"#));
    }
}
