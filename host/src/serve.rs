//! `heliu serve`: wires a host, runs it, reloads it, stops it.
//!
//! Four movers: the intake (a webhook through its connector into the journal), the pump (feeds and chores into the
//! journal), the folder (the journal into the store), the courier (what the store says should reach a customer, through a
//! connector to her, and what became of it into the journal). They share nothing but the journal, the store and each
//! connection's memory.

mod breaker;
mod clock;
mod connection;
mod counting;
mod counts;
mod courier;
mod dead;
mod doors;
mod failing;
mod folder;
mod granting;
mod intake;
mod listen;
mod loading;
mod metered;
mod metrics;
mod pausing;
mod pump;
mod readings;
mod reloading;
mod retrying;
mod segmenter;
mod shared;
mod tls;
mod tokens;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::courier::Rules;
use anyhow::Context as _;
use api::{Advance, ApiState, HealthReport, ScanLimits, TokenFile};
use config::Config;
use journal::{Committer, CommitterConfig, Head, Journal};
use router::{Plugins, Router, RouterConfig};
use segment::Segment;
use store::{Standing, Store};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::telemetry::{Exporter, Flush, Waiting};
pub(crate) use retrying::{Said as LetterSaid, alone as retry_alone};

use clock::HostClock;
use courier::{Courier, HostPort};
use folder::{Cell, Folder, FolderHandle};
use granting::Wanted;
use heliu::erasures;
use heliu::shadows::Shadows;
use heliu::wiring::{Data, Policies, Shelf};
use listen::Doors;
use loading::{Loaded, Loader};
use metered::MeteredPolicies;
use metrics::Metrics;
use readings::{Readings, Refusals};
use reloading::Reloading;
use segmenter::Segmenter;
use shared::{Connections, Shared};
use tls::Certificates;
use tokens::TokenWords;

pub(crate) use listen::Listening;
pub(crate) use tls::{Renewal, chain};

/// How long requests under way may take once the host was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long calls of outlets that are under way may take then: as long as a call of a connector may, so that what a channel
/// did is told.
const CARRY_GRACE: Duration = Duration::from_secs(32);

/// Dead letters that may wait to be tried again.
const RETRIES_WAITING_MAX: usize = 16;

/// Runs until SIGTERM or SIGINT. `ready` is called once the host listens.
pub(crate) async fn serve(
    config: Config,
    traces: Option<(Exporter, Flush)>,
    ready: impl FnOnce(&Listening),
) -> anyhow::Result<()> {
    let flush = traces.map(|(exporter, flush)| {
        tokio::spawn(async move {
            if let Err(error) = exporter.run().await {
                tracing::error!(error = format!("{error:#}"), "no traces are sent");
            }
        });
        flush
    });
    let result = run(config, ready).await;
    if let Some(flush) = flush {
        flush.flush().await;
    }
    result
}

async fn run(config: Config, ready: impl FnOnce(&Listening)) -> anyhow::Result<()> {
    let (data, lock) = Data::open_alone(&config)?;
    data.check()?;
    erasures::check(&data.folder, &*data.journal)?;
    let certificates = Certificates::load(&config)?;
    let host = Running::start(config, &data).await?;
    let doors = Doors::bind(&host.config, &certificates).await?;
    // Before anybody is told that the host is there: an unheard SIGHUP would end it.
    let signals = Signals::listen()?;
    let listening = doors.listening()?;
    lock.announce(listening.api.at)
        .with_context(|| format!("{}: say where the host listens", data.folder.display()))?;
    ready(&listening);
    let (stop_in, stop) = watch::channel(false);
    let server = tokio::spawn(doors.serve(host.api, stop));
    let Signals { hangups, mut terminate, mut interrupt } = signals;
    let reloading = Reloading {
        config: host.config,
        loader: host.loader,
        shared: Arc::clone(&host.shared),
        fold: host.fold.clone(),
        segments: host.segments,
        shadows: host.shadows,
        certificates,
    };
    let reloading = tokio::spawn(reloading.run(hangups));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: requests under way are answered first");
    stop_in.send_replace(true);
    if tokio::time::timeout(GRACE, server).await.is_err() {
        tracing::warn!(
            grace_s = GRACE.as_secs(),
            "some requests were still open; what was answered is durable"
        );
    }
    reloading.abort();
    host.movers.stop(&host.fold).await?;
    tokio::task::spawn_blocking(move || data.close()).await?;
    drop(lock);
    Ok(())
}

