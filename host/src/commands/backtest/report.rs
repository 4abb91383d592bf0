//! What a backtest says, for scripts, terminals and pages alike.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use journal::Journal;
use model::{Binding, CustomerId, FoldState, Instant, Note, Position};
use router::{Side, Trial};
use serde::Serialize;
use store::{Standing, Store};

use super::compare::{Changed, Comparison, Held};
use super::limits::NOT_JUDGED;
use super::spent::Spent;
use crate::commands::calendar::Zone;
use crate::commands::words;

/// Lines of a customer's timeline that are shown, the last ones.
const TIMELINE_MAX: usize = 30;

/// Customers that text and page name of those who gain a tag or a stage, and of those who lose it.
const SHOWN: usize = 5;

/// Customers that JSON names of those who gain one, and of those who lose it: three megabytes.
const NAMED_MAX: usize = 100_000;

/// The fold and the shadow behind it look at the clock every second each, and fire what is due by then: so much behind is a
/// shadow that follows.
const LOOKS_AGAIN_MS: u64 = 10_000;

/// How many are worth keeping for a report in this form.
pub(super) fn named(json: bool) -> usize {
    if json { NAMED_MAX } else { SHOWN }
}

/// What a report does not take into account, for people.
pub(super) const LEFT_OUT: &str = "Not looked at: consent, purchases that suppress a message, and budgets of accounts. \
    Events that the policy tells of others are not folded. Who is who is as it is now, whichever channels know her.";

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) policy: String,
    /// Of a shadow. None: a backtest.
    #[serde(flatten)]
    pub(super) standings: Option<Standings>,
    pub(super) before: Version,
    pub(super) after: Version,
    /// The records that were asked for. Tags and stages are those at the last of them.
    pub(super) from: Position,
    pub(super) to: Position,
    /// Intents are compared that were decided from then on. 0: all.
    pub(super) since: Instant,
    /// The time up to which alarms fired.
    pub(super) fired: Instant,
    pub(super) records: u64,
    pub(super) customers: u64,
    /// Customers with another tag, stage or intent.
    pub(super) changed: u64,
    pub(super) tags: Vec<Row>,
    pub(super) stages: Vec<Row>,
    pub(super) intents: Vec<IntentRow>,
    /// Intents that the courier's rules would stop or delay, by code. One that several stop, one after the other, counts for each.
    pub(super) limits: Vec<Sides<&'static str>>,
    /// Codes of the rules that nobody looked at.
    pub(super) limits_not_judged: Vec<&'static str>,
    pub(super) most_changed: Vec<Example>,
    /// None of a shadow.
    pub(super) took_ms: Option<u64>,
    pub(super) records_per_s: Option<u64>,
}

/// Where the two stores stood that were compared.
#[derive(Debug, Serialize)]
pub(super) struct Standings {
    pub(super) live: Stand,
    pub(super) shadow: Stand,
    /// None: both stood at the same place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) behind: Option<Behind>,
    /// Records were folded while they were read: some customers are of a later place than others.
    pub(super) went_on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Stand {
    pub(super) position: Position,
    /// The time up to which alarms fired.
    pub(super) fired: Instant,
}

impl From<Standing> for Stand {
    fn from(Standing { position, fired }: Standing) -> Stand {
        Stand { position, fired }
    }
}

/// How far a shadow is behind the store that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Behind {
    pub(super) records: u64,
    /// Of the time up to which alarms fired.
    pub(super) fired_ms: u64,
}

impl Behind {
    /// More than the time in which it looks again.
    pub(super) fn matters(self) -> bool {
        let Behind { records, fired_ms } = self;
        records > 0 || fired_ms > LOOKS_AGAIN_MS
    }
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
    pub(super) dead: BTreeMap<String, Dead>,
    /// Events of other people that it told.
    pub(super) told: Option<u64>,
    pub(super) tasks: u64,
}

