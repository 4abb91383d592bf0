//! The reference store: in memory, with no index but maps.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Customer, CustomerId, Digest, FoldState, Identity, Instant, Note};

use crate::{Agenda, Commit, Digester, Query, Standing, Store, StoreError};

/// Keeps everything in memory. Also the scratch store of a rebuild that only compares.
#[derive(Default)]
pub struct MemoryStore {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    standing: Standing,
    state: FoldState,
    customers: BTreeMap<CustomerId, Customer>,
    handles: BTreeMap<Identity, CustomerId>,
    merged: BTreeMap<CustomerId, CustomerId>,
    notes: BTreeMap<String, Note>,
}

impl MemoryStore {
    /// Who is gone, and into whom, one step at a time; ascending.
    #[must_use]
    pub fn merges(&self) -> Vec<(CustomerId, CustomerId)> {
        self.inside().merged.iter().map(|(&gone, &into)| (gone, into)).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn now(&self, mut id: CustomerId) -> CustomerId {
        while let Some(&into) = self.merged.get(&id) {
            id = into;
        }
        id
    }
}

impl Store for MemoryStore {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        let inside = self.inside();
        Ok((inside.standing, inside.state.clone()))
    }

    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        let inside = self.inside();
        Ok(ids.iter().map(|&id| inside.customers.get(&inside.now(id)).cloned()).collect())
    }

    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        let inside = self.inside();
        Ok(handles.iter().map(|handle| Some(inside.now(*inside.handles.get(*handle)?))).collect())
    }

    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError> {
        let inside = self.inside();
        let mut due: Vec<(Instant, CustomerId)> = inside
            .customers
            .values()
            .filter_map(|customer| {
                let due = match agenda {
                    Agenda::Fold => customer.next_due(),
                    Agenda::Courier => customer.next_errand(),
                };
                Some((due?, customer.id))
            })
            .filter(|&(due, _)| due <= upto)
            .collect();
        due.sort_unstable();
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        let mut inside = self.inside();
        if inside.standing != commit.from {
            return Err(StoreError::Conflict { stands: inside.standing, from: commit.from });
        }
        inside.standing = commit.to;
        if let Some(state) = commit.state {
            inside.state = state.clone();
        }
        for gone in &commit.unmerged {
            inside.merged.remove(gone);
        }
        for (gone, _) in &commit.vanished {
            inside.customers.remove(gone);
        }
        for &(gone, into, _) in &commit.merged {
            inside.customers.remove(&gone);
            inside.merged.insert(gone, into);
        }
        for changed in &commit.customers {
            inside.customers.insert(changed.customer.id, changed.customer.clone());
        }
        for &handle in &commit.handles_gone {
            inside.handles.remove(handle);
        }
        for &(handle, customer) in &commit.handles {
            inside.handles.insert(handle.clone(), customer);
        }
        for key in &commit.notes_gone {
            inside.notes.remove(key);
        }
        for note in &commit.notes {
            inside.notes.insert(note.key(), note.clone());
        }
        Ok(())
    }

    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError> {
        let inside = self.inside();
        let after = query.after.map_or(CustomerId(0), |after| CustomerId(after.0.saturating_add(1)));
        let wanted = |customer: &&Customer| match (&query.segment, &query.tag) {
            (Some(segment), _) => customer.is_in(segment),
            (None, Some(tag)) => customer.tag(tag).is_some(),
            (None, None) => true,
        };
        Ok(inside
            .customers
            .range(after..)
            .map(|(_, customer)| customer)
            .filter(wanted)
            .take(query.limit)
            .cloned()
            .collect())
    }

    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError> {
        let inside = self.inside();
        let notes = inside.notes.iter().filter(|(key, _)| key.as_str() > after);
        Ok(notes.take(limit).map(|(_, note)| note.clone()).collect())
    }

    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        let inside = self.inside();
        let mut digester = Digester::new(&inside.state);
        inside.customers.values().for_each(|customer| digester.customer(customer));
        inside.merged.iter().for_each(|(&gone, &into)| digester.merged(gone, into));
        inside.notes.values().for_each(|note| digester.note(note));
        Ok((digester.finish(), inside.standing))
    }
}

#[cfg(test)]
mod tests {
    crate::store_conformance!(|run| run(&crate::MemoryStore::default()));
}
