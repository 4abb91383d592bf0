//! A person's life in the Tmall shop: trades, refunds of every kind, and the card in the parcel.

use super::calendar::Calendar;
use super::catalogue::{CHANNELS, PARCEL_CARD, SKUS, STAFF};
use super::people::{Card, PARCEL_MS, Person};
use super::{Happening, TmallStep, WecomStep};
use crate::beijing::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::dice::Dice;
use crate::tmall::{Dispute, Line, Refund, RefundState, Trade, TradeStatus};

/// The brand's ids begin here: 19 digits, of which a double keeps 16.
const TIDS_FROM: u64 = 2_600_000_000_000_000_000;
const REFUND_IDS_FROM: u64 = 1_300_000_000_000_000_000;
const FREE_POST_FROM_FEN: u64 = 9_900;
const POST_FEN: u64 = 800;
const COUPON_FEN: u64 = 1_500;

/// When what happens to a paid trade.
struct Course {
    paid_ms: u64,
    shipped_ms: u64,
    finished_ms: u64,
}

/// How money goes back, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Regret {
    /// Before shipping, every line.
    Whole,
    /// After the parcel came, the first line with its goods.
    FirstLine,
    /// A part of the first line's money, goods stay.
    Compensation,
    /// As the former, but when the trade is finished long since.
    Late,
    /// Asked for and withdrawn.
    Withdrawn,
    /// Done, and no money is in it.
    Exchange,
}

pub(super) fn live(dice: &mut Dice, person: &Person, calendar: &Calendar) -> Vec<Happening> {
    let mut to = Vec::new();
    if !person.in_tmall() {
        return to;
    }
    let first_ms = match person.card {
        Card::First => person.arrives_ms - dice.between(5 * DAY_MS, PARCEL_MS),
        Card::Unused | Card::Later if person.in_wecom() => calendar.early(dice),
        Card::Unused | Card::Later => person.arrives_ms,
    };
    let main = dice.index(SKUS.len());
    let (mut at_ms, mut number) = (first_ms, 0);
    while at_ms < calendar.end_ms() {
        let trade = trade(dice, person, calendar, number, at_ms, main);
        tell(dice, &trade, person.card != Card::Unused && number == 0, &mut to);
        if dice.chance(250) {
            break;
        }
        at_ms += SKUS[main].days_of_use * DAY_MS * dice.between(75, 150) / 100;
        number += 1;
    }
    if person.card == Card::Later {
        let scanned_ms = first_ms.max(person.arrives_ms) + dice.between(4 * DAY_MS, PARCEL_MS);
        let added = WecomStep::ContactAdded {
            person: person.index,
            staff: (person.staff + 3) % STAFF.len(),
            state: person.card_state(),
            add_way: CHANNELS[PARCEL_CARD].add_way,
            welcome_code: None,
        };
        to.push(Happening::wecom(scanned_ms, added));
    }
    to
}

/// Numbers grow with the day, and those of one trade's lines stand side by side.
fn offset(person: &Person, calendar: &Calendar, number: u64, at_ms: u64) -> u64 {
    let day = (at_ms - calendar.start_ms) / DAY_MS;
    day * 100_000_000_000 + person.index as u64 * 10_000 + number * 100
}

fn trade(
    dice: &mut Dice,
    person: &Person,
    calendar: &Calendar,
    number: u64,
    at_ms: u64,
    main: usize,
) -> Trade {
    let tid = TIDS_FROM + offset(person, calendar, number, at_ms);
    let mut goods = vec![(main, 1 + dice.weighted(&[80, 20]) as u64)];
    let other = dice.index(SKUS.len());
    if other != main && dice.chance(500) {
        goods.push((other, 1));
    }
    let is_single = goods.len() == 1;
    let line = |(position, (index, units)): (usize, &(usize, u64))| {
        let sku = &SKUS[*index];
        Line {
            oid: if is_single { tid } else { tid + 1 + position as u64 },
            num_iid: 680_000_000_001 + *index as u64,
            sku_id: 5_000_000_000_001 + *index as u64,
            title: sku.title.to_owned(),
            spec: sku.spec.to_owned(),
            units: *units,
            price_fen: sku.price_fen,
            outer_iid: sku.spu.to_owned(),
            outer_sku_id: sku.code.to_owned(),
        }
    };
    let lines: Vec<Line> = goods.iter().enumerate().map(line).collect();
    let total_fen: u64 = lines.iter().map(Line::total_fen).sum();
    Trade {
        tid,
        kind: "guarantee_trade",
        buyer: person.tmall_buyer(),
        receiver: person.receiver(),
        lines,
        post_fen: if total_fen >= FREE_POST_FROM_FEN { 0 } else { POST_FEN },
        discount_fen: if dice.chance(300) { COUPON_FEN } else { 0 },
        status: TradeStatus::WaitBuyerPay,
        created_ms: at_ms,
        paid_ms: None,
        shipped_ms: None,
        ended_ms: None,
        modified_ms: at_ms,
    }
}

