//! A merge by hand, and its undoing at night: through the running host, and beside none.

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::host::{cli, cli_json, cli_text};
use tests::{Host, Platforms, Tenant};

const DAY_MS: u64 = 86_400_000;

/// An order of one large cleanser, as a shop tells it.
fn bought(id: &str, card: &str, day: u64) -> Value {
    let at = START_MS + day * DAY_MS;
    let line = json!({
        "sku": "cleanser-amino-120ml", "title": "洗面奶", "category": "cleanser", "quantity": 1, "paid": 31_900,
    });
    let order = json!({
        "id": id, "step": "paid", "currency": "CNY", "total": 31_900, "paid": 31_900, "refunded": 0,
        "lines": [line], "placed_at": at,
    });
    let event = json!({
        "id": id, "at": at, "who": [{ "scheme": "card", "scope": "shop", "value": card }],
        "touchpoint": "shop", "fact": { "bought": order },
    });
    json!({ "position": day, "now": at, "entry": { "event": { "connection": "youzan", "event": event } } })
}

/// What is known of everybody.
fn customers(config: &std::path::Path) -> Vec<Value> {
    let list = cli_json(config, &["customer", "list"]).unwrap();
    let ids = list["customers"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
    ids.map(|id| cli_json(config, &["customer", "show", &id]).unwrap()).collect()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_merge_is_undone_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let on = Platforms::start(START_MS).await.unwrap();
    let config = Tenant::default().write(folder.path(), &on).unwrap();
    // The first start writes the setup; then two people buy, each at a shop of hers.
    Host::start(&config).await.unwrap().stop().await.unwrap();
    let file = folder.path().join("orders.ndjson");
    let lines = [bought("o1", "xiaoman", 1), bought("o2", "xiaoxue", 3)].map(|line| line.to_string());
    std::fs::write(&file, lines.join("\n")).unwrap();
    cli_text(&config, &["journal", "import", file.to_str().unwrap(), "--by", "li", "--why", "a journal"])
        .unwrap();
    let host = Host::start(&config).await.unwrap();
    host.advance(START_MS + 60 * DAY_MS).await.unwrap();
    let (before, digest) = (customers(&config), cli_json(&config, &["digest"]).unwrap());
    assert_eq!(before.len(), 2, "{before:?}");
    for one in &before {
        assert!(names(&one["tags"]).contains(&"behaviour:large-order"), "{one}");
        assert!(!one["intents"].as_array().unwrap().is_empty(), "{one}");
    }
    let (one, other) = (before[0]["id"].as_str().unwrap(), before[1]["id"].as_str().unwrap());

    // Through the host that runs, by a handle and by an id.
    let said = ["--by", "li", "--why", "the same address"];
    let merge = ["customer", "merge", "card:shop:xiaoman", other];
    let dry = cli_json(&config, &[&merge[..], &said, &["--dry-run"]].concat()).unwrap();
    assert_eq!(customers(&config), before, "a dry run changes nothing");
    let done = cli_json(&config, &[&merge[..], &said].concat()).unwrap();
    assert_eq!(dry["report"], done["report"]);
    assert_eq!((&done["folded"], &done["report"]["agrees"]), (&json!(true), &json!(true)), "{done}");
    let changes = done["report"]["customers"].as_array().unwrap();
    let of = |id: &str| changes.iter().find(|change| change["id"] == id).unwrap();
    assert_eq!((&of(other)["fate"], &of(other)["other"]), (&json!("vanishes"), &json!(one)));
    assert!(names(&of(other)["tags_lost"]).contains(&"behaviour:large-order"), "{done}");
    let stage = &of(one)["stages"][0];
    assert_eq!(
        (&stage["before"]["stage"], &stage["after"]["stage"]),
        (&json!("first-order"), &json!("second-order"))
    );
    assert_eq!(of(one)["handles_gained"][0]["handle"]["value"], "xiaoxue");
    let merged = customers(&config);
    assert_eq!(merged.len(), 1, "{merged:?}");
    assert_eq!(merged[0]["stages"][0]["stage"], "second-order");

    // Why they are one, and what cannot be said twice.
    let why = cli_text(&config, &["customer", "why", other, "merge"]).unwrap();
    let position = done["position"].to_string();
    assert!(
        why.contains("li said that") && why.contains(&format!("heliu identity retract {position} ")),
        "{why}"
    );
    let twice = cli(&config, &[&merge[..], &said].concat()).unwrap();
    let text = String::from_utf8_lossy(&twice.stderr).into_owned();
    assert!(!twice.status.success() && text.contains("identity edges"), "{text}");

    // At night the host is down: the same commands do it by themselves.
    host.stop().await.unwrap();
    let undo = ["identity", "retract", &position];
    let told = cli_text(&config, &[&undo[..], &["--by", "wang", "--why", "two sisters"]].concat()).unwrap();
    assert!(told.contains(&format!("{other} appears: she was part of {one}")), "{told}");
    assert_eq!(customers(&config), before);
    let rebuilt = cli_json(&config, &["rebuild", "--check"]).unwrap();
    assert_eq!(rebuilt["same"], true, "{rebuilt}");
    assert_eq!(cli_json(&config, &["digest"]).unwrap()["digest"], digest["digest"]);

    // And the host goes on from there.
    let host = Host::start(&config).await.unwrap();
    let edges = host.get(&format!("customers/{one}/edges")).await.unwrap();
    let join = edges["edges"].as_array().unwrap().iter().find(|edge| edge["kind"] == "join").unwrap();
    assert_eq!(join["retracted"]["by"], "config/wang", "{edges}");
    assert_eq!(host.get("digest").await.unwrap()["digest"], digest["digest"]);
    host.stop().await.unwrap();
}

#[test]
fn a_folder_that_is_held_while_nothing_answers_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("heliu.toml");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(&config, format!("data = \"data\"\nlisten = \"{free}\"\n\n[api]\ntoken = \"a-token\"\n"))
        .unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let lock = std::fs::File::create(folder.path().join("data/lock")).unwrap();
    lock.lock().unwrap();
    let output = cli(&config, &["identity", "retract", "1", "--by", "li", "--why", "so"]).unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("works on this data folder") && text.contains(&free.to_string()), "{text}");
}
