//! What an order cost and what the buyer paid. The most mis-mapped fields of any shop system.
//!
//! `pay_info.payment` is what is due; `pay_info.real_payment`, which only the detail has, is what was paid.
//! It includes stored value and gift cards, and so is what Youzan took, not what a bank moved. An order that
//! nobody has paid yet, or that was paid in points, has a `payment` all the same.

use heliu_sdk::events::OrderLine;

use crate::json::Json;
use crate::known::Known;
use crate::money;
use heliu_sdk::time::Zone;

/// Where the amount paid was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    RealPayment,
    Payment,
    /// Nothing is paid yet, or never was.
    Unpaid,
    /// Paid in points. What came in cash besides, only `real_payment` tells.
    Points,
    /// A deposit is paid. How much, only `real_payment` tells.
    Deposit,
}

impl Basis {
    pub fn word(self) -> &'static str {
        match self {
            Basis::RealPayment => "real_payment",
            Basis::Payment => "payment",
            Basis::Unpaid => "unpaid",
            Basis::Points => "points",
            Basis::Deposit => "deposit",
        }
    }

    /// Whether the detail may know better.
    pub fn is_provisional(self) -> bool {
        match self {
            Basis::Payment | Basis::Points | Basis::Deposit => true,
            Basis::RealPayment | Basis::Unpaid => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    pub due_fen: i64,
    /// None: how much, this document does not say.
    pub paid_fen: Option<i64>,
    pub basis: Basis,
    /// `real_payment` of this very document.
    pub real_fen: Option<i64>,
}

/// Whether anything is paid, from what the order says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Paid,
    NotPaid,
    None,
}

/// Reads a `full_order_info`. An amount that is no money is an error: the order is then kept as it came.
pub fn read(full: &Json, status: Option<&str>, known: &Known, zone: Zone) -> Result<Amounts, String> {
    let pay = full.get("pay_info");
    let named = |name: &str| money::yuan_due(pay.get(name)).map_err(|why| format!("pay_info.{name}: {why}"));
    let due_fen = named("payment")?.ok_or("pay_info.payment is missing")?;
    let real_fen = named("real_payment")?;
    let remembered = known.real_fen.filter(|_| known.due_fen == Some(due_fen));

    let (paid_fen, basis) = match (is_paid(full, status, zone), real_fen.or(remembered)) {
        (false, _) => (Some(0), Basis::Unpaid),
        (true, Some(real)) => (Some(real), Basis::RealPayment),
        (true, None) if is_points_order(full) => (None, Basis::Points),
        (true, None) if status == Some("WAIT_BUYER_PAY") => (None, Basis::Deposit),
        (true, None) => (Some(due_fen), Basis::Payment),
    };
    Ok(Amounts { due_fen, paid_fen, basis, real_fen })
}

pub fn is_paid(full: &Json, status: Option<&str>, zone: Zone) -> bool {
    match (evidence(full, zone), status) {
        (Evidence::Paid, _) => true,
        // Cash on delivery goes through the same statuses as an order that is paid.
        (Evidence::NotPaid, _) => false,
        // An order is closed for many reasons; only the others say that somebody paid.
        (Evidence::None, status) => !matches!(status, None | Some("WAIT_BUYER_PAY" | "TRADE_CLOSED")),
    }
}

fn evidence(full: &Json, zone: Zone) -> Evidence {
    let has_pay_time = zone.instant(full.at(&["order_info", "pay_time"])).is_some();
    match full.at(&["order_info", "order_tags", "is_payed"]).truth() {
        _ if has_pay_time => Evidence::Paid,
        Some(true) => Evidence::Paid,
        Some(false) => Evidence::NotPaid,
        None => Evidence::None,
    }
}

fn is_points_order(full: &Json) -> bool {
    full.at(&["order_info", "order_extra", "is_points_order"]).truth() == Some(true)
}

