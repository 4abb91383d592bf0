//! The simulator as a client meets it over HTTP.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::*;
use crate::beijing::{self, DAY_MS, HOUR_MS, MINUTE_MS};

/// 2026-11-20 10:00:00 in GMT+8.
const START_MS: u64 = 1_795_140_000_000;
const TID: u64 = 2_600_000_000_000_000_001;
const INCREMENT: &str = "taobao.trades.sold.increment.get";
const FULL: &str = "taobao.trade.fullinfo.get";

fn trade(number: u64) -> Trade {
    let created_ms = START_MS + number * MINUTE_MS;
    let line = |oid: u64, price_fen: u64| Line {
        oid,
        num_iid: 680_000_000_001,
        sku_id: 5_000_000_000_001,
        title: "面霜".into(),
        spec: "50ml".into(),
        units: 2,
        price_fen,
        outer_iid: "SPU-1".into(),
        outer_sku_id: "SKU-1".into(),
    };
    let tid = TID + number * 1000;
    Trade {
        tid,
        kind: "guarantee_trade",
        buyer: Buyer { nick: "tb_1".into(), open_uid: "AAHopen".into(), ouid: "OUID".into() },
        receiver: Receiver {
            name: "张三".into(),
            mobile: "19900000001".into(),
            state: "浙江省".into(),
            city: "杭州市".into(),
            district: "西湖区".into(),
            address: "示例路1号".into(),
        },
        lines: vec![line(tid + 1, 6_400), line(tid + 2, 3_333)],
        post_fen: 800,
        discount_fen: 2_000,
        status: TradeStatus::WaitBuyerPay,
        created_ms,
        paid_ms: None,
        shipped_ms: None,
        ended_ms: None,
        modified_ms: created_ms,
    }
}

fn refund(line: u64, fee_fen: u64, state: RefundState, at_ms: u64) -> Refund {
    Refund {
        refund_id: 9_000_000_000_000_000_100 + line,
        tid: TID,
        oid: TID + line,
        fee_fen,
        dispute: Dispute::Refund,
        state,
        reason: "过敏".into(),
        created_ms: START_MS + HOUR_MS,
        modified_ms: at_ms,
    }
}

async fn sim() -> (TmallSim, SimClock) {
    let clock = SimClock::at(START_MS);
    (TmallSim::start(TmallConfig::demo(clock.clone())).await.unwrap(), clock)
}

struct Call<'a> {
    sim: &'a TmallSim,
    parameters: Vec<(String, String)>,
    signed_by: SignMethod,
}

impl<'a> Call<'a> {
    fn of(sim: &'a TmallSim, method: &str) -> Self {
        let config = sim.config();
        let public = [
            ("method", method),
            ("app_key", &config.app_key),
            ("session", &config.session),
            ("timestamp", &beijing::text(config.clock.now_ms())),
            ("v", "2.0"),
            ("format", "json"),
            ("fields", "tid,status"),
        ];
        let parameters = public.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { sim, parameters, signed_by: SignMethod::HmacSha256 }
    }

    /// An empty value takes the parameter away.
    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        let value = value.to_string();
        if !value.is_empty() {
            self.parameters.push((name.to_owned(), value));
        }
        self
    }

    fn window(self, from_ms: u64, to_ms: u64) -> Self {
        self.with("start_modified", beijing::text(from_ms)).with("end_modified", beijing::text(to_ms))
    }

    async fn send(mut self) -> String {
        self.parameters.push(("sign_method".to_owned(), self.signed_by.name().to_owned()));
        let sign = self.signed_by.sign(&self.sim.config().app_secret, &self.parameters);
        if !self.parameters.iter().any(|(name, _)| name == "sign") {
            self.parameters.push(("sign".to_owned(), sign));
        }
        let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs =
            self.parameters.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        let url = format!("{}/router/rest", self.sim.base_url());
        let request = crate::web::client(Duration::from_secs(5)).unwrap().post(url);
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let body = pairs.collect::<Vec<_>>().join("&");
        let answer = request.header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    async fn json(self) -> Value {
        let text = self.send().await;
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
    }

    async fn code(self) -> u64 {
        let answer = self.json().await;
        answer["error_response"]["code"].as_u64().unwrap_or_else(|| panic!("no error: {answer}"))
    }
}

async fn detail(sim: &TmallSim, fields: &str) -> Value {
    let call = Call::of(sim, FULL).with("fields", fields).with("tid", TID);
    call.json().await["trade_fullinfo_get_response"]["trade"].clone()
}

