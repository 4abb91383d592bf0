//! `add_msg_template`: a task for a member of staff, who must confirm it in the client before anything is sent.
//!
//! Invariant: a task that the platform may have taken is not made again before the list of tasks was looked at. The platform
//! takes no key of ours, so a try whose answer was lost is found again by its sender and its words.

use std::collections::{BTreeMap, BTreeSet};

use heliu_sdk::connector::Outcome;
use heliu_sdk::events::Instant;
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Bag, Parcel, attachment, earliest, no};
use crate::chores::task::senders;
use crate::crypto::hex;
use crate::jobs::{Job, TaskJob};
use crate::push::{instant, plain};
use crate::rest::ApiError;
use crate::waiting::{self, Waiting};

/// Bytes of a message's text, by the platform's page.
pub const TEXT_BYTES_MAX: usize = 4000;
/// Groups in one task.
const CHATS_MAX: usize = 2000;
/// How much earlier than by our clock a task may be listed.
const SKEW_MS: u64 = 60_000;
/// How long a lost answer is looked for. The list goes back a month.
const DOUBT_TTL_MS: u64 = 7 * 24 * 60 * 60 * 1000;
const LIST_PAGES_MAX: usize = 10;
/// What is kept of a task for longer than staff may confirm it.
const MARGIN_MS: u64 = 2 * 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
struct Made {
    msgid: Value,
    #[serde(default)]
    fail_list: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    group_msg_list: Option<Vec<Value>>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// A task of which nobody knows whether it was made.
#[derive(Serialize, Deserialize)]
struct Doubt {
    since: Instant,
    cells: u32,
    /// It was made, and found again; its errands are told so as they come.
    #[serde(default)]
    msgid: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Group,
}

pub fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    parcel.staff()?;
    attachment::check(&parcel.detail.attachments)?;
    parcel.check_message(TEXT_BYTES_MAX)
}

pub fn check_group(parcel: &Parcel<'_>) -> Result<(), Fault> {
    let chats = parcel.detail.chat_ids.len();
    if chats == 0 || chats > CHATS_MAX {
        return Err(no(format!("a group message needs detail.chat_ids: 1 to {CHATS_MAX}, here are {chats}")));
    }
    check(parcel)
}

/// Puts text and attachments into a request.
pub fn put_message(body: &mut Value, parcel: &Parcel<'_>) {
    if !parcel.text().is_empty() {
        body["text"] = json!({"content": parcel.text()});
    }
    if !parcel.detail.attachments.is_empty() {
        body["attachments"] = json!(parcel.detail.attachments);
    }
}

/// The same for the same parts.
pub fn content_key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..16])
}

impl Parcel<'_> {
    /// The same for errands of one scene that ask the same staff to say the same until about the same time.
    pub(super) fn content_key(&self) -> String {
        let attachments = json!(self.detail.attachments).to_string();
        let staff = self.errand.staff.as_deref().unwrap_or_default();
        let end = self.end().map(|end| end.to_string());
        let mut parts = vec![self.errand.scene.as_str(), staff, self.text(), &attachments];
        parts.extend(end.as_deref());
        content_key(&parts)
    }
}

pub fn direct(bag: &mut Bag<'_>, first: &Parcel<'_>, parcels: &[&Parcel<'_>]) -> Vec<Outcome> {
    let waiting =
        |parcel: &&Parcel<'_>| Waiting(parcel.her.clone(), parcel.errand.id.clone(), parcel.her.clone());
    Task { bag, first, kind: Kind::Single, end: earliest(parcels) }
        .carry(parcels.iter().map(waiting).collect(), parcels)
}

pub fn group(bag: &mut Bag<'_>, first: &Parcel<'_>, parcels: &[&Parcel<'_>]) -> Vec<Outcome> {
    let waiting = |parcel: &&Parcel<'_>| {
        let (id, her) = (parcel.errand.id.clone(), parcel.her.clone());
        let chats = parcel.detail.chat_ids.clone();
        chats.into_iter().map(move |chat| Waiting(chat, id.clone(), her.clone()))
    };
    Task { bag, first, kind: Kind::Group, end: earliest(parcels) }
        .carry(parcels.iter().flat_map(waiting).collect(), parcels)
}

struct Task<'t, 'b, 'p> {
    bag: &'t mut Bag<'b>,
    /// All parcels of a task say what this one says.
    first: &'t Parcel<'p>,
    kind: Kind,
    /// When the first of them is of no use any more.
    end: Option<Instant>,
}

