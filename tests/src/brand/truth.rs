//! What a host must know about the brand's customers once everything was played and read.

use std::collections::{BTreeMap, BTreeSet};

use super::people::Person;
use super::{Brand, CARD_PREFIX, Happening, ShopStep, WecomStep, What, steps};
use crate::tmall::{self, Trade, TradeStatus};
use crate::wecom::Corp;
use crate::youzan::{Order, OrderStatus, Refund, Shop};

#[derive(Clone, Debug)]
pub struct Truth {
    /// Those who were met, in the order of their index.
    pub people: Vec<PersonTruth>,
    /// Customers in the host's store: as many for each person as there are platforms on which the person was met and
    /// which nothing joins.
    pub customers: usize,
    /// The members of each customer group, by chat id: external_userids, without staff.
    pub chats: BTreeMap<String, BTreeSet<String>>,
    /// The platforms' state, for what is not named here.
    pub corp: Corp,
    pub shop: Shop,
    pub tmall: tmall::Shop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonTruth {
    /// The index into [`Brand::people`].
    pub person: usize,
    /// Met in WeCom, be it by half.
    pub external_userid: Option<String>,
    /// Met in the Youzan shop.
    pub yz_open_id: Option<String>,
    /// Met in the Tmall shop.
    pub tb_open_uid: Option<String>,
    /// WeCom and Youzan know the phone: the host must have made one customer of the two.
    pub is_joined: bool,
    /// Met in Tmall, and the card of a parcel was scanned: one customer of WeCom and Tmall.
    pub is_scanned: bool,
    /// The staff who have the customer, those whom the customer removed included.
    pub staff: Vec<String>,
    /// Ids of the corp tags that any of the staff has given.
    pub tag_ids: BTreeSet<String>,
    /// Chat ids.
    pub chats: Vec<String>,
    /// In the order of creation.
    pub orders: Vec<OrderTruth>,
    /// In the order of creation.
    pub trades: Vec<TradeTruth>,
    pub points: i64,
}

/// An order in the Tmall shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeTruth {
    pub tid: u64,
    pub status: TradeStatus,
    pub created_ms: u64,
    /// What the buyer once paid, which the platform stops to say after a refund; 0 if never paid.
    pub paid_fen: u64,
    pub refunded_fen: u64,
    /// `outer_sku_id` and units.
    pub goods: Vec<(String, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTruth {
    pub tid: String,
    pub status: OrderStatus,
    pub created_ms: u64,
    /// What lists and pushes call `payment`.
    pub payment_fen: u64,
    /// What the detail calls `real_payment`: 0 if never paid.
    pub real_payment_fen: u64,
    /// Of refunds that are done.
    pub refunded_fen: u64,
    /// `outer_sku_id` and units.
    pub goods: Vec<(String, u64)>,
    /// No push of it was ever delivered.
    pub is_lost: bool,
}

/// What is known of the shop's customers beside their orders.
#[derive(Default)]
struct Ledger {
    seen: BTreeSet<usize>,
    points: BTreeMap<usize, i64>,
    lost_tids: BTreeSet<String>,
    /// Who added staff by the card of a parcel.
    scanned: BTreeSet<usize>,
}

impl Brand {
    /// After the whole timeline.
    pub fn truth(&self) -> Truth {
        self.truth_until(u64::MAX)
    }

    /// After everything up to `until_ms`, inclusive.
    pub fn truth_until(&self, until_ms: u64) -> Truth {
        let (mut corp, mut shop, mut ledger) = (Corp::default(), Shop::default(), Ledger::default());
        let mut tmall = tmall::Shop::default();
        for happening in self.timeline.iter().take_while(|happening| happening.at_ms <= until_ms) {
            match &happening.what {
                What::Wecom(step) => {
                    steps::in_corp(step, &self.people, &mut corp, happening.at_ms / 1000);
                    ledger.note_scan(step, &self.people);
                }
                What::Tmall(step) => steps::in_tmall(step, &mut tmall, happening.at_ms),
                What::Shop(step) => {
                    steps::in_shop(step, &mut shop, happening.at_ms);
                    ledger.note(step, happening);
                }
                What::Redelivered { .. } => {}
            }
        }
        let (orders, trades) = (orders(&shop, &ledger), trades(&tmall));
        let person = |person: &Person| {
            let (orders, trades) = (orders.get(&person.yz_open_id), trades.get(&person.tb_open_uid));
            person_truth(person, &corp, &ledger, orders, trades)
        };
        let people: Vec<PersonTruth> = self.people.iter().filter_map(person).collect();
        let customers = people.iter().map(PersonTruth::customers).sum();
        let chats = corp.chats.values().map(|chat| {
            let members = chat.members.iter().filter(|member| !corp.staff.contains_key(&member.id));
            (chat.chat_id.clone(), members.map(|member| member.id.clone()).collect())
        });
        Truth { people, customers, chats: chats.collect(), corp, shop, tmall }
    }
}

impl PersonTruth {
    fn customers(&self) -> usize {
        let met = [&self.external_userid, &self.yz_open_id, &self.tb_open_uid];
        // Both joints hang on WeCom, so there is no ring.
        met.into_iter().flatten().count() - usize::from(self.is_joined) - usize::from(self.is_scanned)
    }
}

impl Ledger {
    /// By half is enough: the state stands in that event, too.
    fn note_scan(&mut self, step: &WecomStep, people: &[Person]) {
        let scanned = match step {
            WecomStep::ContactHalfAdded { person, .. } => Some((person, people[*person].first_state())),
            WecomStep::ContactAdded { person, state, .. } => Some((person, state.clone())),
            _ => None,
        };
        self.scanned
            .extend(scanned.filter(|(_, state)| state.starts_with(CARD_PREFIX)).map(|(person, _)| *person));
    }

    fn note(&mut self, step: &ShopStep, happening: &Happening) {
        match step {
            ShopStep::CustomerSeen { person, .. } => {
                self.seen.insert(*person);
            }
            ShopStep::Points { person, total, .. } => {
                self.points.insert(*person, *total);
            }
            ShopStep::OrderPlaced { order } if happening.is_lost => {
                self.lost_tids.insert(order.tid.clone());
            }
            ShopStep::OrderPlaced { .. }
            | ShopStep::OrderPaid { .. }
            | ShopStep::OrderShipped { .. }
            | ShopStep::OrderSucceeded { .. }
            | ShopStep::OrderClosed { .. }
            | ShopStep::Refund { .. }
            | ShopStep::Coupon { .. }
            | ShopStep::CardGiven { .. } => {}
        }
    }
}

/// By `yz_open_id`. A tid begins with its time, so their order is that of creation.
fn orders(shop: &Shop, ledger: &Ledger) -> BTreeMap<String, Vec<OrderTruth>> {
    let mut refunded: BTreeMap<&str, u64> = BTreeMap::new();
    for Refund { tid, fee_fen, .. } in shop.refunds.values().filter(|refund| refund.done_ms.is_some()) {
        *refunded.entry(tid).or_default() += fee_fen;
    }
    let mut orders: BTreeMap<String, Vec<OrderTruth>> = BTreeMap::new();
    for order in shop.orders.values() {
        let refunded_fen = refunded.get(order.tid.as_str()).copied().unwrap_or(0);
        let is_lost = ledger.lost_tids.contains(&order.tid);
        orders.entry(order.buyer.yz_open_id.clone()).or_default().push(order_truth(
            order,
            refunded_fen,
            is_lost,
        ));
    }
    orders
}

/// By `buyer_open_uid`. A tid grows with the day.
fn trades(shop: &tmall::Shop) -> BTreeMap<String, Vec<TradeTruth>> {
    let mut trades: BTreeMap<String, Vec<TradeTruth>> = BTreeMap::new();
    for trade in shop.trades.values() {
        let Trade { tid, status, created_ms, .. } = *trade;
        let goods = trade.lines.iter().map(|line| (line.outer_sku_id.clone(), line.units)).collect();
        trades.entry(trade.buyer.open_uid.clone()).or_default().push(TradeTruth {
            tid,
            status,
            created_ms,
            paid_fen: trade.paid_fen(),
            refunded_fen: shop.refunded_fen(tid),
            goods,
        });
    }
    trades
}

fn order_truth(order: &Order, refunded_fen: u64, is_lost: bool) -> OrderTruth {
    OrderTruth {
        tid: order.tid.clone(),
        status: order.status,
        created_ms: order.created_ms,
        payment_fen: order.payment_fen(),
        real_payment_fen: order.real_payment_fen(),
        refunded_fen,
        goods: order.lines.iter().map(|line| (line.outer_sku_id.clone(), line.units)).collect(),
        is_lost,
    }
}

fn person_truth(
    person: &Person,
    corp: &Corp,
    ledger: &Ledger,
    orders: Option<&Vec<OrderTruth>>,
    trades: Option<&Vec<TradeTruth>>,
) -> Option<PersonTruth> {
    let id = &person.external_userid;
    let external_userid = corp.customers.contains_key(id).then(|| id.clone());
    let yz_open_id = ledger.seen.contains(&person.index).then(|| person.yz_open_id.clone());
    let tb_open_uid = trades.map(|_| person.tb_open_uid.clone());
    if external_userid.is_none() && yz_open_id.is_none() && tb_open_uid.is_none() {
        return None;
    }
    let relations: Vec<_> = corp.followers(id).collect();
    let phone_is_known = relations.iter().any(|(_, relation)| !relation.remark_mobiles.is_empty());
    let chats = corp.chats.values().filter(|chat| chat.members.iter().any(|member| member.id == *id));
    Some(PersonTruth {
        person: person.index,
        is_joined: phone_is_known && yz_open_id.is_some(),
        is_scanned: tb_open_uid.is_some() && ledger.scanned.contains(&person.index),
        external_userid,
        yz_open_id,
        tb_open_uid,
        staff: relations.iter().map(|(staff, _)| (*staff).to_owned()).collect(),
        tag_ids: relations.iter().flat_map(|(_, relation)| relation.tag_ids.iter().cloned()).collect(),
        chats: chats.map(|chat| chat.chat_id.clone()).collect(),
        orders: orders.cloned().unwrap_or_default(),
        trades: trades.cloned().unwrap_or_default(),
        points: ledger.points.get(&person.index).copied().unwrap_or(0),
    })
}
