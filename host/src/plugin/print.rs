//! What a call came to, as JSON and an exit code.

use std::process::ExitCode;

use model::{Chore, Delivery, Event, Fault, Harvest, Outcome, Page, Reception, Refusal, Verdict};
use serde::Serialize;
use serde_json::value::RawValue;
use wire::RawAnswer;

const NOT_AUTHENTIC: u8 = 3;
const MALFORMED: u8 = 4;
const FAILED: u8 = 5;

/// The line for standard output, and the code.
pub(super) struct Printed {
    pub(super) line: String,
    pub(super) code: ExitCode,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Received { answer: RawAnswer, events: Raws, chores: Raws },
    Refused { refused: Refused },
    Polled { events: Raws, chores: Raws, cursor: Box<RawValue>, more: bool },
    Worked { events: Raws, chores: Raws },
    Carried { outcomes: Vec<Carried>, chores: Raws },
    Evaluated { verdicts: Raws, fuel: u64 },
    Failed { failed: Failed },
}

type Raws = Vec<Box<RawValue>>;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Carried {
    Sent(Option<String>),
    AwaitingStaff(Option<String>),
    Failed(Failed),
}

#[derive(Serialize)]
struct Refused {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<RawAnswer>,
}

#[derive(Serialize)]
struct Failed {
    kind: &'static str,
    message: String,
    /// Outer none: a policy's, which cannot ask for a pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<Option<u32>>,
}

pub(super) fn reception(received: Result<Reception, Refusal>) -> anyhow::Result<Printed> {
    match received {
        Ok(Reception { kept, answer }) => {
            let (events, chores) = harvested(&kept);
            printed(0, &Line::Received { answer: RawAnswer::from(&answer), events, chores })
        }
        Err(Refusal::NotAuthentic(message)) => {
            let refused = Refused { kind: "not_authentic", message, answer: None };
            printed(NOT_AUTHENTIC, &Line::Refused { refused })
        }
        Err(Refusal::Malformed { why, answer }) => {
            let answer = Some(RawAnswer::from(&answer));
            let refused = Refused { kind: "malformed", message: why, answer };
            printed(MALFORMED, &Line::Refused { refused })
        }
    }
}

pub(super) fn page(polled: Result<Page, Fault>) -> anyhow::Result<Printed> {
    match polled {
        Ok(Page { kept, cursor, more }) => {
            let (events, chores) = harvested(&kept);
            printed(0, &Line::Polled { events, chores, cursor: RawValue::from_string(cursor)?, more })
        }
        Err(fault) => failed(fault),
    }
}

pub(super) fn harvest(worked: Result<Harvest, Fault>) -> anyhow::Result<Printed> {
    match worked {
        Ok(kept) => {
            let (events, chores) = harvested(&kept);
            printed(0, &Line::Worked { events, chores })
        }
        Err(fault) => failed(fault),
    }
}

pub(super) fn delivery(delivery: Delivery) -> anyhow::Result<Printed> {
    let Delivery { outcomes, chores } = delivery;
    let outcomes = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Sent(id) => Carried::Sent(id),
        Outcome::AwaitingStaff(id) => Carried::AwaitingStaff(id),
        Outcome::Failed(fault) => Carried::Failed(Failed::of(fault)),
    });
    let chores = chores.iter().map(wire::to_raw::<Chore>).collect();
    printed(0, &Line::Carried { outcomes: outcomes.collect(), chores })
}

pub(super) fn verdicts(verdicts: &[Verdict], fuel: u64) -> anyhow::Result<Printed> {
    let verdicts = verdicts.iter().map(wire::to_raw::<Verdict>).collect();
    printed(0, &Line::Evaluated { verdicts, fuel })
}

pub(super) fn policy_error(message: String) -> anyhow::Result<Printed> {
    let failed = Failed { kind: "policy_error", message, retry_after_ms: None };
    printed(FAILED, &Line::Failed { failed })
}

fn failed(fault: Fault) -> anyhow::Result<Printed> {
    printed(FAILED, &Line::Failed { failed: Failed::of(fault) })
}

impl Failed {
    fn of(fault: Fault) -> Failed {
        let (kind, message, pause) = match fault {
            Fault::Misconfigured(message) => ("misconfigured", message, None),
            Fault::Malformed(message) => ("malformed", message, None),
            Fault::Later { why, retry_after_ms } => ("later", why, retry_after_ms),
            Fault::Unauthorised(message) => ("unauthorised", message, None),
        };
        Failed { kind, message, retry_after_ms: Some(pause) }
    }
}

fn harvested(harvest: &Harvest) -> (Raws, Raws) {
    let Harvest { events, chores } = harvest;
    let events = events.iter().map(wire::to_raw::<Event>).collect();
    (events, chores.iter().map(wire::to_raw::<Chore>).collect())
}

fn printed(code: u8, line: &Line) -> anyhow::Result<Printed> {
    Ok(Printed { line: serde_json::to_string(line)?, code: ExitCode::from(code) })
}
