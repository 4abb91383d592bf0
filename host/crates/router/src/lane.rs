//! A customer at work: her document, and the records and alarms that still wait for her.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Alarm, Customer, CustomerId, HeldIntent, Instant, Position, Record};
use store::Indexed;

use crate::desk::Kept;

/// What happens next in a lane.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Record(Arc<Record>),
    Alarm(Alarm),
}

/// A step that a lane took.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) step: Step,
    /// Her past is folded again.
    pub(crate) past: bool,
    /// What orders the events that the step tells of others: by live record, or by time where there is none, then by
    /// customer and step. The same however the journal was cut into batches.
    pub(crate) order: (u64, CustomerId, u64),
}

/// Alarms up to `now` fire when no record is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    pub(crate) now: Instant,
    pub(crate) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The clock passed.
    Clock,
    /// The record at this position makes her one with another.
    Merge(Position),
    /// A new setup folds her past again.
    Setup,
}

/// Why a lane looks at records that were folded before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Refold {
    #[default]
    No,
    /// These positions, from the beginning, before anything that is live.
    Waiting(Vec<Position>),
    /// They are in `past`.
    Running,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) customer: Customer,
    /// What the store's indexes hold under her id before this batch.
    pub(crate) before: Indexed,
    /// Lanes that must have ended, because she is made of their customers.
    pub(crate) parents: Vec<usize>,
    /// Another lane goes on with this customer.
    pub(crate) superseded: bool,
    pub(crate) refold: Refold,
    pub(crate) past: VecDeque<Arc<Record>>,
    pub(crate) live: VecDeque<Arc<Record>>,
    /// What time does to her when no record is left.
    pub(crate) until: Option<Until>,
    /// The live record at hand, also while the past is folded before it.
    head: Option<Position>,
    /// Steps taken for it.
    steps: u64,
    pub(crate) ended: bool,
}

impl Lane {
    pub(crate) fn new(kept: Kept) -> Lane {
        Lane {
            customer: kept.customer,
            before: kept.before,
            parents: Vec::new(),
            superseded: false,
            refold: Refold::No,
            past: VecDeque::new(),
            live: VecDeque::new(),
            until: None,
            head: None,
            steps: 0,
            ended: false,
        }
    }

    /// A lane that folds all of her records again.
    pub(crate) fn again(kept: Kept, until: Instant) -> Lane {
        let mut lane = Lane::new(kept);
        lane.refold = Refold::Waiting(lane.customer.timeline.clone());
        lane.forget();
        lane.until = Some(Until { now: until, why: Why::Setup });
        lane
    }

    /// Her last steps under her own name: the alarms that come before the record which makes two customers one. They
    /// fire here whether the clock was there before that record or not.
    pub(crate) fn supersede(&mut self, record: &Record) {
        self.superseded = true;
        self.until = Some(Until { now: record.now, why: Why::Merge(record.position) });
    }

    /// Leaves what records and operators said of who she is, and what was intended; the fold gives the rest again.
    pub(crate) fn forget(&mut self) {
        let empty = Customer::new(self.customer.id, self.customer.first_seen);
        let old = std::mem::replace(&mut self.customer, empty);
        self.customer.handles = old.handles;
        self.customer.timeline = old.timeline;
        self.customer.merged = old.merged;
        self.customer.intents = old.intents;
    }

    /// Adds what was intended for another customer who turned out to be the same person.
    pub(crate) fn inherit(&mut self, intents: &[HeldIntent]) {
        self.customer.intents.extend_from_slice(intents);
        self.customer
            .intents
            .sort_by(|a, b| (&a.binding, &a.intent.key, &a.id).cmp(&(&b.binding, &b.intent.key, &b.id)));
        self.customer.intents.dedup_by(|a, b| a.id == b.id);
    }

    /// Takes the next step, and ends the tags whose time is over by then. An alarm goes before a record of the same
    /// time; the end of a tag before both. None: the lane has ended.
    pub(crate) fn next(&mut self) -> Option<Taken> {
        let head = self.live.front().map(|record| record.position);
        if head != self.head {
            self.head = head;
            self.steps = 0;
        }
        let past = !self.past.is_empty();
        let record = self.past.front().or(self.live.front());
        let horizon = record.map(|record| record.now).or(self.until.map(|until| until.now));
        let Some(horizon) = horizon else {
            self.ended = true;
            return None;
        };
        let why = self.until.filter(|_| record.is_none()).map(|until| until.why);
        let is_past = past || why == Some(Why::Setup);
        if self.customer.alarms.first().is_some_and(|alarm| alarm.due <= horizon) {
            let alarm = self.customer.alarms.remove(0);
            self.end_tags(alarm.due);
            self.customer.fired = self.customer.fired.saturating_add(1);
            let order = match (head, why) {
                (Some(head), _) => head,
                (None, Some(Why::Merge(position))) => position,
                (None, Some(Why::Clock)) => alarm.due,
                (None, Some(Why::Setup) | None) => 0,
            };
            return Some(self.taken(Step::Alarm(alarm), is_past, order));
        }
        self.end_tags(horizon);
        let record = if past { self.past.pop_front() } else { self.live.pop_front() };
        let Some(record) = record else {
            self.ended = true;
            return None;
        };
        self.customer.fired = 0;
        Some(self.taken(Step::Record(record), is_past, head.unwrap_or(0)))
    }

    fn taken(&mut self, step: Step, past: bool, order: u64) -> Taken {
        self.steps += 1;
        Taken { step, past, order: (order, self.customer.id, self.steps) }
    }

    fn end_tags(&mut self, now: Instant) {
        self.customer.tags.retain(|tag| tag.expires.is_none_or(|expires| expires > now));
    }
}
