//! Keeps quiet for a while when TOP says that there were too many calls.
//!
//! The limit is the application's, so what one call is told holds for all of the connection: the pause stands in its
//! memory, and a call within it fails without being sent. Each pause that follows upon another is twice as long.

use heliu_sdk::Host;
use serde::{Deserialize, Serialize};

const KEY: &str = "pace";
const FIRST_MS: u64 = 3_000;
const LONGEST_MS: u64 = 300_000;

#[derive(Serialize, Deserialize)]
struct Pause {
    until: u64,
    length_ms: u64,
}

fn last(host: &mut dyn Host) -> Option<Pause> {
    host.get(KEY).and_then(|bytes| serde_json::from_slice(&bytes).ok())
}

/// How long to keep quiet yet. None: go ahead.
pub fn left_ms(host: &mut dyn Host) -> Option<u32> {
    let now = host.now();
    let left = last(host)?.until.checked_sub(now).filter(|left| *left > 0)?;
    Some(u32::try_from(left).unwrap_or(u32::MAX))
}

/// There were too many calls; `told_ms` is the ban, where TOP tells one. Gives the pause.
pub fn crowded(told_ms: Option<u64>, host: &mut dyn Host) -> u32 {
    // Others were told the same at the same time: that is one pause, not a longer one.
    if let Some(left) = left_ms(host) {
        return left;
    }
    let now = host.now();
    let following = last(host).map_or(FIRST_MS, |pause| pause.length_ms.saturating_mul(2));
    let length_ms = told_ms.unwrap_or(following).clamp(FIRST_MS, LONGEST_MS);
    let pause = Pause { until: now.saturating_add(length_ms), length_ms };
    if let Ok(bytes) = serde_json::to_vec(&pause) {
        // It is forgotten when twice its length has passed in peace.
        host.set(KEY, &bytes, Some(length_ms.saturating_mul(3)));
    }
    u32::try_from(length_ms).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use heliu_sdk::harness::CassetteHost;

    use super::*;

    const NOW: u64 = 1_795_140_701_000;

    /// A host at `now` that remembers what another one did.
    fn later(now: u64, host: &mut CassetteHost) -> CassetteHost {
        let mut next = CassetteHost::parse(now, "[]").unwrap_or_else(|why| panic!("{why}"));
        if let Some(bytes) = host.get(KEY) {
            next.set(KEY, &bytes, None);
        }
        next
    }

    #[test]
    fn pauses_double_and_are_one_for_all() {
        let mut host = CassetteHost::parse(NOW, "[]").unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(left_ms(&mut host), None);
        assert_eq!(crowded(None, &mut host), 3_000);
        let mut host = later(NOW + 1_000, &mut host);
        assert_eq!((crowded(None, &mut host), left_ms(&mut host)), (2_000, Some(2_000)));
        let mut host = later(NOW + 3_000, &mut host);
        assert_eq!(left_ms(&mut host), None);
        assert_eq!(crowded(None, &mut host), 6_000);
    }

    #[test]
    fn a_ban_that_is_told_is_kept_within_bounds() {
        let of = |told_ms| crowded(Some(told_ms), &mut CassetteHost::default());
        assert_eq!([of(0), of(17_000), of(u64::MAX)], [3_000, 17_000, 300_000]);
    }
}
