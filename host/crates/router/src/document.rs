//! How much one policy, and how much all channels together, may keep in one customer's document. What passes a policy's limit is a
//! turn at which it failed, and changes nothing; what passes a channel's stands in the journal alone, and a note says so.
//!
//! Of a policy is counted what stands in her document after the verdict and is this policy's, so nobody uses up what is another's. The
//! limits are part of what the fold means: another one gives another state, so they stand here and in no configuration.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use model::{
    Change, Content, Customer, Decision, HeldIntent, HeldStage, HeldTag, HeldTask, HeldTrait, Intent,
    StaffTask, Trait, Value, Verdict, Version,
};

use crate::staff_task;

/// Of everything that is kept for a while and looked at again.
const TAGS_MAX: usize = 256;
const TRAITS_MAX: usize = 256;
const STAGES_MAX: usize = 64;
const ALARMS_MAX: usize = 256;

/// What is never taken out: one a day for ten years.
const INTENTS_MAX: usize = 4_096;
const TASKS_MAX: usize = 4_096;

/// Events that it told of others because of her. Two policies that tell of each other's people without end come to it.
const TOLD_MAX: usize = 16_384;

/// Bytes of all of it together, with reasons and what it remembers: her document is written again with each change.
const BYTES_MAX: usize = 4 << 20;

/// Traits that channels tell of her. A new one beyond it is not taken; one that she has is changed as ever.
pub(crate) const TOLD_TRAITS_MAX: usize = 1_024;

/// Bytes of all of them, names included. What would make them more is not taken.
pub(crate) const TOLD_TRAITS_BYTES_MAX: usize = 1 << 20;

/// Handles of one person. A record's handle beyond it is not hers, and two who would have more together are not made one: both are
/// conflicts. Whoever has hundreds is a shop's till, or a connector that is wrong about what names a person.
pub(crate) const HANDLES_MAX: usize = 512;

/// The word for it, where a conflict has the scheme that differs.
pub const TOO_MANY_HANDLES: &str = "too-many-handles";

/// Staff who know her.
pub(crate) const STAFF_MAX: usize = 1_024;

/// Steps of one intent that channels told, and what she made of it: a channel that tells each delivery again comes to neither.
pub(crate) const RECEIPT_STEPS_MAX: usize = 64;
pub(crate) const REACTIONS_MAX: usize = 256;

/// Notes that her document lists: turns at which policies failed, receipts that were not taken. Whoever has one of the turns taken
/// again folds all of her, and so heals those that are not listed, too.
pub(crate) const NOTED_MAX: usize = 1_024;

/// Something that channels tell, and of which her document holds no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Traits,
    Staff,
    Receipts,
    Notes,
}

impl Full {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Full::Traits => "traits",
            Full::Staff => "staff",
            Full::Receipts => "receipts",
            Full::Notes => "notes",
        }
    }

    pub(crate) fn text(self) -> String {
        match self {
            Full::Traits => format!(
                "{TOLD_TRAITS_MAX} traits, {TOLD_TRAITS_BYTES_MAX} bytes of them, is what channels may tell of one customer; \
                 traits beyond that are not taken"
            ),
            Full::Staff => {
                format!("{STAFF_MAX} members of staff know her; others who meet her are not listed")
            }
            Full::Receipts => format!(
                "{RECEIPT_STEPS_MAX} steps and {REACTIONS_MAX} reactions is what a channel may tell of one errand; receipts beyond \
                 that change nothing"
            ),
            Full::Notes => format!(
                "{NOTED_MAX} failed turns and receipts that were not taken are noted; there are more, which are not listed one by \
                 one. Mend what fails, then have one of the turns taken again: all of hers are"
            ),
        }
    }
}

/// What says that two who have so many handles cannot be one person's.
pub(crate) fn crowd(these: usize, those: usize) -> Option<String> {
    (these + those > HANDLES_MAX).then(|| TOO_MANY_HANDLES.to_owned())
}

/// What stands under a name after the verdict, in bytes. None: nothing.
type Named<'v> = BTreeMap<&'v str, Option<usize>>;

/// The same of intents: the key of one that carries a task is made of the task.
type Keyed<'v> = BTreeMap<Cow<'v, str>, Option<usize>>;

