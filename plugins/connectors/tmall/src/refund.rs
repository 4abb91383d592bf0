//! A refund, as `taobao.refunds.receive.get` lists it: how the order stands since.
//!
//! Money went back if the refund's status is SUCCESS and it is one of money (`dispute_type` REFUND or
//! REFUND_AND_RETURN): `refund_fee` of it, at `end_time`. Exchanges, repairs and second parcels go through the same
//! statuses and move none.

use heliu_sdk::Host;
use heliu_sdk::events::{Event, OrderStep};
use heliu_sdk::faults::Fault;
use heliu_sdk::json::Json;
use heliu_sdk::money;

use crate::known::{Known, KnownRefund, Outcome, RefundState};
use crate::settings::Settings;
use crate::trade::{self, Reading};
use crate::{chores, handles};

/// How a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// So many fen went back.
    Settled(i64),
    /// It succeeded, and what went back cannot be said: why.
    Unproven(String),
    /// Asked for, and being talked about.
    Open,
    /// Withdrawn, or refused for good.
    Withdrawn,
    /// An after-sale without money, in whichever state.
    WithoutMoney,
    /// A status or a type that we do not know.
    Unknown,
}

/// Whether this state of a refund was told already.
pub fn is_known(row: &Json, refund_id: &str, known: &Known, settings: &Settings) -> bool {
    known.refunds.get(refund_id).is_some_and(|known| known.state == state(row, settings))
}

/// Tells of a refund: the order at the step that it is brought to. What cannot be said so is kept as it came.
pub fn work(row: &Json, settings: &Settings, host: &mut dyn Host) -> Result<Vec<Event>, Fault> {
    let id = |name: &str| {
        row.get(name).id().ok_or_else(|| Fault::Malformed(format!("the refund names no {name}")))
    };
    let (refund_id, tid) = (id("refund_id")?, id("tid")?);
    let refund = Refund { row, refund_id, tid, state: state(row, settings), settings };
    let mut known = Known::hold(tid, host);
    let now = host.now();
    if known.refunds.get(refund_id).is_some_and(|known| refund.state.is_before(&known.state)) {
        return Ok(vec![refund.as_it_came("an older state than one that was told", now)]);
    }
    let standing = refund.judge();
    let document = match chores::fetch_trade(settings, tid, host) {
        Ok(document) => document,
        // A refund may come months after its order is out of reach. It happened all the same.
        Err(Fault::Malformed(why)) => return Ok(vec![refund.as_it_came(&why, now)]),
        Err(fault) => return Err(fault),
    };
    let outcome = outcome(&standing);
    let oid = row.get("oid").id().map(str::to_owned);
    known.refunds.insert(refund_id.to_owned(), KnownRefund { state: refund.state.clone(), oid, outcome });
    let reading = trade::read(&document, tid, &mut known, settings, now);
    known.keep(tid, host);
    Ok(refund.tell(reading, &standing, now))
}

fn state(row: &Json, settings: &Settings) -> RefundState {
    RefundState {
        version: row.get("refund_version").int().and_then(|version| u64::try_from(version).ok()).unwrap_or(0),
        modified: settings.zone().instant(row.get("modified")).unwrap_or(0),
        status: row.get("status").word().unwrap_or("unknown").to_owned(),
    }
}

fn outcome(standing: &Standing) -> Outcome {
    match standing {
        Standing::Settled(fen) => Outcome::Money(*fen),
        Standing::Withdrawn | Standing::WithoutMoney => Outcome::NoMoney,
        Standing::Open => Outcome::Open,
        // Of what is not understood, money may have been a part.
        Standing::Unproven(_) | Standing::Unknown => Outcome::Unproven,
    }
}

struct Refund<'a> {
    row: &'a Json,
    refund_id: &'a str,
    tid: &'a str,
    state: RefundState,
    settings: &'a Settings,
}

