//! The router's port to the sandbox.

use model::{Binding, Class, CustomerId, Instant, Pause, Position, Turn, Verdict};

/// Whoever can call policies. The sandbox in production, plain functions in tests.
///
/// - One outcome for each turn, in their order.
/// - The outcome of a turn depends on the binding and on the turn, never on what stands beside it.
/// - What is not the turn's own doing (the host is out of memory, the wall clock ran out) is an error of the whole
///   call: nothing is skipped, the caller tries again.
pub trait Plugins: Send + Sync {
    /// # Errors
    /// [`PluginsError`]; no turn was decided.
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError>;

    /// What a call with this turn alone costs, in units of fuel: about one for each instruction, the start of the instance
    /// and the reading of the settings included. Evaluates it again. None: whoever decides here is not metered.
    ///
    /// # Errors
    /// [`PluginsError`].
    fn fuel(&self, _binding: &Binding, _turn: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        Ok(None)
    }

    /// A turn that the policy is not shown, because it is paused. Nothing comes of it: it is told for whoever watches a fold.
    ///
    /// # Errors
    /// [`PluginsError`].
    fn pass_over(&self, _binding: &Binding, _over: &PassedOver<'_>) -> Result<(), PluginsError> {
        Ok(())
    }
}

/// A turn that a paused policy is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedOver<'a> {
    pub customer: CustomerId,
    /// The record; for an alarm, the record at which the alarm was asked for.
    pub position: Position,
    /// The journal's time of it; for an alarm, its due time.
    pub now: Instant,
    /// The key of the alarm, where it is one.
    pub alarm: Option<&'a str>,
    pub pause: Pause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnOutcome {
    Verdict(Verdict),
    /// The policy fails at this turn, and will whenever it is tried.
    Fault {
        /// One word, for dead letters and metrics: `trap`, `fuel`, `limit`, `answer`, `refused`.
        kind: String,
        text: String,
    },
}

/// The policy could not be called now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy \"{binding}\": {reason}")]
pub struct PluginsError {
    pub binding: String,
    pub reason: String,
    pub class: Class,
}
