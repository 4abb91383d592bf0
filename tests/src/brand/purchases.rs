//! A person's life in the Youzan shop: buying again when things run out, or too late, or never; refunds, coupons,
//! points, the card.

use super::calendar::Calendar;
use super::catalogue::{FLASH_CHAT, FLASH_COUPON, FLASH_SKUS, PLAIN_COUPON, SKUS};
use super::contacts::Stay;
use super::people::Person;
use super::{Happening, ShopStep};
use crate::beijing::{self, DAY_MS, HOUR_MS, MINUTE_MS};
use crate::dice::Dice;
use crate::youzan::{Line, NamedBy, Order, OrderStatus, Refund};

/// How somebody buys again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Shortly before things run out.
    InTime,
    /// Long after, but then again.
    Lapsing,
    /// Once or twice, then never.
    Leaving,
    /// When the mood takes them.
    Impulsive,
}

/// An order as it is going to be, before it is told in steps.
struct Purchase {
    at_ms: u64,
    /// Indices into the goods, with units.
    goods: Vec<(usize, u64)>,
    coupon: Option<(u64, u64)>,
}

const PAY_WITHIN_MS: u64 = 30 * MINUTE_MS;
const FREE_POST_FROM_FEN: u64 = 9_900;
const POST_FEN: u64 = 800;

pub(super) fn live(dice: &mut Dice, person: &Person, stays: &[Stay], calendar: &Calendar) -> Vec<Happening> {
    let mut to = Vec::new();
    if !person.in_youzan() {
        return to;
    }
    let known_ms = first_visit(dice, person, calendar);
    to.push(Happening::shop(
        known_ms,
        ShopStep::CustomerSeen { person: person.index, named_by: NamedBy::OpenId, is_new: true },
    ));
    if dice.chance(200) {
        let at_ms = known_ms + dice.between(DAY_MS, 50 * DAY_MS);
        to.push(Happening::shop(
            at_ms,
            ShopStep::CustomerSeen { person: person.index, named_by: NamedBy::Mobile, is_new: false },
        ));
    }
    let mut purchases = routine(dice, known_ms, calendar);
    purchases.extend(flash_purchases(dice, known_ms, stays, calendar));
    purchases.sort_by_key(|purchase| purchase.at_ms);
    let mut points: Vec<(u64, i64, String)> = Vec::new();
    for (number, purchase) in purchases.into_iter().enumerate() {
        if number == 0 && dice.chance(500) {
            let card_no = format!("VIP{:09}", person.index);
            to.push(Happening::shop(
                purchase.at_ms + 9 * MINUTE_MS,
                ShopStep::CardGiven { person: person.index, card_no },
            ));
        }
        tell(dice, person, number, purchase, known_ms, &mut to, &mut points);
    }
    tell_points(dice, person, points, &mut to);
    to
}

/// A parcel's card brings people from the shop to staff, staff brings others to the shop.
fn first_visit(dice: &mut Dice, person: &Person, calendar: &Calendar) -> u64 {
    if !person.in_wecom() {
        person.arrives_ms
    } else if dice.chance(450) {
        let before = person.arrives_ms.saturating_sub(dice.between(HOUR_MS, 20 * DAY_MS));
        before.max(calendar.start_ms + 9 * HOUR_MS + dice.between(0, HOUR_MS))
    } else {
        person.arrives_ms + dice.between(10 * MINUTE_MS, 12 * DAY_MS)
    }
}

fn routine(dice: &mut Dice, known_ms: u64, calendar: &Calendar) -> Vec<Purchase> {
    let mut purchases = Vec::new();
    if dice.chance(100) {
        return purchases;
    }
    let habit =
        [Habit::InTime, Habit::Lapsing, Habit::Leaving, Habit::Impulsive][dice.weighted(&[42, 25, 18, 15])];
    let main = dice.index(SKUS.len());
    let mut left = if habit == Habit::Leaving { dice.between(1, 2) } else { u64::MAX };
    let mut at_ms = known_ms + dice.between(2 * MINUTE_MS, DAY_MS);
    while at_ms < calendar.end_ms() && left > 0 {
        let units = 1 + dice.weighted(&[80, 20]) as u64;
        let mut goods = vec![(main, units)];
        let other = dice.index(SKUS.len());
        if other != main && dice.chance(450) {
            goods.push((other, 1));
        }
        let coupon = dice.chance(300).then_some(PLAIN_COUPON);
        purchases.push(Purchase { at_ms, goods, coupon });
        let lasts_ms = units * SKUS[main].days_of_use * DAY_MS;
        at_ms += match habit {
            Habit::InTime | Habit::Leaving => lasts_ms * dice.between(75, 105) / 100,
            Habit::Lapsing => lasts_ms * dice.between(140, 240) / 100,
            Habit::Impulsive => dice.between(5 * DAY_MS, 40 * DAY_MS),
        };
        left -= 1;
    }
    purchases
}

