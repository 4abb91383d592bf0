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
use model::{Position, Record};
use store::Store;

use super::calendar::Zone;
use super::{one_line, unless_reader_left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum JournalCommand {
    /// Write the journal as NDJSON: one record in a line.
    Export {
        /// Only what stands behind this position.
        #[arg(long, default_value_t = 0, value_name = "POSITION")]
        after: Position,
        /// Write to a file, which is there whole or not at all, instead of the standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Append the records of an exported file. Events that stand in the journal already are not stored again.
    ///
    /// Records keep their time, unless the journal has later ones. Into an empty journal a whole export gives the same
    /// journal, and so the same state. Into another journal positions differ: derived events are then left out, because
    /// the fold tells them again.
    Import {
        /// A file, or `-` for the standard input.
        file: PathBuf,
    },
    /// Show the end of the journal.
    Tail {
        /// How many records.
        #[arg(short = 'n', long, default_value_t = 10)]
        lines: usize,
        /// Go on with what is appended, until interrupted.
        #[arg(short, long)]
        follow: bool,
        /// Show times in UTC instead of Beijing time.
        #[arg(long)]
        utc: bool,
    },
}

/// Records that are read or appended at a time.
const PAGE_RECORDS: usize = 1000;

/// The store is not looked at: it follows the journal.
pub(crate) fn run(
    command: JournalCommand,
    journal: Arc<dyn Journal>,
    _store: Arc<dyn Store>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let journal = &*journal;
    unless_reader_left(match command {
        JournalCommand::Export { after, out: Some(file) } => {
            export::to_file(journal, after, &file, json, out)
        }
        JournalCommand::Export { after, out: None } => export::write(journal, after, out).map(drop),
        JournalCommand::Import { file } => import::run(journal, &file, json, out),
        JournalCommand::Tail { lines, follow, utc } => {
            tail::run(journal, lines, follow, json, Zone::new(utc), out)
        }
    })
}

/// The record as one line, without its end.
fn line(record: &Record) -> String {
    one_line(wire::to_json::<Record>(record))
}
