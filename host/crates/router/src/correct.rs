//! Who is who, judged again: an operator's word on it, or a derived event that counts no longer, or again.
//!
//! Everybody whom the records in question may have joined or kept apart is taken, with all of their records; these are
//! judged from the first one, by the rules that hold now. Who comes out of it with the same handles, records and merges
//! as before is left alone. All others are folded again. One commit puts the new customers in the place of the old ones.
//!
//! Invariant: a correction that is taken back leaves the state that was there before it.

use foldhash::HashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use journal::Records;
use model::{
    Apart, Corrections, Customer, CustomerId, Deed, Entry, FoldState, HeldIntent, Identity, IntentState,
    Joined, Note, OperatorAct, Position, Record, Retelling, Retract, Split,
};
use store::{Changed, Commit, Indexed, Query, Standing, Store};

use crate::RouterError;
use crate::desk::{Desk, Kept};
use crate::identity::{Assigned, Rules, handles};
use crate::judging::{self, Judging};
use crate::lane::Lane;

/// Customers looked at together where only a look at everybody tells who has a record.
const PAGE: usize = 1024;

/// What one correcting record means.
#[derive(Debug, Default)]
pub(crate) struct Correction {
    /// What holds from here on.
    pub(crate) corrections: Corrections,
    /// Whose identity is judged again, besides everybody whom their records name.
    pub(crate) seeds: BTreeSet<CustomerId>,
    /// Records that nobody had, and that are somebody's now.
    added: BTreeSet<Position>,
    /// Records that are nobody's any more.
    dropped: BTreeSet<Position>,
}

/// What came out of it.
pub(crate) struct Judged {
    /// Customers to fold again.
    pub(crate) lanes: Vec<Lane>,
    pub(crate) notes: Vec<Note>,
    /// The old ones that they stand for, and what the store's indexes hold of them.
    pub(crate) old: Vec<Customer>,
    before: Vec<Indexed>,
    /// Who was merged into whom, one step at a time.
    merged: Vec<(CustomerId, CustomerId)>,
    /// Who has each handle now.
    pub(crate) handles: Vec<(Identity, CustomerId)>,
    pub(crate) handles_gone: Vec<Identity>,
    /// All records that were judged.
    pub(crate) positions: Vec<Position>,
}

pub(crate) struct Judge<'a> {
    pub(crate) journal: &'a dyn Records,
    pub(crate) store: &'a dyn Store,
    pub(crate) state: &'a FoldState,
}

impl Correction {
    /// Nothing changes: only whom it would concern.
    pub(crate) fn about(people: &[CustomerId], state: &FoldState) -> Correction {
        let (corrections, seeds) = (state.corrections.clone(), people.iter().copied().collect());
        Correction { corrections, seeds, ..Correction::default() }
    }
}

