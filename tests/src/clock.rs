//! One simulated clock for all platforms of a test.
//!
//! Simulators take their timestamps and the expiry of tokens from it; nothing in this crate reads the wall
//! clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds since the epoch, shared by its clones.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<AtomicU64>);

impl SimClock {
    pub fn at(now_ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(now_ms)))
    }

    /// A clock over a number that somebody else moves, for example the host under test.
    pub fn shared(now_ms: Arc<AtomicU64>) -> Self {
        Self(now_ms)
    }

    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn now_s(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// Moves to `at_ms`, never backwards.
    pub fn reach(&self, at_ms: u64) {
        self.0.fetch_max(at_ms, Ordering::SeqCst);
    }

    pub fn advance(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_tell_one_time_that_never_goes_back() {
        let clock = SimClock::at(5_000);
        let other = clock.clone();
        clock.advance(1_500);
        other.reach(1_000);
        assert_eq!(other.now_ms(), 6_500);
        assert_eq!(clock.now_s(), 6);
    }
}
