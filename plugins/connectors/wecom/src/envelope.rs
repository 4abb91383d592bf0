//! The outer text around an encrypted one: how a callback wraps it, and how an answer does.
//!
//! Of a callback's envelope only `Encrypt` is signed. `ToUserName` and `AgentID` are whatever a sender wrote, so
//! nothing here reads them.

use serde_json::{Value, json};

use crate::crypto::{self, Key};
use crate::xml::{self, SIZE_MAX};

/// The encrypted text of a callback's body, XML or JSON. None: it is no envelope.
///
/// Nothing has vouched for this body yet, so the caller learns no reason and must keep nothing of it.
pub fn encrypted(body: &[u8]) -> Option<String> {
    if body.len() > SIZE_MAX {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim();
    let fields =
        if text.starts_with('{') { serde_json::from_str(text).ok()? } else { xml::read(text).ok()? };
    let (_, value) = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("encrypt"))?;
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// An encrypted, signed answer to a callback (a passive reply).
pub struct Answer {
    encrypted: String,
    signature: String,
    timestamp: u64,
    nonce: String,
}

impl Answer {
    /// Seals `text` for `receive_id`. `timestamp` is in seconds, `nonce` of our own choice.
    pub fn seal(
        key: &Key,
        token: &str,
        random: [u8; 16],
        text: &str,
        receive_id: &str,
        timestamp: u64,
        nonce: &str,
    ) -> Answer {
        let encrypted = key.seal(random, text.as_bytes(), receive_id);
        let signature = crypto::signature(token, &timestamp.to_string(), nonce, &encrypted);
        Answer { encrypted, signature, timestamp, nonce: nonce.to_owned() }
    }

    /// As an app's callback wants it.
    pub fn xml(&self) -> String {
        let Answer { encrypted, signature, timestamp, nonce } = self;
        // A nonce is ours and has no `]]>`; the other two are base64 and hex.
        format!(
            "<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt><MsgSignature><![CDATA[{signature}]]></MsgSignature>\
             <TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
        )
    }

    /// As a callback that came as JSON wants it: the time is a number, the nonce a text.
    pub fn json(&self) -> String {
        let Answer { encrypted, signature, timestamp, nonce } = self;
        json!({"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": timestamp, "Nonce": nonce})
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Opened;

    #[test]
    fn both_envelopes_are_read_whatever_the_order() {
        let xml = b"<xml><AgentID></AgentID><Encrypt>\n<![CDATA[abc=]]>\n</Encrypt><ToUserName>x</ToUserName></xml>";
        assert_eq!(encrypted(xml).as_deref(), Some("abc="));
        let json = br#" {"tousername":"x","encrypt":"abc=","agentid":"1"}"#;
        assert_eq!(encrypted(json).as_deref(), Some("abc="));
    }

    #[test]
    fn what_is_no_envelope_has_nothing_encrypted() {
        for body in
            [&b""[..], b"x", b"{}", b"[1]", b"<xml/>", b"<xml><Encrypt/></xml>", b"\xff", b"{\"encrypt\":1}"]
        {
            assert_eq!(encrypted(body), None);
        }
        assert_eq!(encrypted(&vec![b' '; SIZE_MAX + 1]), None);
    }

    #[test]
    fn an_answer_is_what_the_vendor_would_make_of_it() {
        let vectors = include_str!("../tests/vectors.json");
        let vectors: Vec<Value> = serde_json::from_str(vectors).expect("because the vectors are JSON");
        let vector =
            vectors.iter().find(|vector| vector["name"] == "official-post").expect("because it is there");
        let of = |key: &str| vector[key].as_str().unwrap_or_default();
        let key = Key::read(of("encoding_aes_key")).expect("because the vendor's key is one");
        let Opened { random, text, receive_id } = key.open(of("encrypt")).expect("because the vector opens");
        let (text, receive_id) = (String::from_utf8_lossy(&text), String::from_utf8_lossy(&receive_id));
        let timestamp = of("timestamp").parse().expect("because it is a number");
        let answer = Answer::seal(&key, of("token"), random, &text, &receive_id, timestamp, of("nonce"));
        let expected = format!(
            "<xml><Encrypt><![CDATA[{}]]></Encrypt><MsgSignature><![CDATA[{}]]></MsgSignature>\
             <TimeStamp>1409659813</TimeStamp><Nonce><![CDATA[1372623149]]></Nonce></xml>",
            of("encrypt"),
            of("msg_signature")
        );
        assert_eq!(answer.xml(), expected);
    }

    #[test]
    fn an_answer_opens_again() {
        let key = Key::read(&"A".repeat(43)).expect("because it has 43 characters");
        let answer = Answer::seal(&key, "t", [7; 16], "你好", "ww1", 1_767_225_600, "n1");
        let inner = encrypted(answer.xml().as_bytes()).expect("because it is an envelope");
        assert_eq!(Some(&inner), encrypted(answer.json().as_bytes()).as_ref());
        assert!(crypto::is_signed(&answer.signature, "t", "1767225600", "n1", &inner));
        let opened = key.open(&inner).expect("because it was sealed with this key");
        assert_eq!((opened.text.as_slice(), opened.receive_id.as_slice()), ("你好".as_bytes(), &b"ww1"[..]));
        assert!(answer.xml().contains("<TimeStamp>1767225600</TimeStamp>"));
    }
}
