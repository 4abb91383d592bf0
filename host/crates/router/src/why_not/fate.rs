//! What became of a tag or a stage that was given: by turns of policies and by operators, in the order in which the fold took them.

use model::{Change, Deed, Entry, Instant, OperatorAct, Record};

use super::life::{Life, turned};
use super::{Doer, Hand, Reason, Target};
use crate::Shown;

/// What was given and is not taken away again, and what ended the last one that was.
#[derive(Default)]
struct Fate {
    /// Until when, and by whom.
    held: Option<(Option<Instant>, Doer)>,
    ended: Option<Reason>,
}

impl Fate {
    /// As the document has it: of two times the later one, and no end where either has none.
    fn gives(&mut self, now: Instant, expires: Option<Instant>, by: Doer) {
        if expires.is_some_and(|end| end <= now) {
            return;
        }
        let alive = |end: &Option<Instant>| end.is_none_or(|end| end > now);
        let before = self.held.take().map(|(end, _)| end).filter(alive);
        let expires = match (before, expires) {
            (Some(Some(old)), Some(new)) => Some(old.max(new)),
            (Some(None), _) | (_, None) => None,
            (None, Some(new)) => Some(new),
        };
        (self.held, self.ended) = (Some((expires, by)), None);
    }

    /// What is not held cannot be taken.
    fn takes(&mut self, now: Instant, reason: Reason) {
        match self.held.take() {
            Some((Some(end), by)) if end <= now => self.held = Some((Some(end), by)),
            Some(_) => self.ended = Some(reason),
            None => {}
        }
    }
}

impl Life<'_> {
    /// What became of what was decided: only where it was.
    pub(super) fn fate(&self, target: &Target, turns: &[Shown]) -> Option<Reason> {
        let mut fate = Fate::default();
        let mut acts = self.acts().peekable();
        for shown in turns {
            while let Some(act) = acts.next_if(|act| is_before(act, shown)) {
                by_hand(&mut fate, target, act);
            }
            by_turn(&mut fate, target, shown);
        }
        acts.for_each(|act| by_hand(&mut fate, target, act));
        match fate.held {
            Some((Some(at), by)) if at <= self.now() => Some(Reason::TagEnded { at, by }),
            _ => fate.ended,
        }
    }

    /// The time that it is for her: that of the clock, or of her last record.
    fn now(&self) -> Instant {
        let last = self.customer.timeline.last().and_then(|position| self.slice.at(*position));
        last.map_or(0, |record| record.now).max(self.upto.fired)
    }

    /// What operators did for her, in their order.
    pub(super) fn acts(&self) -> impl Iterator<Item = &Record> {
        let records = self.customer.timeline.iter().filter_map(move |position| self.slice.at(*position));
        records.filter(|record| matches!(record.entry, Entry::Act(_)))
    }
}

/// Did the fold take the act before that turn? An alarm fires before a record of the same time.
fn is_before(act: &Record, shown: &Shown) -> bool {
    if shown.alarm.is_some() { act.now < shown.now } else { act.position < shown.position }
}

fn by_turn(fate: &mut Fate, target: &Target, shown: &Shown) {
    for decision in shown.changes().filter(|decision| target.touches(&decision.change)) {
        let by = turned(shown, decision.why.clone());
        match (&decision.change, target) {
            (Change::Tag(tag), Target::Tag(_)) => fate.gives(shown.now, tag.expires, Doer::Turn(by)),
            (Change::Untag(_), Target::Tag(_)) => {
                fate.takes(shown.now, Reason::Untagged { by: Doer::Turn(by) });
            }
            (Change::Stage(to), Target::Stage { stage: Some(stage), .. }) => {
                if to.stage == *stage {
                    fate.gives(shown.now, None, Doer::Turn(by));
                } else {
                    fate.takes(shown.now, Reason::StageMoved { to: to.stage.clone(), by });
                }
            }
            _ => {}
        }
    }
}

fn by_hand(fate: &mut Fate, target: &Target, record: &Record) {
    let (Target::Tag(name), Entry::Act(OperatorAct { deed, .. })) = (target, &record.entry) else { return };
    let Some(hand) = Hand::of(record).map(Doer::Hand) else { return };
    match deed {
        Deed::Tag(tag) if tag.name == *name => fate.gives(record.now, tag.expires, hand),
        Deed::Untag(untag) if untag.name == *name => {
            fate.takes(record.now, Reason::Untagged { by: hand });
        }
        _ => {}
    }
}
