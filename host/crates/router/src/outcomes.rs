//! What became of an intent, and what she made of it: the courier's steps, channels' receipts, and what the host joins itself.
//!
//! A message of hers, or an order that she paid, is joined to the last thing that had reached her before it and within the
//! window of [`Outcomes`]. Invariant: what is joined depends on her records, the steps of her intents and the windows, and
//! on nothing else. A past that is folded again shows each record to intents that have all their steps; while it is lived, a
//! step that changes when something reached her shows it the records since it was handed over ([`look_back`]). That is the
//! same, because nothing reaches her before it is handed over.
//!
//! A policy may be shown what came of its own intents, and then the moment matters at which that was known. While a past is
//! folded again, [`Lived`] has them as they were known at each moment of it.

use std::sync::Arc;

use journal::Records;
use model::{
    ChannelEvent, CustomerId, Direction, Entry, Event, Fact, HeldIntent, Instant, IntentState, IntentStep,
    Outcomes, Position, Progress, Reaction, Receipt, ReceiptStep, Record, SEGMENTS, StrayReceipt,
};

use crate::RouterError;
use crate::document::{REACTIONS_MAX, RECEIPT_STEPS_MAX};
use crate::lane::{self, Lane};

/// Orders that are joined to one intent, at most: whoever sells by it a hundred times has been told enough.
const ORDERS_MAX: usize = 100;

/// The word of a step that a channel told. In ledgers: for ever.
const RECEIPT: &str = "receipt";

/// Records that are read at once, to look back.
const PAGE: usize = 200;

/// Who told of a fact.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Teller<'a> {
    Connection(&'a str),
    Policy(&'a str),
}

/// Her intents, and those that are not intended again yet while her past is folded again.
fn intents(lane: &mut Lane) -> impl Iterator<Item = &mut HeldIntent> {
    lane.customer.intents.iter_mut().chain(&mut lane.formers)
}

/// A step of an intent. One that is known, because a past is folded again, changes nothing; nor does one of an intent that
/// was withdrawn before the step was told. Gives whether and when it reached her, where that changed: see [`look_back`].
pub(crate) fn progress(
    lane: &mut Lane,
    progress: &Progress,
    position: Position,
    now: Instant,
) -> Option<Reached> {
    let held = lane.customer.intents.iter_mut().find(|held| held.id == progress.intent)?;
    advance(held, progress, position, now)
}

fn advance(held: &mut HeldIntent, progress: &Progress, position: Position, now: Instant) -> Option<Reached> {
    let Progress {
        intent: _,
        customer: _,
        cause: _,
        id: _,
        state,
        connection,
        staff,
        receipt,
        until,
        code,
        reason,
    } = progress;
    if held.steps.iter().any(|step| step.position >= position) {
        return None;
    }
    let before = reached_by(held);
    // A receipt may be faster than what the call that it is about gave back.
    let told = matches!(held.state, IntentState::Confirmed | IntentState::Failed | IntentState::Expired);
    let given_back = matches!(state, IntentState::Carried | IntentState::AwaitingStaff | IntentState::Sent);
    if !(told && given_back) {
        held.state = *state;
    }
    held.steps.push(IntentStep {
        state: *state,
        now,
        at: now,
        position,
        connection: connection.clone(),
        staff: staff.clone(),
        receipt: receipt.clone(),
        until: *until,
        code: code.clone(),
        reason: reason.clone(),
    });
    changed(held, before)
}

/// What a receipt did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Became {
    Nothing,
    Reached(Reached),
    /// It came from somebody who had not carried it.
    Stray(StrayReceipt),
    /// Too much was told of this errand already.
    TooMuch,
}

/// What a channel says became of an errand, which bears its intent's id; or what she made of it. Only a connection that
/// was handed an errand can know what became of it: what others say of that changes nothing.
pub(crate) fn became(
    lane: &mut Lane,
    teller: Teller<'_>,
    event: &Event,
    position: Position,
    now: Instant,
) -> Became {
    let Some(id) = told_of(&event.fact) else { return Became::Nothing };
    let customer = lane.customer.id;
    match intents(lane).find(|held| held.id == id) {
        Some(held) => hear(held, customer, teller, event, position, now),
        None => Became::Nothing,
    }
}

/// The intent of which a fact tells, if it is one of hers.
fn told_of(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Carried(receipt) => Some(&receipt.errand),
        Fact::Saw(view) => view.followed(),
        Fact::Said(_) | Fact::Bought(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) => None,
    }
}

