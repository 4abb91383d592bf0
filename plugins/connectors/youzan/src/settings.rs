//! What the operator fills in for one shop.
//!
//! What no official page confirms is a setting with our best guess as its default, so that a shop which finds
//! otherwise needs no new build.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use heliu_sdk::time::Zone;

/// Youzan advises to wait so long between a push and the fetch of what it tells of: its stores lag behind its
/// pushes.
const DETAIL_DELAY_MS_MIN: u64 = 30_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The application's id, from the Youzan cloud console.
    pub client_id: String,
    /// The application's secret. It signs the pushes and buys the access tokens.
    #[schemars(extend("writeOnly" = true))]
    pub client_secret: String,
    /// The shop's number (kdt id): the shop that granted the application its access.
    pub kdt_id: Id,
    /// Where the API is. Without a path.
    #[serde(default = "api_base")]
    #[schemars(url)]
    pub api_base: String,

    /// The number of the chain's head office. People's handles are then shared by all connections of the
    /// chain.
    #[serde(default)]
    pub root_kdt_id: Option<Id>,
    /// Further shops of the chain whose pushes and orders come in by this connection.
    #[serde(default)]
    pub node_kdt_ids: Vec<Id>,
    /// By Youzan's word for the entrance (`wx_gzh`, `merchant_xcx`), the app id that its WeChat open ids
    /// belong to. An open id from an entrance that is not named here is not joined with other channels.
    #[serde(default)]
    pub wechat_appids: BTreeMap<String, String>,

    /// Take pushes without the header Event-Sign if the body's own `sign` holds. That one covers `msg` alone.
    #[serde(default = "yes")]
    pub accept_body_sign: bool,
    /// Minutes east of UTC of the times that Youzan writes as text.
    #[serde(default = "china")]
    #[schemars(range(min = -720, max = 840))]
    pub time_zone_minutes: i16,

    /// How long after a push its order is fetched. Youzan asks for 30 seconds at least.
    #[serde(default = "detail_delay_ms")]
    #[schemars(range(min = 30_000, max = 86_400_000))]
    pub detail_delay_ms: u64,
    /// Fetch the detail of paid orders that polling finds too: only the detail tells what the buyer really
    /// paid.
    #[serde(default = "yes")]
    pub detail_on_poll: bool,

    /// Rows of a page.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 100))]
    pub page_size: u16,
    /// The widest window of a query, in days. Youzan takes three calendar months.
    #[serde(default = "window_days")]
    #[schemars(range(min = 1, max = 89))]
    pub window_days: u16,
    /// How far back the first poll goes.
    #[serde(default = "first_poll_days")]
    #[schemars(range(min = 0, max = 1095))]
    pub first_poll_days: u16,
    /// How much of the last window each new one reads again.
    #[serde(default = "poll_overlap_s")]
    #[schemars(range(min = 1, max = 86_400))]
    pub poll_overlap_s: u32,
    /// Orders younger than this are left to the next poll: they may not be visible to queries yet.
    #[serde(default = "settle_ms")]
    #[schemars(range(min = 0, max = 3_600_000))]
    pub settle_ms: u64,

    /// The API that lists orders, with its version.
    #[serde(default = "trades_api")]
    pub trades_api: String,
    /// The API that gives one order, with its version.
    #[serde(default = "trade_api")]
    pub trade_api: String,
    /// The API that gives one refund, with its version.
    #[serde(default = "refund_api")]
    pub refund_api: String,

    /// The API that books points, with its version.
    #[serde(default = "points_api")]
    pub points_api: String,
    /// The API that gives a customer a coupon, with its version.
    #[serde(default = "coupon_api")]
    pub coupon_api: String,
    /// Codes of these two that mean that Youzan is only busy, besides those that are known. What any other code refuses is
    /// not tried again.
    #[serde(default)]
    pub busy_codes: Vec<i64>,

    /// States of a points push that mean spending although their amount is positive.
    #[serde(default = "spent_points_states")]
    pub spent_points_states: Vec<String>,
    /// States of a membership card push that mean that the customer has joined.
    #[serde(default = "joined_states")]
    pub joined_states: Vec<String>,
}

