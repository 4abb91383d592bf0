//! What passes between whoever wants a dead letter tried again and the host, which has the plugins.

use tokio::sync::oneshot;

use crate::dead::DeadError;
use crate::views::RetriedView;

/// Give this letter to the connector that is configured now.
#[derive(Debug)]
pub struct Retry {
    pub number: u64,
    /// Keep nothing of what comes of it.
    pub dry_run: bool,
    /// Who wants it.
    pub by: String,
    pub why: String,
    /// Dropped unanswered: the host stops.
    pub reply: oneshot::Sender<Result<RetriedView, RetryRefused>>,
}

/// It was not tried, or nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum RetryRefused {
    #[error(transparent)]
    Dead(#[from] DeadError),
    /// What it was for is configured no longer. For the caller.
    #[error("{0}")]
    Gone(String),
    /// For the log.
    #[error("{0}")]
    NotNow(String),
}
