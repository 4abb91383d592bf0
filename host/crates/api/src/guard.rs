//! What a request may be before anybody looks at it: how long its address is, how much its headers hold, how large its
//! body is and how long that takes to arrive.
//!
//! The listener has limits of its own before these, on what it reads of a connection; these are exact, and say what they
//! are in JSON.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::LengthLimitError;
use tokio::time::timeout;

use crate::error::{ApiError, ErrorCode};
use crate::reading::Shared;

/// Bytes of an address: path and query. WeCom's callbacks have some 600.
pub const URI_BYTES_MAX: usize = 8 << 10;

/// Headers of a request. A browser behind two proxies sends some 30.
pub const HEADERS_MAX: usize = 64;

/// Bytes of all headers, names and values.
pub const HEADER_BYTES_MAX: usize = 16 << 10;

/// Bytes of a body that `/api/v1` takes: a few numbers, or what an operator says.
pub const API_BODY_MAX_BYTES: usize = 64 << 10;

/// Stands before every route.
pub(crate) async fn head(request: Request, next: Next) -> Result<Response, ApiError> {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > URI_BYTES_MAX {
        let text = format!("the address has {uri} bytes, {URI_BYTES_MAX} at most");
        return Err(ApiError::new(ErrorCode::UriTooLong, text));
    }
    let count = request.headers().len();
    if count > HEADERS_MAX {
        let text = format!("the request has {count} headers, {HEADERS_MAX} at most");
        return Err(ApiError::new(ErrorCode::HeadersTooLarge, text));
    }
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADER_BYTES_MAX {
        let text = format!("the headers have {bytes} bytes, {HEADER_BYTES_MAX} at most");
        return Err(ApiError::new(ErrorCode::HeadersTooLarge, text));
    }
    Ok(next.run(request).await)
}

/// Stands before a route of `/api/v1`: what comes behind it has the whole body at hand.
pub(crate) async fn body(
    State((shared, max_bytes)): State<(Shared, usize)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = arrived(body, max_bytes, shared.state().body_within).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// The whole body, if it is not too large and comes in time.
pub(crate) async fn arrived(body: Body, max_bytes: usize, within: Duration) -> Result<Bytes, ApiError> {
    match timeout(within, axum::body::to_bytes(body, max_bytes)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(if error.into_inner().is::<LengthLimitError>() {
            ApiError::new(ErrorCode::TooLarge, format!("the body has more than {max_bytes} bytes"))
        } else {
            ApiError::bad_request("the body broke off")
        }),
        Err(_) => Err(ApiError::new(ErrorCode::TimedOut, "the body did not arrive in time")),
    }
}
