//! The list of routes, and what each asks of its caller. A new one is a file under `routes` and a line here.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use tokio::time::timeout;

use crate::ApiState;
use crate::auth::{self, Needs, Scope};
use crate::error::{ApiError, ErrorCode};
use crate::guard;
use crate::reading::Shared;
use crate::routes::{
    acts, clock, conflicts, customers, dead, digest, edges, health, hooks, intents, metrics, notes, plugins,
    proposals, segments, tags, timeline, why, why_not,
};

/// How long an answer may take. The longest that is meant to be: an act that waits for its turn, folds everybody concerned
/// twice and waits for the fold.
const ANSWER_MAX: Duration = Duration::from_secs(300);

/// A manual clock may be moved by months, and all that is due in them is done before the answer.
const CLOCK_MAX: Duration = Duration::from_secs(3600);

/// A line of the table.
struct Route {
    method: Method,
    /// Below `/api/v1`.
    path: &'static str,
    /// Any of these opens it.
    scopes: &'static [Scope],
    within: Duration,
    /// A larger body is refused.
    body_max_bytes: usize,
    handler: MethodRouter<Shared>,
}

/// Everything about a person, and what should reach her.
const READ: &[Scope] = &[Scope::Read];
/// What changes who is who or what reaches somebody, and requests as they came, which may hold a channel's secrets.
const OPERATE: &[Scope] = &[Scope::Operate];
const ADMINISTER: &[Scope] = &[Scope::Administer];
/// How the host is: names and counts, nobody's data.
const ANY: &[Scope] = &Scope::ALL;

/// The whole of `/api/v1`.
fn table() -> Vec<Route> {
    vec![
        get(READ, "/customers", customers::list),
        get(READ, "/customers/{id}", customers::show),
        get(READ, "/customers/{id}/timeline", timeline::list),
        get(READ, "/customers/{id}/tags", tags::list),
        get(READ, "/customers/{id}/edges", edges::list),
        get(READ, "/customers/{id}/why", why::show),
        get(READ, "/customers/{id}/why-not", why_not::show),
        get(READ, "/conflicts", conflicts::list),
        get(READ, "/segments", segments::list),
        get(READ, "/segments/{name}/customers", segments::customers),
        get(READ, "/counts", segments::counts),
        get(READ, "/intents", intents::list),
        get(READ, "/intents/counts", intents::counts),
        get(READ, "/notes", notes::list),
        get(OPERATE, "/dead", dead::list),
        get(OPERATE, "/dead/groups", dead::groups),
        get(OPERATE, "/dead/turns", dead::turns),
        get(OPERATE, "/dead/{id}", dead::show),
        post(OPERATE, "/dead/{id}/retry", dead::retry),
        post(OPERATE, "/dead/{id}/drop", dead::drop_letter),
        post(OPERATE, "/acts", acts::act),
        Route {
            body_max_bytes: proposals::BODY_MAX_BYTES,
            ..post(OPERATE, "/proposals", proposals::propose)
        },
        get(ANY, "/plugins", plugins::list),
        get(ANY, "/digest", digest::show),
        Route { within: CLOCK_MAX, ..post(ADMINISTER, "/clock", clock::advance) },
    ]
}

fn get<H, T>(scopes: &'static [Scope], path: &'static str, handler: H) -> Route
where
    H: Handler<T, Shared>,
    T: 'static,
{
    let handler = axum::routing::get(handler);
    Route {
        method: Method::GET,
        path,
        scopes,
        within: ANSWER_MAX,
        body_max_bytes: guard::API_BODY_MAX_BYTES,
        handler,
    }
}

fn post<H, T>(scopes: &'static [Scope], path: &'static str, handler: H) -> Route
where
    H: Handler<T, Shared>,
    T: 'static,
{
    let handler = axum::routing::post(handler);
    Route {
        method: Method::POST,
        path,
        scopes,
        within: ANSWER_MAX,
        body_max_bytes: guard::API_BODY_MAX_BYTES,
        handler,
    }
}

