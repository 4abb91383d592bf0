//! What the operator fills in for one shop.
//!
//! What no official page confirms is a setting with our best guess as its default, so that a shop which finds otherwise
//! needs no new build.

use heliu_sdk::time::Zone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::sign::SignMethod;

/// Of an order what events are made of, and what tells more about it. Not the receiver's name, phone and street: what
/// is not asked for is not kept.
const TRADE_FIELDS: &str = "tid,type,status,title,seller_nick,buyer_nick,buyer_open_uid,created,pay_time,consign_time,\
    end_time,modified,payment,total_fee,discount_fee,adjust_fee,post_fee,received_payment,step_trade_status,\
    step_paid_fee,trade_from,seller_flag,has_buyer_message,receiver_state,receiver_city,receiver_district,oaid,\
    shipping_type,orders,promotion_details";

const REFUND_FIELDS: &str = "refund_id,tid,oid,status,order_status,good_status,has_good_return,total_fee,refund_fee,\
    payment,reason,created,modified,end_time,refund_phase,refund_version,dispute_type,outer_id,sku,ouid,buyer_open_uid";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The application's key, from the console of the open platform.
    #[schemars(length(min = 1))]
    pub app_key: String,
    /// The application's secret. It signs every call.
    #[schemars(length(min = 1), extend("writeOnly" = true))]
    pub app_secret: String,
    /// The token that the seller granted to the application.
    #[schemars(length(min = 1), extend("writeOnly" = true))]
    pub session: String,
    /// How calls are signed.
    #[serde(default = "sign_method")]
    pub sign_method: SignMethod,
    /// A name for the shop, of your choice. Buyers' handles are unique within it: two connections to one shop have the
    /// same name, two shops have two, and it is not changed later.
    #[schemars(length(min = 1))]
    pub shop: String,
    /// Where TOP is, with the path.
    #[serde(default = "api_base")]
    #[schemars(url)]
    pub api_base: String,

    /// How many days back the first poll begins, by the time of creation. TOP keeps three months.
    #[serde(default = "backfill_days")]
    #[schemars(range(min = 0, max = 89))]
    pub backfill_days: u16,
    /// The widest window of changed orders, in seconds. TOP takes a day and advises half an hour.
    #[serde(default = "window_s")]
    #[schemars(range(min = 60, max = 86_400))]
    pub window_s: u32,
    /// How much of the last window each new one reads again.
    #[serde(default = "overlap_s")]
    #[schemars(range(min = 1, max = 86_400))]
    pub overlap_s: u32,
    /// Changes younger than this are left to the next poll: they may not be visible to queries yet.
    #[serde(default = "settle_s")]
    #[schemars(range(min = 0, max = 3600))]
    pub settle_s: u32,
    /// Rows of a page. TOP advises 40 to 50.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 100))]
    pub page_size: u16,
    /// Minutes east of UTC of the times that TOP writes and reads as text.
    #[serde(default = "china")]
    #[schemars(range(min = -720, max = 840))]
    pub time_zone_minutes: i16,

    /// The types of orders that lists are asked for. Empty: TOP's own choice, which leaves some out.
    #[serde(default = "trade_types")]
    pub trade_types: Vec<String>,
    /// The fields that an order is asked for, between commas. It must name `tid`, `status`, `modified` and `orders`.
    #[serde(default = "trade_fields")]
    pub trade_fields: String,
    /// The fields that a refund is asked for, between commas.
    #[serde(default = "refund_fields")]
    pub refund_fields: String,
    /// The value of the parameter `include_oaid`, which asks for the token of the receiver's address. Empty: not sent.
    #[serde(default = "include_oaid")]
    pub include_oaid: String,
}

fn sign_method() -> SignMethod {
    SignMethod::HmacSha256
}

fn api_base() -> String {
    "https://eco.taobao.com/router/rest".into()
}

fn backfill_days() -> u16 {
    30
}

fn window_s() -> u32 {
    1800
}

fn overlap_s() -> u32 {
    300
}

fn settle_s() -> u32 {
    30
}

fn page_size() -> u16 {
    40
}

fn china() -> i16 {
    480
}

fn trade_types() -> Vec<String> {
    ["fixed", "auction", "guarantee_trade", "auto_delivery", "ec", "cod", "step"].map(String::from).into()
}

fn trade_fields() -> String {
    TRADE_FIELDS.into()
}

fn refund_fields() -> String {
    REFUND_FIELDS.into()
}

fn include_oaid() -> String {
    "include_oaid".into()
}

impl Settings {
    pub fn zone(&self) -> Zone {
        Zone::of_minutes(self.time_zone_minutes)
    }

    pub fn page_size(&self) -> u64 {
        u64::from(self.page_size.clamp(1, 100))
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Settings {
    let text =
        r#"{"app_key":"12345678","app_secret":"demo-secret","session":"demo-session","shop":"demo-shop"}"#;
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secrets_are_write_only() {
        let schema = heliu_sdk::schema::<Settings>();
        assert_eq!(schema.matches("writeOnly").count(), 2);
        let required = r#""required":["app_key","app_secret","session","shop"]"#;
        assert!(schema.contains(required), "{schema}");
    }

    #[test]
    fn a_sign_method_is_what_the_platform_calls_it() {
        for method in [SignMethod::Md5, SignMethod::Hmac, SignMethod::HmacSha256] {
            let text = format!("{:?}", method.word());
            assert_eq!(serde_json::from_str::<SignMethod>(&text).ok(), Some(method), "{text}");
        }
    }

    #[test]
    fn fields_are_names_between_commas() {
        let settings = sample();
        for fields in [&settings.trade_fields, &settings.refund_fields] {
            assert!(fields.split(',').all(|name| !name.is_empty() && !name.contains(' ')), "{fields}");
        }
    }
}
