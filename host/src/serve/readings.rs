//! What is read for `/metrics` when it is asked for: queues, journal and fold, connections' own counts, letters, the process.

use std::collections::BTreeMap;
use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{Callers, HealthReport, Incoming, dead, lookup};
use prometheus_client::encoding::{EncodeGaugeValue, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{Atomic, Gauge};
use prometheus_client::registry::Registry;
use sandbox::Sandbox;
use store::Store;
use tokio::sync::{mpsc, watch};

use super::breaker::State;
use super::connection::{CALLS_MAX, CALLS_WAITING_MAX, CHORES_MAX, Connection};
use super::counts::read;
use super::courier::QUEUE_MAX;
use super::folder::FolderHandle;
use super::metrics::Labels;
use super::shared::Shared;

/// Where readings come from.
pub(crate) struct Readings {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    sandbox: Sandbox,
    doors: Refusals,
    health: watch::Receiver<HealthReport>,
    fold: FolderHandle,
}

/// What is refused before any mover sees it.
pub(crate) struct Refusals {
    /// Weak: the intake ends with the last one who may hand in requests.
    intake: mpsc::WeakSender<Incoming>,
    /// Webhooks that found it full.
    full: Arc<AtomicU64>,
    callers: Arc<Callers>,
}

impl Refusals {
    pub(crate) fn new(
        intake: &mpsc::Sender<Incoming>,
        full: &Arc<AtomicU64>,
        callers: &Arc<Callers>,
    ) -> Refusals {
        Refusals { intake: intake.downgrade(), full: Arc::clone(full), callers: Arc::clone(callers) }
    }
}

/// A page of numbers, made for one answer.
struct Sheet {
    registry: Registry,
}

impl Sheet {
    fn gauge<N, A>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, N)>)
    where
        N: EncodeGaugeValue + Send + Sync + std::fmt::Debug + 'static,
        A: Atomic<N> + Default + Send + Sync + std::fmt::Debug + 'static,
    {
        let family = Family::<Labels, Gauge<N, A>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    fn number(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let values = values.into_iter().map(|(labels, value)| (labels, signed(value)));
        self.gauge::<i64, std::sync::atomic::AtomicI64>(name, help, values);
    }

    /// Milliseconds as seconds.
    fn seconds(&mut self, name: &str, help: &str, value_ms: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let value = value_ms as f64 / 1000.0;
        self.gauge::<f64, AtomicU64>(name, help, [(Labels::new(), value)]);
    }

    fn counter(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.registry.register(name, help, family);
    }
}

fn of(connection: &Connection) -> (&'static str, String) {
    ("connection", connection.name.clone())
}

