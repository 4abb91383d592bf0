//! A token's text, and what is kept of it.
//!
//! A token is 256 random bits. Nobody finds them by trying, so one pass of SHA-256 keeps them as well as a password's
//! slow hash would, and each request is judged in a microsecond. A password has a dictionary; this has none.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What every token that is made here begins with: scanners of repositories and logs know it by `heliu_[0-9a-f]{64}`.
pub const TOKEN_PREFIX: &str = "heliu_";

const RANDOM_BYTES: usize = 32;

/// A new token's text. Shown once, kept nowhere.
///
/// # Errors
/// The machine gives no random bytes.
pub fn make_token() -> Result<String, String> {
    let mut random = [0_u8; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| format!("the machine gives no random bytes: {error}"))?;
    Ok(format!("{TOKEN_PREFIX}{}", hex(&random)))
}

/// What is kept of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    #[must_use]
    pub fn of(token: &[u8]) -> TokenHash {
        TokenHash(Sha256::digest(token).into())
    }

    /// Takes as long for a wrong one as for the right one.
    pub(crate) fn is(&self, other: &TokenHash) -> bool {
        bool::from(self.0.ct_eq(&other.0))
    }
}

/// A hash opens nothing; it is not shown all the same.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> String {
        hex(&hash.0)
    }
}

impl TryFrom<String> for TokenHash {
    type Error = String;

    fn try_from(text: String) -> Result<TokenHash, String> {
        let wrong = || "a hash is not 64 hexadecimal digits".to_owned();
        let digits = text.as_bytes();
        let mut hash = [0_u8; 32];
        if digits.len() != 2 * hash.len() {
            return Err(wrong());
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(TokenHash(hash))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_scanners_look_for_and_never_the_same_twice() {
        let (one, other) = (make_token().unwrap(), make_token().unwrap());
        let random = one.strip_prefix("heliu_").unwrap();
        assert_eq!(random.len(), 64);
        assert!(random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{random}");
        assert_ne!(one, other);
    }

    #[test]
    fn a_hash_is_the_known_one_and_survives_its_text() {
        let hash = TokenHash::of(b"abc");
        let text = String::from(hash);
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(TokenHash::try_from(text).unwrap().is(&hash));
        assert!(!TokenHash::of(b"abd").is(&hash));
        for wrong in ["", "ba78", &"g".repeat(64), &"小".repeat(21)] {
            assert!(TokenHash::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
