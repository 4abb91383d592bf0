//! Nobody's data leaves the databases by itself: what channels sent of people, and what strangers tried, is in no log, no
//! error, no answer about the host, and no other file.
//!
//! A brand's life is played through the real connectors with the log at its most verbose. Whatever the journal then knows
//! of people, and a mark in every corner of hostile requests, is searched for in everything else that the host put out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::host::TOKEN;
use tests::tenant::{WECOM, YOUZAN};
use tests::{Brand, Tenant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stage::{Stage, added};

/// A name that nobody has, in every corner of a hostile request; and a number like a phone's.
const MARK: &str = "XiaomanMarkedThis";
const PHONE: &str = "13955512345";

/// What may be said aloud although somebody's event has it: words of a catalogue, of a platform, of the configuration.
fn is_somebodys(text: &str) -> bool {
    let (letters, digits) = (text.chars().count(), text.chars().filter(char::is_ascii_digit).count());
    let chinese = text.chars().filter(|letter| !letter.is_ascii()).count();
    let (upper, lower) = (text.chars().any(char::is_uppercase), text.chars().any(char::is_lowercase));
    (chinese >= 2 && letters >= 3) || digits >= 8 || (letters >= 12 && upper && lower && digits > 0)
}

/// Every text below a value.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the journal knows of people, and nobody may say aloud.
fn known_of_people(stage: &Stage) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for record in stage.records() {
        for event in [&record["entry"]["event"]["event"], &record["entry"]["told"]] {
            texts(event, &mut found);
            // What a channel adds is JSON in a text.
            if let Some(extra) = event["extra"].as_str() {
                texts(&serde_json::from_str(extra).unwrap_or_default(), &mut found);
            }
        }
    }
    let config = std::fs::read_to_string(&stage.config).unwrap();
    found.retain(|text| is_somebodys(text) && !config.contains(text.as_str()));
    found
}

fn secrets(folder: &Path) -> Vec<String> {
    let names =
        ["api.token", "wecom.secret", "wecom.aes-key", "youzan.secret", "tmall.secret", "tmall.session"];
    names.map(|name| std::fs::read_to_string(folder.join(name)).unwrap().trim().to_owned()).into()
}

/// Everything in every file but databases, what the tenant wrote itself, and components.
fn files(folder: &Path, told: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, told);
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let ours =
            [".db", ".db-wal", ".db-shm", ".wasm", ".toml", ".secret", ".token", ".aes-key", ".session"];
        if !ours.iter().any(|ending| name.ends_with(ending)) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            writeln!(told, "--- {}\n{text}", path.display()).unwrap();
        }
    }
}

