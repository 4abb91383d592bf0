//! What came of a broadcast: how far each of its intents has come, what customers made of them, and whether those who were held
//! out bought as much.

use std::collections::BTreeMap;
use std::io::Write;

use model::{Customer, HeldIntent, Instant};
use segment::Segment;
use serde::Serialize;

use super::Failed;
use super::file::Broadcast;
use crate::commands::segment::{Asked, share};
use crate::commands::table::Table;
use crate::commands::when::{self, When};
use crate::commands::words;

#[derive(Debug, Serialize)]
struct Results<'a> {
    name: &'a str,
    /// When the first of it was proposed. Null: nothing was.
    since: Option<Instant>,
    scenes: Vec<SceneResult>,
    /// To whom it was proposed, in any scene.
    proposed: Group,
    /// Those of whom it reached, in any scene.
    reached: Group,
    /// Those who are in the audience, were held out, and got nothing of it.
    held_out: Group,
}

#[derive(Debug, Serialize)]
struct SceneResult {
    scene: String,
    intents: u64,
    /// By state.
    states: BTreeMap<&'static str, u64>,
    reached: u64,
    /// Intents of those that reached somebody, by what she made of them.
    reactions: BTreeMap<String, u64>,
    /// Orders that the host joined.
    orders: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Group {
    customers: u64,
    /// Who placed an order since it was proposed first, and paid, whatever led to it.
    bought_since: u64,
}

impl Group {
    fn add(&mut self, customer: &Customer, since: Option<Instant>) {
        self.customers += 1;
        let bought = customer.latest.purchase.zip(since).is_some_and(|(bought, since)| bought >= since);
        self.bought_since += u64::from(bought);
    }
}

#[derive(Default)]
struct Tally {
    intents: u64,
    states: BTreeMap<&'static str, u64>,
    reached: u64,
    reactions: BTreeMap<String, u64>,
    orders: u64,
}

impl Tally {
    fn add(&mut self, held: &HeldIntent) {
        self.intents += 1;
        *self.states.entry(words::intent_state(held.state)).or_default() += 1;
        self.reached += u64::from(held.reached().is_some());
        let mut kinds: Vec<&String> = held.reactions.iter().map(|reaction| &reaction.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.into_iter().for_each(|kind| *self.reactions.entry(kind.clone()).or_default() += 1);
        let orders = held.reactions.iter().filter(|reaction| reaction.order.is_some()).count();
        self.orders += u64::try_from(orders).unwrap_or(u64::MAX);
    }
}

pub(super) fn results(
    asked: &Asked,
    when: &When,
    (broadcast, segment): (&Broadcast, &Segment),
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let then = when.then(asked)?;
    let (scan, binding) = (then.scan(asked), broadcast.binding());
    let (mut since, mut scenes) = (None::<Instant>, BTreeMap::<String, Tally>::new());
    scan.each::<Failed>(|customer| {
        for held in its(customer, &binding) {
            since = Some(since.map_or(held.cause.now, |since| since.min(held.cause.now)));
            scenes.entry(held.intent.scene.clone()).or_default().add(held);
        }
        Ok(())
    })?;
    let (mut proposed, mut reached, mut held_out) = (Group::default(), Group::default(), Group::default());
    scan.each::<Failed>(|customer| {
        if its(customer, &binding).next().is_some() {
            proposed.add(customer, since);
            if its(customer, &binding).any(|held| held.reached().is_some()) {
                reached.add(customer, since);
            }
        } else if broadcast.holds_out(customer.id)
            && scan.holds(segment, customer).map_err(anyhow::Error::from)?
        {
            held_out.add(customer, since);
        }
        Ok(())
    })?;
    let scenes = scenes.into_iter().map(|(scene, tally)| {
        let Tally { intents, states, reached, reactions, orders } = tally;
        SceneResult { scene, intents, states, reached, reactions, orders }
    });
    let name = broadcast.name.as_str();
    let results = Results { name, since, scenes: scenes.collect(), proposed, reached, held_out };
    if json {
        return when::print(out, then.at, &results);
    }
    when::head(out, then.at, when.zone())?;
    print(&results, out)
}

/// What of hers came of it.
fn its<'a>(customer: &'a Customer, binding: &'a str) -> impl Iterator<Item = &'a HeldIntent> {
    customer.intents.iter().filter(move |held| held.binding == binding)
}

fn print(results: &Results<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    let Results { name, since, scenes, proposed, reached, held_out } = results;
    if since.is_none() {
        writeln!(out, "{name} was proposed to nobody")?;
        return Ok(());
    }
    let mut table = Table::default();
    for SceneResult { scene, intents, states, reached, reactions, orders } in scenes {
        let line =
            |what: String, count: u64, of: u64| [scene.clone(), what, count.to_string(), share(count, of)];
        for (state, &count) in states {
            table.row(line((*state).to_owned(), count, *intents));
        }
        table.row(line("reached".to_owned(), *reached, *intents));
        for (kind, &count) in reactions {
            table.row(line(kind.clone(), count, *reached));
        }
        if *orders > 0 {
            table.row([scene.clone(), "orders".to_owned(), orders.to_string(), String::new()]);
        }
    }
    table.print("", out)?;
    writeln!(out, "\nbought since it was proposed first, whatever led to it:")?;
    let mut table = Table::default();
    for (whose, group) in [("proposed to", proposed), ("reached", reached), ("held out", held_out)] {
        let Group { customers, bought_since } = *group;
        let of = format!("{bought_since} of {customers}");
        table.row([whose.to_owned(), of, share(bought_since, customers)]);
    }
    table.print("  ", out)?;
    Ok(())
}
