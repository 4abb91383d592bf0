//! `GET /api/v1/customers/{id}/edges`: what made her one person.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};

use super::customers::path_id;
use crate::error::ApiError;
use crate::past::Whom;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;
use crate::views::EdgesView;

pub(crate) async fn list(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["at"])?;
    let id = path_id(id)?;
    rereading::person(
        &shared,
        Whom::Id(id),
        rereading::at(&query)?,
        move |journal, store, customer, answerer| {
            let edges = router::edges(journal, store, customer.id)?;
            let edges = edges.ok_or_else(|| ApiError::not_found(format!("there is no customer {id}")))?;
            answerer.text(&EdgesView::new(&edges))
        },
    )
    .await
}
