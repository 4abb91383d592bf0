//! `groupchat/get`: what a group is called, and which of its members a push left unnamed.
//!
//! The answer lags behind the push by an unstated time. So a group whose member list is not of the announced version,
//! or has nobody who came, is read once more a minute later.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Event, Fact, Identity, Touchpoint, TraitValue, Value};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Desk, Row, id};
use crate::identity::{self, Member};
use crate::jobs::{GroupJob, Job, Joins};
use crate::push::{instant, plain};
use crate::rest::{Api, ApiError};

const PATH: &str = "externalcontact/groupchat/get";
const AGAIN_MS: u64 = 60_000;
/// The group is none of customers, or none any more.
const NO_CUSTOMER_GROUP: i64 = 90501;

#[derive(Deserialize)]
struct Answer {
    group_chat: Box<RawValue>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    member_list: Option<Vec<Box<RawValue>>>,
}

pub fn read(desk: &Desk<'_>, api: &mut Api<'_>, job: &GroupJob) -> Result<Harvest, Fault> {
    let body = json!({"chat_id": job.chat_id, "need_name": 1});
    let answer: Answer = match api.post(PATH, &body) {
        Ok(answer) => answer,
        // Dissolved between the push and now: there is nothing to tell that the pushes have not told.
        Err(ApiError::Refused { code: NO_CUSTOMER_GROUP, fault: _ }) => {
            return Ok(Harvest { events: Vec::new(), chores: Vec::new() });
        }
        Err(error) => return Err(error.into()),
    };
    let group = Row::read(PATH, &answer.group_chat)?;
    let members: Members = serde_json::from_str(answer.group_chat.get())
        .map_err(|_| Fault::Malformed(format!("{PATH} answered a member list of another shape")))?;
    let members = members.member_list.unwrap_or_default();
    let mut events = vec![known(desk, job, &group, members.len())];
    let mut joined = false;
    for raw in &members {
        let member = GroupMember::of(Row::read(PATH, raw)?);
        let Some(member) = member.filter(|member| member.came_within(job)) else { continue };
        if member.is_untold(job) {
            joined = true;
            events.push(member.joined(desk, job));
        }
        events.extend(member.told(desk, job));
    }
    let announced = job.version.as_deref();
    let is_stale =
        announced.is_some_and(|version| group.text("member_version").is_some_and(|read| read != version));
    let is_missing = job.joins != Joins::None && !joined;
    let chores = if (is_stale || is_missing) && !job.again {
        vec![Job::Group(GroupJob { again: true, ..job.clone() }).due(desk.now + AGAIN_MS)]
    } else {
        Vec::new()
    };
    Ok(Harvest { events, chores })
}

/// The group's record without its member list, which has its own events and may be long.
fn known(desk: &Desk<'_>, job: &GroupJob, group: &Row, members: usize) -> Event {
    let mut fields = group.fields.clone();
    fields.remove("member_list");
    let record = serde_json::Value::Object(fields).to_string();
    let id = id("group", &[&job.cause.to_string(), &job.chat_id, &group.content()]);
    let mut event = desk.act(id, "wecom.group.known", &job.chat_id);
    if let Fact::Did(act) = &mut event.fact {
        act.title = group.text("name");
        act.quantity = i64::try_from(members).ok();
    }
    event.staff = group.text("owner");
    event.touchpoint = Touchpoint::GroupChat;
    event.extra = Some(record);
    event
}

struct GroupMember {
    id: String,
    is_customer: bool,
    joined_at: u64,
    unionid: Option<String>,
    name: Option<String>,
    state: Option<String>,
    inviter: Option<String>,
    text: String,
}

impl GroupMember {
    /// None where it lacks what makes it one: nothing can be told of it.
    fn of(row: Row) -> Option<GroupMember> {
        Some(GroupMember {
            id: row.text("userid")?,
            is_customer: row.text("type").as_deref() == Some("2"),
            joined_at: instant(&row.text("join_time")?)?,
            unionid: row.text("unionid"),
            name: row.text("name"),
            state: row.text("state"),
            inviter: row.fields.get("invitor").and_then(|inviter| inviter.get("userid")).and_then(plain),
            text: row.text,
        })
    }

    fn came_within(&self, job: &GroupJob) -> bool {
        job.from <= self.joined_at && job.until.is_none_or(|until| self.joined_at <= until)
    }

    fn is_untold(&self, job: &GroupJob) -> bool {
        match job.joins {
            Joins::None => false,
            Joins::Unclear => Member::of(&self.id, job.in_suite) == Member::Unclear,
            Joins::All => true,
        }
    }

    fn handles(&self, desk: &Desk<'_>) -> Vec<Identity> {
        let mut who = vec![identity::external(&desk.settings.corp_id, &self.id)];
        who.extend(self.unionid.iter().map(|unionid| identity::union(desk.settings, unionid)));
        who
    }

    /// The same fact however often and for whatever reason the group is read.
    fn joined(&self, desk: &Desk<'_>, job: &GroupJob) -> Event {
        let inviter = self.inviter.as_deref();
        let by_customer = inviter.filter(|id| Member::of(id, false) == Member::Customer);
        let act = Act {
            kind: "joined-group".to_owned(),
            object: Some(job.chat_id.clone()),
            title: None,
            quantity: None,
            state: self.state.clone(),
            whom: by_customer.map(|id| identity::external(&desk.settings.corp_id, id)),
        };
        let (who, staff) = if self.is_customer {
            (self.handles(desk), inviter.filter(|_| by_customer.is_none()).map(str::to_owned))
        } else {
            (Vec::new(), Some(self.id.clone()))
        };
        Event {
            id: id("join", &[&job.chat_id, &self.id, &self.joined_at.to_string()]),
            at: self.joined_at,
            who,
            staff,
            touchpoint: Touchpoint::GroupChat,
            fact: Fact::Did(act),
            extra: Some(self.text.clone()),
        }
    }

    /// Her name and unionid. A member who is nobody's customer has no profile: the group alone tells them.
    fn told(&self, desk: &Desk<'_>, job: &GroupJob) -> Option<Event> {
        if !self.is_customer || (self.name.is_none() && self.unionid.is_none()) {
            return None;
        }
        let name = self.name.clone().unwrap_or_default();
        let unionid = self.unionid.as_deref().unwrap_or_default();
        let traits =
            self.name.iter().map(|name| TraitValue { name: "name".into(), value: Value::Text(name.clone()) });
        Some(Event {
            // By the minute: in a busy group the next push looks at the same members again.
            id: id("member", &[&job.from.to_string(), &self.id, unionid, &name]),
            at: desk.now,
            who: self.handles(desk),
            staff: None,
            touchpoint: Touchpoint::GroupChat,
            fact: Fact::Told(traits.collect()),
            extra: None,
        })
    }
}
