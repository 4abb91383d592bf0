//! The customers at hand: read from the store once, changed in memory, written back with each commit.
//!
//! Invariant: what lies here is what the store holds, or is marked as changed, or is being folded. A batch that fails
//! clears the desk.

use foldhash::{HashMap, HashSet};
use std::sync::Arc;

use model::{Customer, CustomerId, Identity};
use store::{Indexed, Store, StoreError};

use crate::owners::Owners;

/// One customer, and what the store's indexes hold of her.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) customer: Customer,
    pub(crate) before: Indexed,
}

/// A customer who lies on the desk. A commit under way shares her: who is changed meanwhile is copied first.
struct Lying {
    customer: Arc<Customer>,
    before: Indexed,
}

/// A customer on her way into the store, and what the store's indexes hold of her until she is there.
pub(crate) type Outgoing = (Arc<Customer>, Indexed);

#[derive(Default)]
pub(crate) struct Desk {
    customers: HashMap<CustomerId, Lying>,
    owners: Owners,
    /// Who was changed since the last commit. Some may be gone again.
    changed: HashSet<CustomerId>,
    /// Merges that the store does not know yet, and those of the commit under way.
    merged: HashMap<CustomerId, CustomerId>,
    merging: HashMap<CustomerId, CustomerId>,
    /// Ids under which the store gave somebody with another.
    known_as: HashMap<CustomerId, CustomerId>,
}

impl Desk {
    /// Reads whoever has one of these handles, in two queries for all of them.
    pub(crate) fn fetch_handles<'a>(
        &mut self,
        store: &dyn Store,
        handles: impl Iterator<Item = &'a Identity> + Clone,
    ) -> Result<(), StoreError> {
        let mut unknown: Vec<&Identity> = handles.clone().filter(|handle| !self.owners.has(handle)).collect();
        // Sorted: the store's own order is then hit from one side to the other.
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            for (handle, owner) in unknown.iter().zip(store.resolve(&unknown)?) {
                if let Some(owner) = owner {
                    let owner = self.present(owner);
                    self.owners.put(handle, owner);
                }
            }
        }
        let owners: Vec<CustomerId> = handles.filter_map(|handle| self.owner(handle)).collect();
        self.fetch(store, &owners)
    }

    pub(crate) fn fetch(&mut self, store: &dyn Store, ids: &[CustomerId]) -> Result<(), StoreError> {
        let mut missing: Vec<CustomerId> =
            ids.iter().filter(|id| !self.customers.contains_key(id)).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        for customer in store.load(&missing)?.into_iter().flatten() {
            self.put(customer);
        }
        Ok(())
    }

    /// Reads customers by ids under which they were known at some time.
    pub(crate) fn fetch_named(&mut self, store: &dyn Store, ids: &[CustomerId]) -> Result<(), StoreError> {
        let mut missing: Vec<CustomerId> =
            ids.iter().copied().filter(|&id| !self.customers.contains_key(&self.named(id))).collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        for (id, customer) in missing.iter().zip(store.load(&missing)?) {
            let Some(customer) = customer else { continue };
            self.known_as.insert(*id, customer.id);
            if !self.customers.contains_key(&self.named(*id)) {
                self.put(customer);
            }
        }
        Ok(())
    }

    /// Who a customer that a record names is by now.
    pub(crate) fn named(&self, id: CustomerId) -> CustomerId {
        self.present(self.known_as.get(&id).copied().unwrap_or(id))
    }

    pub(crate) fn has(&self, id: CustomerId) -> bool {
        self.customers.contains_key(&id)
    }

    /// Who a customer that the store names is by now.
    fn present(&self, mut id: CustomerId) -> CustomerId {
        while let Some(&into) = self.merged.get(&id).or_else(|| self.merging.get(&id)) {
            id = into;
        }
        id
    }

    pub(crate) fn owner(&self, handle: &Identity) -> Option<CustomerId> {
        self.owners.get(handle)
    }

    pub(crate) fn own(&mut self, handle: &Identity, owner: CustomerId) {
        self.owners.put(handle, owner);
    }

    /// Takes a customer off the desk, to be changed.
    pub(crate) fn take(&mut self, id: CustomerId) -> Option<Kept> {
        let Lying { customer, before } = self.customers.remove(&id)?;
        Some(Kept { customer: Arc::unwrap_or_clone(customer), before })
    }

    /// Lays a customer down as the store holds her now.
    pub(crate) fn put(&mut self, customer: Customer) {
        let before = Indexed::of(&customer);
        self.put_back(Kept { customer, before });
    }

    /// Lays a customer down as the fold left her; `before` is what the store's indexes still hold.
    pub(crate) fn put_changed(&mut self, customer: Customer, before: Indexed) {
        self.changed.insert(customer.id);
        self.put_back(Kept { customer, before });
    }

    /// Lays a customer down again who was taken and not changed.
    pub(crate) fn put_back(&mut self, kept: Kept) {
        let Kept { customer, before } = kept;
        self.customers.insert(customer.id, Lying { customer: Arc::new(customer), before });
    }

    pub(crate) fn merge(&mut self, gone: CustomerId, into: CustomerId) {
        self.merged.insert(gone, into);
    }

    /// Hands out who differs from what the store holds: from here on they count as stored.
    pub(crate) fn hand_out(&mut self) -> Vec<Outgoing> {
        let mut customers = Vec::with_capacity(self.changed.len());
        for id in self.changed.drain() {
            if let Some(Lying { customer, before }) = self.customers.get_mut(&id) {
                let after = Indexed::of(customer);
                customers.push((Arc::clone(customer), std::mem::replace(before, after)));
            }
        }
        self.merging.extend(self.merged.drain());
        customers
    }

    /// The store has what was handed out.
    pub(crate) fn arrived(&mut self) {
        self.merging.clear();
    }

    pub(crate) fn clear(&mut self) {
        *self = Desk::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.customers.len()
    }
}
