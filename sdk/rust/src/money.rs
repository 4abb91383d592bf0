//! Yuan and fen. Decimal arithmetic only: `4.05` is 405 fen, where a float makes 404.
//!
//! Platforms write amounts as yuan in a text, or as whole fen, and some do both in one document. What cannot be read is
//! an error and never 0: an unknown amount and a free order are different things.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::json::Json;

/// An amount in yuan, as fen. None where the field says nothing; an error, naming what it says, where that is
/// no money.
pub fn yuan(json: &Json) -> Result<Option<i64>, String> {
    match json {
        Json::Null => return Ok(None),
        Json::Text(_) if json.word().is_none() => return Ok(None),
        _ => {}
    }
    match json.word().and_then(fen_of_yuan) {
        Some(fen) => Ok(Some(fen)),
        None => Err(format!("{json} is not an amount in yuan")),
    }
}

/// As [`yuan`], for what nobody pays a negative amount of.
pub fn yuan_due(json: &Json) -> Result<Option<i64>, String> {
    match yuan(json)? {
        Some(fen) if fen < 0 => Err(format!("{json} is below zero")),
        amount => Ok(amount),
    }
}

fn fen_of_yuan(text: &str) -> Option<i64> {
    // Stricter than the parser: no underscores, no exponents, no plus sign.
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-') {
        return None;
    }
    let fen = Decimal::from_str_exact(text).ok()?.checked_mul(Decimal::ONE_HUNDRED)?;
    if fen.is_integer() { fen.to_i64() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<Option<i64>, String> {
        yuan(&Json::text(text))
    }

    #[test]
    fn yuan_become_fen_exactly() {
        for (said, fen) in
            [("4.05", 405), ("0.1", 10), ("0.29", 29), ("1.10", 110), ("116", 11600), ("-1.00", -100)]
        {
            assert_eq!(text(said), Ok(Some(fen)), "{said}");
        }
        assert_eq!(text("8.1000"), Ok(Some(810)));
        assert_eq!(text("92233720368547758.07"), Ok(Some(i64::MAX)));
        assert_eq!(yuan(&Json::Number("4.05".into())), Ok(Some(405)));
    }

    #[test]
    fn what_is_no_money_is_an_error_and_not_zero() {
        let no_money = [
            "NaN",
            "1.005",
            "1e3",
            "1_000",
            "+1",
            "-",
            ".",
            "1,000.00",
            "¥1",
            "92233720368547758.08",
            "true",
        ];
        for said in no_money {
            assert!(text(said).is_err(), "{said}");
        }
        assert!(yuan(&Json::Truth(true)).is_err());
        assert!(yuan(&Json::List(vec![])).is_err());
        assert!(yuan_due(&Json::text("-0.01")).is_err());
    }

    #[test]
    fn nothing_said_is_nothing_known() {
        for json in [Json::Null, Json::text(""), Json::text("null")] {
            assert_eq!(yuan(&json), Ok(None));
        }
    }
}
