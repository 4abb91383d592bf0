//! The connectors natively: what a platform, or whoever pretends to be one, makes them read.
//!
//! A push comes in two ways: as it is, which few lines read before the signature fails; and sealed and signed by us, so
//! that the fuzzer works on what stands inside. Answers of the platform come from the script in two ways, too: as they are, and
//! mended (`mended.rs`).

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use heliu_sdk::chores::{Chore, Harvest};
use heliu_sdk::connector::{self, Errand, Page, Reception, Refusal, Request};
use heliu_sdk::events::{Content, Identity};
use heliu_sdk::faults::Fault;
use heliu_sdk::{ChoreWorker, Feed, Outlet, Webhook};
use serde_json::{Value, json};
use tmall::Tmall;
use wecom::Wecom;
use youzan::Youzan;

use crate::mended::{Platform, TOP, WECOM, YOUZAN};
use crate::script::{self, Answering, Script};

/// A push as it is: query, headers' one value, body; then answers.
pub const AS_IT_IS: u8 = b'R';
/// A push's inner text; then answers.
pub const SEALED: u8 = b'S';
/// A cursor, or nothing; then answers.
const POLL: u8 = b'P';
/// A chore; then answers.
const WORK: u8 = b'W';
/// Errands; then answers.
const CARRY: u8 = b'C';

/// The same with answers that are mended.
const fn mended(call: u8) -> u8 {
    call.to_ascii_lowercase()
}

const TOKEN: &str = "Scrm7HostTok";
const KEY: &str = "CAT9AG498DYt5BL5gHCQRgI0QX020VORWniVvAp3rJB";
const CORP: &str = "ww0fab1e5c0de5a17e";

pub fn wecom_settings() -> Value {
    json!({
        "corp_id": CORP,
        "token": TOKEN,
        "encoding_aes_key": KEY,
        "secret": "s3cr3t",
        "service_secret": "s3rv1c3",
        "service_accounts": ["wkFabLeAAA", "wkFabLeBBB"],
        "join_remark_mobiles": true,
        "state_handles": [
            { "prefix": "tb:", "scheme": "taobao.open-uid", "scope": "flagship" },
            { "prefix": "tel-", "scheme": "phone" },
        ],
    })
}

const CLIENT: &str = "demo_client_0001";
const CLIENT_SECRET: &str = "demo_secret_0001_abcdefghij";

fn youzan_settings() -> Value {
    json!({
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "kdt_id": 10001,
        "accept_body_sign": true,
        "wechat_appids": { "merchant_xcx": "wxdemo00000000001" },
        "joined_states": ["CARD_ACTIVATED"],
        "detail_on_poll": true,
    })
}

fn tmall_settings() -> Value {
    json!({
        "app_key": "12345678",
        "app_secret": "demo-secret-0001",
        "session": "demo-session-0001",
        "shop": "demo-shop",
    })
}

pub fn wecom(bytes: &[u8]) {
    twice(bytes, wecom_call);
}

pub fn youzan(bytes: &[u8]) {
    twice(bytes, youzan_call);
}

pub fn tmall(bytes: &[u8]) {
    twice(bytes, tmall_call);
}

/// What this connector says to a script. None: it is no connector that is fuzzed. Nothing: the script was no call of it.
#[must_use]
pub fn call(connector: &str, bytes: &[u8]) -> Option<String> {
    let call = match connector {
        "wecom" => wecom_call,
        "youzan" => youzan_call,
        "tmall" => tmall_call,
        _ => return None,
    };
    Some(Script::read(bytes).map(call).unwrap_or_default())
}

fn wecom_call(script: Script<'_>) -> String {
    let settings = wecom_settings().to_string();
    match script.call.to_ascii_uppercase() {
        AS_IT_IS | SEALED => receive::<Wecom>(&settings, wecom_push, script),
        POLL => poll::<Wecom>(&settings, &WECOM, script),
        CARRY => carry::<Wecom>(&settings, &WECOM, script),
        _ => work::<Wecom>(&settings, &WECOM, script),
    }
}

fn youzan_call(script: Script<'_>) -> String {
    let settings = youzan_settings().to_string();
    match script.call.to_ascii_uppercase() {
        AS_IT_IS | SEALED => receive::<Youzan>(&settings, youzan_push, script),
        POLL => poll::<Youzan>(&settings, &YOUZAN, script),
        CARRY => carry::<Youzan>(&settings, &YOUZAN, script),
        _ => work::<Youzan>(&settings, &YOUZAN, script),
    }
}

