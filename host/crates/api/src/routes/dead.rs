//! `/api/v1/dead…`: what could not be handled, kept as it came; tried again, or let go by an operator.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use journal::{Batch, DeadQuery, HowEnded, LetterEnd, Letters};
use model::OperatorAct;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::acts::{BY_MAX, WHY_MAX, line};
use crate::auth::Caller;
use crate::dead::{self, LetterId};
use crate::error::{ApiError, ErrorCode, complaint};
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;
use crate::views::{DeadGroupsView, DeadLetterView, DeadPage, DeadTurnPage, DeadTurnView, DroppedView};
use crate::{Retry, RetryRefused};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    by: String,
    why: String,
}

/// By number; those that wait, or with `?all=true` those that ended too.
pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit", "all", "connection", "reason"])?;
    let limit = query.limit()?;
    let asked = DeadQuery {
        after: query.number("after")?.unwrap_or(0),
        limit: limit + 1,
        waiting: !truth(&query, "all")?,
        connection: query.text("connection").map(str::to_owned),
        reason: query.text("reason").map(str::to_owned),
    };
    let read = move |journal: &dyn journal::Journal, _: &dyn store::Store| {
        JsonText::of(&DeadPage::new(&journal.dead(&asked)?, limit))
    };
    shared.read(read).await
}

/// What waits, by what it has in common, turns of policies included.
pub(crate) async fn groups(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    shared
        .read(|journal, store| {
            let turns = dead::turn_groups(journal, store)?;
            JsonText::of(&DeadGroupsView::new(&journal.dead_counts()?, &turns.found, turns.cut))
        })
        .await
}

/// Turns at which a policy fails, as of now or of then.
pub(crate) async fn turns(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit", "all", "at"])?;
    let (limit, all) = (query.limit()?, truth(&query, "all")?);
    let after = query.text("after").unwrap_or_default().to_owned();
    rereading::everybody(&shared, rereading::at(&query)?, move |journal, store, answerer| {
        let by = answerer.0.map(|at| at.fired);
        let turns = dead::turns(journal, store, &after, limit + 1, all, by)?;
        answerer.text(&DeadTurnPage::new(&turns.found, limit))
    })
    .await
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let id = meant(id)?;
    shared
        .read(move |journal, store| match id {
            LetterId::Letter(number) => JsonText::of(&DeadLetterView::new(&dead::letter(journal, number)?)),
            LetterId::Turn(key) => JsonText::of(&DeadTurnView::new(&dead::turn(journal, store, &key)?)),
        })
        .await
}

/// Gives it to the connector that is configured now. With `?dry_run=true` nothing of it is kept.
pub(crate) async fn retry(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["dry_run"])?;
    let dry_run = truth(&query, "dry_run")?;
    let id = meant(id)?;
    let Wanted { by, why } = understood(body)?;
    let by = caller.said_by(Some(&line("by", &by, BY_MAX)?));
    let why = line("why", &why, WHY_MAX)?;
    let number = match id {
        LetterId::Letter(number) => number,
        LetterId::Turn(key) => return retry_turn(&shared, key, dry_run, by, why).await,
    };
    let (reply, answer) = oneshot::channel();
    let ask = Retry { number, dry_run, by, why, reply };
    shared
        .state()
        .retries
        .try_send(ask)
        .map_err(|error| ApiError::unavailable(format!("a dead letter cannot be tried again: {error}")))?;
    let answer =
        answer.await.map_err(|_| ApiError::unavailable("a dead letter was not tried: the host stops"))?;
    match answer {
        Ok(view) => JsonText::of(&view),
        Err(RetryRefused::Dead(error)) => Err(error.into()),
        Err(RetryRefused::Gone(text)) => Err(ApiError::new(ErrorCode::Refused, text)),
        Err(RetryRefused::NotNow(text)) => Err(ApiError::unavailable(text)),
    }
}

/// Folds her again whose turn it is, by the policies that are bound now.
async fn retry_turn(
    shared: &Shared,
    key: String,
    dry_run: bool,
    by: String,
    why: String,
) -> Result<JsonText, ApiError> {
    let find = move |journal: &Arc<dyn journal::Journal>, store: &Arc<dyn store::Store>| {
        Ok(dead::waiting_turn(&**journal, &**store, &key)?)
    };
    let turn = shared.blocking(find).await?;
    let act = OperatorAct { id: String::new(), by, why, deed: dead::again(&turn) };
    let (view, looked) = super::acts::carry_out(shared, None, act, dry_run).await?;
    let told = move |_: &Arc<dyn journal::Journal>, store: &Arc<dyn store::Store>| {
        Ok(dead::retried(&**store, &turn, view, &looked)?)
    };
    JsonText::of(&shared.blocking(told).await?)
}

/// Lets it go, with a name and a reason.
pub(crate) async fn drop_letter(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let named = id.as_ref().map(|Path(id)| id.clone()).unwrap_or_default();
    let id = meant(id)?;
    let Wanted { by, why } = understood(body)?;
    let by = caller.said_by(Some(&line("by", &by, BY_MAX)?));
    let why = line("why", &why, WHY_MAX)?;
    let (connection, letters) = shared
        .blocking(move |journal, store| {
            Ok(match id {
                LetterId::Letter(number) => {
                    (dead::waiting(&**journal, number)?.connection, Letters::One(number))
                }
                LetterId::Turn(key) => {
                    dead::waiting_turn(&**journal, &**store, &key)?;
                    (String::new(), Letters::Turn(key))
                }
            })
        })
        .await?;
    let end = LetterEnd { letters, how: HowEnded::Dropped, by: by.clone(), why: why.clone() };
    let (now, entries) = ((shared.state().now)(), end.record().into_iter().collect());
    let batch = Batch { connection, now, entries, ends: vec![end], ..Batch::default() };
    shared.state().appender.append(batch).await?;
    tracing::warn!(letter = dead::logged(&named), by, "a dead letter was dropped");
    JsonText::of(&DroppedView { id: named, by, why })
}

fn meant(id: Result<Path<String>, PathRejection>) -> Result<LetterId, ApiError> {
    let text = id.map(|Path(id)| id).unwrap_or_default();
    let none = "this is no id of a dead letter: those are numbers, and turn:POSITION:VERSION:TIME";
    dead::parse_id(&text).ok_or_else(|| ApiError::not_found(none))
}

fn understood(body: Result<Bytes, BytesRejection>) -> Result<Wanted, ApiError> {
    let body = body.map_err(|_| ApiError::bad_request("the body is too large, or broke off"))?;
    serde_json::from_slice(&body).map_err(|error| {
        let complaint = complaint(&error);
        ApiError::bad_request(format!("the body is not like {{\"by\": \"li\", \"why\": \"…\"}}: {complaint}"))
    })
}

fn truth(query: &Query, name: &str) -> Result<bool, ApiError> {
    match query.text(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::bad_request(format!("parameter \"{name}\" is neither true nor false"))),
    }
}
