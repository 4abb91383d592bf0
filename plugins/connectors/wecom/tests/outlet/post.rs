//! Posts: made once for all who say the same, confirmed by who sees them, read while they are liked, taken back at their end.

use std::collections::VecDeque;

use heliu_sdk::chores::Chore;
use heliu_sdk::connector::{Errand, Outcome};
use heliu_sdk::events::{Content, Fact, Instant, Look, ReceiptStep};
use heliu_sdk::faults::Fault;
use heliu_sdk::http::Failure;
use serde_json::{Value, json};

use super::{DAY, HOUR, Platform, START, awaiting, errand, handle, ids, receipts};

fn post(id: &str, her: &str) -> Errand {
    let content = Content { id: "sku-7".to_owned(), kind: "product".to_owned(), title: None, category: None };
    Errand { content: Some(content), ..errand(id, "moments", her, json!({"tags": ["敏感肌"]})) }
}

fn with_tag(host: &mut Platform) {
    let groups = json!([{"group_id": "et1", "group_name": "肤质", "tag": [{"id": "et2", "name": "敏感肌"}]}]);
    host.on("get_corp_tag_list", json!({"errcode": 0, "tag_group": groups}));
}

#[test]
fn a_post_is_made_once_and_read_while_it_is_liked() {
    let mut host = Platform::new();
    with_tag(&mut host);
    host.on("add_moment_task", json!({"errcode": 0, "jobid": "j1"}));
    let first = host.carry(&[post("int_1", "wm1"), post("int_2", "wm2")]);
    assert_eq!(first.outcomes, [awaiting("j1"), awaiting("j1")]);
    // Keys of posts are held before that of the tags, and both before the token's.
    assert!(
        host.held[0].starts_with("post:")
            && host.held[1] == "tags"
            && host.held[2].starts_with("access-token")
    );
    let range =
        json!({"sender_list": {"user_list": ["lin"]}, "external_contact_list": {"tag_list": ["et2"]}});
    assert_eq!(host.asked("add_moment_task")[0]["visible_range"], range);

    host.on("get_moment_task_result", json!({"errcode": 0, "status": 2}));
    host.on(
        "get_moment_task_result",
        json!({"errcode": 0, "status": 3, "result": {"errcode": 0, "moment_id": "mom1"}}),
    );
    host.on("get_moment_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "publish_status": 0}]}));
    host.on("get_moment_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "publish_status": 1}]}));
    let likes = json!([{"external_userid": "wm2 ", "create_time": 1_767_240_000}, {"userid": "he", "create_time": 1_767_240_001}]);
    let comments = json!([{"external_userid": "wm9", "create_time": 1_767_250_000}]);
    host.on("get_moment_comments", json!({"errcode": 0, "like_list": likes, "comment_list": comments}));
    host.on(
        "get_moment_send_result",
        json!({"errcode": 0, "customer_list": [{"external_userid": "wm2 "}], "next_cursor": "c"}),
    );
    host.on("get_moment_send_result", json!({"errcode": 0, "customer_list": [{"external_userid": "wm1"}]}));
    host.on("cancel_moment_task", json!({"errcode": 0}));
    let making = host.work(&first.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    let waiting = host.work(&making.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert!(making.events.is_empty() && waiting.events.is_empty());
    // Meanwhile another customer is to see it: she does already.
    let joined = host.carry(&[post("int_3", "wm3")]);
    assert_eq!((joined.outcomes, host.asked("add_moment_task").len()), (vec![awaiting("j1")], 1));
    assert_eq!(joined.chores[0].key, waiting.chores[0].key);
    let published = host.work(&waiting.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    // Of the three those whom the copy's own list shows; it has two pages.
    let confirmed = ["int_1", "int_2"].map(|id| (id, ReceiptStep::Confirmed, None));
    let liked = ("int_2", ReceiptStep::Read, Some("liked"));
    assert_eq!(receipts(&published.events), [&confirmed[..], &[liked]].concat());
    let views = published.events.iter().filter_map(|event| match &event.fact {
        Fact::Saw(view) => {
            Some((event.who.clone(), view.look, view.about.id.as_str(), view.via.as_deref(), event.at))
        }
        _ => None,
    });
    let views: Vec<_> = views.collect();
    assert_eq!(
        views,
        [
            (vec![handle("wm2")], Look::Liked, "sku-7", Some("int_2"), 1_767_240_000_000),
            (vec![handle("wm9")], Look::Commented, "sku-7", None, 1_767_250_000_000),
        ]
    );
    // Read again it tells the same likes, and what they say of the errand, by the same ids.
    let again = host.work(&published.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!(ids(&again.events), ids(&published.events[2..]));
    host.now = START + 7 * DAY;
    let last = host.work(&again.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    let unseen = Some("no member of staff who published it shows it to her");
    let failed = ("int_3", ReceiptStep::Failed, unseen);
    assert_eq!((last.chores.len(), receipts(&last.events)), (0, vec![liked, failed]));
    assert!(host.remembered().is_empty(), "{:?}", host.remembered());
}

#[test]
fn a_post_that_the_platform_does_not_make_has_failed_for_all() {
    let mut host = Platform::new();
    with_tag(&mut host);
    host.on("add_moment_task", json!({"errcode": 0, "jobid": "j1"}));
    let delivery = host.carry(&[post("int_1", "wm1")]);
    let result = json!({"errcode": 0, "status": 3, "result": {"errcode": 40003, "errmsg": "invalid userid"}});
    host.on("get_moment_task_result", result);
    let harvest = host.work(&delivery.chores[0]).unwrap_or_else(|fault| panic!("{fault:?}"));
    let told = receipts(&harvest.events);
    assert_eq!((told[0].0, told[0].1), ("int_1", ReceiptStep::Failed));
    assert!(told[0].2.is_some_and(|why| why.contains("40003")), "{told:?}");
    assert!(harvest.chores.is_empty() && host.remembered().is_empty());
}

#[test]
fn a_post_without_an_audience_would_be_everybodys_and_is_refused() {
    let mut host = Platform::new();
    let senders = json!({"user_list": ["lin"]});
    let none = [
        json!({"audience": "this-customer"}),
        json!({"visible_range": {}}),
        json!({"visible_range": {"sender_list": senders}}),
        json!({"visible_range": {"sender_list": senders, "external_contact_list": {}}}),
        json!({"visible_range": {"external_contact_list": {"tag_list": []}}}),
        json!({"visible_range": {"external_contact_list": {"tag_list": [""]}}}),
        json!({"visible_range": {"external_contact_list": {"tag_list": "et2"}}}),
        json!({"visible_range": [], "tags": ["敏感肌"]}),
    ];
    for detail in none {
        let delivery = host.carry(&[errand("int_1", "moments", "wm1", detail.clone())]);
        let Outcome::Failed(Fault::Malformed(why)) = &delivery.outcomes[0] else { panic!("{detail}") };
        assert!(why.contains("audience") || why.contains("no object"), "{why}");
    }
    assert!(host.asked.is_empty());
    let range = json!({"sender_list": senders, "external_contact_list": {"tag_list": ["et2"]}});
    host.on("add_moment_task", json!({"errcode": 0, "jobid": "j1"}));
    let some = json!({"visible_range": range});
    assert_eq!(host.carry(&[errand("int_1", "moments", "wm1", some)]).outcomes, [awaiting("j1")]);
    assert_eq!(host.asked("add_moment_task")[0]["visible_range"], range);
}

/// A post of two staff that the platform has made.
fn made(host: &mut Platform, errands: &[Errand]) -> Vec<Chore> {
    with_tag(host);
    host.on("add_moment_task", json!({"errcode": 0, "jobid": "j1"}));
    let done = json!({"errcode": 0, "status": 3, "result": {"errcode": 0, "moment_id": "mom1"}});
    host.on("get_moment_task_result", done);
    host.on("get_moment_comments", json!({"errcode": 0, "like_list": [], "comment_list": []}));
    host.on("cancel_moment_task", json!({"errcode": 0}));
    host.carry(errands).chores
}

fn by(staff: &[(&str, u8)]) -> Value {
    let row = |(userid, status): &(&str, u8)| json!({"userid": userid, "publish_status": status});
    json!({"errcode": 0, "task_list": staff.iter().map(row).collect::<Vec<Value>>()})
}

fn shows(her: &str) -> Value {
    json!({"errcode": 0, "customer_list": [{"external_userid": her}]})
}

#[test]
fn each_publishers_copy_confirms_those_who_see_it_and_nobody_else() {
    let mut host = Platform::new();
    let chores = made(&mut host, &["1", "2", "3"].map(|n| post(&format!("int_{n}"), &format!("wm{n}"))));
    host.on("get_moment_task", by(&[("lin", 1), ("he", 0)]));
    host.on("get_moment_task", by(&[("lin", 1), ("he", 1)]));
    host.on("get_moment_send_result", shows("wm1"));
    host.on("get_moment_send_result", json!({"errcode": 0, "customer_list": []}));
    host.on("get_moment_send_result", shows("wm2"));
    let first = host.done(&chores[0]);
    assert_eq!(receipts(&first.events), [("int_1", ReceiptStep::Confirmed, None)]);
    let second = host.done(&first.chores[0]);
    assert_eq!(receipts(&second.events), [("int_2", ReceiptStep::Confirmed, None)]);
    assert_eq!(second.events[0].staff.as_deref(), Some("he"));
    let asked = host.asked("get_moment_send_result");
    assert_eq!(asked[2], &json!({"moment_id": "mom1", "userid": "he", "limit": 3000}));
    host.now = START + 7 * DAY;
    let last = host.done(&second.chores[0]);
    let told = receipts(&last.events);
    assert_eq!((told.len(), told[0].0, told[0].1), (1, "int_3", ReceiptStep::Failed));
    assert!(last.chores.is_empty() && host.remembered().is_empty(), "{:?}", host.remembered());
}

#[test]
fn a_post_of_many_staff_is_read_in_several_calls() {
    let mut host = Platform::new();
    let chores = made(&mut host, &[post("int_1", "wm1"), post("int_2", "wm2")]);
    let staff: Vec<String> = (0..60).map(|at| format!("s{at:02}")).collect();
    let rows: Vec<(&str, u8)> = staff.iter().map(|name| (name.as_str(), 1)).collect();
    host.on("get_moment_task", by(&rows));
    for _ in 0..59 {
        host.on("get_moment_send_result", json!({"errcode": 0, "customer_list": []}));
    }
    host.on("get_moment_send_result", shows("wm2"));
    let (mut chores, mut events, mut calls) = (chores, Vec::new(), 0);
    while events.is_empty() {
        let before = host.asked.len();
        let harvest = host.done(&chores[0]);
        assert!(host.asked.len() - before <= 64, "more than the host allows in one call");
        (chores, events, calls) = (harvest.chores, harvest.events, calls + 1);
    }
    assert_eq!(receipts(&events), [("int_2", ReceiptStep::Confirmed, None)]);
    assert!(calls > 1, "{calls}");
    assert_eq!(events[0].staff.as_deref(), Some("s59"));
}

fn until(end: Option<Instant>, id: &str, her: &str) -> Errand {
    Errand { not_after: end, ..post(id, her) }
}

#[test]
fn a_post_is_taken_back_when_it_is_of_no_use_any_more() {
    let mut host = Platform::new();
    let (first, last) = (Some(START + DAY), Some(START + 2 * DAY));
    let mut chores = made(&mut host, &[until(last, "int_1", "wm1"), until(first, "int_2", "wm2")]);
    host.on("get_moment_task", by(&[("lin", 0)]));
    let events = loop {
        let harvest = host.done(&chores[0]);
        if harvest.chores.is_empty() {
            break harvest.events;
        }
        assert!(harvest.events.is_empty() && host.asked("cancel_moment_task").is_empty());
        chores = harvest.chores;
    };
    // One post has one end, the latest: it is visible to the one for as long as it is of use to the other.
    assert_eq!(host.now, START + 2 * DAY);
    assert_eq!(host.asked("cancel_moment_task"), [&json!({"moment_id": "mom1"})]);
    let expired = ["int_1", "int_2"].map(|id| (id, ReceiptStep::Expired, None));
    assert_eq!(receipts(&events), expired);
    assert!(host.remembered().is_empty(), "{:?}", host.remembered());
}

#[test]
fn a_post_that_was_published_in_time_is_liked_on_after_its_end() {
    let mut host = Platform::new();
    let end = Some(START + DAY);
    let mut chores = made(&mut host, &[until(end, "int_1", "wm1"), until(end, "int_2", "wm2")]);
    host.on("get_moment_task", by(&[("lin", 1)]));
    host.on("get_moment_send_result", shows("wm1"));
    let mut told: Vec<(Instant, String, ReceiptStep)> = Vec::new();
    while let Some(chore) = chores.first().cloned() {
        let harvest = host.done(&chore);
        let now = host.now;
        told.extend(receipts(&harvest.events).into_iter().map(|(id, step, _)| (now, id.to_owned(), step)));
        chores = harvest.chores;
    }
    let [(_, first, ReceiptStep::Confirmed), (at, second, ReceiptStep::Failed)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((first.as_str(), second.as_str(), *at), ("int_1", "int_2", START + DAY + HOUR));
    assert_eq!((host.asked("cancel_moment_task").len(), host.now), (1, START + 7 * DAY));
}

#[test]
fn an_errand_without_an_end_keeps_its_post_open() {
    let mut host = Platform::new();
    let chores = made(&mut host, &[until(Some(START + DAY), "int_1", "wm1")]);
    host.on("get_moment_task", by(&[("lin", 0)]));
    host.carry(&[until(None, "int_2", "wm2")]);
    host.now = START + 2 * DAY;
    assert_eq!(host.done(&chores[0]).chores.len(), 1);
    assert_eq!(host.asked("add_moment_task").len(), 1);
    assert!(host.asked("cancel_moment_task").is_empty());
}

#[test]
fn what_comes_after_a_post_was_taken_back_is_another_post() {
    let mut host = Platform::new();
    let chores = made(&mut host, &[until(Some(START + DAY), "int_1", "wm1")]);
    host.on("get_moment_task", by(&[("lin", 1)]));
    host.on("get_moment_send_result", json!({"errcode": 0, "customer_list": []}));
    host.now = START + DAY;
    let closed = host.done(&chores[0]);
    // It is not known yet whether she sees the first one, and that is told as ever.
    assert_eq!(host.carry(&[until(None, "int_2", "wm2")]).outcomes, [awaiting("j1")]);
    assert_eq!(host.asked("add_moment_task").len(), 2);
    host.now += HOUR;
    let told = host.done(&closed.chores[0]).events;
    assert_eq!(
        receipts(&told).iter().map(|(id, step, _)| (*id, *step)).collect::<Vec<_>>(),
        [("int_1", ReceiptStep::Failed)]
    );
    // Who comes then is of the second, which is open; and after that there is no third while both are read.
    host.carry(&[until(None, "int_3", "wm3")]);
    assert_eq!(host.asked("add_moment_task").len(), 2);
}

#[test]
fn the_same_is_not_posted_a_third_time_while_both_are_read() {
    let mut host = Platform::new();
    made(&mut host, &[until(Some(START + DAY), "int_1", "wm1")]);
    host.now = START + DAY;
    host.carry(&[until(Some(START + 2 * DAY), "int_2", "wm2")]);
    host.now = START + 2 * DAY;
    let outcomes = host.carry(&[until(None, "int_3", "wm3")]).outcomes;
    assert!(
        matches!(&outcomes[0], Outcome::Failed(Fault::Malformed(why)) if why.contains("third")),
        "{outcomes:?}"
    );
    assert_eq!(host.asked("add_moment_task").len(), 2);
}

#[test]
fn that_a_post_cannot_be_taken_back_keeps_nobodys_fate_back() {
    let mut host = Platform::new();
    let chores = made(&mut host, &[until(Some(START + DAY), "int_1", "wm1")]);
    host.on("get_moment_task", by(&[("lin", 0)]));
    host.answers.insert("cancel_moment_task", VecDeque::from([Err(Failure::TimedOut)]));
    host.now = START + DAY;
    assert!(host.work(&chores[0]).is_err());
    host.now += HOUR;
    assert_eq!(receipts(&host.done(&chores[0]).events), [("int_1", ReceiptStep::Expired, None)]);
}

#[test]
fn a_post_that_may_have_been_taken_is_not_tried_again() {
    let mut host = Platform::new();
    with_tag(&mut host);
    host.fails("add_moment_task", Failure::TimedOut);
    let delivery = host.carry(&[post("int_1", "wm1")]);
    assert!(
        matches!(&delivery.outcomes[0], Outcome::Failed(Fault::Malformed(why)) if why.contains("not known"))
    );
}
