//! A person asks what is kept of her, and to be forgotten: through the running host, with everybody else as they were.

use std::path::Path;

use serde_json::{Value, json};
use tests::Tenant;
use tests::brand::START_MS;
use tests::host::{cli, cli_json, cli_text};

use crate::stage::{Stage, added, eventually, records};

const HOUR_MS: u64 = 3_600_000;

/// A name that stands nowhere by chance.
const HERS: &str = "wmXiaomanForgetMe00000000001";
const OTHER: &str = "wmXiaoxue0000000000000000001";

/// The bytes of every file below a folder in which this text stands.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

async fn id_of(stage: &Stage, external: &str) -> String {
    let customers = stage.host.customers().await.unwrap();
    let hers = customers.iter().find(|customer| customer["handles"].to_string().contains(external));
    hers.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_forgotten_is_and_nobody_else() {
    let stage = Stage::set(&Tenant::default()).await;
    for (place, external) in [HERS, OTHER].into_iter().enumerate() {
        let event = added(external, (START_MS + place as u64 * 1000) / 1000);
        stage.on.wecom.push(&stage.host.hook("wecom"), &event).await.unwrap();
    }
    stage.advance(START_MS + 2 * HOUR_MS).await;
    let (hers, other) = (id_of(&stage, HERS).await, id_of(&stage, OTHER).await);
    let said = ["--by", "li", "--why", "she asked for it"];

    // A tag by hand has a reason like any other, and outlives a fold of her past.
    let tag = ["customer", "tag", &other, "vip"];
    cli_json(&stage.config, &[&tag[..], &["--by", "li", "--why", "the founder's aunt"]].concat()).unwrap();
    let why = cli_text(&stage.config, &["customer", "why", &other, "tag", "vip"]).unwrap();
    assert!(why.contains("li: the founder's aunt"), "{why}");

    // What is kept of her, as she may ask, and that it was given out.
    let kept = cli_json(&stage.config, &[&["customer", "export", &hers][..], &said].concat()).unwrap();
    assert!(kept["records"].to_string().contains(HERS) && kept["customer"]["handles"].is_array(), "{kept}");
    let last = records(&stage.config).pop().unwrap();
    assert_eq!(last["entry"]["act"]["deed"]["attest"]["of"], format!("customer {hers}"), "{last}");

    // A table of many, too: with a dry run, nothing is given out and nothing said.
    let table = [&["export", "tags"][..], &said].concat();
    let dry = cli_text(&stage.config, &[&table[..], &["--dry-run"]].concat()).unwrap();
    assert!(dry.contains("a dry run") && !dry.contains("vip"), "{dry}");
    assert!(cli_text(&stage.config, &table).unwrap().contains("vip"));
    let given: Vec<Value> = records(&stage.config)
        .into_iter()
        .filter(|record| record["entry"]["act"]["deed"]["attest"]["of"] == "table tags as csv")
        .collect();
    assert_eq!(given.len(), 1, "{given:?}");
    let act = &given[0]["entry"]["act"];
    assert!(act["by"].as_str().unwrap().ends_with("li") && act["why"] == "she asked for it", "{act}");
    let unsaid = cli(&stage.config, &["export", "tags"]).unwrap();
    assert!(!unsaid.status.success() && unsaid.stdout.is_empty(), "{unsaid:?}");

    let before = cli_json(&stage.config, &["customer", "show", &other]).unwrap();
    let data = stage.config.parent().unwrap().join("data");
    assert!(!files_with(&data, HERS).is_empty());
    let erase = ["customer", "erase", &hers];
    let dry = cli_json(&stage.config, &[&erase[..], &said, &["--dry-run"]].concat()).unwrap();
    assert!(!files_with(&data, HERS).is_empty(), "a dry run changes nothing");
    let done = cli_json(&stage.config, &[&erase[..], &said].concat()).unwrap();
    assert_eq!(dry["erases"], done["erases"]);
    assert_eq!((&done["folded"], &done["erases"]["customer"]), (&json!(true), &json!(hers)), "{done}");
    assert!(done["erases"]["records"].as_u64().unwrap() >= 1, "{done}");
    assert!(!done.to_string().contains(HERS), "a receipt says how much, and nothing of what it was: {done}");

    // Nothing of her is left, in no file; the other is who she was.
    assert!(stage.host.get(&format!("customers/{hers}")).await.is_err());
    assert_eq!(files_with(&data, HERS), Vec::<String>::new());
    assert_eq!(cli_json(&stage.config, &["customer", "show", &other]).unwrap(), before);
    let notes = stage.host.get("notes").await.unwrap();
    let note = notes["notes"].as_array().unwrap().iter().find(|note| note["note"]["erasure"].is_object());
    assert_eq!(note.unwrap()["note"]["erasure"]["customer"], hers, "{notes}");

    // What the platform delivers again is known, and brings nobody back.
    let count = records(&stage.config).len();
    stage.on.wecom.push(&stage.host.hook("wecom"), &added(HERS, START_MS / 1000)).await.unwrap();
    stage.advance(START_MS + 3 * HOUR_MS).await;
    assert_eq!(records(&stage.config).len(), count);
    assert_eq!(stage.host.customers().await.unwrap().len(), 1);
    let again = cli(&stage.config, &[&erase[..], &said].concat()).unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("no customer"), "{again:?}");
    let rebuilt: Value = cli_json(&stage.config, &["rebuild", "--check"]).unwrap();
    assert_eq!(rebuilt["same"], true, "{rebuilt}");

    // The host goes on from there.
    let Stage { host, config, .. } = stage;
    host.stop().await.unwrap();
    let host = tests::Host::start(&config).await.unwrap();
    assert_eq!(host.customers().await.unwrap().len(), 1);
    host.stop().await.unwrap();
}

