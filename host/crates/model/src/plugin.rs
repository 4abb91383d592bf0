//! What plugins say of themselves, and what passes between the host and a connector.

use crate::{Content, Event, Identity, Instant, Json};

/// A kind of handle that a connector may put on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub name: String,
    /// The same person for as long as the account lives. False: it rotates, and never merges anybody.
    pub lasting: bool,
    /// A person has at most one of it in a scope: two values then mean two people.
    pub one_per_person: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    Sends,
    AsksStaff,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    pub scene: String,
    pub carriage: Carriage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorDescriptor {
    pub channel: String,
    pub title: String,
    pub settings_schema: Json,
    pub schemes: Vec<Scheme>,
    pub abilities: Vec<Ability>,
    pub hosts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDescriptor {
    pub title: String,
    pub settings_schema: Json,
    /// The facts that it wants. Empty: all of them.
    pub wants: Vec<String>,
    /// The tags that it may set. A trailing `*` stands for any ending.
    pub tags: Vec<String>,
    pub journeys: Vec<String>,
    /// The tags, traits and journeys of others that it reads.
    pub reads: Vec<String>,
}

/// Does a name match an entry of `tags`, `journeys` or `reads`? A trailing `*` stands for any ending.
#[must_use]
pub fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// Why a connector could not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An operator must act.
    Misconfigured(String),
    /// The input is not what the channel promised.
    Malformed(String),
    /// Tried again, after this many milliseconds or with the host's own backoff.
    Later { why: String, retry_after_ms: Option<u32> },
    /// The credentials expired and could not be renewed.
    Unauthorised(String),
}

/// Work that the host keeps for a connector and gives back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chore {
    /// Two waiting chores of a connection with one key are one chore.
    pub key: String,
    pub due: Option<Instant>,
    pub job: Json,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    pub events: Vec<Event>,
    pub chores: Vec<Chore>,
}

/// A request as it came over the wire: platforms sign the undecoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Behind the connection's own address, not decoded.
    pub path: String,
    /// What follows the question mark, not decoded.
    pub query: String,
    /// In their order; names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What a channel that called us is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What to keep, and what to answer once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    pub kept: Harvest,
    pub answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The signature does not hold: nothing is kept.
    NotAuthentic(String),
    /// Authentic, but not to be understood: kept as a dead letter, answered so.
    Malformed { why: String, answer: Answer },
}

/// What one poll of a feed brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub kept: Harvest,
    pub cursor: Json,
    pub more: bool,
}

/// One approved intent, addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The same for every try of one intent.
    pub id: String,
    pub scene: String,
    /// The customer's handles in this channel.
    pub to: Vec<Identity>,
    pub staff: Option<String>,
    pub text: Option<String>,
    pub content: Option<Content>,
    pub detail: Json,
    /// Of no use after this: the intent's own end.
    pub not_after: Option<Instant>,
}

/// What became of an errand at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done. The channel's own id for it, where there is one.
    Sent(Option<String>),
    /// Staff must confirm it; a `carried` event will tell.
    AwaitingStaff(Option<String>),
    /// Not carried. `Later` is tried again, `Malformed` never will be taken as it is.
    Failed(Fault),
}

/// What an outlet made of its errands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// One for each errand, in their order.
    pub outcomes: Vec<Outcome>,
    /// To read the results later. Kept together with the outcomes.
    pub chores: Vec<Chore>,
}

/// One cell of a connection's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryCell {
    pub key: String,
    pub value: Vec<u8>,
    /// None: it stays.
    pub expires: Option<Instant>,
}

/// What a call wants changed in its connection's memory. Committed together with what the call yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryWrite {
    Set(MemoryCell),
    Delete { key: String },
}
