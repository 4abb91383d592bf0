//! Turns and verdicts as `packed-policy` passes them: the types of `policy.wit`, field after field, in postcard.
//!
//! What is packed are the twins of `turn`, which wasmtime compares with the contract at the first call of every policy, and the
//! generated types: neither order nor kind of a field can be another than the contract's.

use std::fmt;

use serde::Serializer;
use serde::de::DeserializeOwned;

use super::policy_types as wit;
use super::turn::TurnRef;

/// Room for a packed turn: an order of two lines takes less.
const TURN_BYTES_USUAL: usize = 384;

/// A packed `list<turn>`. Each is lent when its turn to be packed comes: a batch of twins is more than a processor's cache holds.
pub(super) fn pack(turns: &[model::Turn<'_>]) -> Vec<u8> {
    let packed = Vec::with_capacity(turns.len() * TURN_BYTES_USUAL);
    let written = postcard::to_io(&turns.len(), packed);
    let written = turns.iter().fold(written, |written, turn| postcard::to_io(&TurnRef::from(turn), written?));
    written.expect("because a vector takes any length, and each list of a turn knows its own")
}

/// A run of bytes: postcard writes it as it would a list of numbers, in one copy.
pub(super) fn bytes<S: Serializer>(bytes: &Option<&[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Bytes<'a>(&'a [u8]);
    impl serde::Serialize for Bytes<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    match bytes {
        Some(bytes) => serializer.serialize_some(&Bytes(bytes)),
        None => serializer.serialize_none(),
    }
}

/// A packed `list<verdict>` of a guest, read one by one, so that no more of it is unpacked than is looked at.
pub struct PackedVerdicts<'a> {
    left: usize,
    most_decisions: usize,
    rest: &'a [u8],
}

/// Why bytes are no packed verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackingError {
    Malformed(postcard::Error),
    /// More decisions in one verdict than are unpacked.
    Decisions(usize),
    /// So many bytes stand behind the last verdict.
    Trailing(usize),
}

impl fmt::Display for PackingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackingError::Malformed(error) => write!(f, "they cannot be unpacked: {error}"),
            PackingError::Decisions(many) => write!(f, "one has {many} decisions"),
            PackingError::Trailing(bytes) => write!(f, "{bytes} bytes stand behind the last"),
        }
    }
}

impl std::error::Error for PackingError {}

impl<'a> PackedVerdicts<'a> {
    /// # Errors
    /// The bytes do not begin with a length.
    pub fn open(bytes: &'a [u8], most_decisions: usize) -> Result<PackedVerdicts<'a>, PackingError> {
        let mut packed = PackedVerdicts { left: 0, most_decisions, rest: bytes };
        packed.left = packed.take()?;
        Ok(packed)
    }

    /// How many there are, as the guest says.
    #[must_use]
    pub fn count(&self) -> usize {
        self.left
    }

    /// The next one; none behind the last.
    ///
    /// # Errors
    /// [`PackingError`]: what follows means nothing.
    pub fn next_verdict(&mut self) -> Result<Option<model::Verdict>, PackingError> {
        if self.left == 0 {
            return match self.rest.len() {
                0 => Ok(None),
                bytes => Err(PackingError::Trailing(bytes)),
            };
        }
        self.left -= 1;
        let many: usize = self.take()?;
        if many > self.most_decisions {
            return Err(PackingError::Decisions(many));
        }
        let mut decisions = Vec::with_capacity(many);
        for _ in 0..many {
            decisions.push(self.take::<wit::Decision>()?.into());
        }
        let memory = match self.take::<bool>()? {
            true => Some(self.run()?.to_vec()),
            false => None,
        };
        Ok(Some(model::Verdict { decisions, memory }))
    }

    fn take<T: DeserializeOwned>(&mut self) -> Result<T, PackingError> {
        let (value, rest) = postcard::take_from_bytes(self.rest).map_err(PackingError::Malformed)?;
        self.rest = rest;
        Ok(value)
    }

    fn run(&mut self) -> Result<&'a [u8], PackingError> {
        let (bytes, rest) = postcard::take_from_bytes(self.rest).map_err(PackingError::Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<model::Verdict>, PackingError> {
        let mut packed = PackedVerdicts::open(bytes, 2)?;
        let mut verdicts = Vec::new();
        while let Some(verdict) = packed.next_verdict()? {
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    #[test]
    fn verdicts_are_what_their_bytes_say() {
        // Two verdicts. The first unsets the tag "a" because of "b", and remembers 1 2; the second is empty.
        let bytes = [2, 1, 1, b'b', 1, 1, b'a', 1, 2, 1, 2, 0, 0];
        let decision = model::Decision { why: "b".to_owned(), change: model::Change::Untag("a".to_owned()) };
        assert_eq!(
            read(&bytes),
            Ok(vec![
                model::Verdict { decisions: vec![decision], memory: Some(vec![1, 2]) },
                model::Verdict { decisions: Vec::new(), memory: None },
            ])
        );
    }

    #[test]
    fn bytes_that_mean_nothing_are_refused_and_not_guessed() {
        assert_eq!(read(&[1, 0, 0, 7]), Err(PackingError::Trailing(1)));
        assert_eq!(read(&[1, 3]), Err(PackingError::Decisions(3)));
        for broken in [
            &[][..],
            // Less than its length says: the list, a text, the memory.
            &[2, 0, 0],
            &[1, 1, 9, b'b', 1, 1, b'a', 0],
            &[1, 0, 1, 5, 1],
            // No UTF-8, no such change, no such option.
            &[1, 1, 1, 0xff, 1, 1, b'a', 0],
            &[1, 1, 1, b'b', 9, 1, b'a', 0],
            &[1, 0, 2],
            // A length beyond what anybody could hold.
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert!(matches!(read(broken), Err(PackingError::Malformed(_))), "{broken:?}");
        }
    }
}
