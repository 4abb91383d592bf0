//! What can be wrong with a filter: always which segment, where, and what to do.

use model::Class;

/// A segment that is refused, or that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segment \"{segment}\": {fault}")]
pub struct SegmentError {
    pub segment: String,
    pub fault: Fault,
}

impl SegmentError {
    /// Always the operator: nothing but another filter mends it.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Operator
    }
}

/// What is wrong, and where in the filter's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// In letters, from 1.
    pub column: usize,
    /// One line: what is wrong, and what to write instead.
    pub reason: String,
}

impl Fault {
    /// A fault at a letter of the text, counted from 0. One behind the end stands at the end.
    pub(crate) fn at(text: &str, letter: usize, reason: impl Into<String>) -> Fault {
        let before: String = text.chars().take(letter).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Fault { line, column, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_letters() {
        let place = |letter| {
            let Fault { line, column, reason: _ } = Fault::at("小\nab", letter, "x");
            (line, column)
        };
        assert_eq!([place(0), place(1), place(2), place(3)], [(1, 1), (1, 2), (2, 1), (2, 2)]);
        assert_eq!(place(99), (2, 3));
    }
}