/// What a route asks for, for who documents or tries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub method: Method,
    pub path: String,
    /// Any of these opens it.
    pub scopes: &'static [Scope],
    /// A larger body is refused.
    pub body_max_bytes: usize,
}

/// Every route that needs a token.
#[must_use]
pub fn accesses() -> Vec<Access> {
    // Beside the table, because it stands beside `/api/v1`.
    let metrics = Access {
        method: Method::GET,
        path: METRICS.to_owned(),
        scopes: ANY,
        body_max_bytes: guard::API_BODY_MAX_BYTES,
    };
    let access = |Route { method, path, scopes, body_max_bytes, .. }| {
        let path = format!("/api/v1{path}");
        Access { method, path, scopes, body_max_bytes }
    };
    table().into_iter().map(access).chain([metrics]).collect()
}

/// For two listeners: on neither does the other's exist. Both tell how the host is.
pub struct Routers {
    pub hooks: Router,
    pub api: Router,
}

/// Everything that the host answers over HTTP, for one listener.
pub fn router(state: ApiState) -> Router {
    let shared = Shared::new(state);
    finished(hooks().merge(metrics(&shared)).nest("/api/v1", api(&shared)), shared)
}

/// The same for two listeners, one for channels and one for people.
pub fn routers(state: ApiState) -> Routers {
    let shared = Shared::new(state);
    let api = finished(metrics(&shared).nest("/api/v1", api(&shared)), shared.clone());
    Routers { hooks: finished(hooks(), shared), api }
}

/// What Prometheus scrapes.
const METRICS: &str = "/metrics";

fn metrics(shared: &Shared) -> Router<Shared> {
    let bodies = (shared.clone(), guard::API_BODY_MAX_BYTES);
    let handler = axum::routing::get(metrics::show)
        .route_layer(middleware::from_fn_with_state(bodies, guard::body))
        .route_layer(middleware::from_fn_with_state(ANSWER_MAX, answered))
        .route_layer(middleware::from_fn_with_state(Needs { scopes: ANY, path: METRICS }, auth::permit))
        .route_layer(middleware::from_fn_with_state(shared.clone(), auth::require));
    Router::new().route(METRICS, handler)
}

fn hooks() -> Router<Shared> {
    Router::new()
        .route("/hooks/{connection}", any(hooks::receive))
        .route("/hooks/{connection}/", any(hooks::receive))
        .route("/hooks/{connection}/{*rest}", any(hooks::receive))
}

fn api(shared: &Shared) -> Router<Shared> {
    let mut api = Router::new();
    for Route { method: _, path, scopes, within, body_max_bytes, handler } in table() {
        let bodies = (shared.clone(), body_max_bytes);
        let handler = handler
            .route_layer(middleware::from_fn_with_state(bodies, guard::body))
            .route_layer(middleware::from_fn_with_state(within, answered))
            .route_layer(middleware::from_fn_with_state(Needs { scopes, path }, auth::permit));
        api = api.route(path, handler);
    }
    api.fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // Last, so that it stands before everything: who has no token does not learn what there is.
        .layer(middleware::from_fn_with_state(shared.clone(), auth::require))
}

fn finished(routes: Router<Shared>, shared: Shared) -> Router {
    routes
        .route("/healthz", axum::routing::get(health::show))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(guard::head))
        .with_state(shared)
}

async fn answered(
    State(within): State<Duration>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let late = |_| {
        let text = format!("there is no answer within {} s; it may still come to be done", within.as_secs());
        ApiError::new(ErrorCode::Unavailable, text)
    };
    timeout(within, next.run(request)).await.map_err(late)
}

async fn not_found() -> ApiError {
    ApiError::not_found("there is nothing at this address")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "this address does not take this method")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_not_waited_for() {
        let late = middleware::from_fn_with_state(Duration::from_millis(20), answered);
        let router: Router = Router::new()
            .route("/now", axum::routing::get(async || "now"))
            .route("/never", axum::routing::get(std::future::pending::<()>))
            .layer(late);
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status()
        };
        assert_eq!(ask("/now").await, StatusCode::OK);
        assert_eq!(ask("/never").await, StatusCode::SERVICE_UNAVAILABLE);
    }
}
