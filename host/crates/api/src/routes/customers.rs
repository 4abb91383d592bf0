//! `GET /api/v1/customers` and `GET /api/v1/customers/{id}`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use model::{Customer, CustomerId, Identity, ParseIdError};
use store::Store;

use crate::error::ApiError;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::{lookup, views};

/// By id, or the one with a handle (`?handle=scheme:scope:value`), or those with a tag (`?tag=`).
pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["tag", "handle", "after", "limit"])?;
    let limit = query.limit()?;
    let handle = query.text("handle").map(handle).transpose()?;
    let after = query.text("after").map(customer_id).transpose()?;
    let tag = query.text("tag").map(str::to_owned);
    shared
        .read(move |_, store| {
            let customers = match handle {
                Some(handle) => with_handle(store, &handle, tag.as_deref(), after)?,
                None => store.page(&store::Query { tag, after, limit: limit + 1 })?,
            };
            JsonText::of(&views::page(&customers, limit))
        })
        .await
}

fn handle(text: &str) -> Result<Identity, ApiError> {
    lookup::parse_handle(text).ok_or_else(|| {
        ApiError::bad_request(format!("\"{text}\" is not a handle like wechat.unionid:SCOPE:VALUE"))
    })
}

fn with_handle(
    store: &dyn Store,
    handle: &Identity,
    tag: Option<&str>,
    after: Option<CustomerId>,
) -> Result<Vec<Customer>, ApiError> {
    let wanted = |customer: &Customer| {
        tag.is_none_or(|tag| customer.tag(tag).is_some()) && after.is_none_or(|after| customer.id > after)
    };
    Ok(lookup::by_handle(store, handle)?.filter(wanted).into_iter().collect())
}

/// The whole document. A customer who was merged is answered with the one that she is in now.
pub(crate) async fn show(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let id = path_id(id)?;
    shared
        .read(move |_, store| {
            let customer = existing(store, id)?;
            let (_, state) = store.standing()?;
            JsonText::of(&views::whole(&state, &customer))
        })
        .await
}

pub(crate) fn path_id(id: Result<Path<String>, PathRejection>) -> Result<CustomerId, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::bad_request("the address does not decode to UTF-8"))?;
    customer_id(&id)
}

pub(crate) fn customer_id(text: &str) -> Result<CustomerId, ApiError> {
    text.parse().map_err(|error: ParseIdError| ApiError::bad_request(error.to_string()))
}

pub(crate) fn existing(store: &dyn Store, id: CustomerId) -> Result<Customer, ApiError> {
    lookup::by_id(store, id)?.ok_or_else(|| ApiError::not_found(format!("there is no customer {id}")))
}
