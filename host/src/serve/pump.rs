//! What the host does of itself: asks feeds, and does the chores that connectors asked for.
//!
//! Every round starts whatever is due and not at work already. A connection has its own budget of chores and one poll
//! at a time, so a dead platform holds up nobody else.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use failpoint::Point;
use journal::{
    Batch, ChoreEnd, ChoreUpdate, DeadRequest, DeadWhat, HowEnded, LetterEnd, Letters, Placed, WaitingChore,
};
use model::{Chore, Fault, Harvest, Instant, Json, MemoryWrite, Page};
use sandbox::{Called, FaultKind, Held, PluginFault};
use tokio::task::JoinSet;

use super::connection::{CHORES_MAX, Connection};
use super::dead;
use super::doors::{Asking, Door};
use super::shared::{Shared, said};

/// How often the pump looks when nothing wakes it. Chores and polls are due to the second at best.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Pages of a feed in one go: a feed that always says that more is waiting gives way to its next turn.
const PAGES_MAX: usize = 1000;

/// The first and the longest wait after a failure. It doubles in between.
const BACKOFF_MS: (u64, u64) = (1_000, 300_000);

/// What only an operator can mend is tried again this seldom.
const OPERATOR_WAIT_MS: u64 = 300_000;

/// Tries of a chore at which the plugin itself fails each time, a quarter of an hour in all. Then it is a dead letter.
const CHORE_TRIES_MAX: u32 = 8;

/// Polls of one page at which the plugin itself fails. Then there is a dead letter of it; it is tried all the same, since
/// what stands behind it cannot be reached otherwise.
const POLL_TRIES_MAX: u64 = 3;

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
            start_poll(shared, connection, now, at_work);
        }
        if connection.connector.offers().chores {
            start_chores(shared, connection, now, at_work);
        }
    }
}

fn start_poll(shared: &Arc<Shared>, connection: &Arc<Connection>, now: Instant, at_work: &mut JoinSet<()>) {
    let standing = &connection.standing;
    let Ok(asking) = standing.doors.admit_asking(Door::Feed, now) else { return };
    // Not due again before this poll says so.
    standing.next_poll.store(u64::MAX, Ordering::SeqCst);
    let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
    at_work.spawn(async move {
        let Polled { next, stored: _ } = poll(&shared, &connection, asking).await;
        connection.standing.next_poll.store(next, Ordering::SeqCst);
    });
}

fn start_chores(shared: &Arc<Shared>, connection: &Arc<Connection>, now: Instant, at_work: &mut JoinSet<()>) {
    let standing = &connection.standing;
    let doors = &standing.doors;
    let shut = !doors.at(Door::Chores).lets_through(now) || !doors.channel.lets_through(now);
    if shut || standing.chores.available_permits() == 0 {
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
        let number = waiting.number;
        if !standing.chores_at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(number) {
            continue;
        }
        let Ok(asking) = doors.admit_asking(Door::Chores, now) else {
            standing.chores_at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            return;
        };
        let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
        at_work.spawn(async move {
            work(&shared, &connection, waiting, asking).await;
            let at_work = &connection.standing.chores_at_work;
            at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            drop(permit);
            shared.wake_pump();
        });
    }
}

/// What came of asking a feed.
pub(super) struct Polled {
    /// When it is due again.
    pub(super) next: Instant,
    /// Events that were new.
    pub(super) stored: usize,
}

/// Asks the feed, page by page.
pub(super) async fn poll(shared: &Shared, connection: &Connection, first: Asking) -> Polled {
    let standing = &connection.standing;
    let _one_at_a_time = standing.polling.lock().await;
    let every = u64::try_from(connection.poll_every.as_millis()).unwrap_or(u64::MAX);
    let (mut let_through, mut stored) = (Some(first), 0);
    for _ in 0..PAGES_MAX {
        let now = shared.clock.now();
        let asking = match let_through.take().map_or_else(|| standing.doors.admit_asking(Door::Feed, now), Ok)
        {
            Ok(asking) => asking,
            Err(wait_ms) => return Polled { next: now.saturating_add(wait_ms), stored },
        };
        let cursor = standing.cursor();
        let asked = ask(shared, connection, cursor.as_ref(), asking).await;
        let now = shared.clock.now();
        match asked {
            Ok(Called { value: page, memory, held: _held, .. }) => {
                Point::PageRead.reached();
                let more = page.more;
                match turn(shared, connection, page, memory, now).await {
                    Some(new) => stored += new,
                    None => break,
                }
                Point::PageKept.reached();
                if !more {
                    return Polled { next: now.saturating_add(every), stored };
                }
            }
            Err(unasked) => {
                let wait = poll_failed(shared, connection, cursor.as_ref(), unasked, now).await;
                return Polled { next: now.saturating_add(wait), stored };
            }
        }
    }
    Polled { next: shared.clock.now().saturating_add(BACKOFF_MS.0), stored }
}

