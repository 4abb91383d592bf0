//! What is remembered of a customer: her latest orders, what the older ones came to, and what has been said of her.

use heliu_sdk::events::{Instant, Order as Snapshot, OrderStep};
use heliu_sdk::policy::fingerprint;
use serde::{Deserialize, Serialize};

use crate::picture::Picture;
use crate::plan::{Plan, Supply};

/// Orders that are remembered one by one. Older ones are only a sum: a refund does not find them any more, and one
/// that is older than the sum and comes late is taken for a part of it.
pub const ORDERS_MAX: usize = 24;
/// Lines of an order, by category, that are remembered.
const LINES_MAX: usize = 8;

#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    /// By time of payment.
    pub orders: Vec<Order>,
    /// The sum of the orders before.
    pub sum: Picture,
    /// The stage that was set last.
    pub stage: Option<Stage>,
    /// What was said of each category. None of it: nothing that still holds.
    pub said: Vec<Said>,
    /// When the alarm is due. 0: there is none.
    pub due: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    NoOrder,
    FirstOrder,
    SecondOrder,
    Repeat,
    Vip,
    Lapsing,
    Lapsed,
    Returned,
}

/// One order, out of all its snapshots.
#[derive(Default, Serialize, Deserialize)]
pub struct Order {
    /// Fingerprint of its id.
    pub id: u64,
    pub paid_at: Instant,
    /// False: no snapshot told when it was paid, and `paid_at` is when it was placed.
    paid_at_is_known: bool,
    /// 0: no snapshot told.
    pub received_at: Instant,
    paid_fen: i64,
    refunded_fen: i64,
    /// Cancelled, or given back as a whole: it does not count, whatever else is told of it.
    pub is_void: bool,
    /// Categories, and the minutes that they last.
    lines: Vec<(u32, u32)>,
}

/// What was said of one category, so that it is not said again.
#[derive(Default, Serialize, Deserialize)]
pub struct Said {
    pub category: u32,
    pub suppress_until: Instant,
    pub offer_until: Instant,
    pub is_overdue: bool,
    /// The order that was revisited. 0: none.
    pub revisited: u64,
}

impl Order {
    /// What she paid and did not get back.
    pub fn spend_fen(&self) -> i64 {
        self.paid_fen.saturating_sub(self.refunded_fen).max(0)
    }

    pub fn supplies(&self) -> impl Iterator<Item = Supply> + '_ {
        self.lines.iter().map(|&(category, minutes)| Supply { category, minutes })
    }

    /// Takes a snapshot in. They come again, out of order, and some not at all: nothing that is known is unlearned.
    fn learn(&mut self, plan: &Plan, snapshot: &Snapshot, at: Instant) {
        let Snapshot { step, currency, paid, refunded, lines, placed_at, .. } = snapshot;
        let placed_at = if *placed_at == 0 { at } else { *placed_at };
        match step {
            OrderStep::Paid if !self.paid_at_is_known || at < self.paid_at => {
                self.paid_at = at;
                self.paid_at_is_known = true;
            }
            OrderStep::Received | OrderStep::Completed if self.received_at == 0 || at < self.received_at => {
                self.received_at = at;
            }
            OrderStep::Cancelled | OrderStep::Refunded => self.is_void = true,
            OrderStep::Placed | OrderStep::Paid | OrderStep::Shipped | OrderStep::Received => {}
            OrderStep::Completed | OrderStep::RefundAsked | OrderStep::PartRefunded => {}
        }
        if self.paid_at == 0 {
            self.paid_at = placed_at;
        }
        if currency == "CNY" {
            self.paid_fen = self.paid_fen.max(paid.unwrap_or(0));
            self.refunded_fen = self.refunded_fen.max(refunded.unwrap_or(0));
        }
        // An unknown amount given back is less than any amount paid.
        self.is_void |= paid.is_some_and(|paid| paid > 0) && refunded >= paid;
        if self.is_void {
            self.lines = Vec::new();
        } else if self.lines.is_empty() {
            for Supply { category, minutes } in lines.iter().filter_map(|line| plan.supply(line)) {
                match self.lines.iter().position(|(known, _)| *known == category) {
                    Some(place) => self.lines[place].1 = self.lines[place].1.saturating_add(minutes),
                    None if self.lines.len() < LINES_MAX => self.lines.push((category, minutes)),
                    None => {}
                }
            }
        }
    }
}

impl Memory {
    /// Takes a snapshot in. False: it tells of nothing that counts.
    pub fn learn(&mut self, plan: &Plan, snapshot: &Snapshot, at: Instant) -> bool {
        let id = fingerprint(&snapshot.id);
        let known = self.orders.iter().position(|order| order.id == id);
        let mut order = match known {
            Some(place) => self.orders.remove(place),
            // Nothing is paid yet, so nothing is bought.
            None if snapshot.step == OrderStep::Placed => return false,
            None => Order { id, ..Order::default() },
        };
        order.learn(plan, snapshot, at);
        if known.is_none() && self.sum.orders > 0 && order.paid_at <= self.sum.last_at {
            return false;
        }
        let key = (order.paid_at, order.id);
        let place = self.orders.partition_point(|other| (other.paid_at, other.id) < key);
        self.orders.insert(place, order);
        self.make_room(plan);
        true
    }

