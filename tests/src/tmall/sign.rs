//! TOP's signatures (platform documentation, "API invocation: signing").
//!
//! Every parameter that is sent, but for `sign` and for empty ones, sorted by the bytes of its name; names and values
//! put together without anything between. Then the upper-case hex of md5(secret ‖ text ‖ secret), of HMAC-MD5 or of
//! HMAC-SHA256.

use md5::Md5;
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignMethod {
    Md5,
    Hmac,
    HmacSha256,
}

/// Both digests work on blocks of this size.
const BLOCK: usize = 64;

impl SignMethod {
    pub const ALL: [SignMethod; 3] = [SignMethod::Md5, SignMethod::Hmac, SignMethod::HmacSha256];

    pub fn name(self) -> &'static str {
        match self {
            SignMethod::Md5 => "md5",
            SignMethod::Hmac => "hmac",
            SignMethod::HmacSha256 => "hmac-sha256",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    pub fn sign(self, secret: &str, parameters: &[(String, String)]) -> String {
        let text = text(parameters);
        let secret = secret.as_bytes();
        match self {
            SignMethod::Md5 => upper_hex(&digest::<Md5>(&[secret, text.as_bytes(), secret])),
            SignMethod::Hmac => upper_hex(&hmac::<Md5>(secret, text.as_bytes())),
            SignMethod::HmacSha256 => upper_hex(&hmac::<Sha256>(secret, text.as_bytes())),
        }
    }
}

fn text(parameters: &[(String, String)]) -> String {
    let is_signed =
        |(name, value): &&(String, String)| name != "sign" && !name.is_empty() && !value.is_empty();
    let mut signed: Vec<&(String, String)> = parameters.iter().filter(is_signed).collect();
    signed.sort();
    signed.iter().map(|(name, value)| format!("{name}{value}")).collect()
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

/// RFC 2104.
fn hmac<D: Digest>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        let short = digest::<D>(&[key]);
        block[..short.len()].copy_from_slice(&short);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = digest::<D>(&[&block.map(|byte| byte ^ 0x36), text]);
    digest::<D>(&[&block.map(|byte| byte ^ 0x5c), &inner])
}

fn upper_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(method: SignMethod, more: &[(&str, &str)]) -> String {
        let official = [
            ("method", "taobao.item.seller.get"),
            ("app_key", "12345678"),
            ("session", "test"),
            ("timestamp", "2016-01-01 12:00:00"),
            ("format", "json"),
            ("v", "2.0"),
            ("sign_method", "md5"),
            ("fields", "num_iid,title,nick,price,num"),
            ("num_iid", "11223344"),
        ];
        let named = |(name, value): &(&str, &str)| {
            let value = if *name == "sign_method" { method.name() } else { value };
            ((*name).to_owned(), value.to_owned())
        };
        let parameters: Vec<_> = official.iter().chain(more).map(named).collect();
        method.sign("helloworld", &parameters)
    }

    #[test]
    fn the_platforms_own_vector() {
        assert_eq!(sign(SignMethod::Md5, &[]), "66987CB115214E59E6EC978214934FB8");
    }

    #[test]
    fn the_same_request_by_the_other_two() {
        assert_eq!(sign(SignMethod::Hmac, &[]), "D56D7858309C31B6251083A874D48273");
        assert_eq!(
            sign(SignMethod::HmacSha256, &[]),
            "04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8"
        );
    }

    #[test]
    fn the_signature_itself_and_empty_values_are_not_signed() {
        assert_eq!(sign(SignMethod::Md5, &[("sign", "x"), ("nick", "")]), sign(SignMethod::Md5, &[]));
        assert_ne!(sign(SignMethod::Md5, &[("nick", "张三")]), sign(SignMethod::Md5, &[]));
    }

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let parameters = ["foobar", "foo_bar", "Foo", "foo"].map(|name| (name.to_owned(), "1".to_owned()));
        assert_eq!(text(&parameters), "Foo1foo1foo_bar1foobar1");
    }

    #[test]
    fn a_key_longer_than_a_block_is_digested_first() {
        // RFC 4231, test case 6.
        let mac = hmac::<Sha256>(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert!(upper_hex(&mac).starts_with("60E431591EE0B67F0D8A26AACBF5B77F"));
    }
}
