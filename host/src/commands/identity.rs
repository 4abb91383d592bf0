//! `heliu identity`: what made somebody one person, and where records disagree about it.

use std::io::Write;

use anyhow::Context as _;
use api::lookup;
use api::views::{ConflictView, DivisionView, EdgeView, EdgesView, HandleView, MergedView, RetractionView};
use journal::Records;
use model::Event;
use router::TOO_MANY_HANDLES;

use super::calendar::Zone;
use super::segment::Asked;
use super::table::{Table, plain};
use super::when::{self, Found, When};
use super::{one_line, unless_reader_left, words};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum IdentityCommand {
    /// List what made her one person: each record that gave her a handle or merged somebody, what operators said, and
    /// what was taken back.
    Edges {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[command(flatten)]
        when: When,
    },
    /// List the records that named two people who cannot be one, and the commands that would end each conflict.
    Conflicts {
        /// Only those behind this key, to go on with a list.
        #[arg(long, value_name = "KEY", default_value = "")]
        after: String,
        /// How many, at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        when: When,
    },
}

/// Which edges are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    All,
    /// Those that made two customers one, or would have.
    Merges,
}

pub(crate) fn run(
    command: IdentityCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    unless_reader_left(match command {
        IdentityCommand::Edges { who, when } => {
            edges(asked, &when.person(asked, &who)?, Shown::All, json, when.zone(), out)
        }
        IdentityCommand::Conflicts { after, limit, when } => conflicts(asked, after, limit, &when, json, out),
    })
}

/// What made this customer who she is.
pub(super) fn edges(
    asked: &Asked,
    found: &Found,
    shown: Shown,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let id = found.customer.id;
    let journal: &dyn Records = match &found.slice {
        Some(slice) => &**slice,
        None => &*asked.journal,
    };
    let edges =
        router::edges(journal, &*found.store, id)?.with_context(|| format!("there is no customer {id}"))?;
    let mut view = EdgesView::new(&edges);
    if shown == Shown::Merges {
        view.edges.retain(|edge| !edge.merged.is_empty() || edge.kind == "join" || edge.retracted.is_some());
    }
    if json {
        return when::print(out, found.at, &view);
    }
    when::head(out, found.at, zone)?;
    let EdgesView { id, agrees, edges, splits } = &view;
    writeln!(out, "{id}  ({})", zone.name())?;
    if !agrees {
        writeln!(
            out,
            "  the rules of identity changed since: judged again, her handles are not those that she has"
        )?;
    }
    if edges.is_empty() {
        let nothing =
            if shown == Shown::Merges { "she was one from the beginning" } else { "she has no handle" };
        writeln!(out, "  {nothing}")?;
    }
    for one in edges {
        edge(one, zone, out)?;
    }
    for split in splits {
        division(split, zone, out)?;
    }
    Ok(())
}

fn edge(edge: &EdgeView, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let EdgeView { position, now, kind, source, why, names, handles, attached, merged, retracted, event } =
        edge;
    let what = match *kind {
        "join" => {
            format!("{source} said that {} are one: {}", names.join(" and "), why.clone().unwrap_or_default())
        }
        "derived" => format!("told by policy {source}"),
        _ => format!("from {source}"),
    };
    writeln!(out, "\nposition {position}, {}, {}", zone.text(*now), plain(&what))?;
    let mut table = Table::default();
    if !handles.is_empty() {
        table.row(["shows".to_owned(), texts(handles)]);
    }
    if !attached.is_empty() {
        table.row(["gave her".to_owned(), texts(attached)]);
    }
    for MergedView { gone, into } in merged {
        table.row(["made one".to_owned(), format!("{gone} is {into} since")]);
    }
    if let Some(retraction) = retracted {
        table.row(["taken back".to_owned(), taken_back(retraction, zone)]);
    } else if !merged.is_empty() || *kind == "join" {
        table.row(["undo".to_owned(), format!("heliu identity retract {position} --by NAME --why TEXT")]);
    }
    if let Some(event) = event.as_ref().filter(|_| !merged.is_empty()) {
        let event = wire::from_json::<Event>(event.get())?;
        table.row(["says".to_owned(), words::event(&event, zone)]);
        table.row(["event".to_owned(), one_line(wire::to_json::<Event>(&event))]);
    }
    table.print("  ", out)?;
    Ok(())
}

fn taken_back(RetractionView { position, now, by, why }: &RetractionView, zone: Zone) -> String {
    format!("at position {position}, {}, by {by}: {why}", zone.text(*now))
}

fn division(division: &DivisionView, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let DivisionView { position, now, by, why, these, those, retracted } = division;
    let what = plain(&format!("{by} divided her: {why}"));
    writeln!(out, "\nposition {position}, {}, {what}", zone.text(*now))?;
    let mut table = Table::default();
    match retracted {
        Some(retraction) => table.row(["taken back".to_owned(), taken_back(retraction, zone)]),
        None => {
            table.row(["one has".to_owned(), texts(these)]);
            table.row(["another has".to_owned(), texts(those)]);
            table.row(["undo".to_owned(), format!("heliu identity retract {position} --by NAME --why TEXT")]);
        }
    }
    table.print("  ", out)?;
    Ok(())
}

fn texts(handles: &[HandleView]) -> String {
    handles.iter().map(HandleView::text).collect::<Vec<_>>().join(", ")
}

fn conflicts(
    asked: &Asked,
    after: String,
    limit: usize,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (then, zone) = (when.then(asked)?, when.zone());
    let page = lookup::conflicts(&*asked.journal, &*then.store, after, limit)?;
    if json {
        return when::print(out, then.at, &page);
    }
    when::head(out, then.at, zone)?;
    for conflict in &page.conflicts {
        let ConflictView { key: _, position, now, source, customer, other, handle, scheme, mends } = conflict;
        writeln!(out, "position {position}, {}, from {}", zone.text(*now), plain(source))?;
        let mut table = Table::default();
        table.row(["went to".to_owned(), customer.clone()]);
        // Where it is nobody else's, it was not taken.
        let keeps =
            if customer == other { "which is not taken".to_owned() } else { format!("which {other} keeps") };
        table.row(["shows".to_owned(), format!("{}, {keeps}", handle.text())]);
        let reason = match scheme.as_str() {
            "operator" => "an operator divided them".to_owned(),
            TOO_MANY_HANDLES => "one person would have more handles than anybody has".to_owned(),
            scheme => format!("a person has one {scheme}, and there are two"),
        };
        table.row(["but".to_owned(), reason]);
        for mend in mends {
            table.row(["if".to_owned(), mend.when.clone()]);
            table.row([String::new(), mend.command.clone()]);
        }
        table.print("  ", out)?;
        writeln!(out)?;
    }
    if page.conflicts.is_empty() {
        writeln!(out, "no conflicts")?;
    }
    if let Some(next) = &page.next {
        writeln!(out, "more: --after '{next}'")?;
    }
    Ok(())
}
