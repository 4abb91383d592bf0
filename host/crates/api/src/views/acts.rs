//! What an act changes, as the API answers it and the command line reads it again: these views are read, too.

use model::{
    Cause, CustomerId, Event, FoldState, HeldIntent, HeldStage, HeldTag, HeldTrait, Instant, IntentState,
    Note, Position, Value,
};
use router::{
    Difference, Erases, Fate, HandleMove, IntentChange, IntentFate, Report, StageChange, ToldChange,
    TraitChange,
};
use serde::{Deserialize, Serialize};

use super::{HandleView, Raw, explain};

/// An act that was carried out, or only looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct ActView {
    pub id: String,
    pub dry_run: bool,
    /// Where it stands in the journal; null if it was only looked at.
    pub position: Option<Position>,
    /// It stood there already, and changes nothing more.
    pub known: bool,
    /// The store has what came of it. If not, it will: the act is durable.
    pub folded: bool,
    pub report: ReportView,
    /// What an erasure takes: then the report is about the others. Null for all other acts.
    pub erases: Option<ErasesView>,
}

/// What became of proposals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedView {
    pub proposed: u64,
    /// Those that stood in the journal before, and change nothing more.
    pub known: u64,
}

/// What is forgotten: how much, and nothing of what it was.
#[derive(Debug, Serialize, Deserialize)]
pub struct ErasesView {
    pub customer: String,
    /// The customers that had become one with her.
    pub merged: Vec<String>,
    pub records: usize,
    pub handles: usize,
    /// Records of others on which a handle of hers stands.
    pub others: usize,
    /// Acts of operators about who she is: their reasons are taken out.
    pub words: usize,
    /// Others who are folded again, because they had to do with her.
    pub folded: usize,
    /// Those of them who are not as they were.
    pub changed: Vec<String>,
    /// A policy that is paused and cannot be called: the others are folded again when it decides again.
    pub waits: Option<String>,
}

