//! Journal, store and policies with a watch beside them: each call is passed on as it is, and what it took is told.

use std::sync::Arc;
use std::time::Instant as Moment;

use heliu::wiring::{self, Data, Policies};
use journal::{
    Batch, DeadCount, DeadLetter, DeadQuery, Ended, Erasure, Gone, Head, Journal, JournalError, Naming,
    Receipt, Recollection, Records, WaitingChore,
};
use model::{
    Binding, Customer, CustomerId, Digest, FoldState, Identity, Instant, Note, Position, Record, Source, Turn,
};
use router::{Plugins, PluginsError, TurnOutcome};
use store::{Agenda, Commit, Query, Standing, Store, StoreError};

use super::failing::Failing;
use super::metrics::Metrics;
use crate::telemetry::Waiting;

/// Journal and store of a data folder. The store's commits are seen in the trace of the fold that makes them.
pub(crate) fn data(
    data: &Data,
    metrics: &Arc<Metrics>,
    waiting: &Waiting,
) -> (Arc<dyn Journal>, Arc<dyn Store>) {
    let journal = MeteredJournal { inner: data.journal.clone(), metrics: Arc::clone(metrics) };
    let store =
        MeteredStore { inner: data.store.clone(), metrics: Arc::clone(metrics), waiting: waiting.clone() };
    (Arc::new(journal), Arc::new(store))
}

struct MeteredJournal {
    inner: Arc<dyn Journal>,
    metrics: Arc<Metrics>,
}

impl Records for MeteredJournal {
    fn head(&self) -> Result<Head, JournalError> {
        self.inner.head()
    }

    fn append(&self, batches: &[Batch]) -> Result<Vec<Receipt>, JournalError> {
        let began = Moment::now();
        let receipts = self.inner.append(batches);
        self.metrics.commit("journal", began.elapsed());
        receipts
    }

    fn read(&self, after: Position, limit: usize) -> Result<Vec<Record>, JournalError> {
        self.inner.read(after, limit)
    }

    fn fetch(&self, positions: &[Position]) -> Result<Vec<Record>, JournalError> {
        self.inner.fetch(positions)
    }

    fn locate(&self, source: Source<'_>, id: &str) -> Result<Option<Position>, JournalError> {
        self.inner.locate(source, id)
    }

    fn setups(&self, after: Position) -> Result<Vec<Record>, JournalError> {
        self.inner.setups(after)
    }

    fn erase(&self, erasure: &Erasure) -> Result<Gone, JournalError> {
        self.inner.erase(erasure)
    }
}

impl Journal for MeteredJournal {
    fn recall(&self, connection: &str) -> Result<Recollection, JournalError> {
        self.inner.recall(connection)
    }

    fn chores(
        &self,
        connection: &str,
        now: Instant,
        limit: usize,
    ) -> Result<Vec<WaitingChore>, JournalError> {
        self.inner.chores(connection, now, limit)
    }

    fn dead(&self, query: &DeadQuery) -> Result<Vec<DeadLetter>, JournalError> {
        self.inner.dead(query)
    }

    fn dead_counts(&self) -> Result<Vec<DeadCount>, JournalError> {
        self.inner.dead_counts()
    }

    fn ended_turns(&self, keys: &[String]) -> Result<Vec<Option<Ended>>, JournalError> {
        self.inner.ended_turns(keys)
    }

    fn naming(&self, names: &[String]) -> Result<Naming, JournalError> {
        self.inner.naming(names)
    }
}

struct MeteredStore {
    inner: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    waiting: Waiting,
}

impl Store for MeteredStore {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        self.inner.standing()
    }

    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        self.inner.load(ids)
    }

    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.inner.resolve(handles)
    }

    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError> {
        self.inner.due(agenda, upto, limit)
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        let began = Moment::now();
        let committed = self.waiting.commit().in_scope(|| self.inner.commit(commit));
        self.metrics.commit("store", began.elapsed());
        committed
    }

    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError> {
        self.inner.page(query)
    }

    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError> {
        self.inner.notes(after, limit)
    }

    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        self.inner.digest()
    }
}

/// What the fold asks, and nobody who only looks at the past.
pub(crate) struct MeteredPolicies {
    inner: Arc<Policies>,
    metrics: Arc<Metrics>,
    failing: Failing,
}

impl MeteredPolicies {
    pub(crate) fn new(
        inner: Arc<Policies>,
        metrics: Arc<Metrics>,
        limits: &config::Limits,
    ) -> MeteredPolicies {
        MeteredPolicies { inner, metrics, failing: Failing::new(limits.policy_failing_per_minute) }
    }
}

impl Plugins for MeteredPolicies {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let (name, began) = (&binding.name, Moment::now());
        match self.inner.evaluate_within(binding, turns, self.failing.left(name, began)) {
            Ok(evaluation) => {
                self.failing.failed(name, evaluation.failing, began);
                self.metrics.policy_call(name, began.elapsed(), Ok(&evaluation));
                Ok(wiring::outcomes(evaluation))
            }
            Err(error) => {
                self.failing.forget(name);
                self.metrics.policy_call(name, began.elapsed(), Err(&error));
                Err(error)
            }
        }
    }

    fn fuel(&self, binding: &Binding, turn: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        self.inner.fuel(binding, turn)
    }
}
