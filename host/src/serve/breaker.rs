//! A breaker: what keeps failing is left alone for a while, a little longer each time, and then tried once.
//!
//! Each connection has one for each door of its connector, so that a poisonous page of the feed keeps no webhook out. It
//! decides by the times that it is shown and has no clock of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Instant;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Failures in a row that open it.
    pub(crate) failures_max: u32,
    /// The first pause and the longest one, in milliseconds. It doubles in between.
    pub(crate) pause_ms: (u64, u64),
}

/// Of a plugin that traps, reaches limits or answers what cannot be kept. Its first pause is shorter than a platform waits
/// before it delivers again.
pub(crate) const OF_PLUGIN: Patience = Patience { failures_max: 5, pause_ms: (5_000, 300_000) };

/// Of a channel that refuses the connection's credentials, or of settings that cannot work: an operator must act, so one
/// failure says it all.
pub(crate) const OF_OPERATOR: Patience = Patience { failures_max: 1, pause_ms: (300_000, 3_600_000) };

#[derive(Debug)]
pub(crate) struct Breaker {
    patience: Patience,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    state: State,
    /// Failures since the last success.
    failures: u32,
    /// Pauses since the last success.
    pauses: u32,
    /// How often it opened, ever.
    opened: u64,
    why: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Closed,
    /// Nobody is let through before then.
    Open { until: Instant },
    /// One is let through, and decides.
    Probing,
}

/// How it stands, for whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) opened: u64,
    /// What failed last, while it is not closed.
    pub(crate) why: Option<String>,
}

/// Somebody was let through, and says how it went. Dropped unsaid, it says nothing of the plugin: the next one is let through
/// in its place.
#[must_use]
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    is_probe: bool,
}

impl Breaker {
    pub(crate) fn new(patience: Patience) -> Arc<Breaker> {
        Arc::new(Breaker { patience, inside: Mutex::default() })
    }

    /// Lets somebody through, or says how many milliseconds to wait.
    pub(crate) fn admit(self: &Arc<Breaker>, now: Instant) -> Result<Pass, u64> {
        let mut inside = self.inside();
        let is_probe = match inside.state {
            State::Closed => false,
            State::Open { until } if now < until => return Err(until - now),
            State::Open { until: _ } => {
                inside.state = State::Probing;
                true
            }
            // The probe is on its way; it will not take long.
            State::Probing => return Err(self.patience.pause_ms.0),
        };
        Ok(Pass { breaker: Arc::clone(self), is_probe })
    }

    /// Lets somebody through whom an operator sends. Where it is not closed, she is a probe.
    pub(crate) fn admit_asked(self: &Arc<Breaker>) -> Pass {
        let mut inside = self.inside();
        let is_probe = inside.state != State::Closed;
        if is_probe {
            inside.state = State::Probing;
        }
        Pass { breaker: Arc::clone(self), is_probe }
    }

    /// Would somebody be let through?
    pub(crate) fn lets_through(&self, now: Instant) -> bool {
        match self.inside().state {
            State::Closed => true,
            State::Open { until } => until <= now,
            State::Probing => false,
        }
    }

    /// An operator acted, perhaps: whoever comes next is a probe.
    pub(crate) fn try_again(&self) {
        let mut inside = self.inside();
        if let State::Open { until: _ } = inside.state {
            inside.state = State::Open { until: 0 };
            inside.pauses = 0;
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        let inside = self.inside();
        let why = if inside.state == State::Closed { None } else { inside.why.clone() };
        Standing { state: inside.state, opened: inside.opened, why }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause(&self, inside: &mut Inside, now: Instant) -> Instant {
        let (first, longest) = self.patience.pause_ms;
        let pause = first.checked_shl(inside.pauses.min(20)).unwrap_or(longest).min(longest);
        inside.pauses = inside.pauses.saturating_add(1);
        now.saturating_add(pause)
    }
}

impl Pass {
    pub(crate) fn went(self) {
        let mut inside = self.breaker.inside();
        // A call that began before it opened proves nothing of what came since.
        if self.is_probe || inside.state == State::Closed {
            let opened = inside.opened;
            *inside = Inside { opened, ..Inside::default() };
        }
    }

    pub(crate) fn failed(self, now: Instant, why: String) {
        let patience = self.breaker.patience;
        let mut inside = self.breaker.inside();
        inside.why = Some(why);
        inside.failures = inside.failures.saturating_add(1);
        let opens = match inside.state {
            State::Closed => inside.failures >= patience.failures_max,
            State::Probing => self.is_probe,
            // It is open already.
            State::Open { until: _ } => false,
        };
        if opens {
            let until = self.breaker.pause(&mut inside, now);
            inside.state = State::Open { until };
            inside.opened += 1;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe {
            let mut inside = self.breaker.inside();
            if inside.state == State::Probing {
                inside.state = State::Open { until: 0 };
            }
        }
    }
}

impl State {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open { until: _ } => "open",
            State::Probing => "probing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Arc<Breaker>, now: Instant) {
        breaker.admit(now).unwrap().failed(now, "it trapped".to_owned());
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_not_one_before() {
        let breaker = Breaker::new(OF_PLUGIN);
        (0..4).for_each(|_| fail(&breaker, 0));
        breaker.admit(0).unwrap().went();
        (0..4).for_each(|_| fail(&breaker, 0));
        assert_eq!(breaker.standing().state, State::Closed);
        fail(&breaker, 0);
        assert_eq!(breaker.standing().state, State::Open { until: 5_000 });
        assert_eq!(breaker.standing().why.as_deref(), Some("it trapped"));
        assert_eq!(breaker.admit(2_000).err(), Some(3_000));
    }

    #[test]
    fn one_is_let_through_after_the_pause_and_decides() {
        let breaker = Breaker::new(OF_PLUGIN);
        (0..5).for_each(|_| fail(&breaker, 0));
        assert!(!breaker.lets_through(4_999) && breaker.lets_through(5_000));
        let probe = breaker.admit(5_000).unwrap();
        assert!(breaker.admit(5_000).is_err(), "one at a time");
        probe.failed(6_000, "again".to_owned());
        assert_eq!(breaker.standing().state, State::Open { until: 16_000 });
        breaker.admit(16_000).unwrap().went();
        assert_eq!(breaker.standing(), Standing { state: State::Closed, opened: 2, why: None });
        // And all failures before are forgotten.
        (0..4).for_each(|_| fail(&breaker, 17_000));
        assert_eq!(breaker.standing().state, State::Closed);
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let breaker = Breaker::new(OF_OPERATOR);
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            fail(&breaker, now);
            let State::Open { until } = breaker.standing().state else { panic!("it is open") };
            pauses.push(until - now);
            now = until;
        }
        assert_eq!(pauses, [300_000, 600_000, 1_200_000, 2_400_000, 3_600_000, 3_600_000]);
        breaker.admit(now).unwrap().failed(now, String::new());
        breaker.try_again();
        assert!(breaker.lets_through(now));
    }

    #[test]
    fn a_call_that_says_nothing_of_the_plugin_leaves_the_probe_to_the_next() {
        let breaker = Breaker::new(OF_OPERATOR);
        let before = breaker.admit(0).unwrap();
        fail(&breaker, 0);
        before.went();
        assert!(!breaker.lets_through(0), "it began before");
        drop(breaker.admit(300_000).unwrap());
        assert!(breaker.lets_through(300_000));
    }
}
