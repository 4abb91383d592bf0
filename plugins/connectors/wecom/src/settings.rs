//! What the operator fills in for one WeCom connection.

mod state_handle;

use heliu_sdk::events::Instant;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::crypto::Key;

pub use state_handle::{StateHandle, StateScheme};

/// Where the API lives when the operator says nothing else.
pub const API_BASE: &str = "https://qyapi.weixin.qq.com";

/// One WeCom connection: one callback address of one app, and the corp whose API it may read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "WeCom 企业微信")]
pub struct Settings {
    /// The corp's id (企业ID), the scope of every handle. For a suite: the `AuthCorpId` of the corp that authorised it.
    #[schemars(length(min = 1))]
    pub corp_id: String,

    /// The Token of the app's callback page. Signs every call.
    #[schemars(length(min = 1), extend("writeOnly" = true))]
    pub token: String,

    /// The EncodingAESKey of the app's callback page: 43 characters.
    #[schemars(regex(pattern = "^[A-Za-z0-9+/]{43}$"), extend("writeOnly" = true))]
    pub encoding_aes_key: String,

    /// The receive ids that a callback may bear: the corp id for an app of one's own, the suite id for a suite's
    /// instructions; provider-level callbacks have been seen with an empty one. Empty list: the corp id alone.
    #[serde(default)]
    pub receive_ids: Vec<String>,

    /// The app's secret, with which profiles, groups and tags are read. Without it only the pushes are known.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub secret: Option<String>,

    /// The secret by which customer service (微信客服) is read, where it is another than the app's.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub service_secret: Option<String>,

    /// Accounts of the customer service (`wk…`) that are asked for messages every `poll_every`, besides those that have rung.
    #[serde(default)]
    pub service_accounts: Vec<String>,

    /// Where the API lives: scheme, host and port.
    #[serde(default = "api_base")]
    pub api_base: String,

    /// The open-platform account that unionids belong to. Give it the same name in every connection bound to that
    /// account, and people meet across them. Default: the corp id, so that nobody meets by accident.
    #[serde(default)]
    pub unionid_binding: Option<String>,

    /// Let the mobile numbers that staff typed into a customer's remark identify her. Off: they are typed by hand,
    /// a wrong one would join two people.
    #[serde(default)]
    pub join_remark_mobiles: bool,

    /// Channel codes that were made for one person each, and the handle by which their state names her. Never list
    /// the prefix of a code that many scan: everybody who scans it would become one customer.
    #[serde(default, deserialize_with = "state_handle::checked")]
    pub state_handles: Vec<StateHandle>,

    /// The app's AgentId: staff are then told by its messages whom to add (scene `friend-request`).
    #[serde(default)]
    pub agent_id: Option<u64>,

    /// Seconds to wait after a push before the API is read: its answers lag behind the pushes by an unstated time.
    #[serde(default = "read_delay_s")]
    #[schemars(range(max = 3600))]
    pub read_delay_s: u32,

    /// The group of corp tags in which tags are made that the corp does not have yet.
    #[serde(default = "tag_group")]
    #[schemars(length(min = 1, max = 30))]
    pub tag_group: String,

    /// Days that staff have to confirm a message, or to add a friend. After them it is taken back, and its errands have
    /// expired; earlier, where an errand is of no use any more before.
    #[serde(default = "confirm_days")]
    #[schemars(range(min = 1, max = 30))]
    pub confirm_days: u32,

    /// Days for which likes and comments of a post are read.
    #[serde(default = "moment_days")]
    #[schemars(range(min = 1, max = 30))]
    pub moment_days: u32,

    /// Seconds after which the results of a message or a post are read first. Then less and less often, down to every six
    /// hours.
    #[serde(default = "receipt_delay_s")]
    #[schemars(range(min = 1, max = 21600))]
    pub receipt_delay_s: u32,
}

fn tag_group() -> String {
    "Heliu".into()
}

fn confirm_days() -> u32 {
    7
}

fn moment_days() -> u32 {
    7
}

fn receipt_delay_s() -> u32 {
    300
}

/// Results are read at least this often, until they are final.
const RECEIPT_DELAY_MAX_MS: u64 = 6 * 60 * 60 * 1000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn api_base() -> String {
    API_BASE.into()
}

fn read_delay_s() -> u32 {
    5
}

impl Settings {
    /// The key of the callbacks, or which setting is at fault.
    pub fn key(&self) -> Result<Key, String> {
        Key::read(&self.encoding_aes_key).map_err(|why| format!("settings: encoding_aes_key: {why}"))
    }

    /// Whether a callback with this receive id is for us.
    pub fn receives(&self, id: &[u8]) -> bool {
        match self.receive_ids.as_slice() {
            [] => self.corp_id.as_bytes() == id,
            ids => ids.iter().any(|accepted| accepted.as_bytes() == id),
        }
    }

    /// The scope of a unionid.
    pub fn unionid_scope(&self) -> &str {
        self.unionid_binding.as_deref().unwrap_or(&self.corp_id)
    }

    /// The secret by which customer service is read.
    pub fn service_secret(&self) -> Option<&str> {
        self.service_secret.as_deref().or(self.secret.as_deref()).filter(|secret| !secret.is_empty())
    }

    /// How long staff have to confirm.
    pub fn confirm_ms(&self) -> u64 {
        u64::from(self.confirm_days) * DAY_MS
    }

    /// Until when staff have to confirm what is asked of them now, and is of no use after `end`.
    pub fn confirm_until(&self, now: Instant, end: Option<Instant>) -> Instant {
        let until = now + self.confirm_ms();
        end.map_or(until, |end| end.min(until))
    }

    /// How long a post is read.
    pub fn moment_ms(&self) -> u64 {
        u64::from(self.moment_days) * DAY_MS
    }

    /// How long to wait for results that were read so many times: each time twice as long.
    pub fn receipt_delay_ms(&self, reads: u32) -> u64 {
        let first = u64::from(self.receipt_delay_s) * 1000;
        first.saturating_mul(1 << reads.min(20)).min(RECEIPT_DELAY_MAX_MS)
    }

    /// How long after a push its chores are due.
    pub fn read_delay_ms(&self) -> u64 {
        u64::from(self.read_delay_s) * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"{"corp_id":"ww1","token":"t","encoding_aes_key":"k"}"#;

    fn settings(text: &str) -> Settings {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn three_settings_are_enough() {
        let settings = settings(LEAST);
        assert_eq!((settings.api_base.as_str(), settings.unionid_scope()), (API_BASE, "ww1"));
        assert!(!settings.join_remark_mobiles && settings.state_handles.is_empty());
        assert!(settings.receives(b"ww1") && !settings.receives(b"") && !settings.receives(b"ww2"));
    }

    #[test]
    fn receive_ids_that_are_given_are_all_that_are_accepted() {
        let text = LEAST.replace('}', r#","receive_ids":["suite",""]}"#);
        let settings = settings(&text);
        assert!(settings.receives(b"suite") && settings.receives(b"") && !settings.receives(b"ww1"));
    }

    #[test]
    fn what_is_secret_is_marked() {
        let schema: serde_json::Value =
            serde_json::from_str(&heliu_sdk::schema::<Settings>()).unwrap_or_else(|error| panic!("{error}"));
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let secret: Vec<_> =
            properties.iter().filter(|(_, p)| p["writeOnly"] == true).map(|(name, _)| name).collect();
        assert_eq!(secret, ["encoding_aes_key", "secret", "service_secret", "token"]);
        assert_eq!(schema["required"], serde_json::json!(["corp_id", "token", "encoding_aes_key"]));
    }
}
