//! `add_moment_task`: a post that a member of staff publishes to a part of the customers.
//!
//! The platform shows a post by tags, to nobody in particular. So errands that say the same to the same audience are one post,
//! in one call or in several, and a post without an audience is refused: it would be everybody's. One post has one end, the
//! latest of its errands': it stays visible to the others for as long as it is of use to one of them.

use std::collections::BTreeSet;

use heliu_sdk::Host;
use heliu_sdk::connector::Outcome;
use heliu_sdk::events::{Content, Instant};
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::message::{content_key, put_message};
use super::{Bag, Parcel, attachment, no, tag};
use crate::jobs::Job;
use crate::push::plain;
use crate::waiting::{self, Waiting};

/// Characters of a post's text, by the platform's page.
const TEXT_MAX: usize = 2000;
/// How the key ends of a post that says what one before it said, which was taken back and is still read.
const AGAIN: &str = ":again";
/// How long after its end the platform may take to tell who sees a copy that was published in the last minute.
const SETTLE_MS: u64 = 60 * 60 * 1000;
/// What is kept of a post for longer than it is read.
const MARGIN_MS: u64 = 2 * 24 * 60 * 60 * 1000;

/// What the memory knows of a post.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    pub jobid: String,
    /// The platform makes posts in its own time, and names them then.
    #[serde(default)]
    pub moment: Option<String>,
    #[serde(default)]
    pub content: Option<Content>,
    /// Cells of its errands: a like of hers is her errand's.
    pub cells: u32,
    /// Cells of those of them of whom nobody knows yet whether they see it.
    #[serde(default)]
    pub open: u32,
    pub since: Instant,
    /// Staff may publish it until then, if that is before `until`.
    #[serde(default)]
    pub end: Option<Instant>,
    /// It was taken back from those who had not published it.
    #[serde(default)]
    pub is_closed: bool,
    /// Read until then.
    pub until: Instant,
    #[serde(default)]
    pub reads: u32,
    /// The member of staff whose copy is read next.
    #[serde(default)]
    pub next: usize,
}

#[derive(Deserialize)]
struct Made {
    jobid: Value,
}

impl Post {
    pub fn read(host: &mut dyn Host, key: &str) -> Option<Post> {
        serde_json::from_slice(&host.get(key)?).ok()
    }

    pub fn write(&self, host: &mut dyn Host, key: &str) {
        let text = serde_json::to_vec(self).expect("because a post has text and numbers only");
        host.set(key, &text, Some(self.ttl_ms()));
    }

    /// All of it.
    pub fn forget(&self, host: &mut dyn Host, key: &str) {
        waiting::forget(host, key, 0, self.cells);
        waiting::forget(host, &open(key), 0, self.open);
        host.delete(key);
    }

    /// Those of whom nobody knows yet whether they see it.
    pub fn open(&self, host: &mut dyn Host, key: &str) -> Vec<Waiting> {
        waiting::read(host, &open(key), 0, self.open)
    }

    /// Writes them anew.
    pub fn keep_open(&mut self, host: &mut dyn Host, key: &str, left: &[Waiting]) {
        let cells = waiting::keep(host, &open(key), 0, left, self.ttl_ms());
        waiting::forget(host, &open(key), cells, self.open);
        self.open = cells;
    }

    /// Whether errands that say the same are of this one.
    fn takes(&self, now: Instant) -> bool {
        now < self.closes() && !self.is_closed
    }

    /// Until when staff may publish it.
    pub fn closes(&self) -> Instant {
        self.end.map_or(self.until, |end| end.min(self.until))
    }

    /// When those who do not see it by then never will.
    pub fn settles(&self) -> Instant {
        self.closes().saturating_add(SETTLE_MS).min(self.until)
    }

    fn ttl_ms(&self) -> u64 {
        self.until.saturating_sub(self.since) + MARGIN_MS
    }
}

pub fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    let detail = &parcel.detail;
    if detail.visible_range.as_ref().is_some_and(|range| !range.is_object()) {
        return Err(no("detail.visible_range is no object"));
    }
    if detail.tags.is_empty() && !has_tags(detail.visible_range.as_ref()) {
        return Err(no(
            "a post needs an audience, detail.tags or a tag_list in detail.visible_range: WeCom shows posts by tag, never to one customer, and without a tag to everybody",
        ));
    }
    if detail.visible_range.as_ref().is_none_or(|range| range.get("sender_list").is_none()) {
        parcel.staff()?;
    }
    detail.tags.iter().try_for_each(|name| tag::check_name(name))?;
    let chars = parcel.text().chars().count();
    if chars > TEXT_MAX {
        return Err(no(format!("its text has {chars} characters, and WeCom takes {TEXT_MAX}")));
    }
    attachment::check_of_post(&detail.attachments)?;
    parcel.check_message(usize::MAX)
}

/// Whether a range names a tag. One that names senders alone, or nothing, is every customer's.
fn has_tags(range: Option<&Value>) -> bool {
    let tags = range.and_then(|range| range.get("external_contact_list")?.get("tag_list")?.as_array());
    tags.is_some_and(|tags| !tags.is_empty() && tags.iter().all(|tag| plain(tag).is_some()))
}

