//! What the host counts, for `/metrics`.
//!
//! Histograms and counters of calls live here and are told as things happen. Whatever somebody else knows already (queues, the
//! journal's head, connections' own counts) is read when it is asked for: [`super::readings`].
//!
//! Invariant: a label's values come from the configuration or from a fixed list, never from a channel or a customer.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::{Class, IntentState};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use router::PluginsError;
use sandbox::{Called, Evaluation, FaultKind, PluginFault, TurnFaultKind, TurnOutcome};

use super::doors::Door;

/// Names and values.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Scenes that the contract names. A policy may make up others: they are counted together.
const SCENES: &[&str] = &[
    "direct-message",
    "group-message",
    "moments",
    "welcome",
    "tag",
    "remark",
    "coupon",
    "friend-request",
    "points",
    "staff-task",
];

/// What those are called that the contract does not name.
const OTHER: &str = "other";

/// How a policy fails that could not be called.
const NOT_CALLED: &str = "not_called";

/// The same of one that failed at turn after turn.
const KEEPS_FAILING: &str = "keeps_failing";

/// From half a millisecond, a quick call, to half a minute, where `connector_wall` ends all of them.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.0005, 2.0, 17))
    }
}

pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, Seconds>,
    faults: Family<Labels, Counter>,
    limits: Family<Labels, Counter>,
    memory: Family<Labels, Gauge>,
    turns: Family<Labels, Counter>,
    fuel: Family<Labels, Counter>,
    failing: Family<Labels, Counter<f64, AtomicU64>>,
    refused: Family<Labels, Counter>,
    commits: Family<Labels, Histogram, Seconds>,
    steps: Family<Labels, Counter>,
    policies: Mutex<BTreeMap<String, PolicyCounts>>,
}

