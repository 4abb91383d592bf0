//! Intents of all customers, in a line each, and how many there are.

use model::{CustomerId, HeldIntent, Instant};
use serde::Serialize;

use super::Raw;
use crate::scan::{IntentCounts, Intents, Reacted, carrier};

#[derive(Debug, Serialize)]
pub struct IntentsPage<'a> {
    pub intents: Vec<IntentLine<'a>>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// How far one intent has come.
#[derive(Debug, Serialize)]
pub struct IntentLine<'a> {
    pub customer: String,
    pub id: &'a str,
    pub binding: &'a str,
    pub key: &'a str,
    pub scene: &'a str,
    pub state: Raw,
    /// Since when it is in this state.
    pub since: Instant,
    pub connection: Option<&'a str>,
    pub staff: Option<&'a str>,
    /// When it is judged again, where it is held.
    pub until: Option<Instant>,
    pub code: &'a str,
    pub reason: &'a str,
    pub unfounded: bool,
    /// When it reached her.
    pub reached: Option<Instant>,
    /// What she made of it, by their records; `joined` where no channel says so.
    pub reactions: Vec<Raw>,
}

impl<'a> IntentsPage<'a> {
    #[must_use]
    pub fn new(found: &'a Intents) -> IntentsPage<'a> {
        let Intents { intents, next } = found;
        let intents = intents.iter().map(|(customer, held)| line(*customer, held)).collect();
        IntentsPage { intents, next: next.map(|next| next.to_string()) }
    }
}

fn line(customer: CustomerId, held: &HeldIntent) -> IntentLine<'_> {
    let HeldIntent { id, binding, intent, state, cause, steps, reactions, unfounded } = held;
    let last = steps.last();
    IntentLine {
        customer: customer.to_string(),
        id,
        binding,
        key: &intent.key,
        scene: &intent.scene,
        state: wire::to_raw::<model::IntentState>(state),
        since: last.map_or(cause.now, |step| step.now),
        connection: carrier(held),
        staff: last.and_then(|step| step.staff.as_deref()),
        until: last.and_then(|step| step.until),
        code: last.map_or("", |step| step.code.as_str()),
        reason: last.map_or("", |step| step.reason.as_str()),
        unfounded: *unfounded,
        reached: held.reached().map(|step| step.at),
        reactions: reactions.iter().map(wire::to_raw::<model::Reaction>).collect(),
    }
}

#[derive(Debug, Serialize)]
pub struct IntentCountsView<'a> {
    /// By scene, state and word.
    pub counts: Vec<IntentCount<'a>>,
    /// Those that she made something of, by scene and by what.
    pub reactions: Vec<ReactionCount<'a>>,
    /// Those that are not listed, because there are too many scenes.
    pub left_out: u64,
}

#[derive(Debug, Serialize)]
pub struct ReactionCount<'a> {
    pub scene: &'a str,
    /// `read`, `clicked`, `replied`, `bought`.
    pub reaction: &'a str,
    pub intents: u64,
    /// Of which no channel says so: the host joined it.
    pub joined: u64,
}

#[derive(Debug, Serialize)]
pub struct IntentCount<'a> {
    pub scene: &'a str,
    pub state: Raw,
    pub code: &'a str,
    pub intents: u64,
}

impl<'a> IntentCountsView<'a> {
    #[must_use]
    pub fn new(counts: &'a IntentCounts) -> IntentCountsView<'a> {
        let count = |((scene, state, code), &intents): (&'a (String, model::IntentState, String), &u64)| {
            IntentCount { scene, state: wire::to_raw::<model::IntentState>(state), code, intents }
        };
        let IntentCounts { states, reactions } = counts;
        let reactions = reactions.iter().map(|((scene, reaction), &Reacted { intents, joined })| {
            ReactionCount { scene, reaction, intents, joined }
        });
        IntentCountsView {
            counts: states.counts.iter().map(count).collect(),
            reactions: reactions.collect(),
            left_out: states.left_out,
        }
    }
}
