//! What the caller knows of one customer, and what waits to be carried to her.

use model::{Identity, Instant, Intent, Value};

/// One customer, as far as carrying is concerned. Borrowed from her document.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing<'a> {
    /// What went out to her before and reached her, or may, in any order. As far back as the longest window and gap; more does no harm.
    pub carried: &'a [Carried<'a>],
    /// By name.
    pub traits: &'a [(&'a str, &'a Value)],
    pub tags: &'a [&'a str],
    pub purchases: &'a [Purchase<'a>],
    /// Who met her, the first one first.
    pub staff: &'a [Known<'a>],
    pub handles: &'a [&'a Identity],
}

/// An intent that takes a place: it reached her, or may.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    pub binding: &'a str,
    pub key: &'a str,
    pub scene: &'a str,
    pub connection: &'a str,
    pub channel: &'a str,
    /// When it reached her: of the receipt, where there is one, else of the carrying.
    pub at: Instant,
}

/// She bought of this category.
#[derive(Clone, Copy, Debug)]
pub struct Purchase<'a> {
    pub category: &'a str,
    pub at: Instant,
}

/// A member of staff who knows her.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub staff: &'a str,
    /// Where they met. None: not known, and taken for any.
    pub connection: Option<&'a str>,
}

/// An intent that waits.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Of the intent. Decides last, where all else is equal.
    pub id: &'a str,
    /// Of the policy that decided it.
    pub binding: &'a str,
    pub intent: &'a Intent,
    /// The time of what led to it.
    pub cause: Instant,
    /// Where its connection failed: not before this.
    pub again: Option<Instant>,
}