/// A host whose parts move; only the door is still closed.
struct Running {
    config: Config,
    loader: Loader,
    shared: Arc<Shared>,
    fold: FolderHandle,
    segments: watch::Sender<Arc<[Segment]>>,
    shadows: Shadows,
    api: ApiState,
    movers: Movers,
}

/// What must end before the data folder is let go.
struct Movers {
    intake: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
    /// There where the courier looks for itself.
    courier: Option<Carrying>,
    folding: std::thread::JoinHandle<()>,
}

/// The courier at work, and how it is told to stop.
struct Carrying {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(config: Config, data: &Data) -> anyhow::Result<Running> {
        let metrics = Arc::new(Metrics::new());
        let waiting = Waiting::default();
        let (journal, store) = metered::data(data, &metrics, &waiting);
        let sandbox = data.sandbox()?;
        let policies = Arc::new(Policies::new(sandbox.clone(), Shelf::new(data)));
        let loader = Loader::new(data, &sandbox, &policies, &journal);
        let Loaded { connections, wanted, shadows: beside } = loader.load(&config, &Connections::new())?;
        loader.share(&config);
        let clock = clock(config.clock, &*journal)?;
        let (committer, appender) = Committer::new(Arc::clone(&journal), CommitterConfig::default())?;
        committer.spawn()?;
        let head = appender.head();
        let shared = Arc::new(Shared::new(
            clock.clone(),
            Arc::clone(&journal),
            appender.clone(),
            Arc::clone(&metrics),
            connections,
            Rules::new(config.courier.clone()),
            waiting.clone(),
        ));
        let judging: Arc<dyn Plugins> = policies.clone();
        let shadows = Shadows::start(data, policies.clone(), beside)?;
        let counted = Arc::new(MeteredPolicies::new(policies, metrics, &config.limits));
        let (beside, forgotten) = Beside::of(&config, &data.folder, &journal, &store);
        let (fold, folding, health) =
            start_fold(&journal, &store, counted, clock, wanted, beside, waiting).await?;
        let (intake_in, intake_out) = mpsc::channel(config.limits.intake_waiting_max);
        let (retries, retries_out) = mpsc::channel(RETRIES_WAITING_MAX);
        let (intake_refused, callers) = (Arc::default(), Arc::new(listen::callers(&config)));
        let (counts_in, plugins) = watch::channel(Vec::new());
        let (segments_in, segments) = watch::channel(Arc::from(config.segments.as_slice()));
        let time = shared.clock.clone();
        let carrier = carrier(&shared, &store, &health);
        let segmenter =
            Segmenter::new(Arc::clone(&shared), Arc::clone(&store), segments.clone(), health.clone());
        let (clock, mut others, courier) = pump(&shared, &fold, carrier, segmenter, &health);
        others.extend([
            tokio::spawn(counting::run(Arc::clone(&shared), fold.clone(), counts_in)),
            tokio::spawn(retrying::run(Arc::clone(&shared), retries_out)),
            tokio::spawn(wake(head, fold.clone())),
            tokio::spawn(forget(Arc::clone(&shared), forgotten)),
        ]);
        let intake = tokio::spawn(intake::run(Arc::clone(&shared), intake_out));
        let movers = Movers { intake, others, courier, folding };
        let doors = Refusals::new(&intake_in, &intake_refused, &callers);
        let readings = Readings::new(&shared, &store, sandbox, doors, health.clone(), fold.clone());
        let api = ApiState {
            journal,
            store,
            intake: intake_in,
            tokens: Arc::new(listen::tokens(&config)),
            callers,
            body_max_bytes: config.limits.body_max_bytes,
            body_within: config.limits.body_within,
            health,
            plugins,
            segments,
            scans: ScanLimits::default(),
            now: Arc::new(move || time.now()),
            clock,
            appender,
            policies: judging,
            retries,
            intake_refused,
            metrics: Arc::new(move || readings.text()),
        };
        Ok(Running { config, loader, shared, fold, segments: segments_in, shadows, api, movers })
    }
}

