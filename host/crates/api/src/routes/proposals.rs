//! `POST /api/v1/proposals`: something for many, one act for each of them.
//!
//! A proposal changes nobody but the one whom it is for, and the courier judges it when it is carried: so no report is made of
//! it, as `POST /api/v1/acts` makes one. All acts of one request are kept, or none.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use journal::{Batch, Placed};
use model::{Deed, Entry, OperatorAct};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::auth::Caller;
use crate::error::{ApiError, complaint};
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::routes::acts::said;
use crate::views::ProposedView;

/// Acts of one request.
const ACTS_MAX: usize = 500;

/// Bytes of one request.
pub(crate) const BODY_MAX_BYTES: usize = 8 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    acts: Vec<Box<RawValue>>,
}

pub(crate) async fn propose(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let body = body.map_err(|_| ApiError::bad_request("the body is too large, or broke off"))?;
    let acts = understood(&body, &caller)?;
    let now = (shared.state().now)();
    let checking = shared.blocking(move |journal, store| {
        for act in &acts {
            router::check(journal.as_ref(), store.as_ref(), act)?;
        }
        Ok(acts)
    });
    let entries = checking.await?.into_iter().map(Entry::Act).collect();
    let receipt = shared.state().appender.append(Batch { now, entries, ..Batch::default() }).await?;
    let mut view = ProposedView::default();
    for placed in receipt.placed {
        match placed {
            Placed::New(_) => view.proposed += 1,
            Placed::Known(_) => view.known += 1,
        }
    }
    JsonText::of(&view)
}

fn understood(body: &[u8], caller: &Caller) -> Result<Vec<OperatorAct>, ApiError> {
    let shape = "{\"acts\": [{\"id\": \"…\", \"by\": \"li\", \"why\": \"…\", \"deed\": {\"propose\": {…}}}]}";
    let Wanted { acts } = serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("the body is not like {shape}: {}", complaint(&error)))
    })?;
    if acts.len() > ACTS_MAX {
        let count = acts.len();
        return Err(ApiError::bad_request(format!(
            "{count} acts are more than {ACTS_MAX}: send them in parts"
        )));
    }
    let read = |(place, act): (usize, Box<RawValue>)| {
        let act = wire::from_json::<OperatorAct>(act.get())
            .map_err(|error| format!("act number {}: {}", place + 1, complaint(&error)))
            .map_err(ApiError::bad_request)?;
        if !matches!(act.deed, Deed::Propose(_)) {
            let text =
                format!("act number {}: only proposals go in bulk: /api/v1/acts takes one act", place + 1);
            return Err(ApiError::bad_request(text));
        }
        said(act, caller)
    };
    acts.into_iter().enumerate().map(read).collect()
}
