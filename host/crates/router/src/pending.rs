//! What is folded and not in the store yet: several batches of a backlog are one commit, and the next batches are folded
//! while it is written.
//!
//! A customer's document is the largest thing that a commit writes, and one who comes up in five batches is written once.
//! Under light load a batch is all that there is, and is committed at once, by the thread that folded it.
//!
//! Invariant: one commit at a time, in their order. One that fails fails the next call of the router.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use foldhash::HashSet;
use model::{CustomerId, Identity, Note};
use store::{Changed, Commit, Indexed, Standing, Store, StoreError};

use crate::desk::{Desk, Outgoing};
use crate::identity::Assigned;
use crate::telling;

#[derive(Default)]
pub(crate) struct Pending {
    /// How far the fold has come with it.
    to: Option<Standing>,
    merged: Vec<(CustomerId, CustomerId, Indexed)>,
    handles: HashSet<Identity>,
    /// By key. None: it holds no longer.
    notes: BTreeMap<String, Option<Note>>,
    pub(crate) records: usize,
    /// The commit that is being written, and where the store stands after it.
    under_way: Option<(JoinHandle<Result<(), StoreError>>, Standing)>,
}

/// One commit with all that it needs.
struct Parcel {
    from: Standing,
    to: Standing,
    customers: Vec<Outgoing>,
    merged: Vec<(CustomerId, CustomerId, Indexed)>,
    handles: Vec<(Identity, CustomerId)>,
    notes: BTreeMap<String, Option<Note>>,
}

impl Pending {
    /// Takes in what a batch gave; its customers go back to the desk.
    pub(crate) fn add(&mut self, desk: &mut Desk, to: Standing, assigned: Assigned, notes: Vec<Note>) {
        let Assigned { lanes, notes: conflicts, handles, gone, .. } = assigned;
        self.notes.extend(conflicts.into_iter().chain(notes).map(|note| (note.key(), Some(note))));
        // After them: a turn that failed in this very batch may have been taken again in it.
        self.notes.extend(telling::healed(&lanes).into_iter().map(|key| (key, None)));
        for (gone, into, lane) in gone {
            desk.merge(gone, into);
            self.merged.push((gone, into, lanes[lane].before.clone()));
        }
        for lane in lanes.into_iter().filter(|lane| !lane.superseded) {
            desk.put_changed(lane.customer, lane.before);
        }
        self.handles.extend(handles);
        self.to = Some(to);
    }

    /// Commits it. Gives where the store stands now.
    pub(crate) fn flush(
        &mut self,
        desk: &mut Desk,
        store: &dyn Store,
        standing: Standing,
    ) -> Result<Standing, StoreError> {
        let stands = self.wait(desk, standing)?;
        let Some(parcel) = self.pack(desk, stands) else { return Ok(stands) };
        parcel.commit(store)?;
        desk.arrived();
        Ok(parcel.to)
    }

    /// Begins to commit it. Gives where the store stands until then.
    pub(crate) fn send(
        &mut self,
        desk: &mut Desk,
        store: &Arc<dyn Store>,
        standing: Standing,
    ) -> Result<Standing, StoreError> {
        let stands = self.wait(desk, standing)?;
        let Some(parcel) = self.pack(desk, stands) else { return Ok(stands) };
        let (to, writer) = (parcel.to, Arc::clone(store));
        let write = move || parcel.commit(&*writer);
        let spawned = thread::Builder::new().name("committing".to_owned()).spawn(write);
        let thread = spawned.map_err(|error| StoreError::Disk {
            doing: "start a thread that commits",
            reason: error.to_string(),
        })?;
        self.under_way = Some((thread, to));
        Ok(stands)
    }

    /// Waits for the commit under way. Gives where the store stands.
    fn wait(&mut self, desk: &mut Desk, standing: Standing) -> Result<Standing, StoreError> {
        let Some((thread, to)) = self.under_way.take() else { return Ok(standing) };
        match thread.join() {
            Ok(result) => result?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        desk.arrived();
        Ok(to)
    }

    fn pack(&mut self, desk: &mut Desk, from: Standing) -> Option<Parcel> {
        let to = self.to.take()?;
        self.records = 0;
        let handles = std::mem::take(&mut self.handles).into_iter();
        let handles = handles.filter_map(|handle| desk.owner(&handle).map(|owner| (handle, owner))).collect();
        let (merged, notes) = (std::mem::take(&mut self.merged), std::mem::take(&mut self.notes));
        Some(Parcel { from, to, customers: desk.hand_out(), merged, handles, notes })
    }

    /// Lets go of all of it, after a failure: the store says where it stands once nobody writes to it any more.
    pub(crate) fn abandon(&mut self) {
        // What is dropped waits for its commit; what that says does not matter, since the store is asked next.
        *self = Pending::default();
    }
}

impl Drop for Pending {
    /// Whoever opens the store next finds nobody at it.
    fn drop(&mut self) {
        if let Some((thread, _)) = self.under_way.take() {
            drop(thread.join());
        }
    }
}

impl Parcel {
    fn commit(&self, store: &dyn Store) -> Result<(), StoreError> {
        let Parcel { from, to, customers, merged, handles, notes } = self;
        let changed = customers.iter().map(|(customer, before)| Changed { customer, before });
        store.commit(&Commit {
            from: *from,
            to: *to,
            customers: changed.collect(),
            merged: merged.iter().map(|(gone, into, before)| (*gone, *into, before)).collect(),
            handles: handles.iter().map(|(handle, owner)| (handle, *owner)).collect(),
            notes: notes.values().flatten().cloned().collect(),
            notes_gone: notes.iter().filter(|(_, note)| note.is_none()).map(|(key, _)| key.clone()).collect(),
            ..Commit::default()
        })
    }
}
