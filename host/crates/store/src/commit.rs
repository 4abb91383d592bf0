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
    pub errand: Option<Instant>,
    /// Ascending.
    pub tags: Vec<String>,
    /// Those that she is in, ascending.
    pub segments: Vec<String>,
}

impl Indexed {
    #[must_use]
    pub fn of(customer: &Customer) -> Indexed {
        let tags = customer.tags.iter().map(|tag| tag.name.clone()).collect();
        let inside = customer.segments.iter().filter(|held| held.inside);
        let segments = inside.map(|held| held.name.clone()).collect();
        Indexed { due: customer.next_due(), errand: customer.next_errand(), tags, segments }
    }
}

#[derive(Clone, Debug)]
pub struct Changed<'a> {
    pub customer: &'a Customer,
    /// What the indexes hold of her before this commit.
    pub before: &'a Indexed,
}

/// One step of the fold. All of it is kept, or nothing.
///
/// What goes is taken out before what comes is put in, so that a customer may be in both: one who was merged comes back.
#[derive(Clone, Debug, Default)]
pub struct Commit<'a> {
    /// Where the caller believes that the store stands.
    pub from: Standing,
    pub to: Standing,
    /// Each customer at most once.
    pub customers: Vec<Changed<'a>>,
    /// Customers that are gone, into whom, and what the indexes hold of them. Their handles need not be named again.
    pub merged: Vec<(CustomerId, CustomerId, &'a Indexed)>,
    /// Customers that were merged and are not any more.
    pub unmerged: Vec<CustomerId>,
    /// Customers that are gone and in nobody, and what the indexes hold of them.
    pub vanished: Vec<(CustomerId, &'a Indexed)>,
    /// Handles that nobody has any more.
    pub handles_gone: Vec<&'a Identity>,
    /// The keys of notes that hold no longer.
    pub notes_gone: Vec<String>,
    /// Handles that are new, or that another customer has now.
    pub handles: Vec<(&'a Identity, CustomerId)>,
    pub notes: Vec<Note>,
    /// Given when it changed.
    pub state: Option<&'a FoldState>,
    /// What goes may be in none of the store's files any more when the commit is done.
    pub scrub: bool,
}

/// Who asks whom time concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agenda {
    /// The fold: whom an alarm, or the end of a tag, changes.
    Fold,
    /// The courier: for whom an intent waits.
    Courier,
}

/// Which customers to show, ascending by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those who hold this tag.
    pub tag: Option<String>,
    /// Only those who are in this segment, which is kept. A tag is then not asked for.
    pub segment: Option<String>,
    pub after: Option<CustomerId>,
    pub limit: usize,
}
