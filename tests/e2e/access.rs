//! Who gets in, by which door, and what an operator is told of the house: through the real binary.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::brand::START_MS;
use tests::host::{TOKEN, cli, cli_json, cli_text};
use tests::receiver::Receiver;
use tests::tenant::{TMALL, WECOM};
use tests::{Host, Platforms, Tenant};

use crate::stage::{Stage, added, records};

const PATIENCE: Duration = Duration::from_secs(60);

async fn status(url: &str, token: &str) -> u16 {
    let client = tests::web::client(PATIENCE).unwrap();
    client.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A host whose configuration was changed before its first start.
async fn staged(change: impl FnOnce(&Path, String) -> String) -> Stage {
    let on = Platforms::start(START_MS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Tenant::default().write(folder.path(), &on).unwrap();
    let text = change(folder.path(), std::fs::read_to_string(&config).unwrap());
    std::fs::write(&config, text).unwrap();
    let host = Host::start(&config).await.unwrap();
    Stage { host, on, config, folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_used_and_revoked_beside_a_running_host() {
    let stage = Stage::set(&Tenant::default()).await;
    let config = &stage.config;
    let customers = format!("{}/api/v1/customers", stage.host.api());
    let make = |name: &str, scope: &str| {
        let told =
            cli_json(config, &["token", "create", name, "--scope", scope, "--by", "li", "--why", "her desk"])
                .unwrap();
        told["token"].as_str().unwrap().to_owned()
    };
    let (board, desk) = (make("board", "read"), make("desk", "operate"));
    assert_eq!([status(&customers, &board).await, status(&customers, &desk).await], [200, 403]);

    // Who uses the command line with a token of her own acts under its name.
    for customer in ["wmFabLeAAA", "wmFabLeBBB"] {
        let event = added(customer, START_MS / 1000);
        assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    }
    stage.advance(START_MS).await;
    let list = stage.host.customers().await.unwrap();
    let ids: Vec<&str> = list.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let merge = |token: &str| {
        let mut command = std::process::Command::new(tests::host::binary().unwrap());
        command.arg("--config").arg(config).args(["customer", "merge", ids[0], ids[1]]);
        command.args(["--by", "li", "--why", "one phone"]).env("HELIU_TOKEN", token).output().unwrap()
    };
    let refused = merge(&board);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("needs the scope operate"), "{told}");
    assert!(merge(&desk).status.success());
    let edges = stage.host.get(&format!("customers/{}/edges", ids[0])).await.unwrap();
    assert!(edges["edges"].as_array().unwrap().iter().any(|edge| edge["source"] == "desk/li"), "{edges}");

    cli_text(config, &["token", "revoke", "board", "--by", "li", "--why", "she left"]).unwrap();
    assert_eq!([status(&customers, &board).await, status(&customers, TOKEN).await], [401, 200]);
    let list = cli_json(config, &["token", "list"]).unwrap();
    let states: Vec<_> = list["tokens"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["in force", "revoked", "in force"], "{list}");
    assert!(!list.to_string().contains(&board) && !list.to_string().contains("sha256"), "{list}");
    let log = std::fs::read_to_string(config.with_extension("log")).unwrap();
    assert!(
        log.contains("\"token\":\"board\"") && !log.contains(&board),
        "who asked is logged, and with what is not"
    );
    // The host sees the file, and tells the journal.
    let told = |what: &str| {
        let acts = records(config).into_iter().map(|record| record["entry"]["act"].clone());
        acts.filter(|act| act["deed"]["attest"]["what"] == what).collect::<Vec<_>>()
    };
    eventually("the journal knows who revoked it", async || !told("token revoke").is_empty()).await;
    let (made, ended) = (told("token create"), told("token revoke"));
    assert_eq!((made.len(), ended.len()), (2, 1), "{made:?} {ended:?}");
    assert_eq!(made[0]["deed"]["attest"]["of"], "board: read", "{made:?}");
    assert_eq!((&ended[0]["by"], &ended[0]["why"]), (&"config/li".into(), &"she left".into()), "{ended:?}");
    let taken = cli(config, &["token", "create", "board", "--scope", "read", "--by", "li", "--why", "again"])
        .unwrap();
    assert_eq!(taken.status.code(), Some(1));
    let wrong = cli(config, &["token", "create", "new", "--scope", "everything"]).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_too_often_is_told_to_come_again_by_its_address_and_a_proxy_is_believed_where_it_is_named()
{
    let limits = "\n[limits]\ntoken_failures_per_minute = 3\nwebhook_failures_per_minute = 3\nforwarded_by = [\"127.0.0.1\"]\n";
    let stage = staged(|_, text| text + limits).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let customers = format!("{}/api/v1/customers", stage.host.api());
    let asked = async |address: &str, token: &str| {
        let request = client.get(&customers).bearer_auth(token).header("x-forwarded-for", address);
        request.send().await.unwrap()
    };
    // A stranger says for whom he asks as he likes: what the proxy adds behind it counts.
    for guess in 0..3 {
        let address = format!("198.51.100.{guess}, 192.0.2.1");
        assert_eq!(asked(&address, "a-guess").await.status().as_u16(), 401);
    }
    let refused = asked("198.51.100.9, 192.0.2.1", TOKEN).await;
    assert_eq!(refused.status().as_u16(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(asked("192.0.2.2", TOKEN).await.status().as_u16(), 200);

    let hook = stage.host.hook(WECOM);
    let forged = async || {
        let query = "msg_signature=00&timestamp=1&nonce=1";
        let request = client.post(format!("{hook}?{query}")).body("<xml><Encrypt>AAAA</Encrypt></xml>");
        request.header("x-forwarded-for", "192.0.2.3").send().await.unwrap().status().as_u16()
    };
    assert_eq!([forged().await, forged().await, forged().await, forged().await], [401, 401, 401, 429]);
    // The platform comes from elsewhere.
    let event = added("wmFabLeAAA", START_MS / 1000);
    assert!(stage.on.wecom.push(&hook, &event).await.unwrap().is_accepted());

    let metrics = client.get(format!("{}/metrics", stage.host.api())).bearer_auth(TOKEN);
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("heliu_callers_refused_total{door=\"api\"} 1"), "{metrics}");
    assert!(metrics.contains("heliu_callers_refused_total{door=\"webhooks\"} 1"), "{metrics}");
    let log = std::fs::read_to_string(stage.config.with_extension("log")).unwrap();
    assert!(!metrics.contains("192.0.2.") && !log.contains("192.0.2."), "an address is nobody's label");
    stage.host.stop().await.unwrap();
}

/// Writes a fresh certificate, and gives a client that believes it alone.
fn renew(folder: &Path) -> reqwest::Client {
    let made =
        rcgen::generate_simple_self_signed(vec!["heliu.example".to_owned(), "localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("heliu.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("heliu.key"), made.signing_key.serialize_pem()).unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).timeout(PATIENCE).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_doors_with_tls_a_new_certificate_and_the_command_line() {
    let mut first = None;
    let stage = staged(|folder, text| {
        first = Some(renew(folder));
        let apart = "[api]\nlisten = \"127.0.0.1:0\"\n";
        text.replace("[api]\n", apart) + "\n[tls]\ncert = \"heliu.crt\"\nkey = \"heliu.key\"\n"
    })
    .await;
    let first = first.unwrap();
    let by_name = |url: &str| url.replace("127.0.0.1", "localhost");
    let (hooks, api) = (by_name(stage.host.address()), by_name(stage.host.api()));
    assert!(hooks.starts_with("https://") && api.starts_with("https://") && hooks != api);
    let ask = async |client: &reqwest::Client, url: String| {
        let answer = client.get(url).bearer_auth(TOKEN).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    };
    assert_eq!(ask(&first, format!("{api}/api/v1/customers")).await, Some(200));
    assert_eq!(ask(&first, format!("{hooks}/api/v1/customers")).await, Some(404));
    assert_eq!(ask(&first, format!("{api}/hooks/{WECOM}")).await, Some(404));
    assert_eq!(ask(&first, format!("{hooks}/hooks/{WECOM}")).await, Some(401));
    for door in [&hooks, &api] {
        assert_eq!(ask(&first, format!("{door}/healthz")).await, Some(200));
    }
    // The command line finds the host, and believes the certificate of its configuration.
    let said = ["identity", "retract", "99", "--by", "li", "--why", "so"];
    let answered = cli(&stage.config, &said).unwrap();
    let told = String::from_utf8_lossy(&answered.stderr).into_owned();
    assert!(told.contains("no record at position 99"), "{told}");

    let second = renew(stage.folder.path());
    let unsent = cli(&stage.config, &said).unwrap();
    assert!(
        !String::from_utf8_lossy(&unsent.stderr).contains("position 99"),
        "another certificate is not believed"
    );
    stage.host.signal("HUP").unwrap();
    eventually("the new certificate is shown", async || {
        ask(&second, format!("{api}/healthz")).await == Some(200)
    })
    .await;
    assert_eq!(ask(&second, format!("{hooks}/healthz")).await, Some(200));

    // One that does not hold changes nothing.
    std::fs::write(stage.folder.path().join("heliu.crt"), "nothing").unwrap();
    stage.host.signal("HUP").unwrap();
    let log = stage.config.with_extension("log");
    eventually("the log says so", async || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains("heliu.crt has no certificate") && log.contains("the old one stays")
    })
    .await;
    assert_eq!(ask(&second, format!("{hooks}/healthz")).await, Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_one_tenant_is_refused_to_another_by_name() {
    let stage = Stage::set(&Tenant::default()).await;
    stage.host.stop().await.unwrap();
    let said = ["--by", "li", "--why", "a test"];
    let file = stage.folder.path().join("journal.ndjson").display().to_string();
    let backup = stage.folder.path().join("monday").display().to_string();
    cli_text(&stage.config, &[&["journal", "export", "--out", &file][..], &said].concat()).unwrap();
    cli_text(&stage.config, &[&["backup", &backup][..], &said].concat()).unwrap();
    let text = std::fs::read_to_string(&stage.config).unwrap();
    std::fs::write(&stage.config, format!("tenant = \"other-brand\"\n{text}")).unwrap();
    for command in [&["serve"][..], &["customer", "list"], &["journal", "tail"]] {
        let output = cli(&stage.config, command).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(
            told.contains("is tenant \"default\"'s") && told.contains("tenant \"other-brand\""),
            "{told}"
        );
    }
    std::fs::write(&stage.config, text).unwrap();
    cli_text(&stage.config, &["customer", "list"]).unwrap();
    // Nor does what was taken out of one come into another's, whether that holds anything or not.
    let other = Tenant::default().write(&stage.folder.path().join("other"), &stage.on).unwrap();
    let text = std::fs::read_to_string(&other).unwrap();
    std::fs::write(&other, format!("tenant = \"other-brand\"\n{text}")).unwrap();
    let refused = |command: &[&str]| {
        let output = cli(&other, &[command, &said].concat()).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {told}");
        assert!(
            told.contains("is tenant \"default\"'s") && told.contains("tenant \"other-brand\""),
            "{told}"
        );
    };
    refused(&["restore", &backup]);
    assert!(!other.with_file_name("data").join("journal.db").exists());
    refused(&["journal", "import", &file]);
    crate::stage::warm(&other).await;
    Host::start(&other).await.unwrap().stop().await.unwrap();
    let before = crate::stage::records(&other).len();
    refused(&["journal", "import", &file]);
    assert_eq!(crate::stage::records(&other).len(), before);
    refused(&["restore", &backup]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_tenant_compiled_another_does_not_load() {
    let on = Platforms::start(START_MS).await.unwrap();
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = async |folder: &Path| {
        let config = Tenant::default().write(folder, &on).unwrap();
        Host::start(&config).await.unwrap().stop().await.unwrap();
        std::fs::read(folder.join("data/cache/key")).unwrap()
    };
    let (one, other) = (key(ours.path()).await, key(theirs.path()).await);
    assert_ne!(one, other, "each folder has a seal of its own");
    // Compiled code of theirs in our folder: ignored, and compiled again.
    for entry in std::fs::read_dir(theirs.path().join("data/cache")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "key" {
            std::fs::copy(entry.path(), ours.path().join("data/cache").join(entry.file_name())).unwrap();
        }
    }
    let config = ours.path().join("heliu.toml");
    Host::start(&config).await.unwrap().stop().await.unwrap();
    let log = std::fs::read_to_string(config.with_extension("log")).unwrap();
    assert!(log.contains("without this host's seal: compiled again"), "{log}");
}

fn whats(told: &Value, rank: &str) -> Vec<String> {
    let findings = told["findings"].as_array().unwrap().iter();
    let of = findings.filter(|finding| finding["rank"] == rank);
    of.map(|finding| format!("{}: {}", finding["area"].as_str().unwrap(), finding["what"].as_str().unwrap()))
        .collect()
}

fn doctor(config: &Path) -> (Option<i32>, Value) {
    let output = cli(config, &["--json", "doctor"]).unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code(), told.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_finds_what_is_wrong_with_plugins_and_the_network() {
    let stage = Stage::set(&Tenant::default()).await;
    let (code, told) = doctor(&stage.config);
    let (bad, good) = (whats(&told, "bad"), whats(&told, "good"));
    assert!(bad.iter().all(|what| what.contains("tmpfs")), "{bad:?}");
    assert!(code == Some(if bad.is_empty() { 1 } else { 2 }), "a manual clock is at least to be looked at");
    let heard = |list: &[String], words: &str| list.iter().any(|what| what.contains(words));
    for words in [
        "connection \"wecom\" is admitted: ",
        "policy \"repurchase\" is admitted: ",
        &format!("{}, for \"wecom\" answers", stage.on.wecom.base_url()),
        "versions that ever decided are kept",
        "a host works on it, and listens on 127.0.0.1",
    ] {
        assert!(heard(&good, words), "{words}: {good:#?}");
    }
    stage.host.stop().await.unwrap();
    let text = std::fs::read_to_string(&stage.config).unwrap();

    // A platform that is gone, one that may not be reached, and a connector that may reach nothing.
    let (wecom, youzan, tmall) =
        (stage.on.wecom.base_url(), stage.on.youzan.base_url(), stage.on.tmall.base_url());
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let changed = text
        .replace(&format!("hosts = [{wecom:?}]"), &format!("hosts = [\"http://{gone}\"]"))
        .replace(&format!("hosts = [{youzan:?}]\ninward = true"), &format!("hosts = [{youzan:?}]"))
        .replace(&format!("hosts = [{tmall:?}]"), "hosts = []");
    std::fs::write(&stage.config, changed).unwrap();
    let (code, told) = doctor(&stage.config);
    assert_eq!(code, Some(2));
    let bad = whats(&told, "bad");
    for words in [
        format!("connections: http://{gone}, for \"wecom\": "),
        format!("connections: {youzan}, for \"youzan\": 127.0.0.1 is the machine itself"),
        format!("connection \"{TMALL}\" may reach nothing, and asks for https://"),
    ] {
        assert!(heard(&bad, &words), "{words}: {bad:#?}");
    }

    // The wrong role, settings that do not fit, and a version that the past needs.
    let swapped = text.replacen("repurchase.wasm", "wecom.wasm", 1).replace("kdt_id = ", "kdt = ");
    std::fs::write(&stage.config, swapped).unwrap();
    let shelf = stage.folder.path().join("data/plugins");
    let mut kept = std::fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    kept.sort();
    for path in &kept {
        std::fs::write(path, "other bytes").unwrap();
    }
    let (code, told) = doctor(&stage.config);
    assert_eq!(code, Some(2));
    let bad = whats(&told, "bad");
    for words in [
        "policy \"repurchase\": the plugin is a connector",
        "connection \"youzan\": ",
        "its content is not what",
    ] {
        assert!(heard(&bad, words), "{words}: {bad:#?}");
    }
    let told = cli(&stage.config, &["doctor"]).unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("BAD   plugins") && told.contains("→ declare it under [[connection]]"), "{told}");
}

/// What a host would refuse, its doctor does not call good.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_takes_plugins_in_as_a_host_does() {
    let on = Platforms::start(START_MS).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Tenant::default().write(folder.path(), &on).unwrap();
    crate::stage::warm(&config).await;
    let text = std::fs::read_to_string(&config).unwrap();
    let key = "RWR5fjTKAyhpBZw3i7WHWz6vorJ9EZGpISn36fi8FSZLgLjQEEkiTQ75";
    let signed =
        format!("[plugins]\nrequire_signature = true\nkeys = [{{ name = \"author\", key = \"{key}\" }}]");
    let wecom = tests::host::plugin("wecom").unwrap();
    for (changed, words, mend) in [
        (
            format!("{text}\n{signed}\n"),
            &["connection \"wecom\": ", "policy \"recency\": ", "not signed as `require_signature` demands"]
                [..],
            "→ put its author's signature beside it",
        ),
        (
            format!("{text}\n[policy.shadow]\nplugin = {wecom:?}\n"),
            &["the shadow of policy \"recency\": the plugin is a connector"],
            "→ declare it under [[connection]]",
        ),
        (
            format!("{text}\n[policy.shadow.settings]\nbeyond = 7\n"),
            &["the shadow of policy \"recency\": "],
            "→ `heliu plugin inspect` shows the settings",
        ),
        (
            text.replacen("shares = [\"phone\"]", "shares = []", 1),
            &["both name people by \"phone\""],
            "→ no host starts with it: correct `shares`",
        ),
    ] {
        std::fs::write(&config, changed).unwrap();
        let (code, told) = doctor(&config);
        let bad = whats(&told, "bad").join("\n");
        assert_eq!(code, Some(2), "{told}");
        assert!(words.iter().all(|words| bad.contains(words)), "{words:?}: {bad}");
        let told = cli(&config, &["doctor"]).unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains(mend), "{mend}: {told}");
        let refused = cli(&config, &["serve"]).unwrap();
        assert!(!refused.status.success(), "a host starts with it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_traced_from_its_request_to_the_commit() {
    let collector = Receiver::start("{}").await.unwrap();
    let base = collector.hook().trim_end_matches("/hook").to_owned();
    let stage = staged(|_, text| format!("{text}\n[telemetry]\notlp = {base:?}\n")).await;
    let customer = "wmFabLeAAAq1Zt0pRv3mUo9Xk2LwYc7N";
    // What a fold that is under way takes along is told by itself: of several, one at least is folded after it was answered.
    for minute in 0..8 {
        let event = added(customer, START_MS / 1000 + 60 * minute);
        assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
        stage.advance(START_MS + 60_000 * minute).await;
    }
    // It sends what is left when it stops.
    stage.host.stop().await.unwrap();
    let received = collector.received();
    assert!(received.iter().all(|one| one.path_and_query == "/v1/traces"), "{received:?}");
    assert!(received.iter().all(|one| !one.body.contains(customer)), "a trace names nobody");
    let mut spans: Vec<Value> = Vec::new();
    for one in &received {
        let body: Value = serde_json::from_str(&one.body).unwrap();
        spans.extend(body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().iter().cloned());
    }
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let follows = |fold: &&Value, wait: &Value| {
        fold["links"].as_array().unwrap().iter().any(|link| link["spanId"] == wait["spanId"])
    };
    let commits =
        |fold: &Value| named("commit").iter().any(|commit| commit["parentSpanId"] == fold["spanId"]);
    let folded = |wait: &&Value| named("fold").iter().any(|fold| follows(fold, wait) && commits(fold));
    let wait =
        named("wait_for_fold").into_iter().find(folded).unwrap_or_else(|| panic!("{spans:#?}")).clone();
    let of = |name: &str, key: &str, value: &Value| {
        let found = named(name).into_iter().find(|span| span[key] == *value);
        found.unwrap_or_else(|| panic!("no {name}: {spans:#?}")).clone()
    };
    let append = of("append", "spanId", &wait["parentSpanId"]);
    let webhook = of("webhook", "spanId", &append["parentSpanId"]);
    let receive = of("receive", "parentSpanId", &webhook["spanId"]);
    let attribute = |span: &Value, key: &str| {
        let attributes = span["attributes"].as_array().unwrap();
        attributes.iter().find(|one| one["key"] == key).map(|one| one["value"].clone()).unwrap_or_default()
    };
    assert_eq!(attribute(&webhook, "connection"), json!({ "stringValue": WECOM }));
    assert_eq!(attribute(&webhook, "status"), json!({ "intValue": "200" }));
    for (child, parent) in [(&receive, &webhook), (&append, &webhook), (&wait, &append)] {
        assert_eq!(child["traceId"], webhook["traceId"]);
        assert_eq!(child["parentSpanId"], parent["spanId"]);
    }
}
