//! A policy's exports, and what it says, as model's values.

use wasmtime::component::{Component, ComponentExportIndex, Instance, TypedFunc};
use wasmtime::{AsContextMut, Result};

use super::turn::TurnRef;
use super::{PACKED_POLICY, POLICY, policy_types as wit};

/// Where a component keeps the functions of `policy`, and of `packed-policy` if it has that. Looked up once per component.
#[derive(Clone, Copy)]
pub struct PolicyExports {
    describe: ComponentExportIndex,
    evaluate: ComponentExportIndex,
    packed: Option<ComponentExportIndex>,
}

impl PolicyExports {
    /// None: the component does not export `policy`, or not all of it.
    #[must_use]
    pub fn find(component: &Component) -> Option<PolicyExports> {
        let interface = component.get_export_index(None, POLICY)?;
        let describe = component.get_export_index(Some(&interface), "describe")?;
        let evaluate = component.get_export_index(Some(&interface), "evaluate")?;
        let packed = component.get_export_index(None, PACKED_POLICY);
        let packed = packed.and_then(|packed| component.get_export_index(Some(&packed), "evaluate"));
        Some(PolicyExports { describe, evaluate, packed })
    }

    #[must_use]
    pub fn of(self, instance: Instance) -> PolicyInstance {
        PolicyInstance { exports: self, instance }
    }
}

type Evaluate<'a> = TypedFunc<(&'a str, &'a [TurnRef<'a>]), (Result<Vec<wit::Verdict>, String>,)>;
type EvaluatePacked<'a> = TypedFunc<(&'a str, &'a [u8]), (Result<Vec<u8>, String>,)>;

/// The exports of one instance. A trap in either function leaves the store unusable.
pub struct PolicyInstance {
    exports: PolicyExports,
    instance: Instance,
}

impl PolicyInstance {
    /// # Errors
    /// A trap, or a function that is not the contract's.
    pub fn describe(&self, mut store: impl AsContextMut) -> Result<model::PolicyDescriptor> {
        let describe =
            self.instance.get_typed_func::<(), (wit::Descriptor,)>(&mut store, self.exports.describe)?;
        let (descriptor,) = describe.call(&mut store, ())?;
        Ok(descriptor.into())
    }

    /// Is `evaluate` the function of the contract, and the packed one as well?
    ///
    /// # Errors
    /// Says where its type differs.
    pub fn check(&self, mut store: impl AsContextMut) -> Result<()> {
        let _: Evaluate<'_> = self.instance.get_typed_func(&mut store, self.exports.evaluate)?;
        if let Some(packed) = self.exports.packed {
            let _: EvaluatePacked<'_> = self.instance.get_typed_func(&mut store, packed)?;
        }
        Ok(())
    }

    /// Turns for verdicts, packed where the policy takes them so. The inner error is the policy's own.
    ///
    /// # Errors
    /// A trap, or a function that is not the contract's.
    pub fn evaluate(
        &self,
        mut store: impl AsContextMut,
        settings: &str,
        turns: &[model::Turn<'_>],
    ) -> Result<Result<Answer, String>> {
        if let Some(packed) = self.exports.packed {
            let evaluate: EvaluatePacked<'_> = self.instance.get_typed_func(&mut store, packed)?;
            let (verdicts,) = evaluate.call(&mut store, (settings, &super::packed::pack(turns)))?;
            return Ok(verdicts.map(Answer::Packed));
        }
        let evaluate: Evaluate<'_> = self.instance.get_typed_func(&mut store, self.exports.evaluate)?;
        let lent: Vec<TurnRef<'_>> = turns.iter().map(TurnRef::from).collect();
        let (verdicts,) = evaluate.call(&mut store, (settings, &lent))?;
        Ok(verdicts.map(|verdicts| Answer::Plain(verdicts.into_iter().map(Into::into).collect())))
    }
}

/// Verdicts as a policy gave them.
pub enum Answer {
    Plain(Vec<model::Verdict>),
    /// For [`PackedVerdicts`](super::PackedVerdicts).
    Packed(Vec<u8>),
}

impl From<wit::Descriptor> for model::PolicyDescriptor {
    fn from(descriptor: wit::Descriptor) -> Self {
        let wit::Descriptor { title, settings_schema, wants, tags, journeys, reads } = descriptor;
        model::PolicyDescriptor { title, settings_schema, wants, tags, journeys, reads }
    }
}

impl From<wit::Verdict> for model::Verdict {
    fn from(verdict: wit::Verdict) -> Self {
        let wit::Verdict { decisions, memory } = verdict;
        model::Verdict { decisions: decisions.into_iter().map(Into::into).collect(), memory }
    }
}

impl From<wit::Decision> for model::Decision {
    fn from(decision: wit::Decision) -> Self {
        let wit::Decision { why, change } = decision;
        model::Decision { why, change: change.into() }
    }
}

impl From<wit::Change> for model::Change {
    fn from(change: wit::Change) -> Self {
        match change {
            wit::Change::Tag(wit::NewTag { name, expires }) => {
                model::Change::Tag(model::NewTag { name, expires })
            }
            wit::Change::Untag(name) => model::Change::Untag(name),
            wit::Change::Stage(wit::HeldStage { journey, stage }) => {
                model::Change::Stage(model::Stage { journey, stage })
            }
            wit::Change::Put(told) => model::Change::Put(told.into()),
            wit::Change::Wake(wit::Alarm { key, due }) => model::Change::Wake(model::Wake { key, due }),
            wit::Change::Quiet(key) => model::Change::Quiet(key),
            wit::Change::Intend(intent) => model::Change::Intend(intent.into()),
            wit::Change::Tell(event) => model::Change::Tell(event.into()),
            wit::Change::AskStaff(wit::StaffTask { title, due }) => {
                model::Change::AskStaff(model::StaffTask { title, due })
            }
        }
    }
}

impl From<wit::Intent> for model::Intent {
    fn from(intent: wit::Intent) -> Self {
        let wit::Intent { key, scene, text, content, detail, not_before, not_after } = intent;
        model::Intent { key, scene, text, content: content.map(Into::into), detail, not_before, not_after }
    }
}
