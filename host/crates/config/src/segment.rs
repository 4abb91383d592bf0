//! `[[segment]]`: customers under one name, by a filter.

use segment::{Fault, Segment, SegmentError};
use serde::Deserialize;

use crate::Problem;
use crate::connection::check_name;

/// A scan asks every customer about every segment.
pub(crate) const SEGMENTS_MAX: usize = 100;

/// Letters of what people call a segment: a heading.
const TITLE_LETTERS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentSection {
    /// Lower-case letters, digits and dashes: by it the segment is asked for.
    name: String,
    /// What people call it. The name if left out.
    title: Option<String>,
    /// Who is in it: a condition in the language of `host/docs/SEGMENTS.md`, checked when this file is read.
    filter: String,
    /// Is it kept: who is in it stands in her document, and entering and leaving are facts that policies may want? `false`
    /// if left out.
    #[serde(default)]
    live: bool,
}

impl SegmentSection {
    pub(crate) fn resolve(self) -> Result<Segment, Problem> {
        let SegmentSection { name, title, filter, live } = self;
        check_name(&name)?;
        let title = title.unwrap_or_else(|| name.clone());
        check_title(&title)?;
        let segment = Segment::parse(&name, &filter).map_err(|error| {
            let SegmentError { segment: _, fault } = error;
            Problem::wrong("filter", in_words(&fault))
        })?;
        Ok(segment.titled(&title).kept(live))
    }
}

/// The place is one in the filter, not in the file.
fn in_words(fault: &Fault) -> String {
    let Fault { line, column, reason } = fault;
    if *line == 1 {
        format!("at letter {column}: {reason}")
    } else {
        format!("at letter {column} of its line {line}: {reason}")
    }
}

fn check_title(title: &str) -> Result<(), Problem> {
    let letters = title.chars().count();
    if title.trim().is_empty() || letters > TITLE_LETTERS_MAX || title.chars().any(char::is_control) {
        let reason = format!(
            "\"{}\" is no title: write one line of 1 to {TITLE_LETTERS_MAX} letters",
            title.escape_debug()
        );
        return Err(Problem::wrong("title", reason));
    }
    Ok(())
}
