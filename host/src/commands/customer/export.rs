//! `heliu customer export`: everything that is kept of one person, for her to read and to take with her.

use std::io::Write;

use journal::Journal;
use model::{Attest, Customer, CustomerId, DeadTurn, Deed, Note, Position, Record};
use serde::Serialize;
use serde_json::value::RawValue;
use store::Store;

use super::find;

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
    /// What a person must look at because of her.
    notes: Vec<Box<RawValue>>,
}

/// What the journal says of it.
pub(crate) fn attest_export(store: &dyn Store, who: &str) -> anyhow::Result<Deed> {
    let of = format!("customer {}", find(store, who)?.id);
    Ok(Deed::Attest(Attest { what: "export".to_owned(), of }))
}

/// Prints one JSON object.
pub(crate) fn export_customer(
    journal: &dyn Journal,
    store: &dyn Store,
    who: &str,
    position: Option<Position>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let customer = find(store, who)?;
    let records = journal.fetch(&customer.timeline)?;
    let export = Export {
        position,
        id: customer.id.to_string(),
        records: records.iter().map(wire::to_raw::<Record>).collect(),
        notes: notes(store, customer.id)?,
        customer: wire::to_raw::<Customer>(&customer),
    };
    super::super::print_json(out, &export)
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