fn open(key: &str) -> String {
    format!("{key}:open")
}

/// What is held while a post is written: the key of it and of the same one beside it.
pub fn held(key: &str) -> &str {
    key.strip_suffix(AGAIN).unwrap_or(key)
}

/// Where the memory has it: the same for errands that are one post.
pub fn key(parcel: &Parcel<'_>) -> String {
    let detail = &parcel.detail;
    let parts = [json!(detail.attachments), json!(detail.visible_range), json!(detail.tags)];
    let [attachments, range, tags] = parts.map(|part| part.to_string());
    let staff = parcel.errand.staff.as_deref().unwrap_or_default();
    format!("post:{}", content_key(&[staff, parcel.text(), &attachments, &range, &tags]))
}

pub fn carry(bag: &mut Bag<'_>, first: &Parcel<'_>, parcels: &[&Parcel<'_>]) -> Vec<Outcome> {
    let outcome = match join(bag, first, parcels) {
        Ok(jobid) => Outcome::AwaitingStaff(Some(jobid)),
        Err(fault) => Outcome::Failed(fault),
    };
    parcels.iter().map(|_| outcome.clone()).collect()
}

/// The post that is there already, or a new one, with these errands.
fn join(bag: &mut Bag<'_>, first: &Parcel<'_>, parcels: &[&Parcel<'_>]) -> Result<String, Fault> {
    let (base, now) = (key(first), bag.now);
    let keys = [format!("{base}{AGAIN}"), base];
    let known = keys.map(|key| (Post::read(bag.api.host(), &key), key));
    let joins = |(post, _): &(Option<Post>, String)| post.as_ref().is_some_and(|post| post.takes(now));
    let place = known.iter().position(joins).or_else(|| known.iter().rposition(|(post, _)| post.is_none()));
    let Some((post, key)) = place.and_then(|place| known.into_iter().nth(place)) else {
        return Err(no(
            "the same was posted twice and taken back, and both are still read: not a third time",
        ));
    };
    let mut post = match post {
        Some(post) => post,
        None => make(bag, first)?,
    };
    let is_new = post.cells == 0;
    post.end = end(if is_new { Some(0) } else { post.end }, parcels);
    let known = waiting::read(bag.api.host(), &key, 0, post.cells);
    let known: BTreeSet<&str> = known.iter().map(Waiting::errand).collect();
    let new = |parcel: &&&Parcel<'_>| !known.contains(parcel.errand.id.as_str());
    let one =
        |parcel: &&Parcel<'_>| Waiting(parcel.her.clone(), parcel.errand.id.clone(), parcel.her.clone());
    let waiting: Vec<Waiting> = parcels.iter().filter(new).map(one).collect();
    post.cells = waiting::keep(bag.api.host(), &key, post.cells, &waiting, post.ttl_ms());
    post.open = waiting::keep(bag.api.host(), &open(&key), post.open, &waiting, post.ttl_ms());
    post.write(bag.api.host(), &key);
    let due = now + bag.settings.receipt_delay_ms(0);
    bag.chores.push(Job::Post { post: key }.due(due.min(post.closes())));
    Ok(post.jobid)
}

/// The latest end of those that are one post. None: one of them has no end.
fn end(known: Option<Instant>, parcels: &[&Parcel<'_>]) -> Option<Instant> {
    parcels.iter().try_fold(known?, |latest, parcel| Some(latest.max(parcel.errand.not_after?)))
}

fn make(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<Post, Fault> {
    let mut body = json!({"visible_range": range(bag, parcel)?});
    put_message(&mut body, parcel);
    let made: Made = bag.api.post("externalcontact/add_moment_task", &body).map_err(|error| {
        if error.may_be_done() {
            return no(format!(
                "it is not known whether WeCom took the post, and it is not tried again ({})",
                Fault::from(error).why()
            ));
        }
        Fault::from(error)
    })?;
    let jobid = plain(&made.jobid).ok_or_else(|| no("add_moment_task answered without a jobid"))?;
    Ok(Post {
        jobid,
        moment: None,
        content: parcel.errand.content.clone(),
        cells: 0,
        open: 0,
        since: bag.now,
        end: None,
        is_closed: false,
        until: bag.now + bag.settings.moment_ms(),
        reads: 0,
        next: 0,
    })
}

/// Who publishes it, and who sees it. Where the range does not name senders, the errand's staff publishes it.
fn range(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<Value, Fault> {
    let detail = &parcel.detail;
    let mut range = detail.visible_range.clone().unwrap_or_else(|| json!({}));
    if let (None, Some(staff)) = (range.get("sender_list"), &parcel.errand.staff) {
        range["sender_list"] = json!({"user_list": [staff]});
    }
    if !detail.tags.is_empty() {
        let names: Vec<&String> = detail.tags.iter().collect();
        let known = tag::known(bag, &names)?;
        let id = |name: &String| known.get(name).ok_or_else(|| no(format!("the corp has no tag {name:?}")));
        let ids = detail.tags.iter().map(id).collect::<Result<Vec<&String>, Fault>>()?;
        range["external_contact_list"] = json!({"tag_list": ids});
    }
    Ok(range)
}
