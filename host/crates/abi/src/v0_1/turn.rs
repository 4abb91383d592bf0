//! Turns as they are lowered into a policy: borrowed, so that the only copy of a text is the one into the guest.
//!
//! Twins by hand of `policy.wit`'s `turn` and what it holds. wasmtime compares them with the component's own types when
//! `evaluate` is looked up, so a field that is missing or misplaced here fails the first call of every policy. They are packed
//! by the same definitions, see `packed`.

use serde::Serialize;
use wasmtime::component::{ComponentType, Lower};

use super::events::{Bond, Direction, Look, OrderStep, ReceiptStep, Touchpoint};

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct TurnRef<'a> {
    customer: CustomerRef<'a>,
    #[serde(serialize_with = "super::packed::bytes")]
    memory: Option<&'a [u8]>,
    position: u64,
    now: u64,
    happening: HappeningRef<'a>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct CustomerRef<'a> {
    id: String,
    #[component(name = "first-seen")]
    first_seen: u64,
    traits: Vec<TraitRef<'a>>,
    tags: Vec<TagRef<'a>>,
    stages: Vec<StageRef<'a>>,
    staff: &'a [String],
    outcomes: Vec<OutcomeRef<'a>>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct OutcomeRef<'a> {
    key: &'a str,
    step: ReceiptStep,
    at: u64,
    joined: bool,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct TagRef<'a> {
    name: &'a str,
    since: u64,
    expires: Option<u64>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct StageRef<'a> {
    journey: &'a str,
    stage: &'a str,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(variant)]
pub enum HappeningRef<'a> {
    #[component(name = "fact")]
    Fact(EventRef<'a>),
    #[component(name = "alarm")]
    Alarm(AlarmRef<'a>),
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct AlarmRef<'a> {
    key: &'a str,
    due: u64,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct EventRef<'a> {
    id: &'a str,
    at: u64,
    who: &'a [IdentityRef<'a>],
    staff: Option<&'a str>,
    touchpoint: Touchpoint,
    fact: FactRef<'a>,
    extra: Option<&'a str>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct IdentityRef<'a> {
    scheme: &'a str,
    scope: &'a str,
    value: &'a str,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(variant)]
pub enum FactRef<'a> {
    #[component(name = "said")]
    Said(MessageRef<'a>),
    #[component(name = "saw")]
    Saw(ViewRef<'a>),
    #[component(name = "bought")]
    Bought(OrderRef<'a>),
    #[component(name = "did")]
    Did(ActRef<'a>),
    #[component(name = "met")]
    Met(TieRef<'a>),
    #[component(name = "told")]
    Told(Vec<TraitRef<'a>>),
    #[component(name = "carried")]
    Carried(ReceiptRef<'a>),
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct MessageRef<'a> {
    direction: Direction,
    kind: &'a str,
    text: Option<&'a str>,
    group: Option<&'a str>,
    about: Option<ContentRef<'a>>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct ContentRef<'a> {
    id: &'a str,
    kind: &'a str,
    title: Option<&'a str>,
    category: Option<&'a str>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct ViewRef<'a> {
    look: Look,
    about: ContentRef<'a>,
    #[component(name = "dwell-ms")]
    dwell_ms: Option<u32>,
    via: Option<&'a str>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct OrderRef<'a> {
    id: &'a str,
    step: OrderStep,
    currency: &'a str,
    total: Option<i64>,
    paid: Option<i64>,
    refunded: Option<i64>,
    lines: Vec<OrderLineRef<'a>>,
    #[component(name = "placed-at")]
    placed_at: u64,
    source: Option<&'a str>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct OrderLineRef<'a> {
    sku: &'a str,
    title: &'a str,
    category: Option<&'a str>,
    quantity: u32,
    paid: Option<i64>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct ActRef<'a> {
    kind: &'a str,
    object: Option<&'a str>,
    title: Option<&'a str>,
    quantity: Option<i64>,
    state: Option<&'a str>,
    whom: Option<IdentityRef<'a>>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct TieRef<'a> {
    bond: Bond,
    way: Option<&'a str>,
    state: Option<&'a str>,
    remark: Option<&'a str>,
    tags: &'a [String],
    successor: Option<&'a str>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct TraitRef<'a> {
    name: &'a str,
    value: ValueRef<'a>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(record)]
pub struct ReceiptRef<'a> {
    errand: &'a str,
    step: ReceiptStep,
    why: Option<&'a str>,
}

#[derive(ComponentType, Lower, Serialize)]
#[component(variant)]
pub enum ValueRef<'a> {
    #[component(name = "text")]
    Text(&'a str),
    #[component(name = "number")]
    Number(f64),
    #[component(name = "truth")]
    Truth(bool),
    #[component(name = "time")]
    Time(u64),
}

impl<'a> From<&'a model::Turn<'a>> for TurnRef<'a> {
    fn from(turn: &'a model::Turn<'a>) -> Self {
        let model::Turn { customer, memory, position, now, happening } = turn;
        let happening = match *happening {
            model::Happening::Fact { event, extra } => HappeningRef::Fact(EventRef { extra, ..event.into() }),
            model::Happening::Alarm { key, due } => HappeningRef::Alarm(AlarmRef { key, due }),
        };
        TurnRef { customer: customer.into(), memory: *memory, position: *position, now: *now, happening }
    }
}

impl<'a> From<&'a model::CustomerView<'a>> for CustomerRef<'a> {
    fn from(customer: &'a model::CustomerView<'a>) -> Self {
        let model::CustomerView { id, first_seen, traits, tags, stages, staff, outcomes } = customer;
        CustomerRef {
            id: id.text(),
            first_seen: *first_seen,
            traits: traits.iter().map(|&(name, value)| TraitRef { name, value: value.into() }).collect(),
            tags: tags
                .iter()
                .map(|tag| {
                    // Why the tag is held is the host's own affair.
                    let model::HeldTag { name, since, expires, cause: _ } = *tag;
                    TagRef { name, since: *since, expires: *expires }
                })
                .collect(),
            stages: stages.iter().map(|&(journey, stage)| StageRef { journey, stage }).collect(),
            staff,
            outcomes: outcomes.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a model::IntentOutcome<'a>> for OutcomeRef<'a> {
    fn from(outcome: &'a model::IntentOutcome<'a>) -> Self {
        let model::IntentOutcome { key, step, at, joined } = *outcome;
        OutcomeRef { key, step: step.into(), at, joined }
    }
}

impl<'a> From<&'a model::Event> for EventRef<'a> {
    fn from(event: &'a model::Event) -> Self {
        // Handles stay with the host: it has resolved them, and a policy must not know a person by anything else.
        // What the channel said beyond the event is shown by its happening, if at all.
        let model::Event { id, at, who: _, staff, touchpoint, fact, extra: _ } = event;
        EventRef {
            id,
            at: *at,
            who: &[],
            staff: staff.as_deref(),
            touchpoint: (*touchpoint).into(),
            fact: fact.into(),
            extra: None,
        }
    }
}

impl<'a> From<&'a model::Fact> for FactRef<'a> {
    fn from(fact: &'a model::Fact) -> Self {
        match fact {
            model::Fact::Said(message) => FactRef::Said(message.into()),
            model::Fact::Saw(view) => FactRef::Saw(view.into()),
            model::Fact::Bought(order) => FactRef::Bought(order.into()),
            model::Fact::Did(act) => FactRef::Did(act.into()),
            model::Fact::Met(tie) => FactRef::Met(tie.into()),
            model::Fact::Told(traits) => FactRef::Told(traits.iter().map(Into::into).collect()),
            model::Fact::Carried(receipt) => FactRef::Carried(receipt.into()),
        }
    }
}

impl<'a> From<&'a model::Identity> for IdentityRef<'a> {
    fn from(identity: &'a model::Identity) -> Self {
        let model::Identity { scheme, scope, value } = identity;
        IdentityRef { scheme, scope, value }
    }
}

impl<'a> From<&'a model::Message> for MessageRef<'a> {
    fn from(message: &'a model::Message) -> Self {
        let model::Message { direction, kind, text, group, about } = message;
        MessageRef {
            direction: (*direction).into(),
            kind,
            text: text.as_deref(),
            group: group.as_deref(),
            about: about.as_ref().map(Into::into),
        }
    }
}

impl<'a> From<&'a model::Content> for ContentRef<'a> {
    fn from(content: &'a model::Content) -> Self {
        let model::Content { id, kind, title, category } = content;
        ContentRef { id, kind, title: title.as_deref(), category: category.as_deref() }
    }
}

impl<'a> From<&'a model::View> for ViewRef<'a> {
    fn from(view: &'a model::View) -> Self {
        let model::View { look, about, dwell_ms, via } = view;
        ViewRef { look: (*look).into(), about: about.into(), dwell_ms: *dwell_ms, via: via.as_deref() }
    }
}

impl<'a> From<&'a model::Order> for OrderRef<'a> {
    fn from(order: &'a model::Order) -> Self {
        let model::Order { id, step, currency, total, paid, refunded, lines, placed_at, source } = order;
        OrderRef {
            id,
            step: (*step).into(),
            currency,
            total: *total,
            paid: *paid,
            refunded: *refunded,
            lines: lines.iter().map(Into::into).collect(),
            placed_at: *placed_at,
            source: source.as_deref(),
        }
    }
}

impl<'a> From<&'a model::OrderLine> for OrderLineRef<'a> {
    fn from(line: &'a model::OrderLine) -> Self {
        let model::OrderLine { sku, title, category, quantity, paid } = line;
        OrderLineRef { sku, title, category: category.as_deref(), quantity: *quantity, paid: *paid }
    }
}

impl<'a> From<&'a model::Act> for ActRef<'a> {
    fn from(act: &'a model::Act) -> Self {
        let model::Act { kind, object, title, quantity, state, whom } = act;
        ActRef {
            kind,
            object: object.as_deref(),
            title: title.as_deref(),
            quantity: *quantity,
            state: state.as_deref(),
            whom: whom.as_ref().map(Into::into),
        }
    }
}

impl<'a> From<&'a model::Tie> for TieRef<'a> {
    fn from(tie: &'a model::Tie) -> Self {
        let model::Tie { bond, way, state, remark, tags, successor } = tie;
        TieRef {
            bond: (*bond).into(),
            way: way.as_deref(),
            state: state.as_deref(),
            remark: remark.as_deref(),
            tags,
            successor: successor.as_deref(),
        }
    }
}

impl<'a> From<&'a model::Trait> for TraitRef<'a> {
    fn from(told: &'a model::Trait) -> Self {
        let model::Trait { name, value } = told;
        TraitRef { name, value: value.into() }
    }
}

impl<'a> From<&'a model::Receipt> for ReceiptRef<'a> {
    fn from(receipt: &'a model::Receipt) -> Self {
        let model::Receipt { errand, step, why } = receipt;
        ReceiptRef { errand, step: (*step).into(), why: why.as_deref() }
    }
}

impl<'a> From<&'a model::Value> for ValueRef<'a> {
    fn from(value: &'a model::Value) -> Self {
        match value {
            model::Value::Text(text) => ValueRef::Text(text),
            model::Value::Number(number) => ValueRef::Number(*number),
            model::Value::Truth(truth) => ValueRef::Truth(*truth),
            model::Value::Time(time) => ValueRef::Time(*time),
        }
    }
}
