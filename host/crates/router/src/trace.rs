//! Watches what policies are shown and what they answer, while somebody's past is folded again.
//!
//! A past may be folded several times in one fold of a slice: a setup, a merge or a correction forgets what was decided
//! before. [`Tracing::last`] leaves the turns that her document comes of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{
    Binding, Change, Class, Customer, CustomerId, Digest, FoldState, Happening, Instant, Pause, Position,
    Turn,
};

use crate::{PassedOver, Plugins, PluginsError, TurnOutcome, rounds};

/// Turns that are kept. A turn's memory is some kilobytes at most; who has more turns is not explained by a list of them.
const TURNS_MAX: usize = 100_000;

/// One turn as a policy was shown it, and what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    decider: Decider,
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

/// A turn that the policy was not shown, because it was paused, and that nothing made up for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    decider: Decider,
    /// The record; for an alarm, the record at which the alarm was asked for.
    pub position: Position,
    /// The journal's time of it; for an alarm, its due time.
    pub now: Instant,
    /// The key of the alarm, where it was one.
    pub alarm: Option<String>,
    pub pause: Pause,
}

/// What is left of a fold that was watched: what her document comes of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// In the order in which they were taken.
    pub turns: Vec<Shown>,
    /// Turns that the policy which is watched would have had.
    pub skipped: Vec<Skipped>,
}

/// One step of a policy, taken or not.
enum Step {
    Shown(Shown),
    Skipped(Skipped),
}

/// Which version of which policy, about whom.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decider {
    binding: String,
    digest: Digest,
    settings: Digest,
    carry: bool,
    customer: CustomerId,
}

impl Decider {
    fn of(binding: &Binding, customer: CustomerId) -> Decider {
        let Binding { name, digest, settings, descriptor: _, carry, paused: _ } = binding;
        let settings = Digest(*blake3::hash(settings.as_bytes()).as_bytes());
        Decider { binding: name.clone(), digest: *digest, settings, carry: *carry, customer }
    }

    fn version(&self, state: &FoldState) -> Option<u32> {
        let Decider { binding, digest, settings, carry: _, customer: _ } = self;
        let same = |version: &model::Version| {
            (&version.binding, &version.digest, &version.settings) == (binding, digest, settings)
        };
        u32::try_from(state.versions.iter().rposition(same)?).ok()
    }
}

impl Step {
    fn decider(&self) -> &Decider {
        match self {
            Step::Shown(shown) => &shown.decider,
            Step::Skipped(skipped) => &skipped.decider,
        }
    }

    fn position(&self) -> Position {
        match self {
            Step::Shown(shown) => shown.position,
            Step::Skipped(skipped) => skipped.position,
        }
    }

    fn is_alarm(&self) -> bool {
        match self {
            Step::Shown(shown) => shown.alarm.is_some(),
            Step::Skipped(skipped) => skipped.alarm.is_some(),
        }
    }
}

impl Skipped {
    /// The index of the version that would have decided, in the fold's list.
    #[must_use]
    pub fn version(&self, state: &FoldState) -> Option<u32> {
        self.decider.version(state)
    }
}

impl Shown {
    /// The policy's name.
    #[must_use]
    pub fn binding(&self) -> &str {
        &self.decider.binding
    }

    /// The index of the version that decided, in the fold's list.
    #[must_use]
    pub fn version(&self, state: &FoldState) -> Option<u32> {
        self.decider.version(state)
    }

    /// What it changes, in its order. A fault changes nothing.
    pub fn changes(&self) -> impl Iterator<Item = &model::Decision> {
        let decisions = match &self.outcome {
            TurnOutcome::Verdict(verdict) => verdict.decisions.as_slice(),
            TurnOutcome::Fault { kind: _, text: _ } => &[],
        };
        decisions.iter()
    }

    /// What it tells of others, each with the id that the event has in the journal.
    pub fn tells(&self) -> impl Iterator<Item = (String, &model::Decision)> {
        let occasion = (self.position, self.now, self.alarm.as_deref());
        let told =
            self.changes().enumerate().filter(|(_, decision)| matches!(decision.change, Change::Tell(_)));
        told.map(move |(place, decision)| (rounds::derived_id(self.binding(), occasion, place), decision))
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
    steps: Mutex<Vec<Step>>,
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
        Tracing { inner, binding: binding.to_owned(), also, metered, steps: Mutex::default() }
    }

    fn steps(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All turns that were kept, in the order in which they were taken, and empties it.
    #[must_use]
    pub fn take(&self) -> Vec<Shown> {
        let steps = std::mem::take(&mut *self.steps());
        let shown = steps.into_iter().filter_map(|step| match step {
            Step::Shown(shown) => Some(shown),
            Step::Skipped(_) => None,
        });
        shown.collect()
    }

    /// The turns of a customer that were not forgotten since, and empties it.
    #[must_use]
    pub fn last(&self, customer: &Customer) -> Last {
        let mut last: Vec<Step> = Vec::new();
        for step in std::mem::take(&mut *self.steps()) {
            let decider = step.decider();
            if decider.customer != customer.id {
                continue;
            }
            let own = || last.iter().rev().filter(|other| other.decider().binding == decider.binding);
            let other = own().next().map(Step::decider).is_some_and(|before| {
                (before.digest, before.settings) != (decider.digest, decider.settings) && !decider.carry
            });
            let fact = own().find(|step| !step.is_alarm());
            // Facts come in the order of the journal: one that is not behind the last one begins anew.
            let again = !step.is_alarm() && fact.is_some_and(|fact| fact.position() >= step.position());
            if other || again {
                last.retain(|other| other.decider().binding != decider.binding);
            }
            last.push(step);
        }
        let mut left = Last::default();
        for step in last {
            match step {
                // What was hers while she was another is not any more.
                step if !customer.has(step.position()) => {}
                Step::Shown(shown) => left.turns.push(shown),
                Step::Skipped(skipped) => left.skipped.push(skipped),
            }
        }
        left
    }

    fn keep(&self, step: Step) -> Result<(), PluginsError> {
        let mut kept = self.steps();
        if kept.len() == TURNS_MAX {
            let reason = format!(
                "it had {TURNS_MAX} turns of these people: more are not explained; ask as of earlier"
            );
            let binding = step.decider().binding.clone();
            return Err(PluginsError { binding, reason, class: Class::Reject });
        }
        kept.push(step);
        Ok(())
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
        self.keep(Step::Shown(Shown {
            decider: Decider::of(binding, turn.customer.id),
            position: turn.position,
            now: turn.now,
            alarm,
            before: turn.memory.map(<[u8]>::to_vec),
            outcome: outcome.clone(),
            fuel,
        }))
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

    fn pass_over(&self, binding: &Binding, over: &PassedOver<'_>) -> Result<(), PluginsError> {
        if binding.name != self.binding {
            return Ok(());
        }
        let PassedOver { customer, position, now, alarm, pause } = *over;
        let (decider, alarm) = (Decider::of(binding, customer), alarm.map(str::to_owned));
        self.keep(Step::Skipped(Skipped { decider, position, now, alarm, pause }))
    }
}