fn hear(
    held: &mut HeldIntent,
    customer: CustomerId,
    teller: Teller<'_>,
    event: &Event,
    position: Position,
    now: Instant,
) -> Became {
    match &event.fact {
        Fact::Carried(receipt) => receive(held, customer, teller, receipt, event.at, position, now),
        Fact::Saw(_) => follow(held, teller, event.at, position, now),
        Fact::Said(_) | Fact::Bought(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) => Became::Nothing,
    }
}

/// She looked at something, and the intent had led her there. Whoever shows it to her knows that: it is rarely the connection that
/// carried the intent. It must have been handed over before.
fn follow(
    held: &mut HeldIntent,
    teller: Teller<'_>,
    at: Instant,
    position: Position,
    now: Instant,
) -> Became {
    let went_out = held.carriers(position).next().is_some();
    match teller {
        Teller::Connection(_) if went_out => reacts(held, ReceiptStep::Clicked, at, position, now),
        Teller::Connection(_) | Teller::Policy(_) => Became::Nothing,
    }
}

/// A channel says what she made of it.
fn reacts(held: &mut HeldIntent, step: ReceiptStep, at: Instant, position: Position, now: Instant) -> Became {
    // Counted is what was told before this record, in a fold of her past as at the first time.
    let earlier = |one: &&Reaction| !one.joined && one.position < position;
    if held.reactions.iter().filter(earlier).count() >= REACTIONS_MAX {
        return Became::TooMuch;
    }
    let (kind, at) = (step.name().to_owned(), at.min(now));
    react(held, Reaction { kind, at, now, position, joined: false, order: None });
    Became::Nothing
}

fn receive(
    held: &mut HeldIntent,
    customer: CustomerId,
    teller: Teller<'_>,
    Receipt { errand, step, why }: &Receipt,
    at: Instant,
    position: Position,
    now: Instant,
) -> Became {
    let source = match teller {
        Teller::Connection(source) if held.carriers(position).any(|carrier| carrier == source) => source,
        Teller::Connection(source) | Teller::Policy(source) => {
            return Became::Stray(StrayReceipt {
                position,
                now,
                customer,
                intent: errand.clone(),
                step: step.name().to_owned(),
                source: source.to_owned(),
                carrier: held.carriers(position).next().map(str::to_owned),
            });
        }
    };
    let state = match step {
        ReceiptStep::Sent => IntentState::Sent,
        ReceiptStep::Confirmed => IntentState::Confirmed,
        ReceiptStep::Failed => IntentState::Failed,
        ReceiptStep::Expired => IntentState::Expired,
        ReceiptStep::Read | ReceiptStep::Clicked | ReceiptStep::Replied | ReceiptStep::Bought => {
            return reacts(held, *step, at, position, now);
        }
    };
    if held.steps.iter().filter(|step| step.position < position).count() >= RECEIPT_STEPS_MAX {
        return Became::TooMuch;
    }
    if held.steps.iter().any(|step| step.position >= position) {
        return Became::Nothing;
    }
    let before = reached_by(held);
    let last = held.steps.last();
    let handed = held.steps.iter().rev().find(|step| step.state == IntentState::Due);
    let told = IntentStep {
        state,
        now,
        // A channel may tell any time: nothing reaches her before it is handed over, nor after it is told.
        at: at.clamp(handed.map_or(now, |step| step.now).min(now), now),
        position,
        connection: Some(source.to_owned()),
        staff: last.and_then(|step| step.staff.clone()),
        receipt: last.and_then(|step| step.receipt.clone()),
        until: None,
        code: RECEIPT.to_owned(),
        reason: why.clone().unwrap_or_else(|| format!("\"{source}\" says so: {}", step.name())),
    };
    held.steps.push(told);
    // That it was sent says nothing new of what reached her.
    if held.state != IntentState::Confirmed {
        held.state = state;
    }
    changed(held, before).map_or(Became::Nothing, Became::Reached)
}

/// That something reached her, or did not after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Where it was handed over first: nothing before it can be an answer.
    since: Position,
}

fn reached_by(held: &HeldIntent) -> Option<Position> {
    held.reached().map(|step| step.position)
}

fn changed(held: &HeldIntent, before: Option<Position>) -> Option<Reached> {
    let handed = held.steps.iter().find(|step| step.state.went_out());
    (reached_by(held) != before).then(|| Reached { since: handed.map_or(0, |step| step.position) })
}

/// Puts a reaction among the others, by their records.
fn react(held: &mut HeldIntent, reaction: Reaction) {
    let key = |one: &Reaction| (one.position, one.joined);
    if let Err(place) = held.reactions.binary_search_by_key(&key(&reaction), key) {
        held.reactions.insert(place, reaction);
    }
}