/// One trade in its steps. Whose card is scanned has had a parcel: that trade takes its plain course.
fn tell(dice: &mut Dice, trade: &Trade, brings_card: bool, to: &mut Vec<Happening>) {
    let Trade { tid, created_ms: at_ms, .. } = *trade;
    to.push(Happening::tmall(at_ms, TmallStep::TradePlaced { trade: Box::new(trade.clone()) }));
    if !brings_card && dice.chance(80) {
        return to.push(Happening::tmall(at_ms + DAY_MS, TmallStep::TradeClosedUnpaid { tid }));
    }
    let paid_ms = at_ms + dice.between(15_000, 8 * MINUTE_MS);
    let shipped_ms = paid_ms + dice.between(4 * HOUR_MS, 40 * HOUR_MS);
    let finished_ms = shipped_ms + dice.between(4 * DAY_MS, 10 * DAY_MS);
    let course = Course { paid_ms, shipped_ms, finished_ms };
    let regrets = [
        Regret::Whole,
        Regret::FirstLine,
        Regret::Compensation,
        Regret::Late,
        Regret::Withdrawn,
        Regret::Exchange,
    ];
    let regret = match dice.weighted(&[870, 35, 25, 20, 20, 15, 15]) {
        0 => None,
        one => Some(regrets[one - 1]).filter(|_| !brings_card),
    };
    to.push(Happening::tmall(paid_ms, TmallStep::TradePaid { tid }));
    // What is refunded as a whole before shipping, or loses its only line, closes by itself.
    let (ships, finishes) = match regret {
        Some(Regret::Whole) => (false, false),
        Some(Regret::FirstLine) => (true, trade.lines.len() > 1),
        _ => (true, true),
    };
    if ships {
        to.push(Happening::tmall(shipped_ms, TmallStep::TradeShipped { tid }));
    }
    if finishes {
        to.push(Happening::tmall(finished_ms, TmallStep::TradeFinished { tid }));
    }
    if let Some(regret) = regret {
        refund(dice, trade, regret, &course, to);
    }
}

fn refund(dice: &mut Dice, trade: &Trade, regret: Regret, course: &Course, to: &mut Vec<Happening>) {
    let asked_ms = match regret {
        Regret::Whole => course.paid_ms + dice.between(10 * MINUTE_MS, 3 * HOUR_MS),
        Regret::Late => course.finished_ms + dice.between(2 * DAY_MS, 9 * DAY_MS),
        Regret::FirstLine | Regret::Compensation | Regret::Withdrawn | Regret::Exchange => {
            course.shipped_ms + dice.between(DAY_MS, 2 * DAY_MS)
        }
    };
    let done_ms = asked_ms + dice.between(HOUR_MS, 36 * HOUR_MS);
    let reason = (*dice.pick(&["不想要了", "过敏", "拍错了", "与描述不符"])).to_owned();
    let lines = if regret == Regret::Whole { trade.lines.len() } else { 1 };
    for index in 0..lines {
        let line_fen = trade.line_cost_fen(index);
        // Postage goes back with the last line of what was never sent.
        let whole_fen =
            if regret == Regret::Whole && index + 1 == lines { line_fen + trade.post_fen } else { line_fen };
        let fee_fen = match regret {
            Regret::Compensation | Regret::Late => dice.between(500, line_fen / 2),
            Regret::Whole | Regret::FirstLine | Regret::Withdrawn | Regret::Exchange => whole_fen,
        };
        let asked = Refund {
            refund_id: REFUND_IDS_FROM + (trade.tid - TIDS_FROM) + index as u64,
            tid: trade.tid,
            oid: trade.lines[index].oid,
            fee_fen,
            dispute: match regret {
                Regret::Whole | Regret::Compensation | Regret::Late | Regret::Withdrawn => Dispute::Refund,
                Regret::FirstLine => Dispute::RefundAndReturn,
                Regret::Exchange => Dispute::TmallExchange,
            },
            state: RefundState::WaitSellerAgree,
            reason: reason.clone(),
            created_ms: asked_ms,
            modified_ms: asked_ms,
        };
        let state = if regret == Regret::Withdrawn { RefundState::Closed } else { RefundState::Success };
        let ended = Refund { state, modified_ms: done_ms, ..asked.clone() };
        to.push(Happening::tmall(asked_ms, TmallStep::Refund { refund: Box::new(asked) }));
        to.push(Happening::tmall(done_ms, TmallStep::Refund { refund: Box::new(ended) }));
    }
}
