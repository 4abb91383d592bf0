//! `get_moment_task_result`, `get_moment_task`, `get_moment_send_result`, `get_moment_comments`: a post is made, published by
//! staff, seen, liked and talked about. Likes and comments are all that the platform tells of who looked at what.
//!
//! That a copy is published says nothing of the one customer: who sees it stands in the copy's own list. So an errand is
//! confirmed when she stands in one, and fails when the post's time is over and she stands in none.

use std::collections::{BTreeMap, BTreeSet};

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Content, Event, Fact, Look, ReceiptStep, Touchpoint, View};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

use super::task::{Carried, pages, patiently, receipt};
use super::{Desk, id};
use crate::errcode::Class;
use crate::identity;
use crate::jobs::Job;
use crate::outlet::{Post, held};
use crate::push::{instant, plain};
use crate::rest::{Api, ApiError};
use crate::waiting::{self, Waiting};

const MADE: &str = "externalcontact/get_moment_task_result";
const TASK: &str = "externalcontact/get_moment_task";
const SEEN: &str = "externalcontact/get_moment_send_result";
const CANCEL: &str = "externalcontact/cancel_moment_task";
const COMMENTS: &str = "externalcontact/get_moment_comments";
/// The platform forgets a job after this.
const JOB_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// Calls of the API after which no further copy of the post, one for each member of staff, is read: the host allows 64, and a
/// copy takes up to a page of likes and `PAGES_MAX` of customers.
const CALLS_MAX: u32 = 50;
/// Pages of those who see one copy. A member of staff has no more than 20 000 customers.
const PAGES_MAX: usize = 10;
/// Customers on one page: what the platform gives unless it is asked for more.
const SEEN_ROWS: u32 = 3000;
/// How long a post whose time is over is tried to be taken back.
const PATIENCE_MS: u64 = 60 * 60 * 1000;
const PUBLISHED: &str = "1";
/// What she is told who is in no list when the post's time is over.
const UNSEEN: &str = "no member of staff who published it shows it to her";

#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    status: Value,
    #[serde(default)]
    result: Option<Value>,
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
    api.host().hold(held(key));
    let Some(post) = Post::read(api.host(), key) else {
        return Ok(Harvest { events: Vec::new(), chores: Vec::new() });
    };
    match step(desk, api, key, post.clone()) {
        // It cannot be read for as long as it is looked at: nobody will learn more of it.
        Err(Fault::Malformed(why)) if desk.now >= post.until => {
            let open = post.open(api.host(), key);
            let mut reading = Reading { desk, key, open, events: Vec::new() };
            reading.end(ReceiptStep::Failed, Some(&why));
            Ok(reading.over(api, &post))
        }
        Err(fault) => Err(patiently(fault)),
        done => done,
    }
}

fn step(desk: &Desk<'_>, api: &mut Api<'_>, key: &str, mut post: Post) -> Result<Harvest, Fault> {
    let all = waiting::read(api.host(), key, 0, post.cells);
    let via: BTreeMap<&str, &str> = all.iter().map(|one| (one.who(), one.errand())).collect();
    let open = post.open(api.host(), key);
    let mut reading = Reading { desk, key, open, events: Vec::new() };
    if post.moment.is_none() {
        match made(desk, api, &post)? {
            Making::Done(moment) => post.moment = Some(moment),
            Making::Goes if desk.now < post.until => return Ok(reading.again(api, post, 0)),
            Making::Goes => {}
            Making::Failed(why) => {
                reading.end(ReceiptStep::Failed, Some(&why));
                return Ok(reading.over(api, &post));
            }
        }
    }
    let moment = post.moment.clone().unwrap_or_default();
    let is_over = desk.now >= post.closes();
    if is_over && !post.is_closed && !moment.is_empty() {
        match take_back(api, &moment) {
            // It may be that it never can be: that keeps nobody's fate back for ever.
            Err(fault) if desk.now < post.closes() + PATIENCE_MS => return Err(fault),
            _ => post.is_closed = true,
        }
    }
    let publishers = if moment.is_empty() { Vec::new() } else { publishers(api, &moment)? };
    if is_over && publishers.is_empty() {
        reading.end(ReceiptStep::Expired, None);
        return Ok(reading.over(api, &post));
    }
    while let Some(staff) = publishers.get(post.next).filter(|_| api.calls() < CALLS_MAX) {
        reading.seen(api, &moment, staff)?;
        reading.reactions(api, &post, staff, &via)?;
        post.next += 1;
    }
    if post.next < publishers.len() {
        return Ok(reading.at(api, post, desk.now));
    }
    post.next = 0;
    if desk.now >= post.settles() {
        reading.end(ReceiptStep::Failed, Some(UNSEEN));
    }
    if desk.now >= post.until {
        return Ok(reading.over(api, &post));
    }
    let reads = post.reads.saturating_add(1);
    Ok(reading.again(api, post, reads))
}

