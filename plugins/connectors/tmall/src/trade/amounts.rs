//! What an order came to, what the buyer paid, what went back. The most mis-mapped fields of any shop system.
//!
//! `payment` is what the order comes to *now*: it moves with after-sales. So it is what the buyer paid only in a state
//! that is paid and free of refunds. From the first such state it is remembered; where there was none it is not known.
//! `received_payment` is what the seller has got so far, and no amount of the buyer's.

use heliu_sdk::json::Json;
use heliu_sdk::money;
use heliu_sdk::time::Zone;

use crate::known::Known;

/// Whether the buyer has paid, from what the order says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paying {
    Paid,
    /// Of a presale, the deposit.
    Deposit,
    NotPaid,
    /// Her money may be on its way.
    Unclear,
}

/// Where the amount paid was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Of this state, or of an earlier one that was free of refunds.
    Payment,
    StepPaidFee,
    Unpaid,
    /// Nowhere: refunds have moved it, or whether she paid is not clear.
    Unknown,
}

impl Basis {
    pub fn word(self) -> &'static str {
        match self {
            Basis::Payment => "payment",
            Basis::StepPaidFee => "step_paid_fee",
            Basis::Unpaid => "unpaid",
            Basis::Unknown => "unknown",
        }
    }
}

#[derive(Debug)]
pub struct Amounts {
    pub total_fen: Option<i64>,
    pub paid_fen: Option<i64>,
    pub refunded_fen: Option<i64>,
    pub basis: Basis,
    /// What stands where an amount should, and is none.
    pub unreadable: Vec<String>,
    lines_fen: Vec<(String, i64)>,
}

impl Amounts {
    /// What the buyer paid for one line.
    pub fn line_paid(&self, row: &Json) -> Option<i64> {
        match self.basis {
            Basis::Unpaid => Some(0),
            Basis::StepPaidFee | Basis::Unknown => None,
            Basis::Payment => {
                let oid = row.get("oid").id()?;
                self.lines_fen.iter().find(|(known, _)| known == oid).map(|(_, fen)| *fen)
            }
        }
    }
}

pub fn paying(trade: &Json, status: Option<&str>, zone: Zone) -> Paying {
    match trade.get("step_trade_status").word() {
        Some("FRONT_PAID_FINAL_NOPAID") => return Paying::Deposit,
        Some("FRONT_NOPAID_FINAL_NOPAID") => return Paying::NotPaid,
        Some("FRONT_PAID_FINAL_PAID") => return Paying::Paid,
        _ => {}
    }
    let has_pay_time = zone.instant(trade.get("pay_time")).is_some();
    match status {
        Some("TRADE_CLOSED_BY_TAOBAO") => Paying::NotPaid,
        _ if has_pay_time => Paying::Paid,
        Some("TRADE_NO_CREATE_PAY" | "WAIT_BUYER_PAY") => Paying::NotPaid,
        Some("PAY_PENDING" | "WAIT_PRE_AUTH_CONFIRM") => Paying::Unclear,
        Some(status) if is_on_delivery(trade) => on_delivery(status),
        Some(
            "WAIT_SELLER_SEND_GOODS"
            | "SELLER_CONSIGNED_PART"
            | "PAID_FORBID_CONSIGN"
            | "WAIT_BUYER_CONFIRM_GOODS"
            | "TRADE_BUYER_SIGNED"
            | "TRADE_FINISHED"
            | "TRADE_CLOSED",
        ) => Paying::Paid,
        _ => Paying::Unclear,
    }
}

/// Cash on delivery goes through the same statuses, and is paid at the end of them.
fn on_delivery(status: &str) -> Paying {
    match status {
        "WAIT_SELLER_SEND_GOODS" | "SELLER_CONSIGNED_PART" | "WAIT_BUYER_CONFIRM_GOODS" => Paying::NotPaid,
        "TRADE_FINISHED" => Paying::Paid,
        // Signed for, and the courier has the money or not; closed, and the parcel was refused or given back.
        _ => Paying::Unclear,
    }
}

pub fn is_on_delivery(trade: &Json) -> bool {
    trade.get("type").word().is_some_and(|kind| kind.split('_').any(|part| part == "cod"))
}

