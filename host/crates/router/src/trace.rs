//! Watches what policies are shown and what they answer, while somebody's past is folded again.
//!
//! A past may be folded several times in one fold of a slice: a setup, a merge or a correction forgets what was decided
//! before. [`Tracing::last`] leaves the turns that her document comes of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{
    Binding, Change, Class, Customer, CustomerId, Digest, FoldState, Happening, Instant, Position, Turn,
};

use crate::{Plugins, PluginsError, TurnOutcome};

/// Turns that are kept. A turn's memory is some kilobytes at most; who has more turns is not explained by a list of them.
const TURNS_MAX: usize = 100_000;

/// One turn as a policy was shown it, and what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub binding: String,
    /// Of the component, and of the settings' text: which version decided.
    pub digest: Digest,
    pub settings: Digest,
    /// The version carries the memories on of the one before it.
    carry: bool,
    pub customer: CustomerId,
    /// The record; for an alarm, the record at which the alarm was asked for.
    pub position: Position,
    /// The journal's time of it; for an alarm, its due time.
    pub now: Instant,
    /// The key of the alarm, where it was one.
    pub alarm: Option<String>,
    /// What the policy remembered of her before.
    pub before: Option<Vec<u8>>,
    pub outcome: TurnOutcome,
    /// Units of fuel of a call with this turn alone. None: it was not asked, or is not metered.
    pub fuel: Option<u64>,
}

impl Shown {
    /// The index of the version that decided, in the fold's list.
    #[must_use]
    pub fn version(&self, state: &FoldState) -> Option<u32> {
        let same = |version: &model::Version| {
            version.binding == self.binding
                && version.digest == self.digest
                && version.settings == self.settings
        };
        u32::try_from(state.versions.iter().rposition(same)?).ok()
    }

    /// What it changes, in its order. A fault changes nothing.
    pub fn changes(&self) -> impl Iterator<Item = &model::Decision> {
        let decisions = match &self.outcome {
            TurnOutcome::Verdict(verdict) => verdict.decisions.as_slice(),
            TurnOutcome::Fault { kind: _, text: _ } => &[],
        };
        decisions.iter()
    }
}

/// Which turns are kept besides those of one policy.
type Also = Box<dyn Fn(&Change) -> bool + Send + Sync>;

/// Policies, watched.
pub struct Tracing {
    inner: Arc<dyn Plugins>,
    binding: String,
    also: Also,
    metered: bool,
    shown: Mutex<Vec<Shown>>,
}

impl Tracing {
    /// Keeps every turn of this policy; with its fuel, if it is to be `metered`, which evaluates each turn again.
    #[must_use]
    pub fn of(inner: Arc<dyn Plugins>, binding: &str, metered: bool) -> Tracing {
        Tracing::with(inner, binding, metered, Box::new(|_| false))
    }

    /// Besides, the turns at which another policy decided something of this sort.
    #[must_use]
    pub fn with(inner: Arc<dyn Plugins>, binding: &str, metered: bool, also: Also) -> Tracing {
        Tracing { inner, binding: binding.to_owned(), also, metered, shown: Mutex::default() }
    }

    fn shown(&self) -> MutexGuard<'_, Vec<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All turns that were kept, in the order in which they were taken, and empties it.
    #[must_use]
    pub fn take(&self) -> Vec<Shown> {
        std::mem::take(&mut *self.shown())
    }

    /// The turns of a customer that were not forgotten since, in the order in which they were taken, and empties it.
    #[must_use]
    pub fn last(&self, customer: &Customer) -> Vec<Shown> {
        let hers = self.take().into_iter().filter(|shown| shown.customer == customer.id);
        let mut last: Vec<Shown> = Vec::new();
        for shown in hers {
            let before = last.iter().rev().find(|other| other.binding == shown.binding);
            let fact =
                last.iter().rev().find(|other| other.binding == shown.binding && other.alarm.is_none());
            let other = before.is_some_and(|before| {
                (before.digest, before.settings) != (shown.digest, shown.settings) && !shown.carry
            });
            // Facts come in the order of the journal: one that is not behind the last one begins anew.
            let again = shown.alarm.is_none() && fact.is_some_and(|fact| fact.position >= shown.position);
            if other || again {
                last.retain(|other| other.binding != shown.binding);
            }
            last.push(shown);
        }
        // What was hers while she was another is not any more.
        last.retain(|shown| customer.has(shown.position));
        last
    }

    fn watch(&self, binding: &Binding, turn: &Turn<'_>, outcome: &TurnOutcome) -> Result<(), PluginsError> {
        let own = binding.name == self.binding;
        let also = match outcome {
            TurnOutcome::Verdict(verdict) => verdict.decisions.iter().any(|said| (self.also)(&said.change)),
            TurnOutcome::Fault { kind: _, text: _ } => false,
        };
        if !own && !also {
            return Ok(());
        }
        let fuel = if own && self.metered { self.inner.fuel(binding, turn)? } else { None };
        let alarm = match turn.happening {
            Happening::Alarm { key, due: _ } => Some(key.to_owned()),
            Happening::Fact { event: _, extra: _ } => None,
        };
        let mut kept = self.shown();
        if kept.len() == TURNS_MAX {
            let reason = format!(
                "it had {TURNS_MAX} turns of these people: more are not explained; ask as of earlier"
            );
            return Err(PluginsError { binding: binding.name.clone(), reason, class: Class::Reject });
        }
        kept.push(Shown {
            binding: binding.name.clone(),
            digest: binding.digest,
            settings: Digest(*blake3::hash(binding.settings.as_bytes()).as_bytes()),
            carry: binding.carry,
            customer: turn.customer.id,
            position: turn.position,
            now: turn.now,
            alarm,
            before: turn.memory.map(<[u8]>::to_vec),
            outcome: outcome.clone(),
            fuel,
        });
        Ok(())
    }
}

impl Plugins for Tracing {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let outcomes = self.inner.evaluate(binding, turns)?;
        for (turn, outcome) in turns.iter().zip(&outcomes) {
            self.watch(binding, turn, outcome)?;
        }
        Ok(outcomes)
    }

    fn fuel(&self, binding: &Binding, turn: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        self.inner.fuel(binding, turn)
    }
}
