//! Somebody is forgotten: what the journal puts in the place of her records, and what the store loses.
//!
//! A record of hers becomes [`Erased`]: its position, its time and its fingerprint stay, and its handles, where hers are
//! replaced by ones that mean nobody, in every record. They are equal where hers were equal, and until the act they speak as
//! hers did: so whoever folds the journal from the beginning finds that there was somebody, one with whom she was one with and
//! kept apart as she was; asks no policy about her, and forgets her at the act ([`Forgetting`]).
//!
//! What others are may rest on her records: they had been one with her for a while, or name her in a record of theirs. Everybody
//! who may have had to do with her is folded from the beginning, with the journal as it is then, and the store takes what that
//! gives ([`Anew`]). Whom that leaves as they were is not touched.
//! Invariant: what the store has behind the act is what the journal gives behind it.

mod anew;
mod kin;
mod names;
mod plan;

use foldhash::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Records, fingerprint};
use model::{
    Apart, ChannelEvent, Customer, CustomerId, Deed, DerivedEvent, ERASED, Entry, Erase, Erased, Fact,
    FoldState, Identity, Note, OperatorAct, Position, Record,
};
use store::{Commit, Indexed, Standing, Store};

use crate::correct::Judge;
use crate::identity::{Rules, addressee};
use crate::pauses::{self, Pauses};
use crate::{Plugins, Report, RouterConfig, RouterError, report};

pub(crate) use anew::{Anew, fold};
use names::names;
pub(crate) use plan::Plan;

/// Notes that are looked at together.
const PAGE: usize = 1024;

/// Words of a turn's key in front of the alarm's.
const TURN_PARTS: usize = 4;

/// What stands in the place of an act's reason that may have named her.
const NO_REASON: &str = "erased";

/// What an erasure takes: how much, and nothing of what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erases {
    pub customer: CustomerId,
    /// The customers that had become one with her.
    pub merged: Vec<CustomerId>,
    pub records: usize,
    pub handles: usize,
    /// Records of others on which a handle of hers stands.
    pub others: usize,
    /// Acts of operators about who she is: their reasons go.
    pub words: usize,
    /// Others who are folded again, because they had to do with her.
    pub folded: usize,
    /// Those of them who are not as they were.
    pub changed: Vec<CustomerId>,
    /// A policy that is paused and cannot be called: the others are folded again when it decides again, and nothing is said
    /// of them before.
    pub waits: Option<String>,
}

/// What the erasure of this customer would take, and what it would change for others. None: there is nobody of this name.
///
/// # Errors
/// [`RouterError`] as any fold.
pub(crate) fn look(
    journal: &Arc<dyn Records>,
    store: &dyn Store,
    plugins: &Arc<dyn Plugins>,
    act: &OperatorAct,
    erase: &Erase,
) -> Result<Option<(Erases, Report)>, RouterError> {
    let (standing, state) = store.standing()?;
    let judge = Judge { journal: &**journal, store, state: &state };
    // As if it stood behind what is folded, and nobody waited for any alarm.
    let position = standing.position.saturating_add(1);
    let record = Record { position, now: standing.fired, entry: Entry::Act(act.clone()) };
    let Some(plan) = Plan::of(&judge, &record, erase.customer)? else { return Ok(None) };
    let to = Standing { position, ..standing };
    let (report, folded, changed, waits) =
        match fold(&plan, journal, plugins, RouterConfig::default(), to, None) {
            Err(RouterError::Plugins(error)) if is_paused(&**journal, &state, &error.binding, position)? => {
                let nobody = || (BTreeMap::new(), BTreeMap::new());
                let ((before, after), notes) = (nobody(), Vec::new());
                (
                    report::of_others(standing, before, after, notes, state.clone()),
                    0,
                    Vec::new(),
                    Some(error.binding),
                )
            }
            folded => {
                let anew = Anew::of(&plan, store, &folded?, &state)?;
                let (before, after) = anew.others();
                let (others, changed) = (before.len(), anew.changed());
                let report = report::of_others(standing, before, after, anew.notes(), anew.state);
                (report, others, changed, None)
            }
        };
    let Plan { customer, owned, .. } = plan;
    let (records, others, words) = plan.counts;
    let handles = owned.len();
    let (id, merged) = (customer.id, customer.merged);
    let erases = Erases { customer: id, merged, records, handles, others, words, folded, changed, waits };
    Ok(Some((erases, report)))
}

