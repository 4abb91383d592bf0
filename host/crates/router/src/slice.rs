//! A part of a journal, folded by itself: some people's records, with every record that changes how those are folded.
//!
//! It answers what the store does not keep: who somebody was at an earlier position, what a policy saw and decided turn by
//! turn, what another version would have decided, what taking an edge back would change. The fold is the same one. What
//! policies tell of others in it is kept beside the journal and never enters it.
//!
//! Invariant: folding a person's slice to where the store stands gives the document that the store has of her. But for her
//! intents, where she was one for a while with somebody who was taken back, or was told of by somebody who is gone: the
//! ledger keeps what was meant then, and a slice does not know of it. And but for people whom an operator divided, where
//! one of them once showed a handle that is another's now and nothing leads from the one to the other.
//! [`Refolded::agrees`] tells whether it did.

use foldhash::HashSet;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use journal::{Batch, Erasure, Gone, Head, JournalError, Placed, Receipt, Records};
use model::{
    Customer, CustomerId, Deed, Entry, FoldState, Identity, Instant, OperatorAct, Position, Record, Source,
};
use store::{MemoryStore, Standing, Store};

use crate::correct::{Correction, Judge};
use crate::{Plugins, RouterError, Walk};

/// Some records of a journal at their own positions, and entries that nobody appended.
pub struct Slice {
    base: Arc<dyn Records>,
    records: BTreeMap<Position, Record>,
    /// What was appended to the slice, behind all of the journal: it is folded last, as it would be if it happened now.
    tail: Mutex<Tail>,
}

#[derive(Default)]
struct Tail {
    records: Vec<Record>,
    known: BTreeMap<String, Position>,
    floor: Instant,
}

impl Slice {
    /// The slice of everybody whom the records of these people name, and so on: what they are depends on nobody else.
    ///
    /// # Errors
    /// [`RouterError`] if journal or store cannot be read.
    pub fn of(
        journal: &Arc<dyn Records>,
        store: &dyn Store,
        people: &[CustomerId],
    ) -> Result<Slice, RouterError> {
        let (_, state) = store.standing()?;
        let judge = Judge { journal: &**journal, store, state: &state };
        let alone = journal.fetch(&state.alone)?;
        let records = surroundings(&judge, &alone, people)?;
        let rules = judge.rules(&state.corrections);
        let named: HashSet<Identity> = records.iter().flat_map(|record| rules.shown(record)).collect();
        let mut slice: BTreeMap<Position, Record> =
            records.iter().map(|record| (record.position, Record::clone(record))).collect();
        for record in alone {
            if let Entry::Retelling(retelling) = &record.entry {
                // What was told of them for a while, too.
                let told = journal.fetch(&[retelling.event])?;
                if !told.iter().any(|told| rules.shown(told).iter().any(|handle| named.contains(handle))) {
                    continue;
                }
                slice.extend(told.into_iter().map(|told| (told.position, told)));
            }
            slice.insert(record.position, record);
        }
        Ok(Slice::holding(journal, slice))
    }

    pub(crate) fn holding(journal: &Arc<dyn Records>, records: BTreeMap<Position, Record>) -> Slice {
        Slice { base: Arc::clone(journal), records, tail: Mutex::default() }
    }

    /// The same records, with nothing appended to them.
    #[must_use]
    pub fn afresh(&self) -> Slice {
        Slice::holding(&self.base, self.records.clone())
    }

    /// What is in it, ascending.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The first one behind this position.
    pub(crate) fn behind(&self, position: Position) -> Option<&Record> {
        self.records.range(position.saturating_add(1)..).next().map(|(_, record)| record)
    }

    /// The one at this position, where it is in it.
    #[must_use]
    pub fn at(&self, position: Position) -> Option<&Record> {
        self.records.get(&position)
    }

    /// How many are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What was appended to it, in its order.
    pub(crate) fn appended(&self) -> Vec<Entry> {
        self.tail().records.iter().map(|record| record.entry.clone()).collect()
    }

