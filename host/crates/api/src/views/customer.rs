//! A customer: in one line of a list, and whole.

use model::{
    Alarm, Customer, FoldState, Handle, HeldIntent, HeldSegment, HeldStage, HeldTag, HeldTask, HeldTrait,
    Identity, Instant, Intent, IntentState, IntentStep, Latest, Memory, Missed, Position, Reaction,
    StaffTask, Told, Value,
};
use serde::Serialize;

use super::{Explained, Raw, explain};

/// The trait in which connectors tell what a person is called.
const NAME: &str = "name";

/// A page of a list of customers, ascending by id.
#[derive(Debug, Serialize)]
pub struct CustomerPage<'a> {
    pub customers: Vec<Summary<'a>>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// Who she is, in a line.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    pub id: String,
    pub first_seen: Instant,
    /// The trait `name`, where it is a text.
    pub name: Option<&'a str>,
    pub handles: Vec<Raw>,
    /// Their names.
    pub tags: Vec<&'a str>,
    pub stages: Vec<StageName<'a>>,
    pub staff: &'a [String],
    /// Records in her timeline.
    pub events: usize,
}

#[derive(Debug, Serialize)]
pub struct StageName<'a> {
    pub journey: &'a str,
    pub stage: &'a str,
}

/// A page out of one customer more than it may hold: the last one shows that there is a next page.
#[must_use]
pub fn page(customers: &[Customer], limit: usize) -> CustomerPage<'_> {
    let shown = &customers[..limit.min(customers.len())];
    let next = if shown.len() < customers.len() { shown.last() } else { None };
    let next = next.map(|customer| customer.id.to_string());
    CustomerPage { customers: shown.iter().map(summary).collect(), next }
}

#[must_use]
pub fn summary(customer: &Customer) -> Summary<'_> {
    Summary {
        id: customer.id.to_string(),
        first_seen: customer.first_seen,
        name: name(customer),
        handles: customer.handles.iter().map(|handle| wire::to_raw::<Identity>(&handle.identity)).collect(),
        tags: customer.tags.iter().map(|tag| tag.name.as_str()).collect(),
        stages: customer.stages.iter().map(stage_name).collect(),
        staff: &customer.staff,
        events: customer.timeline.len(),
    }
}

fn stage_name(held: &HeldStage) -> StageName<'_> {
    let HeldStage { journey, stage, since: _, cause: _ } = held;
    StageName { journey, stage }
}

fn name(customer: &Customer) -> Option<&str> {
    let held = customer.traits.iter().find(|held| held.name == NAME)?;
    match &held.value {
        Value::Text(name) => Some(name),
        Value::Number(_) | Value::Truth(_) | Value::Time(_) => None,
    }
}

/// The whole document. The keys are those of the stored one, and each cause has its policy's names besides.
#[derive(Debug, Serialize)]
pub struct Whole<'a> {
    /// Her present id, whatever she was asked for by.
    pub id: String,
    pub first_seen: Instant,
    pub handles: Vec<Raw>,
    pub timeline: &'a [Position],
    /// Records of others that showed a handle of hers.
    pub refused: &'a [Position],
    pub traits: Vec<TraitView<'a>>,
    pub tags: Vec<TagView<'a>>,
    pub stages: Vec<StageView<'a>>,
    /// When something last happened: `{"event":…,"message":…,"purchase":…}`.
    pub latest: Raw,
    /// Segments that are kept and that she has entered.
    pub segments: Vec<Raw>,
    pub staff: &'a [String],
    pub memories: Vec<Raw>,
    pub alarms: Vec<Raw>,
    pub fired: u32,
    pub intents: Vec<IntentView<'a>>,
    pub tasks: Vec<TaskView<'a>>,
    /// Events of others that policies told because of her.
    pub told: Vec<Raw>,
    /// The keys of the notes on turns of hers at which a policy failed.
    pub noted: &'a [String],
    /// What paused policies missed of her, and whether it was made up for.
    pub missed: Vec<Raw>,
    /// Ids that are hers now.
    pub merged: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct TraitView<'a> {
    pub name: &'a str,
    pub value: Raw,
    pub cause: Explained<'a>,
}

