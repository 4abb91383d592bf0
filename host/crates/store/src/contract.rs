//! What every store promises.

use model::{Class, Customer, CustomerId, Digest, FoldState, Identity, Instant, Note};

use crate::{Agenda, Commit, Query, Standing};

/// The customers and the indexes over them, committed step by step together with how far the fold has come.
///
/// - **Atomic and exactly once.** A commit is kept whole, with its `to`, or not at all. One whose `from` is not where
///   the store stands is refused with [`StoreError::Conflict`]: what was committed is never committed twice.
/// - **Not necessarily durable.** After a power cut the store may stand where it stood some commits before. It is
///   whole there, and the fold goes on from there.
/// - A customer that was merged is found, under her old id and by her old handles, as the one that she is in now,
///   however often that went on.
/// - Equal customers, notes and fold state give an equal digest, on every backend and after every history.
pub trait Store: Send + Sync {
    /// # Errors
    /// [`StoreError`].
    fn standing(&self) -> Result<(Standing, FoldState), StoreError>;

    /// One answer for each id, in their order. None: nobody ever had it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError>;

    /// Who has each of these handles, in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError>;

    /// At most `limit` customers who stand on this agenda by `upto`, ascending by when, then by id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError>;

    /// # Errors
    /// [`StoreError::Conflict`] if the store stands elsewhere; the store is unchanged.
    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError>;

    /// # Errors
    /// [`StoreError`].
    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError>;

    /// At most `limit` notes behind the one with the key `after`, ascending by key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError>;

    /// The state hash, and what it stands for: both read at one moment.
    ///
    /// # Errors
    /// [`StoreError`].
    fn digest(&self) -> Result<(Digest, Standing), StoreError>;
}

/// Why the store could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("store: {doing}: {reason}")]
    Disk { doing: &'static str, reason: String },
    #[error("store {place}: damaged: {reason}: move it away and start again, the journal gives it back")]
    Damaged { place: String, reason: String },
    #[error("store: stands at {stands:?}, the commit came from {from:?}: another fold writes to it")]
    Conflict { stands: Standing, from: Standing },
    #[error("store {place}: schema {found}, this host reads up to {known}: use the newer host")]
    Newer { place: String, found: i64, known: i64 },
}

impl StoreError {
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            StoreError::Disk { doing: _, reason: _ } => Class::Retry,
            StoreError::Damaged { place: _, reason: _ }
            | StoreError::Newer { place: _, found: _, known: _ } => Class::Operator,
            StoreError::Conflict { stands: _, from: _ } => Class::Bug,
        }
    }
}
