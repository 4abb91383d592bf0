//! Rows out of the journal: events, in its order, each with the customer whose it is.

use std::collections::{BTreeMap, BTreeSet};

use api::scan::Scan;
use model::{
    Content, Customer, CustomerId, Direction, Event, Fact, Identity, Order, Position, Record, Setup, Source,
};
use segment::Segment;
use serde_json::Value as Json;

use super::Sink;
use super::columns::Cell;
use super::range::Range;
use crate::commands::one_line;

/// Records of one page, with the customers whose they are.
const PAGE_RECORDS: usize = 500;

pub(super) fn write(
    scan: &Scan<'_>,
    segment: Option<&Segment>,
    range: Range,
    sink: &mut Sink<'_>,
) -> anyhow::Result<()> {
    let mut at = range.after;
    while at < range.last {
        let records = scan.journal.read(at, PAGE_RECORDS)?;
        let Some(last) = records.last() else { break };
        at = last.position;
        let setup = scan.store.standing()?.1.setup;
        let page: Vec<(&Record, &Event)> = records
            .iter()
            .filter(|record| record.position <= range.last)
            .filter_map(|record| Some((record, record.entry.event()?)))
            .collect();
        let owners = Owners::of(scan, &setup, segment, page.iter().map(|(record, _)| *record))?;
        for (record, event) in page {
            let owner = owners.of_record(record.position);
            if segment.is_none() || owner.is_some_and(|owner| owner.wanted) {
                sink.row(&row(record, event, owner.map(|owner| owner.customer)))?;
            }
        }
    }
    Ok(())
}

/// Whose the records of a page are: the fold's own word, which stands in the timelines.
struct Owners {
    by_position: BTreeMap<Position, Owner>,
}

#[derive(Clone, Copy)]
struct Owner {
    customer: CustomerId,
    /// Is she in the segment that was asked for?
    wanted: bool,
}

impl Owners {
    /// Whoever has a handle of a record may be its customer; her timeline says whether she is. A record whose handles
    /// are all somebody else's by now is found to be nobody's, and so is one that is not folded yet.
    fn of<'a>(
        scan: &Scan<'_>,
        setup: &Setup,
        segment: Option<&Segment>,
        records: impl Iterator<Item = &'a Record> + Clone,
    ) -> anyhow::Result<Owners> {
        let handles: BTreeSet<Identity> =
            records.clone().flat_map(|record| router::handles(setup, record)).collect();
        let found = scan.store.resolve(&handles.iter().collect::<Vec<_>>())?;
        let ids: BTreeSet<CustomerId> = found.into_iter().flatten().collect();
        let positions: Vec<Position> = records.map(|record| record.position).collect();
        let mut by_position = BTreeMap::new();
        for id in ids {
            // One at a time: a timeline may be long.
            let Some(customer) = scan.store.load(&[id])?.pop().flatten() else { continue };
            let theirs: Vec<Position> =
                positions.iter().copied().filter(|position| is_hers(&customer, *position)).collect();
            if theirs.is_empty() {
                continue;
            }
            let wanted = match segment {
                Some(segment) => scan.holds(segment, &customer)?,
                None => false,
            };
            let owner = Owner { customer: customer.id, wanted };
            by_position.extend(theirs.into_iter().map(|position| (position, owner)));
        }
        Ok(Owners { by_position })
    }

    fn of_record(&self, position: Position) -> Option<Owner> {
        self.by_position.get(&position).copied()
    }
}

fn is_hers(customer: &Customer, position: Position) -> bool {
    customer.timeline.binary_search(&position).is_ok()
}

fn row<'a>(record: &'a Record, event: &'a Event, customer: Option<CustomerId>) -> [Cell<'a>; 23] {
    let Event { id, at, who, staff, touchpoint, fact, extra: _ } = event;
    let (source_kind, source) = match record.entry.source() {
        Some((Source::Connection(name), _)) => ("connection", name),
        Some((Source::Policy(name), _)) => ("policy", name),
        // These append no events.
        Some((Source::Courier | Source::Operator, _)) | None => ("", ""),
    };
    let said = Said::of(fact);
    let order = match fact {
        Fact::Bought(order) => Some(order),
        Fact::Said(_) | Fact::Saw(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) | Fact::Carried(_) => None,
    };
    let amount = |of: fn(&Order) -> Option<i64>| Cell::integer_if(order.and_then(of));
    [
        Cell::count(record.position),
        Cell::Time(record.now),
        Cell::Time(*at),
        Cell::text(source_kind),
        Cell::text(source),
        Cell::text(id),
        customer.map_or(Cell::None, |customer| Cell::owned(customer.to_string())),
        Cell::text_if(staff.as_deref()),
        Cell::owned(json_word(&wire::to_json::<model::Touchpoint>(touchpoint))),
        Cell::text(fact.name()),
        Cell::text_if(fact.kind()),
        Cell::text_if(said.direction),
        Cell::text_if(said.text),
        Cell::text_if(said.content.map(|content| content.id.as_str())),
        Cell::text_if(said.content.and_then(|content| content.title.as_deref())),
        Cell::text_if(order.map(|order| order.id.as_str())),
        Cell::text_if(order.map(|order| order.currency.as_str())),
        amount(|order| order.total),
        amount(|order| order.paid),
        amount(|order| order.refunded),
        Cell::time_if(order.map(|order| order.placed_at)),
        Cell::owned(who.iter().map(|identity| Json::from(handle(identity))).collect::<Json>().to_string()),
        Cell::owned(one_line(wire::to_json::<Event>(event))),
    ]
}

/// What a fact says that has a column.
#[derive(Default)]
struct Said<'a> {
    direction: Option<&'static str>,
    text: Option<&'a str>,
    content: Option<&'a Content>,
}

impl Said<'_> {
    fn of(fact: &Fact) -> Said<'_> {
        match fact {
            Fact::Said(message) => {
                let direction = match message.direction {
                    Direction::FromCustomer => "from-customer",
                    Direction::ToCustomer => "to-customer",
                };
                let (text, content) = (message.text.as_deref(), message.about.as_ref());
                Said { direction: Some(direction), text, content }
            }
            Fact::Saw(view) => Said { content: Some(&view.about), ..Said::default() },
            Fact::Did(act) => Said { text: act.title.as_deref(), ..Said::default() },
            Fact::Met(tie) => Said { text: tie.remark.as_deref(), ..Said::default() },
            Fact::Carried(receipt) => Said { text: receipt.why.as_deref(), ..Said::default() },
            Fact::Bought(_) | Fact::Told(_) => Said::default(),
        }
    }
}

/// As the command line reads it.
pub(super) fn handle(identity: &Identity) -> String {
    let Identity { scheme, scope, value } = identity;
    format!("{scheme}:{scope}:{value}")
}

fn json_word(json: &str) -> String {
    json.trim_matches('"').to_owned()
}