/// The order's lines.
pub fn rows(trade: &Json) -> &[Json] {
    trade.at(&["orders", "order"]).items()
}

/// Reads the amounts of this state, and remembers them as long as they are what the buyer pays.
pub fn read(trade: &Json, paying: Paying, known: &mut Known) -> Amounts {
    let mut unreadable = Vec::new();
    let mut amount = |row: &Json, name: &str| {
        money::yuan_due(row.get(name)).unwrap_or_else(|why| {
            unreadable.push(format!("{name}: {why}"));
            None
        })
    };
    let payment = amount(trade, "payment");
    let deposit = amount(trade, "step_paid_fee");
    let shares: Vec<(String, i64)> = rows(trade)
        .iter()
        .filter_map(|row| Some((row.get("oid").id()?.to_owned(), amount(row, "divide_order_fee")?)))
        .collect();

    let is_free_of_refunds = is_free_of_refunds(trade, known);
    if is_free_of_refunds && known.paid_fen.is_none() {
        known.total_fen = payment;
        if paying == Paying::Paid && payment.is_some() {
            known.paid_fen = payment;
            known.lines_fen = shares.into_iter().collect();
        }
    }
    let (paid_fen, basis) = match paying {
        Paying::NotPaid => (Some(0), Basis::Unpaid),
        Paying::Deposit if is_free_of_refunds && deposit.is_some() => (deposit, Basis::StepPaidFee),
        Paying::Paid if known.paid_fen.is_some() => (known.paid_fen, Basis::Payment),
        Paying::Paid | Paying::Deposit | Paying::Unclear => (None, Basis::Unknown),
    };
    let is_closed = trade.get("status").word() == Some("TRADE_CLOSED") && paying == Paying::Paid;
    Amounts {
        total_fen: known.total_fen,
        paid_fen,
        refunded_fen: known.refunded_fen(rows(trade), is_closed),
        basis,
        unreadable,
        lines_fen: known.lines_fen.iter().map(|(oid, fen)| (oid.clone(), *fen)).collect(),
    }
}

