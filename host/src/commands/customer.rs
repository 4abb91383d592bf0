//! `heliu customer`: who they are, and why they are what they are.

mod show;
mod why;

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use api::{lookup, views};
use journal::Journal;
use model::{Customer, CustomerId};
use store::{Query, Store};

use super::calendar::Zone;
use super::table::Table;
use super::{print_json, unless_reader_left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum CustomerCommand {
    /// List customers, ascending by id.
    List {
        /// Only those who hold this tag.
        #[arg(long)]
        tag: Option<String>,
        /// Only those behind this id, to go on with a list.
        #[arg(long, value_name = "ID")]
        after: Option<CustomerId>,
        /// How many, at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Show times in UTC instead of Beijing time.
        #[arg(long)]
        utc: bool,
    },
    /// Show one customer: handles, traits, stages, tags with their reasons, the end of her timeline.
    Show {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        /// Show times in UTC instead of Beijing time.
        #[arg(long)]
        utc: bool,
    },
    /// Say why she holds a tag, is in a stage, has a trait or is meant to hear something: the policy's own words, its
    /// version, and the records that led to it.
    Why {
        /// An id like `cus_0000000042`, or a handle like `wechat.unionid:SCOPE:VALUE` (`phone::13900000000`).
        #[arg(value_name = "ID|HANDLE")]
        who: String,
        #[command(subcommand)]
        what: What,
        /// Show times in UTC instead of Beijing time.
        #[arg(long, global = true)]
        utc: bool,
    },
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
    /// That she is one person, where she was two: the records, or the operator, that said so.
    Merge,
    /// Everything that gave her a handle, or made her one person.
    Edges,
}

pub(crate) fn run(
    command: CustomerCommand,
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (journal, store) = (&*journal, &*store);
    unless_reader_left(match command {
        CustomerCommand::List { tag, after, limit, utc } => {
            let query = Query { tag, after, limit: limit.saturating_add(1) };
            list(store, &query, limit, json, Zone::new(utc), out)
        }
        CustomerCommand::Show { who, utc } => {
            let customer = find(store, &who)?;
            show::run(journal, store, &customer, json, Zone::new(utc), out)
        }
        CustomerCommand::Why { who, what, utc } => {
            let customer = find(store, &who)?;
            why::run(journal, store, &customer, &what, json, Zone::new(utc), out)
        }
    })
}

/// By an id, or by a handle.
pub(super) fn find(store: &dyn Store, who: &str) -> anyhow::Result<Customer> {
    let found = if who.contains(':') {
        let handle = lookup::parse_handle(who);
        let handle =
            handle.with_context(|| format!("\"{who}\" is not a handle like wechat.unionid:SCOPE:VALUE"))?;
        lookup::by_handle(store, &handle)?
    } else {
        lookup::by_id(store, who.parse()?)?
    };
    match found {
        Some(customer) => Ok(customer),
        None => bail!("there is no customer {who}"),
    }
}

fn list(
    store: &dyn Store,
    query: &Query,
    limit: usize,
    json: bool,
    zone: Zone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let customers = store.page(query)?;
    let page = views::page(&customers, limit);
    if json {
        return print_json(out, &page);
    }
    people(&page.customers, zone, out)?;
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
