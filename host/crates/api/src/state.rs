//! What the host gives the API: its stores, and channels to the parts that move.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use journal::{Appender, Journal};
use model::{Digest, Instant, Position};
use router::Plugins;
use segment::Segment;
use store::{Standing, Store};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Callers, Incoming, Retry, ScanLimits, Tokens};

/// Everything that a route may use.
pub struct ApiState {
    pub journal: Arc<dyn Journal>,
    pub store: Arc<dyn Store>,
    /// Where webhooks go. Its capacity is how many may wait; past it a channel is told to come again.
    pub intake: mpsc::Sender<Incoming>,
    /// What callers of `/api/v1` are held against.
    pub tokens: Arc<Tokens>,
    /// Who fails too often.
    pub callers: Arc<Callers>,
    /// Bytes of a webhook's body.
    pub body_max_bytes: usize,
    /// How long a body may take to arrive.
    pub body_within: Duration,
    pub health: watch::Receiver<HealthReport>,
    pub plugins: watch::Receiver<Vec<PluginState>>,
    /// Those of the configuration in force. Who replaces them gives another `Arc`: answers for the old ones are over.
    pub segments: watch::Receiver<Arc<[Segment]>>,
    pub scans: ScanLimits,
    /// What time it is for the host.
    pub now: Arc<dyn Fn() -> Instant + Send + Sync>,
    /// There where the host's clock is manual: whoever takes these moves it.
    pub clock: Option<mpsc::Sender<Advance>>,
    /// Where operators' acts go.
    pub appender: Appender,
    /// Who folds for those who ask what was, or what an act would change.
    pub policies: Arc<dyn Plugins>,
    /// Where dead letters go that are to be tried again.
    pub retries: mpsc::Sender<Retry>,
    /// Webhooks that found `intake` full.
    pub intake_refused: Arc<AtomicU64>,
    /// What `/metrics` answers.
    pub metrics: Metrics,
}

/// Makes the text of all metrics, or says to the log why not. It may block.
pub type Metrics = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// How the host is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// The journal's last record.
    pub position: Position,
    /// Every record up to here is folded.
    pub folded: Position,
    /// Every alarm due by then has fired.
    pub fired: Instant,
    /// What keeps the host from its work. Shown to callers with the token alone.
    pub trouble: Option<String>,
}

/// One plugin at work, as `/api/v1/plugins` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginState {
    /// The connection's, or the policy's.
    pub name: String,
    pub role: Role,
    /// The component's, as it was configured.
    pub file: String,
    pub digest: Digest,
    pub title: String,
    pub state: Condition,
    /// What an operator should know of the state.
    pub message: Option<String>,
    pub calls: u64,
    /// Calls that failed.
    pub faults: u64,
    /// Events that are new.
    pub stored: u64,
    /// Events that had been there before.
    pub duplicates: u64,
    /// Requests that were not authentic.
    pub refused: u64,
    /// What guards it. None for a policy.
    pub breakers: Vec<BreakerState>,
}

/// A breaker of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerState {
    /// `webhook`, `feed`, `chores`, `outlet`, or `channel`, which waits for an operator.
    pub name: &'static str,
    /// `closed`, `open` or `probing`.
    pub state: &'static str,
    /// When somebody is let through again, while it is open.
    pub until: Option<Instant>,
    /// How often it opened since the host started.
    pub opened: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Connector,
    Policy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Running,
    /// It keeps failing, or waits for an operator, and is left alone for a while.
    Paused,
    /// Its last call failed.
    Failing,
}

impl Role {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Connector => "connector",
            Role::Policy => "policy",
        }
    }
}

impl Condition {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Condition::Running => "running",
            Condition::Paused => "paused",
            Condition::Failing => "failing",
        }
    }
}

/// Move the manual clock to `now`, do everything that is due by then, and say where the host stands.
#[derive(Debug)]
pub struct Advance {
    pub now: Instant,
    /// An error's text goes to the log.
    pub reply: oneshot::Sender<Result<Standing, String>>,
}
