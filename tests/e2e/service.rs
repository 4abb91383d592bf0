//! What a customer says in WeCom's customer service, through the real host: it is an answer to what had reached her, heard when
//! it rings, and found when the ring got lost.

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::cli_text;
use tests::tenant::WECOM;

use crate::courier::{DAY_MS, HOUR_MS, STAFF, add, her, send, set};
use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;
const ACCOUNT: &str = "wkFabLeKF01";
const SYNC: &str = "kf/sync_msg";
const WINDOWS: &str = "\n[courier.outcomes]\nreplied = \"2d\"\n";

/// What each customer made of the broadcast, in their order.
async fn reactions(stage: &Stage) -> Vec<Value> {
    let page = stage.host.get("intents?binding=broadcast.new").await.unwrap();
    let kind = |intent: &Value| match &intent["reactions"][0] {
        Value::Null => Value::Null,
        reaction => json!([reaction["kind"], reaction["joined"]]),
    };
    page["intents"].as_array().unwrap().iter().map(kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_customer_service_is_what_came_of_a_message() {
    let mut stage = set(Tenant { rules: WINDOWS.to_owned(), ..Tenant::default() }).await;
    add(&stage, 1, None).await;
    add(&stage, 2, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    stage = send(stage, "new", "scene = \"direct-message\"\ntext = \"新品到了\"").await;
    stage.advance(START_MS + 2 * MINUTE_MS).await;
    assert_eq!(stage.on.wecom.confirm_all(STAFF), 2);
    stage.advance(START_MS + HOUR_MS).await;
    assert_eq!(reactions(&stage).await, [Value::Null, Value::Null]);

    // She writes three times, and it rings once.
    for text in ["在吗", "多少钱", "今天能发货吗"] {
        stage.on.wecom.write_to_service(ACCOUNT, &her(1), text);
    }
    let hook = stage.host.hook(WECOM);
    assert!(stage.on.wecom.ring(&hook, ACCOUNT).await.unwrap().is_accepted());
    stage.advance(START_MS + HOUR_MS + MINUTE_MS).await;
    let replied = json!(["replied", true]);
    assert_eq!(reactions(&stage).await, [replied.clone(), Value::Null]);
    let reads = stage.on.wecom.calls_of(SYNC);

    // The other one writes, and nobody hears of it until the feed is asked.
    stage.on.wecom.write_to_service(ACCOUNT, &her(2), "我也要");
    stage.advance(START_MS + HOUR_MS + 10 * MINUTE_MS).await;
    assert_eq!(reactions(&stage).await, [replied.clone(), Value::Null]);
    stage.advance(START_MS + 4 * HOUR_MS).await;
    assert_eq!(reactions(&stage).await, [replied.clone(), replied.clone()]);
    assert!(stage.on.wecom.calls_of(SYNC) > reads);

    // A ring for what was read already brings nothing twice.
    assert!(stage.on.wecom.ring(&hook, ACCOUNT).await.unwrap().is_accepted());
    stage.advance(START_MS + DAY_MS).await;
    let asked = format!("customers?handle=wecom.external-userid:ww0fab1e5c0de5a17e:{}", her(1));
    let customer = stage.host.get(&asked);
    let id = customer.await.unwrap()["customers"][0]["id"].as_str().unwrap().to_owned();
    let timeline = stage.host.get(&format!("customers/{id}/timeline?limit=200")).await.unwrap();
    let records = timeline["records"].as_array().unwrap().iter();
    let said =
        records.filter_map(|record| record["entry"]["event"]["event"]["fact"]["said"]["text"].as_str());
    assert_eq!(said.collect::<Vec<_>>(), ["在吗", "多少钱", "今天能发货吗"]);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}
