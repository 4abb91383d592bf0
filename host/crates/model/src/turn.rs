//! What a policy is shown: borrowed from the customer's document, so that a turn copies nothing before the sandbox does.

use crate::{CustomerId, Event, HeldTag, Instant, Position, Value};

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

#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// Shown without its handles.
    Fact(&'a Event),
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
