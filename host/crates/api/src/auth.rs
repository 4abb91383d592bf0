//! Who may use `/api/v1`: whoever shows a token, for what its scopes open.

mod scope;
mod token;
mod tokens;

use std::time::{Instant as Moment, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use model::Instant;

use crate::ApiState;
use crate::callers::Place;
use crate::error::{ApiError, ErrorCode};
use crate::reading::Shared;

pub use scope::Scope;
pub use token::{TOKEN_PREFIX, TokenHash, make_token};
pub use tokens::{CONFIG_TOKEN, Caller, TokenFile, TokenRecord, TokenStamp, TokenWord, Tokens, TokensError};

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// Any of these opens it.
    pub(crate) scopes: &'static [Scope],
    /// As it stands in the table, for the log: an address that came may name a customer.
    pub(crate) path: &'static str,
}

/// What the headers show: `Authorization: Bearer …`.
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let shown = headers.get(header::AUTHORIZATION)?.as_bytes();
    // The scheme's name has no case; what follows has.
    let (scheme, shown) = shown.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| shown.trim_ascii())
}

/// Whose token a request shows. None: nobody's.
///
/// # Errors
/// [`ErrorCode::TooManyFailures`]: its address failed too often, and nothing was looked at.
pub(crate) fn caller(
    state: &ApiState,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<Option<Caller>, ApiError> {
    let Some(shown) = shown(headers) else { return Ok(None) };
    let (address, now) = (state.callers.address(extensions, headers), Moment::now());
    let hash = TokenHash::of(shown);
    state
        .callers
        .admit(address, Place::Api, Some(&hash), now)
        .map_err(|wait_ms| too_often("wrong tokens").come_again_in(wait_ms))?;
    let caller = state.tokens.caller(shown, wall_now());
    match caller {
        Some(_) => state.callers.held(address, Place::Api, Some(&hash), now),
        None => state.callers.failed(address, Place::Api, now),
    }
    Ok(caller)
}

/// Whose address showed too much that did not hold.
pub(crate) fn too_often(what: &str) -> ApiError {
    ApiError::new(
        ErrorCode::TooManyFailures,
        format!("too many {what} came from this address; come again later"),
    )
}

/// By the machine's clock, whatever the host's: a token's end is nothing that a demo may move.
fn wall_now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::try_from(since.as_millis()).unwrap_or(Instant::MAX)
}

/// Stands before everything: who has no token does not learn what there is.
pub(crate) async fn require(
    State(shared): State<Shared>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(caller) = caller(shared.state(), request.extensions(), request.headers())? else {
        return Err(ApiError::new(
            ErrorCode::Unauthorised,
            "show a token of this host that is in force as `Authorization: Bearer …`",
        ));
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Stands before one route. Says in the log who asked for what, and how it ended.
pub(crate) async fn permit(
    State(Needs { scopes, path }): State<Needs>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return Err(ApiError::internal(format!("{path} is not behind the token")));
    };
    let method = request.method().clone();
    let answer = if caller.may(scopes) {
        Ok(next.run(request).await)
    } else {
        let any = if scopes.len() > 1 { "one of the scopes" } else { "the scope" };
        let (needs, has) = (Scope::listed(scopes), Scope::listed(&caller.scopes));
        let text = format!("this needs {any} {needs}; the token \"{}\" has {has}", caller.name);
        Err(ApiError::new(ErrorCode::Forbidden, text))
    };
    let status = match &answer {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.status().as_u16(),
    };
    tracing::info!(token = caller.name, method = method.as_str(), route = path, status, "the API was asked");
    answer
}
