//! A customer's document as the rules see it.

use courier::{Candidate, Carried, Code, Known, Standing};
use model::{Customer, HeldIntent, Identity, Instant, IntentState, Value};

use super::Bought;

/// What the rules are told of one customer.
pub(crate) struct Seen<'a> {
    carried: Vec<Carried<'a>>,
    traits: Vec<(&'a str, &'a Value)>,
    tags: Vec<&'a str>,
    purchases: Vec<courier::Purchase<'a>>,
    staff: Vec<Known<'a>>,
    handles: Vec<&'a Identity>,
}

impl<'a> Seen<'a> {
    /// `channel` tells for which channel a connection speaks. `on_the_way` is what was let through and does not stand in
    /// her document yet.
    pub(crate) fn new(
        customer: &'a Customer,
        bought: &'a Bought,
        channel: impl Fn(&str) -> &'a str,
        on_the_way: Vec<Carried<'a>>,
    ) -> Seen<'a> {
        let mut carried = on_the_way;
        carried.extend(customer.intents.iter().filter_map(|held| place_taken(held, &channel)));
        Seen {
            carried,
            traits: customer.traits.iter().map(|held| (held.name.as_str(), &held.value)).collect(),
            tags: customer.tags.iter().map(|tag| tag.name.as_str()).collect(),
            purchases: bought.purchases(),
            staff: customer.staff.iter().map(|staff| Known { staff, connection: None }).collect(),
            handles: customer.handles.iter().map(|handle| &handle.identity).collect(),
        }
    }

    pub(crate) fn standing(&self) -> Standing<'_> {
        let Seen { carried, traits, tags, purchases, staff, handles } = self;
        Standing { carried, traits, tags, purchases, staff, handles }
    }
}

/// An intent as a candidate. None: it does not wait for a judgement.
pub(crate) fn candidate(held: &HeldIntent) -> Option<Candidate<'_>> {
    if held.unfounded || !held.state.waits() {
        return None;
    }
    let last = held.steps.last().filter(|step| step.state == IntentState::Held);
    let again = last.filter(|step| step.code == Code::Retry.name()).and_then(|step| step.until);
    Some(Candidate { again, ..intent(held) })
}

/// An intent as the rules know it, whatever state it is in.
pub(crate) fn intent(held: &HeldIntent) -> Candidate<'_> {
    let (id, binding, cause) = (held.id.as_str(), held.binding.as_str(), held.cause.now);
    Candidate { id, binding, intent: &held.intent, cause, again: None }
}

/// When it was last handed to a connection, and to which. None: never.
pub(crate) fn handed_over(held: &HeldIntent) -> Option<(Instant, Option<&str>)> {
    let due = held.steps.iter().rev().find(|step| step.state == IntentState::Due)?;
    Some((due.now, due.connection.as_deref()))
}

/// What takes a place: it reached her, or may.
pub(crate) fn place_taken<'a>(
    held: &'a HeldIntent,
    channel: &impl Fn(&str) -> &'a str,
) -> Option<Carried<'a>> {
    let last = held.steps.last()?;
    let may_have_reached_her = match held.state {
        IntentState::Due
        | IntentState::Carried
        | IntentState::AwaitingStaff
        | IntentState::Sent
        | IntentState::Confirmed => true,
        // Nobody knows: it is counted, so that she does not get too much.
        IntentState::Failed => last.code == Code::UnknownEnd.name(),
        IntentState::Expired
        | IntentState::Proposed
        | IntentState::Past
        | IntentState::Held
        | IntentState::Dropped => false,
    };
    if !may_have_reached_her {
        return None;
    }
    let (handed, connection) = handed_over(held).unwrap_or((last.now, None));
    let reached = |step: &&model::IntentStep| {
        step.state == held.state && matches!(held.state, IntentState::Sent | IntentState::Confirmed)
    };
    let at = held.steps.iter().rev().find(reached).map_or(handed, |step| step.at);
    let connection = connection.or(last.connection.as_deref()).unwrap_or_default();
    Some(Carried {
        binding: &held.binding,
        key: &held.intent.key,
        scene: &held.intent.scene,
        connection,
        channel: channel(connection),
        at,
    })
}

#[cfg(test)]
mod tests {
    use model::{Cause, Intent, IntentStep};

    use super::*;

    fn held(state: IntentState, code: &str) -> HeldIntent {
        let step = |state, now, code: &str| IntentStep {
            state,
            now,
            at: now,
            position: now,
            connection: Some("wecom-main".to_owned()),
            staff: None,
            receipt: None,
            until: Some(70),
            code: code.to_owned(),
            reason: String::new(),
        };
        let intent = Intent {
            key: "k".to_owned(),
            scene: "tag".to_owned(),
            text: None,
            content: None,
            detail: None,
            not_before: None,
            not_after: None,
        };
        let cause = Cause { position: 1, now: 5, version: None, alarm: None, why: String::new() };
        let steps = vec![step(IntentState::Due, 10, ""), step(state, 20, code)];
        let (id, binding) = ("int_1".to_owned(), "p".to_owned());
        HeldIntent { id, binding, intent, state, cause, steps, reactions: Vec::new(), unfounded: false }
    }

    #[test]
    fn what_reached_her_or_may_have_takes_a_place_from_when_it_did() {
        let at =
            |state, code: &str| place_taken(&held(state, code), &|_: &str| "wecom").map(|carried| carried.at);
        assert_eq!(at(IntentState::Due, ""), Some(20), "when it was handed over last");
        assert_eq!(at(IntentState::AwaitingStaff, ""), Some(10), "when it was handed over");
        assert_eq!(at(IntentState::Confirmed, ""), Some(20), "when she had it");
        assert_eq!(at(IntentState::Failed, "unknown-end"), Some(10), "nobody knows: it counts");
        for (state, code) in
            [(IntentState::Failed, "fault"), (IntentState::Expired, ""), (IntentState::Held, "")]
        {
            assert_eq!(at(state, code), None, "{state:?}");
        }
    }

    #[test]
    fn only_what_waits_and_has_a_ground_is_judged() {
        assert_eq!(candidate(&held(IntentState::Held, "retry")).map(|one| one.again), Some(Some(70)));
        assert_eq!(candidate(&held(IntentState::Held, "cap")).map(|one| one.again), Some(None));
        assert!(candidate(&held(IntentState::Sent, "")).is_none());
        let unfounded = HeldIntent { unfounded: true, ..held(IntentState::Held, "retry") };
        assert!(candidate(&unfounded).is_none());
    }
}
