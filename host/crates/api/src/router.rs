//! The list of routes. A new one is a file under `routes` and a line here.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{any, get, post};

use crate::ApiState;
use crate::auth;
use crate::error::{ApiError, ErrorCode};
use crate::reading::Shared;
use crate::routes::{
    acts, clock, conflicts, customers, dead, digest, edges, health, hooks, intents, metrics, notes, plugins,
    proposals, segments, tags, timeline, why_not,
};

/// Bytes of a body that `/api/v1` takes: a few numbers, or what an operator says.
const API_BODY_MAX_BYTES: usize = 64 << 10;

/// Everything that the host answers over HTTP.
pub fn router(state: ApiState) -> Router {
    let shared = Shared::new(state);
    let hooks = Router::new()
        .route("/hooks/{connection}", any(hooks::receive))
        .route("/hooks/{connection}/", any(hooks::receive))
        .route("/hooks/{connection}/{*rest}", any(hooks::receive));
    let api = Router::new()
        .route("/customers", get(customers::list))
        .route("/customers/{id}", get(customers::show))
        .route("/customers/{id}/timeline", get(timeline::list))
        .route("/customers/{id}/tags", get(tags::list))
        .route("/customers/{id}/edges", get(edges::list))
        .route("/conflicts", get(conflicts::list))
        .route("/acts", post(acts::act))
        .route("/proposals", post(proposals::propose).layer(DefaultBodyLimit::max(proposals::BODY_MAX_BYTES)))
        .route("/customers/{id}/why-not", get(why_not::show))
        .route("/segments", get(segments::list))
        .route("/segments/{name}/customers", get(segments::customers))
        .route("/counts", get(segments::counts))
        .route("/intents", get(intents::list))
        .route("/intents/counts", get(intents::counts))
        .route("/plugins", get(plugins::list))
        .route("/notes", get(notes::list))
        .route("/dead", get(dead::list))
        .route("/dead/groups", get(dead::groups))
        .route("/dead/turns", get(dead::turns))
        .route("/dead/{id}", get(dead::show))
        .route("/dead/{id}/retry", post(dead::retry))
        .route("/dead/{id}/drop", post(dead::drop_letter))
        .route("/digest", get(digest::show))
        .route("/clock", post(clock::advance))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(API_BODY_MAX_BYTES))
        // Last, so that it stands before everything: who has no token does not learn what there is.
        .layer(middleware::from_fn_with_state(shared.clone(), auth::require));
    let metrics = Router::new()
        .route("/metrics", get(metrics::show))
        // The one line that says who may scrape.
        .layer(middleware::from_fn_with_state(shared.clone(), auth::require));
    Router::new()
        .merge(hooks)
        .merge(metrics)
        .nest("/api/v1", api)
        .route("/healthz", get(health::show))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(shared)
}

async fn not_found() -> ApiError {
    ApiError::not_found("there is nothing at this address")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "this address does not take this method")
}
