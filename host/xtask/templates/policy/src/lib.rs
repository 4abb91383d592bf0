//! Policy {{Name}}: who has paid for enough orders gets a tag.
//!
//! An order counts once, however many snapshots of it arrive. Its memory is bounded by the setting: when the tag is
//! given there is nothing more to count.

use std::num::NonZeroU8;

use heliu_sdk::Policy;
use heliu_sdk::events::{Fact, OrderStep};
use heliu_sdk::policy::{Change, Decision, Descriptor, Happening, NewTag, Turn, fingerprint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tag that it gives.
const TAG: &str = "{{name}}:regular";

/// The policy.
pub struct {{Name}};

/// What the operator fills in for one binding.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many paid orders make a regular.
    orders: NonZeroU8,
}

/// What it remembers of one customer.
#[derive(Default, Deserialize, Serialize)]
pub struct Memory {
    /// Fingerprints of the orders that counted, in the order in which they came.
    counted: Vec<u64>,
}

impl Policy for {{Name}} {
    type Settings = Settings;
    type Memory = Memory;

    fn describe() -> Descriptor {
        Descriptor {
            title: "{{Name}}".to_owned(),
            settings_schema: heliu_sdk::schema::<Settings>(),
            wants: vec!["bought".to_owned()],
            tags: vec![TAG.to_owned()],
            journeys: vec![],
            reads: vec![],
        }
    }

    fn evaluate(settings: &Settings, memory: &mut Memory, turn: &Turn) -> Result<Vec<Decision>, String> {
        let enough = usize::from(settings.orders.get());
        let Some(order) = paid_order(&turn.happening).map(fingerprint) else { return Ok(vec![]) };
        if memory.counted.len() >= enough || memory.counted.contains(&order) {
            return Ok(vec![]);
        }
        memory.counted.push(order);
        if memory.counted.len() < enough {
            return Ok(vec![]);
        }
        let tag = NewTag { name: TAG.to_owned(), expires: None };
        Ok(vec![Decision { why: format!("{enough} orders paid"), change: Change::Tag(tag) }])
    }
}

heliu_sdk::export_policy!({{Name}});

/// The id of the order that this tells of, if it is paid.
fn paid_order(happening: &Happening) -> Option<&str> {
    let Happening::Fact(event) = happening else { return None };
    let Fact::Bought(order) = &event.fact else { return None };
    match order.step {
        OrderStep::Paid | OrderStep::Shipped | OrderStep::Received | OrderStep::Completed => Some(&order.id),
        OrderStep::Placed
        | OrderStep::Cancelled
        | OrderStep::RefundAsked
        | OrderStep::PartRefunded
        | OrderStep::Refunded => None,
    }
}