/// Those who published it keep it, and nobody else does so any more. What cannot be taken back, because it is done or gone,
/// need not be; what becomes of it is read all the same.
fn take_back(api: &mut Api<'_>, moment: &str) -> Result<(), Fault> {
    match api.post::<Value>(CANCEL, &json!({"moment_id": moment})) {
        Ok(_) => Ok(()),
        Err(error) => match error.class() {
            Some(Class::Data | Class::Parameter | Class::Unknown | Class::Operator(_)) => Ok(()),
            Some(Class::Token | Class::Later(_) | Class::NoTie) | None => Err(error.into()),
        },
    }
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
    pages(api, TASK, PAGES_MAX, json!({"moment_id": moment, "limit": 1000}), |page| {
        for row in page.task_list.unwrap_or_default() {
            let is_published = row.get("publish_status").and_then(plain).as_deref() == Some(PUBLISHED);
            publishers.extend(row.get("userid").and_then(plain).filter(|_| is_published));
        }
    })?;
    Ok(publishers)
}

struct Reading<'a> {
    desk: &'a Desk<'a>,
    key: &'a str,
    /// Of whom nobody knows yet whether they see it.
    open: Vec<Waiting>,
    events: Vec<Event>,
}

impl Reading<'_> {
    /// Once more, later than the last time; at what comes next in its life, if that is sooner.
    fn again(self, api: &mut Api<'_>, mut post: Post, reads: u32) -> Harvest {
        let next = [post.closes(), post.settles(), post.until].into_iter().find(|at| *at > self.desk.now);
        let due = self.desk.now + self.desk.settings.receipt_delay_ms(reads);
        post.reads = reads;
        let due = due.min(next.unwrap_or(self.desk.now));
        self.at(api, post, due)
    }

    fn at(self, api: &mut Api<'_>, mut post: Post, due: u64) -> Harvest {
        post.keep_open(api.host(), self.key, &self.open);
        post.write(api.host(), self.key);
        Harvest { events: self.events, chores: vec![Job::Post { post: self.key.to_owned() }.due(due)] }
    }

    /// It is not read any more.
    fn over(self, api: &mut Api<'_>, post: &Post) -> Harvest {
        post.forget(api.host(), self.key);
        Harvest { events: self.events, chores: Vec::new() }
    }

    /// For all who are still open.
    fn end(&mut self, step: ReceiptStep, why: Option<&str>) {
        for one in std::mem::take(&mut self.open) {
            self.tell(&one, step, why.map(str::to_owned), None);
        }
    }

    fn tell(&mut self, one: &Waiting, step: ReceiptStep, why: Option<String>, staff: Option<&str>) {
        let (at, staff) = (self.desk.now, staff.map(str::to_owned));
        let carried = Carried { step, why, at, staff, touchpoint: Touchpoint::Moments };
        self.events.push(receipt(self.desk, one, carried));
    }

    /// Who sees one member of staff's copy.
    fn seen(&mut self, api: &mut Api<'_>, moment: &str, staff: &str) -> Result<(), Fault> {
        if self.open.is_empty() {
            return Ok(());
        }
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let body = json!({"moment_id": moment, "userid": staff, "limit": SEEN_ROWS});
        let read = pages(api, SEEN, PAGES_MAX, body, |page| {
            let rows = page.customer_list.unwrap_or_default();
            seen.extend(rows.iter().filter_map(|row| row.get("external_userid").and_then(plain)));
        });
        match read {
            Ok(()) => {}
            // Deleted meanwhile: nobody sees it there any more.
            Err(error) if matches!(error.class(), Some(Class::Data)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let (told, left) =
            std::mem::take(&mut self.open).into_iter().partition(|one| seen.contains(one.target()));
        self.open = left;
        let told: Vec<Waiting> = told;
        told.iter().for_each(|one| self.tell(one, ReceiptStep::Confirmed, None, Some(staff)));
        Ok(())
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
