//! `/auth/token` and the APIs, with the platform's three ways to say no.
//!
//! Authorisation fails as `{success, code, message}`, the gateway as `{"gw_err_resp": {…}}` with HTTP
//! status 200, an API as `{trace_id, code, success: false, message}`. The codes of API failures and the
//! parameters of the refund search are not confirmed; the rest is documented.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Inside;
use super::shape::{self, View};
use super::shop::{Order, Refund, Shop};
use crate::beijing::{self, Civil};
use crate::digest::md5_hex;

const PAGE_NO_MAX: u64 = 100;
const PAGE_SIZE_MAX: u64 = 100;
const PAGE_SIZE_DEFAULT: u64 = 20;
/// Rows that one query can reach.
const ROWS_MAX: usize = 10_000;
const WINDOW_MONTHS_MAX: u64 = 3;
/// `page_no × page_size` of the refund search.
const REFUND_ROWS_MAX: u64 = 3_000;

pub(super) enum Refusal {
    /// `gw_err_resp`.
    Gateway(u32, &'static str),
    Api(u32, String),
}

pub(super) type Answer = Result<Value, Refusal>;

pub(super) fn bad(parameter: &str) -> Refusal {
    Refusal::Api(400, format!("参数错误: {parameter}"))
}

/// The shop's token: a silent grant gives the same one while it is valid, unless a fresh one is asked for.
#[derive(Default)]
pub(crate) struct Tokens {
    current: Option<(String, u64)>,
    past: Vec<String>,
    issued: u64,
}

impl Tokens {
    pub fn expire(&mut self) {
        self.past.extend(self.current.take().map(|(token, _)| token));
    }

    pub fn revoke(&mut self) {
        self.current = None;
        self.past.clear();
    }

    fn issue(&mut self, now_ms: u64, life_ms: u64, client_id: &str, refresh: bool) -> (String, u64) {
        if refresh || self.current.as_ref().is_some_and(|(_, until_ms)| *until_ms <= now_ms) {
            self.expire();
        }
        self.issued += 1;
        let number = self.issued.to_be_bytes();
        self.current
            .get_or_insert_with(|| (md5_hex(&[client_id.as_bytes(), &number]), now_ms + life_ms))
            .clone()
    }

