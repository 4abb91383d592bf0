//! A store whose n-th commit fails, once; everything else is the store behind it.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Customer, CustomerId, Digest, FoldState, Identity, Instant, Note};
use store::{Agenda, Commit, MemoryStore, Query, Standing, Store, StoreError};

#[derive(Default)]
pub struct Faulty {
    behind: MemoryStore,
    /// Commits left until one fails. 0: none will.
    left: AtomicUsize,
}

impl Faulty {
    pub fn failing(nth: usize) -> Faulty {
        Faulty { behind: MemoryStore::default(), left: AtomicUsize::new(nth) }
    }

    pub fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

impl Store for Faulty {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        self.behind.standing()
    }

    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        self.behind.load(ids)
    }

    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.behind.resolve(handles)
    }

    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError> {
        self.behind.due(agenda, upto, limit)
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left == Ok(1) {
            return Err(StoreError::Disk { doing: "commit", reason: "the disk is full".to_owned() });
        }
        self.behind.commit(commit)
    }

    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError> {
        self.behind.page(query)
    }

    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError> {
        self.behind.notes(after, limit)
    }

    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        self.behind.digest()
    }
}
