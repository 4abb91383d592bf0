//! What every journal promises.

use std::sync::LazyLock;

use model::{Class, Digest, Entry, Instant, Position, Record, Source};

use crate::{
    Batch, DeadCount, DeadLetter, DeadQuery, Ended, Erasure, Gone, Head, Naming, Receipt, Recollection,
    WaitingChore,
};

/// An append-only list of records with dense positions from 1: what a fold reads and writes.
///
/// - **Durable.** When `append` returns, a power cut loses nothing of it.
/// - **Atomic.** All batches of one `append` are kept, or none. A caller that saw an error may append the same again.
/// - **Idempotent.** An event whose source and id stand in the journal already is not stored again, however long ago
///   that was; nor is the second of two in one `append`. Its receipt says [`crate::Placed::Known`] with the first's place.
///   Whether it is the same is decided by source and id alone, never by content.
/// - **Dense.** New entries get the positions `head + 1, head + 2, …` in the order of the batches and of their entries.
/// - **Ordered in time.** A record's `now` is its batch's, or that of the record in front of it if that is later.
///   An append without entries raises the floor for all later records in the same way.
/// - **Only erasure changes what is kept.** An erased record keeps its position, its time and its [`fingerprint`], so that it
///   is known when it is delivered again; what it said is in none of the journal's files any more once `erase` returns, as far
///   as the medium allows.
pub trait Records: Send + Sync {
    /// # Errors
    /// [`JournalError`]; the journal is unchanged.
    fn head(&self) -> Result<Head, JournalError>;

    /// Keeps the batches, in their order.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was kept.
    fn append(&self, batches: &[Batch]) -> Result<Vec<Receipt>, JournalError>;

    /// At most `limit` records behind `after`, in order. Fewer only at the end of the journal.
    ///
    /// # Errors
    /// [`JournalError`].
    fn read(&self, after: Position, limit: usize) -> Result<Vec<Record>, JournalError>;

    /// The records at these ascending positions, in order.
    ///
    /// # Errors
    /// [`JournalError::Missing`] for a position that the journal does not have.
    fn fetch(&self, positions: &[Position]) -> Result<Vec<Record>, JournalError>;

    /// Where the event with this id of this source stands.
    ///
    /// # Errors
    /// [`JournalError`].
    fn locate(&self, source: Source<'_>, id: &str) -> Result<Option<Position>, JournalError>;

    /// The setups behind `after`, in order. There are few.
    ///
    /// # Errors
    /// [`JournalError`].
    fn setups(&self, after: Position) -> Result<Vec<Record>, JournalError>;

    /// Puts other entries in the place of those that are to be forgotten, and removes what names somebody from all that waits;
    /// then what was said of dead letters that went by it. All of it, or nothing; done again it changes nothing.
    ///
    /// # Errors
    /// [`JournalError`]; [`JournalError::Missing`] for a position that the journal does not have. Nothing was changed.
    fn erase(&self, erasure: &Erasure) -> Result<Gone, JournalError>;
}

/// The records, and the small state of each connection that must be committed together with its records.
///
/// - Chores: two of a connection with one key are one; the later job with the earlier due time. A chore without a due
///   time is due at its batch's `now`. An update of a chore whose number no longer waits changes nothing.
/// - Dead letters: the same again ([`crate::DeadRequest::is_again`]), while the first waits, is the same letter, which counts
///   how often it came and keeps the latest reason. A letter ends once: an end of one that does not wait changes nothing.
pub trait Journal: Records {
    /// What the connection remembers. A connection never heard of remembers nothing.
    ///
    /// # Errors
    /// [`JournalError`].
    fn recall(&self, connection: &str) -> Result<Recollection, JournalError>;

    /// At most `limit` waiting chores of the connection that are due by `now`, by due time and then by number.
    ///
    /// # Errors
    /// [`JournalError`].
    fn chores(&self, connection: &str, now: Instant, limit: usize)
    -> Result<Vec<WaitingChore>, JournalError>;

    /// The dead letters that are asked for, by number.
    ///
    /// # Errors
    /// [`JournalError`].
    fn dead(&self, query: &DeadQuery) -> Result<Vec<DeadLetter>, JournalError>;

    /// How many letters wait, by what they have in common; in the order of connection, what, reason and plugin.
    ///
    /// # Errors
    /// [`JournalError`].
    fn dead_counts(&self) -> Result<Vec<DeadCount>, JournalError>;

    /// How the letters of policies with these keys of notes ended, in their order. None: it waits.
    ///
    /// # Errors
    /// [`JournalError`].
    fn ended_turns(&self, keys: &[String]) -> Result<Vec<Option<Ended>>, JournalError>;

    /// What waits and holds one of these texts: what [`Records::erase`] would take.
    ///
    /// # Errors
    /// [`JournalError`].
    fn naming(&self, names: &[String]) -> Result<Naming, JournalError>;
}

/// What makes an event known: made from its source and id, the same on every machine. None: it has no id, and is never known.
#[must_use]
pub fn fingerprint(entry: &Entry) -> Option<Digest> {
    match entry {
        Entry::Erased(erased) => erased.fingerprint,
        Entry::Event(_)
        | Entry::Derived(_)
        | Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Retelling(_)
        | Entry::Progress(_)
        | Entry::Act(_) => entry.source().map(|(source, id)| fingerprint_of(source, id)),
    }
}

/// That of the event with this id of this source.
#[must_use]
pub fn fingerprint_of(source: Source<'_>, id: &str) -> Digest {
    // What the name gives is the same each time, and takes longer than an id does.
    static NAMED: LazyLock<blake3::Hasher> =
        LazyLock::new(|| blake3::Hasher::new_derive_key("heliu journal event id v1"));
    let mut hasher = NAMED.clone();
    let (kind, name) = match source {
        Source::Connection(name) => (b"c", name),
        Source::Policy(name) => (b"p", name),
        Source::Courier => (b"e", ""),
        Source::Operator => (b"o", ""),
    };
    hasher.update(kind);
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update(id.as_bytes());
    Digest(*hasher.finalize().as_bytes())
}

/// The position of the last record that is older than `time`; 0 if none is. Few records are looked at: the times of a
/// journal never go back.
///
/// # Errors
/// [`JournalError`].
pub fn before(journal: &dyn Records, time: Instant) -> Result<Position, JournalError> {
    let (mut low, mut high) = (0, journal.head()?.position);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let is_older = journal.fetch(&[middle])?.first().is_some_and(|record| record.now < time);
        if is_older { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

/// Why the journal could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The disk is full, busy or gone.
    #[error("journal: {doing}: {reason}")]
    Disk { doing: &'static str, reason: String },
    /// What is on the disk is not what was written.
    #[error("journal {place}: damaged: {reason}")]
    Damaged { place: String, reason: String },
    #[error("journal: no record at position {0}")]
    Missing(Position),
    /// The file was written by a newer host.
    #[error("journal {place}: schema {found}, this host reads up to {known}: use the newer host")]
    Newer { place: String, found: i64, known: i64 },
}

impl JournalError {
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            JournalError::Disk { doing: _, reason: _ } => Class::Retry,
            JournalError::Damaged { place: _, reason: _ }
            | JournalError::Newer { place: _, found: _, known: _ } => Class::Operator,
            JournalError::Missing(_) => Class::Bug,
        }
    }
}
