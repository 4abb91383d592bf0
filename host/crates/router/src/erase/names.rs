//! The texts by which somebody is found where nothing is known of handles: in dead letters, chores, memories and operators' reasons.

use std::collections::BTreeSet;

use model::{ERASED, Identity};

use crate::identity::PHONE;

/// Bytes that a handle's value must have at least for what waits to be searched for it: a shorter one stands in every text.
const NAME_MIN: usize = 5;

/// Digits that are searched for without the plus in front of them, at least: fewer stand in every time and every number of an
/// order.
const DIGITS_MIN: usize = 8;

/// Country codes of one digit, and of two. All others have three (ITU-T E.164).
const OF_ONE_DIGIT: [&str; 2] = ["1", "7"];
const OF_TWO_DIGITS: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// What waits and holds one of these texts is about who has these handles, as far as anybody can tell.
pub(super) fn names<'a>(handles: impl Iterator<Item = &'a Identity>) -> Vec<String> {
    let names: BTreeSet<&str> = handles.filter_map(name).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// What waits for her holds this text of a handle of hers, however it was written there. None: too many others' texts do, too.
fn name(handle: &Identity) -> Option<&str> {
    let value = handle.value.as_str();
    if value.starts_with(ERASED) {
        return None;
    }
    let text = if handle.scheme == PHONE { digits(value) } else { value };
    (text.len() >= NAME_MIN).then_some(text)
}

/// The end that all ways to write a phone number have in common: it is compared as `+8613900000000`, and channels send it as
/// `13900000000`, `8613900000000` or `008613900000000`.
fn digits(number: &str) -> &str {
    let Some(digits) = number.strip_prefix('+') else { return number };
    let code = if OF_ONE_DIGIT.iter().any(|code| digits.starts_with(code)) {
        1
    } else if OF_TWO_DIGITS.iter().any(|code| digits.starts_with(code)) {
        2
    } else {
        3
    };
    let national = digits.get(code..).unwrap_or_default();
    [national, digits].into_iter().find(|text| text.len() >= DIGITS_MIN).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_searched_for_what_all_ways_to_write_a_name_have_in_common() {
        for (scheme, value, expected) in [
            ("phone", "+8613900000000", Some("13900000000")),
            ("phone", "+861065529988", Some("1065529988")),
            ("phone", "+14155550100", Some("4155550100")),
            ("phone", "+85291234567", Some("91234567")),
            // Too few digits of its own: with its country, and where that is too little, with the plus.
            ("phone", "+298123456", Some("298123456")),
            ("phone", "+8612345", Some("+8612345")),
            ("phone", "+86123", Some("+86123")),
            ("phone", "+123", None),
            ("phone", "erased:7:0", None),
            ("open", "oF3x", None),
            ("open", "+8613900000000", Some("+8613900000000")),
        ] {
            let handle =
                Identity { scheme: scheme.to_owned(), scope: String::new(), value: value.to_owned() };
            assert_eq!(name(&handle), expected, "{scheme} {value}");
        }
    }
}
