//! What an act would change: everybody concerned is folded twice, without it and with it, and the two are compared.
//!
//! Pure: nothing is appended but to the scratch journals, and no policy is asked but as the fold asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use journal::{Batch, Records};
use model::{
    Corrections, Customer, CustomerId, Deed, Entry, FoldState, HeldIntent, HeldStage, HeldTag, HeldTrait,
    Identity, IntentState, Note, OperatorAct, Position, Record, Retract, Source, Told,
};
use store::{Query, Standing, Store};

use crate::correct::Judge;
use crate::{Plugins, Refolded, RouterError, Slice, refold};

/// People who are compared, at most: each one's records are read and folded twice.
const PEOPLE_MAX: usize = 500;

/// How often those are added of whom the others tell something else. Each time everybody is folded again.
const ROUNDS_MAX: usize = 4;

/// What an act changes where the store stands.
#[derive(Clone, Debug)]
pub struct Report {
    pub standing: Standing,
    /// Who, folded again without the act, is not as the store has them: of these it tells what the refolds say.
    pub disagrees: Vec<CustomerId>,
    /// Intents that the store keeps from a time when she was one with somebody who was taken back: the refolds do not know
    /// them, and it says nothing of them.
    pub unseen: Vec<String>,
    /// More people are concerned than were looked at.
    pub incomplete: bool,
    /// Who is another with the act than without it, by id.
    pub people: Vec<Difference>,
    /// By customer.
    pub intents: Vec<IntentChange>,
    /// What policies told of others, and tell no longer, or only then.
    pub told: Vec<ToldChange>,
    /// What a person must look at then, and what not any more.
    pub notes: Vec<Note>,
    pub notes_gone: Vec<Note>,
    /// The versions behind the causes.
    pub state: FoldState,
}

