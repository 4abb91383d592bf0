//! Why a customer's order did not count: asked of the real policy, over HTTP and on the command line, and as of then.

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::youzan::{Buyer, Line, Order, OrderStatus};

use crate::stage::Stage;

const HOUR_MS: u64 = 3_600_000;
const ORDERED_MS: u64 = START_MS + 25 * HOUR_MS;
const TID: &str = "E20260311090000000000001";

/// An order of two bottles of serum that nobody paid yet.
fn order() -> Order {
    Order {
        tid: TID.into(),
        buyer: Buyer {
            yz_open_id: "YzPerson00000000000001".into(),
            fans_id: 8_800_001,
            openid: "oOpen00000000000000000000001".into(),
            mobile: "19900000001".into(),
            name: "张三".into(),
            province: "浙江省".into(),
            city: "杭州市".into(),
        },
        lines: vec![Line {
            oid: "1000000000000000001".into(),
            item_id: 900_001,
            sku_id: 800_001,
            title: "维C亮肤精华".into(),
            units: 2,
            price_fen: 25_900,
            outer_item_id: "serum-vc".into(),
            outer_sku_id: "serum-vc-30ml".into(),
            spec: "30ml".into(),
        }],
        post_fen: 0,
        discount_fen: 0,
        coupon_id: None,
        subsidy_fen: 0,
        status: OrderStatus::WaitBuyerPay,
        created_ms: ORDERED_MS,
        paid_ms: None,
        shipped_ms: None,
        succeeded_ms: None,
        updated_ms: ORDERED_MS,
        close_type: 0,
    }
}

async fn why_not(stage: &Stage, id: &str, rest: &str) -> Value {
    let path = format!("customers/{id}/why-not?policy=repurchase&tag=suppress:serum{rest}");
    stage.host.get(&path).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_not_paid_does_not_count_and_why_not_says_so() {
    let stage = Stage::set(&Tenant::default()).await;
    stage.advance(START_MS + 24 * HOUR_MS).await;
    stage.on.youzan.shop().place(order());
    for hour in [27, 28] {
        stage.advance(START_MS + hour * HOUR_MS).await;
    }
    let customers = stage.host.customers().await.unwrap();
    let id = customers[0]["id"].as_str().unwrap();

    let told = why_not(&stage, id, "").await;
    assert_eq!(told["code"], "decided-otherwise", "{told}");
    let line = &told["lines"][0];
    assert_eq!((&line["fact"], &line["shown"]), (&json!("bought.placed"), &json!(true)), "{told}");
    assert!(line["fuel"].as_u64().unwrap() > 1000, "a real turn costs fuel: {told}");
    assert_eq!(told["at"]["agrees"], true, "{told}");
    let before = told["at"]["position"].as_u64().unwrap();

    // She pays, and it counts; as of before that it does not.
    stage.on.youzan.shop().pay(TID, START_MS + 29 * HOUR_MS).unwrap();
    for hour in [31, 32] {
        stage.advance(START_MS + hour * HOUR_MS).await;
    }
    assert_eq!(why_not(&stage, id, "").await["code"], "holds");
    assert_eq!(why_not(&stage, id, &format!("&at={before}")).await["code"], "decided-otherwise");
    let tags = stage.host.get(&format!("customers/{id}/tags?at={before}")).await.unwrap();
    let suppressed = |tags: &Value| tags.to_string().contains("suppress:serum");
    assert!(
        !suppressed(&tags) && suppressed(&stage.host.get(&format!("customers/{id}/tags")).await.unwrap())
    );

    // The command line says the same beside the running host.
    let text = cli_text(&stage.config, &["customer", "why", id, "tag", "suppress:serum"]).unwrap();
    assert!(text.contains("of a call with this turn alone"), "{text}");
    let since = cli_json(&stage.config, &["customer", "since", id, "--tag", "suppress:serum"]).unwrap();
    assert!(since["position"].as_u64().unwrap() > before && since["by"] == "record", "{since}");
    let mut arguments =
        vec!["customer", "why-not", id, "--policy", "behaviour-tags", "--tag", "suppress:mask"];
    let text = cli_text(&stage.config, &arguments).unwrap();
    assert!(text.contains("tag \"suppress:mask\": undeclared: ") && !text.contains("1970"), "{text}");
    arguments.truncate(5);
    let told = cli_json(&stage.config, &arguments).unwrap();
    assert!(told["lines_all"].as_u64().unwrap() >= 2, "{told}");
}
