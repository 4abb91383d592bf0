//! One customer as the fold left her: everything that we know, and why we know it.

use crate::{CustomerId, Identity, Instant, Intent, Position, StaffTask, Value};

/// Why something stands in a customer's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The record that led to it; for an alarm, the record at which the alarm was asked for.
    pub position: Position,
    /// The journal's time of it; for an alarm, its due time.
    pub now: Instant,
    /// The version of the policy that decided, an index into the fold's list of versions. None: a connector told it.
    pub version: Option<u32>,
    /// The key of the alarm that fired, where it was one.
    pub alarm: Option<String>,
    /// The policy's own words.
    pub why: String,
}

/// One handle, and the record that first showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    pub identity: Identity,
    pub position: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTrait {
    pub name: String,
    pub value: Value,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTag {
    pub name: String,
    pub since: Instant,
    pub expires: Option<Instant>,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStage {
    pub journey: String,
    pub stage: String,
    pub since: Instant,
    pub cause: Cause,
}

/// What one policy remembers of her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    pub binding: String,
    pub bytes: Vec<u8>,
}

/// A policy asked to be called again. The order of the fields is the order in which alarms fire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    pub due: Instant,
    pub binding: String,
    pub key: String,
    /// The record at which it was asked for.
    pub position: Position,
}

/// How far an intent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentState {
    /// A policy decided it as the journal's head was folded.
    Proposed,
    /// It was decided while her past was folded again: nothing is sent for the past.
    Past,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldIntent {
    /// Made from customer, binding and key, once: it stays when she is merged into another.
    pub id: String,
    pub binding: String,
    pub intent: Intent,
    pub state: IntentState,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTask {
    pub binding: String,
    pub task: StaffTask,
    pub cause: Cause,
}

/// Sorted lists throughout, so that equal customers have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: CustomerId,
    pub first_seen: Instant,
    /// In the order in which they were first shown.
    pub handles: Vec<Handle>,
    /// The positions of her records, ascending: her timeline, and what a re-fold reads.
    pub timeline: Vec<Position>,
    /// By name.
    pub traits: Vec<HeldTrait>,
    /// By name.
    pub tags: Vec<HeldTag>,
    /// By journey.
    pub stages: Vec<HeldStage>,
    /// In the order in which they met her.
    pub staff: Vec<String>,
    /// By binding.
    pub memories: Vec<Memory>,
    /// By due time, binding, key.
    pub alarms: Vec<Alarm>,
    /// Alarms that fired since her last record: what stops a policy that wakes itself for ever.
    pub fired: u32,
    /// By binding and key.
    pub intents: Vec<HeldIntent>,
    /// In the order in which they were asked.
    pub tasks: Vec<HeldTask>,
    /// Customers that were merged into her, ascending.
    pub merged: Vec<CustomerId>,
}

impl Customer {
    #[must_use]
    pub fn new(id: CustomerId, first_seen: Instant) -> Customer {
        Customer {
            id,
            first_seen,
            handles: Vec::new(),
            timeline: Vec::new(),
            traits: Vec::new(),
            tags: Vec::new(),
            stages: Vec::new(),
            staff: Vec::new(),
            memories: Vec::new(),
            alarms: Vec::new(),
            fired: 0,
            intents: Vec::new(),
            tasks: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// When time alone will next change her: an alarm or the end of a tag.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let alarm = self.alarms.first().map(|alarm| alarm.due);
        let tag = self.tags.iter().filter_map(|tag| tag.expires).min();
        match (alarm, tag) {
            (Some(alarm), Some(tag)) => Some(alarm.min(tag)),
            (due, None) | (None, due) => due,
        }
    }

    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&HeldTag> {
        let place = self.tags.binary_search_by(|tag| tag.name.as_str().cmp(name)).ok()?;
        self.tags.get(place)
    }

    #[must_use]
    pub fn memory(&self, binding: &str) -> Option<&[u8]> {
        let place = self.memories.binary_search_by(|memory| memory.binding.as_str().cmp(binding)).ok()?;
        self.memories.get(place).map(|memory| memory.bytes.as_slice())
    }
}