fn api_base() -> String {
    "https://open.youzanyun.com".into()
}

fn yes() -> bool {
    true
}

fn china() -> i16 {
    480
}

fn detail_delay_ms() -> u64 {
    DETAIL_DELAY_MS_MIN
}

fn page_size() -> u16 {
    100
}

fn window_days() -> u16 {
    30
}

fn first_poll_days() -> u16 {
    30
}

fn poll_overlap_s() -> u32 {
    600
}

fn settle_ms() -> u64 {
    60_000
}

fn trades_api() -> String {
    "youzan.trades.sold.get/4.0.4".into()
}

fn trade_api() -> String {
    "youzan.trade.get/4.0.0".into()
}

fn refund_api() -> String {
    "youzan.trade.refund.get/3.0.1".into()
}

fn points_api() -> String {
    "youzan.crm.customer.points.increase/4.0.0".into()
}

fn coupon_api() -> String {
    "youzan.ump.coupon.take/3.0.0".into()
}

fn spent_points_states() -> Vec<String> {
    ["DECREASE", "POINTS_DECREASE"].map(String::from).into()
}

fn joined_states() -> Vec<String> {
    ["CUSTOMER_CARD_GIVEN", "CUSTOMER_CARD_TAKEN"].map(String::from).into()
}

impl Settings {
    /// Within what a person's handles are unique: the group of shops. Taken from here and never from a push,
    /// since only some pushes name the group, and one person would have two scopes.
    pub fn group(&self) -> &str {
        self.root_kdt_id.as_ref().unwrap_or(&self.kdt_id).as_str()
    }

    pub fn is_ours(&self, kdt_id: &str) -> bool {
        self.kdt_id.as_str() == kdt_id || self.node_kdt_ids.iter().any(|node| node.as_str() == kdt_id)
    }

    pub fn zone(&self) -> Zone {
        Zone::of_minutes(self.time_zone_minutes)
    }

    /// When to fetch the detail of what is told now.
    pub fn detail_due(&self, now: u64) -> u64 {
        now.saturating_add(self.detail_delay_ms.max(DETAIL_DELAY_MS_MIN))
    }
}

/// A shop's number. Consoles show digits, so people type them with and without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Id;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a shop's number")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                match text.trim() {
                    digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                        Ok(Id(digits.into()))
                    }
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

impl JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KdtId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$" })
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Settings {
    let text =
        r#"{"client_id":"demo_client_0001","client_secret":"demo_secret_0001_abcdefghij","kdt_id":10001}"#;
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_number_may_be_text() {
        for text in ["10001", r#""10001""#, r#"" 10001 ""#] {
            assert_eq!(serde_json::from_str::<Id>(text).map(|id| id.0).ok(), Some("10001".into()));
        }
        for text in ["-1", "1.5", r#""shop""#, r#""""#, "null"] {
            assert!(serde_json::from_str::<Id>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_group_is_the_head_office_where_it_is_told() {
        let mut settings = sample();
        assert_eq!(settings.group(), "10001");
        settings.root_kdt_id = Some(Id("10000".into()));
        assert_eq!(settings.group(), "10000");
        assert!(settings.is_ours("10001") && !settings.is_ours("10000"));
    }

    #[test]
    fn a_detail_is_never_fetched_too_early() {
        let mut settings = sample();
        settings.detail_delay_ms = 1;
        assert_eq!(settings.detail_due(1000), 31_000);
    }

    #[test]
    fn only_the_secret_is_write_only() {
        let schema = heliu_sdk::schema::<Settings>();
        assert_eq!(schema.matches("writeOnly").count(), 1);
        assert!(schema.contains(r#""required":["client_id","client_secret","kdt_id"]"#), "{schema}");
    }
}
