//! `GET /api/v1/digest`: the state hash, as of now or of then. Reads the whole store.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;
use crate::views::DigestView;

pub(crate) async fn show(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["at"])?;
    rereading::everybody(&shared, rereading::at(&query)?, |_, store, answerer| {
        let (digest, standing) = store.digest()?;
        answerer.text(&DigestView::new(digest, standing))
    })
    .await
}
