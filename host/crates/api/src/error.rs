//! What a caller is told when it did not work, and what the log is told: two texts, never one for both.
//!
//! Whoever raises an error decides both. A journal's or a store's own text goes to the log alone.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use journal::JournalError;
use model::Class;
use router::{ActError, Refused, RouterError};
use serde::Serialize;
use store::StoreError;

use crate::dead::DeadError;
use crate::past::PastError;

/// Stable names for scripts; each has one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    BadRequest,
    /// The token is missing or wrong.
    Unauthorised,
    /// A webhook's signature does not hold.
    NotAuthentic,
    NotFound,
    MethodNotAllowed,
    /// It was understood, and would come to nothing; the text says why, and what to do instead.
    Refused,
    /// The caller did not send its body in time.
    TimedOut,
    TooLarge,
    /// Come again: too many wait, or nothing could be kept now.
    Unavailable,
    Internal,
}

impl ErrorCode {
    fn name(self) -> &'static str {
        match self {
            ErrorCode::BadRequest => "bad_request",
            ErrorCode::Unauthorised => "unauthorised",
            ErrorCode::NotAuthentic => "not_authentic",
            ErrorCode::NotFound => "not_found",
            ErrorCode::MethodNotAllowed => "method_not_allowed",
            ErrorCode::Refused => "refused",
            ErrorCode::TimedOut => "timed_out",
            ErrorCode::TooLarge => "too_large",
            ErrorCode::Unavailable => "unavailable",
            ErrorCode::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
            ErrorCode::Unauthorised | ErrorCode::NotAuthentic => StatusCode::UNAUTHORIZED,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::Refused => StatusCode::CONFLICT,
            ErrorCode::TimedOut => StatusCode::REQUEST_TIMEOUT,
            ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
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
            | ErrorCode::NotAuthentic
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed
            | ErrorCode::Refused
            | ErrorCode::TimedOut
            | ErrorCode::TooLarge
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
            RouterError::Unbound { policy: _, bound: _ } => ApiError::not_found(error.to_string()),
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
            DeadError::Nothing(_) => ApiError::not_found(error.to_string()),
            DeadError::Ended(_, _) => ApiError::new(ErrorCode::Refused, error.to_string()),
        }
    }
}

impl From<PastError> for ApiError {
    fn from(error: PastError) -> ApiError {
        match error {
            PastError::Router(error) => error.into(),
            PastError::Store(error) => error.into(),
            PastError::Journal(error) => error.into(),
            PastError::Nobody { .. } | PastError::NotYet { .. } => ApiError::not_found(error.to_string()),
            PastError::At { .. } | PastError::Beyond { .. } | PastError::Future { .. } => {
                ApiError::bad_request(error.to_string())
            }
            PastError::TooMany { .. } => {
                ApiError::bad_request(format!("{error}: ask `heliu customer … --at` on the host"))
            }
        }
    }
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
            tracing::error!(error.code = code.name(), error = internal, "a request failed: {}", code.name());
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
