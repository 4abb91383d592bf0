//! What a broadcast would come to: who is meant, who is held out, and what the rules would say of each.
//!
//! They are asked about the instant at which the first of it may go out: now, or its `not_before`. Consent and purchases are judged
//! when something is due, so a broadcast for next week that was judged now would show nothing of them.

use std::collections::BTreeMap;
use std::io::Write;

use courier::{Candidate, Rules, Ruling};
use model::{Customer, CustomerId, Instant, Intent};
use segment::Segment;
use serde::Serialize;

use super::file::Broadcast;
use super::rehearsal::Reach;
use super::{Ground, act_id};
use crate::carrying::{self, Carriers, Sent};
use crate::commands::segment::share;
use crate::commands::table::{Table, plain};
use crate::commands::{print_json, words};

/// Who of the audience is named.
#[derive(Debug, clap::Args)]
pub(crate) struct Naming {
    /// Name who is meant, ascending by id, with what the rules would say of each.
    #[arg(long)]
    list: bool,
    /// Only those behind this id, to go on with a list.
    #[arg(long, value_name = "ID", requires = "list")]
    after: Option<CustomerId>,
    /// How many are named, at most.
    #[arg(long, default_value_t = 50, requires = "list")]
    limit: usize,
}

/// What would become of one intent of each customer.
#[derive(Debug, Serialize)]
struct Preview<'a> {
    name: &'a str,
    now: Instant,
    /// What the rules were asked about: when the first of it may go out.
    at: Instant,
    audience: u64,
    held_out: u64,
    /// Nothing of it can be played to them, and nothing would be proposed.
    unreached: u64,
    /// It was proposed to them before, and would not be again.
    known: u64,
    fates: Vec<FateCount>,
    /// Those who are named, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    customers: Option<Vec<Named>>,
    /// The last one who is named, where there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct FateCount {
    scene: String,
    /// `carry`, `hold`, `drop` or `expire`.
    fate: &'static str,
    /// The connection, or the word for why not.
    word: String,
    intents: u64,
    /// What is said of one of them.
    example: String,
}

/// One of the audience.
#[derive(Debug, Serialize)]
struct Named {
    id: String,
    /// Of each of her intents. None: nothing of it can be played to her.
    fates: Vec<Fate>,
}

#[derive(Clone, Debug, Serialize)]
struct Fate {
    scene: String,
    /// `carry`, `hold`, `drop`, `expire`; or `known`: it was proposed to her before.
    fate: &'static str,
    /// The connection, the word for why not, or the state of what was proposed before.
    word: String,
    /// Until when it would be held.
    until: Option<Instant>,
    reason: String,
}

#[derive(Debug, Default)]
struct Tally {
    intents: u64,
    example: String,
}

