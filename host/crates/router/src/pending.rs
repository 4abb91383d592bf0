//! What is folded and not in the store yet: several batches of a backlog are one commit.
//!
//! A customer's document is the largest thing that a commit writes, and one who comes up in five batches is written once.
//! Under light load a batch is all that there is, and is committed at once.

use std::collections::HashSet;

use model::{CustomerId, Identity, Note};
use store::{Changed, Commit, Indexed, Standing, Store, StoreError};

use crate::desk::Desk;
use crate::identity::Assigned;

#[derive(Default)]
pub(crate) struct Pending {
    /// How far the fold has come with it.
    to: Option<Standing>,
    merged: Vec<(CustomerId, CustomerId, Indexed)>,
    handles: HashSet<Identity>,
    notes: Vec<Note>,
    pub(crate) records: usize,
}

impl Pending {
    /// Takes in what a batch gave; its customers go back to the desk.
    pub(crate) fn add(&mut self, desk: &mut Desk, to: Standing, assigned: Assigned, notes: Vec<Note>) {
        let Assigned { lanes, notes: conflicts, handles, gone, .. } = assigned;
        for (gone, into, lane) in gone {
            desk.merge(gone, into);
            self.merged.push((gone, into, lanes[lane].before.clone()));
        }
        for lane in lanes.into_iter().filter(|lane| !lane.superseded) {
            desk.put_changed(lane.customer, lane.before);
        }
        self.handles.extend(handles);
        self.notes.extend(conflicts);
        self.notes.extend(notes);
        self.to = Some(to);
    }

    /// Commits it. Gives where the store stands now, if anything was to be committed.
    pub(crate) fn flush(
        &mut self,
        desk: &mut Desk,
        store: &dyn Store,
        from: Standing,
    ) -> Result<Option<Standing>, StoreError> {
        let Some(to) = self.to.take() else { return Ok(None) };
        let Pending { to: _, merged, handles, notes, records: _ } = std::mem::take(self);
        let owned = handles.iter().filter_map(|handle| Some((handle, desk.owner(handle)?)));
        let commit = Commit {
            from,
            to,
            customers: desk
                .changed()
                .map(|kept| Changed { customer: &kept.customer, before: &kept.before })
                .collect(),
            merged: merged.iter().map(|(gone, into, before)| (*gone, *into, before)).collect(),
            handles: owned.collect(),
            notes,
            state: None,
        };
        store.commit(&commit)?;
        drop(commit);
        desk.committed();
        Ok(Some(to))
    }
}
