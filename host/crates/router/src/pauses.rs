//! Policies that decide nothing for a while, because they could not be called (the machine was overloaded, or had no memory), or
//! because everybody waited for calls that came to nothing.
//!
//! Nothing is skipped for that by itself. An operator, or the host in her stead, says so in a setup, and the fold stays a
//! function of the journal. But that setup stands at the journal's end, behind all that could not be folded, and it must hold
//! for what stands before it: so it names the place from which on it holds ([`Pause`]), and whoever folds looks ahead for it.
//!
//! Whoever has a turn that a paused policy is not shown is marked ([`model::Missed`]). When a later setup lets the policy decide
//! again, those are folded again, and nobody else. Their marks stay, as made up for at that setup, so that they are found once
//! more where the host breaks off in the middle; or where the policy does, and is paused again ([`Pause::broke_off`]).

use journal::{Batch, Records};
use model::{Configured, Customer, Entry, Instant, Missed, Pause, Position, Setup};
use store::{Agenda, Query, Standing, Store};

use crate::RouterError;
use crate::lane::{Step, Taken};

/// Who pauses a policy, as the journal says it.
const HOST: &str = "host";

/// Customers looked at together, where a fold broke off.
const PAGE: usize = 1024;

/// From where on the policies of a setup decide nothing, by their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pauses(Vec<Option<Pause>>);

impl Pauses {
    /// Of a setup that is in force, given those that come after it.
    pub(crate) fn of(setup: &Setup, ahead: &[(Position, Setup)]) -> Pauses {
        let pause = |name: &str| {
            let later = ahead.iter().flat_map(|(_, setup)| &setup.policies);
            let later = later.filter(|binding| binding.name == name).filter_map(|binding| binding.paused);
            later.min_by_key(|pause| pause.behind)
        };
        Pauses(setup.policies.iter().map(|binding| binding.paused.or_else(|| pause(&binding.name))).collect())
    }

    /// The pause because of which the policy is not shown this step. None: it is shown it.
    pub(crate) fn skips(&self, place: usize, taken: &Taken) -> Option<Pause> {
        let pause = self.0.get(place).copied().flatten()?;
        let Pause { behind, fired, broke_off: _ } = pause;
        if taken.record.is_some_and(|position| position <= behind) {
            return None;
        }
        let skips = match &taken.step {
            // The clock was there before the pause, whichever record comes next.
            Step::Alarm(alarm) => taken.reliving || alarm.due > fired,
            Step::Record(_) => true,
        };
        skips.then_some(pause)
    }

    /// Is this policy of the setup paused at this position?
    pub(crate) fn is_paused(&self, setup: &Setup, policy: &str, position: Position) -> bool {
        let place = setup.policies.iter().position(|binding| binding.name == policy);
        place.is_some_and(|place| self.holds(place, position))
    }

    /// From where on somebody was paused who is not any more, by the setup at this position. None: nobody.
    pub(crate) fn resumes(
        &self,
        old: &Setup,
        new: &Setup,
        now: &Pauses,
        position: Position,
    ) -> Option<Position> {
        let paused =
            old.policies.iter().zip(&self.0).filter_map(|(binding, pause)| Some((binding, (*pause)?)));
        let over = paused.filter(|(binding, _)| !now.is_paused(new, &binding.name, position));
        over.map(|(_, pause)| pause.behind).min()
    }

    /// Does the policy decide nothing of what the record at this position leads to?
    pub(crate) fn holds(&self, place: usize, position: Position) -> bool {
        matches!(self.0.get(place), Some(Some(pause)) if pause.behind < position)
    }

    /// The policies whose pause ends at the setup at this position, given those before it. What they missed is made up for there.
    pub(crate) fn ended(&self, was: &Pauses, setup: &Setup, position: Position) -> Vec<String> {
        let broke_off = |place: usize| {
            self.0.get(place).copied().flatten().and_then(|pause| pause.broke_off) == Some(position)
        };
        let ends =
            |place: usize| was.holds(place, position) && (!self.holds(place, position) || broke_off(place));
        let bindings = setup.policies.iter().enumerate().filter(|&(place, _)| ends(place));
        bindings.map(|(_, binding)| binding.name.clone()).collect()
    }
}

/// Is she to be folded again at the setup at `position`, which ends the pauses of these policies? Also if she was, by a fold
/// that broke off.
pub(crate) fn is_missed(customer: &Customer, ended: &[String], position: Position) -> bool {
    let waits = |missed: &Missed| missed.made_up.is_none_or(|made_up| made_up == position);
    customer.missed.iter().any(|missed| ended.contains(&missed.binding) && waits(missed))
}

/// The setup whose re-fold of those who were missed broke off in the middle, if it is the next one.
fn broken_off(store: &dyn Store, ahead: &[(Position, Setup)]) -> Result<Option<Position>, RouterError> {
    let Some(&(next, _)) = ahead.first() else { return Ok(None) };
    let made_up = |customer: &Customer| customer.missed.iter().any(|missed| missed.made_up == Some(next));
    let mut after = None;
    loop {
        let page = store.page(&Query { after, limit: PAGE, ..Query::default() })?;
        let Some(last) = page.last() else { return Ok(None) };
        after = Some(last.id);
        if page.iter().any(made_up) {
            return Ok(Some(next));
        }
    }
}

/// The setups behind a position.
pub(crate) fn ahead(journal: &dyn Records, after: Position) -> Result<Vec<(Position, Setup)>, RouterError> {
    let setup = |record: model::Record| Some((record.position, record.entry.setup()?.clone()));
    Ok(journal.setups(after)?.into_iter().filter_map(setup).collect())
}

/// Says that this policy decides nothing from where the store stands, and why. None: there is no such policy, or it is paused.
pub(crate) fn append(
    journal: &dyn Records,
    store: &dyn Store,
    standing: Standing,
    (present, ahead): (&Setup, &[(Position, Setup)]),
    (policy, why): (&str, &str),
    now: Instant,
) -> Result<Option<Pause>, RouterError> {
    let mut setup = ahead.last().map_or(present, |(_, setup)| setup).clone();
    let Some(binding) = setup.policies.iter_mut().find(|binding| binding.name == policy) else {
        return Ok(None);
    };
    if binding.paused.is_some() {
        return Ok(None);
    }
    // Pages of alarms are committed one by one: every alarm before the earliest that still waits has fired.
    let earliest = match store.due(Agenda::Fold, Instant::MAX, 1)?.first() {
        Some(&first) => store.load(&[first])?.into_iter().flatten().find_map(|customer| customer.next_due()),
        None => None,
    };
    let fired = earliest.map_or(standing.fired, |due| due.saturating_sub(1).max(standing.fired));
    let broke_off = broken_off(store, ahead)?;
    let pause = Pause { behind: standing.position, fired, broke_off };
    binding.paused = Some(pause);
    let (by, why) = (HOST.to_owned(), format!("policy \"{policy}\" is paused: {why}"));
    let entries = vec![Entry::Configured(Configured { setup, by, why })];
    journal.append(&[Batch { now, entries, ..Batch::default() }])?;
    Ok(Some(pause))
}
