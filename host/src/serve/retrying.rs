//! A dead letter once more: given to the connector that is configured now, and ended in the very commit of what came of it.

use std::sync::Arc;

use ::courier::Rules;
use api::dead;
use api::views::RetriedView;
use api::{Retry, RetryRefused};
use config::Config;
use heliu::wiring::{Data, Policies, Shelf};
use journal::{
    Batch, Committer, CommitterConfig, DeadLetter, DeadWhat, HowEnded, Journal, LetterEnd, Letters, Receipt,
};
use model::{Harvest, MemoryWrite, Reception, Refusal};
use sandbox::{Called, Held, PluginFault};
use tokio::sync::mpsc;

use super::connection::Connection;
use super::dead::{MALFORMED, chore, cursor};
use super::doors::Door;
use super::loading::{Loaded, Loader};
use super::metrics::Metrics;
use super::pump::{self, Failed, Polled, Unasked};
use super::shared::{Connections, Shared};
use crate::telemetry::Waiting;

/// Takes letters one after the other, until nobody hands in any more.
pub(crate) async fn run(shared: Arc<Shared>, mut wanted: mpsc::Receiver<Retry>) {
    while let Some(Retry { number, dry_run, by, why, reply }) = wanted.recv().await {
        let said = Said { by: &by, why: &why };
        drop(reply.send(retry(&shared, number, dry_run, said).await));
    }
}

/// Where no host runs: each letter by what the configuration says now. What comes of them is folded when a host runs.
pub(crate) async fn alone(
    config: &Config,
    data: &Data,
    numbers: &[u64],
    dry_run: bool,
    said: Said<'_>,
) -> anyhow::Result<Vec<Result<RetriedView, RetryRefused>>> {
    let journal: Arc<dyn Journal> = data.journal.clone();
    let sandbox = data.sandbox()?;
    let policies = Arc::new(Policies::new(sandbox.clone(), Shelf::new(data)));
    let loader = Loader::new(data, &sandbox, &policies, &journal);
    let Loaded { connections, .. } = loader.load(config, &Connections::new())?;
    let clock = super::clock(config.clock, &*journal)?;
    let (committer, appender) = Committer::new(Arc::clone(&journal), CommitterConfig::default())?;
    let committing = committer.spawn()?;
    let rules = Rules::new(config.courier.clone());
    let shared = Shared::new(
        clock,
        journal,
        appender,
        Arc::new(Metrics::new()),
        connections,
        rules,
        Waiting::default(),
    );
    let mut tries = Vec::with_capacity(numbers.len());
    for &number in numbers {
        tries.push(retry(&shared, number, dry_run, said).await);
    }
    // The committer ends with the last appender.
    drop(shared);
    tokio::task::spawn_blocking(move || drop(committing.join())).await?;
    Ok(tries)
}

/// Who wants it, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) by: &'a str,
    pub(crate) why: &'a str,
}

impl Said<'_> {
    /// The end of this letter.
    fn end(self, number: u64) -> LetterEnd {
        let (letters, how) = (Letters::One(number), HowEnded::Retried);
        LetterEnd { letters, how, by: self.by.to_owned(), why: self.why.to_owned() }
    }

    /// Says in the journal that it was tried, where it waits on.
    async fn tell(self, shared: &Shared, connection: &Connection, number: u64) -> Result<(), RetryRefused> {
        let Said { by, why } = self;
        let entry =
            journal::retry_in_vain(&*shared.journal, number, by, why).map_err(dead::DeadError::from)?;
        let batch = Batch { now: shared.clock.now(), entries: vec![entry], ..Batch::default() };
        let kept = connection.keep(&shared.appender, batch).await;
        kept.map_err(|refused| RetryRefused::NotNow(refused.to_string()))?;
        Ok(())
    }
}

/// How it went this time.
struct Went {
    outcome: String,
    message: String,
    /// None: it came to nothing.
    yielded: Option<Yielded>,
}

struct Yielded {
    harvest: Harvest,
    memory: Vec<MemoryWrite>,
    /// Let go when all of it is kept.
    _held: Held,
}

/// Tries it, whatever the breaker says: somebody asked for it. A dry run calls the plugin, and its channel, too, and keeps
/// nothing.
pub(crate) async fn retry(
    shared: &Shared,
    number: u64,
    dry_run: bool,
    said: Said<'_>,
) -> Result<RetriedView, RetryRefused> {
    let letter = dead::waiting(&*shared.journal, number)?;
    let gone = || {
        let text = format!("dead letter {number}: no connection \"{}\" is configured", letter.connection);
        RetryRefused::Gone(text)
    };
    let connection = shared.connection(&letter.connection).ok_or_else(gone)?;
    let went = match letter.dead.what {
        DeadWhat::Request => receive(shared, &connection, &letter).await?,
        DeadWhat::Chore => work(shared, &connection, &letter).await?,
        DeadWhat::Poll => return poll(shared, &connection, &letter, dry_run, said).await,
    };
    let Went { outcome, message, yielded } = went;
    let mut view = RetriedView {
        id: number.to_string(),
        dry_run,
        outcome,
        message,
        events: 0,
        stored: 0,
        chores: 0,
        title: connection.connector.descriptor().title.clone(),
        digest: connection.connector.digest().to_string(),
        act: None,
    };
    let Some(Yielded { harvest, memory, _held }) = yielded else {
        if !dry_run {
            said.tell(shared, &connection, number).await?;
        }
        return Ok(view);
    };
    (view.events, view.chores) = (harvest.events.len(), harvest.chores.len());
    let mut batch = connection.batch(shared.clock.now(), harvest, memory);
    if dry_run {
        view.stored = unknown(shared, &batch)?;
        return Ok(view);
    }
    let events = batch.entries.len();
    let end = said.end(number);
    batch.entries.extend(end.record());
    batch.ends.push(end);
    let kept = connection.keep(&shared.appender, batch).await;
    let Receipt { placed } = kept.map_err(|refused| RetryRefused::NotNow(refused.to_string()))?;
    let is_new = |placed: &&journal::Placed| matches!(placed, journal::Placed::New(_));
    view.stored = placed.iter().take(events).filter(is_new).count();
    let by = said.by;
    tracing::info!(connection = connection.name, letter = number, by, "a dead letter was handled after all");
    shared.wake_pump();
    Ok(view)
}

