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
use model::{Attest, Deed};
use segment::Segment;
use serde::Serialize;

use self::columns::Cell;
use self::csv_file::{CsvFile, Dialect};
use self::parquet_file::ParquetFile;
use self::range::{Range, bound};
use super::act::Said;
use super::segment::Asked;
use super::when;
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
    /// As of this position of the journal, or of this time: customers, tags and intents as they were. Folds the journal up to
    /// there, without touching the store. Events are cut with `--from` and `--to`.
    #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
    at: Option<At>,
    /// With `--at`: how many records may be folded again.
    #[arg(long, value_name = "COUNT", requires = "at")]
    records_max: Option<u64>,
    /// CSV: texts as they are. Without it, a text that begins with = + - @ or another sign that a spreadsheet could take
    /// for a formula gets an apostrophe in front, and so does one that begins with an apostrophe.
    #[arg(long)]
    raw: bool,
    /// CSV: begin with a byte order mark, by which Excel knows UTF-8.
    #[arg(long)]
    bom: bool,
    #[command(flatten)]
    said: Said,
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

impl ExportCommand {
    fn options(&self) -> &Options {
        match self {
            ExportCommand::Customers(options)
            | ExportCommand::Tags(options)
            | ExportCommand::Intents(options)
            | ExportCommand::Events { options, from: _, to: _ } => options,
        }
    }

    pub(crate) fn said(&self) -> &Said {
        &self.options().said
    }

    /// What the journal says of it, before anything is given out.
    pub(crate) fn deed(&self) -> Deed {
        let table = match self {
            ExportCommand::Customers(_) => "customers",
            ExportCommand::Tags(_) => "tags",
            ExportCommand::Intents(_) => "intents",
            ExportCommand::Events { .. } => "events",
        };
        let (from, to) = match self {
            ExportCommand::Events { options: _, from, to } => (*from, *to),
            ExportCommand::Customers(_) | ExportCommand::Tags(_) | ExportCommand::Intents(_) => (None, None),
        };
        let Options { format, out: _, segment, at, records_max: _, raw: _, bom: _, said: _ } = self.options();
        let format = match format {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
        };
        let mut of = format!("table {table} as {format}");
        if let Some(segment) = segment {
            of.push_str(&format!(", segment {segment}"));
        }
        for (word, bound) in [("at", *at), ("from", from), ("to", to)] {
            match bound {
                Some(At::Position(position)) => of.push_str(&format!(", {word} position {position}")),
                Some(At::Time(time)) => of.push_str(&format!(", {word} time {time}")),
                None => {}
            }
        }
        Deed::Attest(Attest { what: "export".to_owned(), of })
    }

    /// Would it come to something?
    pub(crate) fn check(&self, asked: &Asked) -> anyhow::Result<()> {
        let options = self.options();
        options.segment.as_deref().map(|name| asked.find(name)).transpose()?;
        if options.out.is_none() && options.format == Format::Parquet {
            bail!("a parquet file cannot go to the standard output: add --out FILE");
        }
        if options.at.is_some() && matches!(self, ExportCommand::Events { .. }) {
            bail!("--at: events are what they were; cut them with --from and --to");
        }
        Ok(())
    }
}

pub(crate) fn run(
    command: ExportCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    command.check(asked)?;
    let options = command.options();
    let columns = match &command {
        ExportCommand::Customers(_) => columns::CUSTOMERS,
        ExportCommand::Tags(_) => columns::TAGS,
        ExportCommand::Intents(_) => columns::INTENTS,
        ExportCommand::Events { .. } => columns::EVENTS,
    };
    let then = when::then(asked, options.at, options.records_max)?;
    let segment = options.segment.as_deref().map(|name| asked.find(name)).transpose()?;
    let dialect = Dialect { raw: options.raw, bom: options.bom };
    match (&options.out, options.format) {
        (None, Format::Csv | Format::Parquet) => unless_reader_left((|| {
            let mut sink = Sink::Csv(CsvFile::begin(out, columns, dialect)?);
            rows(&command, &then.scan(asked), segment, &mut sink)?;
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
                rows(&command, &then.scan(asked), segment, &mut sink)?;
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
    scan: &Scan<'_>,
    segment: Option<&Segment>,
    sink: &mut Sink<'_>,
) -> anyhow::Result<()> {
    match command {
        ExportCommand::Customers(_) => people::customers(scan, segment, sink),
        ExportCommand::Tags(_) => people::tags(scan, segment, sink),
        ExportCommand::Intents(_) => people::intents(scan, segment, sink),
        ExportCommand::Events { options: _, from, to } => {
            let range = Range::of(scan.journal, *from, *to)?;
            events::write(scan, segment, range, sink)
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
