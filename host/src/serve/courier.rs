//! The fourth mover: carries to customers what policies intend and operators propose.
//!
//! It looks whom the courier's agenda names, judges what waits for each of them, and tells the journal what changed. What may
//! go out now waits in its connection's own lane until there is room for a call. Then, in this order: a step `Due` is made
//! durable, the fold shows it as the last one, the outlet is called, and what became of it is kept together with what the
//! call left behind. So whatever a crash leaves as `Due` may have been handed over, and nothing else may.
//!
//! A connection has its own lane and calls: a dead one delays nobody else. Welcomes stand first on the agenda, and have calls of
//! their own. Nothing that waits in memory is lost with it: it is judged again.

mod call;
mod flights;
mod judge;
mod lane;
mod port;
mod told;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use courier::Rules;
use journal::Journal;
use model::{CustomerId, Entry, FIRST_ERRAND, Instant, Position};
use store::{Agenda, Store};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::carrying::{self, Carriers, Outlet, Sent, came_back};
use call::{Call, Landed, Told};
use flights::Flights;
use judge::Judged;
use lane::{Lane, Parcel};
use port::Port;

pub(crate) use lane::QUEUE_MAX;
pub(crate) use port::HostPort;

/// Customers who are judged in one go: what bounds the time until a welcome is seen.
const PAGE_CUSTOMERS: usize = 256;

/// How often the agenda is looked at when nothing wakes the mover.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the mover rests after the journal or the store failed.
const REST: Duration = Duration::from_secs(1);

/// Rounds of one settling of the manual clock. What then is not quiet says so.
const ROUNDS_MAX: usize = 100_000;

pub(crate) struct Courier<P> {
    port: Arc<P>,
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    lanes: BTreeMap<String, Lane>,
    flights: Flights,
    /// None: not known yet.
    sent: Option<Sent>,
    /// What `sent` and the lanes were made for.
    rules: Option<Arc<Rules>>,
    calls: JoinSet<Landed>,
}

/// What a round did.
struct Round {
    /// Something was told, or let through.
    did: bool,
    /// There may be more who wait to be judged.
    more: bool,
    /// Where what was told stands.
    told: Position,
}

impl<P: Port> Courier<P> {
    pub(crate) fn new(port: P, journal: Arc<dyn Journal>, store: Arc<dyn Store>) -> Courier<P> {
        Courier {
            port: Arc::new(port),
            journal,
            store,
            lanes: BTreeMap::new(),
            flights: Flights::default(),
            sent: None,
            rules: None,
            calls: JoinSet::new(),
        }
    }

