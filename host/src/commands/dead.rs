//! `heliu dead list` and `heliu dead show`: what could not be handled, and all that is known of it.
//!
//! Here it is read and told; how a letter is tried again, or let go, stands beside the other acts.

use std::io::Write;

use anyhow::bail;
use api::dead::{self, LetterId, NOTES_SCANNED_MAX};
use api::views::{DeadGroupsView, DeadLetterView, DeadPage, DeadTurnPage, DeadTurnView, EndedView};
use base64::Engine as _;
use journal::{DeadQuery, Journal};
use store::Store;

use super::calendar::Zone;
use super::segment::Asked;
use super::table::{Table, cut, plain};
use super::when::{self, When};
use super::{print_json, unless_reader_left};

/// Bytes of a request's body that are shown.
const BODY_SHOWN_MAX: usize = 2000;

/// Letters of a reason that stand in a line.
const WHY_SHOWN_MAX: usize = 100;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeadCommand {
    /// List what waits, by connection or policy and by reason.
    List {
        /// List the letters of connections one by one, with their numbers.
        #[arg(long, conflicts_with = "turns")]
        each: bool,
        /// List the turns at which policies fail one by one.
        #[arg(long)]
        turns: bool,
        #[command(flatten)]
        which: WhichLetters,
        /// Those that were retried or dropped, too. With --each or --turns.
        #[arg(long)]
        all: bool,
        /// Only those behind this number, or key, to go on with a list.
        #[arg(long, value_name = "NUMBER|KEY", default_value = "")]
        after: String,
        /// How many, at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// `--at` with --turns: letters of connections are no part of what is folded, and have no past.
        #[command(flatten)]
        when: When,
    },
    /// Show one: the request as it came, why it died, the plugin's last lines and frames.
    Show {
        /// A number, or `turn:POSITION:VERSION:TIME`, as the lists show them.
        id: String,
        /// Show times in UTC instead of Beijing time.
        #[arg(long)]
        utc: bool,
    },
}

/// Those that have this in common.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct WhichLetters {
    /// Only letters of this connection.
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// Only letters of this reason: `malformed`, `trap`, `limit`, `answer`, `bug`.
    #[arg(long, value_name = "WORD")]
    pub(crate) reason: Option<String>,
}

impl WhichLetters {
    pub(crate) fn names_any(&self) -> bool {
        self.connection.is_some() || self.reason.is_some()
    }

    pub(crate) fn query(&self, after: u64, limit: usize, waiting: bool) -> DeadQuery {
        let WhichLetters { connection, reason } = self.clone();
        DeadQuery { after, limit, waiting, connection, reason }
    }
}

pub(crate) fn run(
    command: DeadCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (journal, store) = (&*asked.journal, &*asked.store);
    unless_reader_left(match command {
        DeadCommand::List { each: _, turns: true, which: _, all, after, limit, when } => {
            turns(asked, &when, &Turns { after, limit, all }, json, out)
        }
        DeadCommand::List { when, .. } if when.at()?.is_some() => {
            bail!(
                "--at goes with --turns: letters of connections are no part of what is folded, and have no past"
            )
        }
        DeadCommand::List { each: false, turns: false, which, all: _, after: _, limit: _, when }
            if !which.names_any() =>
        {
            groups(journal, store, json, when.zone(), out)
        }
        DeadCommand::List { each: _, turns: false, which, all, after, limit, when } => {
            let after = if after.is_empty() { 0 } else { after.parse()? };
            let letters = journal.dead(&which.query(after, limit + 1, !all))?;
            letters_told(&DeadPage::new(&letters, limit), json, when.zone(), out)
        }
        DeadCommand::Show { id, utc } => show(journal, store, &id, json, Zone::new(utc), out),
    })
}

fn groups(
    journal: &dyn Journal,
    store: &dyn Store,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let turns = dead::turn_groups(journal, store)?;
    let view = DeadGroupsView::new(&journal.dead_counts()?, &turns.found, turns.cut);
    if json {
        return print_json(out, &view);
    }
    if view.groups.is_empty() {
        writeln!(out, "nothing waits")?;
        return Ok(());
    }
    let mut table = Table::default();
    for group in &view.groups {
        table.row([
            group.name.clone(),
            group.what.clone(),
            group.reason.clone(),
            format!("letters {}, times {}", group.letters, group.times),
            format!("last {}", zone.text(group.last)),
            format!("first {}", group.first),
            format!("{} {}", group.title, short(&group.digest)),
        ]);
    }
    table.print("", out)?;
    writeln!(out)?;
    for group in &view.groups {
        writeln!(
            out,
            "{} {} {}: {}",
            plain(&group.name),
            group.what,
            plain(&group.reason),
            plain(&group.mend)
        )?;
    }
    if !view.complete {
        writeln!(out, "only the first {NOTES_SCANNED_MAX} notes were looked through: there are more turns")?;
    }
    Ok(())
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn letters_told(page: &DeadPage, json: bool, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return print_json(out, page);
    }
    let mut table = Table::default();
    for letter in &page.dead {
        table.row([
            letter.id.clone(),
            letter.connection.clone(),
            letter.what.to_owned(),
            letter.state.to_owned(),
            zone.text(letter.last),
            format!("{} times", letter.times),
            format!("{}: {}", letter.reason, cut(&letter.why, WHY_SHOWN_MAX)),
        ]);
    }
    table.print("", out)?;
    if let Some(next) = page.next {
        writeln!(out, "more: --after {next}")?;
    }
    Ok(())
}

