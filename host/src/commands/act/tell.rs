//! What an act changes, in words.

use std::io::Write;

use api::views::{
    ActView, DifferenceView, ErasesView, HandleMoveView, HeldTagView, IntentChangeView, Raw, Reason,
    ReportView, ToldView,
};
use model::{Event, IntentState, Note, Value};

use crate::commands::calendar::Zone;
use crate::commands::table::{Table, plain};
use crate::commands::words;

/// Prints the answer to an act for people.
pub(crate) fn tell(view: &ActView, out: &mut dyn Write) -> anyhow::Result<()> {
    let zone = Zone::Beijing;
    let ActView { id, dry_run, position, known, folded, report, erases } = view;
    match (position, known, dry_run) {
        (Some(position), true, _) => {
            writeln!(out, "{id} stands at position {position} already and changes nothing more")?
        }
        (_, _, true) => writeln!(out, "a dry run: nothing was appended")?,
        (Some(position), false, false) => writeln!(out, "{id} stands at position {position}")?,
        (None, _, false) => writeln!(out, "{id}")?,
    }
    if position.is_some() && !folded {
        writeln!(out, "it is durable, and not folded yet: /healthz says how far the fold is")?;
    }
    if let Some(erases) = erases {
        receipt(erases, *dry_run, out)?;
    }
    provisos(report, out)?;
    if erases.is_none() && report.customers.is_empty() && report.intents.is_empty() && report.told.is_empty()
    {
        writeln!(out, "\nnobody changes")?;
    }
    for customer in &report.customers {
        difference(customer, zone, out)?;
    }
    intents(&report.intents, zone, out)?;
    told(&report.told, zone, out)?;
    tell_notes("a person must look at", &report.notes, out)?;
    tell_notes("nobody must look any more at", &report.notes_gone, out)
}

/// What an erasure takes, and nothing of what it was.
fn receipt(erases: &ErasesView, dry_run: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let ErasesView { customer, merged, records, handles, others, words, folded, changed, waits } = erases;
    let verb = if dry_run { "would be erased" } else { "is erased" };
    writeln!(out, "{customer} {verb}: {records} records and {handles} handles")?;
    if !merged.is_empty() {
        writeln!(out, "known before as {}", merged.join(", "))?;
    }
    writeln!(out, "records of others that named her: {others}; acts of operators: {words}")?;
    writeln!(
        out,
        "and what waits for her: chores, connections' memories, dead letters that hold one of her handles"
    )?;
    if let Some(policy) = waits {
        return Ok(writeln!(
            out,
            "others who had to do with her are folded again when the policy \"{policy}\", which is paused, decides again"
        )?);
    }
    match &changed[..] {
        [] => writeln!(out, "others who had to do with her: {folded}; nobody of them changes")?,
        some => writeln!(
            out,
            "others who had to do with her: {folded}; as their own records have them, these change: {}",
            some.join(", ")
        )?,
    }
    Ok(())
}

/// What keeps the report from being the whole truth.
fn provisos(report: &ReportView, out: &mut dyn Write) -> anyhow::Result<()> {
    let ReportView { agrees, disagrees, unseen, complete, .. } = report;
    if !agrees {
        let who = disagrees.join(", ");
        writeln!(
            out,
            "CAUTION: {who}: folded again by themselves they are not as the store has them; see OPERATIONS"
        )?;
    }
    if !unseen.is_empty() {
        writeln!(
            out,
            "CAUTION: nothing is said of these intents of an earlier merge: {}",
            unseen.join(", ")
        )?;
    }
    if !complete {
        writeln!(out, "CAUTION: more people are concerned than were looked at")?;
    }
    Ok(())
}

