//! What becomes of an errand that its connection could not carry.

use model::{Fault, Instant};

use crate::plan::Plan;
use crate::reason::{Code, Reason};
use crate::rules::Rules;
use crate::standing::Candidate;
use crate::stops::duration;

/// How patient we are with a connection that says *later*. Each pause is twice the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The pause after the first failure, in milliseconds.
    pub first_ms: u64,
    /// No pause is longer, in milliseconds, unless the connection asks for one.
    pub longest_ms: u64,
    /// So many tries in all.
    pub tries_max: u32,
}

impl Default for Retry {
    /// 30 s, doubling up to an hour, 20 tries: most of a day.
    fn default() -> Retry {
        Retry { first_ms: 30_000, longest_ms: 3_600_000, tries_max: 20 }
    }
}

/// What follows a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It waits again, to be judged again: [`Candidate::again`] is this.
    Again {
        at: Instant,
        reason: Reason,
    },
    Failed {
        reason: Reason,
    },
    Expired {
        reason: Reason,
    },
}

impl Retry {
    /// The pause after so many tries, in milliseconds, at least 1.
    #[must_use]
    pub fn pause_ms(&self, tries: u32) -> u64 {
        let doubled = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX);
        self.first_ms.saturating_mul(doubled).min(self.longest_ms).max(1)
    }
}

impl Rules {
    /// What follows the fault of try number `tries` (the first is 1) of an intent, at `now`.
    ///
    /// Only *later* is tried again, and only before the intent's end. What a connection asks to wait is waited at least.
    #[must_use]
    pub fn after_fault(&self, now: Instant, candidate: &Candidate<'_>, tries: u32, fault: &Fault) -> After {
        let Plan { retry, zone, .. } = &self.plan;
        let (why, asked) = match fault {
            Fault::Later { why, retry_after_ms } => (why, retry_after_ms.map_or(0, u64::from)),
            Fault::Misconfigured(why) => return failed("its connection is not configured to carry it", why),
            Fault::Malformed(why) => {
                return failed("its connection did not understand it, or was not understood", why);
            }
            Fault::Unauthorised(why) => return failed("its connection's credentials do not hold", why),
        };
        if tries >= retry.tries_max {
            let text = format!("{tries} tries failed, the last with: {why}");
            return After::Failed { reason: Reason::new(Code::TriesUsedUp, text) };
        }
        let pause = retry.pause_ms(tries).max(asked);
        let at = now.saturating_add(pause);
        let deadline = self.deadline(candidate);
        if at > deadline {
            let (next, end) = (zone.say(at), zone.say(deadline));
            let text = format!("try {tries} failed ({why}); the next at {next} is after its end, {end}");
            return After::Expired { reason: Reason::new(Code::TooLate, text) };
        }
        let text =
            format!("try {tries} failed ({why}); the next in {}, at {}", duration(pause), zone.say(at));
        After::Again { at, reason: Reason::new(Code::Retry, text) }
    }
}

fn failed(what: &str, why: &str) -> After {
    After::Failed { reason: Reason::new(Code::Fault, format!("{what}: {why}")) }
}

#[cfg(test)]
mod tests {
    use model::Intent;

    use super::*;

    fn intent(scene: &str, not_after: Option<Instant>) -> Intent {
        Intent {
            key: "k".to_owned(),
            scene: scene.to_owned(),
            text: None,
            content: None,
            detail: None,
            not_before: None,
            not_after,
        }
    }

    fn after(intent: &Intent, tries: u32, fault: &Fault) -> After {
        let retry = Retry { first_ms: 1_000, longest_ms: 60_000, tries_max: 10 };
        let rules = Rules::new(Plan { retry, ..Plan::default() });
        let candidate = Candidate { id: "i", binding: "b", intent, cause: 1_000_000, again: None };
        rules.after_fault(1_000_000, &candidate, tries, fault)
    }

    fn later(retry_after_ms: Option<u32>) -> Fault {
        Fault::Later { why: "busy".to_owned(), retry_after_ms }
    }

    fn pause(after: &After) -> Option<u64> {
        match after {
            After::Again { at, reason } => (reason.code == Code::Retry).then_some(at - 1_000_000),
            After::Failed { .. } | After::Expired { .. } => None,
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let intent = intent("moments", None);
        let pauses: Vec<_> = (1..=9).map(|tries| pause(&after(&intent, tries, &later(None)))).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60];
        assert_eq!(pauses, seconds.map(|second| Some(second * 1_000)));
        let retry = Retry { first_ms: 1_000, longest_ms: 60_000, tries_max: 1_000 };
        assert_eq!(retry.pause_ms(999), 60_000);
        assert_eq!(Retry { first_ms: 0, ..retry }.pause_ms(1), 1, "a pause of nothing would never rest");
    }

    #[test]
    fn what_a_connection_asks_for_is_waited_even_past_the_longest() {
        let intent = intent("moments", None);
        assert_eq!(pause(&after(&intent, 1, &later(Some(90_000)))), Some(90_000));
        assert_eq!(pause(&after(&intent, 4, &later(Some(10)))), Some(8_000));
    }

    #[test]
    fn no_try_comes_after_the_end() {
        let just = intent("moments", Some(1_001_000));
        assert_eq!(pause(&after(&just, 1, &later(None))), Some(1_000));
        let past = intent("moments", Some(1_000_999));
        let After::Expired { reason } = after(&past, 1, &later(None)) else { panic!("not expired") };
        assert_eq!(reason.code, Code::TooLate);
        let welcome = intent("welcome", None);
        assert!(matches!(after(&welcome, 1, &later(Some(20_001))), After::Expired { .. }));
        assert_eq!(pause(&after(&welcome, 1, &later(Some(20_000)))), Some(20_000));
    }

    #[test]
    fn tries_come_to_an_end_and_some_faults_are_not_tried_again() {
        let intent = intent("moments", None);
        let code = |tries, fault: &Fault| match after(&intent, tries, fault) {
            After::Failed { reason } => Some(reason.code),
            After::Again { .. } | After::Expired { .. } => None,
        };
        assert_eq!(code(10, &later(None)), Some(Code::TriesUsedUp));
        assert_eq!(code(9, &later(None)), None);
        for fault in [Fault::Misconfigured, Fault::Malformed, Fault::Unauthorised] {
            assert_eq!(code(1, &fault("x".to_owned())), Some(Code::Fault));
        }
    }
}
