//! What a shop gives its customers: points and coupons.
//!
//! That points are booked once for an account, `biz_value` and `biz_token` is documented, and so is the code of a booking that
//! is there already. The name of the coupon's API, its parameters, its answer and its codes are not confirmed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rest::{Answer, Refusal, bad};

const BOOKED_BEFORE: u32 = 142_100_106;
const NO_COUPON: u32 = 160_540_301;
const NONE_LEFT: u32 = 160_540_321;

/// What the shop has to give, and who has what.
#[derive(Clone, Debug, Default)]
pub struct Wallet {
    /// By the coupon's number, how many are left.
    pub coupons: BTreeMap<u64, u32>,
    pub given: Vec<Given>,
    /// By account.
    pub points: BTreeMap<String, i64>,
    bookings: BTreeSet<(String, String, String)>,
}

/// A coupon that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub coupon: u64,
    /// Its own number.
    pub id: u64,
    pub account: String,
}

impl Wallet {
    /// How many of a coupon were given.
    pub fn given_of(&self, coupon: u64) -> usize {
        self.given.iter().filter(|given| given.coupon == coupon).count()
    }

    /// The accounts that were given points under this key: an errand's id.
    pub fn booked(&self, key: &str) -> Vec<&str> {
        let bookings = self.bookings.iter().filter(|(_, value, token)| value == key && token == key);
        bookings.map(|(account, ..)| account.as_str()).collect()
    }

    /// How often points were booked, by whatever key.
    pub fn bookings(&self) -> usize {
        self.bookings.len()
    }

    pub(super) fn book(&mut self, asked: &Value) -> Answer {
        let params = &asked["params"];
        let text = |value: &Value, name: &str| value.as_str().map(str::to_owned).ok_or_else(|| bad(name));
        let user = &params["user"];
        if !user["account_type"].as_u64().is_some_and(|kind| [1, 2, 3, 5].contains(&kind)) {
            return Err(bad("account_type"));
        }
        let account = text(&user["account_id"], "account_id")?;
        let points = params["points"].as_i64().filter(|points| *points > 0).ok_or_else(|| bad("points"))?;
        text(&params["reason"], "reason")?;
        let key = (
            account.clone(),
            text(&params["biz_value"], "biz_value")?,
            text(&params["biz_token"], "biz_token")?,
        );
        if !self.bookings.insert(key) {
            return Err(Refusal::Api(BOOKED_BEFORE, "重复请求".to_owned()));
        }
        *self.points.entry(account).or_default() += points;
        Ok(json!({"is_success": "true"}))
    }

    pub(super) fn give(&mut self, asked: &Value) -> Answer {
        let coupon = asked["coupon_group_id"].as_u64().ok_or_else(|| bad("coupon_group_id"))?;
        let account = ["yz_open_id", "mobile", "fans_id"].iter().find_map(|name| asked[*name].as_str());
        let account = account.ok_or_else(|| bad("yz_open_id"))?.to_owned();
        let no = |code: u32, why: &str| Refusal::Api(code, why.to_owned());
        let left = self.coupons.get_mut(&coupon).ok_or_else(|| no(NO_COUPON, "优惠券不存在"))?;
        *left = left.checked_sub(1).ok_or_else(|| no(NONE_LEFT, "优惠券已领完"))?;
        let id = 5_500_000 + self.given.len() as u64;
        self.given.push(Given { coupon, id, account });
        Ok(json!({"coupon_type": "PROMOCARD", "promocard": {"id": id, "promocard_id": coupon}}))
    }
}
