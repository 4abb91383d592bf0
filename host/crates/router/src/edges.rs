//! What made somebody one person: the records that gave her a handle, or made two customers one, and what operators said.
//!
//! Her records are judged again, from the first one on, as the fold does when it must judge anew, and each step is watched.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::Records;
use model::{
    CustomerId, Deed, Entry, Identity, Instant, Join, Joined, OperatorAct, Position, Record, Retract, Split,
};
use store::Store;

use crate::RouterError;
use crate::correct::Judge;
use crate::judging::{self, Judging, Step};
use crate::slice::surroundings;

/// What made a customer who she is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edges {
    pub customer: CustomerId,
    /// Judged again, she has the handles that the store has of her. If not, the rules of identity changed since.
    pub agrees: bool,
    /// In the order of the journal.
    pub edges: Vec<Edge>,
    /// Where operators divided her from somebody, in the order of the journal.
    pub splits: Vec<Division>,
}

/// A record that gave her a handle, or made two customers one; or would have, had it not been taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub record: Record,
    pub kind: EdgeKind,
    /// Those on the record, as they are compared. A retracted record is judged by its first lasting one alone.
    pub handles: Vec<Identity>,
    /// Those that it gave her.
    pub attached: Vec<Identity>,
    /// Those whom it made one.
    pub merged: Vec<Merged>,
    /// The act that took it back, where that holds.
    pub retracted: Option<Retraction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// A channel told it.
    Event,
    /// A policy told it.
    Derived,
    /// An operator said that two customers are one.
    Join,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    pub gone: CustomerId,
    pub into: CustomerId,
}

/// An operator took something back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retraction {
    pub position: Position,
    pub now: Instant,
    pub by: String,
    pub why: String,
}

/// An operator said that handles of one customer are two people's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    pub record: Record,
    /// The handles of the one, and of the other, that nobody may have together. Empty where it was taken back.
    pub these: Vec<Identity>,
    pub those: Vec<Identity>,
    pub retracted: Option<Retraction>,
}

/// What a step of judging did.
struct Seen {
    lane: Option<usize>,
    attached: Vec<Identity>,
    merged: Vec<Merged>,
}

/// Everything that made this customer who she is. None: nobody is known by this id.
///
/// # Errors
/// [`RouterError`] if journal or store cannot be read.
pub fn edges(journal: &dyn Records, store: &dyn Store, id: CustomerId) -> Result<Option<Edges>, RouterError> {
    let (standing, state) = store.standing()?;
    let Some(customer) = store.load(&[id])?.pop().flatten() else { return Ok(None) };
    let judge = Judge { journal, store, state: &state };
    let alone = journal.fetch(&state.alone)?;
    let records = surroundings(&judge, &alone, &[customer.id])?;
    let rules = judge.rules(&state.corrections).at(standing.position);
    let mut seen: BTreeMap<Position, Seen> = BTreeMap::new();
    let (mut handles, mut gone) = (0, 0);
    let mut watch = |step: Step<'_>, assigned: &crate::identity::Assigned, lane: Option<usize>| {
        let position = match step {
            Step::Record(record) => record.position,
            Step::Join(Joined { position, one: _, other: _ }) => *position,
        };
        let merged = assigned.gone[gone..].iter().map(|&(gone, into, _)| Merged { gone, into }).collect();
        let attached = assigned.handles[handles..].to_vec();
        (handles, gone) = (assigned.handles.len(), assigned.gone.len());
        seen.insert(position, Seen { lane, attached, merged });
    };
    let judged = judging::judge(&rules, &state.corrections.joins, &records, &mut watch)?;
    let her = Her { judge: &judge, judged: &judged, alone: &alone, customer: &customer };
    Ok(Some(Edges {
        customer: customer.id,
        agrees: her.agrees(),
        edges: her.edges(&records, &mut seen),
        splits: her.splits(),
    }))
}

struct Her<'a> {
    judge: &'a Judge<'a>,
    judged: &'a Judging,
    alone: &'a [Record],
    customer: &'a model::Customer,
}

