//! The past for callers of the API: one fold of it at a time, of a bounded number of records, and the last one of everybody
//! kept, so that a list is paged through without folding again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::Journal;
use model::Customer;
use serde::Serialize;
use store::{MemoryStore, Standing, Store};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{ApiError, ErrorCode};
use crate::lookup;
use crate::past::{At, Bounds, Past, Whom};
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::{AsOf, AtView};

pub(crate) struct Rereading {
    turn: Arc<Semaphore>,
    kept: Mutex<Option<(Standing, Arc<MemoryStore>)>>,
}

impl Default for Rereading {
    fn default() -> Rereading {
        Rereading { turn: Arc::new(Semaphore::new(1)), kept: Mutex::default() }
    }
}

impl Rereading {
    fn kept(&self) -> MutexGuard<'_, Option<(Standing, Arc<MemoryStore>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody as of then: folded, unless they were the last ones that were asked for.
    fn everybody(&self, past: &Past, standing: Standing) -> Result<Arc<MemoryStore>, ApiError> {
        if let Some((_, store)) = self.kept().as_ref().filter(|(kept, _)| *kept == standing) {
            return Ok(Arc::clone(store));
        }
        // Two of them in memory would be one too many.
        *self.kept() = None;
        let store = past.everybody(standing)?;
        *self.kept() = Some((standing, Arc::clone(&store)));
        Ok(store)
    }
}

/// What `?at=` says. HTTP has no zone of its own.
pub(crate) fn at(query: &Query) -> Result<Option<At>, ApiError> {
    Ok(query.text("at").map(|text| At::parse(text, None)).transpose()?)
}

/// What is answered, with when it was so where the past was asked for.
pub(crate) struct Answerer(pub(crate) Option<AtView>);

impl Answerer {
    pub(crate) fn text(self, answer: &impl Serialize) -> Result<JsonText, ApiError> {
        match self.0 {
            Some(at) => JsonText::of(&AsOf { at, answer }),
            None => JsonText::of(answer),
        }
    }
}

/// Reads one customer, as of now or of then. `read` is given a store in which she stands.
pub(crate) async fn person<F>(
    shared: &Shared,
    who: Whom,
    at: Option<At>,
    read: F,
) -> Result<JsonText, ApiError>
where
    F: FnOnce(&dyn Journal, &dyn Store, &Customer, Answerer) -> Result<JsonText, ApiError> + Send + 'static,
{
    let Some(at) = at else {
        let reading = move |journal: &dyn Journal, store: &dyn Store| {
            let found = match &who {
                Whom::Id(id) => lookup::by_id(store, *id)?
                    .ok_or_else(|| ApiError::not_found(format!("there is no customer {id}")))?,
                Whom::Handle(handle) => lookup::by_handle(store, handle)?
                    .ok_or_else(|| ApiError::not_found("there is no customer with this handle"))?,
            };
            read(journal, store, &found, Answerer(None))
        };
        return shared.read(reading).await;
    };
    again(shared, move |past, _| {
        let person = past.person(&who, at)?;
        let at = AtView::new(person.standing, Some(person.agrees));
        read(&*past.journal, &*person.store, &person.customer, Answerer(Some(at)))
    })
    .await
}

/// Reads everybody, as of now or of then.
pub(crate) async fn everybody<F>(shared: &Shared, at: Option<At>, read: F) -> Result<JsonText, ApiError>
where
    F: FnOnce(&dyn Journal, &dyn Store, Answerer) -> Result<JsonText, ApiError> + Send + 'static,
{
    let Some(at) = at else {
        return shared.read(move |journal, store| read(journal, store, Answerer(None))).await;
    };
    again(shared, move |past, rereading| {
        let standing = past.standing(at)?;
        let store = rereading.everybody(past, standing)?;
        read(&*past.journal, &*store, Answerer(Some(AtView::new(standing, None))))
    })
    .await
}

/// Folds something again, in its turn.
pub(crate) async fn again<F>(shared: &Shared, read: F) -> Result<JsonText, ApiError>
where
    F: FnOnce(&Past, &Rereading) -> Result<JsonText, ApiError> + Send + 'static,
{
    let wait_max = shared.state().scans.wait_max;
    let turn = timeout(wait_max, Arc::clone(&shared.rereading().turn).acquire_owned()).await;
    let busy = || ApiError::new(ErrorCode::Unavailable, "somebody else reads the past; try again");
    let turn = turn.map_err(|_| busy())?.map_err(|_| ApiError::internal("reads of the past have ended"))?;
    let shared = shared.clone();
    let reading = tokio::task::spawn_blocking(move || {
        // Goes with the thread: a caller who leaves does not let the next one in beside a fold that still runs.
        let _turn = turn;
        let state = shared.state();
        let past = Past {
            journal: Arc::clone(&state.journal),
            store: Arc::clone(&state.store),
            plugins: Arc::clone(&state.policies),
            now: (state.now)(),
            bounds: Bounds::HTTP,
        };
        read(&past, shared.rereading())
    });
    reading.await.map_err(|error| ApiError::internal(format!("a read of the past did not end: {error}")))?
}
