//! Why something is so, with everything that the journal and a fold of her records say of it.

use model::{FoldState, HeldIntent, Instant, IntentState, IntentStep, Position, Reaction, Record};
use serde::Serialize;

use super::{Explained, Held, HeldKind, Raw, explain};
use crate::why::{Answer, Chain, Fuel, Link, Teller, Told};

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
    /// For each record that a policy told, the turn at which it did.
    pub told: Vec<TellingView<'a>>,
    /// The record at which the chain goes on, where it is too long to be shown.
    pub cut_at: Option<Position>,
}

#[derive(Debug, Serialize)]
pub struct TellingView<'a> {
    /// The record that was told.
    pub position: Position,
    /// Because of whom. Null where that is not known.
    pub teller: Option<String>,
    /// The turn at which it was told, the policy's words, its version and its alarm.
    pub cause: Option<Explained<'a>>,
    /// Why it is not known.
    pub unknown: Option<&'a str>,
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
    let Chain { links, cut } = chain;
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
        records: links.iter().map(|link| wire::to_raw::<Record>(&link.record)).collect(),
        told: links.iter().filter_map(|link| told(state, link)).collect(),
        cut_at: *cut,
    }
}

fn told<'a>(state: &'a FoldState, link: &'a Link) -> Option<TellingView<'a>> {
    let Link { record, told } = link;
    let position = record.position;
    Some(match told.as_ref()? {
        Told::By(Teller { customer, cause }) => {
            let (teller, cause) = (Some(customer.to_string()), Some(explain(state, cause)));
            TellingView { position, teller, cause, unknown: None }
        }
        Told::Unknown(why) => TellingView { position, teller: None, cause: None, unknown: Some(why) },
    })
}
