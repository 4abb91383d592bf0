//! `ANY /hooks/{connection}/…`: a channel calls us.
//!
//! The request goes to its connector as it came over the wire, because platforms sign the undecoded text. Its answer
//! waits until what the connector made of it is durable.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use model::Answer;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::auth::too_often;
use crate::callers::Place;
use crate::error::{ApiError, ErrorCode};
use crate::reading::{Room, Shared};
use crate::{Incoming, Reply, TRACE};

/// How long the host may take. A plugin's call has a shorter limit of its own; this is for a host that hangs.
const REPLY_MAX: Duration = Duration::from_secs(60);

/// Headers that belong to one connection of HTTP, or that we write ourselves. A guest has no say in them.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// No name is logged, or put into a trace, before it is known to be a connection's: whoever calls chooses it.
pub(crate) async fn receive(State(shared): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let span = tracing::info_span!(target: TRACE, "webhook", connection = Empty, status = Empty);
    let answer = answer(&shared, request, &span).instrument(span.clone()).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.status(),
    };
    span.record("status", status.as_u16());
    answer
}

async fn answer(shared: &Shared, request: Request, span: &Span) -> Result<Response, ApiError> {
    let callers = &shared.state().callers;
    let address = callers.address(request.extensions(), request.headers());
    let wait = callers.admit(address, Place::Hook(self::address(request.uri()).0), None, Instant::now());
    wait.map_err(|wait_ms| too_often("webhooks that are not authentic").come_again_in(wait_ms))?;
    let mut room = shared.room().ok_or_else(no_room)?;
    let (connection, request) = understood(shared, request, &mut room).await?;
    let (reply, answer) = oneshot::channel();
    let name = connection.clone();
    let incoming = Incoming { connection, request, span: span.clone(), reply };
    shared.state().intake.try_send(incoming).map_err(|error| {
        ApiError::unavailable(match error {
            TrySendError::Full(_) => {
                shared.state().intake_refused.fetch_add(1, Ordering::Relaxed);
                "too many webhooks wait"
            }
            TrySendError::Closed(_) => "a webhook came while the host stops",
        })
    })?;
    let reply = timeout(REPLY_MAX, answer).await;
    let reply = reply.map_err(|_| ApiError::unavailable("a webhook had no reply in time"))?;
    if !matches!(reply, Ok(Reply::NoSuchConnection)) {
        span.record("connection", name.as_str());
    }
    match &reply {
        Ok(Reply::Answer(_)) => callers.held(address, Place::Hook(&name), None, Instant::now()),
        Ok(Reply::NotAuthentic) => callers.failed(address, Place::Hook(&name), Instant::now()),
        // It was not looked at, or nobody knows what it is worth.
        Ok(Reply::NoSuchConnection | Reply::Unavailable { .. } | Reply::Resting { .. } | Reply::Faulty)
        | Err(_) => {}
    }
    match reply {
        Ok(Reply::Answer(answer)) => passed_on(&name, answer),
        Ok(Reply::NoSuchConnection) => Err(no_such_connection()),
        Ok(Reply::NotAuthentic) => Err(ApiError::new(ErrorCode::NotAuthentic, "the signature does not hold")),
        Ok(Reply::Unavailable { why }) => Err(ApiError::unavailable(why)),
        Ok(Reply::Resting { why, retry_after_ms }) => {
            Err(ApiError::unavailable(why).come_again_in(retry_after_ms))
        }
        Ok(Reply::Faulty) => Err(ApiError::new(ErrorCode::Internal, "the host failed; its log says why")),
        Err(_) => Err(ApiError::unavailable("a webhook's reply was dropped")),
    }
}

fn no_room() -> ApiError {
    ApiError::unavailable("too many bytes of webhooks are here".to_owned())
}

fn no_such_connection() -> ApiError {
    ApiError::not_found("there is no such connection")
}

async fn understood(
    shared: &Shared,
    request: Request,
    room: &mut Room<'_>,
) -> Result<(String, model::Request), ApiError> {
    let (connection, path) = address(request.uri());
    let (connection, path) = (connection.to_owned(), path.to_owned());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let method = request.method().as_str().to_owned();
    let headers = lossless(request.headers())?;
    let arriving = timeout(
        shared.state().body_within,
        arrived(request.into_body(), shared.state().body_max_bytes, room),
    );
    let late = |_| ApiError::new(ErrorCode::TimedOut, "the body did not arrive in time");
    let body = arriving.await.map_err(late)??;
    Ok((connection, model::Request { method, path, query, headers, body }))
}

/// The whole body. It takes room as it arrives, and not as it is announced: else whoever announces much and sends nothing
/// would keep everybody out.
async fn arrived(mut body: Body, max: usize, room: &mut Room<'_>) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| ApiError::bad_request("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len().saturating_add(data.len());
        if length > max {
            return Err(ApiError::new(ErrorCode::TooLarge, format!("the body has more than {max} bytes")));
        }
        if !room.grow(length) {
            return Err(no_room());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The connection's name, and what stands behind it, both as they came: `/a%2Fb/` of `/hooks/wecom-main/a%2Fb/`.
fn address(uri: &Uri) -> (&str, &str) {
    let behind = uri.path().strip_prefix("/hooks/").unwrap_or_default();
    let end = behind.find('/').unwrap_or(behind.len());
    behind.split_at(end)
}

/// In the order of their first appearance, with lower-case names. A plugin gets text, so a value that is none is refused.
fn lossless(headers: &HeaderMap) -> Result<Vec<(String, String)>, ApiError> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = std::str::from_utf8(value.as_bytes())
            .map_err(|_| ApiError::bad_request(format!("header \"{name}\" is not UTF-8")))?;
        Ok((name.as_str().to_owned(), text.to_owned()))
    };
    headers.iter().map(text).collect()
}

/// The connector's answer on its way to the channel.
fn passed_on(connection: &str, answer: Answer) -> Result<Response, ApiError> {
    let Answer { status, headers, body } = answer;
    let faulty = |what: String| ApiError::internal(format!("connection \"{connection}\": its answer {what}"));
    let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
    let status = status.ok_or_else(|| faulty("has a status that is none".to_owned()))?;
    let mut response = (status, body).into_response();
    // What axum guessed of the body is not what the connector said.
    response.headers_mut().clear();
    for (name, value) in headers {
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let header = HeaderName::from_bytes(name.as_bytes()).ok();
        let header = header.zip(HeaderValue::from_bytes(value.as_bytes()).ok());
        let (name, value) = header.ok_or_else(|| faulty("has a header that is none".to_owned()))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
