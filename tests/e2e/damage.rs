//! Files that are damaged, missing or of another time: the start is refused, the file named, and nothing made in its place.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::brand::START_MS;
use tests::host::{cli, cli_json, cli_text, log};
use tests::soak::Oracle;
use tests::tenant::WECOM;
use tests::{Host, Launch, Launched, Platforms, Tenant};

struct World {
    config: PathBuf,
    oracle: Oracle,
    _on: Platforms,
    _folder: tempfile::TempDir,
}

impl World {
    /// A host that took some events, and still runs.
    async fn with(events: u64) -> (World, Host) {
        let on = Platforms::start(START_MS).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = Tenant::default().write(folder.path(), &on).unwrap();
        let oracle = Oracle::new(&on).unwrap();
        crate::stage::warm(&config).await;
        let host = Host::start(&config).await.unwrap();
        oracle.plan(events);
        oracle.push(&host.hook(WECOM), 8, Duration::ZERO).await;
        assert_eq!(oracle.open(), 0);
        host.advance(START_MS + 1).await.unwrap();
        (World { config, oracle, _on: on, _folder: folder }, host)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.config.with_file_name("data").join(name)
    }

    /// The start is refused: what the host said.
    async fn refused(&self) -> String {
        let before = log(&self.config);
        match Host::launch(&self.config, &Launch::default()).await.unwrap() {
            Launched::Listens(_) => panic!("the host started"),
            Launched::Ended(status) => assert_eq!(status.code(), Some(1), "{status}"),
        }
        log(&self.config)[before.len()..].to_owned()
    }
}

/// Overwrites a page, as a broken disk does.
fn spoil(path: &Path, page: u64) {
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(page * 4096)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
}

fn pages(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len() / 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_named_at_the_start_and_left_as_it_is() {
    let (world, host) = World::with(300).await;
    host.stop().await.unwrap();
    for name in ["journal.db", "store.db"] {
        let path = world.data(name);
        let whole = std::fs::read(&path).unwrap();
        for page in [0, pages(&path) / 2, pages(&path) - 1] {
            spoil(&path, page);
            let spoilt = std::fs::read(&path).unwrap();
            let said = world.refused().await;
            assert!(said.contains(name) && said.contains("damaged"), "{name}, page {page}: {said}");
            assert!(std::fs::read(&path).unwrap() == spoilt, "{name}, page {page}: it was written to");
            std::fs::write(&path, &whole).unwrap();
        }
    }
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
    world.oracle.judge(&world.config).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_gone_is_not_made_again() {
    let (world, host) = World::with(10).await;
    host.stop().await.unwrap();
    let (path, aside) = (world.data("journal.db"), world.data("aside.db"));
    std::fs::rename(&path, &aside).unwrap();
    let said = world.refused().await;
    assert!(said.contains("journal.db is missing"), "{said}");
    assert!(!path.exists());
    // Not by a command that reads, either.
    assert!(!cli(&world.config, &["digest"]).unwrap().status.success());
    assert!(!path.exists());
    // Nor is one that was emptied taken for a new one, with or without a store.
    std::fs::write(&path, "").unwrap();
    let said = world.refused().await;
    assert!(said.contains("journal.db: damaged: it is empty"), "{said}");
    let store = world.data("store.aside");
    std::fs::rename(world.data("store.db"), &store).unwrap();
    let said = world.refused().await;
    assert!(said.contains("journal.db: damaged: it is empty"), "{said}");
    std::fs::remove_file(&path).unwrap();
    let said = world.refused().await;
    assert!(said.contains("journal.db is missing"), "{said}");
    std::fs::rename(&store, world.data("store.db")).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
    world.oracle.judge(&world.config).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_gone_is_folded_again_and_that_is_said() {
    let (world, host) = World::with(10).await;
    host.stop().await.unwrap();
    let before = cli_json(&world.config, &["digest"]).unwrap();
    std::fs::remove_file(world.data("store.db")).unwrap();
    let host = Host::start(&world.config).await.unwrap();
    host.advance(START_MS + 2).await.unwrap();
    host.stop().await.unwrap();
    assert!(log(&world.config).contains("store.db is new"), "{}", log(&world.config));
    assert_eq!(cli_json(&world.config, &["digest"]).unwrap()["digest"], before["digest"]);
    cli_text(&world.config, &["rebuild", "--check"]).unwrap();
}

/// A write-ahead log is part of its file. Without the journal's, what was answered last is gone, and the store knows of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_its_log_is_refused_and_a_store_without_its_own_catches_up() {
    let (world, host) = World::with(10).await;
    // Killed, so that the logs are not copied into the files.
    host.kill().await.unwrap();
    let (log, aside) = (world.data("journal.db-wal"), world.data("aside"));
    std::fs::rename(&log, &aside).unwrap();
    let said = world.refused().await;
    assert!(said.contains("journal.db: damaged: it is empty"), "{said}");
    std::fs::rename(&aside, &log).unwrap();
    // A stop copies them; what comes after is in the logs alone.
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
    let host = Host::start(&world.config).await.unwrap();
    world.oracle.plan(5);
    world.oracle.push(&host.hook(WECOM), 1, Duration::ZERO).await;
    host.advance(START_MS + 3).await.unwrap();
    host.kill().await.unwrap();
    std::fs::rename(&log, &aside).unwrap();
    let said = world.refused().await;
    assert!(said.contains("journal ends at"), "{said}");
    drop(std::fs::remove_file(world.data("journal.db-shm")));
    std::fs::rename(&aside, &log).unwrap();
    std::fs::remove_file(world.data("store.db-wal")).unwrap();
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
    world.oracle.judge(&world.config).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_on_the_same_folder_does_not_start() {
    let (world, host) = World::with(1).await;
    let said = world.refused().await;
    assert!(said.contains("another host works on this data folder"), "{said}");
    host.get("plugins").await.unwrap();
    host.kill().await.unwrap();
    // A dead one holds nothing.
    Host::start(&world.config).await.unwrap().stop().await.unwrap();
}