    fn tail(&self) -> std::sync::MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of everybody whom the records of these people name, and so on, those included whom `alone`, the records
/// that stand alone, once made one with them, or divided from them.
pub(crate) fn surroundings(
    judge: &Judge<'_>,
    alone: &[Record],
    people: &[CustomerId],
) -> Result<Vec<Arc<Record>>, RouterError> {
    let Judge { journal, state, .. } = judge;
    let rules = judge.rules(&state.corrections);
    let mut people = people.to_vec();
    loop {
        let (_, records) = judge.gather(&Correction::about(&people, state))?;
        let named: HashSet<Identity> = records.iter().flat_map(|record| rules.shown(record)).collect();
        let has =
            |first: CustomerId| records.binary_search_by_key(&first.0, |record| record.position).is_ok();
        // They may have been one with somebody who is another now, or be another since.
        let mut others = Vec::new();
        for record in alone {
            let Entry::Act(OperatorAct { deed, .. }) = &record.entry else { continue };
            match deed {
                Deed::Join(join) if has(join.one) != has(join.other) => {
                    let other = if has(join.one) { join.other } else { join.one };
                    others.extend(judge.holders(other)?);
                }
                Deed::Split(split) => {
                    let handles: Vec<Identity> =
                        split.handles.iter().filter_map(|handle| rules.comparable(handle)).collect();
                    if has(split.customer) || handles.iter().any(|handle| named.contains(handle)) {
                        others.extend(judge.holders(split.customer)?);
                        others.extend(judge.owners(handles.iter())?);
                    }
                }
                Deed::Retract(retract) => {
                    let edge = journal.fetch(&[retract.edge])?;
                    let shown: Vec<Identity> = edge.iter().flat_map(|edge| rules.shown(edge)).collect();
                    if shown.iter().any(|handle| named.contains(handle)) {
                        others.extend(judge.owners(shown.iter())?);
                    }
                }
                Deed::Join(_)
                | Deed::Propose(_)
                | Deed::Tag(_)
                | Deed::Untag(_)
                | Deed::Erase(_)
                | Deed::Attest(_)
                | Deed::Retry(_)
                | Deed::Drop(_)
                | Deed::Grant(_)
                | Deed::Configure(_) => {}
            }
        }
        others.retain(|other| !people.contains(other));
        if others.is_empty() {
            return Ok(records);
        }
        people.extend(others);
    }
}

fn key(source: Source<'_>, id: &str) -> String {
    match source {
        Source::Connection(name) => format!("c {name} {id}"),
        Source::Policy(name) => format!("p {name} {id}"),
        Source::Courier => format!("e {id}"),
        Source::Operator => format!("o {id}"),
    }
}

impl Records for Slice {
    fn head(&self) -> Result<Head, JournalError> {
        let Head { position, now } = self.base.head()?;
        let tail = self.tail();
        let last = tail.records.last().map_or(position, |record| record.position);
        Ok(Head { position: last, now: now.max(tail.floor) })
    }

    fn append(&self, batches: &[Batch]) -> Result<Vec<Receipt>, JournalError> {
        let Head { position: mut last, now: mut floor } = self.head()?;
        let mut receipts = Vec::with_capacity(batches.len());
        for batch in batches {
            floor = floor.max(batch.now);
            let mut placed = Vec::with_capacity(batch.entries.len());
            for entry in &batch.entries {
                let known = match entry.source() {
                    Some((source, id)) => self.locate(source, id)?,
                    None => None,
                };
                if let Some(known) = known {
                    placed.push(Placed::Known(known));
                    continue;
                }
                last += 1;
                let mut tail = self.tail();
                if let Some((source, id)) = entry.source() {
                    tail.known.insert(key(source, id), last);
                }
                tail.records.push(Record { position: last, now: floor, entry: entry.clone() });
                placed.push(Placed::New(last));
            }
            receipts.push(Receipt { placed });
        }
        self.tail().floor = floor;
        Ok(receipts)
    }

