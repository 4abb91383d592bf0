//! One customer as the fold left her: everything that we know, and why we know it.

use crate::{CustomerId, Direction, Event, Fact, Identity, Instant, Intent, Position, StaffTask, Value};

/// Why something stands in a customer's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The record that led to it; for an alarm, the record at which the alarm was asked for.
    pub position: Position,
    /// The journal's time of it; for an alarm, its due time.
    pub now: Instant,
    /// The version of the policy that decided, an index into the fold's list of versions. None: a connector told it.
    pub version: Option<u32>,
    /// The key of the alarm that fired, where it was one.
    pub alarm: Option<String>,
    /// The policy's own words.
    pub why: String,
}

/// One handle, and the record that first showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    pub identity: Identity,
    pub position: Position,
    /// Who had it before, where it rotates and was another's then.
    pub before: Option<CustomerId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTrait {
    pub name: String,
    pub value: Value,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTag {
    pub name: String,
    pub since: Instant,
    pub expires: Option<Instant>,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStage {
    pub journey: String,
    pub stage: String,
    pub since: Instant,
    pub cause: Cause,
}

/// What one policy remembers of her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    pub binding: String,
    pub bytes: Vec<u8>,
}

/// A policy asked to be called again. The order of the fields is the order in which alarms fire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    pub due: Instant,
    pub binding: String,
    pub key: String,
    /// The record at which it was asked for.
    pub position: Position,
}

/// The scene that is of use for seconds only, and so is looked at first.
pub const WELCOME: &str = "welcome";

/// Where on the courier's agenda a welcome stands. Nothing else does.
pub const FIRST_ERRAND: Instant = 0;

/// How far an intent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntentState {
    /// A policy decided it as the journal's head was folded, or an operator proposed it.
    Proposed,
    /// It was decided while her past was folded again: nothing is sent for the past.
    Past,
    /// It may not go out yet; the step says why, and what it waits for.
    Held,
    /// It will not go out.
    Dropped,
    /// It is handed to its connection now. Whether that ended is not known until the next step.
    Due,
    /// The connection took it. No host writes this: what a call gives back is `Sent`, `AwaitingStaff` or why it was not
    /// carried. It stays because journals number the states.
    Carried,
    /// A member of staff must confirm it.
    AwaitingStaff,
    /// The channel sent it.
    Sent,
    /// Staff confirmed it, or the channel says that she has it.
    Confirmed,
    Failed,
    /// Its time was over before it could go out.
    Expired,
}

impl IntentState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            IntentState::Proposed => "proposed",
            IntentState::Past => "past",
            IntentState::Held => "held",
            IntentState::Dropped => "dropped",
            IntentState::Due => "due",
            IntentState::Carried => "carried",
            IntentState::AwaitingStaff => "awaiting-staff",
            IntentState::Sent => "sent",
            IntentState::Confirmed => "confirmed",
            IntentState::Failed => "failed",
            IntentState::Expired => "expired",
        }
    }

    /// Can nothing more become of it by itself?
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            IntentState::Past
            | IntentState::Dropped
            | IntentState::Sent
            | IntentState::Confirmed
            | IntentState::Failed
            | IntentState::Expired => true,
            IntentState::Proposed
            | IntentState::Held
            | IntentState::Due
            | IntentState::Carried
            | IntentState::AwaitingStaff => false,
        }
    }

    /// Does it wait for the courier's judgement?
    #[must_use]
    pub fn waits(self) -> bool {
        matches!(self, IntentState::Proposed | IntentState::Held)
    }

    /// Has it been handed to a channel, or may it have been?
    #[must_use]
    pub fn went_out(self) -> bool {
        match self {
            IntentState::Due
            | IntentState::Carried
            | IntentState::AwaitingStaff
            | IntentState::Sent
            | IntentState::Confirmed
            | IntentState::Failed => true,
            IntentState::Proposed
            | IntentState::Past
            | IntentState::Held
            | IntentState::Dropped
            | IntentState::Expired => false,
        }
    }
}

/// One change of an intent's state, and the record that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentStep {
    pub state: IntentState,
    /// The journal's time of it.
    pub now: Instant,
    /// When it happened: as the channel tells, within what the journal knows of it, or else as the journal does.
    pub at: Instant,
    pub position: Position,
    pub connection: Option<String>,
    pub staff: Option<String>,
    /// The channel's own id.
    pub receipt: Option<String>,
    /// When it is judged again, where it is held.
    pub until: Option<Instant>,
    /// A stable word for why. Empty where an older host gave none.
    pub code: String,
    pub reason: String,
}

/// What she made of what reached her, and the record that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// `read`, `clicked`, `replied`, `bought`.
    pub kind: String,
    /// When she did it: as the channel tells, but not after `now`.
    pub at: Instant,
    pub now: Instant,
    pub position: Position,
    /// No channel said that this led to it: the host joined them, by [`crate::Outcomes`].
    pub joined: bool,
    /// The order that she paid, where the host joined it.
    pub order: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldIntent {
    /// Made from tenant, customer, binding and key, once: it stays when she is merged into another.
    pub id: String,
    pub binding: String,
    pub intent: Intent,
    pub state: IntentState,
    pub cause: Cause,
    /// In their order.
    pub steps: Vec<IntentStep>,
    pub reactions: Vec<Reaction>,
    /// The fold, done again, did not intend it. It is not sent if it was not; what went out stays and is shown.
    pub unfounded: bool,
}

