//! Plugins that behave, in the same sandbox as the one that does not.

use std::cell::Cell;
use std::thread;

use guests::{Guest, healthy};
use model::{Change, Request};
use sandbox::{
    Connector, FaultKind, Grants, Limits, LoadError, Plugin, PluginFault, Policy, Sandbox, Trouble,
    TurnOutcome,
};
use tokio::runtime::{Builder, Runtime};

use crate::guest::{SETTINGS, call, request, sandbox, turns};

/// One thread: whoever keeps it keeps it from the others.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub struct Neighbours {
    pub sandbox: Sandbox,
    policy: Policy,
    connector: Connector,
}

impl Neighbours {
    pub fn new(limits: Limits) -> Neighbours {
        let sandbox = sandbox(limits);
        let policy = as_policy(sandbox.admit(&healthy::policy(), &Grants::none()));
        let connector = as_connector(sandbox.admit(&healthy::connector(), &Grants::none()));
        Neighbours { sandbox, policy, connector }
    }

    pub fn admit(&self, guest: Guest) -> Result<Plugin, LoadError> {
        self.sandbox.admit(&guest.file(), &Grants::all())
    }

    pub fn hostile_policy(&self, guest: Guest) -> Policy {
        as_policy(self.admit(guest))
    }

    pub fn hostile_connector(&self, guest: Guest) -> Connector {
        as_connector(self.admit(guest))
    }

    /// The policy decides as ever: each turn has its own verdict.
    pub fn decide(&self) {
        for (at, outcome) in self.policy.evaluate(SETTINGS, &turns(5)).unwrap().into_iter().enumerate() {
            let TurnOutcome::Verdict(verdict) = outcome else { panic!("{outcome:?}") };
            assert_eq!(verdict.memory.unwrap(), (at as u64 + 1).to_le_bytes());
            let [decision] = verdict.decisions.as_slice() else { panic!("{:?}", verdict.decisions) };
            assert!(matches!(&decision.change, Change::Tag(tag) if tag.name == "vip"), "{decision:?}");
        }
    }

    /// The connector answers as ever, within its own deadline.
    pub async fn answer(&self) {
        let body = b"what only this webhook says".to_vec();
        let request = Request { body: body.clone(), ..request() };
        let called = self.connector.receive(call(), &request).await.unwrap();
        assert_eq!(called.value.unwrap().answer.body, body);
    }

    pub async fn go_on(&self) {
        self.decide();
        self.answer().await;
    }

    /// What comes of an attack, while webhooks are answered in the same thread all the time, and of nothing else after it.
    pub async fn during<T>(&self, attack: impl Future<Output = T>) -> T {
        let over = Cell::new(false);
        let attack = async {
            let outcome = attack.await;
            over.set(true);
            outcome
        };
        let answers = async {
            while !over.get() {
                self.answer().await;
                tokio::task::yield_now().await;
            }
        };
        let (outcome, ()) = tokio::join!(attack, answers);
        self.go_on().await;
        outcome
    }

    /// What comes of an attack on a thread of its own, and how often all others decided and answered before it was over.
    pub async fn beside<T: Send + 'static>(&self, attack: impl FnOnce() -> T + Send + 'static) -> (T, usize) {
        let attack = tokio::task::spawn_blocking(attack);
        let mut went_on = 0;
        while !attack.is_finished() {
            self.go_on().await;
            went_on += 1;
        }
        (attack.await.unwrap(), went_on)
    }

    /// What a policy makes of five turns, while another decides beside it all the time. It spoils the third, if any.
    pub async fn decided_by(&self, policy: &Policy) -> Result<Vec<TurnOutcome>, Trouble> {
        let outcomes = thread::scope(|scope| {
            let attack = scope.spawn(|| policy.evaluate(SETTINGS, &turns(5)));
            while !attack.is_finished() {
                self.decide();
            }
            attack.join().unwrap()
        });
        self.go_on().await;
        outcomes
    }
}

/// How a webhook fails, and that the fault names the plugin and its version.
pub async fn fault_of(limits: Limits, guest: Guest) -> PluginFault {
    let neighbours = Neighbours::new(limits);
    let connector = neighbours.hostile_connector(guest);
    let request = request();
    let fault = neighbours.during(connector.receive(call(), &request)).await.unwrap_err();
    assert_named(&fault, &connector);
    fault
}

pub fn assert_named(fault: &PluginFault, connector: &Connector) {
    let named = format!("plugin \"hostile\" ({})", connector.digest().short());
    assert!(fault.to_string().starts_with(&named), "{fault}");
}

/// The fault is this limit's, and says so to an operator.
pub fn assert_limit(fault: &PluginFault, limit: &str) {
    assert!(matches!(fault.kind, FaultKind::Limit { name, .. } if name == limit), "{fault}");
    assert!(fault.to_string().contains(limit), "{fault}");
}

pub fn as_policy(plugin: Result<Plugin, LoadError>) -> Policy {
    match plugin.unwrap() {
        Plugin::Policy(policy) => policy,
        Plugin::Connector(_) => panic!("a connector"),
    }
}

pub fn as_connector(plugin: Result<Plugin, LoadError>) -> Connector {
    match plugin.unwrap() {
        Plugin::Connector(connector) => connector,
        Plugin::Policy(_) => panic!("a policy"),
    }
}
