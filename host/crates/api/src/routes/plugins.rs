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
    shared
        .read(move |journal, store| {
            // The last one is not older than the last version of a policy; of those before there may be many.
            let (_, state) = store.standing()?;
            let last = state.versions.iter().map(|version| version.since).max().unwrap_or(0);
            let setup = journal.setups(last.saturating_sub(1))?.pop();
            JsonText::of(&PluginsView::new(&plugins, setup.as_ref()))
        })
        .await
}