impl HeldIntent {
    /// The connections to which it had been handed before this position, the last one first. One that broke off may have
    /// carried it before another did.
    pub fn carriers(&self, before: Position) -> impl Iterator<Item = &str> {
        let handed = move |step: &&IntentStep| step.state == IntentState::Due && step.position < before;
        self.steps.iter().rev().filter(handed).filter_map(|step| step.connection.as_deref())
    }

    /// The step by which it reached her. None: it did not, as far as the channel says.
    ///
    /// The first word that she has it holds for ever; that it was sent holds unless it is said later that it failed.
    #[must_use]
    pub fn reached(&self) -> Option<&IntentStep> {
        let confirmed = self.steps.iter().find(|step| step.state == IntentState::Confirmed);
        if confirmed.is_some() {
            return confirmed;
        }
        let sent = self.steps.iter().position(|step| step.state == IntentState::Sent)?;
        let failed = |step: &IntentStep| matches!(step.state, IntentState::Failed | IntentState::Expired);
        if self.steps[sent..].iter().any(failed) { None } else { self.steps.get(sent) }
    }
}

/// An event of another person that a policy told because of her.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub binding: String,
    pub id: String,
}

/// A policy was not shown a turn of hers, because it was paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub binding: String,
    /// The setup that ended the pause, at which she was folded again. None: she waits for it.
    pub made_up: Option<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTask {
    pub binding: String,
    pub task: StaffTask,
    pub cause: Cause,
}

/// When something of hers last happened, by the channels' times. None: never, as far as the journal knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// Any fact that a channel told.
    pub event: Option<Instant>,
    /// A message from her.
    pub message: Option<Instant>,
    /// An order of hers that was paid was placed.
    pub purchase: Option<Instant>,
}

impl Latest {
    /// Takes one of her events into account. Their order does not matter.
    pub fn take(&mut self, event: &Event) {
        let later =
            |held: &mut Option<Instant>, at| *held = Some(held.map_or(at, |held: Instant| held.max(at)));
        later(&mut self.event, event.at);
        match &event.fact {
            Fact::Said(message) => match message.direction {
                Direction::FromCustomer => later(&mut self.message, event.at),
                Direction::ToCustomer => {}
            },
            Fact::Bought(order) => {
                if order.step.is_bought() {
                    later(&mut self.purchase, order.placed_at);
                }
            }
            Fact::Saw(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) | Fact::Carried(_) => {}
        }
    }
}

/// A segment that she has entered, by its name, and whether she is still in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSegment {
    pub name: String,
    pub inside: bool,
    pub since: Instant,
    /// The record that says so.
    pub position: Position,
}

/// Sorted lists throughout, so that equal customers have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: CustomerId,
    pub first_seen: Instant,
    pub latest: Latest,
    /// In the order in which they were first shown.
    pub handles: Vec<Handle>,
    /// The positions of her records, ascending: her timeline, and what a re-fold reads.
    pub timeline: Vec<Position>,
    /// Records of others that showed a handle of hers, ascending: they could not be hers, or the handle rotated.
    pub refused: Vec<Position>,
    /// By name.
    pub traits: Vec<HeldTrait>,
    /// By name.
    pub tags: Vec<HeldTag>,
    /// By journey.
    pub stages: Vec<HeldStage>,
    /// Those that are kept, by name.
    pub segments: Vec<HeldSegment>,
    /// In the order in which they met her.
    pub staff: Vec<String>,
    /// By binding.
    pub memories: Vec<Memory>,
    /// By due time, binding, key.
    pub alarms: Vec<Alarm>,
    /// Alarms that fired since her last record: what stops a policy that wakes itself for ever.
    pub fired: u32,
    /// By binding and key.
    pub intents: Vec<HeldIntent>,
    /// In the order in which they were asked.
    pub tasks: Vec<HeldTask>,
    /// What policies told of others because of her, by binding and id.
    pub told: Vec<Told>,
    /// The keys of the notes on turns of hers at which a policy failed, and on receipts that were not taken, ascending.
    pub noted: Vec<String>,
    /// What paused policies missed of her since her past was last folded again, by binding.
    pub missed: Vec<Missed>,
    /// Customers that were merged into her, ascending.
    pub merged: Vec<CustomerId>,
}

