//! What an erasure does to the journal, and whose records are folded again because of it.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::thread;

use journal::{Erasure, JournalError, Records};
use model::{
    Customer, CustomerId, Deed, ERASED, Entry, Erase, Erased, Fact, Handle, Identity, OperatorAct, Position,
    Record,
};

use super::kin::Kin;
use super::{Hers, NO_REASON, owned};
use crate::correct::Judge;
use crate::{RouterError, Slice};

/// Records that are read together.
const PAGE: usize = 1024;

/// Pages that are read ahead of the one at hand.
const PAGES_AHEAD: usize = 4;

/// What is done to the journal, and the records that are folded again, as they are then.
pub(crate) struct Plan {
    pub(crate) erasure: Erasure,
    /// She as the store has her, and her handles. A rotating one that is another's now is not.
    pub(crate) customer: Customer,
    pub(super) owned: Vec<Identity>,
    /// Her records; records of others on which a handle of hers stood; acts of operators about who she is.
    pub(super) counts: (usize, usize, usize),
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
        let is_anew = |held: &Handle| held.identity.value.starts_with(&stands_for_hers(act));
        if customer.handles.iter().any(is_anew) {
            return Ok(None);
        }
        let rules = judge.rules(&judge.state.corrections);
        let (owned, alone) = owned(judge, &customer)?;
        let mut hers = Hers::new(&rules, &customer, &alone, act);
        hers.turns = hers.dead_turns(judge.store)?;
        let survey = Survey::of(judge.journal, Some(&hers), act, act - 1)?;
        let mut seeds = customer.timeline.clone();
        seeds.push(act);
        let Survey { changed, letters, turns, kin, mut records } =
            survey.end(judge.journal, Some(record), seeds)?;
        for (position, entry) in &changed {
            if let Some(record) = records.get_mut(position) {
                record.entry = entry.clone();
            }
        }
        let mut counts = (customer.timeline.len(), 0, 0);
        for (position, entry) in &changed {
            match entry {
                Entry::Act(_) => counts.2 += 1,
                _ if customer.has(*position) => {}
                _ => counts.1 += 1,
            }
        }
        let mut turns = turns;
        turns.extend(hers.turns.iter().cloned());
        let records_then = changed.into_iter().collect();
        let erasure = Erasure { records: records_then, names: hers.names, letters, turns };
        Ok(Some(Plan { erasure, customer, owned, counts, kin, records }))
    }

    /// The journal has forgotten her, and who had to do with her could not be folded again then: the same records, and those
    /// since, up to `upto`.
    pub(crate) fn later(
        journal: &dyn Records,
        act: Position,
        erase: &Erase,
        upto: Position,
    ) -> Result<Plan, RouterError> {
        let survey = Survey::of(journal, None, act, upto)?;
        let Survey { changed: _, letters: _, turns: _, kin, records } =
            survey.end(journal, None, vec![erase.customer.0, act])?;
        let customer = Customer::new(erase.customer, 0);
        let (erasure, owned) = (Erasure::default(), Vec::new());
        Ok(Plan { erasure, customer, owned, counts: (0, 0, 0), kin, records })
    }

    /// The records that are folded again, the act behind them.
    pub(super) fn slice(&self, journal: &Arc<dyn Records>) -> Arc<Slice> {
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
    /// What would stand in the place of words on dead letters, by the letter's number, if it were hers.
    letters: Vec<(u64, Position, Entry)>,
    /// The keys of turns of hers that were let go.
    turns: Vec<String>,
    /// Records that are tied to hers by what they name.
    kin: Vec<Position>,
    /// What they are, and all setups.
    records: BTreeMap<Position, Record>,
}

/// A survey that has seen the journal.
struct Seen {
    changed: BTreeMap<Position, Entry>,
    letters: Vec<(u64, Position, Entry)>,
    turns: Vec<String>,
    /// Who names her in a record of theirs: a policy may remember that name.
    naming: Vec<Position>,
    setups: Vec<Record>,
    kin: Kin,
}

