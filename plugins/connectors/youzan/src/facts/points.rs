//! Points: earned, spent, rolled back, and how many there are now.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Fact, Touchpoint, TraitValue, Value};

use crate::facts::{self, Desk, customers};
use crate::outlet;
use crate::push::Push;
use crate::sign;

/// The cause of a change that takes back an earlier one.
const ROLLED_BACK: i64 = 120;

pub fn changed(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let msg = &push.msg;
    // What we write ourselves comes back as a push. Only the client's hash tells it from the shop's own
    // doing.
    let ours = sign::md5_hex(&[desk.settings.client_id.as_bytes()]);
    if msg.get("client_hash").word().is_some_and(|hash| hash.eq_ignore_ascii_case(&ours)) {
        return booked(push, desk);
    }

    let amount = msg.get("amount").int();
    let status = push.status.as_deref().unwrap_or_default();
    let is_spent = amount.is_some_and(|amount| amount < 0)
        || desk.settings.spent_points_states.iter().any(|spent| spent == status);
    let kind = match amount {
        _ if msg.get("event_type").int() == Some(ROLLED_BACK) => "youzan.points-rolled-back",
        None => "youzan.POINTS",
        Some(_) if is_spent => "spent-points",
        Some(_) => "earned-points",
    };
    let act = Act {
        object: msg.get("biz_value").id().map(str::to_owned),
        title: msg.get("description").word().map(str::to_owned),
        quantity: amount.map(|amount| i64::try_from(amount.unsigned_abs()).unwrap_or(i64::MAX)),
        ..facts::act(kind)
    };

    let who = customers::customer(msg, desk.settings);
    let at = push.at(desk.settings, desk.now);
    let event = |id, fact| facts::event(id, at, who.clone(), Touchpoint::Shop, fact, push.whole());
    let mut events = vec![event(push.unique(), Fact::Did(act))];
    events.extend(total(push).map(|fact| event(format!("{}:told", push.unique()), fact)));
    Harvest { events, chores: Vec::new() }
}

/// How many there are now.
fn total(push: &Push) -> Option<Fact> {
    let total = push.msg.get("total").int()?;
    let points = TraitValue { name: "points".into(), value: Value::Number(total as f64) };
    Some(Fact::Told(vec![points]))
}

/// Our own booking: no act of hers, and the proof that an errand arrived. One without an errand's id is of somebody else who
/// uses this application.
fn booked(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let errand = push.msg.get("biz_value").id().filter(|id| id.starts_with("int_"));
    let Some(errand) = errand else { return Harvest { events: Vec::new(), chores: Vec::new() } };
    let who = customers::customer(&push.msg, desk.settings);
    let at = push.at(desk.settings, desk.now);
    let had = outlet::has_it(errand, at, who.clone(), "Youzan tells that the points are booked");
    let told = total(push).map(|fact| {
        facts::event(format!("{}:told", push.unique()), at, who, Touchpoint::Shop, fact, push.whole())
    });
    Harvest { events: std::iter::once(had).chain(told).collect(), chores: Vec::new() }
}
