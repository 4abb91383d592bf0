//! Rows out of customers' documents: customers, their tags, their intents.

use anyhow::Context as _;
use api::scan::{Scan, ScanError};
use model::{
    Cause, Content, Customer, FoldState, HeldIntent, HeldTag, HeldTrait, Intent, IntentState, Reaction,
    Value, Version,
};
use segment::Segment;
use serde_json::{Map, Value as Json};

use super::Sink;
use super::columns::{Cell, iso};

/// The trait in which connectors tell what a person is called.
const NAME: &str = "name";

pub(super) fn customers(
    scan: &Scan<'_>,
    segment: Option<&Segment>,
    sink: &mut Sink<'_>,
) -> anyhow::Result<()> {
    each(scan, segment, |customer| sink.row(&of_customer(customer)))
}

pub(super) fn tags(scan: &Scan<'_>, segment: Option<&Segment>, sink: &mut Sink<'_>) -> anyhow::Result<()> {
    let mut versions = Versions::new(scan);
    each(scan, segment, |customer| {
        let id = customer.id.to_string();
        for tag in &customer.tags {
            let policy = versions.of(&tag.cause)?;
            sink.row(&of_tag(&id, tag, policy))?;
        }
        Ok(())
    })
}

pub(super) fn intents(scan: &Scan<'_>, segment: Option<&Segment>, sink: &mut Sink<'_>) -> anyhow::Result<()> {
    each(scan, segment, |customer| {
        let id = customer.id.to_string();
        customer.intents.iter().try_for_each(|held| sink.row(&of_intent(&id, held)))
    })
}

fn each(
    scan: &Scan<'_>,
    segment: Option<&Segment>,
    mut show: impl FnMut(&Customer) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    scan.each(|customer| {
        let wanted = segment.map_or(Ok::<_, ScanError>(true), |segment| scan.holds(segment, customer))?;
        if wanted { show(customer) } else { Ok(()) }
    })
}

/// Which version of which policy a cause means. The list of versions grows while the store is read.
struct Versions<'a> {
    scan: &'a Scan<'a>,
    state: FoldState,
}

impl<'a> Versions<'a> {
    fn new(scan: &'a Scan<'a>) -> Versions<'a> {
        Versions { scan, state: FoldState::default() }
    }

    fn of(&mut self, cause: &Cause) -> anyhow::Result<Option<&Version>> {
        let Some(version) = cause.version else { return Ok(None) };
        let place = usize::try_from(version)?;
        if place >= self.state.versions.len() {
            self.state = self.scan.store.standing()?.1;
        }
        let known = self.state.versions.get(place);
        known.with_context(|| format!("the store knows no version {version} of a policy")).map(Some)
    }
}

fn of_customer(customer: &Customer) -> [Cell<'_>; 13] {
    // Taken apart, so that nothing that a customer has is left out by accident. The past (timeline, causes) is in
    // other tables; memories, alarms and their count are a policy's own; segments are asked for with --segment; the rest is the
    // fold's.
    let Customer {
        id,
        first_seen,
        latest: _,
        handles,
        timeline,
        refused: _,
        traits,
        tags,
        stages,
        segments: _,
        staff,
        memories: _,
        alarms: _,
        fired: _,
        intents,
        tasks,
        told: _,
        noted: _,
        missed: _,
        merged,
    } = customer;
    let name = traits.iter().find(|held| held.name == NAME).and_then(|held| match &held.value {
        Value::Text(name) => Some(name.as_str()),
        Value::Number(_) | Value::Truth(_) | Value::Time(_) => None,
    });
    let mut schemes: Vec<&str> = handles.iter().map(|handle| handle.identity.scheme.as_str()).collect();
    schemes.sort_unstable();
    schemes.dedup();
    let stages =
        stages.iter().map(|held| (held.journey.clone(), held.stage.as_str().into())).collect::<Map<_, _>>();
    [
        Cell::owned(id.to_string()),
        Cell::Time(*first_seen),
        Cell::text_if(name),
        json_list(handles.iter().map(|handle| super::events::handle(&handle.identity))),
        json_list(schemes),
        Cell::owned(Json::from(traits.iter().map(of_trait).collect::<Map<_, _>>()).to_string()),
        json_list(tags.iter().map(|tag| tag.name.as_str())),
        Cell::owned(Json::from(stages).to_string()),
        json_list(staff.iter().map(String::as_str)),
        Cell::count(timeline.len() as u64),
        Cell::count(intents.len() as u64),
        Cell::count(tasks.len() as u64),
        json_list(merged.iter().map(ToString::to_string)),
    ]
}