impl Her<'_> {
    fn agrees(&self) -> bool {
        let Some(lane) = self.judged.assigned.current(self.customer.id) else { return false };
        let judged = &self.judged.assigned.lanes[lane].customer;
        judged.id == self.customer.id && judged.handles == self.customer.handles
    }

    /// Is whoever had this lane she?
    fn is(&self, lane: usize) -> bool {
        let assigned = &self.judged.assigned;
        let now = assigned.current(assigned.lanes[lane].customer.id);
        now.is_some_and(|now| assigned.lanes[now].customer.id == self.customer.id)
    }

    fn has_handle(&self, identity: &Identity) -> bool {
        self.customer.handles.iter().any(|held| held.identity == *identity)
    }

    fn edges(&self, records: &[Arc<Record>], seen: &mut BTreeMap<Position, Seen>) -> Vec<Edge> {
        let corrections = &self.judge.state.corrections;
        let rules = self.judge.rules(corrections);
        let nothing = || Seen { lane: None, attached: Vec::new(), merged: Vec::new() };
        let mut edges = Vec::new();
        for record in records {
            let kind = match &record.entry {
                Entry::Event(_) => EdgeKind::Event,
                Entry::Derived(_) => EdgeKind::Derived,
                Entry::Setup(_)
                | Entry::Configured(_)
                | Entry::Retelling(_)
                | Entry::Progress(_)
                | Entry::Act(_)
                | Entry::Erased(_) => continue,
            };
            let Seen { lane, attached, merged } = seen.remove(&record.position).unwrap_or_else(nothing);
            let handles = rules.shown(record);
            let is_retracted = corrections.retracted.binary_search(&record.position).is_ok();
            let hers = lane.is_some_and(|lane| self.is(lane));
            let made = hers && !(attached.is_empty() && merged.is_empty());
            let would_have = is_retracted && handles.iter().any(|handle| self.has_handle(handle));
            if made || would_have {
                let retracted = is_retracted.then(|| self.retraction(record.position)).flatten();
                let attached = if hers { attached } else { Vec::new() };
                edges.push(Edge {
                    record: Record::clone(record),
                    kind,
                    handles,
                    attached,
                    merged,
                    retracted,
                });
            }
        }
        for record in self.alone {
            let Entry::Act(OperatorAct { deed: Deed::Join(Join { one, other }), .. }) = &record.entry else {
                continue;
            };
            if !self.customer.has(one.0) && !self.customer.has(other.0) {
                continue;
            }
            let holds = corrections.joins.iter().any(|joined| joined.position == record.position);
            let retracted = if holds { None } else { self.retraction(record.position) };
            if !holds && retracted.is_none() {
                // It joined nobody from the beginning: one of them was not there.
                continue;
            }
            let Seen { merged, .. } = seen.remove(&record.position).unwrap_or_else(nothing);
            let (record, kind) = (record.clone(), EdgeKind::Join);
            let (handles, attached) = (Vec::new(), Vec::new());
            edges.push(Edge { record, kind, handles, attached, merged, retracted });
        }
        edges.sort_by_key(|edge| edge.record.position);
        edges
    }

    fn splits(&self) -> Vec<Division> {
        let corrections = &self.judge.state.corrections;
        let rules = self.judge.rules(corrections);
        let mut splits = Vec::new();
        for record in self.alone {
            let Entry::Act(OperatorAct { deed: Deed::Split(Split { customer, handles }), .. }) =
                &record.entry
            else {
                continue;
            };
            let mut named = handles.iter().filter_map(|handle| rules.comparable(handle));
            if !self.customer.has(customer.0) && !named.any(|handle| self.has_handle(&handle)) {
                continue;
            }
            let apart = corrections.apart.iter().find(|apart| apart.position == record.position);
            let retracted = if apart.is_some() { None } else { self.retraction(record.position) };
            if apart.is_none() && retracted.is_none() {
                continue;
            }
            let (these, those) =
                apart.map(|apart| (apart.these.clone(), apart.those.clone())).unwrap_or_default();
            splits.push(Division { record: record.clone(), these, those, retracted });
        }
        splits
    }

    /// The last act that took this back.
    fn retraction(&self, edge: Position) -> Option<Retraction> {
        self.alone.iter().rev().find_map(|record| match &record.entry {
            Entry::Act(OperatorAct { id: _, by, why, deed: Deed::Retract(Retract { edge: of }) })
                if *of == edge =>
            {
                let (position, now) = (record.position, record.now);
                Some(Retraction { position, now, by: by.clone(), why: why.clone() })
            }
            _ => None,
        })
    }
}
