//! One customer's life for one policy: what it was shown of her, what not, and what follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Binding, Conflict, Customer, CustomerId, Entry, Fact, FoldState, IntentState, Note, Position, Record,
};
use store::{MemoryStore, Query, Standing, Store};

use super::{Before, Hand, Line, Missed, Reason, Seen, Target, Turned};
use crate::pauses::Pauses;
use crate::{Last, Plugins, RouterError, Shown, Slice, TurnOutcome, Walk, handles};

/// Notes of a slice that are read. A person has a few.
const NOTES_MAX: usize = 10_000;

/// The kind of a dead turn that says that a policy woke itself without end.
const QUIETED: &str = "alarms";

/// One customer, for one policy.
pub(super) struct Life<'a> {
    pub(super) slice: &'a Arc<Slice>,
    pub(super) store: &'a MemoryStore,
    pub(super) state: &'a FoldState,
    pub(super) binding: &'a Binding,
    pub(super) pauses: Pauses,
    /// The setups that pause the policy.
    pub(super) pausing: Vec<Record>,
    pub(super) customer: &'a Customer,
    pub(super) target: Option<&'a Target>,
    pub(super) upto: Standing,
}

impl Life<'_> {
    /// Without what a version decided, or missed, that was replaced, and whose successor was shown nothing; and without what a
    /// policy decided that is in force no longer.
    pub(super) fn present(&self, last: Last) -> Last {
        let Last { mut turns, mut skipped } = last;
        let stands = |name: &str, last: Option<u32>| {
            let binding = self.state.setup.policies.iter().find(|binding| binding.name == name);
            binding.is_some_and(|binding| {
                binding.carry || last == Some(crate::setup::version(self.state, binding))
            })
        };
        let mut versions: BTreeMap<String, Option<u32>> = BTreeMap::new();
        for shown in &turns {
            versions.insert(shown.binding().to_owned(), shown.version(self.state));
        }
        turns.retain(|shown| stands(shown.binding(), versions.get(shown.binding()).copied().flatten()));
        let is_paused = self.pauses.is_paused(&self.state.setup, &self.binding.name, Position::MAX);
        skipped.retain(|skipped| is_paused && stands(&self.binding.name, skipped.version(self.state)));
        Last { turns, skipped }
    }

    fn wants(&self, fact: &Fact) -> bool {
        let wants = &self.binding.descriptor.wants;
        wants.is_empty() || wants.iter().any(|want| fact.answers(want))
    }

    fn since(&self, version: u32) -> Position {
        let place = usize::try_from(version).ok().and_then(|place| self.state.versions.get(place));
        place.map_or(0, |version| version.since)
    }

    /// The turns of the policy, the records that it was not shown, and what operators did.
    pub(super) fn lines(&self, last: &Last) -> Result<Vec<Line>, RouterError> {
        let own: Vec<&Shown> = self.own(&last.turns);
        let mut lines = Vec::new();
        for shown in &own {
            let version = shown.version(self.state);
            let again = version.map(|version| self.since(version)).filter(|since| *since > shown.position);
            let record = self.slice.at(shown.position).cloned();
            lines.push(Line::Seen(Seen { shown: Shown::clone(shown), record, version, again }));
        }
        let records = self.customer.timeline.iter().filter_map(|position| self.slice.at(*position));
        for record in records {
            let Some(event) = record.entry.event() else { continue };
            if own.iter().any(|shown| shown.alarm.is_none() && shown.position == record.position) {
                continue;
            }
            let reason = self.not_shown(last, record.position, &event.fact);
            lines.push(Line::Missed(Missed { record: record.clone(), alarm: None, reason }));
        }
        lines.extend(self.alarms_missed(&last.skipped));
        lines.extend(self.not_hers()?);
        lines.extend(self.counted_no_longer()?);
        lines.extend(self.acts().cloned().map(Line::Act));
        lines.sort_by_key(|line| match line {
            Line::Seen(seen) => (seen.shown.now, seen.shown.alarm.is_none(), seen.shown.position),
            Line::Missed(Missed { record, alarm: Some(rung), reason: _ }) => {
                (rung.due, false, record.position)
            }
            Line::Missed(Missed { record, alarm: None, reason: _ }) | Line::Act(record) => {
                (record.now, true, record.position)
            }
        });
        Ok(lines)
    }

    fn own<'t>(&self, turns: &'t [Shown]) -> Vec<&'t Shown> {
        turns.iter().filter(|shown| shown.binding() == self.binding.name).collect()
    }

    /// Why the policy was not shown this record of hers.
    fn not_shown(&self, last: &Last, position: Position, fact: &Fact) -> Reason {
        if !self.wants(fact) {
            let wants = self.binding.descriptor.wants.clone();
            return Reason::NotWanted { facts: vec![named(fact)], wants };
        }
        let over = last.skipped.iter().find(|over| over.alarm.is_none() && over.position == position);
        over.and_then(|over| self.paused(std::slice::from_ref(over))).unwrap_or_else(|| {
            let version = crate::setup::version(self.state, self.binding);
            Reason::BeforePolicy { position, version, since: self.since(version), what: Before::Unseen }
        })
    }

    fn not_hers(&self) -> Result<Vec<Line>, RouterError> {
        let mut lines = Vec::new();
        for &position in &self.customer.refused {
            let Some(record) = self.slice.at(position).filter(|record| record.position <= self.upto.position)
            else {
                continue;
            };
            let others = self.store.page(&Query { limit: usize::MAX, ..Query::default() })?;
            let whose = others.iter().find(|other| other.has(position)).map(|other| other.id);
            let about = |note: &Note| match note {
                Note::Conflict(conflict) if conflict.position == position => Some(conflict.clone()),
                Note::Conflict(_)
                | Note::DeadTurn(_)
                | Note::Erasure(_)
                | Note::StrayReceipt(_)
                | Note::Overflow(_) => None,
            };
            let noted = self.store.notes(&Note::behind(position), NOTES_MAX)?;
            let of_her = |conflict: &Conflict| {
                conflict.other == self.customer.id
                    || self.customer.handles.iter().any(|handle| handle.identity == conflict.handle)
            };
            let conflict = noted.iter().filter_map(about).find(of_her);
            let reason = Reason::NotHers { position, whose, conflict };
            lines.push(Line::Missed(Missed { record: record.clone(), alarm: None, reason }));
        }
        Ok(lines)
    }

    /// Events that were told of her and count no longer.
    fn counted_no_longer(&self) -> Result<Vec<Line>, RouterError> {
        let mut last: BTreeMap<Position, (bool, Position)> = BTreeMap::new();
        for record in self.slice.records().filter(|record| record.position <= self.upto.position) {
            if let Entry::Retelling(retelling) = &record.entry {
                last.insert(retelling.event, (retelling.counts, retelling.cause));
            }
        }
        let mut lines = Vec::new();
        for (position, (counts, cause)) in last {
            let Some(record) = self.slice.at(position).filter(|_| !counts) else { continue };
            let shown = handles(&self.state.setup, record);
            let owners = self.store.resolve(&shown.iter().collect::<Vec<_>>())?;
            if owners.contains(&Some(self.customer.id)) && !self.customer.has(position) {
                let reason = Reason::CountedNoLonger { position, cause };
                lines.push(Line::Missed(Missed { record: record.clone(), alarm: None, reason }));
            }
        }
        Ok(lines)
    }

    pub(super) fn reasons(
        &self,
        plugins: &Arc<dyn Plugins>,
        last: &Last,
        lines: &[Line],
    ) -> Result<Vec<Reason>, RouterError> {
        if let Some(target) = self.target {
            if let Some(cause) = target.cause(self.customer, &self.binding.name) {
                let hand = self.slice.at(cause.position).and_then(Hand::of);
                return Ok(vec![Reason::Holds { cause, hand }]);
            }
            if let Some(reason) = target.undeclared(self.binding) {
                return Ok(vec![reason]);
            }
        }
        let own = self.own(&last.turns);
        let mut paused = self.paused(&last.skipped);
        let mut reasons = Vec::new();
        reasons.extend(self.intended_for_the_past());
        reasons.extend(self.withdrawn(plugins)?);
        let mut decided = !reasons.is_empty();
        if own.is_empty() {
            // It was shown nothing at all: if her past was folded again meanwhile, that is why it has nothing of her.
            reasons.extend(paused.take());
        }
        let merged_away = self.merged_away(plugins)?;
        let fate = self.target.and_then(|target| self.fate(target, &last.turns));
        decided |= merged_away.is_some() || fate.is_some();
        reasons.extend(merged_away);
        reasons.extend(fate);
        reasons.extend(own.iter().filter_map(|shown| fault(shown)));
        reasons.extend(self.quieted()?);
        reasons.extend(self.missed(lines));
        reasons.extend(paused);
        let judged: Vec<&&Shown> =
            own.iter().filter(|shown| matches!(shown.outcome, TurnOutcome::Verdict(_))).collect();
        if let Some(last) = judged.last().filter(|_| !decided) {
            reasons.extend(self.carried(&own));
            let turns = judged.len() as u64;
            reasons.push(Reason::DecidedOtherwise { turns, last: turned(last, String::new()) });
        }
        reasons.extend(self.not_wanted(lines));
        if reasons.is_empty() {
            reasons.push(Reason::NoTurns { unbound: false });
        }
        Ok(reasons)
    }

    fn intended_for_the_past(&self) -> Option<Reason> {
        let Some(Target::Intent(key)) = self.target else { return None };
        let is = |held: &&model::HeldIntent| {
            held.binding == self.binding.name && held.intent.key == *key && held.state == IntentState::Past
        };
        let held = self.customer.intents.iter().find(is)?;
        let (position, version) = (held.cause.position, held.cause.version.unwrap_or(0));
        Some(Reason::BeforePolicy { position, version, since: self.since(version), what: Before::Past })
    }

    /// Was it so before somebody was merged?
    fn merged_away(&self, plugins: &Arc<dyn Plugins>) -> Result<Option<Reason>, RouterError> {
        let (Some(target), false) = (self.target, self.customer.merged.is_empty()) else { return Ok(None) };
        let mut ids = self.customer.merged.clone();
        ids.push(self.customer.id);
        let mut walk = Walk::begin(self.slice, Arc::clone(plugins))?;
        let mut before: Vec<Option<(CustomerId, bool)>> = vec![None; ids.len()];
        let mut last = None;
        while let Some(moment) = walk.step(self.upto)? {
            let now: Vec<Option<(CustomerId, bool)>> = walk
                .store()
                .load(&ids)?
                .iter()
                .map(|customer| {
                    let customer = customer.as_ref()?;
                    Some((customer.id, target.cause(customer, &self.binding.name).is_some()))
                })
                .collect();
            let joined =
                ids.iter().zip(&before).zip(&now).find_map(|((id, before), now)| match (before, now) {
                    (Some((was, _)), Some((is, _))) if was == id && is != id => Some((*id, *is)),
                    _ => None,
                });
            if let Some((gone, into)) = joined {
                let had = before.iter().flatten().find(|(who, had)| *had && (*who == gone || *who == into));
                let still = now.iter().flatten().any(|(who, has)| *who == into && *has);
                if let Some((who, _)) = had.filter(|_| !still) {
                    let position = moment.record.unwrap_or(moment.standing.position);
                    last = Some(Reason::MergedAway { gone, who: *who, position });
                }
            }
            before = now;
        }
        Ok(last)
    }

    /// The policy woke itself without end and was quieted for her.
    fn quieted(&self) -> Result<Vec<Reason>, RouterError> {
        let reason = |note: Note| match note {
            Note::DeadTurn(dead) if dead.customer == self.customer.id && dead.kind == QUIETED => {
                let by = Turned {
                    policy: self.decided_by(dead.version)?.to_owned(),
                    position: dead.position,
                    now: dead.now,
                    alarm: dead.alarm,
                    why: String::new(),
                };
                Some(Reason::Fault { by, kind: dead.kind, text: dead.text })
            }
            Note::DeadTurn(_)
            | Note::Conflict(_)
            | Note::Erasure(_)
            | Note::StrayReceipt(_)
            | Note::Overflow(_) => None,
        };
        let own =
            |reason: &Reason| matches!(reason, Reason::Fault { by, .. } if by.policy == self.binding.name);
        Ok(self.store.notes("", NOTES_MAX)?.into_iter().filter_map(reason).filter(own).collect())
    }

    fn decided_by(&self, version: u32) -> Option<&str> {
        let place = usize::try_from(version).ok()?;
        self.state.versions.get(place).map(|version| version.binding.as_str())
    }

    /// Records that the policy would have wanted, and was not shown as hers.
    fn missed(&self, lines: &[Line]) -> Vec<Reason> {
        let wanted = |record: &Record| record.entry.event().is_some_and(|event| self.wants(&event.fact));
        lines
            .iter()
            .filter_map(|line| match line {
                Line::Missed(Missed { record, alarm: _, reason }) if wanted(record) => Some(reason.clone()),
                Line::Missed(_) | Line::Seen(_) | Line::Act(_) => None,
            })
            // Those are told of all records at once.
            .filter(|reason| !matches!(reason, Reason::NotWanted { .. } | Reason::Paused { .. }))
            .collect()
    }

    /// The version in force carried on, and has not been shown anything of hers.
    fn carried(&self, own: &[&Shown]) -> Option<Reason> {
        let version = crate::setup::version(self.state, self.binding);
        let last = own.last()?;
        let position = last.position;
        let what = Before::Carried;
        (last.version(self.state) != Some(version)).then(|| Reason::BeforePolicy {
            position,
            version,
            since: self.since(version),
            what,
        })
    }

    /// All facts that it does not want, in one reason.
    fn not_wanted(&self, lines: &[Line]) -> Option<Reason> {
        let mut all: Vec<String> = Vec::new();
        for line in lines {
            if let Line::Missed(Missed { reason: Reason::NotWanted { facts, .. }, .. }) = line {
                all.extend(facts.iter().filter(|fact| !all.contains(fact)).cloned().collect::<Vec<_>>());
            }
        }
        let wants = self.binding.descriptor.wants.clone();
        (!all.is_empty()).then_some(Reason::NotWanted { facts: all, wants })
    }
}

fn fault(shown: &Shown) -> Option<Reason> {
    match &shown.outcome {
        TurnOutcome::Verdict(_) => None,
        TurnOutcome::Fault { kind, text } => {
            let by = turned(shown, String::new());
            Some(Reason::Fault { by, kind: kind.clone(), text: text.clone() })
        }
    }
}

pub(super) fn turned(shown: &Shown, why: String) -> Turned {
    let Shown { position, now, alarm, .. } = shown;
    Turned { policy: shown.binding().to_owned(), position: *position, now: *now, alarm: alarm.clone(), why }
}

/// `did.joined-group`, as `wants` has it.
fn named(fact: &Fact) -> String {
    match fact.kind() {
        Some(kind) => format!("{}.{kind}", fact.name()),
        None => fact.name().to_owned(),
    }
}
