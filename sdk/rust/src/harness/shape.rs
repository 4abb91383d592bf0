//! The shapes in which goldens hold what plugins take and give: those that `heliu plugin run` reads and prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::chores::{Chore, Harvest};
use crate::connector::{self, Delivery, Page, Reception, Refusal};
use crate::events::{Content, Event, Identity, TraitValue};
use crate::faults::Fault;
use crate::policy::{self, Decision, Happening, HeldStage, Verdict};

/// What a call comes to: the JSON that is printed, and the exit code that goes with it.
pub struct Outcome {
    pub json: Box<RawValue>,
    pub exit: i32,
}

const EXIT_NOT_AUTHENTIC: i32 = 3;
const EXIT_MALFORMED: i32 = 4;
const EXIT_FAILED: i32 = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errand {
    id: String,
    scene: String,
    to: Vec<Identity>,
    staff: Option<String>,
    text: Option<String>,
    content: Option<Content>,
    detail: Box<RawValue>,
    #[serde(default)]
    not_after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    pub customer: Customer,
    /// None: left out, and what her turn before left is taken.
    #[serde(default, deserialize_with = "present")]
    memory: Option<Option<String>>,
    position: u64,
    now: u64,
    happening: Happening,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    pub id: String,
    #[serde(default)]
    first_seen: u64,
    #[serde(default)]
    traits: Vec<TraitValue>,
    #[serde(default)]
    tags: Vec<HeldTag>,
    #[serde(default)]
    stages: Vec<HeldStage>,
    #[serde(default)]
    staff: Vec<String>,
    #[serde(default)]
    outcomes: Vec<policy::IntentOutcome>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeldTag {
    name: String,
    since: u64,
    expires: Option<u64>,
}

#[derive(Serialize)]
struct Answer<'a> {
    status: u16,
    headers: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Printed<'a> {
    Received { answer: Answer<'a>, events: &'a [Event], chores: &'a [Chore] },
    Refused { refused: Refused<'a> },
    Polled { events: &'a [Event], chores: &'a [Chore], cursor: &'a RawValue, more: bool },
    Worked { events: &'a [Event], chores: &'a [Chore] },
    Carried { outcomes: Vec<Carried<'a>>, chores: &'a [Chore] },
    Evaluated { verdicts: Vec<Decided<'a>> },
    Failed { failed: Failed<'a> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Carried<'a> {
    Sent(Option<&'a str>),
    AwaitingStaff(Option<&'a str>),
    Failed(Failed<'a>),
}

#[derive(Serialize)]
struct Refused<'a> {
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answer<'a>>,
}

#[derive(Serialize)]
struct Decided<'a> {
    decisions: &'a [Decision],
    memory: Option<String>,
}

#[derive(Serialize)]
struct Failed<'a> {
    kind: &'static str,
    message: &'a str,
    /// Outer none: not a fault of a connector, which alone may ask for a pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<Option<u32>>,
}

impl Request {
    pub fn to_request(&self) -> Result<connector::Request, String> {
        let Request { method, path, query, headers, body, body_base64 } = self;
        Ok(connector::Request {
            method: method.clone(),
            path: path.clone(),
            query: query.clone(),
            headers: headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect(),
            body: body_bytes(body.as_deref(), body_base64.as_deref(), None)?,
        })
    }
}

impl Errand {
    pub fn to_errand(&self) -> connector::Errand {
        let Errand { id, scene, to, staff, text, content, detail, not_after } = self;
        connector::Errand {
            id: id.clone(),
            scene: scene.clone(),
            to: to.clone(),
            staff: staff.clone(),
            text: text.clone(),
            content: content.clone(),
            detail: detail.get().to_owned(),
            not_after: *not_after,
        }
    }
}

impl Turn {
    /// The turn, with the memory that `left` is unless it brings its own.
    pub fn to_turn(&self, left: Option<Vec<u8>>) -> Result<policy::Turn, String> {
        let Turn { customer, memory, position, now, happening } = self;
        let Customer { id, first_seen, traits, tags, stages, staff, outcomes } = customer;
        let memory = match memory {
            None => left,
            Some(None) => None,
            Some(Some(text)) => Some(BASE64.decode(text).map_err(|error| format!("memory: {error}"))?),
        };
        let held = |HeldTag { name, since, expires }: &HeldTag| policy::HeldTag {
            name: name.clone(),
            since: *since,
            expires: *expires,
        };
        Ok(policy::Turn {
            customer: policy::Customer {
                id: id.clone(),
                first_seen: *first_seen,
                traits: traits.clone(),
                tags: tags.iter().map(held).collect(),
                stages: stages.clone(),
                staff: staff.clone(),
                outcomes: outcomes.clone(),
            },
            memory,
            position: *position,
            now: *now,
            happening: happening.clone(),
        })
    }
}

impl<'a> Answer<'a> {
    fn of(response: &'a connector::Response) -> Answer<'a> {
        let connector::Response { status, headers, body } = response;
        let text = std::str::from_utf8(body).ok();
        let body_base64 = text.is_none().then(|| BASE64.encode(body));
        Answer { status: *status, headers, body: text, body_base64 }
    }
}

impl<'a> Carried<'a> {
    fn of(outcome: &'a connector::Outcome) -> Carried<'a> {
        match outcome {
            connector::Outcome::Sent(id) => Carried::Sent(id.as_deref()),
            connector::Outcome::AwaitingStaff(id) => Carried::AwaitingStaff(id.as_deref()),
            connector::Outcome::Failed(fault) => Carried::Failed(Failed::of(fault)),
        }
    }
}

impl<'a> Failed<'a> {
    fn of(fault: &'a Fault) -> Failed<'a> {
        let (kind, message, pause) = match fault {
            Fault::Misconfigured(message) => ("misconfigured", message, None),
            Fault::Malformed(message) => ("malformed", message, None),
            Fault::Later(pause) => ("later", &pause.why, pause.retry_after_ms),
            Fault::Unauthorised(message) => ("unauthorised", message, None),
        };
        Failed { kind, message, retry_after_ms: Some(pause) }
    }
}

impl<'a> Decided<'a> {
    fn of(verdict: &'a Verdict) -> Decided<'a> {
        let Verdict { decisions, memory } = verdict;
        Decided { decisions, memory: memory.as_ref().map(|bytes| BASE64.encode(bytes)) }
    }
}

/// The bytes of a body that is given as text, in base64, or as JSON.
pub fn body_bytes(text: Option<&str>, base64: Option<&str>, json: Option<&str>) -> Result<Vec<u8>, String> {
    match (text, base64, json) {
        (None, None, None) => Ok(Vec::new()),
        (Some(text), None, None) | (None, None, Some(text)) => Ok(text.as_bytes().to_owned()),
        (None, Some(base64), None) => BASE64.decode(base64).map_err(|error| format!("body_base64: {error}")),
        _ => Err("give one of body, body_base64 and body_json".to_owned()),
    }
}

pub fn reception(result: Result<Reception, Refusal>) -> Outcome {
    match &result {
        Ok(Reception { kept: Harvest { events, chores }, answer }) => {
            print(0, &Printed::Received { answer: Answer::of(answer), events, chores })
        }
        Err(Refusal::NotAuthentic(message)) => {
            let refused = Refused { kind: "not_authentic", message, answer: None };
            print(EXIT_NOT_AUTHENTIC, &Printed::Refused { refused })
        }
        Err(Refusal::Malformed(complaint)) => {
            let answer = Some(Answer::of(&complaint.answer));
            let refused = Refused { kind: "malformed", message: &complaint.why, answer };
            print(EXIT_MALFORMED, &Printed::Refused { refused })
        }
    }
}

pub fn page(result: Result<Page, Fault>) -> Outcome {
    match &result {
        Ok(Page { kept: Harvest { events, chores }, cursor, more }) => match serde_json::from_str(cursor) {
            Ok(cursor) => print(0, &Printed::Polled { events, chores, cursor, more: *more }),
            Err(error) => failed("malformed", &format!("the cursor is no JSON: {error}"), Some(None)),
        },
        Err(fault) => fault_of(fault),
    }
}

pub fn harvest(result: Result<Harvest, Fault>) -> Outcome {
    match &result {
        Ok(Harvest { events, chores }) => print(0, &Printed::Worked { events, chores }),
        Err(fault) => fault_of(fault),
    }
}

pub fn delivery(Delivery { outcomes, chores }: &Delivery) -> Outcome {
    print(0, &Printed::Carried { outcomes: outcomes.iter().map(Carried::of).collect(), chores })
}

pub fn verdicts(result: Result<Vec<Verdict>, String>) -> Outcome {
    match &result {
        Ok(verdicts) => {
            print(0, &Printed::Evaluated { verdicts: verdicts.iter().map(Decided::of).collect() })
        }
        Err(message) => failed("policy_error", message, None),
    }
}

fn fault_of(fault: &Fault) -> Outcome {
    print(EXIT_FAILED, &Printed::Failed { failed: Failed::of(fault) })
}

fn failed(kind: &'static str, message: &str, retry_after_ms: Option<Option<u32>>) -> Outcome {
    print(EXIT_FAILED, &Printed::Failed { failed: Failed { kind, message, retry_after_ms } })
}

/// A `job`, `extra` or `detail` that is no JSON cannot be printed; the host would not take it either.
fn print(exit: i32, printed: &Printed<'_>) -> Outcome {
    match serde_json::value::to_raw_value(printed) {
        Ok(json) => Outcome { json, exit },
        Err(error) => {
            failed("malformed", &format!("a JSON text of the plugin's is none: {error}"), Some(None))
        }
    }
}

/// Tells a key that is `null` from one that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}
