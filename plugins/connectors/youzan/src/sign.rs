//! Youzan's two signatures of a push. Both are MD5 over the client's id, a text, and the client's secret.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// The header `Event-Sign`: over the body as it came, to the last byte.
pub fn event_sign(client_id: &str, body: &[u8], client_secret: &str) -> String {
    md5_hex(&[client_id.as_bytes(), body, client_secret.as_bytes()])
}

/// The body's own `sign`: over `msg` as it came, still percent-encoded. It covers nothing else of the body.
pub fn body_sign(client_id: &str, msg: &str, client_secret: &str) -> String {
    md5_hex(&[client_id.as_bytes(), msg.as_bytes(), client_secret.as_bytes()])
}

/// Whether what came is what we expect. Takes the same time wherever the two differ, so that nobody can guess
/// a signature digit by digit.
pub fn matches(came: &str, expected: &str) -> bool {
    came.trim().as_bytes().ct_eq(expected.as_bytes()).into()
}

pub fn md5_hex(parts: &[&[u8]]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_is_md5() {
        assert_eq!(md5_hex(&[b"ab", b"c"]), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(md5_hex(&[]), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn every_byte_of_the_body_counts() {
        let sign = |body: &[u8]| event_sign("demo", body, "secret");
        let plain = sign(b"{\"msg\":\"%20\"}");
        for other in [&b"{\"msg\":\"+\"}"[..], b"{\"msg\":\"%20\"}\n", b"\xef\xbb\xbf{\"msg\":\"%20\"}"] {
            assert!(!matches(&plain, &sign(other)));
        }
        assert!(matches(&plain, &plain));
        assert!(!matches("", &plain));
        assert!(!matches(&plain[..31], &plain));
    }
}