impl ErasesView {
    #[must_use]
    pub fn new(erases: &Erases) -> ErasesView {
        let Erases { customer, merged, records, handles, others, words, folded, changed, waits } = erases;
        let (customer, merged) = (customer.to_string(), merged.iter().map(CustomerId::to_string).collect());
        let (records, handles, others, words, folded) = (*records, *handles, *others, *words, *folded);
        let changed = changed.iter().map(CustomerId::to_string).collect();
        ErasesView {
            customer,
            merged,
            records,
            handles,
            others,
            words,
            folded,
            changed,
            waits: waits.clone(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ReportView {
    /// Where the store stood when it was made.
    pub position: Position,
    pub fired: Instant,
    /// Is everybody concerned, folded again without the act, as the store has them?
    pub agrees: bool,
    /// Who is not: of these it tells what folding them again says.
    pub disagrees: Vec<String>,
    /// Intents that it says nothing of: they are from a time when she was one with somebody who was taken back.
    pub unseen: Vec<String>,
    /// Was everybody concerned looked at?
    pub complete: bool,
    pub customers: Vec<DifferenceView>,
    pub intents: Vec<IntentChangeView>,
    pub told: Vec<ToldView>,
    /// What a person must look at then, and what not any more.
    pub notes: Vec<Raw>,
    pub notes_gone: Vec<Raw>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DifferenceView {
    pub id: String,
    /// `appears`, `vanishes` or `changes`.
    pub fate: String,
    /// Who she was, where she appears; who she is, where she vanishes.
    pub other: Option<String>,
    pub handles_gained: Vec<HandleMoveView>,
    pub handles_lost: Vec<HandleMoveView>,
    pub records_gained: usize,
    pub records_lost: usize,
    pub tags_gained: Vec<HeldTagView>,
    pub tags_lost: Vec<HeldTagView>,
    pub stages: Vec<StageChangeView>,
    pub traits: Vec<TraitChangeView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct HandleMoveView {
    pub handle: HandleView,
    /// Whose it was, or is then.
    pub other: Option<String>,
}

/// A cause in short: who decided, when, and the words.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reason {
    pub position: Position,
    pub now: Instant,
    /// Null where a connector told it.
    pub policy: Option<String>,
    pub alarm: Option<String>,
    pub why: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct HeldTagView {
    pub name: String,
    pub since: Instant,
    pub expires: Option<Instant>,
    pub cause: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct StageChangeView {
    pub journey: String,
    pub before: Option<HeldStageView>,
    pub after: Option<HeldStageView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct HeldStageView {
    pub stage: String,
    pub cause: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct TraitChangeView {
    pub name: String,
    pub before: Option<HeldTraitView>,
    pub after: Option<HeldTraitView>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct HeldTraitView {
    pub value: Raw,
    pub cause: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct IntentChangeView {
    /// `would_not_have_been_sent`, `withdrawn`, `intended_again`, `new` or `forgotten`.
    pub fate: String,
    pub id: String,
    /// Whose it was, and whose it is then.
    pub before: Option<String>,
    pub after: Option<String>,
    pub binding: String,
    pub key: String,
    pub scene: String,
    pub state: Raw,
    /// When it was handed over, by whom, and in whose name, where it went out.
    pub went_out: Option<Instant>,
    pub connection: Option<String>,
    pub staff: Option<String>,
    pub cause: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ToldView {
    pub binding: String,
    pub id: String,
    /// Does it count then?
    pub counts: bool,
    /// Null where it is told then for the first time.
    pub position: Option<Position>,
    pub event: Option<Raw>,
}

impl ReportView {
    #[must_use]
    pub fn new(report: &Report) -> ReportView {
        let Report {
            standing,
            disagrees,
            unseen,
            incomplete,
            people,
            intents,
            told,
            notes,
            notes_gone,
            state,
        } = report;
        ReportView {
            position: standing.position,
            fired: standing.fired,
            agrees: disagrees.is_empty(),
            disagrees: disagrees.iter().map(ToString::to_string).collect(),
            unseen: unseen.clone(),
            complete: !incomplete,
            customers: people.iter().map(|one| difference(state, one)).collect(),
            intents: intents.iter().map(|one| intent(state, one)).collect(),
            told: told.iter().map(|one| of_told(one, standing.position)).collect(),
            notes: notes.iter().map(wire::to_raw::<Note>).collect(),
            notes_gone: notes_gone.iter().map(wire::to_raw::<Note>).collect(),
        }
    }
}

fn name(id: Option<CustomerId>) -> Option<String> {
    id.map(|id| id.to_string())
}

fn difference(state: &FoldState, difference: &Difference) -> DifferenceView {
    let Difference {
        id,
        fate,
        handles_gained,
        handles_lost,
        records_gained,
        records_lost,
        tags_gained,
        tags_lost,
        stages,
        traits,
    } = difference;
    let (fate, other) = match fate {
        Fate::Appears { from } => ("appears", name(*from)),
        Fate::Vanishes { into } => ("vanishes", name(*into)),
        Fate::Changes => ("changes", None),
    };
    DifferenceView {
        id: id.to_string(),
        fate: fate.to_owned(),
        other,
        handles_gained: handles_gained.iter().map(moved).collect(),
        handles_lost: handles_lost.iter().map(moved).collect(),
        records_gained: *records_gained,
        records_lost: *records_lost,
        tags_gained: tags_gained.iter().map(|held| tag(state, held)).collect(),
        tags_lost: tags_lost.iter().map(|held| tag(state, held)).collect(),
        stages: stages.iter().map(|change| stage(state, change)).collect(),
        traits: traits.iter().map(|change| of_trait(state, change)).collect(),
    }
}

fn moved(HandleMove { identity, other }: &HandleMove) -> HandleMoveView {
    HandleMoveView { handle: HandleView::new(identity), other: name(*other) }
}

fn reason(state: &FoldState, cause: &Cause) -> Reason {
    let explained = explain(state, cause);
    Reason {
        position: cause.position,
        now: cause.now,
        policy: explained.policy.map(str::to_owned),
        alarm: cause.alarm.clone(),
        why: cause.why.clone(),
    }
}

fn tag(state: &FoldState, HeldTag { name, since, expires, cause }: &HeldTag) -> HeldTagView {
    HeldTagView { name: name.clone(), since: *since, expires: *expires, cause: reason(state, cause) }
}

fn stage(state: &FoldState, StageChange { journey, before, after }: &StageChange) -> StageChangeView {
    let held =
        |held: &HeldStage| HeldStageView { stage: held.stage.clone(), cause: reason(state, &held.cause) };
    let (before, after) = (before.as_ref().map(held), after.as_ref().map(held));
    StageChangeView { journey: journey.clone(), before, after }
}

fn of_trait(state: &FoldState, TraitChange { name, before, after }: &TraitChange) -> TraitChangeView {
    let held = |held: &HeldTrait| HeldTraitView {
        value: wire::to_raw::<Value>(&held.value),
        cause: reason(state, &held.cause),
    };
    let (before, after) = (before.as_ref().map(held), after.as_ref().map(held));
    TraitChangeView { name: name.clone(), before, after }
}

fn intent(state: &FoldState, IntentChange { fate, before, after, held }: &IntentChange) -> IntentChangeView {
    let fate = match fate {
        IntentFate::WouldNotHaveBeenSent => "would_not_have_been_sent",
        IntentFate::Withdrawn => "withdrawn",
        IntentFate::IntendedAgain => "intended_again",
        IntentFate::Forgotten => "forgotten",
        IntentFate::New => "new",
    };
    let HeldIntent { id, binding, intent, state: how_far, cause, steps, reactions: _, unfounded: _ } = held;
    let out = steps.iter().find(|step| step.state.went_out());
    IntentChangeView {
        fate: fate.to_owned(),
        id: id.clone(),
        before: name(*before),
        after: name(*after),
        binding: binding.clone(),
        key: intent.key.clone(),
        scene: intent.scene.clone(),
        state: wire::to_raw::<IntentState>(how_far),
        went_out: out.map(|step| step.now),
        connection: out.and_then(|step| step.connection.clone()),
        staff: out.and_then(|step| step.staff.clone()),
        cause: reason(state, cause),
    }
}

/// One that the journal does not have yet stands behind its end in the refold alone: that place is nobody's.
fn of_told(ToldChange { told, counts, record }: &ToldChange, end: Position) -> ToldView {
    let known = record.as_ref().filter(|record| record.position <= end);
    ToldView {
        binding: told.binding.clone(),
        id: told.id.clone(),
        counts: *counts,
        position: known.map(|record| record.position),
        event: record.as_ref().and_then(|record| record.entry.event()).map(wire::to_raw::<Event>),
    }
}