/// Whether every line says that nothing of it was ever asked back, and we know of nothing either.
fn is_free_of_refunds(trade: &Json, known: &Known) -> bool {
    let rows = rows(trade);
    let never = |row: &Json| row.get("refund_status").word() == Some("NO_REFUND");
    !rows.is_empty() && rows.iter().all(never) && known.refunds.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::{KnownRefund, Outcome};

    fn trade(status: &str, more: &str, refund_status: &str) -> Json {
        let text = format!(
            r#"{{"status":"{status}"{more},"payment":"116.00","orders":{{"order":[
                {{"oid":1,"refund_status":"{refund_status}","divide_order_fee":"108.00"}}]}}}}"#
        );
        Json::parse(&text).unwrap_or_else(|why| panic!("{why}"))
    }

    fn of(trade: &Json, known: &mut Known) -> (Option<i64>, &'static str) {
        let paying = paying(trade, trade.get("status").word(), Zone::of_minutes(480));
        let amounts = read(trade, paying, known);
        (amounts.paid_fen, amounts.basis.word())
    }

    fn fresh(status: &str, more: &str) -> (Option<i64>, &'static str) {
        of(&trade(status, more, "NO_REFUND"), &mut Known::default())
    }

    #[test]
    fn what_is_due_is_not_paid() {
        assert_eq!(fresh("WAIT_BUYER_PAY", ""), (Some(0), "unpaid"));
        assert_eq!(fresh("TRADE_NO_CREATE_PAY", ""), (Some(0), "unpaid"));
        assert_eq!(fresh("TRADE_CLOSED_BY_TAOBAO", ""), (Some(0), "unpaid"));
        assert_eq!(fresh("PAY_PENDING", ""), (None, "unknown"));
        assert_eq!(fresh("WAIT_PRE_AUTH_CONFIRM", ""), (None, "unknown"));
        assert_eq!(fresh("WAIT_SELLER_SEND_GOODS", ""), (Some(11600), "payment"));
    }

    #[test]
    fn a_deposit_is_what_is_paid_until_the_rest_is() {
        let step = |step: &str| format!(r#","step_trade_status":"{step}","step_paid_fee":"20.00""#);
        assert_eq!(fresh("WAIT_BUYER_PAY", &step("FRONT_NOPAID_FINAL_NOPAID")), (Some(0), "unpaid"));
        assert_eq!(fresh("WAIT_BUYER_PAY", &step("FRONT_PAID_FINAL_NOPAID")), (Some(2000), "step_paid_fee"));
        assert_eq!(fresh("WAIT_SELLER_SEND_GOODS", &step("FRONT_PAID_FINAL_PAID")), (Some(11600), "payment"));
        let untold = r#","step_trade_status":"FRONT_PAID_FINAL_NOPAID""#;
        assert_eq!(fresh("WAIT_BUYER_PAY", untold), (None, "unknown"));
    }

    #[test]
    fn cash_on_delivery_is_paid_at_the_end() {
        let cod = r#","type":"cod""#;
        assert_eq!(fresh("WAIT_SELLER_SEND_GOODS", cod), (Some(0), "unpaid"));
        assert_eq!(fresh("WAIT_BUYER_CONFIRM_GOODS", cod), (Some(0), "unpaid"));
        assert_eq!(fresh("TRADE_BUYER_SIGNED", cod), (None, "unknown"));
        assert_eq!(fresh("TRADE_FINISHED", cod), (Some(11600), "payment"));
        assert_eq!(fresh("TRADE_CLOSED", r#","type":"b2c_cod""#), (None, "unknown"));
    }

    #[test]
    fn what_was_paid_is_remembered_when_refunds_move_it() {
        let mut known = Known::default();
        of(&trade("WAIT_SELLER_SEND_GOODS", "", "NO_REFUND"), &mut known);
        let refunded = Json::parse(
            &trade("TRADE_FINISHED", "", "SUCCESS")
                .to_string()
                .replace("116.00", "58.00")
                .replace("108.00", "50.00"),
        )
        .unwrap_or_else(|why| panic!("{why}"));
        let amounts = read(&refunded, Paying::Paid, &mut known);
        assert_eq!((amounts.paid_fen, amounts.total_fen), (Some(11600), Some(11600)));
        assert_eq!(amounts.line_paid(&rows(&refunded)[0]), Some(10800));
        assert_eq!(amounts.refunded_fen, None);
    }

    #[test]
    fn what_was_first_seen_with_a_refund_is_not_known() {
        for refund_status in ["WAIT_SELLER_AGREE", "SUCCESS", "CLOSED", "SOMETHING_NEW", ""] {
            let seen = of(&trade("TRADE_FINISHED", "", refund_status), &mut Known::default());
            assert_eq!(seen, (None, "unknown"), "{refund_status}");
        }
        // Nor where a refund is known that the lines do not tell of.
        let refund = KnownRefund { state: Default::default(), oid: None, outcome: Outcome::Money(100) };
        let mut known = Known::default();
        known.refunds.insert("1".to_owned(), refund);
        assert_eq!(of(&trade("TRADE_FINISHED", "", "NO_REFUND"), &mut known), (None, "unknown"));
    }

    #[test]
    fn what_was_due_moves_until_it_is_paid() {
        let mut known = Known::default();
        let total = |payment: &str, status: &str, known: &mut Known| {
            let text = trade(status, "", "NO_REFUND").to_string().replace("116.00", payment);
            let trade = Json::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            read(&trade, paying(&trade, Some(status), Zone::of_minutes(480)), known).total_fen
        };
        assert_eq!(total("120.00", "WAIT_BUYER_PAY", &mut known), Some(12000));
        assert_eq!(total("116.00", "WAIT_SELLER_SEND_GOODS", &mut known), Some(11600));
        assert_eq!(total("100.00", "TRADE_FINISHED", &mut known), Some(11600));
    }

    #[test]
    fn no_money_is_not_known_and_said_so() {
        for payment in [r#""NaN""#, r#""-1.00""#, "true", "1.005", r#""1e2""#] {
            let text =
                trade("WAIT_SELLER_SEND_GOODS", "", "NO_REFUND").to_string().replace(r#""116.00""#, payment);
            let trade = Json::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            let amounts = read(&trade, Paying::Paid, &mut Known::default());
            assert_eq!((amounts.paid_fen, amounts.total_fen), (None, None), "{payment}");
            assert_eq!(amounts.unreadable.len(), 1, "{payment}");
        }
    }
}
