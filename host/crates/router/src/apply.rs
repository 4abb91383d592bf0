//! Writes what a policy decided, or what a connector told, into a customer.

use model::{
    Act, Alarm, Bond, Cause, Change, Customer, Decision, ENTERED, Event, Fact, HeldIntent, HeldSegment,
    HeldStage, HeldTag, HeldTask, HeldTrait, Instant, Intent, IntentState, Memory, NewTag, Position, Stage,
    Tie, Trait, Verdict,
};

use crate::document::{self, Full, STAFF_MAX, TOLD_TRAITS_BYTES_MAX, TOLD_TRAITS_MAX};
use crate::lane::{self, Lane};
use crate::staff_task;

/// The turn that a verdict answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) tenant: &'a str,
    /// The policy's name, or what stands in its place.
    pub(crate) binding: &'a str,
    pub(crate) version: Option<u32>,
    pub(crate) position: Position,
    pub(crate) now: Instant,
    pub(crate) alarm: Option<&'a str>,
    /// Her past is folded again: nothing is sent for it.
    pub(crate) past: bool,
}

impl Occasion<'_> {
    pub(crate) fn cause(&self, why: String) -> Cause {
        let alarm = self.alarm.map(str::to_owned);
        Cause { position: self.position, now: self.now, version: self.version, alarm, why }
    }
}

/// Puts `value` where `key` says in a sorted list; gives the one that stood there.
fn put_sorted<T, K: Ord + ?Sized>(list: &mut Vec<T>, value: T, key: impl Fn(&T) -> &K) -> Option<T> {
    match list.binary_search_by(|held| key(held).cmp(key(&value))) {
        Ok(place) => Some(std::mem::replace(&mut list[place], value)),
        Err(place) => {
            list.insert(place, value);
            None
        }
    }
}

/// Applies all decisions in their order. Gives the events that they tell of others, with each one's place among them.
pub(crate) fn verdict(lane: &mut Lane, occasion: &Occasion<'_>, verdict: Verdict) -> Vec<(usize, Event)> {
    let Verdict { decisions, memory } = verdict;
    let mut told = Vec::new();
    for (place, decision) in decisions.into_iter().enumerate() {
        if let Some(event) = decide(lane, occasion, decision) {
            told.push((place, event));
        }
    }
    match memory {
        Some(bytes) => {
            let memory = Memory { binding: occasion.binding.to_owned(), bytes };
            put_sorted(&mut lane.customer.memories, memory, |memory| memory.binding.as_str());
        }
        None => lane.customer.memories.retain(|memory| memory.binding != occasion.binding),
    }
    told
}

fn decide(lane: &mut Lane, occasion: &Occasion<'_>, decision: Decision) -> Option<Event> {
    let Decision { why, change } = decision;
    let cause = occasion.cause(why);
    let customer = &mut lane.customer;
    match change {
        Change::Tag(new) => tag(customer, new, cause),
        Change::Untag(name) => customer.tags.retain(|tag| tag.name != name),
        Change::Stage(new) => stage(customer, new, cause),
        Change::Put(Trait { name, value }) => {
            put_sorted(&mut customer.traits, HeldTrait { name, value, cause }, |held| held.name.as_str());
        }
        Change::Wake(wake) => {
            let binding = occasion.binding.to_owned();
            quiet(customer, &binding, &wake.key);
            // Strictly after this turn: an alarm is then never due at a time up to which all alarms have fired.
            let due = wake.due.max(occasion.now + 1);
            let alarm = Alarm { due, binding, key: wake.key, position: occasion.position };
            let place = customer.alarms.partition_point(|held| *held < alarm);
            customer.alarms.insert(place, alarm);
        }
        Change::Quiet(key) => quiet(customer, occasion.binding, &key),
        Change::Intend(intent) => intend(lane, occasion, intent, cause),
        Change::Tell(event) => return Some(event),
        Change::AskStaff(task) => {
            let (binding, carried) = (occasion.binding.to_owned(), staff_task::intent(&task));
            customer.tasks.push(HeldTask { binding, task, cause: cause.clone() });
            intend(lane, occasion, carried, cause);
        }
    }
    None
}

pub(crate) fn tag(customer: &mut Customer, new: NewTag, cause: Cause) {
    let NewTag { name, expires } = new;
    if expires.is_some_and(|expires| expires <= cause.now) {
        return;
    }
    let since = cause.now;
    let tag = HeldTag { name, since, expires, cause };
    match customer.tags.binary_search_by(|held| held.name.cmp(&tag.name)) {
        Ok(place) => {
            let held = &mut customer.tags[place];
            held.expires = match (held.expires, tag.expires) {
                (Some(old), Some(new)) => Some(old.max(new)),
                (None, _) | (_, None) => None,
            };
            held.cause = tag.cause;
        }
        Err(place) => customer.tags.insert(place, tag),
    }
}

