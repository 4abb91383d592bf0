//! Folds a journal again beside the store that was made of it.

use std::sync::Arc;

use journal::Journal;
use model::Digest;
use store::{MemoryStore, Standing, Store};

use crate::{Plugins, Router, RouterConfig, RouterError};

/// What the journal gives when it is folded from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    pub digest: Digest,
    pub standing: Standing,
}

/// Folds up to where a store stands, in memory. The journal is only read.
///
/// # Errors
/// [`RouterError::Untold`] if the journal lacks an event that the fold gives; others as they come.
pub fn rebuild(
    journal: Arc<dyn Journal>,
    plugins: Arc<dyn Plugins>,
    upto: Standing,
) -> Result<Rebuilt, RouterError> {
    let scratch = Arc::new(MemoryStore::default());
    let config = RouterConfig { appends: false, ..RouterConfig::default() };
    let mut router = Router::open(journal, scratch.clone(), plugins, config)?;
    router.catch_up(upto.position)?;
    router.fire(upto.fired)?;
    let (digest, standing) = scratch.digest()?;
    Ok(Rebuilt { digest, standing })
}
