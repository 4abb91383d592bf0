//! One order, as `taobao.trade.fullinfo.get` tells it, becomes one event.
//!
//! Invariant: the event's id comes from what is told (order, status, time of change, what is known of its amounts), so
//! that a page, an overlap and a retry of the same state are one event, and whatever is better known is another.

mod amounts;

use heliu_sdk::events::{Act, Event, Fact, Identity, Instant, Order, OrderLine, OrderStep, Touchpoint};
use heliu_sdk::json::Json;

use crate::known::Known;
use crate::settings::Settings;
use crate::trade::amounts::{Amounts, Paying};
use crate::{handles, sign};

/// Of the receiver, whom we do not ask for, and of the buyer, whose handles are on the event.
const PEOPLE: [&str; 14] = [
    "alipay_no",
    "buyer_alipay_no",
    "buyer_email",
    "buyer_open_uid",
    "oaid",
    "ouid",
    "receiver_address",
    "receiver_country",
    "receiver_mobile",
    "receiver_name",
    "receiver_phone",
    "receiver_town",
    "receiver_zip",
    "seller_memo",
];

pub struct Reading {
    pub event: Event,
    pub modified: Option<Instant>,
    pub status: Option<String>,
}

impl Reading {
    /// The order, unless the document was kept as it came.
    pub fn order(&mut self) -> Option<&mut Order> {
        match &mut self.event.fact {
            Fact::Bought(order) => Some(order),
            _ => None,
        }
    }
}

/// Reads an order. What it tells of payment for the first time is added to what is known.
pub fn read(trade: &Json, tid: &str, known: &mut Known, settings: &Settings, now: Instant) -> Reading {
    let status = trade.get("status").word();
    let modified = settings.zone().instant(trade.get("modified"));
    let paying = amounts::paying(trade, status, settings.zone());
    let amounts = amounts::read(trade, paying, known);

    let (fact, extra) = match step(status, paying, trade) {
        Some(step) => {
            let order = order(trade, tid, step, &amounts, settings, modified.unwrap_or(now));
            (Fact::Bought(order), slim(trade, &amounts))
        }
        None => {
            let act = act(format!("tmall.trade.{}", status.unwrap_or("unknown")), Some(tid));
            (act, Json::object([("why", Json::text("this status is not known")), ("trade", trade.clone())]))
        }
    };
    // A state without its time is the same where all of it is.
    let time = modified.map_or_else(|| sign::content_hash(&trade.to_string()), |ms| ms.to_string());
    let told = |fen: Option<i64>| fen.map_or_else(|| "-".to_owned(), |fen| fen.to_string());
    let (paid, refunded) = (told(amounts.paid_fen), told(amounts.refunded_fen));
    let id = format!("trade:{tid}:{}:{time}:{paid}:{refunded}", status.unwrap_or("unknown"));
    Reading {
        event: event(id, modified.unwrap_or(now), handles::of(trade, settings), fact, extra),
        modified,
        status: status.map(str::to_owned),
    }
}

/// What the order's status means. Statuses are an open set: one that is not here means nothing to us.
fn step(status: Option<&str>, paying: Paying, trade: &Json) -> Option<OrderStep> {
    Some(match status? {
        "TRADE_NO_CREATE_PAY" | "WAIT_BUYER_PAY" | "PAY_PENDING" | "WAIT_PRE_AUTH_CONFIRM" => {
            OrderStep::Placed
        }
        // Paid on delivery, or with a deposit alone, it waits to be shipped all the same.
        "WAIT_SELLER_SEND_GOODS" | "PAID_FORBID_CONSIGN" => match paying {
            Paying::Paid => OrderStep::Paid,
            Paying::Deposit | Paying::NotPaid | Paying::Unclear => OrderStep::Placed,
        },
        // A part of it is on its way, or all.
        "SELLER_CONSIGNED_PART" | "WAIT_BUYER_CONFIRM_GOODS" => OrderStep::Shipped,
        "TRADE_BUYER_SIGNED" => OrderStep::Received,
        "TRADE_FINISHED" => OrderStep::Completed,
        // Closed after it was paid: all went back. A parcel that was to be paid at the door was refused.
        "TRADE_CLOSED" if amounts::is_on_delivery(trade) && paying != Paying::Paid => OrderStep::Cancelled,
        "TRADE_CLOSED" => OrderStep::Refunded,
        "TRADE_CLOSED_BY_TAOBAO" => OrderStep::Cancelled,
        _ => return None,
    })
}

fn order(
    trade: &Json,
    tid: &str,
    step: OrderStep,
    amounts: &Amounts,
    settings: &Settings,
    at: Instant,
) -> Order {
    let time = |name: &str| settings.zone().instant(trade.get(name));
    let is_back = matches!((amounts.paid_fen, amounts.refunded_fen), (Some(paid), Some(back)) if paid > 0 && back >= paid);
    Order {
        id: tid.to_owned(),
        step: match step {
            OrderStep::Placed | OrderStep::Cancelled => step,
            // It goes through its other statuses although all was given back.
            _ if is_back => OrderStep::Refunded,
            _ => step,
        },
        currency: "CNY".into(),
        total: amounts.total_fen,
        paid: amounts.paid_fen,
        refunded: amounts.refunded_fen,
        lines: lines(trade, amounts),
        placed_at: ["created", "pay_time"].into_iter().find_map(time).unwrap_or(at),
        // `trade_from` names the program that she bought with. Who led her there, an order does not tell.
        source: None,
    }
}

fn lines(trade: &Json, amounts: &Amounts) -> Vec<OrderLine> {
    let line = |row: &Json| OrderLine {
        sku: sku(row).unwrap_or_default().to_owned(),
        title: row.get("title").word().unwrap_or_default().to_owned(),
        // `cid` is a number of Taobao's own tree; the shop's catalogue knows what it stands for.
        category: None,
        quantity: row.get("num").int().and_then(|num| u32::try_from(num).ok()).unwrap_or(1),
        paid: amounts.line_paid(row),
    };
    amounts::rows(trade).iter().map(line).collect()
}

/// The merchant's own code where there is one: it is the same in every channel. Taobao's numbers otherwise.
fn sku(row: &Json) -> Option<&str> {
    ["outer_sku_id", "outer_iid", "sku_id", "num_iid"].into_iter().find_map(|name| row.get(name).id())
}

/// What the order says beyond the event.
fn slim(trade: &Json, amounts: &Amounts) -> Json {
    let is_kept = |name: &str| !PEOPLE.contains(&name);
    let kept = trade.fields().iter().filter(|(name, _)| is_kept(name)).cloned().collect();
    let mut fields = vec![("paid_from", Json::text(amounts.basis.word()))];
    if !amounts.unreadable.is_empty() {
        let complaints = amounts.unreadable.iter().map(Json::text).collect();
        fields.push(("unreadable", Json::List(complaints)));
    }
    fields.push(("trade", Json::Object(kept)));
    Json::object(fields)
}

/// Something that was done to an order or a refund and is not understood, to be kept as it came.
pub fn act(kind: String, object: Option<&str>) -> Fact {
    let object = object.map(str::to_owned);
    Fact::Did(Act { kind, object, title: None, quantity: None, state: None, whom: None })
}

pub fn event(id: String, at: Instant, who: Vec<Identity>, fact: Fact, extra: Json) -> Event {
    let extra = Some(extra.to_string());
    Event { id, at, who, staff: None, touchpoint: Touchpoint::Shop, fact, extra }
}