type Fates = BTreeMap<(String, &'static str, String), Tally>;

pub(super) fn preview(
    ground: &Ground,
    broadcast: &Broadcast,
    segment: &Segment,
    naming: Option<&Naming>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let now = ground.asked.now;
    let at = broadcast.not_before().map_or(now, |first| first.max(now));
    let rules = Rules::new(ground.plan.clone());
    let (journal, store) = (&*ground.asked.journal, &*ground.asked.store);
    let mut sent = Sent::restore(journal, store, &rules, now)?;
    // Nothing is sent yet on a day that is to come.
    sent.turn_to(&rules, at);
    let mut carriers = Carriers::new(&ground.outlets, &sent);
    let (mut audience, mut unreached, mut known, mut counts) = (0, 0, 0, Fates::new());
    let naming = naming.filter(|naming| naming.list);
    let (mut customers, mut next) = (naming.map(|_| Vec::<Named>::new()), None);
    let reach = Reach::of(ground);
    let held_out = ground.each(broadcast, segment, |customer| {
        audience += 1;
        let hers = broadcast.for_her(|scene| reach.plays(scene, customer));
        unreached += u64::from(hers.is_empty());
        let fates = judge(ground, &rules, broadcast, (customer, hers), &mut carriers, at)?;
        for fate in &fates {
            if fate.fate == KNOWN { known += 1 } else { count(&mut counts, fate) }
        }
        if let (Some(naming), Some(named)) = (naming, &mut customers)
            && naming.after.is_none_or(|after| customer.id > after)
        {
            if named.len() < naming.limit {
                named.push(Named { id: customer.id.to_string(), fates });
            } else {
                next = named.last().map(|last| last.id.clone());
            }
        }
        Ok(())
    })?;
    let fates = counts.into_iter().map(|((scene, fate, word), tally)| {
        let Tally { intents, example } = tally;
        FateCount { scene, fate, word, intents, example }
    });
    let (name, fates) = (broadcast.name.as_str(), fates.collect());
    let preview = Preview { name, now, at, audience, held_out, unreached, known, fates, customers, next };
    if json { print_json(out, &preview) } else { print(&preview, &rules, out) }
}

/// The fate of what was proposed before.
const KNOWN: &str = "known";

fn count(counts: &mut Fates, fate: &Fate) {
    let tally = counts.entry((fate.scene.clone(), fate.fate, fate.word.clone())).or_default();
    tally.intents += 1;
    if tally.example.is_empty() {
        tally.example.clone_from(&fate.reason);
    }
}

/// Asks the rules about one customer, as if the broadcast were proposed to her now and judged at `at`.
fn judge(
    ground: &Ground,
    rules: &Rules,
    broadcast: &Broadcast,
    (customer, hers): (&Customer, Vec<&Intent>),
    carriers: &mut Carriers<'_>,
    at: Instant,
) -> anyhow::Result<Vec<Fate>> {
    let (binding, now) = (broadcast.binding(), ground.asked.now);
    let before =
        |key: &str| customer.intents.iter().find(|held| held.binding == binding && held.intent.key == key);
    let mut fates: Vec<Fate> = hers
        .iter()
        .filter_map(|intent| before(&intent.key))
        .map(|held| Fate {
            scene: held.intent.scene.clone(),
            fate: KNOWN,
            word: words::intent_state(held.state).to_owned(),
            until: None,
            reason: held.steps.last().map(|step| step.reason.clone()).unwrap_or_default(),
        })
        .collect();
    let new: Vec<&Intent> = hers.into_iter().filter(|intent| before(&intent.key).is_none()).collect();
    let ids: Vec<String> = new.iter().map(|intent| act_id(broadcast, customer.id, &intent.key)).collect();
    let fresh = new.iter().zip(&ids).map(|(intent, id)| Candidate {
        id,
        binding: &binding,
        intent,
        cause: now,
        again: None,
    });
    // What waits for her already is judged with it: it may go first.
    let mut candidates: Vec<Candidate<'_>> = fresh.collect();
    candidates.extend(customer.intents.iter().filter_map(carrying::candidate));
    let rulings = carriers.judge(rules, &*ground.asked.journal, customer, Vec::new(), &candidates, at)?;
    for (intent, ruling) in new.iter().zip(rulings) {
        let (fate, word, until, reason) = match ruling {
            Ruling::Carry { connection, staff, carriage: _ } => {
                carriers.carried(&connection, staff.as_deref(), &intent.scene);
                ("carry", connection, None, String::new())
            }
            Ruling::Hold { until, reason } => ("hold", reason.code.name().to_owned(), until, reason.text),
            Ruling::Drop { reason } => ("drop", reason.code.name().to_owned(), None, reason.text),
            Ruling::Expire { reason } => ("expire", reason.code.name().to_owned(), None, reason.text),
        };
        fates.push(Fate { scene: intent.scene.clone(), fate, word, until, reason });
    }
    Ok(fates)
}

fn print(preview: &Preview<'_>, rules: &Rules, out: &mut dyn Write) -> anyhow::Result<()> {
    let Preview { name, now, at, audience, held_out, unreached, known, fates, customers, next } = preview;
    writeln!(out, "{name}: {audience} in the audience, {held_out} held out")?;
    if *unreached > 0 {
        writeln!(out, "{unreached} are reached in none of its scenes")?;
    }
    if *known > 0 {
        writeln!(out, "{known} were proposed before and are not again")?;
    }
    let at_text = rules.plan().zone.say(*at);
    if at > now {
        writeln!(out, "\nif it were proposed now, when the first of it may go out, {at_text}:")?;
    } else {
        writeln!(out, "\nif it were proposed now, {at_text}:")?;
    }
    let all: u64 = fates.iter().map(|fate| fate.intents).sum();
    let mut table = Table::default();
    for FateCount { scene, fate, word, intents, example } in fates {
        let (intents, share) = (intents.to_string(), share(*intents, all));
        table.row([scene.clone(), (*fate).to_owned(), word.clone(), intents, share, plain(example)]);
    }
    table.print("  ", out)?;
    let Some(customers) = customers else { return Ok(()) };
    writeln!(out)?;
    let mut table = Table::default();
    for Named { id, fates } in customers {
        if fates.is_empty() {
            table.row([id.clone(), "is reached in none of its scenes".to_owned()]);
        }
        for Fate { scene, fate, word, until, reason } in fates {
            let until = until.map_or_else(String::new, |until| rules.plan().zone.say(until));
            let (fate, reason) = ((*fate).to_owned(), plain(reason));
            table.row([id.clone(), scene.clone(), fate, word.clone(), until, reason]);
        }
    }
    table.print("", out)?;
    if let Some(next) = next {
        writeln!(out, "more: --after {next}")?;
    }
    Ok(())
}
