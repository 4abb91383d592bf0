//! What customers make of what reached them, through the real host: joined by its windows across channels, told by whoever
//! carried it and by nobody else, and shown wherever intents are.

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::{WECOM, YOUZAN};
use tests::wecom::{Change, Contact, WecomEvent};
use tests::youzan::{self, Account, NamedBy, Push, TradeStep};

use crate::courier::{DAY_MS, HOUR_MS, STAFF, add, broadcast, fate, fates, her, send, set};
use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;
const PHONE: &str = "19900000001";
pub const OPEN_ID: &str = "YzPerson00000000000001";

const WINDOWS: &str = "\n[courier.outcomes]\nreplied = \"2d\"\nbought = \"7d\"\n";

/// The customer of staff is the buyer of the shop: staff wrote her phone down, and the shop knows it.
pub async fn is_known_in_the_shop(stage: &Stage) {
    noted_down(stage).await;
    let push = Push::customer(&account(), NamedBy::OpenId, true, true, stage.on.clock.now_ms());
    assert!(stage.on.youzan.push(&stage.host.hook(YOUZAN), &push).await.is_accepted());
}

/// Staff write her phone down in WeCom.
pub async fn noted_down(stage: &Stage) {
    let relation = |corp: &mut tests::wecom::corp::Corp| {
        corp.relation_mut(STAFF, &her(1)).unwrap().remark_mobiles = vec![PHONE.to_owned()];
    };
    relation(&mut stage.on.wecom.corp());
    let contact = Contact { staff: STAFF.to_owned(), external_userid: her(1) };
    let event = WecomEvent { at_s: stage.on.clock.now_s(), change: Change::ContactEdited { contact } };
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
}

pub fn account() -> Account {
    Account {
        yz_open_id: OPEN_ID.to_owned(),
        fans_id: 8_800_001,
        mobile: PHONE.to_owned(),
        name: "小满".to_owned(),
        gender: 2,
        birthday: "1995-05-05".to_owned(),
    }
}

pub fn order(tid: &str, at: u64, coupon_id: Option<u64>) -> youzan::Order {
    youzan::Order {
        tid: tid.to_owned(),
        buyer: youzan::Buyer {
            yz_open_id: OPEN_ID.to_owned(),
            fans_id: 8_800_001,
            openid: "oOpen00000000000000000000001".to_owned(),
            mobile: PHONE.to_owned(),
            name: "小满".to_owned(),
            province: "浙江省".to_owned(),
            city: "杭州市".to_owned(),
        },
        lines: vec![youzan::Line {
            oid: "1999".to_owned(),
            item_id: 900_001,
            sku_id: 800_001,
            title: "面霜".to_owned(),
            units: 1,
            price_fen: 12_800,
            outer_item_id: "cream".to_owned(),
            outer_sku_id: "cream-50".to_owned(),
            spec: "50ml".to_owned(),
        }],
        post_fen: 0,
        discount_fen: 0,
        coupon_id,
        subsidy_fen: 0,
        status: youzan::OrderStatus::WaitSellerSendGoods,
        created_ms: at,
        paid_ms: Some(at),
        shipped_ms: None,
        succeeded_ms: None,
        updated_ms: at,
        close_type: 0,
    }
}

/// She pays an order, and the shop pushes it.
pub async fn pays(stage: &Stage, tid: &str, at: u64, coupon_id: Option<u64>) {
    stage.advance(at).await;
    let order = order(tid, at, coupon_id);
    stage.on.youzan.shop().place(order.clone());
    let document = stage.on.youzan.document(&order);
    let push = Push::trade(TradeStep::Paid, &order, &document, at);
    assert!(stage.on.youzan.push(&stage.host.hook(YOUZAN), &push).await.is_accepted());
}

async fn intents(stage: &Stage, query: &str) -> Vec<Value> {
    let page = stage.host.get(&format!("intents?{query}")).await.unwrap();
    page["intents"].as_array().unwrap().clone()
}

