//! Makes goldens of plain text: each `[[case]]` of the TOML files in this folder becomes the encrypted, signed call
//! that the platform would make, in `tests/golden/<name>.json`. The random bytes are made from the name, so that the
//! same case is the same call every time.
//!
//! To add one: paste what the platform sent (with made-up ids) as a case's `text`, or put it into a file and name it
//! with `file`; run `HELIU_BLESS=1 cargo test -p wecom --test golden`; read what it expects; commit both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wecom::crypto::{self, Key};

/// Unless a case says otherwise. All made up.
const CORP: &str = "ww0fab1e5c0de5a17e";
const TOKEN: &str = "Scrm7HostTok";
/// Its last character has trailing bits, as most have.
const KEY: &str = "CAT9AG498DYt5BL5gHCQRgI0QX020VORWniVvAp3rJB";
const ENVELOPE: &str = "<xml><ToUserName><![CDATA[{corp}]]></ToUserName><AgentID><![CDATA[1000021]]></AgentID>\
                        <Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>";
const QUERY: &str = "msg_signature={signature}&timestamp={timestamp}&nonce={nonce}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    about: String,
    /// What is inside. Or the name of a file in this folder that holds it, or its bytes in base64.
    text: Option<String>,
    file: Option<String>,
    text_base64: Option<String>,
    /// Instead of all these: the encrypted text as it goes over the wire.
    encrypted: Option<String>,
    /// Added to the settings, or put in place of what they have.
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    /// Whom it is meant for.
    receive_id: Option<String>,
    timestamp: Option<String>,
    nonce: Option<String>,
    /// Instead of the right one.
    signature: Option<String>,
    method: Option<String>,
    /// With `{signature}`, `{timestamp}`, `{nonce}`, `{encrypt}` (as it is) and `{encrypt_escaped}`.
    query: Option<String>,
    /// With `{encrypt}` and `{corp}`.
    envelope: Option<String>,
    /// The host's clock.
    now: Option<u64>,
}

/// Makes all of them anew where `HELIU_BLESS=1`; otherwise checks that each golden makes the call of its case.
pub fn all() {
    let bless = std::env::var_os("HELIU_BLESS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (name, golden) in vectors().into_iter().chain(cases()) {
        let there = read_golden(&name).unwrap_or(Value::Null);
        let same =
            ["about", "call", "settings", "now", "request"].iter().all(|key| there[key] == golden[key]);
        if bless && !same {
            write(&name, &golden, &there);
        } else if !same {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "not made of tests/plain (run with HELIU_BLESS=1): {stale:?}");
}

pub fn read_golden(name: &str) -> Result<Value, String> {
    let path = golden_path(name);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"))
}

fn write(name: &str, golden: &Value, there: &Value) {
    let keys = ["about", "call", "settings", "now", "request"];
    let mut lines: Vec<String> = keys.iter().map(|key| format!("  \"{key}\": {}", golden[key])).collect();
    lines.extend(there.get("expect").map(|expect| format!("  \"expect\": {expect}")));
    let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
    std::fs::write(golden_path(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn cases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plain");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut goldens = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let cases: Cases =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            goldens.extend(cases.case.iter().map(|case| (case.name.clone(), case.golden(&folder))));
        }
    }
    goldens.sort_by(|a, b| a.0.cmp(&b.0));
    goldens
}

impl Case {
    fn golden(&self, folder: &Path) -> Value {
        let mut settings = BTreeMap::from([
            ("corp_id".to_owned(), json!(CORP)),
            ("token".to_owned(), json!(TOKEN)),
            ("encoding_aes_key".to_owned(), json!(KEY)),
        ]);
        settings.extend(self.settings.clone());
        let timestamp = self.timestamp.clone().unwrap_or_else(|| "1767225600".to_owned());
        let digest = Sha256::digest(&self.name);
        let nonce = self
            .nonce
            .clone()
            .unwrap_or_else(|| digest.iter().take(9).map(|byte| char::from(b'0' + byte % 10)).collect());
        let encrypted = self.encrypted.clone().unwrap_or_else(|| self.seal(folder, &digest));
        let signature = self
            .signature
            .clone()
            .unwrap_or_else(|| crypto::signature(TOKEN, &timestamp, &nonce, &encrypted));
        let fill = |template: &str| {
            template
                .replace("{signature}", &signature)
                .replace("{timestamp}", &timestamp)
                .replace("{nonce}", &nonce)
                .replace("{corp}", CORP)
                .replace("{encrypt_escaped}", &escape(&encrypted))
                .replace("{encrypt}", &encrypted)
        };
        let method = self.method.as_deref().unwrap_or("POST");
        let body = if method == "GET" { "" } else { self.envelope.as_deref().unwrap_or(ENVELOPE) };
        json!({
            "about": self.about, "call": "receive", "settings": settings,
            "now": self.now.unwrap_or(1_767_230_012_000),
            "request": request(method, &fill(self.query.as_deref().unwrap_or(QUERY)), &fill(body)),
        })
    }

    fn seal(&self, folder: &Path, digest: &[u8]) -> String {
        let text = match (&self.text, &self.file, &self.text_base64) {
            (Some(text), None, None) => text.trim_end_matches('\n').as_bytes().to_vec(),
            (None, Some(file), None) => {
                let path = folder.join(file);
                let text = std::fs::read_to_string(&path);
                text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
                    .trim_end()
                    .as_bytes()
                    .to_vec()
            }
            (None, None, Some(bytes)) => {
                STANDARD.decode(bytes).unwrap_or_else(|error| panic!("{}: {error}", self.name))
            }
            _ => panic!("{}: one of text, file and text_base64", self.name),
        };
        // The platform's are letters and digits.
        let random = std::array::from_fn(|index| b'a' + digest[index] % 26);
        let key = Key::read(KEY).unwrap_or_else(|why| panic!("{why}"));
        key.seal(random, &text, self.receive_id.as_deref().unwrap_or(CORP))
    }
}

/// Each vector of the cipher as an address check, which answers with what is inside, byte for byte; the vendor's
/// message as the push that it is.
fn vectors() -> Vec<(String, Value)> {
    let text = include_str!("../vectors.json");
    let vectors: Vec<BTreeMap<String, Value>> =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("vectors.json: {error}"));
    let mut goldens = Vec::new();
    for vector in &vectors {
        let of = |key: &str| vector[key].as_str().unwrap_or_default().to_owned();
        let call = |request: Value| {
            json!({
                "about": of("note"), "call": "receive",
                "settings": {
                    "corp_id": "ww0fab1e5c0de5a17e", "token": of("token"),
                    "encoding_aes_key": of("encoding_aes_key"), "receive_ids": [of("configured_receiveid")],
                },
                "now": 1_767_230_012_000_u64, "request": request,
            })
        };
        let query = format!(
            "msg_signature={}&timestamp={}&nonce={}",
            of("msg_signature"),
            of("timestamp"),
            of("nonce")
        );
        let check = format!("{query}&echostr={}", escape(&of("encrypt")));
        let (method, query, body) = if of("name") == "official-post" {
            let body = ENVELOPE.replace("{corp}", &of("embedded_receiveid"));
            ("POST", query, body.replace("{encrypt}", &of("encrypt")))
        } else {
            ("GET", check, String::new())
        };
        goldens.push((format!("vector-{}", of("name")), call(request(method, &query, &body))));
    }
    goldens
}

fn request(method: &str, query: &str, body: &str) -> Value {
    json!({"method": method, "path": "", "query": query, "headers": [["content-type", "text/xml"]], "body": body})
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
