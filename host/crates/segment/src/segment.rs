//! One segment: a name, what people call it, and its filter.

use std::fmt;
use std::sync::Arc;

use model::{Customer, Instant};

use crate::SegmentError;
use crate::check::{self, Checked};
use crate::filter::Filter;
use crate::values::{self, Uses};

/// Customers whom one filter lets through. Cheap to clone. Two are equal if what is written of them is.
#[derive(Clone)]
pub struct Segment {
    name: String,
    title: String,
    text: String,
    filter: Arc<Filter>,
    uses: Uses,
    is_live: bool,
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
        Ok(Segment { title: name.clone(), name, text, filter: Arc::new(filter), uses, is_live: false })
    }

    /// The same segment under what people call it; it is its name until then.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Segment {
        title.clone_into(&mut self.title);
        self
    }

    /// The same segment, kept or not.
    #[must_use]
    pub fn kept(mut self, is_live: bool) -> Segment {
        self.is_live = is_live;
        self
    }

    /// Is it kept: who is in it stands in her document, and entering and leaving are facts?
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_live
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

    /// Is this customer in the segment at this time? What she does not have, or has as another kind of value than it is
    /// compared with, makes a comparison false, and `!=` true.
    ///
    /// # Errors
    /// [`SegmentError`], should the evaluator refuse what the check let through: a fault of the host.
    pub fn matches(&self, customer: &Customer, now: Instant) -> Result<bool, SegmentError> {
        let context = values::context(&self.uses, customer, now);
        self.filter
            .test(&context, &self.text)
            .map_err(|fault| SegmentError { segment: self.name.clone(), fault })
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        let Segment { name, title, text, filter: _, uses: _, is_live } = self;
        *name == other.name && *title == other.title && *text == other.text && *is_live == other.is_live
    }
}

impl Eq for Segment {}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Segment { name, title, text, filter: _, uses: _, is_live } = self;
        f.debug_struct("Segment")
            .field("name", name)
            .field("title", title)
            .field("text", text)
            .field("live", is_live)
            .finish()
    }
}
