//! What one commit of the fold carries.

use model::{Customer, CustomerId, FoldState, Identity, Instant, Note, Position};

/// How far the fold has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Every record up to here is folded.
    pub position: Position,
    /// Every alarm due by then has fired.
    pub fired: Instant,
}

/// What the store's indexes hold of a customer: known since she was read, so that a commit touches what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    pub due: Option<Instant>,
    /// Ascending.
    pub tags: Vec<String>,
}

impl Indexed {
    #[must_use]
    pub fn of(customer: &Customer) -> Indexed {
        let tags = customer.tags.iter().map(|tag| tag.name.clone()).collect();
        Indexed { due: customer.next_due(), tags }
    }
}

#[derive(Clone, Debug)]
pub struct Changed<'a> {
    pub customer: &'a Customer,
    /// What the indexes hold of her before this commit.
    pub before: &'a Indexed,
}

/// One step of the fold. All of it is kept, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit<'a> {
    /// Where the caller believes that the store stands.
    pub from: Standing,
    pub to: Standing,
    /// Each customer at most once.
    pub customers: Vec<Changed<'a>>,
    /// Customers that are gone, into whom, and what the indexes hold of them. Their handles need not be named again.
    pub merged: Vec<(CustomerId, CustomerId, &'a Indexed)>,
    /// Handles that are new, or that another customer has now.
    pub handles: Vec<(&'a Identity, CustomerId)>,
    pub notes: Vec<Note>,
    /// Given when it changed.
    pub state: Option<&'a FoldState>,
}

/// Which customers to show, ascending by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those who hold this tag.
    pub tag: Option<String>,
    pub after: Option<CustomerId>,
    pub limit: usize,
}
