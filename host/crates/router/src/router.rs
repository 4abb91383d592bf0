//! The fold's own loop: read, give, run, commit.

mod alone;
mod erasing;
mod setups;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use failpoint::Point;
use journal::{Batch, Gone, Records};
use model::{
    Configured, CustomerId, Deed, Entry, FoldState, Grant, Identity, Instant, OperatorAct, Pause, Position,
    Record, Section,
};
use store::{Agenda, Standing, Store};

use crate::desk::{Desk, Kept};
use crate::identity::{Assigned, Rules};
use crate::lane::{Lane, Until, Why};
use crate::pauses::Pauses;
use crate::pending::Pending;
use crate::rounds::{Rounds, Yield};
use crate::{Plugins, RouterError, identity, parts, pauses, telling};

#[derive(Clone, Copy, Debug)]
pub struct RouterConfig {
    /// Records that are folded together, at most.
    pub batch_max: usize,
    /// Records in one commit, at most, as long as more are waiting. What is there is committed at once when nothing is.
    pub commit_max: usize,
    /// Customers that are kept at hand between commits.
    pub desk_max: usize,
    /// Threads that run policies, and how many customers a batch must have before more than one is used: to start a thread
    /// takes as long as a few turns.
    pub threads: usize,
    pub threads_from: usize,
    /// Events that policies tell: appended where they are missing, or only looked for, as a rebuild does.
    pub appends: bool,
    /// Acts that erase somebody: carried out in the journal, or only found there carried out, as by whoever folds it again.
    pub erases: bool,
}

impl Default for RouterConfig {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        RouterConfig {
            batch_max: 2048,
            commit_max: 65_536,
            desk_max: 200_000,
            threads,
            threads_from: 128,
            appends: true,
            erases: true,
        }
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub records: u64,
    /// Turns that policies were shown.
    pub turns: u64,
}

/// Folds one journal into one store. There is one of it for a store; a second one's commits are refused.
pub struct Router {
    journal: Arc<dyn Records>,
    store: Arc<dyn Store>,
    plugins: Arc<dyn Plugins>,
    config: RouterConfig,
    /// Where the store stands.
    standing: Standing,
    /// The last record that is folded, committed or not.
    reached: Position,
    /// The last event that a policy told, of those that this router appended.
    told: Position,
    state: FoldState,
    desk: Desk,
    pending: Pending,
    /// Setups that are not folded yet: one of them may pause a policy from here on.
    ahead: Vec<(Position, model::Setup)>,
    halt: Arc<AtomicBool>,
    forgotten: Vec<Gone>,
}

impl Router {
    /// # Errors
    /// [`RouterError::Ahead`] if the store was folded from another journal; others if either cannot be read.
    pub fn open(
        journal: Arc<dyn Records>,
        store: Arc<dyn Store>,
        plugins: Arc<dyn Plugins>,
        config: RouterConfig,
    ) -> Result<Router, RouterError> {
        let (standing, state) = store.standing()?;
        let head = journal.head()?.position;
        if standing.position > head {
            return Err(RouterError::Ahead { stands: standing.position, head });
        }
        let reached = standing.position;
        let ahead = pauses::ahead(&*journal, reached)?;
        let (desk, pending, halt) = (Desk::default(), Pending::default(), Arc::default());
        let forgotten = Vec::new();
        Ok(Router {
            journal,
            store,
            plugins,
            config,
            standing,
            reached,
            told: 0,
            state,
            desk,
            pending,
            ahead,
            halt,
            forgotten,
        })
    }

