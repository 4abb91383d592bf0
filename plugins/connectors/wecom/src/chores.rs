//! The chores: what the API tells of the ids that a push named.
//!
//! An id of what was read is a hash of the push that asked for it and of what was found. So a chore that is done
//! twice tells nothing twice, and one that finds news tells them.

mod acquisition;
mod group;
mod post;
mod profile;
mod tag;
pub mod task;

use heliu_sdk::Host;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::events::{Act, Event, Fact, Instant, Touchpoint};
use heliu_sdk::faults::Fault;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::crypto::hex;
use crate::jobs::Job;
use crate::outlet::friend;
use crate::push::plain;
use crate::rest::Api;
use crate::service;
use crate::settings::Settings;

/// Does one chore.
pub fn work(settings: &Settings, chore: &Chore, host: &mut dyn Host) -> Result<Harvest, Fault> {
    let job: Job = serde_json::from_str(&chore.job)
        .map_err(|_| Fault::Malformed(format!("chore {:?} is none of this connector's", chore.key)))?;
    let now = host.now();
    let mut api = match &job {
        Job::Service { .. } => Api::of_service(settings, host)?,
        _ => Api::new(settings, host)?,
    };
    let desk = Desk { settings, now };
    match &job {
        Job::Profile { external_userid, cause } => profile::read(&desk, &mut api, external_userid, *cause),
        Job::Group(job) => group::read(&desk, &mut api, job),
        Job::Tag { id, is_group, strategy, cause } => {
            let wanted = tag::Wanted { id, is_group: *is_group, strategy: strategy.as_deref() };
            tag::read(&desk, &mut api, &wanted, *cause)
        }
        Job::Acquisition { chat_key } => acquisition::read(&desk, &mut api, chat_key),
        Job::Task(job) => task::read(&desk, &mut api, job),
        Job::Post { post } => post::read(&desk, &mut api, post),
        Job::Service { account, ring } => service::rang(settings, &mut api, account, ring.as_deref(), now),
        Job::Friend { number, errand } => Ok(friend::over(api.host(), number, errand, now)),
    }
}

/// What every chore needs beside the API.
pub struct Desk<'a> {
    settings: &'a Settings,
    /// When this was read: the API does not tell when it changed.
    now: Instant,
}

impl Desk<'_> {
    /// An act about nobody yet: the caller says what else it is.
    fn act(&self, id: String, kind: &str, object: &str) -> Event {
        let act = Act {
            kind: kind.to_owned(),
            object: Some(object.to_owned()),
            title: None,
            quantity: None,
            state: None,
            whom: None,
        };
        Event {
            id,
            at: self.now,
            who: Vec::new(),
            staff: None,
            touchpoint: Touchpoint::Other,
            fact: Fact::Did(act),
            extra: None,
        }
    }
}

fn only(event: Event) -> Harvest {
    Harvest { events: vec![event], chores: Vec::new() }
}

/// One JSON object of an answer: its fields, and its text as it came, in which numbers keep all their digits.
struct Row {
    fields: Map<String, Value>,
    text: String,
}

impl Row {
    fn read(path: &str, raw: &RawValue) -> Result<Row, Fault> {
        let fields = serde_json::from_str(raw.get()).map_err(|_| {
            Fault::Malformed(format!("{path} answered something else where an object belongs"))
        })?;
        Ok(Row { fields, text: raw.get().to_owned() })
    }

    /// The same for the same content, for an id.
    fn content(&self) -> String {
        compact(&self.text)
    }

    /// A field as text; none where it is missing, blank or null.
    fn text(&self, name: &str) -> Option<String> {
        self.fields.get(name).and_then(plain)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.fields.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A JSON text without the blanks between its parts, as one hash must stand for one content. The order of keys and
/// the digits of numbers stay: parsing would lose some of the one or the other.
fn compact(json: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    let keep = |c: &char| {
        let blank = !in_string && c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        !blank
    };
    json.chars().filter(keep).collect()
}

/// An event's id: the hash of what it is about.
fn id(kind: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    format!("{kind}:{}", hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::{compact, id};

    #[test]
    fn blanks_between_the_parts_are_no_content() {
        let text = "{ \"a b\" :\n [1.50, \"x \\\" y\", \"\\\\\" , 2 ] }";
        assert_eq!(compact(text), "{\"a b\":[1.50,\"x \\\" y\",\"\\\\\",2]}");
    }

    #[test]
    fn the_parts_of_an_id_do_not_run_into_each_other() {
        assert_ne!(id("k", &["ab", "c"]), id("k", &["a", "bc"]));
        assert_eq!(id("k", &["a"]).len(), 2 + 64);
    }
}
