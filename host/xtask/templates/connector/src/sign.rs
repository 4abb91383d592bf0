//! The channel's signature: `x-signature: sha256=<HMAC-SHA256 of the body, in hexadecimal>`.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Whether this signature is the body's. Compared in constant time: a guess learns nothing from how long it took.
pub fn holds(secret: &[u8], body: &[u8], signature: &str) -> bool {
    let Some(expected) = signature.strip_prefix("sha256=").and_then(from_hex) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&expected).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_own_body_and_secret_alone() {
        // RFC 4231, test case 2.
        let signature = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(holds(b"Jefe", b"what do ya want for nothing?", signature));
        assert!(!holds(b"Jefe", b"what do ya want for something?", signature));
        assert!(!holds(b"Jeff", b"what do ya want for nothing?", signature));
    }

    #[test]
    fn what_is_no_signature_does_not_hold() {
        for text in ["", "sha256=", "sha256=5b", "sha256=5bd", "sha256=zz", "sha256=合", "5bdcc146"] {
            assert!(!holds(b"Jefe", b"what do ya want for nothing?", text), "{text}");
        }
    }
}
