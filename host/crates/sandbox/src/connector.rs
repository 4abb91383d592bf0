//! Calls of connectors: each in a fresh instance, within its limits, with the host functions that were granted.

use std::sync::Arc;

use abi::v0_1 as wit;
use model::{
    Chore, ConnectorDescriptor, Delivery, Digest, Errand, Fault, Harvest, Json, Outcome, Page, Reception,
    Refusal, Request,
};
use tokio::time::error::Elapsed;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use crate::admission::{LoadErrorKind, at_once};
use crate::bounds::{Bounds, OutOfBounds};
use crate::call::{Call, CallLog, CallMemory, Called, ConnectionMemory, State};
use crate::engine::{Class, ticks};
use crate::fault::{FaultKind, PluginFault};
use crate::http::Http;
use crate::imports::Grants;
use crate::meter::{MemoryBudget, Meter, Portion};
use crate::places::Room;
use crate::redact::Redactor;
use crate::sandbox::Runtime;
use crate::stop::{Ending, backtrace, describe_failure, ending};

/// An admitted connector. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Arc<Runtime>,
    pre: InstancePre<State>,
    exports: Exports,
    descriptor: ConnectorDescriptor,
    digest: Digest,
    /// Of all its calls.
    memory: Arc<MemoryBudget>,
    /// How many usual calls' room in the pool one call takes.
    room: u32,
}

/// The interfaces that it exports, besides its description.
struct Exports {
    webhook: Option<wit::webhook::GuestIndices>,
    feed: Option<wit::feed::GuestIndices>,
    chores: Option<wit::chore_worker::GuestIndices>,
    outlet: Option<wit::outlet::GuestIndices>,
}

/// What a connector can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    pub webhook: bool,
    pub feed: bool,
    pub chores: bool,
    pub outlet: bool,
}

impl Connector {
    pub(crate) fn admit(
        runtime: &Arc<Runtime>,
        component: &Component,
        digest: Digest,
        grants: &Grants,
        room: u32,
    ) -> Result<Connector, LoadErrorKind> {
        let about = wit::ABOUT_CONNECTOR;
        let mut linker = Linker::new(&runtime.connectors.engine);
        let linked = grants.imports.iter().try_for_each(|import| import.link(&mut linker));
        let pre = linked.and_then(|()| linker.instantiate_pre(component)).map_err(|error| {
            LoadErrorKind::Contract { interface: "an import", reason: format!("{error:#}") }
        })?;
        let exports = Exports::find(&pre)?;
        let indices = wit::about_connector::GuestIndices::new(&pre)
            .map_err(|error| LoadErrorKind::Contract { interface: about, reason: format!("{error:#}") })?;
        let failed = |error: wasmtime::Error| LoadErrorKind::Describe {
            reason: describe_failure(&error, Class::Connector),
        };
        let mut store = describing(runtime);
        let described = at_once(async {
            let instance = pre.instantiate_async(&mut store).await.map_err(failed)?;
            exports.check(&mut store, &instance)?;
            let guest = indices.load(&mut store, &instance).map_err(|error| LoadErrorKind::Contract {
                interface: about,
                reason: format!("{error:#}"),
            })?;
            guest.call_describe(&mut store).await.map_err(failed)
        });
        let waited = || LoadErrorKind::Describe { reason: "it waited for something".to_owned() };
        let descriptor: ConnectorDescriptor = described.ok_or_else(waited)??.into();
        Bounds::new(&runtime.limits)
            .connector_descriptor(&descriptor)
            .map_err(|OutOfBounds { text: reason, limit: _ }| LoadErrorKind::Descriptor { reason })?;
        let memory = MemoryBudget::of_one_connector(&runtime.limits, &runtime.connectors_memory);
        let runtime = Arc::clone(runtime);
        Ok(Connector { inner: Arc::new(Inner { runtime, pre, exports, descriptor, digest, memory, room }) })
    }

    #[must_use]
    pub fn descriptor(&self) -> &ConnectorDescriptor {
        &self.inner.descriptor
    }

    /// SHA-256 of the component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    #[must_use]
    pub fn offers(&self) -> Offers {
        let Exports { webhook, feed, chores, outlet } = &self.inner.exports;
        Offers {
            webhook: webhook.is_some(),
            feed: feed.is_some(),
            chores: chores.is_some(),
            outlet: outlet.is_some(),
        }
    }

    /// A text about a call with these settings, fit to be printed.
    #[must_use]
    pub fn without_secrets(&self, settings: &str, text: &str) -> String {
        Redactor::new(&self.inner.descriptor.settings_schema, settings, &[]).redact(text).into_owned()
    }

