//! What a policy says: the twins of `wit/v0.1/policy.wit`.

use crate::{Content, Event, Instant, Json, Trait};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// For one customer and one policy, the same key is carried out once.
    pub key: String,
    pub scene: String,
    pub text: Option<String>,
    pub content: Option<Content>,
    pub detail: Option<Json>,
    pub not_before: Option<Instant>,
    pub not_after: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTag {
    pub name: String,
    pub expires: Option<Instant>,
}

/// A place in a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub journey: String,
    pub stage: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffTask {
    pub title: String,
    pub due: Option<Instant>,
}

/// Call me again at `due`. The same key again moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    pub key: String,
    pub due: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Tag(NewTag),
    Untag(String),
    Stage(Stage),
    Put(Trait),
    Wake(Wake),
    Quiet(String),
    Intend(Intent),
    Tell(Event),
    AskStaff(StaffTask),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// For people: why this, for this customer.
    pub why: String,
    pub change: Change,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub decisions: Vec<Decision>,
    pub memory: Option<Vec<u8>>,
}
