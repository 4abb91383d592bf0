//! Customer service (微信客服): what a customer and her servicers say there, read page by page.
//!
//! A push rings and says nothing. So a chore reads on from where the last one stopped, and the feed does the same for a ring that
//! got lost. Both keep one cursor for each account in the memory, and hold it: two that read at once would read the same window.

use heliu_sdk::Host;
use heliu_sdk::chores::Harvest;
use heliu_sdk::connector::Page;
use heliu_sdk::events::{Act, Direction, Event, Fact, Identity, Instant, Message, Touchpoint};
use heliu_sdk::faults::Fault;
use heliu_sdk::log::Level;
use heliu_sdk::policy::fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::errcode::Class;
use crate::identity;
use crate::jobs::Job;
use crate::push::plain;
use crate::rest::{Api, ApiError};
use crate::settings::Settings;

const PATH: &str = "kf/sync_msg";
/// Messages of a page. The platform gives a thousand; the host takes fewer bytes at once.
const PAGE_MESSAGES: u32 = 200;
/// Pages of one call: a chore asks for itself again behind them.
const PAGES_MAX: usize = 5;
/// The accounts that have rung, which the feed asks too.
const ACCOUNTS: &str = "service-accounts";
/// More are not remembered: the settings can name them.
const ACCOUNTS_MAX: usize = 100;
/// The token of a ring is spent or wrong.
const BAD_RING: i64 = 95007;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: Value,
    #[serde(default)]
    msg_list: Option<Vec<Box<RawValue>>>,
}

/// What was read of one account.
#[derive(Default)]
struct Read {
    events: Vec<Event>,
    more: bool,
}

/// A push rang: reads what there is. `ring` is its token, which lets us read more often.
pub fn rang(
    settings: &Settings,
    api: &mut Api<'_>,
    account: &str,
    ring: Option<&str>,
    now: Instant,
) -> Result<Harvest, Fault> {
    let Read { events, more } = read(settings, api, account, ring, PAGES_MAX)?;
    remember(api.host(), account);
    let again = Job::Service { account: account.to_owned(), ring: ring.map(str::to_owned) };
    let chores = more.then(|| again.due(now)).into_iter().collect();
    Ok(Harvest { events, chores })
}

/// Where the feed is in its list of accounts.
#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    #[serde(default)]
    account: usize,
}

/// Nobody rang, or it was not heard: one page of one account, and then the next one's.
pub fn poll(settings: &Settings, cursor: Option<&str>, host: &mut dyn Host) -> Result<Page, Fault> {
    let Cursor { account: at } = cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let accounts = accounts(settings, host);
    let page = |events, account: usize, more| {
        let cursor = json!({"account": account}).to_string();
        Page { kept: Harvest { events, chores: Vec::new() }, cursor, more }
    };
    let Some(account) = accounts.get(at) else {
        return Ok(page(Vec::new(), 0, at > 0 && !accounts.is_empty()));
    };
    if settings.service_secret().is_none() {
        return Ok(page(Vec::new(), 0, false));
    }
    let mut api = Api::of_service(settings, host)?;
    let next = if at + 1 < accounts.len() { at + 1 } else { 0 };
    match read(settings, &mut api, account, None, 1) {
        Ok(Read { events, more: true }) => Ok(page(events, at, true)),
        Ok(Read { events, more: false }) => Ok(page(events, next, next > 0)),
        // One account that is gone, or not ours, stops none of the others.
        Err(Fault::Malformed(why)) => {
            host.log(Level::Warn, &format!("an account of the customer service is not read: {why}"));
            Ok(page(Vec::new(), next, next > 0))
        }
        Err(fault) => Err(fault),
    }
}

fn accounts(settings: &Settings, host: &mut dyn Host) -> Vec<String> {
    let mut accounts = settings.service_accounts.clone();
    let rang: Vec<String> = remembered(host);
    accounts.extend(rang.into_iter().filter(|account| !settings.service_accounts.contains(account)));
    accounts
}