/// Requests that nobody should send. What is answered to each is kept.
async fn hostile(stage: &Stage, answers: &mut String) {
    let client = tests::web::client(Duration::from_secs(60)).unwrap();
    let (hooks, api) = (stage.host.address().to_owned(), format!("{}/api/v1", stage.host.api()));
    let mut keep = async |what: &str, request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), format!("{:?}", answer.headers()));
        writeln!(answers, "--- {what}: {status} {headers}\n{}", answer.text().await.unwrap()).unwrap();
    };
    let marked = format!("{MARK}{PHONE}");
    for connection in [WECOM, YOUZAN, "tmall", &marked, PHONE] {
        for query in [
            String::new(),
            format!("?{MARK}={PHONE}"),
            format!("?msg_signature={MARK}&timestamp={PHONE}&nonce={MARK}&echostr={MARK}"),
            format!("?msg_signature={}&timestamp=1&nonce={MARK}", "0".repeat(40)),
            format!("?%ff{MARK}"),
        ] {
            let url = format!("{hooks}/hooks/{connection}{query}");
            keep("get hook", client.get(&url)).await;
            for body in [
                marked.clone(),
                format!("<xml><Encrypt>{MARK}{PHONE}</Encrypt><ToUserName>{MARK}</ToUserName></xml>"),
                json!({ "client_id": MARK, "msg": PHONE, MARK: PHONE }).to_string(),
            ] {
                let request = client.post(&url).header("x-name", MARK).header("event-sign", MARK);
                keep("post hook", request.header("cookie", PHONE).body(body)).await;
            }
        }
        keep("path", client.post(format!("{hooks}/hooks/{connection}/{MARK}/%ff{PHONE}"))).await;
        let odd = reqwest::header::HeaderValue::from_bytes(format!("{MARK}\u{80}").as_bytes()).unwrap();
        keep("header", client.post(format!("{hooks}/hooks/{connection}")).header("x-name", odd)).await;
    }
    for token in [TOKEN, MARK] {
        for path in [
            format!("/customers?handle=phone::{PHONE}{MARK}"),
            format!("/customers?handle={MARK}"),
            format!("/customers?after={MARK}"),
            format!("/customers?limit={MARK}"),
            format!("/customers?{MARK}={PHONE}"),
            format!("/customers?tag=a&tag={MARK}"),
            format!("/customers?tag=%ff{MARK}"),
            format!("/customers?at={MARK}"),
            format!("/customers?handle=phone::{PHONE}&at=1"),
            format!("/customers/{MARK}"),
            format!("/customers/{MARK}/timeline"),
            format!("/customers/cus_0000000001/why-not?policy={MARK}"),
            format!("/customers/cus_0000000001/why-not?policy=recency&tag={MARK}&stage={PHONE}"),
            format!("/segments/{MARK}/customers"),
            format!("/intents?state={MARK}"),
            format!("/notes?after={MARK}&limit=x"),
            format!("/dead?after={MARK}"),
            format!("/dead?all={MARK}"),
            format!("/dead?reason={MARK}&connection={MARK}"),
            format!("/dead/turns?after={MARK}&all={PHONE}x"),
            format!("/dead/{MARK}"),
            format!("/dead/turn:1:0:9:{MARK}{PHONE}"),
            format!("/customers?segment={MARK}"),
            format!("/{MARK}"),
            format!("/customers?tag={}{MARK}", "x".repeat(9000)),
        ] {
            keep("read", client.get(format!("{api}{path}")).bearer_auth(token)).await;
        }
        for body in [
            marked.clone(),
            json!({ "by": MARK, "why": PHONE }).to_string(),
            json!({ "by": MARK, "why": PHONE, "deed": MARK }).to_string(),
            json!({ "by": { MARK: PHONE }, "why": PHONE, "deed": {} }).to_string(),
            json!({ "by": "li", "why": MARK, "deed": { "join": { "one": MARK, "other": PHONE } } })
                .to_string(),
            json!({ "by": "li", "why": MARK, "deed": { MARK: PHONE } }).to_string(),
            json!({ MARK: PHONE }).to_string(),
            json!({ "by": "li", "why": "a test", MARK: PHONE }).to_string(),
            json!({ "by": "li", "why": "a test" }).to_string(),
            json!({ "acts": MARK }).to_string(),
            json!({ "acts": [MARK] }).to_string(),
            json!({ "acts": [{ "id": MARK, "by": "li", "why": MARK, "deed": { MARK: PHONE } }] }).to_string(),
            json!({ "acts": [{ "id": "a", "by": "li", "why": "so", "deed": { "erase": { "customer": MARK } } }] })
                .to_string(),
        ] {
            keep(
                "act",
                client.post(format!("{api}/acts?dry_run=true")).bearer_auth(token).body(body.clone()),
            )
            .await;
            keep(
                "act",
                client.post(format!("{api}/acts?dry_run={MARK}")).bearer_auth(token).body(body.clone()),
            )
            .await;
            for path in [
                "proposals".to_owned(),
                "dead/999999/retry".to_owned(),
                "dead/999999/drop".to_owned(),
                format!("dead/1/retry?dry_run={MARK}"),
                format!("dead/{MARK}/retry"),
                format!("dead/turn:1:0:9:{MARK}{PHONE}/retry"),
                format!("dead/turn:1:0:9:{MARK}{PHONE}/drop"),
            ] {
                let request = client.post(format!("{api}/{path}")).bearer_auth(token).body(body.clone());
                keep("letters and proposals", request).await;
            }
            keep("clock", client.post(format!("{api}/clock")).bearer_auth(token).body(body)).await;
        }
    }
    // Authentic, and not what was promised.
    let wecom = stage.host.hook(WECOM);
    for xml in [
        format!("<xml><Event>{MARK}"),
        format!(
            "<xml><Event>change_external_contact</Event><ChangeType>{MARK}</ChangeType><UserID>{PHONE}</UserID></xml>"
        ),
        format!(
            "<xml><MsgType>event</MsgType><Event>{MARK}</Event><CreateTime>{PHONE}{MARK}</CreateTime></xml>"
        ),
        format!("<xml>{}{MARK}", "<a>".repeat(500)),
    ] {
        stage.on.wecom.push_xml(&wecom, &xml).await.unwrap();
    }
    // A customer whom the platform does not know: what is asked of her fails.
    for _ in 0..2 {
        let event = added(&format!("wm{MARK}{PHONE}"), START_MS / 1000);
        assert!(stage.on.wecom.push(&wecom, &event).await.unwrap().is_accepted());
    }
    let client_id = &stage.on.youzan.config().client_id;
    for msg in [MARK, "%7B%22", "%ff", "%7B%22tid%22%3A%22XiaomanMarkedThis%22%7D"] {
        for kind in ["trade_TradePaid", "SCRM_CUSTOMER_EVENT", MARK] {
            let body = json!({
                "client_id": client_id, "id": MARK, "kdt_id": stage.on.youzan.config().kdt_id, "mode": 1, "msg": msg,
                "msg_id": MARK, "sendCount": 0, "status": MARK, "test": false, "type": kind, "version": 1,
            });
            let hook = stage.host.hook(YOUZAN);
            stage.on.youzan.push_raw(&hook, kind, &body.to_string()).await.unwrap();
            stage.on.youzan.push_raw(&hook, kind, &format!("{MARK}{body}")).await.unwrap();
        }
    }
    // No HTTP at all.
    for words in [
        format!("{MARK} {PHONE}\r\n\r\n"),
        format!("GET /{MARK}\u{1} HTTP/1.1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{MARK}\r\n\r\n"),
        format!("GET /{MARK} HTTP/1.1\r\nhost: {MARK}\r\nx: {}\r\n\r\n", PHONE.repeat(20_000)),
        format!("POST /hooks/{WECOM}?{MARK} HTTP/1.1\r\nhost: a\r\ncontent-length: {MARK}\r\n\r\n"),
        format!(
            "POST /hooks/{WECOM}?{MARK} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{MARK}\r\n"
        ),
    ] {
        let address = stage.host.address().trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        // The host may have ended the connection by then.
        let _ = stream.write_all(words.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut heard)).await;
        writeln!(answers, "--- no http\n{}", String::from_utf8_lossy(&heard)).unwrap();
    }
}