fn is_paused(
    journal: &dyn Records,
    state: &FoldState,
    policy: &str,
    position: Position,
) -> Result<bool, RouterError> {
    let ahead = pauses::ahead(journal, position.saturating_sub(1))?;
    Ok(Pauses::of(&state.setup, &ahead).is_paused(&state.setup, policy, position))
}

/// The texts by which whatever waits in the journal names this customer: what an erasure would look for.
///
/// # Errors
/// [`RouterError`] if journal or store cannot be read.
pub fn waiting_names(
    journal: &dyn Records,
    store: &dyn Store,
    customer: &Customer,
) -> Result<Vec<String>, RouterError> {
    let (_, state) = store.standing()?;
    let (_, alone) = owned(&Judge { journal, store, state: &state }, customer)?;
    Ok(names(alone.iter()))
}

/// What the store loses, where the journal has forgotten her already.
pub(crate) struct Forgetting {
    /// What the fold knows from here on.
    pub(crate) state: FoldState,
    customer: Customer,
    /// Her handles. A rotating one that is another's now is not.
    owned: Vec<Identity>,
    before: Indexed,
    note: Note,
    notes_gone: Vec<String>,
}

impl Forgetting {
    /// None: there is nobody of this name; or nobody who was erased, because the journal's rules of who is who were others
    /// when she was.
    pub(crate) fn of(
        judge: &Judge<'_>,
        record: &Record,
        id: CustomerId,
    ) -> Result<Option<Forgetting>, RouterError> {
        let Some(customer) = judge.store.load(&[id])?.pop().flatten() else { return Ok(None) };
        let is_erased = |record: &Record| matches!(record.entry, Entry::Erased(_));
        if !judge.journal.fetch(&customer.timeline)?.iter().all(is_erased) {
            return Ok(None);
        }
        Forgetting::just(judge, record, customer).map(Some)
    }

    /// Her alone, whatever the others would be without her.
    pub(crate) fn just(
        judge: &Judge<'_>,
        record: &Record,
        customer: Customer,
    ) -> Result<Forgetting, RouterError> {
        let rules = judge.rules(&judge.state.corrections);
        let (owned, alone_hers) = owned(judge, &customer)?;
        let hers = Hers::new(&rules, &customer, &alone_hers, record.position);
        let mut state = judge.state.clone();
        state.alone.push(record.position);
        hers.correct(&mut state);
        let notes_gone = hers.notes(judge.store)?.iter().map(Note::key).collect();
        let note = Note::Erasure(model::Erasure {
            position: record.position,
            now: record.now,
            customer: customer.id,
            merged: customer.merged.clone(),
            records: customer.timeline.len() as u64,
        });
        let before = Indexed::of(&customer);
        Ok(Forgetting { state, customer, owned, before, note, notes_gone })
    }

    pub(crate) fn commit(&self, from: Standing, to: Standing) -> Commit<'_> {
        Commit {
            from,
            to,
            unmerged: self.customer.merged.clone(),
            vanished: vec![(self.customer.id, &self.before)],
            handles_gone: self.owned.iter().collect(),
            notes_gone: self.notes_gone.clone(),
            notes: vec![self.note.clone()],
            state: Some(&self.state),
            scrub: true,
            ..Commit::default()
        }
    }
}

/// Whom it is about.
struct Hers<'a> {
    rules: &'a Rules<'a>,
    customer: &'a Customer,
    act: Position,
    /// What stands for each of her handles.
    instead: HashMap<&'a Identity, Identity>,
    /// The texts by which operators' words and whatever waits name her.
    names: Vec<String>,
    /// The keys of the notes on turns of hers at which a policy fails. Empty where nobody asks for them.
    turns: Vec<String>,
}

