//! What the host does of itself: asks feeds, and does the chores that connectors asked for.
//!
//! Every round starts whatever is due and not at work already. A connection has its own budget of chores and one poll
//! at a time, so a dead platform holds up nobody else.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use journal::{ChoreEnd, ChoreUpdate, DeadRequest, WaitingChore};
use model::{Fault, Harvest, Instant, Request};
use sandbox::{Called, Held, PluginFault};
use tokio::task::JoinSet;

use super::connection::{CHORES_MAX, Connection};
use super::shared::{Shared, said};

/// How often the pump looks when nothing wakes it. Chores and polls are due to the second at best.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Pages of a feed in one go: a feed that always says that more is waiting gives way to its next turn.
const PAGES_MAX: usize = 1000;

/// The first and the longest wait after a failure. It doubles in between.
const BACKOFF_MS: (u64, u64) = (1_000, 300_000);

/// What only an operator can mend is tried again this seldom.
const OPERATOR_WAIT_MS: u64 = 300_000;

fn backoff(attempts: u64) -> u64 {
    let (first, longest) = BACKOFF_MS;
    first.checked_shl(u32::try_from(attempts.min(20)).unwrap_or(20)).unwrap_or(longest).min(longest)
}

/// Looks again and again, until the task is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut at_work = JoinSet::new();
    loop {
        round(&shared, &mut at_work);
        while at_work.try_join_next().is_some() {}
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shared.pump.notified() => {}
        }
    }
}

/// Does everything that is due now, and what becomes due by it.
pub(crate) async fn until_quiet(shared: &Arc<Shared>) {
    let mut at_work = JoinSet::new();
    loop {
        round(shared, &mut at_work);
        if at_work.join_next().await.is_none() {
            return;
        }
    }
}

fn round(shared: &Arc<Shared>, at_work: &mut JoinSet<()>) {
    let now = shared.clock.now();
    for connection in shared.connections().values() {
        if connection.connector.offers().feed && connection.standing.next_poll.load(Ordering::SeqCst) <= now {
            // Not due again before this poll says so.
            connection.standing.next_poll.store(u64::MAX, Ordering::SeqCst);
            let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
            at_work.spawn(async move { poll(&shared, &connection).await });
        }
        if connection.connector.offers().chores {
            start_chores(shared, connection, now, at_work);
        }
    }
}

fn start_chores(shared: &Arc<Shared>, connection: &Arc<Connection>, now: Instant, at_work: &mut JoinSet<()>) {
    let standing = &connection.standing;
    if standing.chores.available_permits() == 0 {
        return;
    }
    // Those at work are due as well, and stand in front.
    let due = match shared.journal.chores(&connection.name, now, 2 * CHORES_MAX) {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(connection = connection.name, %error, "chores cannot be read");
            return;
        }
    };
    for waiting in due {
        let Ok(permit) = Arc::clone(&standing.chores).try_acquire_owned() else { return };
        if !standing.chores_at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(waiting.number) {
            continue;
        }
        let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
        at_work.spawn(async move {
            let number = waiting.number;
            work(&shared, &connection, waiting).await;
            let at_work = &connection.standing.chores_at_work;
            at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            drop(permit);
            shared.wake_pump();
        });
    }
}

async fn poll(shared: &Shared, connection: &Connection) {
    let standing = &connection.standing;
    let _one_at_a_time = standing.polling.lock().await;
    let every = u64::try_from(connection.poll_every.as_millis()).unwrap_or(u64::MAX);
    for _ in 0..PAGES_MAX {
        let cursor = standing.cursor();
        let called = connection.connector.poll(connection.call(&shared.clock), cursor.as_ref()).await;
        let now = shared.clock.now();
        match fault_of(connection, called) {
            Ok(Called { value: page, memory, held: _held, .. }) => {
                let more = page.more;
                let mut batch = connection.batch(now, page.kept, memory);
                batch.cursor = Some(page.cursor);
                if let Err(refused) = connection.keep(&shared.appender, batch).await {
                    tracing::error!(connection = connection.name, %refused, "a page of the feed was not kept");
                    break;
                }
                standing.failures.store(0, Ordering::Relaxed);
                standing.set_trouble(None);
                if !more {
                    standing.next_poll.store(now.saturating_add(every), Ordering::SeqCst);
                    return;
                }
            }
            Err((failed, memory, _held)) => {
                let batch = connection.batch(now, Harvest::default(), memory);
                if let Err(refused) = connection.keep(&shared.appender, batch).await {
                    tracing::error!(connection = connection.name, %refused, "a failed poll's memory was not kept");
                }
                let failures = standing.failures.fetch_add(1, Ordering::Relaxed);
                let wait = failed.wait_ms(failures);
                tracing::warn!(
                    connection = connection.name,
                    why = failed.outline(),
                    wait_ms = wait,
                    "the feed failed"
                );
                said(&connection.name, &failed.why());
                standing.set_trouble(Some(failed.outline()));
                standing.next_poll.store(now.saturating_add(wait), Ordering::SeqCst);
                return;
            }
        }
    }
    standing.next_poll.store(shared.clock.now().saturating_add(BACKOFF_MS.0), Ordering::SeqCst);
}

