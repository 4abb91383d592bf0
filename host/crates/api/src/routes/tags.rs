//! `GET /api/v1/customers/{id}/tags`: her tags, each with its whole cause.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use model::Position;

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
    let query = Query::parse(query.as_deref(), &["at"])?;
    let (id, at) = (path_id(id)?, rereading::at(&query)?);
    rereading::person(&shared, Whom::Id(id), at, |journal, store, customer, answerer| {
        let (_, state) = store.standing()?;
        let mut positions: Vec<Position> = customer.tags.iter().map(|tag| tag.cause.position).collect();
        positions.sort_unstable();
        positions.dedup();
        let records = journal.fetch(&positions)?;
        answerer.text(&views::tags(&state, customer, &records))
    })
    .await
}
