//! Runs of bytes: in a JSON document a list of numbers, in other formats one piece that is copied at once.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Has postcard write behind what stands in a vector.
pub struct Appending(pub Vec<u8>);

impl postcard::ser_flavors::Flavor for Appending {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        // Numbers are the most of a memory, and times the longest of them: to copy a length that the compiler does not know, a guest
        // asks the host.
        match *data {
            [a] => self.0.push(a),
            [a, b] => self.0.extend_from_slice(&[a, b]),
            [a, b, c] => self.0.extend_from_slice(&[a, b, c]),
            [a, b, c, d] => self.0.extend_from_slice(&[a, b, c, d]),
            [a, b, c, d, e] => self.0.extend_from_slice(&[a, b, c, d, e]),
            [a, b, c, d, e, f] => self.0.extend_from_slice(&[a, b, c, d, e, f]),
            _ => self.0.extend_from_slice(data),
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// A run that somebody else has.
pub struct Run<'a>(pub &'a [u8]);

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Writes it.
pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) if !serializer.is_human_readable() => serializer.serialize_some(&Run(bytes)),
        other => other.serialize(serializer),
    }
}

/// Reads it.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    struct Run(Vec<u8>);
    struct Reader;
    impl Visitor<'_> for Reader {
        type Value = Run;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Run, E> {
            Ok(Run(bytes.to_vec()))
        }
    }
    impl<'de> Deserialize<'de> for Run {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Run, D::Error> {
            deserializer.deserialize_bytes(Reader)
        }
    }
    if deserializer.is_human_readable() {
        return Option::deserialize(deserializer);
    }
    Ok(Option::<Run>::deserialize(deserializer)?.map(|Run(bytes)| bytes))
}