fn carrier(
    shared: &Arc<Shared>,
    store: &Arc<dyn Store>,
    health: &watch::Receiver<HealthReport>,
) -> Courier<HostPort> {
    let port = HostPort { shared: Arc::clone(shared), store: Arc::clone(store), health: health.clone() };
    Courier::new(port, Arc::clone(&shared.journal), Arc::clone(store))
}

/// What the folder keeps up besides the store.
struct Beside {
    forgotten: mpsc::UnboundedSender<Vec<Cell>>,
    list: Box<dyn FnMut() + Send>,
    tokens: TokenWords,
}

impl Beside {
    /// And where it is told who was forgotten.
    fn of(
        config: &Config,
        folder: &Path,
        journal: &Arc<dyn Journal>,
        store: &Arc<dyn Store>,
    ) -> (Beside, mpsc::UnboundedReceiver<Vec<Cell>>) {
        let (forgotten_in, forgotten) = mpsc::unbounded_channel();
        let tokens = TokenWords::new(TokenFile::new(&config.data_dir, &config.tenant));
        (Beside { forgotten: forgotten_in, list: list(folder, journal, store), tokens }, forgotten)
    }
}

/// Starts the thread that folds, and says how it is told and what it tells.
async fn start_fold(
    journal: &Arc<dyn Journal>,
    store: &Arc<dyn Store>,
    policies: Arc<dyn Plugins>,
    clock: HostClock,
    wanted: Wanted,
    Beside { forgotten, list, tokens }: Beside,
    waiting: Waiting,
) -> anyhow::Result<(FolderHandle, std::thread::JoinHandle<()>, watch::Receiver<HealthReport>)> {
    let router = Router::open(journal.clone(), Arc::clone(store), policies, RouterConfig::default())?;
    tell_of_a_new_store(router.standing(), journal.head()?);
    let (health_in, health) = watch::channel(HealthReport::default());
    let (folder, fold) =
        Folder::new(router, Arc::clone(journal), clock, wanted, health_in, forgotten, waiting);
    let folding = folder.listing(list).telling(tokens).spawn()?;
    if journal.head()?.position == 0 {
        // The first record says how all others are to be folded.
        fold.settle().await.map_err(anyhow::Error::msg)?;
    }
    Ok((fold, folding, health))
}

/// Lists who was erased, now and whenever it is called.
fn list(data: &Path, journal: &Arc<dyn Journal>, store: &Arc<dyn Store>) -> Box<dyn FnMut() + Send> {
    let (data, journal, store) = (data.to_owned(), Arc::clone(journal), Arc::clone(store));
    let list = move || match erasures::keep(&data, &*journal, &*store) {
        Ok(passed_over) => passed_over.iter().for_each(|why| {
            tracing::warn!(
                why,
                "erasures are not listed beside these backups: keep erasures.jsonl there by hand"
            );
        }),
        Err(error) => tracing::error!(
            error = format!("{error:#}"),
            "erasures are not listed: a backup from before would bring people back in silence"
        ),
    };
    list();
    Box::new(list)
}

fn tell_of_a_new_store(standing: Standing, head: Head) {
    if standing.position == 0 && head.position > 0 {
        let records = head.position;
        tracing::warn!(records, "store.db is new: the journal is folded again from its beginning");
    }
}

/// A manual clock goes on from where the journal stopped.
fn clock(wanted: config::Clock, journal: &dyn Journal) -> anyhow::Result<HostClock> {
    let clock = match wanted {
        config::Clock::System => HostClock::System,
        config::Clock::Manual => HostClock::manual(),
    };
    clock.advance(journal.head()?.now);
    Ok(clock)
}