fn remembered(host: &mut dyn Host) -> Vec<String> {
    host.get(ACCOUNTS).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn remember(host: &mut dyn Host, account: &str) {
    host.hold(ACCOUNTS);
    let mut accounts = remembered(host);
    if accounts.len() < ACCOUNTS_MAX && !accounts.iter().any(|known| known == account) {
        accounts.push(account.to_owned());
        let text = serde_json::to_vec(&accounts).expect("because it is a list of texts");
        host.set(ACCOUNTS, &text, None);
    }
}

/// Reads on, and keeps how far. What was read before it failed is kept: it would be read again otherwise.
fn read(
    settings: &Settings,
    api: &mut Api<'_>,
    account: &str,
    ring: Option<&str>,
    pages: usize,
) -> Result<Read, Fault> {
    let key = format!("service:{account}");
    api.host().hold(&key);
    let mut cursor = api.host().get(&key).and_then(|bytes| String::from_utf8(bytes).ok());
    let (mut ring, mut restarted) = (ring, false);
    let mut found = Read { events: Vec::new(), more: true };
    let mut asked = 0;
    while asked < pages && found.more {
        let mut body = json!({"open_kfid": account, "limit": PAGE_MESSAGES});
        for (name, value) in [("cursor", cursor.as_deref()), ("token", ring)] {
            if let Some(value) = value {
                body[name] = Value::from(value);
            }
        }
        let answer = match api.post::<Answer>(PATH, &body) {
            Ok(answer) => answer,
            // Ten minutes old: without it we may read, seldom.
            Err(ApiError::Refused { code: BAD_RING, fault: _ }) if ring.is_some() => {
                ring = None;
                continue;
            }
            // How long a cursor holds is not promised. From the beginning: the last three days, which are known by their ids.
            Err(error) if error.class() == Some(Class::Parameter) && cursor.is_some() && !restarted => {
                (cursor, restarted) = (None, true);
                continue;
            }
            Err(_) if !found.events.is_empty() => break,
            Err(error) => return Err(error.into()),
        };
        asked += 1;
        for message in answer.msg_list.unwrap_or_default() {
            found.events.push(event(settings, account, &message));
        }
        if let Some(next) = answer.next_cursor.filter(|next| !next.is_empty()) {
            api.host().set(&key, next.as_bytes(), None);
            cursor = Some(next);
        }
        // A page may be empty and not the last one.
        found.more = plain(&answer.has_more).as_deref() == Some("1");
    }
    Ok(found)
}

/// One message. What we cannot read is kept as it came, and stops nobody: the cursor would stand before it for ever.
fn event(settings: &Settings, account: &str, raw: &RawValue) -> Event {
    let (fields, extra) = match serde_json::from_str::<Map<String, Value>>(raw.get()) {
        Ok(fields) => (fields, raw.get().to_owned()),
        Err(_) => (Map::new(), format!(r#"{{"message":{}}}"#, raw.get())),
    };
    let text = |name: &str| fields.get(name).and_then(plain);
    let id = text("msgid").unwrap_or_else(|| format!("{:016x}", fingerprint(raw.get())));
    let kind = text("msgtype").unwrap_or_else(|| "other".to_owned());
    let nothing = Map::new();
    let inside = fields.get(&kind).and_then(Value::as_object).unwrap_or(&nothing);
    let inner = |name: &str| inside.get(name).and_then(plain);
    let is_event = kind == "event";
    let named = |name: &str| if is_event { inner(name).or_else(|| text(name)) } else { text(name) };
    let who: Vec<Identity> =
        named("external_userid").iter().map(|her| identity::external(&settings.corp_id, her)).collect();
    let staff = named("servicer_userid").or_else(|| named("new_servicer_userid"));
    let direction = match text("origin").as_deref() {
        Some("3") => Some(Direction::FromCustomer),
        Some("5") => Some(Direction::ToCustomer),
        _ => None,
    };
    let fact = match direction.filter(|_| !is_event) {
        Some(direction) => Fact::Said(Message {
            direction,
            kind: said(&kind).to_owned(),
            text: inner("content").or_else(|| inner("title")).or_else(|| inner("head_content")),
            group: None,
            about: None,
        }),
        // The platform itself, or something of tomorrow.
        None => Fact::Did(Act {
            kind: format!("wecom.service.{}", inner("event_type").unwrap_or(kind)),
            object: Some(account.to_owned()),
            title: None,
            quantity: None,
            state: inner("scene_param").or_else(|| inner("scene")),
            whom: None,
        }),
    };
    let sent_s = text("send_time").and_then(|seconds| seconds.parse::<Instant>().ok()).unwrap_or(0);
    Event {
        id: format!("service:{account}:{id}"),
        at: sent_s.saturating_mul(1000),
        who,
        staff,
        touchpoint: Touchpoint::DirectMessage,
        fact,
        extra: Some(extra),
    }
}

/// Their word for a kind of message, as the contract has it.
fn said(kind: &str) -> &str {
    match kind {
        "text" | "image" | "voice" | "video" | "file" | "link" => kind,
        "miniprogram" => "mini-program",
        "business_card" => "card",
        _ => "other",
    }
}