/// Staff send it, she buys in the shop before the host has heard of either, and both find each other.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_in_the_shop_is_what_came_of_a_message() {
    let mut stage = set(Tenant { rules: WINDOWS.to_owned(), ..Tenant::default() }).await;
    add(&stage, 1, None).await;
    add(&stage, 2, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    is_known_in_the_shop(&stage).await;
    stage.advance(START_MS + 5 * MINUTE_MS).await;
    let rendering = "scene = \"direct-message\"\ntext = \"新品到了\"";
    stage = send(stage, "new", rendering).await;
    stage.advance(START_MS + 10 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "new").await, vec![fate("awaiting_staff", ""); 2]);
    assert_eq!(stage.on.wecom.confirm_all(STAFF), 2);
    pays(&stage, "E20261120101112000000001", START_MS + 20 * MINUTE_MS, None).await;
    stage.advance(START_MS + 6 * HOUR_MS).await;
    assert_eq!(fates(&stage, "new").await, vec![fate("confirmed", ""); 2]);

    let bought = intents(&stage, "reaction=bought").await;
    let [bought] = bought.as_slice() else { panic!("{bought:?}") };
    let reaction = &bought["reactions"][0];
    assert_eq!((&reaction["kind"], &reaction["joined"]), (&json!("bought"), &json!(true)), "{bought}");
    assert_eq!(reaction["order"], "E20261120101112000000001");
    let reached = bought["reached"].as_u64().unwrap();
    assert!(reached <= START_MS + 10 * MINUTE_MS, "it reached her when staff sent it: {bought}");
    assert!(intents(&stage, "reaction=replied").await.is_empty());

    let file = broadcast(&stage, "new", rendering);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
    let listed = cli_text(&stage.config, &["intent", "list"]).unwrap();
    assert_eq!(listed.matches("bought").count(), 1, "{listed}");
    let counted = cli_json(&stage.config, &["intent", "count"]).unwrap();
    let of = json!([{"scene": "direct-message", "reaction": "bought", "intents": 1, "joined": 1}]);
    assert_eq!(counted["reactions"], of, "{counted}");
    let results = cli_json(&stage.config, &["broadcast", "results", file.to_str().unwrap()]).unwrap();
    let scene = &results["scenes"][0];
    assert_eq!((&scene["intents"], &scene["reached"], &scene["orders"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(results["reached"], json!({"customers": 2, "bought_since": 1}), "{results}");
    let words = cli_text(&stage.config, &["broadcast", "results", file.to_str().unwrap()]).unwrap();
    assert!(words.contains("bought") && words.contains("1 of 2"), "{words}");
    let table =
        cli_text(&stage.config, &["export", "intents", "--by", "lin", "--why", "monthly report"]).unwrap();
    assert_eq!(table.matches("\"\"bought\"\"").count(), 1, "{table}");

    // Without windows nothing is joined, and nobody is folded again for it.
    let text = std::fs::read_to_string(&stage.config).unwrap();
    std::fs::write(&stage.config, text.replace(WINDOWS, "")).unwrap();
    stage.host = tests::Host::start(&stage.config).await.unwrap();
    stage.advance(START_MS + 7 * HOUR_MS).await;
    assert!(intents(&stage, "reaction=bought").await.is_empty());
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

/// A connector that says of an errand, whose id is the request's body, that she has it.
fn liar() -> Vec<u8> {
    let words = |words: &[u32]| -> String {
        words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
    };
    let who = words(&[3000, 5, 3100, 0, 3200, u32::try_from(PHONE.len()).unwrap()]);
    let scheme = format!("{}\\01\\00\\00\\00", words(&[3000, 5]));
    let descriptor = words(&[3700, 4, 3700, 4, 3600, 2, 3400, 1, 0, 0, 0, 0]);
    let fields = format!(
        r#"(data (i32.const 3000) "phone")
        (data (i32.const 3200) "{PHONE}")
        (data (i32.const 3300) "{who}")
        (data (i32.const 3400) "{scheme}")
        (data (i32.const 3500) "{descriptor}")
        (data (i32.const 3600) "{{}}")
        (data (i32.const 3700) "liar")
        (func $describe (result i32) (i32.const 3500))"#
    );
    guests::frame::webhook(
        &fields,
        "(drop (call $answer))
        (i32.store (i32.const 2048) (local.get 10))
        (i32.store offset=4 (i32.const 2048) (local.get 11))
        (i32.store offset=16 (i32.const 2048) (i32.const 3300))
        (i32.store offset=20 (i32.const 2048) (i32.const 1))
        ;; It is a receipt: confirmed.
        (i32.store8 offset=40 (i32.const 2048) (i32.const 6))
        (i32.store offset=48 (i32.const 2048) (local.get 10))
        (i32.store offset=52 (i32.const 2048) (local.get 11))
        (i32.store8 offset=56 (i32.const 2048) (i32.const 1))
        (i32.store offset=4 (i32.const 512) (i32.const 2048))
        (i32.store offset=8 (i32.const 512) (i32.const 1))
        (i32.const 512)",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_tells_of_an_errand_that_another_carried() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("liar.wasm");
    let rules = format!(
        "\n[[connection]]\nname = \"liar\"\nplugin = {plugin:?}\nshares = [\"phone\"]\n[connection.settings]\n"
    );
    std::fs::write(&plugin, liar()).unwrap();
    let stage = set(Tenant { policies: Vec::new(), rules, ..Tenant::default() }).await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    noted_down(&stage).await;
    let stage = send(stage, "new", "scene = \"direct-message\"\ntext = \"新品到了\"").await;
    stage.advance(START_MS + 2 * MINUTE_MS).await;
    let errand = intents(&stage, "").await[0]["id"].as_str().unwrap().to_owned();
    let client = tests::web::client(std::time::Duration::from_secs(60)).unwrap();
    let told = client.post(stage.host.hook("liar")).body(errand.clone()).send().await.unwrap();
    assert_eq!(told.status(), 200);
    stage.advance(START_MS + 3 * MINUTE_MS).await;

    assert_eq!(fates(&stage, "new").await, [fate("awaiting_staff", "")]);
    let notes = stage.host.get("notes").await.unwrap();
    let stray = &notes["notes"][0]["note"]["stray_receipt"];
    let told = (&stray["intent"], &stray["source"], &stray["carrier"], &stray["step"]);
    let wecom = json!(WECOM);
    assert_eq!(told, (&json!(errand), &json!("liar"), &wecom, &json!("confirmed")), "{notes}");
    let metrics = stage.host.metrics().await.unwrap();
    let strays = metrics.iter().find(|sample| sample.name == "heliu_receipts_stray").unwrap();
    assert_eq!((strays.labels["plugin"].as_str(), strays.value), ("liar", 1.0), "{strays:?}");
    // Who carried it is believed.
    assert_eq!(stage.on.wecom.confirm_all(STAFF), 1);
    stage.advance(START_MS + DAY_MS).await;
    assert_eq!(fates(&stage, "new").await, [fate("confirmed", "")]);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
    let strays = cli_text(&stage.config, &["intent", "strays"]).unwrap();
    assert!(strays.contains("liar says that int_") && strays.contains("wecom carried it"), "{strays}");
}