/// How many of its events the journal does not have.
fn unknown(shared: &Shared, batch: &Batch) -> Result<usize, RetryRefused> {
    let mut new = 0;
    for entry in &batch.entries {
        if let Some((source, id)) = entry.source() {
            let known = shared.journal.locate(source, id).map_err(dead::DeadError::from)?;
            new += usize::from(known.is_none());
        }
    }
    Ok(new)
}

async fn receive(
    shared: &Shared,
    connection: &Connection,
    letter: &DeadLetter,
) -> Result<Went, RetryRefused> {
    let request = &letter.dead.request;
    let pass = connection.standing.doors.at(Door::Webhook).admit_asked();
    let call = connection.connector.receive(connection.call(&shared.clock), request);
    match connection.through(shared, Door::Webhook, pass, call).await {
        Ok(Called { value, memory, held, log, .. }) => {
            super::shared::log(&connection.name, &log);
            Ok(match value {
                Ok(Reception { kept, answer: _ }) => handled(kept, memory, held),
                Err(Refusal::Malformed { why, answer: _ }) => nothing(MALFORMED, why),
                Err(Refusal::NotAuthentic(why)) => nothing("not_authentic", why),
            })
        }
        Err(fault) => Ok(failed(&fault)),
    }
}

async fn work(shared: &Shared, connection: &Connection, letter: &DeadLetter) -> Result<Went, RetryRefused> {
    let chore = chore(&letter.dead.request);
    let asking = connection.standing.doors.admit_asked(Door::Chores);
    match pump::labour(shared, connection, &chore, asking).await {
        Ok(Called { value, memory, held, .. }) => Ok(handled(value, memory, held)),
        Err(Unasked { failed, .. }) => Ok(came_to_nothing(&failed)),
    }
}

/// The feed is asked from where it stands. A letter of a page that it has left behind is over.
async fn poll(
    shared: &Shared,
    connection: &Connection,
    letter: &DeadLetter,
    dry_run: bool,
    said: Said<'_>,
) -> Result<RetriedView, RetryRefused> {
    let (stands, asked) = (connection.standing.cursor(), cursor(&letter.dead.request));
    let mut view = RetriedView {
        id: letter.number.to_string(),
        dry_run,
        outcome: "handled".to_owned(),
        message: "the feed has gone on since".to_owned(),
        events: 0,
        stored: 0,
        chores: 0,
        title: connection.connector.descriptor().title.clone(),
        digest: connection.connector.digest().to_string(),
        act: None,
    };
    if stands == asked {
        let asking = connection.standing.doors.admit_asked(Door::Feed);
        if dry_run {
            match pump::ask(shared, connection, stands.as_ref(), asking).await {
                Ok(Called { value: page, .. }) => {
                    (view.events, view.chores) = (page.kept.events.len(), page.kept.chores.len());
                    view.stored = unknown(shared, &connection.batch(0, page.kept, Vec::new()))?;
                    view.message = "it is understood now".to_owned();
                }
                Err(Unasked { failed, .. }) => {
                    (view.outcome, view.message) = (failed.word().to_owned(), failed.why());
                }
            }
            return Ok(view);
        }
        let Polled { next, stored } = pump::poll(shared, connection, asking).await;
        connection.standing.next_poll.store(next, std::sync::atomic::Ordering::SeqCst);
        (view.events, view.stored) = (stored, stored);
        view.message = "the feed goes on".to_owned();
    }
    if dry_run {
        return Ok(view);
    }
    // Its end came with the page, if there was one.
    match dead::letter(&*shared.journal, letter.number)?.state {
        journal::DeadState::Waiting if stands == asked => {
            let trouble = connection.standing.doors.trouble().unwrap_or_default();
            (view.outcome, view.message) = ("failed".to_owned(), trouble);
            said.tell(shared, connection, letter.number).await?;
        }
        // Where it ended with the page, this is the word on who wanted it.
        journal::DeadState::Waiting | journal::DeadState::Retried(_) => {
            let end = said.end(letter.number);
            let mut batch = connection.batch(shared.clock.now(), Harvest::default(), Vec::new());
            batch.entries.extend(end.record());
            batch.ends.push(end);
            let kept = connection.keep(&shared.appender, batch).await;
            kept.map_err(|refused| RetryRefused::NotNow(refused.to_string()))?;
        }
        journal::DeadState::Dropped(_) => {}
    }
    Ok(view)
}

fn handled(harvest: Harvest, memory: Vec<MemoryWrite>, held: Held) -> Went {
    let message = "it is understood now".to_owned();
    let yielded = Some(Yielded { harvest, memory, _held: held });
    Went { outcome: "handled".to_owned(), message, yielded }
}

fn nothing(outcome: &str, message: String) -> Went {
    Went { outcome: outcome.to_owned(), message, yielded: None }
}

fn failed(fault: &PluginFault) -> Went {
    nothing(fault.kind.name(), fault.to_string())
}

fn came_to_nothing(failed: &Failed) -> Went {
    nothing(failed.word(), failed.why())
}
