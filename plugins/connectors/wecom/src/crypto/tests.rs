//! The crypto against the official vectors and our own.

use serde::Deserialize;

use super::*;

/// `tests/vectors.json`: the vendor's two samples and invented edge cases. What an address check answers to each of
/// them is a golden too.
#[derive(Deserialize)]
struct Vector {
    name: String,
    token: String,
    encoding_aes_key: String,
    timestamp: String,
    nonce: String,
    msg_signature: String,
    encrypt: String,
    random: Option<String>,
    embedded_receiveid: String,
    plaintext: Option<String>,
    pad: Option<usize>,
    expect: String,
}

impl Vector {
    fn key(&self) -> Key {
        Key::read(&self.encoding_aes_key).unwrap_or_else(|why| panic!("{}: {why}", self.name))
    }

    fn open(&self) -> Result<Opened, OpenError> {
        self.key().open(&self.encrypt)
    }
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../tests/vectors.json");
    serde_json::from_str(text).expect("because the vectors are JSON")
}

#[test]
fn signatures_are_as_the_vectors_say() {
    for vector in vectors() {
        let Vector { token, timestamp, nonce, encrypt, msg_signature, .. } = &vector;
        let holds = is_signed(msg_signature, token, timestamp, nonce, encrypt);
        assert_eq!(holds, vector.expect != "signature_mismatch", "{}", vector.name);
    }
}

#[test]
fn each_vector_opens_or_fails_as_it_says() {
    for vector in vectors() {
        let opened = vector.open();
        let found = match &opened {
            Ok(_) => "ok",
            Err(OpenError::NotBase64) => "base64_error",
            Err(OpenError::CipherLength(_)) => "cipher_error",
            Err(OpenError::Padding { .. }) => "padding_error",
            Err(OpenError::TooShort(_) | OpenError::TextLength { .. }) => "length_error",
        };
        let expect = match vector.expect.as_str() {
            // Of no business of the cipher's.
            "signature_mismatch" | "receiveid_mismatch" => "ok",
            "padding_error_if_strict" => "padding_error",
            other => other,
        };
        assert_eq!(found, expect, "{}", vector.name);
        let Ok(opened) = opened else { continue };
        assert_eq!(opened.receive_id, vector.embedded_receiveid.as_bytes(), "{}", vector.name);
        if let Some(plaintext) = &vector.plaintext {
            assert_eq!(opened.text, plaintext.as_bytes(), "{}", vector.name);
        }
        if let Some(pad) = vector.pad {
            let sealed = LENIENT.decode(&vector.encrypt).map(|bytes| bytes.len()).unwrap_or_default();
            assert_eq!(HEAD + opened.text.len() + opened.receive_id.len() + pad, sealed, "{}", vector.name);
        }
    }
}

#[test]
fn sealing_gives_the_vectors_byte_for_byte() {
    let mut sealed = 0;
    for vector in vectors() {
        let Ok(opened) = vector.open() else { continue };
        if let Some(random) = &vector.random {
            assert_eq!(random.as_bytes(), opened.random, "{}", vector.name);
        }
        let again = vector.key().seal(opened.random, &opened.text, &vector.embedded_receiveid);
        assert_eq!(again, vector.encrypt, "{}", vector.name);
        sealed += 1;
    }
    assert!(sealed > 10);
}

#[test]
fn every_pad_from_1_to_32_opens() {
    let key = Key::read(&"A".repeat(43)).expect("because it has 43 characters");
    for length in 0..=64 {
        let text = "x".repeat(length);
        let opened = key.open(&key.seal([9; 16], text.as_bytes(), "ww")).expect("because it was just sealed");
        assert_eq!((opened.text, opened.receive_id), (text.into_bytes(), b"ww".to_vec()));
    }
}

#[test]
fn a_key_may_have_trailing_bits_but_no_other_length() {
    assert!(Key::read(&format!("{}B", "A".repeat(42))).is_ok());
    for key in ["", "A", &"A".repeat(42), &"A".repeat(44), &"@".repeat(43), &"林".repeat(43)] {
        assert!(Key::read(key).is_err(), "{key}");
    }
}

#[test]
fn what_a_peer_cannot_open_is_not_made() {
    // A text that fills its blocks: 20 + 10 + 2 = 32 bytes, and 32 more of padding.
    let key = Key::read(&"A".repeat(43)).expect("because it has 43 characters");
    let sealed = key.seal([0; 16], b"0123456789", "ww");
    assert_eq!(LENIENT.decode(sealed).map(|bytes| bytes.len()), Ok(64));
}
