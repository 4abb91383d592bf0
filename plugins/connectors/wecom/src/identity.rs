//! The handles by which WeCom knows a person.

use heliu_sdk::connector::Scheme;
use heliu_sdk::events::Identity;

use crate::settings::Settings;

const EXTERNAL_USERID: &str = "wecom.external-userid";
const UNIONID: &str = "wechat.unionid";
const PHONE: &str = "phone";

/// Staff choose their ids, and one of them may begin like a customer's; those have about 32 characters. How few they
/// may have is not documented, so what is shorter is not taken for staff either.
const EXTERNAL_CHARS_MIN: usize = 20;
/// Digits that a phone number has at least; staff type remarks into the field too.
const PHONE_DIGITS_MIN: usize = 5;

/// What the descriptor says of them.
pub fn schemes() -> Vec<Scheme> {
    let scheme = |name: &str, one_per_person| Scheme { name: name.into(), lasting: true, one_per_person };
    vec![
        // Not one for a person: after a corp is moved or upgraded the same person has a new one in it, and a suite
        // sees another one than the corp's own app.
        scheme(EXTERNAL_USERID, false),
        scheme(UNIONID, true),
        scheme(PHONE, false),
    ]
}

/// The customer of a corp.
pub fn external(corp: &str, id: &str) -> Identity {
    Identity { scheme: EXTERNAL_USERID.into(), scope: corp.into(), value: id.into() }
}

/// The person behind several apps of one open-platform account. The corp's account and a provider's give different
/// ones, hence the scope.
pub fn union(settings: &Settings, id: &str) -> Identity {
    Identity { scheme: UNIONID.into(), scope: settings.unionid_scope().into(), value: id.into() }
}

/// A number that staff typed. The host compares it in E.164.
pub fn phone(number: &str) -> Option<Identity> {
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let is_number =
        digits >= PHONE_DIGITS_MIN && number.chars().all(|c| c.is_ascii_digit() || "+-() ".contains(c));
    is_number.then(|| Identity { scheme: PHONE.into(), scope: String::new(), value: number.trim().into() })
}

/// Who a group's member is, as far as the id tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    Customer,
    Staff,
    /// Either: a short id that begins like a customer's, or a suite's `wo…`, as there even staff have such ids.
    Unclear,
}

impl Member {
    /// Judges an id: `wm…` is a WeChat user, `wo…` someone of another corp.
    pub fn of(id: &str, in_suite: bool) -> Member {
        match id.get(..2) {
            Some("wm" | "wo") if id.len() < EXTERNAL_CHARS_MIN => Member::Unclear,
            Some("wo") if in_suite => Member::Unclear,
            Some("wm" | "wo") => Member::Customer,
            _ => Member::Staff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_may_have_names_that_begin_like_customers() {
        assert_eq!(Member::of("wolfgang", false), Member::Unclear);
        assert_eq!(Member::of("linshen", true), Member::Staff);
        assert_eq!(Member::of("wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", false), Member::Customer);
        assert_eq!(Member::of("woFabLeBBBd8Tg4sQh6nVe1Yj5MxZb3K", false), Member::Customer);
        assert_eq!(Member::of("woFabLeBBBd8Tg4sQh6nVe1Yj5MxZb3K", true), Member::Unclear);
        assert_eq!(Member::of("林", false), Member::Staff);
    }

    #[test]
    fn a_remark_is_no_phone_number() {
        assert_eq!(phone(" 138 0013-8000 ").map(|handle| handle.value).as_deref(), Some("138 0013-8000"));
        assert_eq!(phone("+86 13800138000").map(|handle| handle.value).as_deref(), Some("+86 13800138000"));
        for text in ["", "老公 13800138000", "1234", "wx13800138000"] {
            assert_eq!(phone(text), None, "{text}");
        }
    }
}
