//! What an app has the platform carry to customers: welcomes, tasks that staff confirm, posts that they publish. And what each
//! customer received of it, so that a test sees what came twice.
//!
//! Staff are the test: [`Corp::confirm`], [`Corp::publish`], [`Corp::like`], [`Corp::comment`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::corp::Corp;
use super::limits::MassLimit;

/// A welcome's code is of no use after this.
pub const WELCOME_S: u64 = 20;

#[derive(Clone, Debug, Default)]
pub struct Outbox {
    pub welcomes: BTreeMap<String, Welcome>,
    /// By msgid.
    pub tasks: BTreeMap<String, Task>,
    /// By jobid.
    pub jobs: BTreeMap<String, PostJob>,
    /// By moment_id.
    pub posts: BTreeMap<String, Post>,
    /// By external_userid, in the order in which it came.
    pub received: BTreeMap<String, Vec<Received>>,
    issued: u64,
}

#[derive(Clone, Debug)]
pub struct Welcome {
    pub staff: String,
    pub external_userid: String,
    pub issued_s: u64,
    pub is_used: bool,
}

/// One message or post that reached a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub by: Way,
    pub staff: String,
    pub text: String,
    pub attachments: usize,
    pub at_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Welcome,
    Mass,
    Group,
    Post,
}

/// What is said: the same in every kind.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub text: String,
    pub attachments: Vec<Value>,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub is_group: bool,
    pub sender: String,
    pub words: Words,
    pub created_s: u64,
    /// external_userids or chat_ids, each with its status and the second in which it was sent.
    pub targets: BTreeMap<String, Fate>,
    /// When the sender confirmed.
    pub confirmed_s: Option<u64>,
    pub is_cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Unsent,
    Sent {
        at_s: u64,
    },
    /// She is no friend of the sender any more.
    NoFriend,
    /// She got as many mass messages as she may.
    Enough,
}

#[derive(Clone, Debug)]
pub struct PostJob {
    /// How often its result was asked for: it is not done at once.
    pub asked: u32,
    /// The post, or why there is none.
    pub result: Result<String, (i64, &'static str)>,
}

#[derive(Clone, Debug)]
pub struct Post {
    pub words: Words,
    pub senders: Vec<String>,
    pub tag_ids: Vec<String>,
    pub created_s: u64,
    /// By userid of the staff who published.
    pub copies: BTreeMap<String, Copy>,
    /// Nobody else can publish it.
    pub is_cancelled: bool,
}

/// One member of staff's copy of a post.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    pub published_s: u64,
    /// Who sees it.
    pub audience: Vec<String>,
    /// By whom, and when: a customer or one of the staff.
    pub likes: Vec<(String, u64)>,
    pub comments: Vec<(String, u64)>,
}

impl Outbox {
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.issued += 1;
        format!("{prefix}FabLe{:08}", self.issued)
    }
}

impl Corp {
    /// What a customer received so far.
    pub fn received(&self, external_userid: &str) -> &[Received] {
        self.outbox.received.get(external_userid).map(Vec::as_slice).unwrap_or_default()
    }

    /// How often a customer received this text, by whatever way.
    pub fn times_received(&self, external_userid: &str, text: &str) -> usize {
        self.received(external_userid).iter().filter(|one| one.text == text).count()
    }

    /// The tasks that wait for this member of staff.
    pub fn unconfirmed(&self, staff: &str) -> Vec<String> {
        let waits = |task: &&Task| task.sender == staff && task.confirmed_s.is_none() && !task.is_cancelled;
        let tasks = self.outbox.tasks.iter().filter(|(_, task)| waits(task));
        tasks.map(|(msgid, _)| msgid.clone()).collect()
    }

    /// The sender confirms a task: what can be sent is sent. Gives to how many. A customer gets as many mass messages as the
    /// limit allows.
    pub fn confirm(&mut self, msgid: &str, now_s: u64, limit: MassLimit) -> usize {
        let Some(mut task) = self.outbox.tasks.get(msgid).cloned() else { return 0 };
        if task.is_cancelled || task.confirmed_s.is_some() {
            return 0;
        }
        task.confirmed_s = Some(now_s);
        let targets: Vec<String> = task.targets.keys().cloned().collect();
        for target in targets {
            let fate = if task.is_group {
                self.say_in_group(&target, &task, now_s)
            } else {
                self.say(&target, &task, now_s, limit)
            };
            task.targets.insert(target, fate);
        }
        let sent = task.targets.values().filter(|fate| matches!(fate, Fate::Sent { .. })).count();
        self.outbox.tasks.insert(msgid.to_owned(), task);
        sent
    }