    /// The orders that count, older ones as their sum.
    pub fn picture(&self, plan: &Plan) -> Picture {
        let mut picture = self.sum.clone();
        for order in self.orders.iter().filter(|order| !order.is_void) {
            picture.add(plan, order);
        }
        picture
    }

    pub fn said(&mut self, category: u32) -> &mut Said {
        let place = self.said.iter().position(|said| said.category == category).unwrap_or_else(|| {
            self.said.push(Said { category, ..Said::default() });
            self.said.len() - 1
        });
        &mut self.said[place]
    }

    /// What was said of a category. None: nothing was, and nothing need be.
    pub fn said_if(&mut self, category: u32, need: bool) -> Option<&mut Said> {
        let known = self.said.iter().any(|said| said.category == category);
        (known || need).then(|| self.said(category))
    }

    /// Forgets what holds no more.
    pub fn tidy(&mut self, now: Instant) {
        self.said.retain(|said| {
            said.suppress_until > now || said.offer_until > now || said.is_overdue || said.revisited > 0
        });
    }

    /// A void order is forgotten first: it is remembered only in case of late news. Then the oldest becomes a part of
    /// the sum.
    fn make_room(&mut self, plan: &Plan) {
        while self.orders.len() > ORDERS_MAX {
            match self.orders.iter().position(|order| order.is_void) {
                Some(place) => drop(self.orders.remove(place)),
                None => self.sum.add(plan, &self.orders.remove(0)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use heliu_sdk::events::OrderLine;
    use heliu_sdk::time::DAY_MS;

    use super::*;

    fn plan() -> Plan {
        serde_json::from_str("{}").expect("because every setting has a default")
    }

    fn snapshot(id: u32, step: OrderStep, day: u64) -> (Snapshot, Instant) {
        let category = Some(["cleanser", "cream", "eye-cream"][id as usize % 3].to_owned());
        let line = OrderLine {
            sku: id.to_string(),
            title: String::new(),
            category,
            quantity: 1 + id % 2,
            paid: Some(100),
        };
        let snapshot = Snapshot {
            id: format!("o-{id}"),
            step,
            currency: "CNY".to_owned(),
            total: Some(100),
            paid: Some(100),
            refunded: Some(0),
            lines: vec![line],
            placed_at: u64::from(id) * 20 * DAY_MS + 1,
            source: None,
        };
        (snapshot, day * DAY_MS)
    }

    /// Ten orders with all their steps; every fourth is refunded in the end.
    fn snapshots() -> Vec<(Snapshot, Instant)> {
        let steps = [OrderStep::Placed, OrderStep::Paid, OrderStep::Shipped, OrderStep::Received];
        let of = |id: u32| {
            let last = if id.is_multiple_of(4) { OrderStep::Refunded } else { OrderStep::Completed };
            let steps = steps.into_iter().chain([last]).enumerate();
            steps.map(move |(i, step)| snapshot(id, step, u64::from(id) * 20 + i as u64 + 1))
        };
        (1..=10).flat_map(of).collect()
    }

    #[test]
    fn the_picture_does_not_depend_on_the_order_in_which_snapshots_are_told() {
        let plan = plan();
        let mut told = snapshots();
        let mut expected = None;
        let mut seed = 1_u64;
        for _ in 0..50 {
            let mut memory = Memory::default();
            for (snapshot, at) in told.iter().chain(&told[..7]) {
                memory.learn(&plan, snapshot, *at);
            }
            let mut picture = memory.picture(&plan);
            picture.stocks.sort_by_key(|stock| stock.category);
            assert_eq!(picture.orders, 8);
            assert_eq!(expected.get_or_insert_with(|| picture.clone()), &picture);
            // A shuffle that is the same in every run.
            for i in (1..told.len()).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                told.swap(i, (seed >> 33) as usize % (i + 1));
            }
        }
    }

    #[test]
    fn a_memory_is_bounded_and_loses_no_order() {
        let plan = plan();
        let mut memory = Memory::default();
        for id in 1..=1_000 {
            let (snapshot, at) = snapshot(id, OrderStep::Paid, u64::from(id) * 20);
            assert!(memory.learn(&plan, &snapshot, at));
        }
        let picture = memory.picture(&plan);
        assert_eq!((picture.orders, picture.spend_fen), (1_000, 100_000));
        assert_eq!(memory.orders.len(), ORDERS_MAX);
        let again = snapshot(1, OrderStep::Completed, 20_000);
        assert!(!memory.learn(&plan, &again.0, again.1), "an order of the sum counts once");
    }

    #[test]
    fn void_orders_make_room_before_those_that_count() {
        let plan = plan();
        let mut memory = Memory::default();
        for id in 1..=100 {
            let step = if id <= 5 { OrderStep::Paid } else { OrderStep::Cancelled };
            let (snapshot, at) = snapshot(id, step, u64::from(id) * 20);
            memory.learn(&plan, &snapshot, at);
        }
        assert_eq!(memory.sum, Picture::default());
        assert_eq!(memory.picture(&plan).orders, 5);
    }
}
