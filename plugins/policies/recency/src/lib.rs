//! How long ago the customer was last active: one tag of several that exclude one another.
//!
//! It remembers an instant and a tier, and says something only when the tier changes, or when the alarm that waits for
//! its end has to be moved. Facts may come late, twice and out of order: the newest activity alone decides, together
//! with the time of the turn. One alarm, of one key, is moved along.

mod activity;
mod plan;
mod settings;

use heliu_sdk::events::Instant;
use heliu_sdk::policy::{Alarm, Change, Decision, Descriptor, Happening, NewTag, Turn};
use heliu_sdk::time;
use serde::{Deserialize, Serialize};

use crate::plan::{PREFIX, Plan};

/// The key of the one alarm: the end of the tier that she is in.
const ALARM: &str = "tier";

/// The policy.
pub struct Recency;

/// Seven bytes as the host keeps it.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    /// When she was last active, in seconds since 1970: what channels tell is no finer.
    last: u64,
    /// The place of her tier, counted from one. 0: she has not been active yet, and has no tag.
    tier: u8,
}

impl heliu_sdk::Policy for Recency {
    type Settings = Plan;
    type Memory = Memory;

    fn describe() -> Descriptor {
        Descriptor {
            title: "Recency 最近活跃".to_owned(),
            settings_schema: heliu_sdk::schema::<settings::Settings>(),
            // All that the settings may count; which of it they do is known only with them.
            wants: activity::WANTS.map(str::to_owned).to_vec(),
            tags: vec![format!("{PREFIX}*")],
            journeys: Vec::new(),
            reads: Vec::new(),
        }
    }

    fn evaluate(plan: &Plan, memory: &mut Memory, turn: &Turn) -> Result<Vec<Decision>, String> {
        Ok(match &turn.happening {
            Happening::Fact(event) => match plan.activity(event) {
                // A clock that is ahead must not keep her young.
                Some(at) => learn(plan, memory, activity::word(&event.fact), at.min(turn.now), turn.now),
                None => Vec::new(),
            },
            Happening::Alarm(_) => wake_up(plan, memory, turn.now),
        })
    }
}

heliu_sdk::export_policy!(Recency);

/// She was active at this time, by what the word says.
fn learn(plan: &Plan, memory: &mut Memory, word: &str, at: Instant, now: Instant) -> Vec<Decision> {
    let last = at / 1000;
    if memory.tier != 0 && last <= memory.last {
        return Vec::new();
    }
    let before = (memory.tier, plan.rounded(memory.last));
    memory.last = last;
    let tier = plan.tier(last, now);
    // Within what is rounded neither tag nor alarm moves. Most activity ends here.
    if before == (place(tier), plan.rounded(last)) {
        return Vec::new();
    }
    move_to(plan, memory, tier, &why(plan, word, at, tier))
}

/// Her tier has ended. Where memories were carried on to other settings it may be another tier, or none yet.
fn wake_up(plan: &Plan, memory: &mut Memory, now: Instant) -> Vec<Decision> {
    if memory.tier == 0 {
        return Vec::new();
    }
    let tier = plan.tier(memory.last, now);
    move_to(plan, memory, tier, &why(plan, "last active", memory.last.saturating_mul(1000), tier))
}

/// Never two tags at a time; and the one alarm to the end of her tier, if it has one.
fn move_to(plan: &Plan, memory: &mut Memory, tier: usize, why: &str) -> Vec<Decision> {
    let mut changes = Vec::new();
    if memory.tier != place(tier) {
        let held = usize::from(memory.tier).checked_sub(1).and_then(|held| plan.tag(held));
        changes.extend(held.map(|tag| Change::Untag(tag.to_owned())));
        let tag = plan.tag(tier).map(|tag| NewTag { name: tag.to_owned(), expires: None });
        changes.extend(tag.map(Change::Tag));
        memory.tier = place(tier);
    }
    let alarm = plan.end(memory.last, tier).map(|due| Alarm { key: ALARM.to_owned(), due });
    changes.extend(alarm.map(Change::Wake));
    changes.into_iter().map(|change| Decision { why: why.to_owned(), change }).collect()
}

fn place(tier: usize) -> u8 {
    u8::try_from(tier + 1).expect("because there are few tiers")
}

/// `bought on 2026-05-01, within 48 hours`; `last active on 2026-05-01, longer than 30 days ago`.
fn why(plan: &Plan, word: &str, at: Instant, tier: usize) -> String {
    let date = time::date(at, plan.utc_offset_minutes);
    let ended = tier.checked_sub(1).and_then(|ended| plan.length(ended));
    match (ended, plan.length(tier)) {
        (Some(ended), _) => format!("{word} on {date}, longer than {ended} ago"),
        (None, Some(length)) => format!("{word} on {date}, within {length}"),
        (None, None) => format!("{word} on {date}"),
    }
}
