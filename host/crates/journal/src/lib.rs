//! The journal: the append-only truth, and what belongs to the very commit of an append.
//!
//! [`Journal`] is the contract, [`MemoryJournal`] its reference, `conformance` the suite that every backend runs, and
//! [`Committer`] the group commit that stands before all of them: many callers, one durable append.

mod batch;
mod committer;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod contract;
mod dead;
mod memory;

pub use batch::{
    Batch, ChoreEnd, ChoreUpdate, Erasure, Gone, Head, Naming, Placed, Receipt, Recollection, WaitingChore,
};
pub use committer::{Appender, Committer, CommitterConfig, Refused};
pub use contract::{Journal, JournalError, Records, before, fingerprint, fingerprint_of};
pub use dead::{
    DeadCount, DeadLetter, DeadQuery, DeadRequest, DeadState, DeadWhat, Ended, HowEnded, LetterEnd, Letters,
    retry_in_vain,
};
pub use memory::MemoryJournal;
