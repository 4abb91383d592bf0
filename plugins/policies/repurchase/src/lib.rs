//! The lifecycle of a customer who buys again and again. It turns and goes on, and never ends.
//!
//! Orders make a picture: how many there are, what they came to, what she must still have of each category. The
//! picture at an instant is a pure function of the orders and of the instant. Whatever differs from what was said of
//! her before is decided; one alarm waits for the next instant at which time alone changes the picture. So an order
//! that comes late, twice, out of order or is taken back needs no rule of its own.

mod decide;
mod memory;
mod picture;
mod plan;
mod settings;
mod why;

use heliu_sdk::events::Fact;
use heliu_sdk::policy::{Decision, Descriptor, Happening, Turn};

use crate::decide::{Decider, JOURNEY};
use crate::memory::Memory;
use crate::plan::Plan;

/// What an order leads to, mostly: a suppression, an offer, a stage, an alarm. More is room for more.
const DECISIONS_USUAL: usize = 8;

/// The policy.
pub struct Repurchase;

impl heliu_sdk::Policy for Repurchase {
    type Settings = Plan;
    type Memory = Memory;

    fn describe() -> Descriptor {
        Descriptor {
            title: "Repurchase 复购".to_owned(),
            settings_schema: heliu_sdk::schema::<settings::Settings>(),
            wants: vec!["bought".to_owned()],
            tags: ["suppress:*", "overdue:*", "offer:*"].map(str::to_owned).to_vec(),
            journeys: vec![JOURNEY.to_owned()],
            reads: Vec::new(),
        }
    }

    fn evaluate(plan: &Plan, memory: &mut Memory, turn: &Turn) -> Result<Vec<Decision>, String> {
        match &turn.happening {
            Happening::Fact(event) => match &event.fact {
                Fact::Bought(order) if memory.learn(plan, order, event.at) => {}
                _ => return Ok(Vec::new()),
            },
            // It is over: the next one is set anew.
            Happening::Alarm(_) => memory.due = 0,
        }
        let picture = memory.picture(plan);
        let mut decider = Decider {
            plan,
            picture: &picture,
            now: turn.now,
            decisions: Vec::with_capacity(DECISIONS_USUAL),
        };
        decider.decide(memory);
        Ok(decider.decisions)
    }
}

heliu_sdk::export_policy!(Repurchase);
