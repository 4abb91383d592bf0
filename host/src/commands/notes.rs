//! `heliu notes`: what a person must look at.

use std::io::Write;

use api::views::NotePage;
use model::{Conflict, DeadTurn, Note};

use super::segment::Asked;
use super::table::plain;
use super::unless_reader_left;
use super::when::{self, When};
use super::words;

#[derive(Debug, clap::Args)]
pub(crate) struct NotesArguments {
    /// Only those behind this key, to go on with a list.
    #[arg(long, value_name = "KEY", default_value = "")]
    after: String,
    /// How many, at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    when: When,
}

pub(crate) fn run(
    arguments: &NotesArguments,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    unless_reader_left(list(arguments, asked, json, out))
}

fn list(arguments: &NotesArguments, asked: &Asked, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let NotesArguments { after, limit, when } = arguments;
    let then = when.then(asked)?;
    let notes = then.store.notes(after, limit.saturating_add(1))?;
    let (_, state) = then.store.standing()?;
    let page = NotePage::new(&state, &notes, *limit);
    if json {
        return when::print(out, then.at, &page);
    }
    when::head(out, then.at, when.zone())?;
    for note in notes.iter().take(*limit) {
        writeln!(out, "{}", plain(&text(note)))?;
    }
    if notes.is_empty() {
        writeln!(out, "no notes")?;
    }
    if let Some(next) = &page.next {
        writeln!(out, "more: --after '{next}'")?;
    }
    Ok(())
}

/// A note in a line.
pub(crate) fn text(note: &Note) -> String {
    match note {
        Note::Conflict(Conflict { position, handle, customer, other, scheme }) => {
            let handle = format!("{}:{}:{}", handle.scheme, handle.scope, handle.value);
            format!("position {position}: {handle} of {other} on a record of {customer}: {scheme} differs")
        }
        Note::DeadTurn(DeadTurn { position, now: _, customer, version: _, alarm: _, kind, text }) => {
            format!("position {position}: a policy failed at {customer}: {kind}: {text}")
        }
        Note::Erasure(erasure) => format!("position {}: {} was erased", erasure.position, erasure.customer),
        Note::StrayReceipt(stray) => words::stray(stray),
        Note::Overflow(overflow) => words::overflow(overflow),
    }
}