    /// The channel called.
    ///
    /// # Errors
    /// The plugin misbehaved, or the host is busy. A refusal of the request is an answer.
    pub async fn receive(
        &self,
        call: Call,
        request: &Request,
    ) -> Result<Called<Result<Reception, Refusal>>, PluginFault> {
        let Some(webhook) = &self.inner.exports.webhook else {
            return Err(self.not_offered(wit::WEBHOOK));
        };
        let request: wit::webhook::Request = request.clone().into();
        let mut visit = self.visit(call).await?;
        let wall = self.inner.runtime.limits.connector_wall;
        let answer = tokio::time::timeout(wall, async {
            let instance = self.inner.pre.instantiate_async(&mut visit.store).await?;
            let guest = webhook.load(&mut visit.store, &instance)?;
            guest.call_receive(&mut visit.store, &visit.settings, &request).await
        })
        .await;
        visit.leave(answer, |answer, bounds, redactor| {
            let schemes = &self.inner.descriptor.schemes;
            match answer {
                Ok(reception) => {
                    let reception = Reception::from(reception);
                    bounds.harvest(&reception.kept, schemes)?;
                    bounds.answer(&reception.answer)?;
                    Ok(Ok(reception))
                }
                Err(refusal) => match Refusal::from(refusal) {
                    Refusal::NotAuthentic(why) => Ok(Err(Refusal::NotAuthentic(said(&why, redactor)))),
                    Refusal::Malformed { why, answer } => {
                        bounds.answer(&answer)?;
                        Ok(Err(Refusal::Malformed { why: said(&why, redactor), answer }))
                    }
                },
            }
        })
    }

    /// We call the channel.
    ///
    /// # Errors
    /// The plugin misbehaved, or the host is busy. A fault that it reports is an answer.
    pub async fn poll(
        &self,
        call: Call,
        cursor: Option<&Json>,
    ) -> Result<Called<Result<Page, Fault>>, PluginFault> {
        let Some(feed) = &self.inner.exports.feed else {
            return Err(self.not_offered(wit::FEED));
        };
        let mut visit = self.visit(call).await?;
        let wall = self.inner.runtime.limits.connector_wall;
        let answer = tokio::time::timeout(wall, async {
            let instance = self.inner.pre.instantiate_async(&mut visit.store).await?;
            let guest = feed.load(&mut visit.store, &instance)?;
            guest.call_poll(&mut visit.store, &visit.settings, cursor).await
        })
        .await;
        visit.leave(answer, |answer, bounds, redactor| match answer {
            Ok(page) => {
                let page = Page::from(page);
                bounds.page(&page, &self.inner.descriptor.schemes)?;
                Ok(Ok(page))
            }
            Err(fault) => Ok(Err(reported(fault.into(), redactor))),
        })
    }

    /// It does a chore that it asked for.
    ///
    /// # Errors
    /// The plugin misbehaved, or the host is busy. A fault that it reports is an answer.
    pub async fn work(
        &self,
        call: Call,
        chore: &Chore,
    ) -> Result<Called<Result<Harvest, Fault>>, PluginFault> {
        let Some(chores) = &self.inner.exports.chores else {
            return Err(self.not_offered(wit::CHORE_WORKER));
        };
        let chore: wit::chores::Chore = chore.clone().into();
        let mut visit = self.visit(call).await?;
        let wall = self.inner.runtime.limits.connector_wall;
        let answer = tokio::time::timeout(wall, async {
            let instance = self.inner.pre.instantiate_async(&mut visit.store).await?;
            let guest = chores.load(&mut visit.store, &instance)?;
            guest.call_work(&mut visit.store, &visit.settings, &chore).await
        })
        .await;
        visit.leave(answer, |answer, bounds, redactor| match answer {
            Ok(harvest) => {
                let harvest = Harvest::from(harvest);
                bounds.harvest(&harvest, &self.inner.descriptor.schemes)?;
                Ok(Ok(harvest))
            }
            Err(fault) => Ok(Err(reported(fault.into(), redactor))),
        })
    }

    /// It carries errands. What comes back has one outcome for each, in their order; outcomes, chores and memory belong
    /// together and are kept together.
    ///
    /// # Errors
    /// The plugin misbehaved, or the host is busy. Some errands may have been carried then, and nobody knows which: only
    /// [`FaultKind::NotOffered`] and a busy host say that none was. A fault of one errand is its outcome.
    pub async fn carry(&self, call: Call, errands: &[Errand]) -> Result<Called<Delivery>, PluginFault> {
        let Some(outlet) = &self.inner.exports.outlet else {
            return Err(self.not_offered(wit::OUTLET));
        };
        let lent: Vec<wit::outlet::Errand> = errands.iter().cloned().map(Into::into).collect();
        let mut visit = self.visit(call).await?;
        let wall = self.inner.runtime.limits.connector_wall;
        let answer = tokio::time::timeout(wall, async {
            let instance = self.inner.pre.instantiate_async(&mut visit.store).await?;
            let guest = outlet.load(&mut visit.store, &instance)?;
            guest.call_carry(&mut visit.store, &visit.settings, &lent).await
        })
        .await;
        visit.leave(answer, |delivery, bounds, redactor| {
            let Delivery { outcomes, chores } = delivery.into();
            let told = |outcome| match outcome {
                Outcome::Sent(_) | Outcome::AwaitingStaff(_) => outcome,
                Outcome::Failed(fault) => Outcome::Failed(reported(fault, redactor)),
            };
            let delivery = Delivery { outcomes: outcomes.into_iter().map(told).collect(), chores };
            bounds.delivery(&delivery, errands.len())?;
            Ok(delivery)
        })
    }