/// One customer without the act and with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub id: CustomerId,
    pub fate: Fate,
    pub handles_gained: Vec<HandleMove>,
    pub handles_lost: Vec<HandleMove>,
    /// Records that are hers then, and those that are not any more.
    pub records_gained: usize,
    pub records_lost: usize,
    pub tags_gained: Vec<HeldTag>,
    /// With the reasons for which she had them.
    pub tags_lost: Vec<HeldTag>,
    pub stages: Vec<StageChange>,
    pub traits: Vec<TraitChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// She is there with the act alone. Whoever she was before is named, if somebody.
    Appears {
        from: Option<CustomerId>,
    },
    /// She is there without the act alone. Whoever she is then is named, if somebody.
    Vanishes {
        into: Option<CustomerId>,
    },
    Changes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleMove {
    pub identity: Identity,
    /// Whose it was, where she gains it; whose it is, where she loses it.
    pub other: Option<CustomerId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageChange {
    pub journey: String,
    pub before: Option<HeldStage>,
    pub after: Option<HeldStage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraitChange {
    pub name: String,
    pub before: Option<HeldTrait>,
    pub after: Option<HeldTrait>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentChange {
    pub fate: IntentFate,
    /// Whose it was, and whose it is. None: nobody's.
    pub before: Option<CustomerId>,
    pub after: Option<CustomerId>,
    /// As it is without the act; as it is with it where it is new.
    pub held: HeldIntent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntentFate {
    /// It went out, and with the act it would not have been sent.
    WouldNotHaveBeenSent,
    /// It had not gone out, and will not.
    Withdrawn,
    /// It was not intended any more, and is again.
    IntendedAgain,
    /// It is intended then, and will be judged.
    New,
    /// It went out, had no ground any more, and is not known of her then: it came of somebody who is erased.
    Forgotten,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldChange {
    pub told: Told,
    /// Does it count with the act?
    pub counts: bool,
    /// The event itself, where the journal has it.
    pub record: Option<Record>,
}

/// What this act would change, said where the store stands.
///
/// # Errors
/// [`RouterError`] as any fold.
pub fn report(
    journal: &Arc<dyn Records>,
    store: &dyn Store,
    plugins: &Arc<dyn Plugins>,
    act: &OperatorAct,
) -> Result<Report, RouterError> {
    let (standing, state) = store.standing()?;
    let judge = Judge { journal: &**journal, store, state: &state };
    let mut people = concerned(&judge, act)?;
    let mut rounds = 0;
    loop {
        rounds += 1;
        let two = Two::fold(journal, store, plugins, &people, standing, act)?;
        // Of whom something else is told is concerned as well.
        let told = two.told()?;
        let rules = judge.rules(&state.corrections);
        let named = told.iter().filter_map(|told| told.record.as_ref()).flat_map(|told| rules.shown(told));
        let named: Vec<Identity> = named.collect();
        let mut outside = judge.owners(named.iter())?;
        outside.sort_unstable();
        outside.dedup();
        outside.retain(|id| !two.sides.before.contains_key(id));
        let incomplete = rounds >= ROUNDS_MAX || two.sides.before.len() + outside.len() > PEOPLE_MAX;
        if outside.is_empty() || incomplete {
            let incomplete = !outside.is_empty();
            let mut report = two.compare(store, standing, &people, told, incomplete)?;
            if !two.means_the_same(&state, act) {
                report.disagrees.extend(&people);
                report.disagrees.sort_unstable();
                report.disagrees.dedup();
            }
            return Ok(report);
        }
        people.extend(outside);
    }
}

/// Whom an act concerns before anything is folded.
fn concerned(judge: &Judge<'_>, act: &OperatorAct) -> Result<Vec<CustomerId>, RouterError> {
    match &act.deed {
        Deed::Propose(proposal) => return Ok(vec![proposal.customer]),
        Deed::Tag(tag) => return Ok(vec![tag.customer]),
        Deed::Untag(untag) => return Ok(vec![untag.customer]),
        Deed::Retry(retry) => return Ok(retry.customer.into_iter().collect()),
        // What it takes is nobody's to read once more.
        Deed::Erase(_) | Deed::Attest(_) | Deed::Drop(_) | Deed::Grant(_) | Deed::Configure(_) => {
            return Ok(Vec::new());
        }
        Deed::Join(_) | Deed::Split(_) | Deed::Retract(_) => {}
    }
    let record = Record { position: Position::MAX, now: 0, entry: Entry::Act(act.clone()) };
    Ok(judge.correction(&record)?.seeds.into_iter().collect())
}

/// What an erasure changes for others: they, as the store has them, and as they are when it is carried out.
pub(crate) fn of_others(
    standing: Standing,
    before: BTreeMap<CustomerId, Customer>,
    after: BTreeMap<CustomerId, Customer>,
    notes: Vec<Note>,
    state: FoldState,
) -> Report {
    let sides = Sides { before, after };
    Report {
        standing,
        disagrees: Vec::new(),
        unseen: Vec::new(),
        incomplete: false,
        people: sides.people(),
        intents: sides.intents(),
        told: Vec::new(),
        notes,
        notes_gone: Vec::new(),
        state,
    }
}

/// The same people without an act and with it.
struct Sides {
    before: BTreeMap<CustomerId, Customer>,
    after: BTreeMap<CustomerId, Customer>,
}

/// One slice, folded twice.
struct Two {
    slice: Arc<Slice>,
    without: Refolded,
    with: Refolded,
    sides: Sides,
}

impl Two {
    fn fold(
        journal: &Arc<dyn Records>,
        store: &dyn Store,
        plugins: &Arc<dyn Plugins>,
        people: &[CustomerId],
        standing: Standing,
        act: &OperatorAct,
    ) -> Result<Two, RouterError> {
        let slice = Arc::new(Slice::of(journal, store, people)?);
        // The act comes after everything that the journal has: what is due by then has fired in both.
        let upto = Standing { fired: standing.fired.max(journal.head()?.now), ..standing };
        let without = refold(&Arc::new(slice.afresh()), Arc::clone(plugins), upto, false)?;
        let entries = vec![Entry::Act(act.clone())];
        slice.append(&[Batch { now: upto.fired, entries, ..Batch::default() }])?;
        let with = refold(&slice, Arc::clone(plugins), upto, true)?;
        let sides = Sides { before: everybody(&without)?, after: everybody(&with)? };
        Ok(Two { slice, without, with, sides })
    }

    /// Does the edge that the act takes back hold in the refold if it holds in the store?
    fn means_the_same(&self, state: &FoldState, act: &OperatorAct) -> bool {
        let Deed::Retract(Retract { edge }) = &act.deed else { return true };
        let (ours, theirs) = (&self.without.state.corrections, &state.corrections);
        let of = |of: &Corrections| {
            let apart = of.apart.iter().find(|apart| apart.position == *edge).cloned();
            let joined = of.joins.iter().any(|joined| joined.position == *edge);
            (apart, joined, of.retracted.binary_search(edge).is_ok())
        };
        of(ours) == of(theirs)
    }

    fn told(&self) -> Result<Vec<ToldChange>, RouterError> {
        let of = |people: &BTreeMap<CustomerId, Customer>| -> BTreeSet<Told> {
            people.values().flat_map(|customer| customer.told.iter().cloned()).collect()
        };
        let (before, after) = (of(&self.sides.before), of(&self.sides.after));
        let mut changes = Vec::new();
        for told in before.symmetric_difference(&after) {
            let position = self.slice.locate(Source::Policy(&told.binding), &told.id)?;
            let record = position.map(|position| self.slice.fetch(&[position])).transpose()?;
            let record = record.and_then(|mut records| records.pop());
            changes.push(ToldChange { told: told.clone(), counts: after.contains(told), record });
        }
        Ok(changes)
    }

    fn compare(
        &self,
        store: &dyn Store,
        standing: Standing,
        people: &[CustomerId],
        told: Vec<ToldChange>,
        incomplete: bool,
    ) -> Result<Report, RouterError> {
        let mut ids: Vec<CustomerId> = self.sides.before.keys().chain(people).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut disagrees, mut unseen) = (Vec::new(), Vec::new());
        let known = intents(&self.sides.before);
        for customer in store.load(&ids)?.into_iter().flatten() {
            if !self.without.agrees(&customer)? && !disagrees.contains(&customer.id) {
                disagrees.push(customer.id);
            }
            let kept = customer.intents.iter().filter(|held| held.state != IntentState::Past);
            unseen.extend(
                kept.filter(|held| !known.contains_key(held.id.as_str())).map(|held| held.id.clone()),
            );
        }
        unseen.sort_unstable();
        unseen.dedup();
        let (people, intents) = (self.sides.people(), self.sides.intents());
        let (notes, notes_gone) = self.notes()?;
        let state = self.with.state.clone();
        Ok(Report {
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
        })
    }

    fn notes(&self) -> Result<(Vec<Note>, Vec<Note>), RouterError> {
        let (before, after) =
            (self.without.store.notes("", usize::MAX)?, self.with.store.notes("", usize::MAX)?);
        let only = |these: &[Note], those: &[Note]| -> Vec<Note> {
            let known: BTreeSet<String> = those.iter().map(Note::key).collect();
            these.iter().filter(|note| !known.contains(&note.key())).cloned().collect()
        };
        Ok((only(&after, &before), only(&before, &after)))
    }
}

impl Sides {
    /// Who is another on the one side than on the other.
    fn people(&self) -> Vec<Difference> {
        let ids: BTreeSet<CustomerId> = self.before.keys().chain(self.after.keys()).copied().collect();
        ids.into_iter().filter_map(|id| self.difference(id)).collect()
    }

    /// None: she is the same.
    fn difference(&self, id: CustomerId) -> Option<Difference> {
        let (before, after) = (self.before.get(&id), self.after.get(&id));
        let fate = match (before, after) {
            (Some(_), Some(_)) => Fate::Changes,
            (None, _) => Fate::Appears { from: holder(&self.before, id) },
            (_, None) => Fate::Vanishes { into: holder(&self.after, id) },
        };
        let nobody = Customer::new(id, 0);
        let (before, after) = (before.unwrap_or(&nobody), after.unwrap_or(&nobody));
        let positions = |of: &Customer, but: &Customer| {
            of.timeline.iter().filter(|&&position| !but.has(position)).count()
        };
        let difference = Difference {
            id,
            fate,
            handles_gained: moves(after, before, &self.before),
            handles_lost: moves(before, after, &self.after),
            records_gained: positions(after, before),
            records_lost: positions(before, after),
            tags_gained: after.tags.iter().filter(|tag| before.tag(&tag.name).is_none()).cloned().collect(),
            tags_lost: before.tags.iter().filter(|tag| after.tag(&tag.name).is_none()).cloned().collect(),
            stages: stages(before, after),
            traits: traits(before, after),
        };
        let same = difference.fate == Fate::Changes
            && difference.handles_gained.is_empty()
            && difference.handles_lost.is_empty()
            && (difference.records_gained, difference.records_lost) == (0, 0)
            && difference.tags_gained.is_empty()
            && difference.tags_lost.is_empty()
            && difference.stages.is_empty()
            && difference.traits.is_empty();
        (!same).then_some(difference)
    }

    fn intents(&self) -> Vec<IntentChange> {
        let (before, after) = (intents(&self.before), intents(&self.after));
        let mut changes = Vec::new();
        for (id, &(whose, held)) in &before {
            let is = after.get(id);
            let is_intended = is.is_some_and(|(_, held)| !held.unfounded);
            let fate = match (held.unfounded, is_intended) {
                (false, false) if held.state.went_out() => IntentFate::WouldNotHaveBeenSent,
                (false, false) if !held.state.is_final() => IntentFate::Withdrawn,
                (true, true) => IntentFate::IntendedAgain,
                (true, false) if is.is_none() && held.state.went_out() => IntentFate::Forgotten,
                (false, false) | (false, true) | (true, false) => continue,
            };
            let after = is.map(|&(whose, _)| whose);
            changes.push(IntentChange { fate, before: Some(whose), after, held: held.clone() });
        }
        for (id, &(whose, held)) in &after {
            if !before.contains_key(id) && !held.unfounded {
                let (fate, before, after) = (IntentFate::New, None, Some(whose));
                changes.push(IntentChange { fate, before, after, held: held.clone() });
            }
        }
        changes.sort_by(|a, b| {
            (a.fate, a.before, a.after, &a.held.id).cmp(&(b.fate, b.before, b.after, &b.held.id))
        });
        changes
    }
}

fn everybody(refolded: &Refolded) -> Result<BTreeMap<CustomerId, Customer>, RouterError> {
    let all = refolded.store.page(&Query { limit: usize::MAX, ..Query::default() })?;
    Ok(all.into_iter().map(|customer| (customer.id, customer)).collect())
}

/// Who has the record that a customer is named after.
fn holder(people: &BTreeMap<CustomerId, Customer>, named: CustomerId) -> Option<CustomerId> {
    people.values().find(|customer| customer.has(named.0)).map(|customer| customer.id)
}

/// What may still reach somebody, or did, by id. What was decided for a past that was folded again never does.
fn intents(people: &BTreeMap<CustomerId, Customer>) -> BTreeMap<&str, (CustomerId, &HeldIntent)> {
    let of = |customer: &'_ Customer| customer.id;
    let all =
        people.values().flat_map(|customer| customer.intents.iter().map(move |held| (of(customer), held)));
    all.filter(|(_, held)| held.state != IntentState::Past)
        .map(|(whose, held)| (held.id.as_str(), (whose, held)))
        .collect()
}

/// The handles that `has` has and `has_not` has not, and who has them among the others.
fn moves(has: &Customer, has_not: &Customer, others: &BTreeMap<CustomerId, Customer>) -> Vec<HandleMove> {
    let holds = |customer: &Customer, identity: &Identity| {
        customer.handles.iter().any(|held| held.identity == *identity)
    };
    let moved = has.handles.iter().map(|held| &held.identity).filter(|handle| !holds(has_not, handle));
    moved
        .map(|identity| HandleMove {
            identity: identity.clone(),
            other: others.values().find(|other| holds(other, identity)).map(|other| other.id),
        })
        .collect()
}

fn stages(before: &Customer, after: &Customer) -> Vec<StageChange> {
    let names: BTreeSet<&String> =
        before.stages.iter().chain(&after.stages).map(|held| &held.journey).collect();
    let find = |of: &Customer, name: &str| of.stages.iter().find(|held| held.journey == name).cloned();
    let change = |name: &&String| {
        let (before, after) = (find(before, name), find(after, name));
        let stage = |held: &Option<HeldStage>| held.as_ref().map(|held| held.stage.clone());
        (stage(&before) != stage(&after)).then(|| StageChange { journey: (*name).clone(), before, after })
    };
    names.iter().filter_map(change).collect()
}

fn traits(before: &Customer, after: &Customer) -> Vec<TraitChange> {
    let names: BTreeSet<&String> = before.traits.iter().chain(&after.traits).map(|held| &held.name).collect();
    let find = |of: &Customer, name: &str| of.traits.iter().find(|held| held.name == name).cloned();
    let change = |name: &&String| {
        let (before, after) = (find(before, name), find(after, name));
        let value = |held: &Option<HeldTrait>| held.as_ref().map(|held| held.value.clone());
        (value(&before) != value(&after)).then(|| TraitChange { name: (*name).clone(), before, after })
    };
    names.iter().filter_map(change).collect()
}