#[tokio::test]
async fn each_way_to_sign_is_taken_and_a_wrong_one_refused() {
    let (sim, _) = sim().await;
    sim.shop().place(trade(0));
    for signed_by in SignMethod::ALL {
        let call = Call { signed_by, ..Call::of(&sim, FULL).with("tid", TID).with("nick", "小 满+&=") };
        let answer = call.json().await;
        assert_eq!(answer["trade_fullinfo_get_response"]["trade"]["tid"], TID, "{answer}");
    }
    assert_eq!(Call::of(&sim, FULL).with("sign", "0".repeat(32)).code().await, 25);
}

#[tokio::test]
async fn the_gateway_says_what_is_wrong_by_the_platforms_codes() {
    let (sim, _) = sim().await;
    let late = beijing::text(START_MS + 11 * MINUTE_MS);
    let cases = [
        ("method", "", 21),
        ("method", "taobao.trade.get", 22),
        ("app_key", "", 28),
        ("app_key", "1", 29),
        ("timestamp", "", 30),
        ("timestamp", "1795140000", 31),
        ("timestamp", &late, 31),
        ("v", "", 32),
        ("v", "1.0", 33),
        ("session", "", 26),
        ("session", "6100strange", 27),
        ("fields", "", 40),
        ("tid", "", 40),
        ("tid", "E1", 41),
        ("tid", "1", 15),
    ];
    for (name, value, code) in cases {
        let call = Call::of(&sim, FULL).with("tid", TID).with(name, value);
        assert_eq!(call.code().await, code, "{name}={value}");
    }
    let xml = Call::of(&sim, FULL).with("format", "").send().await;
    assert!(xml.contains("<error_response><code>23</code>"), "{xml}");
    let client = crate::web::client(Duration::from_secs(5)).unwrap();
    let got = client.get(format!("{}/router/rest?format=json", sim.base_url())).send().await.unwrap();
    assert!(got.text().await.unwrap().contains("\"code\":9"));
}

#[tokio::test]
async fn a_timestamp_of_nine_minutes_ago_still_holds() {
    let (sim, clock) = sim().await;
    sim.shop().place(trade(0));
    let call = Call::of(&sim, FULL).with("tid", TID);
    clock.advance(9 * MINUTE_MS);
    assert_eq!(call.json().await["trade_fullinfo_get_response"]["trade"]["tid"], TID);
}

#[tokio::test]
async fn the_increment_is_read_page_by_page_newest_first() {
    let (sim, _) = sim().await;
    (0..95).for_each(|number| sim.shop().place(trade(number)));
    let window = |no: usize| {
        let call = Call::of(&sim, INCREMENT).window(START_MS + 10 * MINUTE_MS, START_MS + 92 * MINUTE_MS);
        call.with("page_no", no)
    };
    let mut tids = Vec::new();
    for (no, rows) in [(1, 40), (2, 40), (3, 2), (4, 0)] {
        let answer = window(no).json().await["trades_sold_increment_get_response"].clone();
        // Its begin is in the window and its end is not.
        assert_eq!((&answer["total_results"], answer.get("has_next")), (&Value::from(82), None));
        assert_eq!(answer.get("trades").is_some(), rows > 0, "an empty list is no key");
        let page = answer["trades"]["trade"].as_array().cloned().unwrap_or_default();
        assert_eq!(page.len(), rows);
        tids.extend(page.iter().map(|row| row["tid"].as_u64().unwrap()));
        let cheap =
            window(no).with("use_has_next", true).json().await["trades_sold_increment_get_response"].clone();
        assert_eq!((&cheap["has_next"], cheap.get("total_results")), (&Value::from(no < 3), None));
    }
    assert!(tids.is_sorted_by(|a, b| a > b));
    assert_eq!((tids.len(), tids[81]), (82, TID + 10_000));
}

#[tokio::test]
async fn questions_beyond_the_limits_are_refused() {
    let (sim, _) = sim().await;
    let asked = || Call::of(&sim, INCREMENT).window(START_MS, START_MS + DAY_MS);
    assert_eq!(asked().json().await["trades_sold_increment_get_response"]["total_results"], 0);
    let too_much = [
        (asked().window(START_MS, START_MS + DAY_MS + 1000), 41),
        (asked().window(START_MS, START_MS - 1000), 41),
        (asked().with("page_size", 101), 41),
        (asked().with("page_no", 0), 41),
        (asked().with("use_has_next", "yes"), 41),
        (asked().with("start_modified", ""), 40),
        (asked().with("end_modified", ""), 40),
        (asked().with("start_modified", "2026-11-20"), 41),
    ];
    for (number, (call, code)) in too_much.into_iter().enumerate() {
        assert_eq!(call.code().await, code, "case {number}");
    }
}

