//! A refund's detail: whether money went back, how much, and how the order stands since.
//!
//! What a refund asks for proves nothing. Money went back if every row of `refund_fund_list` is done
//! (`status` 2), by the way it came (`refund_mode` 0), under its own number, with a known `pay_way`; if the
//! rows, in fen, sum up to the refund's `refund_fee`, in yuan; and if the time of arrival is told. Cash over
//! the counter and refunds that the shop only marked are not proof.

use std::collections::BTreeSet;

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Event, Fact, OrderStep};
use heliu_sdk::faults::Fault;
use heliu_sdk::log::Level;

use crate::api::Api;
use crate::json::Json;
use crate::known::Known;
use crate::settings::Settings;
use crate::trade::Reading;
use crate::{chores, facts, money};

const HOUR_MS: u64 = 3_600_000;
/// A bank takes up to two weeks. With pauses that double up to a day, so many looks reach beyond that.
const LOOKS_MAX: u32 = 20;

/// How a refund stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// Money went back, so much of it, at that time.
    Settled { fen: i64, at: u64 },
    /// Granted, and the money is not seen to have arrived.
    OnItsWay(String),
    /// Granted, and no money will be seen.
    Unprovable(String),
    /// Asked for, and being talked about.
    Open,
    /// Withdrawn or refused for good.
    Withdrawn,
    /// A status that we do not know.
    Unknown,
}

pub fn fetch(
    settings: &Settings,
    tid: &str,
    refund_id: &str,
    tries: u32,
    host: &mut dyn Host,
) -> Result<Harvest, Fault> {
    let params = Json::object([("refund_id", Json::text(refund_id))]);
    let refund = Api { settings, host: &mut *host }.call(&settings.refund_api, &params)?;
    if refund.get("tid").id().is_some_and(|other| other != tid) {
        return Err(Fault::Malformed(format!("refund {refund_id} is not of order {tid}")));
    }
    let document = chores::fetch_trade(settings, tid, host)?;

    let standing = judge(&refund, settings);
    let mut known = Known::of(tid, host);
    match &standing {
        Standing::Settled { fen, .. } => drop(known.refunds_fen.insert(refund_id.into(), *fen)),
        Standing::Withdrawn | Standing::Unprovable(_) => drop(known.refunds_fen.insert(refund_id.into(), 0)),
        Standing::OnItsWay(_) | Standing::Open | Standing::Unknown => {}
    }
    let reading = chores::read(settings, &document, &known, host)?;
    chores::learn(&mut known, &reading);
    known.keep(tid, host);

    let now = host.now();
    let mut next = chores::after(&reading, false, settings.detail_due(now));
    // This very one is looked at again below, or by the next push.
    let own = chores::refund(tid, refund_id, 0).key;
    next.retain(|chore| chore.key != own);
    if let Standing::OnItsWay(why) = &standing {
        if tries < LOOKS_MAX {
            let pause = HOUR_MS << tries.min(5);
            next.push(chores::refund_again(
                tid,
                refund_id,
                now.saturating_add(pause.min(24 * HOUR_MS)),
                tries + 1,
            ));
        } else {
            host.log(Level::Warn, &format!("refund {refund_id} is granted but not settled: {why}"));
        }
    }
    Ok(Harvest { events: tell(reading, refund_id, &refund, &standing, settings), chores: next })
}

fn judge(refund: &Json, settings: &Settings) -> Standing {
    match refund.get("status").word() {
        Some("SUCCESS") => prove(refund, settings),
        Some("CLOSED") => Standing::Withdrawn,
        Some(
            "WAIT_SELLER_AGREE"
            | "WAIT_BUYER_RETURN_GOODS"
            | "WAIT_SELLER_CONFIRM_GOODS"
            | "SELLER_REFUSE_BUYER"
            | "SELLER_REFUSE_BUYER_RETURN_GOODS",
        ) => Standing::Open,
        _ => Standing::Unknown,
    }
}

fn prove(refund: &Json, settings: &Settings) -> Standing {
    use Standing::{OnItsWay, Settled, Unprovable};

    let rows = refund.get("refund_fund_list").items();
    if rows.is_empty() {
        return OnItsWay("no row of funds".into());
    }
    let mut numbers = BTreeSet::new();
    let mut sum: i64 = 0;
    for row in rows {
        let Some(number) = row.get("refund_no").id() else {
            return OnItsWay("a row of funds without refund_no".into());
        };
        let told = |name: &str| format!("{number}: {name} is {}", row.get(name));
        if !numbers.insert(number) {
            return Unprovable(format!("{number} stands there twice"));
        }
        match row.get("refund_mode").int() {
            Some(0) => {}
            Some(_) => return Unprovable(told("refund_mode")),
            None => return OnItsWay(told("refund_mode")),
        }
        if row.get("status").int() != Some(2) {
            return OnItsWay(told("status"));
        }
        if row.get("pay_way").int().unwrap_or(0) == 0 {
            return Unprovable(told("pay_way"));
        }
        match row.get("refund_fee").int().filter(|fen| *fen >= 0).and_then(|fen| sum.checked_add(fen)) {
            Some(more) => sum = more,
            None => return Unprovable(told("refund_fee")),
        }
    }
    if money::yuan_due(refund.get("refund_fee")) != Ok(Some(sum)) {
        return Unprovable(format!(
            "the rows sum up to {sum} fen, the refund says {}",
            refund.get("refund_fee")
        ));
    }
    match settings.zone().instant(refund.get("refund_account_time")) {
        Some(at) => Settled { fen: sum, at },
        None => OnItsWay("refund_account_time is not told".into()),
    }
}

