//! Ids and units. Every id is a newtype with a prefix in its text; every time is milliseconds since the Unix epoch, UTC.

use std::fmt;
use std::str::FromStr;

/// Milliseconds since the Unix epoch, UTC.
pub type Instant = u64;

/// One JSON text in UTF-8. Carried verbatim: numbers beyond 2^53 keep their digits.
pub type Json = String;

/// A record's place in the journal. Dense, from 1; 0 stands before the first.
pub type Position = u64;

/// A customer, named after the position of the record that first showed her. The same journal gives the same ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId(pub Position);

impl CustomerId {
    /// Her text, without the formatter: every turn shows it.
    #[must_use]
    pub fn text(self) -> String {
        let digits = self.0.to_string();
        let zeros = "0000000000".get(digits.len()..).unwrap_or_default();
        ["cus_", zeros, &digits].concat()
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A text that is not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    pub text: String,
    pub expected: &'static str,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for CustomerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = || ParseIdError { text: text.to_owned(), expected: "a customer id like cus_0000000042" };
        let digits = text.strip_prefix("cus_").ok_or_else(error)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        digits.parse().map(CustomerId).map_err(|_| error())
    }
}

/// 32 bytes that stand for some content. In text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The first 12 hex digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = || ParseIdError { text: text.to_owned(), expected: "a digest of 64 hex digits" };
        if text.len() != 64 || !text.is_ascii() {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| error())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| error())?;
        }
        Ok(Digest(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_text() {
        let id = CustomerId(42);
        assert_eq!(id.to_string(), "cus_0000000042");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("cus_42".parse(), Ok(id));
        let texts = [0, 9_999_999_999, 12_345_678_901].map(|number| CustomerId(number).text());
        assert_eq!(texts, ["cus_0000000000", "cus_9999999999", "cus_12345678901"]);
        assert!("cus_".parse::<CustomerId>().is_err());
        assert!("cus_+1".parse::<CustomerId>().is_err());
        let digest = Digest([0xab; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("zz".repeat(32).parse::<Digest>().is_err());
    }
}
