//! Makes the signed calls of a golden from questions that people can read.
//!
//! On the wire a call is a form whose signature covers the time of day, and nobody can edit it. So each golden has a
//! plain twin, `tests/plain/<case>.json`, whose `http` is
//!
//! ```json
//! [{"ask": {"api": "taobao.trade.fullinfo.get", "tid": "26"}, "answer": {"trade_fullinfo_get_response": {…}}}]
//! ```
//!
//! What every call of an API has (`fields`, `type`, `page_size`, `include_oaid`) is added from the settings, where the
//! question does not say it; what stands there as null is not sent. Instead of `answer` there may be a `status` and a
//! `body`. `settings` are added to the usual ones; `now` is the clock.

use std::path::Path;

use heliu_sdk::connector::Connector;
use heliu_sdk::json::Json;
use heliu_sdk::time::Zone;
use tmall::Tmall;
use tmall::request::{self, Caller};
use tmall::sign::SignMethod;

/// 2026-11-20 10:13:20 in China.
const NOW: &str = "1795140800000";

const USUAL: [(&str, &str); 4] = [
    ("app_key", "12345678"),
    ("app_secret", "demo-secret-0001"),
    ("session", "demo-session-0001"),
    ("shop", "demo-shop"),
];

/// Compares each golden with its plain twin, or with `bless` writes it anew, without what is expected of it.
pub fn check(folder: &Path, bless: bool) {
    let plain = folder.join("tests/plain");
    let entries = std::fs::read_dir(&plain).unwrap_or_else(|why| panic!("{}: {why}", plain.display()));
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let golden = folder.join("tests/golden").join(&name);
        let made = golden_of(&read(&path));
        if bless {
            std::fs::write(&golden, made.to_string()).unwrap_or_else(|why| panic!("{name}: {why}"));
            continue;
        }
        let golden = read(&golden);
        for (key, value) in made.fields() {
            let is_same = golden.get(key) == value;
            assert!(is_same, "{name}: {key} is not what tests/plain gives; run with HELIU_BLESS=1");
        }
    }
}

fn read(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    Json::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn golden_of(plain: &Json) -> Json {
    let mut settings: Vec<(String, Json)> =
        USUAL.iter().map(|(name, value)| ((*name).to_owned(), Json::text(*value))).collect();
    for (name, value) in plain.get("settings").fields() {
        settings.retain(|(known, _)| known != name);
        settings.push((name.clone(), value.clone()));
    }
    let settings = Json::Object(settings);
    let now = match plain.get("now") {
        Json::Null => Json::Number(NOW.into()),
        now => now.clone(),
    };
    let exchanges = plain.get("http").items().iter().map(|exchange| exchange_of(exchange, &settings, &now));
    let mut fields = vec![
        ("about", plain.get("about").clone()),
        ("call", plain.get("call").clone()),
        ("settings", settings.clone()),
        ("now", now.clone()),
    ];
    for input in ["cursor", "chore"] {
        if plain.get(input) != &Json::Null {
            fields.push((input, plain.get(input).clone()));
        }
    }
    fields.push(("http", Json::List(exchanges.collect())));
    Json::object(fields)
}

fn exchange_of(plain: &Json, settings: &Json, now: &Json) -> Json {
    let request = Json::object([
        ("method", Json::text("POST")),
        ("url", setting(settings, "api_base")),
        ("body", Json::text(form(plain.get("ask"), settings, now))),
    ]);
    let status = match plain.get("status") {
        Json::Null => Json::Number("200".into()),
        status => status.clone(),
    };
    let body = match plain.get("answer") {
        Json::Null => ("body", plain.get("body").clone()),
        answer => ("body_json", answer.clone()),
    };
    Json::object([("request", request), ("response", Json::object([("status", status), body]))])
}

fn form(ask: &Json, settings: &Json, now: &Json) -> String {
    let word = |json: Json| json.word().unwrap_or_default().to_owned();
    let api = ask.get("api").word().unwrap_or_default();
    let usual: &[(&str, &str)] = match api {
        "taobao.trade.fullinfo.get" => &[("fields", "trade_fields"), ("include_oaid", "include_oaid")],
        "taobao.refunds.receive.get" => &[("fields", "refund_fields"), ("page_size", "page_size")],
        _ => &[("type", "trade_types"), ("page_size", "page_size")],
    };
    let mut params: Vec<(&str, String)> = Vec::new();
    for (name, from) in usual.iter().filter(|(name, _)| !ask.fields().iter().any(|(said, _)| said == name)) {
        let value = match setting(settings, from) {
            Json::List(types) => types.into_iter().map(word).collect::<Vec<_>>().join(","),
            one => word(one),
        };
        params.push((name, value));
    }
    if usual.iter().all(|(name, _)| *name != "fields") {
        params.push(("fields", "tid,status,modified".into()));
    }
    for (name, value) in ask.fields().iter().filter(|(name, _)| name != "api") {
        params.push((name, word(value.clone())));
    }

    let minutes =
        setting(settings, "time_zone_minutes").int().and_then(|minutes| i16::try_from(minutes).ok());
    let now = now.int().and_then(|now| u64::try_from(now).ok()).unwrap_or_default();
    let sign_method = match setting(settings, "sign_method").word() {
        Some("md5") => SignMethod::Md5,
        Some("hmac") => SignMethod::Hmac,
        _ => SignMethod::HmacSha256,
    };
    let text = |name: &str| word(setting(settings, name));
    let caller = Caller {
        app_key: &text("app_key"),
        app_secret: &text("app_secret"),
        session: &text("session"),
        sign_method,
        timestamp: &Zone::of_minutes(minutes.unwrap_or(480)).text(now),
    };
    request::form(&caller, api, &params)
}

/// A setting, or its default, which the schema tells.
fn setting(settings: &Json, name: &str) -> Json {
    match settings.get(name) {
        Json::Null => {
            let schema =
                Json::parse(&Tmall::describe().settings_schema).unwrap_or_else(|why| panic!("{why}"));
            schema.at(&["properties", name, "default"]).clone()
        }
        told => told.clone(),
    }
}
