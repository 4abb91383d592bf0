//! One webhook: from the request as it came, through the connector, to a durable journal, and only then to the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::{Incoming, Reply, TRACE};
use journal::{DeadRequest, Refused};
use model::{Harvest, Reception, Refusal, Request};
use sandbox::{Called, FaultKind, PluginFault};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::connection::Connection;
use super::shared::{Shared, said};

/// How long a request waits for its turn. A platform cuts the connection after five seconds, and then delivers again.
const TURN_MAX: Duration = Duration::from_secs(2);

/// Takes requests until the API hands out no more. Each runs on its own, within its connection's budget.
pub(crate) async fn run(shared: Arc<Shared>, mut incoming: mpsc::Receiver<Incoming>) {
    let mut calls = tokio::task::JoinSet::new();
    while let Some(Incoming { connection, request, span, reply }) = incoming.recv().await {
        let shared = Arc::clone(&shared);
        let work = async move {
            let answer = match shared.connection(&connection) {
                Some(connection) => receive(&shared, &connection, request).await,
                None => Reply::NoSuchConnection,
            };
            // The channel went away before its answer: what was kept is kept, it will deliver again and be known.
            drop(reply.send(answer));
        };
        calls.spawn(work.instrument(span));
        while calls.try_join_next().is_some() {}
    }
    calls.join_all().await;
}

async fn receive(shared: &Shared, connection: &Connection, request: Request) -> Reply {
    let standing = &connection.standing;
    let busy =
        || Reply::Unavailable { why: format!("connection \"{}\": too many calls at once", connection.name) };
    let Ok(_room) = standing.waiting.try_acquire() else { return busy() };
    let Ok(Ok(_turn)) = tokio::time::timeout(TURN_MAX, standing.calls.acquire()).await else { return busy() };
    let receiving = connection.connector.receive(connection.call(&shared.clock), &request);
    let span = tracing::info_span!(target: TRACE, "receive", connection = connection.name);
    let called = match receiving.instrument(span).await {
        Ok(called) => called,
        Err(fault) => {
            standing.counts.faults.fetch_add(1, Ordering::Relaxed);
            tracing::error!(connection = connection.name, fault = fault.outline(), "a webhook call failed");
            said(&connection.name, &fault);
            standing.set_trouble(Some(fault.outline()));
            return failed(shared, connection, request, &fault).await;
        }
    };
    super::shared::log(&connection.name, &called.log);
    let Called { value, memory, held: _held, log: _, log_dropped: _, http_requests: _, memory_bytes: _ } =
        called;
    let now = shared.clock.now();
    let (batch, answer) = match value {
        Ok(Reception { kept, answer }) => (connection.batch(now, kept, memory), answer),
        Err(Refusal::NotAuthentic(why)) => {
            standing.counts.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(connection = connection.name, "a request is not authentic");
            said(&connection.name, &why);
            return Reply::NotAuthentic;
        }
        Err(Refusal::Malformed { why, answer }) => {
            tracing::warn!(
                connection = connection.name,
                "a request was not understood: kept as a dead letter, with the reason"
            );
            said(&connection.name, &why);
            let mut batch = connection.batch(now, Harvest::default(), memory);
            batch.dead = Some(DeadRequest { why, request });
            (batch, answer)
        }
    };
    let span = tracing::info_span!(target: TRACE, "append", records = batch.entries.len());
    match connection.keep(&shared.appender, batch).instrument(span.clone()).await {
        Ok(receipt) => {
            if let Some(last) = receipt.placed.iter().map(|placed| placed.position()).max() {
                span.in_scope(|| shared.waiting.begin(last));
            }
            shared.wake_pump();
            Reply::Answer(answer)
        }
        Err(refused @ (Refused::Busy | Refused::Closed | Refused::Journal(_))) => {
            Reply::Unavailable { why: refused.to_string() }
        }
    }
}

/// The plugin failed at this request. It is kept with the reason, so that nothing is lost even if the channel gives up;
/// the channel is told to come again where that may help.
async fn failed(shared: &Shared, connection: &Connection, request: Request, fault: &PluginFault) -> Reply {
    let busy = matches!(fault.kind, FaultKind::Busy { .. });
    if !busy {
        let mut batch = connection.batch(shared.clock.now(), Harvest::default(), Vec::new());
        batch.dead = Some(DeadRequest { why: fault.to_string(), request });
        if let Err(refused) = connection.keep(&shared.appender, batch).await {
            tracing::error!(connection = connection.name, %refused, "a request that failed was not kept either");
        }
    }
    match fault.class() {
        model::Class::Retry => Reply::Unavailable { why: fault.outline() },
        model::Class::Reject | model::Class::Operator | model::Class::Bug => Reply::Faulty,
    }
}