impl Task<'_, '_, '_> {
    fn carry(mut self, mut waiting: Vec<Waiting>, parcels: &[&Parcel<'_>]) -> Vec<Outcome> {
        let mut told: BTreeMap<String, Outcome> = BTreeMap::new();
        match self.found_again() {
            Ok(None) => {}
            Ok(Some((msgid, again))) => {
                let ours: BTreeSet<&str> = again.iter().map(Waiting::errand).collect();
                let (found, new) = waiting.into_iter().partition(|one| ours.contains(one.errand()));
                let found: Vec<Waiting> = found;
                waiting = new;
                self.claimed(&again, &found);
                told.extend(
                    found.into_iter().map(|one| (one.1, Outcome::AwaitingStaff(Some(msgid.clone())))),
                );
            }
            Err(error) => {
                let failed = Outcome::Failed(error.into());
                told.extend(waiting.drain(..).map(|one| (one.1, failed.clone())));
            }
        }
        if !waiting.is_empty() {
            for (errand, outcome) in self.make(&waiting) {
                // A message to several groups is on its way when one of them was taken.
                let known = told.entry(errand).or_insert_with(|| outcome.clone());
                if matches!(known, Outcome::Failed(_)) {
                    *known = outcome;
                }
            }
        }
        let outcome_of = |parcel: &&Parcel<'_>| {
            told.get(&parcel.errand.id).cloned().unwrap_or(Outcome::Failed(super::next_call()))
        };
        parcels.iter().map(outcome_of).collect()
    }

    fn make(&mut self, waiting: &[Waiting]) -> Vec<(String, Outcome)> {
        let mut targets: Vec<&str> = Vec::new();
        let mut seen = BTreeSet::new();
        targets.extend(waiting.iter().map(Waiting::target).filter(|target| seen.insert(*target)));
        let staff = self.first.errand.staff.as_deref().unwrap_or_default();
        let mut body = json!({"chat_type": self.kind.name(), "sender": staff, self.kind.list(): targets});
        put_message(&mut body, self.first);
        let made = match self.bag.api.post::<Made>("externalcontact/add_msg_template", &body) {
            Ok(made) => made,
            Err(error) => {
                if error.may_be_done() {
                    self.doubt(waiting);
                }
                let failed = Outcome::Failed(error.into());
                return waiting.iter().map(|one| (one.1.clone(), failed.clone())).collect();
            }
        };
        let Some(msgid) = plain(&made.msgid) else {
            let failed = Outcome::Failed(no("add_msg_template answered without a msgid"));
            return waiting.iter().map(|one| (one.1.clone(), failed.clone())).collect();
        };
        let refused: BTreeSet<String> = made.fail_list.unwrap_or_default().iter().filter_map(plain).collect();
        let taken: Vec<Waiting> =
            waiting.iter().filter(|one| !refused.contains(one.target())).cloned().collect();
        self.keep(&msgid, &taken);
        let tell = |one: &Waiting| {
            let outcome = match refused.contains(one.target()) {
                true => Outcome::Failed(no(format!("WeCom will not send to {}: fail_list", one.target()))),
                false => Outcome::AwaitingStaff(Some(msgid.clone())),
            };
            (one.1.clone(), outcome)
        };
        waiting.iter().map(tell).collect()
    }

    /// Remembers whose task it is, and asks for its results.
    fn keep(&mut self, msgid: &str, waiting: &[Waiting]) {
        if waiting.is_empty() {
            return;
        }
        let (now, settings) = (self.bag.now, self.bag.settings);
        let ttl_ms = settings.confirm_ms() + MARGIN_MS;
        let cells = waiting::keep(self.bag.api.host(), &TaskJob::memory(msgid), 0, waiting, ttl_ms);
        let until = settings.confirm_until(now, self.end);
        let job = TaskJob {
            msgid: msgid.to_owned(),
            sender: self.first.errand.staff.clone().unwrap_or_default(),
            in_groups: self.kind == Kind::Group,
            cells,
            until,
            reads: 0,
        };
        let due = now + settings.receipt_delay_ms(0);
        self.bag.chores.push(Job::Task(job).due(due.min(until)));
    }

    fn doubt_key(&self) -> String {
        format!("doubt:{}", self.first.content_key())
    }

    fn doubt(&mut self, waiting: &[Waiting]) {
        let (key, since) = (self.doubt_key(), self.bag.now);
        let host = self.bag.api.host();
        let cells = waiting::keep(host, &key, 0, waiting, DOUBT_TTL_MS);
        let doubt = Doubt { since, cells, msgid: None };
        host.set(&key, &serde_json::to_vec(&doubt).unwrap_or_default(), Some(DOUBT_TTL_MS));
    }

    /// The task of an earlier try whose answer was lost, and those errands of it that nobody was told of yet.
    fn found_again(&mut self) -> Result<Option<(String, Vec<Waiting>)>, ApiError> {
        let key = self.doubt_key();
        let doubt =
            self.bag.api.host().get(&key).and_then(|text| serde_json::from_slice::<Doubt>(&text).ok());
        let Some(mut doubt) = doubt else { return Ok(None) };
        let again = waiting::read(self.bag.api.host(), &key, 0, doubt.cells);
        if let Some(msgid) = doubt.msgid {
            return Ok(Some((msgid, again)));
        }
        let Some(msgid) = self.find(doubt.since)? else {
            self.bag.api.host().delete(&key);
            waiting::forget(self.bag.api.host(), &key, 0, doubt.cells);
            return Ok(None);
        };
        self.keep(&msgid, &again);
        doubt.msgid = Some(msgid.clone());
        self.bag.api.host().set(&key, &serde_json::to_vec(&doubt).unwrap_or_default(), Some(DOUBT_TTL_MS));
        Ok(Some((msgid, again)))
    }

    /// Those that came again in this call are told; who comes later is found in what is left.
    fn claimed(&mut self, again: &[Waiting], found: &[Waiting]) {
        let key = self.doubt_key();
        let told: BTreeSet<&str> = found.iter().map(Waiting::errand).collect();
        let left: Vec<Waiting> = again.iter().filter(|one| !told.contains(one.errand())).cloned().collect();
        let host = self.bag.api.host();
        let Some(mut doubt) = host.get(&key).and_then(|text| serde_json::from_slice::<Doubt>(&text).ok())
        else {
            return;
        };
        let cells = waiting::keep(host, &key, 0, &left, DOUBT_TTL_MS);
        waiting::forget(host, &key, cells, doubt.cells);
        doubt.cells = cells;
        if left.is_empty() {
            host.delete(&key);
        } else {
            host.set(&key, &serde_json::to_vec(&doubt).unwrap_or_default(), Some(DOUBT_TTL_MS));
        }
    }

    /// A task that the API made since then, for this sender, with these words, that is none of those we know.
    fn find(&mut self, since: Instant) -> Result<Option<String>, ApiError> {
        let from = since.saturating_sub(SKEW_MS);
        let mut body = json!({
            "chat_type": self.kind.name(),
            "start_time": from / 1000,
            "end_time": (self.bag.now + SKEW_MS) / 1000,
            "filter_type": 0,
            "limit": 100,
        });
        for _ in 0..LIST_PAGES_MAX {
            let page: Listed = self.bag.api.post("externalcontact/get_groupmsg_list_v2", &body)?;
            for row in page.group_msg_list.unwrap_or_default() {
                let Some(msgid) = row.get("msgid").and_then(plain).filter(|_| self.says_the_same(&row, from))
                else {
                    continue;
                };
                if self.bag.api.host().get(&format!("{}:0", TaskJob::memory(&msgid))).is_some() {
                    continue;
                }
                let staff = self.first.errand.staff.as_deref();
                if senders(&mut self.bag.api, &msgid)?
                    .iter()
                    .any(|sender| Some(sender.userid.as_str()) == staff)
                {
                    return Ok(Some(msgid));
                }
            }
            match page.next_cursor.filter(|cursor| !cursor.is_empty()) {
                Some(cursor) => body["cursor"] = json!(cursor),
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    fn says_the_same(&self, row: &Value, from: Instant) -> bool {
        let text =
            row.get("text").and_then(|text| text.get("content")).and_then(Value::as_str).unwrap_or_default();
        let attachments = row.get("attachments").and_then(Value::as_array).map_or(0, Vec::len);
        let created = row.get("create_time").and_then(plain).and_then(|at| instant(&at));
        row.get("creator").and_then(plain).is_none()
            && text == self.first.text()
            && attachments == self.first.detail.attachments.len()
            && created.is_none_or(|at| at >= from)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Single => "single",
            Kind::Group => "group",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Kind::Single => "external_userid",
            Kind::Group => "chat_id_list",
        }
    }
}