/// What a verdict leaves behind, by kind.
#[derive(Default)]
struct Left<'v> {
    tags: Named<'v>,
    traits: Named<'v>,
    stages: Named<'v>,
    alarms: Named<'v>,
    intents: Keyed<'v>,
    tasks: (usize, usize),
    told: usize,
}

/// The limit that her document would pass by this verdict of this policy, in words. None: it keeps to them.
pub(crate) fn passes(
    customer: &Customer,
    binding: &str,
    versions: &[Version],
    verdict: &Verdict,
) -> Option<String> {
    let (count, bytes) = all(customer, verdict);
    if count <= STAGES_MAX && bytes <= BYTES_MAX {
        return None;
    }
    let left = Left::of(verdict, binding, customer);
    let is_its = |version: Option<u32>| {
        let version = version.and_then(|place| usize::try_from(place).ok());
        version.and_then(|place| versions.get(place)).is_some_and(|version| version.binding == binding)
    };
    let tags = customer.tags.iter().filter(|held| is_its(held.cause.version));
    let tags = tags.map(|held| (held.name.as_str(), held_tag(held)));
    let traits = customer.traits.iter().filter(|held| is_its(held.cause.version));
    let traits = traits.map(|held| (held.name.as_str(), held_trait(held)));
    let stages = customer.stages.iter().filter(|held| is_its(held.cause.version));
    let stages = stages.map(|held| (held.journey.as_str(), held_stage(held)));
    let alarms = customer.alarms.iter().filter(|alarm| alarm.binding == binding);
    let alarms = alarms.map(|alarm| (alarm.key.as_str(), alarm.key.len()));
    let intents = customer.intents.iter().filter(|held| held.binding == binding);
    let intents = intents.map(|held| (held.intent.key.as_str(), held_intent(held)));
    let tasks = customer.tasks.iter().filter(|held| held.binding == binding);
    let tasks = tasks.fold(left.tasks, |(count, bytes), held| (count + 1, bytes + held_task(held)));
    let told = customer.told.iter().filter(|told| told.binding == binding).count() + left.told;
    let kinds = [
        ("tags", TAGS_MAX, sum(tags, &left.tags)),
        ("traits", TRAITS_MAX, sum(traits, &left.traits)),
        ("stages", STAGES_MAX, sum(stages, &left.stages)),
        ("alarms", ALARMS_MAX, sum(alarms, &left.alarms)),
        // Each task is an intent, too: that there are too many of those says less.
        ("tasks of staff", TASKS_MAX, tasks),
        ("intents", INTENTS_MAX, sum(intents, &left.intents)),
        ("events told of others", TOLD_MAX, (told, 0)),
    ];
    if let Some((kind, most, (count, _))) = kinds.iter().find(|(_, most, (count, _))| count > most) {
        return Some(format!(
            "{count} {kind} of this policy in one customer's document; at most {most}. The turn changes nothing: take some away \
             before you give more"
        ));
    }
    let memory = verdict.memory.as_ref().map_or(0, Vec::len);
    let bytes = kinds.iter().map(|(.., (_, bytes))| bytes).sum::<usize>() + memory;
    (bytes > BYTES_MAX).then(|| {
        format!(
            "{bytes} bytes of this policy in one customer's document; at most {BYTES_MAX}. The turn changes nothing: take some \
             away, or give shorter reasons and texts"
        )
    })
}

/// Everything that any policy keeps of her, and all that this verdict could add. Most documents hold less than the least limit
/// altogether, and are looked at no further.
fn all(customer: &Customer, verdict: &Verdict) -> (usize, usize) {
    let Customer { tags, traits, stages, alarms, intents, tasks, told, .. } = customer;
    let held = tags.len() + traits.len() + stages.len() + alarms.len() + intents.len() + tasks.len();
    let count = held + told.len() + verdict.decisions.len();
    let held = tags.iter().map(held_tag).sum::<usize>()
        + traits.iter().map(held_trait).sum::<usize>()
        + stages.iter().map(held_stage).sum::<usize>()
        + alarms.iter().map(|alarm| alarm.key.len()).sum::<usize>()
        + intents.iter().map(held_intent).sum::<usize>()
        + tasks.iter().map(held_task).sum::<usize>();
    let new = verdict.decisions.iter().map(brings);
    (count, held + new.sum::<usize>() + verdict.memory.as_ref().map_or(0, Vec::len))
}

