//! What a platform meets at `/hooks/{connection}/`.

use tests::brand::START_MS;
use tests::tenant::{WECOM, YOUZAN};
use tests::wecom::{Change, WecomEvent};
use tests::youzan::Push;
use tests::{Outcome, Tenant};

use crate::stage::{Stage, added, event_ids};

const AT_S: u64 = START_MS / 1000;

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_verifies_its_address() {
    let stage = Stage::set(&Tenant::default()).await;
    stage.on.wecom.verify_url(&stage.host.hook(WECOM)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_again_is_answered_and_changes_nothing() {
    let stage = Stage::set(&Tenant::default()).await;
    let (hook, event) = (stage.host.hook(WECOM), added("wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", AT_S));
    for _ in 0..3 {
        // Encrypted anew each time, with another nonce: only the plaintext is the same.
        assert!(stage.on.wecom.push(&hook, &event).await.unwrap().is_accepted());
    }
    // A year later it is still known.
    stage.advance(START_MS + 365 * 86_400_000).await;
    assert!(stage.on.wecom.push(&hook, &event).await.unwrap().is_accepted());
    assert_eq!(event_ids(&stage.records(), WECOM).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_customers_in_one_second_are_two() {
    let stage = Stage::set(&Tenant::default()).await;
    for customer in ["wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", "wmFabLeBBBq1Zt0pRv3mUo9Xk2LwYc7N"] {
        let delivery = stage.on.wecom.push(&stage.host.hook(WECOM), &added(customer, AT_S)).await.unwrap();
        assert!(delivery.is_accepted());
    }
    stage.advance(START_MS).await;
    assert_eq!(stage.host.customers().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_authentic_is_refused_and_not_kept() {
    let stage = Stage::set(&Tenant::default()).await;
    let client = tests::web::client(std::time::Duration::from_secs(10)).unwrap();
    let sealed = stage.on.wecom.seal(&stage.on.wecom.xml(&added("wmFabLeAAA", AT_S))).unwrap();
    let forged = sealed.query.replace("msg_signature=", "msg_signature=0");
    let url = format!("{}?{forged}", stage.host.hook(WECOM));
    assert_eq!(client.post(url).body(sealed.body).send().await.unwrap().status(), 401);
    let body = Push::heartbeat(START_MS).body(stage.on.youzan.config());
    let unsigned = client.post(stage.host.hook(YOUZAN)).header("event-sign", "0".repeat(32)).body(body);
    assert_eq!(unsigned.send().await.unwrap().status(), 401);
    assert_eq!(event_ids(&stage.records(), WECOM).len() + event_ids(&stage.records(), YOUZAN).len(), 0);
    let unknown = client.post(stage.host.hook("nobody")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let plain = client.get(format!("{}/api/v1/customers", stage.host.address())).send().await.unwrap();
    assert_eq!(plain.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_authentic_but_not_understood_is_kept_as_it_came() {
    let stage = Stage::set(&Tenant::default()).await;
    let delivery = stage.on.wecom.push_xml(&stage.host.hook(WECOM), "<xml><Event>").await.unwrap();
    // Answered with success: the same again would not be understood either.
    assert!(matches!(delivery.outcome, Outcome::Accepted { .. }), "{delivery:?}");
    let dead = stage.host.get("dead").await.unwrap();
    assert_eq!(dead["dead"].as_array().unwrap().len(), 1, "{dead}");
    assert_eq!(dead["dead"][0]["connection"], WECOM);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_once() {
    let stage = Stage::set(&Tenant::default()).await;
    let mut brand = tests::Brand::new(3, 40, 4);
    let (hooks, end) = (stage.hooks(), brand.calendar().end_ms());
    let timeline = brand.timeline();
    let (early, late) = timeline.split_at(timeline.len() / 2);
    brand.play_all(early, &stage.on, &hooks, 8).await;
    let middle = early.last().unwrap().at_ms;
    stage.advance(middle + 60_000).await;
    assert_eq!(stage.on.wecom.calls_of("gettoken"), 1);
    stage.on.wecom.expire_tokens();
    brand.play_all(late, &stage.on, &hooks, 8).await;
    stage.advance(end).await;
    // Many chores side by side meet the dead token; one of them renews it, the others find what it got.
    assert_eq!(stage.on.wecom.calls_of("gettoken"), 2);
    assert!(stage.on.wecom.calls_of("externalcontact/get") > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_no_customer_is_kept_and_folded_for_nobody() {
    let stage = Stage::set(&Tenant::default()).await;
    let change = Change::TagsShuffled { group_id: None };
    let event = WecomEvent { at_s: AT_S, change };
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    stage.advance(START_MS).await;
    assert_eq!(event_ids(&stage.records(), WECOM).len(), 1);
    assert_eq!(stage.host.customers().await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_taken_whole() {
    let stage = Stage::set(&Tenant::default()).await;
    let hook = stage.host.hook(WECOM);
    let mut pushes = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (wecom, hook) = (stage.on.wecom.clone(), hook.clone());
        pushes.spawn(async move {
            let event = added(&format!("wmFabLe{number:025}"), AT_S);
            wecom.push(&hook, &event).await.unwrap()
        });
    }
    for delivery in pushes.join_all().await {
        assert!(delivery.is_accepted() && delivery.attempts == 1, "{delivery:?}");
    }
    assert_eq!(event_ids(&stage.records(), WECOM).len(), 200);
}
