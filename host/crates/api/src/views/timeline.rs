//! A customer's records in the journal's order, and what came of each.

use std::borrow::Cow;

use model::{Customer, Entry, FoldState, Instant, Position, Record};
use serde::Serialize;

use super::customer::of_tag;
use super::{Held, HeldKind, Raw, TagView, held};

/// A page of a timeline.
#[derive(Debug, Serialize)]
pub struct TimelinePage<'a> {
    /// Her present id, whatever she was asked for by.
    pub id: String,
    pub records: Vec<RecordView<'a>>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<Position>,
}

/// A record as the journal has it, and what in her document it is the cause of today.
#[derive(Debug, Serialize)]
pub struct RecordView<'a> {
    pub position: Position,
    pub now: Instant,
    pub entry: Raw,
    pub caused: Vec<Caused<'a>>,
}

#[derive(Debug, Serialize)]
pub struct Caused<'a> {
    pub kind: HeldKind,
    /// The tag's or trait's name, the stage's journey, the intent's key, the task's title.
    pub name: &'a str,
    /// The trait's value, the stage in its journey, the intent's scene.
    pub detail: Option<Cow<'a, str>>,
    /// The alarm, asked for at this record, that it took.
    pub alarm: Option<Cow<'a, str>>,
    pub why: Cow<'a, str>,
}

/// The positions that a page shows, and what comes `after` it where there is more.
#[must_use]
pub fn timeline_page(customer: &Customer, after: Position, limit: usize) -> (&[Position], Option<Position>) {
    let behind = &customer.timeline[customer.timeline.partition_point(|position| *position <= after)..];
    let shown = &behind[..limit.min(behind.len())];
    (shown, shown.last().copied().filter(|_| shown.len() < behind.len()))
}

/// The page of these records.
#[must_use]
pub fn timeline<'a>(
    customer: &'a Customer,
    records: &'a [Record],
    next: Option<Position>,
) -> TimelinePage<'a> {
    let records = records.iter().map(|one| record(customer, one)).collect();
    TimelinePage { id: customer.id.to_string(), records, next }
}

#[must_use]
pub fn record<'a>(customer: &'a Customer, record: &'a Record) -> RecordView<'a> {
    let Record { position, now, entry } = record;
    let caused = held(customer).filter(|held| held.cause.position == *position).map(caused).collect();
    RecordView { position: *position, now: *now, entry: wire::to_raw::<Entry>(entry), caused }
}

fn caused(held: Held<'_>) -> Caused<'_> {
    let Held { kind, name, detail, since: _, until: _, intent: _, cause } = held;
    let (alarm, why) = match cause {
        Cow::Borrowed(cause) => (cause.alarm.as_deref().map(Cow::Borrowed), Cow::Borrowed(&*cause.why)),
        Cow::Owned(cause) => (cause.alarm.map(Cow::Owned), Cow::Owned(cause.why)),
    };
    Caused { kind, name, detail, alarm, why }
}

/// Her tags, each with its whole cause.
#[derive(Debug, Serialize)]
pub struct TagsView<'a> {
    /// Her present id, whatever she was asked for by.
    pub id: String,
    pub tags: Vec<TagView<'a>>,
}

/// `records` are those at the causes' positions, ascending.
#[must_use]
pub fn tags<'a>(state: &'a FoldState, customer: &'a Customer, records: &'a [Record]) -> TagsView<'a> {
    let with_event = |tag| {
        let mut view = of_tag(state, tag);
        if let Ok(place) = records.binary_search_by_key(&view.cause.position, |record| record.position) {
            view.cause = view.cause.with(&records[place]);
        }
        view
    };
    TagsView { id: customer.id.to_string(), tags: customer.tags.iter().map(with_event).collect() }
}
