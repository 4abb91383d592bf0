//! `add_moment_task`: a post that a member of staff publishes to a part of the customers.
//!
//! The platform shows a post by tags, to nobody in particular. So errands that say the same to the same audience are one post,
//! in one call or in several, and a post without an audience is refused: it would be everybody's.

use std::collections::BTreeSet;

use heliu_sdk::Host;
use heliu_sdk::connector::Outcome;
use heliu_sdk::events::{Content, Instant};
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::message::{content_key, put_message};
use super::{Bag, Parcel, no, tag};
use crate::jobs::Job;
use crate::push::plain;
use crate::waiting::{self, Waiting};

/// Characters of a post's text, by the platform's page.
const TEXT_MAX: usize = 2000;
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
    /// Cells of errands.
    pub cells: u32,
    /// Those of them whose errands are told that it is published.
    #[serde(default)]
    pub told: u32,
    pub since: Instant,
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
        host.delete(key);
    }

    fn ttl_ms(&self) -> u64 {
        self.until.saturating_sub(self.since) + MARGIN_MS
    }
}

pub fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    let detail = &parcel.detail;
    match &detail.visible_range {
        None if detail.tags.is_empty() => {
            return Err(no(
                "a post needs an audience, detail.tags or detail.visible_range: WeCom shows posts by tag, never to one customer",
            ));
        }
        Some(range) if !range.is_object() => return Err(no("detail.visible_range is no object")),
        None | Some(_) => {}
    }
    if detail.visible_range.as_ref().is_none_or(|range| range.get("sender_list").is_none()) {
        parcel.staff()?;
    }
    detail.tags.iter().try_for_each(|name| tag::check_name(name))?;
    let chars = parcel.text().chars().count();
    if chars > TEXT_MAX {
        return Err(no(format!("its text has {chars} characters, and WeCom takes {TEXT_MAX}")));
    }
    parcel.check_message(usize::MAX)
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
    let (key, now) = (key(first), bag.now);
    let mut post = match Post::read(bag.api.host(), &key).filter(|post| now < post.until) {
        Some(post) => post,
        None => make(bag, first)?,
    };
    let known = waiting::read(bag.api.host(), &key, 0, post.cells);
    let known: BTreeSet<&str> = known.iter().map(Waiting::errand).collect();
    let new = |parcel: &&&Parcel<'_>| !known.contains(parcel.errand.id.as_str());
    let one =
        |parcel: &&Parcel<'_>| Waiting(parcel.her.clone(), parcel.errand.id.clone(), parcel.her.clone());
    let waiting: Vec<Waiting> = parcels.iter().filter(new).map(one).collect();
    post.cells = waiting::keep(bag.api.host(), &key, post.cells, &waiting, post.ttl_ms());
    post.write(bag.api.host(), &key);
    let due = now + bag.settings.receipt_delay_ms(0);
    bag.chores.push(Job::Post { post: key }.due(due));
    Ok(post.jobid)
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
        told: 0,
        since: bag.now,
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
