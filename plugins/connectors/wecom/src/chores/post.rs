//! `get_moment_task_result`, `get_moment_task`, `get_moment_comments`: a post is made, published by staff, liked and talked
//! about. The likes and comments of a post are all that the platform tells of who looked at what.

use std::collections::BTreeMap;

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Content, Event, Fact, Look, ReceiptStep, Touchpoint, View};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

use super::task::{Carried, patiently, receipt};
use super::{Desk, id};
use crate::errcode::Class;
use crate::identity;
use crate::jobs::Job;
use crate::outlet::Post;
use crate::push::{instant, plain};
use crate::rest::{Api, ApiError};
use crate::waiting::{self, Waiting};

const MADE: &str = "externalcontact/get_moment_task_result";
const TASK: &str = "externalcontact/get_moment_task";
const COMMENTS: &str = "externalcontact/get_moment_comments";
/// The platform forgets a job after this.
const JOB_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// Copies of the post, one for each member of staff, that one chore reads.
const COPIES_MAX: usize = 40;
const PAGES_MAX: usize = 10;
const PUBLISHED: &str = "1";

#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    status: Value,
    #[serde(default)]
    result: Option<Value>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    task_list: Option<Vec<Value>>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Reactions {
    #[serde(default)]
    comment_list: Option<Vec<Value>>,
    #[serde(default)]
    like_list: Option<Vec<Value>>,
}

/// How far the platform is with making it.
enum Making {
    Done(String),
    Goes,
    Failed(String),
}

pub fn read(desk: &Desk<'_>, api: &mut Api<'_>, key: &str) -> Result<Harvest, Fault> {
    api.host().hold(key);
    let Some(post) = Post::read(api.host(), key) else {
        return Ok(Harvest { events: Vec::new(), chores: Vec::new() });
    };
    match step(desk, api, key, post.clone()) {
        // It cannot be read for as long as it is looked at: nobody will learn more of it.
        Err(Fault::Malformed(why)) if desk.now >= post.until => {
            let mut reading = Reading { desk, key, events: Vec::new() };
            for one in waiting::read(api.host(), key, post.told, post.cells) {
                reading.tell(&one, ReceiptStep::Failed, Some(why.clone()), None);
            }
            post.forget(api.host(), key);
            Ok(Harvest { events: reading.events, chores: Vec::new() })
        }
        Err(fault) => Err(patiently(fault)),
        done => done,
    }
}

fn step(desk: &Desk<'_>, api: &mut Api<'_>, key: &str, mut post: Post) -> Result<Harvest, Fault> {
    let waiting = waiting::read(api.host(), key, 0, post.cells);
    let via: BTreeMap<&str, &str> = waiting.iter().map(|one| (one.who(), one.errand())).collect();
    let untold = waiting::read(api.host(), key, post.told, post.cells);
    let is_over = desk.now >= post.until;
    let mut reading = Reading { desk, key, events: Vec::new() };
    if post.moment.is_none() {
        match made(desk, api, &post)? {
            Making::Done(moment) => post.moment = Some(moment),
            Making::Goes if !is_over => return Ok(reading.again(api, post, 0)),
            Making::Goes => {}
            Making::Failed(why) => {
                untold.iter().for_each(|one| reading.tell(one, ReceiptStep::Failed, Some(why.clone()), None));
                post.forget(api.host(), key);
                return Ok(Harvest { events: reading.events, chores: Vec::new() });
            }
        }
    }
    let publishers = match &post.moment {
        Some(moment) => publishers(api, moment)?,
        None => Vec::new(),
    };
    if let Some(first) = publishers.first() {
        untold.iter().for_each(|one| reading.tell(one, ReceiptStep::Confirmed, None, Some(first)));
        post.told = post.cells;
    }
    let copies = publishers.iter().skip(post.next).take(COPIES_MAX);
    for staff in copies {
        reading.reactions(api, &post, staff, &via)?;
    }
    let more = post.next + COPIES_MAX < publishers.len();
    post.next = if more { post.next + COPIES_MAX } else { 0 };
    if is_over && !more {
        if publishers.is_empty() {
            untold.iter().for_each(|one| reading.tell(one, ReceiptStep::Expired, None, None));
        }
        post.forget(api.host(), key);
        return Ok(Harvest { events: reading.events, chores: Vec::new() });
    }
    let reads = if more { None } else { Some(post.reads.saturating_add(1)) };
    Ok(match reads {
        None => reading.at(api, post, desk.now),
        Some(reads) => reading.again(api, post, reads),
    })
}

