//! Folds a journal again beside the store that was made of it.

use std::sync::Arc;

use journal::Records;
use model::{Deed, Digest, Entry, Position, Record};
use store::{Agenda, MemoryStore, Standing, Store};

use crate::pauses::{self, Pauses};
use crate::{Plugins, Router, RouterConfig, RouterError};

/// What the journal gives when it is folded from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub digest: Digest,
    pub standing: Standing,
}

/// What a host was at when it ended, and goes on with when it starts: until then its store is between two standings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// People are folded again because of this record, page by page.
    Record(Position),
    /// Alarms fire, page by page.
    Alarms,
    /// The act there erased somebody while a policy was paused. Who had to do with her is folded again when that decides again.
    Others(Position),
}

/// What may be under way in a store that stands here: a reason why it is not what its journal gives.
///
/// # Errors
/// [`RouterError`] as they come.
pub fn under_way(
    journal: &dyn Records,
    store: &dyn Store,
    standing: Standing,
) -> Result<Option<UnderWay>, RouterError> {
    if let Some(next) = journal.read(standing.position, 1)?.first()
        && matches!(next.entry, Entry::Setup(_) | Entry::Configured(_) | Entry::Act(_))
    {
        return Ok(Some(UnderWay::Record(next.position)));
    }
    if !store.due(Agenda::Fold, journal.head()?.now, 1)?.is_empty() {
        return Ok(Some(UnderWay::Alarms));
    }
    let (_, state) = store.standing()?;
    let pauses = Pauses::of(&state.setup, &pauses::ahead(journal, standing.position)?);
    let paused =
        |record: &Record| (0..state.setup.policies.len()).any(|place| pauses.holds(place, record.position));
    let erases = |record: &Record| match &record.entry {
        Entry::Act(act) => matches!(act.deed, Deed::Erase(_)),
        _ => false,
    };
    let owed = journal.fetch(&state.alone)?.into_iter().find(|record| erases(record) && paused(record));
    Ok(owed.map(|record| UnderWay::Others(record.position)))
}

/// Folds up to where a store stands, in memory. The journal is only read.
///
/// # Errors
/// [`RouterError::Untold`] if the journal lacks an event that the fold gives; others as they come.
pub fn rebuild(
    journal: Arc<dyn Records>,
    plugins: Arc<dyn Plugins>,
    upto: Standing,
) -> Result<Rebuilt, RouterError> {
    let scratch = Arc::new(MemoryStore::default());
    let config = RouterConfig { appends: false, erases: false, ..RouterConfig::default() };
    let mut router = Router::open(journal, scratch.clone(), plugins, config)?;
    router.catch_up(upto.position)?;
    router.fire(upto.fired)?;
    let (digest, standing) = scratch.digest()?;
    Ok(Rebuilt { digest, standing })
}
