//! `GET /api/v1/customers/{id}/timeline`: her records, and what came of each.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};

use super::customers::{existing, path_id};
use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views;

pub(crate) async fn list(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit"])?;
    let (id, limit) = (path_id(id)?, query.limit()?);
    let after = query.number("after")?.unwrap_or(0);
    shared
        .read(move |journal, store| {
            let customer = existing(store, id)?;
            let (positions, next) = views::timeline_page(&customer, after, limit);
            let records = journal.fetch(positions)?;
            JsonText::of(&views::timeline(&customer, &records, next))
        })
        .await
}