/// Which turns are listed.
struct Turns {
    /// A key.
    after: String,
    limit: usize,
    /// Those that ended, too.
    all: bool,
}

fn turns(asked: &Asked, when: &When, which: &Turns, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let Turns { after, limit, all } = which;
    let (then, zone) = (when.then(asked)?, when.zone());
    let by = then.at.map(|at| at.fired);
    let scanned = dead::turns(&*asked.journal, &*then.store, after, limit + 1, *all, by)?;
    let page = DeadTurnPage::new(&scanned.found, *limit);
    if json {
        return when::print(out, then.at, &page);
    }
    when::head(out, then.at, zone)?;
    let mut table = Table::default();
    for turn in &page.turns {
        table.row([
            turn.id.clone(),
            turn.policy.clone().unwrap_or_default(),
            turn.state.to_owned(),
            turn.customer.clone(),
            zone.text(turn.now),
            format!("{}: {}", turn.reason, cut(&turn.why, WHY_SHOWN_MAX)),
        ]);
    }
    table.print("", out)?;
    if let Some(next) = &page.next {
        writeln!(out, "more: --after '{next}'")?;
    }
    Ok(())
}

fn show(
    journal: &dyn Journal,
    store: &dyn Store,
    id: &str,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match dead::parse_id(id) {
        None => bail!("\"{id}\" is no id of a dead letter: a number, or turn:POSITION:VERSION:TIME"),
        Some(LetterId::Letter(number)) => {
            let view = DeadLetterView::new(&dead::letter(journal, number)?);
            if json { print_json(out, &view) } else { letter(&view, zone, out) }
        }
        Some(LetterId::Turn(key)) => {
            let view = DeadTurnView::new(&dead::turn(journal, store, &key)?);
            if json { print_json(out, &view) } else { turn(&view, zone, out) }
        }
    }
}

fn letter(view: &DeadLetterView, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let DeadLetterView { id, connection, what, state, ended, reason, why, .. } = view;
    writeln!(out, "letter {id}: a {what} of {}, {state}", plain(connection))?;
    told_end(ended.as_ref(), zone, out)?;
    let DeadLetterView { title, digest, now, last, times, log, backtrace, request, .. } = view;
    writeln!(
        out,
        "  came    {}, {times} times, last {} ({})",
        zone.text(*now),
        zone.text(*last),
        zone.name()
    )?;
    writeln!(out, "  why     {}: {}", plain(reason), plain(why))?;
    writeln!(out, "  plugin  {} {}", plain(title), short(digest))?;
    if let Some(frames) = backtrace {
        writeln!(out, "  in      {}", plain(frames))?;
    }
    for line in log {
        writeln!(out, "  log     {}", plain(line))?;
    }
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    writeln!(out, "\n{} {}{}", plain(&request.method), plain(&request.path), plain(&query))?;
    for (name, value) in &request.headers {
        writeln!(out, "{}: {}", plain(name), plain(value))?;
    }
    let body = base64::engine::general_purpose::STANDARD.decode(&request.body_base64)?;
    match std::str::from_utf8(&body) {
        Ok(text) => writeln!(out, "\n{}", plain(&cut(text, BODY_SHOWN_MAX)))?,
        Err(_) => writeln!(out, "\n{} bytes that are no text: --json has them", body.len())?,
    }
    Ok(())
}

fn turn(view: &DeadTurnView, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let DeadTurnView { id, policy, state, ended, reason, why, title, digest, customer, position, now, alarm } =
        view;
    let policy = policy.as_deref().unwrap_or("a policy of a version that is not known");
    writeln!(out, "{}: a turn of {}, {state}", plain(id), plain(policy))?;
    told_end(ended.as_ref(), zone, out)?;
    writeln!(out, "  of      {customer} at position {position}, {} ({})", zone.text(*now), zone.name())?;
    if let Some(alarm) = alarm {
        writeln!(out, "  alarm   {}", plain(alarm))?;
    }
    writeln!(out, "  why     {}: {}", plain(reason), plain(why))?;
    let (title, digest) = (title.as_deref().unwrap_or_default(), digest.as_deref().unwrap_or_default());
    writeln!(out, "  plugin  {} {}", plain(title), short(digest))?;
    writeln!(out, "  mend    {}", api::TURNS_HEAL)?;
    Ok(())
}

fn told_end(ended: Option<&EndedView>, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(EndedView { now, by, why }) = ended {
        writeln!(out, "  ended   {} by {}: {}", zone.text(*now), plain(by), plain(why))?;
    }
    Ok(())
}
