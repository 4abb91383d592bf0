//! `heliu customer export`: everything that is kept of one person, for her to read and to take with her.

use std::io::Write;

use api::past::At;
use model::{Attest, Customer, CustomerId, DeadTurn, Deed, Note, Position, Record};
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
    /// What a person must look at because of her.
    notes: Vec<Box<RawValue>>,
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
    let export = Export {
        position,
        id: customer.id.to_string(),
        records: records.iter().map(wire::to_raw::<Record>).collect(),
        notes: notes(&**store, customer.id)?,
        customer: wire::to_raw::<Customer>(customer),
    };
    when::print(out, *at, &export)
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
