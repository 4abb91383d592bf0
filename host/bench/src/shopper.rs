//! A customer who buys, as the sandbox is shown her and as a native policy owns her.

use heliu_sdk::{events, policy};
use model::{
    Cause, Customer, CustomerId, CustomerView, Event, Fact, Happening, HeldTag, HeldTrait, Memory, Order,
    OrderLine, PolicyDescriptor, Turn, Value,
};

use crate::events::order_event;

const START_MS: u64 = 1_772_380_800_000;
const DAY_MS: u64 = 86_400_000;
/// Between two orders of hers.
const DAYS_BETWEEN: u64 = 20;
const BINDING: &str = "repurchase";

pub struct Shopper {
    customer: Customer,
    event: Event,
}

impl Shopper {
    pub fn new(number: u64) -> Shopper {
        let event = order_event(number, 0, START_MS);
        let mut customer = Customer::new(CustomerId(number + 1), START_MS);
        let cause = |why: &str| Cause {
            position: 1,
            now: START_MS,
            version: Some(0),
            alarm: None,
            why: why.to_owned(),
        };
        let told = |(name, value): (&str, &str)| HeldTrait {
            name: name.to_owned(),
            value: Value::Text(value.to_owned()),
            cause: cause("told by shop"),
        };
        let tag = |name: &str| HeldTag {
            name: name.to_owned(),
            since: START_MS,
            expires: Some(START_MS + 30 * DAY_MS),
            cause: cause("bought"),
        };
        customer.traits = [("city", "杭州"), ("name", "小满🌳")].map(told).to_vec();
        customer.tags =
            ["offer:eye-cream", "overdue:cleanser", "suppress:cleanser", "suppress:cream"].map(tag).to_vec();
        customer.staff = vec!["linshen".to_owned()];
        Shopper { customer, event }
    }

    /// Some days later, with what the policy remembered.
    pub fn buys_again(&mut self, memory: Option<Vec<u8>>) {
        let at = self.event.at + DAYS_BETWEEN * DAY_MS;
        self.event = order_event(self.customer.id.0, at / DAY_MS, at);
        self.customer.memories =
            memory.into_iter().map(|bytes| Memory { binding: BINDING.to_owned(), bytes }).collect();
    }

    /// As the fold shows her to the policy.
    pub fn turn(&self, descriptor: &PolicyDescriptor) -> Turn<'_> {
        Turn {
            customer: CustomerView::of(&self.customer, descriptor),
            memory: self.customer.memory(BINDING),
            position: self.customer.id.0,
            now: self.event.at,
            happening: Happening::fact(&self.event, descriptor),
        }
    }
}

/// The same turn in the SDK's own types.
pub fn owned(turn: &Turn<'_>) -> policy::Turn {
    let value = |value: &Value| match value {
        Value::Text(text) => events::Value::Text(text.clone()),
        Value::Number(number) => events::Value::Number(*number),
        Value::Truth(truth) => events::Value::Truth(*truth),
        Value::Time(time) => events::Value::Time(*time),
    };
    let told =
        |&(name, told): &(&str, &Value)| events::TraitValue { name: name.to_owned(), value: value(told) };
    let held =
        |tag: &&HeldTag| policy::HeldTag { name: tag.name.clone(), since: tag.since, expires: tag.expires };
    let stage = |&(journey, stage): &(&str, &str)| policy::HeldStage {
        journey: journey.to_owned(),
        stage: stage.to_owned(),
    };
    let Turn { customer, memory, position, now, happening } = turn;
    let CustomerView { id, first_seen, traits, tags, stages, staff, outcomes: _ } = customer;
    let Happening::Fact { event, extra } = happening else { unreachable!("because a shopper buys") };
    policy::Turn {
        customer: policy::Customer {
            id: id.to_string(),
            first_seen: *first_seen,
            traits: traits.iter().map(told).collect(),
            tags: tags.iter().map(held).collect(),
            stages: stages.iter().map(stage).collect(),
            staff: staff.to_vec(),
            outcomes: Vec::new(),
        },
        memory: memory.map(<[u8]>::to_vec),
        position: *position,
        now: *now,
        happening: policy::Happening::Fact(natively(event, *extra)),
    }
}

/// An order in the SDK's own types.
fn natively(event: &Event, extra: Option<&str>) -> events::Event {
    let Event { id, at, who: _, staff, touchpoint: _, fact, extra: _ } = event;
    let Fact::Bought(order) = fact else { unreachable!("because a shopper buys") };
    let Order { id: order_id, step: _, currency, total, paid, refunded, lines, placed_at, source } = order;
    let line = |OrderLine { sku, title, category, quantity, paid }: &OrderLine| events::OrderLine {
        sku: sku.clone(),
        title: title.clone(),
        category: category.clone(),
        quantity: *quantity,
        paid: *paid,
    };
    events::Event {
        id: id.clone(),
        at: *at,
        who: Vec::new(),
        staff: staff.clone(),
        touchpoint: events::Touchpoint::Shop,
        fact: events::Fact::Bought(events::Order {
            id: order_id.clone(),
            step: events::OrderStep::Paid,
            currency: currency.clone(),
            total: *total,
            paid: *paid,
            refunded: *refunded,
            lines: lines.iter().map(line).collect(),
            placed_at: *placed_at,
            source: source.clone(),
        }),
        extra: extra.map(str::to_owned),
    }
}
