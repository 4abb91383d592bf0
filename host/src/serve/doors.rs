//! The doors of a connection: a breaker before each interface of its connector, and what is wrong behind it.
//!
//! Whatever calls a connector goes through [`Connection::through`], so that no call is uncounted or unguarded.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant as Moment;

use model::{Fault, Instant};
use sandbox::{Called, FaultKind, PluginFault};

use super::breaker::{Breaker, OF_OPERATOR, OF_PLUGIN, Pass, State};
use super::connection::Connection;
use super::counts::bump;
use super::shared::Shared;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Webhook,
    Feed,
    Chores,
    Outlet,
}

impl Door {
    pub(crate) const ALL: [Door; 4] = [Door::Webhook, Door::Feed, Door::Chores, Door::Outlet];

    /// As it is printed, and in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Door::Webhook => "webhook",
            Door::Feed => "feed",
            Door::Chores => "chores",
            Door::Outlet => "outlet",
        }
    }
}

/// What metrics and people call the breaker that waits for an operator.
pub(crate) const CHANNEL: &str = "channel";

pub(crate) struct Doors {
    webhook: Arc<Breaker>,
    feed: Arc<Breaker>,
    chores: Arc<Breaker>,
    outlet: Arc<Breaker>,
    /// Before feed and chores, which ask the channel: it refuses the credentials, or the settings cannot work.
    pub(crate) channel: Arc<Breaker>,
    troubles: Mutex<BTreeMap<Door, String>>,
}

impl Doors {
    pub(crate) fn new() -> Doors {
        Doors {
            webhook: Breaker::new(OF_PLUGIN),
            feed: Breaker::new(OF_PLUGIN),
            chores: Breaker::new(OF_PLUGIN),
            outlet: Breaker::new(OF_PLUGIN),
            channel: Breaker::new(OF_OPERATOR),
            troubles: Mutex::default(),
        }
    }

    pub(crate) fn at(&self, door: Door) -> &Arc<Breaker> {
        match door {
            Door::Webhook => &self.webhook,
            Door::Feed => &self.feed,
            Door::Chores => &self.chores,
            Door::Outlet => &self.outlet,
        }
    }

    /// Lets a poll or a chore through to the channel, or says how many milliseconds to wait.
    pub(crate) fn admit_asking(&self, door: Door, now: Instant) -> Result<Asking, u64> {
        let plugin = self.at(door).admit(now)?;
        let channel = self.channel.admit(now)?;
        Ok(Asking { plugin, channel })
    }

    /// Lets one through that an operator asked for.
    pub(crate) fn admit_asked(&self, door: Door) -> Asking {
        Asking { plugin: self.at(door).admit_asked(), channel: self.channel.admit_asked() }
    }

    /// Every breaker under its name.
    pub(crate) fn breakers(&self) -> Vec<(&'static str, &Arc<Breaker>)> {
        let doors = Door::ALL.into_iter().map(|door| (door.name(), self.at(door)));
        doors.chain([(CHANNEL, &self.channel)]).collect()
    }

    /// Those that let nobody through as usual, in words.
    pub(crate) fn paused(&self) -> Option<String> {
        let shut = self.breakers().into_iter().filter_map(|(name, breaker)| {
            let standing = breaker.standing();
            let why = standing.why.unwrap_or_default();
            match standing.state {
                State::Closed => None,
                State::Open { until: _ } => Some(format!("{name} paused: {why}")),
                State::Probing => Some(format!("{name} is tried again: {why}")),
            }
        });
        let shut: Vec<String> = shut.collect();
        (!shut.is_empty()).then(|| shut.join("; "))
    }

    /// An operator acted, perhaps.
    pub(crate) fn try_again(&self) {
        self.breakers().into_iter().for_each(|(_, breaker)| breaker.try_again());
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let told = troubles.iter().map(|(door, why)| format!("{}: {why}", door.name()));
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    pub(crate) fn set_trouble(&self, door: Door, trouble: Option<String>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(why) => troubles.insert(door, why),
            None => troubles.remove(&door),
        };
    }
}

/// A call that asks the channel was let through.
pub(crate) struct Asking {
    plugin: Pass,
    channel: Pass,
}

impl Asking {
    /// Splits off what tells of the plugin itself.
    pub(crate) fn split(self) -> (Pass, Answering) {
        (self.plugin, Answering { channel: self.channel })
    }
}

/// What tells whether the channel works with us.
pub(crate) struct Answering {
    channel: Pass,
}

impl Answering {
    pub(crate) fn went(self) {
        self.channel.went();
    }

    /// Only what an operator must mend is held against the channel: it may be busy, or a page of it odd.
    pub(crate) fn failed(self, now: Instant, fault: &Fault) {
        match fault {
            Fault::Misconfigured(why) => self.channel.failed(now, format!("misconfigured: {why}")),
            Fault::Unauthorised(why) => self.channel.failed(now, format!("unauthorised: {why}")),
            Fault::Malformed(_) | Fault::Later { .. } => drop(self),
        }
    }
}

impl Connection {
    /// Awaits a call of the connector: counts and times it, and tells the breaker how the plugin did.
    pub(crate) async fn through<T>(
        &self,
        shared: &Shared,
        door: Door,
        pass: Pass,
        call: impl Future<Output = Result<Called<T>, PluginFault>>,
    ) -> Result<Called<T>, PluginFault> {
        let counts = &self.standing.counts;
        bump(&counts.calls, 1);
        let began = Moment::now();
        let called = call.await;
        shared.metrics.connector_call(&self.name, door, began.elapsed(), &called);
        match &called {
            Ok(_) => pass.went(),
            // Not the plugin's doing.
            Err(PluginFault { kind: FaultKind::Busy { .. } | FaultKind::NotOffered { .. }, .. }) => {
                drop(pass)
            }
            Err(fault) => {
                bump(&counts.faults, 1);
                pass.failed(shared.clock.now(), fault.outline());
                self.standing.doors.set_trouble(door, Some(fault.outline()));
            }
        }
        called
    }
}