    fn check(&self, token: Option<&String>, now_ms: u64) -> Result<(), Refusal> {
        let token = token.filter(|token| !token.is_empty()).ok_or(Refusal::Gateway(4201, "token missing"))?;
        let expired = Err(Refusal::Gateway(4202, "token expired"));
        match &self.current {
            Some((held, until_ms)) if held == token => {
                if *until_ms > now_ms {
                    Ok(())
                } else {
                    expired
                }
            }
            _ if self.past.contains(token) => expired,
            _ => Err(Refusal::Gateway(4203, "token unknown")),
        }
    }
}

pub(super) fn routes(inside: Arc<Inside>) -> Router {
    Router::new()
        .route("/auth/token", post(auth_token))
        .route("/api/{name}/{version}", post(api))
        .with_state(inside)
}

async fn auth_token(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    inside.count("auth/token");
    let config = &inside.config;
    let refuse = |code: u32, message: &str| Json(json!({"success": false, "code": code, "message": message}));
    let is_json = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"));
    let Some(asked) = serde_json::from_slice::<Value>(&body).ok().filter(|_| is_json) else {
        return refuse(1000, "the body must be JSON");
    };
    // Which of the token codes means what is not confirmed.
    if asked["client_id"] != json!(config.client_id) || asked["client_secret"] != json!(config.client_secret)
    {
        return refuse(1004, "client_id or client_secret");
    }
    let grant = &asked["grant_id"];
    let names_shop = *grant == json!(config.kdt_id) || *grant == json!(config.kdt_id.to_string());
    if asked["authorize_type"] != json!("silent") || !names_shop {
        return refuse(1005, "authorize_type or grant_id");
    }
    let refresh = asked["refresh"].as_bool().unwrap_or(false);
    let (token, until_ms) =
        inside.tokens.lock().issue(config.clock.now_ms(), config.token_life_ms, &config.client_id, refresh);
    Json(json!({"success": true, "code": 200, "message": "", "data": {
        "access_token": token,
        "expires": until_ms,
        "scope": "trade trade_advanced scrm",
        "authority_id": config.kdt_id.to_string(),
    }}))
}

async fn api(
    State(inside): State<Arc<Inside>>,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Json<Value> {
    inside.count(&name);
    let trace_id = format!("yz-{}", md5_hex(&[name.as_bytes(), &body]).split_at(12).0);
    let answer = inside.answer(&name, &version, query.get("access_token"), &body);
    Json(match answer {
        Ok(data) => {
            json!({"trace_id": trace_id, "code": 200, "success": true, "message": "successful", "data": data})
        }
        Err(Refusal::Api(code, message)) => {
            json!({"trace_id": trace_id, "code": code, "success": false, "message": message, "data": null})
        }
        Err(Refusal::Gateway(code, message)) => {
            json!({"gw_err_resp": {"trace_id": trace_id, "err_code": code, "err_msg": message}})
        }
    })
}

impl Inside {
    fn count(&self, api: &str) {
        *self.calls.lock().entry(api.to_owned()).or_default() += 1;
    }

    fn answer(&self, name: &str, version: &str, token: Option<&String>, body: &[u8]) -> Answer {
        self.tokens.lock().check(token, self.config.clock.now_ms())?;
        self.spend_limit()?;
        let asked: Value =
            serde_json::from_slice(body).map_err(|_| Refusal::Gateway(4004, "the body is not JSON"))?;
        let mut shop = self.shop.lock();
        match (name, version) {
            ("youzan.trades.sold.get", "4.0.4") => self.trades_sold(&shop, &asked),
            ("youzan.trade.get", "4.0.0") => {
                let order =
                    asked["tid"].as_str().and_then(|tid| shop.orders.get(tid)).ok_or_else(|| bad("tid"))?;
                Ok(shape::trade(&self.config, &shop, order, View::Detail))
            }
            ("youzan.trade.refund.get", "3.0.1") => {
                let refund = asked["refund_id"].as_str().and_then(|id| shop.refunds.get(id));
                Ok(shape::refund(&self.config, refund.ok_or_else(|| bad("refund_id"))?))
            }
            ("youzan.trade.refund.search", "3.0.1") => self.refunds(&shop, &asked),
            ("youzan.crm.customer.points.increase", "4.0.0") => self.lost(name, shop.wallet.book(&asked)),
            ("youzan.ump.coupon.take", "3.0.0") => self.lost(name, shop.wallet.give(&asked)),
            _ => Err(Refusal::Gateway(4001, "no such api")),
        }
    }

    /// What was done, unless its answer is to get lost.
    fn lost(&self, name: &str, answer: Answer) -> Answer {
        let mut lost = self.answers_to_lose.lock();
        match lost.iter().position(|api| api == name) {
            Some(place) => {
                lost.remove(place);
                Err(Refusal::Gateway(5001, "service timeout"))
            }
            None => answer,
        }
    }

    fn spend_limit(&self) -> Result<(), Refusal> {
        let mut left = self.calls_to_limit.lock();
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        Err(Refusal::Gateway(4101, "rate limit"))
    }

    /// Newest created first. The platform's order within an update window is not confirmed, so a connector
    /// must not rest on it.
    fn trades_sold(&self, shop: &Shop, asked: &Value) -> Answer {
        let (page_no, page_size) = page(asked)?;
        let windows = [
            (window(asked, "created")?, (|order| Some(order.created_ms)) as fn(&Order) -> Option<u64>),
            (window(asked, "update")?, |order| Some(order.updated_ms)),
            (window(asked, "pay")?, |order| order.paid_ms),
            (window(asked, "success")?, |order| order.succeeded_ms),
        ];
        let is_asked = |order: &&Order| {
            let in_windows = windows.iter().all(|(window, time)| match window {
                None => true,
                // The platform's times have seconds, and both ends count.
                Some((from_ms, to_ms)) => {
                    time(order).is_some_and(|at_ms| (*from_ms..=*to_ms).contains(&(at_ms / 1000 * 1000)))
                }
            });
            let status = asked["status"].as_str().filter(|status| !status.is_empty() && *status != "ALL");
            let tid = asked["tid"].as_str().filter(|tid| !tid.is_empty());
            in_windows
                && status.is_none_or(|status| status == order.status.name())
                && tid.is_none_or(|tid| tid == order.tid)
        };
        let mut found: Vec<&Order> = shop.orders.values().filter(is_asked).collect();
        found.sort_by(|a, b| (b.created_ms, &b.tid).cmp(&(a.created_ms, &a.tid)));
        let rows = found.iter().take(ROWS_MAX).skip((page_no - 1) * page_size).take(page_size);
        let list: Vec<_> =
            rows.map(|order| shape::trade(&self.config, shop, order, View::ListOrPush)).collect();
        Ok(json!({"total_results": found.len(), "full_order_info_list": list}))
    }

    fn refunds(&self, shop: &Shop, asked: &Value) -> Answer {
        let (page_no, page_size) = page(asked)?;
        if (page_no * page_size) as u64 > REFUND_ROWS_MAX {
            return Err(bad("page_no × page_size"));
        }
        let bound = |name: &str| asked[name].as_u64();
        let (from_s, to_s) = (bound("update_time_start"), bound("update_time_end"));
        let (born_from_s, born_to_s) = (bound("create_time_start"), bound("create_time_end"));
        if from_s.is_some() != to_s.is_some() || born_from_s.is_some() != born_to_s.is_some() {
            return Err(bad("a time without its pair"));
        }
        let within = |at_ms: u64, from: Option<u64>, to: Option<u64>| {
            from.is_none_or(|from| from <= at_ms / 1000) && to.is_none_or(|to| at_ms / 1000 <= to)
        };
        let is_asked = |refund: &&Refund| {
            within(refund.updated_ms, from_s, to_s) && within(refund.created_ms, born_from_s, born_to_s)
        };
        let mut found: Vec<&Refund> = shop.refunds.values().filter(is_asked).collect();
        found.sort_by(|a, b| (b.created_ms, &b.refund_id).cmp(&(a.created_ms, &a.refund_id)));
        let rows = found.iter().skip((page_no - 1) * page_size).take(page_size);
        let list: Vec<_> = rows.map(|refund| shape::refund(&self.config, refund)).collect();
        Ok(json!({"total": found.len(), "refunds": list}))
    }
}

/// `page_no` from 1, `page_size` 20 unless asked otherwise.
fn page(asked: &Value) -> Result<(usize, usize), Refusal> {
    let number = |name: &str, default: u64, max: u64| match &asked[name] {
        Value::Null => Ok(default),
        given => given.as_u64().filter(|number| (1..=max).contains(number)).ok_or_else(|| bad(name)),
    };
    let page_no = number("page_no", 1, PAGE_NO_MAX)?;
    let page_size = number("page_size", PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)?;
    Ok((page_no as usize, page_size as usize))
}

/// `start_{of}` and `end_{of}`: both or neither, at most three months apart, as GMT+8 text.
fn window(asked: &Value, of: &str) -> Result<Option<(u64, u64)>, Refusal> {
    let (start, end) = (&asked[format!("start_{of}")], &asked[format!("end_{of}")]);
    if start.is_null() && end.is_null() {
        return Ok(None);
    }
    let time = |value: &Value| value.as_str().and_then(beijing::parse).ok_or_else(|| bad(of));
    let (from_ms, to_ms) = (time(start)?, time(end)?);
    if from_ms > to_ms || Civil::of(to_ms) > Civil::of(from_ms).plus_months(WINDOW_MONTHS_MAX) {
        return Err(bad(of));
    }
    Ok(Some((from_ms, to_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimClock;
    use crate::youzan::{Buyer, Line, OrderStatus, YouzanConfig, YouzanSim};

    const START_MS: u64 = 1_795_140_000_000;

    fn order(number: u64) -> Order {
        let created_ms = START_MS + number * 60_000;
        let buyer = Buyer {
            yz_open_id: "YzOpen".into(),
            fans_id: 1,
            openid: "oOpen".into(),
            mobile: "19900000001".into(),
            name: "张三".into(),
            province: "浙江省".into(),
            city: "杭州市".into(),
        };
        let line = |oid: &str, price_fen| Line {
            oid: oid.into(),
            item_id: 900_001,
            sku_id: 800_001,
            title: "面霜".into(),
            units: 2,
            price_fen,
            outer_item_id: "SPU-1".into(),
            outer_sku_id: "SKU-1".into(),
            spec: "50ml".into(),
        };
        Order {
            tid: format!("E{}{number:09}", beijing::digits(created_ms)),
            buyer,
            lines: vec![line("1", 6_400), line("2", 3_333)],
            post_fen: 800,
            discount_fen: 2_000,
            coupon_id: Some(70_001),
            subsidy_fen: 300,
            status: OrderStatus::WaitBuyerPay,
            created_ms,
            paid_ms: None,
            shipped_ms: None,
            succeeded_ms: None,
            updated_ms: created_ms,
            close_type: 0,
        }
    }

    async fn ask(sim: &YouzanSim, api: &str, token: &str, body: Value) -> Value {
        let url = format!("{}/api/{api}?access_token={token}", sim.base_url());
        crate::web::client(std::time::Duration::from_secs(5))
            .unwrap()
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn token(sim: &YouzanSim) -> (String, u64) {
        let config = sim.config();
        let body = json!({"client_id": config.client_id, "client_secret": config.client_secret, "authorize_type": "silent", "grant_id": config.kdt_id});
        let url = format!("{}/auth/token", sim.base_url());
        let answer: Value = crate::web::client(std::time::Duration::from_secs(5))
            .unwrap()
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        (
            answer["data"]["access_token"].as_str().unwrap().to_owned(),
            answer["data"]["expires"].as_u64().unwrap(),
        )
    }

    async fn sim() -> (YouzanSim, SimClock) {
        let clock = SimClock::at(START_MS);
        (YouzanSim::start(YouzanConfig::demo(clock.clone())).await.unwrap(), clock)
    }

    #[tokio::test]
    async fn pages_hold_each_order_once_newest_first() {
        let (sim, _) = sim().await;
        (0..45).for_each(|number| sim.shop().place(order(number)));
        let (token, _) = token(&sim).await;
        let asked = |page_no: u64| json!({"page_no": page_no, "start_update": "2026-11-20 10:00:00", "end_update": "2026-11-20 10:41:00"});
        let mut tids = Vec::new();
        for page_no in 1..=4 {
            let answer = ask(&sim, "youzan.trades.sold.get/4.0.4", &token, asked(page_no)).await;
            assert_eq!(answer["data"]["total_results"], 42, "{answer}");
            let rows = answer["data"]["full_order_info_list"].as_array().unwrap().clone();
            assert_eq!(rows.len(), [20, 20, 2, 0][page_no as usize - 1]);
            tids.extend(
                rows.iter()
                    .map(|row| row["full_order_info"]["order_info"]["tid"].as_str().unwrap().to_owned()),
            );
        }
        assert!(tids.is_sorted_by(|a, b| a > b));
        assert_eq!(tids.len(), 42);
    }

    #[tokio::test]
    async fn questions_beyond_the_limits_are_refused() {
        let (sim, _) = sim().await;
        let (token, _) = token(&sim).await;
        let too_much = [
            json!({"page_size": 101}),
            json!({"page_no": 101}),
            json!({"start_update": "2026-11-20 10:00:00"}),
            json!({"start_update": "2026-08-01 00:00:00", "end_update": "2026-11-02 00:00:00"}),
            json!({"start_created": "2026-11-20", "end_created": "2026-11-21"}),
        ];
        for asked in too_much {
            assert_eq!(
                ask(&sim, "youzan.trades.sold.get/4.0.4", &token, asked.clone()).await["success"],
                false,
                "{asked}"
            );
        }
        let unknown = ask(&sim, "youzan.trades.sold.get/1.0.0", &token, json!({})).await;
        assert_eq!(unknown["gw_err_resp"]["err_code"], 4001);
    }

    #[tokio::test]
    async fn the_gateway_knows_four_ways_to_refuse_a_token_or_a_call() {
        let (sim, clock) = sim().await;
        let (token, until_ms) = token(&sim).await;
        assert_eq!(until_ms, START_MS + 7 * 86_400_000);
        let code = async |token: &str| {
            ask(&sim, "youzan.trade.get/4.0.0", token, json!({})).await["gw_err_resp"]["err_code"].as_u64()
        };
        assert_eq!(code("").await, Some(4201));
        assert_eq!(code("stranger").await, Some(4203));
        sim.limit_next(1);
        assert_eq!(code(&token).await, Some(4101));
        clock.reach(until_ms);
        assert_eq!(code(&token).await, Some(4202));
    }

    #[tokio::test]
    async fn only_the_detail_says_what_was_really_paid() {
        let (sim, _) = sim().await;
        let tid = order(1).tid;
        sim.shop().place(order(1));
        sim.shop().pay(&tid, START_MS + 70_000);
        let (token, _) = token(&sim).await;
        let list = ask(&sim, "youzan.trades.sold.get/4.0.4", &token, json!({"tid": tid})).await;
        let listed = &list["data"]["full_order_info_list"][0]["full_order_info"];
        // 2 × 64.00 + 2 × 33.33 − 20.00 + 8.00
        assert_eq!(listed["pay_info"]["payment"], "182.66");
        assert_eq!(listed["pay_info"].get("real_payment"), None);
        let detail = ask(&sim, "youzan.trade.get/4.0.0", &token, json!({"tid": tid})).await;
        let detailed = &detail["data"]["full_order_info"];
        assert_eq!(detailed["pay_info"]["real_payment"], "179.66");
        assert_eq!(detailed["order_info"]["status"], "WAIT_SELLER_SEND_GOODS");
        assert_eq!(
            (&detailed["orders"][0]["payment"], &detailed["orders"][1]["payment"]),
            (&json!("114.85"), &json!("59.81"))
        );
    }

    #[tokio::test]
    async fn a_refund_is_asked_for_and_then_done() {
        let (sim, _) = sim().await;
        let tid = order(1).tid;
        sim.shop().place(order(1));
        sim.shop().pay(&tid, START_MS + 70_000);
        let asked = Refund {
            refund_id: "2026112000000051".into(),
            tid: tid.clone(),
            oids: vec!["1".into()],
            fee_fen: 5_800,
            returns_goods: true,
            reason: "过敏".into(),
            created_ms: START_MS + 80_000,
            updated_ms: START_MS + 80_000,
            done_ms: None,
        };
        let (token, _) = token(&sim).await;
        sim.shop().refund(asked.clone());
        let state =
            async || ask(&sim, "youzan.trade.get/4.0.0", &token, json!({"tid": tid})).await["data"].clone();
        assert_eq!(state().await["full_order_info"]["order_info"]["refund_state"], 1);
        sim.shop().refund(Refund {
            updated_ms: START_MS + 90_000,
            done_ms: Some(START_MS + 90_000),
            ..asked
        });
        assert_eq!(state().await["refund_order"][0]["refund_state"], 60);
        let detail =
            ask(&sim, "youzan.trade.refund.get/3.0.1", &token, json!({"refund_id": "2026112000000051"}))
                .await;
        assert_eq!(
            (&detail["data"]["refund_fee"], &detail["data"]["refund_fund_list"][0]["refund_fee"]),
            (&json!("58.00"), &json!(5_800))
        );
        let from_s = START_MS / 1000;
        let search = ask(
            &sim,
            "youzan.trade.refund.search/3.0.1",
            &token,
            json!({"update_time_start": from_s, "update_time_end": from_s + 90}),
        )
        .await;
        assert_eq!(search["data"]["total"], 1);
    }
}
