//! How a route reads: journal and store block, so they are called away from the threads that serve.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use journal::Journal;
use serde::Serialize;
use store::Store;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::ApiState;
use crate::error::ApiError;
use crate::rereading::Rereading;
use crate::scanning::Scanning;

/// Reads at the same time; a read beyond them waits. Each holds a page of documents in memory, and the disk has no more
/// to give.
const READS_MAX: usize = 16;

/// Webhooks' bodies that are here at once, counted as if each were the largest: what bounds the memory of a flood, however many
/// connections it comes over.
const BODIES_MAX: usize = 128;

/// A body is counted in such steps as it arrives, and one that is empty as one: a request costs something besides.
const BODY_STEP_BYTES: usize = 4 << 10;

/// The state of all routes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inside>);

struct Inside {
    state: ApiState,
    reads: Semaphore,
    /// One permit for each step of a body.
    bodies: Semaphore,
    scanning: Scanning,
    /// One act of an operator at a time: what was checked still holds when it is appended.
    acting: Semaphore,
    rereading: Rereading,
}

/// A body of JSON.
#[derive(Clone)]
pub(crate) struct JsonText(String);

impl JsonText {
    pub(crate) fn of(value: &impl Serialize) -> Result<JsonText, ApiError> {
        let text = serde_json::to_string(value);
        text.map(JsonText).map_err(|error| ApiError::internal(format!("a view is not JSON: {error}")))
    }
}

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// What a webhook's body takes of the room for all of them, until it is dropped.
pub(crate) struct Room<'a> {
    bodies: &'a Semaphore,
    held: SemaphorePermit<'a>,
    bytes: usize,
}

impl Room<'_> {
    /// The body has so many bytes now. False: there is no room for them.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let steps = bytes.saturating_sub(self.bytes).div_ceil(BODY_STEP_BYTES);
        let Ok(more) = self.bodies.try_acquire_many(u32::try_from(steps).unwrap_or(u32::MAX)) else {
            return false;
        };
        self.held.merge(more);
        self.bytes += steps * BODY_STEP_BYTES;
        true
    }
}

impl Shared {
    pub(crate) fn new(state: ApiState) -> Shared {
        let bodies = state.body_max_bytes.div_ceil(BODY_STEP_BYTES).max(1).saturating_mul(BODIES_MAX);
        Shared(Arc::new(Inside {
            state,
            bodies: Semaphore::new(bodies.min(Semaphore::MAX_PERMITS)),
            reads: Semaphore::new(READS_MAX),
            scanning: Scanning::new(),
            acting: Semaphore::new(1),
            rereading: Rereading::default(),
        }))
    }

    pub(crate) fn state(&self) -> &ApiState {
        &self.0.state
    }

    /// Room for a webhook's body, of which nothing has arrived. None: there is none now.
    pub(crate) fn room(&self) -> Option<Room<'_>> {
        let held = self.0.bodies.try_acquire().ok()?;
        Some(Room { bodies: &self.0.bodies, held, bytes: BODY_STEP_BYTES })
    }

    pub(crate) fn scanning(&self) -> &Scanning {
        &self.0.scanning
    }

    pub(crate) fn acting(&self) -> &Semaphore {
        &self.0.acting
    }

    pub(crate) fn rereading(&self) -> &Rereading {
        &self.0.rereading
    }

    /// Reads, and makes the answer's text, on a thread that may block.
    pub(crate) async fn read<F>(&self, read: F) -> Result<JsonText, ApiError>
    where
        F: FnOnce(&dyn Journal, &dyn Store) -> Result<JsonText, ApiError> + Send + 'static,
    {
        self.blocking(move |journal, store| read(&**journal, &**store)).await
    }

    /// Does something with journal and store on a thread that may block.
    pub(crate) async fn blocking<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<dyn Journal>, &Arc<dyn Store>) -> Result<T, ApiError> + Send + 'static,
    {
        let closed =
            |error: &dyn std::fmt::Display| ApiError::internal(format!("a read did not end: {error}"));
        let _permit = self.0.reads.acquire().await.map_err(|error| closed(&error))?;
        let ApiState { journal, store, .. } = self.state();
        let (journal, store) = (Arc::clone(journal), Arc::clone(store));
        let working = tokio::task::spawn_blocking(move || work(&journal, &store));
        working.await.map_err(|error| closed(&error))?
    }
}
