//! The command line, as scripts use it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::host::{binary, cli, cli_json, cli_text, plugin};
use tests::tenant::WECOM;
use tests::{SimClock, Tenant, WecomConfig, WecomSim};

use crate::stage::{Stage, added};

fn heliu(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary().unwrap()).current_dir(folder).args(arguments).output().unwrap()
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn write(folder: &Path, name: &str, value: &Value) {
    std::fs::write(folder.join(name), value.to_string()).unwrap();
}

/// A folder with settings and one signed request in it.
async fn signed_request(receive_id: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut config = WecomConfig::demo(SimClock::at(START_MS));
    let settings = json!({
        "corp_id": config.corp_id,
        "token": config.callback.token,
        "encoding_aes_key": config.callback.encoding_aes_key,
        "receive_ids": [config.corp_id],
        "secret": config.secret,
        "api_base": "https://qyapi.weixin.qq.com",
    });
    write(folder.path(), "settings.json", &settings);
    config.callback.receive_id = receive_id.to_owned();
    let wecom = WecomSim::start(config).await.unwrap();
    let sealed = wecom.seal(&wecom.xml(&added("wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", START_MS / 1000))).unwrap();
    let request = json!({
        "method": "POST", "path": "", "query": sealed.query, "headers": [["content-type", "text/xml"]],
        "body": sealed.body,
    });
    write(folder.path(), "request.json", &request);
    folder
}

fn receive(folder: &Path, settings: &str) -> Output {
    let file = plugin("wecom").unwrap();
    let file = file.to_str().unwrap();
    heliu(folder, &["plugin", "run", file, "receive", "--settings", settings, "--request", "request.json"])
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_of_a_connector_prints_its_events() {
    let folder = signed_request("ww0fab1e5c0de5a17e").await;
    let output = receive(folder.path(), "settings.json");
    let answer = printed(&output);
    assert!(output.status.success(), "{answer}");
    assert_eq!(answer["answer"]["status"], 200);
    let event = &answer["events"][0];
    assert_eq!(event["at"], START_MS);
    assert_eq!(event["fact"]["met"]["bond"], "added");
    assert_eq!(event["fact"]["met"]["state"], "ch-poster-03");
    assert_eq!(event["staff"], "linshen");
    assert_eq!(event["who"][0]["scheme"], "wecom.external-userid");
    assert_eq!(answer["chores"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_authentic_ends_with_3() {
    let folder = signed_request("wwSomebodyElse").await;
    let output = receive(folder.path(), "settings.json");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(printed(&output)["refused"]["kind"], "not_authentic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_named() {
    let folder = signed_request("ww0fab1e5c0de5a17e").await;
    write(folder.path(), "wrong.json", &json!({ "corp_id": "ww1", "tokn": "x", "encoding_aes_key": "y" }));
    let output = receive(folder.path(), "wrong.json");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("tok"), "{text}");
}

#[test]
fn inspect_says_what_a_plugin_is_and_needs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, role) in [
        ("wecom", "connector"),
        ("youzan", "connector"),
        ("tmall", "connector"),
        ("repurchase", "policy"),
        ("behaviour-tags", "policy"),
        ("recency", "policy"),
        ("welcome", "policy"),
    ] {
        let file = plugin(name).unwrap();
        let output = heliu(folder.path(), &["--json", "plugin", "inspect", file.to_str().unwrap()]);
        let told = printed(&output);
        assert_eq!(told["role"], role, "{told}");
        assert_eq!(told["digest"].as_str().unwrap().len(), 64);
        let imports = told["imports"].as_array().unwrap();
        assert_eq!(imports.is_empty(), role == "policy", "{told}");
    }
    std::fs::write(folder.path().join("no.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let output = heliu(folder.path(), &["plugin", "inspect", "no.wasm"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no.wasm") && text.contains("component"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_journal_gives_the_same_customers_elsewhere() {
    let stage = Stage::set(&Tenant::default()).await;
    for number in 0..20_u64 {
        let event = added(&format!("wmFabLe{number:025}"), START_MS / 1000 + number);
        assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    }
    stage.advance(START_MS + 86_400_000).await;
    let file = stage.folder.path().join("journal.ndjson");
    let (out, said) = (file.to_str().unwrap(), ["--by", "li", "--why", "the office moves"]);
    // Nobody takes it out, or puts it in, unnamed.
    for command in [&["journal", "export", "--out", out][..], &["journal", "import", out]] {
        let unsaid = cli(&stage.config, command).unwrap();
        assert_eq!(unsaid.status.code(), Some(2), "{unsaid:?}");
        assert!(!file.exists());
    }
    cli_text(&stage.config, &[&["journal", "export", "--out", out][..], &said].concat()).unwrap();
    let last = crate::stage::records(&stage.config).pop().unwrap();
    let act = &last["entry"]["act"];
    assert_eq!((&act["by"], &act["why"]), (&"config/li".into(), &"the office moves".into()), "{last}");
    assert_eq!(act["deed"]["attest"]["of"], "journal, from position 1", "{last}");
    let digest = cli_json(&stage.config, &["digest"]).unwrap();
    let customers = stage.host.customers().await.unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let config = Tenant::default().write(elsewhere.path(), &stage.on).unwrap();
    cli_text(&config, &[&["journal", "import", out][..], &said].concat()).unwrap();
    // Once more changes nothing.
    cli_text(&config, &[&["journal", "import", out][..], &said].concat()).unwrap();
    let host = tests::Host::start(&config).await.unwrap();
    host.advance(START_MS + 86_400_000).await.unwrap();
    assert_eq!(host.customers().await.unwrap(), customers);
    assert_eq!(cli_json(&config, &["digest"]).unwrap()["digest"], digest["digest"]);
    let id = customers[0]["id"].as_str().unwrap();
    let shown = cli_text(&config, &["customer", "show", id]).unwrap();
    assert!(shown.contains(id), "{shown}");
}
