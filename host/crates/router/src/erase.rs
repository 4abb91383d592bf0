//! Somebody is forgotten: what the journal puts in the place of her records, and what the store loses.
//!
//! A record of hers becomes [`Erased`]: its position, its time and its fingerprint stay, and its handles, where hers are
//! replaced by ones that mean nobody. They are equal where hers were equal, so whoever folds the journal from the beginning
//! finds that there was somebody, gives her records to her, asks no policy about them, and forgets her here, as the store
//! now. What was said of others because of her stands in their records and stays. Who was told to name her in a record of
//! does now. What was said of others because of her stands in their records and stays. Who names her in a record of
//! theirs (a friend who helped) is folded again, because a policy may remember that name.
//! Invariant: everybody else's document is what it was but for her name, in the store now and in every later fold of the
//! journal; unless an operator had divided the two, who were one before: what was intended for both then is not found again.

use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet};

use journal::{Erasure, Journal, fingerprint};
use model::{
    Apart, ChannelEvent, Customer, CustomerId, Deed, DerivedEvent, ERASED, Entry, Erased, Fact, FoldState,
    Identity, Note, OperatorAct, Position, Record,
};
use store::{Commit, Indexed, Standing, Store};

use crate::RouterError;
use crate::correct::Judge;
use crate::identity::{Rules, addressee};

/// Notes that are looked at together.
const PAGE: usize = 1024;

/// Bytes that a handle's value must have at least for what waits to be searched for it: a shorter one stands in every text.
const NAME_MIN: usize = 5;

/// What stands in the place of an act's reason that may have named her.
const NO_REASON: &str = "erased";

/// What an erasure takes: how much, and nothing of what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erases {
    pub customer: CustomerId,
    /// The customers that had become one with her.
    pub merged: Vec<CustomerId>,
    pub records: usize,
    pub handles: usize,
    /// Records of others on which a handle of hers stands.
    pub others: usize,
    /// Acts of operators about who she is: their reasons go.
    pub words: usize,
}

/// What the erasure of this customer would take. None: there is nobody of this name.
///
/// # Errors
/// [`RouterError`] if journal or store cannot be read.
pub(crate) fn look(
    journal: &dyn Journal,
    store: &dyn Store,
    id: CustomerId,
) -> Result<Option<Erases>, RouterError> {
    let (_, state) = store.standing()?;
    let judge = Judge { journal, store, state: &state };
    let record = Record { position: Position::MAX, now: 0, entry: Entry::Erased(Erased::default()) };
    let Some(Forgetting { erasure, customer, owned, .. }) = Forgetting::of(&judge, &record, id)? else {
        return Ok(None);
    };
    let (hers, others): (Vec<_>, Vec<_>) =
        erasure.records.iter().partition(|(position, _)| customer.has(*position));
    let words = others.iter().filter(|(_, entry)| matches!(entry, Entry::Act(_))).count();
    Ok(Some(Erases {
        customer: customer.id,
        records: hers.len(),
        handles: owned.len(),
        others: others.len() - words,
        words,
        merged: customer.merged,
    }))
}

pub(crate) struct Forgetting {
    pub(crate) erasure: Erasure,
    /// What the fold knows from here on.
    pub(crate) state: FoldState,
    /// Who has a record that named her.
    pub(crate) namers: Vec<CustomerId>,
    customer: Customer,
    /// Her handles. A rotating one that is another's now is not.
    owned: Vec<Identity>,
    before: Indexed,
    note: Note,
    notes_gone: Vec<String>,
}

impl Forgetting {
    /// None: there is nobody of this name.
    pub(crate) fn of(
        judge: &Judge<'_>,
        record: &Record,
        id: CustomerId,
    ) -> Result<Option<Forgetting>, RouterError> {
        let Some(customer) = judge.store.load(&[id])?.pop().flatten() else { return Ok(None) };
        let rules = judge.rules(&judge.state.corrections);
        let alone = judge.journal.fetch(&judge.state.alone)?;
        let (owned, alone_hers) = owned(judge, &customer)?;
        let hers = Hers::new(&rules, &customer, &alone_hers, record.position);
        let notes = hers.notes(judge.store)?;
        let (records, naming) = hers.records(judge.journal, &alone, &notes)?;
        let namers = namers(judge, &naming)?;
        let records = records.into_iter().collect();
        let names = alone_hers.iter().map(|handle| &handle.value);
        let names = names.filter(|value| value.len() >= NAME_MIN && !value.starts_with(ERASED));
        let names: BTreeSet<String> = names.cloned().collect();
        let erasure = Erasure { records, names: names.into_iter().collect() };
        let mut state = judge.state.clone();
        state.alone.push(record.position);
        hers.correct(&mut state);
        let note = Note::Erasure(model::Erasure {
            position: record.position,
            now: record.now,
            customer: customer.id,
            merged: customer.merged.clone(),
            records: customer.timeline.len() as u64,
        });
        let notes_gone = notes.iter().map(Note::key).collect();
        let before = Indexed::of(&customer);
        Ok(Some(Forgetting { erasure, state, namers, customer, owned, before, note, notes_gone }))
    }

