//! `GET /api/v1/notes`: what a person must look at, conflicts of identity and turns at which a policy failed.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::NotePage;

pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit"])?;
    let limit = query.limit()?;
    let after = query.text("after").unwrap_or_default().to_owned();
    shared
        .read(move |_, store| {
            let notes = store.notes(&after, limit + 1)?;
            let (_, state) = store.standing()?;
            JsonText::of(&NotePage::new(&state, &notes, limit))
        })
        .await
}
