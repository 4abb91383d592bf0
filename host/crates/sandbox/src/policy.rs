//! Calls of policies: one verdict or one fault for each turn, the same on every machine and in every batch.
//!
//! Invariant: what comes out for a turn depends on the policy, the settings and the turn, never on its neighbours or on
//! how the host cut the journal. Every call of `evaluate`, of one turn or of many, gets the same fuel in a fresh
//! instance. A call that fails in whatever way is split into halves, each in a fresh instance again, down to single
//! turns; a single turn that fails is that turn's fault. So a batch is only ever a faster way to the same outcomes.
//!
//! A policy that keeps state from one turn of a call to the next breaks its contract, and could still tell. So one turn in
//! `TRIED_ALONE` is decided alone besides: where that gives something else, the policy is named, and nothing of it is used.

use std::sync::Arc;

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
            .map_err(|OutOfBounds(reason)| LoadErrorKind::Descriptor { reason })?;
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
        let mut evaluation =
            Evaluation { outcomes: Vec::with_capacity(turns.len()), fuel: 0, calls: 0, memory_bytes: 0 };
        for range in batch::cut(turns, &self.inner.runtime.limits) {
            let first = evaluation.outcomes.len();
            self.decide(settings, &turns[range.clone()], &mut evaluation)?;
            self.try_alone(settings, &turns[range], first, &mut evaluation)?;
        }
        Ok(evaluation)
    }

    /// Appends one outcome for each turn.
    fn decide(&self, settings: &str, turns: &[Turn<'_>], evaluation: &mut Evaluation) -> Result<(), Trouble> {
        let attempt = self.attempt(settings, turns, evaluation)?;
        match attempt {
            Ok(verdicts) => {
                evaluation.outcomes.extend(verdicts.into_iter().map(|verdict| self.judge(verdict)));
            }
            Err(fault) if turns.len() == 1 => evaluation.outcomes.push(TurnOutcome::Fault(fault)),
            Err(_) => {
                let (first, second) = turns.split_at(turns.len() / 2);
                self.decide(settings, first, evaluation)?;
                self.decide(settings, second, evaluation)?;
            }
        }
        Ok(())
    }

    /// Decides some of these turns again, each by itself. Their outcomes begin at `first`.
    fn try_alone(
        &self,
        settings: &str,
        turns: &[Turn<'_>],
        first: usize,
        evaluation: &mut Evaluation,
    ) -> Result<(), Trouble> {
        if turns.len() == 1 {
            return Ok(());
        }
        for (at, turn) in turns.iter().enumerate().filter(|(_, turn)| turn.position % TRIED_ALONE == 0) {
            let mut alone =
                Evaluation { outcomes: Vec::with_capacity(1), fuel: 0, calls: 0, memory_bytes: 0 };
            self.decide(settings, std::slice::from_ref(turn), &mut alone)?;
            evaluation.fuel += alone.fuel;
            evaluation.calls += alone.calls;
            evaluation.memory_bytes = evaluation.memory_bytes.max(alone.memory_bytes);
            if alone.outcomes[0] != evaluation.outcomes[first + at] {
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
        settings: &str,
        turns: &[Turn<'_>],
        evaluation: &mut Evaluation,
    ) -> Result<Result<Vec<Verdict>, TurnFault>, Trouble> {
        let Inner { runtime, pre, exports, .. } = &*self.inner;
        let mut store = store(runtime, ticks(runtime.limits.policy_wall));
        let answer = pre
            .instantiate(&mut store)
            .and_then(|instance| exports.of(instance).evaluate(&mut store, settings, turns));
        let left = store.get_fuel().unwrap_or(0);
        evaluation.calls += 1;
        evaluation.memory_bytes = evaluation.memory_bytes.max(store.data().held());
        evaluation.fuel += runtime.limits.policy_fuel.saturating_sub(left);
        match answer {
            Ok(Ok(answer)) => Ok(answer::verdicts(answer, turns.len(), &runtime.limits)
                .map_err(|OutOfBounds(text)| TurnFault { kind: TurnFaultKind::Bounds, text })),
            Ok(Err(text)) => Ok(Err(self.refused(&text, settings))),
            Err(error) => self.sort(&error),
        }
    }

    fn judge(&self, verdict: Verdict) -> TurnOutcome {
        let bounds = Bounds::new(&self.inner.runtime.limits);
        match bounds.verdict(&verdict, &self.inner.descriptor) {
            Ok(()) => TurnOutcome::Verdict(verdict),
            Err(OutOfBounds(text)) => TurnOutcome::Fault(TurnFault { kind: TurnFaultKind::Bounds, text }),
        }
    }

    fn refused(&self, text: &str, settings: &str) -> TurnFault {
        let redactor = Redactor::new(&self.inner.descriptor.settings_schema, settings, &[]);
        let text = redactor.shown(text, self.inner.runtime.limits.log_line_bytes);
        TurnFault { kind: TurnFaultKind::Refused, text }
    }

    /// Tells the policy's doing from the host's trouble. Only what is the same everywhere may be a turn's fault.
    fn sort<T>(&self, error: &wasmtime::Error) -> Result<Result<T, TurnFault>, Trouble> {
        let policy = || self.inner.descriptor.title.clone();
        let (kind, text) = match ending(error, Class::Policy) {
            Ending::Limit { name: "policy_fuel", text } => (TurnFaultKind::Fuel, text),
            Ending::Limit { name: _, text } => (TurnFaultKind::Memory, text),
            Ending::Trap { text } => (TurnFaultKind::Trap, text),
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
        Ok(Err(TurnFault { kind, text }))
    }
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
