//! `heliu customer why`: from something that is so back to the record that it comes from.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;

use anyhow::bail;
use api::past::{Past, Whom};
use api::views::{Held, HeldKind, WhyView, explain, held};
use api::why::{Again, Answer, Chain, Fuel, Link, Subject, Teller, Thing, Told, Whose};
use model::{Cause, Customer, Event, FoldState, HeldIntent, IntentState, IntentStep};

use super::What;
use crate::commands::calendar::Zone;
use crate::commands::identity::{self, Shown};
use crate::commands::segment::Asked;
use crate::commands::table::{Table, plain};
use crate::commands::when::{self, Found, When, with_mend};
use crate::commands::{one_line, words};

pub(super) fn run(
    asked: &Asked,
    found: &Found,
    what: &What,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (customer, journal) = (&found.customer, &*asked.journal);
    let thing = match what {
        What::Merge => return identity::edges(asked, found, Shown::Merges, json, when.zone(), out),
        What::Edges => return identity::edges(asked, found, Shown::All, json, when.zone(), out),
        What::Tag { name } => Thing { kind: HeldKind::Tag, name: name.clone() },
        What::Stage { journey } => Thing { kind: HeldKind::Stage, name: journey.clone() },
        What::Trait { name } => Thing { kind: HeldKind::Trait, name: name.clone() },
        What::Intent { key } => Thing { kind: HeldKind::Intent, name: key.clone() },
        What::Task { title } => Thing { kind: HeldKind::Task, name: title.clone() },
        What::Alarm { key } => Thing { kind: HeldKind::Alarm, name: key.clone() },
    };
    let (_, state) = found.store.standing()?;
    let subject = Subject { customer, state: &state, standing: found.standing };
    let folding = Folding { asked, found, when, past: RefCell::default() };
    let answers = subject.why(&thing, journal, &|whose| folding.again(whose))?;
    if answers.is_empty() {
        let names = names(customer, thing.kind);
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let (word, name) = (word(thing.kind), &thing.name);
        bail!("{} has no {word} \"{name}\"; there is: {}", customer.id, plain(&names));
    }
    if json {
        return when::print(out, found.at, &WhyView::new(customer, &state, &answers));
    }
    when::head(out, found.at, when.zone())?;
    for (place, answer) in answers.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        tell(customer, &state, answer, when.zone(), out)?;
    }
    Ok(())
}

/// What it takes to fold somebody's records again.
struct Folding<'a> {
    asked: &'a Asked,
    found: &'a Found,
    when: &'a When,
    /// Made once: it compiles policies.
    past: RefCell<Option<Past>>,
}

impl Folding<'_> {
    fn again(&self, whose: Whose) -> anyhow::Result<Again> {
        let past = self.past()?;
        let id = self.found.customer.id;
        let slice = match (whose, &self.found.slice) {
            (Whose::Of(position), _) => return Again::of(&past, position).map_err(with_mend),
            (Whose::Hers, Some(slice)) => Arc::clone(slice),
            (Whose::Hers, None) => past.present(&Whom::Id(id)).map_err(with_mend)?.slice,
        };
        Ok(Again::with(&past, id, slice))
    }

    fn past(&self) -> anyhow::Result<Past> {
        let known = self.past.borrow().clone();
        if let Some(past) = known {
            return Ok(past);
        }
        let past = self.asked.past(self.when.records_max())?;
        *self.past.borrow_mut() = Some(past.clone());
        Ok(past)
    }
}

/// Of what there is of this kind.
fn names(customer: &Customer, kind: HeldKind) -> Vec<&str> {
    match kind {
        HeldKind::Alarm => customer.alarms.iter().map(|alarm| alarm.key.as_str()).collect(),
        _ => held(customer).filter(|held| held.kind == kind).map(|held| held.name).collect(),
    }
}

fn word(kind: HeldKind) -> &'static str {
    match kind {
        HeldKind::Tag => "tag",
        HeldKind::Stage => "stage in the journey",
        HeldKind::Trait => "trait",
        HeldKind::Intent => "intent",
        HeldKind::Task => "task",
        HeldKind::Alarm => "alarm",
    }
}