/// By the system's clock the pump, the courier and the segmenter look for themselves; a manual clock says when.
fn pump(
    shared: &Arc<Shared>,
    fold: &FolderHandle,
    courier: Courier<HostPort>,
    segmenter: Segmenter,
    health: &watch::Receiver<HealthReport>,
) -> (Option<mpsc::Sender<Advance>>, Vec<JoinHandle<()>>, Option<Carrying>) {
    match &shared.clock {
        HostClock::System => {
            let (stop, stopped) = watch::channel(false);
            let task = tokio::spawn(courier.run(health.clone(), Arc::clone(&shared.courier), stopped));
            let others = vec![tokio::spawn(pump::run(Arc::clone(shared))), tokio::spawn(segmenter.run())];
            (None, others, Some(Carrying { stop, task }))
        }
        HostClock::Manual(_) => {
            let (advance_in, advance_out) = mpsc::channel(16);
            let advancing = advance(Arc::clone(shared), fold.clone(), courier, segmenter, advance_out);
            (Some(advance_in), vec![tokio::spawn(advancing)], None)
        }
    }
}

/// The fold follows every append.
async fn wake(mut head: watch::Receiver<Head>, fold: FolderHandle) {
    while head.changed().await.is_ok() {
        fold.wake();
    }
}

/// What an erasure took out of the journal, connections must not know any more either.
async fn forget(shared: Arc<Shared>, mut forgotten: mpsc::UnboundedReceiver<Vec<Cell>>) {
    while let Some(cells) = forgotten.recv().await {
        for (connection, key) in cells {
            if let Some(connection) = shared.connection(&connection) {
                connection.forget(key, shared.clock.now());
            }
        }
    }
}

impl Movers {
    /// The API is gone, so the intake ends; then nothing appends any more, and the fold ends with its present batch.
    async fn stop(self, fold: &FolderHandle) -> anyhow::Result<()> {
        let Movers { intake, others, courier, folding } = self;
        drop(tokio::time::timeout(GRACE, intake).await);
        if let Some(Carrying { stop, task }) = courier {
            stop.send_replace(true);
            if tokio::time::timeout(CARRY_GRACE, task).await.is_err() {
                tracing::warn!("a call of an outlet did not end: the end of its errands will not be known");
            }
        }
        for task in others {
            task.abort();
            drop(task.await);
        }
        fold.stop();
        tokio::task::spawn_blocking(move || drop(folding.join())).await?;
        Ok(())
    }
}

/// Moves the manual clock, and answers when the host has done everything that is due by then.
async fn advance(
    shared: Arc<Shared>,
    fold: FolderHandle,
    mut courier: Courier<HostPort>,
    mut segmenter: Segmenter,
    mut asked: mpsc::Receiver<Advance>,
) {
    while let Some(Advance { now, reply }) = asked.recv().await {
        shared.clock.advance(now);
        drop(reply.send(settle(&shared, &fold, &mut segmenter, &mut courier).await));
    }
}

/// What is carried may ask for chores, and what they yield may lead to more that is carried.
async fn settle(
    shared: &Arc<Shared>,
    fold: &FolderHandle,
    segmenter: &mut Segmenter,
    courier: &mut Courier<HostPort>,
) -> Result<Standing, String> {
    loop {
        pump::until_quiet(shared).await;
        let standing = fold.settle().await?;
        if segmenter.until_quiet().await.map_err(|error| format!("{error:#}"))? {
            continue;
        }
        if !courier.until_quiet().await.map_err(|error| format!("{error:#}"))? {
            return Ok(standing);
        }
    }
}

/// The signals that an operator sends.
struct Signals {
    hangups: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            hangups: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// What a running host cannot change of itself.
fn needs_restart(old: &Config, new: &Config) -> bool {
    old.data_dir != new.data_dir
        || old.listen != new.listen
        || old.clock != new.clock
        || old.api.token != new.api.token
        || old.api.listen != new.api.listen
        || (old.tls.is_some(), old.api.tls.is_some()) != (new.tls.is_some(), new.api.tls.is_some())
        || old.limits != new.limits
        || old.log != new.log
        || old.otlp != new.otlp
}
