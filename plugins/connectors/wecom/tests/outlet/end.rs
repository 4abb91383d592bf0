//! What is of no use any more is not confirmed any more: an errand's end goes before the days that staff have.

use heliu_sdk::chores::Chore;
use heliu_sdk::connector::{Errand, Outcome};
use heliu_sdk::events::{Instant, ReceiptStep};
use heliu_sdk::faults::Fault;
use serde_json::{Value, json};

use super::{DAY, HOUR, Platform, START, awaiting, errand, message, receipts};

fn until(end: Instant, errand: Errand) -> Errand {
    Errand { not_after: Some(end), ..errand }
}

/// Reads until nothing is left to read, while nobody confirms. Gives when that was, and what was told.
fn waited(host: &mut Platform, first: Chore) -> (Instant, Vec<(String, ReceiptStep)>) {
    let mut chores = vec![first];
    let mut told = Vec::new();
    while let Some(chore) = chores.pop() {
        let harvest = host.done(&chore);
        told.extend(receipts(&harvest.events).iter().map(|(id, step, _)| ((*id).to_owned(), *step)));
        chores = harvest.chores;
    }
    (host.now, told)
}

fn unconfirmed() -> Platform {
    let mut host = Platform::new();
    for msgid in ["m1", "m2"] {
        host.on("add_msg_template", json!({"errcode": 0, "msgid": msgid}));
    }
    host.on("get_groupmsg_task", json!({"errcode": 0, "task_list": [{"userid": "lin", "status": 0}]}));
    host.on("cancel_groupmsg_send", json!({"errcode": 0}));
    host
}

#[test]
fn a_message_is_taken_back_at_its_end_and_not_after_seven_days() {
    let groups = errand("int_1", "group-message", "wm1", json!({"chat_ids": ["wr1"]}));
    for errand in [message("int_1", "wm1"), groups] {
        for (end, expected) in [(DAY, DAY), (60_000, 60_000), (30 * DAY, 7 * DAY)] {
            let mut host = unconfirmed();
            let delivery = host.carry(&[until(START + end, errand.clone())]);
            let (at, told) = waited(&mut host, delivery.chores[0].clone());
            assert_eq!((at, told), (START + expected, vec![("int_1".to_owned(), ReceiptStep::Expired)]));
            assert_eq!(host.asked("cancel_groupmsg_send"), [&json!({"msgid": "m1"})]);
        }
    }
}

#[test]
fn ends_of_one_hour_are_one_task_and_the_first_of_them_is_its_end() {
    let mut host = unconfirmed();
    let hour = (START / HOUR + 1) * HOUR;
    let errands = [
        until(hour + HOUR - 1, message("int_1", "wm1")),
        until(hour, message("int_2", "wm2")),
        until(hour + HOUR, message("int_3", "wm3")),
    ];
    let delivery = host.carry(&errands);
    assert_eq!(delivery.outcomes, [awaiting("m1"), awaiting("m1"), awaiting("m2")]);
    let (at, told) = waited(&mut host, delivery.chores[0].clone());
    assert_eq!((at, told.len()), (hour, 2));
}

#[test]
fn what_was_lost_on_the_way_is_found_again_with_its_end() {
    let mut host = unconfirmed();
    host.answers.get_mut("add_msg_template").into_iter().for_each(|answers| {
        answers.push_front(Err(heliu_sdk::http::Failure::TimedOut));
    });
    let errand = until(START + DAY, message("int_1", "wm1"));
    host.carry(std::slice::from_ref(&errand));
    let listed: Value = json!([{"msgid": "m9", "create_time": "1767230020", "text": {"content": "你好"}}]);
    host.on("get_groupmsg_list_v2", json!({"errcode": 0, "group_msg_list": listed}));
    let again = host.carry(&[errand]);
    assert_eq!(again.outcomes, [awaiting("m9")]);
    assert_eq!(waited(&mut host, again.chores[0].clone()).0, START + DAY);
}

#[test]
fn what_has_ended_is_carried_by_no_scene() {
    let mut host = Platform::new();
    let errands = [
        message("int_1", "wm1"),
        errand("int_2", "remark", "wm1", json!({})),
        errand("int_3", "moments", "wm1", json!({"tags": ["a"]})),
    ];
    for errand in errands {
        let outcomes = host.carry(&[until(START, errand)]).outcomes;
        assert!(
            matches!(&outcomes[0], Outcome::Failed(Fault::Malformed(why)) if why.contains("over")),
            "{outcomes:?}"
        );
    }
    assert!(host.asked.is_empty());
}
