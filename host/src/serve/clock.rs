//! What time it is for the host: the system's, or one that stands still until it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use heliu::wiring;
use model::Instant;

/// Cheap to clone; clones of a manual clock are one clock.
#[derive(Clone, Debug)]
pub(crate) enum HostClock {
    System,
    /// For demos and tests: months pass in minutes, and nothing happens between two instants.
    Manual(Arc<AtomicU64>),
}

impl HostClock {
    pub(crate) fn manual() -> HostClock {
        HostClock::Manual(Arc::new(AtomicU64::new(0)))
    }

    pub(crate) fn now(&self) -> Instant {
        match self {
            HostClock::System => wiring::system_now(),
            HostClock::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock. It never goes back.
    pub(crate) fn advance(&self, to: Instant) {
        if let HostClock::Manual(now) = self {
            now.fetch_max(to, Ordering::SeqCst);
        }
    }
}