fn tell(
    customer: &Customer,
    state: &FoldState,
    answer: &Answer<'_>,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let Answer { held, chain, fuel } = answer;
    let Held { kind, name, detail, since, until, intent, cause } = held;
    let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let title = plain(&format!("{} \"{name}\"{detail}", word(*kind)));
    writeln!(out, "{}: {title}  ({})", customer.id, zone.name())?;
    let mut table = Table::default();
    if let Some(since) = since {
        table.row(["since".to_owned(), zone.text(*since)]);
    }
    if let Some(until) = until {
        let label = if *kind == HeldKind::Alarm { "due" } else { "until" };
        table.row([label.to_owned(), zone.text(*until)]);
    }
    if let Some(intent) = intent {
        became(&mut table, intent, zone);
    }
    decided(&mut table, state, cause, zone);
    match fuel {
        Fuel::Used(used) => {
            table.row(["fuel".to_owned(), format!("{used}, of a call with this turn alone")]);
        }
        Fuel::Unknown(why) => table.row(["fuel".to_owned(), format!("not known: {why}")]),
        Fuel::Unmetered => table.row(["fuel".to_owned(), "not known: the policy is not metered".to_owned()]),
        Fuel::Nobody => {}
    }
    let Chain { links, cut } = chain;
    for (place, link) in links.iter().enumerate() {
        let label = if place == 0 { "record" } else { "derived from" };
        linked(&mut table, label, state, link, zone);
    }
    if let Some(position) = cut {
        let text = format!("after {} records: it goes on at position {position}", links.len());
        table.row(["cut".to_owned(), text]);
    }
    table.print("  ", out)?;
    Ok(())
}

/// A record, and the turn at which it was told, where a policy told it.
fn linked(table: &mut Table, label: &str, state: &FoldState, link: &Link, zone: Zone) {
    let Link { record, told } = link;
    let from = words::source(&record.entry);
    let text = format!("position {}, {}, from {from}", record.position, zone.text(record.now));
    table.row([label.to_owned(), text]);
    table.row([String::new(), words::entry(&record.entry, zone)]);
    if let Some(event) = record.entry.event() {
        table.row(["event".to_owned(), one_line(wire::to_json::<Event>(event))]);
    }
    match told {
        None => {}
        Some(Told::Unknown(why)) => {
            table.row(["told".to_owned(), format!("at a turn that is not known: {why}")])
        }
        Some(Told::By(Teller { customer, cause })) => {
            table.row(["told".to_owned(), format!("because of {customer}")]);
            decided(table, state, cause, zone);
        }
    }
}

fn decided(table: &mut Table, state: &FoldState, cause: &Cause, zone: Zone) {
    let explained = explain(state, cause);
    table.row(["why".to_owned(), explained.why.to_owned()]);
    match (explained.policy, explained.bound_at, explained.version) {
        (Some(policy), Some(bound_at), Some(version)) => {
            let title = explained.title.unwrap_or_default();
            table.row([
                "decided by".to_owned(),
                format!("{policy}, \"{title}\", version {version} in force since position {bound_at}"),
            ]);
            table.row(["component".to_owned(), explained.digest.unwrap_or_default()]);
            table.row(["settings".to_owned(), explained.settings_digest.unwrap_or_default()]);
        }
        _ => table.row(["decided by".to_owned(), "nobody: the record itself says it".to_owned()]),
    }
    if let Some(alarm) = explained.alarm {
        let text = format!(
            "\"{alarm}\", due {}, asked for at position {}",
            zone.text(explained.now),
            explained.position
        );
        table.row(["alarm".to_owned(), text]);
    }
}

/// What became of an intent, step by step.
fn became(table: &mut Table, held: &HeldIntent, zone: Zone) {
    if held.state == IntentState::Past {
        let text = "decided while her past was folded again: nothing is sent for it";
        table.row(["state".to_owned(), text.to_owned()]);
    } else {
        table.row(["state".to_owned(), words::intent_state(held.state).to_owned()]);
    }
    if held.unfounded {
        let text = "her past was folded again since, and it was not intended then";
        table.row(["but".to_owned(), text.to_owned()]);
    }
    for step in &held.steps {
        let IntentStep { state, now, at, position, connection, staff, receipt: _, until, code, reason } =
            step;
        let mut text = format!("{} at position {position}: {}", zone.text(*now), words::intent_state(*state));
        for (word, detail) in [("by", connection), ("in the name of", staff)] {
            if let Some(detail) = detail {
                text = format!("{text} {word} {detail}");
            }
        }
        if let Some(until) = until {
            text = format!("{text} until {}", zone.text(*until));
        }
        if at != now {
            text = format!("{text}, as of {}", zone.text(*at));
        }
        let why = if reason.is_empty() { code } else { reason };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        table.row(["step".to_owned(), format!("{text}{why}")]);
    }
    for reaction in &held.reactions {
        table.row(["she".to_owned(), format!("{} {}", zone.text(reaction.at), words::reaction(reaction))]);
    }
}
