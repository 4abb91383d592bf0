//! The endpoints that write: welcomes, tasks for staff, posts, tags, remarks; and those that tell what became of them.

mod post;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::super::outbox::{Fate, Task, WELCOME_S, Way, Words};
use super::super::service::Unread;
use super::{
    Answer, BAD_EXTERNAL_USERID, BAD_PARAMETER, BAD_TAG, LIMITED, NO_RELATION, Params, Refusal, page, parsed,
    texts,
};
use super::{Inside, to_json};
use crate::wecom::Corp;
use crate::wecom::corp::{CorpTag, TagGroup};

const NO_SENDER: Refusal = Refusal(40003, "invalid userid");
const EMPTY: Refusal = Refusal(40063, "some parameters are empty");
const NAME_TAKEN: Refusal = Refusal(40071, "invalid tag name, duplicated");
const TAGS_ENOUGH: Refusal = Refusal(40126, "tag count out of limit");
const NOBODY: Refusal = Refusal(41048, "no customer to send");
const WELCOME_OVER: Refusal = Refusal(41050, "welcome code expired");
const WELCOME_USED: Refusal = Refusal(41051, "chat already started");
const ATTACHMENTS: Refusal = Refusal(41064, "attachments over limit");
const TOO_MANY: Refusal = Refusal(81017, "too many ids");

const NO_ACCOUNT: Refusal = Refusal(95000, "invalid open_kfid");
const BAD_RING: Refusal = Refusal(95007, "invalid msg token");

const TEXT_BYTES_MAX: usize = 4000;
const NOTICE_BYTES_MAX: usize = 2048;
const ATTACHMENTS_MAX: usize = 9;
const CUSTOMERS_MAX: usize = 10_000;
const CHATS_MAX: usize = 2000;
const TAGS_MAX: usize = 3000;
const NAME_CHARS_MAX: usize = 30;

pub(super) fn routes(router: Router<Arc<Inside>>) -> Router<Arc<Inside>> {
    let writes: [(&'static str, Act); 16] = [
        ("externalcontact/send_welcome_msg", welcome),
        ("externalcontact/add_msg_template", add_task),
        ("externalcontact/get_groupmsg_list_v2", list_tasks),
        ("externalcontact/get_groupmsg_task", task_senders),
        ("externalcontact/get_groupmsg_send_result", task_result),
        ("externalcontact/cancel_groupmsg_send", cancel_task),
        ("externalcontact/add_moment_task", post::add),
        ("externalcontact/cancel_moment_task", post::cancel),
        ("externalcontact/get_moment_task", post::senders),
        ("externalcontact/get_moment_send_result", post::seen),
        ("externalcontact/get_moment_comments", post::reactions),
        ("externalcontact/add_corp_tag", add_tags),
        ("externalcontact/mark_tag", mark_tags),
        ("externalcontact/remark", remark),
        ("message/send", notice),
        ("kf/sync_msg", service),
    ];
    let add = |router: Router<Arc<Inside>>, (endpoint, act): (&'static str, Act)| {
        router.route(&format!("/cgi-bin/{endpoint}"), by_post(endpoint, act))
    };
    writes
        .into_iter()
        .fold(router, add)
        .route("/cgi-bin/externalcontact/get_moment_task_result", get(post::job))
}

type Act = fn(&mut Corp, &Value, Setting) -> Answer;

/// What an endpoint knows besides the corp.
#[derive(Clone, Copy)]
struct Setting {
    now_s: u64,
    rows_per_page: usize,
    service_per_page: usize,
}

fn by_post(endpoint: &'static str, act: Act) -> MethodRouter<Arc<Inside>> {
    axum::routing::post(
        move |State(inside): State<Arc<Inside>>, Query(query): Query<Params>, body: Bytes| async move {
            let answer = inside.change(endpoint, &query, |corp, setting| act(corp, &parsed(&body)?, setting));
            if inside.answers_to_keep.lock().remove(endpoint) {
                return std::future::pending().await;
            }
            answer
        },
    )
}

/// A message of the app to a member of staff. One who is not visible to the app is left out, and named.
fn notice(corp: &mut Corp, asked: &Value, _: Setting) -> Answer {
    let staff = asked["touser"].as_str().filter(|staff| !staff.is_empty()).ok_or(EMPTY)?.to_owned();
    let content = asked["text"]["content"].as_str().filter(|text| !text.is_empty()).ok_or(EMPTY)?;
    if asked["msgtype"] != "text" || !asked["agentid"].is_u64() || content.len() > NOTICE_BYTES_MAX {
        return Err(BAD_PARAMETER);
    }
    let notice = (staff.clone(), content.to_owned());
    if !corp.staff.contains_key(&staff) {
        return Ok(json!({"invaliduser": staff, "msgid": "msg0"}));
    }
    let again = asked["enable_duplicate_check"] == 1 && corp.notices.contains(&notice);
    if !again {
        corp.notices.push(notice);
    }
    Ok(json!({"invaliduser": "", "msgid": format!("msg{}", corp.notices.len())}))
}

fn service(corp: &mut Corp, asked: &Value, setting: Setting) -> Answer {
    corp.service.read(asked, setting.service_per_page, setting.now_s).map_err(|unread| match unread {
        Unread::BadToken => BAD_RING,
        Unread::BadCursor => BAD_PARAMETER,
        Unread::BadAccount => NO_ACCOUNT,
        Unread::TooOften => LIMITED,
    })
}

impl Inside {
    fn change(
        &self,
        endpoint: &'static str,
        query: &Params,
        act: impl FnOnce(&mut Corp, Setting) -> Answer,
    ) -> Response {
        self.count(endpoint);
        let now_s = self.config.clock.now_s();
        let setting = Setting {
            now_s,
            rows_per_page: self.config.results_per_page,
            service_per_page: self.config.service_per_page,
        };
        let admitted = self.tokens.lock().check(query.get("access_token"), now_s);
        let answer =
            admitted.and_then(|()| self.lets(endpoint)).and_then(|()| act(&mut self.corp.lock(), setting));
        // What was done is done, whether its answer arrives or not.
        if self.answers_to_lose.lock().remove(endpoint) {
            return (StatusCode::BAD_GATEWAY, "bad gateway").into_response();
        }
        let Json(body) = to_json(answer);
        Json(body).into_response()
    }
}

fn text<'a>(asked: &'a Value, name: &str) -> &'a str {
    asked[name].as_str().unwrap_or_default()
}

