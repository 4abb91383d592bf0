//! A customer at work: her document, and the records and alarms that still wait for her.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Alarm, Customer, CustomerId, HeldIntent, Instant, IntentState, Position, Record, Told};
use store::Indexed;

use crate::desk::Kept;
use crate::outcomes::{self, Lived};

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
    /// The same, also at records that are new to her.
    pub(crate) reliving: bool,
    /// The record in whose course it is taken. None: the clock alone.
    pub(crate) record: Option<Position>,
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
    /// The record at this position folds her past again, and stands alone: a setup, or a word on who is who.
    Alone(Position),
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

/// What was intended for, and told and noted of, a customer whose past is folded again.
#[derive(Debug)]
pub(crate) struct HandedOn {
    intents: Vec<HeldIntent>,
    told: Vec<Told>,
    noted: Vec<String>,
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
    /// The record because of which her past is folded again, while that lasts: nothing is sent for it.
    pub(crate) reliving: Option<Position>,
    /// Records that are new to her, although they stand in her past: what comes of them is meant as if they came now.
    pub(crate) fresh: Vec<Position>,
    /// The same as `reliving`, also when it is over.
    pub(crate) relived: Option<Position>,
    /// What was intended for her before that and is not intended again yet.
    pub(crate) formers: Vec<HeldIntent>,
    /// What came of her intents, as it was known where the past is that is folded again.
    pub(crate) lived: Lived,
    /// What policies had told of others because of her, and at which turns they had failed, before that.
    pub(crate) told_before: Vec<Told>,
    pub(crate) noted_before: Vec<String>,
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
            reliving: None,
            fresh: Vec::new(),
            relived: None,
            formers: Vec::new(),
            lived: Lived::default(),
            told_before: Vec::new(),
            noted_before: Vec::new(),
            head: None,
            steps: 0,
            ended: false,
        }
    }

    /// A lane that folds all of her records again because of the one at `cause`.
    pub(crate) fn again(kept: Kept, cause: Position, until: Instant) -> Lane {
        let mut lane = Lane::new(kept);
        lane.refold = Refold::Waiting(lane.customer.timeline.clone());
        lane.relive(cause);
        lane.forget();
        lane.until = Some(Until { now: until, why: Why::Alone(cause) });
        lane
    }

    /// A lane that folds these records because of the one at `cause`, and commits nothing.
    pub(crate) fn with_past(
        customer: Customer,
        past: VecDeque<Arc<Record>>,
        cause: Position,
        until: Instant,
    ) -> Lane {
        let mut lane = Lane::new(Kept { customer, before: Indexed::default() });
        (lane.past, lane.refold) = (past, Refold::Running);
        lane.relive(cause);
        lane.until = Some(Until { now: until, why: Why::Alone(cause) });
        lane
    }

    /// Her last steps under her own name: the alarms that come before the record which makes two customers one. They
    /// fire here whether the clock was there before that record or not.
    pub(crate) fn supersede(&mut self, position: Position, now: Instant) {
        self.superseded = true;
        self.until = Some(Until { now, why: Why::Merge(position) });
    }

    /// It never runs: another lane, of the same record, goes on with those that it was to be made of.
    pub(crate) fn pass(&mut self) -> Vec<usize> {
        (self.superseded, self.ended) = (true, true);
        (self.reliving, self.relived) = (None, None);
        std::mem::take(&mut self.parents)
    }

    pub(crate) fn relive(&mut self, cause: Position) {
        (self.reliving, self.relived) = (Some(cause), Some(cause));
    }

    /// Leaves what records and operators said of who she is; the fold gives the rest again.
    fn forget(&mut self) {
        let empty = Customer::new(self.customer.id, self.customer.first_seen);
        let handed_on = self.hand_on();
        let old = std::mem::replace(&mut self.customer, empty);
        self.customer.handles = old.handles;
        self.customer.timeline = old.timeline;
        self.customer.refused = old.refused;
        self.customer.merged = old.merged;
        self.inherit(handed_on);
    }

    /// What a fold of her past again has to know of the one before. What was told because of her stays with her, too: where
    /// this was such a fold itself, it is compared with the one before it.
    pub(crate) fn hand_on(&mut self) -> HandedOn {
        let Customer { intents, told, noted, .. } = &mut self.customer;
        HandedOn { intents: std::mem::take(intents), told: told.clone(), noted: std::mem::take(noted) }
    }

    /// Takes it over, of a customer whose past is folded again as hers.
    pub(crate) fn inherit(&mut self, handed_on: HandedOn) {
        let HandedOn { intents, told, noted } = handed_on;
        self.intended(intents);
        self.told_before.extend(told);
        self.noted_before.extend(noted);
    }

    /// What was intended for a past that was folded again before was never sent, and is decided anew. What the host joined to
    /// the others is joined anew.
    pub(crate) fn intended(&mut self, intents: Vec<HeldIntent>) {
        let sent = intents.into_iter().filter(|held| held.state != IntentState::Past);
        for mut held in sent {
            outcomes::forget_joined(&mut held);
            // Two have one id where one person had become two: the one that came further is it, then the earlier one.
            match self.formers.iter_mut().find(|former| former.id == held.id) {
                None => self.formers.push(held),
                Some(former) if is_before(&held, former) => *former = held,
                Some(_) => {}
            }
        }
    }

    /// Her past is folded. What nobody intended again stays, marked; unless it came of a record that is not hers any more and
    /// had not gone out.
    fn end_reliving(&mut self) {
        self.reliving = None;
        self.lived = Lived::default();
        for mut former in std::mem::take(&mut self.formers) {
            if self.customer.has(former.cause.position) || former.state.went_out() {
                former.unfounded = true;
                hold(&mut self.customer, former);
            }
        }
    }

    /// Her intents as they are known where her life is: with what came of them by then.
    pub(crate) fn known(&self) -> &[HeldIntent] {
        if self.reliving.is_some() { &self.lived.intents } else { &self.customer.intents }
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
            self.end_reliving();
            self.ended = true;
            return None;
        };
        let why = self.until.filter(|_| record.is_none()).map(|until| until.why);
        if self.customer.alarms.first().is_some_and(|alarm| alarm.due <= horizon) {
            let alarm = self.customer.alarms.remove(0);
            self.end_tags(alarm.due);
            self.customer.fired = self.customer.fired.saturating_add(1);
            let order = match (head, why) {
                (Some(position), _) | (None, Some(Why::Merge(position) | Why::Alone(position))) => position,
                (None, Some(Why::Clock)) => alarm.due,
                (None, None) => self.reliving.unwrap_or(0),
            };
            let by_clock = head.is_none() && why == Some(Why::Clock);
            return Some(self.taken(Step::Alarm(alarm), order, by_clock));
        }
        self.end_tags(horizon);
        let order = head.or(self.reliving).unwrap_or(0);
        let record = if past { self.past.pop_front() } else { None };
        if record.is_none() {
            self.end_reliving();
        }
        let Some(record) = record.or_else(|| self.live.pop_front()) else {
            self.ended = true;
            return None;
        };
        if record.entry.event().is_some() {
            self.customer.fired = 0;
        }
        Some(self.taken(Step::Record(record), order, false))
    }

    fn taken(&mut self, step: Step, order: u64, by_clock: bool) -> Taken {
        self.steps += 1;
        let position = match &step {
            Step::Record(record) => record.position,
            Step::Alarm(alarm) => alarm.position,
        };
        let past = self.reliving.is_some() && !self.fresh.contains(&position);
        let (reliving, record) = (self.reliving.is_some(), (!by_clock).then_some(order));
        Taken { step, past, reliving, record, order: (order, self.customer.id, self.steps) }
    }

    fn end_tags(&mut self, now: Instant) {
        self.customer.tags.retain(|tag| tag.expires.is_none_or(|expires| expires > now));
    }
}

/// Of two intents of one id: is the first the one that is kept?
pub(crate) fn is_before(one: &HeldIntent, other: &HeldIntent) -> bool {
    (other.steps.len(), one.cause.position) < (one.steps.len(), other.cause.position)
}

/// Puts an intent among hers, in their order.
pub(crate) fn hold(customer: &mut Customer, held: HeldIntent) {
    put(&mut customer.intents, held);
}

pub(crate) fn put(intents: &mut Vec<HeldIntent>, held: HeldIntent) {
    fn order(held: &HeldIntent) -> (&str, &str, &str) {
        (&held.binding, &held.intent.key, &held.id)
    }
    let place = intents.partition_point(|other| order(other) < order(&held));
    intents.insert(place, held);
}
