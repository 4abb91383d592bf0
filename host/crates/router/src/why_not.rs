//! Why something is not so: her past folded again, watched, with what a policy was shown, what it was not, and why.
//!
//! Start with [`why_not`]. The reasons are given in the order in which they answer the question: the first one is the answer.
//!
//! Knows no words for people: those are the caller's.

mod fate;
mod life;
mod paused;
mod withdrawn;

use std::sync::Arc;

use model::{
    Binding, Cause, Change, Conflict, Customer, CustomerId, Entry, FoldState, Instant, IntentState, Pause,
    Position, Record, name_matches,
};
use store::Standing;

use crate::pauses::{self, Pauses};
use crate::{Plugins, RouterError, Shown, Slice, Tracing, Walk, staff_task};
use life::Life;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Her id, also one that is another's now.
    pub customer: CustomerId,
    /// The policy's name in the configuration.
    pub policy: String,
    /// None: only how the policy's turns went.
    pub target: Option<Target>,
}

/// What is not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Tag(String),
    /// Any stage of the journey, or this one.
    Stage {
        journey: String,
        stage: Option<String>,
    },
    /// By its key.
    Intent(String),
}

/// Why it is not so. [`Reason::code`] names each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is so. This cause says why; and this operator, where it was given by hand.
    Holds { cause: Cause, hand: Option<Hand> },
    /// The policy may not decide that: none of these is it.
    Undeclared { declared: Vec<String> },
    /// It was so until the moment after which `gone` was one with her; folded again as one, it was not decided.
    MergedAway { gone: CustomerId, who: CustomerId, position: Position },
    /// It was intended, and is not any more: her past was folded again at the record `ground`, and nothing intended it then. It
    /// had come as far as `state`.
    Withdrawn { cause: Cause, state: IntentState, ground: Option<Box<Record>> },
    /// The tag was held and its time is over.
    TagEnded { at: Instant, by: Doer },
    /// This turn, or this operator, took the tag away.
    Untagged { by: Doer },
    /// This turn moved her on.
    StageMoved { to: String, by: Turned },
    /// The policy failed at this turn, which changed nothing.
    Fault { by: Turned, kind: String, text: String },
    /// A record that names one of her handles is another's.
    NotHers { position: Position, whose: Option<CustomerId>, conflict: Option<Conflict> },
    /// What was told of her at this position counts no longer, because of the record at `cause`.
    CountedNoLonger { position: Position, cause: Position },
    /// The record, or the turn, is older than the version of the policy that is in force.
    BeforePolicy { position: Position, version: u32, since: Position, what: Before },
    /// The policy is paused, and was not shown this record; of the policy as a whole: so many turns, this one first. `said` is
    /// the setup that pauses it, which stands behind what it covers.
    Paused { turns: u64, position: Position, pause: Pause, said: Option<(Position, Instant)> },
    /// The policy was shown turns and decided something else. The last one.
    DecidedOtherwise { turns: u64, last: Turned },
    /// The policy wants none of these facts.
    NotWanted { facts: Vec<String>, wants: Vec<String> },
    /// The policy was shown nothing of her: it is not in force there, or she has nothing that it could have been shown.
    NoTurns { unbound: bool },
}

/// What being older than the version meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The version carried on with the memories of the one before, which decided.
    Carried,
    /// The version that was in force did not want the record.
    Unseen,
    /// It was intended while her past was folded again: nothing is sent for the past.
    Past,
}

/// Which turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    pub policy: String,
    pub position: Position,
    pub now: Instant,
    pub alarm: Option<String>,
    /// The policy's own words, where they are of one decision.
    pub why: String,
}

/// What an operator did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    pub by: String,
    pub why: String,
    pub position: Position,
    pub now: Instant,
}

/// Who gave something, or took it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doer {
    Turn(Turned),
    Hand(Hand),
}

/// A turn that the policy was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub shown: Shown,
    /// The happening's record; for an alarm, the one at which it was asked for.
    pub record: Option<Record>,
    /// The version that decided.
    pub version: Option<u32>,
    /// The version is younger than the record, which it was shown when her past was folded again: since when it is in force.
    pub again: Option<Position>,
}

/// A record, or an alarm, that the policy was not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// For an alarm, the one at which it was asked for.
    pub record: Record,
    pub alarm: Option<Rung>,
    pub reason: Reason,
}

/// An alarm whose time came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    pub key: String,
    pub due: Instant,
}

/// One line of her life for one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Seen(Seen),
    Missed(Missed),
    /// What an operator did for her, which no policy is shown.
    Act(Record),
}

#[derive(Clone, Debug)]
pub struct WhyNot {
    /// As she is where the fold stands.
    pub customer: Customer,
    pub standing: Standing,
    pub state: FoldState,
    /// In the order of time.
    pub lines: Vec<Line>,
    /// The first one is the answer.
    pub reasons: Vec<Reason>,
}

impl Reason {
    /// A stable word for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Reason::Holds { .. } => "holds",
            Reason::Undeclared { .. } => "undeclared",
            Reason::MergedAway { .. } => "merged-away",
            Reason::Withdrawn { .. } => "withdrawn",
            Reason::TagEnded { .. } => "tag-ended",
            Reason::Untagged { .. } => "untagged",
            Reason::StageMoved { .. } => "stage-moved",
            Reason::Fault { .. } => "fault",
            Reason::NotHers { .. } => "not-hers",
            Reason::CountedNoLonger { .. } => "counted-no-longer",
            Reason::BeforePolicy { .. } => "before-policy",
            Reason::Paused { .. } => "paused",
            Reason::DecidedOtherwise { .. } => "decided-otherwise",
            Reason::NotWanted { .. } => "not-wanted",
            Reason::NoTurns { .. } => "no-turns",
        }
    }
}

