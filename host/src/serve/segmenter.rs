//! Keeps segments: looks whom something happened to, and at everybody now and then, and tells the journal who entered a
//! segment or left it.
//!
//! A fact of its own says so (`did.entered-segment`), so policies may want it, a fold finds it again, and why somebody is in a
//! segment since when has an answer. Nothing of the fold depends on a filter: what it says is asked here, and written down.
//!
//! Invariant: nobody is looked at before what was told of her is folded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::HealthReport;
use journal::Batch;
use model::{
    Act, ChannelEvent, Customer, CustomerId, Deed, ENTERED, Entry, Event, Fact, Identity, Instant, LEFT,
    OperatorAct, Position, Record, SEGMENTS, Touchpoint,
};
use segment::Segment;
use store::{Query, Store};
use tokio::sync::watch;

use super::folder::folded;
use super::shared::Shared;

/// How often everybody is looked at: time alone lets people enter and leave, and so does what a policy decides by an alarm.
const EVERYBODY_EVERY_MS: u64 = 600_000;

/// How long it rests after a failure, and at the most when nothing wakes it.
const REST: Duration = Duration::from_secs(1);

/// Records, or customers, that are looked at together.
const PAGE: usize = 1024;

pub(crate) struct Segmenter {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    segments: watch::Receiver<Arc<[Segment]>>,
    health: watch::Receiver<HealthReport>,
    /// Records up to here were looked at.
    seen: Position,
    /// When everybody is looked at next.
    next: Instant,
}

impl Segmenter {
    pub(crate) fn new(
        shared: Arc<Shared>,
        store: Arc<dyn Store>,
        segments: watch::Receiver<Arc<[Segment]>>,
        health: watch::Receiver<HealthReport>,
    ) -> Segmenter {
        Segmenter { shared, store, segments, health, seen: 0, next: 0 }
    }

    /// Looks again and again, until the task is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            if let Err(error) = self.until_quiet().await {
                tracing::error!(error = format!("{error:#}"), "segments are not kept for now");
                tokio::time::sleep(REST).await;
            }
            tokio::select! {
                changed = self.health.changed() => if changed.is_err() { return },
                changed = self.segments.changed() => if changed.is_err() { return } else { self.next = 0 },
                () = tokio::time::sleep(REST) => {}
            }
        }
    }

    /// Looks at everything that there is. True: somebody crossed.
    pub(crate) async fn until_quiet(&mut self) -> anyhow::Result<bool> {
        let segments: Arc<[Segment]> = Arc::clone(&self.segments.borrow_and_update());
        let live: Arc<[Segment]> = segments.iter().filter(|segment| segment.is_live()).cloned().collect();
        let mut crossed = false;
        while let Some(people) = self.next_people(&live).await? {
            crossed |= self.look(&live, people).await?;
        }
        Ok(crossed)
    }

    /// Whom to look at now. None: nobody.
    async fn next_people(&mut self, live: &Arc<[Segment]>) -> anyhow::Result<Option<People>> {
        let now = self.shared.clock.now();
        let (journal, store, seen) = (Arc::clone(&self.shared.journal), Arc::clone(&self.store), self.seen);
        if now >= self.next {
            // Where none is kept, those who were in one that is not any more are let out once.
            self.next = if live.is_empty() { Instant::MAX } else { now.saturating_add(EVERYBODY_EVERY_MS) };
            self.seen = self.health.borrow().folded;
            return Ok(Some(People::Everybody));
        }
        if live.is_empty() {
            return Ok(None);
        }
        let read = move || -> anyhow::Result<(Position, People)> {
            let (standing, state) = store.standing()?;
            let mut records = journal.read(seen, PAGE)?;
            records.retain(|record| record.position <= standing.position);
            let last = records.last().map_or(seen, |record| record.position);
            if records.iter().any(concerns_everybody) {
                return Ok((last, People::Everybody));
            }
            let handles: Vec<Identity> =
                records.iter().flat_map(|record| router::handles(&state.setup, record)).collect();
            let owners = store.resolve(&handles.iter().collect::<Vec<_>>())?.into_iter().flatten();
            let named = records.iter().flat_map(named);
            let people: BTreeSet<CustomerId> = owners.chain(named).collect();
            Ok((last, People::These(people.into_iter().collect())))
        };
        let (last, people) = blocking(read).await?;
        if last == seen {
            return Ok(None);
        }
        self.seen = last;
        Ok(Some(people))
    }

    /// Tells who crossed, and waits until it is folded.
    async fn look(&mut self, live: &Arc<[Segment]>, people: People) -> anyhow::Result<bool> {
        let (mut after, mut crossed) = (None, false);
        loop {
            let (store, live, ids) = (Arc::clone(&self.store), Arc::clone(live), people.clone());
            let now = self.shared.clock.now();
            let read = move || -> anyhow::Result<(Option<CustomerId>, Vec<Entry>)> {
                let page: Vec<Customer> = match ids {
                    People::Everybody => store.page(&Query { after, limit: PAGE, ..Query::default() })?,
                    People::These(ids) => store.load(&ids)?.into_iter().flatten().collect(),
                };
                let stands = store.standing()?.0.position;
                let mut entries = Vec::new();
                for customer in &page {
                    entries.extend(crossings(&*store, &live, customer, stands, now)?);
                }
                let full = page.len() == PAGE;
                Ok((page.last().map(|last| last.id).filter(|_| full), entries))
            };
            let (last, entries) = blocking(read).await?;
            if !entries.is_empty() {
                crossed = true;
                self.tell(entries, now).await?;
            }
            after = last;
            if after.is_none() || matches!(people, People::These(_)) {
                return Ok(crossed);
            }
        }
    }

    async fn tell(&mut self, entries: Vec<Entry>, now: Instant) -> anyhow::Result<()> {
        let batch = Batch { connection: SEGMENTS.to_owned(), now, entries, ..Batch::default() };
        let receipt = self.shared.appender.append(batch).await.context("tell who crossed")?;
        let last = receipt.placed.iter().map(|placed| placed.position()).max().unwrap_or(0);
        folded(&*self.store, self.health.clone(), last).await;
        Ok(())
    }
}

