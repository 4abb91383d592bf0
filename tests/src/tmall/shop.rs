//! What a Tmall shop keeps: trades with their orders (TOP's word for the lines of a trade), and refunds.
//!
//! Money is fen here and becomes yuan text at the edge. After a refund the amounts that TOP shows move: `payment` is
//! what is paid *at present*, and no field keeps what the buyer once paid (TOP's FAQ on amounts). So both are functions
//! of the state here: [`Trade::paid_fen`] is history, which the platform does not show, [`Shop::payment_fen`] is shown.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shop {
    pub trades: BTreeMap<u64, Trade>,
    pub refunds: BTreeMap<u64, Refund>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// 19 digits: more than a double holds.
    pub tid: u64,
    /// `guarantee_trade`, `step`, `cod`, …: lists show five kinds unless others are asked for.
    pub kind: &'static str,
    pub buyer: Buyer,
    pub receiver: Receiver,
    pub lines: Vec<Line>,
    pub post_fen: u64,
    /// Taken off the whole trade by a shop coupon.
    pub discount_fen: u64,
    pub status: TradeStatus,
    pub created_ms: u64,
    pub paid_ms: Option<u64>,
    pub shipped_ms: Option<u64>,
    /// Finished or closed.
    pub ended_ms: Option<u64>,
    pub modified_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeStatus {
    WaitBuyerPay,
    WaitSellerSendGoods,
    WaitBuyerConfirmGoods,
    TradeFinished,
    /// Closed after payment: all of it was refunded.
    TradeClosed,
    /// Closed before payment.
    TradeClosedByTaobao,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// Whole here; shown masked.
    pub nick: String,
    /// `buyer_open_uid`: the buyer as this shop's app sees her.
    pub open_uid: String,
    /// The `ouid` of refunds. Whether it equals the former is not confirmed; here it does not.
    pub ouid: String,
}

/// Whole here; shown masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub name: String,
    pub mobile: String,
    pub state: String,
    pub city: String,
    pub district: String,
    pub address: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The trade's own number if it is the only one.
    pub oid: u64,
    pub num_iid: u64,
    pub sku_id: u64,
    pub title: String,
    pub spec: String,
    pub units: u64,
    pub price_fen: u64,
    pub outer_iid: String,
    pub outer_sku_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub refund_id: u64,
    pub tid: u64,
    /// A refund is of one line.
    pub oid: u64,
    pub fee_fen: u64,
    pub dispute: Dispute,
    pub state: RefundState,
    pub reason: String,
    pub created_ms: u64,
    pub modified_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispute {
    Refund,
    RefundAndReturn,
    /// An exchange: it looks like a refund and moves no money.
    TmallExchange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    WaitSellerAgree,
    WaitBuyerReturnGoods,
    WaitSellerConfirmGoods,
    SellerRefuseBuyer,
    Closed,
    /// Money is back, if the dispute is about money.
    Success,
}

impl TradeStatus {
    pub fn name(self) -> &'static str {
        match self {
            TradeStatus::WaitBuyerPay => "WAIT_BUYER_PAY",
            TradeStatus::WaitSellerSendGoods => "WAIT_SELLER_SEND_GOODS",
            TradeStatus::WaitBuyerConfirmGoods => "WAIT_BUYER_CONFIRM_GOODS",
            TradeStatus::TradeFinished => "TRADE_FINISHED",
            TradeStatus::TradeClosed => "TRADE_CLOSED",
            TradeStatus::TradeClosedByTaobao => "TRADE_CLOSED_BY_TAOBAO",
        }
    }
}

impl Dispute {
    pub fn name(self) -> &'static str {
        match self {
            Dispute::Refund => "REFUND",
            Dispute::RefundAndReturn => "REFUND_AND_RETURN",
            Dispute::TmallExchange => "TMALL_EXCHANGE",
        }
    }

    pub fn moves_money(self) -> bool {
        match self {
            Dispute::Refund | Dispute::RefundAndReturn => true,
            Dispute::TmallExchange => false,
        }
    }
}

impl RefundState {
    pub fn name(self) -> &'static str {
        match self {
            RefundState::WaitSellerAgree => "WAIT_SELLER_AGREE",
            RefundState::WaitBuyerReturnGoods => "WAIT_BUYER_RETURN_GOODS",
            RefundState::WaitSellerConfirmGoods => "WAIT_SELLER_CONFIRM_GOODS",
            RefundState::SellerRefuseBuyer => "SELLER_REFUSE_BUYER",
            RefundState::Closed => "CLOSED",
            RefundState::Success => "SUCCESS",
        }
    }
}

impl Refund {
    /// What is back at the buyer.
    pub fn paid_back_fen(&self) -> u64 {
        if self.state == RefundState::Success && self.dispute.moves_money() { self.fee_fen } else { 0 }
    }
}

impl Line {
    pub fn total_fen(&self) -> u64 {
        self.price_fen * self.units
    }
}

