//! What a child answers: one frame that shows whether all of it has arrived.
//!
//! The hash guards against a child that broke off or printed something else beside it. It vouches for nobody: whoever
//! can write to the pipe can make one.

use std::io::{self, Write};

const MAGIC: &[u8; 8] = b"heliucod";
const CODE: u8 = 0;
const REFUSED: u8 = 1;
const TOO_LONG: u8 = 2;
const HASH_BYTES: usize = blake3::OUT_LEN;
const HEAD_BYTES: usize = MAGIC.len() + 1 + 8 + HASH_BYTES;
/// What a refusal is cut to. It ends in an error's text.
const REASON_BYTES: usize = 4 << 10;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    Code(&'a [u8]),
    /// The component is none, in the compiler's words.
    Refused(&'a str),
    /// The code has more bytes than were asked for.
    TooLong,
}

/// How many bytes an answer has at most.
pub(super) fn length_max(code_bytes_max: usize) -> u64 {
    (code_bytes_max.max(REASON_BYTES) as u64).saturating_add(HEAD_BYTES as u64)
}

impl<'a> Answer<'a> {
    /// None: it is no answer, or not the whole of it.
    pub(super) fn read(bytes: &'a [u8], code_bytes_max: usize) -> Option<Answer<'a>> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (&kind, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (hash, payload) = rest.split_first_chunk::<HASH_BYTES>()?;
        let is_whole = u64::from_le_bytes(*length) == payload.len() as u64
            && blake3::hash(payload) == blake3::Hash::from_bytes(*hash);
        match kind {
            CODE if is_whole && payload.len() <= code_bytes_max => Some(Answer::Code(payload)),
            REFUSED if is_whole => std::str::from_utf8(payload).ok().map(Answer::Refused),
            TOO_LONG if is_whole => Some(Answer::TooLong),
            _ => None,
        }
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (kind, payload): (u8, &[u8]) = match self {
            Answer::Code(code) => (CODE, code),
            Answer::Refused(reason) => {
                (REFUSED, reason.get(..reason.floor_char_boundary(REASON_BYTES)).unwrap_or(reason).as_bytes())
            }
            Answer::TooLong => (TOO_LONG, b""),
        };
        to.write_all(MAGIC)?;
        to.write_all(&[kind])?;
        to.write_all(&(payload.len() as u64).to_le_bytes())?;
        to.write_all(blake3::hash(payload).as_bytes())?;
        to.write_all(payload)?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(answer: &Answer<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        answer.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        for answer in [Answer::Code(b"code"), Answer::Code(b""), Answer::Refused("no"), Answer::TooLong] {
            assert_eq!(Answer::read(&written(&answer), 4), Some(answer));
        }
    }

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        let whole = written(&Answer::Code(b"code"));
        for end in 0..whole.len() {
            assert_eq!(Answer::read(&whole[..end], 4), None, "{end}");
        }
        assert_eq!(Answer::read(&[&whole[..], b"x"].concat(), 4), None);
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x80;
            assert_eq!(Answer::read(&flipped, 4), None, "{at}");
        }
    }

    #[test]
    fn code_is_taken_at_the_limit_and_not_one_byte_past_it() {
        let whole = written(&Answer::Code(b"code"));
        assert!(Answer::read(&whole, 4).is_some() && Answer::read(&whole, 3).is_none());
    }

    #[test]
    fn a_long_refusal_is_cut_between_two_letters() {
        let long = "因".repeat(REASON_BYTES);
        let bytes = written(&Answer::Refused(&long));
        assert!(bytes.len() as u64 <= length_max(0));
        assert!(matches!(Answer::read(&bytes, 0), Some(Answer::Refused(text)) if text.starts_with('因')));
    }
}
