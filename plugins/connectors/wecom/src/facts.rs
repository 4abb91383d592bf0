//! What a push means: events, and the chores that find out what it left out.

mod customer;
mod group;

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Event, Fact, Identity, Instant, Touchpoint};

use crate::identity;
use crate::jobs::Job;
use crate::push::Push;
use crate::settings::Settings;

/// What one kind of push comes to.
pub struct Findings {
    pub events: Vec<Event>,
    pub jobs: Vec<Job>,
}

/// One push, and in whose corp and when it happened.
pub struct Notice<'a> {
    pub push: &'a Push,
    pub settings: &'a Settings,
    pub corp: &'a str,
    pub at: Instant,
}

/// Reads a push. None is refused: what is not known becomes an act that holds all of it.
pub fn read(push: &Push, settings: &Settings, host: &mut dyn Host) -> Harvest {
    let now = host.now();
    let corp = push.auth_corp.as_deref().unwrap_or(&settings.corp_id);
    let notice = Notice { push, settings, corp, at: push.at.unwrap_or(now) };
    let Findings { mut events, jobs } = match push.event.as_str() {
        "change_external_contact" => customer::read(&notice),
        "change_external_chat" => group::read(&notice),
        "change_external_tag" => tag(&notice),
        "customer_acquisition" => acquisition(&notice),
        "kf_msg_or_event" => service(&notice),
        _ => Findings { events: vec![notice.act()], jobs: Vec::new() },
    };
    if events.len() > 1 {
        for (index, event) in events.iter_mut().enumerate() {
            event.id = format!("{}#{index}", push.id);
        }
    }
    // The secret is one corp's. What happened at another corp that authorised the suite cannot be read with it.
    let jobs = if corp == settings.corp_id { jobs } else { Vec::new() };
    let due = now + settings.read_delay_ms();
    Harvest { events, chores: jobs.iter().map(|job| job.due(due)).collect() }
}

impl Notice<'_> {
    /// The customer whom the push names.
    pub fn customer(&self) -> Vec<Identity> {
        let id = self.push.text("ExternalUserID");
        id.iter().map(|id| identity::external(self.corp, id)).collect()
    }

    /// The member of staff whom it names. `sys` is the platform itself.
    pub fn staff(&self) -> Option<String> {
        self.push.text("UserID").or_else(|| self.push.text("FromUserName").filter(|from| from != "sys"))
    }

    /// An event of this push. Its id is the push's own until there are several.
    pub fn event(&self, touchpoint: Touchpoint, fact: Fact) -> Event {
        Event {
            id: self.push.id.clone(),
            at: self.at,
            who: self.customer(),
            staff: self.staff(),
            touchpoint,
            fact,
            extra: Some(self.push.whole.clone()),
        }
    }

    /// The act that says as much as the push and no more.
    pub fn act(&self) -> Event {
        let object = ["ChatId", "LinkId", "Id", "OpenKfId", "MomentId", "TaskId", "EventKey"];
        let act = Act {
            kind: self.push.kind(),
            object: object.iter().find_map(|name| self.push.text(name)),
            title: None,
            quantity: None,
            state: self.push.text("State"),
            whom: None,
        };
        let touchpoint = if self.push.text("ExternalUserID").is_some() {
            Touchpoint::DirectMessage
        } else {
            Touchpoint::Other
        };
        self.event(touchpoint, Fact::Did(act))
    }
}

/// A tag's push has its id; the name is read. A deleted one has no name any more, and an order means nothing to us.
fn tag(notice: &Notice<'_>) -> Findings {
    let push = notice.push;
    let is_named = matches!(push.change().as_deref(), Some("create" | "update"));
    let job = push.text("Id").filter(|_| is_named).map(|id| Job::Tag {
        id,
        is_group: push.text("TagType").as_deref() == Some("tag_group"),
        strategy: push.text("StrategyId").filter(|strategy| strategy != "0"),
        cause: notice.at,
    });
    Findings { events: vec![notice.act()], jobs: job.into_iter().collect() }
}

/// It rings, and says of which account.
fn service(notice: &Notice<'_>) -> Findings {
    let job =
        notice.push.text("OpenKfId").map(|account| Job::Service { account, ring: notice.push.text("Token") });
    Findings { events: vec![notice.act()], jobs: job.into_iter().collect() }
}

/// The name of the event that says "several messages came" is not confirmed; its `ChatKey` is.
fn acquisition(notice: &Notice<'_>) -> Findings {
    let job = notice.push.text("ChatKey").map(|chat_key| Job::Acquisition { chat_key });
    Findings { events: vec![notice.act()], jobs: job.into_iter().collect() }
}
