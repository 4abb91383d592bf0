//! The fold's own loop: read, give, run, commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::{Batch, Journal};
use model::{CustomerId, Entry, FoldState, Identity, Instant, Note, Position, Record, Source};
use store::{Changed, Commit, Indexed, Query, Standing, Store};

use crate::desk::{Desk, Kept};
use crate::identity::{Assigned, Rules};
use crate::lane::{Lane, Until, Why};
use crate::rounds::{Rounds, Tell, Yield};
use crate::{Plugins, RouterError, setup};

#[derive(Clone, Copy, Debug)]
pub struct RouterConfig {
    /// Records in one commit, at most. Under light load a commit holds what is there.
    pub batch_max: usize,
    /// Customers that are kept at hand between commits.
    pub desk_max: usize,
    /// Events that policies tell: appended where they are missing, or only looked for, as a rebuild does.
    pub appends: bool,
}

impl Default for RouterConfig {
    fn default() -> Self {
        RouterConfig { batch_max: 2048, desk_max: 100_000, appends: true }
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
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    plugins: Arc<dyn Plugins>,
    config: RouterConfig,
    standing: Standing,
    state: FoldState,
    desk: Desk,
    halt: Arc<AtomicBool>,
}

impl Router {
    /// # Errors
    /// [`RouterError::Ahead`] if the store was folded from another journal; others if either cannot be read.
    pub fn open(
        journal: Arc<dyn Journal>,
        store: Arc<dyn Store>,
        plugins: Arc<dyn Plugins>,
        config: RouterConfig,
    ) -> Result<Router, RouterError> {
        let (standing, state) = store.standing()?;
        let head = journal.head()?.position;
        if standing.position > head {
            return Err(RouterError::Ahead { stands: standing.position, head });
        }
        let (desk, halt) = (Desk::default(), Arc::default());
        Ok(Router { journal, store, plugins, config, standing, state, desk, halt })
    }

    /// Set it, and whatever the router is at ends after the commit at hand with [`RouterError::Halted`].
    #[must_use]
    pub fn halt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.halt)
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

    /// Folds everything that the journal holds, then fires every alarm due by `now`.
    ///
    /// Before an alarm fires by the clock, the journal is told that no later record may be older than `now`. So an
    /// alarm never fires after the clock what would have come before it in the journal.
    ///
    /// # Errors
    /// [`RouterError`]; what was committed before it stays.
    pub fn settle(&mut self, now: Instant) -> Result<Folded, RouterError> {
        let mut sum = self.catch_up(Position::MAX)?;
        if self.store.due(now, 1)?.is_empty() {
            return Ok(sum);
        }
        self.journal.append(&[Batch { now, ..Batch::default() }])?;
        let head = self.journal.head()?;
        for step in [self.catch_up(head.position)?, self.fire(now)?] {
            sum.records += step.records;
            sum.turns += step.turns;
        }
        Ok(sum)
    }

    /// Folds up to this position, or to the end of the journal.
    ///
    /// # Errors
    /// [`RouterError`]; what was committed before it stays.
    pub fn catch_up(&mut self, upto: Position) -> Result<Folded, RouterError> {
        let mut sum = Folded::default();
        loop {
            let step = self.fold(upto)?;
            if step.records == 0 {
                return Ok(sum);
            }
            sum.records += step.records;
            sum.turns += step.turns;
        }
    }

    /// Folds one batch: the next records, at most `batch_max`, none behind `upto`.
    ///
    /// # Errors
    /// [`RouterError`]; nothing of the batch was committed.
    pub fn fold(&mut self, upto: Position) -> Result<Folded, RouterError> {
        if self.halt.load(Ordering::Relaxed) {
            return Err(RouterError::Halted);
        }
        let left = usize::try_from(upto.saturating_sub(self.standing.position)).unwrap_or(usize::MAX);
        let records = self.journal.read(self.standing.position, self.config.batch_max.min(left))?;
        let result = match records.first() {
            None => Ok(Folded::default()),
            Some(Record { position, now, entry: Entry::Setup(setup) }) => {
                self.set_up(*position, *now, setup).map(|turns| Folded { records: 1, turns })
            }
            Some(_) => {
                let events =
                    records.iter().take_while(|record| !matches!(record.entry, Entry::Setup(_))).count();
                let records: Vec<Arc<Record>> = records.into_iter().take(events).map(Arc::new).collect();
                self.fold_events(&records)
            }
        };
        self.after(result)
    }