/// What one policy did since the host started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyCounts {
    pub(crate) calls: u64,
    /// Turns at which it failed, and calls that came to nothing.
    pub(crate) faults: u64,
    /// Why it could not be called the last time.
    pub(crate) trouble: Option<String>,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut registry = Registry::with_prefix("heliu");
        let seconds = || Family::<Labels, Histogram, Seconds>::new_with_constructor(Seconds);
        let metrics = Metrics {
            calls: Family::default(),
            seconds: seconds(),
            faults: Family::default(),
            limits: Family::default(),
            memory: Family::default(),
            turns: Family::default(),
            fuel: Family::default(),
            failing: Family::default(),
            refused: Family::default(),
            commits: seconds(),
            steps: Family::default(),
            policies: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register("plugin_calls", "Calls of plugins", metrics.calls.clone());
        registry.register("plugin_call_seconds", "How long they took", metrics.seconds.clone());
        registry.register(
            "plugin_faults",
            "Calls or turns at which a plugin failed, by kind",
            metrics.faults.clone(),
        );
        registry.register(
            "plugin_limits",
            "Calls that ended at a limit, by its name",
            metrics.limits.clone(),
        );
        registry.register(
            "plugin_call_memory_bytes",
            "The most linear memory of one call",
            metrics.memory.clone(),
        );
        registry.register("policy_turns", "Turns that a policy was shown", metrics.turns.clone());
        registry.register(
            "policy_fuel",
            "Fuel that a policy used, about one for each instruction",
            metrics.fuel.clone(),
        );
        registry.register(
            "policy_failing_seconds",
            "How long calls of a policy took that came to nothing",
            metrics.failing.clone(),
        );
        registry.register(
            "plugins_refused",
            "Components that the configuration names and that were not taken when it was read again",
            metrics.refused.clone(),
        );
        registry.register(
            "commit_seconds",
            "How long commits of the journal and the store took",
            metrics.commits.clone(),
        );
        registry.register("courier_steps", "Steps of intents that the courier told", metrics.steps.clone());
        Metrics { registry, ..metrics }
    }

    /// Everything that is counted here, as Prometheus reads it.
    pub(crate) fn write(&self, out: &mut String) -> Result<(), std::fmt::Error> {
        prometheus_text::encode(out, &self.registry)
    }

    /// Counts what these plugins have not done yet: of a number that appears with 1 nobody sees that it grew.
    pub(crate) fn begin<'a>(
        &self,
        connections: impl Iterator<Item = &'a str>,
        policies: impl Iterator<Item = &'a str>,
    ) {
        let begin = |plugin: &str, kind: &str| {
            let labels = vec![("plugin", plugin.to_owned()), ("kind", kind.to_owned())];
            drop(self.faults.get_or_create(&labels));
        };
        for connection in connections {
            FaultKind::NAMES.iter().for_each(|kind| begin(connection, kind));
            for scene in SCENES.iter().chain([&OTHER]) {
                drop(self.steps.get_or_create(&step_labels(scene, IntentState::Failed, Some(connection))));
            }
        }
        for policy in policies {
            TurnFaultKind::NAMES
                .iter()
                .chain([&NOT_CALLED, &KEEPS_FAILING])
                .for_each(|kind| begin(policy, kind));
        }
    }

    pub(crate) fn connector_call<T>(
        &self,
        connection: &str,
        door: Door,
        took: Duration,
        called: &Result<Called<T>, PluginFault>,
    ) {
        let labels = vec![("plugin", connection.to_owned()), ("door", door.name().to_owned())];
        self.calls.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let plugin = || ("plugin", connection.to_owned());
        match called {
            Ok(called) => self.held(connection, called.memory_bytes),
            Err(fault) => {
                let kind = ("kind", fault.kind.name().to_owned());
                self.faults.get_or_create(&vec![plugin(), kind]).inc();
                if let Some(limit) = fault.kind.limit() {
                    self.limits.get_or_create(&vec![plugin(), ("limit", limit.to_owned())]).inc();
                }
            }
        }
    }

    pub(crate) fn policy_call(
        &self,
        policy: &str,
        took: Duration,
        decided: Result<&Evaluation, &PluginsError>,
    ) {
        let labels = vec![("plugin", policy.to_owned()), ("door", "policy".to_owned())];
        let plugin = || ("plugin", policy.to_owned());
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = policies.entry(policy.to_owned()).or_default();
        match decided {
            Ok(Evaluation { outcomes, fuel, calls, memory_bytes, failing }) => {
                self.calls.get_or_create(&labels).inc_by(u64::from(*calls));
                self.turns.get_or_create(&vec![plugin()]).inc_by(outcomes.len() as u64);
                self.fuel.get_or_create(&vec![plugin()]).inc_by(*fuel);
                self.failing.get_or_create(&vec![plugin()]).inc_by(failing.as_secs_f64());
                self.held(policy, *memory_bytes);
                counts.calls += u64::from(*calls);
                counts.trouble = None;
                for outcome in outcomes {
                    let TurnOutcome::Fault(fault) = outcome else { continue };
                    counts.faults += 1;
                    let kind = ("kind", fault.kind.name().to_owned());
                    self.faults.get_or_create(&vec![plugin(), kind]).inc();
                    if let Some(limit) = fault.limit {
                        self.limits.get_or_create(&vec![plugin(), ("limit", limit.to_owned())]).inc();
                    }
                }
            }
            Err(error) => {
                self.calls.get_or_create(&labels).inc();
                let kind = match error.class {
                    Class::Reject => KEEPS_FAILING,
                    Class::Retry | Class::Operator | Class::Bug => NOT_CALLED,
                };
                self.faults.get_or_create(&vec![plugin(), ("kind", kind.to_owned())]).inc();
                counts.calls += 1;
                counts.faults += 1;
                counts.trouble = Some(error.reason.clone());
            }
        }
    }

    /// What the configuration calls by this name, and the host does not take.
    pub(crate) fn plugin_refused(&self, name: &str) {
        self.refused.get_or_create(&vec![("plugin", name.to_owned())]).inc();
    }

    fn held(&self, plugin: &str, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let gauge = self.memory.get_or_create(&vec![("plugin", plugin.to_owned())]);
        gauge.inner().fetch_max(bytes, std::sync::atomic::Ordering::Relaxed);
    }

    /// `journal` or `store`.
    pub(crate) fn commit(&self, what: &'static str, took: Duration) {
        self.commits.get_or_create(&vec![("what", what.to_owned())]).observe(took.as_secs_f64());
    }

    pub(crate) fn step(&self, scene: &str, state: IntentState, connection: Option<&str>) {
        let scene = SCENES.iter().find(|known| **known == scene).copied().unwrap_or(OTHER);
        self.steps.get_or_create(&step_labels(scene, state, connection)).inc();
    }

    pub(crate) fn policy_counts(&self, policy: &str) -> PolicyCounts {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.get(policy).cloned().unwrap_or_default()
    }
}

fn step_labels(scene: &str, state: IntentState, connection: Option<&str>) -> Labels {
    vec![
        ("scene", scene.to_owned()),
        ("state", state_name(state).to_owned()),
        ("connection", connection.unwrap_or_default().to_owned()),
    ]
}

