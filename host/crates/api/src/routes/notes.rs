//! `GET /api/v1/notes`: what a person must look at, conflicts of identity and turns at which a policy failed; as of now or of then.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;
use crate::views::NotePage;

pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit", "at"])?;
    let limit = query.limit()?;
    let after = query.text("after").unwrap_or_default().to_owned();
    rereading::everybody(&shared, rereading::at(&query)?, move |_, store, answerer| {
        let notes = store.notes(&after, limit + 1)?;
        let (_, state) = store.standing()?;
        answerer.text(&NotePage::new(&state, &notes, limit))
    })
    .await
}