pub(super) async fn ask(
    shared: &Shared,
    connection: &Connection,
    cursor: Option<&Json>,
    asking: Asking,
) -> Result<Called<Page>, Unasked> {
    let (pass, answering) = asking.split();
    let call = connection.connector.poll(connection.call(&shared.clock), cursor);
    let called = connection.through(shared, Door::Feed, pass, call).await;
    let asked = fault_of(connection, called);
    match &asked {
        Ok(_) => answering.went(),
        Err(Unasked { failed: Failed::Fault(fault), .. }) => answering.failed(shared.clock.now(), fault),
        Err(Unasked { failed: Failed::Plugin(_), .. }) => drop(answering),
    }
    asked
}

/// Keeps a page. Gives how many of its events were new. None: the journal did not take it, and it is asked for again.
async fn turn(
    shared: &Shared,
    connection: &Connection,
    page: Page,
    memory: Vec<MemoryWrite>,
    now: Instant,
) -> Option<usize> {
    let standing = &connection.standing;
    let mut batch = connection.batch(now, page.kept, memory);
    batch.cursor = Some(page.cursor);
    if standing.feed_letters.load(Ordering::SeqCst) {
        batch.ends.push(goes_on());
    }
    let receipt = match connection.keep(&shared.appender, batch).await {
        Ok(receipt) => receipt,
        Err(refused) => {
            tracing::error!(connection = connection.name, %refused, "a page of the feed was not kept");
            return None;
        }
    };
    standing.feed_letters.store(false, Ordering::SeqCst);
    standing.failures.store(0, Ordering::Relaxed);
    standing.doors.set_trouble(Door::Feed, None);
    Some(receipt.placed.iter().filter(|placed| matches!(placed, Placed::New(_))).count())
}

/// The end of whatever letters the feed has.
fn goes_on() -> LetterEnd {
    let (by, why) = ("the host".to_owned(), "the feed went on".to_owned());
    LetterEnd { letters: Letters::Feed, how: HowEnded::Retried, by, why }
}

/// Keeps what a failed poll remembered, and a letter where the page itself is to blame. Gives how long to wait.
async fn poll_failed(
    shared: &Shared,
    connection: &Connection,
    cursor: Option<&Json>,
    unasked: Unasked,
    now: Instant,
) -> u64 {
    let Unasked { failed, memory, held: _held, log } = unasked;
    let standing = &connection.standing;
    let failures = standing.failures.fetch_add(1, Ordering::Relaxed);
    let mut batch = connection.batch(now, Harvest::default(), memory);
    let request = || dead::of_poll(cursor);
    batch.dead = match &failed {
        Failed::Fault(Fault::Malformed(why)) => {
            Some(dead::malformed(connection, DeadWhat::Poll, request(), why.clone(), &log))
        }
        Failed::Plugin(fault) if is_its_own(fault) && failures + 1 >= POLL_TRIES_MAX => {
            Some(dead::failed(connection, DeadWhat::Poll, request(), fault))
        }
        Failed::Fault(_) | Failed::Plugin(_) => None,
    };
    let reason = batch.dead.is_some().then(|| failed.word());
    match connection.keep(&shared.appender, batch).await {
        Ok(_) => {
            if let Some(reason) = reason {
                standing.feed_letters.store(true, Ordering::SeqCst);
                standing.counts.dead_polls.count(reason);
            }
        }
        Err(refused) => {
            tracing::error!(connection = connection.name, %refused, "a failed poll's memory was not kept");
        }
    }
    let wait = failed.wait_ms(failures);
    tracing::warn!(connection = connection.name, why = failed.outline(), wait_ms = wait, "the feed failed");
    said(&connection.name, &failed.why());
    standing.doors.set_trouble(Door::Feed, Some(failed.outline()));
    wait
}

