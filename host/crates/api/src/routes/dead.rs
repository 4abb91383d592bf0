//! `GET /api/v1/dead`: requests that were authentic and could not be understood, kept as they came.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::DeadPage;

pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit"])?;
    let limit = query.limit()?;
    let after = query.number("after")?.unwrap_or(0);
    shared
        .read(move |journal, _| {
            let letters = journal.dead(after, limit + 1)?;
            JsonText::of(&DeadPage::new(&letters, limit))
        })
        .await
}
