//! Points and coupons, through the real host and the real connector into a shop: each once, and what came of them.

use serde_json::json;
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli, cli_json, cli_text};
use tests::tenant::YOUZAN;
use tests::youzan::{NamedBy, Push};

use crate::courier::{DAY_MS, HOUR_MS, add, fate, fates, send, set};
use crate::outcomes::{OPEN_ID, account, is_known_in_the_shop, pays};
use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;
const COUPON: u64 = 70_001;
const GIVE: &str = "youzan.ump.coupon.take";
const BOOK: &str = "youzan.crm.customer.points.increase";

const BOTH: &str = "scene = \"coupon\"\ndetail = { coupon = \"70001\" }\n\n\
                    [[rendering]]\nscene = \"points\"\ndetail = { points = 100, reason = \"生日\" }";

/// Her shop has a few coupons, and she is known in it.
async fn shop() -> Stage {
    let stage = set(Tenant::default()).await;
    stage.on.youzan.shop().wallet.coupons.insert(COUPON, 5);
    add(&stage, 1, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    is_known_in_the_shop(&stage).await;
    stage.advance(START_MS + 5 * MINUTE_MS).await;
    stage
}

async fn taken(stage: &Stage, at: u64) {
    stage.advance(at).await;
    let push = Push::coupon(&account(), COUPON, "CP2611", false, at);
    assert!(stage.on.youzan.push(&stage.host.hook(YOUZAN), &push).await.is_accepted());
    stage.advance(at + MINUTE_MS).await;
}

fn has(stage: &Stage) -> (usize, Option<i64>) {
    let shop = stage.on.youzan.shop();
    (shop.wallet.given_of(COUPON), shop.wallet.points.get(OPEN_ID).copied())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_and_points_reach_her_and_the_order_paid_with_it_is_its_outcome() {
    let stage = shop().await;
    let stage = send(stage, "birthday", BOTH).await;
    stage.advance(START_MS + 10 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "birthday").await, vec![fate("sent", ""); 2]);
    assert_eq!(has(&stage), (1, Some(100)));
    taken(&stage, START_MS + 20 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "birthday").await, [fate("confirmed", ""), fate("sent", "")]);
    pays(&stage, "E20261120101112000000001", START_MS + HOUR_MS, Some(COUPON)).await;
    // A day later the feed has read the order, too, and its detail.
    stage.advance(START_MS + DAY_MS).await;
    let page = stage.host.get("intents?reaction=bought").await.unwrap();
    let intents = page["intents"].as_array().unwrap();
    assert_eq!(intents.len(), 1, "{page}");
    assert_eq!(
        (&intents[0]["scene"], &intents[0]["reactions"][0]["joined"]),
        (&json!("coupon"), &json!(false))
    );
    assert_eq!(intents[0]["reactions"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(has(&stage), (1, Some(100)));
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_gives_nobody_two_coupons_or_twice_the_points() {
    let stage = shop().await;
    stage.on.youzan.lose_next_answer(GIVE);
    stage.on.youzan.lose_next_answer(BOOK);
    let stage = send(stage, "birthday", BOTH).await;
    stage.advance(START_MS + 10 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "birthday").await[0], fate("failed", "fault"));
    assert_eq!(has(&stage).0, 1);
    // Points are booked under the errand's id: the booking that is there is found.
    stage.advance(START_MS + 2 * HOUR_MS).await;
    assert_eq!(fates(&stage, "birthday").await[1], fate("sent", ""));
    assert_eq!((has(&stage), stage.on.youzan.calls_of(BOOK)), ((1, Some(100)), 2));
    // That she has the coupon is told by the push.
    taken(&stage, START_MS + 3 * HOUR_MS).await;
    assert_eq!(fates(&stage, "birthday").await, [fate("confirmed", ""), fate("sent", "")]);
    assert_eq!(stage.on.youzan.calls_of(GIVE), 1);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

/// A broadcast to everybody who has a handle.
fn to_everybody(stage: &Stage, name: &str, rest: &str) -> std::path::PathBuf {
    let path = stage.folder.path().join(format!("{name}.toml"));
    std::fs::write(&path, format!("name = \"{name}\"\nfilter = 'size(schemes) > 0'\n{rest}")).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn each_gets_the_first_rendering_that_can_be_played_to_her() {
    let stage = set(Tenant::default()).await;
    add(&stage, 1, None).await;
    // The shop's customer is nobody's friend in WeCom.
    let push = Push::customer(&account(), NamedBy::OpenId, true, true, stage.on.clock.now_ms());
    assert!(stage.on.youzan.push(&stage.host.hook(YOUZAN), &push).await.is_accepted());
    stage.advance(START_MS + MINUTE_MS).await;
    let file = to_everybody(
        &stage,
        "spring",
        "play = \"first\"\n[[rendering]]\nscene = \"direct-message\"\ntext = \"春天\"\n\
         [[rendering]]\nscene = \"points\"\ndetail = { points = 5, reason = \"春天\" }\n",
    );
    let arguments = ["broadcast", "send", file.to_str().unwrap(), "--by", "li", "--why", "a test"];
    let told = cli_json(&stage.config, &arguments).unwrap();
    assert_eq!((&told["proposed"], &told["unreached"]), (&json!(2), &json!(0)), "{told}");
    let again = cli_json(&stage.config, &arguments).unwrap();
    assert_eq!((&again["proposed"], &again["known"]), (&json!(0), &json!(2)), "{again}");
    stage.advance(START_MS + 5 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "spring").await, [fate("awaiting_staff", ""), fate("sent", "")]);
    assert_eq!(has(&stage), (0, Some(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_connection_will_ever_take_is_refused_before_anything_is_proposed() {
    let stage = set(Tenant::default()).await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    let long = "长".repeat(2_000);
    let file = to_everybody(
        &stage,
        "long",
        &format!(
            "[[rendering]]\nscene = \"moments\"\ntext = \"短\"\ndetail = {{ tags = [\"敏感肌\"] }}\n\
             [[rendering]]\nscene = \"direct-message\"\ntext = \"{long}\"\n\
             [[rendering]]\nscene = \"sms\"\ntext = \"hi\"\n"
        ),
    );
    let file = file.to_str().unwrap();
    for arguments in
        [&["broadcast", "send", file, "--by", "li", "--why", "a test"][..], &["broadcast", "preview", file]]
    {
        let refused = cli(&stage.config, arguments).unwrap();
        let words = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{words}");
        assert!(words.contains("scene \"sms\": no connection plays it"), "{words}");
        assert!(
            words.contains("scene \"direct-message\": wecom will not take it: its text has 6000 bytes"),
            "{words}"
        );
        assert!(!words.contains("moments\":"), "{words}");
    }
    stage.advance(START_MS + 5 * MINUTE_MS).await;
    assert!(fates(&stage, "long").await.is_empty());
    assert_eq!(stage.on.wecom.calls_of("externalcontact/add_msg_template"), 0);
}
