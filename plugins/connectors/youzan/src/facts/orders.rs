//! Trade and refund pushes, of both generations.
//!
//! The old generation (`TRADE`, `TRADE_ORDER_STATE`) may be subscribed beside the new one. Its body is no
//! snapshot, so it yields no order: it says that something changed, under an id that its twins share, and the
//! detail is fetched.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Fact, Touchpoint};

use crate::chores;
use crate::facts::{self, Desk};
use crate::handles::Handles;
use crate::known::Known;
use crate::outlet;
use crate::push::Push;
use crate::trade::{self, Origin};

/// Types that tell of a status: two of them for one status of one order tell the same.
const STATUS_TYPES: [&str; 8] = [
    "trade_TradeCreate",
    "trade_TradePaid",
    "trade_TradeBuyerPay",
    "trade_TradeSellerShip",
    "trade_TradeSuccess",
    "trade_TradeClose",
    "TRADE",
    "TRADE_ORDER_STATE",
];

/// Types that tell of an edit, which leaves the status and the time of change as they were.
const EDIT_TYPES: [&str; 3] =
    ["trade_TradeMemoModified", "trade_MessagesTheChangeAddresses", "TRADE_ORDER_REMARK"];

pub fn is_trade(kind: &str) -> bool {
    kind == "TRADE" || kind.starts_with("trade_") || kind.starts_with("TRADE_ORDER_")
}

pub fn is_refund(kind: &str) -> bool {
    kind.starts_with("trade_refund_")
        || kind.starts_with("youzan_trade_Refund")
        || kind == "TRADE_ORDER_REFUND"
}

pub fn trade(push: &Push, desk: &mut Desk<'_>) -> Result<Harvest, String> {
    if !trade::is_document(&push.msg) {
        // The envelope's id is the order's number for these types.
        let tid = push.msg.get("tid").id().or(push.id.as_deref()).ok_or("the push names no order")?;
        return Ok(hint(push, tid, desk));
    }
    let tid = trade::tid(&push.msg).ok_or("the order has no tid")?;
    let known = Known::of(tid, desk.host);
    let origin = Origin {
        at: push.at(desk.settings, desk.now),
        unique: push.unique(),
        is_edit: EDIT_TYPES.contains(&push.kind.as_str()),
    };
    let reading = trade::read(&push.msg, &known, desk.settings, &origin)?;
    let due = desk.settings.detail_due(desk.now);
    let chores = chores::after(&reading, true, due);
    let bought = outlet::bought_with(&push.msg, &reading.event, desk.host);
    Ok(Harvest { chores, events: std::iter::once(reading.event).chain(bought).collect() })
}

/// Something happened to an order, and the push does not say how the order stands now.
fn hint(push: &Push, tid: &str, desk: &mut Desk<'_>) -> Harvest {
    let status = push.msg.get("status").word().or(push.status.as_deref());
    let (kind, id) = match status {
        Some(status) if STATUS_TYPES.contains(&push.kind.as_str()) => {
            ("youzan.trade-changed".to_owned(), format!("trade-changed:{tid}:{status}"))
        }
        _ => (format!("youzan.{}", push.kind), push.unique()),
    };
    let act = Act { object: Some(tid.to_owned()), title: status.map(str::to_owned), ..facts::act(kind) };
    let mut handles = Handles::new(desk.settings);
    handles.yz_open_id(push.msg.get("yz_open_id"));
    let at = push.at(desk.settings, desk.now);
    Harvest {
        events: vec![facts::event(
            id,
            at,
            handles.into_who(),
            Touchpoint::Shop,
            Fact::Did(act),
            push.whole(),
        )],
        chores: vec![chores::detail(tid, desk.settings.detail_due(desk.now))],
    }
}

pub fn refund(push: &Push, desk: &mut Desk<'_>) -> Result<Harvest, String> {
    let (tid, refund_id) = match (push.msg.get("tid").id(), push.msg.get("refund_id").id()) {
        (tid, Some(refund_id)) => (tid, refund_id),
        // The old generation's push may name the order alone. The order's detail names its refunds.
        (Some(tid), None) => return Ok(hint(push, tid, desk)),
        (None, None) => return Err("the push names neither a refund nor an order".into()),
    };
    let word = stage(&push.kind);
    let changed_at = desk.settings.zone().instant(push.msg.get("update_time"));
    let id = match (word, changed_at) {
        // Both generations may tell of it, with times that need not agree.
        (Some(word), _) if happens_once(word) => format!("refund:{refund_id}:{word}"),
        (Some(word), Some(ms)) => format!("refund:{refund_id}:{word}:{ms}"),
        _ => push.unique(),
    };
    let act = Act {
        object: Some(refund_id.to_owned()),
        title: push.msg.get("refund_reason").word().map(str::to_owned),
        ..facts::act(word.map_or_else(|| format!("youzan.{}", push.kind), |word| format!("youzan.{word}")))
    };
    let mut handles = Handles::new(desk.settings);
    handles.yz_open_id(push.msg.get("yz_open_id"));
    let at = push.at(desk.settings, desk.now);
    let due = desk.settings.detail_due(desk.now);
    Ok(Harvest {
        events: vec![facts::event(
            id,
            at,
            handles.into_who(),
            Touchpoint::Shop,
            Fact::Did(act),
            push.whole(),
        )],
        chores: tid.map(|tid| chores::refund(tid, refund_id, due)).into_iter().collect(),
    })
}

/// One word for what the two generations call differently.
fn stage(kind: &str) -> Option<&'static str> {
    let name = kind.strip_prefix("trade_refund_").or_else(|| kind.strip_prefix("youzan_trade_"))?;
    Some(match name {
        "BuyerCreated" | "RefundCreated" => "refund-asked",
        "RefundSellerCreated" => "refund-begun-by-seller",
        "RefundAgain" => "refund-asked-again",
        "RefundSellerAgree" => "refund-agreed",
        "RefundSellerRefuse" => "refund-refused",
        "RefundSellerAgreeReturnGoods" => "return-agreed",
        "RefundBuyerReturnGoods" => "goods-returned",
        "RefundSellerRefuseBuyerReturnGoods" => "return-refused",
        "RefundSuccess" => "refund-succeeded",
        "SysRefund" => "refund-by-system",
        "RefundClosed" => "refund-closed",
        "YouzanInterApplied" => "platform-called-in",
        _ => return None,
    })
}

fn happens_once(stage: &str) -> bool {
    matches!(stage, "refund-asked" | "refund-begun-by-seller" | "refund-succeeded" | "refund-by-system")
}