/// What may be an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Touch<'a> {
    at: Instant,
    now: Instant,
    position: Position,
    what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What<'a> {
    /// She said something to this connection.
    Said {
        connection: &'a str,
        in_a_group: bool,
    },
    Paid {
        order: &'a str,
    },
}

impl What<'_> {
    fn kind(self) -> &'static str {
        match self {
            What::Said { .. } => ReceiptStep::Replied.name(),
            What::Paid { .. } => ReceiptStep::Bought.name(),
        }
    }
}

fn touch_of(record: &Record) -> Option<Touch<'_>> {
    let Entry::Event(ChannelEvent { connection, event }) = &record.entry else { return None };
    if connection == SEGMENTS {
        return None;
    }
    let (what, at) = match &event.fact {
        Fact::Said(message) if message.direction == Direction::FromCustomer => {
            let said = What::Said { connection, in_a_group: message.group.is_some() };
            (said, event.at)
        }
        Fact::Bought(order) if order.step.is_bought() => {
            // A channel may begin to tell of an order late: when it was placed is then the best that is known.
            let at = if order.step == model::OrderStep::Paid { event.at } else { order.placed_at };
            (What::Paid { order: &order.id }, at)
        }
        Fact::Said(_)
        | Fact::Bought(_)
        | Fact::Saw(_)
        | Fact::Did(_)
        | Fact::Met(_)
        | Fact::Told(_)
        | Fact::Carried(_) => return None,
    };
    Some(Touch { at: at.min(record.now), now: record.now, position: record.position, what })
}

/// Joins a record of hers to what it answers.
pub(crate) fn join(lane: &mut Lane, outcomes: &Outcomes, record: &Record) {
    if lane.customer.intents.is_empty() && lane.formers.is_empty() {
        return;
    }
    let Some(touch) = touch_of(record) else { return };
    join_among(&mut intents(lane).collect::<Vec<_>>(), outcomes, touch);
}

fn join_among(intents: &mut [&mut HeldIntent], outcomes: &Outcomes, touch: Touch<'_>) {
    for held in intents.iter_mut() {
        held.reactions.retain(|one| !one.joined || one.position != touch.position);
    }
    let kind = touch.what.kind();
    let is_known = |one: &Reaction| match touch.what {
        What::Said { .. } => false,
        What::Paid { order } => {
            one.joined && one.position < touch.position && one.order.as_deref() == Some(order)
        }
    };
    if intents.iter().any(|held| held.reactions.iter().any(is_known)) {
        return;
    }
    let answered = intents.iter_mut().filter_map(|held| Some((answers(held, outcomes, &touch)?, held)));
    let last = answered.max_by(|(at, one), (other_at, other)| (at, &one.id).cmp(&(other_at, &other.id)));
    let Some((_, held)) = last else { return };
    let earlier = |one: &&Reaction| one.joined && one.kind == kind && one.position < touch.position;
    let joined = held.reactions.iter().filter(earlier).count();
    let (most, order) = match touch.what {
        // One answer is one outcome, however much she says.
        What::Said { .. } => (1, None),
        What::Paid { order } => (ORDERS_MAX, Some(order.to_owned())),
    };
    if joined < most {
        let Touch { at, now, position, what: _ } = touch;
        react(held, Reaction { kind: kind.to_owned(), at, now, position, joined: true, order });
    }
}

/// Could she mean this? Gives when it had reached her.
fn answers(held: &HeldIntent, outcomes: &Outcomes, touch: &Touch<'_>) -> Option<Instant> {
    let scene = held.intent.scene.as_str();
    if !outcomes.covers(scene) {
        return None;
    }
    let reached = held.reached()?;
    let window = match touch.what {
        What::Said { connection, in_a_group } => {
            let there = reached.connection.as_deref() == Some(connection);
            outcomes.replied_ms.filter(|_| there && in_a_group == (scene == GROUP))
        }
        What::Paid { .. } => outcomes.bought_ms,
    };
    let after = touch.at.checked_sub(reached.at).filter(|&after| after > 0)?;
    (after <= window?).then_some(reached.at)
}

/// The scene that is answered in a group.
const GROUP: &str = "group-message";