    fn read(&self, after: Position, limit: usize) -> Result<Vec<Record>, JournalError> {
        let own = self.records.range(after.saturating_add(1)..).map(|(_, record)| record.clone());
        let tail = self.tail();
        let tail = tail.records.iter().filter(|record| record.position > after).cloned();
        Ok(own.chain(tail).take(limit).collect())
    }

    fn fetch(&self, positions: &[Position]) -> Result<Vec<Record>, JournalError> {
        let tail = self.tail();
        let one = |position: &Position| match self.records.get(position) {
            Some(record) => Ok(record.clone()),
            None => match tail.records.iter().find(|record| record.position == *position) {
                Some(record) => Ok(record.clone()),
                // Something that a record of the slice speaks of.
                None => self.base.fetch(&[*position])?.pop().ok_or(JournalError::Missing(*position)),
            },
        };
        positions.iter().map(one).collect()
    }

    fn locate(&self, source: Source<'_>, id: &str) -> Result<Option<Position>, JournalError> {
        if let Some(&position) = self.tail().known.get(&key(source, id)) {
            return Ok(Some(position));
        }
        self.base.locate(source, id)
    }

    /// Those of the whole journal: a policy may be paused by one that stands behind the slice.
    fn setups(&self, after: Position) -> Result<Vec<Record>, JournalError> {
        self.base.setups(after)
    }

    /// What is tried on a slice is forgotten with it: the journal itself stays as it is.
    fn erase(&self, _: &Erasure) -> Result<Gone, JournalError> {
        Ok(Gone::default())
    }
}

/// What a slice gives.
pub struct Refolded {
    pub store: Arc<MemoryStore>,
    pub standing: Standing,
    pub state: FoldState,
}

impl Refolded {
    /// Folded to where the store stands: is she in it as she is there, her intents left aside?
    ///
    /// # Errors
    /// [`RouterError`] never, for a store in memory.
    pub fn agrees(&self, stored: &Customer) -> Result<bool, RouterError> {
        let less = |mut customer: Customer| {
            customer.intents.clear();
            customer
        };
        Ok(self.customer(stored.id)?.map(less) == Some(less(stored.clone())))
    }

    /// Whoever has the record at this position, or is known by this id.
    ///
    /// # Errors
    /// [`RouterError`] never, for a store in memory.
    pub fn customer(&self, id: CustomerId) -> Result<Option<Customer>, RouterError> {
        Ok(self.store.load(&[id])?.pop().flatten())
    }
}

/// Folds a slice as far as `upto` says, its alarms included, and what is told in it when `tail` says so.
///
/// # Errors
/// [`RouterError`] as any fold.
pub fn refold(
    slice: &Arc<Slice>,
    plugins: Arc<dyn Plugins>,
    upto: Standing,
    tail: bool,
) -> Result<Refolded, RouterError> {
    let mut walk = Walk::begin(slice, plugins)?;
    if tail {
        walk.to(Standing { fired: 0, ..upto })?;
        walk.to_the_tail()?;
    }
    walk.to(upto)?;
    walk.refolded()
}

/// The time by which the alarms had fired when the store stood at this position: that of the record there.
///
/// # Errors
/// [`RouterError`] if the journal cannot be read.
pub fn as_of_position(journal: &dyn Records, position: Position) -> Result<Standing, RouterError> {
    let head = journal.head()?.position;
    let position = position.min(head);
    let now =
        if position == 0 { 0 } else { journal.fetch(&[position])?.first().map_or(0, |record| record.now) };
    Ok(Standing { position, fired: now })
}

/// The last position whose record is not younger than `now`, and every alarm due by then.
///
/// # Errors
/// [`RouterError`] if the journal cannot be read.
pub fn as_of_time(journal: &dyn Records, now: Instant) -> Result<Standing, RouterError> {
    let position = journal::before(journal, now.saturating_add(1))?;
    Ok(Standing { position, fired: now })
}