async fn work(shared: &Shared, connection: &Connection, waiting: WaitingChore, asking: Asking) {
    let WaitingChore { connection: _, number, due: _, attempts, chore } = waiting;
    let done = labour(shared, connection, &chore, asking).await;
    let now = shared.clock.now();
    let update = |end| Some(ChoreUpdate { key: chore.key.clone(), number, end });
    let (batch, died, _held) = match done {
        Ok(Called { value: harvest, memory, held, .. }) => {
            connection.standing.doors.set_trouble(Door::Chores, None);
            let mut batch = connection.batch(now, harvest, memory);
            batch.chore = update(ChoreEnd::Done);
            (batch, None, held)
        }
        Err(Unasked { failed, memory, held, log }) => {
            said(&connection.name, &failed.why());
            let mut batch: Batch = connection.batch(now, Harvest::default(), memory);
            batch.dead = dead_chore(connection, number, &chore, &failed, &log);
            if batch.dead.is_some() {
                tracing::warn!(
                    connection = connection.name,
                    chore = number,
                    why = failed.outline(),
                    "a chore died"
                );
                batch.chore = update(ChoreEnd::Done);
            } else {
                let wait = failed.wait_ms(attempts.into());
                tracing::warn!(
                    connection = connection.name,
                    chore = number,
                    why = failed.outline(),
                    wait_ms = wait,
                    "a chore is put off"
                );
                connection.standing.doors.set_trouble(Door::Chores, Some(failed.outline()));
                batch.chore = update(ChoreEnd::Again { due: now.saturating_add(wait) });
            }
            let died = batch.dead.is_some().then(|| failed.word());
            (batch, died, held)
        }
    };
    let ends = batch.chore.as_ref().is_some_and(|update| update.end == ChoreEnd::Done);
    Point::ChoreWorked.reached();
    if let Err(refused) = connection.keep(&shared.appender, batch).await {
        tracing::error!(connection = connection.name, chore = number, %refused, "a chore's harvest was not kept: it will be done again");
        return;
    }
    if ends {
        let faults = &connection.standing.chore_faults;
        faults.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
    if let Some(reason) = died {
        connection.standing.counts.dead_chores.count(reason);
    }
    Point::ChoreKept.reached();
}

/// Has the connector do a chore.
pub(super) async fn labour(
    shared: &Shared,
    connection: &Connection,
    chore: &Chore,
    asking: Asking,
) -> Result<Called<Harvest>, Unasked> {
    let (pass, answering) = asking.split();
    let call = connection.connector.work(connection.call(&shared.clock), chore);
    let called = connection.through(shared, Door::Chores, pass, call).await;
    let done = fault_of(connection, called);
    match &done {
        Ok(_) => answering.went(),
        Err(Unasked { failed: Failed::Fault(fault), .. }) => answering.failed(shared.clock.now(), fault),
        Err(Unasked { failed: Failed::Plugin(_), .. }) => drop(answering),
    }
    done
}

/// The letter of a chore that nobody can do. None: it is tried again.
fn dead_chore(
    connection: &Connection,
    number: u64,
    chore: &Chore,
    failed: &Failed,
    log: &[sandbox::LogLine],
) -> Option<DeadRequest> {
    let request = || dead::of_chore(chore);
    match failed {
        Failed::Fault(Fault::Malformed(why)) => {
            Some(dead::malformed(connection, DeadWhat::Chore, request(), why.clone(), log))
        }
        Failed::Plugin(fault) if is_its_own(fault) => {
            let mut faults = connection.standing.chore_faults.lock().unwrap_or_else(PoisonError::into_inner);
            let tries = faults.entry(number).or_default();
            *tries += 1;
            (*tries >= CHORE_TRIES_MAX).then(|| dead::failed(connection, DeadWhat::Chore, request(), fault))
        }
        Failed::Fault(_) | Failed::Plugin(_) => None,
    }
}

/// Is it the plugin's doing, and not the host's?
fn is_its_own(fault: &PluginFault) -> bool {
    match fault.kind {
        FaultKind::Limit { .. } | FaultKind::Trap { .. } | FaultKind::Answer { .. } => true,
        FaultKind::NotOffered { .. } | FaultKind::Busy { .. } | FaultKind::Bug { .. } => false,
    }
}

/// A poll or a chore that came to nothing, and what it left behind.
pub(super) struct Unasked {
    pub(super) failed: Failed,
    /// A token that it renewed is good, although what it was for failed.
    memory: Vec<MemoryWrite>,
    held: Held,
    log: Vec<sandbox::LogLine>,
}

/// Why a poll or a chore came to nothing.
pub(super) enum Failed {
    Fault(Fault),
    Plugin(Box<PluginFault>),
}

type Outcome<T> = Result<Called<Result<T, Fault>>, PluginFault>;

/// Tells what came back from what did not. What a failing call remembered (a renewed token) is kept as well.
fn fault_of<T>(connection: &Connection, called: Outcome<T>) -> Result<Called<T>, Unasked> {
    match called {
        Ok(Called { value, memory, held, log, log_dropped, http_requests, memory_bytes }) => {
            super::shared::log(&connection.name, &log);
            match value {
                Ok(value) => {
                    Ok(Called { value, memory, held, log, log_dropped, http_requests, memory_bytes })
                }
                Err(fault) => Err(Unasked { failed: Failed::Fault(fault), memory, held, log }),
            }
        }
        Err(fault) => {
            tracing::error!(connection = connection.name, fault = fault.outline(), "a plugin failed");
            said(&connection.name, &fault);
            let failed = Failed::Plugin(Box::new(fault));
            Err(Unasked { failed, memory: Vec::new(), held: Held::default(), log: Vec::new() })
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

    /// In metrics and dead letters.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Failed::Fault(Fault::Malformed(_)) => dead::MALFORMED,
            Failed::Fault(Fault::Misconfigured(_)) => "misconfigured",
            Failed::Fault(Fault::Unauthorised(_)) => "unauthorised",
            Failed::Fault(Fault::Later { .. }) => "later",
            Failed::Plugin(fault) => fault.kind.name(),
        }
    }

    /// For logs, and for whoever looks at the host. What is wrong with settings, rights or the way to a channel names
    /// nobody; what a channel sent may.
    pub(super) fn outline(&self) -> String {
        match self {
            Failed::Fault(Fault::Malformed(_)) => "not what the channel promised".to_owned(),
            Failed::Fault(Fault::Misconfigured(_) | Fault::Unauthorised(_) | Fault::Later { .. }) => {
                self.why()
            }
            Failed::Plugin(fault) => fault.outline(),
        }
    }

    pub(super) fn why(&self) -> String {
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
