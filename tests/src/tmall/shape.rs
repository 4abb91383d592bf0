//! Trades and refunds as TOP's JSON: ids as bare numbers beyond 2^53, yuan as text, times as GMT+8 text, people
//! masked, an empty list as no key at all (API pages of `taobao.trade.fullinfo.get`, `taobao.refunds.receive.get`).
//!
//! `fields` is a whitelist: what is not named is not there. `orders` names all of the lines, `orders.oid` one field.

use serde_json::{Map, Value, json};

use super::TmallConfig;
use super::shop::{Receiver, Refund, RefundState, Shop, Trade, TradeStatus};
use crate::beijing::{self, DAY_MS};
use crate::digest::{md5_hex, sha1_hex};

/// Where a trade is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Rows of lists are partial, whatever `fields` says.
    List,
    /// `taobao.trade.fullinfo.get`.
    Full { with_oaid: bool },
}

/// What only the detail shows of a trade. The platform's own list is longer than what is confirmed.
const IN_DETAIL_ONLY: [&str; 10] = [
    "promotion_details",
    "buyer_open_uid",
    "buyer_message",
    "receiver_name",
    "receiver_mobile",
    "receiver_state",
    "receiver_city",
    "receiver_district",
    "receiver_address",
    "receiver_zip",
];
const IN_DETAIL_ONLY_OF_LINES: [&str; 2] = ["divide_order_fee", "part_mjz_discount"];
/// An `oaid` holds for receivers of one such period of the trade's creation.
const OAID_DAYS: u64 = 7;

/// What was asked for in `fields`.
pub struct Fields(Vec<String>);

impl Fields {
    /// None if nothing is named.
    pub fn of(text: &str) -> Option<Self> {
        let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let named: Vec<String> = named.map(str::to_owned).collect();
        (!named.is_empty()).then_some(Self(named))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|named| named == name)
    }

    /// Of `whole`, what is named; of lines under `list.item`, what is named as `list.field`.
    fn pick(&self, whole: Value) -> Value {
        let Value::Object(whole) = whole else { return whole };
        let mut picked = Map::new();
        for (name, value) in whole {
            if self.has(&name) {
                picked.insert(name, value);
            } else {
                let inner: Vec<String> = self.0.iter().filter_map(|named| inner(named, &name)).collect();
                if !inner.is_empty() {
                    picked.insert(name, Fields(inner).pick_rows(value));
                }
            }
        }
        Value::Object(picked)
    }

    fn pick_rows(&self, list: Value) -> Value {
        let Value::Object(list) = list else { return list };
        let rows = |value| match value {
            Value::Array(rows) => Value::Array(rows.into_iter().map(|row| self.pick(row)).collect()),
            other => other,
        };
        list.into_iter().map(|(name, value)| (name, rows(value))).collect()
    }
}

fn inner(named: &str, list: &str) -> Option<String> {
    named.strip_prefix(list)?.strip_prefix('.').map(str::to_owned)
}

/// `{name: {element: rows}}`, or nothing for no rows.
pub fn put_list(into: &mut Value, name: &str, element: &str, rows: Vec<Value>) {
    if !rows.is_empty() {
        into[name] = json!({ element: rows });
    }
}

/// With `simplify=true`: `{"trades": {"trade": […]}}` becomes `{"trades": […]}`.
pub fn simplified(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let only_array = object.len() == 1 && object.values().all(Value::is_array);
            let mut inside = object.into_iter().map(|(name, value)| (name, simplified(value)));
            if only_array {
                inside.next().map_or(Value::Null, |(_, rows)| rows)
            } else {
                Value::Object(inside.collect())
            }
        }
        Value::Array(rows) => Value::Array(rows.into_iter().map(simplified).collect()),
        other => other,
    }
}

pub fn trade(config: &TmallConfig, shop: &Shop, trade: &Trade, view: View, fields: &Fields) -> Value {
    let mut shown = whole_trade(config, shop, trade);
    match view {
        View::List => {
            let Value::Object(row) = &mut shown else { return shown };
            for name in IN_DETAIL_ONLY.iter().chain(&["oaid"]) {
                row.remove(*name);
            }
            for line in row["orders"]["order"].as_array_mut().into_iter().flatten() {
                for name in IN_DETAIL_ONLY_OF_LINES {
                    line.as_object_mut().map(|line| line.remove(name));
                }
            }
            fields.pick(shown)
        }
        View::Full { with_oaid } => {
            let mut picked = fields.pick(shown);
            if with_oaid {
                // The parameter asks for it, `fields` need not.
                picked["oaid"] = json!(oaid(config, trade));
            }
            picked
        }
    }
}

