//! TOP: the platform's own SDK, as others ported it to Python 3, against our simulator of the platform.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tests::receiver::{Received, Receiver};
use tests::tmall::{Buyer, Line, Receiver as Addressee, Trade, TradeStatus};
use tests::{SimClock, TmallConfig, TmallSim, beijing};

use super::ask;

const FULL: &str = "taobao.trade.fullinfo.get";
const INCREMENT: &str = "taobao.trades.sold.increment.get";
const TID: u64 = 2_600_000_000_000_000_001;

/// The peer has the machine's clock, and no other can be given to it.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

async fn sim(clock: &SimClock) -> TmallSim {
    let sim = TmallSim::start(TmallConfig::demo(clock.clone())).await.unwrap();
    sim.shop().place(trade(clock.now_ms()));
    sim
}

fn trade(at_ms: u64) -> Trade {
    let line = Line {
        oid: TID + 1,
        num_iid: 680_000_000_001,
        sku_id: 5_000_000_000_001,
        title: "面霜".into(),
        spec: "50ml".into(),
        units: 1,
        price_fen: 6_400,
        outer_iid: "SPU-1".into(),
        outer_sku_id: "SKU-1".into(),
    };
    Trade {
        tid: TID,
        kind: "guarantee_trade",
        buyer: Buyer { nick: "tb_1".into(), open_uid: "AAHopen".into(), ouid: "OUID".into() },
        receiver: Addressee {
            name: "张三".into(),
            mobile: "19900000001".into(),
            state: "浙江省".into(),
            city: "杭州市".into(),
            district: "西湖区".into(),
            address: "示例路1号".into(),
        },
        lines: vec![line],
        post_fen: 0,
        discount_fen: 0,
        status: TradeStatus::WaitBuyerPay,
        created_ms: at_ms,
        paid_ms: None,
        shipped_ms: None,
        ended_ms: None,
        modified_ms: at_ms,
    }
}

/// What the peer is told: where, who it is, and what to ask.
struct Question {
    base_url: String,
    app_key: String,
    secret: String,
    session: Option<String>,
    method: &'static str,
    parameters: Map<String, Value>,
}

impl Question {
    fn of(sim: &TmallSim, method: &'static str, parameters: &Value) -> Question {
        let config = sim.config();
        Question {
            base_url: sim.base_url(),
            app_key: config.app_key.clone(),
            secret: config.app_secret.clone(),
            session: sim.session(),
            method,
            parameters: parameters.as_object().unwrap().clone(),
        }
    }

    /// For one trade, with a value that a careless signature or encoding would trip over.
    fn of_a_trade(sim: &TmallSim) -> Question {
        let parameters = json!({"fields": "tid,status,title", "tid": TID, "nick": "小 满+&=%🧴"});
        Question::of(sim, FULL, &parameters)
    }

    async fn ask(&self) -> Value {
        let address = self.base_url.strip_prefix("http://").unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        let question = json!({
            "host": host, "port": port.parse::<u16>().unwrap(), "app_key": self.app_key, "secret": self.secret,
            "session": self.session, "method": self.method, "parameters": self.parameters,
        });
        ask("top.py", &question).await
    }

