//! What a policy is shown: borrowed from the customer's document, so that a turn copies nothing before the sandbox does.

use crate::{
    Customer, CustomerId, Event, HeldIntent, HeldTag, Instant, IntentState, IntentStep, PolicyDescriptor,
    Position, Reaction, ReceiptStep, Value, name_matches,
};

/// The entry of `reads` that stands for what a channel said beyond an event's own record.
pub const EXTRA: &str = "extra";
/// The entry of `reads` that stands for the members of staff whom a customer knows.
pub const STAFF: &str = "staff";
/// The entry of `reads` that stands for what came of the policy's own intents.
pub const OUTCOMES: &str = "outcomes";

/// Is this entry of `reads` a part of the turn itself, and no pattern for what policies give?
#[must_use]
pub fn is_part_of_turn(read: &str) -> bool {
    [EXTRA, STAFF, OUTCOMES].contains(&read)
}

/// One thing that came of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntentOutcome<'a> {
    pub key: &'a str,
    pub step: ReceiptStep,
    pub at: Instant,
    pub joined: bool,
}

/// The part of a customer that a policy `reads`.
#[derive(Clone, Debug)]
pub struct CustomerView<'a> {
    pub id: CustomerId,
    pub first_seen: Instant,
    pub traits: Vec<(&'a str, &'a Value)>,
    pub tags: Vec<&'a HeldTag>,
    /// Journey and stage.
    pub stages: Vec<(&'a str, &'a str)>,
    pub staff: &'a [String],
    pub outcomes: Vec<IntentOutcome<'a>>,
}

impl PolicyDescriptor {
    #[must_use]
    pub fn reads_outcomes(&self) -> bool {
        self.reads.iter().any(|read| read == OUTCOMES)
    }

    #[must_use]
    pub fn reads_extra(&self) -> bool {
        self.reads.iter().any(|read| read == EXTRA)
    }
}

impl HeldIntent {
    /// What came of it once it was handed over: how far it has come, and what she made of it. It follows from steps and
    /// reactions alone.
    pub fn outcomes(&self) -> impl Iterator<Item = IntentOutcome<'_>> {
        let key = self.intent.key.as_str();
        let came = self.came().map(|(step, at)| IntentOutcome { key, step, at, joined: false });
        let made = self.reactions.iter().filter_map(move |reaction| {
            let Reaction { kind, at, now: _, position: _, joined, order: _ } = reaction;
            Some(IntentOutcome { key, step: ReceiptStep::reaction(kind)?, at: *at, joined: *joined })
        });
        came.into_iter().chain(made)
    }

    fn came(&self) -> Option<(ReceiptStep, Instant)> {
        let handed = |step: &IntentStep| step.state == IntentState::Due;
        let last = self.reached().or(self.steps.last())?;
        let step = match last.state {
            IntentState::Sent => ReceiptStep::Sent,
            IntentState::Confirmed => ReceiptStep::Confirmed,
            IntentState::Failed => ReceiptStep::Failed,
            // What waited until it was of no use was never handed over.
            IntentState::Expired if self.steps.iter().any(handed) => ReceiptStep::Expired,
            IntentState::Expired
            | IntentState::Proposed
            | IntentState::Past
            | IntentState::Held
            | IntentState::Dropped
            | IntentState::Due
            | IntentState::Carried
            | IntentState::AwaitingStaff => return None,
        };
        Some((step, last.at))
    }
}