fn words(asked: &Value) -> Result<Words, Refusal> {
    let words = Words {
        text: asked["text"]["content"].as_str().unwrap_or_default().to_owned(),
        attachments: asked["attachments"].as_array().cloned().unwrap_or_default(),
    };
    if words.text.is_empty() && words.attachments.is_empty() {
        return Err(EMPTY);
    }
    if words.attachments.len() > ATTACHMENTS_MAX {
        return Err(ATTACHMENTS);
    }
    let is_long = |attachment: &Value| {
        let long = |kind: &str, field: &str, max: usize| text(&attachment[kind], field).len() > max;
        long("link", "title", 128) || long("link", "desc", 512) || long("miniprogram", "title", 64)
    };
    if words.attachments.iter().any(is_long) { Err(BAD_PARAMETER) } else { Ok(words) }
}

fn message(asked: &Value) -> Result<Words, Refusal> {
    words(asked)
        .and_then(|words| if words.text.len() > TEXT_BYTES_MAX { Err(BAD_PARAMETER) } else { Ok(words) })
}

fn welcome(corp: &mut Corp, asked: &Value, Setting { now_s, .. }: Setting) -> Answer {
    let words = message(asked)?;
    let welcome = corp.outbox.welcomes.get_mut(text(asked, "welcome_code")).ok_or(WELCOME_OVER)?;
    if now_s > welcome.issued_s + WELCOME_S {
        return Err(WELCOME_OVER);
    }
    if welcome.is_used {
        return Err(WELCOME_USED);
    }
    welcome.is_used = true;
    let (her, staff) = (welcome.external_userid.clone(), welcome.staff.clone());
    corp.hand(&her, Way::Welcome, &staff, &words, now_s);
    Ok(json!({}))
}

