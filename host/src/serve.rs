//! `heliu serve`: wires a host, runs it, reloads it, stops it.
//!
//! Four movers: the intake (a webhook through its connector into the journal), the pump (feeds and chores into the
//! journal), the folder (the journal into the store), the courier (what the store says should reach a customer, through a
//! connector to her, and what became of it into the journal). They share nothing but the journal, the store and each
//! connection's memory.

mod clock;
mod connection;
mod courier;
mod folder;
mod intake;
mod listen;
mod pump;
mod shared;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use ::courier::Rules;
use anyhow::Context as _;
use api::{Advance, ApiState, Condition, HealthReport, PluginState, Role, ScanLimits};
use config::Config;
use journal::{Committer, CommitterConfig, Head, Journal};
use model::Setup;
use router::{Plugins, Router, RouterConfig};
use sandbox::{Grants, HostGrant, Plugin, Sandbox};
use segment::Segment;
use store::{Standing, Store};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::carrying::Outlet;
use crate::telemetry::{self, Exporter, Flush, Waiting};
use clock::HostClock;
use connection::{Connection, ConnectionStanding};
use courier::{Courier, HostPort};
use folder::{Folder, FolderHandle};
use heliu::wiring::{self, Data, Policies, Shelf};
use listen::Doors;
use shared::{Connections, Shared};
use tls::Certificates;

pub(crate) use listen::Listening;
pub(crate) use tls::{Renewal, chain};

/// How long requests under way may take once the host was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long calls of outlets that are under way may take then: as long as a call of a connector may, so that what a channel
/// did is told.
const CARRY_GRACE: Duration = Duration::from_secs(32);

/// How often the counts that `/api/v1/plugins` shows are taken.
const COUNT_EVERY: Duration = Duration::from_secs(1);

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
    let (shared, fold) = (Arc::clone(&host.shared), host.fold.clone());
    let reload = reload(hangups, host.config, host.loader, shared, fold, host.segments, certificates);
    let reloading = tokio::spawn(reload);
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
    host.movers.stop(&host.fold).await
}