    /// Carries until it is told to stop; calls under way are heard out then.
    pub(crate) async fn run(
        mut self,
        mut folds: watch::Receiver<api::HealthReport>,
        woken: Arc<Notify>,
        mut stop: watch::Receiver<bool>,
    ) {
        self.caught_up().await;
        while !*stop.borrow_and_update() {
            let round = self.round().await;
            let more = match round {
                Ok(round) => round.more,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the courier rests");
                    tokio::time::sleep(REST).await;
                    false
                }
            };
            self.start_calls(!more);
            let landed = tokio::select! {
                biased;
                landed = self.calls.join_next(), if !self.calls.is_empty() => landed,
                _ = stop.changed() => None,
                () = woken.notified() => {
                    self.lanes.values_mut().for_each(Lane::wake);
                    None
                }
                _ = folds.changed(), if !more => None,
                () = tokio::time::sleep(if more { Duration::ZERO } else { LOOK_EVERY }) => None,
            };
            self.heard(landed);
            while let Some(landed) = self.calls.try_join_next() {
                self.heard(Some(landed));
            }
        }
        for lane in self.lanes.values_mut() {
            lane.forget_all();
        }
        while let Some(landed) = self.calls.join_next().await {
            self.heard(Some(landed));
        }
    }

    /// Does everything that is due now, one call after the other. True: there was something to do.
    pub(crate) async fn until_quiet(&mut self) -> anyhow::Result<bool> {
        self.caught_up().await;
        let mut did = false;
        for _ in 0..ROUNDS_MAX {
            let round = self.round().await?;
            self.port.folded(round.told).await;
            let mut called = false;
            if !round.more {
                called = self.call_one_by_one().await;
            }
            did |= round.did || called;
            if !(round.did || round.more || called) {
                return Ok(did);
            }
        }
        anyhow::bail!("the courier does not come to rest: {ROUNDS_MAX} rounds, and more to do")
    }

    async fn call_one_by_one(&mut self) -> bool {
        let (now, outlets) = (self.port.now(), self.port.outlets());
        let names: Vec<String> = self.lanes.keys().cloned().collect();
        let mut called = false;
        for name in names {
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.gather(now, true);
            }
            while let Some(call) = self.next_call(&name, &outlets) {
                let landed = call.run().await;
                let last = landed.told.iter().map(|told| told.position).max().unwrap_or(0);
                self.landed(&name, landed);
                self.port.folded(last).await;
                self.forget();
                called = true;
            }
        }
        called
    }

    /// What stands in the journal already is folded before anything is judged by it.
    async fn caught_up(&self) {
        match self.journal.head() {
            Ok(head) => self.port.folded(head.position).await,
            Err(error) => tracing::error!(%error, "the courier does not learn where the journal ends"),
        }
    }

    /// Judges whoever is due, and tells what changed.
    async fn round(&mut self) -> anyhow::Result<Round> {
        let now = self.port.now();
        let rules = self.port.rules();
        let ages_known = self.keep_count(&rules, now)?;
        self.forget();
        if self.flights.customers() > 0 {
            self.flights.land(self.store.standing()?.0.position);
        }
        let (page, more) = self.page(now, ages_known)?;
        if page.is_empty() {
            // Most of the time: every step of the fold wakes the mover, and nobody waits for it.
            return Ok(Round { did: false, more, told: 0 });
        }
        let outlets: Vec<Outlet> = self.port.outlets().values().cloned().collect();
        let Some(mut carriers) = self.sent.as_ref().map(|sent| Carriers::new(&outlets, sent)) else {
            return Ok(Round { did: false, more, told: 0 });
        };
        let mut entries = Vec::new();
        let (mut about, mut steps) = (Vec::new(), Vec::new());
        let mut did = false;
        for customer in self.store.load(&page)?.iter().flatten() {
            let Judged { told, parcels } = self.judge(&rules, &carriers, customer, now)?;
            did |= !told.is_empty() || !parcels.is_empty();
            for (intent, entry) in told {
                let held = customer.intents.iter().find(|held| held.id == intent);
                let scene = held.map(|held| held.intent.scene.clone()).unwrap_or_default();
                let handed = held.and_then(carrying::handed_over).map(|(at, _)| at);
                steps.push((scene, handed, entry.clone()));
                about.push((intent, customer.id));
                entries.push(entry);
            }
            for parcel in parcels {
                carriers.carried(&parcel.connection, parcel.staff.as_deref(), &parcel.intent.scene);
                self.take_in(parcel, &carriers);
            }
        }
        let told = self.tell(entries, about).await?;
        for (scene, handed, entry) in &steps {
            self.port.count_step(scene, entry);
            self.count_off_step(scene, *handed, entry);
        }
        Ok(Round { did, more, told })
    }

    /// Keeps up what the rules are told of the accounts. False: it is not known yet how old they are.
    fn keep_count(&mut self, rules: &Arc<Rules>, now: Instant) -> anyhow::Result<bool> {
        let others = self.rules.as_ref().is_none_or(|known| known.plan() != rules.plan());
        // What was let through by other rules, or for another day, and waits, is judged again.
        if others || self.sent.as_ref().is_some_and(|sent| sent.is_over(now)) {
            let gone: Vec<Parcel> = self.lanes.values_mut().flat_map(Lane::forget_all).collect();
            self.back(&gone);
        }
        if others {
            self.sent = None;
        }
        self.rules = Some(Arc::clone(rules));
        let mut sent = match self.sent.take() {
            Some(sent) => sent,
            None => Sent::today(&*self.journal, &*self.store, rules, now)?,
        };
        sent.turn_to(rules, now);
        let ages_known = sent.keep_up(&*self.journal, rules.plan())?;
        self.sent = Some(sent);
        Ok(ages_known)
    }

    /// Who is judged now: welcomes first. Whoever has something on its way is left until it has landed, but for a welcome. As
    /// long as nobody knows how old the accounts are, welcomes alone: what a budget holds is held for the day.
    fn page(&self, now: Instant, ages_known: bool) -> anyhow::Result<(Vec<CustomerId>, bool)> {
        let limit = PAGE_CUSTOMERS + self.flights.customers();
        let welcomes = self.store.due(Agenda::Courier, FIRST_ERRAND, limit)?;
        if !ages_known {
            return Ok((welcomes.into_iter().take(PAGE_CUSTOMERS).collect(), true));
        }
        let due = self.store.due(Agenda::Courier, now, limit)?;
        let mut page: Vec<CustomerId> = welcomes.into_iter().take(PAGE_CUSTOMERS).collect();
        let first = page.len();
        let free = due.into_iter().filter(|id| !self.flights.concerns(*id) && !page[..first].contains(id));
        let others: Vec<CustomerId> = free.take(PAGE_CUSTOMERS).collect();
        let more = others.len() == PAGE_CUSTOMERS;
        page.extend(others);
        Ok((page, more))
    }

    fn take_in(&mut self, parcel: Parcel, carriers: &Carriers<'_>) {
        self.flights.depart(&parcel, carriers.channel(&parcel.connection));
        if let Some(sent) = &mut self.sent {
            sent.add(&parcel.connection, parcel.staff.as_deref(), &parcel.intent.scene);
        }
        self.lanes.entry(parcel.connection.clone()).or_default().take_in(parcel);
    }

    async fn tell(
        &mut self,
        entries: Vec<Entry>,
        about: Vec<(String, CustomerId)>,
    ) -> anyhow::Result<Position> {
        if entries.is_empty() {
            return Ok(0);
        }
        let receipt = self.port.append(entries).await?;
        let mut last = 0;
        for ((intent, customer), placed) in about.into_iter().zip(receipt.placed) {
            self.flights.tell(&intent, customer, placed.position());
            last = last.max(placed.position());
        }
        Ok(last)
    }

    fn start_calls(&mut self, all: bool) {
        let (now, outlets) = (self.port.now(), self.port.outlets());
        let names: Vec<String> = self.lanes.keys().cloned().collect();
        for name in names {
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.gather(now, all);
            }
            while let Some(call) = self.next_call(&name, &outlets) {
                self.calls.spawn(call.run());
            }
        }
    }

    fn next_call(&mut self, name: &str, outlets: &BTreeMap<String, Outlet>) -> Option<Call<P>> {
        let lane = self.lanes.get_mut(name)?;
        let Some(outlet) = outlets.get(name).cloned() else {
            // The configuration has it no longer: what waited for it is judged again.
            let gone = lane.forget_all();
            self.back(&gone);
            return None;
        };
        if !self.port.lets_through(name) {
            return None;
        }
        let parcels = lane.next_call()?;
        let paused = lane.paused_until(self.port.now());
        let rules = self.port.rules();
        let (port, store) = (Arc::clone(&self.port), Arc::clone(&self.store));
        Some(Call { port, store, rules, outlet, paused, parcels })
    }

    fn heard(&mut self, landed: Option<Result<Landed, tokio::task::JoinError>>) {
        match landed {
            Some(Ok(landed)) => {
                let Some(name) = landed.parcels.first().map(|parcel| parcel.connection.clone()) else {
                    return;
                };
                self.landed(&name, landed);
            }
            Some(Err(error)) => tracing::error!(%error, "a call of an outlet broke off: host bug"),
            None => {}
        }
    }

    /// Lands what a call carried, and lets the connection rest where it has to.
    fn landed(&mut self, name: &str, landed: Landed) {
        let Landed { parcels, told, verdict, ms } = landed;
        let now = self.port.now();
        let welcome = parcels.first().is_some_and(Parcel::is_welcome);
        for (parcel, Told { position, came_back }) in parcels.iter().zip(told) {
            if position == 0 {
                self.back(std::slice::from_ref(parcel));
                continue;
            }
            self.flights.tell(&parcel.subject.intent, parcel.subject.customer, position);
            if came_back {
                self.count_off(parcel);
            }
        }
        let rules = self.port.rules();
        let Some(lane) = self.lanes.get_mut(name) else { return };
        if welcome {
            lane.welcome_calls = lane.welcome_calls.saturating_sub(1);
        } else {
            lane.calls = lane.calls.saturating_sub(1);
        }
        if let Some(verdict) = verdict {
            let pause_ms = rules.plan().retry.pause_ms(lane.failures().saturating_add(1));
            lane.ended(verdict, parcels.len(), ms, now, pause_ms);
        }
    }

    /// Lets go of what waited too long or has to rest; shows why a connection carries nothing.
    fn forget(&mut self) {
        let now = self.port.now();
        let mut gone = Vec::new();
        for (name, lane) in &mut self.lanes {
            gone.append(&mut lane.forget(now));
            self.port.show_trouble(name, lane.trouble(now));
            self.port.show_waiting(name, lane.errands());
        }
        self.back(&gone);
    }

    /// They were let through, and are not carried now: the next round judges them again.
    fn back(&mut self, parcels: &[Parcel]) {
        for parcel in parcels {
            self.flights.forget(&parcel.subject.intent);
            self.count_off(parcel);
        }
    }

    fn count_off(&mut self, parcel: &Parcel) {
        if let Some(sent) = &mut self.sent {
            let (staff, scene) = (parcel.staff.as_deref(), &parcel.intent.scene);
            sent.take_back(&parcel.connection, staff, scene, parcel.judged);
        }
    }

    /// A step that is no call's: of what a former host handed over, and the start counted.
    fn count_off_step(&mut self, scene: &str, handed: Option<Instant>, entry: &Entry) {
        let (Some(sent), Some(handed), Entry::Progress(step)) = (&mut self.sent, handed, entry) else {
            return;
        };
        if let Some(connection) = step.connection.as_ref().filter(|_| came_back(step.state, &step.code)) {
            sent.take_back(connection, step.staff.as_deref(), scene, handed);
        }
    }
}
