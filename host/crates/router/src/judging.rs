//! Gives records to people again, from the first one on, by the rules and the corrections that hold now.
//!
//! Whoever judges may look on, step by step: so the fold judges again, and so a person is told what made somebody one.

use foldhash::HashMap;
use std::sync::Arc;

use model::{CustomerId, Entry, Erased, Joined, Position, Record};

use crate::RouterError;
use crate::desk::Desk;
use crate::identity::{Assigned, Rules, addressee};

/// One step of it.
pub(crate) enum Step<'a> {
    Record(&'a Arc<Record>),
    /// An operator's join, where both of those whom it names are among those who are judged.
    Join(&'a Joined),
}

/// Told of each step after it, with what came of it so far and whose lane it went to.
pub(crate) type OnStep<'a> = &'a mut dyn FnMut(Step<'_>, &Assigned, Option<usize>);

#[derive(Default)]
pub(crate) struct Judging {
    pub(crate) desk: Desk,
    pub(crate) assigned: Assigned,
    /// The joins that took part.
    pub(crate) joined: Vec<Position>,
    /// Who has a record, by the name she had when it was given to her.
    whose: HashMap<Position, CustomerId>,
}

/// Judges these records, which ascend, and the joins among them.
///
/// # Errors
/// [`RouterError`] never, where nobody lies on a desk before.
pub(crate) fn judge(
    rules: &Rules<'_>,
    joins: &[Joined],
    records: &[Arc<Record>],
    seen: OnStep<'_>,
) -> Result<Judging, RouterError> {
    let mut judging = Judging::default();
    let mut joins = joins.iter().peekable();
    for record in records {
        while let Some(joined) = joins.next_if(|joined| joined.position < record.position) {
            judging.join(rules, joined, seen);
        }
        judging.give(rules, record, seen)?;
    }
    joins.for_each(|joined| judging.join(rules, joined, seen));
    Ok(judging)
}

impl Judging {
    fn lane_at(&self, position: Position) -> Option<usize> {
        self.whose.get(&position).and_then(|&id| self.assigned.current(id))
    }

    fn join(&mut self, rules: &Rules<'_>, joined: &Joined, seen: OnStep<'_>) {
        let (one, other) = (self.lane_at(joined.one.0), self.lane_at(joined.other.0));
        if let (Some(one), Some(other)) = (one, other) {
            self.joined.push(joined.position);
            self.assigned.join(rules, &mut self.desk, joined.position, one, other);
            seen(Step::Join(joined), &self.assigned, self.lane_at(joined.one.0));
        }
    }

    fn give(&mut self, rules: &Rules<'_>, record: &Arc<Record>, seen: OnStep<'_>) -> Result<(), RouterError> {
        let lane = match (&record.entry, addressee(&record.entry)) {
            (Entry::Progress(progress), _) => {
                self.lane_at(progress.cause).or_else(|| self.lane_at(progress.customer.0))
            }
            (Entry::Erased(Erased { of: Some(of), cause: Some(cause), .. }), _) => {
                self.lane_at(*cause).or_else(|| self.lane_at(of.0))
            }
            (_, Some(CustomerId(first))) => self.lane_at(first),
            (_, None) => self.assigned.assign(rules, &mut self.desk, record, &rules.handles(record))?,
        };
        if let Some(lane) = lane {
            let customer = &mut self.assigned.lanes[lane].customer;
            customer.timeline.push(record.position);
            self.whose.insert(record.position, customer.id);
        }
        seen(Step::Record(record), &self.assigned, lane);
        Ok(())
    }
}
