//! Writes that fail, and writes in the middle of which the host is killed.

use std::time::Duration;

use tests::brand::START_MS;
use tests::host::log;
use tests::soak::Oracle;
use tests::tenant::WECOM;
use tests::{Host, Launched, Platforms, Tenant};

use super::disk::{ANY, DEATH, Disk, Fault, IO, NO_SPACE, READ_ONLY};

const PATIENCE: Duration = Duration::from_secs(120);

struct World {
    on: Platforms,
    config: std::path::PathBuf,
    oracle: Oracle,
    disk: Disk,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let on = Platforms::start(START_MS).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = Tenant { clock: "system", ..Tenant::default() }.write(folder.path(), &on).unwrap();
        let oracle = Oracle::new(&on).unwrap();
        World { on, config, oracle, disk: Disk::new(), _folder: folder }
    }

    async fn warm() -> World {
        let world = World::new().await;
        crate::stage::warm(&world.config).await;
        world
    }

    async fn start(&self) -> Host {
        match Host::launch(&self.config, &self.disk.launch()).await.unwrap() {
            Launched::Listens(host) => host,
            Launched::Ended(status) => panic!("{status}: {}", log(&self.config)),
        }
    }

    /// Sends what is open once. Gives the statuses of the answers.
    async fn push(&self, host: &Host) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..self.oracle.open() {
            statuses.extend(self.oracle.push_one(&host.hook(WECOM)).await);
        }
        statuses
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_read_only_or_broken_costs_no_answer_and_work_goes_on() {
    let world = World::warm().await;
    let host = world.start().await;
    for errno in [NO_SPACE, READ_ONLY, IO] {
        for kinds in ["w", "s"] {
            world.oracle.plan(3);
            world.disk.fail(Fault { errno, kinds, first: 1, every: 1, of: "journal.db-wal" });
            assert_eq!(world.push(&host).await, [503; 3], "errno {errno} of {kinds}");
            world.disk.mend();
            assert_eq!(world.push(&host).await, [200; 3], "errno {errno} of {kinds}, mended");
        }
    }
    host.kill().await.unwrap();
    world.start().await.stop().await.unwrap();
    world.oracle.judge(&world.config).unwrap();
}

/// The journal goes on where only the store's disk fails; the fold says so, and goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_rests_and_catches_up() {
    let world = World::warm().await;
    let host = world.start().await;
    world.disk.fail(Fault { errno: NO_SPACE, kinds: "w", first: 1, every: 1, of: "store.db-wal" });
    world.oracle.plan(5);
    assert_eq!(world.push(&host).await, [200; 5]);
    health(&host, 503).await;
    world.disk.mend();
    health(&host, 200).await;
    host.stop().await.unwrap();
    world.oracle.judge(&world.config).unwrap();
}

/// Waits until the host says so of itself.
async fn health(host: &Host, status: u16) {
    let client = tests::web::client(PATIENCE).unwrap();
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = client.get(format!("{}/healthz", host.address())).send().await.unwrap();
        let now = answer.status().as_u16();
        let view: serde_json::Value = answer.json().await.unwrap();
        if now == status && (status != 200 || view["folded"] == view["position"]) {
            return;
        }
        assert!(tokio::time::Instant::now() < patience, "{now} and not {status}: {view}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whatever single call it is that fails, of whichever file, and however many follow it.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_at_any_call_costs_at_most_the_answers_under_way() {
    let world = World::warm().await;
    let mut host = world.start().await;
    let mut refused = 0;
    for first in 1..=40 {
        world.oracle.plan(2);
        world.disk.fail(Fault { errno: IO, kinds: "wst", first, every: 0, of: ANY });
        let statuses = world.push(&host).await;
        assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?} at call {first}");
        refused += statuses.iter().filter(|status| **status == 503).count();
        world.disk.mend();
        if first % 10 == 0 {
            host.kill().await.unwrap();
            host = world.start().await;
        }
    }
    assert!(refused > 3, "only {refused} were refused: the disk did not fail where it matters");
    for every in [3, 40, 100] {
        world.disk.fail(Fault { errno: IO, kinds: "wst", first: 1, every, of: ANY });
        world.oracle.plan(20);
        world.push(&host).await;
        world.disk.mend();
    }
    while world.oracle.open() > 0 {
        assert!(world.push(&host).await.contains(&200), "the disk is mended");
    }
    host.stop().await.unwrap();
    world.oracle.judge(&world.config).unwrap();
}

