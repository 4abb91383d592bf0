//! `heliu journal tail`: the last records, and those to come.

use std::io::Write;
use std::time::Duration;

use journal::Journal;
use model::{Position, Record};

use super::{PAGE_RECORDS, line};
use crate::commands::calendar::Zone;
use crate::commands::table::plain;
use crate::commands::words;

/// How long a follower waits before it looks again: soon enough for a person, cheap for the disk.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) fn run(
    journal: &dyn Journal,
    lines: usize,
    follow: bool,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let head = journal.head()?.position;
    let mut at = head.saturating_sub(u64::try_from(lines).unwrap_or(u64::MAX));
    loop {
        at = print(journal, at, json, zone, out)?;
        if !follow {
            return Ok(());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Prints everything behind `at`, and gives the last one's position.
fn print(
    journal: &dyn Journal,
    mut at: Position,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<Position> {
    loop {
        let records = journal.read(at, PAGE_RECORDS)?;
        for record in &records {
            if json {
                writeln!(out, "{}", line(record))?;
            } else {
                writeln!(out, "{}", in_words(record, zone))?;
            }
            at = record.position;
        }
        if records.len() < PAGE_RECORDS {
            out.flush()?;
            return Ok(at);
        }
    }
}

fn in_words(record: &Record, zone: Zone) -> String {
    let Record { position, now, entry } = record;
    let (time, source) = (zone.text(*now), words::source(entry));
    plain(&format!("{position:>8}  {time}  {source:<16}  {}", words::entry(entry, zone)))
}
