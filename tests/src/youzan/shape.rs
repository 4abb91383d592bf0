//! Orders and refunds as Youzan's JSON: yuan as text, times as GMT+8 text, people masked
//! (API pages of `youzan.trades.sold.get` 4.0.4, `youzan.trade.get` 4.0.0, `youzan.trade.refund.get` 3.0.1).

use serde_json::{Value, json};

use super::YouzanConfig;
use super::shop::{Order, Refund, Shop};
use crate::beijing;

/// Where an order is shown: `real_payment` stands in the detail only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    ListOrPush,
    Detail,
}

/// The full document: `full_order_info` and its three companions.
pub fn trade(config: &YouzanConfig, shop: &Shop, order: &Order, view: View) -> Value {
    let refunds: Vec<&Refund> = shop.refunds_of(&order.tid).collect();
    json!({
        "full_order_info": {
            "order_info": order_info(config, order, &refunds),
            "source_info": {
                "is_offline_order": false,
                "order_mark": "wx_shop",
                "book_key": order.tid.to_lowercase(),
                "source": {"platform": "wx", "wx_entrance": "wx_gzh"},
            },
            "buyer_info": {
                "yz_open_id": order.buyer.yz_open_id,
                "buyer_phone": buyer_phone(config, order),
                "outer_user_id": order.buyer.openid,
                "fans_type": 1,
                "fans_id": order.buyer.fans_id,
                "buyer_id": order.buyer.fans_id + 60_000_000,
            },
            "pay_info": pay_info(order, view),
            "remark_info": {"buyer_message": ""},
            "address_info": address(order),
            "orders": (0..order.lines.len()).map(|index| line(order, index)).collect::<Vec<_>>(),
        },
        "order_promotion": promotion(order),
        "refund_order": refunds.iter().map(|refund| refund_row(refund)).collect::<Vec<_>>(),
        "delivery_order": [],
    })
}

pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// `138****0001`.
pub fn masked_mobile(mobile: &str) -> String {
    match (mobile.get(..3), mobile.get(7..)) {
        (Some(head), Some(tail)) => format!("{head}****{tail}"),
        _ => String::from("****"),
    }
}

fn buyer_phone(config: &YouzanConfig, order: &Order) -> String {
    if config.masks_phones { masked_mobile(&order.buyer.mobile) } else { order.buyer.mobile.clone() }
}

fn time(ms: Option<u64>) -> String {
    ms.map(beijing::text).unwrap_or_default()
}

fn order_info(config: &YouzanConfig, order: &Order, refunds: &[&Refund]) -> Value {
    json!({
        "tid": order.tid,
        "status": order.status.name(),
        "status_str": order.status.title(),
        "type": 0,
        "pay_type": if order.paid_ms.is_some() { 10 } else { 0 },
        "pay_type_str": if order.paid_ms.is_some() { "WEIXIN_DAIXIAO" } else { "" },
        "created": beijing::text(order.created_ms),
        "pay_time": time(order.paid_ms),
        "consign_time": time(order.shipped_ms),
        "confirm_time": time(order.succeeded_ms),
        "success_time": time(order.succeeded_ms),
        "update_time": beijing::text(order.updated_ms),
        "expired_time": beijing::text(order.created_ms + 30 * beijing::MINUTE_MS),
        "refund_state": refund_state(order, refunds),
        "close_type": order.close_type,
        "express_type": 0,
        "team_type": 0,
        "node_kdt_id": config.kdt_id,
        "root_kdt_id": config.kdt_id,
        "is_retail_order": false,
        "order_tags": {"is_payed": order.paid_ms.is_some(), "is_member": true, "is_secured_transactions": true},
        "order_extra": {"is_from_cart": "true", "is_points_order": "0"},
    })
}

/// 0 none, 1 part asked, 2 part done, 11 all asked, 12 all done: the reading of 1 and 2 is not confirmed.
fn refund_state(order: &Order, refunds: &[&Refund]) -> u8 {
    let done: u64 =
        refunds.iter().filter(|refund| refund.done_ms.is_some()).map(|refund| refund.fee_fen).sum();
    let asked: u64 = refunds.iter().map(|refund| refund.fee_fen).sum();
    let all = order.real_payment_fen().max(1);
    match (asked, done) {
        (0, _) => 0,
        (_, done) if done >= all => 12,
        (asked, done) if asked >= all && asked > done => 11,
        (asked, done) if asked > done => 1,
        _ => 2,
    }
}

