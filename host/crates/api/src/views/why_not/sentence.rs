//! A reason in a sentence for people.

use model::{
    Cause, Configured, Entry, FoldState, Instant, IntentState, OperatorAct, Pause, Position, Record,
};
use router::{Before, Doer, Hand, Reason, Turned};

use super::Clock;

/// A reason for people.
#[must_use]
pub fn sentence(reason: &Reason, state: &FoldState, clock: Clock<'_>) -> String {
    match reason {
        Reason::Holds { cause, hand } => holds(cause, hand.as_ref(), state, clock),
        Reason::Undeclared { declared } => {
            let declared = listed(declared);
            format!("the policy may not decide that: its component declares {declared}")
        }
        Reason::MergedAway { gone, who, position } => format!(
            "{who} had it until position {position}, which made {gone} one with her: their records, folded again as one \
             person's, did not lead to it"
        ),
        Reason::TagEnded { at, by } => {
            format!("it was given {} and ended {}", doer(by, clock), clock(*at))
        }
        Reason::Untagged { by } => format!("it was taken away {}", doer(by, clock)),
        Reason::Withdrawn { cause, state, ground } => withdrawn(cause, *state, ground.as_deref(), clock),
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
        Reason::Paused { turns, position, pause, said } => paused(*turns, *position, *pause, *said, clock),
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

fn holds(cause: &Cause, hand: Option<&Hand>, state: &FoldState, clock: Clock<'_>) -> String {
    let Cause { position, now, version, alarm: _, why } = cause;
    let by = match hand {
        Some(_) => " by hand".to_owned(),
        None => policy(state, *version).map(|policy| format!(" by {policy}")).unwrap_or_default(),
    };
    format!("it is so since position {position}, {}{by}: {why}; `why` tells more", clock(*now))
}

fn withdrawn(cause: &Cause, state: IntentState, ground: Option<&Record>, clock: Clock<'_>) -> String {
    let far = if state.went_out() {
        format!("it had gone out: it is {}", state.name())
    } else {
        format!("it is not sent: it was {}", state.name())
    };
    let ground = match ground {
        Some(record) => {
            let (position, now) = (record.position, clock(record.now));
            format!("at position {position}, {now}{}, her past was folded again", because(&record.entry))
        }
        None => "it is not known at which record her past was folded again".to_owned(),
    };
    format!(
        "it was intended at position {}, and nothing intends it any more: {ground}; {far}",
        cause.position
    )
}

/// What had somebody folded again: `, where li changed the configuration: a new version`.
fn because(entry: &Entry) -> String {
    match entry {
        Entry::Configured(Configured { setup: _, by, why }) => {
            format!(", where {by} changed the configuration: {why}")
        }
        Entry::Setup(_) => ", where the configuration changed".to_owned(),
        Entry::Act(OperatorAct { id: _, by, why, deed: _ }) => format!(", an act of {by}: {why}"),
        Entry::Retelling(_) => ", where what was told of her changed".to_owned(),
        Entry::Event(_) | Entry::Derived(_) | Entry::Progress(_) | Entry::Erased(_) => String::new(),
    }
}

fn paused(
    turns: u64,
    position: Position,
    pause: Pause,
    said: Option<(Position, Instant)>,
    clock: Clock<'_>,
) -> String {
    let said = said.map(|(position, now)| format!(", as position {position}, {}, says", clock(now)));
    format!(
        "the policy is paused behind position {}{}, and was not shown {turns} turn(s) of hers, the first at position \
         {position}; it is shown them when it decides again",
        pause.behind,
        said.unwrap_or_default()
    )
}

fn policy(state: &FoldState, version: Option<u32>) -> Option<&str> {
    let place = usize::try_from(version?).ok()?;
    state.versions.get(place).map(|version| version.binding.as_str())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// As [`turn`], or `at position 5, 2026-…, by hand, by li ("she asked for it")`.
fn doer(by: &Doer, clock: Clock<'_>) -> String {
    match by {
        Doer::Turn(turned) => turn(turned, clock),
        Doer::Hand(Hand { by, why, position, now }) => {
            format!("at position {position}, {}, by hand, by {by} (\"{why}\")", clock(*now))
        }
    }
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
