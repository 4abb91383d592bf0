//! `POST /api/v1/clock`: moves the manual clock of a demo or a test. A host on the system's clock has no such address.

use axum::body::Bytes;
use axum::extract::State;
use model::Instant;
use serde::{Deserialize, Serialize};
use store::Standing;
use tokio::sync::oneshot;

use crate::Advance;
use crate::error::{ApiError, complaint};
use crate::reading::{JsonText, Shared};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    now: Instant,
}

/// Where the host stands when everything that was due by then is done.
#[derive(Serialize)]
struct Settled {
    now: Instant,
    position: model::Position,
    fired: Instant,
}

pub(crate) async fn advance(State(shared): State<Shared>, body: Bytes) -> Result<JsonText, ApiError> {
    let Some(clock) = &shared.state().clock else {
        return Err(ApiError::not_found("this host has the system's clock"));
    };
    let Wanted { now } = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!("the body is not like {{\"now\": 0}}: {}", complaint(&error)))
    })?;
    let (reply, settled) = oneshot::channel();
    clock
        .try_send(Advance { now, reply })
        .map_err(|error| ApiError::unavailable(format!("the clock cannot be moved: {error}")))?;
    let settled =
        settled.await.map_err(|_| ApiError::unavailable("the clock was not moved: the host stops"))?;
    let Standing { position, fired } = settled.map_err(ApiError::internal)?;
    JsonText::of(&Settled { now, position, fired })
}
