//! Everybody who may have had to do with somebody who is erased, folded from the beginning with the journal as it is then,
//! and the step of the store that makes them so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use journal::Records;
use model::{Corrections, Customer, CustomerId, Entry, FoldState, Identity, Note, Position};
use store::{Changed, Commit, Indexed, MemoryStore, Query, Standing, Store};

use super::{PAGE, Plan};
use crate::{Plugins, Router, RouterConfig, RouterError};

/// What a fold of these records gives.
pub(crate) struct Folded {
    store: Arc<MemoryStore>,
    /// What policies tell in it that the journal does not know.
    pub(crate) told: Vec<Entry>,
    pub(crate) turns: u64,
}

/// Folds all records of a plan, the act included.
///
/// # Errors
/// [`RouterError`] as any fold.
pub(crate) fn fold(
    plan: &Plan,
    journal: &Arc<dyn Records>,
    plugins: &Arc<dyn Plugins>,
    config: RouterConfig,
    to: Standing,
    halt: Option<Arc<AtomicBool>>,
) -> Result<Folded, RouterError> {
    let (slice, store) = (plan.slice(journal), Arc::new(MemoryStore::default()));
    let config = RouterConfig { appends: true, erases: false, ..config };
    let mut router = Router::open(slice.clone(), store.clone(), Arc::clone(plugins), config)?;
    if let Some(halt) = halt {
        router = router.halted_by(halt);
    }
    let turns = router.catch_up(to.position)?.turns + router.fire(to.fired)?.turns;
    Ok(Folded { store, told: slice.appended(), turns })
}

/// Who is there by then, and who was.
pub(crate) struct Anew {
    /// What the fold knows from here on.
    pub(crate) state: FoldState,
    erased: CustomerId,
    old: BTreeMap<CustomerId, Customer>,
    new: BTreeMap<CustomerId, Customer>,
    before: BTreeMap<CustomerId, Indexed>,
    merged: Vec<(CustomerId, CustomerId)>,
    handles: Vec<(Identity, CustomerId)>,
    handles_gone: Vec<Identity>,
    notes: Vec<Note>,
    notes_gone: Vec<String>,
}

impl Anew {
    pub(crate) fn of(
        plan: &Plan,
        store: &dyn Store,
        folded: &Folded,
        state: &FoldState,
    ) -> Result<Anew, RouterError> {
        let scratch = &folded.store;
        let mut old: BTreeMap<CustomerId, Customer> = BTreeMap::new();
        // Whoever there is was named after a record of theirs.
        for page in plan.kin.chunks(PAGE) {
            let ids: Vec<CustomerId> = page.iter().copied().map(CustomerId).collect();
            old.extend(store.load(&ids)?.into_iter().flatten().map(|customer| (customer.id, customer)));
        }
        let new = scratch.page(&Query { limit: usize::MAX, ..Query::default() })?;
        let new: BTreeMap<CustomerId, Customer> =
            new.into_iter().map(|customer| (customer.id, customer)).collect();
        let before = old.iter().map(|(&id, customer)| (id, Indexed::of(customer))).collect();
        let held: BTreeSet<&Identity> = old
            .values()
            .chain(new.values())
            .flat_map(|customer| customer.handles.iter().map(|held| &held.identity))
            .collect();
        let held: Vec<&Identity> = held.into_iter().collect();
        let (mut handles, mut handles_gone) = (Vec::new(), Vec::new());
        for ((handle, was), is) in held.iter().zip(store.resolve(&held)?).zip(scratch.resolve(&held)?) {
            match is {
                Some(owner) => handles.push(((*handle).clone(), owner)),
                None if was.is_some() => handles_gone.push((*handle).clone()),
                None => {}
            }
        }
        let (notes, notes_gone) = notes(plan, store, scratch)?;
        let (_, told) = scratch.standing()?;
        let mut state = state.clone();
        state.corrections = corrections(plan, state.corrections, told.corrections);
        let (merged, erased) = (scratch.merges(), plan.customer.id);
        Ok(Anew { state, erased, old, new, before, merged, handles, handles_gone, notes, notes_gone })
    }

