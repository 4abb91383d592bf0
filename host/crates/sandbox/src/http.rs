//! Outbound HTTP for connectors: what one connection may reach, or a cassette in its place.

mod address;
mod cassette;
mod grant;
mod network;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use cassette::{Taped, TapedBody};
pub use grant::{GrantError, HostGrant};

use crate::SandboxError;
use crate::limits::Limits;
use cassette::Cassette;
use network::Network;

/// Told of each request that nobody allowed: a word for a metric, `not_granted` or `forbidden`, and what was refused in the
/// plugin's own words.
pub type OnRefused = Arc<dyn Fn(&'static str, &str) + Send + Sync>;

/// The network as one connection may use it. Cheap to clone; clones share connections and their number in flight.
#[derive(Clone)]
pub struct Http {
    carrier: Arc<Carrier>,
    on_refused: Option<OnRefused>,
}

enum Carrier {
    Network(Network),
    Cassette(Cassette),
}

impl Http {
    /// Reaches the granted hosts and nothing else. No grants: nothing at all.
    ///
    /// # Errors
    /// The TLS client could not be set up.
    pub fn new(grants: Vec<HostGrant>, limits: &Limits) -> Result<Http, SandboxError> {
        let network = Network::new(grants, limits).map_err(|reason| SandboxError::Http { reason })?;
        Ok(Http { carrier: Arc::new(Carrier::Network(network)), on_refused: None })
    }

    /// Answers from a list instead of the network, and keeps what it was asked for in vain.
    #[must_use]
    pub fn cassette(entries: Vec<Taped>) -> Http {
        Http { carrier: Arc::new(Carrier::Cassette(Cassette::new(entries))), on_refused: None }
    }

    /// Refuses every request.
    #[must_use]
    pub fn closed() -> Http {
        Http { carrier: Arc::new(Carrier::Cassette(Cassette::closed())), on_refused: None }
    }

    /// The same network, and somebody hears of each request that it refuses because nobody allowed it.
    #[must_use]
    pub fn telling(self, on_refused: OnRefused) -> Http {
        Http { on_refused: Some(on_refused), ..self }
    }

    /// The requests that no entry of the cassette answers, in their order. Empty for a real network.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        match &*self.carrier {
            Carrier::Network(_) => Vec::new(),
            Carrier::Cassette(cassette) => cassette.missed(),
        }
    }

    /// Reaches a host as a plugin would: resolved, judged, dialled, and asked for nothing. Any answer will do; the error
    /// says what a plugin would meet.
    ///
    /// # Errors
    /// The host is not granted, resolves to an address that is not, or does not answer.
    pub async fn knock(&self, origin: &str, limits: &Limits) -> Result<(), String> {
        let (method, url) = ("HEAD".to_owned(), format!("{origin}/"));
        let request = HttpRequest { method, url, headers: Vec::new(), body: None };
        self.send(request, limits).await.map(drop).map_err(|refusal| refusal.to_string())
    }

    pub(crate) async fn send(
        &self,
        request: HttpRequest,
        limits: &Limits,
    ) -> Result<HttpResponse, HttpRefusal> {
        let sent = self.carry(request, limits).await;
        if let (Err(refusal), Some(on_refused)) = (&sent, &self.on_refused)
            && let Some(word) = refusal.not_allowed()
        {
            on_refused(word, &refusal.to_string());
        }
        sent
    }

    async fn carry(&self, request: HttpRequest, limits: &Limits) -> Result<HttpResponse, HttpRefusal> {
        let request = request::check(request, limits)?;
        match &*self.carrier {
            Carrier::Network(network) => network.send(request, limits).await,
            Carrier::Cassette(cassette) => cassette.send(&request),
        }
    }
}

/// A request as a guest made it.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpRefusal {
    /// Nobody granted this host, or the name stands for an address that nobody granted.
    #[error("{0}")]
    NotGranted(String),
    /// Something that only the host may say: a header, a method.
    #[error("{0}")]
    Forbidden(String),
    /// No request at all.
    #[error("{0}")]
    Malformed(String),
    #[error("timed out")]
    TimedOut,
    #[error("{0}")]
    Unreachable(String),
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// More requests in one call than the limit.
    #[error("limit http_requests ({limit})")]
    Flood { limit: usize },
    #[error("{0}")]
    Bug(String),
}

impl HttpRefusal {
    /// A word for a request that nobody allowed. None: it may be made, and came to nothing.
    fn not_allowed(&self) -> Option<&'static str> {
        match self {
            HttpRefusal::NotGranted(_) => Some("not_granted"),
            HttpRefusal::Forbidden(_) => Some("forbidden"),
            HttpRefusal::Malformed(_)
            | HttpRefusal::TimedOut
            | HttpRefusal::Unreachable(_)
            | HttpRefusal::TooLarge(_)
            | HttpRefusal::Flood { .. }
            | HttpRefusal::Bug(_) => None,
        }
    }
}
