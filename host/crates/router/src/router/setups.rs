//! A setup takes over: customers are folded again, or joined anew, page by page.

use std::sync::atomic::Ordering;

use failpoint::Point;
use model::{Customer, FoldState, Instant, Position};
use store::{Commit, Indexed, Query, Standing};

use super::Router;
use crate::desk::Kept;
use crate::identity::Assigned;
use crate::lane::Lane;
use crate::pauses::Pauses;
use crate::rounds::{Rounds, Yield};
use crate::setup::Anew;
use crate::{RouterError, outcomes, parts, pauses, setup};

impl Router {
    /// A change of the configuration takes over: where policies decide otherwise, every customer is folded again; where one was
    /// only paused, those whom it missed are.
    pub(super) fn set_up(
        &mut self,
        position: Position,
        now: Instant,
        new: &model::Setup,
    ) -> Result<u64, RouterError> {
        let mut turns = 0;
        let mut state = setup::changed(&self.state, new, position);
        let was = self.pauses();
        self.ahead.retain(|(ahead, _)| *ahead > position);
        let is = Pauses::of(new, &self.ahead);
        let anew = setup::anew((&self.state.setup, &was), (new, &is), position);
        let rejoins = self.state.setup.outcomes != new.outcomes && !matches!(anew, Anew::Everybody);
        if rejoins || !matches!(&anew, Anew::Missed(ended) if ended.is_empty()) {
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
                let (again, others, made_up) = match &anew {
                    Anew::Everybody => (page, Vec::new(), &[][..]),
                    Anew::Missed(ended) => {
                        let missed = |customer: &Customer| pauses::is_missed(customer, ended, position);
                        let (again, others) = page.into_iter().partition(missed);
                        (again, others, ended.as_slice())
                    }
                };
                if !again.is_empty() {
                    turns += self.refold(again, made_up, position, now, &state, &is)?;
                }
                if rejoins {
                    turns += self.rejoin(others, &state)?;
                }
            }
        }
        if let Some(since) = was.resumes(&self.state.setup, new, &is, position).filter(|_| self.config.erases)
        {
            turns += self.make_up_for_erasures(position, since, &mut state)?;
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

    /// The store does not move: should the host stop halfway, all of it is done again, to the same end. What the policies
    /// `made_up` missed is made up for by it.
    pub(super) fn refold(
        &mut self,
        page: Vec<Customer>,
        made_up: &[String],
        position: Position,
        now: Instant,
        state: &FoldState,
        pauses: &Pauses,
    ) -> Result<u64, RouterError> {
        let lanes = page.into_iter().map(|customer| {
            let before = Indexed::of(&customer);
            let had = customer.missed.clone();
            let mut lane = Lane::again(Kept { customer, before }, position, now);
            for missed in had.into_iter().filter(|missed| made_up.contains(&missed.binding)) {
                lane.customer.miss(&missed.binding, Some(position));
            }
            lane
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
    fn rejoin(&mut self, page: Vec<Customer>, state: &FoldState) -> Result<u64, RouterError> {
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