    /// The others, as they are and as they will be.
    pub(super) fn others(&self) -> (BTreeMap<CustomerId, Customer>, BTreeMap<CustomerId, Customer>) {
        let mut before = self.old.clone();
        before.remove(&self.erased);
        (before, self.new.clone())
    }

    /// Which of them are not as they were.
    pub(super) fn changed(&self) -> Vec<CustomerId> {
        let ids: BTreeSet<CustomerId> = self.old.keys().chain(self.new.keys()).copied().collect();
        let differs = |id: &CustomerId| *id != self.erased && self.old.get(id) != self.new.get(id);
        ids.into_iter().filter(differs).collect()
    }

    /// What a person must look at then, and needed not before.
    pub(super) fn notes(&self) -> Vec<Note> {
        self.notes.iter().filter(|note| !matches!(note, Note::Erasure(_))).cloned().collect()
    }

    pub(crate) fn commit(&self, from: Standing, to: Standing) -> Commit<'_> {
        let gone: BTreeSet<CustomerId> = self.merged.iter().map(|&(gone, _)| gone).collect();
        let is = |id: &CustomerId| self.new.contains_key(id) || gone.contains(id);
        let changed = self.new.values().filter(|customer| self.old.get(&customer.id) != Some(*customer));
        Commit {
            from,
            to,
            customers: changed.map(|customer| Changed { customer, before: self.held(customer.id) }).collect(),
            merged: self.merged.iter().map(|&(gone, into)| (gone, into, self.held(gone))).collect(),
            unmerged: self.old.values().flat_map(|customer| customer.merged.iter().copied()).collect(),
            vanished: self.before.iter().filter(|(id, _)| !is(id)).map(|(&id, held)| (id, held)).collect(),
            handles_gone: self.handles_gone.iter().collect(),
            notes_gone: self.notes_gone.clone(),
            handles: self.handles.iter().map(|(handle, owner)| (handle, *owner)).collect(),
            notes: self.notes.clone(),
            state: Some(&self.state),
            scrub: true,
        }
    }

    /// What the store's indexes hold of her.
    fn held(&self, id: CustomerId) -> &Indexed {
        self.before.get(&id).unwrap_or(&NOTHING)
    }
}

static NOTHING: Indexed = Indexed { due: None, errand: None, tags: Vec::new(), segments: Vec::new() };

/// The notes that are new, or others; and the keys of those that hold no longer.
fn notes(
    plan: &Plan,
    store: &dyn Store,
    scratch: &MemoryStore,
) -> Result<(Vec<Note>, Vec<String>), RouterError> {
    let mut was: BTreeMap<String, Note> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = store.notes(&after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.key();
        let ours = page.into_iter().filter(|note| plan.has(stands(note)));
        was.extend(ours.map(|note| (note.key(), note)));
    }
    let is = scratch.notes("", usize::MAX)?;
    let keys: BTreeSet<String> = is.iter().map(Note::key).collect();
    let gone = was.keys().filter(|key| !keys.contains(*key)).cloned().collect();
    Ok((is.into_iter().filter(|note| was.get(&note.key()) != Some(note)).collect(), gone))
}

fn stands(note: &Note) -> Position {
    match note {
        Note::Conflict(conflict) => conflict.position,
        Note::DeadTurn(dead) => dead.position,
        Note::Erasure(erasure) => erasure.position,
        Note::StrayReceipt(stray) => stray.position,
        Note::Overflow(overflow) => overflow.position,
    }
}

/// What operators said of these people as it is told now, and of all others as it was.
fn corrections(plan: &Plan, was: Corrections, is: Corrections) -> Corrections {
    let Corrections { mut retracted, mut joins, mut apart } = was;
    retracted.retain(|&edge| !plan.has(edge));
    retracted.extend(is.retracted.into_iter().filter(|&edge| plan.has(edge)));
    retracted.sort_unstable();
    joins.retain(|joined| !plan.has(joined.position));
    joins.extend(is.joins.into_iter().filter(|joined| plan.has(joined.position)));
    joins.sort_by_key(|joined| joined.position);
    apart.retain(|apart| !plan.has(apart.position));
    apart.extend(is.apart.into_iter().filter(|apart| plan.has(apart.position)));
    apart.sort_by_key(|apart| apart.position);
    Corrections { retracted, joins, apart }
}
