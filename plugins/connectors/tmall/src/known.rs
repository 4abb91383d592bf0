//! What the connection remembers of an order between two calls: which state was read last, what was paid before
//! anything was given back, and what was.
//!
//! TOP's amounts move with after-sales: an order that was partly refunded tells no more what the buyer paid. It is read
//! from the first state that is paid and free of refunds, and kept. If a record is lost, the amounts of such an order
//! are not known any more; those of others are learnt again.

use std::collections::BTreeMap;

use heliu_sdk::Host;
use heliu_sdk::events::Instant;
use heliu_sdk::json::Json;
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Serialize};

/// From the order to the end of the time in which it can be confirmed, disputed or given back.
const KEPT_MS: u64 = 120 * DAY_MS;

/// Refunds are rare, and an order that had one must not seem unrefunded when it is touched months later.
const REFUNDED_KEPT_MS: u64 = 400 * DAY_MS;

/// A state is told by the second. What was read within that second may not be the last of it.
const SECOND_MS: u64 = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// The state that was read last, by its time and its status.
    modified: Option<u64>,
    status: Option<String>,
    /// When that was.
    read_at: u64,
    /// What the order came to before anything was given back.
    pub total_fen: Option<i64>,
    /// What the buyer paid, once she has.
    pub paid_fen: Option<i64>,
    /// And of that for each line, by `oid`.
    pub lines_fen: BTreeMap<String, i64>,
    /// The order's refunds, by their id.
    pub refunds: BTreeMap<String, KnownRefund>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRefund {
    /// Which state of it was told last.
    pub state: RefundState,
    /// The line that it is of.
    pub oid: Option<String>,
    pub outcome: Outcome,
}

/// A state of a refund. They are ordered by the platform's version of it, which grows by the millisecond, then by the
/// time of its change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundState {
    pub version: u64,
    pub modified: Instant,
    pub status: String,
}

impl RefundState {
    /// Whether it is older than another, whatever their statuses.
    pub fn is_before(&self, other: &RefundState) -> bool {
        (self.version, self.modified) < (other.version, other.modified)
    }
}

/// What came of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still being talked about.
    Open,
    /// It is over without money: withdrawn, or an exchange, a repair, a second parcel.
    NoMoney,
    /// So many fen went back.
    Money(i64),
    /// It is over, and what went back is not certain.
    Unproven,
}

