//! What she bought of late, out of the records of her timeline.

use std::collections::BTreeMap;

use courier::{Plan, Purchase};
use journal::{Journal, JournalError};
use model::{Customer, Fact, Instant, Order, Position};

/// Records of one customer that are looked at, from the newest back: what bounds the time for somebody with a long life.
const RECORDS_MAX: usize = 2_000;

/// Records that are fetched at a time.
const PAGE_RECORDS: usize = 200;

/// Categories, and when each was bought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bought(Vec<(String, Instant)>);

impl Bought {
    pub(crate) fn purchases(&self) -> Vec<Purchase<'_>> {
        self.0.iter().map(|(category, at)| Purchase { category, at: *at }).collect()
    }
}

/// Her purchases as far back as the plan's longest suppression looks. Reads nothing where the plan suppresses nothing.
pub(crate) fn purchases(
    journal: &dyn Journal,
    plan: &Plan,
    customer: &Customer,
    now: Instant,
) -> Result<Bought, JournalError> {
    let Some(longest) = plan.suppressions.iter().map(|rule| rule.ms).max() else {
        return Ok(Bought::default());
    };
    let since = now.saturating_sub(longest);
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    let newest: Vec<Position> = customer.timeline.iter().rev().take(RECORDS_MAX).copied().collect();
    for page in newest.chunks(PAGE_RECORDS) {
        let positions: Vec<Position> = page.iter().rev().copied().collect();
        let records = journal.fetch(&positions)?;
        for record in records.iter().rev() {
            if let Some(Fact::Bought(order)) = record.entry.event().map(|event| &event.fact) {
                // A later record of an order says more than an earlier one.
                orders.entry(order.id.clone()).or_insert_with(|| order.clone());
            }
        }
        // A record is never older than what it tells of.
        if records.first().is_some_and(|oldest| oldest.now < since) {
            break;
        }
    }
    let bought = orders.values().filter(|order| order.step.is_bought());
    let lines = bought.flat_map(|order| order.lines.iter().map(move |line| (line, order.placed_at)));
    let of = lines.filter_map(|(line, at)| Some((line.category.clone()?, at.min(now))));
    Ok(Bought(of.collect()))
}
