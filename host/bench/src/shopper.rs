//! A customer who buys, as the sandbox is shown her and as a native policy owns her.

use heliu_sdk::{events, policy};
use model::{
    Cause, CustomerId, CustomerView, Event, Fact, Happening, HeldTag, Instant, Order, OrderLine, Turn, Value,
};

use crate::events::order_event;

const DAY_MS: u64 = 86_400_000;
/// Between two orders of hers.
const DAYS_BETWEEN: u64 = 20;

pub struct Shopper {
    number: u64,
    traits: Vec<(String, Value)>,
    tags: Vec<HeldTag>,
    staff: Vec<String>,
    memory: Option<Vec<u8>>,
    event: Event,
}

impl Shopper {
    pub fn new(number: u64) -> Shopper {
        let event = order_event(number, 0, 1_772_380_800_000);
        let tag = |name: &str| {
            let cause =
                Cause { position: 1, now: event.at, version: Some(0), alarm: None, why: "bought".to_owned() };
            HeldTag { name: name.to_owned(), since: event.at, expires: Some(event.at + 30 * DAY_MS), cause }
        };
        let tags =
            ["offer:eye-cream", "overdue:cleanser", "suppress:cleanser", "suppress:cream"].map(tag).to_vec();
        let traits = vec![
            ("city".to_owned(), Value::Text("杭州".to_owned())),
            ("name".to_owned(), Value::Text("小满🌳".to_owned())),
        ];
        Shopper { number, traits, tags, staff: vec!["linshen".to_owned()], memory: None, event }
    }

    /// Some days later, with what the policy remembered.
    pub fn buys_again(&mut self, memory: Option<Vec<u8>>) {
        let at = self.event.at + DAYS_BETWEEN * DAY_MS;
        self.event = order_event(self.number, at / DAY_MS, at);
        self.memory = memory;
    }

    fn now(&self) -> Instant {
        self.event.at
    }

    pub fn turn(&self) -> Turn<'_> {
        Turn {
            customer: CustomerView {
                id: CustomerId(self.number),
                first_seen: 1_772_380_800_000,
                traits: self.traits.iter().map(|(name, value)| (name.as_str(), value)).collect(),
                tags: self.tags.iter().collect(),
                stages: vec![("repurchase", "first-order")],
                staff: &self.staff,
            },
            memory: self.memory.as_deref(),
            position: self.number,
            now: self.now(),
            happening: Happening::Fact(&self.event),
        }
    }

    pub fn owned(&self) -> policy::Turn {
        let value = |value: &Value| match value {
            Value::Text(text) => events::Value::Text(text.clone()),
            Value::Number(number) => events::Value::Number(*number),
            Value::Truth(truth) => events::Value::Truth(*truth),
            Value::Time(time) => events::Value::Time(*time),
        };
        let told =
            |(name, told): &(String, Value)| events::TraitValue { name: name.clone(), value: value(told) };
        let held = |tag: &HeldTag| policy::HeldTag {
            name: tag.name.clone(),
            since: tag.since,
            expires: tag.expires,
        };
        policy::Turn {
            customer: policy::Customer {
                id: CustomerId(self.number).to_string(),
                first_seen: 1_772_380_800_000,
                traits: self.traits.iter().map(told).collect(),
                tags: self.tags.iter().map(held).collect(),
                stages: vec![policy::HeldStage {
                    journey: "repurchase".to_owned(),
                    stage: "first-order".to_owned(),
                }],
                staff: self.staff.clone(),
            },
            memory: self.memory.clone(),
            position: self.number,
            now: self.now(),
            happening: policy::Happening::Fact(natively(&self.event)),
        }
    }
}

/// An order in the SDK's own types.
fn natively(event: &Event) -> events::Event {
    let Event { id, at, who: _, staff, touchpoint: _, fact, extra } = event;
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
        extra: extra.clone(),
    }
}