impl Judge<'_> {
    /// What this record corrects. Something that is not there, or holds already, corrects nothing.
    pub(crate) fn correction(&self, record: &Record) -> Result<Correction, RouterError> {
        let mut correction =
            Correction { corrections: self.state.corrections.clone(), ..Correction::default() };
        match &record.entry {
            Entry::Retelling(retelling) => self.retell(record.position, retelling, &mut correction)?,
            Entry::Act(OperatorAct { deed, .. }) => match deed {
                Deed::Join(join) => {
                    let both = self.store.load(&[join.one, join.other])?;
                    // They may be one already: then it holds when what made them one is taken back.
                    if let [Some(one), Some(other)] = &both[..] {
                        correction.seeds.extend([one.id, other.id]);
                        let (position, one, other) = (record.position, join.one, join.other);
                        correction.corrections.joins.push(Joined { position, one, other });
                    }
                }
                Deed::Split(split) => self.split(record.position, split, &mut correction)?,
                Deed::Retract(retract) => self.retract(retract, &mut correction)?,
                Deed::Propose(_)
                | Deed::Tag(_)
                | Deed::Untag(_)
                | Deed::Erase(_)
                | Deed::Attest(_)
                | Deed::Retry(_)
                | Deed::Drop(_)
                | Deed::Grant(_)
                | Deed::Configure(_) => {}
            },
            Entry::Event(_)
            | Entry::Derived(_)
            | Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Progress(_)
            | Entry::Erased(_) => {}
        }
        Ok(correction)
    }

    pub(crate) fn rules<'b>(&'b self, corrections: &'b Corrections) -> Rules<'b> {
        Rules::new(&self.state.setup, corrections)
    }

    fn record(&self, position: Position) -> Result<Option<Record>, RouterError> {
        match self.journal.fetch(&[position]) {
            Ok(records) => Ok(records.into_iter().next()),
            Err(journal::JournalError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn split(
        &self,
        position: Position,
        split: &Split,
        correction: &mut Correction,
    ) -> Result<(), RouterError> {
        let Some(customer) = self.store.load(&[split.customer])?.pop().flatten() else { return Ok(()) };
        let rules = self.rules(&self.state.corrections);
        let wanted: Vec<Identity> =
            split.handles.iter().filter_map(|handle| rules.comparable(handle)).collect();
        let lasting = customer.handles.into_iter().map(|held| held.identity);
        let (these, those): (Vec<Identity>, Vec<Identity>) =
            lasting.filter(|handle| rules.lasts(handle)).partition(|handle| wanted.contains(handle));
        if these.is_empty() || those.is_empty() {
            return Ok(());
        }
        correction.corrections.apart.push(Apart { position, these, those });
        correction.seeds.insert(customer.id);
        Ok(())
    }

    fn retract(&self, retract: &Retract, correction: &mut Correction) -> Result<(), RouterError> {
        let edge = retract.edge;
        if let Some(place) = correction.corrections.apart.iter().position(|apart| apart.position == edge) {
            let Apart { position: _, these, those } = correction.corrections.apart.remove(place);
            correction.seeds.extend(self.owners(these.iter().chain(&those))?);
            return Ok(());
        }
        if let Some(place) = correction.corrections.joins.iter().position(|joined| joined.position == edge) {
            let joined = correction.corrections.joins.remove(place);
            correction.seeds.extend(self.joined(&joined)?);
            correction.dropped.insert(edge);
            return Ok(());
        }
        let Some(record) = self.record(edge)? else { return Ok(()) };
        match &record.entry {
            Entry::Event(_) | Entry::Derived(_) | Entry::Erased(_) => {
                let shown = self.rules(&self.state.corrections).shown(&record);
                if let Err(place) = correction.corrections.retracted.binary_search(&edge) {
                    correction.corrections.retracted.insert(place, edge);
                    correction.seeds.extend(self.owners(shown.iter())?);
                }
            }
            // A retraction that is taken back: the record joins again.
            Entry::Act(OperatorAct { deed: Deed::Retract(earlier), .. }) => {
                if let Ok(place) = correction.corrections.retracted.binary_search(&earlier.edge) {
                    correction.corrections.retracted.remove(place);
                    if let Some(record) = self.record(earlier.edge)? {
                        let shown = self.rules(&self.state.corrections).shown(&record);
                        correction.seeds.extend(self.owners(shown.iter())?);
                    }
                }
            }
            Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_) => {}
        }
        Ok(())
    }

    fn retell(
        &self,
        position: Position,
        retelling: &Retelling,
        correction: &mut Correction,
    ) -> Result<(), RouterError> {
        let Some(record) = self.record(retelling.event)? else { return Ok(()) };
        let rules = self.rules(&self.state.corrections);
        let shown = rules.shown(&record);
        let owners: Vec<CustomerId> = self.owners(shown.iter())?;
        if matches!(&record.entry, Entry::Erased(erased) if erased.act < position) {
            // She whom it was told of is gone, and does not come back by it.
            return Ok(());
        }
        let loaded = self.store.load(&owners)?;
        let holder = loaded
            .iter()
            .flatten()
            .find(|customer| customer.has(retelling.event))
            .map(|customer| customer.id);
        if retelling.counts {
            correction.added.insert(retelling.event);
            correction.seeds.extend(owners);
            if !shown.iter().any(|handle| rules.lasts(handle)) {
                // Whose a rotating handle was then is told by their records alone.
                let had =
                    |customer: &Customer| customer.handles.iter().any(|held| shown.contains(&held.identity));
                correction.seeds.extend(self.everybody(had)?);
            }
            return Ok(());
        }
        let holders = match holder {
            Some(holder) => vec![holder],
            // Her handle is another's now.
            None => self.everybody(|customer| customer.has(retelling.event))?,
        };
        if !holders.is_empty() {
            correction.seeds.extend(holders);
            correction.dropped.insert(retelling.event);
        }
        Ok(())
    }

    /// Who has the records that a join names.
    fn joined(&self, joined: &Joined) -> Result<Vec<CustomerId>, RouterError> {
        let mut found = self.holders(joined.one)?;
        found.extend(self.holders(joined.other)?);
        Ok(found)
    }

    /// Who has the record that a customer was named after.
    pub(crate) fn holders(&self, named: CustomerId) -> Result<Vec<CustomerId>, RouterError> {
        match self.store.load(&[named])?.pop().flatten() {
            Some(customer) => Ok(vec![customer.id]),
            // Nobody is named after it any more, because somebody had it from the beginning.
            None => self.everybody(|customer| customer.has(named.0)),
        }
    }

    pub(crate) fn owners<'b>(
        &self,
        handles: impl Iterator<Item = &'b Identity>,
    ) -> Result<Vec<CustomerId>, RouterError> {
        let handles: Vec<&Identity> = handles.collect();
        Ok(self.store.resolve(&handles)?.into_iter().flatten().collect())
    }

    /// Looks at every customer. Only for what no index tells, and nobody waits for.
    fn everybody(&self, is: impl Fn(&Customer) -> bool) -> Result<Vec<CustomerId>, RouterError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.page(&Query { after, limit: PAGE, ..Query::default() })?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.id);
            found.extend(page.iter().filter(|customer| is(customer)).map(|customer| customer.id));
        }
    }

    /// Everybody whom the records of these people name, theirs included, and so on.
    pub(crate) fn gather(
        &self,
        correction: &Correction,
    ) -> Result<(Vec<Customer>, Vec<Arc<Record>>), RouterError> {
        let rules = self.rules(&correction.corrections);
        let mut people: BTreeMap<CustomerId, Customer> = BTreeMap::new();
        let mut records: BTreeMap<Position, Arc<Record>> = BTreeMap::new();
        let mut new: Vec<CustomerId> = correction.seeds.iter().copied().collect();
        let mut unread: Vec<Position> = correction.added.iter().copied().collect();
        let mut handles: HashSet<Identity> = HashSet::default();
        let mut refused: BTreeSet<Position> = BTreeSet::new();
        let joins = correction.corrections.joins.iter().map(|joined| Ok((joined, self.joined(joined)?)));
        let joins = joins.collect::<Result<Vec<_>, RouterError>>()?;
        while !new.is_empty() || !unread.is_empty() {
            let mut others: Vec<Position> = Vec::new();
            let had = |customer: &Customer| {
                customer.handles.iter().filter_map(|held| held.before).collect::<Vec<_>>()
            };
            let mut before: Vec<CustomerId> = Vec::new();
            for customer in self.store.load(&new)?.into_iter().flatten() {
                before.extend(had(&customer));
                unread.extend(&customer.timeline);
                others.extend(customer.refused.iter().filter(|&&position| refused.insert(position)));
                people.insert(customer.id, customer);
            }
            unread.sort_unstable();
            unread.dedup();
            unread
                .retain(|position| !correction.dropped.contains(position) && !records.contains_key(position));
            let mut shown: Vec<Identity> = Vec::new();
            new = self.store.load(&before)?.into_iter().flatten().map(|customer| customer.id).collect();
            others.sort_unstable();
            for record in self.journal.fetch(&others)? {
                // Whose it is has one of its handles, or was named after it.
                shown
                    .extend(rules.shown(&record).into_iter().filter(|handle| handles.insert(handle.clone())));
                let named = self.store.load(&[CustomerId(record.position)])?;
                new.extend(named.into_iter().flatten().map(|customer| customer.id));
            }
            for record in self.journal.fetch(&unread)? {
                shown
                    .extend(rules.shown(&record).into_iter().filter(|handle| handles.insert(handle.clone())));
                records.insert(record.position, Arc::new(record));
            }
            unread.clear();
            new.extend(self.owners(shown.iter())?);
            for (joined, who) in &joins {
                let named = [joined.one.0, joined.other.0];
                if named.iter().any(|first| records.contains_key(first)) {
                    new.extend(who);
                }
            }
            new.sort_unstable();
            new.dedup();
            new.retain(|id| !people.contains_key(id));
        }
        Ok((people.into_values().collect(), records.into_values().collect()))
    }

    /// Judges anew, and gives those who are not who they were, ready to be folded again up to `record`.
    pub(crate) fn judge(&self, record: &Record, correction: &Correction) -> Result<Judged, RouterError> {
        let (old, records) = self.gather(correction)?;
        let rules = self.rules(&correction.corrections).at(record.position);
        let Judging { desk, assigned, joined, .. } =
            judging::judge(&rules, &correction.corrections.joins, &records, &mut |_, _, _| {})?;
        let mut judged: Vec<Position> = correction.dropped.iter().copied().chain(joined).collect();
        judged.extend(records.iter().map(|record| record.position));
        let mut judged = self.settled(record, old, judged, assigned, &desk)?;
        for lane in &mut judged.lanes {
            lane.fresh.extend(&correction.added);
        }
        Ok(judged)
    }

    /// Takes those out who are as they were, and hands the others what was intended for, and told because of, their records.
    fn settled(
        &self,
        record: &Record,
        old: Vec<Customer>,
        positions: Vec<Position>,
        assigned: Assigned,
        desk: &Desk,
    ) -> Result<Judged, RouterError> {
        let Assigned { lanes, notes, handles, gone, .. } = assigned;
        let owned: BTreeMap<Identity, CustomerId> = handles
            .into_iter()
            .filter_map(|handle| desk.owner(&handle).map(|owner| (handle, owner)))
            .collect();
        let handles_gone = old
            .iter()
            .flat_map(|customer| customer.handles.iter().map(|held| &held.identity))
            .filter(|handle| !owned.contains_key(handle))
            .cloned()
            .collect();
        let new = lanes.into_iter().filter(|lane| !lane.superseded).map(|lane| lane.customer);
        let same = |new: &Customer, old: &Customer| {
            (new.id, new.first_seen, &new.handles, &new.timeline, &new.refused, &new.merged)
                == (old.id, old.first_seen, &old.handles, &old.timeline, &old.refused, &old.merged)
        };
        let (kept, new): (Vec<Customer>, Vec<Customer>) =
            new.partition(|new| old.iter().any(|old| same(new, old)));
        let kept: HashSet<CustomerId> = kept.into_iter().map(|customer| customer.id).collect();
        let old: Vec<Customer> = old.into_iter().filter(|old| !kept.contains(&old.id)).collect();
        let told: Vec<_> = old.iter().flat_map(|customer| customer.told.iter().cloned()).collect();
        let noted: Vec<_> = old.iter().flat_map(|customer| customer.noted.iter().cloned()).collect();
        let mut lanes: Vec<Lane> = new
            .into_iter()
            .map(|customer| {
                let before = old.iter().find(|old| old.id == customer.id);
                let before = before.map(Indexed::of).unwrap_or_default();
                Lane::again(Kept { customer, before }, record.position, record.now)
            })
            .collect();
        for held in intents(&old) {
            let at = held.cause.position;
            let has = |at: Position| lanes.iter().position(|lane| lane.customer.has(at));
            // Its cause may be nobody's any more; its steps are somebody's.
            let hers = has(at).or_else(|| held.steps.first().and_then(|step| has(step.position)));
            let hers = match hers {
                Some(lane) => Some(lane),
                None => self.named(at, &owned, &lanes)?,
            };
            if let Some(lane) = lanes.get_mut(hers.unwrap_or(0)) {
                lane.intended(vec![held]);
            }
        }
        for lane in &mut lanes {
            lane.told_before.clone_from(&told);
            lane.noted_before.clone_from(&noted);
        }
        let before = old.iter().map(Indexed::of).collect();
        let anew: HashSet<CustomerId> =
            lanes.iter().flat_map(|lane| lane.customer.merged.iter().copied()).collect();
        let merged = gone.into_iter().map(|(gone, into, _)| (gone, into));
        let merged = merged.filter(|(gone, _)| anew.contains(gone)).collect();
        let handles = owned.into_iter().collect();
        Ok(Judged { lanes, notes, old, before, merged, handles, handles_gone, positions })
    }

    /// The lane of who has one of the handles on this record, which is nobody's.
    fn named(
        &self,
        position: Position,
        owned: &BTreeMap<Identity, CustomerId>,
        lanes: &[Lane],
    ) -> Result<Option<usize>, RouterError> {
        let records = self.journal.fetch(&[position])?;
        let handles = records.iter().flat_map(|record| handles(&self.state.setup, record));
        let owners = handles.filter_map(|handle| owned.get(&handle).copied()).collect::<Vec<_>>();
        Ok(lanes.iter().position(|lane| owners.contains(&lane.customer.id)))
    }
}

