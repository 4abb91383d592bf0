//! `GET /api/v1/customers/{id}/tags`: her tags, each with its whole cause.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use model::Position;

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
    Query::parse(query.as_deref(), &[])?;
    let id = path_id(id)?;
    shared
        .read(move |journal, store| {
            let customer = existing(store, id)?;
            let (_, state) = store.standing()?;
            let mut positions: Vec<Position> = customer.tags.iter().map(|tag| tag.cause.position).collect();
            positions.sort_unstable();
            positions.dedup();
            let records = journal.fetch(&positions)?;
            JsonText::of(&views::tags(&state, &customer, &records))
        })
        .await
}
