//! The customers at hand: read from the store once, changed in memory, written back with each commit.
//!
//! Invariant: what lies here is what the store holds, except while a batch is being folded. A batch that fails clears
//! the desk.

use std::collections::{HashMap, HashSet};

use model::{Customer, CustomerId, Identity};
use store::{Indexed, Store, StoreError};

/// One customer, and what the store's indexes hold of her.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) customer: Customer,
    pub(crate) before: Indexed,
}

#[derive(Default)]
pub(crate) struct Desk {
    customers: HashMap<CustomerId, Kept>,
    handles: HashMap<Identity, CustomerId>,
}

impl Desk {
    /// Reads whoever has one of these handles, in two queries for all of them.
    pub(crate) fn fetch_handles(
        &mut self,
        store: &dyn Store,
        handles: &HashSet<&Identity>,
    ) -> Result<(), StoreError> {
        let mut unknown: Vec<&Identity> =
            handles.iter().copied().filter(|handle| !self.handles.contains_key(*handle)).collect();
        // Sorted: the store's own order is then hit from one side to the other.
        unknown.sort_unstable();
        for (handle, owner) in unknown.iter().zip(store.resolve(&unknown)?) {
            if let Some(owner) = owner {
                self.handles.insert((*handle).clone(), owner);
            }
        }
        let owners: Vec<CustomerId> =
            handles.iter().filter_map(|handle| self.handles.get(*handle)).copied().collect();
        self.fetch(store, &owners)
    }

    pub(crate) fn fetch(&mut self, store: &dyn Store, ids: &[CustomerId]) -> Result<(), StoreError> {
        let mut missing: Vec<CustomerId> =
            ids.iter().filter(|id| !self.customers.contains_key(id)).copied().collect();
        missing.sort_unstable();
        missing.dedup();
        for customer in store.load(&missing)?.into_iter().flatten() {
            self.put(customer);
        }
        Ok(())
    }

    pub(crate) fn owner(&self, handle: &Identity) -> Option<CustomerId> {
        self.handles.get(handle).copied()
    }

    pub(crate) fn own(&mut self, handle: Identity, owner: CustomerId) {
        self.handles.insert(handle, owner);
    }

    /// Takes a customer off the desk, to be changed.
    pub(crate) fn take(&mut self, id: CustomerId) -> Option<Kept> {
        self.customers.remove(&id)
    }

    /// Lays a customer down as the store holds her now.
    pub(crate) fn put(&mut self, customer: Customer) {
        let before = Indexed::of(&customer);
        self.customers.insert(customer.id, Kept { customer, before });
    }

    pub(crate) fn clear(&mut self) {
        self.customers.clear();
        self.handles.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.customers.len()
    }
}
