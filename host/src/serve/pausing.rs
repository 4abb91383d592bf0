//! Which policy is paused, and until when: what the folder remembers of policies that could not be called, or kept failing.

use std::collections::BTreeMap;

use model::{Class, Instant, Setup};
use router::RouterError;

/// How often the fold tries the same before the policy is paused. A machine that is overloaded for half a minute pauses nobody.
const TRIES_MAX: u32 = 6;

/// The first and the longest pause, in milliseconds; it doubles in between. Each end of a pause folds those again whom the
/// policy missed.
const PAUSE_MS: (u64, u64) = (600_000, 21_600_000);

#[derive(Debug, Default)]
pub(crate) struct Pausing {
    /// The policy that could not be called, and how often in a row.
    failing: Option<(String, u32)>,
    paused: BTreeMap<String, Paused>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paused {
    /// When it is tried again.
    pub(crate) until: Instant,
    /// How often it was paused since an operator last looked.
    times: u32,
    pub(crate) why: String,
}

impl Pausing {
    /// The fold came so far. Says whom to pause, and why.
    pub(crate) fn heard<T>(&mut self, result: &Result<T, RouterError>) -> Option<(String, String)> {
        let trouble = match result {
            Err(RouterError::Plugins(error)) => match error.class {
                Class::Retry | Class::Bug => error,
                // The same would come of it again, and has cost everybody enough.
                Class::Reject => {
                    self.failing = None;
                    return Some((error.binding.clone(), error.reason.clone()));
                }
                // A component that is missing is no trouble of the moment: without it the past cannot be folded.
                Class::Operator => return None,
            },
            Err(_) => return None,
            Ok(_) => {
                self.failing = None;
                return None;
            }
        };
        let tries = match &self.failing {
            Some((name, tries)) if *name == trouble.binding => tries + 1,
            Some(_) | None => 1,
        };
        if tries < TRIES_MAX {
            self.failing = Some((trouble.binding.clone(), tries));
            return None;
        }
        self.failing = None;
        Some((trouble.binding.clone(), trouble.reason.clone()))
    }

    /// How often the same was tried in vain.
    pub(crate) fn tries(&self) -> u32 {
        self.failing.as_ref().map_or(0, |(_, tries)| *tries)
    }

    pub(crate) fn pause(&mut self, policy: String, why: String, now: Instant) {
        let times = self.paused.get(&policy).map_or(0, |paused| paused.times);
        let (first, longest) = PAUSE_MS;
        let pause = first.checked_shl(times.min(20)).unwrap_or(longest).min(longest);
        let paused = Paused { until: now.saturating_add(pause), times: times.saturating_add(1), why };
        self.paused.insert(policy, paused);
    }

    /// An operator looked: whoever is paused is tried again.
    pub(crate) fn try_again(&mut self) {
        self.paused.clear();
    }

    /// The wanted setup, in which policies stay paused whose time has not come and that are the same as before.
    pub(crate) fn wanted(&self, mut wanted: Setup, present: &Setup, now: Instant) -> Setup {
        for binding in &mut wanted.policies {
            let before = present.policies.iter().find(|before| {
                before.name == binding.name
                    && before.digest == binding.digest
                    && before.settings == binding.settings
            });
            let stays = self.paused.get(&binding.name).is_some_and(|paused| now < paused.until);
            binding.paused = before.and_then(|before| before.paused).filter(|_| stays);
        }
        wanted
    }

    /// Those that are paused in this setup, and why.
    pub(crate) fn told(&self, present: &Setup) -> BTreeMap<String, String> {
        let paused = present.policies.iter().filter(|binding| binding.paused.is_some());
        let why = |name: &str| self.paused.get(name).map(|paused| paused.why.clone()).unwrap_or_default();
        paused.map(|binding| (binding.name.clone(), why(&binding.name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::{Binding, Digest, Pause, PolicyDescriptor};
    use router::PluginsError;

    use super::*;

    fn trouble(binding: &str, class: Class) -> Result<(), RouterError> {
        let (binding, reason) = (binding.to_owned(), "no answer within policy_wall".to_owned());
        Err(PluginsError { binding, reason, class }.into())
    }

    #[test]
    fn only_the_same_trouble_again_and_again_pauses() {
        let mut pausing = Pausing::default();
        let tries = |pausing: &mut Pausing, count| {
            (0..count).filter_map(|_| pausing.heard(&trouble("slow", Class::Retry))).count()
        };
        assert_eq!(tries(&mut pausing, TRIES_MAX - 1), 0);
        assert_eq!(pausing.heard(&Ok::<(), RouterError>(())), None);
        assert_eq!(tries(&mut pausing, TRIES_MAX - 1), 0);
        assert_eq!(pausing.heard(&trouble("other", Class::Retry)), None);
        assert_eq!(tries(&mut pausing, TRIES_MAX - 1), 0);
        let last = pausing.heard(&trouble("slow", Class::Bug));
        assert_eq!(last, Some(("slow".to_owned(), "no answer within policy_wall".to_owned())));
        let at_once = pausing.heard(&trouble("failing", Class::Reject));
        assert_eq!(at_once.map(|(policy, _)| policy).as_deref(), Some("failing"));
        for _ in 0..3 * TRIES_MAX {
            assert_eq!(pausing.heard(&trouble("missing", Class::Operator)), None);
            assert_eq!(pausing.heard::<()>(&Err(RouterError::Halted)), None);
        }
    }

    fn setup(paused: Option<Pause>) -> Setup {
        let descriptor = PolicyDescriptor {
            title: String::new(),
            settings_schema: "{}".to_owned(),
            wants: Vec::new(),
            tags: Vec::new(),
            journeys: Vec::new(),
            reads: Vec::new(),
        };
        let (name, settings) = ("slow".to_owned(), "{}".to_owned());
        let binding = Binding { name, digest: Digest([1; 32]), settings, descriptor, carry: false, paused };
        Setup { policies: vec![binding], ..Setup::default() }
    }

    #[test]
    fn a_pause_lasts_longer_each_time_and_ends_when_an_operator_looks() {
        let mut pausing = Pausing::default();
        let present = setup(Some(Pause { behind: 7, fired: 9, broke_off: None }));
        let mut lasted = Vec::new();
        for _ in 0..8 {
            pausing.pause("slow".to_owned(), "why".to_owned(), 1_000);
            lasted.push(pausing.paused["slow"].until - 1_000);
        }
        assert_eq!(lasted[..3], [600_000, 1_200_000, 2_400_000]);
        assert_eq!(lasted.last(), Some(&21_600_000));
        let until = pausing.paused["slow"].until;
        assert_eq!(pausing.wanted(setup(None), &present, until - 1), present);
        assert_eq!(pausing.wanted(setup(None), &present, until), setup(None));
        let mut other = setup(None);
        other.policies[0].settings = "[]".to_owned();
        assert_eq!(pausing.wanted(other.clone(), &present, 2_000), other, "a new version is tried at once");
        assert_eq!(pausing.told(&present)["slow"], "why");
        pausing.try_again();
        assert_eq!(pausing.wanted(setup(None), &present, 2_000), setup(None));
    }
}