impl Known {
    pub fn of(tid: &str, host: &mut dyn Host) -> Known {
        // A record that an older version wrote differently is as good as none.
        host.get(&key(tid)).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// As [`Known::of`], once nobody else is at work on this order: what is read now is kept with the call.
    pub fn hold(tid: &str, host: &mut dyn Host) -> Known {
        host.hold(&key(tid));
        Known::of(tid, host)
    }

    pub fn keep(&self, tid: &str, host: &mut dyn Host) {
        let ttl = if self.refunds.is_empty() { KEPT_MS } else { REFUNDED_KEPT_MS };
        if let Ok(bytes) = serde_json::to_vec(self) {
            host.set(&key(tid), &bytes, Some(ttl));
        }
    }

    /// This state of the order was read now.
    pub fn saw(&mut self, modified: Option<u64>, status: Option<&str>, now: u64) {
        if modified >= self.modified {
            (self.modified, self.status, self.read_at) = (modified, status.map(str::to_owned), now);
        }
    }

    /// Whether this state of the order was read already, and for the last time.
    pub fn has_seen(&self, modified: Option<u64>, status: Option<&str>) -> bool {
        let is_same = modified.is_some() && self.modified == modified && self.status.as_deref() == status;
        is_same && modified.is_some_and(|at| self.read_at >= at.saturating_add(SECOND_MS))
    }

    /// What has been given back so far. None where that is not known: a refund is not proven, or a line says that it
    /// was refunded and no refund tells how much.
    pub fn refunded_fen(&self, lines: &[Json], is_closed: bool) -> Option<i64> {
        let is_over = |refund: &KnownRefund| refund.outcome != Outcome::Open;
        let has_outcome = |line: &Json| match line.get("refund_id").id() {
            // Of several refunds of a line, it names the last.
            Some(id) => self.refunds.get(id).is_some_and(is_over),
            None => {
                let of_line = |refund: &&KnownRefund| {
                    refund.oid.as_deref() == line.get("oid").id()
                        || (refund.oid.is_none() && lines.len() == 1)
                };
                self.refunds.values().filter(of_line).any(is_over)
            }
        };
        let is_success = |line: &&Json| line.get("refund_status").word() == Some("SUCCESS");
        let is_told = lines.iter().filter(is_success).all(has_outcome);

        let mut sum: i64 = 0;
        let mut has_money = false;
        for refund in self.refunds.values() {
            match refund.outcome {
                Outcome::Money(fen) => {
                    sum = sum.checked_add(fen)?;
                    has_money = true;
                }
                Outcome::Unproven => return None,
                Outcome::Open | Outcome::NoMoney => {}
            }
        }
        // An order that was closed after it was paid was given back, whether or not we saw how.
        (is_told && (has_money || !is_closed)).then_some(sum)
    }
}

fn key(tid: &str) -> String {
    format!("trade:{tid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Json> {
        Json::parse(text).unwrap_or_else(|why| panic!("{why}")).items().to_vec()
    }

    fn known(refunds: &[(&str, Option<&str>, Outcome)]) -> Known {
        let refund = |(id, oid, outcome): &(&str, Option<&str>, Outcome)| {
            (
                (*id).to_owned(),
                KnownRefund { state: RefundState::default(), oid: oid.map(str::to_owned), outcome: *outcome },
            )
        };
        Known { refunds: refunds.iter().map(refund).collect(), ..Known::default() }
    }

    #[test]
    fn refunds_are_summed_by_their_id() {
        let both = known(&[("1", Some("7"), Outcome::Money(100)), ("2", Some("7"), Outcome::Money(50))]);
        let success = lines(r#"[{"oid":7,"refund_status":"SUCCESS"},{"oid":8,"refund_status":"NO_REFUND"}]"#);
        assert_eq!(both.refunded_fen(&success, false), Some(150));
        assert_eq!(both.refunded_fen(&success, true), Some(150));
    }

    #[test]
    fn what_no_refund_tells_is_not_known() {
        let success = lines(r#"[{"oid":7,"refund_status":"SUCCESS"},{"oid":8,"refund_status":"SUCCESS"}]"#);
        assert_eq!(known(&[]).refunded_fen(&success, false), None);
        assert_eq!(known(&[("1", Some("7"), Outcome::Money(100))]).refunded_fen(&success, false), None);
        assert_eq!(known(&[("1", Some("7"), Outcome::Unproven)]).refunded_fen(&success[..1], false), None);
        let another = lines(r#"[{"oid":7,"refund_status":"SUCCESS","refund_id":"2"}]"#);
        assert_eq!(known(&[("1", Some("7"), Outcome::Money(100))]).refunded_fen(&another, false), None);
        assert_eq!(known(&[("2", Some("7"), Outcome::Money(100))]).refunded_fen(&another, false), Some(100));
        let none = lines(r#"[{"oid":7,"refund_status":"NO_REFUND"}]"#);
        assert_eq!(known(&[]).refunded_fen(&none, false), Some(0));
        assert_eq!(known(&[]).refunded_fen(&none, true), None);
    }

    #[test]
    fn an_exchange_moves_no_money_and_a_talk_none_yet() {
        let exchanged = lines(r#"[{"oid":7,"refund_status":"SUCCESS"}]"#);
        assert_eq!(known(&[("1", None, Outcome::NoMoney)]).refunded_fen(&exchanged, false), Some(0));
        assert_eq!(known(&[("1", None, Outcome::Open)]).refunded_fen(&exchanged, false), None);
    }

    #[test]
    fn a_state_is_seen_once_its_second_is_over() {
        let mut known = Known::default();
        assert!(!known.has_seen(None, None));
        known.saw(Some(5_000), Some("A"), 5_500);
        assert!(!known.has_seen(Some(5_000), Some("A")));
        known.saw(Some(5_000), Some("A"), 6_000);
        assert!(known.has_seen(Some(5_000), Some("A")));
        assert!(!known.has_seen(Some(5_000), Some("B")) && !known.has_seen(Some(6_000), Some("A")));
        // An older state that comes late does not move it back.
        known.saw(Some(4_000), Some("Z"), 9_000);
        assert!(known.has_seen(Some(5_000), Some("A")));
    }
}