fn add_task(corp: &mut Corp, asked: &Value, Setting { now_s, .. }: Setting) -> Answer {
    let words = message(asked)?;
    let sender = text(asked, "sender");
    if !corp.staff.contains_key(sender) {
        return Err(NO_SENDER);
    }
    let is_group = text(asked, "chat_type") == "group";
    let targets = texts(&asked[if is_group { "chat_id_list" } else { "external_userid" }]);
    if targets.len() > if is_group { CHATS_MAX } else { CUSTOMERS_MAX } {
        return Err(TOO_MANY);
    }
    // That a customer removed the sender the platform finds out when it sends.
    let can_be_asked = |target: &str| {
        if is_group {
            return corp.chats.get(target).is_some_and(|chat| chat.owner == sender && !chat.is_dismissed);
        }
        corp.relations.get(target).is_some_and(|with_staff| with_staff.contains_key(sender))
    };
    let (taken, failed): (Vec<&str>, Vec<&str>) = targets.iter().partition(|target| can_be_asked(target));
    if taken.is_empty() {
        return Err(NOBODY);
    }
    let targets = taken.iter().map(|target| ((*target).to_owned(), Fate::Unsent)).collect();
    let failed: Vec<String> = failed.into_iter().map(str::to_owned).collect();
    let task = Task {
        is_group,
        sender: sender.to_owned(),
        words,
        created_s: now_s,
        targets,
        confirmed_s: None,
        is_cancelled: false,
    };
    let msgid = corp.outbox.next_id("msg");
    corp.outbox.tasks.insert(msgid.clone(), task);
    Ok(json!({"msgid": msgid, "fail_list": failed}))
}

fn list_tasks(corp: &mut Corp, asked: &Value, setting: Setting) -> Answer {
    let (from_s, until_s) = (asked["start_time"].as_u64(), asked["end_time"].as_u64());
    let (from_s, until_s) = (from_s.ok_or(BAD_PARAMETER)?, until_s.ok_or(BAD_PARAMETER)?);
    if until_s < from_s || until_s - from_s > 31 * 24 * 3600 {
        return Err(BAD_PARAMETER);
    }
    let is_group = text(asked, "chat_type") == "group";
    let rows: Vec<Value> = corp
        .outbox
        .tasks
        .iter()
        .filter(|(_, task)| task.is_group == is_group && (from_s..=until_s).contains(&task.created_s))
        .map(|(msgid, task)| {
            json!({
                "msgid": msgid,
                "create_time": task.created_s.to_string(),
                "create_type": 0,
                "text": {"content": task.words.text},
                "attachments": task.words.attachments,
            })
        })
        .collect();
    paged("group_msg_list", rows, asked, setting)
}

fn task<'a>(corp: &'a Corp, asked: &Value) -> Result<&'a Task, Refusal> {
    corp.outbox.tasks.get(text(asked, "msgid")).ok_or(BAD_PARAMETER)
}

fn task_senders(corp: &mut Corp, asked: &Value, setting: Setting) -> Answer {
    let task = task(corp, asked)?;
    let row = match task.confirmed_s {
        Some(at_s) => json!({"userid": task.sender, "status": 2, "send_time": at_s}),
        None => json!({"userid": task.sender, "status": 0}),
    };
    paged("task_list", vec![row], asked, setting)
}

fn task_result(corp: &mut Corp, asked: &Value, setting: Setting) -> Answer {
    let task = task(corp, asked)?;
    if task.sender != text(asked, "userid") {
        return Err(NO_SENDER);
    }
    let row = |(target, fate): (&String, &Fate)| {
        let mut row = json!({"userid": task.sender});
        row[if task.is_group { "chat_id" } else { "external_userid" }] = json!(target);
        row["status"] = match fate {
            Fate::Unsent => json!(0),
            Fate::Sent { .. } => json!(1),
            Fate::NoFriend => json!(2),
            Fate::Enough => json!(3),
        };
        if let Fate::Sent { at_s } = fate {
            row["send_time"] = json!(at_s);
        }
        row
    };
    paged("send_list", task.targets.iter().map(row).collect(), asked, setting)
}

/// A task that was confirmed cannot be taken back. Its code is not documented.
fn cancel_task(corp: &mut Corp, asked: &Value, _: Setting) -> Answer {
    let task = corp.outbox.tasks.get_mut(text(asked, "msgid")).ok_or(BAD_PARAMETER)?;
    if task.confirmed_s.is_some() {
        return Err(BAD_PARAMETER);
    }
    task.is_cancelled = true;
    Ok(json!({}))
}