#[tokio::test]
async fn lists_show_three_months_the_usual_kinds_and_one_status() {
    let (sim, clock) = sim().await;
    let kinds = [(0, "guarantee_trade"), (1, "step"), (2, "hotel_trade")];
    kinds.iter().for_each(|(number, kind)| sim.shop().place(Trade { kind, ..trade(*number) }));
    sim.shop().pay(TID, START_MS + HOUR_MS);
    let total = async |call: Call<'_>| call.json().await["trades_sold_get_response"]["total_results"].clone();
    let sold = || Call::of(&sim, "taobao.trades.sold.get");
    assert_eq!(total(sold()).await, 2);
    assert_eq!(total(sold().with("type", "step,hotel_trade")).await, 2);
    assert_eq!(total(sold().with("status", "WAIT_SELLER_SEND_GOODS")).await, 1);
    assert_eq!(total(sold().with("start_created", beijing::text(START_MS + 30_000))).await, 1);
    clock.advance(93 * DAY_MS);
    assert_eq!(total(sold()).await, 0);
}

#[tokio::test]
async fn rows_of_lists_are_partial_and_fields_are_a_whitelist() {
    let (sim, _) = sim().await;
    sim.shop().place(trade(0));
    let fields = "tid,tid_str,buyer_open_uid,receiver_name,orders,promotion_details,oaid";
    let call = Call::of(&sim, INCREMENT).with("fields", fields).window(START_MS, START_MS + HOUR_MS);
    let row = call.json().await["trades_sold_increment_get_response"]["trades"]["trade"][0].clone();
    assert_eq!(row.as_object().unwrap().keys().collect::<Vec<_>>(), ["orders", "tid", "tid_str"]);
    assert_eq!(row["orders"]["order"][0].get("divide_order_fee"), None);
    let full = detail(&sim, fields).await;
    assert_eq!((&full["tid"], &full["tid_str"]), (&Value::from(TID), &Value::from(TID.to_string())));
    assert_eq!((&full["buyer_open_uid"], &full["receiver_name"]), (&"AAHopen".into(), &"张**".into()));
    assert_eq!(full["orders"]["order"][0]["divide_order_fee"], "114.85");
    assert_eq!((full.get("oaid"), full.get("payment")), (None, None));
}

#[tokio::test]
async fn an_oaid_lasts_a_week_and_is_the_receivers_not_the_buyers() {
    let (sim, _) = sim().await;
    let oaid = |trade: &Trade| shape::oaid(sim.config(), trade);
    let week = 7 * DAY_MS;
    let first = Trade { created_ms: START_MS / week * week, ..trade(0) };
    let buyer = Buyer { open_uid: "AAHsomebody".into(), ..first.buyer.clone() };
    assert_eq!(
        oaid(&first),
        oaid(&Trade { buyer, created_ms: first.created_ms + week - 1, ..first.clone() })
    );
    assert_ne!(oaid(&first), oaid(&Trade { created_ms: first.created_ms + week, ..first.clone() }));
    assert!(oaid(&first).len() <= 128);
    sim.shop().place(first.clone());
    let call = Call::of(&sim, FULL).with("tid", TID).with("include_oaid", "include_oaid");
    assert_eq!(call.json().await["trade_fullinfo_get_response"]["trade"]["oaid"], oaid(&first));
}

#[tokio::test]
async fn payment_moves_with_a_refund_and_no_field_keeps_what_was_paid() {
    let (sim, _) = sim().await;
    sim.shop().place(trade(0));
    let amounts = "status,payment,received_payment,num,orders.payment,orders.divide_order_fee,orders.refund_status,orders.status";
    sim.shop().pay(TID, START_MS + MINUTE_MS);
    // 2 × 64.00 + 2 × 33.33 − 20.00 + 8.00
    let paid = detail(&sim, amounts).await;
    assert_eq!((&paid["payment"], &paid["num"]), (&"182.66".into(), &0.into()));
    assert_eq!(paid["orders"]["order"][1]["payment"], "66.66");
    sim.shop().refund(refund(1, 5_800, RefundState::WaitSellerAgree, START_MS + 2 * HOUR_MS));
    assert_eq!(detail(&sim, "payment").await["payment"], "182.66");
    sim.shop().refund(refund(1, 5_800, RefundState::Success, START_MS + 3 * HOUR_MS));
    let moved = detail(&sim, amounts).await;
    assert_eq!((&moved["payment"], &moved["status"]), (&"124.66".into(), &"WAIT_SELLER_SEND_GOODS".into()));
    let line = &moved["orders"]["order"][0];
    assert_eq!((&line["divide_order_fee"], &line["refund_status"]), (&"56.85".into(), &"SUCCESS".into()));
    sim.shop().finish(TID, START_MS + 4 * HOUR_MS);
    assert_eq!(detail(&sim, amounts).await["received_payment"], "124.66");
    assert_eq!(sim.shop().trades[&TID].paid_fen(), 18_266);
}