/// Shows what she did since it was handed over to what has reached her, or has not after all, by a step at `position`.
pub(crate) fn look_back(
    lane: &mut Lane,
    outcomes: &Outcomes,
    journal: &dyn Records,
    reached: Reached,
    position: Position,
) -> Result<(), RouterError> {
    if outcomes.replied_ms.is_none() && outcomes.bought_ms.is_none() {
        return Ok(());
    }
    let between = |&&at: &&Position| at > reached.since && at < position;
    let positions: Vec<Position> = lane.customer.timeline.iter().filter(between).copied().collect();
    for page in positions.chunks(PAGE) {
        for record in journal.fetch(page)? {
            join(lane, outcomes, &record);
        }
    }
    Ok(())
}

/// Joins all anew, by other windows.
pub(crate) fn rejoin(lane: &mut Lane, outcomes: &Outcomes, journal: &dyn Records) -> Result<(), RouterError> {
    lane.customer.intents.iter_mut().for_each(forget_joined);
    if lane.customer.intents.iter().all(|held| held.reached().is_none()) {
        return Ok(());
    }
    look_back(lane, outcomes, journal, Reached { since: 0 }, Position::MAX)
}

/// Takes back what the host joined: her records are shown again.
pub(crate) fn forget_joined(held: &mut HeldIntent) {
    held.reactions.retain(|reaction| !reaction.joined);
}

/// Her intents while her past is folded again, each as it was known at that moment. Kept only where a policy reads it.
#[derive(Debug, Default)]
pub(crate) struct Lived {
    /// Those of which a step was told, in their order.
    pub(crate) intents: Vec<HeldIntent>,
    /// What may answer them: her records since the first of them was handed over.
    touches: Vec<Arc<Record>>,
    /// What had really gone out, for a fold that only tries what would be: nothing else is said of it there.
    pub(crate) sent: Option<Vec<HeldIntent>>,
}

impl Lived {
    /// The intent of which this record tells a step. What will not be hers when this fold ends is not shown in it: the next
    /// one would not know of it.
    fn find(&mut self, lane: &Lane, id: &str, position: Position) -> Option<&mut HeldIntent> {
        if !self.intents.iter().any(|held| held.id == id) {
            let stays = |held: &&HeldIntent| {
                let tells = held.steps.iter().any(|step| step.position == position);
                let stays = held.state.went_out() || lane.customer.has(held.cause.position);
                held.id == id && tells && stays
            };
            let known = match &self.sent {
                Some(sent) => sent.iter().find(|held| held.id == id)?.clone(),
                None => lane.customer.intents.iter().chain(&lane.formers).find(stays)?.clone(),
            };
            let (steps, reactions, state) = (Vec::new(), Vec::new(), IntentState::Proposed);
            lane::put(&mut self.intents, HeldIntent { state, steps, reactions, ..known });
        }
        self.intents.iter_mut().find(|held| held.id == id)
    }

    fn join(&mut self, outcomes: &Outcomes, touch: Touch<'_>) {
        join_among(&mut self.intents.iter_mut().collect::<Vec<_>>(), outcomes, touch);
    }
}

/// A record of her past says of her intents what it said when it was lived. Behind what it says of her document.
pub(crate) fn relive(lane: &mut Lane, outcomes: &Outcomes, record: &Arc<Record>) {
    let mut lived = std::mem::take(&mut lane.lived);
    let &Record { position, now, ref entry } = &**record;
    let reached = match entry {
        Entry::Progress(progress) => lived
            .find(lane, &progress.intent, position)
            .and_then(|held| advance(held, progress, position, now)),
        Entry::Event(ChannelEvent { connection, event }) => {
            let (customer, teller) = (lane.customer.id, Teller::Connection(connection));
            let held =
                told_of(&event.fact).and_then(|id| lived.intents.iter_mut().find(|held| held.id == id));
            match held.map(|held| hear(held, customer, teller, event, position, now)) {
                Some(Became::Reached(reached)) => Some(reached),
                Some(Became::Nothing | Became::Stray(_) | Became::TooMuch) | None => None,
            }
        }
        // What a policy says of an errand is not taken.
        Entry::Derived(_)
        | Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Retelling(_)
        | Entry::Act(_)
        | Entry::Erased(_) => None,
    };
    if let Some(reached) = reached {
        let touches = std::mem::take(&mut lived.touches);
        for touch in touches.iter().filter(|record| record.position > reached.since) {
            touch_of(touch).into_iter().for_each(|touch| lived.join(outcomes, touch));
        }
        lived.touches = touches;
    }
    if let Some(touch) = touch_of(record).filter(|_| !lived.intents.is_empty()) {
        lived.join(outcomes, touch);
        lived.touches.push(Arc::clone(record));
    }
    lane.lived = lived;
}

#[cfg(test)]
mod tests;