/// Members of the flash-sale group who know the shop buy within minutes of a sale's beginning.
fn flash_purchases(dice: &mut Dice, known_ms: u64, stays: &[Stay], calendar: &Calendar) -> Vec<Purchase> {
    let Some(stay) = stays.iter().find(|stay| stay.chat == FLASH_CHAT) else { return Vec::new() };
    let mut purchases = Vec::new();
    for sale_ms in
        calendar.flash_sales().filter(|sale| (stay.from_ms.max(known_ms)..stay.to_ms).contains(sale))
    {
        if dice.chance(350) {
            let at_ms = sale_ms + dice.between(1_000, 20 * MINUTE_MS);
            let goods = vec![(*dice.pick(&FLASH_SKUS), dice.between(1, 2))];
            purchases.push(Purchase { at_ms, goods, coupon: Some(FLASH_COUPON) });
        }
    }
    purchases
}

/// One purchase in its steps, and the points that it earns.
fn tell(
    dice: &mut Dice,
    person: &Person,
    number: usize,
    purchase: Purchase,
    known_ms: u64,
    to: &mut Vec<Happening>,
    points: &mut Vec<(u64, i64, String)>,
) {
    let at_ms = purchase.at_ms;
    if let Some((coupon_id, _)) = purchase.coupon {
        let code = format!("CP{}{number:02}", person.fans_id);
        let taken_ms =
            at_ms.saturating_sub(dice.between(MINUTE_MS, 2 * DAY_MS)).max(known_ms + 1_000).min(at_ms);
        let step =
            |is_used| ShopStep::Coupon { person: person.index, coupon_id, code: code.clone(), is_used };
        to.push(Happening::shop(taken_ms, step(false)));
        to.push(Happening::shop(at_ms + 500, step(true)));
    }
    let order = order(dice, person, number, purchase);
    let is_lost = dice.chance(20);
    let mut tell =
        |at_ms: u64, step: ShopStep| to.push(Happening { is_lost, ..Happening::shop(at_ms, step) });
    let tid = order.tid.clone();
    tell(at_ms, ShopStep::OrderPlaced { order: Box::new(order.clone()) });
    if dice.chance(80) {
        return tell(at_ms + PAY_WITHIN_MS, ShopStep::OrderClosed { tid, close_type: 1 });
    }
    let paid_ms = at_ms + dice.between(15_000, 8 * MINUTE_MS);
    tell(paid_ms, ShopStep::OrderPaid { tid: tid.clone() });
    let shipped_ms = paid_ms + dice.between(4 * HOUR_MS, 40 * HOUR_MS);
    let succeeded_ms = shipped_ms + dice.between(3 * DAY_MS, 9 * DAY_MS);
    let refund = dice.chance(40).then(|| refund(dice, person, number, &order, paid_ms, shipped_ms));
    if refund.as_ref().is_none_or(|refund| refund.created_ms > shipped_ms) {
        tell(shipped_ms, ShopStep::OrderShipped { tid: tid.clone() });
    }
    let mut is_whole = false;
    if let Some(asked) = refund {
        is_whole = asked.oids.len() == order.lines.len();
        let done_ms = asked.created_ms + dice.between(HOUR_MS, 2 * DAY_MS);
        let done = Refund { updated_ms: done_ms, done_ms: Some(done_ms), ..asked.clone() };
        tell(asked.created_ms, ShopStep::Refund { refund: Box::new(asked) });
        tell(done_ms, ShopStep::Refund { refund: Box::new(done) });
        if is_whole {
            tell(done_ms + 1_000, ShopStep::OrderClosed { tid: tid.clone(), close_type: 2 });
        }
    }
    if !is_whole {
        tell(succeeded_ms, ShopStep::OrderSucceeded { tid: tid.clone() });
        let earned = i64::try_from(order.payment_fen() / 100).unwrap_or(0);
        points.push((succeeded_ms + 2_000, earned, tid));
    }
}