impl Hand {
    /// None: the record is no act.
    fn of(record: &Record) -> Option<Hand> {
        let Record { position, now, entry } = record;
        let Entry::Act(act) = entry else { return None };
        Some(Hand { by: act.by.clone(), why: act.why.clone(), position: *position, now: *now })
    }
}

impl Target {
    /// Of `JOURNEY`, or of `JOURNEY=STAGE`.
    #[must_use]
    pub fn stage(text: &str) -> Target {
        match text.split_once('=') {
            Some((journey, stage)) => {
                Target::Stage { journey: journey.to_owned(), stage: Some(stage.to_owned()) }
            }
            None => Target::Stage { journey: text.to_owned(), stage: None },
        }
    }

    fn touches(&self, change: &Change) -> bool {
        match (self, change) {
            (Target::Tag(name), Change::Tag(tag)) => tag.name == *name,
            (Target::Tag(name), Change::Untag(tag)) => tag == name,
            (Target::Stage { journey, .. }, Change::Stage(stage)) => stage.journey == *journey,
            (Target::Intent(key), Change::Intend(intent)) => intent.key == *key,
            (Target::Intent(key), Change::AskStaff(task)) => staff_task::key(task) == *key,
            _ => false,
        }
    }

    /// Why it is so, where it is. An intent is of this policy; one of the past is none, nor is one that nothing intends any more.
    #[must_use]
    pub fn cause(&self, customer: &Customer, policy: &str) -> Option<Cause> {
        match self {
            Target::Tag(name) => customer.tag(name).map(|tag| tag.cause.clone()),
            Target::Stage { journey, stage } => {
                let is = |held: &&model::HeldStage| {
                    held.journey == *journey && stage.as_ref().is_none_or(|stage| held.stage == *stage)
                };
                customer.stages.iter().find(is).map(|held| held.cause.clone())
            }
            Target::Intent(key) => {
                let is = |held: &&model::HeldIntent| {
                    held.binding == policy
                        && held.intent.key == *key
                        && held.state != IntentState::Past
                        && !held.unfounded
                };
                customer.intents.iter().find(is).map(|held| held.cause.clone())
            }
        }
    }

    fn undeclared(&self, binding: &Binding) -> Option<Reason> {
        let (name, declared) = match self {
            Target::Tag(name) => (name, &binding.descriptor.tags),
            Target::Stage { journey, .. } => (journey, &binding.descriptor.journeys),
            Target::Intent(_) => return None,
        };
        let allowed = declared.iter().any(|pattern| name_matches(pattern, name));
        (!allowed).then(|| Reason::Undeclared { declared: declared.clone() })
    }
}

/// Folds the slice again up to `upto`, with every turn of the policy watched and metered. None: nobody has this id there.
///
/// # Errors
/// [`RouterError::Unbound`] if no policy of that name is in force there; others as any fold.
pub fn why_not(
    slice: &Arc<Slice>,
    plugins: &Arc<dyn Plugins>,
    upto: Standing,
    question: &Question,
) -> Result<Option<WhyNot>, RouterError> {
    let Question { customer, policy, target } = question;
    let touches = target.clone();
    let also = move |change: &Change| touches.as_ref().is_some_and(|target| target.touches(change));
    let tracing = Arc::new(Tracing::with(Arc::clone(plugins), policy, true, Box::new(also)));
    let mut walk = Walk::begin(slice, tracing.clone())?;
    walk.to(upto)?;
    let refolded = walk.refolded()?;
    let Some(customer) = refolded.customer(*customer)? else { return Ok(None) };
    let bound = &refolded.state.setup.policies;
    let Some(binding) = bound.iter().find(|binding| binding.name == *policy) else {
        return unbound(slice, refolded.standing, &refolded.state, customer, policy).map(Some);
    };
    let (store, state) = (&*refolded.store, &refolded.state);
    let pauses = Pauses::of(&state.setup, &pauses::ahead(&**slice, refolded.standing.position)?);
    let (pausing, target) = (paused::pausing(slice, policy)?, target.as_ref());
    let life = Life { slice, store, state, binding, pauses, pausing, customer: &customer, target, upto };
    let last = life.present(tracing.last(&customer));
    let lines = life.lines(&last)?;
    let reasons = life.reasons(plugins, &last, &lines)?;
    let (standing, state) = (refolded.standing, refolded.state.clone());
    Ok(Some(WhyNot { customer, standing, state, lines, reasons }))
}

/// The policy is not in force there. Was it, or will it be?
fn unbound(
    slice: &Slice,
    standing: Standing,
    state: &FoldState,
    customer: Customer,
    policy: &str,
) -> Result<WhyNot, RouterError> {
    let binds = |record: &Record| {
        let setup = record.entry.setup();
        setup.is_some_and(|setup| setup.policies.iter().any(|binding| binding.name == policy))
    };
    if !slice.records().any(binds) {
        let bound = state.setup.policies.iter().map(|binding| binding.name.clone()).collect();
        return Err(RouterError::Unbound { policy: policy.to_owned(), bound });
    }
    let reasons = vec![Reason::NoTurns { unbound: true }];
    Ok(WhyNot { customer, standing, state: state.clone(), lines: Vec::new(), reasons })
}
