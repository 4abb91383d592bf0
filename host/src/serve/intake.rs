//! One webhook: from the request as it came, through the connector, to a durable journal, and only then to the answer.
//!
//! Invariant: each request that is taken off the queue ends as exactly one [`Became`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Incoming, Reply, TRACE};
use failpoint::Point;
use journal::{DeadWhat, Refused};
use model::{Harvest, Reception, Refusal, Request};
use sandbox::{Call, Called, FaultKind, PluginFault};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::connection::Connection;
use super::counts::{Became, bump, refused};
use super::dead;
use super::doors::Door;
use super::shared::{Shared, said};

/// How long a request waits for its turn: whoever is sent away is told so within a second. A platform cuts the connection
/// after five, and then delivers again.
const TURN_MAX: Duration = Duration::from_millis(900);

/// Takes requests until the API hands out no more. Each runs on its own, within its connection's budget.
pub(crate) async fn run(shared: Arc<Shared>, mut incoming: mpsc::Receiver<Incoming>) {
    let mut calls = tokio::task::JoinSet::new();
    while let Some(Incoming { connection, request, span, reply }) = incoming.recv().await {
        let shared = Arc::clone(&shared);
        let work = async move {
            let answer = match shared.connection(&connection) {
                Some(connection) => {
                    let requests = &connection.standing.counts.requests;
                    bump(&requests.received, 1);
                    let (answer, became) = receive(&shared, &connection, request).await;
                    requests.ended(became);
                    answer
                }
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

pub(super) async fn receive(shared: &Shared, connection: &Connection, request: Request) -> (Reply, Became) {
    let standing = &connection.standing;
    if !connection.connector.offers().webhook {
        return (Reply::NoSuchConnection, Became::Refused(refused::NOT_OFFERED));
    }
    let busy = || {
        let why = format!("connection \"{}\": too many calls at once", connection.name);
        (Reply::Unavailable { why }, Became::Refused(refused::TOO_MANY))
    };
    let Ok(_room) = standing.waiting.try_acquire() else { return busy() };
    let began = Instant::now();
    let Ok(Ok(_turn)) = tokio::time::timeout(TURN_MAX, standing.calls.acquire()).await else { return busy() };
    let pass = match standing.doors.at(Door::Webhook).admit(shared.clock.now()) {
        Ok(pass) => pass,
        Err(retry_after_ms) => {
            let why = format!("connection \"{}\": its plugin keeps failing, and rests", connection.name);
            return (Reply::Resting { why, retry_after_ms }, Became::Refused(refused::BREAKER));
        }
    };
    let patience = TURN_MAX.saturating_sub(began.elapsed());
    let call = Call { patience, ..connection.call(&shared.clock) };
    let call = connection.connector.receive(call, &request);
    let span = tracing::info_span!(target: TRACE, "receive", connection = connection.name);
    let called = match connection.through(shared, Door::Webhook, pass, call).instrument(span).await {
        Ok(called) => called,
        Err(fault) => {
            tracing::error!(connection = connection.name, fault = fault.outline(), "a webhook call failed");
            said(&connection.name, &fault);
            return failed(shared, connection, request, &fault).await;
        }
    };
    standing.doors.set_trouble(Door::Webhook, None);
    super::shared::log(&connection.name, &called.log);
    let Called { value, memory, held: _held, log, log_dropped: _, http_requests: _, memory_bytes: _ } =
        called;
    let now = shared.clock.now();
    let (batch, answer, became) = match value {
        Ok(Reception { kept, answer }) => (connection.batch(now, kept, memory), answer, Became::Answered),
        Err(Refusal::NotAuthentic(why)) => {
            tracing::warn!(connection = connection.name, "a request is not authentic");
            said(&connection.name, &why);
            return (Reply::NotAuthentic, Became::Refused(refused::NOT_AUTHENTIC));
        }
        Err(Refusal::Malformed { why, answer }) => {
            tracing::warn!(
                connection = connection.name,
                "a request was not understood: kept as a dead letter, with the reason"
            );
            said(&connection.name, &why);
            let mut batch = connection.batch(now, Harvest::default(), memory);
            batch.dead = Some(dead::malformed(connection, DeadWhat::Request, request, why, &log));
            (batch, answer, Became::Dead(dead::MALFORMED))
        }
    };
    let span = tracing::info_span!(target: TRACE, "append", records = batch.entries.len());
    let asks_for_chores = !batch.chores.is_empty();
    match connection.keep(&shared.appender, batch).instrument(span.clone()).await {
        Ok(receipt) => {
            if let Some(last) = receipt.placed.iter().map(|placed| placed.position()).max() {
                span.in_scope(|| shared.waiting.begin(last));
            }
            Point::AnswerOwed.reached();
            if asks_for_chores {
                shared.wake_pump();
            }
            (Reply::Answer(answer), became)
        }
        Err(refused) => not_kept(&refused),
    }
}

fn not_kept(refused: &Refused) -> (Reply, Became) {
    (Reply::Unavailable { why: refused.to_string() }, Became::Refused(refused::NOT_KEPT))
}

/// The plugin failed at this request. It is kept with the reason, so that nothing is lost even if the channel gives up;
/// the channel is told to come again where that may help.
async fn failed(
    shared: &Shared,
    connection: &Connection,
    request: Request,
    fault: &PluginFault,
) -> (Reply, Became) {
    if matches!(fault.kind, FaultKind::Busy { .. }) {
        return (Reply::Unavailable { why: fault.outline() }, Became::Refused(refused::NO_ROOM));
    }
    let mut batch = connection.batch(shared.clock.now(), Harvest::default(), Vec::new());
    batch.dead = Some(dead::failed(connection, DeadWhat::Request, request, fault));
    if let Err(refused) = connection.keep(&shared.appender, batch).await {
        tracing::error!(connection = connection.name, %refused, "a request that failed was not kept either");
        return not_kept(&refused);
    }
    let reply = match fault.class() {
        model::Class::Retry => Reply::Unavailable { why: fault.outline() },
        model::Class::Reject | model::Class::Operator | model::Class::Bug => Reply::Faulty,
    };
    (reply, Became::Dead(fault.kind.name()))
}