fn whole_trade(config: &TmallConfig, shop: &Shop, trade: &Trade) -> Value {
    let is_single = trade.lines.len() == 1;
    let payment_fen = shop.payment_fen(trade);
    let received_fen = if trade.status == TradeStatus::TradeFinished { payment_fen } else { 0 };
    let mut shown = json!({
        "tid": trade.tid,
        "tid_str": trade.tid.to_string(),
        "type": trade.kind,
        "status": trade.status.name(),
        "title": config.seller_nick,
        "seller_nick": config.seller_nick,
        "buyer_nick": masked_nick(&trade.buyer.nick),
        "buyer_open_uid": trade.buyer.open_uid,
        "created": beijing::text(trade.created_ms),
        "modified": beijing::text(trade.modified_ms),
        "payment": yuan(payment_fen),
        "received_payment": yuan(received_fen),
        "total_fee": yuan(trade.total_fen()),
        "post_fee": yuan(trade.post_fen),
        "discount_fee": yuan(0),
        "adjust_fee": yuan(0),
        // Without meaning for several lines.
        "num": if is_single { trade.lines[0].units } else { 0 },
        "price": if is_single { yuan(trade.lines[0].price_fen) } else { yuan(0) },
        "trade_from": "WAP,WAP",
        "seller_flag": 0,
        "shipping_type": "express",
    });
    let times =
        [("pay_time", trade.paid_ms), ("consign_time", trade.shipped_ms), ("end_time", trade.ended_ms)];
    for (name, at_ms) in times {
        if let Some(at_ms) = at_ms {
            shown[name] = json!(beijing::text(at_ms));
        }
    }
    put_receiver(&mut shown, &trade.receiver);
    let lines = (0..trade.lines.len()).map(|index| line(shop, trade, index)).collect();
    put_list(&mut shown, "orders", "order", lines);
    let promotion = json!({
        "id": trade.tid,
        "promotion_name": "店铺券",
        "promotion_id": format!("shopbonus-{}_1", trade.tid),
        "discount_fee": yuan(trade.discount_fen),
    });
    put_list(
        &mut shown,
        "promotion_details",
        "promotion_detail",
        Some(promotion).filter(|_| trade.discount_fen > 0).into_iter().collect(),
    );
    shown
}

/// The city of a county that the province governs directly is empty on the platform; here no such receiver lives.
fn put_receiver(shown: &mut Value, receiver: &Receiver) {
    let Receiver { name, mobile, state, city, district, address } = receiver;
    let surname: String = name.chars().take(1).collect();
    let street: String = address.chars().take(1).collect();
    shown["receiver_name"] = json!(format!("{surname}**"));
    shown["receiver_mobile"] = json!(format!("*******{}", mobile.get(7..).unwrap_or_default()));
    shown["receiver_state"] = json!(state);
    shown["receiver_city"] = json!(city);
    shown["receiver_district"] = json!(district);
    shown["receiver_address"] = json!(format!("{street}**"));
    shown["receiver_zip"] = json!("000000");
}

fn line(shop: &Shop, trade: &Trade, index: usize) -> Value {
    let line = &trade.lines[index];
    let refunded_fen = shop.line_refunded_fen(trade, index);
    // Of a single line the trade's own; of several, goods at their price without the trade's discount, which stands in
    // `divide_order_fee`. Both move with refunds: no field keeps what was paid.
    let payment_fen = match trade.lines.len() {
        1 => shop.payment_fen(trade),
        _ => line.total_fen().saturating_sub(refunded_fen),
    };
    let last = shop.refunds_of_line(trade, index).max_by_key(|refund| refund.created_ms);
    let is_closed = shop.is_line_closed(trade, index);
    let status = if is_closed { TradeStatus::TradeClosed } else { trade.status };
    let mut shown = json!({
        "oid": line.oid,
        "oid_str": line.oid.to_string(),
        "num_iid": line.num_iid,
        "sku_id": line.sku_id.to_string(),
        "title": line.title,
        "price": yuan(line.price_fen),
        "num": line.units,
        "total_fee": yuan(line.total_fen()),
        "payment": yuan(payment_fen),
        "discount_fee": yuan(0),
        "adjust_fee": yuan(0),
        "divide_order_fee": yuan(trade.line_cost_fen(index).saturating_sub(refunded_fen)),
        "part_mjz_discount": yuan(trade.line_discount_fen(index)),
        "outer_iid": line.outer_iid,
        "outer_sku_id": line.outer_sku_id,
        "sku_properties_name": format!("规格:{}", line.spec),
        "status": status.name(),
        "refund_status": last.map_or("NO_REFUND", |refund| refund.state.name()),
        "cid": 50_010_790,
        "seller_type": "B",
    });
    if let Some(refund) = last {
        shown["refund_id"] = json!(refund.refund_id);
    }
    shown
}