#[tokio::test]
async fn a_trade_whose_lines_are_all_refunded_is_closed_unless_it_was_finished() {
    let (sim, _) = sim().await;
    let whole = |line: u64, index: usize| {
        let fee_fen = trade(0).line_cost_fen(index);
        refund(line, fee_fen, RefundState::Success, START_MS + 2 * HOUR_MS)
    };
    for is_finished in [false, true] {
        sim.shop().place(trade(0));
        sim.shop().pay(TID, START_MS + MINUTE_MS);
        if is_finished {
            sim.shop().finish(TID, START_MS + HOUR_MS);
        }
        sim.shop().refund(whole(1, 0));
        sim.shop().refund(whole(2, 1));
        let status = if is_finished { "TRADE_FINISHED" } else { "TRADE_CLOSED" };
        let shown = detail(&sim, "status,payment,orders.status").await;
        assert_eq!((&shown["status"], &shown["payment"]), (&status.into(), &"8.00".into()));
        assert_eq!(shown["orders"]["order"][0]["status"], "TRADE_CLOSED");
        sim.shop().refunds.clear();
    }
}

#[tokio::test]
async fn refunds_are_found_by_their_last_change() {
    let (sim, _) = sim().await;
    sim.shop().place(trade(0));
    sim.shop().pay(TID, START_MS + MINUTE_MS);
    sim.shop().refund(refund(1, 5_800, RefundState::WaitSellerAgree, START_MS + HOUR_MS));
    sim.shop().refund(refund(2, 1_000, RefundState::Success, START_MS + 2 * HOUR_MS));
    let exchange = Refund {
        refund_id: 7,
        dispute: Dispute::TmallExchange,
        ..refund(1, 100, RefundState::Success, START_MS + 3 * HOUR_MS)
    };
    sim.shop().refund(exchange);
    let fields = "refund_id,tid,oid,status,refund_fee,total_fee,payment,dispute_type,end_time,refund_version,buyer_open_uid,ouid";
    let call = || Call::of(&sim, "taobao.refunds.receive.get").with("fields", fields);
    let asked = call().window(START_MS + 90 * MINUTE_MS, START_MS + 3 * HOUR_MS).json().await;
    let answer = &asked["refunds_receive_get_response"];
    assert_eq!(answer["total_results"], 1, "{answer}");
    let row = &answer["refunds"]["refund"][0];
    assert_eq!(row["refund_id"], "9000000000000000102");
    assert_eq!((&row["tid"], &row["ouid"]), (&Value::from(TID), &"OUID".into()));
    assert_eq!(
        (&row["total_fee"], &row["refund_fee"], &row["payment"]),
        (&"59.81".into(), &"10.00".into(), &"49.81".into())
    );
    assert_eq!(row["end_time"], beijing::text(START_MS + 2 * HOUR_MS));
    let waiting = call().with("status", "WAIT_SELLER_AGREE").json().await;
    assert_eq!(waiting["refunds_receive_get_response"]["refunds"]["refund"][0].get("end_time"), None);
    // An exchange moves no money.
    assert_eq!(sim.shop().refunded_fen(TID), 1_000);
}

#[tokio::test]
async fn failures_and_a_session_that_expires_are_made_by_the_test() {
    let (sim, _) = sim().await;
    sim.shop().place(trade(0));
    let asked = || Call::of(&sim, FULL).with("tid", TID);
    for (failure, code, sub_code) in [
        (Failure::CallLimited, 7, "isp.call-limited"),
        (Failure::AppQuotaUsed, 7, "isv.call-limited"),
        (Failure::RemoteTrouble, 15, "isp.remote-service-error"),
    ] {
        sim.fail_next(2, failure);
        for _ in 0..2 {
            let error = asked().json().await["error_response"].clone();
            assert_eq!((&error["code"], &error["sub_code"]), (&code.into(), &sub_code.into()));
        }
    }
    assert_eq!(asked().json().await["trade_fullinfo_get_response"]["trade"]["tid"], TID);
    sim.expire_session();
    assert_eq!((asked().code().await, sim.session()), (27, None));
    let session = sim.authorise_again();
    assert_eq!(asked().code().await, 27);
    assert_eq!(
        asked().with("session", session).json().await["trade_fullinfo_get_response"]["trade"]["tid"],
        TID
    );
    assert_eq!(sim.calls_of(FULL), 10);
}

#[tokio::test]
async fn simplify_flattens_lists() {
    let (sim, _) = sim().await;
    sim.shop().place(trade(0));
    let call = Call::of(&sim, "taobao.trades.sold.get").with("simplify", true);
    assert_eq!(call.json().await["trades_sold_get_response"]["trades"][0]["tid"], TID);
}
