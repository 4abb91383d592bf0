//! The thread that folds: woken by every append, by the clock, and by whoever waits for the fold to have come so far.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use api::HealthReport;
use journal::{Batch, Journal};
use model::{Entry, Setup};
use router::{Router, RouterError};
use store::Standing;
use tokio::sync::{oneshot, watch};

use super::clock::HostClock;
use crate::telemetry::Waiting;

/// How often alarms are looked for when nothing is appended.
const TICK: Duration = Duration::from_secs(1);

/// How long the fold rests after a failure, before it tries the same again.
const REST: Duration = Duration::from_secs(1);

pub(crate) enum Wake {
    /// Something was appended, or the wanted setup changed.
    Look,
    /// Fold everything and fire every alarm that is due by now, and say so.
    Settle(oneshot::Sender<Result<Standing, String>>),
    Stop,
}

pub(crate) struct Folder {
    router: Router,
    journal: Arc<dyn Journal>,
    clock: HostClock,
    wanted: Arc<Mutex<Setup>>,
    health: watch::Sender<HealthReport>,
    waiting: Waiting,
    wakes: Receiver<Wake>,
}

/// Wakes the folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FolderHandle {
    wakes: Sender<Wake>,
    wanted: Arc<Mutex<Setup>>,
    halt: Arc<AtomicBool>,
}

impl Folder {
    pub(crate) fn new(
        router: Router,
        journal: Arc<dyn Journal>,
        clock: HostClock,
        wanted: Setup,
        health: watch::Sender<HealthReport>,
        waiting: Waiting,
    ) -> (Folder, FolderHandle) {
        let (wakes_in, wakes) = channel();
        let wanted = Arc::new(Mutex::new(wanted));
        let handle = FolderHandle { wakes: wakes_in, wanted: Arc::clone(&wanted), halt: router.halt() };
        (Folder { router, journal, clock, wanted, health, waiting, wakes }, handle)
    }

    pub(crate) fn spawn(self) -> std::io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("folder".to_owned()).spawn(|| self.run())
    }

    fn run(mut self) {
        loop {
            let result = self.settle();
            self.report(&result);
            let rest = if result.is_err() { REST } else { TICK };
            if let Err(error) = &result
                && *error != RouterError::Halted
            {
                tracing::error!(%error, "the fold rests: it goes on from where the store stands");
            }
            let wake = match self.wakes.recv_timeout(rest) {
                Ok(wake) => wake,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Whatever gathered meanwhile is one look.
            for wake in std::iter::once(wake).chain(self.wakes.try_iter().collect::<Vec<_>>()) {
                match wake {
                    Wake::Look => {}
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

    fn settle(&mut self) -> Result<Standing, RouterError> {
        let fold = self.waiting.fold();
        let result = fold.in_scope(|| self.fold());
        self.waiting.folded(&fold, self.router.standing().position);
        result
    }

    fn fold(&mut self) -> Result<Standing, RouterError> {
        let now = self.clock.now();
        self.router.settle(now)?;
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if *self.router.setup() != wanted {
            tracing::info!(policies = wanted.policies.len(), "the configuration takes over");
            let entries = vec![Entry::Setup(wanted)];
            self.journal.append(&[Batch { now, entries, ..Batch::default() }])?;
            self.router.settle(now)?;
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

impl FolderHandle {
    pub(crate) fn wake(&self) {
        drop(self.wakes.send(Wake::Look));
    }

    pub(crate) fn want(&self, setup: Setup) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = setup;
        self.wake();
    }

    pub(crate) fn wanted(&self) -> Setup {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
