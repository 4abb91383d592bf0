//! What the mover needs of the host around it: the time, the outlets, the journal, and the fold.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use api::HealthReport;
use courier::Rules;
use journal::{Batch, Receipt, Refused};
use model::{Chore, Entry, Errand, Fault, Harvest, Instant, MemoryWrite, Outcome, Position};
use sandbox::{Called, FaultKind, Held};
use store::Store;
use tokio::sync::watch;

use super::super::connection::Connection;
use super::super::doors::Door;
use super::super::folder::folded;
use super::super::shared::{self, Shared};
use crate::carrying::Outlet;

/// The first and the longest pause before what a channel did is told to the journal again.
const KEEP_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a call of an outlet gave back.
pub(crate) enum Carried {
    /// One outcome for each errand.
    Delivered(Vec<Outcome>),
    /// Nothing was handed over: the plugin was not called.
    NotCalled(Fault),
    /// It broke off, and may have handed over anything.
    Broken(String),
}

/// What a call left behind, to be kept in one step with what is told of it.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) chores: Vec<Chore>,
    memory: Vec<MemoryWrite>,
    /// Keys of the memory that the call held: let go once all of it is kept.
    _held: Held,
}

/// The host as the mover sees it: the real one, or what a test puts in its place.
pub(crate) trait Port: Send + Sync + 'static {
    fn now(&self) -> Instant;

    /// The rules in force.
    fn rules(&self) -> Arc<Rules>;

    /// The connections that carry, by name.
    fn outlets(&self) -> Arc<BTreeMap<String, Outlet>>;

    /// Makes records durable.
    fn append(&self, entries: Vec<Entry>) -> impl Future<Output = Result<Receipt, Refused>> + Send;

    /// Waits until everything up to here is folded.
    fn folded(&self, position: Position) -> impl Future<Output = ()> + Send;

    fn carry(&self, connection: &str, errands: &[Errand]) -> impl Future<Output = (Carried, Left)> + Send;

    /// Makes durable what is told of a call, and what it left behind, in one step. Tries until it is kept: nobody else knows
    /// what the channel did. None: the host stops.
    fn keep(
        &self,
        connection: &str,
        entries: Vec<Entry>,
        left: Left,
    ) -> impl Future<Output = Option<Position>> + Send;

    /// Shows an operator why a connection carries nothing. None: it does.
    fn show_trouble(&self, connection: &str, trouble: Option<String>);

    /// Is its plugin called at all now? What waits for one that is left alone is judged again, and is no try.
    fn lets_through(&self, _connection: &str) -> bool {
        true
    }

    /// Shows how many errands wait for a connection in memory.
    fn show_waiting(&self, _connection: &str, _errands: usize) {}

    /// A step of an intent of this scene was told.
    fn count_step(&self, _scene: &str, _entry: &Entry) {}
}

/// The running host.
pub(crate) struct HostPort {
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) health: watch::Receiver<HealthReport>,
}

impl HostPort {
    async fn keep_once(
        &self,
        connection: Option<&Connection>,
        entries: &[Entry],
        left: &Left,
    ) -> Result<Receipt, Refused> {
        let now = self.shared.clock.now();
        match connection {
            Some(connection) => {
                let harvest = Harvest { events: Vec::new(), chores: left.chores.clone() };
                let mut batch = connection.batch(now, harvest, left.memory.clone());
                batch.entries = entries.to_vec();
                connection.keep(&self.shared.appender, batch).await
            }
            // It is configured no longer; what it did is told all the same.
            None => {
                let batch = Batch { now, entries: entries.to_vec(), ..Batch::default() };
                self.shared.appender.append(batch).await
            }
        }
    }
}

impl Port for HostPort {
    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    fn rules(&self) -> Arc<Rules> {
        self.shared.rules()
    }

