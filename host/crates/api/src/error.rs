//! What a caller is told when it did not work, and what the log is told: two texts, never one for both.
//!
//! Whoever raises an error decides both. A journal's or a store's own text goes to the log alone.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use journal::JournalError;
use model::{Class, CustomerId};
use router::{ActError, Refused, RouterError};
use serde::Serialize;
use store::StoreError;

use crate::dead::DeadError;
use crate::past::PastError;

/// Stable names for scripts; each has one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    BadRequest,
    /// The token is missing, wrong, or over.
    Unauthorised,
    /// The token holds, and does not open this.
    Forbidden,
    /// A webhook's signature does not hold.
    NotAuthentic,
    NotFound,
    MethodNotAllowed,
    /// It was understood, and would come to nothing; the text says why, and what to do instead.
    Refused,
    /// The caller did not send its body in time.
    TimedOut,
    TooLarge,
    UriTooLong,
    HeadersTooLarge,
    /// This address failed too often: what it shows is not looked at for a while.
    TooManyFailures,
    /// Come again: too many wait, or nothing could be kept now.
    Unavailable,
    Internal,
}

impl ErrorCode {
    fn name(self) -> &'static str {
        match self {
            ErrorCode::BadRequest => "bad_request",
            ErrorCode::Unauthorised => "unauthorised",
            ErrorCode::Forbidden => "forbidden",
            ErrorCode::NotAuthentic => "not_authentic",
            ErrorCode::NotFound => "not_found",
            ErrorCode::MethodNotAllowed => "method_not_allowed",
            ErrorCode::Refused => "refused",
            ErrorCode::TimedOut => "timed_out",
            ErrorCode::TooLarge => "too_large",
            ErrorCode::UriTooLong => "uri_too_long",
            ErrorCode::HeadersTooLarge => "headers_too_large",
            ErrorCode::TooManyFailures => "too_many_failures",
            ErrorCode::Unavailable => "unavailable",
            ErrorCode::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
            ErrorCode::Unauthorised | ErrorCode::NotAuthentic => StatusCode::UNAUTHORIZED,
            ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::Refused => StatusCode::CONFLICT,
            ErrorCode::TimedOut => StatusCode::REQUEST_TIMEOUT,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::UriTooLong => StatusCode::URI_TOO_LONG,
            ErrorCode::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ErrorCode::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the answer's headers say besides.
    fn header(self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            ErrorCode::Unauthorised => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            // Long enough for a commit, short enough for a platform that gives up after three tries.
            ErrorCode::Unavailable => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            ErrorCode::BadRequest
            | ErrorCode::Forbidden
            | ErrorCode::NotAuthentic
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed
            | ErrorCode::Refused
            | ErrorCode::TimedOut
            | ErrorCode::TooLarge
            | ErrorCode::UriTooLong
            | ErrorCode::HeadersTooLarge
            | ErrorCode::TooManyFailures
            | ErrorCode::Internal => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    /// For the caller.
    public: Cow<'static, str>,
    /// For the log, written there once, when the error is answered.
    internal: Option<String>,
    /// When it may work, where somebody knows.
    retry_after_ms: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, public: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError { code, public: public.into(), internal: None, retry_after_ms: None }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.code.status()
    }

    pub(crate) fn bad_request(public: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(ErrorCode::BadRequest, public)
    }

    pub(crate) fn not_found(public: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(ErrorCode::NotFound, public)
    }

    pub(crate) fn unavailable(internal: impl Into<String>) -> ApiError {
        let public = "the host cannot do it now; try again".into();
        ApiError {
            code: ErrorCode::Unavailable,
            public,
            internal: Some(internal.into()),
            retry_after_ms: None,
        }
    }

    /// Says when, instead of soon.
    pub(crate) fn come_again_in(mut self, retry_after_ms: u64) -> ApiError {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }

    pub(crate) fn internal(internal: impl Into<String>) -> ApiError {
        let public = "the host failed; its log says why".into();
        ApiError { code: ErrorCode::Internal, public, internal: Some(internal.into()), retry_after_ms: None }
    }

    fn of_class(class: Class, internal: String) -> ApiError {
        match class {
            Class::Retry => ApiError::unavailable(internal),
            Class::Reject | Class::Operator | Class::Bug => ApiError::internal(internal),
        }
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> ApiError {
        ApiError::of_class(error.class(), error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        ApiError::of_class(error.class(), error.to_string())
    }
}

impl From<RouterError> for ApiError {
    fn from(error: RouterError) -> ApiError {
        match &error {
            // The name that was asked for is not repeated.
            RouterError::Unbound { policy: _, bound } => ApiError::not_found(format!(
                "no policy of this name is in force there; those that are: {}",
                if bound.is_empty() { "none".to_owned() } else { bound.join(", ") }
            )),
            _ => ApiError::of_class(error.class(), error.to_string()),
        }
    }
}

impl From<ActError> for ApiError {
    fn from(error: ActError) -> ApiError {
        match error {
            ActError::Refused(refused @ (Refused::NoCustomer(_) | Refused::NoRecord(_))) => {
                ApiError::not_found(refused.to_string())
            }
            ActError::Refused(refused) => ApiError::new(ErrorCode::Refused, refused.to_string()),
            ActError::Router(error) => error.into(),
        }
    }
}

impl From<journal::Refused> for ApiError {
    fn from(refused: journal::Refused) -> ApiError {
        match refused {
            journal::Refused::Journal(error) => error.into(),
            journal::Refused::Busy | journal::Refused::Closed => ApiError::unavailable(refused.to_string()),
        }
    }
}

impl From<DeadError> for ApiError {
    fn from(error: DeadError) -> ApiError {
        match error {
            DeadError::Journal(error) => error.into(),
            DeadError::Store(error) => error.into(),
            DeadError::Nothing(id) => {
                let which = letter(&id);
                ApiError::not_found(format!("there is no dead letter {which}: heliu dead list names them"))
            }
            DeadError::Ended(id, how) => {
                let which = letter(&id);
                ApiError::new(ErrorCode::Refused, format!("dead letter {which} does not wait: it was {how}"))
            }
        }
    }
}

/// By its number; the key of a turn's alarm is any text, and not repeated.
fn letter(id: &str) -> &str {
    if id.parse::<u64>().is_ok() { id } else { "of this turn" }
}

impl From<PastError> for ApiError {
    fn from(error: PastError) -> ApiError {
        match error {
            PastError::Router(error) => error.into(),
            PastError::Store(error) => error.into(),
            PastError::Journal(error) => error.into(),
            PastError::Nobody { who } => ApiError::not_found(format!("there is no customer {}", named(&who))),
            PastError::NotYet { who, position, first } => ApiError::not_found(format!(
                "there is no customer {} at position {position}: her first record is at position {first}",
                named(&who)
            )),
            PastError::At { text: _, local } => ApiError::bad_request(format!(
                "parameter \"at\" is no position and no time: write like 4711 or 2026-03-01T00:00:00+08:00{local}"
            )),
            PastError::Beyond { .. } | PastError::Future { .. } => ApiError::bad_request(error.to_string()),
            PastError::TooMany { .. } => {
                ApiError::bad_request(format!("{error}: ask `heliu customer … --at` on the host"))
            }
        }
    }
}

/// By her id; a handle is hers, and not repeated.
fn named(who: &str) -> &str {
    if who.parse::<CustomerId>().is_ok() { who } else { "with this handle" }
}

/// What is wrong with JSON that came, without what stands in it: it may name somebody, and callers keep errors in their
/// logs.
pub(crate) fn complaint(error: &impl ToString) -> String {
    let text = error.to_string();
    let text = match text.split_once(": ") {
        Some((what, reason)) if what.starts_with("not the JSON of ") => reason,
        _ => text.as_str(),
    };
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    let behind = |mark: &str| text.rfind(mark).map(|at| &text[at + mark.len()..]);
    // serde's own words, which hold nothing of what came.
    if begins(&[
        "missing field `",
        "expected ",
        "EOF ",
        "trailing ",
        "key must be a string",
        "recursion limit",
    ]) {
        return text.to_owned();
    }
    // Behind the last of these stands what was expected, and the place.
    let told = if begins(&["unknown field `"]) {
        behind("`, expected ").map(|known| format!("unknown field, expected {known}"))
    } else if begins(&["unknown variant `"]) {
        behind("`, expected ").map(|known| format!("unknown variant, expected {known}"))
    } else if begins(&["invalid type: ", "invalid value: ", "invalid length "]) {
        behind(", expected ").map(|wanted| format!("expected {wanted}"))
    } else {
        behind(" at line ").map(|place| format!("not what is expected at line {place}"))
    };
    told.unwrap_or_else(|| "not what is expected".to_owned())
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorText<'a>,
}

#[derive(Serialize)]
struct ErrorText<'a> {
    code: &'static str,
    message: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let ApiError { code, public, internal, retry_after_ms } = self;
        if let Some(internal) = internal {
            tracing::error!(code = code.name(), error = internal, "a request failed: {}", code.name());
        }
        let body = ErrorBody { error: ErrorText { code: code.name(), message: &public } };
        let mut response = (code.status(), axum::Json(body)).into_response();
        if let Some((name, value)) = code.header() {
            response.headers_mut().insert(name, value);
        }
        if let Some(wait_ms) = retry_after_ms {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1000).max(1)));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[expect(dead_code, reason = "only read")]
        name: String,
        #[expect(dead_code, reason = "only read")]
        kind: Kind,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Good,
    }

    #[test]
    fn a_complaint_says_what_is_wrong_and_repeats_nothing() {
        for (text, told) in [
            (r#"{"kind":"good"}"#, "missing field `name` at line 1 column 15"),
            (r#"{"name":"a","kind":"marker"}"#, "unknown variant, expected `good` at line 1 column 27"),
            (r#"{"marker":1}"#, "unknown field, expected `name` or `kind` at line 1 column 9"),
            (r#"{"name":5}"#, "expected a string at line 1 column 9"),
            (r#"{"name":"a","kind":{"marker":"expected marker"}}"#, "unknown variant, expected `good`"),
            (r#"{"name":"a","kind":["missing field `marker`, expected marker"]}"#, "expected "),
            (r#""marker, expected marker""#, "expected struct Wanted at line 1 column 25"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("marker", "expected value at line 1 column 1"),
        ] {
            let error = serde_json::from_str::<Wanted>(text).unwrap_err();
            let complaint = complaint(&error);
            assert!(complaint.starts_with(told), "{text}: {error}: {complaint}");
            assert!(!complaint.contains("marker"), "{text}: {error}: {complaint}");
        }
    }
}