    fn not_offered(&self, interface: &'static str) -> PluginFault {
        self.fault(FaultKind::NotOffered { interface })
    }

    fn fault(&self, kind: FaultKind) -> PluginFault {
        let Inner { descriptor, digest, .. } = &*self.inner;
        let (log, backtrace) = (Vec::new(), None);
        PluginFault { plugin: descriptor.channel.clone(), digest: *digest, kind, log, backtrace }
    }

    /// Waits for room and makes a store.
    async fn visit(&self, call: Call) -> Result<Visit<'_>, PluginFault> {
        let runtime = &self.inner.runtime;
        let Call { connection, settings, secrets, clock, memory, http, patience } = call;
        let count =
            usize::try_from(self.inner.room).unwrap_or(usize::MAX).min(runtime.limits.connector_calls);
        let room = tokio::time::timeout(patience, runtime.places.take(&connection, count)).await;
        let room = room.map_err(|_| {
            let text = format!("connection \"{connection}\": its calls hold all the places that they may");
            self.fault(FaultKind::Busy { text })
        })?;
        let redactor = Arc::new(Redactor::new(&self.inner.descriptor.settings_schema, &settings, &secrets));
        let state = State {
            meter: meter(runtime, &self.inner.memory)
                .within(Portion::new(&runtime.memory_shares, &connection)),
            limits: Arc::clone(&runtime.limits),
            clock,
            memory: CallMemory::new(memory),
            log: CallLog::new(Arc::clone(&redactor)),
            http,
            http_requests: 0,
        };
        let mut store = store(runtime, state);
        let mut ticks_left = ticks(runtime.limits.connector_cpu);
        store.set_epoch_deadline(1);
        // Only ticks in which the guest computed come here. Each yields, so that a busy guest shares its thread; through
        // tokio's own yield, because a plain one would run the same task first again.
        store.epoch_deadline_callback(move |_| {
            ticks_left = ticks_left.saturating_sub(1);
            Ok(match ticks_left {
                0 => UpdateDeadline::Interrupt,
                _ => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
            })
        });
        Ok(Visit { connector: self, store, settings, redactor, _room: room })
    }
}

/// One call on its way.
struct Visit<'a> {
    connector: &'a Connector,
    store: Store<State>,
    settings: Json,
    redactor: Arc<Redactor>,
    _room: Room,
}

impl Visit<'_> {
    /// Takes the answer out, judges it, and retires the instance whatever it is.
    #[expect(clippy::result_large_err, reason = "the answer beside it is larger")]
    fn leave<A, T>(
        self,
        answer: Result<wasmtime::Result<A>, Elapsed>,
        judge: impl FnOnce(A, &Bounds<'_>, &Redactor) -> Result<T, OutOfBounds>,
    ) -> Result<Called<T>, PluginFault> {
        let Visit { connector, store, settings: _, redactor, _room } = self;
        let State { meter, limits, clock: _, memory, log, http: _, http_requests } = store.into_data();
        let (log, log_dropped) = log.into_lines();
        let fault = |kind, backtrace| PluginFault { log: log.clone(), backtrace, ..connector.fault(kind) };
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(fault(kind_of(&error), backtrace(&error))),
            Err(_) => {
                let seconds = limits.connector_wall.as_secs_f32();
                let text = format!("limit connector_wall ({seconds} s): no answer in that time");
                return Err(fault(FaultKind::Limit { name: "connector_wall", text }, None));
            }
        };
        let (memory, held) = memory.into_writes();
        match judge(answer, &Bounds::new(&limits), &redactor) {
            Ok(value) => Ok(Called {
                value,
                memory,
                held,
                log,
                log_dropped,
                http_requests,
                memory_bytes: meter.held(),
            }),
            Err(OutOfBounds { text, limit }) => {
                Err(fault(FaultKind::Answer { text: redactor.redact(&text).into_owned(), limit }, None))
            }
        }
    }
}

