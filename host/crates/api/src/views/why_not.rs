//! Why something is not so: the turns of a policy in lines, and the answer in a sentence.

mod sentence;

use model::{
    Change, Decision, Deed, Entry, Fact, FoldState, HandTag, HandUntag, Instant, Intent, NewTag, OperatorAct,
    Position, Proposal, Record, StaffTask, Stage, Trait, Value, Verdict, Wake,
};
use router::{Doer, Hand, Line, Missed, Reason, Rung, Seen, Shown, Target, TurnOutcome};
use serde::Serialize;

pub use sentence::sentence;

use super::AtView;
use crate::past::Told;

/// How a time is written.
pub type Clock<'a> = &'a dyn Fn(Instant) -> String;

#[derive(Debug, Serialize)]
pub struct WhyNotView {
    pub at: AtView,
    /// As she was asked for, and as she is there.
    pub asked: String,
    pub id: String,
    pub policy: String,
    /// `tag`, `stage` or `intent`, and its name. Null: nothing in particular was asked.
    pub kind: Option<&'static str>,
    pub name: Option<String>,
    /// The answer: the first reason.
    pub code: &'static str,
    pub answer: String,
    /// All reasons; those behind the first one may have led to it.
    pub reasons: Vec<ReasonView>,
    /// The last ones, in the order of time, and how many there are.
    pub lines: Vec<LineView>,
    pub lines_all: usize,
}

