//! What passes between a channel's request and the host.

use model::{Answer, Request};
use tokio::sync::oneshot;

/// The target of spans that make up traces.
pub const TRACE: &str = "heliu::trace";

/// A channel called us. Whoever takes this answers it.
#[derive(Debug)]
pub struct Incoming {
    /// The name in the address. There need not be such a connection.
    pub connection: String,
    pub request: Request,
    /// In the trace of which it is worked on.
    pub span: tracing::Span,
    /// Dropped unanswered, it is answered as [`Reply::Unavailable`].
    pub reply: oneshot::Sender<Reply>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// What the connector says, once everything is durable. Passed on as it is, but for the headers that are the
    /// connection's own business.
    Answer(Answer),
    /// 404.
    NoSuchConnection,
    /// 401: the signature does not hold.
    NotAuthentic,
    /// 503 with `Retry-After`: nothing was kept. The reason goes to the log.
    Unavailable { why: String },
    /// 503 with `Retry-After`: the plugin keeps failing, and was not called. Nothing was kept.
    Resting { why: String, retry_after_ms: u64 },
    /// 500: the plugin failed. Whoever answers so has logged why.
    Faulty,
}
