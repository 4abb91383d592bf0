//! The tags that staff gave her in a channel are tags here, and tags of ours are put on her there.
//!
//! Taken over: each tie between her and a member of staff says which tags stand on it; what stands on any of them is a tag
//! `channel:NAME`. Put: whenever one of the settings' tags came or went, an intent of the scene `tag` says so to the channel.
//! It is told of nothing that other policies decide: so it wants every fact, and looks by an alarm now and then.
//!
//! What a member of staff takes off in the channel stays off there, until the tag here goes and comes again.

mod settings;

use std::collections::BTreeSet;

use heliu_sdk::events::{Bond, Fact, Tie};
use heliu_sdk::policy::{Alarm, Change, Decision, Descriptor, Happening, Intent, NewTag, Turn, fingerprint};
use serde::{Deserialize, Serialize};

use crate::settings::Plan;

/// In front of every tag that is taken over: the descriptor can name them without knowing the channel.
const PREFIX: &str = "channel:";

/// The key of the one alarm.
const ALARM: &str = "look";

/// Ties of one customer that are remembered: with more members of staff nobody keeps tags.
const TIES_MAX: usize = 32;
/// Tags of one tie, and bytes of a name: what is beyond is left out.
const TAGS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 120;

/// The policy.
pub struct TagSync;

/// Who said which tags, and which of ours she has there.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    ties: Vec<TieTags>,
    /// The names that were put on her last, in their order.
    put: Vec<String>,
    /// The alarm is set.
    looks: bool,
}

#[derive(Serialize, Deserialize)]
struct TieTags {
    /// Of the member of staff's name.
    staff: u64,
    /// In their order.
    tags: Vec<String>,
}

impl heliu_sdk::Policy for TagSync {
    type Settings = Plan;
    type Memory = Memory;

    fn describe() -> Descriptor {
        Descriptor {
            title: "Tags in step 标签同步".to_owned(),
            settings_schema: heliu_sdk::schema::<settings::Settings>(),
            wants: Vec::new(),
            tags: vec![format!("{PREFIX}*")],
            journeys: Vec::new(),
            reads: vec!["*".to_owned()],
        }
    }

    fn evaluate(plan: &Plan, memory: &mut Memory, turn: &Turn) -> Result<Vec<Decision>, String> {
        let mut decisions = Vec::new();
        match &turn.happening {
            Happening::Fact(event) => {
                if let (Fact::Met(tie), Some(staff)) = (&event.fact, &event.staff) {
                    take_over(memory, staff, tie, &mut decisions);
                }
            }
            Happening::Alarm(_) => memory.looks = false,
        }
        put(plan, memory, turn, &mut decisions);
        Ok(decisions)
    }
}

heliu_sdk::export_policy!(TagSync);

/// What the channel says of one tie. A push tells of a new tie before its tags are known, and has none.
fn take_over(memory: &mut Memory, staff: &str, tie: &Tie, decisions: &mut Vec<Decision>) {
    let before = taken_over(memory);
    let of = fingerprint(staff);
    let ends = match tie.bond {
        Bond::RemovedByCustomer | Bond::RemovedByStaff | Bond::Transferred => true,
        Bond::Added | Bond::HalfAdded | Bond::Edited => false,
    };
    if !ends && tie.tags.is_empty() && tie.bond != Bond::Edited {
        return;
    }
    memory.ties.retain(|known| known.staff != of);
    if !ends && !tie.tags.is_empty() && memory.ties.len() < TIES_MAX {
        let named: BTreeSet<&String> = tie.tags.iter().filter(|name| is_name(name)).take(TAGS_MAX).collect();
        memory.ties.push(TieTags { staff: of, tags: named.into_iter().cloned().collect() });
    }
    let after = taken_over(memory);
    let decide = |why: String, change| Decision { why, change };
    let gone = before.difference(&after);
    decisions.extend(gone.map(|name| {
        decide(format!("no longer on her tie with {staff}"), Change::Untag(format!("{PREFIX}{name}")))
    }));
    let new = after.difference(&before);
    decisions.extend(new.map(|name| {
        let tag = NewTag { name: format!("{PREFIX}{name}"), expires: None };
        decide(format!("given to her in the channel by {staff}"), Change::Tag(tag))
    }));
}

/// What stands on any of her ties.
fn taken_over(memory: &Memory) -> BTreeSet<String> {
    memory.ties.iter().flat_map(|tie| tie.tags.iter().cloned()).collect()
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Says to the channel which of our tags came, and which went.
fn put(plan: &Plan, memory: &mut Memory, turn: &Turn, decisions: &mut Vec<Decision>) {
    if plan.put.is_empty() && memory.put.is_empty() {
        return;
    }
    if !memory.looks {
        memory.looks = true;
        let due = turn.now.saturating_add(plan.look_every_ms);
        let why = "looks again whether a tag came or went".to_owned();
        decisions.push(Decision { why, change: Change::Wake(Alarm { key: ALARM.to_owned(), due }) });
    }
    let holds = |tag: &str| turn.customer.tags.iter().any(|held| held.name == tag);
    let wanted: BTreeSet<&str> =
        plan.put.iter().filter(|put| holds(&put.tag)).map(|put| put.named.as_str()).collect();
    let there: BTreeSet<&str> = memory.put.iter().map(String::as_str).collect();
    let add: Vec<&str> = wanted.difference(&there).copied().collect();
    let remove: Vec<&str> = there.difference(&wanted).copied().collect();
    if add.is_empty() && remove.is_empty() {
        return;
    }
    let detail = serde_json::json!({"add": add, "remove": remove}).to_string();
    let why = format!("in the channel too: {}", words(&add, &remove));
    let intent = Intent {
        // One turn says it once, however often it is folded.
        key: format!("tags@{}-{}", turn.position, turn.now),
        scene: "tag".to_owned(),
        text: None,
        content: None,
        detail: Some(detail),
        not_before: None,
        not_after: None,
    };
    decisions.push(Decision { why, change: Change::Intend(intent) });
    memory.put = wanted.into_iter().map(str::to_owned).collect();
}

/// `+待复购 -新客`.
fn words(add: &[&str], remove: &[&str]) -> String {
    let signed =
        |sign: char, names: &[&str]| names.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>();
    [signed('+', add), signed('-', remove)].concat().join(" ")
}