fn state_name(state: IntentState) -> &'static str {
    match state {
        IntentState::Proposed => "proposed",
        IntentState::Held => "held",
        IntentState::Dropped => "dropped",
        IntentState::Expired => "expired",
        IntentState::Past => "past",
        IntentState::Due => "due",
        IntentState::AwaitingStaff => "awaiting_staff",
        IntentState::Carried => "carried",
        IntentState::Sent => "sent",
        IntentState::Confirmed => "confirmed",
        IntentState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use sandbox::{TurnFault, TurnFaultKind};

    use super::*;

    #[test]
    fn what_a_plugin_has_not_done_yet_is_counted_too() {
        let metrics = Metrics::new();
        let written = || {
            let mut text = String::new();
            metrics.write(&mut text).unwrap();
            text
        };
        assert!(!written().contains("wecom"));
        metrics.begin(["wecom"].into_iter(), ["tags"].into_iter());
        let fresh = written();
        let kinds = |plugin: &str| {
            let of = format!("heliu_plugin_faults_total{{plugin=\"{plugin}\",kind=");
            fresh.lines().filter(|line| line.starts_with(&of) && line.ends_with(" 0")).count()
        };
        assert_eq!((kinds("wecom"), kinds("tags")), (FaultKind::NAMES.len(), TurnFaultKind::NAMES.len() + 2));
        let failed = "state=\"failed\",connection=\"wecom\"} 0";
        assert_eq!(fresh.lines().filter(|line| line.ends_with(failed)).count(), SCENES.len() + 1);
        // What is there already stays as it is.
        metrics.step("welcome", IntentState::Failed, Some("wecom"));
        metrics.begin(["wecom"].into_iter(), std::iter::empty());
        let line = "heliu_courier_steps_total{scene=\"welcome\",state=\"failed\",connection=\"wecom\"} 1";
        assert!(written().lines().any(|told| told == line));
    }

    #[test]
    fn what_is_counted_is_written_with_its_labels() {
        let metrics = Metrics::new();
        let fault = |kind, limit| TurnOutcome::Fault(TurnFault { kind, text: String::new(), limit });
        let evaluation = Evaluation {
            outcomes: vec![
                fault(TurnFaultKind::Fuel, Some("policy_fuel")),
                fault(TurnFaultKind::Memory, Some("table_elements")),
                fault(TurnFaultKind::Bounds, Some("verdict_decisions")),
                fault(TurnFaultKind::Bounds, None),
            ],
            fuel: 500,
            calls: 3,
            memory_bytes: 65_536,
            failing: Duration::from_millis(1500),
        };
        metrics.policy_call("tags", Duration::from_millis(3), Ok(&evaluation));
        let (binding, reason) = ("loops".to_owned(), "it keeps failing".to_owned());
        let error = PluginsError { binding, reason, class: Class::Reject };
        metrics.policy_call("loops", Duration::from_millis(3), Err(&error));
        metrics.plugin_refused("hostile");
        metrics.step("welcome", IntentState::Sent, Some("wecom"));
        metrics.step("what-a-policy-made-up", IntentState::Held, None);
        let mut text = String::new();
        metrics.write(&mut text).unwrap();
        for line in [
            "heliu_plugin_calls_total{plugin=\"tags\",door=\"policy\"} 3",
            "heliu_policy_fuel_total{plugin=\"tags\"} 500",
            "heliu_plugin_faults_total{plugin=\"tags\",kind=\"fuel\"} 1",
            "heliu_plugin_faults_total{plugin=\"tags\",kind=\"bounds\"} 2",
            "heliu_plugin_faults_total{plugin=\"loops\",kind=\"keeps_failing\"} 1",
            "heliu_plugin_limits_total{plugin=\"tags\",limit=\"policy_fuel\"} 1",
            "heliu_plugin_limits_total{plugin=\"tags\",limit=\"table_elements\"} 1",
            "heliu_plugin_limits_total{plugin=\"tags\",limit=\"verdict_decisions\"} 1",
            "heliu_policy_failing_seconds_total{plugin=\"tags\"} 1.5",
            "heliu_plugins_refused_total{plugin=\"hostile\"} 1",
            "heliu_plugin_call_seconds_count{plugin=\"tags\",door=\"policy\"} 1",
            "heliu_plugin_call_memory_bytes{plugin=\"tags\"} 65536",
            "heliu_courier_steps_total{scene=\"welcome\",state=\"sent\",connection=\"wecom\"} 1",
            "heliu_courier_steps_total{scene=\"other\",state=\"held\",connection=\"\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
        assert_eq!(metrics.policy_counts("tags"), PolicyCounts { calls: 3, faults: 4, trouble: None });
    }
}
