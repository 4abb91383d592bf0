//! Calls of policies: one verdict or one fault for each turn, the same on every machine and in every batch.
//!
//! Invariant: what comes out for a turn depends on the policy, the settings and the turn, never on its neighbours or on
//! how the host cut the journal. Every call of `evaluate`, of one turn or of many, gets the same fuel in a fresh
//! instance. A call that fails in whatever way is split into halves, each in a fresh instance again, down to single
//! turns; a single turn that fails is that turn's fault. So a batch is only ever a faster way to the same outcomes.
//! Where both halves fail, the turns are decided one by one: a policy that fails at all of so many turns costs little more than
//! one call for each.
//!
//! Everybody else waits for calls that come to nothing. So whoever asks says how long those may take
//! ([`Policy::evaluate_within`]); past it the policy is in [`Trouble`], and no turn of it is skipped.
//!
//! A policy that keeps state from one turn of a call to the next breaks its contract, and could still tell. So one turn in
//! `TRIED_ALONE` is decided alone besides: where that gives something else, the policy is named, and nothing of it is used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use abi::v0_1::PolicyExports;
use model::{Digest, PolicyDescriptor, Turn, Verdict};
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::admission::LoadErrorKind;
use crate::answer;
use crate::batch;
use crate::bounds::{Bounds, OutOfBounds};
use crate::engine::{Class, ticks};
use crate::fault::{Trouble, TurnFault, TurnFaultKind};
use crate::meter::Meter;
use crate::redact::Redactor;
use crate::sandbox::Runtime;
use crate::stop::{Ending, backtrace, describe_failure, ending};

/// One turn in so many is decided alone, too. It costs an instance: a fiftieth of what the others do.
const TRIED_ALONE: u64 = 1024;

/// An admitted policy. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Arc<Runtime>,
    pre: InstancePre<Meter>,
    exports: PolicyExports,
    descriptor: PolicyDescriptor,
    digest: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnOutcome {
    Verdict(Verdict),
    /// The same whenever and wherever it is tried.
    Fault(TurnFault),
}

/// The outcomes of some turns, in their order, and what they cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    pub outcomes: Vec<TurnOutcome>,
    /// Of all calls together, for metrics. Depends on the batches.
    pub fuel: u64,
    /// Instances that were used. More than one per batch: something failed, or was tried alone, too.
    pub calls: u32,
    /// The most linear memory that one of them held.
    pub memory_bytes: usize,
    /// How long those calls took that came to nothing.
    pub failing: Duration,
}

impl Evaluation {
    fn of(turns: usize) -> Evaluation {
        let outcomes = Vec::with_capacity(turns);
        Evaluation { outcomes, fuel: 0, calls: 0, memory_bytes: 0, failing: Duration::ZERO }
    }
}

/// What one evaluation is about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    settings: &'a str,
    /// How long calls may take that come to nothing, of those that this evaluation needs.
    failing_max: Duration,
}

impl Policy {
    pub(crate) fn admit(
        runtime: &Arc<Runtime>,
        component: &Component,
        digest: Digest,
    ) -> Result<Policy, LoadErrorKind> {
        let interface = abi::v0_1::POLICY;
        let contract = |reason: String| LoadErrorKind::Contract { interface, reason };
        // An empty linker: a policy is given nothing.
        let pre = Linker::new(&runtime.policies.engine)
            .instantiate_pre(component)
            .map_err(|error| contract(format!("{error:#}")))?;
        let exports =
            PolicyExports::find(component).ok_or_else(|| contract("a function is missing".to_owned()))?;
        let mut store = store(runtime, ticks(runtime.limits.describe_cpu));
        let describe = |error: wasmtime::Error| LoadErrorKind::Describe {
            reason: describe_failure(&error, Class::Policy),
        };
        let instance = exports.of(pre.instantiate(&mut store).map_err(describe)?);
        instance.check(&mut store).map_err(|error| contract(format!("{error:#}")))?;
        let descriptor = instance.describe(&mut store).map_err(describe)?;
        Bounds::new(&runtime.limits)
            .policy_descriptor(&descriptor)
            .map_err(|OutOfBounds { text: reason, limit: _ }| LoadErrorKind::Descriptor { reason })?;
        let runtime = Arc::clone(runtime);
        Ok(Policy { inner: Arc::new(Inner { runtime, pre, exports, descriptor, digest }) })
    }

    #[must_use]
    pub fn descriptor(&self) -> &PolicyDescriptor {
        &self.inner.descriptor
    }

