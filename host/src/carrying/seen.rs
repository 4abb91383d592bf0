//! A customer's document as the rules see it.

use courier::{Candidate, Carried, Code, Known, Progress, Standing, Waiting};
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
        carried.extend(customer.intents.iter().filter_map(|held| out(held, &channel)));
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
    let waiting = match held.state {
        IntentState::Proposed => Waiting::Proposed,
        IntentState::Held => Waiting::Held,
        IntentState::Past
        | IntentState::Dropped
        | IntentState::Due
        | IntentState::Carried
        | IntentState::AwaitingStaff
        | IntentState::Sent
        | IntentState::Confirmed
        | IntentState::Failed
        | IntentState::Expired => return None,
    };
    if held.unfounded {
        return None;
    }
    let last = held.steps.last().filter(|step| step.state == IntentState::Held);
    let again = last.filter(|step| step.code == Code::Retry.name()).and_then(|step| step.until);
    Some(Candidate {
        id: &held.id,
        binding: &held.binding,
        intent: &held.intent,
        cause: held.cause.now,
        waiting,
        again,
    })
}

/// When it was last handed to a connection, and to which. None: never.
pub(crate) fn handed_over(held: &HeldIntent) -> Option<(Instant, Option<&str>)> {
    let due = held.steps.iter().rev().find(|step| step.state == IntentState::Due)?;
    Some((due.now, due.connection.as_deref()))
}

/// What takes a place: it reached her, or may.
fn out<'a>(held: &'a HeldIntent, channel: &impl Fn(&str) -> &'a str) -> Option<Carried<'a>> {
    let last = held.steps.last()?;
    let progress = match held.state {
        IntentState::Due => Progress::Due,
        IntentState::Carried => Progress::Carried,
        IntentState::AwaitingStaff => Progress::AwaitingStaff,
        IntentState::Sent => Progress::Sent,
        IntentState::Confirmed => Progress::Confirmed,
        // Nobody knows: it is counted, so that she does not get too much.
        IntentState::Failed if last.code == Code::UnknownEnd.name() => Progress::Carried,
        IntentState::Failed => Progress::Failed,
        IntentState::Expired => Progress::Expired,
        IntentState::Proposed | IntentState::Past | IntentState::Held | IntentState::Dropped => return None,
    };
    let (handed, connection) = handed_over(held).unwrap_or((last.now, None));
    let reached = |step: &&model::IntentStep| {
        step.state == held.state && matches!(held.state, IntentState::Sent | IntentState::Confirmed)
    };
    let at = held.steps.iter().rev().find(reached).map_or(handed, |step| step.now);
    let connection = connection.or(last.connection.as_deref()).unwrap_or_default();
    Some(Carried {
        binding: &held.binding,
        key: &held.intent.key,
        scene: &held.intent.scene,
        connection,
        channel: channel(connection),
        at,
        progress,
    })
}
