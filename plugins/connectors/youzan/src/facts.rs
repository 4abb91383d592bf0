//! A push becomes events. One row here for each family of types; the families have files of their own.

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Event, Fact, Identity, Touchpoint};

use crate::json::Json;
use crate::push::Push;
use crate::settings::Settings;

mod coupons;
mod customers;
mod orders;
mod points;

/// What the families need beside the push.
pub struct Desk<'a> {
    pub settings: &'a Settings,
    pub host: &'a mut dyn Host,
    pub now: u64,
}

/// The families, by type. An unknown type is kept as it came.
pub fn of(push: &Push, desk: &mut Desk<'_>) -> Result<Harvest, String> {
    match push.kind.as_str() {
        kind if orders::is_refund(kind) => orders::refund(push, desk),
        kind if orders::is_trade(kind) => orders::trade(push, desk),
        "SCRM_CUSTOMER_EVENT" => Ok(customers::profile(push, desk)),
        "SCRM_CARD" | "SCRM_CUSTOMER_CARD" => Ok(customers::membership(push, desk)),
        "OPEN_PUSH_SCRM_MEMBER_MERGE" | "OPEN_PUSH_SCRM_MEMBER_MOBILE_CHANGE" => {
            Ok(customers::rekeyed(push, desk))
        }
        "POINTS" => Ok(points::changed(push, desk)),
        "COUPON_CUSTOMER_PROMOTION" => Ok(coupons::changed(push, desk)),
        _ => Ok(only(customers::unknown(push, desk))),
    }
}

pub fn act(kind: impl Into<String>) -> Act {
    Act { kind: kind.into(), object: None, title: None, quantity: None, state: None, whom: None }
}

pub fn event(
    id: String,
    at: u64,
    who: Vec<Identity>,
    touchpoint: Touchpoint,
    fact: Fact,
    extra: Json,
) -> Event {
    Event { id, at, who, staff: None, touchpoint, fact, extra: Some(extra.to_string()) }
}

fn only(event: Event) -> Harvest {
    Harvest { events: vec![event], chores: Vec::new() }
}
