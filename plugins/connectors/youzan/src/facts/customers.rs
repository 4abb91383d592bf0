//! Pushes about a person: her profile, her membership card, a merge of two customers. And all that is not
//! known.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Event, Fact, Identity, Touchpoint, TraitValue, Value};

use crate::facts::{self, Desk};
use crate::handles::{self, Handles};
use crate::json::Json;
use crate::push::Push;
use crate::settings::Settings;

/// The handles that pushes about a customer carry, whichever of them there are.
pub fn customer(msg: &Json, settings: &Settings) -> Vec<Identity> {
    let mut handles = Handles::new(settings);
    handles.yz_open_id(msg.get("yz_open_id"));
    handles.account(msg.get("account_id"), msg.get("account_type"));
    handles.phone(msg.get("mobile"));
    handles.fan(msg.get("fans_id"), msg.get("fans_type"));
    handles.into_who()
}

pub fn profile(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let who = customer(&push.msg, desk.settings);
    let at = push.at(desk.settings, desk.now);
    let source = source(push.msg.get("src").int());
    let touchpoint = match source {
        Some("followed-official-account") => Touchpoint::OfficialAccount,
        _ => Touchpoint::Shop,
    };
    let event = |id, fact| facts::event(id, at, who.clone(), touchpoint, fact, push.whole());

    let mut events = vec![event(push.unique(), Fact::Told(traits(&push.msg)))];
    if push.status.as_deref() == Some("CUSTOMER_CREATED") {
        let act = Act { title: source.map(str::to_owned), ..facts::act("youzan.customer-created") };
        events.push(event(format!("{}:created", push.unique()), Fact::Did(act)));
    }
    Harvest { events, chores: Vec::new() }
}

/// How the shop came by a customer.
fn source(src: Option<i64>) -> Option<&'static str> {
    match src? {
        100 => Some("followed-official-account"),
        200 => Some("ordered"),
        300 => Some("imported"),
        400 => Some("entered-by-staff"),
        _ => None,
    }
}

fn traits(msg: &Json) -> Vec<TraitValue> {
    let text = |name: &str, said: Option<&str>| {
        // A masked name would take the place of a whole one.
        let said = said.filter(|said| !said.contains('*'))?;
        Some(TraitValue { name: name.into(), value: Value::Text(said.into()) })
    };
    let truth = |name: &str, field: &str| {
        msg.get(field).truth().map(|truth| TraitValue { name: name.into(), value: Value::Truth(truth) })
    };
    let gender = match msg.get("gender").int() {
        Some(1) => Some("male"),
        Some(2) => Some("female"),
        _ => None,
    };
    let birthday = msg.get("birthday").word().filter(|said| !said.starts_with("000"));
    let phone = msg.get("mobile").word().and_then(handles::e164);
    [
        text("name", msg.get("name").word()),
        text("gender", gender),
        text("birthday", birthday),
        text("phone", phone.as_deref()),
        // Of the national table of districts: the first four digits are the city.
        text("district-code", msg.at(&["contact_address", "area_code"]).id()),
        truth("member", "is_member"),
        truth("account-closed", "is_log_off"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub fn membership(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let kind = match push.status.as_deref() {
        Some(status) if desk.settings.joined_states.iter().any(|joined| joined == status) => {
            "joined-membership".into()
        }
        Some(status) => format!("youzan.membership.{status}"),
        None => format!("youzan.{}", push.kind),
    };
    let named =
        |names: [&str; 3]| names.into_iter().find_map(|name| push.msg.get(name).id()).map(str::to_owned);
    let act = Act {
        object: named(["card_alias", "card_id", "card_no"]),
        title: named(["card_name", "card_title", "name"]),
        ..facts::act(kind)
    };
    let who = customer(&push.msg, desk.settings);
    let at = push.at(desk.settings, desk.now);
    facts::only(facts::event(push.unique(), at, who, Touchpoint::Shop, Fact::Did(act), push.whole()))
}

/// Two customers are one, or one has another phone. Both handles on one event join them.
///
/// Youzan's page of these fields is not public. So a field counts by how its name ends (`yz_open_id`,
/// `toYzOpenId`, `old_mobile`), unless it names somebody at the shop.
pub fn rekeyed(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let mut handles = Handles::new(desk.settings);
    handles.account(push.msg.get("account_id"), push.msg.get("account_type"));
    gather(&push.msg, &mut handles);
    for (_, inner) in push.msg.fields() {
        gather(inner, &mut handles);
    }
    let act = Act { object: push.id.clone(), ..facts::act(format!("youzan.{}", push.kind)) };
    let at = push.at(desk.settings, desk.now);
    facts::only(facts::event(
        push.unique(),
        at,
        handles.into_who(),
        Touchpoint::Shop,
        Fact::Did(act),
        push.whole(),
    ))
}

fn gather(object: &Json, handles: &mut Handles<'_>) {
    const STAFF: [&str; 5] = ["operator", "admin", "staff", "seller", "sales"];
    for (name, value) in object.fields() {
        let name: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
        if STAFF.iter().any(|staff| name.starts_with(staff)) {
            continue;
        }
        if name.ends_with("yzopenid") {
            handles.yz_open_id(value);
        } else if name.ends_with("mobile") {
            handles.phone(value);
        }
    }
}

/// Items, salespeople, deliveries and whatever comes new: kept as it came. If it names a buyer by her open
/// id, she did it; a phone in it may be a salesman's.
pub fn unknown(push: &Push, desk: &mut Desk<'_>) -> Event {
    let mut handles = Handles::new(desk.settings);
    for name in ["yz_open_id", "yzOpenId", "ctYzOpenID"] {
        handles.yz_open_id(push.msg.get(name));
    }
    let act = Act {
        object: push.id.clone(),
        title: push.status.clone(),
        ..facts::act(format!("youzan.{}", push.kind))
    };
    let at = push.at(desk.settings, desk.now);
    facts::event(push.unique(), at, handles.into_who(), Touchpoint::Shop, Fact::Did(act), push.whole())
}
