//! `GET /api/v1/digest`: the state hash. Reads the whole store.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::DigestView;

pub(crate) async fn show(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    shared
        .read(|_, store| {
            let (digest, standing) = store.digest()?;
            JsonText::of(&DigestView::new(digest, standing))
        })
        .await
}