/// Whom to look at.
#[derive(Clone)]
enum People {
    Everybody,
    These(Vec<CustomerId>),
}

/// Policies decided anew, or who is who is another thing for people whom it does not name.
fn concerns_everybody(record: &Record) -> bool {
    let is_retract = |act: &OperatorAct| matches!(act.deed, Deed::Retract(_));
    record.entry.setup().is_some() || matches!(&record.entry, Entry::Act(act) if is_retract(act))
}

/// Those whom it names by their ids, and her who begins with it: one who was parted from another.
fn named(record: &Record) -> impl Iterator<Item = CustomerId> {
    record.entry.customers().into_iter().chain([CustomerId(record.position)])
}

/// What is to be told of her. One whose handles are all another's now has nobody's ear: she is left as she is.
fn crossings(
    store: &dyn Store,
    live: &[Segment],
    customer: &Customer,
    stands: Position,
    now: Instant,
) -> anyhow::Result<Vec<Entry>> {
    let mut changes: Vec<(&str, &str, bool)> = Vec::new();
    for segment in live {
        let inside = segment.matches(customer, now)?;
        if inside != customer.is_in(segment.name()) {
            changes.push((segment.name(), segment.title(), inside));
        }
    }
    let known = |name: &str| live.iter().any(|segment| segment.name() == name);
    let gone = customer.segments.iter().filter(|held| held.inside && !known(&held.name));
    changes.extend(gone.map(|held| (held.name.as_str(), held.name.as_str(), false)));
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let handles: Vec<&Identity> = customer.handles.iter().map(|held| &held.identity).collect();
    let owners = store.resolve(&handles)?;
    let hers = handles.iter().zip(owners).find(|(_, owner)| *owner == Some(customer.id));
    let Some((&handle, _)) = hers else { return Ok(Vec::new()) };
    let entry = |(name, title, inside): (&str, &str, bool)| {
        let kind = if inside { ENTERED } else { LEFT };
        let act = Act {
            kind: kind.to_owned(),
            object: Some(name.to_owned()),
            title: Some(title.to_owned()),
            quantity: None,
            state: None,
            whom: None,
        };
        let event = Event {
            // Where the store stood makes it one: she is not looked at again before it is folded.
            id: format!("{name}:{}:{kind}:{stands}", customer.id),
            at: now,
            who: vec![handle.clone()],
            staff: None,
            touchpoint: Touchpoint::Other,
            fact: Fact::Did(act),
            extra: None,
        };
        Entry::Event(ChannelEvent { connection: SEGMENTS.to_owned(), event })
    };
    Ok(changes.into_iter().map(entry).collect())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
