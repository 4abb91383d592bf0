//! `heliu backup` beside a host at work, and `heliu restore` elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tests::brand::START_MS;
use tests::host::{TOKEN, cli, cli_json, cli_text, log};
use tests::soak::{Oracle, STAFF};
use tests::tenant::WECOM;
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Host, Platforms, Tenant};

struct World {
    on: Platforms,
    config: PathBuf,
    oracle: Oracle,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let on = Platforms::start(START_MS).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = Tenant::default().write(&folder.path().join("here"), &on).unwrap();
        let oracle = Oracle::new(&on).unwrap();
        crate::stage::warm(&config).await;
        World { on, config, oracle, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn backup(&self, name: &str) -> Value {
        cli_json(&self.config, &[&["backup", self.path(name).to_str().unwrap()], SAID].concat()).unwrap()
    }
}

/// Who says so, and why.
const SAID: &[&str] = &["--by", "cron", "--why", "nightly"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_all_that_was_answered_before_and_goes_on_elsewhere() {
    let world = World::new().await;
    let host = Host::start(&world.config).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let pushing = {
        let (oracle, hook, is_over) = (world.oracle.clone(), host.hook(WECOM), Arc::clone(&is_over));
        tokio::spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                oracle.plan(50);
                oracle.push(&hook, 8, Duration::ZERO).await;
            }
        })
    };
    while world.oracle.answered().len() < 200 {
        tokio::task::yield_now().await;
    }
    let answered = world.oracle.answered();
    let manifest = tokio::task::block_in_place(|| world.backup("copy"));
    is_over.store(true, Ordering::SeqCst);
    pushing.await.unwrap();
    host.stop().await.unwrap();
    assert!(world.oracle.answered().len() > answered.len(), "nothing was pushed beside the backup");
    let (position, stands) = (&manifest["journal"]["position"], &manifest["store"]["position"]);
    assert!(stands.as_u64() <= position.as_u64(), "{manifest}");

    // Elsewhere: the configuration and its secrets are there, nothing else is.
    let config = Tenant::default().write(&world.path("there"), &world.on).unwrap();
    let restored = cli_json(&config, &[&["restore", text(&world.path("copy"))], SAID].concat()).unwrap();
    assert_eq!(restored["secrets_missing"].as_array().map(Vec::len), Some(0), "{restored}");
    let checked = cli_json(&config, &["rebuild", "--check"]).unwrap();
    assert_eq!((&checked["same"], &checked["position"]), (&Value::Bool(true), stands), "{checked}");
    assert_eq!(checked["store"], manifest["store"]["digest"]);

    let mut records = crate::stage::records(&config);
    let act = |record: &Value| {
        let act = record["entry"]["act"].clone();
        assert_eq!((&act["by"], &act["why"]), (&"config/cron".into(), &"nightly".into()), "{record}");
        act["deed"]["attest"]["what"].as_str().unwrap().to_owned()
    };
    // Who put it there stands behind all of it, and who took it out within.
    assert_eq!(act(&records.pop().unwrap()), "restore");
    assert_eq!(records.last().unwrap()["position"], *position);
    let told = records.iter().find(|record| record["position"] == manifest["of"]["act"]).unwrap();
    assert_eq!(act(told), "backup");
    let kept: std::collections::BTreeSet<&str> = records
        .iter()
        .filter_map(|record| record["entry"]["event"]["event"]["who"][0]["value"].as_str())
        .collect();
    let lost: Vec<_> = answered.iter().filter(|customer| !kept.contains(customer.as_str())).collect();
    assert!(lost.is_empty(), "answered before the backup, and not in it: {lost:?}");

    let host = Host::start(&config).await.unwrap();
    let change = Change::ContactLeft { contact: Contact::new(STAFF, "wmFabLeFreshAfterTheRestore00001") };
    let event = WecomEvent { at_s: START_MS / 1000, change };
    let delivery = world.on.wecom.push(&host.hook(WECOM), &event).await.unwrap();
    assert!(delivery.is_accepted(), "{delivery:?}: {}", log(&config));
    host.advance(START_MS + 60_000).await.unwrap();
    let tagged = host.get("customers?tag=behaviour:removed-us").await.unwrap();
    assert_eq!(tagged["customers"].as_array().unwrap().len(), 1, "{tagged}");
    host.stop().await.unwrap();
    cli_text(&config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_at_home_and_what_is_missing_is_told() {
    let world = World::new().await;
    // One of them is written out.
    let toml = std::fs::read_to_string(&world.config).unwrap();
    let written = toml.replace("token = { file = \"api.token\" }", &format!("token = \"{TOKEN}\""));
    assert_ne!(toml, written);
    std::fs::write(&world.config, written).unwrap();
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
    let manifest = world.backup("copy");
    // The connector's schema marks two more that the configuration has in plain text.
    assert!(manifest["configuration"]["blotted"].as_u64() >= Some(1), "{manifest}");
    let named = &manifest["configuration"]["secrets"];
    assert!(named.as_array().unwrap().contains(&Value::from("wecom.secret")), "{named}");
    let config = world.on.wecom.config();
    let secrets = [TOKEN, &config.secret, &config.callback.encoding_aes_key];
    for file in files(&world.path("copy")) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in secrets {
            let holds = bytes.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            assert!(!holds, "{} holds {secret}", file.display());
        }
    }
    assert!(!world.path("copy/cache").exists() && !world.path("copy/lock").exists());

    let config = world.path("bare/heliu.toml");
    let restored = cli_json(&config, &[&["restore", text(&world.path("copy"))], SAID].concat()).unwrap();
    let missing = restored["secrets_missing"].as_array().unwrap();
    assert!(missing.iter().any(|path| path.as_str().unwrap().ends_with("bare/wecom.secret")), "{restored}");
    assert_eq!(restored["blotted"], manifest["configuration"]["blotted"]);
    // The secrets that have files are put there; for the others the file still has to be changed, and the host says so.
    for name in ["wecom.aes-key", "wecom.secret", "youzan.secret", "tmall.secret", "tmall.session"] {
        std::fs::copy(world.config.with_file_name(name), config.with_file_name(name)).unwrap();
    }
    let refused = cli(&config, &["serve"]).unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("left-out-of-the-backup"), "{said}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_a_backup_stands_in_the_journal_first_or_in_the_manifest_alone_where_he_says_so() {
    let world = World::new().await;
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
    let unsaid = cli(&world.config, &["backup", text(&world.path("copy"))]).unwrap();
    assert_eq!(unsaid.status.code(), Some(2), "{unsaid:?}");
    // No host runs, and none is needed.
    let manifest = world.backup("copy");
    let last = crate::stage::records(&world.config).pop().unwrap();
    assert_eq!(last["position"], manifest["of"]["act"], "{last}");
    assert_eq!(manifest["journal"]["position"], last["position"], "the copy has it, too");

    // Somebody holds the folder and does not answer.
    let lock = world.config.with_file_name("data").join("lock");
    let held = std::fs::File::options().write(true).open(&lock).unwrap();
    held.try_lock().unwrap();
    let backup = |more: &[&str]| {
        let copy = world.path("second");
        cli(&world.config, &[&["--json", "backup", text(&copy)], SAID, more].concat()).unwrap()
    };
    let refused = backup(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("--unrecorded"), "{said}");
    assert!(!world.path("second").exists() && !world.path("second.partial").exists());
    let made = backup(&["--unrecorded"]);
    assert!(made.status.success(), "{made:?}");
    assert!(String::from_utf8_lossy(&made.stderr).contains("the journal does not say"), "{made:?}");
    let manifest: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&manifest["of"]["by"], &manifest["of"]["act"]), (&"config/cron".into(), &Value::Null));
    drop(held);
    assert_eq!(crate::stage::records(&world.config).pop().unwrap(), last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_damaged_or_a_folder_that_holds_something_is_refused() {
    let world = World::new().await;
    let host = Host::start(&world.config).await.unwrap();
    world.oracle.plan(5);
    world.oracle.push(&host.hook(WECOM), 1, Duration::ZERO).await;
    world.backup("copy");
    let said = |config: &Path, arguments: &[&str]| {
        let output = cli(config, &[arguments, SAID].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let copy = world.path("copy");
    assert!(said(&world.config, &["backup", text(&copy)]).contains("there is something already"));
    assert!(said(&world.config, &["restore", text(&copy)]).contains("a host works on this data folder"));
    host.stop().await.unwrap();
    assert!(said(&world.config, &["restore", text(&copy)]).contains("is there already"));

    let elsewhere = Tenant::default().write(&world.path("there"), &world.on).unwrap();
    let journal = copy.join("journal.db");
    let mut bytes = std::fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    let damaged = said(&elsewhere, &["restore", text(&copy)]);
    assert!(damaged.contains("journal.db: damaged"), "{damaged}");
    assert!(!world.path("there/data/journal.db").exists());
    std::fs::remove_file(copy.join("manifest.json")).unwrap();
    assert!(said(&elsewhere, &["restore", text(&copy)]).contains("this is no whole backup"));

    // A damaged journal is not copied as if it were whole.
    let path = world.config.with_file_name("data").join("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 4096].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let damaged = said(&world.config, &["backup", text(&world.path("second"))]);
    assert!(damaged.contains("damaged"), "{damaged}");
    assert!(!world.path("second").exists() && !world.path("second.partial").exists());
}