    pub(crate) fn commit(&self, from: Standing, to: Standing) -> Commit<'_> {
        Commit {
            from,
            to,
            unmerged: self.customer.merged.clone(),
            vanished: vec![(self.customer.id, &self.before)],
            handles_gone: self.owned.iter().collect(),
            notes_gone: self.notes_gone.clone(),
            notes: vec![self.note.clone()],
            state: Some(&self.state),
            scrub: true,
            ..Commit::default()
        }
    }
}

/// What stands in the place of records, and those of others that name her.
type Rewritten = (BTreeMap<Position, Entry>, Vec<Record>);

/// Whom it is about.
struct Hers<'a> {
    rules: &'a Rules<'a>,
    customer: &'a Customer,
    act: Position,
    /// What stands for each of her handles.
    instead: HashMap<&'a Identity, Identity>,
}

impl<'a> Hers<'a> {
    fn new(
        rules: &'a Rules<'a>,
        customer: &'a Customer,
        owned: &'a [Identity],
        position: Position,
    ) -> Hers<'a> {
        let instead = owned.iter().enumerate().map(|(place, handle)| {
            let Identity { scheme, scope, value } = handle;
            // One that was erased before stays: the journal has it.
            let value = match value.strip_prefix(ERASED) {
                Some(_) => value.clone(),
                None => format!("{ERASED}{position}:{place}"),
            };
            (handle, Identity { scheme: scheme.clone(), scope: scope.clone(), value })
        });
        Hers { rules, customer, act: position, instead: instead.collect() }
    }

    fn named(&self, identity: &Identity) -> Option<&Identity> {
        self.rules.comparable(identity).and_then(|handle| self.instead.get(&handle))
    }

    /// What stands in the place of each record that says something of her; and the records of others that name her.
    fn records(
        &self,
        journal: &dyn Journal,
        alone: &[Record],
        notes: &[Note],
    ) -> Result<Rewritten, RouterError> {
        let (mut changed, mut naming) = (BTreeMap::new(), Vec::new());
        let mut others: BTreeSet<Position> = self.customer.refused.iter().copied().collect();
        others.extend(notes.iter().filter_map(|note| match note {
            Note::Conflict(conflict) => Some(conflict.position),
            Note::DeadTurn(_) | Note::Erasure(_) | Note::StrayReceipt(_) => None,
        }));
        for record in journal.fetch(&self.customer.timeline)? {
            match &record.entry {
                Entry::Derived(derived) => drop(others.insert(derived.cause)),
                Entry::Erased(erased) => others.extend(erased.cause),
                Entry::Event(_)
                | Entry::Setup(_)
                | Entry::Retelling(_)
                | Entry::Progress(_)
                | Entry::Act(_) => {}
            }
            if !matches!(record.entry, Entry::Erased(_)) {
                changed.insert(record.position, Entry::Erased(self.erased(&record)));
            }
        }
        for record in alone {
            match &record.entry {
                // What was told of her, and is not hers because it counts no longer.
                Entry::Retelling(retelling) => drop(others.insert(retelling.event)),
                Entry::Act(act) => {
                    if let Some(act) = self.act(act) {
                        changed.insert(record.position, Entry::Act(act));
                    }
                }
                Entry::Event(_)
                | Entry::Derived(_)
                | Entry::Setup(_)
                | Entry::Progress(_)
                | Entry::Erased(_) => {}
            }
        }
        let others: Vec<Position> =
            others.into_iter().filter(|position| !self.customer.has(*position)).collect();
        for mut record in journal.fetch(&others)? {
            let renamed = self.rename(&mut record.entry);
            // Also where an erasure that broke off has been here.
            if whom(&record.entry).is_some_and(|whom| whom.value.starts_with(ERASED)) {
                naming.push(record.clone());
            }
            if renamed {
                changed.insert(record.position, record.entry);
            }
        }
        Ok((changed, naming))
    }

    fn erased(&self, record: &Record) -> Erased {
        let shown = self.rules.shown(record).into_iter();
        let who = shown.map(|handle| self.instead.get(&handle).cloned().unwrap_or(handle)).collect();
        let cause = match &record.entry {
            Entry::Derived(derived) => Some(derived.cause),
            Entry::Event(_)
            | Entry::Setup(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_)
            | Entry::Erased(_) => None,
        };
        Erased {
            who,
            of: addressee(&record.entry),
            act: self.act,
            cause,
            fingerprint: fingerprint(&record.entry),
        }
    }

    /// Puts what stands for her handles into another's record. False: there is none of hers.
    fn rename(&self, entry: &mut Entry) -> bool {
        let mut renamed = false;
        let mut rename = |identity: &mut Identity| {
            if let Some(instead) = self.named(identity).filter(|instead| *instead != identity) {
                *identity = instead.clone();
                renamed = true;
            }
        };
        match entry {
            Entry::Event(ChannelEvent { event, .. }) | Entry::Derived(DerivedEvent { event, .. }) => {
                event.who.iter_mut().for_each(&mut rename);
                if let Fact::Did(act) = &mut event.fact {
                    act.whom.iter_mut().for_each(&mut rename);
                }
            }
            Entry::Erased(erased) => erased.who.iter_mut().for_each(rename),
            Entry::Setup(_) | Entry::Retelling(_) | Entry::Progress(_) | Entry::Act(_) => {}
        }
        renamed
    }

    /// What an operator said of who she is, without her handles and the reason. None: it is not about her.
    fn act(&self, act: &OperatorAct) -> Option<OperatorAct> {
        let mut act = act.clone();
        let about = match &mut act.deed {
            Deed::Join(join) => self.customer.has(join.one.0) || self.customer.has(join.other.0),
            Deed::Split(split) => {
                let mut about = self.customer.has(split.customer.0);
                for handle in &mut split.handles {
                    if let Some(instead) = self.named(handle) {
                        *handle = instead.clone();
                        about = true;
                    }
                }
                about
            }
            Deed::Retract(retract) => self.customer.has(retract.edge),
            Deed::Retry(retry) => retry.customer.is_some_and(|whose| self.customer.has(whose.0)),
            Deed::Propose(_)
            | Deed::Tag(_)
            | Deed::Untag(_)
            | Deed::Erase(_)
            | Deed::Attest(_)
            | Deed::Drop(_)
            | Deed::Grant(_) => false,
        };
        if !about {
            return None;
        }
        NO_REASON.clone_into(&mut act.why);
        Some(act)
    }

    /// Takes out what operators said of who she is.
    fn correct(&self, state: &mut FoldState) {
        let corrections = &mut state.corrections;
        corrections.retracted.retain(|position| !self.customer.has(*position));
        corrections.joins.retain(|join| !self.customer.has(join.one.0) && !self.customer.has(join.other.0));
        for Apart { position: _, these, those } in &mut corrections.apart {
            these.retain(|handle| !self.instead.contains_key(handle));
            those.retain(|handle| !self.instead.contains_key(handle));
        }
        corrections.apart.retain(|apart| !apart.these.is_empty() && !apart.those.is_empty());
    }

    /// The notes that name her.
    fn notes(&self, store: &dyn Store) -> Result<Vec<Note>, RouterError> {
        let is_hers = |id: CustomerId| id == self.customer.id || self.customer.merged.contains(&id);
        let names_her = |note: &&Note| match note {
            Note::Conflict(conflict) => {
                is_hers(conflict.customer)
                    || is_hers(conflict.other)
                    || self.instead.contains_key(&conflict.handle)
            }
            Note::DeadTurn(dead) => is_hers(dead.customer),
            Note::StrayReceipt(stray) => is_hers(stray.customer),
            Note::Erasure(_) => false,
        };
        let (mut gone, mut after) = (Vec::new(), String::new());
        loop {
            let page = store.notes(&after, PAGE)?;
            let Some(last) = page.last() else { return Ok(gone) };
            after = last.key();
            gone.extend(page.into_iter().filter(|note| names_her(&note)));
        }
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

/// Those of her handles that are hers still; and of these, those that nobody had before her, who would have it now.
fn owned(judge: &Judge<'_>, customer: &Customer) -> Result<(Vec<Identity>, Vec<Identity>), RouterError> {
    let handles: Vec<&Identity> = customer.handles.iter().map(|held| &held.identity).collect();
    let owners = judge.store.resolve(&handles)?;
    let (mut owned, mut alone): (Vec<Identity>, Vec<Identity>) = (Vec::new(), Vec::new());
    // A rotating handle that went from one to another is another's, too.
    let mut shared: Vec<Identity> = Vec::new();
    for held in &customer.handles {
        let before = held.before.map(|before| judge.store.load(&[before])).transpose()?;
        if before.into_iter().flatten().flatten().any(|before| before.id != customer.id) {
            shared.push(held.identity.clone());
        }
    }
    let rules = judge.rules(&judge.state.corrections);
    for record in judge.journal.fetch(&customer.refused)? {
        shared.extend(rules.shown(&record).into_iter().filter(|handle| !rules.lasts(handle)));
    }
    for (held, owner) in customer.handles.iter().zip(owners) {
        if owner == Some(customer.id) && !owned.contains(&held.identity) {
            owned.push(held.identity.clone());
            if !shared.contains(&held.identity) {
                alone.push(held.identity.clone());
            }
        }
    }
    Ok((owned, alone))
}

/// Who has these records.
fn namers(judge: &Judge<'_>, records: &[Record]) -> Result<Vec<CustomerId>, RouterError> {
    let rules = judge.rules(&judge.state.corrections);
    let mut namers = Vec::new();
    for record in records {
        let shown = rules.shown(record);
        let owners = judge.store.load(&judge.owners(shown.iter())?)?;
        let owner = owners.into_iter().flatten().find(|customer| customer.has(record.position));
        namers.extend(owner.map(|customer| customer.id));
    }
    namers.sort_unstable();
    namers.dedup();
    Ok(namers)
}
