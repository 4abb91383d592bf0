//! A store whose commits are seen in the trace of the fold that makes them.

use std::sync::Arc;

use model::{Customer, CustomerId, Digest, FoldState, Identity, Instant, Note};
use store::{Agenda, Commit, Query, Standing, Store, StoreError};

use super::Waiting;

pub(crate) struct TracedStore {
    store: Arc<dyn Store>,
    waiting: Waiting,
}

impl TracedStore {
    pub(crate) fn new(store: Arc<dyn Store>, waiting: Waiting) -> TracedStore {
        TracedStore { store, waiting }
    }
}

impl Store for TracedStore {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        self.store.standing()
    }

    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        self.store.load(ids)
    }

    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.store.resolve(handles)
    }

    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError> {
        self.store.due(agenda, upto, limit)
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.waiting.commit().in_scope(|| self.store.commit(commit))
    }

    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError> {
        self.store.page(query)
    }

    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError> {
        self.store.notes(after, limit)
    }

    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        self.store.digest()
    }
}
