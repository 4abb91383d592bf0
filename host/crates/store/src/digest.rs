//! The state hash: one fold, one number.

use model::{Corrections, Customer, CustomerId, Digest, FoldState, Grant, Note, Section, Setup, Version};

/// Takes the parts of a state in their canonical order: fold state, customers by id, merges by id, notes by key.
///
/// Each part is its stored bytes behind its length, so that no two states share a text.
pub struct Digester {
    hasher: blake3::Hasher,
}

impl Digester {
    #[must_use]
    pub fn new(state: &FoldState) -> Digester {
        let mut digester = Digester { hasher: blake3::Hasher::new_derive_key("heliu state v1") };
        // Where the records stand that were folded alone is no part of what they led to.
        let FoldState { setup, versions, corrections, grants, sections, alone: _ } = state;
        digester.part(b's', &wire::to_bytes::<Setup>(setup));
        for version in versions {
            digester.part(b'v', &wire::to_bytes::<Version>(version));
        }
        digester.part(b'k', &wire::to_bytes::<Corrections>(corrections));
        for grant in grants {
            digester.part(b'g', &wire::to_bytes::<Grant>(grant));
        }
        for section in sections {
            digester.part(b'f', &wire::to_bytes::<Section>(section));
        }
        digester
    }

    /// The next customer's stored bytes: those of [`wire::to_bytes`].
    pub fn customer_bytes(&mut self, bytes: &[u8]) {
        self.part(b'c', bytes);
    }

    pub fn customer(&mut self, customer: &Customer) {
        self.customer_bytes(&wire::to_bytes::<Customer>(customer));
    }

    pub fn merged(&mut self, gone: CustomerId, into: CustomerId) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&gone.0.to_le_bytes());
        bytes[8..].copy_from_slice(&into.0.to_le_bytes());
        self.part(b'm', &bytes);
    }

    pub fn note(&mut self, note: &Note) {
        self.note_bytes(&wire::to_bytes::<Note>(note));
    }

    /// The next note's stored bytes: those of [`wire::to_bytes`].
    pub fn note_bytes(&mut self, bytes: &[u8]) {
        self.part(b'n', bytes);
    }

    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.hasher.update(&[kind]);
        self.hasher.update(&(bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
    }
}
