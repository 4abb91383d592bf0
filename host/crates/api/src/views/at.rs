//! When something was so.

use model::{Instant, Position};
use serde::Serialize;
use store::Standing;

/// Where the fold stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AtView {
    /// Every record up to here was folded.
    pub position: Position,
    /// Every alarm due by then had fired.
    pub fired: Instant,
    /// Her part of the journal, folded by itself to the end, gives her as the store has her. False: what is told of her may
    /// not be what was. Null where the whole journal was folded, which cannot differ.
    pub agrees: Option<bool>,
}

impl AtView {
    #[must_use]
    pub fn new(standing: Standing, agrees: Option<bool>) -> AtView {
        let Standing { position, fired } = standing;
        AtView { position, fired, agrees }
    }
}

/// An answer as of then: the keys of the answer, and `at`.
#[derive(Debug, Serialize)]
pub struct AsOf<'a, T> {
    pub at: AtView,
    #[serde(flatten)]
    pub answer: &'a T,
}
