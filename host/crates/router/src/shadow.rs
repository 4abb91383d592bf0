//! The live journal as another version of a policy would have it: the same records, with that version bound in the place of
//! the one that is.
//!
//! Folded into a store of its own it gives what the other version decides, day by day, of everybody; nobody is sent anything
//! by it, since the courier looks at the store that counts. What it tells of others is counted and not folded: they are as
//! the bound version's tells make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use journal::{Batch, Erasure, Gone, Head, JournalError, Placed, Receipt, Records};
use model::{Binding, Configured, Entry, Position, Record, Setup, Source};

/// A journal in which one binding is another.
pub struct Shadow {
    base: Arc<dyn Records>,
    binding: Binding,
    told: AtomicU64,
}

impl Shadow {
    #[must_use]
    pub fn new(base: Arc<dyn Records>, binding: Binding) -> Shadow {
        Shadow { base, binding, told: AtomicU64::new(0) }
    }

    /// The setup as it is here.
    #[must_use]
    pub fn setup(&self, mut setup: Setup) -> Setup {
        for bound in setup.policies.iter_mut().filter(|bound| bound.name == self.binding.name) {
            *bound = self.binding.clone();
        }
        setup
    }

    /// Events of others that the other version told, and the bound one did not, since this was made.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    fn seen(&self, records: Vec<Record>) -> Vec<Record> {
        let seen = |record: Record| match record.entry {
            Entry::Setup(setup) => Record { entry: Entry::Setup(self.setup(setup)), ..record },
            Entry::Configured(Configured { setup, by, why }) => {
                let setup = self.setup(setup);
                Record { entry: Entry::Configured(Configured { setup, by, why }), ..record }
            }
            Entry::Event(_)
            | Entry::Derived(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_)
            | Entry::Erased(_) => record,
        };
        records.into_iter().map(seen).collect()
    }
}

impl Records for Shadow {
    fn head(&self) -> Result<Head, JournalError> {
        self.base.head()
    }

    /// Counts what it tells, and keeps nothing.
    fn append(&self, batches: &[Batch]) -> Result<Vec<Receipt>, JournalError> {
        let mut receipts = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut placed = Vec::with_capacity(batch.entries.len());
            for entry in &batch.entries {
                let known = match entry.source() {
                    Some((source, id)) => self.base.locate(source, id)?,
                    None => None,
                };
                if known.is_none() && matches!(entry, Entry::Derived(_)) {
                    self.told.fetch_add(1, Ordering::Relaxed);
                }
                placed.push(Placed::Known(known.unwrap_or(0)));
            }
            receipts.push(Receipt { placed });
        }
        Ok(receipts)
    }

    fn read(&self, after: Position, limit: usize) -> Result<Vec<Record>, JournalError> {
        Ok(self.seen(self.base.read(after, limit)?))
    }

    fn fetch(&self, positions: &[Position]) -> Result<Vec<Record>, JournalError> {
        Ok(self.seen(self.base.fetch(positions)?))
    }

    fn locate(&self, source: Source<'_>, id: &str) -> Result<Option<Position>, JournalError> {
        self.base.locate(source, id)
    }

    fn setups(&self, after: Position) -> Result<Vec<Record>, JournalError> {
        Ok(self.seen(self.base.setups(after)?))
    }

    /// The journal itself forgets by the fold that counts.
    fn erase(&self, _: &Erasure) -> Result<Gone, JournalError> {
        Ok(Gone::default())
    }
}
