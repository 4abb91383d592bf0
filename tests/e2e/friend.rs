//! Somebody whom only the shop knows becomes a friend in WeCom: staff are asked, do it by hand, and that they did comes back.

use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::YOUZAN;
use tests::youzan::{NamedBy, Push};

use crate::courier::{DAY_MS, STAFF, add, fate, fates, set};
use crate::outcomes::{account, noted_down};
use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;

/// A customer of the shop alone, and the request for her.
async fn asked() -> Stage {
    let stage = set(Tenant::default()).await;
    stage.on.wecom.corp().hire(STAFF, "林");
    let push = Push::customer(&account(), NamedBy::OpenId, true, true, stage.on.clock.now_ms());
    assert!(stage.on.youzan.push(&stage.host.hook(YOUZAN), &push).await.is_accepted());
    stage.advance(START_MS + MINUTE_MS).await;
    let path = stage.folder.path().join("friends.toml");
    let text = format!(
        "name = \"friends\"\nfilter = 'size(staff) == 0 && \"phone\" in schemes'\n[[rendering]]\n\
         scene = \"friend-request\"\ntext = \"我是林老师\"\ndetail = {{ staff = \"{STAFF}\" }}\n"
    );
    std::fs::write(&path, text).unwrap();
    let arguments = ["broadcast", "send", path.to_str().unwrap(), "--by", "li", "--why", "a test"];
    assert_eq!(cli_json(&stage.config, &arguments).unwrap()["proposed"], 1);
    stage.on.wecom.lose_next_answer("message/send");
    stage.advance(START_MS + 5 * MINUTE_MS).await;
    stage.advance(START_MS + 10 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "friends").await, [fate("awaiting_staff", "")]);
    let notices = stage.on.wecom.corp().notices.clone();
    let [(staff, words)] = notices.as_slice() else { panic!("told once, whatever got lost: {notices:?}") };
    assert_eq!(staff, STAFF);
    assert!(words.contains("19900000001") && words.contains("我是林老师"), "{words}");
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_add_her_by_hand_and_the_request_is_confirmed() {
    let stage = asked().await;
    add(&stage, 1, None).await;
    stage.advance(START_MS + 20 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "friends").await, [fate("awaiting_staff", "")], "it may be anybody");
    noted_down(&stage).await;
    stage.advance(START_MS + 30 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "friends").await, [fate("confirmed", "")]);
    // She and the new friend are one, and nothing becomes of it later.
    assert_eq!(stage.host.customers().await.unwrap().len(), 1);
    stage.advance(START_MS + 8 * DAY_MS).await;
    assert_eq!(fates(&stage, "friends").await, [fate("confirmed", "")]);
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_does_expires() {
    let stage = asked().await;
    stage.advance(START_MS + 8 * DAY_MS).await;
    assert_eq!(fates(&stage, "friends").await, [fate("expired", "")]);
}
