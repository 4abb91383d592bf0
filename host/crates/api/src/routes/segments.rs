//! `GET /api/v1/segments`, `GET /api/v1/segments/{name}/customers` and `GET /api/v1/counts`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use segment::Segment;

use super::customers::customer_id;
use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading;
use crate::scan::Scan;
use crate::scanning::{self, At, Wanted};
use crate::views::{CountsView, MembersPage, SegmentsView};

/// What is configured. Asks nobody.
pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let segments = Arc::clone(&shared.state().segments.borrow());
    JsonText::of(&SegmentsView::new(&segments))
}

/// Those who are in it, ascending by id. A page may be short, or empty, and still have a `next`: go on with that.
pub(crate) async fn customers(
    State(shared): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["after", "limit", "at"])?;
    let at = rereading::at(&query)?;
    let Path(name) = name.map_err(|_| ApiError::bad_request("the address does not decode to UTF-8"))?;
    let limit = query.limit()?;
    let after = query.text("after").map(customer_id).transpose()?;
    find(&shared.state().segments.borrow(), &name)?;
    if at.is_some() {
        let segments = Arc::clone(&shared.state().segments.borrow());
        return rereading::everybody(&shared, at, move |journal, store, answerer| {
            // Days are counted from then.
            let (standing, _) = store.standing()?;
            let (now, segment) = (standing.fired, find(&segments, &name)?);
            let members = Scan { journal, store, now, until: None }.members(segment, after, limit)?;
            answerer.text(&MembersPage::new(segment, &members, standing, now))
        })
        .await;
    }
    let wanted = Wanted::Members { segment: name.clone(), after, limit };
    scanning::scan(&shared, wanted, move |segments, scan, At { standing, now }| {
        let segment = find(segments, &name)?;
        let members = scan.members(segment, after, limit)?;
        JsonText::of(&MembersPage::new(segment, &members, standing, now))
    })
    .await
}

/// How many there are, by segment, tag, stage and channel.
pub(crate) async fn counts(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["at"])?;
    let at = rereading::at(&query)?;
    if at.is_none() {
        return scanning::scan(&shared, Wanted::Counts, |segments, scan, At { standing, now }| {
            let counts = scan.counts(segments)?;
            JsonText::of(&CountsView::new(segments, &counts, standing, now))
        })
        .await;
    }
    let segments = Arc::clone(&shared.state().segments.borrow());
    rereading::everybody(&shared, at, move |journal, store, answerer| {
        // Days are counted from then.
        let (standing, _) = store.standing()?;
        let now = standing.fired;
        let counts = Scan { journal, store, now, until: None }.counts(&segments)?;
        answerer.text(&CountsView::new(&segments, &counts, standing, now))
    })
    .await
}

fn find<'a>(segments: &'a [Segment], name: &str) -> Result<&'a Segment, ApiError> {
    let found = segments.iter().find(|segment| segment.name() == name);
    found.ok_or_else(|| ApiError::not_found("there is no such segment"))
}