impl Survey {
    /// Ties the records up to `upto`, without her where they are not without her yet.
    fn of(
        journal: &dyn Records,
        hers: Option<&Hers<'_>>,
        act: Position,
        upto: Position,
    ) -> Result<Seen, RouterError> {
        let mut setups = journal.setups(0)?;
        setups.retain(|setup| setup.position <= upto);
        let mut kin = Kin::new(&setups, upto.max(act));
        let stands_for_hers = stands_for_hers(act);
        let (mut changed, mut naming) = (BTreeMap::new(), Vec::new());
        let (mut letters, mut turns) = (Vec::new(), Vec::new());
        pages(journal, |mut record| {
            let is_later = record.position > upto;
            if is_later && !told_before(&record, act) {
                return;
            }
            if let (Some(hers), Some(letter)) = (hers, letter(&record.entry)) {
                match letter.parse() {
                    Ok(number) => {
                        letters.extend(unsaid(&record.entry).map(|word| (number, record.position, word)))
                    }
                    Err(_) if hers.is_turn(letter) => turns.push(letter.to_owned()),
                    Err(_) => {}
                }
            }
            let is_another = hers.is_some_and(|hers| hers.forget(&mut record));
            if !is_later {
                kin.add(&record);
                if whom(&record.entry).is_some_and(|whom| whom.value.starts_with(&stands_for_hers)) {
                    naming.push(record.position);
                }
            }
            if is_another {
                changed.insert(record.position, record.entry);
            }
        })?;
        Ok(Seen { changed, letters, turns, naming, setups, kin })
    }
}

/// Shows every record of the journal, in order. The next ones are read meanwhile: the fold stands for as long as this lasts.
fn pages(journal: &dyn Records, mut show: impl FnMut(Record)) -> Result<(), RouterError> {
    let (read, pages) = mpsc::sync_channel::<Result<Vec<Record>, JournalError>>(PAGES_AHEAD);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut after = 0;
            loop {
                let page = journal.read(after, PAGE);
                let last = page.as_ref().ok().and_then(|page| page.last()).map(|last| last.position);
                // Nobody listens any more where one could not be read.
                if last.is_none_or(|last| last <= after) && page.is_ok() || read.send(page).is_err() {
                    return;
                }
                let Some(last) = last else { return };
                after = last;
            }
        });
        for page in pages {
            page?.into_iter().for_each(&mut show);
        }
        Ok(())
    })
}

impl Seen {
    /// Reads what is tied to these. `act` is one more record, which the journal need not have.
    fn end(
        mut self,
        journal: &dyn Records,
        act: Option<&Record>,
        mut seeds: Vec<Position>,
    ) -> Result<Survey, RouterError> {
        act.into_iter().for_each(|act| self.kin.add(act));
        seeds.extend(self.naming);
        let kin = self.kin.of(seeds.into_iter());
        let mut records: BTreeMap<Position, Record> =
            self.setups.into_iter().map(|record| (record.position, record)).collect();
        let is_act = |position: &Position| act.is_some_and(|act| act.position == *position);
        let kept: Vec<Position> = kin.iter().copied().filter(|position| !is_act(position)).collect();
        for page in kept.chunks(PAGE) {
            records.extend(journal.fetch(page)?.into_iter().map(|record| (record.position, record)));
        }
        records.extend(act.map(|act| (act.position, act.clone())));
        let Seen { changed, letters, turns, .. } = self;
        Ok(Survey { changed, letters, turns, kin, records })
    }
}

/// How the values of the handles begin that stand for those of her whom this act erased.
fn stands_for_hers(act: Position) -> String {
    format!("{ERASED}{act}:")
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

/// The dead letter of which a record is an operator's word.
fn letter(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Act(OperatorAct { deed: Deed::Retry(retry), .. }) => Some(&retry.letter),
        Entry::Act(OperatorAct { deed: Deed::Drop(dropped), .. }) => Some(&dropped.letter),
        _ => None,
    }
}

/// The same word without its reason. None: it has none.
fn unsaid(entry: &Entry) -> Option<Entry> {
    let Entry::Act(act) = entry else { return None };
    let unsaid = OperatorAct { why: NO_REASON.to_owned(), ..act.clone() };
    (act.why != NO_REASON).then_some(Entry::Act(unsaid))
}
