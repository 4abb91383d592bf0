//! The commands that read: customers, segments, the journal, the state hash.
//!
//! They see the journal and the store through their contracts and print into a writer; `--json` prints what the HTTP
//! API answers. Only `journal import` writes, and what an operator says (`act`), and only by appending; `backup` and `restore` copy
//! files, and `token` keeps a file of its own.

mod act;
mod backtest;
mod backup;
mod broadcast;
mod calendar;
mod customer;
mod dead;
mod digest;
mod doctor;
mod export;
mod identity;
mod intent;
mod journal;
mod notes;
mod segment;
mod table;
mod token;
mod when;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use act::{CustomerAct, IdentityAct, Said, Signed, tell as tell_act};
pub(crate) use backtest::{BacktestArguments, ShadowArguments, run as backtest, shadow};
pub(crate) use backup::{backup, restore};
pub(crate) use broadcast::{BroadcastCommand, Ground, Propose, Stage, propose_alone, run as broadcast};
pub(crate) use customer::{CustomerCommand, attest_export, export_customer, run as customer};
pub(crate) use dead::{DeadCommand, WhichLetters, run as dead};
pub(crate) use digest::run as digest;
pub(crate) use doctor::run as doctor;
pub(crate) use export::{ExportCommand, run as export};
pub(crate) use identity::{IdentityCommand, run as identity};
pub(crate) use intent::{IntentCommand, run as intent};
pub(crate) use journal::{JournalCommand, run as journal};
pub(crate) use notes::{NotesArguments, run as notes};
pub(crate) use segment::{Asked, SegmentCommand, counts, run as segment};
pub(crate) use table::plain;
pub(crate) use token::{TokenCommand, run as token};
pub(crate) use when::When;

use std::io::{ErrorKind, Write};

/// One line of JSON.
pub(crate) fn print_json(out: &mut dyn Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(value)?)?;
    Ok(())
}

/// JSON that stands in a value as it came may be spread over several lines; their ends mean nothing there and become
/// spaces.
fn one_line(json: String) -> String {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json }
}

/// A reader that has seen enough (`| head`) is no failure.
fn unless_reader_left(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error)
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        result => result,
    }
}