fn made(desk: &Desk<'_>, api: &mut Api<'_>, post: &Post) -> Result<Making, Fault> {
    let made: Made = match api.get(MADE, &[("jobid", &post.jobid)]) {
        Ok(made) => made,
        // The platform keeps a job for a day, and its post has no other name.
        Err(ApiError::Refused { fault, .. }) if desk.now >= post.since + JOB_LIFE_MS => {
            return Ok(Making::Failed(fault.why().to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    let result = |name: &str| made.result.as_ref().and_then(|result| result.get(name)).and_then(plain);
    if plain(&made.status).as_deref() != Some("3") {
        return Ok(Making::Goes);
    }
    Ok(match (result("errcode").as_deref(), result("moment_id")) {
        (None | Some("0"), Some(moment)) => Making::Done(moment),
        (code, _) => Making::Failed(format!(
            "WeCom did not make the post: {} {}",
            code.unwrap_or("no moment_id"),
            result("errmsg").unwrap_or_default()
        )),
    })
}

/// The staff who published it.
fn publishers(api: &mut Api<'_>, moment: &str) -> Result<Vec<String>, Fault> {
    let mut publishers = Vec::new();
    let mut body = json!({"moment_id": moment, "limit": 1000});
    for _ in 0..PAGES_MAX {
        let page: Page = api.post(TASK, &body)?;
        for row in page.task_list.unwrap_or_default() {
            let is_published = row.get("publish_status").and_then(plain).as_deref() == Some(PUBLISHED);
            publishers.extend(row.get("userid").and_then(plain).filter(|_| is_published));
        }
        match page.next_cursor.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => body["cursor"] = json!(cursor),
            None => break,
        }
    }
    Ok(publishers)
}

struct Reading<'a> {
    desk: &'a Desk<'a>,
    key: &'a str,
    events: Vec<Event>,
}

impl Reading<'_> {
    fn again(self, api: &mut Api<'_>, mut post: Post, reads: u32) -> Harvest {
        // While the platform makes it there is no sense in waiting for long.
        let due = self.desk.now + self.desk.settings.receipt_delay_ms(reads);
        post.reads = reads;
        let due = due.min(post.until.max(self.desk.now));
        self.at(api, post, due)
    }

    fn at(self, api: &mut Api<'_>, post: Post, due: u64) -> Harvest {
        post.write(api.host(), self.key);
        Harvest { events: self.events, chores: vec![Job::Post { post: self.key.to_owned() }.due(due)] }
    }

    fn tell(&mut self, one: &Waiting, step: ReceiptStep, why: Option<String>, staff: Option<&String>) {
        let (at, staff) = (self.desk.now, staff.cloned());
        let carried = Carried { step, why, at, staff, touchpoint: Touchpoint::Moments };
        self.events.push(receipt(self.desk, one, carried));
    }

    /// Who liked and commented on one member of staff's copy. Staff do so too, and are nobody's customers.
    fn reactions(
        &mut self,
        api: &mut Api<'_>,
        post: &Post,
        staff: &str,
        via: &BTreeMap<&str, &str>,
    ) -> Result<(), Fault> {
        let moment = post.moment.as_deref().unwrap_or_default();
        let body = json!({"moment_id": moment, "userid": staff});
        let Reactions { comment_list, like_list } = match api.post(COMMENTS, &body) {
            Ok(reactions) => reactions,
            // Deleted meanwhile: the others' copies are read all the same.
            Err(error) if matches!(error.class(), Some(Class::Data)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // Who likes a post has seen it, and who comments on it answers; the platform tells of nobody else who saw it.
        let lists = [
            (Look::Liked, "liked", ReceiptStep::Read, like_list),
            (Look::Commented, "commented", ReceiptStep::Replied, comment_list),
        ];
        for (look, name, step, list) in lists {
            for row in list.unwrap_or_default() {
                let Some(her) = row.get("external_userid").and_then(plain) else { continue };
                let since = row.get("create_time").and_then(plain);
                let at = since.as_deref().and_then(instant).unwrap_or(self.desk.now);
                let via = via.get(her.as_str()).map(|&errand| errand.to_owned());
                if let Some(errand) = &via {
                    let one = Waiting(her.clone(), errand.clone(), her.clone());
                    let (why, staff) = (Some(name.to_owned()), Some(staff.to_owned()));
                    let carried = Carried { step, why, at, staff, touchpoint: Touchpoint::Moments };
                    self.events.push(receipt(self.desk, &one, carried));
                }
                let about = post.content.clone().unwrap_or_else(|| Content {
                    id: moment.to_owned(),
                    kind: "wecom.moment".to_owned(),
                    title: None,
                    category: None,
                });
                let since_text = since.as_deref().unwrap_or_default();
                self.events.push(Event {
                    id: id(name, &[moment, staff, &her, since_text]),
                    at,
                    who: vec![identity::external(&self.desk.settings.corp_id, &her)],
                    staff: Some(staff.to_owned()),
                    touchpoint: Touchpoint::Moments,
                    fact: Fact::Saw(View { look, about, dwell_ms: None, via }),
                    extra: Some(row.to_string()),
                });
            }
        }
        Ok(())
    }
}