/// What the host says of itself.
async fn about(stage: &Stage, answers: &mut String) {
    let client = tests::web::client(Duration::from_secs(60)).unwrap();
    for path in ["/healthz", "/metrics", "/api/v1/plugins", "/api/v1/segments", "/api/v1/digest"] {
        for token in [TOKEN, MARK] {
            let answer =
                client.get(format!("{}{path}", stage.host.api())).bearer_auth(token).send().await.unwrap();
            writeln!(answers, "--- {path}\n{}", answer.text().await.unwrap()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_data_is_in_logs_errors_answers_about_the_host_or_other_files() {
    // The compiler's own talk has nothing of anybody, and is endless.
    let rules = "\n[log]\nlevel = \"trace,wasmtime_internal_cranelift=info,cranelift_frontend=info,cranelift_codegen=info\"\n";
    let stage = Stage::set(&Tenant { rules: rules.to_owned(), ..Tenant::default() }).await;
    let mut brand = Brand::new(7, 40, 12);
    let (timeline, hooks, end) = (brand.timeline(), stage.hooks(), brand.calendar().end_ms());
    let mut answers = String::new();
    let (early, late) = timeline.split_at(timeline.len() / 2);
    brand.play_all(early, &stage.on, &hooks, 8).await;
    stage.advance(early.last().unwrap().at_ms + 60_000).await;
    hostile(&stage, &mut answers).await;
    // Tokens that are spent, and a platform that is asked too often: failures with the platform's own words.
    stage.on.wecom.revoke_tokens();
    stage.on.youzan.limit_next(5);
    brand.play_all(late, &stage.on, &hooks, 8).await;
    stage.advance(end + 12 * 3_600_000).await;
    about(&stage, &mut answers).await;
    let known = known_of_people(&stage);
    assert!(known.len() > 200, "only {} things are known of people: {known:?}", known.len());
    let folder = stage.folder.path().to_owned();
    let secrets = secrets(&folder);
    stage.host.stop().await.unwrap();

    let mut told = answers;
    files(&folder, &mut told);
    assert!(
        told.contains("\"level\":\"TRACE\"") || told.contains("\"level\":\"DEBUG\""),
        "the log is verbose"
    );
    assert!(told.contains("a request is not authentic") && told.contains("kept as a dead letter"));
    let all = known.iter().chain(&secrets).map(String::as_str).chain([MARK, PHONE]);
    let mut found = Vec::new();
    for text in all {
        if let Some(at) = told.find(text) {
            let line = told[..at].rfind('\n').map_or(0, |start| start + 1);
            let end = told[at..].find('\n').map_or(told.len(), |end| at + end);
            let section =
                told[..at].rfind("--- ").map_or("", |start| told[start..].lines().next().unwrap_or(""));
            let shown: String = told[line..end].chars().take(600).collect();
            found.push(format!("{text:?} in {section}: {shown}"));
        }
    }
    assert!(found.is_empty(), "{} of {} are told:\n{}", found.len(), known.len(), found.join("\n"));
}