/// The bytes of what a decision brings, with its reason. A task has it twice, as a task and as an intent.
fn brings(decision: &Decision) -> usize {
    let Decision { why, change } = decision;
    let reasons = if matches!(change, Change::AskStaff(_)) { 2 } else { 1 };
    reasons * why.len() + brought(change)
}

/// The bytes of what a change brings.
fn brought(change: &Change) -> usize {
    match change {
        Change::Tag(tag) => tag.name.len(),
        Change::Stage(stage) => stage.journey.len() + stage.stage.len(),
        Change::Put(Trait { name, value: put }) => name.len() + value(put),
        Change::Wake(wake) => wake.key.len(),
        Change::Intend(new) => intent(new),
        Change::AskStaff(new) => task(new) + intent(&staff_task::intent(new)),
        Change::Untag(_) | Change::Quiet(_) | Change::Tell(_) => 0,
    }
}

fn held_tag(held: &HeldTag) -> usize {
    held.name.len() + held.cause.why.len()
}

fn held_trait(held: &HeldTrait) -> usize {
    held.name.len() + value(&held.value) + held.cause.why.len()
}

fn held_stage(held: &HeldStage) -> usize {
    held.journey.len() + held.stage.len() + held.cause.why.len()
}

fn held_intent(held: &HeldIntent) -> usize {
    intent(&held.intent) + held.cause.why.len()
}

fn held_task(held: &HeldTask) -> usize {
    task(&held.task) + held.cause.why.len()
}

/// How many there are of a kind after the verdict, and their bytes.
fn sum<'c, K: Borrow<str> + Ord>(
    held: impl Iterator<Item = (&'c str, usize)>,
    left: &BTreeMap<K, Option<usize>>,
) -> (usize, usize) {
    let stays = held.filter(|(name, _)| !left.contains_key(*name)).map(|(_, bytes)| bytes);
    let comes = left.values().copied().flatten();
    stays.chain(comes).fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes))
}

impl<'v> Left<'v> {
    fn of(verdict: &'v Verdict, binding: &str, customer: &Customer) -> Left<'v> {
        let mut left = Left::default();
        for decision in &verdict.decisions {
            let bytes = brings(decision);
            match &decision.change {
                Change::Tag(tag) => drop(left.tags.insert(&tag.name, Some(bytes))),
                Change::Untag(name) => drop(left.tags.insert(name, None)),
                Change::Stage(stage) => drop(left.stages.insert(&stage.journey, Some(bytes))),
                Change::Put(put) => drop(left.traits.insert(&put.name, Some(bytes))),
                Change::Wake(wake) => drop(left.alarms.insert(&wake.key, Some(wake.key.len()))),
                Change::Quiet(key) => drop(left.alarms.insert(key, None)),
                Change::Intend(new) => left.intends(customer, binding, Cow::Borrowed(&new.key), bytes),
                Change::Tell(_) => left.told += 1,
                Change::AskStaff(new) => {
                    let its = decision.why.len() + task(new);
                    left.tasks = (left.tasks.0 + 1, left.tasks.1 + its);
                    left.intends(customer, binding, Cow::Owned(staff_task::key(new)), bytes - its);
                }
            }
        }
        left
    }

    /// One key is one intent, and stays as it was first intended.
    fn intends(&mut self, customer: &Customer, binding: &str, key: Cow<'v, str>, bytes: usize) {
        let is_known = |held: &HeldIntent| held.binding == binding && held.intent.key == *key;
        if !customer.intents.iter().any(is_known) {
            self.intents.entry(key).or_insert(Some(bytes));
        }
    }
}

pub(crate) fn value(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Number(_) | Value::Truth(_) | Value::Time(_) => 8,
    }
}

fn intent(intent: &Intent) -> usize {
    let Intent { key, scene, text, content, detail, not_before: _, not_after: _ } = intent;
    let texts = [text, detail].into_iter().flatten().map(String::len).sum::<usize>();
    let content = content.as_ref().map_or(0, |content| {
        let Content { id, kind, title, category } = content;
        let rest = [title, category].into_iter().flatten().map(String::len).sum::<usize>();
        id.len() + kind.len() + rest
    });
    key.len() + scene.len() + texts + content
}

fn task(task: &StaffTask) -> usize {
    task.title.len()
}
