//! The handles by which Youzan knows a person. A masked value is none.

use heliu_sdk::connector::Scheme;
use heliu_sdk::events::Identity;

use crate::json::Json;
use crate::settings::Settings;

pub const YZ_OPEN_ID: &str = "youzan.yz-open-id";
const OUTER_USER_ID: &str = "youzan.outer-user-id";
pub const FANS_ID: &str = "youzan.fans-id";
const BUYER_ID: &str = "youzan.buyer-id";
const ACCOUNT_ID: &str = "youzan.account-id";
const WECHAT_OPENID: &str = "wechat.openid";
pub const PHONE: &str = "phone";

/// Every scheme that [`Handles`] can write.
///
/// None is one per person. Youzan merges its customers (a fan and a buyer turn out to share a phone) and
/// tells of it by a push with both open ids; a scheme of one per person would make the host refuse that very
/// merge.
pub fn schemes() -> Vec<Scheme> {
    [YZ_OPEN_ID, OUTER_USER_ID, FANS_ID, BUYER_ID, ACCOUNT_ID, WECHAT_OPENID, PHONE]
        .map(|name| Scheme { name: name.into(), lasting: true, one_per_person: false })
        .into()
}

/// Collects the handles of one person, each once, in the order found.
pub struct Handles<'s> {
    settings: &'s Settings,
    who: Vec<Identity>,
}

impl<'s> Handles<'s> {
    pub fn new(settings: &'s Settings) -> Self {
        Handles { settings, who: Vec::new() }
    }

    pub fn into_who(self) -> Vec<Identity> {
        self.who
    }

    pub fn yz_open_id(&mut self, json: &Json) {
        self.add(YZ_OPEN_ID, self.settings.group().into(), json.id());
    }

    /// The account's id in the shop. Youzan's numbers for orders and for accounts look alike; nothing
    /// confirms that they are the same, so each has its own scheme.
    pub fn buyer_id(&mut self, json: &Json) {
        self.add(BUYER_ID, self.settings.group().into(), json.id());
    }

    pub fn phone(&mut self, json: &Json) {
        if let Some(phone) = json.word().and_then(e164) {
            self.add(PHONE, String::new(), Some(&phone));
        }
    }

    /// A follower's number. The shop's own followers are type 1; those of others are numbered by themselves.
    pub fn fan(&mut self, fans_id: &Json, fans_type: &Json) {
        let scope = match fans_type.word() {
            None | Some("0" | "1") => self.settings.group().to_owned(),
            Some(other) => format!("{}/{other}", self.settings.group()),
        };
        self.add(FANS_ID, scope, fans_id.id());
    }

    /// Somebody else's id of the buyer, in practice WeChat's. Youzan does not say of which app; the entrance
    /// tells, where the settings know it. Without that it is a handle within Youzan only: under a wrong app
    /// it would join nothing.
    pub fn outer_user_id(&mut self, json: &Json, entrance: &Json) {
        self.add(OUTER_USER_ID, self.settings.group().into(), json.id());
        if let Some(appid) = entrance.word().and_then(|entrance| self.settings.wechat_appids.get(entrance)) {
            self.add(WECHAT_OPENID, appid.clone(), json.id());
        }
    }

    /// An id together with its kind, which APIs write as a word and pushes as a number.
    pub fn account(&mut self, id: &Json, kind: &Json) {
        match kind.word() {
            Some("FansID" | "1") => self.fan(id, &Json::Null),
            Some("Mobile" | "2") => self.phone(id),
            Some("YzOpenId" | "5") => self.yz_open_id(id),
            Some("WeiXinOpenId") => self.outer_user_id(id, &Json::Null),
            // Three more kinds are known, and more may come: ids of one kind are unique among themselves.
            Some(other) => self.add(ACCOUNT_ID, format!("{}/{other}", self.settings.group()), id.id()),
            None => {}
        }
    }

