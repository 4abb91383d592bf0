//! What TOP's errors mean, and who must act.
//!
//! A platform's own text never gets into a fault: it may quote the token. Codes do, and sub codes that look like codes.

use heliu_sdk::faults::Fault;
use heliu_sdk::json::Json;

/// Why a call was refused.
#[derive(Debug, PartialEq)]
pub enum Trouble {
    /// Too many calls: a pause of so long, where it is told.
    Crowded {
        why: String,
        told_ms: Option<u64>,
    },
    Fault(Fault),
}

/// Reads an `error_response`.
pub fn trouble(api: &str, error: &Json) -> Trouble {
    let code = error.get("code").int();
    let sub_code = error.get("sub_code").word().filter(|sub| is_code(sub)).unwrap_or_default();
    let said = match code {
        Some(code) if sub_code.is_empty() => format!("{api}: code {code}"),
        Some(code) => format!("{api}: code {code}, {sub_code}"),
        None => format!("{api}: an error without a code"),
    };
    if is_limit(code, sub_code) {
        return Trouble::Crowded { why: format!("{said}: too many calls"), told_ms: ban_ms(error) };
    }
    Trouble::Fault(match code {
        Some(26 | 27) => Fault::Unauthorised(format!(
            "{said}: the session is missing, expired or not valid; authorise again"
        )),
        Some(24 | 25) => Fault::Misconfigured(format!(
            "{said}: the signature does not hold; check app_secret and sign_method"
        )),
        Some(28 | 29) => Fault::Misconfigured(format!("{said}: check app_key")),
        Some(30 | 31) => Fault::Misconfigured(format!(
            "{said}: this host's clock is more than ten minutes off, or time_zone_minutes is; set it right"
        )),
        Some(11..=13) => {
            Fault::Misconfigured(format!("{said}: the application or the seller lacks the right to this API"))
        }
        Some(9 | 21..=23 | 32..=34 | 42) => {
            Fault::Misconfigured(format!("{said}: TOP does not take such a call; check api_base"))
        }
        code => of_sub_code(code, sub_code, said),
    })
}

/// For codes that leave it to the sub code: the platform's side passes, ours does not.
fn of_sub_code(code: Option<i64>, sub_code: &str, said: String) -> Fault {
    match (sub_code, code) {
        (sub, _) if sub.starts_with("isp.") => Fault::later(said, None),
        (sub, _) if sub.starts_with("isv.") && sub.contains("session") => {
            Fault::Unauthorised(format!("{said}: authorise again"))
        }
        (sub, _) if sub.starts_with("isv.") && sub.contains("permission") => {
            Fault::Misconfigured(format!("{said}: the application or the seller lacks the right to this API"))
        }
        (sub, _) if sub.starts_with("isv.") => {
            Fault::Malformed(format!("{said}: TOP does not take these parameters"))
        }
        (_, Some(3 | 40 | 41 | 43)) => {
            Fault::Malformed(format!("{said}: TOP does not take these parameters"))
        }
        // Its services' own troubles, 10 and 15, and all that is not known to be for good.
        _ => Fault::later(said, None),
    }
}

fn is_limit(code: Option<i64>, sub_code: &str) -> bool {
    matches!(code, Some(4..=8)) || sub_code.contains("call-limited") || sub_code.contains("limited-by")
}

/// Whether this is a code and no text: what is not may quote anything.
fn is_code(sub: &str) -> bool {
    let is_of_a_code = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_');
    sub.len() <= 64 && sub.contains(['.', '-']) && sub.bytes().all(is_of_a_code)
}

/// The ban that a text tells: `This ban will last for 17 more seconds`. No page confirms the words, so whatever else
/// is said tells none.
fn ban_ms(error: &Json) -> Option<u64> {
    ["sub_msg", "msg"].into_iter().find_map(|name| {
        let (before, _) = error.get(name).word()?.split_once(" more second")?;
        let seconds: u64 = before.rsplit(' ').next()?.parse().ok()?;
        seconds.checked_mul(1000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, sub_code: &str) -> Trouble {
        let text =
            format!(r#"{{"code":{code},"msg":"token s3cr3t","sub_code":"{sub_code}","sub_msg":"s3cr3t"}}"#);
        trouble("taobao.demo.get", &Json::parse(&text).unwrap_or_else(|why| panic!("{why}")))
    }

    fn kind(code: &str, sub_code: &str) -> &'static str {
        match of(code, sub_code) {
            Trouble::Crowded { .. } => "crowded",
            Trouble::Fault(Fault::Later(_)) => "later",
            Trouble::Fault(Fault::Unauthorised(_)) => "unauthorised",
            Trouble::Fault(Fault::Misconfigured(_)) => "misconfigured",
            Trouble::Fault(Fault::Malformed(_)) => "malformed",
        }
    }

    #[test]
    fn every_code_says_who_must_act() {
        let expected = [
            ("malformed", vec!["3", "40", "41", "43"]),
            ("crowded", vec!["4", "5", "6", "7", "8"]),
            ("misconfigured", vec!["9", "11", "12", "13", "21", "22", "23", "24", "25", "28", "29"]),
            ("misconfigured", vec!["30", "31", "32", "33", "34", "42", r#""42""#]),
            ("unauthorised", vec!["26", "27"]),
            ("later", vec!["10", "15", "50", "9999", "null"]),
        ];
        for (kind_of, codes) in expected {
            for code in codes {
                assert_eq!(kind(code, ""), kind_of, "{code}");
            }
        }
    }

    #[test]
    fn the_side_of_a_sub_code_says_whether_to_try_again() {
        assert_eq!(kind("15", "isp.remote-service-error"), "later");
        assert_eq!(kind("15", "isp.call-limited"), "crowded");
        assert_eq!(kind("7", "accesscontrol.limited-by-app-access-count"), "crowded");
        assert_eq!(kind("50", "isv.invalid-parameter"), "malformed");
        assert_eq!(kind("15", "isv.trade-not-exist"), "malformed");
        assert_eq!(kind("15", "isv.invalid-permission"), "misconfigured");
        assert_eq!(kind("15", "isv.session-expired"), "unauthorised");
        // A missing right stays one, whatever the sub code's side.
        assert_eq!(kind("11", "isv.permission-api-package-limit"), "misconfigured");
    }

    #[test]
    fn a_ban_is_read_only_where_it_is_told() {
        let told = |text: &str| ban_ms(&Json::object([("sub_msg", Json::text(text))]));
        assert_eq!(told("This ban will last for 17 more seconds"), Some(17_000));
        assert_eq!(told("This ban will last for 1 more second"), Some(1_000));
        for text in ["", "17", "wait for some more seconds", "18446744073709551615 more seconds"] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn no_text_of_the_platform_gets_out() {
        for (code, sub_code) in
            [("27", "s3cr3t here"), ("15", "s3cr3t"), ("7", "isp.call-limited"), ("50", "isv.x")]
        {
            let told = format!("{:?}", of(code, sub_code));
            assert!(!told.contains("s3cr3t"), "{told}");
        }
    }
}
