//! Twins of the customer's document.

use model::*;

use crate::kind::{Bytes, twin, twin_enum};

twin!(Cause as CauseWire {
    position: u64,
    now: u64,
    version: Option<u32>,
    alarm: Option<String>,
    why: String,
});
twin!(Handle as HandleWire { identity: Identity, position: u64, before: Option<CustomerId> });
twin!(HeldTrait as HeldTraitWire { name: String, value: Value, cause: Cause });
twin!(HeldTag as HeldTagWire { name: String, since: u64, expires: Option<u64>, cause: Cause });
twin!(HeldStage as HeldStageWire { journey: String, stage: String, since: u64, cause: Cause });
twin!(Memory as MemoryWire { binding: String, bytes: Bytes });
twin!(Alarm as AlarmWire { due: u64, binding: String, key: String, position: u64 });
twin_enum!(IntentState as IntentStateWire {
    Proposed,
    Past,
    Held,
    Dropped,
    Due,
    Carried,
    AwaitingStaff,
    Sent,
    Confirmed,
    Failed,
    Expired,
});
twin!(IntentStep as IntentStepWire {
    state: IntentState,
    now: u64,
    at: u64,
    position: u64,
    connection: Option<String>,
    staff: Option<String>,
    receipt: Option<String>,
    until: Option<u64>,
    code: String,
    reason: String,
});
twin!(Reaction as ReactionWire {
    kind: String,
    at: u64,
    now: u64,
    position: u64,
    joined: bool,
    order: Option<String>,
});
twin!(HeldIntent as HeldIntentWire {
    id: String,
    binding: String,
    intent: Intent,
    state: IntentState,
    cause: Cause,
    steps: Vec<IntentStep>,
    reactions: Vec<Reaction>,
    unfounded: bool,
});
twin!(Told as ToldWire { binding: String, id: String });
twin!(Missed as MissedWire { binding: String, made_up: Option<u64> });
twin!(HeldTask as HeldTaskWire { binding: String, task: StaffTask, cause: Cause });
twin!(Latest as LatestWire { event: Option<u64>, message: Option<u64>, purchase: Option<u64> });
twin!(HeldSegment as HeldSegmentWire { name: String, inside: bool, since: u64, position: u64 });
twin!(Customer as CustomerWire {
    id: CustomerId,
    first_seen: u64,
    latest: Latest,
    handles: Vec<Handle>,
    timeline: Vec<u64>,
    refused: Vec<u64>,
    traits: Vec<HeldTrait>,
    tags: Vec<HeldTag>,
    stages: Vec<HeldStage>,
    segments: Vec<HeldSegment>,
    staff: Vec<String>,
    memories: Vec<Memory>,
    alarms: Vec<Alarm>,
    fired: u32,
    intents: Vec<HeldIntent>,
    tasks: Vec<HeldTask>,
    told: Vec<Told>,
    noted: Vec<String>,
    missed: Vec<Missed>,
    merged: Vec<CustomerId>,
});