    fn outlets(&self) -> Arc<BTreeMap<String, Outlet>> {
        let connections = self.shared.connections();
        let carry = connections.values().filter(|connection| connection.connector.offers().outlet);
        Arc::new(carry.map(|connection| (connection.name.clone(), connection.outlet.clone())).collect())
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Receipt, Refused> {
        let now = self.shared.clock.now();
        self.shared.appender.append(Batch { now, entries, ..Batch::default() }).await
    }

    async fn folded(&self, position: Position) {
        folded(&*self.store, self.health.clone(), position).await;
    }

    async fn carry(&self, connection: &str, errands: &[Errand]) -> (Carried, Left) {
        let Some(connection) = self.shared.connection(connection) else {
            let why = "the configuration has it no longer".to_owned();
            return (Carried::NotCalled(Fault::Misconfigured(why)), Left::default());
        };
        let pass = match connection.standing.doors.at(Door::Outlet).admit(self.shared.clock.now()) {
            Ok(pass) => pass,
            Err(wait_ms) => {
                let why = "its plugin keeps failing, and rests".to_owned();
                let retry_after_ms = Some(u32::try_from(wait_ms).unwrap_or(u32::MAX));
                return (Carried::NotCalled(Fault::Later { why, retry_after_ms }), Left::default());
            }
        };
        let call = connection.connector.carry(connection.call(&self.shared.clock), errands);
        match connection.through(&self.shared, Door::Outlet, pass, call).await {
            Ok(called) => {
                let Called { value, memory, held, log, log_dropped: _, http_requests: _, memory_bytes: _ } =
                    called;
                shared::log(&connection.name, &log);
                connection.standing.doors.set_trouble(Door::Outlet, None);
                let left = Left { chores: value.chores, memory, _held: held };
                (Carried::Delivered(value.outcomes), left)
            }
            Err(fault) => {
                tracing::error!(connection = connection.name, fault = fault.outline(), "an outlet failed");
                shared::said(&connection.name, &fault);
                let why = fault.to_string();
                let carried = match fault.kind {
                    FaultKind::Busy { .. } => Carried::NotCalled(Fault::Later { why, retry_after_ms: None }),
                    FaultKind::NotOffered { .. } => Carried::NotCalled(Fault::Misconfigured(why)),
                    FaultKind::Limit { .. }
                    | FaultKind::Trap { .. }
                    | FaultKind::Answer { .. }
                    | FaultKind::Bug { .. } => Carried::Broken(why),
                };
                (carried, Left::default())
            }
        }
    }

    async fn keep(&self, connection: &str, entries: Vec<Entry>, left: Left) -> Option<Position> {
        let (mut pause, longest) = KEEP_PAUSE;
        let running = self.shared.connection(connection);
        loop {
            match self.keep_once(running.as_deref(), &entries, &left).await {
                Ok(receipt) => {
                    if !left.chores.is_empty() {
                        self.shared.wake_pump();
                    }
                    return receipt.placed.iter().map(|placed| placed.position()).max().or(Some(0));
                }
                Err(Refused::Closed) => return None,
                Err(refused @ (Refused::Busy | Refused::Journal(_))) => {
                    tracing::error!(connection, %refused, "what became of errands was not kept: once more");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }

    fn show_trouble(&self, connection: &str, trouble: Option<String>) {
        if let Some(connection) = self.shared.connection(connection) {
            connection.standing.set_resting(trouble);
        }
    }

    fn lets_through(&self, connection: &str) -> bool {
        let connection = self.shared.connection(connection);
        let now = self.shared.clock.now();
        connection.is_none_or(|connection| connection.standing.doors.at(Door::Outlet).lets_through(now))
    }

    fn show_waiting(&self, connection: &str, errands: usize) {
        if let Some(connection) = self.shared.connection(connection) {
            let errands = u64::try_from(errands).unwrap_or(u64::MAX);
            connection.standing.errands.store(errands, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn count_step(&self, scene: &str, entry: &Entry) {
        if let Entry::Progress(progress) = entry {
            self.shared.metrics.step(scene, progress.state, progress.connection.as_deref());
        }
    }
}