fn pay_info(order: &Order, view: View) -> Value {
    let numbers = |head: &str| match order.paid_ms {
        Some(paid_ms) => vec![format!("{head}{}{}", beijing::digits(paid_ms), &order.tid[15..])],
        None => Vec::new(),
    };
    let mut shown = json!({
        "total_fee": yuan(order.total_fen()),
        "post_fee": yuan(order.post_fen),
        "payment": yuan(order.payment_fen()),
        "transaction": numbers(""),
        "outer_transactions": numbers("4200"),
    });
    if view == View::Detail {
        shown["real_payment"] = json!(yuan(order.real_payment_fen()));
    }
    shown
}

fn address(order: &Order) -> Value {
    let surname: String = order.buyer.name.chars().take(1).collect();
    json!({
        "receiver_name": format!("{surname}**"),
        "receiver_tel": masked_mobile(&order.buyer.mobile),
        "delivery_province": order.buyer.province,
        "delivery_city": order.buyer.city,
        "delivery_district": "",
        "delivery_address": "示例路**",
        "delivery_postal_code": "",
        "address_extra": "{\"lon\":120.1,\"lat\":30.2}",
    })
}

fn line(order: &Order, index: usize) -> Value {
    let line = &order.lines[index];
    let spec = json!([{"k": "规格", "v": line.spec}]).to_string();
    json!({
        "oid": line.oid,
        "item_id": line.item_id,
        "sku_id": line.sku_id,
        "title": line.title,
        "num": line.units,
        "price": yuan(line.price_fen),
        "discount_price": yuan(line.price_fen),
        "total_fee": yuan(line.total_fen()),
        "payment": yuan(order.line_payment_fen(index)),
        "outer_item_id": line.outer_item_id,
        "outer_sku_id": line.outer_sku_id,
        "sku_properties_name": spec,
        "item_type": 0,
        "is_present": false,
        "points_price": "0",
        "alias": format!("2x{}", line.item_id),
    })
}

fn promotion(order: &Order) -> Value {
    let coupon = order.coupon_id.map(|id| {
        json!({"promotion_type": "coupon", "promotion_title": format!("优惠{}元", order.discount_fen / 100), "coupon_id": id.to_string()})
    });
    json!({
        "adjust_fee": "0.00",
        "order_discount_fee": yuan(order.discount_fen),
        "item": [],
        "order": coupon.into_iter().collect::<Vec<_>>(),
    })
}

/// In an order's document, states are numbers: 1 asked for, 60 done.
fn refund_row(refund: &Refund) -> Value {
    json!({
        "refund_id": refund.refund_id,
        "refund_type": "BUYER_APPLY_REFUND",
        "refund_state": if refund.done_ms.is_some() { 60 } else { 1 },
        "refund_fee": yuan(refund.fee_fen),
        "oids": refund.oids,
    })
}

/// In a refund's own document they are words. `refund_fee` is yuan, in `refund_fund_list` it is fen.
pub fn refund(config: &YouzanConfig, refund: &Refund) -> Value {
    let mut shown = json!({
        "refund_id": refund.refund_id,
        "tid": refund.tid,
        "oids": refund.oids,
        "kdt_id": config.kdt_id,
        "node_kdt_id": config.kdt_id,
        "status": if refund.done_ms.is_some() { "SUCCESS" } else { "WAIT_SELLER_AGREE" },
        "refund_type": "BUYER_APPLY_REFUND",
        "return_goods": refund.returns_goods,
        "refund_fee": yuan(refund.fee_fen),
        "created": beijing::text(refund.created_ms),
        "modified": beijing::text(refund.updated_ms),
        "refund_account_time": time(refund.done_ms),
        "refund_fund_list": [],
    });
    if refund.done_ms.is_some() {
        shown["refund_fund_list"] = json!([{
            "refund_no": format!("rf-{}", refund.refund_id),
            "refund_id": refund.refund_id,
            "refund_fee": refund.fee_fen,
            "status": 2,
            "refund_mode": 0,
            "pay_way": 10,
        }]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_has_two_digits_of_fen() {
        assert_eq!([0, 5, 11_600].map(yuan), ["0.00", "0.05", "116.00"]);
    }

    #[test]
    fn mobiles_are_masked() {
        assert_eq!(masked_mobile("13800000001"), "138****0001");
        assert_eq!(masked_mobile("1"), "****");
    }
}
