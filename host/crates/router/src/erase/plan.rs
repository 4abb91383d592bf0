//! What an erasure does to the journal, and whose records are folded again because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use journal::{Erasure, Journal};
use model::{
    Corrections, Customer, CustomerId, ERASED, Entry, Erased, Fact, Identity, Position, Record, Setup,
};

use super::kin::Kin;
use super::{Hers, owned};
use crate::correct::Judge;
use crate::{RouterError, Slice};

/// Records that are read together.
const PAGE: usize = 1024;

/// Bytes that a handle's value must have at least for what waits to be searched for it: a shorter one stands in every text.
const NAME_MIN: usize = 5;

/// What is done to the journal, and the records that are folded again, as they are then.
pub(crate) struct Plan {
    pub(crate) erasure: Erasure,
    /// She as the store has her, and her handles. A rotating one that is another's now is not.
    pub(super) customer: Customer,
    pub(super) owned: Vec<Identity>,
    /// Her records; records of others on which a handle of hers stood; acts of operators about who she is.
    pub(super) counts: (usize, usize, usize),
    /// Where the act stands.
    pub(super) act: Position,
    /// The positions of all records of everybody who may have had to do with her, ascending; the act is one of them.
    pub(super) kin: Vec<Position>,
    /// These records, and all setups.
    records: BTreeMap<Position, Record>,
}

impl Plan {
    /// None: there is nobody of this name, or the journal had forgotten her before she was folded.
    pub(crate) fn of(
        judge: &Judge<'_>,
        record: &Record,
        id: CustomerId,
    ) -> Result<Option<Plan>, RouterError> {
        let Some(customer) = judge.store.load(&[id])?.pop().flatten() else { return Ok(None) };
        let act = record.position;
        let stands_for_hers = format!("{ERASED}{act}:");
        if customer.handles.iter().any(|held| held.identity.value.starts_with(&stands_for_hers)) {
            return Ok(None);
        }
        let rules = judge.rules(&judge.state.corrections);
        let (owned, alone) = owned(judge, &customer)?;
        let hers = Hers::new(&rules, &customer, &alone, act);
        let setups = judge.journal.setups(0)?.into_iter().filter(|setup| setup.position < act);
        let mut records: BTreeMap<Position, Record> =
            setups.map(|record| (record.position, record)).collect();
        let survey = Survey::of(judge.journal, &hers, record, &stands_for_hers, &records)?;
        let Survey { changed, kin } = survey;
        let before: Vec<Position> = kin.iter().copied().filter(|&position| position < act).collect();
        for page in before.chunks(PAGE) {
            records.extend(judge.journal.fetch(page)?.into_iter().map(|record| (record.position, record)));
        }
        for (position, entry) in &changed {
            if let Some(record) = records.get_mut(position) {
                record.entry = entry.clone();
            }
        }
        records.insert(act, record.clone());
        let mut counts = (customer.timeline.len(), 0, 0);
        for (position, entry) in &changed {
            match entry {
                Entry::Act(_) => counts.2 += 1,
                _ if customer.has(*position) => {}
                _ => counts.1 += 1,
            }
        }
        let names = alone.iter().map(|handle| &handle.value);
        let names = names.filter(|value| value.len() >= NAME_MIN && !value.starts_with(ERASED));
        let names: BTreeSet<String> = names.cloned().collect();
        let erasure = Erasure { records: changed.into_iter().collect(), names: names.into_iter().collect() };
        Ok(Some(Plan { erasure, customer, owned, counts, act, kin, records }))
    }

    /// The records that are folded again, the act behind them.
    pub(super) fn slice(&self, journal: &Arc<dyn Journal>) -> Arc<Slice> {
        Arc::new(Slice::holding(journal, self.records.clone()))
    }

    pub(super) fn has(&self, position: Position) -> bool {
        self.kin.binary_search(&position).is_ok()
    }
}

/// One look at the whole journal: no index leads from a handle to all who showed it at some time.
struct Survey {
    /// What stands in the place of each record that says something of her.
    changed: BTreeMap<Position, Entry>,
    kin: Vec<Position>,
}

impl Survey {
    fn of(
        journal: &dyn Journal,
        hers: &Hers<'_>,
        act: &Record,
        stands_for_hers: &str,
        setups: &BTreeMap<Position, Record>,
    ) -> Result<Survey, RouterError> {
        let setups: Vec<Setup> = setups
            .values()
            .filter_map(|record| match &record.entry {
                Entry::Setup(setup) => Some(setup.clone()),
                _ => None,
            })
            .collect();
        let nothing = Corrections::default();
        let mut kin = Kin::new(&setups, &nothing, act.position);
        kin.add(act);
        let mut changed = BTreeMap::new();
        // Whoever names her in a record of theirs: a policy may remember that name.
        let mut seeds: Vec<Position> = hers.customer.timeline.clone();
        seeds.push(act.position);
        let mut after = 0;
        loop {
            let page = journal.read(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for mut record in page {
                if record.position >= act.position && !told_before(&record, act.position) {
                    continue;
                }
                let was = record.entry.clone();
                hers.forget(&mut record);
                if record.position < act.position {
                    kin.add(&record);
                    if whom(&record.entry).is_some_and(|whom| whom.value.starts_with(stands_for_hers)) {
                        seeds.push(record.position);
                    }
                }
                if record.entry != was {
                    changed.insert(record.position, record.entry);
                }
            }
        }
        Ok(Survey { changed, kin: kin.of(seeds.into_iter()) })
    }
}

/// Was it told of her by a record that is older than the act?
fn told_before(record: &Record, act: Position) -> bool {
    match &record.entry {
        Entry::Derived(derived) => derived.cause < act,
        Entry::Erased(Erased { cause, of: None, .. }) => cause.is_some_and(|cause| cause < act),
        _ => false,
    }
}

/// Another person whom an event names.
fn whom(entry: &Entry) -> Option<&Identity> {
    match &entry.event()?.fact {
        Fact::Did(act) => act.whom.as_ref(),
        Fact::Said(_) | Fact::Saw(_) | Fact::Bought(_) | Fact::Told(_) | Fact::Met(_) | Fact::Carried(_) => {
            None
        }
    }
}
