//! `GET /healthz`: is the host at work? For whoever watches it, without a token; the words of its
//! trouble for any token.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::auth::caller;
use crate::error::ApiError;
use crate::reading::{JsonText, Shared};
use crate::views::HealthView;

pub(crate) async fn show(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, ApiError> {
    let state = shared.state();
    let report = state.health.borrow().clone();
    let status = if report.trouble.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let plugins = state.plugins.borrow().clone();
    let trusted = caller(&state.tokens, &headers).is_some();
    let text = JsonText::of(&HealthView::new(&report, &plugins, trusted))?;
    Ok((status, text).into_response())
}