    fn say(&mut self, external_userid: &str, task: &Task, now_s: u64, limit: MassLimit) -> Fate {
        let relation =
            self.relations.get(external_userid).and_then(|with_staff| with_staff.get(&task.sender));
        if relation.is_none_or(|relation| relation.is_left || relation.is_half) {
            return Fate::NoFriend;
        }
        let mass = self.received(external_userid).iter().filter(|one| one.by == Way::Mass);
        if !limit.lets(mass.map(|one| one.at_s), now_s) {
            return Fate::Enough;
        }
        self.hand(external_userid, Way::Mass, &task.sender, &task.words, now_s);
        Fate::Sent { at_s: now_s }
    }

    fn say_in_group(&mut self, chat_id: &str, task: &Task, now_s: u64) -> Fate {
        let Some(chat) = self.chats.get(chat_id).filter(|chat| !chat.is_dismissed) else {
            return Fate::NoFriend;
        };
        let is_customer = |id: &&String| self.customers.contains_key(*id);
        let members: Vec<String> =
            chat.members.iter().map(|member| &member.id).filter(is_customer).cloned().collect();
        for member in members {
            self.hand(&member, Way::Group, &task.sender, &task.words, now_s);
        }
        Fate::Sent { at_s: now_s }
    }

    pub(super) fn hand(&mut self, external_userid: &str, by: Way, staff: &str, words: &Words, at_s: u64) {
        let received = Received {
            by,
            staff: staff.to_owned(),
            text: words.text.clone(),
            attachments: words.attachments.len(),
            at_s,
        };
        self.outbox.received.entry(external_userid.to_owned()).or_default().push(received);
    }

    /// A member of staff publishes a copy of a post: those customers of theirs see it who have one of its tags. Gives how
    /// many see it.
    pub fn publish(&mut self, moment_id: &str, staff: &str, now_s: u64) -> usize {
        let Some(post) = self.outbox.posts.get_mut(moment_id) else { return 0 };
        let may = post.senders.iter().any(|sender| sender == staff) && !post.is_cancelled;
        if !may || post.copies.contains_key(staff) {
            return 0;
        }
        let (words, tags) = (post.words.clone(), post.tag_ids.iter().cloned().collect::<BTreeSet<String>>());
        let sees = |with_staff: &BTreeMap<String, super::corp::Relation>| {
            let relation = with_staff.get(staff).filter(|relation| !relation.is_left && !relation.is_half);
            relation.is_some_and(|held| tags.is_empty() || held.tag_ids.iter().any(|tag| tags.contains(tag)))
        };
        let audience: Vec<String> =
            self.relations.iter().filter(|(_, with)| sees(with)).map(|(id, _)| id.clone()).collect();
        for her in &audience {
            self.hand(her, Way::Post, staff, &words, now_s);
        }
        let seen_by = audience.len();
        if let Some(post) = self.outbox.posts.get_mut(moment_id) {
            let copy = Copy { published_s: now_s, audience, ..Copy::default() };
            post.copies.insert(staff.to_owned(), copy);
        }
        seen_by
    }

    /// Somebody likes a member of staff's copy of a post.
    pub fn like(&mut self, moment_id: &str, staff: &str, who: &str, now_s: u64) {
        if let Some(copy) = self.copy_mut(moment_id, staff) {
            copy.likes.push((who.to_owned(), now_s));
        }
    }

    /// Somebody writes something under it. What, the platform does not tell.
    pub fn comment(&mut self, moment_id: &str, staff: &str, who: &str, now_s: u64) {
        if let Some(copy) = self.copy_mut(moment_id, staff) {
            copy.comments.push((who.to_owned(), now_s));
        }
    }

    fn copy_mut(&mut self, moment_id: &str, staff: &str) -> Option<&mut Copy> {
        self.outbox.posts.get_mut(moment_id)?.copies.get_mut(staff)
    }

    /// The platform hands out a welcome's code. One that is pushed again is the code that it was.
    pub fn issue_welcome(&mut self, code: &str, staff: &str, external_userid: &str, now_s: u64) {
        let welcome = Welcome {
            staff: staff.to_owned(),
            external_userid: external_userid.to_owned(),
            issued_s: now_s,
            is_used: false,
        };
        self.outbox.welcomes.entry(code.to_owned()).or_insert(welcome);
    }
}
