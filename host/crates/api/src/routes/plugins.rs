//! `GET /api/v1/plugins`: what runs here, and how it does; and by which setup the policies decide, as of now or of then.

use axum::extract::{RawQuery, State};
use journal::Journal;
use model::{Position, Record};
use store::Store;

use crate::error::ApiError;
use crate::past::At;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading::{self, Answerer};
use crate::views::{AtView, PluginsView};

pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["at"])?;
    if let Some(at) = rereading::at(&query)? {
        return then(&shared, at).await;
    }
    let plugins = shared.state().plugins.borrow().clone();
    shared
        .read(move |journal, store| {
            let setup = setup(journal, store, Position::MAX)?;
            JsonText::of(&PluginsView::new(&plugins, setup.as_ref()))
        })
        .await
}

/// The setup that was in force. How plugins did then, nobody kept.
async fn then(shared: &Shared, at: At) -> Result<JsonText, ApiError> {
    rereading::again(shared, move |past, _| {
        let standing = past.standing(at)?;
        let setup = setup(&*past.journal, &*past.store, standing.position)?;
        Answerer(Some(AtView::new(standing, None))).text(&PluginsView::then(setup.as_ref()))
    })
    .await
}

/// The last setup up to there.
fn setup(journal: &dyn Journal, store: &dyn Store, upto: Position) -> Result<Option<Record>, ApiError> {
    // It is not older than the last version of a policy; of those before there may be many.
    let (_, state) = store.standing()?;
    let last = state.versions.iter().map(|version| version.since).filter(|since| *since <= upto).max();
    let setups = journal.setups(last.unwrap_or(0).saturating_sub(1))?;
    Ok(setups.into_iter().rfind(|setup| setup.position <= upto))
}
