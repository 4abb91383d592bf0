//! Which part of the journal is meant: by positions, or by the times at which records were appended.

use api::past::At;
use journal::Records;
use model::Position;

/// Positions of the journal, as it stood when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The position in front of the first one.
    pub(crate) after: Position,
    pub(crate) last: Position,
}

/// Reads where a part begins or ends. Nothing is shown in a zone here, so a time says its own.
pub(crate) fn bound(text: &str) -> Result<At, String> {
    At::parse(text, None).map_err(|error| error.to_string())
}

impl Range {
    /// From one bound, itself included, to another, itself not; all that is there without them.
    pub(crate) fn of(journal: &dyn Records, from: Option<At>, to: Option<At>) -> anyhow::Result<Range> {
        let head = journal.head()?.position;
        let before = |bound: At| -> anyhow::Result<Position> {
            Ok(match bound {
                At::Position(position) => position.saturating_sub(1),
                At::Time(time) => journal::before(journal, time)?,
            })
        };
        let after = from.map_or(Ok(0), before)?;
        let last = to.map_or(Ok(head), before)?.min(head);
        Ok(Range { after, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::{Batch, MemoryJournal};
    use model::{Entry, Instant, Setup};

    fn journal(times: &[Instant]) -> MemoryJournal {
        let journal = MemoryJournal::default();
        for &now in times {
            let entries = vec![Entry::Setup(Setup::default())];
            journal.append(&[Batch { now, entries, ..Batch::default() }]).unwrap();
        }
        journal
    }

    #[test]
    fn a_range_holds_its_beginning_and_not_its_end() {
        let journal = journal(&[10, 20, 20, 20, 30]);
        let range = |from, to| {
            let Range { after, last } = Range::of(&journal, from, to).unwrap();
            (after + 1..=last).collect::<Vec<Position>>()
        };
        let (at, time) = (|position| Some(At::Position(position)), |time| Some(At::Time(time)));
        assert_eq!(range(None, None), [1, 2, 3, 4, 5]);
        assert_eq!(range(at(2), at(4)), [2, 3]);
        assert_eq!(range(at(0), at(99)), [1, 2, 3, 4, 5]);
        assert_eq!(range(time(20), time(30)), [2, 3, 4]);
        assert_eq!(range(time(11), None), [2, 3, 4, 5]);
        assert_eq!(range(time(31), None), [0; 0]);
        assert_eq!(range(None, time(10)), [0; 0]);
        assert_eq!(range(at(4), time(20)), [0; 0]);
        assert_eq!(
            Range::of(&MemoryJournal::default(), time(1), time(2)).unwrap(),
            Range { after: 0, last: 0 }
        );
    }
}
