//! Faults stay where they belong, and whoever runs the host sees them.

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::conservation::sum;
use tests::host::{cli, cli_json, cli_text};
use tests::tenant::{TMALL, WECOM, YOUZAN};
use tests::{Host, Outcome, Platforms, Tenant};

use crate::stage::{Stage, added, event_ids};

const AT_S: u64 = START_MS / 1000;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_came_and_what_became_of_it() {
    let stage = Stage::set(&Tenant::default()).await;
    let (hook, wecom) = (stage.host.hook(WECOM), &stage.on.wecom);
    let event = added("wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", AT_S);
    for _ in 0..2 {
        assert!(wecom.push(&hook, &event).await.unwrap().is_accepted());
    }
    wecom.push_xml(&hook, "<xml><Event>").await.unwrap();
    let client = tests::web::client(std::time::Duration::from_secs(10)).unwrap();
    let forged = client.post(format!("{hook}?msg_signature=0")).body("no").send().await.unwrap();
    assert_eq!(forged.status(), 401);
    stage.advance(START_MS).await;
    let samples = stage.host.metrics().await.unwrap();
    let of = |name: &str, labels: &[(&str, &str)]| sum(&samples, &format!("heliu_{name}"), labels);
    let wecom = ("connection", WECOM);
    assert_eq!(of("requests_received_total", &[wecom]), 4.0);
    assert_eq!(of("requests_answered_total", &[wecom]), 2.0);
    assert_eq!(of("requests_refused_total", &[wecom, ("reason", "not_authentic")]), 1.0);
    assert_eq!(of("dead_total", &[wecom, ("what", "request"), ("reason", "malformed")]), 1.0);
    assert_eq!(of("dead_waiting", &[("plugin", WECOM), ("what", "request"), ("reason", "malformed")]), 1.0);
    assert_eq!(of("events_duplicate_total", &[wecom]), 1.0);
    assert!(of("events_stored_total", &[wecom]) >= 1.0);
    assert_eq!(of("plugin_calls_total", &[("plugin", WECOM), ("door", "webhook")]), 4.0);
    assert!(of("plugin_call_seconds_count", &[("plugin", "behaviour-tags")]) > 0.0);
    assert!(of("policy_turns_total", &[("plugin", "behaviour-tags")]) > 0.0);
    assert!(of("policy_fuel_total", &[("plugin", "behaviour-tags")]) > 0.0);
    assert_eq!(of("fold_lag_records", &[]), 0.0);
    assert_eq!(of("journal_position", &[]), of("fold_position", &[]));
    assert!(of("commit_seconds_count", &[("what", "journal")]) > 0.0);
    assert!(of("commit_seconds_count", &[("what", "store")]) > 0.0);
    assert_eq!(of("breaker_state", &[wecom]), 0.0);
    assert!(of("queue_capacity", &[("queue", "intake")]) > 0.0);
    assert!(sum(&samples, "process_resident_memory_bytes", &[]) > 1e6);
    // What did not happen yet is counted, too: of what appears with 1 nobody sees that it grew.
    let is_there = |name: &str, labels: &[(&str, &str)]| {
        let name = format!("heliu_{name}");
        samples.iter().filter(|sample| sample.name == name && sample.value == 0.0).any(|sample| {
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|told| told == value))
        })
    };
    assert!(is_there("requests_refused_total", &[("connection", YOUZAN), ("reason", "not_kept")]));
    assert!(is_there("dead_total", &[("connection", YOUZAN), ("what", "request"), ("reason", "trap")]));
    assert!(is_there("plugin_faults_total", &[("plugin", "recency"), ("kind", "fuel")]));
    assert!(is_there("courier_steps_total", &[("connection", TMALL), ("state", "failed")]));
    // Labels name what was configured, and nobody.
    for sample in &samples {
        let told = format!("{:?}", sample.labels);
        assert!(!told.contains("wmFabLe") && !told.contains("cus_"), "{}: {told}", sample.name);
    }
    // Policies are counted, too; the list is a second old at most.
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let plugins = stage.host.get("plugins").await.unwrap();
        let policy = |plugin: &&Value| plugin["name"] == "behaviour-tags";
        let tags = plugins["plugins"].as_array().unwrap().iter().find(policy).unwrap().clone();
        if tags["calls"].as_u64().unwrap() > 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < patience, "{tags}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let stranger = client.get(format!("{}/metrics", stage.host.address())).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_looked_at_tried_again_and_dropped_with_and_without_a_host() {
    let stage = Stage::set(&Tenant::default()).await;
    for xml in ["<xml><Event>", "<xml><Else>"] {
        let delivery = stage.on.wecom.push_xml(&stage.host.hook(WECOM), xml).await.unwrap();
        assert!(matches!(delivery.outcome, Outcome::Accepted { .. }), "{delivery:?}");
    }
    let groups = cli_json(&stage.config, &["dead", "list"]).unwrap();
    assert_eq!(groups["groups"][0]["letters"], 2, "{groups}");
    assert_eq!(groups["groups"][0]["reason"], "malformed");
    let shown = cli_text(&stage.config, &["dead", "show", "1"]).unwrap();
    assert!(shown.contains("malformed") && shown.contains("POST"), "{shown}");
    let act = |arguments: &[&str]| {
        let output = cli(&stage.config, arguments).unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    };
    // The host that runs has the plugin.
    let (ended, text) = act(&["dead", "retry", "1", "--dry-run", "--by", "li", "--why", "looked"]);
    assert!(!ended && text.contains("letter 1 waits on: malformed"), "{text}");
    let (ended, text) = act(&["dead", "drop", "1", "--by", "li", "--why", "a test of theirs"]);
    assert!(ended && text.contains("letter 1 dropped by config/li"), "{text}");
    let (ended, text) = act(&["dead", "drop", "1", "--by", "li", "--why", "again"]);
    assert!(!ended && text.contains("does not wait"), "{text}");
    let Stage { host, on: _on, config, folder: _folder } = stage;
    host.stop().await.unwrap();
    // And where none runs, the command has it.
    let act = |arguments: &[&str]| {
        let output = cli(&config, arguments).unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    };
    for unsaid in [&["retry"][..], &["retry", "--by", "li"], &["drop", "--by", " ", "--why", "x"]] {
        let (ended, text) = act(&[&["dead"][..], unsaid, &["--connection", WECOM]].concat());
        assert!(!ended && text.contains("--by") | text.contains("--why"), "{text}");
    }
    let (ended, text) = act(&["dead", "retry", "--connection", WECOM, "--by", "li", "--why", "looked"]);
    assert!(!ended && text.contains("letter 2 waits on: malformed"), "{text}");
    // A name with a slash is no token's.
    let (ended, text) = act(&["dead", "drop", "--reason", "malformed", "--by", "desk/li", "--why", "x"]);
    assert!(ended && text.contains("letter 2 dropped by config/desk/li"), "{text}");
    let acts: Vec<Value> =
        crate::stage::records(&config).iter().map(|record| record["entry"]["act"].clone()).collect();
    let said = |id: &str| acts.iter().find(|act| act["id"] == id).map(|act| act["by"].clone());
    for (id, by) in [
        ("dead/drop/1", "config/li"),
        // It was tried in vain, which is a word as well.
        ("dead/retry/2/1", "config/li"),
        ("dead/drop/2", "config/desk/li"),
    ] {
        assert_eq!(said(id), Some(json!(by)), "{id}");
    }
    assert_eq!(cli_json(&config, &["dead", "list"]).unwrap()["groups"], json!([]));
    let all = cli_json(&config, &["dead", "list", "--each", "--all"]).unwrap();
    assert_eq!(all["dead"][0]["ended"]["why"], "a test of theirs", "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_died_of_a_wrong_setting_is_handled_when_it_is_right() {
    let on = Platforms::start(START_MS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tenant = Tenant { clock: "system", ..Tenant::default() };
    let config = tenant.write(folder.path(), &on).unwrap();
    std::fs::write(folder.path().join("wecom.aes-key"), "A".repeat(43)).unwrap();
    let host = Host::start(&config).await.unwrap();
    let hook = host.hook(WECOM);
    for customer in ["wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N", "wmFabLeBBBq1Zt0pRv3mUo9Xk2LwYc7N"] {
        // Rightly signed, and nobody can open it: the platform is told that it came, and it is kept.
        assert!(on.wecom.push(&hook, &added(customer, AT_S)).await.unwrap().is_accepted());
    }
    let letters = host.get("dead").await.unwrap();
    let count = letters["dead"].as_array().unwrap().len();
    assert_eq!(count, 2, "{letters}");
    assert!(
        cli(&config, &["dead", "retry", "1", "--dry-run", "--by", "li", "--why", "looked"])
            .unwrap()
            .status
            .code()
            == Some(1)
    );
    tenant.write(folder.path(), &on).unwrap();
    host.signal("HUP").unwrap();
    let dry = ["--json", "dead", "retry", "1", "--dry-run", "--by", "li", "--why", "looked"];
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    let tried = loop {
        let output = cli(&config, &dry).unwrap();
        if output.status.success() {
            break serde_json::from_slice::<Value>(&output.stdout).unwrap();
        }
        assert!(tokio::time::Instant::now() < patience, "the new key is taken");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((&tried["outcome"], &tried["stored"]), (&json!("handled"), &json!(1)), "{tried}");
    assert_eq!(event_ids(&crate::stage::records(&config), WECOM).len(), 0, "a dry run keeps nothing");
    let retry = ["dead", "retry", "--connection", WECOM, "--by", "li", "--why", "the key is right"];
    let text = cli_text(&config, &retry).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("ended")).count(), count, "{text}");
    // Each customer is one event, however often the platform tried.
    assert_eq!(event_ids(&crate::stage::records(&config), WECOM).len(), 2);
    assert_eq!(host.get("dead").await.unwrap()["dead"], json!([]));
    let first = host.get("dead/1").await.unwrap();
    assert_eq!((&first["state"], &first["ended"]["by"]), (&json!("retried"), &json!("config/li")));
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while host.get("customers").await.unwrap()["customers"].as_array().unwrap().len() < 2 {
        assert!(tokio::time::Instant::now() < patience, "they are folded");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let samples = host.metrics().await.unwrap();
    assert_eq!(sum(&samples, "heliu_dead_waiting", &[("plugin", WECOM)]), 0.0);
}

/// A platform that takes connections and says nothing.
async fn dead_platform() -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (base, holding)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_platform_slows_nobody() {
    let on = Platforms::start(START_MS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tenant = Tenant { clock: "system", ..Tenant::default() };
    let config = tenant.write(folder.path(), &on).unwrap();
    let (dead, holding) = dead_platform().await;
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(&on.youzan.base_url(), &dead).replace(&on.tmall.base_url(), &dead);
    std::fs::write(&config, text).unwrap();
    let host = Host::start(&config).await.unwrap();
    let hook = host.hook(WECOM);
    for number in 0..60 {
        let event = added(&format!("wmFabLe{number:025}"), AT_S);
        let delivery = on.wecom.push(&hook, &event).await.unwrap();
        assert!(delivery.is_accepted() && delivery.attempts == 1, "{delivery:?}");
    }
    // All of them are folded, while the two feeds still wait for an answer.
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while host.get("customers?limit=200").await.unwrap()["customers"].as_array().unwrap().len() < 60 {
        assert!(tokio::time::Instant::now() < patience, "the healthy connection is folded");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let samples = host.metrics().await.unwrap();
    for connection in [YOUZAN, TMALL] {
        let stored = sum(&samples, "heliu_events_stored_total", &[("connection", connection)]);
        assert_eq!(stored, 0.0, "{connection}");
    }
    assert!(sum(&samples, "heliu_events_stored_total", &[("connection", WECOM)]) >= 60.0);
    let records = crate::stage::records(&config);
    assert!(event_ids(&records, WECOM).len() >= 60);
    host.kill().await.unwrap();
    holding.abort();
}
