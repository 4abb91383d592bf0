//! What a broadcast would come to now: who is meant, who is held out, and what the rules would say.

use std::collections::BTreeMap;
use std::io::Write;

use courier::{Candidate, Rules, Ruling};
use model::{Customer, Instant, Intent};
use segment::Segment;
use serde::Serialize;

use super::file::Broadcast;
use super::rehearsal::Reach;
use super::{Ground, act_id};
use crate::carrying::{self, Carriers, Sent};
use crate::commands::print_json;
use crate::commands::segment::share;
use crate::commands::table::{Table, plain};

/// What would become of one intent of each customer.
#[derive(Debug, Serialize)]
struct Preview<'a> {
    name: &'a str,
    /// What the rules were asked about.
    now: Instant,
    audience: u64,
    held_out: u64,
    /// Nothing of it can be played to them, and nothing would be proposed.
    unreached: u64,
    /// It was proposed to them before, and would not be again.
    known: u64,
    fates: Vec<FateCount>,
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
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let now = ground.asked.now;
    let rules = Rules::new(ground.plan.clone());
    let (journal, store) = (&*ground.asked.journal, &*ground.asked.store);
    let mut carriers = Carriers::new(&ground.outlets, &Sent::restore(journal, store, &rules, now)?);
    let (mut audience, mut unreached, mut known, mut fates) = (0, 0, 0, Fates::new());
    let reach = Reach::of(ground);
    let held_out = ground.each(broadcast, segment, |customer| {
        audience += 1;
        let hers = broadcast.for_her(|scene| reach.plays(scene, customer));
        unreached += u64::from(hers.is_empty());
        known += judge(ground, &rules, broadcast, (customer, hers), &mut carriers, &mut fates)?;
        Ok(())
    })?;
    let count = |((scene, fate, word), tally): ((String, &'static str, String), Tally)| FateCount {
        scene,
        fate,
        word,
        intents: tally.intents,
        example: tally.example,
    };
    let fates = fates.into_iter().map(count).collect();
    let preview = Preview { name: &broadcast.name, now, audience, held_out, unreached, known, fates };
    if json { print_json(out, &preview) } else { print(&preview, out) }
}

/// Asks the rules about one customer, as if the broadcast were proposed to her now. Gives how many were before.
fn judge(
    ground: &Ground,
    rules: &Rules,
    broadcast: &Broadcast,
    (customer, hers): (&Customer, Vec<&Intent>),
    carriers: &mut Carriers<'_>,
    fates: &mut Fates,
) -> anyhow::Result<u64> {
    let (binding, now) = (broadcast.binding(), ground.asked.now);
    let is_known =
        |key: &str| customer.intents.iter().any(|held| held.binding == binding && held.intent.key == key);
    let (before, new): (Vec<_>, Vec<_>) = hers.into_iter().partition(|intent| is_known(&intent.key));
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
    let rulings = carriers.judge(rules, &*ground.asked.journal, customer, Vec::new(), &candidates, now)?;
    for (intent, ruling) in new.iter().zip(rulings) {
        let (fate, word, example) = match ruling {
            Ruling::Carry { connection, staff, carriage: _ } => {
                carriers.carried(&connection, staff.as_deref(), &intent.scene);
                ("carry", connection, String::new())
            }
            Ruling::Hold { until: _, reason } => ("hold", reason.code.name().to_owned(), reason.text),
            Ruling::Drop { reason } => ("drop", reason.code.name().to_owned(), reason.text),
            Ruling::Expire { reason } => ("expire", reason.code.name().to_owned(), reason.text),
        };
        let tally = fates.entry((intent.scene.clone(), fate, word)).or_default();
        tally.intents += 1;
        if tally.example.is_empty() {
            tally.example = example;
        }
    }
    Ok(u64::try_from(before.len()).unwrap_or(u64::MAX))
}

fn print(preview: &Preview<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    let Preview { name, now: _, audience, held_out, unreached, known, fates } = preview;
    writeln!(out, "{name}: {audience} in the audience, {held_out} held out")?;
    if *unreached > 0 {
        writeln!(out, "{unreached} are reached in none of its scenes")?;
    }
    if *known > 0 {
        writeln!(out, "{known} were proposed before and are not again")?;
    }
    writeln!(out, "\nif it were proposed now:")?;
    let all: u64 = fates.iter().map(|fate| fate.intents).sum();
    let mut table = Table::default();
    for FateCount { scene, fate, word, intents, example } in fates {
        let cells = [scene.clone(), (*fate).to_owned(), word.clone(), intents.to_string()];
        let mut cells = cells.to_vec();
        cells.push(share(*intents, all));
        cells.push(plain(example));
        table.cells(&cells);
    }
    table.print("  ", out)?;
    Ok(())
}
