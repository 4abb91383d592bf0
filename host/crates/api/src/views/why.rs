//! Why something is so, with everything that the journal and a fold of her records say of it.

use model::{FoldState, HeldIntent, Instant, IntentState, IntentStep, Reaction, Record};
use serde::Serialize;

use super::{Explained, Held, HeldKind, Raw, explain};
use crate::why::{Answer, Fuel};

/// Several things bear one name only where policies intend under the same key.
#[derive(Debug, Serialize)]
pub struct WhyView<'a> {
    pub id: String,
    pub held: Vec<HeldView<'a>>,
}

#[derive(Debug, Serialize)]
pub struct HeldView<'a> {
    pub kind: HeldKind,
    pub name: &'a str,
    pub detail: Option<&'a str>,
    pub since: Option<Instant>,
    pub until: Option<Instant>,
    /// How far the intent has come, where it is one.
    pub state: Option<Raw>,
    pub steps: Vec<Raw>,
    pub reactions: Vec<Raw>,
    pub cause: Explained<'a>,
    /// Units that a call with the deciding turn alone takes. Null where no policy decided, or it is not known.
    pub fuel: Option<u64>,
    /// Why it is not known, where a policy decided.
    pub fuel_unknown: Option<&'a str>,
    /// The record at the cause's position; then, while the one before is derived, the one that it was derived from.
    pub records: Vec<Raw>,
}

impl<'a> WhyView<'a> {
    #[must_use]
    pub fn new(customer: &model::Customer, state: &'a FoldState, answers: &'a [Answer<'a>]) -> WhyView<'a> {
        let held = answers.iter().map(|answer| view(state, answer)).collect();
        WhyView { id: customer.id.to_string(), held }
    }
}

fn view<'a>(state: &'a FoldState, answer: &'a Answer<'a>) -> HeldView<'a> {
    let Answer { held, chain, fuel } = answer;
    let Held { kind, name, detail, since, until, intent, cause } = held;
    let intents = || intent.iter().copied();
    let (fuel, fuel_unknown) = match fuel {
        Fuel::Used(used) => (Some(*used), None),
        Fuel::Nobody => (None, None),
        Fuel::Unmetered => (None, Some("the policy is not metered")),
        Fuel::Unknown(why) => (None, Some(why.as_str())),
    };
    HeldView {
        kind: *kind,
        name,
        detail: detail.as_deref(),
        since: *since,
        until: *until,
        state: intent.map(|intent: &HeldIntent| wire::to_raw::<IntentState>(&intent.state)),
        steps: intents().flat_map(|intent| &intent.steps).map(wire::to_raw::<IntentStep>).collect(),
        reactions: intents().flat_map(|intent| &intent.reactions).map(wire::to_raw::<Reaction>).collect(),
        cause: explain(state, cause),
        fuel,
        fuel_unknown,
        records: chain.iter().map(wire::to_raw::<Record>).collect(),
    }
}
