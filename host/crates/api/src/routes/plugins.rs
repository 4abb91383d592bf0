//! `GET /api/v1/plugins`: what runs here, and how it does.

use axum::extract::{RawQuery, State};

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::views::PluginsView;

pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let plugins = shared.state().plugins.borrow().clone();
    JsonText::of(&PluginsView::new(&plugins))
}