fn tmall_call(script: Script<'_>) -> String {
    let settings = tmall_settings().to_string();
    match script.call.to_ascii_uppercase() {
        POLL => poll::<Tmall>(&settings, &TOP, script),
        _ => work::<Tmall>(&settings, &TOP, script),
    }
}

/// The same fact must give the same events whenever it comes: their ids are all that knows a delivery again.
fn twice(bytes: &[u8], call: impl Fn(Script<'_>) -> String) {
    let once = Script::read(bytes).map(&call);
    assert_eq!(once, Script::read(bytes).map(&call), "the same input gives the same");
}

type Push = fn(&mut Script<'_>) -> Request;

fn receive<C: Webhook>(settings: &str, push: Push, mut script: Script<'_>) -> String {
    let request = push(&mut script);
    let received = connector::receive::<C>(settings, request, &mut script.host());
    match &received {
        Ok(Reception { kept, answer }) => {
            check(kept);
            assert!((200..600).contains(&answer.status), "{}", answer.status);
        }
        Err(Refusal::NotAuthentic(_) | Refusal::Malformed(_)) => {}
    }
    shown(&received)
}

/// A host that answers as the script has it, mended or not.
fn host<'a>(script: Script<'a>, platform: &'static Platform) -> Answering<'a> {
    if script.call.is_ascii_lowercase() { script.mended(platform) } else { script.host() }
}

fn poll<C: Feed>(settings: &str, platform: &'static Platform, mut script: Script<'_>) -> String {
    let cursor = Some(script.text()).filter(|text| !text.is_empty());
    // The host keeps JSON alone.
    let cursor = cursor.filter(|text| serde_json::from_str::<Value>(text).is_ok());
    let polled = connector::poll::<C>(settings, cursor, &mut host(script, platform));
    if let Ok(Page { kept, cursor, more: _ }) = &polled {
        check(kept);
        assert!(is_json(cursor), "cursor {cursor:?}");
    }
    shown(&polled)
}

fn work<C: ChoreWorker>(settings: &str, platform: &'static Platform, mut script: Script<'_>) -> String {
    let Ok(chore) = serde_json::from_slice::<Chore>(script.part()) else { return String::new() };
    let worked: Result<Harvest, Fault> = connector::work::<C>(settings, chore, &mut host(script, platform));
    if let Ok(kept) = &worked {
        check(kept);
    }
    shown(&worked)
}

/// Errands are the host's own words, and well-formed: what the platform says of them is not.
fn carry<C: Outlet>(settings: &str, platform: &'static Platform, mut script: Script<'_>) -> String {
    let Ok(Value::Array(errands)) = serde_json::from_slice(script.part()) else { return String::new() };
    let errands: Vec<Errand> = errands.iter().take(ERRANDS_MAX).filter_map(errand).collect();
    let count = errands.len();
    let delivery = connector::carry::<C>(settings, errands, &mut host(script, platform));
    assert_eq!(delivery.outcomes.len(), count, "one outcome for each errand");
    check(&Harvest { events: Vec::new(), chores: delivery.chores.clone() });
    shown(&delivery)
}

/// Errands of one call.
const ERRANDS_MAX: usize = 8;

fn errand(value: &Value) -> Option<Errand> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let handle = |value: &Value| {
        let [scheme, scope, value] = ["scheme", "scope", "value"].map(|key| text(&value[key]));
        Some(Identity { scheme: scheme?, scope: scope?, value: value? })
    };
    let content = |value: &Value| {
        let [id, kind, title, category] = ["id", "kind", "title", "category"].map(|key| text(&value[key]));
        Some(Content { id: id?, kind: kind?, title, category })
    };
    let detail = value["detail"].to_string();
    Some(Errand {
        id: text(&value["id"])?,
        scene: text(&value["scene"])?,
        to: value["to"].as_array()?.iter().filter_map(handle).collect(),
        staff: text(&value["staff"]),
        text: text(&value["text"]),
        content: content(&value["content"]),
        detail,
        not_after: value["not_after"].as_u64(),
    })
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// What the host would refuse whatever it means, and what it could not know again.
fn check(kept: &Harvest) {
    for event in &kept.events {
        assert!(!event.id.is_empty(), "an event without an id: {event:?}");
        assert!(event.extra.as_ref().is_none_or(|extra| is_json(extra)), "extra: {event:?}");
    }
    for chore in &kept.chores {
        assert!(is_json(&chore.job), "job: {chore:?}");
    }
}

/// As it is, or sealed for the corp and signed.
pub fn wecom_push(script: &mut Script<'_>) -> Request {
    let call = script.call;
    let (query, body) = if call == SEALED {
        let key = wecom::crypto::Key::read(KEY).expect("because the key is well-formed");
        let encrypted = key.seal([7; 16], script.part(), CORP);
        let signature = wecom::crypto::signature(TOKEN, "1795140702", "n", &encrypted);
        let body = format!("<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>");
        (format!("msg_signature={signature}&timestamp=1795140702&nonce=n"), body.into_bytes())
    } else {
        (script.text(), script.part().to_vec())
    };
    let method = if query.starts_with("echostr") { "GET" } else { "POST" };
    Request { method: method.to_owned(), path: String::new(), query, headers: Vec::new(), body }
}

/// As it is, with the body's own sign; or signed in the header.
fn youzan_push(script: &mut Script<'_>) -> Request {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = script.part().to_vec();
    if script.call == SEALED {
        let sign = youzan::sign::event_sign(CLIENT, &body, CLIENT_SECRET);
        headers.push(("event-sign".to_owned(), sign));
    }
    Request { method: "POST".to_owned(), path: String::new(), query: String::new(), headers, body }
}

pub fn wecom_seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    goldens("wecom", &WECOM, |golden| {
        let request = &golden["request"];
        let body = body(request);
        // What stands in a push that the golden's own key opens is sealed again for ours.
        let key = golden["settings"]["encoding_aes_key"]
            .as_str()
            .and_then(|key| wecom::crypto::Key::read(key).ok());
        let opened = wecom::envelope::encrypted(&body).zip(key).and_then(|(text, key)| key.open(&text).ok());
        match opened {
            Some(opened) => (SEALED, vec![opened.text]),
            None => (AS_IT_IS, vec![text(&request["query"]), body]),
        }
    })
}

pub fn youzan_seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    goldens("youzan", &YOUZAN, |golden| {
        let body = body(&golden["request"]);
        let signed = golden["request"]["headers"].to_string().contains("event-sign");
        (if signed { SEALED } else { AS_IT_IS }, vec![body])
    })
}

