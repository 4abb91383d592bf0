//! `heliu journal`: the truth out, in, and as it grows.
//!
//! A journal in a file is NDJSON: one record in a line, in the journal's order, nothing else. A line
//! `{"heliu_journal":1}` in front says so, and may be missing; a file of a later form says another number.

mod export;
mod import;
mod tail;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use journal::Journal;
use model::{Attest, Position, Record};
use store::Store;

use super::act::Signed;
use super::calendar::Zone;
use super::{one_line, unless_reader_left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum JournalCommand {
    /// Write the journal as NDJSON: one record in a line. That it was given out is said in the journal first.
    Export {
        /// Only what stands behind this position.
        #[arg(long, default_value_t = 0, value_name = "POSITION")]
        after: Position,
        /// Write to a file, which is there whole or not at all, instead of the standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// Append the records of an exported file. Events that stand in the journal already are not stored again.
    ///
    /// Records keep their time, unless the journal has later ones. Into an empty journal a whole export gives the same
    /// journal, and so the same state. Into another journal positions differ: derived events are then left out, because
    /// the fold tells them again; and who imported it, and why, is said behind them.
    Import {
        /// A file, or `-` for the standard input.
        file: PathBuf,
        #[command(flatten)]
        signed: Signed,
    },
    /// Show the end of the journal.
    Tail {
        /// How many records, 1000 at most: whoever needs more exports them.
        #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(..=TAIL_MAX))]
        lines: u16,
        /// Go on with what is appended, until interrupted.
        #[arg(short, long)]
        follow: bool,
        /// Show times in UTC instead of Beijing time.
        #[arg(long)]
        utc: bool,
    },
}

/// A look at the end. More of it is an export, of which the journal says who and why.
const TAIL_MAX: i64 = 1000;

/// Records that are read or appended at a time.
const PAGE_RECORDS: usize = 1000;

impl JournalCommand {
    /// What the journal says before the command is run, and by whom.
    pub(crate) fn attests(&self) -> Option<(Signed, Attest)> {
        match self {
            JournalCommand::Export { after, out: _, signed } => {
                let of = format!("journal, from position {}", after.saturating_add(1));
                Some((signed.clone(), Attest { what: "export".to_owned(), of }))
            }
            // What an import is to be remembered for is known at its end.
            JournalCommand::Import { .. } | JournalCommand::Tail { .. } => None,
        }
    }
}

/// The store is not looked at: it follows the journal. Whose journal it is, the configuration says.
pub(crate) fn run(
    command: JournalCommand,
    tenant: &str,
    journal: Arc<dyn Journal>,
    _store: Arc<dyn Store>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let journal = &*journal;
    unless_reader_left(match command {
        JournalCommand::Export { after, out: Some(file), signed: _ } => {
            export::to_file(journal, after, &file, json, out)
        }
        JournalCommand::Export { after, out: None, signed: _ } => {
            export::write(journal, after, out).map(drop)
        }
        JournalCommand::Import { file, signed } => import::run(journal, tenant, &file, &signed, json, out),
        JournalCommand::Tail { lines, follow, utc } => {
            tail::run(journal, usize::from(lines), follow, json, Zone::new(utc), out)
        }
    })
}

/// The record as one line, without its end.
fn line(record: &Record) -> String {
    one_line(wire::to_json::<Record>(record))
}