impl Exports {
    fn find(pre: &InstancePre<State>) -> Result<Exports, LoadErrorKind> {
        let exported = |interface| pre.component().get_export_index(None, interface).is_some();
        let contract = |interface, error: wasmtime::Error| LoadErrorKind::Contract {
            interface,
            reason: format!("{error:#}"),
        };
        let webhook = exported(wit::WEBHOOK)
            .then(|| wit::webhook::GuestIndices::new(pre).map_err(|error| contract(wit::WEBHOOK, error)));
        let feed = exported(wit::FEED)
            .then(|| wit::feed::GuestIndices::new(pre).map_err(|error| contract(wit::FEED, error)));
        let chores = exported(wit::CHORE_WORKER).then(|| {
            wit::chore_worker::GuestIndices::new(pre).map_err(|error| contract(wit::CHORE_WORKER, error))
        });
        let outlet = exported(wit::OUTLET)
            .then(|| wit::outlet::GuestIndices::new(pre).map_err(|error| contract(wit::OUTLET, error)));
        Ok(Exports {
            webhook: webhook.transpose()?,
            feed: feed.transpose()?,
            chores: chores.transpose()?,
            outlet: outlet.transpose()?,
        })
    }

    /// Are its functions those of the contract? Asked once, so that no call finds out.
    fn check(
        &self,
        store: &mut Store<State>,
        instance: &wasmtime::component::Instance,
    ) -> Result<(), LoadErrorKind> {
        let Exports { webhook, feed, chores, outlet } = self;
        let contract = |interface, loaded: wasmtime::Result<()>| {
            loaded.map_err(|error| LoadErrorKind::Contract { interface, reason: format!("{error:#}") })
        };
        if let Some(webhook) = webhook {
            contract(wit::WEBHOOK, webhook.load(&mut *store, instance).map(drop))?;
        }
        if let Some(feed) = feed {
            contract(wit::FEED, feed.load(&mut *store, instance).map(drop))?;
        }
        if let Some(chores) = chores {
            contract(wit::CHORE_WORKER, chores.load(&mut *store, instance).map(drop))?;
        }
        if let Some(outlet) = outlet {
            contract(wit::OUTLET, outlet.load(&mut *store, instance).map(drop))?;
        }
        Ok(())
    }
}

fn meter(runtime: &Runtime, budget: &Arc<MemoryBudget>) -> Meter {
    let limits = &runtime.limits;
    let budget = Arc::clone(budget);
    Meter::new(budget, "connector_memory_bytes", limits.connector_memory_bytes, limits.table_elements)
}

/// A store with every limit but its deadline, which the caller sets.
fn store(runtime: &Runtime, state: State) -> Store<State> {
    let limits = Arc::clone(&runtime.limits);
    let mut store = Store::new(&runtime.connectors.engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.connector_hostcall_bytes);
    store.set_max_component_handles(limits.handles);
    store
}

/// A store in which a connector can say what it is, and reach nothing.
fn describing(runtime: &Runtime) -> Store<State> {
    let state = State {
        meter: meter(runtime, &runtime.connectors_memory),
        limits: Arc::clone(&runtime.limits),
        clock: Arc::new(|| 0),
        memory: CallMemory::new(ConnectionMemory::default()),
        log: CallLog::new(Arc::default()),
        http: Http::closed(),
        http_requests: 0,
    };
    let mut store = store(runtime, state);
    store.set_epoch_deadline(ticks(runtime.limits.describe_cpu));
    store.epoch_deadline_trap();
    store
}

fn kind_of(error: &wasmtime::Error) -> FaultKind {
    match ending(error, Class::Connector) {
        Ending::Limit { name, text } => FaultKind::Limit { name, text },
        Ending::Trap { text } => FaultKind::Trap { text },
        Ending::Interrupted => FaultKind::Limit {
            name: "connector_cpu",
            text: "limit connector_cpu: it computed for too long, a loop without end?".to_owned(),
        },
        Ending::Busy { text } => FaultKind::Busy { text },
        Ending::Bug { text } => FaultKind::Bug { text },
    }
}

/// A connector's own words, for a person.
fn said(text: &str, redactor: &Redactor) -> String {
    const SAID_BYTES: usize = 4 << 10;
    redactor.shown(text, SAID_BYTES)
}

fn reported(fault: Fault, redactor: &Redactor) -> Fault {
    match fault {
        Fault::Misconfigured(why) => Fault::Misconfigured(said(&why, redactor)),
        Fault::Malformed(why) => Fault::Malformed(said(&why, redactor)),
        Fault::Later { why, retry_after_ms } => Fault::Later { why: said(&why, redactor), retry_after_ms },
        Fault::Unauthorised(why) => Fault::Unauthorised(said(&why, redactor)),
    }
}
