//! Records that are folded alone, setups aside: a word on who is who, an erasure, a turn that is taken again, what a
//! connection may do, and what else stands in the configuration.

use model::{Configure, CustomerId, FoldState, Grant, Record, Retry, Section};
use store::{Commit, Standing};

use super::Router;
use crate::correct::Judge;
use crate::rounds::{Rounds, Yield};
use crate::{RouterError, correct, parts, telling};

impl Router {
    /// Who is who changes because of this record, which stands alone: those whom it concerns are judged, and folded, again.
    pub(super) fn correct(&mut self, record: &Record) -> Result<u64, RouterError> {
        let judge = Judge { journal: &*self.journal, store: &*self.store, state: &self.state };
        let correction = judge.correction(record)?;
        let mut judged = judge.judge(record, &correction)?;
        let mut state = self.state.clone();
        state.corrections = correction.corrections;
        state.alone.push(record.position);
        let rounds = Rounds::new(&*self.journal, &*self.plugins, &state).paused(self.pauses());
        let Yield { mut tells, mut notes, turns } = parts::run(&rounds, &mut judged.lanes, &self.config)?;
        tells.extend(telling::untold(&judged.lanes));
        self.told = self.told.max(telling::write(&*self.journal, tells, self.config.appends)?);
        notes.append(&mut judged.notes);
        let to = Standing { position: record.position, fired: self.standing.fired };
        let mut notes_gone = telling::healed(&judged.lanes);
        notes_gone.extend(correct::conflicts(&*self.store, &judged)?);
        self.store.commit(&correct::commit(self.standing, to, &judged, notes_gone, notes, &state))?;
        self.desk.clear();
        (self.standing, self.reached, self.state) = (to, record.position, state);
        Ok(turns)
    }

    /// A turn at which a policy failed is taken again, and with it all that she has been through: what the policy remembers
    /// behind it comes of it.
    pub(super) fn retry(&mut self, record: &Record, retry: &Retry) -> Result<u64, RouterError> {
        let whose: Vec<CustomerId> = retry.customer.into_iter().collect();
        let page: Vec<model::Customer> = self.store.load(&whose)?.into_iter().flatten().collect();
        let mut turns = 0;
        if !page.is_empty() {
            self.desk.clear();
            let state = self.state.clone();
            turns = self.refold(page, &[], record.position, record.now, &state, &self.pauses())?;
        }
        self.alone(record, self.state.clone())?;
        Ok(turns)
    }

    /// A connection may do something else, or is gone.
    pub(super) fn grant(&mut self, record: &Record, grant: &Grant) -> Result<u64, RouterError> {
        let mut state = self.state.clone();
        state.grants.retain(|held| held.connection != grant.connection);
        if grant.plugin.is_some() {
            let place = state.grants.partition_point(|held| held.connection < grant.connection);
            state.grants.insert(place, grant.clone());
        }
        self.alone(record, state)?;
        Ok(0)
    }

    /// A part of the configuration is another, or is gone.
    pub(super) fn configure(&mut self, record: &Record, configure: &Configure) -> Result<u64, RouterError> {
        let Configure { section, digest, text: _ } = configure;
        let mut state = self.state.clone();
        state.sections.retain(|held| held.name != *section);
        if let Some(digest) = *digest {
            let place = state.sections.partition_point(|held| held.name < *section);
            state.sections.insert(place, Section { name: section.clone(), digest });
        }
        self.alone(record, state)?;
        Ok(0)
    }

    /// A record that stands alone is passed, and nobody is changed by it any more.
    pub(super) fn alone(&mut self, record: &Record, mut state: FoldState) -> Result<(), RouterError> {
        state.alone.push(record.position);
        let to = Standing { position: record.position, fired: self.standing.fired };
        let commit = Commit { from: self.standing, to, state: Some(&state), ..Commit::default() };
        self.store.commit(&commit)?;
        (self.standing, self.reached, self.state) = (to, record.position, state);
        Ok(())
    }
}
