//! `heliu notes`: what a person must look at.

use std::io::Write;

use api::views::NotePage;
use model::{Conflict, DeadTurn, Note, Position};
use serde_json::value::RawValue;
use store::{Store, StoreError};

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

/// Where a list of notes of one kind goes on, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct PageArguments {
    /// Only those behind this position of the journal, to go on with a list.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: Position,
    /// How many, at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    when: When,
}

/// Notes of one kind.
pub(super) struct Kind<T> {
    /// What they are called together, in JSON.
    pub(super) name: &'static str,
    /// Hands out those behind a key, until it has heard enough.
    pub(super) find: Find<T>,
    pub(super) position: fn(&T) -> Position,
    pub(super) raw: fn(&T) -> Box<RawValue>,
    /// One in a line.
    pub(super) text: fn(&T) -> String,
}

type Find<T> = fn(&dyn Store, String, &mut dyn FnMut(T) -> bool) -> Result<(), StoreError>;

pub(super) fn of_kind<T>(
    Kind { name, find, position, raw, text }: Kind<T>,
    PageArguments { after, limit, when }: &PageArguments,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let then = when.then(asked)?;
    let mut found = Vec::new();
    find(&*then.store, Note::behind(after.saturating_add(1)), &mut |note| {
        found.push(note);
        found.len() <= *limit
    })?;
    let more = found.len() > *limit;
    found.truncate(*limit);
    let next = found.last().filter(|_| more).map(position);
    if json {
        let notes: Vec<_> = found.iter().map(raw).collect();
        return when::print(out, then.at, &serde_json::json!({name: notes, "next": next}));
    }
    when::head(out, then.at, when.zone())?;
    for note in &found {
        writeln!(out, "{}", plain(&text(note)))?;
    }
    if let Some(next) = next {
        writeln!(out, "more: --after {next}")?;
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
