//! `POST /api/v1/acts`: an operator says who is who, takes back what was said, or proposes something.
//!
//! What would come to nothing is refused before it stands in the journal; what it changes is told either way.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use journal::{Batch, Records};
use model::{Deed, Entry, OperatorAct, Position};
use router::Looked;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::auth::Caller;
use crate::error::{ApiError, complaint};
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::{ActView, ErasesView, ReportView};

/// Letters of an operator's name, of her reason, and of an act's id. They stand in the journal for ever.
pub(super) const BY_MAX: usize = 100;
pub(super) const WHY_MAX: usize = 1000;
const ID_MAX: usize = 200;

/// How long an act waits for the one before it: each folds everybody concerned twice.
const TURN_MAX: Duration = Duration::from_secs(30);

/// How long a caller waits until the store has what came of it. It is durable before that.
const FOLD_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    id: Option<String>,
    /// The person who uses the token, if its holder names her.
    by: Option<String>,
    why: String,
    deed: Box<RawValue>,
}

pub(crate) async fn act(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["dry_run"])?;
    let dry_run = match query.text("dry_run") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(ApiError::bad_request("parameter \"dry_run\" is neither true nor false"));
        }
    };
    let (id, act) = understood(&body, &caller)?;
    JsonText::of(&carry_out(&shared, id, act, dry_run).await?.0)
}

/// Looks at an act, says it in the journal unless that is not wanted or known, and waits until the store has it.
pub(super) async fn carry_out(
    shared: &Shared,
    id: Option<String>,
    mut act: OperatorAct,
    dry_run: bool,
) -> Result<(ActView, Looked), ApiError> {
    let turn = timeout(TURN_MAX, shared.acting().acquire()).await;
    let turn = turn.map_err(|_| ApiError::unavailable("another act takes too long"))?;
    let _turn = turn.map_err(|error| ApiError::internal(error.to_string()))?;
    let now = (shared.state().now)();
    let policies = shared.state().policies.clone();
    let looking = shared.blocking(move |journal, store| {
        // One act at a time, so nobody else has this one: an append moves the head.
        let made = || Ok::<_, ApiError>(format!("act_{now}_{}", journal.head()?.position));
        act.id = id.map_or_else(made, Ok)?;
        let records: Arc<dyn Records> = journal.clone();
        let looked = router::look(&records, &**store, &policies, &act)?;
        let erases = looked.erases.as_ref().map(ErasesView::new);
        Ok((act, ReportView::new(&looked.report), erases, looked))
    });
    let (act, report, erases, looked) = looking.await?;
    let id = act.id.clone();
    if dry_run || looked.known.is_some() {
        let folded = looked.known.is_some_and(|position| position <= report.position);
        let (position, known) = (looked.known, looked.known.is_some());
        return Ok((ActView { id, dry_run, position, known, folded, report, erases }, looked));
    }
    let batch = Batch { now, entries: vec![Entry::Act(act)], ..Batch::default() };
    let receipt = shared.state().appender.append(batch).await?;
    let placed = receipt.placed.first().ok_or_else(|| ApiError::internal("an append without a place"))?;
    let position = placed.position();
    let folded = folded(shared, position).await;
    let position = Some(position);
    Ok((ActView { id, dry_run, position, known: false, folded, report, erases }, looked))
}

/// Waits until the store has what came of the record there.
async fn folded(shared: &Shared, position: Position) -> bool {
    let mut health = shared.state().health.clone();
    let folded = timeout(FOLD_MAX, health.wait_for(|report| report.folded >= position)).await;
    matches!(folded, Ok(Ok(_)))
}

/// The act that is asked for, and its id, if the caller chose one.
fn understood(body: &[u8], caller: &Caller) -> Result<(Option<String>, OperatorAct), ApiError> {
    let shape =
        "{\"by\": \"li\", \"why\": \"…\", \"deed\": {\"join\": {\"one\": \"cus_…\", \"other\": \"cus_…\"}}}";
    let Wanted { id, by, why, deed } = serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("the body is not like {shape}: {}", complaint(&error)))
    })?;
    let deed = wire::from_json::<Deed>(deed.get())
        .map_err(|error| ApiError::bad_request(format!("key \"deed\": {}", complaint(&error))))?;
    let by = by.map(|by| line("by", &by, BY_MAX)).transpose()?;
    let by = caller.said_by(by.as_deref());
    let why = line("why", &why, WHY_MAX)?;
    let id = id.map(|id| line("id", &id, ID_MAX)).transpose()?;
    Ok((id, OperatorAct { id: String::new(), by, why, deed }))
}

/// The act with everything that an operator says in it checked.
pub(crate) fn said(act: OperatorAct, caller: &Caller) -> Result<OperatorAct, ApiError> {
    let OperatorAct { id, by, why, deed } = act;
    let (id, by) = (line("id", &id, ID_MAX)?, caller.said_by(Some(&line("by", &by, BY_MAX)?)));
    Ok(OperatorAct { id, by, why: line("why", &why, WHY_MAX)?, deed })
}

/// A line of text that says something.
pub(super) fn line(key: &str, text: &str, max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    let letters = text.chars().count();
    if letters == 0 {
        return Err(ApiError::bad_request(format!("key \"{key}\" is empty")));
    }
    if letters > max {
        return Err(ApiError::bad_request(format!("key \"{key}\" has {letters} letters; at most {max}")));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!("key \"{key}\" is not one line of text")));
    }
    Ok(text.to_owned())
}