#[derive(Debug, Serialize)]
pub struct ReasonView {
    pub code: &'static str,
    pub text: String,
    /// The operator who gave it or took it by hand, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand: Option<HandView>,
    /// From where on the policy is paused, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PausedView>,
    /// The record at which nothing intended it any more, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<Position>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct HandView {
    pub by: String,
    pub why: String,
    pub position: Position,
    pub now: Instant,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct PausedView {
    /// The last record that the policy was shown, of anybody.
    pub behind: Position,
    /// The setup that pauses it, and its time.
    pub said: Option<Position>,
    pub said_now: Option<Instant>,
    /// Turns of hers that it was not shown.
    pub turns: u64,
}

/// A turn of the policy, a record of hers that it was not shown, or what an operator did.
#[derive(Debug, Serialize)]
pub struct LineView {
    /// The record; for an alarm, the record at which it was asked for.
    pub position: Position,
    /// The journal's time; for an alarm, its due time.
    pub now: Instant,
    /// The fact as a policy's `wants` names it, like `bought.paid`. Null for an alarm.
    pub fact: Option<String>,
    pub alarm: Option<String>,
    /// Was the policy shown it?
    pub shown: bool,
    /// Why it was not, or `act` for what an operator did, which no policy is shown; `fault` where the policy failed at it; `before-policy` where it is older than the version that decided,
    /// which was shown it when her past was folded again. Null: a turn like any other.
    pub code: Option<&'static str>,
    pub text: Option<String>,
    /// The version that decided, an index into the fold's list, and where it was bound first.
    pub version: Option<u32>,
    pub bound_at: Option<Position>,
    pub decisions: Vec<DecisionView>,
    pub memory_before: Option<MemoryView>,
    pub memory_after: Option<MemoryView>,
    /// Units of a call with this turn alone. Null: it is not metered.
    pub fuel: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct DecisionView {
    pub what: String,
    /// The policy's own words.
    pub why: String,
}

#[derive(Debug, Serialize)]
pub struct MemoryView {
    pub hex: String,
    pub bytes: usize,
}

/// A time in UTC, as ISO 8601 has it.
#[must_use]
pub fn utc(time: Instant) -> String {
    let stamp = i64::try_from(time).ok().and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    stamp.map_or_else(|| format!("{time} ms"), |stamp| stamp.to_string())
}

/// The last `lines_max` lines of it, and all reasons.
#[must_use]
pub fn why_not(told: &Told, lines_max: usize, clock: Clock<'_>) -> WhyNotView {
    let Told { question, answer, agrees } = told;
    let (kind, name) = match &question.target {
        None => (None, None),
        Some(Target::Tag(name)) => (Some("tag"), Some(name.clone())),
        Some(Target::Stage { journey, stage: None }) => (Some("stage"), Some(journey.clone())),
        Some(Target::Stage { journey, stage: Some(stage) }) => {
            (Some("stage"), Some(format!("{journey}={stage}")))
        }
        Some(Target::Intent(key)) => (Some("intent"), Some(key.clone())),
    };
    let reasons = answer.reasons.iter().map(|reason| of_reason(reason, &answer.state, clock)).collect();
    let first = answer.reasons.first().unwrap_or(&Reason::NoTurns { unbound: false });
    let shown = &answer.lines[answer.lines.len().saturating_sub(lines_max)..];
    WhyNotView {
        at: AtView::new(answer.standing, Some(*agrees)),
        asked: question.customer.to_string(),
        id: answer.customer.id.to_string(),
        policy: question.policy.clone(),
        kind,
        name,
        code: first.code(),
        answer: sentence(first, &answer.state, clock),
        reasons,
        lines: shown.iter().map(|line| view(line, &answer.state, clock)).collect(),
        lines_all: answer.lines.len(),
    }
}

fn of_reason(reason: &Reason, state: &FoldState, clock: Clock<'_>) -> ReasonView {
    let hand = match reason {
        Reason::Holds { cause: _, hand } => hand.as_ref(),
        Reason::TagEnded { at: _, by: Doer::Hand(hand) } | Reason::Untagged { by: Doer::Hand(hand) } => {
            Some(hand)
        }
        _ => None,
    };
    let hand = hand.map(|Hand { by, why, position, now }| HandView {
        by: by.clone(),
        why: why.clone(),
        position: *position,
        now: *now,
    });
    let paused = match reason {
        Reason::Paused { turns, position: _, pause, said } => Some(PausedView {
            behind: pause.behind,
            said: said.map(|(position, _)| position),
            said_now: said.map(|(_, now)| now),
            turns: *turns,
        }),
        _ => None,
    };
    let ground = match reason {
        Reason::Withdrawn { cause: _, state: _, ground } => ground.as_ref().map(|record| record.position),
        _ => None,
    };
    ReasonView { code: reason.code(), text: sentence(reason, state, clock), hand, paused, ground }
}

fn view(line: &Line, state: &FoldState, clock: Clock<'_>) -> LineView {
    let (record, alarm, code, text) = match line {
        Line::Seen(seen) => return of_seen(seen, state, clock),
        Line::Missed(Missed { record, alarm, reason }) => {
            (record, alarm.as_ref(), reason.code(), Some(sentence(reason, state, clock)))
        }
        Line::Act(record) => (record, None, "act", acted(record, clock)),
    };
    let event = record.entry.event().filter(|_| alarm.is_none());
    LineView {
        position: record.position,
        now: alarm.map_or(record.now, |Rung { key: _, due }| *due),
        fact: event.map(|event| named(&event.fact)),
        alarm: alarm.map(|Rung { key, due: _ }| key.clone()),
        shown: false,
        code: Some(code),
        text,
        version: None,
        bound_at: None,
        decisions: Vec::new(),
        memory_before: None,
        memory_after: None,
        fuel: None,
    }
}

/// `untag buyer, by li: she asked for it`.
fn acted(record: &Record, clock: Clock<'_>) -> Option<String> {
    let Entry::Act(OperatorAct { id: _, by, why, deed }) = &record.entry else { return None };
    let what = match deed {
        Deed::Tag(HandTag { customer: _, name, expires }) => {
            decided(&Change::Tag(NewTag { name: name.clone(), expires: *expires }), clock)
        }
        Deed::Untag(HandUntag { customer: _, name }) => format!("untag {name}"),
        Deed::Propose(Proposal { customer: _, binding, intent }) => {
            format!("propose {}: {} of {binding}", intent.key, intent.scene)
        }
        // Those change who is who, and stand in nobody's timeline.
        Deed::Join(_)
        | Deed::Split(_)
        | Deed::Retract(_)
        | Deed::Erase(_)
        | Deed::Attest(_)
        | Deed::Retry(_)
        | Deed::Drop(_)
        | Deed::Grant(_)
        | Deed::Configure(_) => return None,
    };
    Some(format!("{what}, by {by}: {why}"))
}

fn of_seen(seen: &Seen, state: &FoldState, clock: Clock<'_>) -> LineView {
    let Seen { shown, record, version, again } = seen;
    let Shown { position, now, alarm, before, outcome, fuel, .. } = shown;
    let (code, text, after) = match outcome {
        // It changed nothing.
        TurnOutcome::Fault { kind, text } => {
            (Some("fault"), Some(format!("{kind}: {text}")), before.as_deref())
        }
        TurnOutcome::Verdict(Verdict { decisions: _, memory }) => {
            let text = again.map(|since| {
                format!("folded again: the version that decided is in force since position {since}")
            });
            (again.map(|_| "before-policy"), text, memory.as_deref())
        }
    };
    let event = record.as_ref().and_then(|record| record.entry.event());
    let place = version.and_then(|version| usize::try_from(version).ok());
    LineView {
        position: *position,
        now: *now,
        fact: event.filter(|_| alarm.is_none()).map(|event| named(&event.fact)),
        alarm: alarm.clone(),
        shown: true,
        code,
        text,
        version: *version,
        bound_at: place.and_then(|place| state.versions.get(place)).map(|version| version.since),
        decisions: shown.changes().map(|decision| decision_view(decision, clock)).collect(),
        memory_before: before.as_deref().map(memory),
        memory_after: after.map(memory),
        fuel: *fuel,
    }
}

fn decision_view(decision: &Decision, clock: Clock<'_>) -> DecisionView {
    let Decision { why, change } = decision;
    DecisionView { what: decided(change, clock), why: why.clone() }
}

fn memory(bytes: &[u8]) -> MemoryView {
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    MemoryView { hex, bytes: bytes.len() }
}

/// `bought.paid`, as a policy's `wants` names it.
fn named(fact: &Fact) -> String {
    match fact.kind() {
        Some(kind) => format!("{}.{kind}", fact.name()),
        None => fact.name().to_owned(),
    }
}

/// What a decision changes, in a few words.
#[must_use]
pub fn decided(change: &Change, clock: Clock<'_>) -> String {
    match change {
        Change::Tag(NewTag { name, expires: None }) => format!("tag {name}"),
        Change::Tag(NewTag { name, expires: Some(expires) }) => {
            format!("tag {name} until {}", clock(*expires))
        }
        Change::Untag(name) => format!("untag {name}"),
        Change::Stage(Stage { journey, stage }) => format!("stage {journey}={stage}"),
        Change::Put(Trait { name, value }) => format!("trait {name}={}", text_of(value, clock)),
        Change::Wake(Wake { key, due }) => format!("wake {key} at {}", clock(*due)),
        Change::Quiet(key) => format!("quiet {key}"),
        Change::Intend(Intent { key, scene, .. }) => format!("intend {key}: {scene}"),
        Change::Tell(event) => format!("tell of another: {}", named(&event.fact)),
        Change::AskStaff(StaffTask { title, due: _ }) => format!("ask staff: {title}"),
    }
}

fn text_of(value: &Value, clock: Clock<'_>) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
        Value::Time(time) => clock(*time),
    }
}
