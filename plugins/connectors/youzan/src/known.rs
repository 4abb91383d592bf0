//! What the connection remembers of an order between two calls: its real payment, and the refunds that are
//! settled.
//!
//! Both stand in the detail alone, while later pushes and pages go on saying less. Remembered, a shipped
//! order keeps the amount that it had when it was paid, and the detail is fetched once. If a record is lost,
//! the next document of that order asks for it again.

use std::collections::BTreeMap;

use heliu_sdk::Host;
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;

/// From payment to the end of the time in which an order can still be confirmed or disputed.
const KEPT_MS: u64 = 45 * DAY_MS;

/// Refunds are rare, and an order that had one must not seem unrefunded when somebody edits it months later.
const REFUNDED_KEPT_MS: u64 = 400 * DAY_MS;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// What was due when the detail was read. `real_fen` holds as long as this does.
    pub due_fen: Option<i64>,
    /// What was really paid, if the detail said so.
    pub real_fen: Option<i64>,
    /// Refunds that are over, by id: what was given back. Zero for one that was withdrawn.
    pub refunds_fen: BTreeMap<String, i64>,
}

impl Known {
    pub fn of(tid: &str, host: &mut dyn Host) -> Known {
        // A record that an older version wrote differently is as good as none.
        host.get(&key(tid)).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    pub fn keep(&self, tid: &str, host: &mut dyn Host) {
        let ttl = if self.refunds_fen.is_empty() { KEPT_MS } else { REFUNDED_KEPT_MS };
        if let Ok(bytes) = serde_json::to_vec(self) {
            host.set(&key(tid), &bytes, Some(ttl));
        }
    }

    /// What has been given back so far, as far as it is proven.
    pub fn refunded_fen(&self) -> i64 {
        self.refunds_fen.values().fold(0, |sum, fen| sum.saturating_add(*fen))
    }
}

fn key(tid: &str) -> String {
    format!("trade:{tid}")
}
