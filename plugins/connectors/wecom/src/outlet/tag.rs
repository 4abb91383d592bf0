//! `mark_tag`: corp tags on and off the tie between a customer and a member of staff. Policies know names, the platform ids.

use std::collections::BTreeMap;

use heliu_sdk::Host;
use heliu_sdk::faults::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bag, Parcel, no};
use crate::push::plain;
use crate::rest::ApiError;

/// Held while names are looked up and tags are made, so that two calls do not make the same one.
pub const HELD: &str = "tags";
/// How long an id is believed: a deleted tag is found out by its refusal, a renamed one is not.
const TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// Characters of a tag's name, by the platform's page.
const NAME_MAX: usize = 30;
const TAG_GONE: i64 = 40068;

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    tag_group: Option<Vec<Group>>,
}

#[derive(Deserialize)]
struct Made {
    tag_group: Group,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    tag: Option<Vec<Value>>,
}

pub fn check(parcel: &Parcel<'_>) -> Result<(), Fault> {
    parcel.staff()?;
    let (add, remove) = (&parcel.detail.add, &parcel.detail.remove);
    if add.is_empty() && remove.is_empty() {
        return Err(no("a tag errand needs detail.add or detail.remove: lists of names"));
    }
    if let Some(both) = add.iter().find(|name| remove.contains(name)) {
        return Err(no(format!("tag {both:?} cannot be put on and taken off at once")));
    }
    add.iter().chain(remove).try_for_each(|name| check_name(name))
}

pub fn check_name(name: &str) -> Result<(), Fault> {
    match name.chars().count() {
        1..=NAME_MAX => Ok(()),
        chars => Err(no(format!("tag {name:?} has {chars} characters, and WeCom takes 1 to {NAME_MAX}"))),
    }
}

/// Does the memory have its id?
pub fn is_known(host: &mut dyn Host, name: &str) -> bool {
    host.get(&memory_key(name)).is_some()
}

/// Puts tags on and takes them off. Those that she has already, or has not, change nothing; nor does one to be taken off
/// that the corp does not have.
pub fn mark(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<(), Fault> {
    match try_mark(bag, parcel) {
        // Somebody deleted it meanwhile: once more, with the list as it is now.
        Err(ApiError::Refused { code: TAG_GONE, .. }) => {
            for name in parcel.detail.add.iter().chain(&parcel.detail.remove) {
                bag.api.host().delete(&memory_key(name));
            }
            Ok(try_mark(bag, parcel)?)
        }
        done => Ok(done?),
    }
}

fn try_mark(bag: &mut Bag<'_>, parcel: &Parcel<'_>) -> Result<(), ApiError> {
    let (add, remove) = (&parcel.detail.add, &parcel.detail.remove);
    let names: Vec<&String> = add.iter().chain(remove).collect();
    let mut ids = known(bag, &names)?;
    make(bag, add, &mut ids)?;
    let of = |names: &[String]| names.iter().filter_map(|name| ids.get(name).cloned()).collect::<Vec<_>>();
    let (add, remove) = (of(add), of(remove));
    if add.is_empty() && remove.is_empty() {
        return Ok(());
    }
    let mut body = json!({"userid": parcel.errand.staff, "external_userid": parcel.her});
    for (name, ids) in [("add_tag", add), ("remove_tag", remove)] {
        if !ids.is_empty() {
            body[name] = json!(ids);
        }
    }
    bag.api.post::<Value>("externalcontact/mark_tag", &body)?;
    Ok(())
}

/// The ids of those names that the corp has: from the memory, or from its list of tags. Of two tags of one name that in
/// our own group counts, and then the first of the list.
pub(super) fn known(bag: &mut Bag<'_>, names: &[&String]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut ids = BTreeMap::new();
    for name in names {
        if let Some(id) = bag.api.host().get(&memory_key(name)).and_then(|id| String::from_utf8(id).ok()) {
            ids.insert((*name).clone(), id);
        }
    }
    if names.iter().all(|name| ids.contains_key(*name)) {
        return Ok(ids);
    }
    let listed: Listed = bag.api.post("externalcontact/get_corp_tag_list", &json!({}))?;
    let mut groups = listed.tag_group.unwrap_or_default();
    let own = &bag.settings.tag_group;
    groups.sort_by_key(|group| group.group_name.as_ref() != Some(own));
    for (name, id) in groups.iter().flat_map(Group::tags) {
        if names.iter().any(|wanted| **wanted == name) && !ids.contains_key(&name) {
            remember(bag, &name, &id);
            ids.insert(name, id);
        }
    }
    Ok(ids)
}

/// Makes the tags that the corp does not have, in our own group.
fn make(bag: &mut Bag<'_>, names: &[String], ids: &mut BTreeMap<String, String>) -> Result<(), ApiError> {
    let missing: Vec<&String> = names.iter().filter(|name| !ids.contains_key(*name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let tags: Vec<Value> = missing.iter().map(|name| json!({"name": name})).collect();
    let body = json!({"group_name": bag.settings.tag_group, "tag": tags});
    let made: Made = bag.api.post("externalcontact/add_corp_tag", &body)?;
    for (name, id) in made.tag_group.tags() {
        if missing.iter().any(|wanted| **wanted == name) {
            remember(bag, &name, &id);
            ids.insert(name, id);
        }
    }
    Ok(())
}

impl Group {
    /// Name and id of each that is not deleted.
    fn tags(&self) -> Vec<(String, String)> {
        let there = |tag: &&Value| tag.get("deleted").and_then(Value::as_bool) != Some(true);
        let field = |tag: &Value, name: &str| tag.get(name).and_then(plain);
        let tags = self.tag.as_deref().unwrap_or_default().iter().filter(there);
        tags.filter_map(|tag| Some((field(tag, "name")?, field(tag, "id")?))).collect()
    }
}

fn remember(bag: &mut Bag<'_>, name: &str, id: &str) {
    bag.api.host().set(&memory_key(name), id.as_bytes(), Some(TTL_MS));
}

fn memory_key(name: &str) -> String {
    format!("tag:{name}")
}
