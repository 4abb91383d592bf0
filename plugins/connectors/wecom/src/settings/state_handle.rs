//! Channel codes that were made for one person each: what their state says of who she is.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// A kind of channel code, by how its state begins, and the handle that the rest of the state is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateHandle {
    /// How the state begins: `tb:`. What follows is the handle's value. A contact code's state has at most 30
    /// characters, the prefix among them.
    #[schemars(length(min = 1))]
    pub prefix: String,

    /// What kind of handle it is.
    pub scheme: StateScheme,

    /// Within what the value is unique, as the other connection says it: a shop's id. Only `phone` has none.
    #[serde(default)]
    pub scope: String,
}

/// The schemes that the descriptor declares: the host takes no other from this connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum StateScheme {
    #[serde(rename = "wecom.external-userid")]
    ExternalUserid,
    #[serde(rename = "wechat.unionid")]
    Unionid,
    #[serde(rename = "phone")]
    Phone,
    #[serde(rename = "taobao.open-uid")]
    TaobaoOpenUid,
}

impl StateHandle {
    fn check(&self) -> Result<(), String> {
        let StateHandle { prefix, scheme, scope } = self;
        if prefix.is_empty() {
            return Err("an empty prefix would take every state for a person's name".to_owned());
        }
        if prefix.starts_with(char::is_whitespace) {
            return Err(format!("prefix {prefix:?} begins with a blank, and no state that is read does"));
        }
        match (scheme, scope.trim().is_empty()) {
            (StateScheme::Phone, false) => {
                Err(format!("prefix {prefix:?}: a phone has no scope; leave {scope:?} out"))
            }
            (StateScheme::Phone, true) => Ok(()),
            (StateScheme::ExternalUserid | StateScheme::Unionid | StateScheme::TaobaoOpenUid, true) => Err(
                format!("prefix {prefix:?}: scope is missing: the shop, corp or account that gave the ids"),
            ),
            (StateScheme::ExternalUserid | StateScheme::Unionid | StateScheme::TaobaoOpenUid, false) => {
                Ok(())
            }
        }
    }
}

/// Reads the list, and refuses one in which a state could mean two handles.
pub fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StateHandle>, D::Error> {
    let handles = Vec::<StateHandle>::deserialize(deserializer)?;
    for (at, handle) in handles.iter().enumerate() {
        handle.check().map_err(serde::de::Error::custom)?;
        let overlaps = |other: &&StateHandle| {
            other.prefix.starts_with(&handle.prefix) || handle.prefix.starts_with(&other.prefix)
        };
        if let Some(other) = handles[..at].iter().find(overlaps) {
            return Err(serde::de::Error::custom(format!(
                "prefixes {:?} and {:?}: a state may begin with both; choose prefixes of which none begins another",
                other.prefix, handle.prefix
            )));
        }
    }
    Ok(handles)
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn refusal(handles: &str) -> Option<String> {
        let text =
            format!(r#"{{"corp_id":"ww1","token":"t","encoding_aes_key":"k","state_handles":{handles}}}"#);
        serde_json::from_str::<Settings>(&text).err().map(|error| error.to_string())
    }

    #[test]
    fn a_scheme_that_is_not_declared_is_refused_with_those_that_are() {
        let why = refusal(r#"[{"prefix":"tb:","scheme":"taobao.ouid","scope":"s"}]"#).unwrap_or_default();
        assert!(why.contains("taobao.ouid"), "{why}");
        for declared in crate::identity::schemes() {
            assert!(why.contains(&declared.name), "{}: {why}", declared.name);
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let one = |prefix: &str, scheme: &str, scope: &str| {
            format!(r#"{{"prefix":{prefix:?},"scheme":{scheme:?},"scope":{scope:?}}}"#)
        };
        let shop = |prefix| one(prefix, "taobao.open-uid", "s");
        assert_eq!(refusal(&format!("[{},{}]", shop("tb:"), one("tel:", "phone", ""))), None);
        for (handles, word) in [
            (shop(""), "empty prefix"),
            (shop(" tb:"), "begins with a blank"),
            (one("tb:", "taobao.open-uid", " "), "scope is missing"),
            (one("tel:", "phone", "86"), "a phone has no scope"),
            (format!("{},{}", shop("tb"), shop("tb:")), "may begin with both"),
            (format!("{},{}", shop("tb:"), shop("t")), "may begin with both"),
            (format!("{},{}", shop("tb:"), shop("tb:")), "may begin with both"),
        ] {
            let why = refusal(&format!("[{handles}]")).unwrap_or_default();
            assert!(why.contains(word), "{handles}: {why}");
        }
    }
}
