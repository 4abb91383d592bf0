//! `heliu customer show`: one customer on one screen.

use std::io::Write;

use api::views::{self, Explained, Held, HeldKind, explain, held};
use journal::Journal;
use model::{Customer, FoldState, HeldTrait, Record};

use crate::commands::calendar::Zone;
use crate::commands::table::{Table, plain};
use crate::commands::when::{self, Found};
use crate::commands::words;

/// Records of the timeline's end that are shown.
const TIMELINE_SHOWN_MAX: usize = 20;

/// With `json`, the whole document, as the API answers it.
pub(super) fn run(
    journal: &dyn Journal,
    found: &Found,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (customer, at) = (&found.customer, found.at);
    let (_, state) = found.store.standing()?;
    if json {
        return when::print(out, at, &views::whole(&state, customer));
    }
    when::head(out, at, zone)?;
    let shown = &customer.timeline[customer.timeline.len().saturating_sub(TIMELINE_SHOWN_MAX)..];
    let screen = Screen { state: &state, customer, zone };
    screen.head(out)?;
    screen.handles(out)?;
    screen.traits(out)?;
    let kinds = [
        (HeldKind::Stage, "stages"),
        (HeldKind::Tag, "tags"),
        (HeldKind::Intent, "intents"),
        (HeldKind::Task, "asked of staff"),
    ];
    for (kind, title) in kinds {
        screen.held(kind, title, out)?;
    }
    screen.alarms(out)?;
    screen.timeline(&journal.fetch(shown)?, out)
}

struct Screen<'a> {
    state: &'a FoldState,
    customer: &'a Customer,
    zone: Zone,
}

impl Screen<'_> {
    fn head(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let customer = self.customer;
        let name = views::summary(customer).name.map(plain).unwrap_or_default();
        writeln!(out, "{}", format!("{}  {name}", customer.id).trim_end())?;
        let mut table = Table::default();
        let since = format!("{} ({})", self.zone.text(customer.first_seen), self.zone.name());
        table.row(["first seen".to_owned(), since]);
        if !customer.staff.is_empty() {
            table.row(["staff".to_owned(), customer.staff.join(", ")]);
        }
        if !customer.merged.is_empty() {
            let merged: Vec<String> = customer.merged.iter().map(ToString::to_string).collect();
            table.row(["was also".to_owned(), merged.join(", ")]);
        }
        table.print("  ", out)?;
        Ok(())
    }

    fn handles(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut table = Table::default();
        for handle in &self.customer.handles {
            let identity = &handle.identity;
            let text = format!("{}:{}:{}", identity.scheme, identity.scope, identity.value);
            table.row([text, format!("since position {}", handle.position)]);
        }
        section("handles", &table, self.customer.handles.len(), out)
    }

    fn traits(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut table = Table::default();
        for HeldTrait { name, value, cause } in &self.customer.traits {
            let why = because(&explain(self.state, cause));
            table.row([name.clone(), words::value(value, self.zone), why]);
        }
        section("traits", &table, self.customer.traits.len(), out)
    }

    fn held(&self, kind: HeldKind, title: &str, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut table = Table::default();
        let mut count = 0;
        for held in held(self.customer).filter(|held| held.kind == kind) {
            count += 1;
            let why = because(&explain(self.state, &held.cause));
            let span = self.span(&held);
            match held.detail {
                Some(detail) => table.row([held.name.to_owned(), detail.into_owned(), span, why]),
                None => table.row([held.name.to_owned(), span, why]),
            }
        }
        section(title, &table, count, out)
    }

    fn span(&self, held: &Held<'_>) -> String {
        let since = format!("since {}", self.zone.text(held.since.unwrap_or(held.cause.now)));
        let until = held.until.map(|until| format!(" until {}", self.zone.text(until)));
        let state = held.intent.map(|intent| {
            let unfounded = if intent.unfounded { ", not intended any more" } else { "" };
            format!(", {}{unfounded}", words::intent_state(intent.state))
        });
        format!("{since}{}{}", until.unwrap_or_default(), state.unwrap_or_default())
    }

    fn alarms(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut table = Table::default();
        for alarm in &self.customer.alarms {
            let asked = format!("asked for by {} at position {}", alarm.binding, alarm.position);
            table.row([self.zone.text(alarm.due), alarm.key.clone(), asked]);
        }
        section("alarms", &table, self.customer.alarms.len(), out)
    }

    /// Each record in a line, and below it what it is the cause of today.
    fn timeline(&self, records: &[Record], out: &mut dyn Write) -> anyhow::Result<()> {
        let all = self.customer.timeline.len();
        let which = if records.len() < all {
            format!(" (the last {} of {all})", records.len())
        } else {
            String::new()
        };
        let mut table = Table::default();
        for record in records {
            let time = self.zone.text(record.entry.event().map_or(record.now, |event| event.at));
            table.row([
                record.position.to_string(),
                time,
                words::source(&record.entry),
                words::entry(&record.entry, self.zone),
            ]);
            for held in held(self.customer).filter(|held| held.cause.position == record.position) {
                if held.kind != HeldKind::Trait {
                    table.row([String::new(), String::new(), String::new(), caused(&held)]);
                }
            }
        }
        section(&format!("timeline{which}"), &table, records.len(), out)
    }
}

fn section(title: &str, table: &Table, count: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    if count > 0 {
        writeln!(out, "\n{title}")?;
        table.print("  ", out)?;
    }
    Ok(())
}

/// `60 days without an order (repurchase)`.
fn because(cause: &Explained<'_>) -> String {
    match cause.policy {
        Some(policy) => format!("{} ({policy})", cause.why),
        None => cause.why.to_owned(),
    }
}

/// `→ tag lapsed, by the alarm revisit`.
fn caused(held: &Held<'_>) -> String {
    let kind = match held.kind {
        HeldKind::Tag => "tag",
        HeldKind::Stage => "stage",
        HeldKind::Trait => "trait",
        HeldKind::Intent => "intent",
        HeldKind::Task => "task",
        HeldKind::Alarm => "alarm",
    };
    let detail = held.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let alarm = held.cause.alarm.as_ref().map(|key| format!(", by the alarm {key}")).unwrap_or_default();
    format!("→ {kind} {}{detail}{alarm}", held.name)
}
