//! A setup takes over: customers are folded again, or joined anew, page by page.

use std::sync::atomic::Ordering;

use failpoint::Point;
use model::{FoldState, Instant, Position};
use store::{Commit, Indexed, Query, Standing};

use super::Router;
use crate::desk::Kept;
use crate::identity::Assigned;
use crate::lane::Lane;
use crate::pauses::Pauses;
use crate::rounds::{Rounds, Yield};
use crate::{RouterError, outcomes, parts, setup};

impl Router {
    /// A change of the configuration takes over: where policies decide otherwise, every customer is folded again.
    pub(super) fn set_up(
        &mut self,
        position: Position,
        now: Instant,
        new: &model::Setup,
    ) -> Result<u64, RouterError> {
        let mut turns = 0;
        let state = setup::changed(&self.state, new, position);
        let was = self.pauses();
        self.ahead.retain(|(ahead, _)| *ahead > position);
        let is = Pauses::of(new, &self.ahead);
        let refolds = setup::needs_refold((&self.state.setup, &was), (new, &is), position);
        let rejoins = !refolds && self.state.setup.outcomes != new.outcomes;
        if refolds || rejoins {
            self.desk.clear();
            self.announce(&state)?;
            let mut after = None;
            loop {
                let page =
                    self.store.page(&Query { after, limit: self.config.batch_max, ..Query::default() })?;
                let Some(last) = page.last() else { break };
                if self.halt.load(Ordering::Relaxed) {
                    return Err(RouterError::Halted);
                }
                after = Some(last.id);
                turns += if refolds {
                    self.refold(page, position, now, &state, &is)?
                } else {
                    self.rejoin(page, &state)?
                };
            }
        }
        let to = Standing { position, fired: self.standing.fired };
        let commit = Commit { from: self.standing, to, state: Some(&state), ..Commit::default() };
        self.store.commit(&commit)?;
        self.standing = to;
        self.reached = position;
        self.state = state;
        Ok(turns)
    }

    /// Lists the new versions before any customer bears one of them as a cause.
    fn announce(&mut self, new: &FoldState) -> Result<(), RouterError> {
        let state = FoldState { versions: new.versions.clone(), ..self.state.clone() };
        let (from, to) = (self.standing, self.standing);
        self.store.commit(&Commit { from, to, state: Some(&state), ..Commit::default() })?;
        self.state = state;
        Ok(())
    }

    /// The store does not move: should the host stop halfway, all of it is done again, to the same end.
    pub(super) fn refold(
        &mut self,
        page: Vec<model::Customer>,
        position: Position,
        now: Instant,
        state: &FoldState,
        pauses: &Pauses,
    ) -> Result<u64, RouterError> {
        let lanes = page.into_iter().map(|customer| {
            let before = Indexed::of(&customer);
            Lane::again(Kept { customer, before }, position, now)
        });
        let mut assigned = Assigned::of(lanes.collect());
        let rounds = Rounds::new(&*self.journal, &*self.plugins, state).paused(pauses.clone());
        let result = parts::run(&rounds, &mut assigned.lanes, &self.config)?;
        let turns = self.absorb(self.standing, assigned, result)?;
        self.flush()?;
        Point::PageRefolded.reached();
        self.desk.clear();
        Ok(turns)
    }

    /// Other windows: what the host joins is joined anew, and nothing else changes. As above, the store does not move.
    fn rejoin(&mut self, page: Vec<model::Customer>, state: &FoldState) -> Result<u64, RouterError> {
        let sent = page.into_iter().filter(|customer| !customer.intents.is_empty());
        let lanes = sent.map(|customer| {
            let before = Indexed::of(&customer);
            let mut lane = Lane::new(Kept { customer, before });
            outcomes::rejoin(&mut lane, &state.setup.outcomes, &*self.journal)?;
            lane.ended = true;
            Ok(lane)
        });
        let lanes = lanes.collect::<Result<Vec<Lane>, RouterError>>()?;
        let turns = self.absorb(self.standing, Assigned::of(lanes), Yield::default())?;
        self.flush()?;
        self.desk.clear();
        Ok(turns)
    }
}
