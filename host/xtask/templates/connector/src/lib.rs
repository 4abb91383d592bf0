//! Connector for {{Name}}: paid orders, from a JSON webhook that is signed with HMAC-SHA256.
//!
//! First the signature, over the bytes as they came; only then is anything read. What it does not know is answered
//! with success and kept by nobody: a channel that hears of failure delivers for ever.

mod sign;

use heliu_sdk::Host;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::{
    ChoreWorker, Complaint, Connector, Descriptor, Reception, Refusal, Request, Response, Scheme, Webhook,
};
use heliu_sdk::events::{Event, Fact, Identity, Instant, Order, OrderLine, OrderStep, Touchpoint};
use heliu_sdk::faults::Fault;
use schemars::JsonSchema;
use serde::Deserialize;

/// The handle by which this channel knows a customer.
const CUSTOMER_SCHEME: &str = "{{name}}.customer-id";

/// The connector.
pub struct {{Name}};

/// What the operator fills in for one connection.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The shop whose customers these are: the same customer id in two shops is two people.
    shop: String,
    /// Shared with the channel. It signs each call with it.
    #[schemars(extend("writeOnly" = true))]
    secret: String,
}

/// One call's body.
#[derive(Deserialize)]
struct Call {
    /// The channel's own id of what happened: the same when it is delivered again.
    id: String,
    at: Instant,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum What {
    #[serde(rename = "order.paid")]
    OrderPaid { customer: String, order: PaidOrder },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct PaidOrder {
    id: String,
    placed_at: Instant,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    sku: String,
    title: String,
    quantity: u32,
    /// In fen, for the whole line.
    paid: i64,
}

impl Connector for {{Name}} {
    type Settings = Settings;

    fn describe() -> Descriptor {
        Descriptor {
            channel: "{{name}}".to_owned(),
            title: "{{Name}}".to_owned(),
            settings_schema: heliu_sdk::schema::<Settings>(),
            schemes: vec![Scheme { name: CUSTOMER_SCHEME.to_owned(), lasting: true, one_per_person: true }],
            abilities: vec![],
            hosts: vec![],
        }
    }
}

impl Webhook for {{Name}} {
    fn receive(settings: &Settings, request: Request, _: &mut dyn Host) -> Result<Reception, Refusal> {
        let signature = request.header("x-signature").unwrap_or_default();
        if !sign::holds(settings.secret.as_bytes(), &request.body, signature) {
            return Err(Refusal::NotAuthentic("x-signature does not fit the body".to_owned()));
        }
        let call: Call = serde_json::from_slice(&request.body).map_err(|error| {
            let answer = Response::text(200, "not understood");
            Refusal::Malformed(Complaint { why: format!("body: {error}"), answer })
        })?;
        let events = event(settings, call).into_iter().collect();
        Ok(Reception { kept: Harvest { events, chores: vec![] }, answer: Response::text(200, "ok") })
    }
}

impl ChoreWorker for {{Name}} {
    fn work(_: &Settings, chore: Chore, _: &mut dyn Host) -> Result<Harvest, Fault> {
        Err(Fault::Malformed(format!("chore {:?}: this connector asks for none", chore.key)))
    }
}

heliu_sdk::export_webhook_connector!({{Name}});

fn event(settings: &Settings, call: Call) -> Option<Event> {
    let (customer, order) = match call.what {
        What::OrderPaid { customer, order } => (customer, order),
        What::Unknown => return None,
    };
    let customer =
        Identity { scheme: CUSTOMER_SCHEME.to_owned(), scope: settings.shop.clone(), value: customer };
    Some(Event {
        id: call.id,
        at: call.at,
        who: vec![customer],
        staff: None,
        touchpoint: Touchpoint::Shop,
        fact: Fact::Bought(bought(order)),
        extra: None,
    })
}

fn bought(order: PaidOrder) -> Order {
    let total = order.lines.iter().map(|line| line.paid).fold(0, i64::saturating_add);
    Order {
        id: order.id,
        step: OrderStep::Paid,
        currency: "CNY".to_owned(),
        total: Some(total),
        paid: Some(total),
        refunded: Some(0),
        lines: order.lines.into_iter().map(line).collect(),
        placed_at: order.placed_at,
        source: None,
    }
}

fn line(Line { sku, title, quantity, paid }: Line) -> OrderLine {
    OrderLine { sku, title, category: None, quantity, paid: Some(paid) }
}