impl<'a> CustomerView<'a> {
    /// What this policy reads of her. Each name that is shown is a text to copy into the sandbox: what nobody reads is not.
    #[must_use]
    pub fn of(customer: &'a Customer, descriptor: &PolicyDescriptor) -> CustomerView<'a> {
        let reads = |name: &str| descriptor.reads.iter().any(|pattern| name_matches(pattern, name));
        let traits = customer.traits.iter().filter(|held| reads(&held.name));
        let stages = customer.stages.iter().filter(|held| reads(&held.journey));
        CustomerView {
            id: customer.id,
            first_seen: customer.first_seen,
            traits: traits.map(|held| (held.name.as_str(), &held.value)).collect(),
            tags: customer.tags.iter().filter(|held| reads(&held.name)).collect(),
            stages: stages.map(|held| (held.journey.as_str(), held.stage.as_str())).collect(),
            staff: if descriptor.reads.iter().any(|read| read == STAFF) { &customer.staff } else { &[] },
            outcomes: Vec::new(),
        }
    }

    /// With what came of the intents of this policy among these, which are in their order. It must read that.
    #[must_use]
    pub fn with_outcomes(self, intents: &'a [HeldIntent], binding: &str) -> CustomerView<'a> {
        let own = intents.iter().filter(|held| held.binding == binding);
        CustomerView { outcomes: own.flat_map(HeldIntent::outcomes).collect(), ..self }
    }
}

impl<'a> Happening<'a> {
    /// An event as this policy is shown it.
    #[must_use]
    pub fn fact(event: &'a Event, descriptor: &PolicyDescriptor) -> Happening<'a> {
        Happening::Fact { event, extra: event.extra.as_deref().filter(|_| descriptor.reads_extra()) }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// Shown without its handles, and with what the channel said beyond it where the policy reads that.
    Fact {
        event: &'a Event,
        extra: Option<&'a str>,
    },
    Alarm {
        key: &'a str,
        due: Instant,
    },
}

/// One happening in one customer's life, for one policy.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    pub customer: CustomerView<'a>,
    pub memory: Option<&'a [u8]>,
    pub position: Position,
    pub now: Instant,
    pub happening: Happening<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Act, Cause, Fact, HeldStage, HeldTrait, Intent, Touchpoint};

    fn descriptor(reads: &[&str]) -> PolicyDescriptor {
        PolicyDescriptor {
            title: String::new(),
            settings_schema: "{}".to_owned(),
            wants: Vec::new(),
            tags: vec!["own:*".to_owned()],
            journeys: vec!["own-way".to_owned()],
            reads: reads.iter().map(|&read| read.to_owned()).collect(),
        }
    }

    fn customer() -> Customer {
        let cause = || Cause { position: 1, now: 1, version: None, alarm: None, why: String::new() };
        let tag = |name: &str| HeldTag { name: name.to_owned(), since: 1, expires: None, cause: cause() };
        let mut customer = Customer::new(CustomerId(1), 1);
        customer.tags = vec![tag("other:a"), tag("own:a")];
        customer.traits =
            vec![HeldTrait { name: "city".to_owned(), value: Value::Truth(true), cause: cause() }];
        let (journey, stage) = ("own-way".to_owned(), "begun".to_owned());
        customer.stages = vec![HeldStage { journey, stage, since: 1, cause: cause() }];
        customer
    }

    fn shown(reads: &[&str]) -> Vec<String> {
        let customer = customer();
        let CustomerView { traits, tags, stages, .. } = CustomerView::of(&customer, &descriptor(reads));
        let names = tags.iter().map(|tag| tag.name.as_str());
        let names =
            names.chain(traits.iter().map(|(name, _)| *name)).chain(stages.iter().map(|(name, _)| *name));
        names.map(str::to_owned).collect()
    }

    #[test]
    fn a_policy_is_shown_what_it_reads_and_its_own_only_if_it_reads_that() {
        assert_eq!(shown(&[]), [""; 0]);
        assert_eq!(shown(&["own:*"]), ["own:a"]);
        assert_eq!(shown(&["other:*", "city", "own-way"]), ["other:a", "city", "own-way"]);
    }

    #[test]
    fn what_came_of_an_intent_is_how_far_it_came_and_what_she_made_of_it() {
        let step = |state, at| IntentStep {
            state,
            now: at,
            at,
            position: at,
            connection: None,
            staff: None,
            receipt: None,
            until: None,
            code: String::new(),
            reason: String::new(),
        };
        let came = |steps: &[IntentState]| {
            let intent = Intent {
                key: "k".to_owned(),
                scene: String::new(),
                text: None,
                content: None,
                detail: None,
                not_before: None,
                not_after: None,
            };
            let replied = Reaction {
                kind: "replied".to_owned(),
                at: 9,
                now: 9,
                position: 9,
                joined: true,
                order: None,
            };
            let held = HeldIntent {
                id: String::new(),
                binding: "p".to_owned(),
                intent,
                state: IntentState::Proposed,
                cause: Cause { position: 1, now: 1, version: None, alarm: None, why: String::new() },
                steps: (1..).zip(steps).map(|(at, state)| step(*state, at)).collect(),
                reactions: vec![replied],
                unfounded: false,
            };
            held.outcomes().map(|one| (one.step.name(), one.at, one.joined)).collect::<Vec<_>>()
        };
        let replied = ("replied", 9, true);
        use IntentState::{AwaitingStaff, Confirmed, Due, Expired, Failed, Held, Sent};
        assert_eq!(came(&[Due, AwaitingStaff]), [replied]);
        assert_eq!(came(&[Due, AwaitingStaff, Confirmed, Failed]), [("confirmed", 3, false), replied]);
        assert_eq!(came(&[Due, Sent, Failed]), [("failed", 3, false), replied]);
        assert_eq!(came(&[Due, Expired]), [("expired", 2, false), replied]);
        assert_eq!(came(&[Held, Expired]), [replied], "nobody was handed it");
    }

    #[test]
    fn staff_is_shown_to_who_reads_it() {
        let mut customer = customer();
        customer.staff = vec!["linshen".to_owned()];
        let shown = |reads: &[&str]| CustomerView::of(&customer, &descriptor(reads)).staff.to_vec();
        assert_eq!(shown(&["own:*", "*"]), [""; 0]);
        assert_eq!(shown(&[STAFF]), ["linshen"]);
    }

    #[test]
    fn what_the_channel_said_beyond_an_event_is_shown_to_who_reads_it() {
        let (kind, none) = ("checked-in".to_owned(), || None);
        let act = Act { kind, object: none(), title: none(), quantity: None, state: none(), whom: None };
        let event = Event {
            id: "e".to_owned(),
            at: 1,
            who: Vec::new(),
            staff: None,
            touchpoint: Touchpoint::Web,
            fact: Fact::Did(act),
            extra: Some("{}".to_owned()),
        };
        let extra = |reads: &[&str]| match Happening::fact(&event, &descriptor(reads)) {
            Happening::Fact { event: _, extra } => extra.map(str::to_owned),
            Happening::Alarm { key: _, due: _ } => None,
        };
        assert_eq!(extra(&["own:*"]), None);
        assert_eq!(extra(&[EXTRA]).as_deref(), Some("{}"));
    }
}
