//! The two digests that the platforms sign with, as lower-case hex over the parts put together.

use md5::Md5;
use sha1::{Digest, Sha1};

pub fn md5_hex(parts: &[&[u8]]) -> String {
    hex_of::<Md5>(parts)
}

pub fn sha1_hex(parts: &[&[u8]]) -> String {
    hex_of::<Sha1>(parts)
}

fn hex_of<D: Digest>(parts: &[&[u8]]) -> String {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_digested_as_one_text() {
        assert_eq!(md5_hex(&[b"ab", b"c"]), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(sha1_hex(&[b"a", b"bc"]), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