#[derive(Debug, Serialize)]
pub struct TagView<'a> {
    pub name: &'a str,
    pub since: Instant,
    pub expires: Option<Instant>,
    pub cause: Explained<'a>,
}

#[derive(Debug, Serialize)]
pub struct StageView<'a> {
    pub journey: &'a str,
    pub stage: &'a str,
    pub since: Instant,
    pub cause: Explained<'a>,
}

#[derive(Debug, Serialize)]
pub struct IntentView<'a> {
    pub id: &'a str,
    pub binding: &'a str,
    pub intent: Raw,
    pub state: Raw,
    pub cause: Explained<'a>,
    /// In their order.
    pub steps: Vec<Raw>,
    pub reactions: Vec<Raw>,
    /// Folded again, it was not intended.
    pub unfounded: bool,
}

#[derive(Debug, Serialize)]
pub struct TaskView<'a> {
    pub binding: &'a str,
    pub task: Raw,
    pub cause: Explained<'a>,
}

#[must_use]
pub fn whole<'a>(state: &'a FoldState, customer: &'a Customer) -> Whole<'a> {
    // Taken apart, so that nothing that a customer has is left out by accident.
    let Customer {
        id,
        first_seen,
        handles,
        timeline,
        refused,
        traits,
        tags,
        stages,
        latest,
        segments,
        staff,
        memories,
        alarms,
        fired,
        intents,
        tasks,
        told,
        noted,
        missed,
        merged,
    } = customer;
    Whole {
        id: id.to_string(),
        first_seen: *first_seen,
        handles: handles.iter().map(wire::to_raw::<Handle>).collect(),
        timeline,
        refused,
        traits: traits.iter().map(|held| of_trait(state, held)).collect(),
        tags: tags.iter().map(|held| of_tag(state, held)).collect(),
        stages: stages.iter().map(|held| of_stage(state, held)).collect(),
        latest: wire::to_raw::<Latest>(latest),
        segments: segments.iter().map(wire::to_raw::<HeldSegment>).collect(),
        staff,
        memories: memories.iter().map(wire::to_raw::<Memory>).collect(),
        alarms: alarms.iter().map(wire::to_raw::<Alarm>).collect(),
        fired: *fired,
        intents: intents.iter().map(|held| of_intent(state, held)).collect(),
        tasks: tasks.iter().map(|held| of_task(state, held)).collect(),
        told: told.iter().map(wire::to_raw::<Told>).collect(),
        noted,
        missed: missed.iter().map(wire::to_raw::<Missed>).collect(),
        merged: merged.iter().map(ToString::to_string).collect(),
    }
}

fn of_trait<'a>(state: &'a FoldState, held: &'a HeldTrait) -> TraitView<'a> {
    let HeldTrait { name, value, cause } = held;
    TraitView { name, value: wire::to_raw::<Value>(value), cause: explain(state, cause) }
}

pub(super) fn of_tag<'a>(state: &'a FoldState, held: &'a HeldTag) -> TagView<'a> {
    let HeldTag { name, since, expires, cause } = held;
    TagView { name, since: *since, expires: *expires, cause: explain(state, cause) }
}

fn of_stage<'a>(state: &'a FoldState, held: &'a HeldStage) -> StageView<'a> {
    let HeldStage { journey, stage, since, cause } = held;
    StageView { journey, stage, since: *since, cause: explain(state, cause) }
}

fn of_intent<'a>(state: &'a FoldState, held: &'a HeldIntent) -> IntentView<'a> {
    let HeldIntent { id, binding, intent, state: how_far, cause, steps, reactions, unfounded } = held;
    let (intent, how_far) = (wire::to_raw::<Intent>(intent), wire::to_raw::<IntentState>(how_far));
    let steps = steps.iter().map(wire::to_raw::<IntentStep>).collect();
    let reactions = reactions.iter().map(wire::to_raw::<Reaction>).collect();
    let (cause, unfounded) = (explain(state, cause), *unfounded);
    IntentView { id, binding, intent, state: how_far, cause, steps, reactions, unfounded }
}

fn of_task<'a>(state: &'a FoldState, held: &'a HeldTask) -> TaskView<'a> {
    let HeldTask { binding, task, cause } = held;
    TaskView { binding, task: wire::to_raw::<StaffTask>(task), cause: explain(state, cause) }
}
