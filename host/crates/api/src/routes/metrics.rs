//! `GET /metrics`: what the host counts, as Prometheus reads it.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use crate::error::ApiError;
use crate::reading::Shared;

/// The text format that every scraper reads.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(crate) async fn show(State(shared): State<Shared>) -> Result<Response, ApiError> {
    let metrics = shared.state().metrics.clone();
    let text = shared.blocking(move |_, _| metrics().map_err(ApiError::internal)).await?;
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    Ok(response)
}