impl Refund<'_> {
    fn status(&self) -> &str {
        &self.state.status
    }

    fn judge(&self) -> Standing {
        let is_money = match self.row.get("dispute_type").word() {
            Some("REFUND" | "REFUND_AND_RETURN") => Some(true),
            Some("TMALL_EXCHANGE" | "TAOBAO_EXCHANGE" | "REPAIR" | "RESHIPPING") => Some(false),
            _ => None,
        };
        match (self.status(), is_money) {
            (
                "WAIT_SELLER_AGREE"
                | "WAIT_BUYER_RETURN_GOODS"
                | "WAIT_SELLER_CONFIRM_GOODS"
                | "SELLER_REFUSE_BUYER"
                | "CLOSED"
                | "SUCCESS",
                Some(false),
            ) => Standing::WithoutMoney,
            (
                "WAIT_SELLER_AGREE"
                | "WAIT_BUYER_RETURN_GOODS"
                | "WAIT_SELLER_CONFIRM_GOODS"
                | "SELLER_REFUSE_BUYER",
                Some(true),
            ) => Standing::Open,
            // Whatever it was about, it is over, and nothing came of it.
            ("CLOSED", _) => Standing::Withdrawn,
            ("SUCCESS", Some(true)) => match money::yuan_due(self.row.get("refund_fee")) {
                Ok(Some(fen)) => Standing::Settled(fen),
                Ok(None) => Standing::Unproven("refund_fee is not told".into()),
                Err(why) => Standing::Unproven(format!("refund_fee: {why}")),
            },
            _ => Standing::Unknown,
        }
    }

    /// The order as it stands, at the step that the refund brings it to.
    fn tell(&self, mut reading: Reading, standing: &Standing, now: u64) -> Vec<Event> {
        let Some(order) = reading.order() else {
            return vec![self.as_it_came("the order's status is not known", now), reading.event];
        };
        let (own_step, is_refunded) = (order.step, order.step == OrderStep::Refunded);
        order.step = match standing {
            Standing::Settled(_) if is_refunded => OrderStep::Refunded,
            Standing::Settled(_) => OrderStep::PartRefunded,
            // Granted, and how much is not certain. What is certain is that she asked.
            Standing::Open | Standing::Unproven(_) if !is_refunded => OrderStep::RefundAsked,
            // She keeps it after all: it is at its own step again.
            Standing::Open | Standing::Unproven(_) | Standing::Withdrawn => own_step,
            Standing::WithoutMoney => {
                return vec![self.as_it_came("an after-sale without money", now), reading.event];
            }
            Standing::Unknown => {
                return vec![self.as_it_came("its status or its type is not known", now), reading.event];
            }
        };
        let told = |fen: Option<i64>| fen.map_or_else(|| "-".to_owned(), |fen| fen.to_string());
        let (paid, refunded) = (told(order.paid), told(order.refunded));
        let mark = self.mark();
        reading.event.id =
            format!("refund:{}:{}:{mark}:{}:{paid}:{refunded}", self.refund_id, self.status(), self.tid);
        reading.event.at = self.at().unwrap_or(reading.event.at);
        reading.event.extra = Some(self.extra(reading.event.extra.as_deref(), standing));
        vec![reading.event]
    }

    /// The refund, for nobody to read anything into.
    fn as_it_came(&self, why: &str, now: u64) -> Event {
        let act = trade::act(format!("tmall.refund.{}", self.status()), Some(self.refund_id));
        let id = format!("refund:{}:{}:{}", self.refund_id, self.status(), self.mark());
        let extra = Json::object([("why", Json::text(why)), ("refund", self.row.clone())]);
        trade::event(id, self.at().unwrap_or(now), handles::of(self.row, self.settings), act, extra)
    }

    /// Tells the states of one refund apart.
    fn mark(&self) -> String {
        format!("{}.{}", self.state.modified, self.state.version)
    }

    /// When it came to its end, or changed.
    fn at(&self) -> Option<u64> {
        let time = |name: &str| self.settings.zone().instant(self.row.get(name));
        let end = if self.status() == "SUCCESS" { time("end_time") } else { None };
        end.or_else(|| time("modified"))
    }

    fn extra(&self, order: Option<&str>, standing: &Standing) -> String {
        let mut fields = match order.map(Json::parse) {
            Some(Ok(Json::Object(fields))) => fields,
            _ => Vec::new(),
        };
        if let Standing::Unproven(why) = standing {
            fields.push(("refund_not_proven".into(), Json::text(why)));
        }
        fields.push(("refund".into(), self.row.clone()));
        Json::Object(fields).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    fn judged(status: &str, dispute_type: &str, refund_fee: &str) -> Standing {
        let text =
            format!(r#"{{"status":"{status}","dispute_type":"{dispute_type}","refund_fee":{refund_fee}}}"#);
        let row = Json::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        let settings = sample();
        Refund { row: &row, refund_id: "1", tid: "2", state: state(&row, &settings), settings: &settings }
            .judge()
    }

    #[test]
    fn money_went_back_only_if_it_succeeded_and_was_about_money() {
        for kind in ["REFUND", "REFUND_AND_RETURN"] {
            assert_eq!(judged("SUCCESS", kind, r#""58.05""#), Standing::Settled(5805));
            assert_eq!(judged("WAIT_SELLER_AGREE", kind, r#""58.05""#), Standing::Open);
            assert_eq!(judged("CLOSED", kind, r#""58.05""#), Standing::Withdrawn);
        }
        for kind in ["TMALL_EXCHANGE", "TAOBAO_EXCHANGE", "REPAIR", "RESHIPPING"] {
            assert_eq!(judged("SUCCESS", kind, r#""58.05""#), Standing::WithoutMoney);
        }
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        assert_eq!(judged("SUCCESS", "SOMETHING_NEW", r#""1.00""#), Standing::Unknown);
        assert_eq!(judged("SUCCESS", "", r#""1.00""#), Standing::Unknown);
        assert_eq!(judged("WAIT_FOR_GODOT", "REFUND", r#""1.00""#), Standing::Unknown);
        for fee in [r#""NaN""#, r#""-1.00""#, "null", "true", r#""""#] {
            assert!(matches!(judged("SUCCESS", "REFUND", fee), Standing::Unproven(_)), "{fee}");
        }
    }
}
