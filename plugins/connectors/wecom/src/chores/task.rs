//! `get_groupmsg_task`, `get_groupmsg_send_result`: what became of a message that a member of staff had to confirm.
//!
//! Nothing calls us when staff confirm, so it is read, less and less often, until everybody's fate is known or staff have had
//! their time. Then the task is taken back, so that what was told to have expired is not sent after all.

use std::collections::{BTreeMap, BTreeSet};

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Event, Fact, Instant, Receipt, ReceiptStep, Touchpoint};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, id};
use crate::errcode::Class;
use crate::identity;
use crate::jobs::{Job, TaskJob};
use crate::push::{instant, plain};
use crate::rest::{Api, ApiError};
use crate::waiting::{self, Waiting};

const TASK: &str = "externalcontact/get_groupmsg_task";
const RESULT: &str = "externalcontact/get_groupmsg_send_result";
const CANCEL: &str = "externalcontact/cancel_groupmsg_send";
/// Rows on one page. The platform's page says 1000 in one place and 500 in another.
const ROWS: u32 = 500;
/// When to try again to read what could not be read.
const UNREADABLE_MS: u32 = 60 * 60 * 1000;
/// Pages of one answer: 10 000 customers are 20.
const PAGES_MAX: usize = 40;

/// A page of what became of a task or a post.
#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub task_list: Option<Vec<Value>>,
    #[serde(default)]
    pub send_list: Option<Vec<Value>>,
    #[serde(default)]
    pub customer_list: Option<Vec<Value>>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// A member of staff who was asked to confirm.
pub struct Sender {
    pub userid: String,
    pub has_sent: bool,
}

/// What the platform says of one customer or one group.
struct Row {
    target: String,
    fate: Fate,
}

enum Fate {
    Sent(Option<Instant>),
    Failed(String),
}

pub fn read(desk: &Desk<'_>, api: &mut Api<'_>, job: &TaskJob) -> Result<Harvest, Fault> {
    let name = TaskJob::memory(&job.msgid);
    let mut waiting = waiting::read(api.host(), &name, 0, job.cells);
    if waiting.is_empty() {
        return Ok(Harvest { events: Vec::new(), chores: Vec::new() });
    }
    let is_over = desk.now >= job.until;
    if is_over {
        take_back(api, &job.msgid)?;
    }
    let mut told = Told { desk, job, events: Vec::new() };
    match rows(api, job) {
        Ok(rows) => told.settle(&rows, &mut waiting),
        Err(error) => {
            // The task is not there (any more), or cannot be read for as long as it is looked at: nobody will learn more of it.
            let is_gone = matches!(error.class(), Some(Class::Data | Class::Parameter));
            match Fault::from(error) {
                Fault::Malformed(why) if is_gone || is_over => {
                    waiting
                        .drain(..)
                        .for_each(|one| told.tell(&one, ReceiptStep::Failed, Some(why.clone()), None));
                }
                fault => return Err(patiently(fault)),
            }
        }
    }
    if is_over {
        waiting.drain(..).for_each(|one| told.tell(&one, ReceiptStep::Expired, None, None));
    }
    let events = told.once();
    let ttl_ms = job.until.saturating_sub(desk.now) + desk.settings.confirm_ms();
    let cells = waiting::keep(api.host(), &name, 0, &waiting, ttl_ms);
    waiting::forget(api.host(), &name, cells, job.cells);
    let mut chores = Vec::new();
    if cells > 0 {
        let reads = job.reads.saturating_add(1);
        let due = (desk.now + desk.settings.receipt_delay_ms(reads)).min(job.until);
        chores.push(Job::Task(TaskJob { cells, reads, ..job.clone() }).due(due));
    }
    Ok(Harvest { events, chores })
}

/// What cannot be read now may be read later: errands wait for it, and a chore that dies tells them nothing.
pub(super) fn patiently(fault: Fault) -> Fault {
    match fault {
        Fault::Malformed(why) => Fault::later(without_words(&why), Some(UNREADABLE_MS)),
        Fault::Misconfigured(_) | Fault::Later(_) | Fault::Unauthorised(_) => fault,
    }
}

/// Behind the colon stand the platform's own words, which may name whom it was asked about; the host logs why it should try
/// again later.
fn without_words(why: &str) -> &str {
    why.split_once(": ").map_or(why, |(said, _)| said)
}

/// The platform refuses what was sent already: then there is nothing to take back.
fn take_back(api: &mut Api<'_>, msgid: &str) -> Result<(), Fault> {
    match api.post::<Value>(CANCEL, &json!({"msgid": msgid})) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.class(), Some(Class::Data | Class::Parameter | Class::Unknown)) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The staff whom a task asks.
pub fn senders(api: &mut Api<'_>, msgid: &str) -> Result<Vec<Sender>, ApiError> {
    let mut senders = Vec::new();
    pages(api, TASK, PAGES_MAX, json!({"msgid": msgid, "limit": ROWS}), |page| {
        for row in page.task_list.unwrap_or_default() {
            if let Some(userid) = row.get("userid").and_then(plain) {
                // The documents say 2 for sent, and their sample shows 1.
                let status = row.get("status").and_then(plain);
                senders.push(Sender { userid, has_sent: status.is_some_and(|status| status != "0") });
            }
        }
    })?;
    Ok(senders)
}