/// The order as it stands, at the step that the refund brings it to. Where that cannot be said, the order's
/// own state and the refund as it came.
fn tell(
    mut reading: Reading,
    refund_id: &str,
    refund: &Json,
    standing: &Standing,
    settings: &Settings,
) -> Vec<Event> {
    let changed_at = settings.zone().instant(refund.get("modified"));
    let status = refund.get("status").word().unwrap_or("unknown");
    let as_it_came = raw(&reading, refund_id, refund, status, changed_at);
    let Some(order) = reading.order() else { return vec![as_it_came, reading.event] };
    let (step, at, why) = match standing {
        Standing::Settled { at, .. } if order.paid.is_some() && order.refunded >= order.paid => {
            (OrderStep::Refunded, Some(*at), None)
        }
        Standing::Settled { at, .. } => (OrderStep::PartRefunded, Some(*at), None),
        Standing::OnItsWay(why) | Standing::Unprovable(why) => {
            (OrderStep::RefundAsked, changed_at, Some(why))
        }
        Standing::Open => (OrderStep::RefundAsked, changed_at, None),
        // Told anew, though nothing in the order has changed: it is at its own step again.
        Standing::Withdrawn => (order.step, changed_at, None),
        Standing::Unknown => return vec![as_it_came, reading.event],
    };
    order.step = step;
    let (tid, refunded) = (order.id.clone(), order.refunded.unwrap_or(0));
    let changed = changed_at.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    reading.event.id = format!("refund:{refund_id}:{status}:{changed}:{tid}:{refunded}");
    reading.event.at = at.unwrap_or(reading.event.at);
    reading.event.extra = Some(with_refund(reading.event.extra.as_deref(), refund, why));
    vec![reading.event]
}

fn raw(reading: &Reading, refund_id: &str, refund: &Json, status: &str, changed_at: Option<u64>) -> Event {
    let act = Act { object: Some(refund_id.to_owned()), ..facts::act(format!("youzan.refund.{status}")) };
    let at = changed_at.unwrap_or(reading.event.at);
    let id = format!("refund:{refund_id}:{status}:{at}");
    let extra = Json::object([("refund", refund.clone())]);
    facts::event(id, at, reading.event.who.clone(), reading.event.touchpoint, Fact::Did(act), extra)
}

fn with_refund(extra: Option<&str>, refund: &Json, why: Option<&String>) -> String {
    let mut fields = match extra.map(Json::parse) {
        Some(Ok(Json::Object(fields))) => fields,
        _ => Vec::new(),
    };
    fields.push(("refund".into(), refund.clone()));
    if let Some(why) = why {
        fields.push(("refund_not_proven".into(), Json::text(why)));
    }
    Json::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    fn judged(change: impl Fn(String) -> String) -> Standing {
        let text = r#"{"status":"SUCCESS","refund_fee":"11.00","refund_account_time":"2026-11-21 10:00:03",
            "refund_fund_list":[{"refund_no":"a","refund_fee":600,"status":2,"refund_mode":0,"pay_way":10},
            {"refund_no":"b","refund_fee":"500","status":"2","refund_mode":0,"pay_way":1}]}"#;
        match Json::parse(&change(text.into())) {
            Ok(refund) => judge(&refund, &sample()),
            Err(why) => panic!("{why}"),
        }
    }

    #[test]
    fn settled_rows_that_sum_up_are_proof() {
        assert_eq!(judged(|text| text), Standing::Settled { fen: 1100, at: 1_795_226_403_000 });
    }

    #[test]
    fn whatever_is_missing_is_no_proof() {
        let on_its_way = [
            (r#""status":2"#, r#""status":1"#),
            (r#""2026-11-21 10:00:03""#, r#""""#),
            (r#""refund_fund_list""#, r#""other""#),
            (r#""refund_no":"a""#, r#""refund_no":"""#),
        ];
        for (from, to) in on_its_way {
            assert!(matches!(judged(|text| text.replace(from, to)), Standing::OnItsWay(_)), "{to}");
        }
        let never = [
            (r#""refund_mode":0"#, r#""refund_mode":2"#),
            (r#""refund_no":"b""#, r#""refund_no":"a""#),
            (r#""pay_way":10"#, r#""pay_way":0"#),
            (r#""refund_fee":600"#, r#""refund_fee":600.5"#),
            (r#""11.00""#, r#""11.01""#),
            (r#""11.00""#, r#""NaN""#),
        ];
        for (from, to) in never {
            assert!(matches!(judged(|text| text.replace(from, to)), Standing::Unprovable(_)), "{to}");
        }
    }

    #[test]
    fn an_unknown_status_means_nothing() {
        assert_eq!(judged(|text| text.replace(r#""SUCCESS""#, r#""EXCHANGED""#)), Standing::Unknown);
        assert_eq!(judged(|text| text.replace(r#""SUCCESS""#, r#""CLOSED""#)), Standing::Withdrawn);
        assert_eq!(judged(|text| text.replace(r#""SUCCESS""#, r#""WAIT_SELLER_AGREE""#)), Standing::Open);
    }
}
