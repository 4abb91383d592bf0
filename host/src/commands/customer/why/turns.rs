//! The turns that decided: her past folded again, watched. What they say is not kept anywhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use api::past::{Past, Whom};
use journal::Journal;
use model::{Alarm, Cause, Change, FoldState};
use router::{Shown, Slice, Tracing, Walk};

use crate::commands::segment::Asked;
use crate::commands::when::{Found, When, with_mend};

/// What the deciding turn costs.
pub(super) enum Fuel {
    /// No policy decided.
    Nobody,
    /// In units: about one for each instruction.
    Used(u64),
    /// The policy is not metered.
    Unmetered,
    /// Why not.
    Unknown(String),
}

/// The turns of each policy, folded when somebody asks for one.
pub(super) struct Turns<'a> {
    asked: &'a Asked,
    found: &'a Found,
    when: &'a When,
    state: &'a FoldState,
    of: RefCell<BTreeMap<String, Rc<Vec<Shown>>>>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(asked: &'a Asked, found: &'a Found, when: &'a When, state: &'a FoldState) -> Turns<'a> {
        Turns { asked, found, when, state, of: RefCell::default() }
    }

    pub(super) fn fuel(&self, cause: &Cause) -> Fuel {
        let place = cause.version.and_then(|version| usize::try_from(version).ok());
        let Some(version) = place.and_then(|place| self.state.versions.get(place)) else {
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
    pub(super) fn asked_for(&self, alarm: &Alarm, journal: &dyn Journal) -> anyhow::Result<Cause> {
        let Alarm { due: _, binding, key, position } = alarm;
        let wakes = |shown: &&Shown| {
            let wake = |change: &Change| matches!(change, Change::Wake(wake) if wake.key == *key);
            shown.position == *position && shown.changes().any(|decision| wake(&decision.change))
        };
        let turns = self.of(binding)?;
        if let Some(shown) = turns.iter().rev().find(wakes) {
            let said = shown
                .changes()
                .filter(|decision| matches!(&decision.change, Change::Wake(wake) if wake.key == *key));
            let why = said.last().map(|decision| decision.why.clone()).unwrap_or_default();
            let version = shown.version(self.state);
            return Ok(Cause {
                position: *position,
                now: shown.now,
                version,
                alarm: shown.alarm.clone(),
                why,
            });
        }
        let now = journal.fetch(&[*position])?.first().map_or(0, |record| record.now);
        let version = self.state.versions.iter().rposition(|version| version.binding == *binding);
        let version = version.and_then(|place| u32::try_from(place).ok());
        Ok(Cause { position: *position, now, version, alarm: None, why: String::new() })
    }

    fn of(&self, binding: &str) -> anyhow::Result<Rc<Vec<Shown>>> {
        if let Some(turns) = self.of.borrow().get(binding) {
            return Ok(Rc::clone(turns));
        }
        let past = self.asked.past(self.when.records_max())?;
        let slice = self.slice(&past)?;
        let tracing = Arc::new(Tracing::of(Arc::clone(&past.plugins), binding, true));
        let mut walk = Walk::begin(&slice, tracing.clone())?;
        walk.to(self.found.standing)?;
        let turns = Rc::new(tracing.last(&self.found.customer));
        self.of.borrow_mut().insert(binding.to_owned(), Rc::clone(&turns));
        Ok(turns)
    }

    fn slice(&self, past: &Past) -> anyhow::Result<Arc<Slice>> {
        match &self.found.slice {
            Some(slice) => Ok(Arc::clone(slice)),
            None => Ok(past.present(&Whom::Id(self.found.customer.id)).map_err(with_mend)?.slice),
        }
    }
}
