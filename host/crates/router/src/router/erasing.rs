//! Acts that erase somebody, as the fold meets them.

use journal::Batch;
use model::{Deed, Entry, Erase, FoldState, OperatorAct, Position, Record};
use store::{Commit, Standing};

use super::Router;
use crate::RouterError;
use crate::correct::Judge;
use crate::erase::{self, Anew, Forgetting, Plan};
use crate::pauses::Pauses;

impl Router {
    /// Somebody is forgotten: first by the journal, then by the store. After a crash between the two it is done again.
    pub(super) fn erase(&mut self, record: &Record, erase: &Erase) -> Result<u64, RouterError> {
        let judge = Judge { journal: &*self.journal, store: &*self.store, state: &self.state };
        if self.config.erases
            && let Some(plan) = Plan::of(&judge, record, erase.customer)?
        {
            match self.carry_out(record, &plan) {
                // She does not wait until it can be called. The others do.
                Err(RouterError::Plugins(error))
                    if self.pauses().is_paused(&self.state.setup, &error.binding, record.position) =>
                {
                    self.forget(&plan)?;
                    let judge = Judge { journal: &*self.journal, store: &*self.store, state: &self.state };
                    let forgetting = Forgetting::just(&judge, record, plan.customer)?;
                    return self.let_go(record, forgetting);
                }
                result => return result,
            }
        }
        match Forgetting::of(&judge, record, erase.customer)? {
            Some(forgetting) => self.let_go(record, forgetting),
            None => self.alone(record, self.state.clone()).map(|()| 0),
        }
    }

    fn let_go(&mut self, record: &Record, forgetting: Forgetting) -> Result<u64, RouterError> {
        let to = Standing { position: record.position, fired: self.standing.fired };
        self.store.commit(&forgetting.commit(self.standing, to))?;
        self.desk.clear();
        (self.standing, self.reached, self.state) = (to, record.position, forgetting.state);
        Ok(0)
    }

    /// Who has to do with her is folded again from the beginning, with the journal as it is then.
    fn carry_out(&mut self, record: &Record, plan: &Plan) -> Result<u64, RouterError> {
        let to = Standing { position: record.position, fired: self.standing.fired };
        let halt = Some(self.halt());
        let folded = erase::fold(plan, &self.journal, &self.plugins, self.config, to, halt)?;
        let mut anew = Anew::of(plan, &*self.store, &folded, &self.state)?;
        anew.state.alone.push(record.position);
        self.forget(plan)?;
        self.tell(folded.told)?;
        self.store.commit(&anew.commit(self.standing, to))?;
        (self.standing, self.reached, self.state) = (to, record.position, anew.state);
        Ok(folded.turns)
    }

    /// Those who had to do with somebody who was erased while a policy was paused, which decides again from the setup at
    /// `position` on. `state` is what the fold knows behind that.
    pub(super) fn make_up_for_erasures(
        &mut self,
        position: Position,
        since: Position,
        state: &mut FoldState,
    ) -> Result<u64, RouterError> {
        let mut turns = 0;
        let pauses = Pauses::of(&state.setup, &self.ahead);
        let later: Vec<Position> = state.alone.iter().copied().filter(|&alone| alone > since).collect();
        for record in self.journal.fetch(&later)? {
            let Entry::Act(OperatorAct { deed: Deed::Erase(erase), .. }) = &record.entry else { continue };
            let plan = Plan::later(&*self.journal, record.position, erase, position)?;
            let to = Standing { position, fired: self.standing.fired };
            let halt = Some(self.halt());
            let folded = match erase::fold(&plan, &self.journal, &self.plugins, self.config, to, halt) {
                Err(RouterError::Plugins(error))
                    if pauses.is_paused(&state.setup, &error.binding, position) =>
                {
                    continue;
                }
                folded => folded?,
            };
            let anew = Anew::of(&plan, &*self.store, &folded, state)?;
            self.tell(folded.told)?;
            let commit = anew.commit(self.standing, self.standing);
            self.store.commit(&Commit { state: None, ..commit })?;
            *state = anew.state;
            turns += folded.turns;
        }
        Ok(turns)
    }

    fn forget(&mut self, plan: &Plan) -> Result<(), RouterError> {
        let gone = self.journal.erase(&plan.erasure)?;
        self.forgotten.push(gone);
        self.desk.clear();
        Ok(())
    }

    fn tell(&mut self, entries: Vec<Entry>) -> Result<(), RouterError> {
        if !entries.is_empty() {
            let receipts = self.journal.append(&[Batch { entries, ..Batch::default() }])?;
            let placed = receipts.iter().flat_map(|receipt| &receipt.placed);
            self.told = placed.map(|placed| placed.position()).fold(self.told, Position::max);
        }
        Ok(())
    }
}
