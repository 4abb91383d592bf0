//! `heliu customer why`: from something that is so back to the record that it comes from.

mod turns;

use std::io::Write;

use anyhow::bail;
use api::views::{Explained, Held, HeldKind, Raw, explain, held};
use journal::Journal;
use model::{
    Alarm, Cause, Customer, DerivedEvent, Entry, Event, FoldState, HeldIntent, Instant, IntentState,
    IntentStep, Position, Record,
};
use serde::Serialize;

use self::turns::{Fuel, Turns};
use super::What;
use crate::commands::calendar::Zone;
use crate::commands::identity::{self, Shown};
use crate::commands::segment::Asked;
use crate::commands::table::{Table, plain};
use crate::commands::when::{self, Found, When};
use crate::commands::{one_line, words};

/// Derived events that are followed back. Each stands in front of what it led to, so the chain ends by itself; a chain
/// this long is a policy that tells itself.
const CHAIN_MAX: usize = 16;

/// What `--json` prints. Several things bear one name only where policies intend under the same key.
#[derive(Serialize)]
struct WhyView<'a> {
    id: String,
    held: Vec<HeldView<'a>>,
}

#[derive(Serialize)]
struct HeldView<'a> {
    kind: HeldKind,
    name: &'a str,
    detail: Option<&'a str>,
    since: Option<Instant>,
    until: Option<Instant>,
    /// How far the intent has come, where it is one.
    state: Option<Raw>,
    steps: Vec<Raw>,
    cause: Explained<'a>,
    /// Units that a call with the deciding turn alone takes. Null where no policy decided, or it is not known.
    fuel: Option<u64>,
    /// The record at the cause's position; then, while the one before is derived, the one that it was derived from.
    records: Vec<Raw>,
}

pub(super) fn run(
    asked: &Asked,
    found: &Found,
    what: &What,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (customer, journal) = (&found.customer, &*asked.journal);
    let shown = match what {
        What::Merge => Some(Shown::Merges),
        What::Edges => Some(Shown::All),
        _ => None,
    };
    if let Some(shown) = shown {
        return identity::edges(asked, found, shown, json, when.zone(), out);
    }
    let (_, state) = found.store.standing()?;
    let turns = Turns::new(asked, found, when, &state);
    let alarms: Vec<(&Alarm, Cause)> = match what {
        What::Alarm { key } => customer
            .alarms
            .iter()
            .filter(|alarm| alarm.key == *key)
            .map(|alarm| Ok((alarm, turns.asked_for(alarm, journal)?)))
            .collect::<anyhow::Result<_>>()?,
        _ => Vec::new(),
    };
    let held = things(customer, what, &alarms)?;
    let mut told = Vec::with_capacity(held.len());
    for held in held {
        let chain = chain(journal, held.cause.position)?;
        let fuel = turns.fuel(held.cause);
        told.push(Answer { held, chain, fuel });
    }
    if json {
        let held = told.iter().map(|answer| view(&state, answer)).collect();
        return when::print(out, found.at, &WhyView { id: customer.id.to_string(), held });
    }
    when::head(out, found.at, when.zone())?;
    for (place, answer) in told.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        tell(customer, &state, answer, when.zone(), out)?;
    }
    Ok(())
}

/// One thing with what explains it.
struct Answer<'a> {
    held: Held<'a>,
    chain: Vec<Record>,
    fuel: Fuel,
}

/// What is asked for, of what there is.
fn things<'a>(
    customer: &'a Customer,
    what: &'a What,
    alarms: &'a [(&'a Alarm, Cause)],
) -> anyhow::Result<Vec<Held<'a>>> {
    let (kind, name) = match what {
        What::Tag { name } => (HeldKind::Tag, name),
        What::Stage { journey } => (HeldKind::Stage, journey),
        What::Trait { name } => (HeldKind::Trait, name),
        What::Intent { key } => (HeldKind::Intent, key),
        What::Task { title } => (HeldKind::Task, title),
        What::Alarm { key } => (HeldKind::Alarm, key),
        What::Merge | What::Edges => return Ok(Vec::new()),
    };
    let found: Vec<Held<'a>> = match kind {
        HeldKind::Alarm => alarms.iter().map(|(alarm, cause)| of_alarm(alarm, cause)).collect(),
        _ => held(customer).filter(|held| held.kind == kind && held.name == name.as_str()).collect(),
    };
    if found.is_empty() {
        let names: Vec<&str> = match kind {
            HeldKind::Alarm => customer.alarms.iter().map(|alarm| alarm.key.as_str()).collect(),
            _ => held(customer).filter(|held| held.kind == kind).map(|held| held.name).collect(),
        };
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        bail!("{} has no {} \"{name}\"; there is: {}", customer.id, word(kind), plain(&names));
    }
    Ok(found)
}

fn of_alarm<'a>(alarm: &'a Alarm, cause: &'a Cause) -> Held<'a> {
    let Alarm { due, binding: _, key, position: _ } = alarm;
    Held {
        kind: HeldKind::Alarm,
        name: key,
        detail: None,
        since: Some(cause.now),
        until: Some(*due),
        intent: None,
        cause,
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

fn chain(journal: &dyn Journal, position: Position) -> anyhow::Result<Vec<Record>> {
    let mut chain = Vec::new();
    let mut next = Some(position);
    while let Some(position) = next.filter(|_| chain.len() < CHAIN_MAX) {
        let Some(record) = journal.fetch(&[position])?.pop() else { break };
        next = match &record.entry {
            // Never forwards, whatever an imported record says.
            Entry::Derived(DerivedEvent { binding: _, cause, again: _, event: _ }) => {
                Some(*cause).filter(|cause| *cause < position)
            }
            Entry::Event(_)
            | Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_)
            | Entry::Erased(_) => None,
        };
        chain.push(record);
    }
    Ok(chain)
}

fn view<'a>(state: &'a FoldState, answer: &'a Answer<'a>) -> HeldView<'a> {
    let Answer { held, chain, fuel } = answer;
    let Held { kind, name, detail, since, until, intent, cause } = held;
    HeldView {
        kind: *kind,
        name,
        detail: detail.as_deref(),
        since: *since,
        until: *until,
        state: intent.map(|intent| wire::to_raw::<IntentState>(&intent.state)),
        steps: intent.iter().flat_map(|intent| &intent.steps).map(wire::to_raw::<IntentStep>).collect(),
        cause: explain(state, cause),
        fuel: match fuel {
            Fuel::Used(used) => Some(*used),
            Fuel::Nobody | Fuel::Unmetered | Fuel::Unknown(_) => None,
        },
        records: chain.iter().map(wire::to_raw::<Record>).collect(),
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
        Fuel::Nobody | Fuel::Unmetered => {}
    }
    for (place, record) in chain.iter().enumerate() {
        let label = if place == 0 { "record" } else { "derived from" };
        let from = words::source(&record.entry);
        let text = format!("position {}, {}, from {from}", record.position, zone.text(record.now));
        table.row([label.to_owned(), text]);
        table.row([String::new(), words::entry(&record.entry, zone)]);
        if let Some(event) = record.entry.event() {
            table.row(["event".to_owned(), one_line(wire::to_json::<Event>(event))]);
        }
    }
    table.print("  ", out)?;
    Ok(())
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