    fn add(&mut self, scheme: &str, scope: String, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.contains('*')) else { return };
        let identity = Identity { scheme: scheme.into(), scope, value: value.into() };
        if !self.who.contains(&identity) {
            self.who.push(identity);
        }
    }
}

/// A phone number in E.164, where it is certain: a mainland mobile or one with its country code. A masked
/// number, a landline without its country and an extension are none.
pub fn e164(said: &str) -> Option<String> {
    let plain: String = said.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let (international, digits) = match plain.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, plain.as_str()),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let is_mobile = |digits: &str| digits.len() == 11 && digits.starts_with('1') && !digits.starts_with("10");
    match digits.strip_prefix("86") {
        _ if international && (8..=15).contains(&digits.len()) => Some(format!("+{digits}")),
        Some(mobile) if is_mobile(mobile) => Some(format!("+86{mobile}")),
        _ if !international && is_mobile(digits) => Some(format!("+86{digits}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    fn collect(fill: impl Fn(&mut Handles)) -> Vec<String> {
        let mut settings = sample();
        settings.wechat_appids.insert("wx_gzh".into(), "wxdemo".into());
        let mut handles = Handles::new(&settings);
        fill(&mut handles);
        handles.into_who().into_iter().map(|id| format!("{}|{}|{}", id.scheme, id.scope, id.value)).collect()
    }

    #[test]
    fn a_phone_is_a_handle_only_where_it_is_whole() {
        for said in ["13800000001", "+8613800000001", "86 138-0000-0001"] {
            assert_eq!(e164(said).as_deref(), Some("+8613800000001"), "{said}");
        }
        assert_eq!(e164("+85251234567").as_deref(), Some("+85251234567"));
        for said in
            ["138****0001", "057112345678", "1380000000", "", "+", "10000000000", "13800000001;2", "null"]
        {
            assert_eq!(e164(said), None, "{said}");
        }
    }

    #[test]
    fn an_open_id_joins_other_channels_only_under_a_known_app() {
        let openid = Json::text("oDemo");
        let known = collect(|h| h.outer_user_id(&openid, &Json::text("wx_gzh")));
        assert_eq!(known, ["youzan.outer-user-id|10001|oDemo", "wechat.openid|wxdemo|oDemo"]);
        let unknown = collect(|h| h.outer_user_id(&openid, &Json::text("merchant_xcx")));
        assert_eq!(unknown, ["youzan.outer-user-id|10001|oDemo"]);
    }

    #[test]
    fn an_account_is_what_its_kind_says() {
        let of = |kind: Json, id: &str| collect(|h| h.account(&Json::text(id), &kind));
        assert_eq!(of(Json::text("Mobile"), "13800000001"), ["phone||+8613800000001"]);
        assert_eq!(of(Json::Number("5".into()), "Yz1"), ["youzan.yz-open-id|10001|Yz1"]);
        assert_eq!(of(Json::text("FansID"), "8800001"), ["youzan.fans-id|10001|8800001"]);
        assert_eq!(of(Json::text("YouZanAccount"), "66"), ["youzan.account-id|10001/YouZanAccount|66"]);
        assert!(of(Json::Null, "66").is_empty());
    }

    #[test]
    fn masks_and_spellings_of_nothing_are_no_handles() {
        let none = collect(|h| {
            h.yz_open_id(&Json::text("null"));
            h.yz_open_id(&Json::text("Yz****1"));
            h.buyer_id(&Json::Number("0".into()));
            h.fan(&Json::Number("2147483647".into()), &Json::Null);
            h.phone(&Json::text("138****0001"));
        });
        assert!(none.is_empty(), "{none:?}");
    }

    #[test]
    fn followers_of_others_have_their_own_numbers() {
        let scope = |kind: &str| collect(|h| h.fan(&Json::Number("88".into()), &Json::Number(kind.into())));
        assert_eq!(scope("1"), ["youzan.fans-id|10001|88"]);
        assert_eq!(scope("9"), ["youzan.fans-id|10001/9|88"]);
    }
}
