//! `GET /api/v1/customers/{id}/timeline`: her records, and what came of each.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};

use super::customers::path_id;
use crate::error::ApiError;
use crate::past::Whom;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::{rereading, views};

pub(crate) async fn list(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit", "at"])?;
    let (id, limit) = (path_id(id)?, query.limit()?);
    let after = query.number("after")?.unwrap_or(0);
    let at = rereading::at(&query)?;
    rereading::person(&shared, Whom::Id(id), at, move |journal, _, customer, answerer| {
        let (positions, next) = views::timeline_page(customer, after, limit);
        let records = journal.fetch(positions)?;
        answerer.text(&views::timeline(customer, &records, next))
    })
    .await
}