    async fn code(&self) -> Value {
        let answer = self.ask().await;
        assert!(answer["error"].is_object(), "no error: {answer}");
        answer["error"]["code"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_signature_of_a_call_to_top_is_taken() {
    let clock = SimClock::at(now_ms());
    let sim = sim(&clock).await;
    let answer = Question::of_a_trade(&sim).ask().await;
    let trade = &answer["answer"]["trade_fullinfo_get_response"]["trade"];
    assert_eq!((&trade["tid"], &trade["status"]), (&json!(TID), &json!("WAIT_BUYER_PAY")), "{answer}");
    let around = |ms: u64| beijing::text(ms);
    let window = json!({
        "fields": "tid,modified", "use_has_next": "true", "page_size": 10,
        "start_modified": around(clock.now_ms() - 60_000), "end_modified": around(clock.now_ms() + 60_000),
    });
    let answer = Question::of(&sim, INCREMENT, &window).ask().await;
    let listed = &answer["answer"]["trades_sold_increment_get_response"];
    assert_eq!(listed["trades"]["trade"][0]["tid"], TID, "{answer}");
    assert_eq!((sim.calls_of(FULL), sim.calls_of(INCREMENT)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_are_nobody_are_refused_by_top() {
    let sim = sim(&SimClock::at(now_ms())).await;
    let right = || Question::of_a_trade(&sim);
    assert_eq!(Question { secret: "another".into(), ..right() }.code().await, 25);
    assert_eq!(Question { app_key: "87654321".into(), ..right() }.code().await, 29);
    assert_eq!(Question { session: None, ..right() }.code().await, 26);
    let strange = Question { session: Some("6100strange".into()), ..right() }.ask().await;
    assert_eq!(strange["error"]["code"], 27, "{strange}");
    assert_eq!(strange["error"]["sub_code"], "invalid-sessionkey", "{strange}");
    let old = right();
    sim.expire_session();
    assert_eq!(old.code().await, 27);
    assert_eq!(Question { session: Some(sim.authorise_again()), ..old }.ask().await["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_timestamp_that_is_old_or_ahead_is_refused_by_top() {
    const MINUTE_MS: u64 = 60_000;
    let now = now_ms();
    // A test that runs for a minute must come to the same.
    for (clock_ms, refused) in [
        (now + 12 * MINUTE_MS, true),
        (now + 8 * MINUTE_MS, false),
        (now - 8 * MINUTE_MS, false),
        (now - 12 * MINUTE_MS, true),
    ] {
        let sim = sim(&SimClock::at(clock_ms)).await;
        let answer = Question::of_a_trade(&sim).ask().await;
        let expected = if refused { json!(31) } else { Value::Null };
        assert_eq!(answer["error"]["code"], expected, "{clock_ms} at {now}: {answer}");
    }
}

/// The peer's own request, caught on its way.
struct Caught {
    query: String,
    body: String,
}

impl Caught {
    async fn of(question: Question) -> Caught {
        let receiver = Receiver::start("{}").await.unwrap();
        let base_url = receiver.hook().trim_end_matches("/hook").to_owned();
        let answer = Question { base_url, ..question }.ask().await;
        assert_eq!(answer, json!({"answer": {}}));
        let Received { path_and_query, headers, body } = receiver.received().remove(0);
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        assert_eq!(kind, "application/x-www-form-urlencoded;charset=UTF-8");
        let query = path_and_query.strip_prefix("/router/rest?").unwrap().to_owned();
        Caught { query, body }
    }

    /// Sends it on to the simulator.
    async fn send(&self, sim: &TmallSim) -> Value {
        let client = tests::web::client(Duration::from_secs(10)).unwrap();
        let request = client.post(format!("{}/router/rest?{}", sim.base_url(), self.query));
        let request = request.header("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
        let answer = request.body(self.body.clone()).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    fn replacing(&self, from: &str, to: &str) -> Caught {
        let text = format!("{}\n{}", self.query, self.body);
        assert!(text.contains(from), "{from} is not in {text}");
        let replaced = text.replace(from, to);
        let (query, body) = replaced.split_once('\n').unwrap();
        Caught { query: query.to_owned(), body: body.to_owned() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_call_that_was_changed_after_signing_is_refused_by_top() {
    let sim = sim(&SimClock::at(now_ms())).await;
    let caught = Caught::of(Question::of_a_trade(&sim)).await;
    let answer = caught.send(&sim).await;
    assert_eq!(answer["trade_fullinfo_get_response"]["trade"]["tid"], TID, "{answer}");
    let tid = format!("tid={TID}");
    for (from, to) in [
        (tid.as_str(), "tid=2600000000000000002"),
        ("fields=", "fields=buyer_nick%2C"),
        ("%2B", "+"),
        ("session=6100", "session=6101"),
        (FULL, INCREMENT),
        ("sign=", "sign=0"),
        ("format=json", "format=json&include_oaid=true"),
        ("partner_id=tbk", "partner_id=abc"),
    ] {
        let answer = caught.replacing(from, to).send(&sim).await;
        assert_eq!(answer["error_response"]["code"], 25, "{from} → {to}: {answer}");
    }
    let without_fields = Caught { query: caught.query.clone(), body: tid };
    assert_eq!(without_fields.send(&sim).await["error_response"]["code"], 25);
    let answer = caught.send(&sim).await;
    assert_eq!(answer["trade_fullinfo_get_response"]["trade"]["tid"], TID, "{answer}");
}
