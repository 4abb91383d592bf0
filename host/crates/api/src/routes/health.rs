//! `GET /healthz`: is the host at work? For whoever watches it, without a token; the words of its
//! trouble for any token.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::auth::caller;
use crate::error::ApiError;
use crate::reading::{JsonText, Shared};
use crate::views::HealthView;

pub(crate) async fn show(State(shared): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let state = shared.state();
    let report = state.health.borrow().clone();
    let status = if report.trouble.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let plugins = state.plugins.borrow().clone();
    // Whoever failed too often learns what everybody does.
    let caller = caller(state, request.extensions(), request.headers());
    let trusted = caller.is_ok_and(|caller| caller.is_some());
    let text = JsonText::of(&HealthView::new(&report, &plugins, trusted))?;
    Ok((status, text).into_response())
}
