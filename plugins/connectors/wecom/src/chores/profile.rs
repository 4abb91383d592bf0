//! `externalcontact/get`: who a customer is, and what each member of staff noted about her.
//!
//! A customer of many staff comes in pages; each page repeats who she is and goes on with the staff.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Bond, Event, Fact, Identity, Instant, Tie, Touchpoint, TraitValue, Value};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Desk, Row, id, only};
use crate::errcode::Class;
use crate::identity;
use crate::outlet::friend;
use crate::push::plain;
use crate::rest::{Api, ApiError};

const PATH: &str = "externalcontact/get";
/// Pages of one customer, each of up to 500 staff. A cursor that never ends must end somewhere.
const PAGES_MAX: usize = 40;

#[derive(Deserialize)]
struct Page {
    external_contact: Box<RawValue>,
    #[serde(default)]
    follow_user: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    next_cursor: Option<String>,
}

pub fn read(desk: &Desk<'_>, api: &mut Api<'_>, customer: &str, cause: Instant) -> Result<Harvest, Fault> {
    let pages = match pages(api, customer) {
        Ok(pages) => pages,
        // Nobody whom the app sees has her any more: the push that should have said so may have been lost.
        Err(error) if error.class() == Some(Class::NoTie) => return Ok(only(no_tie(desk, customer, cause))),
        Err(error) => return Err(error.into()),
    };
    let Some(first) = pages.first() else { return Ok(Harvest { events: Vec::new(), chores: Vec::new() }) };
    let person = Row::read(PATH, &first.external_contact)?;
    let mut ties = Vec::new();
    for tie in pages.iter().flat_map(|page| page.follow_user.as_deref().unwrap_or_default()) {
        ties.push(Row::read(PATH, tie)?);
    }
    let mut who = vec![identity::external(&desk.settings.corp_id, customer)];
    who.extend(person.text("unionid").map(|unionid| identity::union(desk.settings, &unionid)));
    let cause = cause.to_string();
    let mut events = vec![told(desk, &person, &ties, &who, &cause)];
    events.extend(ties.iter().map(|row| tie(desk, row, &who, &cause)));
    for row in &ties {
        for number in row.list("remark_mobiles").iter().filter_map(plain) {
            events.extend(friend::found(api.host(), &number, row.text("userid"), desk.now));
        }
    }
    Ok(Harvest { events, chores: Vec::new() })
}

fn pages(api: &mut Api<'_>, customer: &str) -> Result<Vec<Page>, ApiError> {
    let mut pages: Vec<Page> = Vec::new();
    let mut cursor = String::new();
    let mut restarted = false;
    while pages.len() < PAGES_MAX {
        let mut query = vec![("external_userid", customer)];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        match api.get::<Page>(PATH, &query) {
            Ok(page) => {
                cursor = page.next_cursor.clone().unwrap_or_default();
                pages.push(page);
                // Missing or empty, both are the end.
                if cursor.is_empty() {
                    return Ok(pages);
                }
            }
            // How long a cursor holds is not promised.
            Err(error) if error.class() == Some(Class::Parameter) && !cursor.is_empty() && !restarted => {
                restarted = true;
                cursor.clear();
                pages.clear();
            }
            Err(error) => return Err(error),
        }
    }
    Err(ApiError::Failed(Fault::Malformed(format!("{PATH}: more than {PAGES_MAX} pages of one customer"))))
}

fn told(desk: &Desk<'_>, person: &Row, ties: &[Row], who: &[Identity], cause: &str) -> Event {
    let mut who = who.to_vec();
    if desk.settings.join_remark_mobiles {
        // Texts; an old sample has numbers.
        let numbers = ties.iter().flat_map(|row| row.list("remark_mobiles")).filter_map(plain);
        for phone in numbers.filter_map(|number| identity::phone(&number)) {
            if !who.contains(&phone) {
                who.push(phone);
            }
        }
    }
    let handles: Vec<&str> = who.iter().map(|handle| handle.value.as_str()).collect();
    Event {
        id: id("profile", &[cause, &handles.join("\n"), &person.content()]),
        at: desk.now,
        who,
        staff: None,
        touchpoint: Touchpoint::Other,
        fact: Fact::Told(traits(person)),
        extra: Some(person.text.clone()),
    }
}

/// What is blank is left out: some apps are shown a blank name and a zero gender, which say nothing about her.
fn traits(person: &Row) -> Vec<TraitValue> {
    let gender = match person.text("gender").as_deref() {
        Some("1") => Some("male".to_owned()),
        Some("2") => Some("female".to_owned()),
        _ => None,
    };
    let kind = person.text("type").map(|kind| match kind.as_str() {
        "1" => "wechat".to_owned(),
        "2" => "wecom".to_owned(),
        other => other.to_owned(),
    });
    let traits = [
        ("name", person.text("name")),
        ("gender", gender),
        ("avatar", person.text("avatar")),
        ("customer-type", kind),
        ("position", person.text("position")),
        ("corp-name", person.text("corp_name")),
        ("corp-full-name", person.text("corp_full_name")),
    ];
    let known = traits.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.map(|(name, value)| TraitValue { name: name.to_owned(), value: Value::Text(value) }).collect()
}

/// The tie as it stands: whether it is new is what the pushes say.
fn tie(desk: &Desk<'_>, row: &Row, who: &[Identity], cause: &str) -> Event {
    let tag_name = |tag: &serde_json::Value| tag.get("tag_name").and_then(plain);
    let tie = Tie {
        bond: Bond::Edited,
        way: row.text("add_way"),
        state: row.text("state"),
        remark: row.text("remark"),
        tags: row.list("tags").iter().filter_map(tag_name).collect(),
        successor: None,
    };
    let handle = who.first().map(|handle| handle.value.as_str()).unwrap_or_default();
    let id = id("tie", &[cause, handle, &row.content()]);
    let mut who = who.to_vec();
    who.extend(identity::of_state(desk.settings, row.text("state").as_deref()));
    Event {
        id,
        at: desk.now,
        who,
        staff: row.text("userid"),
        touchpoint: Touchpoint::DirectMessage,
        fact: Fact::Met(tie),
        extra: Some(row.text.clone()),
    }
}

fn no_tie(desk: &Desk<'_>, customer: &str, cause: Instant) -> Event {
    let id = id("no-tie", &[&cause.to_string(), customer]);
    let mut event = desk.act(id, "wecom.profile.no_tie", customer);
    event.who = vec![identity::external(&desk.settings.corp_id, customer)];
    event.touchpoint = Touchpoint::DirectMessage;
    event
}