    /// Set it, and whatever the router is at ends after the commit at hand with [`RouterError::Halted`].
    #[must_use]
    pub fn halt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.halt)
    }

    /// It ends when another does.
    pub(crate) fn halted_by(mut self, halt: Arc<AtomicBool>) -> Router {
        self.halt = halt;
        self
    }

    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The setup in force where the fold stands.
    #[must_use]
    pub fn setup(&self) -> &model::Setup {
        &self.state.setup
    }

    /// What connections may do where the fold stands, as far as the journal was told, by name.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.state.grants
    }

    /// The parts of the configuration where the fold stands, as far as the journal was told, by name.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.state.sections
    }

    /// Folds everything that the journal held when it was called, then fires every alarm due by `now`.
    ///
    /// Before an alarm fires by the clock, the journal is told that no later record may be older than `now`. So an
    /// alarm never fires after the clock what would have come before it in the journal.
    ///
    /// # Errors
    /// [`RouterError`]; what was committed before it stays.
    pub fn settle(&mut self, now: Instant) -> Result<Folded, RouterError> {
        let mut sum = self.catch_up_to_now()?;
        if self.store.due(Agenda::Fold, now, 1)?.is_empty() {
            return Ok(sum);
        }
        self.journal.append(&[Batch { now, ..Batch::default() }])?;
        Point::FloorRaised.reached();
        let head = self.journal.head()?;
        for step in [self.catch_up(head.position)?, self.fire(now)?] {
            sum.records += step.records;
            sum.turns += step.turns;
        }
        Ok(sum)
    }

    /// Says in the journal that this policy decides nothing from where the store stands, and why: it cannot be called, or keeps
    /// failing. A later setup in which it is not paused has it decide again, on the past of those whom it missed. None: there is no such policy, or it is
    /// paused.
    ///
    /// # Errors
    /// [`RouterError`]; nothing was said.
    pub fn pause(&mut self, policy: &str, why: &str, now: Instant) -> Result<Option<Pause>, RouterError> {
        let flushed = self.flush();
        self.after(flushed)?;
        self.ahead = pauses::ahead(&*self.journal, self.standing.position)?;
        let setups = (&self.state.setup, &self.ahead[..]);
        let pause = pauses::append(&*self.journal, &*self.store, self.standing, setups, (policy, why), now)?;
        self.ahead = pauses::ahead(&*self.journal, self.standing.position)?;
        Ok(pause)
    }

    /// Folds to where the journal ends now, and what that made policies tell. Not to its end: under a steady stream of records
    /// that need never come, and no alarm would fire.
    fn catch_up_to_now(&mut self) -> Result<Folded, RouterError> {
        let mut upto = self.journal.head()?.position;
        let mut sum = self.catch_up(upto)?;
        while self.told > upto {
            upto = self.told;
            let step = self.catch_up(upto)?;
            sum.records += step.records;
            sum.turns += step.turns;
        }
        Ok(sum)
    }

    /// Folds up to this position, or to the end of the journal, and commits it.
    ///
    /// # Errors
    /// [`RouterError`]; what was committed before it stays.
    pub fn catch_up(&mut self, upto: Position) -> Result<Folded, RouterError> {
        let mut sum = Folded::default();
        loop {
            let result = self.fold(upto).and_then(|step| {
                // Nobody waits behind a batch that is not full: what is there is committed now.
                if step.records < self.config.batch_max as u64 {
                    self.flush()?;
                } else if self.pending.records >= self.config.commit_max {
                    self.standing = self.pending.send(&mut self.desk, &self.store, self.standing)?;
                }
                Ok(step)
            });
            let step = self.after(result)?;
            if step.records == 0 {
                return Ok(sum);
            }
            sum.records += step.records;
            sum.turns += step.turns;
        }
    }

    /// Folds one batch: the next records, at most `batch_max`, none behind `upto`.
    fn fold(&mut self, upto: Position) -> Result<Folded, RouterError> {
        if self.halt.load(Ordering::Relaxed) {
            self.flush()?;
            return Err(RouterError::Halted);
        }
        let left = usize::try_from(upto.saturating_sub(self.reached)).unwrap_or(usize::MAX);
        let mut records = self.journal.read(self.reached, self.config.batch_max.min(left))?;
        // A part of a journal has gaps.
        records.retain(|record| record.position <= upto);
        match records.first() {
            None => Ok(Folded::default()),
            Some(record) if record.entry.stands_alone() => {
                self.flush()?;
                // What was due before is decided by those who asked for it, whether the clock was there in time or not.
                let mut turns = self.fire(record.now)?.turns;
                turns += match &record.entry {
                    Entry::Setup(setup) | Entry::Configured(Configured { setup, .. }) => {
                        self.set_up(record.position, record.now, setup)?
                    }
                    Entry::Act(OperatorAct { deed: Deed::Erase(erase), .. }) => self.erase(record, erase)?,
                    Entry::Act(OperatorAct { deed: Deed::Retry(retry), .. }) => self.retry(record, retry)?,
                    Entry::Act(OperatorAct { deed: Deed::Grant(grant), .. }) => self.grant(record, grant)?,
                    Entry::Act(OperatorAct { deed: Deed::Configure(configure), .. }) => {
                        self.configure(record, configure)?
                    }
                    _ => self.correct(record)?,
                };
                Ok(Folded { records: 1, turns })
            }
            Some(_) => {
                let together = records.into_iter().take_while(|record| !record.entry.stands_alone());
                let records: Vec<Arc<Record>> = together.map(Arc::new).collect();
                self.fold_events(&records)
            }
        }
    }

    /// Fires every alarm due by `upto`, in the order of their times. The caller promises that everything older is folded.
    ///
    /// # Errors
    /// [`RouterError`]; what was committed before it stays.
    pub fn fire(&mut self, upto: Instant) -> Result<Folded, RouterError> {
        let mut sum = Folded::default();
        let flushed = self.flush();
        self.after(flushed)?;
        if upto <= self.standing.fired {
            return Ok(sum);
        }
        let mut limit = self.config.batch_max;
        loop {
            let result = self.fire_page(upto, limit);
            match self.after(result)? {
                // More customers are due at one instant than fit: take more, so that none is fired out of order.
                None => limit *= 2,
                Some((turns, ended)) => {
                    sum.turns += turns;
                    limit = self.config.batch_max;
                    if ended {
                        return Ok(sum);
                    }
                }
            }
        }
    }

    /// After a failure nothing at hand can be trusted, and the store says itself where it stands.
    fn after<T>(&mut self, result: Result<T, RouterError>) -> Result<T, RouterError> {
        if result.is_err() {
            self.desk.clear();
            self.pending.abandon();
            if let Ok((standing, state)) = self.store.standing() {
                (self.standing, self.state) = (standing, state);
            }
            self.reached = self.standing.position;
            // What a setup that failed in the middle took out of it.
            if let Ok(ahead) = pauses::ahead(&*self.journal, self.reached) {
                self.ahead = ahead;
            }
        }
        result
    }

    fn fold_events(&mut self, records: &[Arc<Record>]) -> Result<Folded, RouterError> {
        if self.desk.len() > self.config.desk_max {
            self.flush()?;
            self.desk.clear();
        }
        let rules = Rules::new(&self.state.setup, &self.state.corrections);
        let handles: Vec<Vec<Identity>> = records.iter().map(|record| rules.handles(record)).collect();
        self.desk.fetch_handles(&*self.store, handles.iter().flatten())?;
        let named: Vec<CustomerId> =
            records.iter().filter_map(|record| identity::addressee(&record.entry)).collect();
        self.desk.fetch_named(&*self.store, &named)?;
        let mut assigned = Assigned::default();
        for (record, handles) in records.iter().zip(&handles) {
            assigned.give(&rules, &mut self.desk, record, handles)?;
        }
        let rounds = Rounds::new(&*self.journal, &*self.plugins, &self.state).paused(self.pauses());
        let result = parts::run(&rounds, &mut assigned.lanes, &self.config)?;
        let position = records.last().map_or(self.reached, |record| record.position);
        let to = Standing { position, fired: self.standing.fired };
        let turns = self.absorb(to, assigned, result)?;
        self.pending.records += records.len();
        Ok(Folded { records: records.len() as u64, turns })
    }

    /// One page of customers whom time changes: fires all of theirs that come before anybody else's. None: the page is
    /// too small to tell.
    fn fire_page(&mut self, upto: Instant, limit: usize) -> Result<Option<(u64, bool)>, RouterError> {
        let due = self.store.due(Agenda::Fold, upto, limit.saturating_add(1))?;
        let lanes = self.due_lanes(&due, upto, limit)?;
        if lanes.is_empty() && !due.is_empty() {
            return Ok(None);
        }
        let mut assigned = Assigned::of(lanes);
        let rounds = Rounds::new(&*self.journal, &*self.plugins, &self.state).paused(self.pauses());
        let result = parts::run(&rounds, &mut assigned.lanes, &self.config)?;
        let ended = due.len() <= limit;
        let fired = if ended { upto } else { self.standing.fired };
        let to = Standing { position: self.standing.position, fired };
        let turns = self.absorb(to, assigned, result)?;
        self.flush()?;
        Ok(Some((turns, ended)))
    }

    fn due_lanes(
        &mut self,
        due: &[CustomerId],
        upto: Instant,
        limit: usize,
    ) -> Result<Vec<Lane>, RouterError> {
        self.desk.fetch(&*self.store, due)?;
        let kept: Vec<Kept> = due.iter().filter_map(|&id| self.desk.take(id)).collect();
        let next = |kept: &Kept| kept.customer.next_due().unwrap_or(Instant::MAX);
        // What the first customer beyond the page waits for bounds everybody on it.
        let horizon = match kept.get(limit) {
            Some(beyond) => next(beyond).saturating_sub(1),
            None => upto,
        };
        let (page, rest): (Vec<Kept>, Vec<Kept>) = kept.into_iter().partition(|kept| next(kept) <= horizon);
        rest.into_iter().for_each(|kept| self.desk.put_back(kept));
        let lanes = page.into_iter().map(|kept| {
            let mut lane = Lane::new(kept);
            lane.until = Some(Until { now: horizon, why: Why::Clock });
            lane
        });
        Ok(lanes.collect())
    }

    /// What erasures took besides records since this was asked last.
    pub fn take_forgotten(&mut self) -> Vec<Gone> {
        std::mem::take(&mut self.forgotten)
    }

    /// Keeps what a batch gave until the next commit.
    fn absorb(&mut self, to: Standing, assigned: Assigned, result: Yield) -> Result<u64, RouterError> {
        let Yield { mut tells, notes, turns } = result;
        tells.extend(telling::untold(&assigned.lanes));
        // It stands in the journal before the store moves: a crash between the two tells it again, and the journal knows it.
        self.told = self.told.max(telling::write(&*self.journal, tells, self.config.appends)?);
        self.pending.add(&mut self.desk, to, assigned, notes);
        self.reached = to.position;
        Ok(turns)
    }

    fn pauses(&self) -> Pauses {
        Pauses::of(&self.state.setup, &self.ahead)
    }

    fn flush(&mut self) -> Result<(), RouterError> {
        self.standing = self.pending.flush(&mut self.desk, &*self.store, self.standing)?;
        Ok(())
    }
}
