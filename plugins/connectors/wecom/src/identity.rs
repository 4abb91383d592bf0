//! The handles by which WeCom knows a person.

use heliu_sdk::connector::Scheme;
use heliu_sdk::events::Identity;

use crate::settings::{Settings, StateScheme};

const EXTERNAL_USERID: &str = "wecom.external-userid";
const UNIONID: &str = "wechat.unionid";
const PHONE: &str = "phone";
/// Bought in a Taobao or Tmall shop. WeCom knows nothing of it: a code that was made for one buyer says it.
const TAOBAO_OPEN_UID: &str = "taobao.open-uid";

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
        scheme(TAOBAO_OPEN_UID, false),
    ]
}

/// The person for whom a channel code was made, where its state says so.
pub fn of_state(settings: &Settings, state: Option<&str>) -> Option<Identity> {
    let state = state?;
    let handle = settings.state_handles.iter().find(|handle| state.starts_with(&handle.prefix))?;
    let value = state[handle.prefix.len()..].trim();
    let (scheme, scope) = match handle.scheme {
        StateScheme::ExternalUserid => (EXTERNAL_USERID, &handle.scope),
        StateScheme::Unionid => (UNIONID, &handle.scope),
        StateScheme::TaobaoOpenUid => (TAOBAO_OPEN_UID, &handle.scope),
        StateScheme::Phone => return phone(value),
    };
    let named = Identity { scheme: scheme.into(), scope: scope.clone(), value: value.into() };
    Some(named).filter(|named| !named.value.is_empty())
}

/// The corp's own id of a customer, of all her handles. The last one that was shown, where there are several: a corp that
/// is moved or upgraded gives the same person another one.
pub fn external_of(settings: &Settings, handles: &[Identity]) -> Option<String> {
    let ours = |handle: &&Identity| handle.scheme == EXTERNAL_USERID && handle.scope == settings.corp_id;
    handles.iter().rfind(ours).map(|handle| handle.value.clone())
}

/// Her newest phone number.
pub fn phone_of(handles: &[Identity]) -> Option<String> {
    handles.iter().rfind(|handle| handle.scheme == PHONE).map(|handle| handle.value.clone())
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

    fn of_state_with(handles: &str, state: &str) -> Option<Identity> {
        let text =
            format!(r#"{{"corp_id":"ww1","token":"t","encoding_aes_key":"k","state_handles":{handles}}}"#);
        let settings: Settings = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        of_state(&settings, Some(state))
    }

    #[test]
    fn a_state_names_the_person_for_whom_its_code_was_made() {
        let shop = r#"[{"prefix":"tb:","scheme":"taobao.open-uid","scope":"shop-1"},{"prefix":"tel-","scheme":"phone"}]"#;
        let buyer = Identity {
            scheme: TAOBAO_OPEN_UID.into(),
            scope: "shop-1".into(),
            value: "AAHxOpenUid01".into(),
        };
        assert_eq!(of_state_with(shop, "tb:AAHxOpenUid01"), Some(buyer));
        let phone =
            of_state_with(shop, "tel-13800138000").map(|phone| (phone.scheme, phone.scope, phone.value));
        assert_eq!(phone, Some((PHONE.into(), String::new(), "13800138000".into())));
        for nobody in ["tb:", "tb: ", "TB:AAHx", "ch-poster-03", " tb:AAHx", "tel-138****8000", "tel-", ""] {
            assert_eq!(of_state_with(shop, nobody), None, "{nobody:?}");
        }
        assert_eq!(of_state_with("[]", "tb:AAHxOpenUid01"), None);
    }

    #[test]
    fn every_scheme_that_a_state_may_name_is_declared() {
        let declared: Vec<String> = schemes().into_iter().map(|scheme| scheme.name).collect();
        for scheme in [EXTERNAL_USERID, UNIONID, TAOBAO_OPEN_UID] {
            let handles = format!(r#"[{{"prefix":"x","scheme":"{scheme}","scope":"s"}}]"#);
            let named = of_state_with(&handles, "x1").map(|named| named.scheme);
            assert_eq!(named.as_deref(), Some(scheme));
            assert!(declared.iter().any(|name| name == scheme), "{scheme}");
        }
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
