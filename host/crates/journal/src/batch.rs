//! What one append carries, and what it gives back.

use model::{Chore, Entry, Instant, Json, MemoryCell, MemoryWrite, Position};

use crate::{DeadLetter, DeadRequest, LetterEnd};

/// What one call of a plugin, or one act of the host, leaves behind. All of it is kept, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whose cursor, memory and chores it touches. Empty where it touches none.
    pub connection: String,
    /// When it happened. A record never gets a time before that of the record in front of it.
    pub now: Instant,
    pub entries: Vec<Entry>,
    /// What the feed starts from next time.
    pub cursor: Option<Json>,
    pub memory: Vec<MemoryWrite>,
    /// Chores to keep. One that waits under the same key is replaced, and keeps the earlier due time.
    pub chores: Vec<Chore>,
    /// What became of the chore that was worked on.
    pub chore: Option<ChoreUpdate>,
    /// Something that could not be handled, kept with its reason.
    pub dead: Option<DeadRequest>,
    /// Dead letters that end with it.
    pub ends: Vec<LetterEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoreUpdate {
    pub key: String,
    /// The number under which it was handed out: a chore asked for again meanwhile has another, and stays.
    pub number: u64,
    pub end: ChoreEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoreEnd {
    Done,
    Again { due: Instant },
}

/// A chore that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingChore {
    pub connection: String,
    pub number: u64,
    pub due: Instant,
    /// How often it was put off so far.
    pub attempts: u32,
    pub chore: Chore,
}

/// What is to be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// What takes the place of the entries at these positions, ascending. Their fingerprints are those that were there.
    pub records: Vec<(Position, Entry)>,
    /// What names the person. Chores, cells of memory, dead letters and ends of turns that hold one of these texts go.
    pub names: Vec<String>,
    /// What takes the place of words on dead letters, by the letter's number, where that letter goes.
    pub letters: Vec<(u64, Position, Entry)>,
    /// The ends of the turns whose notes have these keys go.
    pub turns: Vec<String>,
}

/// What waits and holds one of some texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// By connection and key.
    pub chores: Vec<WaitingChore>,
    /// With the connection of each, by that and by key.
    pub cells: Vec<(String, MemoryCell)>,
    /// By number, those that ended included.
    pub dead: Vec<DeadLetter>,
}

/// What an erasure took besides records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    pub chores: u64,
    /// Connection and key of each cell.
    pub cells: Vec<(String, String)>,
    pub dead: u64,
}

/// Where an entry stands after an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    New(Position),
    /// It had been there before: this delivery changes nothing.
    Known(Position),
}

impl Placed {
    #[must_use]
    pub fn position(self) -> Position {
        match self {
            Placed::New(position) | Placed::Known(position) => position,
        }
    }
}

/// One answer for each batch: one place for each entry, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub placed: Vec<Placed>,
}

/// The end of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last record's position; 0 in an empty journal.
    pub position: Position,
    /// No later record will have a time before this.
    pub now: Instant,
}

/// What a connection remembers between its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recollection {
    pub cursor: Option<Json>,
    /// By key. Cells whose time is over may still be among them.
    pub memory: Vec<MemoryCell>,
}
