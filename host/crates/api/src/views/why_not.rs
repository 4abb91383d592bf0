//! Why something is not so: the turns of a policy in lines, and the answer in a sentence.

use model::{
    Change, Decision, Fact, FoldState, Instant, Intent, NewTag, Position, StaffTask, Stage, Trait, Value,
    Verdict, Wake,
};
use router::{Before, Line, Missed, Reason, Seen, Shown, Target, TurnOutcome, Turned};
use serde::Serialize;

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
}

/// A turn of the policy, or a record of hers that it was not shown.
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
    /// Why it was not; `fault` where the policy failed at it; `before-policy` where it is older than the version that decided,
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
    let reason =
        |reason: &Reason| ReasonView { code: reason.code(), text: sentence(reason, &answer.state, clock) };
    let reasons: Vec<ReasonView> = answer.reasons.iter().map(reason).collect();
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

fn view(line: &Line, state: &FoldState, clock: Clock<'_>) -> LineView {
    match line {
        Line::Seen(seen) => of_seen(seen, state, clock),
        Line::Missed(Missed { record, reason }) => LineView {
            position: record.position,
            now: record.now,
            fact: record.entry.event().map(|event| named(&event.fact)),
            alarm: None,
            shown: false,
            code: Some(reason.code()),
            text: Some(sentence(reason, state, clock)),
            version: None,
            bound_at: None,
            decisions: Vec::new(),
            memory_before: None,
            memory_after: None,
            fuel: None,
        },
    }
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

/// A reason for people.
#[must_use]
pub fn sentence(reason: &Reason, state: &FoldState, clock: Clock<'_>) -> String {
    match reason {
        Reason::Holds { cause } => {
            let by = policy(state, cause.version).map(|policy| format!(" by {policy}")).unwrap_or_default();
            format!(
                "it is so since position {}, {}{by}: {}; `why` tells more",
                cause.position,
                clock(cause.now),
                cause.why
            )
        }
        Reason::Undeclared { declared } => {
            let declared = listed(declared);
            format!("the policy may not decide that: its component declares {declared}")
        }
        Reason::MergedAway { gone, who, position } => format!(
            "{who} had it until position {position}, which made {gone} one with her: their records, folded again as one \
             person's, did not lead to it"
        ),
        Reason::TagEnded { at, by } => {
            format!("it was given {} and ended {}", turn(by, clock), clock(*at))
        }
        Reason::Untagged { by } => format!("it was taken away {}", turn(by, clock)),
        Reason::StageMoved { to, by } => format!("she moved on to {to} {}", turn(by, clock)),
        Reason::Fault { by, kind, text } => {
            format!("the policy failed {}, which changed nothing: {kind}: {text}", turn(by, clock))
        }
        Reason::NotHers { position, whose, conflict } => {
            not_hers(*position, whose.as_ref(), conflict.as_ref())
        }
        Reason::CountedNoLonger { position, cause } => format!(
            "what was told of her at position {position} counts no longer, because position {cause} changed who told it, \
             or what they tell"
        ),
        Reason::BeforePolicy { position, version, since, what } => before(*position, *version, *since, *what),
        Reason::DecidedOtherwise { turns, last } => format!(
            "the policy was shown {turns} turn(s) of hers and decided something else; the last one {}",
            turn(last, clock)
        ),
        Reason::NotWanted { facts, wants } => {
            format!("the policy does not want {}: its component wants {}", facts.join(", "), listed(wants))
        }
        Reason::NoTurns { unbound: true } => "the policy is not in force there".to_owned(),
        Reason::NoTurns { unbound: false } => "she has no record that a policy could be shown".to_owned(),
    }
}

fn policy(state: &FoldState, version: Option<u32>) -> Option<&str> {
    let place = usize::try_from(version?).ok()?;
    state.versions.get(place).map(|version| version.binding.as_str())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// `at position 5, 2026-…, by repurchase ("an order was paid")`.
fn turn(turned: &Turned, clock: Clock<'_>) -> String {
    let Turned { policy, position, now, alarm, why } = turned;
    let alarm = alarm.as_ref().map(|key| format!(" by the alarm {key},")).unwrap_or_default();
    let why = if why.is_empty() { String::new() } else { format!(" (\"{why}\")") };
    format!("at position {position},{alarm} {}, by {policy}{why}", clock(*now))
}

fn not_hers(
    position: Position,
    whose: Option<&model::CustomerId>,
    conflict: Option<&model::Conflict>,
) -> String {
    let whose = whose.map_or_else(|| "another person's".to_owned(), |whose| format!("{whose}'s"));
    let why = match conflict {
        Some(conflict) => {
            let model::Identity { scheme, scope, value } = &conflict.handle;
            format!(
                "it names {scheme}:{scope}:{value}, and the two have different values of {}",
                conflict.scheme
            )
        }
        None => "a handle on it was theirs then, or an operator divided them".to_owned(),
    };
    format!("the record at position {position} names a handle of hers and is {whose}: {why}")
}

fn before(position: Position, version: u32, since: Position, what: Before) -> String {
    match what {
        Before::Carried => format!(
            "version {version}, in force since position {since}, carried on and has not been shown anything of hers: an \
             earlier version decided, the last time at position {position}"
        ),
        Before::Unseen => format!(
            "the record at position {position} is older than version {version}, in force since position {since}, which \
             carried on; the one before did not want it"
        ),
        Before::Past => format!(
            "it was decided for position {position} when her past was folded again by version {version}, in force since \
             position {since}: nothing is sent for the past"
        ),
    }
}
