//! One segment: a name, what people call it, and its filter.

use std::fmt;
use std::sync::Arc;

use model::{Customer, Instant};

use crate::check::{self, Checked};
use crate::filter::Filter;
use crate::values::{self, Uses};
use crate::{Facts, SegmentError};

/// Customers whom one filter lets through. Cheap to clone. Two are equal if name, title and text are.
#[derive(Clone)]
pub struct Segment {
    name: String,
    title: String,
    text: String,
    filter: Arc<Filter>,
    uses: Uses,
}

impl Segment {
    /// Reads a filter and checks every name, function and type in it.
    ///
    /// # Errors
    /// [`SegmentError`] with the first thing that is wrong, its place in `text`, and what to write instead.
    pub fn parse(name: &str, text: &str) -> Result<Segment, SegmentError> {
        let checked = check::check(text);
        let Checked { filter, uses } =
            checked.map_err(|fault| SegmentError { segment: name.to_owned(), fault })?;
        let (name, text) = (name.to_owned(), text.to_owned());
        Ok(Segment { title: name.clone(), name, text, filter: Arc::new(filter), uses })
    }

    /// The same segment under what people call it; it is its name until then.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Segment {
        title.clone_into(&mut self.title);
        self
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The filter as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Does the filter ask for what only [`Facts`] tell? If not, empty ones will do.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.uses.facts()
    }

    /// Is this customer in the segment at this time? What she does not have, or has as another kind of value than it is
    /// compared with, makes a comparison false, and `!=` true.
    ///
    /// # Errors
    /// [`SegmentError`], should the evaluator refuse what the check let through: a fault of the host.
    pub fn matches(&self, customer: &Customer, facts: &Facts, now: Instant) -> Result<bool, SegmentError> {
        let context = values::context(&self.uses, customer, facts, now);
        self.filter
            .test(&context, &self.text)
            .map_err(|fault| SegmentError { segment: self.name.clone(), fault })
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        let Segment { name, title, text, filter: _, uses: _ } = self;
        *name == other.name && *title == other.title && *text == other.text
    }
}

impl Eq for Segment {}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Segment { name, title, text, filter: _, uses: _ } = self;
        f.debug_struct("Segment").field("name", name).field("title", title).field("text", text).finish()
    }
}
