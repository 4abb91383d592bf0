//! The handles by which Taobao knows a buyer. A masked value is none.

use heliu_sdk::connector::Scheme;
use heliu_sdk::events::Identity;
use heliu_sdk::json::Json;

use crate::settings::Settings;

const OPEN_UID: &str = "taobao.open-uid";
const OUID: &str = "taobao.ouid";
const OAID: &str = "taobao.oaid";

/// Every scheme that [`of`] can write.
///
/// `oaid` stands for the receiver's address and changes with it, so it joins nobody. The other two last. Whether they
/// are one number under two names is not confirmed: each has a scheme of its own, and where a document carries both
/// they are joined by it. None is one per person: nothing says that an account has one for ever.
pub fn schemes() -> Vec<Scheme> {
    [(OPEN_UID, true), (OUID, true), (OAID, false)]
        .map(|(name, lasting)| Scheme { name: name.into(), lasting, one_per_person: false })
        .into()
}

/// The buyer of an order or a refund, by every handle that it carries, within the shop.
pub fn of(row: &Json, settings: &Settings) -> Vec<Identity> {
    [("buyer_open_uid", OPEN_UID), ("ouid", OUID), ("oaid", OAID)]
        .into_iter()
        .filter_map(|(field, scheme)| {
            let value = row.get(field).id().filter(|value| !value.contains('*'))?;
            Some(Identity { scheme: scheme.into(), scope: settings.shop.clone(), value: value.into() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    fn schemes_of(text: &str) -> Vec<String> {
        let row = Json::parse(text).unwrap_or_else(|why| panic!("{why}"));
        of(&row, &sample()).into_iter().map(|id| format!("{}|{}|{}", id.scheme, id.scope, id.value)).collect()
    }

    #[test]
    fn a_buyer_is_named_within_the_shop() {
        assert_eq!(
            schemes_of(r#"{"buyer_nick":"t**1","ouid":"O1","buyer_open_uid":"AAH1","oaid":"1x"}"#),
            ["taobao.open-uid|demo-shop|AAH1", "taobao.ouid|demo-shop|O1", "taobao.oaid|demo-shop|1x"]
        );
    }

    #[test]
    fn masks_nicks_phones_and_spellings_of_nothing_are_no_handles() {
        let rows = [
            r#"{"buyer_open_uid":"AA**1","ouid":"null","oaid":""}"#,
            r#"{"buyer_nick":"tb12345","receiver_mobile":"13800000001"}"#,
            r#"{"buyer_open_uid":0,"ouid":null}"#,
        ];
        for row in rows {
            assert!(schemes_of(row).is_empty(), "{row}");
        }
    }
}