/// The lines, and whether a line's amount had to be read from `total_fee`, which leaves out the order's own
/// discounts.
pub fn lines(full: &Json, amounts: &Amounts) -> Result<(Vec<OrderLine>, bool), String> {
    let mut is_rough = false;
    let mut lines = Vec::new();
    for (i, row) in full.get("orders").items().iter().enumerate() {
        let named =
            |name: &str| money::yuan_due(row.get(name)).map_err(|why| format!("orders[{i}].{name}: {why}"));
        let share = match named("payment")? {
            Some(share) => share,
            None => {
                is_rough = true;
                named("total_fee")?.ok_or_else(|| format!("orders[{i}].payment is missing"))?
            }
        };
        let is_free = amounts.paid_fen == Some(0) || row.get("is_present").truth() == Some(true);
        lines.push(OrderLine {
            sku: sku(row).unwrap_or_default().to_owned(),
            title: row.get("title").word().unwrap_or_default().to_owned(),
            // An order's line names no category; the shop's catalogue does.
            category: None,
            // Weighed goods have a broken number of pieces. They are one line of one thing.
            quantity: row.get("num").int().and_then(|num| u32::try_from(num).ok()).unwrap_or(1),
            paid: match amounts.paid_fen {
                _ if is_free => Some(0),
                Some(_) => Some(share),
                None => None,
            },
        });
    }
    Ok((lines, is_rough))
}

/// The merchant's own code where there is one: it is the same in every channel. Youzan's numbers otherwise.
fn sku(row: &Json) -> Option<&str> {
    ["outer_sku_id", "outer_item_id", "sku_id", "item_id"].into_iter().find_map(|name| row.get(name).id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(status: &str, order_info: &str, pay_info: &str, known: &Known) -> Result<Amounts, String> {
        let text = format!(r#"{{"order_info":{order_info},"pay_info":{pay_info}}}"#);
        read(&Json::parse(&text)?, Some(status), known, Zone::of_minutes(480))
    }

    fn paid(status: &str, order_info: &str, pay_info: &str) -> (Option<i64>, &'static str) {
        match amounts(status, order_info, pay_info, &Known::default()) {
            Ok(amounts) => (amounts.paid_fen, amounts.basis.word()),
            Err(why) => panic!("{why}"),
        }
    }

    const PAY: &str = r#"{"payment":"116.00"}"#;
    const DETAIL: &str = r#"{"payment":"116.00","real_payment":"108.00"}"#;

    #[test]
    fn real_payment_wins_over_payment() {
        assert_eq!(paid("TRADE_PAID", "{}", PAY), (Some(11600), "payment"));
        assert_eq!(paid("TRADE_PAID", "{}", DETAIL), (Some(10800), "real_payment"));
    }

    #[test]
    fn what_is_due_is_not_paid() {
        assert_eq!(paid("WAIT_BUYER_PAY", r#"{"pay_time":""}"#, PAY), (Some(0), "unpaid"));
        assert_eq!(paid("TRADE_CLOSED", "{}", PAY), (Some(0), "unpaid"));
        assert_eq!(
            paid("TRADE_CLOSED", r#"{"pay_time":"2026-11-20 10:11:40"}"#, PAY),
            (Some(11600), "payment")
        );
        let cash_on_delivery = r#"{"pay_time":"0001-01-01 00:00:00","order_tags":{"is_payed":false}}"#;
        assert_eq!(paid("WAIT_SELLER_SEND_GOODS", cash_on_delivery, PAY), (Some(0), "unpaid"));
    }

    #[test]
    fn points_and_deposits_are_paid_as_far_as_the_detail_says() {
        let points = r#"{"order_extra":{"is_points_order":"1"}}"#;
        assert_eq!(paid("TRADE_PAID", points, PAY), (None, "points"));
        assert_eq!(
            paid("TRADE_PAID", points, r#"{"payment":"9.90","real_payment":"9.90"}"#),
            (Some(990), "real_payment")
        );
        let presale = r#"{"pay_time":"2026-11-20 10:11:40"}"#;
        assert_eq!(paid("WAIT_BUYER_PAY", presale, PAY), (None, "deposit"));
        assert_eq!(
            paid("WAIT_BUYER_PAY", presale, r#"{"payment":"116.00","real_payment":"20.00"}"#),
            (Some(2000), "real_payment")
        );
    }

    #[test]
    fn a_remembered_payment_holds_while_the_amount_due_does() {
        let known = Known { due_fen: Some(11600), real_fen: Some(10800), ..Known::default() };
        let read = |pay: &str| amounts("TRADE_PAID", "{}", pay, &known).map(|amounts| amounts.paid_fen);
        assert_eq!(read(PAY), Ok(Some(10800)));
        assert_eq!(read(r#"{"payment":"90.00"}"#), Ok(Some(9000)));
    }

    #[test]
    fn no_money_is_an_error() {
        for pay in [r#"{}"#, r#"{"payment":"NaN"}"#, r#"{"payment":"-1.00"}"#, r#"{"payment":true}"#] {
            assert!(amounts("TRADE_PAID", "{}", pay, &Known::default()).is_err(), "{pay}");
        }
    }
}
