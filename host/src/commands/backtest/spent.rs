//! What the two versions of a policy cost: fuel is counted by the sandbox in the calls of the fold itself.

use std::sync::atomic::{AtomicU64, Ordering};

use heliu::wiring::{self, Policies};
use model::{Binding, Turn};
use router::{Plugins, PluginsError, TurnOutcome};

/// The policies of a backtest, counted while they decide.
pub(super) struct Counted<'a> {
    policies: &'a Policies,
    /// The bound version, and the one that is tried.
    versions: [(&'a Binding, Sum); 2],
}

/// What one version was shown, and what it took.
#[derive(Debug, Default)]
struct Sum {
    turns: AtomicU64,
    fuel: AtomicU64,
}

/// Units of fuel, about one for each instruction: all calls together, the start of each instance included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) fuel: u64,
    /// For each turn of this policy.
    pub(super) a_turn: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(policies: &'a Policies, versions: [&'a Binding; 2]) -> Counted<'a> {
        Counted { policies, versions: versions.map(|binding| (binding, Sum::default())) }
    }

    pub(super) fn spent(&self) -> [Spent; 2] {
        [0, 1].map(|side: usize| {
            let (_, Sum { turns, fuel }) = &self.versions[side];
            let (turns, fuel) = (turns.load(Ordering::Relaxed), fuel.load(Ordering::Relaxed));
            Spent { fuel, a_turn: fuel / turns.max(1) }
        })
    }
}

impl Plugins for Counted<'_> {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let evaluation = self.policies.evaluate_metered(binding, turns)?;
        let is = |version: &Binding| {
            (&version.name, version.digest, &version.settings)
                == (&binding.name, binding.digest, &binding.settings)
        };
        for (version, sum) in &self.versions {
            if is(version) {
                sum.turns.fetch_add(turns.len() as u64, Ordering::Relaxed);
                sum.fuel.fetch_add(evaluation.fuel, Ordering::Relaxed);
            }
        }
        Ok(wiring::outcomes(evaluation))
    }
}
