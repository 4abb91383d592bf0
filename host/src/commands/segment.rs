//! `heliu segment` and `heliu counts`: who is in a segment, and how many hold what.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use api::past::{Bounds, Past};
use api::scan::Counts;
use api::views::{CountsView, MembersPage, SegmentsView};
use journal::Journal;
use model::{CustomerId, Instant};
use router::Plugins;
use segment::Segment;
use store::Store;

use super::calendar::Zone;
use super::customer::people;
use super::table::{Table, plain};
use super::when::{self, When};
use super::{print_json, unless_reader_left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SegmentCommand {
    /// List the segments of the configuration. Asks no customer.
    List,
    /// Show a segment's filter, and who is in it, ascending by id. Reads customers until there are enough.
    Show {
        name: String,
        /// Only those behind this id, to go on with a list.
        #[arg(long, value_name = "ID")]
        after: Option<CustomerId>,
        /// How many, at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        when: When,
    },
    /// Count the customers of each segment, or of one. Reads all customers.
    Count {
        name: Option<String>,
        #[command(flatten)]
        when: When,
    },
}

/// What is asked, and of whom.
pub(crate) struct Asked {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) segments: Vec<Segment>,
    /// What `days` are counted from.
    pub(crate) now: Instant,
    pub(crate) plugins: LoadPlugins,
}

/// Makes what decides when a past is folded again. Only asked where that is needed: it compiles policies.
pub(crate) type LoadPlugins = Box<dyn Fn() -> anyhow::Result<Arc<dyn Plugins>>>;

impl Asked {
    /// What was.
    pub(crate) fn past(&self, records_max: Option<u64>) -> anyhow::Result<Past> {
        let bounds = records_max.map_or(Bounds::COMMAND, |max| Bounds { slice_max: max, fold_max: max });
        let (journal, store) = (Arc::clone(&self.journal), Arc::clone(&self.store));
        Ok(Past { journal, store, plugins: (self.plugins)()?, now: self.now, bounds })
    }

    pub(crate) fn find(&self, name: &str) -> anyhow::Result<&Segment> {
        find(&self.segments, name)
    }
}

pub(crate) fn run(
    command: SegmentCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    unless_reader_left(match command {
        SegmentCommand::List => list(&asked.segments, json, out),
        SegmentCommand::Show { name, after, limit, when } => {
            show(asked, asked.find(&name)?, after, limit, &when, json, out)
        }
        SegmentCommand::Count { name: None, when } => count(asked, &asked.segments, &when, json, out),
        SegmentCommand::Count { name: Some(name), when } => {
            count(asked, std::slice::from_ref(asked.find(&name)?), &when, json, out)
        }
    })
}

/// `heliu counts`.
pub(crate) fn counts(asked: &Asked, when: &When, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let then = when.then(asked)?;
    let (standing, _) = then.store.standing()?;
    let counts = then.scan(asked).counts(&asked.segments)?;
    let view = CountsView::new(&asked.segments, &counts, standing, then.now);
    unless_reader_left(if json { when::print(out, then.at, &view) } else { print(&view, when.zone(), out) })
}

fn find<'a>(segments: &'a [Segment], name: &str) -> anyhow::Result<&'a Segment> {
    let found = segments.iter().find(|segment| segment.name() == name);
    found.with_context(|| {
        let there: Vec<&str> = segments.iter().map(Segment::name).collect();
        let there = if there.is_empty() { "none: add a [[segment]]".to_owned() } else { there.join(", ") };
        format!("the configuration has no segment \"{name}\"; there is: {there}")
    })
}

fn list(segments: &[Segment], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return print_json(out, &SegmentsView::new(segments));
    }
    let mut table = Table::default();
    for segment in segments {
        let (name, title) = (segment.name().to_owned(), segment.title().to_owned());
        table.row([name, title, segment.text().trim().to_owned()]);
    }
    table.print("", out)?;
    Ok(())
}

fn show(
    asked: &Asked,
    segment: &Segment,
    after: Option<CustomerId>,
    limit: usize,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (then, zone) = (when.then(asked)?, when.zone());
    let (standing, _) = then.store.standing()?;
    let members = then.scan(asked).members(segment, after, limit)?;
    let page = MembersPage::new(segment, &members, standing, then.now);
    if json {
        return when::print(out, then.at, &page);
    }
    when::head(out, then.at, zone)?;
    writeln!(out, "{}  {}", page.segment.name, plain(page.segment.title))?;
    writeln!(out, "  {}", plain(page.segment.filter.trim()))?;
    writeln!(out, "  as of {} ({})\n", zone.text(then.now), zone.name())?;
    people(&page.customers, zone, out)?;
    if let Some(next) = &page.next {
        writeln!(out, "more: --after {next}")?;
    }
    Ok(())
}

fn count(
    asked: &Asked,
    segments: &[Segment],
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let then = when.then(asked)?;
    let (standing, _) = then.store.standing()?;
    let counts: Counts = then.scan(asked).counts(segments)?;
    let view = CountsView::new(segments, &counts, standing, then.now);
    if json {
        let (position, now, customers) = (view.position, view.now, view.customers);
        let told = serde_json::json!({
            "position": position, "now": now, "customers": customers, "segments": view.segments,
        });
        return when::print(out, then.at, &told);
    }
    when::head(out, then.at, when.zone())?;
    let rows = view.segments.iter().map(|segment| [segment.name, segment.title].map(str::to_owned));
    tally(rows.zip(view.segments.iter().map(|segment| segment.customers)), view.customers, "", out)
}

fn print(view: &CountsView<'_>, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let CountsView { position, now, customers, segments, tags, stages, channels, schemes, left_out } = view;
    let all = *customers;
    writeln!(out, "{all} customers at position {position}, {} ({})", zone.text(*now), zone.name())?;
    writeln!(out, "\nsegments")?;
    let rows = segments.iter().map(|one| ([one.name, one.title].map(str::to_owned), one.customers));
    tally(rows, all, "  ", out)?;
    writeln!(out, "\ntags")?;
    tally(tags.iter().map(|one| ([one.name.to_owned()], one.customers)), all, "  ", out)?;
    writeln!(out, "\nstages")?;
    let rows = stages.iter().map(|one| ([one.journey, one.stage].map(str::to_owned), one.customers));
    tally(rows, all, "  ", out)?;
    writeln!(out, "\nchannels")?;
    tally(channels.iter().map(|one| ([one.name.to_owned()], one.customers)), all, "  ", out)?;
    writeln!(out, "\nschemes of handles")?;
    tally(schemes.iter().map(|one| ([one.name.to_owned()], one.customers)), all, "  ", out)?;
    if *left_out > 0 {
        writeln!(out, "\n{left_out} holdings of names that are too many to list")?;
    }
    Ok(())
}

/// Names with their numbers, and what part of all that is.
fn tally<const N: usize>(
    rows: impl Iterator<Item = ([String; N], u64)>,
    all: u64,
    indent: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut table = Table::default();
    for (names, count) in rows {
        let mut cells = names.to_vec();
        cells.push(count.to_string());
        cells.push(share(count, all));
        table.cells(&cells);
    }
    table.print(indent, out)?;
    Ok(())
}

/// `33.3 %`, rounded down to a tenth: only all of them are 100 %.
pub(super) fn share(count: u64, all: u64) -> String {
    if all == 0 {
        return String::new();
    }
    let tenths = u128::from(count) * 1000 / u128::from(all);
    format!("{}.{} %", tenths / 10, tenths % 10)
}
