//! Why a step of the fold was not done. The store stands where it stood.

use journal::JournalError;
use model::Class;
use store::StoreError;

use crate::PluginsError;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Plugins(#[from] PluginsError),
    /// The journal is shorter than what was folded: an older one was put back beside a newer store.
    #[error(
        "the store stands at position {stands} and the journal ends at {head}: they do not belong together; move the store \
         away, the journal gives it back"
    )]
    Ahead { stands: model::Position, head: model::Position },
    /// The host was told to stop.
    #[error("stopped; the fold goes on from where the store stands")]
    Halted,
    #[error("store: a handle belongs to {customer}, whom the store does not have: it is damaged")]
    Lost { customer: model::CustomerId },
    /// A derived event that the fold gives is not in the journal: this is not the journal that the store was made of.
    #[error("the event that \"{binding}\" told at position {position} is not in the journal")]
    Untold { binding: String, position: model::Position },
    /// Somebody asked for a policy that the setup does not have.
    #[error("no policy \"{policy}\" is in force there; there is: {}", if bound.is_empty() { "none".to_owned() } else { bound.join(", ") })]
    Unbound { policy: String, bound: Vec<String> },
}

impl RouterError {
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            RouterError::Journal(error) => error.class(),
            RouterError::Store(error) => error.class(),
            RouterError::Plugins(error) => error.class,
            RouterError::Ahead { stands: _, head: _ }
            | RouterError::Lost { customer: _ }
            | RouterError::Untold { binding: _, position: _ } => Class::Operator,
            RouterError::Unbound { policy: _, bound: _ } => Class::Reject,
            RouterError::Halted => Class::Retry,
        }
    }
}