    /// Fires every alarm due by `upto`, in the order of their times. The caller promises that everything older is folded.
    ///
    /// # Errors
    /// [`RouterError`]; what was committed before it stays.
    pub fn fire(&mut self, upto: Instant) -> Result<Folded, RouterError> {
        let mut sum = Folded::default();
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
            if let Ok((standing, state)) = self.store.standing() {
                (self.standing, self.state) = (standing, state);
            }
        }
        result
    }

    fn fold_events(&mut self, records: &[Arc<Record>]) -> Result<Folded, RouterError> {
        if self.desk.len() > self.config.desk_max {
            self.desk.clear();
        }
        let rules = Rules::new(&self.state.setup);
        let handles: Vec<Vec<Identity>> = records.iter().map(|record| rules.handles(record)).collect();
        self.desk.fetch_handles(&*self.store, &handles.iter().flatten().collect())?;
        let mut assigned = Assigned::default();
        for (record, handles) in records.iter().zip(&handles) {
            assigned.give(&rules, &mut self.desk, record, handles)?;
        }
        let rounds = Rounds::new(&*self.journal, &*self.plugins, &self.state);
        let result = rounds.run(&mut assigned.lanes)?;
        let position = records.last().map_or(self.standing.position, |record| record.position);
        let to = Standing { position, fired: self.standing.fired };
        let turns = self.commit(to, assigned, result)?;
        Ok(Folded { records: records.len() as u64, turns })
    }

    /// One page of customers whom time changes: fires all of theirs that come before anybody else's. None: the page is
    /// too small to tell.
    fn fire_page(&mut self, upto: Instant, limit: usize) -> Result<Option<(u64, bool)>, RouterError> {
        let due = self.store.due(upto, limit.saturating_add(1))?;
        let lanes = self.due_lanes(&due, upto, limit)?;
        if lanes.is_empty() && !due.is_empty() {
            return Ok(None);
        }
        let mut assigned = Assigned::of(lanes);
        let result = Rounds::new(&*self.journal, &*self.plugins, &self.state).run(&mut assigned.lanes)?;
        let ended = due.len() <= limit;
        let fired = if ended { upto } else { self.standing.fired };
        let to = Standing { position: self.standing.position, fired };
        let turns = self.commit(to, assigned, result)?;
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
        rest.into_iter().for_each(|kept| self.desk.put(kept.customer));
        let lanes = page.into_iter().map(|kept| {
            let mut lane = Lane::new(kept);
            lane.until = Some(Until { now: horizon, why: Why::Clock });
            lane
        });
        Ok(lanes.collect())
    }

    /// A change of the configuration takes over: where policies decide otherwise, every customer is folded again.
    fn set_up(&mut self, position: Position, now: Instant, new: &model::Setup) -> Result<u64, RouterError> {
        // What was due before is decided by those who asked for it, whether the clock was there in time or not.
        let mut turns = self.fire(now)?.turns;
        let state = setup::changed(&self.state, new, position);
        if setup::needs_refold(&self.state.setup, new) {
            self.desk.clear();
            self.announce(&state)?;
            let mut after = None;
            loop {
                let page = self.store.page(&Query { tag: None, after, limit: self.config.batch_max })?;
                let Some(last) = page.last() else { break };
                if self.halt.load(Ordering::Relaxed) {
                    return Err(RouterError::Halted);
                }
                after = Some(last.id);
                turns += self.refold(page, now, &state)?;
            }
        }
        let to = Standing { position, fired: self.standing.fired };
        let commit = Commit { from: self.standing, to, state: Some(&state), ..Commit::default() };
        self.store.commit(&commit)?;
        self.standing = to;
        self.state = state;
        Ok(turns)
    }

    /// Lists the new versions before any customer bears one of them as a cause.
    fn announce(&mut self, new: &FoldState) -> Result<(), RouterError> {
        let state = FoldState { setup: self.state.setup.clone(), versions: new.versions.clone() };
        let (from, to) = (self.standing, self.standing);
        self.store.commit(&Commit { from, to, state: Some(&state), ..Commit::default() })?;
        self.state = state;
        Ok(())
    }

    /// The store does not move: should the host stop halfway, all of it is done again, to the same end.
    fn refold(
        &mut self,
        page: Vec<model::Customer>,
        now: Instant,
        state: &FoldState,
    ) -> Result<u64, RouterError> {
        let lanes = page.into_iter().map(|customer| {
            let before = Indexed::of(&customer);
            Lane::again(Kept { customer, before }, now)
        });
        let mut assigned = Assigned::of(lanes.collect());
        let result = Rounds::new(&*self.journal, &*self.plugins, state).run(&mut assigned.lanes)?;
        let turns = self.commit(self.standing, assigned, result)?;
        self.desk.clear();
        Ok(turns)
    }

    fn commit(&mut self, to: Standing, assigned: Assigned, result: Yield) -> Result<u64, RouterError> {
        let Yield { mut tells, notes, turns } = result;
        tells.sort_by_key(|tell| tell.order);
        self.tell(tells)?;
        let all_notes: Vec<Note> = assigned.notes.iter().cloned().chain(notes).collect();
        let handles: BTreeSet<&Identity> = assigned.handles.iter().collect();
        let commit = Commit {
            from: self.standing,
            to,
            customers: assigned
                .lanes
                .iter()
                .filter(|lane| !lane.superseded)
                .map(|lane| Changed { customer: &lane.customer, before: &lane.before })
                .collect(),
            merged: assigned
                .gone
                .iter()
                .map(|&(gone, into, lane)| (gone, into, &assigned.lanes[lane].before))
                .collect(),
            handles: handles
                .into_iter()
                .filter_map(|handle| Some((handle, self.desk.owner(handle)?)))
                .collect(),
            notes: all_notes,
            state: None,
        };
        self.store.commit(&commit)?;
        drop(commit);
        self.standing = to;
        for lane in assigned.lanes.into_iter().filter(|lane| !lane.superseded) {
            self.desk.put(lane.customer);
        }
        Ok(turns)
    }

    /// What policies told of others stands in the journal before the store moves: a crash between the two tells it
    /// again, and the journal knows it.
    fn tell(&self, tells: Vec<Tell>) -> Result<(), RouterError> {
        if tells.is_empty() {
            return Ok(());
        }
        if self.config.appends {
            let entries = tells.into_iter().map(|tell| Entry::Derived(tell.derived)).collect();
            self.journal.append(&[Batch { entries, ..Batch::default() }])?;
            return Ok(());
        }
        for Tell { order: _, derived } in tells {
            let source = Source::Policy(&derived.binding);
            if self.journal.locate(source, &derived.event.id)?.is_none() {
                return Err(RouterError::Untold { binding: derived.binding, position: derived.cause });
            }
        }
        Ok(())
    }
}