fn order(dice: &mut Dice, person: &Person, number: usize, purchase: Purchase) -> Order {
    let Purchase { at_ms, goods, coupon } = purchase;
    let tid = format!("E{}{:06}{number:03}", beijing::digits(at_ms), person.index);
    let line = |(position, (index, units)): (usize, &(usize, u64))| {
        let sku = &SKUS[*index];
        Line {
            // 19 digits, beyond what a double holds exactly.
            oid: format!("1{:08}{:06}{number:03}{position}", at_ms / DAY_MS, person.index),
            item_id: 900_001 + *index as u64,
            sku_id: 800_001 + *index as u64,
            title: sku.title.to_owned(),
            units: *units,
            price_fen: sku.price_fen,
            outer_item_id: sku.spu.to_owned(),
            outer_sku_id: sku.code.to_owned(),
            spec: sku.spec.to_owned(),
        }
    };
    let lines: Vec<Line> = goods.iter().enumerate().map(line).collect();
    let total_fen: u64 = lines.iter().map(Line::total_fen).sum();
    Order {
        tid,
        buyer: person.buyer(),
        lines,
        post_fen: if total_fen >= FREE_POST_FROM_FEN { 0 } else { POST_FEN },
        discount_fen: coupon.map_or(0, |(_, fen)| fen),
        coupon_id: coupon.map(|(id, _)| id),
        subsidy_fen: if dice.chance(50) { 300 } else { 0 },
        status: OrderStatus::WaitBuyerPay,
        created_ms: at_ms,
        paid_ms: None,
        shipped_ms: None,
        succeeded_ms: None,
        updated_ms: at_ms,
        close_type: 0,
    }
}

/// Before shipping all of it, afterwards the first line.
fn refund(
    dice: &mut Dice,
    person: &Person,
    number: usize,
    order: &Order,
    paid_ms: u64,
    shipped_ms: u64,
) -> Refund {
    let is_early = dice.chance(400);
    let asked_ms = if is_early {
        paid_ms + dice.between(10 * MINUTE_MS, 3 * HOUR_MS)
    } else {
        shipped_ms + dice.between(DAY_MS, 3 * DAY_MS)
    };
    let oids: Vec<String> =
        order.lines.iter().take(if is_early { usize::MAX } else { 1 }).map(|line| line.oid.clone()).collect();
    let paid_fen = order.payment_fen().saturating_sub(order.subsidy_fen);
    let fee_fen =
        if oids.len() == order.lines.len() { paid_fen } else { order.line_payment_fen(0).min(paid_fen) };
    Refund {
        refund_id: format!("{}{:06}{number:02}", &beijing::digits(asked_ms)[..8], person.index),
        tid: order.tid.clone(),
        oids,
        fee_fen,
        returns_goods: !is_early,
        reason: (*dice.pick(&["不想要了", "过敏", "拍错了", "与描述不符"])).to_owned(),
        created_ms: asked_ms,
        updated_ms: asked_ms,
        done_ms: None,
    }
}

/// Totals follow time and not the order of purchases. Some spend theirs.
fn tell_points(
    dice: &mut Dice,
    person: &Person,
    mut points: Vec<(u64, i64, String)>,
    to: &mut Vec<Happening>,
) {
    points.sort();
    let mut total = 0;
    for (at_ms, earned, tid) in points {
        total += earned;
        let step =
            |amount, total, biz_value| ShopStep::Points { person: person.index, amount, total, biz_value };
        to.push(Happening::shop(at_ms, step(earned, total, tid)));
        if total >= 200 && dice.chance(100) {
            total -= 200;
            to.push(Happening::shop(at_ms + 1, step(-200, total, format!("gift-{at_ms}"))));
        }
    }
}
