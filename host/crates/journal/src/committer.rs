//! Group commit: many callers wait, one append makes all of them durable.
//!
//! Under light load a caller is committed at once; under heavy load whatever gathered during the last commit goes into
//! the next one. Nothing waits for a timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot, watch};

use crate::{Batch, Head, Journal, JournalError, Receipt};

#[derive(Clone, Copy, Debug)]
pub struct CommitterConfig {
    /// Callers that may wait, beyond which a caller is refused at once: what bounds the memory of an overload.
    pub waiting_max: usize,
    /// Batches in one append: what bounds the time of one commit.
    pub batches_max: usize,
}

impl Default for CommitterConfig {
    fn default() -> Self {
        CommitterConfig { waiting_max: 4096, batches_max: 1024 }
    }
}

/// Why a batch was not appended. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the journal has too many callers waiting; try again")]
    Busy,
    #[error("the journal is closed: the host stops")]
    Closed,
    #[error(transparent)]
    Journal(#[from] JournalError),
}

struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<Receipt, JournalError>>,
}

/// The one that appends for many. The fold appends beside it, seldom and for itself.
pub struct Committer {
    journal: Arc<dyn Journal>,
    config: CommitterConfig,
    queue: mpsc::Receiver<Waiting>,
    head: watch::Sender<Head>,
}

/// Hands batches to the committer. Cheap to clone; when the last one is gone, the committer ends.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::Sender<Waiting>,
    head: watch::Receiver<Head>,
    refused: Arc<AtomicU64>,
}

impl Committer {
    /// # Errors
    /// [`JournalError`] if the journal cannot say where it ends.
    pub fn new(
        journal: Arc<dyn Journal>,
        config: CommitterConfig,
    ) -> Result<(Committer, Appender), JournalError> {
        let (head_in, head_out) = watch::channel(journal.head()?);
        let (queue_in, queue_out) = mpsc::channel(config.waiting_max);
        let committer = Committer { journal, config, queue: queue_out, head: head_in };
        Ok((committer, Appender { queue: queue_in, head: head_out, refused: Arc::default() }))
    }

    /// Runs on a thread of its own until every [`Appender`] is gone.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn spawn(self) -> std::io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("committer".to_owned()).spawn(|| self.run())
    }

    fn run(mut self) {
        let mut waiting = Vec::new();
        while self.queue.blocking_recv_many(&mut waiting, self.config.batches_max) > 0 {
            let (batches, answers): (Vec<Batch>, Vec<_>) =
                waiting.drain(..).map(|waiting| (waiting.batch, waiting.answer)).unzip();
            match self.journal.append(&batches) {
                Ok(receipts) => {
                    self.publish_head();
                    for (answer, receipt) in answers.into_iter().zip(receipts) {
                        // A caller that went away does not undo what is durable.
                        drop(answer.send(Ok(receipt)));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, batches = batches.len(), "append failed: nothing of it was kept");
                    for answer in answers {
                        drop(answer.send(Err(error.clone())));
                    }
                }
            }
        }
    }

    fn publish_head(&self) {
        match self.journal.head() {
            Ok(head) => drop(self.head.send_replace(head)),
            Err(error) => tracing::error!(%error, "the journal does not tell its head"),
        }
    }
}

impl Appender {
    /// Waits until the batch is durable.
    ///
    /// # Errors
    /// [`Refused`]; nothing was kept, the caller may try the same batch again.
    pub async fn append(&self, batch: Batch) -> Result<Receipt, Refused> {
        let (answer, receipt) = oneshot::channel();
        self.queue.try_send(Waiting { batch, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Refused::Busy
            }
            mpsc::error::TrySendError::Closed(_) => Refused::Closed,
        })?;
        Ok(receipt.await.map_err(|_| Refused::Closed)??)
    }

    /// Callers that wait now, and how many may.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let capacity = self.queue.max_capacity();
        (capacity - self.queue.capacity(), capacity)
    }

    /// Callers that were refused because too many waited, of all appenders of the committer.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Changes whenever something was appended.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryJournal;
    use model::{Entry, Setup};

    #[tokio::test]
    async fn every_caller_gets_its_own_receipt() {
        let journal = Arc::new(MemoryJournal::default());
        let (committer, appender) = Committer::new(journal.clone(), CommitterConfig::default()).unwrap();
        let thread = committer.spawn().unwrap();
        let batch = || Batch { entries: vec![Entry::Setup(Setup::default())], ..Batch::default() };
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let appender = appender.clone();
            calls.spawn(async move { appender.append(batch()).await.unwrap().placed[0].position() });
        }
        let mut positions = calls.join_all().await;
        positions.sort_unstable();
        assert_eq!(positions, (1..=100).collect::<Vec<_>>());
        assert_eq!(appender.head().borrow().position, 100);
        drop(appender);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn past_capacity_a_caller_is_refused_at_once() {
        let config = CommitterConfig { waiting_max: 1, batches_max: 1 };
        let (committer, appender) = Committer::new(Arc::new(MemoryJournal::default()), config).unwrap();
        let first = tokio::spawn({
            let appender = appender.clone();
            async move { appender.append(Batch::default()).await }
        });
        while appender.queue.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(appender.append(Batch::default()).await, Err(Refused::Busy)));
        assert_eq!((appender.waiting(), appender.clone().refused()), ((1, 1), 1));
        let thread = committer.spawn().unwrap();
        first.await.unwrap().unwrap();
        drop(appender);
        thread.join().unwrap();
    }
}
