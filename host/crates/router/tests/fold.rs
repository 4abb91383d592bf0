//! Random journals: neither the size of a batch, nor a restart, nor a failing call, nor when the clock ticked ever
//! changes what the fold gives.

#[path = "fold/life.rs"]
mod life;
#[path = "fold/policies.rs"]
mod policies;

use std::sync::Arc;

use journal::{Journal, MemoryJournal};
use proptest::prelude::*;
use router::{Router, RouterConfig, rebuild};
use store::{MemoryStore, Standing, Store};

use life::Act;
use policies::Natives;

/// One host: a journal, a store, and the router between them.
struct Host {
    journal: Arc<MemoryJournal>,
    store: Arc<MemoryStore>,
    plugins: Arc<Natives>,
    router: Router,
    batch_max: usize,
}

impl Host {
    fn new(batch_max: usize) -> Host {
        let (journal, store) = (Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()));
        let plugins = Arc::new(Natives::default());
        let router = Host::open(&journal, &store, &plugins, batch_max);
        Host { journal, store, plugins, router, batch_max }
    }

    fn open(
        journal: &Arc<MemoryJournal>,
        store: &Arc<MemoryStore>,
        plugins: &Arc<Natives>,
        batch_max: usize,
    ) -> Router {
        let config = RouterConfig { batch_max, desk_max: 3, appends: true };
        Router::open(journal.clone(), store.clone(), plugins.clone(), config).expect("open")
    }

    fn restart(&mut self) {
        self.router = Host::open(&self.journal, &self.store, &self.plugins, self.batch_max);
    }

    fn live(&mut self, life: &[Act], restarts: bool) {
        for act in life {
            match act {
                Act::Append(batch) => drop(self.journal.append(std::slice::from_ref(batch)).expect("append")),
                Act::Settle(now) => drop(self.router.settle(*now).expect("settle")),
                Act::Fail => {
                    self.plugins.fail_next();
                    // Nothing may be lost by it; the next settle does what this one did not.
                    if self.router.catch_up(u64::MAX).is_ok() {
                        self.plugins.heal();
                    }
                }
            }
            if restarts {
                self.restart();
            }
        }
        self.router.settle(life::THE_END).expect("settle");
    }

    fn digest(&self) -> (model::Digest, Standing) {
        self.store.digest().expect("digest")
    }
}

fn check(life: &[Act]) -> Result<(), TestCaseError> {
    let mut first = Host::new(1);
    first.live(life, false);
    let expected = first.digest();
    for (batch_max, restarts) in [(2, false), (7, true), (1000, false), (1, true)] {
        let mut other = Host::new(batch_max);
        other.live(life, restarts);
        let records = |host: &Host| host.journal.read(0, usize::MAX).expect("read");
        prop_assert_eq!(records(&first), records(&other), "journals, batches of {}", batch_max);
        prop_assert_eq!(expected, other.digest(), "batches of {}, restarts {}", batch_max, restarts);
    }
    // The clock ticks differently: the journal is the same, and its rebuild is the store.
    let rebuilt = rebuild(first.journal.clone(), first.plugins.clone(), expected.1).expect("rebuild");
    prop_assert_eq!(rebuilt.digest, expected.0, "rebuild");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_depends_on_the_journal_and_nothing_else(life in life::strategy()) {
        check(&life)?;
    }
}
