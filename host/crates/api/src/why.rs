//! Why something of her is so: its cause, the records behind it, and what the turn that decided cost.
//!
//! The documents keep causes. What a turn cost, and why an alarm waits, is no part of the state: her past is folded again for
//! it and watched, by whoever asks. Nor is what a policy said when it told of her because of another person: that one's past is
//! folded again for it.

mod chain;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use journal::Records;
use model::{Alarm, Cause, Change, Customer, CustomerId, FoldState, Position};
use router::{Plugins, Shown, Slice, Tracing, Walk};
use store::Standing;

use crate::past::{Past, PastError, Whom};
use crate::views::{Held, HeldKind, held};

pub use chain::{Chain, Link, Teller, Told};

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    pub kind: HeldKind,
    /// The tag's or trait's name, the stage's journey, the intent's or the alarm's key, the task's title.
    pub name: String,
}

/// What the deciding turn costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fuel {
    /// No policy decided.
    Nobody,
    /// In units: about one for each instruction, of a call with this turn alone.
    Used(u64),
    /// The policy is not metered.
    Unmetered,
    /// Why not.
    Unknown(String),
}

/// One thing with what explains it.
pub struct Answer<'a> {
    pub held: Held<'a>,
    pub chain: Chain,
    pub fuel: Fuel,
}

/// Whose records are to be folded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of her who is asked about.
    Hers,
    /// Of whoever has the record at this position.
    Of(Position),
}

/// Somebody's records, and what decides when they are folded again.
pub struct Again {
    pub plugins: Arc<dyn Plugins>,
    pub customer: CustomerId,
    pub slice: Arc<Slice>,
    /// So many records of others may be folded for one answer.
    pub records_max: u64,
}

impl Again {
    /// Whoever has the record at this position, as of now.
    ///
    /// # Errors
    /// [`PastError::Nobody`]; others as [`Past::present`].
    pub fn of(past: &Past, position: Position) -> Result<Again, PastError> {
        let nobody = || PastError::Nobody { who: format!("with the record at position {position}") };
        let customer = past.holder(position)?.ok_or_else(nobody)?;
        let slice = past.present(&Whom::Id(customer))?.slice;
        Ok(Again::with(past, customer, slice))
    }

    #[must_use]
    pub fn with(past: &Past, customer: CustomerId, slice: Arc<Slice>) -> Again {
        let (plugins, records_max) = (Arc::clone(&past.plugins), past.bounds.slice_max);
        Again { plugins, customer, slice, records_max }
    }
}

/// Who is asked about, where she stands.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub customer: &'a Customer,
    /// Read after her.
    pub state: &'a FoldState,
    pub standing: Standing,
}

impl<'a> Subject<'a> {
    /// Everything that goes by this name: several things only where policies intend, ask or wake under the same one. `again` is
    /// asked for where a policy decided, or told.
    ///
    /// # Errors
    /// What the journal says; for an alarm, what `again` says, too.
    pub fn why<E>(
        self,
        thing: &Thing,
        journal: &dyn Records,
        again: &dyn Fn(Whose) -> Result<Again, E>,
    ) -> Result<Vec<Answer<'a>>, E>
    where
        E: Display + From<PastError>,
    {
        let (of, told, folded) = (RefCell::default(), RefCell::default(), Cell::default());
        let turns = Turns { subject: self, again, of, told, folded };
        let Thing { kind, name } = thing;
        let things: Vec<Held<'a>> = match kind {
            HeldKind::Alarm => {
                let alarms = self.customer.alarms.iter().filter(|alarm| alarm.key == *name);
                let asked = |alarm| Ok(of_alarm(alarm, turns.asked_for(alarm, journal)?));
                alarms.map(asked).collect::<Result<_, E>>()?
            }
            HeldKind::Tag | HeldKind::Stage | HeldKind::Trait | HeldKind::Intent | HeldKind::Task => {
                held(self.customer).filter(|held| held.kind == *kind && held.name == name).collect()
            }
        };
        let answer = |held: Held<'a>| {
            let chain = turns.chain(journal, held.cause.position)?;
            let fuel = turns.fuel(&held.cause);
            Ok(Answer { held, chain, fuel })
        };
        things.into_iter().map(answer).collect()
    }
}