/// None if the trade is not the shop's.
pub fn refund(config: &TmallConfig, shop: &Shop, refund: &Refund, fields: &Fields) -> Option<Value> {
    let trade = shop.trades.get(&refund.tid)?;
    let index = trade.lines.iter().position(|line| line.oid == refund.oid)?;
    let line = &trade.lines[index];
    let total_fen = trade.line_cost_fen(index);
    let returns = refund.dispute != super::shop::Dispute::Refund;
    let good_status = match (trade.shipped_ms, returns, refund.state) {
        (None, _, _) => "BUYER_NOT_RECEIVED",
        (Some(_), true, RefundState::WaitSellerConfirmGoods | RefundState::Success) => "BUYER_RETURNED_GOODS",
        (Some(_), _, _) => "BUYER_RECEIVED",
    };
    let is_after = trade.ended_ms.is_some_and(|ended_ms| ended_ms < refund.created_ms);
    let mut shown = json!({
        "refund_id": refund.refund_id.to_string(),
        "tid": refund.tid,
        "oid": refund.oid,
        "status": refund.state.name(),
        "order_status": if shop.is_line_closed(trade, index) { TradeStatus::TradeClosed } else { trade.status }.name(),
        "good_status": good_status,
        "has_good_return": returns,
        "total_fee": yuan(total_fen),
        "refund_fee": yuan(refund.fee_fen),
        "payment": yuan(total_fen.saturating_sub(refund.fee_fen)),
        "reason": refund.reason,
        "desc": "",
        "created": beijing::text(refund.created_ms),
        "modified": beijing::text(refund.modified_ms),
        "refund_phase": if is_after { "aftersale" } else { "onsale" },
        "refund_version": refund.modified_ms,
        "dispute_type": refund.dispute.name(),
        "operation_contraint": "null",
        "title": line.title,
        "num_iid": line.num_iid,
        "num": line.units,
        "price": yuan(line.price_fen),
        "outer_id": line.outer_sku_id,
        "sku": format!("{}|规格:{}", line.sku_id, line.spec),
        "buyer_nick": masked_nick(&trade.buyer.nick),
        "seller_nick": config.seller_nick,
        "buyer_open_uid": trade.buyer.open_uid,
        "ouid": trade.buyer.ouid,
    });
    if refund.state == RefundState::Success {
        shown["end_time"] = json!(beijing::text(refund.modified_ms));
    }
    Some(fields.pick(shown))
}

/// Made of the receiver and the time of creation: two people of one address and phone have the same, one person has
/// another each week.
pub fn oaid(config: &TmallConfig, trade: &Trade) -> String {
    let Receiver { name, mobile, state, city, district, address } = &trade.receiver;
    let week = trade.created_ms / (OAID_DAYS * DAY_MS);
    let parts =
        [config.seller_nick.as_str(), name, mobile, state, city, district, address, &week.to_string()];
    let text = parts.join("\n");
    format!("1{}{}", sha1_hex(&[text.as_bytes()]), md5_hex(&[text.as_bytes()]))
}

pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// `t**1`: the first and the last character.
pub fn masked_nick(nick: &str) -> String {
    let end = |found: Option<char>| found.map(String::from).unwrap_or_default();
    format!("{}**{}", end(nick.chars().next()), end(nick.chars().last()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_a_whitelist_down_to_the_lines() {
        let whole = json!({"tid": 1, "status": "A", "orders": {"order": [{"oid": 1, "num": 2}]}});
        let pick = |text: &str| Fields::of(text).unwrap().pick(whole.clone());
        assert_eq!(pick("tid"), json!({"tid": 1}));
        assert_eq!(pick("tid, orders"), json!({"tid": 1, "orders": {"order": [{"oid": 1, "num": 2}]}}));
        assert_eq!(pick("orders.num"), json!({"orders": {"order": [{"num": 2}]}}));
        assert!(Fields::of(" ,").is_none());
    }

    #[test]
    fn simplified_lists_lose_their_element_names() {
        let whole =
            json!({"trades": {"trade": [{"tid": 1, "orders": {"order": [{"oid": 1}]}}]}, "total_results": 1});
        assert_eq!(
            simplified(whole),
            json!({"trades": [{"tid": 1, "orders": [{"oid": 1}]}], "total_results": 1})
        );
    }

    #[test]
    fn nicks_are_masked() {
        assert_eq!(["tb_1", "小满", ""].map(masked_nick), ["t**1", "小**满", "**"]);
    }
}
