//! Traces of webhooks, for who collects them: `webhook` → `receive` → `append`, and from there on the `fold` that took its
//! records, with its `commit`, to which `wait_for_fold` leads.
//!
//! Spans are those of `tracing` with the target [`api::TRACE`]; what is finished goes over a bounded queue to a collector, as
//! OTLP in JSON. A collector that is slow or gone costs spans, and nothing else. No span bears anything of what a channel
//! sent.

mod layer;
mod otlp;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use layer::Spans;
pub(crate) use waiting::Waiting;

use layer::Finished;

/// Spans that may wait for the collector.
const QUEUE_MAX: usize = 4096;

/// Spans that go out at once.
const BATCH_MAX: usize = 512;

/// How long a span may wait for others.
const BATCH_WITHIN: Duration = Duration::from_secs(1);

/// How long a collector may take.
const SEND_MAX: Duration = Duration::from_secs(10);

/// How often it is told that a collector does not take them.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What goes to who sends them.
enum Word {
    Finished(Finished),
    /// Send what is there, and say so.
    Flush(oneshot::Sender<()>),
}

/// Takes spans from the log's layer, and sends them.
pub(crate) struct Exporter {
    url: String,
    tenant: String,
    words: mpsc::Receiver<Word>,
    lost: Arc<AtomicU64>,
}

/// Has what is there sent before the process ends.
#[derive(Clone)]
pub(crate) struct Flush(mpsc::Sender<Word>);

/// The layer that gathers spans, and who sends them to the collector at this address.
pub(crate) fn pair(collector: &str, tenant: &str) -> (Spans, Exporter, Flush) {
    let (words_in, words) = mpsc::channel(QUEUE_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    let spans = Spans::new(words_in.clone(), Arc::clone(&lost));
    let (url, tenant) = (format!("{collector}/v1/traces"), tenant.to_owned());
    (spans, Exporter { url, tenant, words, lost }, Flush(words_in))
}

impl Flush {
    pub(crate) async fn flush(&self) {
        let (done, sent) = oneshot::channel();
        let flushing = async {
            if self.0.send(Word::Flush(done)).await.is_ok() {
                drop(sent.await);
            }
        };
        drop(timeout(SEND_MAX, flushing).await);
    }
}

impl Exporter {
    /// Until nobody makes spans any more.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(SEND_MAX)
            .build()
            .context("make an HTTP client for [telemetry]")?;
        let mut told = None;
        while let Some(word) = self.words.recv().await {
            let (batch, flushes) = self.gather(word).await;
            if !batch.is_empty() {
                let sent = self.send(&client, &batch).await;
                self.tell(sent, batch.len(), &mut told);
            }
            for flush in flushes {
                // Whoever asked may not wait any more.
                let _ = flush.send(());
            }
        }
        Ok(())
    }

    /// What comes within a moment of the first.
    async fn gather(&mut self, first: Word) -> (Vec<Finished>, Vec<oneshot::Sender<()>>) {
        let (mut batch, mut flushes) = (Vec::new(), Vec::new());
        let until = Instant::now() + BATCH_WITHIN;
        let mut word = Some(first);
        while let Some(next) = word {
            match next {
                Word::Finished(span) => batch.push(span),
                Word::Flush(done) => flushes.push(done),
            }
            if batch.len() >= BATCH_MAX || !flushes.is_empty() {
                break;
            }
            word = timeout_at(until, self.words.recv()).await.unwrap_or(None);
        }
        (batch, flushes)
    }

    async fn send(&self, client: &reqwest::Client, batch: &[Finished]) -> Result<(), String> {
        let body = otlp::body(&self.tenant, batch);
        let request = client.post(&self.url).header("content-type", "application/json").body(body);
        let response = request.send().await.map_err(|error| error.without_url().to_string())?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(format!("it answered {}", response.status()))
        }
    }

    /// Spans are not sent again: whoever wants all of them watches the collector.
    fn tell(&self, sent: Result<(), String>, spans: usize, told: &mut Option<Instant>) {
        let Err(error) = sent else { return };
        self.lost.fetch_add(spans as u64, Ordering::Relaxed);
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            let lost = self.lost.load(Ordering::Relaxed);
            tracing::warn!(error, lost, "[telemetry] otlp: the collector does not take traces");
            *told = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
