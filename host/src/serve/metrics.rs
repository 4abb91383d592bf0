//! What the host counts, for `/metrics`.
//!
//! Histograms and counters of calls live here and are told as things happen. Whatever somebody else knows already (queues, the
//! journal's head, connections' own counts) is read when it is asked for: [`super::readings`].
//!
//! Invariant: a label's values come from the configuration or from a fixed list, never from a channel or a customer.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::IntentState;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use router::{PluginsError, TurnOutcome};
use sandbox::{Called, FaultKind, PluginFault};

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
                if let FaultKind::Limit { name, text: _ } = &fault.kind {
                    self.limits.get_or_create(&vec![plugin(), ("limit", (*name).to_owned())]).inc();
                }
            }
        }
    }

    pub(crate) fn policy_call(
        &self,
        policy: &str,
        took: Duration,
        decided: Result<(&[TurnOutcome], Spent), &PluginsError>,
    ) {
        let labels = vec![("plugin", policy.to_owned()), ("door", "policy".to_owned())];
        let plugin = || ("plugin", policy.to_owned());
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = policies.entry(policy.to_owned()).or_default();
        match decided {
            Ok((outcomes, Spent { calls, fuel, memory_bytes })) => {
                self.calls.get_or_create(&labels).inc_by(calls.into());
                self.turns.get_or_create(&vec![plugin()]).inc_by(outcomes.len() as u64);
                self.fuel.get_or_create(&vec![plugin()]).inc_by(fuel);
                self.held(policy, memory_bytes);
                counts.calls += u64::from(calls);
                counts.trouble = None;
                for outcome in outcomes {
                    let TurnOutcome::Fault { kind, text: _ } = outcome else { continue };
                    counts.faults += 1;
                    self.faults.get_or_create(&vec![plugin(), ("kind", kind.clone())]).inc();
                    let limit = match kind.as_str() {
                        "fuel" => Some("policy_fuel"),
                        "memory" => Some("policy_memory_bytes"),
                        _ => None,
                    };
                    if let Some(limit) = limit {
                        self.limits.get_or_create(&vec![plugin(), ("limit", limit.to_owned())]).inc();
                    }
                }
            }
            Err(error) => {
                self.calls.get_or_create(&labels).inc();
                self.faults.get_or_create(&vec![plugin(), ("kind", "not_called".to_owned())]).inc();
                counts.calls += 1;
                counts.faults += 1;
                counts.trouble = Some(error.reason.clone());
            }
        }
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
        let scene = SCENES.iter().find(|known| **known == scene).copied().unwrap_or("other");
        let labels = vec![
            ("scene", scene.to_owned()),
            ("state", state_name(state).to_owned()),
            ("connection", connection.unwrap_or_default().to_owned()),
        ];
        self.steps.get_or_create(&labels).inc();
    }

    pub(crate) fn policy_counts(&self, policy: &str) -> PolicyCounts {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.get(policy).cloned().unwrap_or_default()
    }
}

/// What a call of a policy cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) calls: u32,
    pub(crate) fuel: u64,
    pub(crate) memory_bytes: usize,
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
    use super::*;

    #[test]
    fn what_is_counted_is_written_with_its_labels() {
        let metrics = Metrics::new();
        let spent = Spent { calls: 3, fuel: 500, memory_bytes: 65_536 };
        let fault = TurnOutcome::Fault { kind: "fuel".to_owned(), text: String::new() };
        metrics.policy_call("tags", Duration::from_millis(3), Ok((&[fault], spent)));
        metrics.step("welcome", IntentState::Sent, Some("wecom"));
        metrics.step("what-a-policy-made-up", IntentState::Held, None);
        let mut text = String::new();
        metrics.write(&mut text).unwrap();
        for line in [
            "heliu_plugin_calls_total{plugin=\"tags\",door=\"policy\"} 3",
            "heliu_policy_fuel_total{plugin=\"tags\"} 500",
            "heliu_plugin_faults_total{plugin=\"tags\",kind=\"fuel\"} 1",
            "heliu_plugin_limits_total{plugin=\"tags\",limit=\"policy_fuel\"} 1",
            "heliu_plugin_call_seconds_count{plugin=\"tags\",door=\"policy\"} 1",
            "heliu_plugin_call_memory_bytes{plugin=\"tags\"} 65536",
            "heliu_courier_steps_total{scene=\"welcome\",state=\"sent\",connection=\"wecom\"} 1",
            "heliu_courier_steps_total{scene=\"other\",state=\"held\",connection=\"\"} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
        assert_eq!(metrics.policy_counts("tags"), PolicyCounts { calls: 3, faults: 1, trouble: None });
    }
}