impl Trade {
    pub fn total_fen(&self) -> u64 {
        self.lines.iter().map(Line::total_fen).sum()
    }

    /// What the trade costs: goods minus the discount plus postage.
    pub fn cost_fen(&self) -> u64 {
        self.total_fen().saturating_sub(self.discount_fen) + self.post_fen
    }

    /// What the buyer once paid; 0 until then.
    pub fn paid_fen(&self) -> u64 {
        if self.paid_ms.is_some() { self.cost_fen() } else { 0 }
    }

    /// A line's part of the trade's discount (`part_mjz_discount`); the last line bears the rounding.
    pub fn line_discount_fen(&self, index: usize) -> u64 {
        let part = |line: &Line| self.discount_fen * line.total_fen() / self.total_fen().max(1);
        if index + 1 == self.lines.len() {
            self.discount_fen - self.lines[..index].iter().map(part).sum::<u64>()
        } else {
            part(&self.lines[index])
        }
    }

    /// A line's part of what the goods cost, without postage.
    pub fn line_cost_fen(&self, index: usize) -> u64 {
        self.lines[index].total_fen().saturating_sub(self.line_discount_fen(index))
    }
}

impl Shop {
    pub fn place(&mut self, trade: Trade) {
        self.trades.insert(trade.tid, trade);
    }

    /// The trade after the change, or none for an unknown `tid`.
    pub fn change(&mut self, tid: u64, at_ms: u64, change: impl FnOnce(&mut Trade)) -> Option<Trade> {
        let trade = self.trades.get_mut(&tid)?;
        change(trade);
        trade.modified_ms = at_ms;
        Some(trade.clone())
    }

    pub fn pay(&mut self, tid: u64, at_ms: u64) -> Option<Trade> {
        self.change(tid, at_ms, |trade| {
            trade.paid_ms = Some(at_ms);
            trade.status = TradeStatus::WaitSellerSendGoods;
        })
    }

    pub fn ship(&mut self, tid: u64, at_ms: u64) -> Option<Trade> {
        self.change(tid, at_ms, |trade| {
            trade.shipped_ms = Some(at_ms);
            trade.status = TradeStatus::WaitBuyerConfirmGoods;
        })
    }

    pub fn finish(&mut self, tid: u64, at_ms: u64) -> Option<Trade> {
        self.change(tid, at_ms, |trade| {
            trade.ended_ms = Some(at_ms);
            trade.status = TradeStatus::TradeFinished;
        })
    }

    /// Never paid.
    pub fn close_unpaid(&mut self, tid: u64, at_ms: u64) -> Option<Trade> {
        self.change(tid, at_ms, |trade| {
            trade.ended_ms = Some(at_ms);
            trade.status = TradeStatus::TradeClosedByTaobao;
        })
    }

    /// A refund asked for, or the same one in a later state. Moves the trade's time of change; once every line's money
    /// is back before the trade was finished, the trade is closed. A finished one stays finished.
    pub fn refund(&mut self, refund: Refund) {
        let (tid, at_ms) = (refund.tid, refund.modified_ms);
        self.refunds.insert(refund.refund_id, refund);
        let is_over = self.trades.get(&tid).is_some_and(|trade| {
            trade.ended_ms.is_none() && (0..trade.lines.len()).all(|index| self.is_line_closed(trade, index))
        });
        self.change(tid, at_ms, |trade| {
            if is_over {
                trade.ended_ms = Some(at_ms);
                trade.status = TradeStatus::TradeClosed;
            }
        });
    }

    pub fn refunds_of(&self, tid: u64) -> impl Iterator<Item = &Refund> {
        // The shop's refunds are few; an index would be one more thing to keep true.
        self.refunds.values().filter(move |refund| refund.tid == tid)
    }

    pub fn refunds_of_line(&self, trade: &Trade, index: usize) -> impl Iterator<Item = &Refund> {
        let oid = trade.lines[index].oid;
        self.refunds_of(trade.tid).filter(move |refund| refund.oid == oid)
    }

    pub fn refunded_fen(&self, tid: u64) -> u64 {
        self.refunds_of(tid).map(Refund::paid_back_fen).sum()
    }

    pub fn line_refunded_fen(&self, trade: &Trade, index: usize) -> u64 {
        self.refunds_of_line(trade, index).map(Refund::paid_back_fen).sum()
    }

    /// The `payment` that is shown: what is to be paid, then what was paid, then less by what went back.
    pub fn payment_fen(&self, trade: &Trade) -> u64 {
        trade.cost_fen().saturating_sub(self.refunded_fen(trade.tid))
    }

    /// All money of the line is back.
    pub fn is_line_closed(&self, trade: &Trade, index: usize) -> bool {
        let refunded_fen = self.line_refunded_fen(trade, index);
        refunded_fen > 0 && refunded_fen >= trade.line_cost_fen(index)
    }
}
