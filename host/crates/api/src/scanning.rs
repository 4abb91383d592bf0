//! Scans for callers of the API: one at a time, for a bounded time, and not again while nothing changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{self, Duration};

use journal::Journal;
use model::{CustomerId, Instant};
use segment::Segment;
use store::{Standing, Store};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{ApiError, ErrorCode};
use crate::reading::{JsonText, Shared};
use crate::scan::{IntentFilter, Scan, ScanError};

/// Answers that are kept. A page of 200 customers is the largest, about a megabyte.
const KEPT_MAX: usize = 16;

/// How old a kept answer may be. Time alone moves customers in and out of a segment, even where nobody does anything.
const AGE_MAX: Duration = Duration::from_secs(60);

/// How long callers of the API may make the host scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// For its turn: there is one scan at a time.
    pub wait_max: Duration,
    /// For the scan itself. A page of a segment is answered with what was found until then.
    pub run_max: Duration,
}

impl Default for ScanLimits {
    /// A dashboard waits some seconds; a proxy in front of us gives up after a minute.
    fn default() -> ScanLimits {
        ScanLimits { wait_max: Duration::from_secs(10), run_max: Duration::from_secs(20) }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Counts,
    Intents { filter: IntentFilter, after: Option<CustomerId>, limit: usize },
    IntentCounts { filter: IntentFilter },
    Members { segment: String, after: Option<CustomerId>, limit: usize },
}

/// An answer, and what it is an answer of.
struct Kept {
    wanted: Wanted,
    segments: Arc<[Segment]>,
    standing: Standing,
    now: Instant,
    text: JsonText,
}

pub(crate) struct Scanning {
    turn: Arc<Semaphore>,
    /// The oldest first.
    kept: Mutex<Vec<Kept>>,
}

impl Scanning {
    pub(crate) fn new() -> Scanning {
        Scanning { turn: Arc::new(Semaphore::new(1)), kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, wanted: &Wanted, segments: &Arc<[Segment]>, at: At) -> Option<JsonText> {
        let age_max = u64::try_from(AGE_MAX.as_millis()).unwrap_or(u64::MAX);
        let kept = self.kept();
        let fits = |kept: &&Kept| {
            kept.wanted == *wanted
                && Arc::ptr_eq(&kept.segments, segments)
                && kept.standing == at.standing
                && at.now.abs_diff(kept.now) < age_max
        };
        kept.iter().find(fits).map(|kept| kept.text.clone())
    }

    fn keep(&self, fresh: Kept) {
        let mut kept = self.kept();
        kept.retain(|kept| kept.wanted != fresh.wanted);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push(fresh);
    }
}

/// Where the store stands, and what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) standing: Standing,
    pub(crate) now: Instant,
}

/// Answers from what is kept, or scans in its turn. `scan` is given the segments, the scan, and where it stands.
pub(crate) async fn scan<F>(shared: &Shared, wanted: Wanted, scan: F) -> Result<JsonText, ApiError>
where
    F: FnOnce(&[Segment], &Scan<'_>, At) -> Result<JsonText, ApiError> + Send + 'static,
{
    let segments = Arc::clone(&shared.state().segments.borrow());
    let limits = shared.state().scans;
    let shared = shared.clone();
    {
        let (shared, wanted, segments) = (shared.clone(), wanted.clone(), Arc::clone(&segments));
        let look = move || {
            let at = stands(&shared)?;
            Ok(shared.scanning().find(&wanted, &segments, at))
        };
        if let Some(text) = blocking(look).await? {
            return Ok(text);
        }
    }
    let turn = timeout(limits.wait_max, Arc::clone(&shared.scanning().turn).acquire_owned()).await;
    let turn = turn.map_err(|_| busy())?.map_err(|_| ApiError::internal("scans have ended"))?;
    blocking(move || {
        // Goes with the thread: a caller who leaves does not let the next one in beside a scan that still runs.
        let _turn = turn;
        let at = stands(&shared)?;
        // Whoever had the turn before may have wanted the same.
        if let Some(text) = shared.scanning().find(&wanted, &segments, at) {
            return Ok(text);
        }
        let (journal, store): (&dyn Journal, &dyn Store) = (&*shared.state().journal, &*shared.state().store);
        let until = Some(time::Instant::now() + limits.run_max);
        let text = scan(&segments, &Scan { journal, store, now: at.now, until }, at)?;
        let At { standing, now } = at;
        shared.scanning().keep(Kept { wanted, segments, standing, now, text: text.clone() });
        Ok(text)
    })
    .await
}

fn stands(shared: &Shared) -> Result<At, ApiError> {
    let (standing, _) = shared.state().store.standing()?;
    Ok(At { standing, now: (shared.state().now)() })
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let reading = tokio::task::spawn_blocking(read);
    reading.await.map_err(|error| ApiError::internal(format!("a scan did not end: {error}")))?
}

fn busy() -> ApiError {
    ApiError::new(ErrorCode::Unavailable, "another scan runs; try again")
}

impl From<ScanError> for ApiError {
    fn from(error: ScanError) -> ApiError {
        match error {
            ScanError::Store(error) => error.into(),
            ScanError::Journal(error) => error.into(),
            ScanError::Segment(error) => ApiError::internal(error.to_string()),
            ScanError::TooLong { customers } => ApiError::new(
                ErrorCode::Unavailable,
                format!(
                    "the scan took too long, it saw {customers} customers: ask `heliu counts` on the host"
                ),
            ),
        }
    }
}
