//! Customers and intents made by hand, for tests.

use model::{
    Cause, Customer, CustomerId, HeldIntent, HeldStage, HeldTag, HeldTask, Instant, Intent, IntentState,
    IntentStep, StaffTask,
};

pub(super) const HOUR: u64 = 3_600_000;
pub(super) const DAY: u64 = 24 * HOUR;

fn cause(now: Instant) -> Cause {
    Cause { position: 1, now, version: Some(0), alarm: None, why: "because".to_owned() }
}

/// An intent of the policy `p`. Its id is its key.
pub(super) fn intent(key: &str, scene: &str, decided: Instant) -> HeldIntent {
    let intent = Intent {
        key: key.to_owned(),
        scene: scene.to_owned(),
        text: None,
        content: None,
        detail: None,
        not_before: None,
        not_after: None,
    };
    HeldIntent {
        id: key.to_owned(),
        binding: "p".to_owned(),
        intent,
        state: IntentState::Past,
        cause: cause(decided),
        steps: Vec::new(),
        reactions: Vec::new(),
        unfounded: false,
    }
}

/// An intent of any policy that a connection sent.
pub(super) fn sent(binding: &str, scene: &str, connection: &str, at: Instant) -> HeldIntent {
    let step = |state| IntentStep {
        state,
        now: at,
        at,
        position: 2,
        connection: Some(connection.to_owned()),
        staff: None,
        receipt: None,
        until: None,
        code: String::new(),
        reason: String::new(),
    };
    let steps = vec![step(IntentState::Due), step(IntentState::Sent)];
    HeldIntent { binding: binding.to_owned(), state: IntentState::Sent, steps, ..intent("sent", scene, at) }
}

/// Somebody with tags, stages as `(journey, stage)`, intents, and staff tasks by policy.
pub(super) fn customer(
    id: u64,
    tags: &[&str],
    stages: &[(&str, &str)],
    intents: &[HeldIntent],
    tasks: &[&str],
) -> Customer {
    let tag = |name: &&str| HeldTag { name: (*name).to_owned(), since: 1, expires: None, cause: cause(1) };
    let stage = |(journey, stage): &(&str, &str)| HeldStage {
        journey: (*journey).to_owned(),
        stage: (*stage).to_owned(),
        since: 1,
        cause: cause(1),
    };
    let task = |binding: &&str| HeldTask {
        binding: (*binding).to_owned(),
        task: StaffTask { title: "call her".to_owned(), due: None },
        cause: cause(1),
    };
    let mut customer = Customer::new(CustomerId(id), 1);
    customer.tags = tags.iter().map(tag).collect();
    customer.stages = stages.iter().map(stage).collect();
    customer.intents = intents.to_vec();
    customer.tasks = tasks.iter().map(task).collect();
    customer
}