impl<'a> Hers<'a> {
    fn new(
        rules: &'a Rules<'a>,
        customer: &'a Customer,
        owned: &'a [Identity],
        position: Position,
    ) -> Hers<'a> {
        let instead = owned.iter().enumerate().map(|(place, handle)| {
            let Identity { scheme, scope, value } = handle;
            // One that was erased before stays: the journal has it.
            let value = match value.strip_prefix(ERASED) {
                Some(_) => value.clone(),
                None => format!("{ERASED}{position}:{place}"),
            };
            (handle, Identity { scheme: scheme.clone(), scope: scope.clone(), value })
        });
        let (names, turns) = (names(owned.iter()), Vec::new());
        Hers { rules, customer, act: position, instead: instead.collect(), names, turns }
    }

    fn named(&self, identity: &Identity) -> Option<&Identity> {
        self.rules.comparable(identity).and_then(|handle| self.instead.get(&handle))
    }

    fn erased(&self, record: &Record) -> Erased {
        let shown = self.rules.shown(record).into_iter();
        let who = shown.map(|handle| self.instead.get(&handle).cloned().unwrap_or(handle)).collect();
        let cause = match &record.entry {
            Entry::Derived(derived) => Some(derived.cause),
            Entry::Progress(progress) => Some(progress.cause),
            Entry::Event(_)
            | Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Act(_)
            | Entry::Erased(_) => None,
        };
        Erased {
            who,
            of: addressee(&record.entry),
            act: self.act,
            cause,
            fingerprint: fingerprint(&record.entry),
        }
    }

    /// Takes her out of a record: all that it says where it is hers, and her handles where it is another's. Is it another then?
    fn forget(&self, record: &mut Record) -> bool {
        if self.customer.has(record.position) {
            let is_another = !matches!(record.entry, Entry::Erased(_));
            if is_another {
                record.entry = Entry::Erased(self.erased(record));
            }
            return is_another;
        }
        if let Entry::Act(act) = &mut record.entry { self.unsay(act) } else { self.rename(&mut record.entry) }
    }

    /// Puts what stands for a handle of hers in its place.
    fn replace(&self, identity: &mut Identity) -> bool {
        let instead = self.named(identity).filter(|instead| *instead != identity).cloned();
        let is_another = instead.is_some();
        instead.into_iter().for_each(|instead| *identity = instead);
        is_another
    }

    /// Puts what stands for her handles into another's record.
    fn rename(&self, entry: &mut Entry) -> bool {
        let mut is_another = false;
        let mut rename = |identity: &mut Identity| is_another |= self.replace(identity);
        match entry {
            Entry::Event(ChannelEvent { event, .. }) | Entry::Derived(DerivedEvent { event, .. }) => {
                event.who.iter_mut().for_each(&mut rename);
                if let Fact::Did(act) = &mut event.fact {
                    act.whom.iter_mut().for_each(rename);
                }
            }
            Entry::Erased(erased) => erased.who.iter_mut().for_each(rename),
            Entry::Setup(_)
            | Entry::Configured(_)
            | Entry::Retelling(_)
            | Entry::Progress(_)
            | Entry::Act(_) => {}
        }
        is_another
    }

    /// Takes her handles and the reason out of what an operator said of her.
    fn unsay(&self, act: &mut OperatorAct) -> bool {
        let mut is_another = false;
        let mut unturned = |letter: &mut String| {
            let is_hers = self.is_turn(letter);
            if is_hers && let Some(rest) = without_alarm(letter) {
                *letter = rest;
                is_another = true;
            }
            is_hers
        };
        let about = match &mut act.deed {
            Deed::Join(join) => self.customer.has(join.one.0) || self.customer.has(join.other.0),
            Deed::Split(split) => {
                let mut about = self.customer.has(split.customer.0);
                for handle in &mut split.handles {
                    about |= self.named(handle).is_some();
                    is_another |= self.replace(handle);
                }
                about
            }
            Deed::Retract(retract) => self.customer.has(retract.edge),
            Deed::Retry(retry) => {
                unturned(&mut retry.letter) || retry.customer.is_some_and(|whose| self.customer.has(whose.0))
            }
            Deed::Drop(dropped) => unturned(&mut dropped.letter),
            Deed::Attest(attest) => {
                let is_named = self.is_named(&attest.of);
                if is_named {
                    NO_REASON.clone_into(&mut attest.of);
                    is_another = true;
                }
                is_named || self.has_id(&attest.of)
            }
            Deed::Propose(_)
            | Deed::Tag(_)
            | Deed::Untag(_)
            | Deed::Erase(_)
            | Deed::Grant(_)
            | Deed::Configure(_) => false,
        };
        let about = about || self.is_named(&act.why);
        if about && act.why != NO_REASON {
            NO_REASON.clone_into(&mut act.why);
            is_another = true;
        }
        is_another
    }

    fn is_named(&self, text: &str) -> bool {
        self.names.iter().any(|name| text.contains(name.as_str()))
    }

    /// Does a text name her, or somebody who became one with her, by the id?
    fn has_id(&self, text: &str) -> bool {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let mut ids = words.filter_map(|word| word.parse::<CustomerId>().ok());
        ids.any(|id| id == self.customer.id || self.customer.merged.contains(&id))
    }

    /// Is this the key of a note on a turn of hers?
    fn is_turn(&self, key: &str) -> bool {
        let position = key.split_once(' ').and_then(|(position, _)| position.parse().ok());
        self.turns.iter().any(|turn| turn == key) || position.is_some_and(|at| self.customer.has(at))
    }

    /// The keys of the notes on turns of hers.
    fn dead_turns(&self, store: &dyn Store) -> Result<Vec<String>, RouterError> {
        let notes = self.notes(store)?.into_iter();
        Ok(notes.filter(|note| matches!(note, Note::DeadTurn(_))).map(|note| note.key()).collect())
    }

    /// Takes out what operators said of who she is.
    fn correct(&self, state: &mut FoldState) {
        let corrections = &mut state.corrections;
        corrections.retracted.retain(|position| !self.customer.has(*position));
        corrections.joins.retain(|join| !self.customer.has(join.one.0) && !self.customer.has(join.other.0));
        for Apart { position: _, these, those } in &mut corrections.apart {
            these.retain(|handle| !self.instead.contains_key(handle));
            those.retain(|handle| !self.instead.contains_key(handle));
        }
        corrections.apart.retain(|apart| !apart.these.is_empty() && !apart.those.is_empty());
    }

    /// The notes that name her.
    fn notes(&self, store: &dyn Store) -> Result<Vec<Note>, RouterError> {
        let is_hers = |id: CustomerId| id == self.customer.id || self.customer.merged.contains(&id);
        let names_her = |note: &&Note| match note {
            Note::Conflict(conflict) => {
                is_hers(conflict.customer)
                    || is_hers(conflict.other)
                    || self.instead.contains_key(&conflict.handle)
            }
            Note::DeadTurn(dead) => is_hers(dead.customer),
            Note::StrayReceipt(stray) => is_hers(stray.customer),
            Note::Overflow(overflow) => is_hers(overflow.customer),
            Note::Erasure(_) => false,
        };
        let (mut gone, mut after) = (Vec::new(), String::new());
        loop {
            let page = store.notes(&after, PAGE)?;
            let Some(last) = page.last() else { return Ok(gone) };
            after = last.key();
            gone.extend(page.into_iter().filter(|note| names_her(&note)));
        }
    }
}