fn add_tags(corp: &mut Corp, asked: &Value, Setting { now_s, .. }: Setting) -> Answer {
    let named = asked["group_name"].as_str().filter(|name| !name.is_empty()).ok_or(EMPTY)?;
    let names: Vec<&str> =
        asked["tag"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
    let is_name = |name: &str| (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    if names.is_empty() || !names.iter().all(|name| is_name(name)) || !is_name(named) {
        return Err(BAD_PARAMETER);
    }
    let there = corp.tag_groups.iter().flat_map(|group| &group.tags).filter(|tag| !tag.is_deleted).count();
    if there + names.len() > TAGS_MAX {
        return Err(TAGS_ENOUGH);
    }
    let group = match corp.tag_groups.iter().position(|group| group.name == named && !group.is_deleted) {
        Some(at) => at,
        None => {
            let id = corp.outbox.next_id("etgroup");
            let (name, tags) = (named.to_owned(), Vec::new());
            corp.tag_groups.push(TagGroup { id, name, created_s: now_s, tags, is_deleted: false });
            corp.tag_groups.len() - 1
        }
    };
    let taken = |tag: &CorpTag| !tag.is_deleted && names.contains(&tag.name.as_str());
    if corp.tag_groups[group].tags.iter().any(taken) {
        return Err(NAME_TAKEN);
    }
    let mut made: Vec<Value> = Vec::new();
    for name in names {
        // Twice in one call is once.
        if made.iter().any(|tag| tag["name"] == name) {
            continue;
        }
        let id = corp.outbox.next_id("et");
        made.push(json!({"id": id, "name": name, "create_time": now_s, "order": 0}));
        corp.tag_groups[group].tags.push(CorpTag { id, name: name.to_owned(), is_deleted: false });
    }
    let group = &corp.tag_groups[group];
    Ok(
        json!({"tag_group": {"group_id": group.id, "group_name": group.name, "create_time": group.created_s, "order": 0, "tag": made}}),
    )
}

/// On the tie, not on the customer. Nothing calls back: on the platform too, what the API changes is nobody's news.
fn mark_tags(corp: &mut Corp, asked: &Value, _: Setting) -> Answer {
    let (add, remove) = (texts(&asked["add_tag"]), texts(&asked["remove_tag"]));
    let is_there = |id: &&str| corp.tag(id).is_some_and(|(group, tag)| !group.is_deleted && !tag.is_deleted);
    if add.is_empty() && remove.is_empty() {
        return Err(EMPTY);
    }
    if !add.iter().chain(&remove).all(is_there) {
        return Err(BAD_TAG);
    }
    let her = text(asked, "external_userid");
    if !corp.customers.contains_key(her) {
        return Err(BAD_EXTERNAL_USERID);
    }
    let relation = corp.relation_mut(text(asked, "userid"), her).ok_or(NO_RELATION)?;
    relation.tag_ids.retain(|id| !remove.contains(&id.as_str()));
    for id in add {
        if !relation.tag_ids.iter().any(|held| held == id) {
            relation.tag_ids.push(id.to_owned());
        }
    }
    Ok(json!({}))
}

fn remark(corp: &mut Corp, asked: &Value, _: Setting) -> Answer {
    let relation =
        corp.relation_mut(text(asked, "userid"), text(asked, "external_userid")).ok_or(NO_RELATION)?;
    let fields = [("remark", 20, &mut relation.remark), ("description", 150, &mut relation.description)];
    for (name, max, field) in fields {
        if let Some(text) = asked[name].as_str() {
            if text.chars().count() > max {
                return Err(BAD_PARAMETER);
            }
            *field = text.to_owned();
        }
    }
    Ok(json!({}))
}

/// At most as many rows as the platform, or the test, gives at once.
fn paged(name: &str, rows: Vec<Value>, asked: &Value, setting: Setting) -> Answer {
    let limit = asked["limit"].as_u64().unwrap_or(u64::MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(setting.rows_per_page);
    let cursor = asked["cursor"].as_str().map(str::to_owned);
    let (from, next_cursor) = page(cursor.as_ref(), rows.len(), limit)?;
    let shown: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    let mut answer = json!({"next_cursor": next_cursor});
    answer[name] = json!(shown);
    Ok(answer)
}
