//! The pairs of a trial beside what was really sent to them. A trial folds one policy and sends nothing, so that is read from
//! the store, for many customers at once.

use router::Pair;
use store::{Store, StoreError};

use super::compare::Comparison;

/// Customers whose ledgers are read together.
const TOGETHER: usize = 1024;

pub(super) struct Ledgers<'s, 'l> {
    store: &'s dyn Store,
    comparison: Comparison<'l>,
    waiting: Vec<Pair>,
    /// The first reading that failed. Nothing is compared after it.
    failed: Option<StoreError>,
}

impl<'s, 'l> Ledgers<'s, 'l> {
    pub(super) fn new(store: &'s dyn Store, comparison: Comparison<'l>) -> Ledgers<'s, 'l> {
        Ledgers { store, comparison, waiting: Vec::new(), failed: None }
    }

    pub(super) fn take(&mut self, pair: Pair) {
        self.waiting.push(pair);
        if self.waiting.len() >= TOGETHER {
            self.compare();
        }
    }

    /// The comparison of all of them.
    ///
    /// # Errors
    /// If a ledger could not be read.
    pub(super) fn end(mut self) -> Result<Comparison<'l>, StoreError> {
        self.compare();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.comparison),
        }
    }

    fn compare(&mut self) {
        let pairs = std::mem::take(&mut self.waiting);
        if self.failed.is_some() {
            return;
        }
        let asked = pairs.iter().filter(|pair| self.comparison.asks_ledger(pair)).map(|pair| pair.after.id);
        let ids: Vec<_> = asked.collect();
        let customers = if ids.is_empty() { Ok(Vec::new()) } else { self.store.load(&ids) };
        let mut ledgers = match customers {
            Ok(customers) => ids.into_iter().zip(customers).peekable(),
            Err(error) => {
                self.failed = Some(error);
                return;
            }
        };
        for pair in pairs {
            let hers = ledgers.next_if(|(id, _)| *id == pair.after.id);
            let ledger = hers.and_then(|(_, customer)| customer).map(|customer| customer.intents);
            self.comparison.take(&pair, &ledger.unwrap_or_default());
        }
    }
}
