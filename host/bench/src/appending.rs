//! Append, beside what SQLite does with the same bytes.

use std::time::{Duration, Instant};

use journal::{Batch, Journal, Records};
use model::Record;
use sqlite::SqliteJournal;

use crate::events::Stream;
use crate::figure::Figure;
use crate::{Bench, limit};

/// Events in one append: what gathers under load.
pub const BATCH: u64 = 1000;

#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let journal = SqliteJournal::open(&bench.path("journal.db"))?;
    let spent = append(&journal, bench.events, bench.customers, |_| {})?;
    let rate = bench.events as f64 / spent.as_secs_f64();
    let sample = journal.read(0, 1000)?;
    let bytes: usize = sample.iter().map(|record| wire::to_bytes::<Record>(record).len()).sum();
    let raw = limit::raw_inserts(&bench.path("raw.db"), bench.events, BATCH, bytes / sample.len().max(1))?;
    Ok(vec![
        Figure::new("append_per_s", rate, "events/s"),
        Figure::new("append_vs_sqlite", rate / raw, "of raw inserts with the same index"),
    ])
}

/// Appends events of as many customers; gives the time that appends took, without the making of events.
pub fn append(
    journal: &dyn Journal,
    events: u64,
    customers: u64,
    appended: impl Fn(u64),
) -> anyhow::Result<Duration> {
    append_of(journal, events, Stream::new(customers), appended)
}

/// The same, of a stream.
pub fn append_of(
    journal: &dyn Journal,
    events: u64,
    mut stream: Stream,
    appended: impl Fn(u64),
) -> anyhow::Result<Duration> {
    let (mut done, mut spent) = (0, Duration::ZERO);
    while done < events {
        let (now, entries) = stream.batch(BATCH.min(events - done));
        done += entries.len() as u64;
        let batch = Batch { now, entries, ..Batch::default() };
        let started = Instant::now();
        journal.append(&[batch])?;
        spent += started.elapsed();
        appended(done);
    }
    Ok(spent)
}