fn rows(api: &mut Api<'_>, job: &TaskJob) -> Result<Vec<Row>, ApiError> {
    let mut rows = Vec::new();
    for sender in senders(api, &job.msgid)?.iter().filter(|sender| sender.has_sent) {
        let body = json!({"msgid": job.msgid, "userid": sender.userid, "limit": ROWS});
        pages(api, RESULT, PAGES_MAX, body, |page| {
            let list = page.send_list.unwrap_or_default();
            rows.extend(list.iter().filter_map(|row| Row::read(row, job.in_groups, &sender.userid)));
        })?;
    }
    Ok(rows)
}

/// Reads one page after the other.
pub(super) fn pages(
    api: &mut Api<'_>,
    path: &str,
    pages_max: usize,
    mut body: Value,
    mut take: impl FnMut(Page),
) -> Result<(), ApiError> {
    for _ in 0..pages_max {
        let mut page: Page = match api.post(path, &body) {
            // How long a cursor holds is not promised: from the beginning then.
            Err(error) if error.class() == Some(Class::Parameter) && body.get("cursor").is_some() => {
                return Err(ApiError::Failed(Fault::later(without_words(Fault::from(error).why()), None)));
            }
            answer => answer?,
        };
        let cursor = page.next_cursor.take().filter(|cursor| !cursor.is_empty());
        take(page);
        match cursor {
            Some(cursor) => body["cursor"] = json!(cursor),
            None => return Ok(()),
        }
    }
    Err(ApiError::Failed(Fault::Malformed(format!("{path}: more than {pages_max} pages"))))
}

impl Row {
    /// None where it is not sent yet, or says something that nobody knows.
    fn read(row: &Value, in_groups: bool, staff: &str) -> Option<Row> {
        let target = row.get(if in_groups { "chat_id" } else { "external_userid" }).and_then(plain)?;
        let fate = match row.get("status").and_then(plain)?.as_str() {
            "1" => Fate::Sent(row.get("send_time").and_then(plain).and_then(|at| instant(&at))),
            "2" => Fate::Failed(format!("she is no friend of {staff} any more")),
            "3" => Fate::Failed("she got as many mass messages as WeCom allows".to_owned()),
            _ => return None,
        };
        Some(Row { target, fate })
    }
}

struct Told<'a> {
    desk: &'a Desk<'a>,
    job: &'a TaskJob,
    events: Vec<Event>,
}

impl Told<'_> {
    /// Takes those out whose fate is known. An errand to several groups has arrived with the first, and failed with the last.
    fn settle(&mut self, rows: &[Row], waiting: &mut Vec<Waiting>) {
        let fates: BTreeMap<&str, &Fate> = rows.iter().map(|row| (row.target.as_str(), &row.fate)).collect();
        let mut arrived: BTreeMap<String, Option<Instant>> = BTreeMap::new();
        for one in waiting.iter() {
            if let Some(Fate::Sent(at)) = fates.get(one.target()) {
                arrived.entry(one.errand().to_owned()).or_insert(*at);
            }
        }
        let mut failed = Vec::new();
        let mut left = Vec::new();
        for one in waiting.drain(..) {
            match (arrived.get(one.errand()), fates.get(one.target())) {
                (Some(at), _) => self.tell(&one, ReceiptStep::Confirmed, None, *at),
                (None, Some(Fate::Failed(why))) => failed.push((one, why)),
                (None, _) => left.push(one),
            }
        }
        let hopes: BTreeSet<&str> = left.iter().map(Waiting::errand).collect();
        for (one, why) in failed.iter().filter(|(one, _)| !hopes.contains(one.errand())) {
            self.tell(one, ReceiptStep::Failed, Some((*why).clone()), None);
        }
        *waiting = left;
    }

    fn tell(&mut self, one: &Waiting, step: ReceiptStep, why: Option<String>, at: Option<Instant>) {
        let touchpoint = if self.job.in_groups { Touchpoint::GroupChat } else { Touchpoint::DirectMessage };
        let staff = Some(self.job.sender.clone()).filter(|staff| !staff.is_empty());
        let at = at.unwrap_or(self.desk.now);
        self.events.push(receipt(self.desk, one, Carried { step, why, at, staff, touchpoint }));
    }

    /// One errand to several groups was told of once for each.
    fn once(self) -> Vec<Event> {
        let mut seen = BTreeSet::new();
        self.events.into_iter().filter(|event| seen.insert(event.id.clone())).collect()
    }
}

/// What a receipt says besides whose it is.
pub(super) struct Carried {
    pub step: ReceiptStep,
    pub why: Option<String>,
    pub at: Instant,
    pub staff: Option<String>,
    pub touchpoint: Touchpoint,
}

/// The event of a receipt. An errand reaches a step once, so both are its id.
pub(super) fn receipt(desk: &Desk<'_>, one: &Waiting, carried: Carried) -> Event {
    let Carried { step, why, at, staff, touchpoint } = carried;
    let name = match step {
        ReceiptStep::Sent => "sent",
        ReceiptStep::Confirmed => "confirmed",
        ReceiptStep::Failed => "failed",
        ReceiptStep::Expired => "expired",
        ReceiptStep::Read => "read",
        ReceiptStep::Clicked => "clicked",
        ReceiptStep::Replied => "replied",
        ReceiptStep::Bought => "bought",
    };
    Event {
        id: id("receipt", &[one.errand(), name]),
        at,
        who: vec![identity::external(&desk.settings.corp_id, one.who())],
        staff,
        touchpoint,
        fact: Fact::Carried(Receipt { errand: one.errand().to_owned(), step, why }),
        extra: None,
    }
}
