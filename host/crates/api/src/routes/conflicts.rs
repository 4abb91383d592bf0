//! `GET /api/v1/conflicts`: records that named two people who cannot be one, and what would end each conflict.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::lookup;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;

pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit", "at"])?;
    let limit = query.limit()?;
    let after = query.text("after").unwrap_or_default().to_owned();
    rereading::everybody(&shared, rereading::at(&query)?, move |journal, store, answerer| {
        answerer.text(&lookup::conflicts(journal, store, after, limit)?)
    })
    .await
}