/// The keys of conflicts on the records that were judged: those that are there still are told again.
pub(crate) fn conflicts(store: &dyn Store, judged: &Judged) -> Result<Vec<String>, RouterError> {
    let mut keys = Vec::new();
    for &position in &judged.positions {
        let mut after = Note::behind(position);
        while let Some(note) = store.notes(&after, 1)?.pop() {
            after = note.key();
            match note {
                Note::Conflict(conflict) if conflict.position == position => keys.push(after.clone()),
                Note::DeadTurn(dead) if dead.position == position => {}
                Note::StrayReceipt(stray) if stray.position == position => {}
                Note::Overflow(overflow) if overflow.position == position => {}
                Note::Conflict(_)
                | Note::DeadTurn(_)
                | Note::Erasure(_)
                | Note::StrayReceipt(_)
                | Note::Overflow(_) => break,
            }
        }
    }
    Ok(keys)
}

/// The step of the store that puts the new customers in the place of the old ones.
pub(crate) fn commit<'a>(
    from: Standing,
    to: Standing,
    judged: &'a Judged,
    notes_gone: Vec<String>,
    notes: Vec<Note>,
    state: &'a FoldState,
) -> Commit<'a> {
    let Judged { lanes, notes: _, old, before: _, merged, handles, handles_gone, positions: _ } = judged;
    let now: BTreeMap<CustomerId, CustomerId> = merged.iter().copied().collect();
    let live: BTreeSet<CustomerId> = lanes.iter().map(|lane| lane.customer.id).collect();
    let was = old.iter().flat_map(|old| &old.merged).copied();
    let unmerged = was.filter(|gone| !now.contains_key(gone)).collect();
    let vanished = old.iter().zip(&judged.before).filter(|(old, _)| !live.contains(&old.id));
    let nothing = &NOTHING;
    let held = |id: CustomerId| {
        old.iter().zip(&judged.before).find(|(old, _)| old.id == id).map_or(nothing, |(_, before)| before)
    };
    Commit {
        from,
        to,
        customers: lanes
            .iter()
            .map(|lane| Changed { customer: &lane.customer, before: &lane.before })
            .collect(),
        merged: now.iter().map(|(&gone, &into)| (gone, into, held(gone))).collect(),
        unmerged,
        vanished: vanished
            .filter(|(old, _)| !now.contains_key(&old.id))
            .map(|(old, before)| (old.id, before))
            .collect(),
        handles_gone: handles_gone.iter().collect(),
        notes_gone,
        handles: handles.iter().map(|(handle, owner)| (handle, *owner)).collect(),
        notes,
        state: Some(state),
        scrub: false,
    }
}

static NOTHING: Indexed = Indexed { due: None, errand: None, tags: Vec::new(), segments: Vec::new() };

/// What was intended for any of them, each once. Two may have one id, where one person became two: that of the past is none.
fn intents(customers: &[Customer]) -> Vec<HeldIntent> {
    let all = customers.iter().flat_map(|customer| &customer.intents);
    let mut intents: Vec<HeldIntent> = all.filter(|held| held.state != IntentState::Past).cloned().collect();
    intents.sort_by(|a, b| {
        (&a.id, b.steps.len(), a.cause.position).cmp(&(&b.id, a.steps.len(), b.cause.position))
    });
    intents.dedup_by(|a, b| a.id == b.id);
    intents
}