/// A host whose parts move; only the door is still closed.
struct Running {
    config: Config,
    loader: Loader,
    shared: Arc<Shared>,
    fold: FolderHandle,
    segments: watch::Sender<Arc<[Segment]>>,
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
        let (journal, store): (Arc<dyn Journal>, Arc<dyn Store>) = (data.journal.clone(), data.store.clone());
        let sandbox = data.sandbox()?;
        let policies = Arc::new(Policies::new(sandbox.clone(), Shelf::new(data)));
        let loader = Loader {
            sandbox,
            shelf: Shelf::new(data),
            policies: Arc::clone(&policies),
            journal: Arc::clone(&journal),
        };
        let (connections, setup) = loader.load(&config, &Connections::new())?;
        let clock = clock(config.clock, &*journal)?;
        let (committer, appender) = Committer::new(Arc::clone(&journal), CommitterConfig::default())?;
        committer.spawn()?;
        let head = appender.head();
        let waiting = Waiting::default();
        let shared = Arc::new(Shared::new(
            clock.clone(),
            Arc::clone(&journal),
            appender.clone(),
            connections,
            Rules::new(config.courier.clone()),
            waiting.clone(),
        ));
        let judging: Arc<dyn Plugins> = policies.clone();
        let folded = telemetry::seen(&config, &store, &waiting);
        let router = Router::open(Arc::clone(&journal), folded, policies, RouterConfig::default())?;
        let (health_in, health) = watch::channel(HealthReport::default());
        let (folder, fold) = Folder::new(router, Arc::clone(&journal), clock, setup, health_in, waiting);
        let folding = folder.spawn()?;
        if journal.head()?.position == 0 {
            // The first record says how all others are to be folded.
            fold.settle().await.map_err(anyhow::Error::msg)?;
        }
        let (intake_in, intake_out) = mpsc::channel(config.limits.intake_waiting_max);
        let (counts_in, plugins) = watch::channel(Vec::new());
        let (segments_in, segments) = watch::channel(Arc::from(config.segments.as_slice()));
        let time = shared.clock.clone();
        let port =
            HostPort { shared: Arc::clone(&shared), store: Arc::clone(&store), health: health.clone() };
        let carrier = Courier::new(port, Arc::clone(&journal), Arc::clone(&store));
        let (clock, pumping, courier) = pump(&shared, &fold, carrier, &health);
        let movers = Movers {
            intake: tokio::spawn(intake::run(Arc::clone(&shared), intake_out)),
            others: vec![
                pumping,
                tokio::spawn(count(Arc::clone(&shared), fold.clone(), counts_in)),
                tokio::spawn(wake(head, fold.clone())),
            ],
            courier,
            folding,
        };
        let api = ApiState {
            journal,
            store,
            intake: intake_in,
            tokens: Arc::new(listen::tokens(&config)),
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
        };
        Ok(Running { config, loader, shared, fold, segments: segments_in, api, movers })
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

/// By the system's clock the pump and the courier look for themselves; a manual clock says when.
fn pump(
    shared: &Arc<Shared>,
    fold: &FolderHandle,
    courier: Courier<HostPort>,
    health: &watch::Receiver<HealthReport>,
) -> (Option<mpsc::Sender<Advance>>, JoinHandle<()>, Option<Carrying>) {
    match &shared.clock {
        HostClock::System => {
            let (stop, stopped) = watch::channel(false);
            let task = tokio::spawn(courier.run(health.clone(), Arc::clone(&shared.courier), stopped));
            (None, tokio::spawn(pump::run(Arc::clone(shared))), Some(Carrying { stop, task }))
        }
        HostClock::Manual(_) => {
            let (advance_in, advance_out) = mpsc::channel(16);
            let advancing = advance(Arc::clone(shared), fold.clone(), courier, advance_out);
            (Some(advance_in), tokio::spawn(advancing), None)
        }
    }
}

/// The fold follows every append.
async fn wake(mut head: watch::Receiver<Head>, fold: FolderHandle) {
    while head.changed().await.is_ok() {
        fold.wake();
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

/// Makes a running configuration out of a written one.
struct Loader {
    sandbox: Sandbox,
    shelf: Shelf,
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
}

impl Loader {
    /// What a connection knows between its calls is taken over from the running ones.
    fn load(&self, config: &Config, running: &Connections) -> anyhow::Result<(Connections, Setup)> {
        let bindings = wiring::bind(config, &self.sandbox, &self.shelf, &self.policies)?;
        let mut connections = Connections::new();
        for wanted in &config.connections {
            let connection = self
                .connect(wanted, running)
                .with_context(|| format!("{}: connection \"{}\"", config.path.display(), wanted.name))?;
            connections.insert(wanted.name.clone(), Arc::new(connection));
        }
        let descriptors = connections
            .values()
            .map(|connection| (connection.name.as_str(), connection.connector.descriptor()));
        let schemes = wiring::schemes(descriptors)?;
        Ok((connections, wiring::setup(config, bindings, schemes)))
    }

    fn connect(&self, wanted: &config::Connection, running: &Connections) -> anyhow::Result<Connection> {
        let bytes = self.shelf.take_in(&wanted.plugin)?;
        let connector = match self.sandbox.admit(&bytes, &Grants::all())? {
            Plugin::Connector(connector) => connector,
            Plugin::Policy(_) => {
                anyhow::bail!("{} is a policy: declare it under [[policy]]", wanted.plugin.display())
            }
        };
        config::check_settings(&connector.descriptor().settings_schema, &wanted.settings)?;
        let grants = wanted.hosts.iter().map(|host| HostGrant::parse(host, wanted.inward));
        let http = self.sandbox.http(grants.collect::<Result<_, _>>()?)?;
        let standing = match running.get(&wanted.name) {
            Some(running) => {
                running.standing.next_poll.store(0, std::sync::atomic::Ordering::SeqCst);
                Arc::clone(&running.standing)
            }
            None => Arc::new(ConnectionStanding::new(self.journal.recall(&wanted.name)?)),
        };
        let (name, descriptor) = (wanted.name.clone(), connector.descriptor());
        let outlet = Outlet::new(
            &name,
            descriptor,
            &wanted.settings,
            &wanted.secrets,
            &wanted.carry_again,
            wanted.since,
        );
        Ok(Connection {
            name,
            file: wanted.plugin.display().to_string(),
            connector,
            outlet,
            settings: wanted.settings.clone(),
            secrets: wanted.secrets.clone(),
            http,
            poll_every: wanted.poll_every,
            standing,
        })
    }
}

/// Moves the manual clock, and answers when the host has done everything that is due by then.
async fn advance(
    shared: Arc<Shared>,
    fold: FolderHandle,
    mut courier: Courier<HostPort>,
    mut asked: mpsc::Receiver<Advance>,
) {
    while let Some(Advance { now, reply }) = asked.recv().await {
        shared.clock.advance(now);
        drop(reply.send(settle(&shared, &fold, &mut courier).await));
    }
}

/// What is carried may ask for chores, and what they yield may lead to more that is carried.
async fn settle(
    shared: &Arc<Shared>,
    fold: &FolderHandle,
    courier: &mut Courier<HostPort>,
) -> Result<Standing, String> {
    loop {
        pump::until_quiet(shared).await;
        let standing = fold.settle().await?;
        if !courier.until_quiet().await.map_err(|error| format!("{error:#}"))? {
            return Ok(standing);
        }
    }
}

/// Reads the configuration again at each SIGHUP. One that does not hold changes nothing.
async fn reload(
    mut hangups: Signal,
    mut config: Config,
    loader: Loader,
    shared: Arc<Shared>,
    fold: FolderHandle,
    segments: watch::Sender<Arc<[Segment]>>,
    certificates: Certificates,
) {
    while hangups.recv().await.is_some() {
        let fresh = config::load(&config.path).map_err(anyhow::Error::from).and_then(|fresh| {
            wiring::check_tenant(&fresh, &*shared.journal)?;
            Ok((loader.load(&fresh, &shared.connections())?, Renewal::read(&fresh)?, fresh))
        });
        match fresh {
            Ok(((connections, setup), renewal, fresh)) => {
                if needs_restart(&config, &fresh) {
                    tracing::warn!(
                        "\"data\", \"listen\", \"clock\", [api], [limits], [log], [telemetry] and whether there is \
                         [tls] take effect at the next start"
                    );
                }
                certificates.renew(renewal);
                shared.replace_connections(connections);
                shared.replace_rules(Rules::new(fresh.courier.clone()));
                shared.courier.notify_one();
                fold.want(setup);
                shared.wake_pump();
                if config.segments != fresh.segments {
                    segments.send_replace(Arc::from(fresh.segments.as_slice()));
                }
                config = fresh;
                tracing::info!(path = %config.path.display(), "the configuration was read again");
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the new configuration does not hold; the old one stays"
                );
            }
        }
    }
}

/// Shows what the plugins did, a second old at most.
async fn count(shared: Arc<Shared>, fold: FolderHandle, counts: watch::Sender<Vec<PluginState>>) {
    use std::sync::atomic::Ordering::Relaxed;
    loop {
        let connector = |connection: &Arc<Connection>| {
            let standing = &connection.standing;
            let (resting, trouble) = (standing.resting(), standing.trouble());
            let state = match (&resting, &trouble) {
                (_, Some(_)) => Condition::Failing,
                (Some(_), None) => Condition::Paused,
                (None, None) => Condition::Running,
            };
            let message = [trouble, resting].into_iter().flatten().collect::<Vec<_>>().join("; ");
            PluginState {
                name: connection.name.clone(),
                role: Role::Connector,
                file: connection.file.clone(),
                digest: connection.connector.digest(),
                title: connection.connector.descriptor().title.clone(),
                state,
                message: (!message.is_empty()).then_some(message),
                calls: standing.counts.calls.load(Relaxed),
                faults: standing.counts.faults.load(Relaxed),
                stored: standing.counts.stored.load(Relaxed),
                duplicates: standing.counts.duplicates.load(Relaxed),
                refused: standing.counts.refused.load(Relaxed),
            }
        };
        let mut plugins: Vec<PluginState> = shared.connections().values().map(connector).collect();
        plugins.extend(fold.wanted().policies.into_iter().map(|binding| PluginState {
            name: binding.name,
            role: Role::Policy,
            file: String::new(),
            digest: binding.digest,
            title: binding.descriptor.title,
            state: Condition::Running,
            message: None,
            calls: 0,
            faults: 0,
            stored: 0,
            duplicates: 0,
            refused: 0,
        }));
        counts.send_replace(plugins);
        tokio::time::sleep(COUNT_EVERY).await;
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