fn json_list<'a>(items: impl IntoIterator<Item = impl Into<Json>>) -> Cell<'a> {
    Cell::owned(items.into_iter().map(Into::into).collect::<Json>().to_string())
}

fn of_trait(held: &HeldTrait) -> (String, Json) {
    let value = match &held.value {
        Value::Text(text) => text.as_str().into(),
        // What JSON has no number for is told by its name.
        Value::Number(number) if !number.is_finite() => number.to_string().into(),
        Value::Number(number) => (*number).into(),
        Value::Truth(truth) => (*truth).into(),
        Value::Time(time) => iso(*time).into(),
    };
    (held.name.clone(), value)
}

fn of_tag<'a>(customer: &'a str, tag: &'a HeldTag, policy: Option<&'a Version>) -> [Cell<'a>; 10] {
    let HeldTag { name, since, expires, cause } = tag;
    let Cause { position, now, version, alarm, why } = cause;
    [
        Cell::text(customer),
        Cell::text(name),
        Cell::Time(*since),
        Cell::time_if(*expires),
        Cell::count(*position),
        Cell::Time(*now),
        Cell::text_if(policy.map(|policy| policy.binding.as_str())),
        Cell::integer_if(version.map(i64::from)),
        Cell::text_if(alarm.as_deref()),
        Cell::text(why),
    ]
}

fn of_intent<'a>(customer: &'a str, held: &'a HeldIntent) -> [Cell<'a>; 23] {
    let HeldIntent { id, binding, intent, state, cause, steps, reactions, unfounded } = held;
    let step = steps.last();
    let Intent { key, scene, text, content, detail, not_before, not_after } = intent;
    let Cause { position, now, version: _, alarm: _, why } = cause;
    let content = content.as_ref();
    let title = content.and_then(|Content { title, .. }| title.as_deref());
    [
        Cell::text(id),
        Cell::text(customer),
        Cell::text(binding),
        Cell::text(key),
        Cell::text(scene),
        Cell::owned(state_name(state)),
        Cell::text_if(text.as_deref()),
        Cell::text_if(content.map(|content| content.id.as_str())),
        Cell::text_if(content.map(|content| content.kind.as_str())),
        Cell::text_if(title),
        Cell::time_if(*not_before),
        Cell::time_if(*not_after),
        Cell::count(*position),
        Cell::Time(*now),
        Cell::text(why),
        Cell::text_if(detail.as_deref()),
        Cell::time_if(step.map(|step| step.now)),
        Cell::text_if(step.map(|step| step.code.as_str())),
        // Only the steps of the carrying itself name these.
        Cell::text_if(steps.iter().rev().find_map(|step| step.connection.as_deref())),
        Cell::text_if(steps.iter().rev().find_map(|step| step.receipt.as_deref())),
        Cell::text(if *unfounded { "true" } else { "false" }),
        Cell::time_if(held.reached().map(|step| step.at)),
        json_list(reactions.iter().map(of_reaction)),
    ]
}

fn of_reaction(reaction: &Reaction) -> Json {
    let Reaction { kind, at, now: _, position, joined, order } = reaction;
    serde_json::json!({"kind": kind, "at": iso(*at), "position": position, "joined": joined, "order": order})
}

/// The word that the API has for it; one that bears more than a word is written as the API writes it.
fn state_name(state: &IntentState) -> String {
    let json = wire::to_json::<IntentState>(state);
    match serde_json::from_str::<String>(&json) {
        Ok(name) => name,
        Err(_) => json,
    }
}