fn difference(view: &DifferenceView, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let DifferenceView {
        id,
        fate,
        other,
        handles_gained,
        handles_lost,
        records_gained,
        records_lost,
        tags_gained,
        tags_lost,
        stages,
        traits,
    } = view;
    let other = match (fate.as_str(), other) {
        ("appears", Some(other)) => format!(": she was part of {other}"),
        ("vanishes", Some(other)) => format!(": she is part of {other}"),
        (_, _) => String::new(),
    };
    writeln!(out, "\n{id} {fate}{other}")?;
    let mut table = Table::default();
    let mut row = |sign: &str, what: &str, name: String, why: String| {
        table.row([sign.to_owned(), what.to_owned(), name, why]);
    };
    let moved = |HandleMoveView { handle, other }: &HandleMoveView, word: &str| {
        let other = other.as_ref().filter(|other| *other != id);
        (handle.text(), other.map(|other| format!("{word} {other}")).unwrap_or_default())
    };
    for (sign, word, handles) in [("+", "from", handles_gained), ("-", "to", handles_lost)] {
        for handle in handles {
            let (name, other) = moved(handle, word);
            row(sign, "handle", name, other);
        }
    }
    for (sign, records) in [("+", records_gained), ("-", records_lost)] {
        if *records > 0 {
            row(sign, "records", records.to_string(), String::new());
        }
    }
    for (sign, tags) in [("+", tags_gained), ("-", tags_lost)] {
        for HeldTagView { name, since: _, expires: _, cause } in tags {
            row(sign, "tag", name.clone(), because(cause));
        }
    }
    for change in stages {
        for (sign, held) in [("-", &change.before), ("+", &change.after)] {
            if let Some(held) = held {
                row(sign, "stage", format!("{}: {}", change.journey, held.stage), because(&held.cause));
            }
        }
    }
    for change in traits {
        for (sign, held) in [("-", &change.before), ("+", &change.after)] {
            if let Some(held) = held {
                let value = words::value(&wire::from_json::<Value>(held.value.get())?, zone);
                row(sign, "trait", format!("{} {value}", change.name), because(&held.cause));
            }
        }
    }
    table.print("  ", out)?;
    Ok(())
}

fn because(Reason { position, now: _, policy, alarm: _, why }: &Reason) -> String {
    match policy {
        Some(policy) => format!("{why} ({policy}, position {position})"),
        None => format!("{why} (position {position})"),
    }
}

fn intents(intents: &[IntentChangeView], zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    for (fate, title) in [
        ("would_not_have_been_sent", "went out, and would not have been sent"),
        ("withdrawn", "intents that are withdrawn"),
        ("intended_again", "intents that are intended again"),
        ("new", "new intents"),
        ("forgotten", "went out, and is not known of them any more"),
    ] {
        let mut table = Table::default();
        for one in intents.iter().filter(|one| one.fate == fate) {
            let whose = one.before.as_ref().or(one.after.as_ref()).cloned().unwrap_or_default();
            let state = words::intent_state(wire::from_json::<IntentState>(one.state.get())?);
            let mut state = state.to_owned();
            if let Some(out) = one.went_out {
                state = format!("{state}, handed over {}", zone.text(out));
            }
            for (word, detail) in [("by", &one.connection), ("in the name of", &one.staff)] {
                if let Some(detail) = detail {
                    state = format!("{state} {word} {detail}");
                }
            }
            let what = format!("{} \"{}\" of {}", one.scene, one.key, one.binding);
            table.row([whose, what, one.id.clone(), state, because(&one.cause)]);
        }
        if intents.iter().any(|one| one.fate == fate) {
            writeln!(out, "\n{title}")?;
            table.print("  ", out)?;
        }
    }
    Ok(())
}

fn told(told: &[ToldView], zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    for (counts, title) in [(false, "told of others no longer"), (true, "told of others then")] {
        let mut table = Table::default();
        for ToldView { binding, id: _, counts: _, position, event } in
            told.iter().filter(|one| one.counts == counts)
        {
            let position = position.map(|position| format!("position {position}")).unwrap_or_default();
            let event = event.as_ref().map(|event| wire::from_json::<Event>(event.get())).transpose()?;
            let (whom, what) = event
                .map(|event| {
                    let whom =
                        event.who.iter().map(|who| format!("{}:{}:{}", who.scheme, who.scope, who.value));
                    (whom.collect::<Vec<_>>().join(" "), words::event(&event, zone))
                })
                .unwrap_or_default();
            table.row([position, whom, what, format!("({binding})")]);
        }
        if told.iter().any(|one| one.counts == counts) {
            writeln!(out, "\n{title}")?;
            table.print("  ", out)?;
        }
    }
    Ok(())
}

fn tell_notes(title: &str, notes: &[Raw], out: &mut dyn Write) -> anyhow::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for note in notes {
        let text = crate::commands::notes::text(&wire::from_json::<Note>(note.get())?);
        writeln!(out, "  {}", plain(&text))?;
    }
    Ok(())
}
