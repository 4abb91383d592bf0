//! What a backtest says, for scripts, terminals and pages alike.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use journal::Journal;
use model::{Binding, CustomerId, Instant, Note, Position};
use router::{Side, Trial};
use serde::Serialize;
use store::Store;

use super::compare::{Changed, Comparison, Held};
use super::spent::Spent;
use crate::commands::calendar::Zone;
use crate::commands::words;

/// Lines of a customer's timeline that are shown, the last ones.
const TIMELINE_MAX: usize = 30;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) policy: String,
    pub(super) before: Version,
    pub(super) after: Version,
    /// The records whose intents are compared.
    pub(super) from: Position,
    pub(super) to: Position,
    /// The time up to which alarms fired.
    pub(super) fired: Instant,
    pub(super) records: u64,
    pub(super) customers: u64,
    /// Customers with another tag, stage or intent.
    pub(super) changed: u64,
    pub(super) tags: Vec<Row>,
    pub(super) stages: Vec<Row>,
    pub(super) intents: Vec<IntentRow>,
    /// Intents that the courier's rules would stop or delay, by code.
    pub(super) limits: Vec<Sides<&'static str>>,
    pub(super) most_changed: Vec<Example>,
    /// None of a shadow.
    pub(super) took_ms: Option<u64>,
    pub(super) records_per_s: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Version {
    pub(super) title: String,
    pub(super) digest: String,
    pub(super) settings_digest: String,
    /// Turns that policies were shown; others were folded besides only where this one reads what they give.
    /// None: nobody counted, as for a shadow, which folds day by day.
    pub(super) turns: Option<u64>,
    pub(super) took_ms: Option<u64>,
    /// Units of fuel that this version took, and took for each of its turns: about one for each instruction, the start of each
    /// instance and the reading of the settings included. None of a shadow.
    pub(super) fuel: Option<u64>,
    pub(super) fuel_a_turn: Option<u64>,
    /// Turns at which a policy failed, by kind.
    pub(super) dead: BTreeMap<String, u64>,
    /// Events of other people that it told.
    pub(super) told: Option<u64>,
    pub(super) tasks: u64,
}

/// A tag (`name`), or a stage of a journey (`journey: stage`).
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) gained: u64,
    pub(super) lost: u64,
    /// Some of them.
    pub(super) gaining: Vec<String>,
    pub(super) losing: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct IntentRow {
    /// In the zone in which times are shown.
    pub(super) day: String,
    pub(super) scene: String,
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) added: u64,
    pub(super) dropped: u64,
    pub(super) moved: u64,
}

impl IntentRow {
    pub(super) fn differs(&self) -> bool {
        self.added + self.dropped + self.moved > 0
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Sides<T> {
    pub(super) name: T,
    pub(super) before: u64,
    pub(super) after: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Example {
    pub(super) id: String,
    pub(super) changes: Vec<String>,
    pub(super) timeline: Timeline,
}

/// A customer's timeline in words: the last of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Timeline {
    /// Records in front of those that are shown.
    pub(super) left_out: usize,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) position: Position,
    pub(super) now: Instant,
    pub(super) what: String,
}

/// What only a fold of both versions tells: a shadow does not.
pub(super) struct Measured {
    pub(super) took: Duration,
    /// Before and after.
    pub(super) spent: [Spent; 2],
}

impl Report {
    pub(super) fn new(
        comparison: Comparison<'_>,
        trial: &Trial,
        bindings: [&Binding; 2],
        range: RangeInclusive<Position>,
        fired: Instant,
        measured: Option<Measured>,
    ) -> Report {
        let most_changed = comparison.most_changed().into_iter().map(example).collect();
        let Trial { before, after, customers, records } = trial;
        let [old, new] = bindings;
        let [old_tasks, new_tasks] = comparison.tasks;
        let took = measured.as_ref().map(|measured| measured.took);
        let [old_spent, new_spent] = [0, 1].map(|side: usize| measured.as_ref().map(|it| it.spent[side]));
        Report {
            policy: new.name.clone(),
            before: version(old, before, old_tasks, old_spent),
            after: version(new, after, new_tasks, new_spent),
            from: *range.start(),
            to: *range.end(),
            fired,
            records: *records,
            customers: *customers,
            changed: comparison.changed,
            tags: comparison.tags.into_iter().map(|(name, held)| row(name, held)).collect(),
            stages: comparison
                .stages
                .into_iter()
                .map(|((journey, stage), held)| row(format!("{journey}: {stage}"), held))
                .collect(),
            intents: comparison
                .intents
                .into_iter()
                .map(|((day, scene), sum)| IntentRow {
                    day,
                    scene,
                    before: sum.before,
                    after: sum.after,
                    added: sum.added,
                    dropped: sum.dropped,
                    moved: sum.moved,
                })
                .collect(),
            limits: comparison
                .limits_hit
                .into_iter()
                .map(|(name, [before, after])| Sides { name, before, after })
                .collect(),
            most_changed,
            took_ms: took.map(millis),
            records_per_s: took.map(|took| (*records as f64 / took.as_secs_f64().max(1e-9)) as u64),
        }
    }

    /// With the timelines of those who change most.
    pub(super) fn with_timelines(
        mut self,
        journal: &dyn Journal,
        store: &dyn Store,
        zone: Zone,
    ) -> anyhow::Result<Report> {
        for example in &mut self.most_changed {
            let id: CustomerId = example.id.parse()?;
            let Some(customer) = store.load(&[id])?.pop().flatten() else { continue };
            let upto = customer.timeline.partition_point(|&position| position <= self.to);
            let left_out = upto.saturating_sub(TIMELINE_MAX);
            let records = journal.fetch(&customer.timeline[left_out..upto])?;
            let line = |record: &model::Record| Line {
                position: record.position,
                now: record.now,
                what: words::entry(&record.entry, zone),
            };
            example.timeline = Timeline { left_out, lines: records.iter().map(line).collect() };
        }
        Ok(self)
    }
}

fn version(binding: &Binding, side: &Side, tasks: u64, spent: Option<Spent>) -> Version {
    let known = side.versions.versions.iter().find(|version| version.binding == binding.name);
    let mut dead: BTreeMap<String, u64> = BTreeMap::new();
    for note in &side.faults {
        match note {
            Note::DeadTurn(turn) => *dead.entry(turn.kind.clone()).or_default() += 1,
            Note::Conflict(_) | Note::Erasure(_) | Note::StrayReceipt(_) | Note::Overflow(_) => {}
        }
    }
    Version {
        title: binding.descriptor.title.clone(),
        digest: binding.digest.to_string(),
        settings_digest: known.map(|version| version.settings.to_string()).unwrap_or_default(),
        turns: spent.map(|_| side.turns),
        took_ms: spent.map(|_| millis(side.took)),
        fuel: spent.map(|spent| spent.fuel),
        fuel_a_turn: spent.map(|spent| spent.a_turn),
        dead,
        told: spent.map(|_| side.told),
        tasks,
    }
}

fn row(name: String, held: Held) -> Row {
    let Held { before, after, gained, lost, gaining, losing } = held;
    let ids = |ids: Vec<CustomerId>| ids.iter().map(ToString::to_string).collect();
    Row { name, before, after, gained, lost, gaining: ids(gaining), losing: ids(losing) }
}

fn example(changed: Changed) -> Example {
    Example { id: changed.id.0.to_string(), changes: changed.what, timeline: Timeline::default() }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