impl Customer {
    #[must_use]
    pub fn new(id: CustomerId, first_seen: Instant) -> Customer {
        Customer {
            id,
            first_seen,
            latest: Latest::default(),
            handles: Vec::new(),
            timeline: Vec::new(),
            refused: Vec::new(),
            traits: Vec::new(),
            tags: Vec::new(),
            stages: Vec::new(),
            segments: Vec::new(),
            staff: Vec::new(),
            memories: Vec::new(),
            alarms: Vec::new(),
            fired: 0,
            intents: Vec::new(),
            tasks: Vec::new(),
            told: Vec::new(),
            noted: Vec::new(),
            missed: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// When time alone will next change her: an alarm or the end of a tag.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let alarm = self.alarms.first().map(|alarm| alarm.due);
        let tag = self.tags.iter().filter_map(|tag| tag.expires).min();
        match (alarm, tag) {
            (Some(alarm), Some(tag)) => Some(alarm.min(tag)),
            (due, None) | (None, due) => due,
        }
    }

    /// When the courier must look at her next: at what was proposed at once, at what is held when it is judged again, and
    /// at what was being handed over, whose end nobody told. A welcome that was proposed stands before everything else.
    #[must_use]
    pub fn next_errand(&self) -> Option<Instant> {
        let look = |held: &HeldIntent| match held.state {
            IntentState::Proposed | IntentState::Held if held.unfounded => None,
            IntentState::Proposed if held.intent.scene == WELCOME => Some(FIRST_ERRAND),
            IntentState::Proposed | IntentState::Due => Some(FIRST_ERRAND + 1),
            IntentState::Held => {
                let until = held.steps.last().and_then(|step| step.until).unwrap_or(0);
                Some(until.max(FIRST_ERRAND + 1))
            }
            IntentState::Past
            | IntentState::Dropped
            | IntentState::Carried
            | IntentState::AwaitingStaff
            | IntentState::Sent
            | IntentState::Confirmed
            | IntentState::Failed
            | IntentState::Expired => None,
        };
        self.intents.iter().filter_map(look).min()
    }

    /// Is this record hers?
    #[must_use]
    pub fn has(&self, position: Position) -> bool {
        self.timeline.binary_search(&position).is_ok()
    }

    /// Writes that a paused policy was not shown a turn of hers, or that this is made up for.
    pub fn miss(&mut self, binding: &str, made_up: Option<Position>) {
        match self.missed.binary_search_by(|missed| missed.binding.as_str().cmp(binding)) {
            Ok(place) => self.missed[place].made_up = made_up,
            Err(place) => self.missed.insert(place, Missed { binding: binding.to_owned(), made_up }),
        }
    }

    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&HeldTag> {
        let place = self.tags.binary_search_by(|tag| tag.name.as_str().cmp(name)).ok()?;
        self.tags.get(place)
    }

    /// Is she in this segment, as far as the journal says? One that is not kept has nobody.
    #[must_use]
    pub fn is_in(&self, segment: &str) -> bool {
        self.segments.iter().any(|held| held.name == segment && held.inside)
    }

    #[must_use]
    pub fn memory(&self, binding: &str) -> Option<&[u8]> {
        let place = self.memories.binary_search_by(|memory| memory.binding.as_str().cmp(binding)).ok()?;
        self.memories.get(place).map(|memory| memory.bytes.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Order, OrderStep, Touchpoint};

    fn event(at: Instant, fact: Fact) -> Event {
        let (id, staff) = (at.to_string(), None);
        Event { id, at, who: Vec::new(), staff, touchpoint: Touchpoint::Other, fact, extra: None }
    }

    fn said(direction: Direction) -> Fact {
        Fact::Said(Message { direction, kind: "text".to_owned(), text: None, group: None, about: None })
    }

    fn bought(step: OrderStep, placed_at: Instant) -> Fact {
        let (id, currency) = ("o".to_owned(), "CNY".to_owned());
        let (total, paid, refunded, source) = (None, None, None, None);
        Fact::Bought(Order {
            id,
            step,
            currency,
            total,
            paid,
            refunded,
            lines: Vec::new(),
            placed_at,
            source,
        })
    }

    #[test]
    fn the_latest_of_each_kind_is_kept_in_any_order() {
        let mut events = [
            event(5, said(Direction::FromCustomer)),
            event(3, said(Direction::FromCustomer)),
            event(9, said(Direction::ToCustomer)),
            event(7, bought(OrderStep::Paid, 6)),
            event(8, bought(OrderStep::Placed, 8)),
        ];
        let wanted = Latest { event: Some(9), message: Some(5), purchase: Some(6) };
        for _ in 0..events.len() {
            events.rotate_left(1);
            let mut facts = Latest::default();
            events.iter().for_each(|event| facts.take(event));
            assert_eq!(facts, wanted);
        }
    }

    #[test]
    fn an_order_counts_once_it_was_paid() {
        let purchase = |step| {
            let mut facts = Latest::default();
            facts.take(&event(2, bought(step, 1)));
            facts.purchase.is_some()
        };
        for step in [OrderStep::Paid, OrderStep::Shipped, OrderStep::Completed, OrderStep::PartRefunded] {
            assert!(purchase(step), "{step:?}");
        }
        for step in [OrderStep::Placed, OrderStep::Cancelled, OrderStep::Refunded] {
            assert!(!purchase(step), "{step:?}");
        }
    }
}
