//! What WeCom carries, through the real host and its ledger: a message into a group, a post, a welcome by the policy that reads its
//! code, a task for staff; and what became of each.

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::host::{cli_json, cli_text};
use tests::tenant::{Bound, WECOM};
use tests::wecom::corp::{CorpTag, Customer, Member, Relation, TagGroup};
use tests::wecom::outbox::Way;
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Host, Tenant};

use crate::courier::{DAY_MS, HOUR_MS, STAFF, add, fate, fates, her, send, set};
use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;
const TAG: &str = "etFabLeTAG0002";

/// Chores ask for the next one from when they were done, so time goes by in steps.
async fn pass(stage: &Stage, from: u64, until: u64, step: u64) {
    let mut now = from;
    while now < until {
        now = (now + step).min(until);
        stage.advance(now).await;
    }
}

/// The same, whoever comes first in the ledger.
async fn sorted(stage: &Stage, name: &str) -> Vec<(String, String)> {
    let mut all = fates(stage, name).await;
    all.sort();
    all
}

async fn agrees(stage: Stage) {
    stage.host.stop().await.unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_are_in_one_group_are_told_there_once() {
    let stage = set(Tenant::default()).await;
    for number in 1..=2 {
        add(&stage, number, None).await;
    }
    {
        let mut corp = stage.on.wecom.corp();
        corp.open_chat("wr1", "护肤群", STAFF, 9);
        let member = |number| Member { id: her(number), joined_s: 10, join_scene: 3, state: String::new() };
        corp.chats.get_mut("wr1").unwrap().join([1, 2].map(member));
    }
    stage.advance(START_MS + MINUTE_MS).await;
    let rendering = "scene = \"group-message\"\ntext = \"今晚直播\"\ndetail = { chat_ids = [\"wr1\"] }";
    let stage = send(stage, "live", rendering).await;
    stage.advance(START_MS + 2 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "live").await, vec![fate("awaiting_staff", ""); 2]);
    assert_eq!(stage.on.wecom.confirm_all(STAFF), 1);
    pass(&stage, START_MS + 2 * MINUTE_MS, START_MS + HOUR_MS, 10 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "live").await, vec![fate("confirmed", ""); 2]);
    for number in 1..=2 {
        assert_eq!(stage.on.wecom.corp().times_received(&her(number), "今晚直播"), 1);
    }
    agrees(stage).await;
}

