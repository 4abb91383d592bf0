//! `GET /api/v1/intents` and `GET /api/v1/intents/counts`: what should reach customers, and how far it has come.

use axum::extract::{RawQuery, State};
use model::IntentState;

use super::customers::customer_id;
use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;
use crate::scan::{IntentFilter, Scan};
use crate::scanning::{self, Wanted};
use crate::views::{IntentCountsView, IntentsPage};

const FILTERS: [&str; 6] = ["state", "scene", "connection", "code", "binding", "reaction"];

/// By customer, ascending. A page may be short, or empty, and still have a `next`: go on with that. It may be a little
/// longer than `limit`: all of a customer's intents stand on one page.
pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let known = [&FILTERS[..], &["after", "limit", "at"]].concat();
    let query = Query::parse(query.as_deref(), &known)?;
    let (filter, limit) = (filter(&query)?, query.limit()?);
    let after = query.text("after").map(customer_id).transpose()?;
    if let at @ Some(_) = rereading::at(&query)? {
        return rereading::everybody(&shared, at, move |journal, store, answerer| {
            let now = store.standing()?.0.fired;
            let found = Scan { journal, store, now, until: None }.intents(&filter, after, limit)?;
            answerer.text(&IntentsPage::new(&found))
        })
        .await;
    }
    let wanted = Wanted::Intents { filter: filter.clone(), after, limit };
    scanning::scan(&shared, wanted, move |_, scan, _| {
        JsonText::of(&IntentsPage::new(&scan.intents(&filter, after, limit)?))
    })
    .await
}

/// How many there are, by scene, state and the word for why.
pub(crate) async fn counts(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &[&FILTERS[..], &["at"]].concat())?;
    let filter = filter(&query)?;
    if let at @ Some(_) = rereading::at(&query)? {
        return rereading::everybody(&shared, at, move |journal, store, answerer| {
            let now = store.standing()?.0.fired;
            let counts = Scan { journal, store, now, until: None }.intent_counts(&filter)?;
            answerer.text(&IntentCountsView::new(&counts))
        })
        .await;
    }
    let wanted = Wanted::IntentCounts { filter: filter.clone() };
    scanning::scan(&shared, wanted, move |_, scan, _| {
        JsonText::of(&IntentCountsView::new(&scan.intent_counts(&filter)?))
    })
    .await
}

fn filter(query: &Query) -> Result<IntentFilter, ApiError> {
    let text = |name| query.text(name).map(str::to_owned);
    let state = query.text("state").map(state).transpose()?;
    Ok(IntentFilter {
        state,
        scene: text("scene"),
        connection: text("connection"),
        code: text("code"),
        binding: text("binding"),
        reaction: text("reaction"),
    })
}

fn state(word: &str) -> Result<IntentState, ApiError> {
    crate::lookup::intent_state(word)
        .ok_or_else(|| ApiError::bad_request("parameter \"state\" is no state of an intent"))
}