fn stage(customer: &mut Customer, new: Stage, cause: Cause) {
    let Stage { journey, stage } = new;
    let held = customer.stages.iter().find(|held| held.journey == journey);
    if held.is_some_and(|held| held.stage == stage) {
        return;
    }
    let since = cause.now;
    put_sorted(&mut customer.stages, HeldStage { journey, stage, since, cause }, |held| {
        held.journey.as_str()
    });
}

fn quiet(customer: &mut Customer, binding: &str, key: &str) {
    customer.alarms.retain(|alarm| alarm.binding != binding || alarm.key != key);
}

/// For one customer and binding, one key is one intent. What was intended before a past was folded again is not new.
pub(crate) fn intend(lane: &mut Lane, occasion: &Occasion<'_>, intent: Intent, cause: Cause) {
    let binding = occasion.binding;
    let is = |held: &HeldIntent| held.binding == binding && held.intent.key == intent.key;
    let mut known = lane.customer.intents.iter_mut().filter(|held| is(held)).peekable();
    if known.peek().is_some() {
        known.for_each(|held| held.unfounded = false);
        return;
    }
    let (formers, others) = std::mem::take(&mut lane.formers).into_iter().partition(is);
    lane.formers = others;
    let formers: Vec<HeldIntent> = formers;
    if !formers.is_empty() {
        // Two, where it had been intended for two customers who are one now.
        for mut former in formers {
            former.unfounded = false;
            if !lane.customer.has(former.cause.position) && !former.state.went_out() {
                // What it came of is nobody's any more: it comes of this now, and is judged anew.
                (former.cause, former.state) = (cause.clone(), IntentState::Proposed);
                former.steps.clear();
            }
            lane::hold(&mut lane.customer, former);
        }
        return;
    }
    let id = intent_id(occasion.tenant, &lane.customer, binding, &intent.key);
    let state = if occasion.past { IntentState::Past } else { IntentState::Proposed };
    let binding = binding.to_owned();
    let (steps, reactions) = (Vec::new(), Vec::new());
    let held = HeldIntent { id, binding, intent, state, cause, steps, reactions, unfounded: false };
    lane::hold(&mut lane.customer, held);
}

/// The same tenant, customer, binding and key give the same id, whatever is retried or folded again.
fn intent_id(tenant: &str, customer: &Customer, binding: &str, key: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("heliu intent v1");
    hasher.update(&customer.id.0.to_le_bytes());
    for part in [tenant, binding, key] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    format!("int_{}", &hasher.finalize().to_hex()[..32])
}

/// What a fact says of her by itself, whoever decides what about it. Gives what her document could not take.
pub(crate) fn fact(
    customer: &mut Customer,
    source: &str,
    event: &Event,
    position: Position,
    now: Instant,
) -> Option<Full> {
    match &event.fact {
        Fact::Told(traits) => told(customer, source, traits, position, now),
        Fact::Met(tie) => event.staff.as_ref().and_then(|staff| met(customer, staff, tie)),
        // What became of an errand is said by whoever carried it: see `outcomes`.
        Fact::Said(_) | Fact::Saw(_) | Fact::Bought(_) | Fact::Did(_) | Fact::Carried(_) => None,
    }
}

fn told(
    customer: &mut Customer,
    source: &str,
    traits: &[Trait],
    position: Position,
    now: Instant,
) -> Option<Full> {
    let size = |held: &HeldTrait| held.name.len() + document::value(&held.value);
    let told = customer.traits.iter().filter(|held| held.cause.version.is_none());
    let (mut count, mut sum) = told.fold((0, 0), |(count, sum), held| (count + 1, sum + size(held)));
    let mut full = None;
    for Trait { name, value } in traits {
        let held = customer.traits.iter().find(|held| held.name == *name);
        let is_known = held.is_some();
        let was = held.filter(|held| held.cause.version.is_none()).map_or(0, size);
        let is = sum - was + name.len() + document::value(value);
        if !is_known && count >= TOLD_TRAITS_MAX || is > TOLD_TRAITS_BYTES_MAX {
            full = Some(Full::Traits);
            continue;
        }
        (count, sum) = (count + usize::from(!is_known), is);
        let why = format!("told by {source}");
        let cause = Cause { position, now, version: None, alarm: None, why };
        let held = HeldTrait { name: name.clone(), value: value.clone(), cause };
        put_sorted(&mut customer.traits, held, |held| held.name.as_str());
    }
    full
}

/// Writes that she entered a segment, or left it.
pub(crate) fn crossing(customer: &mut Customer, event: &Event, position: Position, now: Instant) {
    let Fact::Did(Act { kind, object: Some(name), .. }) = &event.fact else { return };
    let inside = kind == ENTERED;
    let held = HeldSegment { name: name.clone(), inside, since: now, position };
    put_sorted(&mut customer.segments, held, |held| held.name.as_str());
}