fn of_alarm(alarm: &Alarm, cause: Cause) -> Held<'_> {
    let Alarm { due, binding: _, key, position: _ } = alarm;
    Held {
        kind: HeldKind::Alarm,
        name: key,
        detail: None,
        since: Some(cause.now),
        until: Some(*due),
        intent: None,
        cause: Cow::Owned(cause),
    }
}

/// The turns that a policy was shown of a customer, by her and the policy's name.
type Shows = BTreeMap<(CustomerId, String), Rc<Vec<Shown>>>;

/// The turns of each policy, folded when somebody asks for one.
struct Turns<'a, E> {
    subject: Subject<'a>,
    again: &'a dyn Fn(Whose) -> Result<Again, E>,
    of: RefCell<BTreeMap<String, Rc<Vec<Shown>>>>,
    /// Of others, by who they are and by policy.
    told: RefCell<Shows>,
    /// Records of others that were folded.
    folded: Cell<u64>,
}

impl<E: Display + From<PastError>> Turns<'_, E> {
    fn fuel(&self, cause: &Cause) -> Fuel {
        let place = cause.version.and_then(|version| usize::try_from(version).ok());
        let Some(version) = place.and_then(|place| self.subject.state.versions.get(place)) else {
            return Fuel::Nobody;
        };
        let turns = match self.of(&version.binding) {
            Ok(turns) => turns,
            Err(error) => return Fuel::Unknown(format!("{error:#}")),
        };
        let is = |shown: &&Shown| {
            (shown.position, shown.now, &shown.alarm) == (cause.position, cause.now, &cause.alarm)
        };
        match turns.iter().rev().find(is) {
            Some(shown) => shown.fuel.map_or(Fuel::Unmetered, Fuel::Used),
            None => Fuel::Unknown("her records, folded by themselves, have no such turn".to_owned()),
        }
    }

    /// Why an alarm waits: the document knows the record at which it was asked for, the turn knows the words.
    fn asked_for(&self, alarm: &Alarm, journal: &dyn Records) -> Result<Cause, E> {
        let Alarm { due: _, binding, key, position } = alarm;
        let position = *position;
        let wakes = |change: &Change| matches!(change, Change::Wake(wake) if wake.key == *key);
        let asks = |shown: &&Shown| {
            shown.position == position && shown.changes().any(|decision| wakes(&decision.change))
        };
        let state = self.subject.state;
        let turns = self.of(binding)?;
        if let Some(shown) = turns.iter().rev().find(asks) {
            let said = shown.changes().filter(|decision| wakes(&decision.change)).last();
            let why = said.map(|decision| decision.why.clone()).unwrap_or_default();
            let (now, version, alarm) = (shown.now, shown.version(state), shown.alarm.clone());
            return Ok(Cause { position, now, version, alarm, why });
        }
        let now = journal.fetch(&[position]).map_err(PastError::from)?.first().map_or(0, |record| record.now);
        let version = state.versions.iter().rposition(|version| version.binding == *binding);
        let version = version.and_then(|place| u32::try_from(place).ok());
        Ok(Cause { position, now, version, alarm: None, why: String::new() })
    }

    fn of(&self, binding: &str) -> Result<Rc<Vec<Shown>>, E> {
        if let Some(turns) = self.of.borrow().get(binding) {
            return Ok(Rc::clone(turns));
        }
        let Again { plugins, customer: _, slice, records_max: _ } = (self.again)(Whose::Hers)?;
        let tracing = Arc::new(Tracing::of(plugins, binding, true));
        let mut walk = Walk::begin(&slice, tracing.clone()).map_err(PastError::from)?;
        walk.to(self.subject.standing).map_err(PastError::from)?;
        let turns = Rc::new(tracing.last(self.subject.customer).turns);
        self.of.borrow_mut().insert(binding.to_owned(), Rc::clone(&turns));
        Ok(turns)
    }
}
