//! A slice, folded moment by moment: each record, and each time at which an alarm fires or a tag ends.
//!
//! Invariant: wherever a walk stops, its store is what [`crate::refold`] gives to that standing.

use std::sync::Arc;

use model::{CustomerId, Instant, Position};
use store::{Agenda, MemoryStore, Standing, Store};

use crate::{Plugins, Refolded, Router, RouterConfig, RouterError, Slice};

/// A fold of a slice that goes on from where it is, in a store of its own.
pub struct Walk {
    slice: Arc<Slice>,
    store: Arc<MemoryStore>,
    router: Router,
}

/// Something happened: a record was folded, or a time came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Where the fold stands behind it.
    pub standing: Standing,
    /// When it was: the journal's time of the record, or the time that came.
    pub now: Instant,
    /// The record. None: time alone did it.
    pub record: Option<Position>,
}

/// The moment from which on something is so without a break, and what shows it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since<T> {
    /// None: it is not so at the end.
    pub began: Option<(Moment, T)>,
    /// Moments that were looked at.
    pub looked_at: u64,
    /// False: there were more moments than were allowed, and nothing is known.
    pub ended: bool,
}

impl Walk {
    /// # Errors
    /// [`RouterError`] if the journal cannot be read.
    pub fn begin(slice: &Arc<Slice>, plugins: Arc<dyn Plugins>) -> Result<Walk, RouterError> {
        let store = Arc::new(MemoryStore::default());
        // One thread and no commits beside it: a slice is small, many may be folded at once, and who watches the turns sees
        // them in their order.
        let config = RouterConfig { threads: 1, erases: false, ..RouterConfig::default() };
        let router = Router::open(Arc::clone(slice) as _, store.clone(), plugins, config)?;
        Ok(Walk { slice: Arc::clone(slice), store, router })
    }

    /// Folds on to there, alarms included. Never goes back.
    ///
    /// # Errors
    /// [`RouterError`] as any fold.
    pub fn to(&mut self, upto: Standing) -> Result<(), RouterError> {
        self.router.catch_up(upto.position)?;
        self.router.fire(upto.fired)?;
        Ok(())
    }

    /// What was told in it, too.
    ///
    /// # Errors
    /// [`RouterError`] as any fold.
    pub fn to_the_tail(&mut self) -> Result<(), RouterError> {
        self.router.catch_up(Position::MAX)?;
        Ok(())
    }

    /// The next moment that is not beyond `upto`. None: there is none.
    ///
    /// # Errors
    /// [`RouterError`] as any fold.
    pub fn step(&mut self, upto: Standing) -> Result<Option<Moment>, RouterError> {
        let standing = self.router.standing();
        let next = self.slice.behind(standing.position).filter(|record| record.position <= upto.position);
        let next = next.map(|record| (record.position, record.now));
        let horizon = next.map_or(upto.fired, |(_, now)| now);
        // At one time alarms come before the record.
        if let Some(due) = self.next_due(horizon)?.filter(|due| *due > standing.fired) {
            self.router.fire(due)?;
            return Ok(Some(Moment { standing: self.router.standing(), now: due, record: None }));
        }
        let Some((position, now)) = next else { return Ok(None) };
        self.router.catch_up(position)?;
        Ok(Some(Moment { standing: self.router.standing(), now, record: Some(position) }))
    }

    fn next_due(&self, horizon: Instant) -> Result<Option<Instant>, RouterError> {
        let due: Vec<CustomerId> = self.store.due(Agenda::Fold, horizon, 1)?;
        let customer = self.store.load(&due)?.pop().flatten();
        Ok(customer.and_then(|customer| customer.next_due()))
    }

    /// Looks at every moment up to `upto`, at most at `moments_max` of them. What `shows` gives stands for that it is so.
    ///
    /// # Errors
    /// [`RouterError`] as any fold, or what `shows` says.
    pub fn since<T>(
        &mut self,
        upto: Standing,
        moments_max: u64,
        mut shows: impl FnMut(&MemoryStore) -> Result<Option<T>, RouterError>,
    ) -> Result<Since<T>, RouterError> {
        let mut since = Since { began: None, looked_at: 0, ended: true };
        while let Some(moment) = self.step(upto)? {
            if since.looked_at == moments_max {
                return Ok(Since { began: None, ended: false, ..since });
            }
            since.looked_at += 1;
            match (shows(&self.store)?, &since.began) {
                (None, _) => since.began = None,
                (Some(shown), None) => since.began = Some((moment, shown)),
                (Some(_), Some(_)) => {}
            }
        }
        Ok(since)
    }

    #[must_use]
    pub fn store(&self) -> &Arc<MemoryStore> {
        &self.store
    }

    /// What it gave up to here.
    ///
    /// # Errors
    /// [`RouterError`] never, for a store in memory.
    pub fn refolded(&self) -> Result<Refolded, RouterError> {
        let (standing, state) = self.store.standing()?;
        Ok(Refolded { store: self.store.clone(), standing, state })
    }
}