pub fn tmall_seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    goldens("tmall", &TOP, |_| (AS_IT_IS, Vec::new()))
}

/// A script for each golden of a connector: its call, and what the platform answers in it.
fn goldens(
    connector: &str,
    platform: &'static Platform,
    push: impl Fn(&Value) -> (u8, Vec<Vec<u8>>),
) -> anyhow::Result<Vec<Vec<u8>>> {
    let folder: PathBuf =
        tests::host::workspace().join("plugins/connectors").join(connector).join("tests/golden");
    let mut paths = fs::read_dir(&folder)
        .with_context(|| format!("read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        let golden = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let golden: Value =
            serde_json::from_str(&golden).with_context(|| format!("read {}", path.display()))?;
        let (call, said) = match golden["call"].as_str() {
            Some("receive") => push(&golden),
            Some("poll") => (POLL, vec![text(&golden["cursor"])]),
            Some("work") => (WORK, vec![golden["chore"].to_string().into_bytes()]),
            Some("carry") => (CARRY, vec![golden["errands"].to_string().into_bytes()]),
            _ => continue,
        };
        let answers = golden["http"].as_array().into_iter().flatten().map(|exchange| &exchange["response"]);
        seeds.push(script::write(call, said.iter().cloned().chain(answers.clone().map(as_it_is))));
        if !matches!(call, AS_IT_IS | SEALED) {
            let answers = answers.filter_map(|answer| inside(answer, platform));
            seeds.push(script::write(mended(call), said.into_iter().chain(answers)));
        }
    }
    Ok(seeds)
}

/// An answer as a part.
fn as_it_is(answer: &Value) -> Vec<u8> {
    let status = answer["status"].as_u64().filter(|&status| status != 200);
    let mut part = status.map_or_else(Vec::new, |status| format!("#{status}").into_bytes());
    part.extend(body(answer));
    part
}

/// What stands inside of an answer, to be mended. None: it is a token, which is no part.
fn inside(answer: &Value, platform: &Platform) -> Option<Vec<u8>> {
    let body: Value = serde_json::from_slice(&body(answer)).ok()?;
    match (platform.unwrap)(&body) {
        Some(inner) => Some(inner.to_string().into_bytes()),
        None if body.to_string().contains("access_token") => None,
        // A refusal is one with another status, too: whatever the status, what it says goes before.
        None => Some([b"#200".as_slice(), body.to_string().as_bytes()].concat()),
    }
}

/// A text as it is, anything else as JSON, and nothing for null.
fn text(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// The body of a golden's request or response.
fn body(message: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let base64 = message["body_base64"].as_str();
    let decoded = base64.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    decoded.unwrap_or_else(|| match &message["body_json"] {
        Value::Null => text(&message["body"]),
        json => json.to_string().into_bytes(),
    })
}