/// What a shadow has folded is a store like the other, and has everybody in it.
#[tokio::test(flavor = "multi_thread")]
async fn no_shadow_keeps_who_is_erased() {
    let mut tenant = Tenant::default();
    let plain = tenant.clone();
    tenant.policies[2].settings.push_str(
        "\n[policy.shadow.settings]\nbeyond = \"gone\"\ntiers = [{ within_days = 30, tag = \"30d\" }]\n",
    );
    let stage = Stage::set(&tenant).await;
    for (place, external) in [HERS, OTHER].into_iter().enumerate() {
        let event = added(external, (START_MS + place as u64 * 1000) / 1000);
        stage.on.wecom.push(&stage.host.hook("wecom"), &event).await.unwrap();
    }
    stage.advance(START_MS + 2 * HOUR_MS).await;
    let data = stage.config.parent().unwrap().join("data");
    let shadow = data.join("shadow");
    eventually("the shadow has folded her", async || !files_with(&shadow, HERS).is_empty()).await;
    let hers = id_of(&stage, HERS).await;
    let Stage { host, config, on, folder } = stage;
    host.stop().await.unwrap();

    // Where no host runs, nobody folds it: it begins anew.
    let said = ["--by", "li", "--why", "she asked for it"];
    let output = cli(&config, &[&["customer", "erase", &hers][..], &said].concat()).unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("shadows have forgotten everybody"), "{told}");
    assert_eq!(files_with(&data, HERS), Vec::<String>::new());

    // One that nobody wants any more goes with the configuration that says so; and what an older host left, at the start.
    let left = shadow.join("left.db");
    std::fs::write(&left, OTHER).unwrap();
    let host = tests::Host::start(&config).await.unwrap();
    assert!(!left.exists());
    eventually("it has begun anew", async || !files_with(&shadow, OTHER).is_empty()).await;
    plain.write(folder.path(), &on).unwrap();
    host.signal("HUP").unwrap();
    eventually("it is gone", async || !shadow.join("recency.db").exists()).await;
    host.stop().await.unwrap();
}

/// A backup from before an erasure holds her, and its journal knows of none. The list beside it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_brings_nobody_back_in_silence() {
    let stage = Stage::set(&Tenant::default()).await;
    for (place, external) in [HERS, OTHER].into_iter().enumerate() {
        let event = added(external, (START_MS + place as u64 * 1000) / 1000);
        stage.on.wecom.push(&stage.host.hook("wecom"), &event).await.unwrap();
    }
    stage.advance(START_MS + 2 * HOUR_MS).await;
    let hers = id_of(&stage, HERS).await;
    let root = stage.config.parent().unwrap().join("elsewhere");
    let backup = root.join("backups/monday");
    let said = ["--by", "li", "--why", "she asked for it"];
    let manifest =
        cli_json(&stage.config, &[&["backup", backup.to_str().unwrap()][..], &said].concat()).unwrap();
    assert_eq!(manifest["erased"], 0, "{manifest}");
    cli_json(&stage.config, &[&["customer", "erase", &hers][..], &said].concat()).unwrap();
    let list = root.join("backups/erasures.jsonl");
    let listed = std::fs::read_to_string(&list).unwrap();
    assert!(listed.lines().count() == 1 && listed.contains(&hers) && !listed.contains(HERS), "{listed}");
    let Stage { host, config, on, .. } = stage;
    // The next one knows by itself, and lists nothing twice.
    let tuesday = root.join("backups/tuesday");
    let manifest = cli_json(&config, &[&["backup", tuesday.to_str().unwrap()][..], &said].concat()).unwrap();
    assert_eq!(manifest["erased"], 1, "{manifest}");
    assert_eq!(std::fs::read_to_string(&list).unwrap(), listed);
    host.stop().await.unwrap();

    let there = Tenant::default().write(&root.join("there"), &on).unwrap();
    let restored = cli_json(&there, &[&["restore", tuesday.to_str().unwrap()][..], &said].concat()).unwrap();
    assert_eq!(restored["back"], 0, "{restored}");

    let config = Tenant::default().write(&root.join("here"), &on).unwrap();
    let restored = cli_json(&config, &[&["restore", backup.to_str().unwrap()][..], &said].concat()).unwrap();
    assert_eq!(restored["back"], 1, "{restored}");
    assert!(!files_with(&root.join("here/data"), HERS).is_empty());
    let refused = cli(&config, &["serve"]).unwrap();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("heliu customer erase --listed"), "{text}");
    let doctor = cli(&config, &["doctor"]).unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(text.contains("1 people who were erased are back"), "{text}");

    let again = ["customer", "erase", "--listed"];
    let dry = cli_json(&config, &[&again[..], &said, &["--dry-run"]].concat()).unwrap();
    assert_eq!(dry[0]["erases"]["customer"], hers, "{dry}");
    assert!(!files_with(&root.join("here/data"), HERS).is_empty(), "a dry run changes nothing");
    let done = cli_json(&config, &[&again[..], &said].concat()).unwrap();
    assert_eq!(done[0]["erases"]["customer"], hers, "{done}");
    assert_eq!(files_with(&root.join("here/data"), HERS), Vec::<String>::new());
    let nobody = cli_text(&config, &[&again[..], &said].concat()).unwrap();
    assert!(nobody.contains("nobody whom the list names is back"), "{nobody}");
    let host = tests::Host::start(&config).await.unwrap();
    assert_eq!(host.customers().await.unwrap().len(), 1);
    host.stop().await.unwrap();
    let rebuilt: Value = cli_json(&config, &["rebuild", "--check"]).unwrap();
    assert_eq!(rebuilt["same"], true, "{rebuilt}");
}
