//! What a Youzan shop keeps: orders, their refunds, and nothing that the simulator does not answer about.
//!
//! Money is fen here and becomes yuan text at the edge, as the platform writes it.

use std::collections::BTreeMap;

use super::wallet::Wallet;

#[derive(Clone, Debug, Default)]
pub struct Shop {
    pub orders: BTreeMap<String, Order>,
    pub refunds: BTreeMap<String, Refund>,
    pub wallet: Wallet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// `E`, the time of creation in 14 digits, nine digits more.
    pub tid: String,
    pub buyer: Buyer,
    pub lines: Vec<Line>,
    pub post_fen: u64,
    /// Taken off the whole order.
    pub discount_fen: u64,
    pub coupon_id: Option<u64>,
    /// Paid by the platform or by somebody else in the buyer's place: in `payment`, not in `real_payment`.
    pub subsidy_fen: u64,
    pub status: OrderStatus,
    pub created_ms: u64,
    pub paid_ms: Option<u64>,
    pub shipped_ms: Option<u64>,
    pub succeeded_ms: Option<u64>,
    pub updated_ms: u64,
    /// 0 open, 1 expired unpaid, 2 closed by a refund.
    pub close_type: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    WaitBuyerPay,
    /// Lasts seconds: pushed on payment, hardly ever seen by polling.
    TradePaid,
    WaitSellerSendGoods,
    WaitBuyerConfirmGoods,
    TradeSuccess,
    TradeClosed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    pub yz_open_id: String,
    pub fans_id: u64,
    /// The WeChat openid of the shop's official account.
    pub openid: String,
    /// Whole here; orders show it masked.
    pub mobile: String,
    pub name: String,
    pub province: String,
    pub city: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub oid: String,
    pub item_id: u64,
    pub sku_id: u64,
    pub title: String,
    pub units: u64,
    pub price_fen: u64,
    pub outer_item_id: String,
    pub outer_sku_id: String,
    pub spec: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub refund_id: String,
    pub tid: String,
    pub oids: Vec<String>,
    pub fee_fen: u64,
    pub returns_goods: bool,
    pub reason: String,
    pub created_ms: u64,
    pub updated_ms: u64,
    /// When the money was back; none while the refund is only asked for.
    pub done_ms: Option<u64>,
}

impl OrderStatus {
    pub fn name(self) -> &'static str {
        match self {
            OrderStatus::WaitBuyerPay => "WAIT_BUYER_PAY",
            OrderStatus::TradePaid => "TRADE_PAID",
            OrderStatus::WaitSellerSendGoods => "WAIT_SELLER_SEND_GOODS",
            OrderStatus::WaitBuyerConfirmGoods => "WAIT_BUYER_CONFIRM_GOODS",
            OrderStatus::TradeSuccess => "TRADE_SUCCESS",
            OrderStatus::TradeClosed => "TRADE_CLOSED",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            OrderStatus::WaitBuyerPay => "待付款",
            OrderStatus::TradePaid => "已付款",
            OrderStatus::WaitSellerSendGoods => "待发货",
            OrderStatus::WaitBuyerConfirmGoods => "已发货",
            OrderStatus::TradeSuccess => "已完成",
            OrderStatus::TradeClosed => "已关闭",
        }
    }
}

impl Line {
    pub fn total_fen(&self) -> u64 {
        self.price_fen * self.units
    }
}

impl Order {
    pub fn total_fen(&self) -> u64 {
        self.lines.iter().map(Line::total_fen).sum()
    }

    /// `payment`: goods minus discounts plus postage.
    pub fn payment_fen(&self) -> u64 {
        self.total_fen().saturating_sub(self.discount_fen) + self.post_fen
    }

    /// `real_payment`, which only the detail shows: 0 until paid.
    pub fn real_payment_fen(&self) -> u64 {
        if self.paid_ms.is_some() { self.payment_fen().saturating_sub(self.subsidy_fen) } else { 0 }
    }

    /// A line's part of what was paid for goods; the last line bears the rounding.
    pub fn line_payment_fen(&self, index: usize) -> u64 {
        let part = |line: &Line| self.discount_fen * line.total_fen() / self.total_fen().max(1);
        let discount = if index + 1 == self.lines.len() {
            self.discount_fen - self.lines[..index].iter().map(part).sum::<u64>()
        } else {
            part(&self.lines[index])
        };
        self.lines[index].total_fen().saturating_sub(discount)
    }
}

impl Shop {
    pub fn place(&mut self, order: Order) {
        self.orders.insert(order.tid.clone(), order);
    }

    /// The order after the change, or none for an unknown `tid`.
    pub fn change(&mut self, tid: &str, at_ms: u64, change: impl FnOnce(&mut Order)) -> Option<Order> {
        let order = self.orders.get_mut(tid)?;
        change(order);
        order.updated_ms = at_ms;
        Some(order.clone())
    }

    pub fn pay(&mut self, tid: &str, at_ms: u64) -> Option<Order> {
        self.change(tid, at_ms, |order| {
            order.paid_ms = Some(at_ms);
            order.status = OrderStatus::WaitSellerSendGoods;
        })
    }

    pub fn ship(&mut self, tid: &str, at_ms: u64) -> Option<Order> {
        self.change(tid, at_ms, |order| {
            order.shipped_ms = Some(at_ms);
            order.status = OrderStatus::WaitBuyerConfirmGoods;
        })
    }

    pub fn succeed(&mut self, tid: &str, at_ms: u64) -> Option<Order> {
        self.change(tid, at_ms, |order| {
            order.succeeded_ms = Some(at_ms);
            order.status = OrderStatus::TradeSuccess;
        })
    }

    pub fn close(&mut self, tid: &str, at_ms: u64, close_type: u8) -> Option<Order> {
        self.change(tid, at_ms, |order| {
            order.close_type = close_type;
            order.status = OrderStatus::TradeClosed;
        })
    }

    /// A refund asked for, or the same one again with its money back. Moves the order's update time.
    pub fn refund(&mut self, refund: Refund) {
        self.change(&refund.tid.clone(), refund.updated_ms, |_| ());
        self.refunds.insert(refund.refund_id.clone(), refund);
    }

    pub fn refunds_of<'a>(&'a self, tid: &'a str) -> impl Iterator<Item = &'a Refund> {
        // The shop's refunds are few; an index would be one more thing to keep true.
        self.refunds.values().filter(move |refund| refund.tid == tid)
    }
}