fn met(customer: &mut Customer, staff: &str, tie: &Tie) -> Option<Full> {
    match tie.bond {
        Bond::Added | Bond::HalfAdded | Bond::Edited => join(customer, staff),
        Bond::RemovedByCustomer | Bond::RemovedByStaff => {
            customer.staff.retain(|held| held != staff);
            None
        }
        Bond::Transferred => {
            // Whoever hands her on makes room, unless it is to himself.
            let successor = tie.successor.as_deref();
            let known = successor.is_some_and(|name| customer.staff.iter().any(|held| held == name));
            customer.staff.retain(|held| held != staff);
            match successor {
                Some(name) if !known && name != staff => join(customer, name),
                Some(_) | None => None,
            }
        }
    }
}

fn join(customer: &mut Customer, name: &str) -> Option<Full> {
    if customer.staff.iter().any(|held| held == name) {
        return None;
    }
    if customer.staff.len() >= STAFF_MAX {
        return Some(Full::Staff);
    }
    customer.staff.push(name.to_owned());
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CustomerId, Touchpoint};

    #[test]
    fn traits_that_channels_tell_are_bounded_and_those_that_she_has_are_changed() {
        let mut customer = Customer::new(CustomerId(1), 1);
        let told = |names: std::ops::Range<usize>, text: &str| {
            let traits = names
                .map(|name| Trait { name: format!("{name:05}"), value: model::Value::Text(text.to_owned()) });
            let (id, who, staff, extra) = (String::new(), Vec::new(), None, None);
            let fact = Fact::Told(traits.collect());
            Event { id, at: 1, who, staff, touchpoint: Touchpoint::Other, fact, extra }
        };
        assert_eq!(fact(&mut customer, "wecom", &told(0..TOLD_TRAITS_MAX - 1, "a"), 1, 1), None);
        let more = told(TOLD_TRAITS_MAX - 2..TOLD_TRAITS_MAX + 9, "b");
        assert_eq!(fact(&mut customer, "wecom", &more, 2, 2), Some(Full::Traits));
        assert_eq!(customer.traits.len(), TOLD_TRAITS_MAX);
        let last = &customer.traits[TOLD_TRAITS_MAX - 2..];
        assert!(last.iter().all(|held| held.cause.position == 2), "{last:?}");
        // Bytes are bounded, too, also of those that she has; what makes them fewer is taken.
        let long = "x".repeat(TOLD_TRAITS_BYTES_MAX / 16);
        assert_eq!(fact(&mut customer, "wecom", &told(0..20, &long), 3, 3), Some(Full::Traits));
        let taken = customer.traits.iter().filter(|held| held.cause.position == 3).count();
        assert_eq!(taken, 15);
        assert_eq!(fact(&mut customer, "wecom", &told(0..1, "short"), 4, 4), None);
        assert_eq!(fact(&mut customer, "wecom", &told(19..20, &long), 5, 5), None);
        // What a policy put there is its own part, and no room for channels.
        customer.traits[0].cause.version = Some(0);
        assert_eq!(fact(&mut customer, "wecom", &told(0..1, &long), 6, 6), Some(Full::Traits));
        assert_eq!(customer.traits[0].cause.version, Some(0));
    }

    #[test]
    fn staff_are_bounded_and_who_hands_her_on_makes_room() {
        let mut customer = Customer::new(CustomerId(1), 1);
        let mut tell = |bond, staff: usize, successor: Option<usize>| {
            let name = |number: usize| format!("staff-{number}");
            let (id, who, extra) = (String::new(), Vec::new(), None);
            let (way, state, remark, tags, successor) = (None, None, None, Vec::new(), successor.map(name));
            let tie = Tie { bond, way, state, remark, tags, successor };
            let (staff, fact) = (Some(name(staff)), Fact::Met(tie));
            let event = Event { id, at: 1, who, staff, touchpoint: Touchpoint::Other, fact, extra };
            let full = super::fact(&mut customer, "wecom", &event, 1, 1);
            (full, customer.staff.len())
        };
        for number in 0..STAFF_MAX {
            assert_eq!(tell(Bond::Added, number, None), (None, number + 1));
        }
        assert_eq!(tell(Bond::Added, STAFF_MAX, None), (Some(Full::Staff), STAFF_MAX));
        assert_eq!(tell(Bond::Edited, 3, None), (None, STAFF_MAX));
        assert_eq!(tell(Bond::Transferred, 3, Some(STAFF_MAX)), (None, STAFF_MAX));
        assert_eq!(tell(Bond::Transferred, 3, Some(STAFF_MAX + 1)), (Some(Full::Staff), STAFF_MAX));
        assert_eq!(tell(Bond::Transferred, 4, Some(5)), (None, STAFF_MAX - 1));
    }
}