impl Readings {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        store: &Arc<dyn Store>,
        sandbox: Sandbox,
        doors: Refusals,
        health: watch::Receiver<HealthReport>,
        fold: FolderHandle,
    ) -> Readings {
        let (shared, store) = (Arc::clone(shared), Arc::clone(store));
        Readings { shared, store, sandbox, doors, health, fold }
    }

    /// All metrics of the host.
    pub(crate) fn text(&self) -> Result<String, String> {
        let (connections, policies) = (self.shared.connections(), self.fold.wanted().policies);
        let metrics = &self.shared.metrics;
        metrics.begin(
            connections.keys().map(String::as_str),
            policies.iter().map(|policy| policy.name.as_str()),
        );
        let mut text = String::new();
        let written = metrics.write(&mut text).and_then(|()| self.write(&mut text));
        written.map_err(|error| format!("metrics cannot be written: {error}"))?;
        Ok(text)
    }

    fn write(&self, out: &mut String) -> Result<(), Error> {
        let mut sheet = Sheet { registry: Registry::with_prefix("heliu") };
        self.queues(&mut sheet);
        self.fold(&mut sheet);
        self.conservation(&mut sheet);
        self.breakers(&mut sheet);
        self.letters(&mut sheet);
        self.strays(&mut sheet);
        let refused = self.doors.callers.refused();
        sheet.counter(
            "callers_refused",
            "Requests that were not looked at, because their address had failed too often",
            refused.map(|(door, refused)| (vec![("door", door.to_owned())], refused)),
        );
        let memory = u64::try_from(self.sandbox.memory_bytes()).unwrap_or(u64::MAX);
        sheet.number(
            "plugins_memory_bytes",
            "Linear memory of all running plugins",
            [(Labels::new(), memory)],
        );
        prometheus_text::encode(out, &sheet.registry)?;
        let mut process = Sheet { registry: Registry::default() };
        if let Some(bytes) = resident_bytes() {
            let name = "process_resident_memory_bytes";
            process.number(name, "Memory of the host's process", [(Labels::new(), bytes)]);
        }
        prometheus_text::encode(out, &process.registry)
    }

    fn queues(&self, sheet: &mut Sheet) {
        let named = |queue: &str, connection: &str| -> Labels {
            vec![("queue", queue.to_owned()), ("connection", connection.to_owned())]
        };
        let room =
            |queue: &mpsc::Sender<Incoming>| (queue.max_capacity() - queue.capacity(), queue.max_capacity());
        let mut queues: Vec<(Labels, (usize, usize))> =
            vec![(named("journal", ""), self.shared.appender.waiting())];
        queues.extend(self.doors.intake.upgrade().map(|intake| (named("intake", ""), room(&intake))));
        let mut refused = vec![
            (named("intake", ""), self.doors.full.load(Ordering::Relaxed)),
            (named("journal", ""), self.shared.appender.refused()),
        ];
        for connection in self.shared.connections().values() {
            let (name, standing) = (connection.name.as_str(), &connection.standing);
            let calls = CALLS_MAX + CALLS_WAITING_MAX;
            queues.push((
                named("webhooks", name),
                (calls - standing.waiting.available_permits().min(calls), calls),
            ));
            let chores = CHORES_MAX - standing.chores.available_permits().min(CHORES_MAX);
            queues.push((named("chores", name), (chores, CHORES_MAX)));
            let errands = usize::try_from(read(&standing.errands)).unwrap_or(usize::MAX);
            queues.push((named("errands", name), (errands, QUEUE_MAX)));
            let sent_away = standing.counts.requests.refused.get(super::counts::refused::TOO_MANY);
            refused.push((named("webhooks", name), sent_away));
        }
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let depth = queues.iter().map(|(labels, (depth, _))| (labels.clone(), wide(*depth)));
        sheet.number("queue_depth", "What waits, or is at work", depth);
        let capacity = queues.iter().map(|(labels, (_, capacity))| (labels.clone(), wide(*capacity)));
        sheet.number("queue_capacity", "How much of it is taken", capacity);
        sheet.counter("queue_refused", "What found the queue full and was told to come again", refused);
    }

    fn fold(&self, sheet: &mut Sheet) {
        let report = self.health.borrow().clone();
        let head = self.shared.journal.head().unwrap_or_default();
        let (alone, now) = (Labels::new, self.shared.clock.now());
        sheet.number("journal_position", "The last record", [(alone(), head.position)]);
        sheet.number("fold_position", "The last record that is folded", [(alone(), report.folded)]);
        let behind = head.position.saturating_sub(report.folded);
        sheet.number("fold_lag_records", "Records that are not folded", [(alone(), behind)]);
        // The oldest of them says since when the fold is behind.
        let oldest = if behind == 0 { None } else { self.shared.journal.read(report.folded, 1).ok() };
        let oldest = oldest.and_then(|records| records.first().map(|record| record.now));
        let lag = oldest.map_or(0, |oldest| now.saturating_sub(oldest));
        sheet.seconds("fold_lag_seconds", "How old the first record is that is not folded", lag);
        sheet.seconds("fold_fired_seconds", "Up to when alarms fired, in Unix time", report.fired);
        let trouble = u64::from(report.trouble.is_some());
        sheet.number(
            "trouble",
            "1 while the host is kept from its work, as /healthz says",
            [(alone(), trouble)],
        );
        let policy = |name: String| -> Labels { vec![("plugin", name)] };
        let paused = self.fold.paused();
        let wanted = self.fold.wanted().policies.into_iter().map(|binding| binding.name);
        let paused = wanted.map(|name| (policy(name.clone()), u64::from(paused.contains_key(&name))));
        sheet.number(
            "policy_paused",
            "1 while a policy decides nothing, because it could not be called or kept failing",
            paused,
        );
    }

    fn conservation(&self, sheet: &mut Sheet) {
        let connections = self.shared.connections();
        let each = |count: fn(&Connection) -> u64| -> Vec<(Labels, u64)> {
            connections.values().map(|one| (vec![of(one)], count(one))).collect()
        };
        sheet.counter(
            "requests_received",
            "Webhooks that were taken off the queue",
            each(|one| read(&one.standing.counts.requests.received)),
        );
        sheet.counter(
            "requests_answered",
            "Webhooks answered as their connector says, after what came of them was durable",
            each(|one| read(&one.standing.counts.requests.answered)),
        );
        sheet.counter(
            "events_yielded",
            "Events that connectors yielded",
            each(|one| read(&one.standing.counts.events.yielded)),
        );
        sheet.counter(
            "events_stored",
            "Those that were new",
            each(|one| read(&one.standing.counts.events.stored)),
        );
        sheet.counter(
            "events_duplicate",
            "Those that were known",
            each(|one| read(&one.standing.counts.events.duplicates)),
        );
        sheet.counter(
            "events_unkept",
            "Those that the journal did not take: they come again",
            each(|one| read(&one.standing.counts.events.unkept)),
        );
        let (mut refused, mut not_allowed) = (Vec::new(), Vec::new());
        let mut dead = Vec::new();
        for one in connections.values() {
            let counts = &one.standing.counts;
            let reason = |word: &str| ("reason", word.to_owned());
            let by = counts.requests.refused.all();
            refused.extend(by.into_iter().map(|(word, count)| (vec![of(one), reason(word)], count)));
            let by = counts.http_refused.all();
            not_allowed.extend(by.into_iter().map(|(word, count)| (vec![of(one), reason(word)], count)));
            let whats = [
                ("request", &counts.requests.dead),
                ("chore", &counts.dead_chores),
                ("poll", &counts.dead_polls),
            ];
            for (what, by) in whats {
                let what = ("what", what.to_owned());
                let by = by.all().into_iter();
                dead.extend(by.map(|(word, count)| (vec![of(one), what.clone(), reason(word)], count)));
            }
        }
        sheet.counter("requests_refused", "Webhooks sent away with nothing of them kept, by reason", refused);
        sheet.counter(
            "http_refused",
            "Requests of plugins to the network that nobody allowed, by reason",
            not_allowed,
        );
        sheet.counter("dead", "What became a dead letter, each time that it came", dead);
    }

    fn breakers(&self, sheet: &mut Sheet) {
        let (mut states, mut opened) = (Vec::new(), Vec::new());
        for connection in self.shared.connections().values() {
            for (door, breaker) in connection.standing.doors.breakers() {
                let (labels, standing) =
                    (vec![of(connection), ("door", door.to_owned())], breaker.standing());
                let state = match standing.state {
                    State::Closed => 0,
                    State::Probing => 1,
                    State::Open { until: _ } => 2,
                };
                states.push((labels.clone(), state));
                opened.push((labels, standing.opened));
            }
        }
        sheet.number("breaker_state", "0 closed, 1 trying once, 2 open", states);
        sheet.counter("breaker_opened", "How often it opened", opened);
    }

    /// A journal or store that cannot be read says so elsewhere; here its numbers are missing.
    fn letters(&self, sheet: &mut Sheet) {
        let mut waiting: Vec<(Labels, u64)> = Vec::new();
        let labels = |name: String, what: &str, reason: String| -> Labels {
            vec![("plugin", name), ("what", what.to_owned()), ("reason", reason)]
        };
        // Two versions of a plugin have one name.
        let mut add =
            |labels: Labels, letters: u64| match waiting.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, sum)) => *sum += letters,
                None => waiting.push((labels, letters)),
            };
        for count in self.shared.journal.dead_counts().unwrap_or_default() {
            add(labels(count.connection, count.what.name(), count.reason), count.letters);
        }
        let turns = dead::turn_groups(&*self.shared.journal, &*self.store).unwrap_or_default();
        for group in turns.found {
            add(labels(group.policy, "turn", group.reason), group.turns);
        }
        sheet.number("dead_waiting", "Dead letters that wait for somebody", waiting);
    }
}

/// Notes that are looked through for an answer to `/metrics`.
const STRAYS_MAX: u64 = 10_000;

impl Readings {
    fn strays(&self, sheet: &mut Sheet) {
        let (mut by, mut seen) = (BTreeMap::<String, u64>::new(), 0);
        let told = lookup::strays(&*self.store, String::new(), |stray| {
            *by.entry(stray.source).or_default() += 1;
            seen += 1;
            seen < STRAYS_MAX
        });
        let by = by.into_iter().map(|(source, strays)| (vec![("plugin", source)], strays));
        let by: Vec<(Labels, u64)> = if told.is_ok() { by.collect() } else { Vec::new() };
        sheet.number(
            "receipts_stray",
            "Receipts that were not taken, because whoever told them had not carried the errand",
            by,
        );
    }
}

/// What the system says that the process holds. None where it does not say so in this way.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
