//! One host: a journal, a store, and the router between them.

use std::sync::Arc;

use journal::Journal;
use model::{Digest, Record};
use router::{Router, RouterConfig};
use store::{Standing, Store};

use crate::life::{self, Act};
use crate::policies::Natives;

pub struct Host {
    pub journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    pub plugins: Arc<Natives>,
    router: Router,
    batch_max: usize,
}

impl Host {
    pub fn new(journal: Arc<dyn Journal>, store: Arc<dyn Store>, batch_max: usize) -> Host {
        let plugins = Arc::new(Natives::default());
        let router = open(&journal, &store, &plugins, batch_max);
        Host { journal, store, plugins, router, batch_max }
    }

    fn restart(&mut self) {
        self.router = open(&self.journal, &self.store, &self.plugins, self.batch_max);
    }

    /// Lives a life, to the end of time.
    pub fn live(&mut self, life: &[Act], restarts: bool) {
        for act in life {
            match act {
                Act::Append(batch) => {
                    drop(self.journal.append(std::slice::from_ref(&**batch)).expect("append"))
                }
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

    pub fn digest(&self) -> (Digest, Standing) {
        self.store.digest().expect("digest")
    }

    pub fn records(&self) -> Vec<Record> {
        self.journal.read(0, usize::MAX).expect("read")
    }
}

pub fn open(
    journal: &Arc<dyn Journal>,
    store: &Arc<dyn Store>,
    plugins: &Arc<Natives>,
    batch_max: usize,
) -> Router {
    let config = RouterConfig {
        batch_max,
        commit_max: 2 * batch_max + 1,
        desk_max: 3,
        threads: 3,
        threads_from: 2,
        appends: true,
    };
    Router::open(Arc::clone(journal), Arc::clone(store), plugins.clone(), config).expect("open")
}
