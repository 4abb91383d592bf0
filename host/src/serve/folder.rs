//! The thread that folds: woken by every append, by the clock, and by whoever waits for the fold to have come so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant as Moment};

use api::HealthReport;
use journal::{Batch, Journal};
use model::{Instant, Position, Setup};
use router::{Router, RouterError};
use store::{Standing, Store};
use tokio::sync::{mpsc, oneshot, watch};

use super::clock::HostClock;
use super::granting::{self, Told, Wanted};
use super::pausing::Pausing;
use super::tokens::TokenWords;
use crate::telemetry::Waiting;

/// How often alarms are looked for when nothing is appended.
const TICK: Duration = Duration::from_secs(1);

/// How long the fold rests after a failure, before it tries the same again. It doubles while one policy cannot be called.
const REST: Duration = Duration::from_secs(1);

/// Under load, how long the fold waits for more between two batches: a commit costs the store, and everybody who looks when
/// something was folded, much the same for one record as for fifty. What comes alone is folded at once.
const GATHER: Duration = Duration::from_millis(20);

/// How often the store is asked how far the fold has come, while it does not say so itself.
const FOLD_LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) enum Wake {
    /// Something was appended.
    Look,
    /// The configuration was read again.
    Reloaded,
    /// Fold everything and fire every alarm that is due by now, and say so.
    Settle(oneshot::Sender<Result<Standing, String>>),
    Stop,
}

pub(crate) struct Folder {
    router: Router,
    journal: Arc<dyn Journal>,
    clock: HostClock,
    wanted: Arc<Mutex<Wanted>>,
    paused: Arc<Mutex<BTreeMap<String, String>>>,
    pausing: Pausing,
    health: watch::Sender<HealthReport>,
    forgotten: mpsc::UnboundedSender<Vec<Cell>>,
    /// Lists erasures outside of the journal.
    list: Option<Box<dyn FnMut() + Send>>,
    tokens: Option<TokenWords>,
    waiting: Waiting,
    wakes: Receiver<Wake>,
    looks: Arc<AtomicBool>,
}

/// The connection and the key of a cell of memory.
pub(crate) type Cell = (String, String);

/// Wakes the folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FolderHandle {
    wakes: Sender<Wake>,
    /// One look is asked for and not begun: a second would see the same. So however long the fold is busy, one waits.
    looks: Arc<AtomicBool>,
    wanted: Arc<Mutex<Wanted>>,
    paused: Arc<Mutex<BTreeMap<String, String>>>,
    halt: Arc<AtomicBool>,
}

impl Folder {
    pub(crate) fn new(
        router: Router,
        journal: Arc<dyn Journal>,
        clock: HostClock,
        wanted: Wanted,
        health: watch::Sender<HealthReport>,
        forgotten: mpsc::UnboundedSender<Vec<Cell>>,
        waiting: Waiting,
    ) -> (Folder, FolderHandle) {
        let (wakes_in, wakes) = channel();
        let wanted = Arc::new(Mutex::new(wanted));
        let paused = Arc::default();
        let looks = Arc::new(AtomicBool::new(false));
        let handle = FolderHandle {
            wakes: wakes_in,
            looks: Arc::clone(&looks),
            wanted: Arc::clone(&wanted),
            paused: Arc::clone(&paused),
            halt: router.halt(),
        };
        let (pausing, list, tokens) = (Pausing::default(), None, None);
        (
            Folder {
                router,
                journal,
                clock,
                wanted,
                paused,
                pausing,
                health,
                forgotten,
                list,
                tokens,
                waiting,
                wakes,
                looks,
            },
            handle,
        )
    }

    /// Calls this after somebody was erased, before anything else is folded.
    pub(crate) fn listing(mut self, list: Box<dyn FnMut() + Send>) -> Folder {
        self.list = Some(list);
        self
    }

    /// Tells the journal who made these tokens, or revoked them, and why.
    pub(crate) fn telling(mut self, tokens: TokenWords) -> Folder {
        self.tokens = Some(tokens);
        self
    }

