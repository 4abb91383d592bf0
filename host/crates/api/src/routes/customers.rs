//! `GET /api/v1/customers` and `GET /api/v1/customers/{id}`, as of now or of then.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use journal::Journal;
use model::{Customer, CustomerId, Identity, ParseIdError};
use store::Store;

use crate::error::ApiError;
use crate::past::Whom;
use crate::query::Query;
use crate::reading::{JsonText, Shared};
use crate::rereading::{self, Answerer};
use crate::{lookup, views};

/// By id, or the one with a handle (`?handle=scheme:scope:value`), or those with a tag (`?tag=`), or those in a segment that
/// is kept (`?segment=`).
pub(crate) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["tag", "segment", "handle", "after", "limit", "at"])?;
    let at = rereading::at(&query)?;
    let limit = query.limit()?;
    let handle = query.text("handle").map(handle).transpose()?;
    let after = query.text("after").map(customer_id).transpose()?;
    let tag = query.text("tag").map(str::to_owned);
    let segment = query.text("segment").map(str::to_owned);
    if segment.is_some() && (tag.is_some() || handle.is_some()) {
        return Err(ApiError::bad_request("give a segment, or a tag, or a handle: they do not go together"));
    }
    if let Some(name) = &segment {
        live(&shared, name)?;
    }
    let Some(handle) = handle else {
        return rereading::everybody(&shared, at, move |_, store, answerer| {
            let customers = store.page(&store::Query { tag, segment, after, limit: limit + 1 })?;
            answerer.text(&views::page(&customers, limit))
        })
        .await;
    };
    match at {
        None => {
            let read = move |_: &dyn Journal, store: &dyn Store| {
                let found = lookup::by_handle(store, &handle)?;
                page_of(found.as_ref(), tag.as_deref(), after, Answerer(None))
            };
            shared.read(read).await
        }
        at => {
            rereading::person(&shared, Whom::Handle(handle), at, move |_, _, customer, answerer| {
                page_of(Some(customer), tag.as_deref(), after, answerer)
            })
            .await
        }
    }
}

/// Only a segment that is kept has an index.
fn live(shared: &Shared, name: &str) -> Result<(), ApiError> {
    let segments = shared.state().segments.borrow();
    match segments.iter().find(|segment| segment.name() == name) {
        None => Err(ApiError::not_found("there is no segment of this name")),
        Some(segment) if segment.is_live() => Ok(()),
        Some(_) => Err(ApiError::bad_request(format!(
            "segment \"{name}\" is not kept: write live = true, or ask /api/v1/segments/{name}/customers"
        ))),
    }
}

fn handle(text: &str) -> Result<Identity, ApiError> {
    lookup::parse_handle(text).ok_or_else(|| {
        ApiError::bad_request("parameter \"handle\" is not a handle like wechat.unionid:SCOPE:VALUE")
    })
}

/// Her alone, if she is meant.
fn page_of(
    found: Option<&Customer>,
    tag: Option<&str>,
    after: Option<CustomerId>,
    answerer: Answerer,
) -> Result<JsonText, ApiError> {
    let wanted = |customer: &&Customer| {
        tag.is_none_or(|tag| customer.tag(tag).is_some()) && after.is_none_or(|after| customer.id > after)
    };
    let customers: Vec<Customer> = found.filter(wanted).cloned().into_iter().collect();
    answerer.text(&views::page(&customers, customers.len()))
}

/// The whole document. A customer who was merged is answered with the one that she is in now.
pub(crate) async fn show(
    State(shared): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let query = Query::parse(query.as_deref(), &["at"])?;
    let (id, at) = (path_id(id)?, rereading::at(&query)?);
    rereading::person(&shared, Whom::Id(id), at, |_, store, customer, answerer| {
        let (_, state) = store.standing()?;
        answerer.text(&views::whole(&state, customer))
    })
    .await
}

pub(crate) fn path_id(id: Result<Path<String>, PathRejection>) -> Result<CustomerId, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::bad_request("the address does not decode to UTF-8"))?;
    customer_id(&id)
}

pub(crate) fn customer_id(text: &str) -> Result<CustomerId, ApiError> {
    let wrong = |_: ParseIdError| ApiError::bad_request("not a customer's id: they are like cus_0000000042");
    text.parse().map_err(wrong)
}
