//! Random journals: neither the size of a batch, nor a restart, nor a failing call, nor when the clock ticked ever
//! changes what the fold gives.

#[path = "fold/host.rs"]
mod host;
#[path = "fold/life.rs"]
mod life;
#[path = "fold/policies.rs"]
mod policies;

use std::sync::Arc;

use journal::MemoryJournal;
use proptest::prelude::*;
use router::rebuild;
use store::MemoryStore;

use host::Host;
use life::Act;

fn host(batch_max: usize) -> Host {
    Host::new(Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()), batch_max)
}

fn check(life: &[Act]) -> Result<(), TestCaseError> {
    let mut first = host(1);
    first.live(life, false);
    let expected = first.digest();
    for (batch_max, restarts) in [(2, false), (7, true), (1000, false), (1, true)] {
        let mut other = host(batch_max);
        other.live(life, restarts);
        prop_assert_eq!(first.records(), other.records(), "journals, batches of {}", batch_max);
        prop_assert_eq!(expected, other.digest(), "batches of {}, restarts {}", batch_max, restarts);
    }
    // The clock ticks differently: the journal is the same, and its rebuild is the store.
    let rebuilt = rebuild(first.journal.clone(), first.plugins.clone(), expected.1).expect("rebuild");
    prop_assert_eq!(rebuilt.digest, expected.0, "rebuild");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_depends_on_the_journal_and_nothing_else(life in life::strategy()) {
        check(&life)?;
    }
}
