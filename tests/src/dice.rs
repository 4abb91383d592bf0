//! Deterministic chance.
//!
//! Only the ChaCha8 key stream is taken from outside; ranges and choices are made here, so that the update of
//! a crate never changes the life of a brand.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

pub const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub const DIGITS: &[u8] = b"0123456789";
pub const HEX: &[u8] = b"0123456789abcdef";

pub struct Dice(ChaCha8Rng);

impl Dice {
    /// One seed gives as many independent dice as there are `stream`s: adding a customer does not disturb
    /// another's life.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut stream_of_seed = ChaCha8Rng::from_seed(key);
        stream_of_seed.set_stream(stream);
        Self(stream_of_seed)
    }

    /// Evenly from `low..=high`. The bias of the modulo is below 2^-40 for the ranges used here.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        debug_assert!(low <= high, "an empty range");
        low + self.0.next_u64() % (high - low + 1)
    }

    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.between(0, 999) < per_mille
    }

    /// An index below `len`, which must not be zero.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.between(0, len.max(1) as u64 - 1)).unwrap_or(0)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    /// The index of one of `weights`, as often as its weight says.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let total: u64 = weights.iter().sum();
        let mut left = self.between(0, total.max(1) - 1);
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }

    pub fn text(&mut self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let roll = |stream| Dice::new(7, stream).text(LETTERS, 12);
        assert_eq!(roll(1), roll(1));
        assert_ne!(roll(1), roll(2));
    }

    #[test]
    fn weights_of_zero_are_never_chosen() {
        let mut dice = Dice::new(1, 0);
        assert!((0..200).all(|_| dice.weighted(&[0, 3, 0]) == 1));
    }
}
