//! Makes the signed request of a golden from a push that people can read.
//!
//! On the wire a push is percent-encoded and signed, and nobody can edit it. So each such golden has a plain
//! twin, `tests/plain/<case>.json`:
//!
//! ```json
//! {"about": "…", "msg": "trade", "sign": "header", "push": {"type": "trade_TradePaid", "msg": {…}}}
//! ```
//!
//! `msg` says how the message is written: `trade` (colons and commas left as they are), `all` (everything
//! escaped), `text` (JSON in a text, not escaped), `object`. `sign` is one of `header`, `body`, `wrong` (a
//! header that does not hold, above a body's sign that does), `none`. Instead of `push` there may be a
//! `body`, sent as it stands. `settings` are added to the usual ones; `now` is the clock.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use youzan::json::Json;
use youzan::sign;

const CLIENT_ID: &str = "demo_client_0001";
const CLIENT_SECRET: &str = "demo_secret_0001_abcdefghij";
const NOW: &str = "1795140702000";

const ALL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*');
const TRADE: &AsciiSet = &ALL.remove(b':').remove(b',');

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
            assert_eq!(
                golden.get(key),
                value,
                "{name}: {key} is not what tests/plain gives; run with HELIU_BLESS=1"
            );
        }
    }
}

fn read(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    Json::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn golden_of(plain: &Json) -> Json {
    let how = plain.get("sign").word().unwrap_or("header");
    let body = match plain.get("body") {
        Json::Text(body) => body.clone(),
        _ => body_of(plain, how),
    };
    let mut headers = vec![("content-type", "application/json".to_owned())];
    match how {
        "header" => headers.push(("event-sign", sign::event_sign(CLIENT_ID, body.as_bytes(), CLIENT_SECRET))),
        "wrong" => headers.push(("event-sign", "0".repeat(32))),
        "body" | "none" => {}
        other => panic!("sign: {other}"),
    }
    let headers =
        headers.into_iter().map(|(name, value)| Json::List(vec![Json::text(name), Json::text(value)]));

    let mut settings = vec![
        ("client_id".to_owned(), Json::text(CLIENT_ID)),
        ("client_secret".to_owned(), Json::text(CLIENT_SECRET)),
        ("kdt_id".to_owned(), Json::Number("10001".into())),
    ];
    for (name, value) in plain.get("settings").fields() {
        settings.retain(|(known, _)| known != name);
        settings.push((name.clone(), value.clone()));
    }
    let now = match plain.get("now") {
        Json::Null => Json::Number(NOW.into()),
        now => now.clone(),
    };
    Json::object([
        ("about", plain.get("about").clone()),
        ("call", Json::text("receive")),
        ("settings", Json::Object(settings)),
        ("now", now),
        (
            "request",
            Json::object([
                ("method", Json::text("POST")),
                ("path", Json::text("")),
                ("query", Json::text("")),
                ("headers", Json::List(headers.collect())),
                ("body", Json::text(body)),
            ]),
        ),
    ])
}

fn body_of(plain: &Json, how: &str) -> String {
    let push = plain.get("push");
    let text = push.get("msg").to_string();
    let msg = match plain.get("msg").word().unwrap_or("trade") {
        "trade" => Json::text(utf8_percent_encode(&text, TRADE).to_string()),
        "all" => Json::text(utf8_percent_encode(&text, ALL).to_string()),
        "text" => Json::text(text),
        "object" => push.get("msg").clone(),
        other => panic!("msg: {other}"),
    };
    let usual = [
        ("client_id", Json::text(CLIENT_ID)),
        ("kdt_id", Json::Number("10001".into())),
        ("mode", Json::Number("1".into())),
        ("sendCount", Json::Number("0".into())),
        ("test", Json::Truth(false)),
    ];
    // What the push says itself comes later, and so counts.
    let given = push.fields().iter().map(|(name, value)| (name.as_str(), value.clone()));
    let mut fields: Vec<(&str, Json)> = Vec::new();
    for (name, value) in usual.into_iter().chain(given).chain([("msg", msg.clone())]) {
        fields.retain(|(known, _)| *known != name);
        if value != Json::Null {
            fields.push((name, value));
        }
    }
    if matches!(how, "body" | "wrong") {
        let signed = msg.word().map_or_else(|| msg.to_string(), str::to_owned);
        fields.push(("sign", Json::text(sign::body_sign(CLIENT_ID, &signed, CLIENT_SECRET))));
    }
    Json::object(fields).to_string()
}
