//! Posts (朋友圈): made by the app in the platform's own time, published by staff, seen by those who have a tag of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::super::outbox::{Post, PostJob};
use super::super::{Answer, BAD_PARAMETER, BAD_TAG, Inside, Params, Refusal, texts};
use super::{ATTACHMENTS, NO_SENDER, Setting, paged, text, words};
use crate::wecom::Corp;

const NOT_PUBLISHED: Refusal = Refusal(41061, "moment not published by the user");

const POST_CHARS_MAX: usize = 2000;

pub(super) fn add(corp: &mut Corp, asked: &Value, Setting { now_s, .. }: Setting) -> Answer {
    let words = words(asked)?;
    if words.text.chars().count() > POST_CHARS_MAX {
        return Err(BAD_PARAMETER);
    }
    let kinds: Vec<&str> = words.attachments.iter().map(|attachment| text(attachment, "msgtype")).collect();
    if !matches!(kinds.as_slice(), ["video" | "link"]) && kinds.iter().any(|kind| *kind != "image") {
        return Err(ATTACHMENTS);
    }
    let range = &asked["visible_range"];
    let named: Vec<String> =
        texts(&range["sender_list"]["user_list"]).into_iter().map(str::to_owned).collect();
    let senders = if named.is_empty() { corp.staff.keys().cloned().collect() } else { named };
    let tag_ids: Vec<String> =
        texts(&range["external_contact_list"]["tag_list"]).into_iter().map(str::to_owned).collect();
    // The task is taken whatever it says; its result tells.
    let result = if senders.iter().any(|sender| !corp.staff.contains_key(sender)) {
        Err((NO_SENDER.0, NO_SENDER.1))
    } else if tag_ids.iter().any(|id| corp.tag(id).is_none()) {
        Err((BAD_TAG.0, BAD_TAG.1))
    } else {
        let moment_id = corp.outbox.next_id("mom");
        let copies = BTreeMap::new();
        let post = Post { words, senders, tag_ids, created_s: now_s, copies, is_cancelled: false };
        corp.outbox.posts.insert(moment_id.clone(), post);
        Ok(moment_id)
    };
    let jobid = corp.outbox.next_id("job");
    corp.outbox.jobs.insert(jobid.clone(), PostJob { asked: 0, result });
    Ok(json!({"jobid": jobid}))
}

fn post_of<'a>(corp: &'a Corp, asked: &Value) -> Result<&'a Post, Refusal> {
    corp.outbox.posts.get(text(asked, "moment_id")).ok_or(BAD_PARAMETER)
}

/// Those who published it keep it; nobody else can publish it any more.
pub(super) fn cancel(corp: &mut Corp, asked: &Value, _: Setting) -> Answer {
    let post = corp.outbox.posts.get_mut(text(asked, "moment_id")).ok_or(BAD_PARAMETER)?;
    post.is_cancelled = true;
    Ok(json!({}))
}

pub(super) fn senders(corp: &mut Corp, asked: &Value, setting: Setting) -> Answer {
    let post = post_of(corp, asked)?;
    let row = |sender: &String| json!({"userid": sender, "publish_status": u8::from(post.copies.contains_key(sender))});
    paged("task_list", post.senders.iter().map(row).collect(), asked, setting)
}

/// Who sees the copy of one of the staff.
pub(super) fn seen(corp: &mut Corp, asked: &Value, setting: Setting) -> Answer {
    let copy = post_of(corp, asked)?.copies.get(text(asked, "userid")).ok_or(NOT_PUBLISHED)?;
    let row = |her: &String| json!({"external_userid": her});
    paged("customer_list", copy.audience.iter().map(row).collect(), asked, setting)
}

pub(super) fn reactions(corp: &mut Corp, asked: &Value, _: Setting) -> Answer {
    let copy = post_of(corp, asked)?.copies.get(text(asked, "userid")).ok_or(NOT_PUBLISHED)?;
    // The vendor's own examples have a blank behind an id.
    let row = |(who, at_s): &(String, u64)| match corp.staff.contains_key(who) {
        true => json!({"userid": who, "create_time": at_s}),
        false => json!({"external_userid": format!("{who} "), "create_time": at_s}),
    };
    let rows = |list: &[(String, u64)]| list.iter().map(row).collect::<Vec<Value>>();
    Ok(json!({"comment_list": rows(&copy.comments), "like_list": rows(&copy.likes)}))
}

pub(super) async fn job(State(inside): State<Arc<Inside>>, Query(query): Query<Params>) -> Response {
    inside.change("externalcontact/get_moment_task_result", &query, |corp, _| {
        let job = query.get("jobid").and_then(|id| corp.outbox.jobs.get_mut(id)).ok_or(BAD_PARAMETER)?;
        job.asked += 1;
        if job.asked == 1 {
            return Ok(json!({"status": 2, "type": "add_moment_task"}));
        }
        let result = match &job.result {
            Ok(moment_id) => json!({"errcode": 0, "errmsg": "ok", "moment_id": moment_id}),
            Err((code, message)) => json!({"errcode": code, "errmsg": message}),
        };
        Ok(json!({"status": 3, "type": "add_moment_task", "result": result}))
    })
}
