//! Who may use `/api/v1`: whoever shows the token.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq as _;

use crate::error::{ApiError, ErrorCode};
use crate::reading::Shared;

/// The token that a caller must show. `Debug` does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// An empty token lets nobody in.
    #[must_use]
    pub fn new(token: &str) -> Token {
        Token(Arc::from(token))
    }

    /// Takes as long for a wrong token as for the right one of the same length.
    fn is(&self, shown: &[u8]) -> bool {
        !self.0.is_empty() && bool::from(self.0.as_bytes().ct_eq(shown))
    }

    /// Does `Authorization: Bearer …` show it?
    pub(crate) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Some(shown) = headers.get(header::AUTHORIZATION) else { return false };
        // The scheme's name has no case; what follows has.
        match shown.as_bytes().split_at_checked("bearer ".len()) {
            Some((scheme, shown)) => scheme.eq_ignore_ascii_case(b"bearer ") && self.is(shown.trim_ascii()),
            None => false,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

pub(crate) async fn require(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if shared.state().token.is_shown(request.headers()) {
        Ok(next.run(request).await)
    } else {
        Err(ApiError::new(
            ErrorCode::Unauthorised,
            "show the token of heliu.toml as `Authorization: Bearer …`",
        ))
    }
}