async fn work(shared: &Shared, connection: &Connection, waiting: WaitingChore) {
    let WaitingChore { connection: _, number, due: _, attempts, chore } = waiting;
    let called = connection.connector.work(connection.call(&shared.clock), &chore).await;
    let now = shared.clock.now();
    let update = |end| Some(ChoreUpdate { key: chore.key.clone(), number, end });
    let (batch, _held) = match fault_of(connection, called) {
        Ok(Called { value: harvest, memory, held, .. }) => {
            let mut batch = connection.batch(now, harvest, memory);
            batch.chore = update(ChoreEnd::Done);
            (batch, held)
        }
        Err((failed, memory, held)) => {
            let mut batch = connection.batch(now, Harvest::default(), memory);
            match failed {
                Failed::Fault(Fault::Malformed(why)) => {
                    tracing::warn!(
                        connection = connection.name,
                        chore = number,
                        "a chore died: kept as a dead letter"
                    );
                    said(&connection.name, &why);
                    batch.chore = update(ChoreEnd::Done);
                    batch.dead = Some(DeadRequest { why, request: dead_chore(&chore) });
                }
                failed => {
                    let wait = failed.wait_ms(attempts.into());
                    tracing::warn!(
                        connection = connection.name,
                        chore = number,
                        why = failed.outline(),
                        wait_ms = wait,
                        "a chore is put off"
                    );
                    said(&connection.name, &failed.why());
                    connection.standing.set_trouble(Some(failed.outline()));
                    batch.chore = update(ChoreEnd::Again { due: now.saturating_add(wait) });
                }
            }
            (batch, held)
        }
    };
    if let Err(refused) = connection.keep(&shared.appender, batch).await {
        tracing::error!(connection = connection.name, chore = number, %refused, "a chore's harvest was not kept: it will be done again");
    }
}

/// A chore that nobody can do, in the shape in which dead letters are kept.
fn dead_chore(chore: &model::Chore) -> Request {
    Request {
        method: "CHORE".to_owned(),
        path: chore.key.clone(),
        query: String::new(),
        headers: Vec::new(),
        body: chore.job.clone().into_bytes(),
    }
}

/// Why a poll or a chore came to nothing.
enum Failed {
    Fault(Fault),
    Plugin(Box<PluginFault>),
}

type Outcome<T> = Result<Called<Result<T, Fault>>, PluginFault>;

/// Tells what came back from what did not. What a failing call remembered (a renewed token) is kept as well.
fn fault_of<T>(
    connection: &Connection,
    called: Outcome<T>,
) -> Result<Called<T>, (Failed, Vec<model::MemoryWrite>, Held)> {
    let counts = &connection.standing.counts;
    match called {
        Ok(Called { value, memory, held, log, log_dropped, http_requests, memory_bytes }) => {
            super::shared::log(&connection.name, &log);
            match value {
                Ok(value) => {
                    Ok(Called { value, memory, held, log, log_dropped, http_requests, memory_bytes })
                }
                Err(fault) => Err((Failed::Fault(fault), memory, held)),
            }
        }
        Err(fault) => {
            counts.faults.fetch_add(1, Ordering::Relaxed);
            tracing::error!(connection = connection.name, fault = fault.outline(), "a plugin failed");
            said(&connection.name, &fault);
            Err((Failed::Plugin(Box::new(fault)), Vec::new(), Held::default()))
        }
    }
}

impl Failed {
    fn wait_ms(&self, attempts: u64) -> u64 {
        match self {
            Failed::Fault(Fault::Later { why: _, retry_after_ms: Some(wait) }) => u64::from(*wait),
            Failed::Fault(Fault::Later { why: _, retry_after_ms: None } | Fault::Malformed(_)) => {
                backoff(attempts)
            }
            Failed::Fault(Fault::Misconfigured(_) | Fault::Unauthorised(_)) => OPERATOR_WAIT_MS,
            Failed::Plugin(_) => backoff(attempts.saturating_add(3)),
        }
    }

    /// For logs, and for whoever looks at the host. What is wrong with settings, rights or the way to a channel names
    /// nobody; what a channel sent may.
    fn outline(&self) -> String {
        match self {
            Failed::Fault(Fault::Malformed(_)) => "not what the channel promised".to_owned(),
            Failed::Fault(Fault::Misconfigured(_) | Fault::Unauthorised(_) | Fault::Later { .. }) => {
                self.why()
            }
            Failed::Plugin(fault) => fault.outline(),
        }
    }

    fn why(&self) -> String {
        match self {
            Failed::Fault(Fault::Misconfigured(why)) => format!("misconfigured: {why}"),
            Failed::Fault(Fault::Unauthorised(why)) => format!("unauthorised: {why}"),
            Failed::Fault(Fault::Malformed(why)) => format!("not what the channel promised: {why}"),
            Failed::Fault(Fault::Later { why, retry_after_ms: _ }) => why.clone(),
            Failed::Plugin(fault) => fault.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!([0, 1, 2, 8, 9, 99].map(backoff), [1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
    }
}
