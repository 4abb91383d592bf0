//! `heliu intent`: what should reach customers, and how far it has come.

use std::io::Write;

use anyhow::bail;
use api::lookup;
use api::scan::{IntentCounts, IntentFilter, Reacted};
use api::views::{IntentCountsView, IntentsPage};
use model::{CustomerId, HeldIntent, IntentState, StrayReceipt};

use super::notes::{self, PageArguments};
use super::segment::Asked;
use super::table::{Table, plain};
use super::unless_reader_left;
use super::when::{self, When};
use super::words::{self, intent_state};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum IntentCommand {
    /// List intents, by customer. Reads customers until there are enough.
    List {
        #[command(flatten)]
        which: Which,
        /// Only those of customers behind this id, to go on with a list.
        #[arg(long, value_name = "ID")]
        after: Option<CustomerId>,
        /// How many, at most: all of a customer's are shown.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        when: When,
    },
    /// Count intents by scene, state and the word for why, and by what customers made of them. Reads all customers.
    Count {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        when: When,
    },
    /// List receipts that were not taken, because they came from somebody who had not carried the errand.
    Strays(PageArguments),
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Only those in this state: `proposed`, `past`, `held`, `dropped`, `due`, `carried`, `awaiting_staff`, `sent`,
    /// `confirmed`, `failed`, `expired`.
    #[arg(long)]
    state: Option<String>,
    /// Only those of this scene: `direct-message`, `welcome`.
    #[arg(long)]
    scene: Option<String>,
    /// Only those that this connection carries, or carried.
    #[arg(long)]
    connection: Option<String>,
    /// Only those with this word for why: `cap`, `unknown-end`.
    #[arg(long)]
    code: Option<String>,
    /// Only those of this policy, or `broadcast.NAME`.
    #[arg(long)]
    binding: Option<String>,
    /// Only those of which she made this: `read`, `clicked`, `replied`, `bought`.
    #[arg(long)]
    reaction: Option<String>,
}

impl Which {
    fn filter(self) -> anyhow::Result<IntentFilter> {
        let Which { state, scene, connection, code, binding, reaction } = self;
        let state = state.map(|word| read(&word)).transpose()?;
        Ok(IntentFilter { state, scene, connection, code, binding, reaction })
    }
}

fn read(word: &str) -> anyhow::Result<IntentState> {
    match lookup::intent_state(word) {
        Some(state) => Ok(state),
        None => bail!("\"{word}\" is no state of an intent: heliu intent list --help names them"),
    }
}

pub(crate) fn run(
    command: IntentCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    unless_reader_left(match command {
        IntentCommand::List { which, after, limit, when } => {
            list(asked, &which.filter()?, after, limit, &when, json, out)
        }
        IntentCommand::Count { which, when } => count(asked, &which.filter()?, &when, json, out),
        IntentCommand::Strays(page) => notes::of_kind(strays(), &page, asked, json, out),
    })
}

fn list(
    asked: &Asked,
    filter: &IntentFilter,
    after: Option<CustomerId>,
    limit: usize,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (then, zone) = (when.then(asked)?, when.zone());
    let found = then.scan(asked).intents(filter, after, limit)?;
    let page = IntentsPage::new(&found);
    if json {
        return when::print(out, then.at, &page);
    }
    when::head(out, then.at, zone)?;
    let mut table = Table::default();
    for (line, (_, held)) in page.intents.iter().zip(&found.intents) {
        let until = line.until.map(|until| format!("until {}", zone.text(until))).unwrap_or_default();
        let state = if line.unfounded { "withdrawn" } else { intent_state(held.state) };
        let cells = [
            line.customer.clone(),
            format!("{} {}", line.binding, line.key),
            line.scene.to_owned(),
            state.to_owned(),
            zone.text(line.since),
            line.connection.unwrap_or_default().to_owned(),
            until,
            format!("{} {}", line.code, plain(line.reason)).trim().to_owned(),
            reactions(held),
        ];
        table.row(cells);
    }
    table.print("", out)?;
    if let Some(next) = &page.next {
        writeln!(out, "more: --after {next}")?;
    }
    Ok(())
}

fn count(
    asked: &Asked,
    filter: &IntentFilter,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let then = when.then(asked)?;
    let counts = then.scan(asked).intent_counts(filter)?;
    if json {
        return when::print(out, then.at, &IntentCountsView::new(&counts));
    }
    when::head(out, then.at, when.zone())?;
    let mut table = Table::default();
    let IntentCounts { states, reactions } = counts;
    for ((scene, state, code), intents) in &states.counts {
        table.row([scene.clone(), intent_state(*state).to_owned(), code.clone(), intents.to_string()]);
    }
    table.print("", out)?;
    let mut table = Table::default();
    for ((scene, kind), Reacted { intents, joined }) in &reactions {
        let joined =
            if *joined > 0 { format!("{joined} of them as the host joins it") } else { String::new() };
        table.row([scene.clone(), kind.clone(), intents.to_string(), joined]);
    }
    if !reactions.is_empty() {
        writeln!(out)?;
        table.print("", out)?;
    }
    Ok(())
}

/// What she made of it, each kind once.
fn reactions(held: &HeldIntent) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for reaction in &held.reactions {
        if !kinds.contains(&reaction.kind.as_str()) {
            kinds.push(&reaction.kind);
        }
    }
    kinds.join(", ")
}

fn strays() -> notes::Kind<StrayReceipt> {
    notes::Kind {
        name: "strays",
        find: |store, after, more| lookup::strays(store, after, more),
        position: |stray| stray.position,
        raw: |stray| wire::to_raw::<StrayReceipt>(stray),
        text: words::stray,
    }
}