/// A broadcast by way of Moments to three customers of whom one has the tag, of use until tomorrow.
async fn posted() -> (Stage, String) {
    let stage = set(Tenant::default()).await;
    for number in 1..=3 {
        add(&stage, number, None).await;
    }
    {
        let mut corp = stage.on.wecom.corp();
        let tags = vec![CorpTag { id: TAG.to_owned(), name: "敏感肌".to_owned(), is_deleted: false }];
        let (id, name) = ("etFabLeTAG0001".to_owned(), "肤质".to_owned());
        corp.tag_groups.push(TagGroup { id, name, created_s: 5, tags, is_deleted: false });
        corp.relation_mut(STAFF, &her(2)).unwrap().tag_ids.push(TAG.to_owned());
    }
    stage.advance(START_MS + MINUTE_MS).await;
    let path = stage.folder.path().join("post.toml");
    // A day after the start.
    let text = "name = \"post\"\nfilter = 'size(staff) > 0'\nnot_after = \"2026-03-02T16:00:00Z\"\n[[rendering]]\n\
                scene = \"moments\"\ntext = \"新品到了\"\ndetail = { tags = [\"敏感肌\"] }\n";
    std::fs::write(&path, text).unwrap();
    let arguments = ["broadcast", "send", path.to_str().unwrap(), "--by", "li", "--why", "a test"];
    assert_eq!(cli_json(&stage.config, &arguments).unwrap()["proposed"], 3);
    pass(&stage, START_MS + MINUTE_MS, START_MS + HOUR_MS, 10 * MINUTE_MS).await;
    assert_eq!(fates(&stage, "post").await, vec![fate("awaiting_staff", ""); 3]);
    let moment = stage.on.wecom.corp().outbox.posts.keys().next().unwrap().clone();
    assert_eq!(stage.on.wecom.corp().outbox.posts.len(), 1, "one post for all");
    (stage, moment)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_confirmed_for_her_who_sees_it_and_has_failed_for_the_others() {
    let (stage, moment) = posted().await;
    let now_s = stage.on.clock.now_s();
    {
        let mut corp = stage.on.wecom.corp();
        assert_eq!(corp.publish(&moment, STAFF, now_s), 1);
        corp.like(&moment, STAFF, &her(2), now_s + 5);
    }
    pass(&stage, START_MS + HOUR_MS, START_MS + 12 * HOUR_MS, HOUR_MS).await;
    let waits = fate("awaiting_staff", "");
    assert_eq!(sorted(&stage, "post").await, [waits.clone(), waits, fate("confirmed", "")]);
    pass(&stage, START_MS + 12 * HOUR_MS, START_MS + 27 * HOUR_MS, HOUR_MS).await;
    let failed = sorted(&stage, "post").await;
    let states: Vec<&str> = failed.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["confirmed", "failed", "failed"]);
    let page = stage.host.get("intents?binding=broadcast.post").await.unwrap();
    let said = page["intents"].as_array().unwrap().iter().filter(|one| one["state"] == "failed");
    assert!(
        said.clone().count() == 2 && said.clone().all(|one| one.to_string().contains("shows it to her")),
        "{page}"
    );
    // Her like is of her errand.
    let liked = stage.host.get("intents?reaction=read").await.unwrap();
    assert_eq!(liked["intents"].as_array().unwrap().len(), 1, "{liked}");
    agrees(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_nobody_published_by_its_end_is_taken_back() {
    let (stage, moment) = posted().await;
    pass(&stage, START_MS + HOUR_MS, START_MS + 25 * HOUR_MS, HOUR_MS).await;
    assert_eq!(fates(&stage, "post").await, vec![fate("expired", ""); 3]);
    let now_s = stage.on.clock.now_s();
    assert_eq!(stage.on.wecom.corp().publish(&moment, STAFF, now_s), 0);
    agrees(stage).await;
}

fn welcoming() -> Tenant {
    let settings =
        "text = \"欢迎\"\n[[policy.settings.by_state]]\nprefix = \"store-\"\ntext = \"欢迎到店\"\n";
    let (name, plugin) = ("welcome".to_owned(), "welcome".to_owned());
    Tenant { policies: vec![Bound { name, plugin, settings: settings.to_owned() }], ..Tenant::default() }
}

async fn welcomes(stage: &Stage) -> Vec<String> {
    let page = stage.host.get("intents?binding=welcome").await.unwrap();
    let state = |intent: &Value| intent["state"].as_str().unwrap().to_owned();
    page["intents"].as_array().unwrap().iter().map(state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_adds_staff_is_welcomed_by_the_policy_that_reads_the_code() {
    let stage = Stage::set(&welcoming()).await;
    stage.advance(START_MS).await;
    add(&stage, 1, Some("WLC_1")).await;
    stage.advance(START_MS + 1_000).await;
    stage.advance(START_MS + 2_000).await;
    assert_eq!(welcomes(&stage).await, ["sent"]);
    let received = stage.on.wecom.corp().received(&her(1)).to_vec();
    let [welcome] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((welcome.by, welcome.staff.as_str(), welcome.text.as_str()), (Way::Welcome, STAFF, "欢迎"));

    // Told again it has the same code; another one by a shop's code is welcomed otherwise.
    add(&stage, 1, Some("WLC_1")).await;
    {
        let mut corp = stage.on.wecom.corp();
        corp.meet(Customer { external_userid: her(2), ..Customer::default() });
        corp.follow(STAFF, &her(2), Relation::default());
    }
    let contact = Contact { staff: STAFF.to_owned(), external_userid: her(2) };
    let (state, welcome_code) = (Some("store-17".to_owned()), Some("WLC_2".to_owned()));
    let change = Change::ContactAdded { contact, state, welcome_code };
    let event = WecomEvent { at_s: stage.on.clock.now_s(), change };
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    stage.advance(START_MS + 4_000).await;
    stage.advance(START_MS + 5_000).await;
    assert_eq!(stage.on.wecom.corp().times_received(&her(2), "欢迎到店"), 1);
    assert_eq!(stage.on.wecom.corp().received(&her(1)).len(), 1);
    // Without a code there is nothing to say.
    add(&stage, 3, None).await;
    stage.advance(START_MS + MINUTE_MS).await;
    assert_eq!(welcomes(&stage).await, ["sent", "sent"]);
    agrees(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_that_comes_too_late_is_not_said() {
    let mut stage = Stage::set(&welcoming()).await;
    stage.advance(START_MS).await;
    stage.on.wecom.fail_next("externalcontact/send_welcome_msg", -1);
    add(&stage, 1, Some("WLC_1")).await;
    stage.advance(START_MS + 1_000).await;
    stage.advance(START_MS + 2_000).await;
    stage.host.stop().await.unwrap();
    stage.host = Host::start(&stage.config).await.unwrap();
    stage.advance(START_MS + MINUTE_MS).await;
    assert_eq!(welcomes(&stage).await, ["expired"]);
    assert!(stage.on.wecom.corp().received(&her(1)).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_told_of_a_task_about_her() {
    let rules = "\n[[courier.quiet]]\nfrom = \"00:00\"\nto = \"23:59\"\n".to_owned();
    let stage = set(Tenant { rules, ..Tenant::default() }).await;
    add(&stage, 1, None).await;
    stage.on.wecom.corp().relation_mut(STAFF, &her(1)).unwrap().remark = "小满-杭州".to_owned();
    stage.advance(START_MS + MINUTE_MS).await;
    stage.on.wecom.lose_next_answer("message/send");
    let due = json!(START_MS + DAY_MS);
    let rendering = format!("scene = \"staff-task\"\ntext = \"打电话问问面霜\"\ndetail = {{ due = {due} }}");
    let stage = send(stage, "call", &rendering).await;
    pass(&stage, START_MS + MINUTE_MS, START_MS + 20 * MINUTE_MS, 5 * MINUTE_MS).await;
    assert_eq!(
        fates(&stage, "call").await,
        [fate("sent", "")],
        "she notices nothing of it: no night keeps it"
    );
    let notices = stage.on.wecom.corp().notices.clone();
    let [(staff, words)] = notices.as_slice() else { panic!("once, whatever got lost: {notices:?}") };
    assert_eq!(staff, STAFF);
    for part in ["打电话问问面霜", "小满-杭州", "2026-03-03 00:00"] {
        assert!(words.contains(part), "{words}");
    }
    agrees(stage).await;
}
