//! The customers at hand: read from the store once, changed in memory, written back with each commit.
//!
//! Invariant: what lies here is what the store holds, or is marked as changed, or is being folded. A batch that fails
//! clears the desk.

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
    /// Who was changed since the last commit. Some may be gone again.
    changed: HashSet<CustomerId>,
    /// Merges that the store does not know yet.
    merged: HashMap<CustomerId, CustomerId>,
}

impl Desk {
    /// Reads whoever has one of these handles, in two queries for all of them.
    pub(crate) fn fetch_handles<'a>(
        &mut self,
        store: &dyn Store,
        handles: impl Iterator<Item = &'a Identity> + Clone,
    ) -> Result<(), StoreError> {
        let mut unknown: Vec<&Identity> =
            handles.clone().filter(|handle| !self.handles.contains_key(*handle)).collect();
        // Sorted: the store's own order is then hit from one side to the other.
        unknown.sort_unstable();
        unknown.dedup();
        for (handle, owner) in unknown.iter().zip(store.resolve(&unknown)?) {
            if let Some(owner) = owner {
                let owner = self.present(owner);
                self.handles.insert((*handle).clone(), owner);
            }
        }
        let owners: Vec<CustomerId> = handles.filter_map(|handle| self.owner(handle)).collect();
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

    /// Who a customer that the store names is by now.
    fn present(&self, mut id: CustomerId) -> CustomerId {
        while let Some(&into) = self.merged.get(&id) {
            id = into;
        }
        id
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

    /// Lays a customer down as the fold left her; `before` is what the store's indexes still hold.
    pub(crate) fn put_changed(&mut self, customer: Customer, before: Indexed) {
        self.changed.insert(customer.id);
        self.customers.insert(customer.id, Kept { customer, before });
    }

    /// Lays a customer down again who was taken and not changed.
    pub(crate) fn put_back(&mut self, kept: Kept) {
        self.customers.insert(kept.customer.id, kept);
    }

    pub(crate) fn merge(&mut self, gone: CustomerId, into: CustomerId) {
        self.merged.insert(gone, into);
    }

    /// Who differs from what the store holds.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &Kept> {
        self.changed.iter().filter_map(|id| self.customers.get(id))
    }

    pub(crate) fn changed_len(&self) -> usize {
        self.changed.len()
    }

    /// The store holds what lies here.
    pub(crate) fn committed(&mut self) {
        for id in self.changed.drain() {
            if let Some(kept) = self.customers.get_mut(&id) {
                kept.before = Indexed::of(&kept.customer);
            }
        }
        self.merged.clear();
    }

    pub(crate) fn clear(&mut self) {
        *self = Desk::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.customers.len()
    }
}