/// The key of a turn without its alarm's, which is any text. None: there is none in it.
fn without_alarm(key: &str) -> Option<String> {
    let mut parts = key.splitn(TURN_PARTS + 1, ' ');
    let rest = parts.by_ref().take(TURN_PARTS).collect::<Vec<_>>().join(" ");
    parts.next().filter(|alarm| !alarm.is_empty()).map(|_| format!("{rest} "))
}

/// Those of her handles that are hers still; and of these, those that nobody had before her, who would have it now.
fn owned(judge: &Judge<'_>, customer: &Customer) -> Result<(Vec<Identity>, Vec<Identity>), RouterError> {
    let handles: Vec<&Identity> = customer.handles.iter().map(|held| &held.identity).collect();
    let owners = judge.store.resolve(&handles)?;
    let (mut owned, mut alone): (Vec<Identity>, Vec<Identity>) = (Vec::new(), Vec::new());
    // A rotating handle that went from one to another is another's, too.
    let mut shared: Vec<Identity> = Vec::new();
    for held in &customer.handles {
        let before = held.before.map(|before| judge.store.load(&[before])).transpose()?;
        if before.into_iter().flatten().flatten().any(|before| before.id != customer.id) {
            shared.push(held.identity.clone());
        }
    }
    let rules = judge.rules(&judge.state.corrections);
    for record in judge.journal.fetch(&customer.refused)? {
        shared.extend(rules.shown(&record).into_iter().filter(|handle| !rules.lasts(handle)));
    }
    for (held, owner) in customer.handles.iter().zip(owners) {
        if owner == Some(customer.id) && !owned.contains(&held.identity) {
            owned.push(held.identity.clone());
            if !shared.contains(&held.identity) {
                alone.push(held.identity.clone());
            }
        }
    }
    Ok((owned, alone))
}
