//! How long calls of each policy may come to nothing: the fold waits for them, and everybody waits for the fold.
//!
//! A policy that fails now and then costs some calls, and its turns are dead letters. One that fails at turn after turn would take the
//! fold for itself: past `policy_failing_per_minute` the folder pauses it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// What each policy has left of it.
pub(crate) struct Failing {
    max: Duration,
    spent: Mutex<BTreeMap<String, Spent>>,
}

struct Spent {
    since: Instant,
    failing: Duration,
}

impl Failing {
    pub(crate) fn new(max: Duration) -> Failing {
        Failing { max, spent: Mutex::default() }
    }

    /// How long its calls may fail from now on.
    pub(crate) fn left(&self, policy: &str, now: Instant) -> Duration {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.get(policy).is_some_and(|spent| now.duration_since(spent.since) >= MINUTE) {
            spent.remove(policy);
        }
        spent.get(policy).map_or(self.max, |spent| self.max.saturating_sub(spent.failing))
    }

    /// Its calls failed for so long.
    pub(crate) fn failed(&self, policy: &str, took: Duration, now: Instant) {
        if took.is_zero() {
            return;
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Spent { since: now, failing: Duration::ZERO };
        let spent = spent.entry(policy.to_owned()).or_insert(begun);
        spent.failing = spent.failing.saturating_add(took);
    }

    /// It is paused, or could not be called: whoever tries it again begins anew.
    pub(crate) fn forget(&self, policy: &str) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).remove(policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_counts_for_a_minute_and_for_its_policy_alone() {
        let (second, now) = (Duration::from_secs(1), Instant::now());
        let failing = Failing::new(10 * second);
        failing.failed("looping", 4 * second, now);
        failing.failed("looping", 5 * second, now + 30 * second);
        assert_eq!(failing.left("looping", now + 59 * second), second);
        assert_eq!(failing.left("healthy", now), 10 * second);
        failing.failed("looping", 5 * second, now + 59 * second);
        assert_eq!(failing.left("looping", now + 59 * second), Duration::ZERO);
        assert_eq!(failing.left("looping", now + 60 * second), 10 * second);
        failing.failed("looping", 9 * second, now + 61 * second);
        failing.forget("looping");
        assert_eq!(failing.left("looping", now + 61 * second), 10 * second);
    }
}
