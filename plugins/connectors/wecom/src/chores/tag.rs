//! `get_corp_tag_list`: what a tag or a group of tags is called. A push has the id alone.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Event, Fact, Instant};
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Desk, Row, id};
use crate::push::plain;
use crate::rest::Api;

pub struct Wanted<'a> {
    pub id: &'a str,
    pub is_group: bool,
    pub strategy: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    tag_group: Option<Vec<Box<RawValue>>>,
}

pub fn read(
    desk: &Desk<'_>,
    api: &mut Api<'_>,
    wanted: &Wanted<'_>,
    cause: Instant,
) -> Result<Harvest, Fault> {
    let mut body = Map::new();
    body.insert(if wanted.is_group { "group_id" } else { "tag_id" }.to_owned(), json!([wanted.id]));
    let path = match wanted.strategy {
        None => "externalcontact/get_corp_tag_list",
        Some(strategy) => {
            let number = strategy.parse::<i64>().map_or_else(|_| json!(strategy), |number| json!(number));
            body.insert("strategy_id".to_owned(), number);
            "externalcontact/get_strategy_tag_list"
        }
    };
    let answer: Answer = api.post(path, &Value::Object(body))?;
    let mut events = Vec::new();
    for raw in answer.tag_group.unwrap_or_default() {
        events.extend(known(desk, wanted, &Row::read(path, &raw)?, cause));
    }
    Ok(Harvest { events, chores: Vec::new() })
}

/// None where the answer is about another tag, or the tag was deleted meanwhile and has no row.
fn known(desk: &Desk<'_>, wanted: &Wanted<'_>, group: &Row, cause: Instant) -> Option<Event> {
    let (kind, title) = if wanted.is_group {
        ("wecom.tag_group.known", group.text("group_name"))
    } else {
        let is_wanted = |tag: &&Value| tag.get("id").and_then(plain).as_deref() == Some(wanted.id);
        ("wecom.tag.known", group.list("tag").iter().find(is_wanted)?.get("name").and_then(plain))
    };
    let mut event = desk.act(id("tag", &[&cause.to_string(), wanted.id, &group.content()]), kind, wanted.id);
    if let Fact::Did(act) = &mut event.fact {
        act.title = title;
    }
    event.extra = Some(group.text.clone());
    Some(event)
}
