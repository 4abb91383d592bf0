//! `change_external_chat`: a customer group and its members.
//!
//! Newer pushes list the members who came or went, older ones only count them. The list decides who it was; whether
//! someone came or went is decided by `UpdateDetail` alone: a renaming was seen with a `JoinScene` on it.

use heliu_sdk::events::{Act, Event, Fact, Instant, Touchpoint};
use serde_json::Value;

use super::{Findings, Notice};
use crate::identity::{self, Member};
use crate::jobs::{GroupJob, Job, Joins};
use crate::push::plain;

const MINUTE_MS: u64 = 60_000;
/// A group's first members have the time of its making; this much may lie between the two. Not confirmed: were it
/// more, they would be known from their next push on.
const FIRST_MEMBERS_MS: u64 = 1_000;
/// Members of one push. A customer group has at most 500.
const MEMBERS_MAX: usize = 1_000;

pub fn read(notice: &Notice<'_>) -> Findings {
    let push = notice.push;
    let Some(chat_id) = push.text("ChatId") else {
        return Findings { events: vec![bare(notice)], jobs: Vec::new() };
    };
    match (push.change().as_deref(), push.text("UpdateDetail").as_deref()) {
        (Some("dismiss"), _) => Findings { events: vec![bare(notice)], jobs: Vec::new() },
        (Some("create"), _) => {
            let until = Some(notice.at + FIRST_MEMBERS_MS);
            Findings { events: vec![bare(notice)], jobs: vec![job(notice, chat_id, Joins::All, until)] }
        }
        (_, Some("add_member")) => members(notice, chat_id, "joined-group"),
        (_, Some("del_member")) => members(notice, chat_id, "left-group"),
        _ => Findings { events: vec![bare(notice)], jobs: vec![job(notice, chat_id, Joins::None, None)] },
    }
}

/// One event for each member whom the list names, and one for all whom it does not.
fn members(notice: &Notice<'_>, chat_id: String, kind: &str) -> Findings {
    let named = listed(notice.push.value("MemChangeList"));
    let of = |id: &str| Member::of(id, notice.push.is_suite);
    let unclear = named.iter().filter(|id| of(id) == Member::Unclear).count();
    // Each of many events with the list of all of them would be a megabyte for a full group.
    let extra =
        if named.len() > 1 { notice.push.whole_without("MemChangeList") } else { notice.push.whole.clone() };
    let mut events: Vec<Event> = named
        .iter()
        .filter(|id| of(id) != Member::Unclear)
        .map(|id| Event { extra: Some(extra.clone()), ..member(notice, &chat_id, kind, id) })
        .collect();
    if named.is_empty() || unclear > 0 {
        events.push(counted(notice, unclear));
    }
    let joins = match (kind, named.is_empty(), unclear) {
        ("joined-group", true, _) => Joins::All,
        ("joined-group", false, 1..) => Joins::Unclear,
        // Who has left is not in the group any more, so reading it would not tell.
        _ => Joins::None,
    };
    Findings { events, jobs: vec![job(notice, chat_id, joins, None)] }
}

fn member(notice: &Notice<'_>, chat_id: &str, kind: &str, id: &str) -> Event {
    let act = Act {
        kind: kind.to_owned(),
        object: Some(chat_id.to_owned()),
        title: None,
        quantity: None,
        state: notice.push.text("State"),
        whom: None,
    };
    let (who, staff) = match Member::of(id, notice.push.is_suite) {
        Member::Customer => (vec![identity::external(notice.corp, id)], None),
        Member::Staff | Member::Unclear => (Vec::new(), Some(id.to_owned())),
    };
    Event { who, staff, ..notice.event(Touchpoint::GroupChat, Fact::Did(act)) }
}

/// The change as a whole, for nobody: how many, and all that the push says.
fn counted(notice: &Notice<'_>, unclear: usize) -> Event {
    let mut event = bare(notice);
    if let Fact::Did(act) = &mut event.fact {
        act.quantity = match unclear {
            0 => notice.push.text("MemChangeCnt").and_then(|count| count.parse().ok()),
            some => i64::try_from(some).ok(),
        };
    }
    event
}

fn bare(notice: &Notice<'_>) -> Event {
    Event { touchpoint: Touchpoint::GroupChat, ..notice.act() }
}

fn job(notice: &Notice<'_>, chat_id: String, joins: Joins, until: Option<Instant>) -> Job {
    Job::Group(GroupJob {
        chat_id,
        cause: notice.at,
        from: (notice.at - notice.at % MINUTE_MS).saturating_sub(MINUTE_MS),
        until,
        joins,
        in_suite: notice.push.is_suite,
        version: notice.push.text("CurMemVer"),
        again: false,
    })
}

/// The ids of a member list, each once: nested elements, or, as it was once modelled, text with commas. A list of
/// more than a group can have is none: then the change is told as a whole.
fn listed(list: Option<&Value>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut take = |text: &str| {
        for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            if ids.len() <= MEMBERS_MAX && !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
    };
    let lists = match list {
        None => &[],
        Some(Value::Array(lists)) => lists.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    for list in lists {
        let nested = list.get("Item").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for text in std::iter::once(list).chain(nested).filter_map(plain) {
            take(&text);
        }
    }
    if ids.len() > MEMBERS_MAX { Vec::new() } else { ids }
}

#[cfg(test)]
mod tests {
    use super::{MEMBERS_MAX, listed};
    use serde_json::json;

    #[test]
    fn a_member_list_has_many_shapes() {
        for list in [
            json!({"Item": ["a", "b"]}),
            json!("a,b"),
            json!(["a", "b"]),
            json!([{"Item": ["a"]}, {"Item": ["b", " a "]}]),
            json!(" a , ,b,"),
        ] {
            assert_eq!(listed(Some(&list)), ["a", "b"], "{list}");
        }
        let long = |count: usize| json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        assert_eq!(listed(Some(&long(MEMBERS_MAX))).len(), MEMBERS_MAX);
        assert!(listed(Some(&long(MEMBERS_MAX + 1))).is_empty());
        assert!(listed(None).is_empty());
        assert!(listed(Some(&json!(""))).is_empty());
    }
}
