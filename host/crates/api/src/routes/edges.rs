//! `GET /api/v1/customers/{id}/edges`: what made her one person.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};

use super::customers::path_id;
use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::EdgesView;

pub(crate) async fn list(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let id = path_id(id)?;
    shared
        .read(move |journal, store| {
            let edges = router::edges(journal, store, id)?;
            let edges = edges.ok_or_else(|| ApiError::not_found(format!("there is no customer {id}")))?;
            JsonText::of(&EdgesView::new(&edges))
        })
        .await
}
