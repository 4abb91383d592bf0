//! `heliu customer`: who they are, why they are what they are, why they are not, and since when.

mod export;
mod show;
mod since;
mod why;
mod why_not;

use std::io::Write;

use api::{lookup, views};
pub(crate) use export::{attest_export, export_customer};
use model::{Customer, CustomerId, Overflow};
use store::{Query, Store};

use super::calendar::Zone;
use super::notes::{self, PageArguments};
use super::segment::Asked;
use super::table::Table;
use super::unless_reader_left;
use super::when::{self, When};
use super::words;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum CustomerCommand {
    /// List customers, ascending by id.
    List {
        /// Only those who hold this tag.
        #[arg(long)]
        tag: Option<String>,
        /// Only those who are in this segment, which is kept (`live = true`). `heliu segment show` asks one that is not.
        #[arg(long, conflicts_with = "tag")]
        segment: Option<String>,
        /// Only those behind this id, to go on with a list.
        #[arg(long, value_name = "ID")]
        after: Option<CustomerId>,
        /// How many, at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        when: When,
    },
    /// Show one customer: handles, traits, stages, tags with their reasons, the end of her timeline.
    Show {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[command(flatten)]
        when: When,
    },
    /// Say why she holds a tag, is in a stage, has a trait, is meant to hear something, is asked of staff or waits for an
    /// alarm: the policy's own words, its version, what the turn cost, and the records that led to it.
    Why {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[command(subcommand)]
        what: What,
        #[command(flatten)]
        when: When,
    },
    /// Say why something is not so: every turn of a policy with what it decided and remembered, the records that it was not
    /// shown, and the reason.
    WhyNot(why_not::WhyNotArguments),
    /// Customers of whom channels tell more than one document holds: what, and from which record on. All of it is in the journal.
    Overflows(PageArguments),
    /// Say since when something is so without a break, and what made it so. Looks at every moment of her life.
    Since(since::SinceArguments),
}

/// What is to be explained.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum What {
    /// A tag that she holds.
    Tag { name: String },
    /// Where she is in a journey.
    Stage { journey: String },
    /// Something that is known of her.
    Trait { name: String },
    /// Something that should reach her.
    Intent { key: String },
    /// Something that staff are asked to do.
    Task { title: String },
    /// A time at which a policy looks again.
    Alarm { key: String },
    /// That she is one person, where she was two: the records, or the operator, that said so.
    Merge,
    /// Everything that gave her a handle, or made her one person.
    Edges,
}

pub(crate) fn run(
    command: CustomerCommand,
    asked: &Asked,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    unless_reader_left(match command {
        CustomerCommand::List { tag, segment, after, limit, when } => {
            let query = Query { tag, segment, after, limit: limit.saturating_add(1) };
            list(asked, &query, limit, &when, json, out)
        }
        CustomerCommand::Show { who, when } => {
            let found = when.person(asked, &who)?;
            show::run(&*asked.journal, &found, json, when.zone(), out)
        }
        CustomerCommand::Why { who, what, when } => {
            let found = when.person(asked, &who)?;
            why::run(asked, &found, &what, &when, json, out)
        }
        CustomerCommand::WhyNot(arguments) => why_not::run(asked, &arguments, json, out),
        CustomerCommand::Overflows(page) => notes::of_kind(overflows(), &page, asked, json, out),
        CustomerCommand::Since(arguments) => since::run(asked, &arguments, json, out),
    })
}

fn overflows() -> notes::Kind<Overflow> {
    notes::Kind {
        name: "overflows",
        find: |store, after, more| lookup::overflows(store, after, more),
        position: |overflow| overflow.position,
        raw: |overflow| wire::to_raw::<Overflow>(overflow),
        text: words::overflow,
    }
}

/// By an id, or by a handle, as of now.
pub(super) fn find(store: &dyn Store, who: &str) -> anyhow::Result<Customer> {
    when::find(store, &when::whom(who)?, who)
}

fn list(
    asked: &Asked,
    query: &Query,
    limit: usize,
    when: &When,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let then = when.everybody(asked)?;
    let (at, store) = match &then {
        Some((at, store)) => (Some(*at), &**store as &dyn Store),
        None => (None, &*asked.store),
    };
    let customers = store.page(query)?;
    let page = views::page(&customers, limit);
    if json {
        return when::print(out, at, &page);
    }
    when::head(out, at, when.zone())?;
    people(&page.customers, when.zone(), out)?;
    if let Some(next) = &page.next {
        writeln!(out, "more: --after {next}")?;
    }
    Ok(())
}

/// A line for each.
pub(super) fn people(
    customers: &[views::Summary<'_>],
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut table = Table::default();
    for customer in customers {
        let name = customer.name.unwrap_or_default().to_owned();
        let records = format!("{} records", customer.events);
        let since = format!("since {}", zone.text(customer.first_seen));
        table.row([customer.id.clone(), name, records, since, customer.tags.join(", ")]);
    }
    table.print("", out)?;
    Ok(())
}
