//! `heliu customer export`: everything that is kept of one person, for her to read and to take with her.

use std::io::Write;

use anyhow::Context as _;
use api::past::At;
use api::views::DeadLetterView;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::{Journal, Naming, WaitingChore};
use model::{
    Attest, Chore, Customer, CustomerId, DeadTurn, Deed, Entry, Identity, Instant, MemoryCell, Note,
    Position, Record,
};
use serde::Serialize;
use serde_json::value::RawValue;
use store::Store;

use super::find;
use crate::commands::segment::Asked;
use crate::commands::when::{self, Found, When};

/// Notes that are looked at together.
const PAGE: usize = 1024;

#[derive(Serialize)]
struct Export {
    /// Where the journal says that it was given out.
    position: Option<Position>,
    id: String,
    /// Her document, with the reason of everything in it.
    customer: Box<RawValue>,
    /// Every record of hers, as it was kept.
    records: Vec<Box<RawValue>>,
    /// Records of others that show a handle of hers. What else they say is another person's.
    refused: Vec<Refused>,
    /// What a person must look at because of her.
    notes: Vec<Box<RawValue>>,
    /// What connectors are still to do for her, what they remember, and what they could not handle, as far as it names her.
    chores: Vec<WaitingFor>,
    memory: Vec<Remembered>,
    dead: Vec<DeadLetterView>,
}

#[derive(Serialize)]
struct Refused {
    position: Position,
    now: Instant,
    connection: Option<String>,
    /// Hers, of those on it.
    handles: Vec<String>,
}

#[derive(Serialize)]
struct WaitingFor {
    connection: String,
    key: String,
    due: Instant,
    job: Box<RawValue>,
}

#[derive(Serialize)]
struct Remembered {
    connection: String,
    key: String,
    value_base64: String,
}

/// What the journal says of it.
pub(crate) fn attest_export(store: &dyn Store, who: &str, when: &When) -> anyhow::Result<Deed> {
    let mut of = format!("customer {}", find(store, who)?.id);
    match when.at()? {
        Some(At::Position(position)) => of.push_str(&format!(", at position {position}")),
        Some(At::Time(time)) => of.push_str(&format!(", at time {time}")),
        None => {}
    }
    Ok(Deed::Attest(Attest { what: "export".to_owned(), of }))
}

/// Prints one JSON object.
pub(crate) fn export_customer(
    asked: &Asked,
    found: &Found,
    position: Option<Position>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let Found { customer, store, at, standing: _, slice: _ } = found;
    let records = asked.journal.fetch(&customer.timeline)?;
    // What waits, and what connectors remember, has no past.
    let names = match at {
        None => router::waiting_names(&*asked.journal, &**store, customer)?,
        Some(_) => Vec::new(),
    };
    let Naming { chores, cells, dead } = asked.journal.naming(&names)?;
    let remembered = |(connection, cell): (String, MemoryCell)| {
        let MemoryCell { key, value, expires: _ } = cell;
        Remembered { connection, key, value_base64: STANDARD.encode(value) }
    };
    let export = Export {
        position,
        id: customer.id.to_string(),
        records: records.iter().map(wire::to_raw::<Record>).collect(),
        refused: refused(&*asked.journal, &**store, customer)?,
        notes: notes(&**store, customer.id)?,
        chores: chores.into_iter().map(waiting).collect::<anyhow::Result<_>>()?,
        memory: cells.into_iter().map(remembered).collect(),
        dead: dead.iter().map(DeadLetterView::new).collect(),
        customer: wire::to_raw::<Customer>(customer),
    };
    when::print(out, *at, &export)
}

fn refused(journal: &dyn Journal, store: &dyn Store, customer: &Customer) -> anyhow::Result<Vec<Refused>> {
    let setup = store.standing()?.1.setup;
    let of = |record: Record| {
        let shown = router::handles(&setup, &record).into_iter();
        let hers = shown.filter(|handle| customer.handles.iter().any(|held| held.identity == *handle));
        let handles =
            hers.map(|Identity { scheme, scope, value }| format!("{scheme}:{scope}:{value}")).collect();
        let Record { position, now, entry } = record;
        let connection = match entry {
            Entry::Event(event) => Some(event.connection),
            _ => None,
        };
        Refused { position, now, connection, handles }
    };
    Ok(journal.fetch(&customer.refused)?.into_iter().map(of).collect())
}

fn waiting(waiting: WaitingChore) -> anyhow::Result<WaitingFor> {
    let WaitingChore { connection, number: _, due, attempts: _, chore: Chore { key, due: _, job } } = waiting;
    let job = RawValue::from_string(job).context("a chore's job is no JSON")?;
    Ok(WaitingFor { connection, key, due, job })
}

fn notes(store: &dyn Store, id: CustomerId) -> anyhow::Result<Vec<Box<RawValue>>> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = store.notes(&after, PAGE)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.key();
        let hers = page.iter().filter(|note| match note {
            Note::Conflict(conflict) => conflict.customer == id || conflict.other == id,
            Note::DeadTurn(DeadTurn { customer, .. }) => *customer == id,
            Note::StrayReceipt(stray) => stray.customer == id,
            Note::Overflow(overflow) => overflow.customer == id,
            Note::Erasure(_) => false,
        });
        found.extend(hers.map(wire::to_raw::<Note>));
    }
}