/// What stands on the disk cannot be read, or no file of it opened, while the host works.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_be_read_costs_at_most_the_answers_under_way() {
    let world = World::warm().await;
    let mut refused = 0;
    for (first, every) in [(1, 0), (1, 1), (2, 3), (5, 7)] {
        // A host that starts has nothing of the files at hand.
        let host = world.start().await;
        world.oracle.plan(4);
        world.disk.fail(Fault { errno: IO, kinds: "ro", first, every, of: ANY });
        let statuses = world.push(&host).await;
        assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?} at call {first}");
        refused += statuses.iter().filter(|status| **status == 503).count();
        // Whoever looks is told, and not of somebody else.
        drop(host.get("customers").await);
        world.disk.mend();
        while world.oracle.open() > 0 {
            world.push(&host).await;
        }
        health(&host, 200).await;
        host.stop().await.unwrap();
        world.oracle.judge(&world.config).unwrap();
    }
    let said = log(&world.config);
    assert!(refused > 0 || said.contains("I/O"), "no call failed where it matters:\n{said}");
}

/// It was so before the host came: it says which file, makes nothing in its place, and starts once the disk is mended.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_from_the_start_is_named_and_nothing_is_made_anew() {
    let world = World::warm().await;
    let host = world.start().await;
    world.oracle.plan(5);
    assert_eq!(world.push(&host).await, [200; 5]);
    host.stop().await.unwrap();
    for kinds in ["o", "r"] {
        for of in ["journal.db", "store.db"] {
            let before = log(&world.config).len();
            world.disk.fail(Fault { errno: IO, kinds, first: 1, every: 1, of });
            let launched = Host::launch(&world.config, &world.disk.launch()).await.unwrap();
            let Launched::Ended(status) = launched else { panic!("it starts: {kinds} of {of}") };
            let said = &log(&world.config)[before..];
            assert_eq!(status.code(), Some(1), "{said}");
            assert!(said.contains(of), "{kinds} of {of}: {said}");
            world.disk.mend();
            world.start().await.stop().await.unwrap();
            world.oracle.judge(&world.config).unwrap();
        }
    }
}

/// A power cut in the middle of a write leaves half of it, in the log or, at a checkpoint, in the file itself.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_write_is_no_write() {
    let world = World::warm().await;
    let mut ends = 0;
    for (of, firsts) in [
        ("journal.db-wal", [1, 2, 3, 8, 21]),
        ("store.db-wal", [1, 2, 3, 8, 21]),
        ("journal.db", [1, 2, 9, 300, 2_000]),
    ] {
        for first in firsts {
            let mut host = world.start().await;
            world.oracle.plan(4);
            world.disk.fail(Fault { errno: DEATH, kinds: "w", first, every: 0, of });
            let hook = host.hook(WECOM);
            // To the journal's file itself nothing is written until its log is long.
            let long = format!("<xml><Event>{}", "x".repeat(600 << 10));
            let patience = tokio::time::Instant::now() + PATIENCE;
            while host.ended(Duration::from_millis(1)).await.unwrap().is_none() {
                assert!(tokio::time::Instant::now() < patience, "no write {first} to {of}");
                world.oracle.plan(1);
                world.oracle.push_one(&hook).await;
                if of == "journal.db" {
                    drop(world.on.wecom.push_xml(&hook, &long).await);
                }
            }
            ends += 1;
            world.disk.mend();
            let host = world.start().await;
            while world.oracle.open() > 0 {
                world.push(&host).await;
            }
            host.stop().await.unwrap();
            world
                .oracle
                .judge(&world.config)
                .unwrap_or_else(|error| panic!("{of}, write {first}: {error:#}"));
        }
    }
    assert_eq!(ends, 15);
}

/// What a name stands for is durable with the name: the folder is synced, too.
#[tokio::test(flavor = "multi_thread")]
async fn files_and_the_folders_that_name_them_are_synced_before_an_answer() {
    let world = World::new().await;
    world.disk.trace();
    let host = world.start().await;
    world.oracle.plan(1);
    let before = world.disk.synced().len();
    assert_eq!(world.push(&host).await, [200]);
    let synced = world.disk.synced();
    let data = world.config.with_file_name("data").canonicalize().unwrap();
    let is_synced = |path: &std::path::Path| synced.iter().any(|synced| synced == path);
    assert!(is_synced(data.parent().unwrap()), "the name of the data folder: {synced:?}");
    assert!(is_synced(&data), "the names of the databases: {synced:?}");
    assert!(is_synced(&data.join("plugins")), "the names of the components: {synced:?}");
    let components = synced.iter().filter(|path| path.starts_with(data.join("plugins"))).count();
    let shelf = std::fs::read_dir(data.join("plugins")).unwrap().count();
    assert!(components > shelf, "{components} syncs for {shelf} components and their folder");
    let of_the_answer = &synced[before..];
    assert!(of_the_answer.contains(&data.join("journal.db-wal")), "the answer itself: {of_the_answer:?}");
    host.stop().await.unwrap();
}
