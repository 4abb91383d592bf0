//! What the parts of a running host share.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use courier::Rules;
use journal::{Appender, Journal};
use sandbox::{LogLine, OnRefused};
use tokio::sync::Notify;

use super::clock::HostClock;
use super::connection::{Connection, ConnectionStanding};
use super::metrics::Metrics;
use crate::logging::PLUGIN_TEXT;
use crate::telemetry::Waiting;

/// By name. Replaced whole when the configuration is read again; a call under way keeps the connection that it has.
pub(crate) type Connections = BTreeMap<String, Arc<Connection>>;

pub(crate) struct Shared {
    pub(crate) clock: HostClock,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) appender: Appender,
    pub(crate) metrics: Arc<Metrics>,
    connections: RwLock<Arc<Connections>>,
    rules: RwLock<Arc<Rules>>,
    /// The configuration was read again.
    pub(crate) courier: Arc<Notify>,
    /// Something may be due: a chore was asked for.
    pub(crate) pump: Notify,
    /// What was appended and is not folded yet, for traces.
    pub(crate) waiting: Waiting,
}

impl Shared {
    pub(crate) fn new(
        clock: HostClock,
        journal: Arc<dyn Journal>,
        appender: Appender,
        metrics: Arc<Metrics>,
        connections: Connections,
        rules: Rules,
        waiting: Waiting,
    ) -> Shared {
        let connections = RwLock::new(Arc::new(connections));
        let rules = RwLock::new(Arc::new(rules));
        let (courier, pump) = (Arc::default(), Notify::new());
        Shared { clock, journal, appender, metrics, connections, rules, courier, pump, waiting }
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    pub(crate) fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.connections.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn connection(&self, name: &str) -> Option<Arc<Connection>> {
        self.connections().get(name).cloned()
    }

    pub(crate) fn replace_connections(&self, connections: Connections) {
        *self.connections.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(connections);
    }

    pub(crate) fn wake_pump(&self) {
        self.pump.notify_one();
    }
}

/// What a plugin logged, under its connection's name. Its own words: see [`crate::logging`].
pub(crate) fn log(connection: &str, lines: &[LogLine]) {
    for LogLine { level, text } in lines {
        match level {
            sandbox::Level::Debug => tracing::debug!(target: PLUGIN_TEXT, connection, plugin = text),
            sandbox::Level::Info => tracing::info!(target: PLUGIN_TEXT, connection, plugin = text),
            sandbox::Level::Warn => tracing::warn!(target: PLUGIN_TEXT, connection, plugin = text),
            sandbox::Level::Error => tracing::error!(target: PLUGIN_TEXT, connection, plugin = text),
        }
    }
}

/// Counts what this connection's plugin asks of the network and nobody allowed, and tells of the first of each kind: a plugin that
/// gropes about is not what it says.
pub(crate) fn on_refused(connection: &str, standing: &Arc<ConnectionStanding>) -> OnRefused {
    let (connection, standing) = (connection.to_owned(), Arc::clone(standing));
    Arc::new(move |reason, what| {
        if standing.counts.http_refused.count(reason) == 1 {
            tracing::warn!(
                connection,
                reason,
                "the plugin asked the network for something that nobody allowed; more of it is counted alone"
            );
            said(&connection, &what);
        }
    })
}

/// Why a plugin refused or failed, as it says, beside the line in which the host says that it did.
pub(crate) fn said(connection: &str, why: &dyn std::fmt::Display) {
    tracing::warn!(target: PLUGIN_TEXT, connection, plugin = %why);
}
