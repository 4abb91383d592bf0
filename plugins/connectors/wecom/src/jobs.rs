//! The chores that a push asks for: which there are, and when two of them are one.

use heliu_sdk::chores::Chore;
use heliu_sdk::events::Instant;
use serde::{Deserialize, Serialize};

/// What to read from the API. The `cause` is the time of the push that asked; what is read bears it in its ids, so
/// that reading again for the same push tells nothing new, and a remark that went from A to B and back is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Who a customer is, and what each member of staff noted about her.
    Profile {
        external_userid: String,
        #[serde(default)]
        cause: Instant,
    },
    Group(GroupJob),
    /// What a tag, or a group of tags, is called.
    Tag {
        id: String,
        #[serde(default)]
        is_group: bool,
        /// Only for tags of a rule group.
        #[serde(default)]
        strategy: Option<String>,
        #[serde(default)]
        cause: Instant,
    },
    /// Who stands behind an acquisition link's chat.
    Acquisition {
        chat_key: String,
    },
    /// What became of a message that staff had to confirm.
    Task(TaskJob),
    /// Whether a post is published, and who liked it. The memory has the rest under this key.
    Post {
        post: String,
    },
    /// What was said in an account of the customer service. `ring` is the token of the push, which lives for ten minutes.
    Service {
        account: String,
        #[serde(default)]
        ring: Option<String>,
    },
    /// Whether somebody was added whom staff were asked to add. The memory has the errand under the number.
    Friend {
        number: String,
        errand: String,
    },
}

/// A message that staff had to confirm. Its errands are in the memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskJob {
    pub msgid: String,
    /// Who confirms it.
    pub sender: String,
    /// To groups, not to customers.
    #[serde(default)]
    pub in_groups: bool,
    /// Cells of the memory that hold its errands.
    pub cells: u32,
    /// Taken back then.
    pub until: Instant,
    #[serde(default)]
    pub reads: u32,
}

/// What a group is called, and who came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupJob {
    pub chat_id: String,
    #[serde(default)]
    pub cause: Instant,
    /// Members who joined from here on are looked at. In whole minutes, so that jobs of one key are alike.
    #[serde(default)]
    pub from: Instant,
    /// And up to here.
    #[serde(default)]
    pub until: Option<Instant>,
    #[serde(default)]
    pub joins: Joins,
    /// The push was a suite's, in which more ids are unclear.
    #[serde(default)]
    pub in_suite: bool,
    /// The member list's version that the push announced.
    #[serde(default)]
    pub version: Option<String>,
    /// It was read before and seemed not to have caught up.
    #[serde(default)]
    pub again: bool,
}

/// Whose joining the push left untold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joins {
    #[default]
    None,
    /// Those whose id does not say whether they are staff.
    Unclear,
    All,
}

impl Job {
    /// Two waiting jobs of one key are one.
    fn key(&self) -> String {
        match self {
            Job::Profile { external_userid, cause: _ } => format!("profile:{external_userid}"),
            Job::Group(job) => job.key(),
            Job::Tag { id, is_group, strategy: _, cause: _ } => {
                format!("{}:{id}", if *is_group { "tag-group" } else { "tag" })
            }
            Job::Acquisition { chat_key } => format!("acquisition:{chat_key}"),
            Job::Task(TaskJob { msgid, .. }) => format!("task:{msgid}"),
            Job::Post { post } => post.clone(),
            Job::Service { account, ring: _ } => format!("service:{account}"),
            Job::Friend { number: _, errand } => format!("friend:{errand}"),
        }
    }

    /// As the host keeps it.
    pub fn due(&self, due: Instant) -> Chore {
        let job = serde_json::to_string(self).expect("because a job has text and numbers only");
        Chore { key: self.key(), due: Some(due), job }
    }
}

impl TaskJob {
    /// Where the memory has a task's errands.
    pub fn memory(msgid: &str) -> String {
        format!("task:{msgid}")
    }
}

impl GroupJob {
    /// A group of many changes is read once for them; but what is read must not leave out who came meanwhile.
    fn key(&self) -> String {
        let joins = match self.joins {
            Joins::None => "",
            Joins::Unclear => ":unclear",
            Joins::All => ":all",
        };
        let until = self.until.map(|until| format!("-{until}")).unwrap_or_default();
        let again = if self.again { ":again" } else { "" };
        format!("group:{}:{}{until}{joins}{again}", self.chat_id, self.from)
    }
}
