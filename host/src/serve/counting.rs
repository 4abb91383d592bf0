//! Shows what the plugins did, and how they do: `/api/v1/plugins`, a second old at most.

use std::sync::Arc;
use std::time::Duration;

use api::{BreakerState, Condition, PluginState, Role};
use tokio::sync::watch;

use super::breaker::State;
use super::connection::Connection;
use super::counts::{read, refused};
use super::folder::FolderHandle;
use super::shared::Shared;

/// How often the counts are taken.
const COUNT_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(shared: Arc<Shared>, fold: FolderHandle, counts: watch::Sender<Vec<PluginState>>) {
    loop {
        let mut plugins: Vec<PluginState> =
            shared.connections().values().map(|connection| connector(connection)).collect();
        plugins.extend(policies(&shared, &fold));
        counts.send_replace(plugins);
        tokio::time::sleep(COUNT_EVERY).await;
    }
}

fn connector(connection: &Connection) -> PluginState {
    let standing = &connection.standing;
    let (paused, trouble, resting) = (standing.doors.paused(), standing.doors.trouble(), standing.resting());
    let state = match (&paused, &trouble, &resting) {
        (Some(_), _, _) => Condition::Paused,
        (None, Some(_), _) => Condition::Failing,
        (None, None, Some(_)) => Condition::Paused,
        (None, None, None) => Condition::Running,
    };
    let message = [paused, trouble, resting].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let counts = &standing.counts;
    PluginState {
        name: connection.name.clone(),
        role: Role::Connector,
        file: connection.file.clone(),
        digest: connection.connector.digest(),
        title: connection.connector.descriptor().title.clone(),
        state,
        message: (!message.is_empty()).then_some(message),
        calls: read(&counts.calls),
        faults: read(&counts.faults),
        stored: read(&counts.events.stored),
        duplicates: read(&counts.events.duplicates),
        refused: counts.requests.refused.get(refused::NOT_AUTHENTIC),
        breakers: breakers(connection),
    }
}

fn breakers(connection: &Connection) -> Vec<BreakerState> {
    let breaker = |(name, breaker): (&'static str, &Arc<super::breaker::Breaker>)| {
        let standing = breaker.standing();
        let until = match standing.state {
            State::Open { until } => Some(until),
            State::Closed | State::Probing => None,
        };
        BreakerState { name, state: standing.state.name(), until, opened: standing.opened }
    };
    connection.standing.doors.breakers().into_iter().map(breaker).collect()
}

fn policies(shared: &Shared, fold: &FolderHandle) -> Vec<PluginState> {
    let paused = fold.paused();
    let policy = |binding: model::Binding| {
        let counts = shared.metrics.policy_counts(&binding.name);
        let (state, message) = match (paused.get(&binding.name), counts.trouble) {
            (Some(why), _) => (Condition::Paused, Some(format!("it decides nothing: {why}"))),
            (None, Some(trouble)) => (Condition::Failing, Some(trouble)),
            (None, None) => (Condition::Running, None),
        };
        PluginState {
            name: binding.name,
            role: Role::Policy,
            file: String::new(),
            digest: binding.digest,
            title: binding.descriptor.title,
            state,
            message,
            calls: counts.calls,
            faults: counts.faults,
            stored: 0,
            duplicates: 0,
            refused: 0,
            breakers: Vec::new(),
        }
    };
    fold.wanted().policies.into_iter().map(policy).collect()
}
