//! `heliu export`: customers, tags, intents and events as tables for other programs.
//!
//! Each table has fixed columns, which `host/docs/EXPORTS.md` documents; a new column comes behind the others. Rows are
//! read, written and forgotten page by page.

mod columns;
mod csv_file;
mod events;
mod parquet_file;
mod people;
pub(super) mod range;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::past::At;
use api::scan::Scan;
use segment::Segment;
use serde::Serialize;

use self::columns::Cell;
use self::csv_file::{CsvFile, Dialect};
use self::parquet_file::ParquetFile;
use self::range::{Range, bound};
use super::segment::Asked;
use super::{print_json, unless_reader_left};

#[cfg(test)]
pub(crate) use self::columns::TABLES;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ExportCommand {
    /// One row for each customer.
    Customers(Options),
    /// One row for each tag that somebody holds.
    Tags(Options),
    /// One row for each intent that somebody has.
    Intents(Options),
    /// One row for each event of the journal, in its order.
    Events {
        #[command(flatten)]
        options: Options,
        /// From this position, or from what was recorded at this time on: `4711`, or `2026-03-01T00:00:00+08:00`.
        #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
        from: Option<At>,
        /// Up to this position or time, itself not included.
        #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
        to: Option<At>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Write to a file, which is there whole or not at all, instead of the standard output.
    #[arg(long, value_name = "FILE", required_if_eq("format", "parquet"))]
    out: Option<PathBuf>,
    /// Only customers of this segment, and what is theirs.
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// CSV: texts as they are. Without it, a text that begins with = + - @ or another sign that a spreadsheet could take
    /// for a formula gets an apostrophe in front, and so does one that begins with an apostrophe.
    #[arg(long)]
    raw: bool,
    /// CSV: begin with a byte order mark, by which Excel knows UTF-8.
    #[arg(long)]
    bom: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Parquet,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    rows: u64,
}

pub(crate) fn run(
    command: ExportCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (columns, options) = match &command {
        ExportCommand::Customers(options) => (columns::CUSTOMERS, options),
        ExportCommand::Tags(options) => (columns::TAGS, options),
        ExportCommand::Intents(options) => (columns::INTENTS, options),
        ExportCommand::Events { options, from: _, to: _ } => (columns::EVENTS, options),
    };
    let segment = options.segment.as_deref().map(|name| asked.find(name)).transpose()?;
    let dialect = Dialect { raw: options.raw, bom: options.bom };
    match (&options.out, options.format) {
        (None, Format::Parquet) => bail!("a parquet file cannot go to the standard output: add --out FILE"),
        (None, Format::Csv) => unless_reader_left((|| {
            let mut sink = Sink::Csv(CsvFile::begin(out, columns, dialect)?);
            rows(&command, asked, segment, &mut sink)?;
            sink.end().map(drop)
        })()),
        (Some(file), format) => {
            let exported = to_file(file, |written| {
                let mut sink = match format {
                    Format::Csv => {
                        let written: &mut dyn Write = written;
                        Sink::Csv(CsvFile::begin(written, columns, dialect)?)
                    }
                    Format::Parquet => Sink::Parquet(ParquetFile::begin(written, columns)?),
                };
                rows(&command, asked, segment, &mut sink)?;
                sink.end()
            })?;
            if json {
                return print_json(out, &exported);
            }
            writeln!(out, "{} rows are in {}", exported.rows, file.display())?;
            Ok(())
        }
    }
}

fn rows(
    command: &ExportCommand,
    asked: &Asked,
    segment: Option<&Segment>,
    sink: &mut Sink<'_>,
) -> anyhow::Result<()> {
    let scan = Scan { journal: &*asked.journal, store: &*asked.store, now: asked.now, until: None };
    match command {
        ExportCommand::Customers(_) => people::customers(&scan, segment, sink),
        ExportCommand::Tags(_) => people::tags(&scan, segment, sink),
        ExportCommand::Intents(_) => people::intents(&scan, segment, sink),
        ExportCommand::Events { options: _, from, to } => {
            let range = Range::of(&*asked.journal, *from, *to)?;
            events::write(&scan, segment, range, sink)
        }
    }
}

/// Where rows go. What it was begun with says which columns a row has.
enum Sink<'a> {
    Csv(CsvFile<&'a mut dyn Write>),
    Parquet(ParquetFile<'a>),
}

impl Sink<'_> {
    /// One row; a cell for each column, in their order and of their kind.
    fn row(&mut self, cells: &[Cell<'_>]) -> anyhow::Result<()> {
        match self {
            Sink::Csv(file) => file.row(cells),
            Sink::Parquet(file) => file.row(cells),
        }
    }

    fn end(self) -> anyhow::Result<Exported> {
        let rows = match self {
            Sink::Csv(file) => file.end()?,
            Sink::Parquet(file) => file.end()?,
        };
        Ok(Exported { rows })
    }
}

/// Beside the file first: an export that broke off must not look like one.
fn to_file(
    file: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> anyhow::Result<Exported>,
) -> anyhow::Result<Exported> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let created = File::create(beside).with_context(|| format!("create {}", beside.display()))?;
    let mut writer = BufWriter::new(created);
    let written = write(&mut writer).and_then(|exported| {
        let written = writer.into_inner().context("write the last rows")?;
        written.sync_all().with_context(|| format!("write {}", beside.display()))?;
        fs::rename(beside, file).with_context(|| format!("name {}", file.display()))?;
        Ok(exported)
    });
    if written.is_err() {
        // What went wrong is told already.
        drop(fs::remove_file(beside));
    }
    written
}
