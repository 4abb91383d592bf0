//! The picture that orders make: how many, how much, what she must have in stock, and when she is expected again.
//!
//! Invariant: it depends on the orders and their times alone, not on the order in which they were told.

use heliu_sdk::events::Instant;
use serde::{Deserialize, Serialize};

use crate::memory::{Order, Stage};
use crate::plan::{Category, Plan};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub orders: u32,
    pub spend_fen: i64,
    /// When the last order was paid.
    pub last_at: Instant,
    /// When she counts as lapsing, unless she buys before.
    pub expected_by: Instant,
    /// When she had counted as lapsing before the last order, if she had. 0: she had not.
    pub returned_after: Instant,
    pub stocks: Vec<Stock>,
}

/// What she has of one category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    pub category: u32,
    /// When the last order of it was paid.
    pub bought_at: Instant,
    /// From when on that order is used up.
    pub start: Instant,
    /// When all of it is used up. 0: it is not used up at all.
    pub ends_at: Instant,
    /// The last order of it.
    pub order: u64,
}

impl Picture {
    /// Adds an order that is not older than those before it.
    pub fn add(&mut self, plan: &Plan, order: &Order) {
        let was_lapsing = self.orders > 0 && order.paid_at >= self.expected_by;
        self.returned_after = if was_lapsing { self.expected_by } else { 0 };
        self.orders = self.orders.saturating_add(1);
        self.spend_fen = self.spend_fen.saturating_add(order.spend_fen());
        self.last_at = order.paid_at;
        let start = plan.start(order.paid_at, order.received_at);
        let mut expected_by = 0;
        for supply in order.supplies() {
            let stock = self.stock_of(supply.category);
            stock.bought_at = order.paid_at;
            stock.start = start;
            stock.order = order.id;
            if supply.minutes > 0 {
                // What was left is used up first.
                stock.ends_at = stock.ends_at.max(start).saturating_add(supply.ms());
                let grace_ms =
                    plan.category(supply.category).map_or(plan.grace_ms, |category| category.grace_ms);
                expected_by = expected_by.max(stock.ends_at.saturating_add(grace_ms));
            }
        }
        if expected_by == 0 {
            expected_by = order.paid_at.saturating_add(plan.lapsing_ms);
        }
        self.expected_by = self.expected_by.max(expected_by);
    }

    pub fn stock(&self, category: u32) -> Option<&Stock> {
        self.stocks.iter().find(|stock| stock.category == category)
    }

    /// When a customer who was expected counts as lapsed.
    pub fn lapsed_at(&self, plan: &Plan) -> Instant {
        let long_ago = self.last_at.saturating_add(plan.lapsed_ms);
        long_ago.max(self.expected_by.saturating_add(plan.grace_ms))
    }

    pub fn stage(&self, plan: &Plan, now: Instant) -> Stage {
        match self.orders {
            0 => Stage::NoOrder,
            _ if now >= self.lapsed_at(plan) => Stage::Lapsed,
            _ if now >= self.expected_by => Stage::Lapsing,
            _ if self.returned_after > 0 => Stage::Returned,
            orders if plan.is_vip(orders, self.spend_fen) => Stage::Vip,
            1 => Stage::FirstOrder,
            orders if orders < plan.repeat_orders => Stage::SecondOrder,
            _ => Stage::Repeat,
        }
    }

    fn stock_of(&mut self, category: u32) -> &mut Stock {
        let place = self.stocks.iter().position(|stock| stock.category == category).unwrap_or_else(|| {
            self.stocks.push(Stock { category, bought_at: 0, start: 0, ends_at: 0, order: 0 });
            self.stocks.len() - 1
        });
        &mut self.stocks[place]
    }
}

impl Stock {
    /// Until when it is not shown to her.
    pub fn suppress_until(&self, category: &Category) -> Instant {
        if category.suppress_ms == 0 { 0 } else { self.bought_at.saturating_add(category.suppress_ms) }
    }

    /// When she ought to have bought it again. None: it is not used up.
    pub fn overdue_at(&self, category: &Category) -> Option<Instant> {
        (self.ends_at > 0).then(|| self.ends_at.saturating_add(category.grace_ms))
    }

    /// When she is to be asked how it is.
    pub fn revisit_at(&self, category: &Category) -> Option<Instant> {
        let revisit = category.revisit.as_ref()?;
        let after = self.start.saturating_add(revisit.after_ms);
        Some(if revisit.waits_for_stock { after.max(self.ends_at) } else { after })
    }
}
