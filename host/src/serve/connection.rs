//! One configured account of a channel, as it runs.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use journal::{Appender, Batch, Placed, Receipt, Recollection, Refused};
use model::{ChannelEvent, Entry, Harvest, Instant, Json, MemoryWrite};
use sandbox::{Call, ConnectionMemory, Connector, Http};
use tokio::sync::Semaphore;

use super::clock::HostClock;
use super::counts::{Counts, bump};
use super::doors::Doors;
use crate::carrying::Outlet;

/// Webhooks of one connection that may be handled at once: its own budget, so that a dead platform slows nobody else. Together
/// with its feed, its chores and what it carries they have `calls_max` places of the pool.
pub(crate) const CALLS_MAX: usize = 32;

/// How long a poll, a chore or an errand waits for its place. One that gets none is put off, as by a channel that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls of one connection that may wait for their turn besides: a burst is taken, a flood is told to come again.
pub(crate) const CALLS_WAITING_MAX: usize = 256;

/// Chores of one connection that may be worked on at once.
pub(crate) const CHORES_MAX: usize = 8;

pub(crate) struct Connection {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) connector: Connector,
    /// What of it the courier's rules are asked about.
    pub(crate) outlet: Outlet,
    pub(crate) settings: Json,
    /// What of the settings came from files or the environment.
    pub(crate) secrets: Vec<String>,
    pub(crate) http: Http,
    pub(crate) poll_every: Duration,
    /// Outlives a reload of the configuration.
    pub(crate) standing: Arc<ConnectionStanding>,
}

/// What a connection knows between its calls, and what it counted.
pub(crate) struct ConnectionStanding {
    cursor: Mutex<Option<Json>>,
    memory: ConnectionMemory,
    /// When the feed is asked next.
    pub(crate) next_poll: AtomicU64,
    /// Held while memory is committed.
    writing: tokio::sync::Mutex<()>,
    /// Held while the feed is asked: one poll at a time.
    pub(crate) polling: tokio::sync::Mutex<()>,
    pub(crate) calls: Semaphore,
    /// Room for those at work and those that wait.
    pub(crate) waiting: Semaphore,
    pub(crate) chores: Arc<Semaphore>,
    pub(crate) chores_at_work: Mutex<std::collections::BTreeSet<u64>>,
    /// How often the plugin failed at a chore that waits, by its number.
    pub(crate) chore_faults: Mutex<std::collections::BTreeMap<u64, u32>>,
    /// The feed's failures in a row.
    pub(crate) failures: AtomicU64,
    /// May letters of the feed wait? They end when it goes on.
    pub(crate) feed_letters: AtomicBool,
    pub(crate) counts: Counts,
    pub(crate) doors: Doors,
    /// Why nothing is carried by it now.
    resting: Mutex<Option<String>>,
    /// Errands that wait for it in memory.
    pub(crate) errands: AtomicU64,
}

impl ConnectionStanding {
    pub(crate) fn new(recollection: Recollection) -> ConnectionStanding {
        ConnectionStanding {
            cursor: Mutex::new(recollection.cursor),
            memory: ConnectionMemory::new(recollection.memory),
            next_poll: AtomicU64::new(0),
            writing: tokio::sync::Mutex::new(()),
            polling: tokio::sync::Mutex::new(()),
            calls: Semaphore::new(CALLS_MAX),
            waiting: Semaphore::new(CALLS_MAX + CALLS_WAITING_MAX),
            chores: Arc::new(Semaphore::new(CHORES_MAX)),
            chores_at_work: Mutex::default(),
            chore_faults: Mutex::default(),
            failures: AtomicU64::new(0),
            feed_letters: AtomicBool::new(true),
            counts: Counts::default(),
            doors: Doors::new(),
            resting: Mutex::new(None),
            errands: AtomicU64::new(0),
        }
    }

    pub(crate) fn cursor(&self) -> Option<Json> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn resting(&self) -> Option<String> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_resting(&self, why: Option<String>) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

impl Connection {
    pub(crate) fn call(&self, clock: &HostClock) -> Call {
        let clock = clock.clone();
        Call {
            connection: self.name.clone(),
            settings: self.settings.clone(),
            secrets: self.secrets.clone(),
            clock: Arc::new(move || clock.now()),
            memory: self.standing.memory.clone(),
            http: self.http.clone(),
            patience: PATIENCE,
        }
    }

    /// A cell that the journal has no longer.
    pub(crate) fn forget(&self, key: String, now: Instant) {
        self.standing.memory.apply(vec![MemoryWrite::Delete { key }], now);
    }

    /// A batch of what a call left behind, to be filled in further.
    pub(crate) fn batch(&self, now: Instant, harvest: Harvest, memory: Vec<MemoryWrite>) -> Batch {
        let Harvest { events, chores } = harvest;
        let entry = |event| Entry::Event(ChannelEvent { connection: self.name.clone(), event });
        let entries = events.into_iter().map(entry).collect();
        Batch { connection: self.name.clone(), now, entries, chores, memory, ..Batch::default() }
    }

    /// Makes a batch durable. Nothing to keep is durable at once.
    pub(crate) async fn keep(&self, appender: &Appender, batch: Batch) -> Result<Receipt, Refused> {
        let Batch { connection: _, now: _, entries, cursor, memory, chores, chore, dead, ends } = &batch;
        let nothing = entries.is_empty() && memory.is_empty() && chores.is_empty() && ends.is_empty();
        if nothing && cursor.is_none() && chore.is_none() && dead.is_none() {
            return Ok(Receipt::default());
        }
        let (now, cursor, memory) = (batch.now, cursor.clone(), memory.clone());
        let events: Vec<bool> = entries.iter().map(|entry| entry.event().is_some()).collect();
        let counts = &self.standing.counts.events;
        let yielded = events.iter().filter(|is_event| **is_event).count();
        bump(&counts.yielded, yielded);
        let kept = if memory.is_empty() {
            appender.append(batch).await
        } else {
            // In the order in which the journal has them.
            let _one_at_a_time = self.standing.writing.lock().await;
            let kept = appender.append(batch).await;
            if kept.is_ok() {
                self.standing.memory.apply(memory, now);
            }
            kept
        };
        let receipt = match kept {
            Ok(receipt) => receipt,
            Err(refused) => {
                bump(&counts.unkept, yielded);
                return Err(refused);
            }
        };
        if cursor.is_some() {
            *self.standing.cursor.lock().unwrap_or_else(PoisonError::into_inner) = cursor;
        }
        let placed = receipt.placed.iter().zip(events).filter(|(_, is_event)| *is_event);
        for (placed, _) in placed {
            let count = match placed {
                Placed::New(_) => &counts.stored,
                Placed::Known(_) => &counts.duplicates,
            };
            bump(count, 1);
        }
        Ok(receipt)
    }
}