    /// SHA-256 of the component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// Decides turns of different customers. Computes: not for an async thread.
    ///
    /// Cuts what is longer than `batch_turns` or `batch_bytes`.
    ///
    /// # Errors
    /// [`Trouble`] of the host: no turn was decided, none may be skipped, the caller tries again.
    pub fn evaluate(&self, settings: &str, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, Trouble> {
        Ok(self.evaluate_metered(settings, turns)?.outcomes)
    }

    /// As [`Policy::evaluate`], and says what it cost.
    ///
    /// # Errors
    /// The same.
    pub fn evaluate_metered(&self, settings: &str, turns: &[Turn<'_>]) -> Result<Evaluation, Trouble> {
        self.evaluate_within(settings, turns, Duration::MAX)
    }

    /// The same, where calls that come to nothing may take so long together.
    ///
    /// # Errors
    /// The same, and [`Trouble::KeepsFailing`].
    pub fn evaluate_within(
        &self,
        settings: &str,
        turns: &[Turn<'_>],
        failing_max: Duration,
    ) -> Result<Evaluation, Trouble> {
        let asked = Asked { settings, failing_max };
        let mut evaluation = Evaluation::of(turns.len());
        for range in batch::cut(turns, &self.inner.runtime.limits) {
            let outcomes = self.decide(asked, &turns[range.clone()], &mut evaluation)?;
            self.try_alone(asked, &turns[range], &outcomes, &mut evaluation)?;
            evaluation.outcomes.extend(outcomes);
        }
        Ok(evaluation)
    }

    /// One outcome for each turn. What they cost is added to the evaluation.
    fn decide(
        &self,
        asked: Asked<'_>,
        turns: &[Turn<'_>],
        cost: &mut Evaluation,
    ) -> Result<Vec<TurnOutcome>, Trouble> {
        let attempt = self.attempt(asked, turns, cost)?;
        self.conclude(asked, turns, attempt, cost)
    }

    /// The same, where it is known what comes of them in one call.
    fn conclude(
        &self,
        asked: Asked<'_>,
        turns: &[Turn<'_>],
        attempt: Result<Vec<Verdict>, TurnFault>,
        cost: &mut Evaluation,
    ) -> Result<Vec<TurnOutcome>, Trouble> {
        let fault = match attempt {
            Ok(verdicts) => return Ok(verdicts.into_iter().map(|verdict| self.judge(verdict)).collect()),
            Err(fault) => fault,
        };
        if turns.len() == 1 {
            return Ok(vec![TurnOutcome::Fault(fault)]);
        }
        let (first, second) = turns.split_at(turns.len() / 2);
        let (one, other) = (self.attempt(asked, first, cost)?, self.attempt(asked, second, cost)?);
        if one.is_err() && other.is_err() && first.len() > 1 {
            // It fails here and there: to look on in halves would take up to two calls for each turn.
            let alone = turns.chunks(1).map(|turn| self.decide(asked, turn, cost));
            return Ok(alone.collect::<Result<Vec<_>, _>>()?.concat());
        }
        let mut outcomes = self.conclude(asked, first, one, cost)?;
        outcomes.extend(self.conclude(asked, second, other, cost)?);
        Ok(outcomes)
    }

    /// Decides some of these turns again, each by itself, and compares.
    fn try_alone(
        &self,
        asked: Asked<'_>,
        turns: &[Turn<'_>],
        outcomes: &[TurnOutcome],
        cost: &mut Evaluation,
    ) -> Result<(), Trouble> {
        if turns.len() == 1 {
            return Ok(());
        }
        let some = turns.iter().zip(outcomes).filter(|(turn, _)| turn.position % TRIED_ALONE == 0);
        for (turn, outcome) in some {
            let alone = self.decide(asked, std::slice::from_ref(turn), cost)?;
            if alone[0] != *outcome {
                let Inner { descriptor, digest, .. } = &*self.inner;
                let (policy, digest) = (descriptor.title.clone(), digest.short());
                return Err(Trouble::Unsteady { policy, digest, position: turn.position });
            }
        }
        Ok(())
    }

    /// One call in a fresh instance: a verdict for each turn, or why not.
    fn attempt(
        &self,
        asked: Asked<'_>,
        turns: &[Turn<'_>],
        cost: &mut Evaluation,
    ) -> Result<Result<Vec<Verdict>, TurnFault>, Trouble> {
        let began = Instant::now();
        let attempt = self.call(asked.settings, turns, cost)?;
        if let Err(fault) = &attempt {
            cost.failing = cost.failing.saturating_add(began.elapsed());
            if cost.failing > asked.failing_max {
                let Inner { descriptor, digest, .. } = &*self.inner;
                return Err(Trouble::KeepsFailing {
                    policy: descriptor.title.clone(),
                    digest: digest.short(),
                    failing_max_ms: asked.failing_max.as_millis(),
                    turns: turns.len(),
                    position: turns.first().map_or(0, |turn| turn.position),
                    how: fault.outline(),
                });
            }
        }
        Ok(attempt)
    }

    fn call(
        &self,
        settings: &str,
        turns: &[Turn<'_>],
        cost: &mut Evaluation,
    ) -> Result<Result<Vec<Verdict>, TurnFault>, Trouble> {
        let Inner { runtime, pre, exports, .. } = &*self.inner;
        let mut store = store(runtime, ticks(runtime.limits.policy_wall));
        let answer = pre
            .instantiate(&mut store)
            .and_then(|instance| exports.of(instance).evaluate(&mut store, settings, turns));
        let left = store.get_fuel().unwrap_or(0);
        cost.calls += 1;
        cost.memory_bytes = cost.memory_bytes.max(store.data().held());
        cost.fuel += runtime.limits.policy_fuel.saturating_sub(left);
        match answer {
            Ok(Ok(answer)) => {
                Ok(answer::verdicts(answer, turns.len(), &runtime.limits).map_err(out_of_bounds))
            }
            Ok(Err(text)) => Ok(Err(self.refused(&text, settings))),
            Err(error) => self.sort(&error),
        }
    }

    fn judge(&self, verdict: Verdict) -> TurnOutcome {
        let bounds = Bounds::new(&self.inner.runtime.limits);
        match bounds.verdict(&verdict, &self.inner.descriptor) {
            Ok(()) => TurnOutcome::Verdict(verdict),
            Err(out) => TurnOutcome::Fault(out_of_bounds(out)),
        }
    }

    fn refused(&self, text: &str, settings: &str) -> TurnFault {
        let redactor = Redactor::new(&self.inner.descriptor.settings_schema, settings, &[]);
        let text = redactor.shown(text, self.inner.runtime.limits.log_line_bytes);
        TurnFault { kind: TurnFaultKind::Refused, text, limit: None }
    }

    /// Tells the policy's doing from the host's trouble. Only what is the same everywhere may be a turn's fault.
    fn sort<T>(&self, error: &wasmtime::Error) -> Result<Result<T, TurnFault>, Trouble> {
        let policy = || self.inner.descriptor.title.clone();
        let (kind, text, limit) = match ending(error, Class::Policy) {
            Ending::Limit { name: name @ "policy_fuel", text } => (TurnFaultKind::Fuel, text, Some(name)),
            Ending::Limit { name, text } => (TurnFaultKind::Memory, text, Some(name)),
            Ending::Trap { text } => (TurnFaultKind::Trap, text, None),
            Ending::Interrupted => {
                let seconds = self.inner.runtime.limits.policy_wall.as_secs();
                return Err(Trouble::Backstop { policy: policy(), seconds });
            }
            Ending::Busy { text } => return Err(Trouble::Busy { policy: policy(), text }),
            Ending::Bug { text } => return Err(Trouble::Bug { policy: policy(), text }),
        };
        let text = match backtrace(error) {
            Some(trace) => format!("{text}; in {trace}"),
            None => text,
        };
        Ok(Err(TurnFault { kind, text, limit }))
    }
}

fn out_of_bounds(OutOfBounds { text, limit }: OutOfBounds) -> TurnFault {
    TurnFault { kind: TurnFaultKind::Bounds, text, limit }
}

/// A store with every limit set. The deadline is relative to now: a store is made for each call.
fn store(runtime: &Runtime, deadline: u64) -> Store<Meter> {
    let limits = &runtime.limits;
    let budget = Arc::clone(&runtime.memory);
    let meter = Meter::new(budget, "policy_memory_bytes", limits.policy_memory_bytes, limits.table_elements);
    let mut store = Store::new(&runtime.policies.engine, meter);
    store.limiter(|meter| meter);
    store.set_hostcall_fuel(limits.policy_hostcall_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(deadline);
    store.epoch_deadline_trap();
    store.set_fuel(limits.policy_fuel).expect("because the policy engine counts fuel");
    store
}
