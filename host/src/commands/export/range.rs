//! Which part of the journal is meant: by positions, or by the times at which records were appended.

use std::str::FromStr;

use chrono::DateTime;
use journal::Journal;
use model::{Instant, Position};

/// Where a part of the journal begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Position(Position),
    Time(Instant),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Bound, String> {
        if let Ok(position) = text.parse() {
            return Ok(Bound::Position(position));
        }
        let expected = || {
            format!(
                "\"{text}\" is no position and no time: write like 4711 or 2026-03-01T00:00:00+08:00, with its zone"
            )
        };
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| expected())?;
        Instant::try_from(time.timestamp_millis()).map(Bound::Time).map_err(|_| expected())
    }
}

/// Positions of the journal, as it stood when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The position in front of the first one.
    pub(crate) after: Position,
    pub(crate) last: Position,
}

impl Range {
    /// From one bound, itself included, to another, itself not; all that is there without them.
    pub(crate) fn of(journal: &dyn Journal, from: Option<Bound>, to: Option<Bound>) -> anyhow::Result<Range> {
        let head = journal.head()?.position;
        let before = |bound: Bound| -> anyhow::Result<Position> {
            Ok(match bound {
                Bound::Position(position) => position.saturating_sub(1),
                Bound::Time(time) => before_time(journal, time, head)?,
            })
        };
        let after = from.map_or(Ok(0), before)?;
        let last = to.map_or(Ok(head), before)?.min(head);
        Ok(Range { after, last })
    }
}

/// How many records were appended before a time: a journal's times never go back, so few of them are looked at.
fn before_time(journal: &dyn Journal, time: Instant, head: Position) -> anyhow::Result<Position> {
    let (mut before, mut from) = (0, head + 1);
    while from - before > 1 {
        let middle = before + (from - before) / 2;
        let earlier = journal.fetch(&[middle])?.first().is_some_and(|record| record.now < time);
        if earlier { before = middle } else { from = middle }
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::{Batch, MemoryJournal};
    use model::{Entry, Setup};

    fn journal(times: &[Instant]) -> MemoryJournal {
        let journal = MemoryJournal::default();
        for &now in times {
            let entries = vec![Entry::Setup(Setup::default())];
            journal.append(&[Batch { now, entries, ..Batch::default() }]).unwrap();
        }
        journal
    }

    #[test]
    fn a_bound_is_a_position_or_a_time_with_its_zone() {
        assert_eq!("4711".parse(), Ok(Bound::Position(4711)));
        assert_eq!("1970-01-01T08:00:01+08:00".parse(), Ok(Bound::Time(1000)));
        assert_eq!("1970-01-01T00:00:01.5Z".parse(), Ok(Bound::Time(1500)));
        for text in ["", "yesterday", "2026-03-01", "2026-03-01T00:00:00", "1969-01-01T00:00:00Z", "-1"] {
            let error = text.parse::<Bound>().unwrap_err();
            assert!(error.starts_with(&format!("\"{text}\" is no position")), "{error}");
        }
    }

    #[test]
    fn a_range_holds_its_beginning_and_not_its_end() {
        let journal = journal(&[10, 20, 20, 20, 30]);
        let range = |from, to| {
            let Range { after, last } = Range::of(&journal, from, to).unwrap();
            (after + 1..=last).collect::<Vec<Position>>()
        };
        let (at, time) = (|position| Some(Bound::Position(position)), |time| Some(Bound::Time(time)));
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