/// Turns at which a policy failed in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Dead {
    pub(super) turns: u64,
    /// The first of them.
    pub(super) example: DeadExample,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DeadExample {
    pub(super) policy: String,
    pub(super) customer: String,
    pub(super) position: Position,
}

/// A tag (`name`), or a stage of a journey (`journey: stage`).
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) gained: u64,
    pub(super) lost: u64,
    /// Those who gain it, and those who lose it; of more than [`NAMED_MAX`] the first ones.
    pub(super) gaining: Vec<String>,
    pub(super) losing: Vec<String>,
    /// Of those who gain or lose it, so many are not named.
    pub(super) not_named: u64,
}

impl Row {
    /// Some of those who gain it, and some of those who lose it.
    pub(super) fn some(&self) -> [&[String]; 2] {
        [&self.gaining, &self.losing].map(|ids| &ids[..ids.len().min(SHOWN)])
    }
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

/// What was compared, and how far.
pub(super) struct Compared<'a> {
    /// Before and after.
    pub(super) bindings: [&'a Binding; 2],
    pub(super) range: RangeInclusive<Position>,
    pub(super) since: Instant,
    pub(super) fired: Instant,
    /// Of a shadow.
    pub(super) standings: Option<Standings>,
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
        compared: Compared<'_>,
        measured: Option<Measured>,
    ) -> Report {
        let most_changed = comparison.most_changed().into_iter().map(example).collect();
        let Trial { before, after, customers, records } = trial;
        let Compared { bindings: [old, new], range, since, fired, standings } = compared;
        let [old_tasks, new_tasks] = comparison.tasks;
        let took = measured.as_ref().map(|measured| measured.took);
        let [old_spent, new_spent] = [0, 1].map(|side: usize| measured.as_ref().map(|it| it.spent[side]));
        Report {
            policy: new.name.clone(),
            standings,
            before: version(old, before, old_tasks, old_spent),
            after: version(new, after, new_tasks, new_spent),
            from: *range.start(),
            to: *range.end(),
            since,
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
            limits_not_judged: NOT_JUDGED.map(courier::Code::name).to_vec(),
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
    Version {
        title: binding.descriptor.title.clone(),
        digest: binding.digest.to_string(),
        settings_digest: router::settings_digest(binding).to_string(),
        turns: spent.map(|_| side.turns),
        took_ms: spent.map(|_| millis(side.took)),
        fuel: spent.map(|spent| spent.fuel),
        fuel_a_turn: spent.map(|spent| spent.a_turn),
        dead: dead(&side.faults, &side.versions),
        told: spent.map(|_| side.told),
        tasks,
    }
}

/// By kind.
fn dead(faults: &[Note], state: &FoldState) -> BTreeMap<String, Dead> {
    let mut dead: BTreeMap<String, Dead> = BTreeMap::new();
    for note in faults {
        let turn = match note {
            Note::DeadTurn(turn) => turn,
            Note::Conflict(_) | Note::Erasure(_) | Note::StrayReceipt(_) | Note::Overflow(_) => continue,
        };
        let first = || {
            let version = usize::try_from(turn.version).ok().and_then(|place| state.versions.get(place));
            let policy = version.map(|version| version.binding.clone()).unwrap_or_default();
            let example =
                DeadExample { policy, customer: turn.customer.to_string(), position: turn.position };
            Dead { turns: 0, example }
        };
        dead.entry(turn.kind.clone()).or_insert_with(first).turns += 1;
    }
    dead
}

fn row(name: String, held: Held) -> Row {
    let Held { before, after, gained, lost, gaining, losing } = held;
    let not_named = (gained + lost).saturating_sub((gaining.len() + losing.len()) as u64);
    let ids = |ids: Vec<CustomerId>| ids.iter().map(ToString::to_string).collect();
    Row { name, before, after, gained, lost, gaining: ids(gaining), losing: ids(losing), not_named }
}

fn example(changed: Changed) -> Example {
    Example { id: changed.id.0.to_string(), changes: changed.what, timeline: Timeline::default() }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
