//! `GET /api/v1/customers/{id}/why-not`: what a policy was shown of her, what not, and why something is not so.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use router::{Question, Target};

use super::customers::path_id;
use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::{rereading, views};

/// `?policy=NAME`, and one of `tag=NAME`, `stage=JOURNEY` or `JOURNEY=STAGE`, `intent=KEY`, or none of them.
pub(crate) async fn show(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["policy", "tag", "stage", "intent", "limit", "at"])?;
    let (customer, at, limit) = (path_id(id)?, rereading::at(&query)?, query.limit()?);
    let policy = query.text("policy").ok_or_else(|| ApiError::bad_request("which policy? give `policy`"))?;
    let (policy, target) = (policy.to_owned(), target(&query)?);
    rereading::again(&shared, move |past, _| {
        let question = Question { customer, policy, target };
        let told = past.why_not(question, at)?;
        JsonText::of(&views::why_not(&told, limit, &views::utc))
    })
    .await
}

fn target(query: &Query) -> Result<Option<Target>, ApiError> {
    let tag = query.text("tag").map(|name| Target::Tag(name.to_owned()));
    let stage = query.text("stage").map(Target::stage);
    let intent = query.text("intent").map(|key| Target::Intent(key.to_owned()));
    let mut targets = [tag, stage, intent].into_iter().flatten();
    match (targets.next(), targets.next()) {
        (_, Some(_)) => Err(ApiError::bad_request("ask for one of `tag`, `stage` and `intent`")),
        (target, None) => Ok(target),
    }
}