    pub(crate) fn spawn(self) -> std::io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("folder".to_owned()).spawn(|| self.run())
    }

    fn run(mut self) {
        loop {
            let result = self.settle();
            self.report(&result);
            let doubled = self.pausing.tries().saturating_sub(1).min(3);
            let rest = if result.is_err() { REST * (1 << doubled) } else { TICK };
            if let Err(error) = &result
                && *error != RouterError::Halted
            {
                tracing::error!(%error, "the fold rests: it goes on from where the store stands");
            }
            let wake = match self.wakes.try_recv() {
                // It came while the last batch was folded, and more will.
                Ok(Wake::Look) if result.is_ok() => self.wait(GATHER, false),
                // The tries of a policy that cannot be called are to be some time apart.
                Ok(Wake::Look) | Err(_) => self.wait(rest, self.pausing.tries() == 0),
                Ok(wake) => Some(wake),
            };
            let Some(wake) = wake else { continue };
            // Whatever gathered meanwhile is one look.
            for wake in std::iter::once(wake).chain(self.wakes.try_iter().collect::<Vec<_>>()) {
                match wake {
                    Wake::Look => {}
                    Wake::Reloaded => self.pausing.try_again(),
                    Wake::Stop => return,
                    Wake::Settle(reply) => {
                        let result = self.settle();
                        self.report(&result);
                        drop(reply.send(result.map_err(|error| error.to_string())));
                    }
                }
            }
        }
    }

    /// The next word, or none for as long as it rests; an append may be passed over.
    fn wait(&self, rest: Duration, heeds_appends: bool) -> Option<Wake> {
        let until = Moment::now() + rest;
        loop {
            match self.wakes.recv_timeout(until.saturating_duration_since(Moment::now())) {
                Ok(Wake::Look) if !heeds_appends => {}
                Ok(wake) => return Some(wake),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(Wake::Stop),
            }
        }
    }

    /// As far as it goes; where a policy cannot be called again and again, or keeps failing, without that policy.
    fn settle(&mut self) -> Result<Standing, RouterError> {
        // Whatever is appended from here on is a look of its own.
        self.looks.store(false, Ordering::SeqCst);
        let fold = self.waiting.fold();
        let result = fold.in_scope(|| self.settle_or_pause());
        self.waiting.folded(self.router.standing().position);
        result
    }

    fn settle_or_pause(&mut self) -> Result<Standing, RouterError> {
        loop {
            let now = self.clock.now();
            let result = self.settle_once(now);
            let told = self.pausing.told(self.router.setup());
            *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = told;
            let Some((policy, why)) = self.pausing.heard(&result) else { return result };
            if self.router.pause(&policy, &why, now)?.is_none() {
                return result;
            }
            tracing::error!(
                policy,
                why,
                "the policy is PAUSED: it decides nothing, for anybody, until it is tried again or the configuration is read again"
            );
            self.pausing.pause(policy, why, now);
        }
    }

    fn settle_once(&mut self, now: Instant) -> Result<Standing, RouterError> {
        let settled = self.router.settle(now);
        let forgotten = self.router.take_forgotten();
        if let Some(list) = self.list.as_mut().filter(|_| !forgotten.is_empty()) {
            list();
        }
        for gone in forgotten {
            let (chores, cells, dead) = (gone.chores, gone.cells.len(), gone.dead);
            tracing::info!(chores, cells, dead, "a person was erased, and what waited for her is gone");
            // Who listens is the connections: they have their memories at hand.
            drop(self.forgotten.send(gone.cells));
        }
        settled?;
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let setup = self.pausing.wanted(wanted.setup.clone(), self.router.setup(), now);
        let told = Told {
            setup: self.router.setup(),
            grants: self.router.grants(),
            sections: self.router.sections(),
            stands: self.router.standing().position,
        };
        let mut entries = granting::records(told, setup, &wanted);
        let words = self.tokens.as_ref().map(|tokens| tokens.untold(&*self.journal)).transpose()?;
        let (untold, tokens_seen) = words.unwrap_or_default();
        entries.extend(untold);
        if !entries.is_empty() {
            self.journal.append(&[Batch { now, entries, ..Batch::default() }])?;
            self.router.settle(now)?;
        }
        if let Some(tokens) = &mut self.tokens {
            tokens.told(tokens_seen);
        }
        Ok(self.router.standing())
    }

    fn report(&self, result: &Result<Standing, RouterError>) {
        let head = self.journal.head();
        let standing = self.router.standing();
        let trouble = match (result, &head) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(_), Err(error)) => Some(error.to_string()),
            (Ok(_), Ok(_)) => None,
        };
        let position = head.map_or(standing.position, |head| head.position);
        let (folded, fired) = (standing.position, standing.fired);
        self.health.send_replace(HealthReport { position, folded, fired, trouble });
    }
}

/// Waits until the store has what stands at this position.
pub(crate) async fn folded(store: &dyn Store, mut health: watch::Receiver<HealthReport>, position: Position) {
    while health.borrow_and_update().folded < position {
        // It says so when it rests; in the middle of a long backlog the store knows better.
        if store.standing().is_ok_and(|(standing, _)| standing.position >= position) {
            return;
        }
        drop(tokio::time::timeout(FOLD_LOOK_EVERY, health.changed()).await);
    }
}

impl FolderHandle {
    /// Something was appended.
    pub(crate) fn wake(&self) {
        if !self.looks.swap(true, Ordering::SeqCst) {
            drop(self.wakes.send(Wake::Look));
        }
    }

    pub(crate) fn want(&self, wanted: Wanted) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        drop(self.wakes.send(Wake::Reloaded));
    }

    /// The policies that decide nothing now, and why.
    pub(crate) fn paused(&self) -> BTreeMap<String, String> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn wanted(&self) -> Setup {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).setup.clone()
    }

    pub(crate) async fn settle(&self) -> Result<Standing, String> {
        let (reply, answer) = oneshot::channel();
        self.wakes.send(Wake::Settle(reply)).map_err(|_| "the host stops".to_owned())?;
        answer.await.map_err(|_| "the host stops".to_owned())?
    }

    pub(crate) fn stop(&self) {
        self.halt.store(true, Ordering::Relaxed);
        drop(self.wakes.send(Wake::Stop));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_that_is_busy_is_asked_to_look_once_however_much_is_appended() {
        let (wakes_in, wakes) = channel();
        let looks = Arc::new(AtomicBool::new(false));
        let fold = FolderHandle {
            wakes: wakes_in,
            looks: Arc::clone(&looks),
            wanted: Arc::default(),
            paused: Arc::default(),
            halt: Arc::default(),
        };
        (0..1000).for_each(|_| fold.wake());
        assert_eq!(wakes.try_iter().count(), 1);
        // It looks; what comes now is for the next time.
        looks.store(false, Ordering::SeqCst);
        (0..1000).for_each(|_| fold.wake());
        assert_eq!(wakes.try_iter().count(), 1);
    }
}
