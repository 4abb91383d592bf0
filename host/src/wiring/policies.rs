//! The router's port to the sandbox.

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::{Binding, Class, Digest, Turn};
use router::{Plugins, PluginsError, TurnOutcome};
use sandbox::{Evaluation, Grants, Plugin, Policy, Sandbox};
use sha2::{Digest as _, Sha256};

use super::Shelf;

/// Policies by the digest that the journal names.
pub struct Policies {
    sandbox: Sandbox,
    shelf: Shelf,
    loaded: Mutex<HashMap<Digest, Policy>>,
}

impl Policies {
    pub fn new(sandbox: Sandbox, shelf: Shelf) -> Policies {
        Policies { sandbox, shelf, loaded: Mutex::default() }
    }

    pub fn add(&self, policy: &Policy) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(policy.digest(), policy.clone());
    }

    /// As `evaluate`, and says what it cost.
    ///
    /// # Errors
    /// The same.
    pub fn evaluate_metered(
        &self,
        binding: &Binding,
        turns: &[Turn<'_>],
    ) -> Result<Evaluation, PluginsError> {
        self.evaluate_within(binding, turns, Duration::MAX)
    }

    /// The same, where calls that come to nothing may take so long together.
    ///
    /// # Errors
    /// The same, and of the class `Reject` where they took longer: tried again, they would come to nothing again.
    pub fn evaluate_within(
        &self,
        binding: &Binding,
        turns: &[Turn<'_>],
        failing_max: Duration,
    ) -> Result<Evaluation, PluginsError> {
        let evaluation = self.policy(binding)?.evaluate_within(&binding.settings, turns, failing_max);
        evaluation.map_err(|trouble| PluginsError {
            binding: binding.name.clone(),
            class: trouble.class(),
            reason: trouble.to_string(),
        })
    }

    fn loaded(&self, digest: Digest) -> Option<Policy> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    /// Takes it in if it is not there: compiling it may take minutes, and nobody waits for it who asks for another.
    fn policy(&self, binding: &Binding) -> Result<Policy, PluginsError> {
        if let Some(policy) = self.loaded(binding.digest) {
            return Ok(policy);
        }
        let error =
            |reason: String| PluginsError { binding: binding.name.clone(), reason, class: Class::Operator };
        let place = self.shelf.place(binding.digest);
        let bytes = fs::read(&place).map_err(|io| {
            error(format!("{}: {io}: the journal needs this version; put the file back", place.display()))
        })?;
        // What was signed, or looked at, when it was taken in is what the journal names: nothing else may decide.
        if Digest(Sha256::digest(&bytes).into()) != binding.digest {
            return Err(error(format!(
                "{}: not the component of that name; put the file back",
                place.display()
            )));
        }
        match self.sandbox.admit(&bytes, &Grants::none()) {
            Ok(Plugin::Policy(policy)) => {
                self.add(&policy);
                Ok(policy)
            }
            Ok(Plugin::Connector(_)) => Err(error(format!("{}: not a policy", place.display()))),
            Err(refused) => Err(error(format!("{}: {refused}", place.display()))),
        }
    }
}

/// What the sandbox decided, as the fold takes it.
pub fn outcomes(evaluation: Evaluation) -> Vec<TurnOutcome> {
    let outcome = |outcome| match outcome {
        sandbox::TurnOutcome::Verdict(verdict) => TurnOutcome::Verdict(verdict),
        sandbox::TurnOutcome::Fault(fault) => {
            TurnOutcome::Fault { kind: fault.kind.name().to_owned(), text: fault.text }
        }
    };
    evaluation.outcomes.into_iter().map(outcome).collect()
}

impl Plugins for Policies {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        Ok(outcomes(self.evaluate_metered(binding, turns)?))
    }

    fn fuel(&self, binding: &Binding, turn: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        Ok(Some(self.evaluate_metered(binding, std::slice::from_ref(turn))?.fuel))
    }
}

#[cfg(test)]
mod tests {
    use model::PolicyDescriptor;
    use sandbox::{Compiler, Limits, SandboxConfig};

    use super::*;

    fn binding(digest: Digest) -> Binding {
        let descriptor = PolicyDescriptor {
            title: String::new(),
            settings_schema: "{}".to_owned(),
            wants: Vec::new(),
            tags: Vec::new(),
            journeys: Vec::new(),
            reads: Vec::new(),
        };
        let (name, settings) = ("tags".to_owned(), "{}".to_owned());
        Binding { name, digest, settings, descriptor, carry: false, paused: None }
    }

    #[test]
    fn nobody_waits_for_a_policy_that_is_compiled_but_who_asks_for_it() {
        let text = "(component (instance $policy) (export \"heliu:plugin/policy@0.1.0\" (instance $policy)))";
        let component = wat::parse_str(text).unwrap();
        let (folder, slow) = (tempfile::tempdir().unwrap(), super::super::digest(&component));
        fs::write(folder.path().join(format!("{slow}.wasm")), component).unwrap();
        let started = folder.path().join("started");
        let script = format!("touch {}; exec sleep 1000", started.display());
        let limits = Limits {
            policy_calls: 1,
            connector_calls: 1,
            compile_wall: Duration::from_secs(4),
            ..Limits::default()
        };
        let compiler = Compiler::new("/bin/sh", &["-c", &script]);
        let sandbox = Sandbox::new(SandboxConfig { limits, compiler, cache_dir: None }).unwrap();
        let policies = Policies::new(sandbox, Shelf::at(folder.path()));
        std::thread::scope(|scope| {
            let compiling = scope.spawn(|| policies.evaluate_metered(&binding(slow), &[]));
            while !started.exists() {
                assert!(!compiling.is_finished(), "it is compiled");
                std::thread::sleep(Duration::from_millis(5));
            }
            let missing = policies.evaluate_metered(&binding(Digest([7; 32])), &[]).unwrap_err();
            assert!(missing.reason.contains("put the file back"), "{missing}");
            assert!(!compiling.is_finished(), "it is asked for while the other is compiled");
            let refused = compiling.join().unwrap().unwrap_err();
            assert!(refused.reason.contains("compile_wall"), "{refused}");
        });
    }
}
