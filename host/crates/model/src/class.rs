//! Who must act on an error, and whether to try again.

/// Every error of the host answers this about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody: it may work when tried again.
    Retry,
    /// Whoever sent the input: the same input never works.
    Reject,
    /// The operator: a file, a right, a setting.
    Operator,
    /// We: an invariant does not hold.
    Bug,
}
