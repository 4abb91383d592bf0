//! What a policy is shown: borrowed from the customer's document, so that a turn copies nothing before the sandbox does.

use crate::{Customer, CustomerId, Event, HeldTag, Instant, PolicyDescriptor, Position, Value, name_matches};

/// The entry of `reads` that stands for what a channel said beyond an event's own record.
pub const EXTRA: &str = "extra";

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
            staff: &customer.staff,
        }
    }
}

impl<'a> Happening<'a> {
    /// An event as this policy is shown it.
    #[must_use]
    pub fn fact(event: &'a Event, descriptor: &PolicyDescriptor) -> Happening<'a> {
        let reads_extra = descriptor.reads.iter().any(|pattern| pattern == EXTRA);
        Happening::Fact { event, extra: event.extra.as_deref().filter(|_| reads_extra) }
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
