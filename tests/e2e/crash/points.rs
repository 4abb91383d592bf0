//! Each fail point: a host comes to it and dies there, and the next one makes good what was begun.

use std::path::Path;
use std::time::Duration;

use failpoint::Point;
use tests::brand::START_MS;
use tests::host::{cli_text, deaths};
use tests::soak::Oracle;
use tests::tenant::{WECOM, YOUZAN};
use tests::{Host, Launch, Launched, Platforms, Tenant};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// A machine that does other things may take long to come to a point.
const POINT_MAX: Duration = Duration::from_secs(120);

/// What has to happen for a host to come there.
enum Needs {
    /// A store, or a new folder, whose tables are to be made.
    OldTables,
    Pushes,
    /// Pushes, and time: chores and feeds are due.
    Minute,
    /// So much time that tags end.
    Days,
    /// Another setup.
    Setting,
    /// Something to carry, and time.
    Errand,
    /// So many bytes that the log is copied.
    Bytes,
}

fn needs(point: Point) -> Needs {
    match point {
        Point::MigrationWritten | Point::Migrated => Needs::OldTables,
        Point::AppendWritten
        | Point::AppendDone
        | Point::AnswerOwed
        | Point::CommitWritten
        | Point::CommitDone => Needs::Pushes,
        Point::PageRead | Point::PageKept | Point::ChoreWorked | Point::ChoreKept => Needs::Minute,
        Point::FloorRaised => Needs::Days,
        Point::PageRefolded => Needs::Setting,
        Point::DueTold | Point::ErrandCarried | Point::OutcomeKept => Needs::Errand,
        Point::CheckpointBegun | Point::CheckpointDone => Needs::Bytes,
    }
}

/// A host and all who deal with it, from death to death.
struct World {
    on: Platforms,
    config: std::path::PathBuf,
    oracle: Oracle,
    now: u64,
    number: u64,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let on = Platforms::start(START_MS).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tenant = Tenant { carry_again: vec!["tag"], points_again: true, ..Tenant::default() };
        let config = tenant.write(folder.path(), &on).unwrap();
        let oracle = Oracle::new(&on).unwrap();
        crate::stage::warm(&config).await;
        World { on, config, oracle, now: START_MS, number: 0, _folder: folder }
    }

    /// Dies at the point, and does it all again in a host that lives.
    async fn through(&mut self, point: Point, at: &str) {
        self.number += 1;
        self.prepare(point);
        let before = deaths(&self.config).len();
        let launched = Host::launch(&self.config, &Launch::to_die(at)).await.unwrap();
        match launched {
            Launched::Listens(mut host) => {
                // Whatever of it is answered with an error is answered by the death.
                let acting = self.act(point, &host).await;
                let ended = host.ended(POINT_MAX).await.unwrap();
                assert!(ended.is_some(), "{at} was not reached; acting gave {acting:?}");
            }
            Launched::Ended(_) => {}
        }
        let died = deaths(&self.config);
        assert_eq!(died.len(), before + 1, "{at}: the host ended, and not there: {died:?}");
        assert_eq!(died.last().map(String::as_str), Some(point.name()));

        let host = Host::start(&self.config).await.unwrap();
        while self.oracle.open() > 0 {
            assert_eq!(self.oracle.push_one(&host.hook(WECOM)).await, Some(200), "after {at}");
        }
        self.advance(&host, MINUTE_MS).await.unwrap();
        // Somebody is known in the shop from the first life on.
        while self.oracle.shop(&host.hook(YOUZAN)).await < 2 {}
        host.stop().await.unwrap();
        self.oracle.judge(&self.config).unwrap_or_else(|error| panic!("after {at}: {error:#}"));
    }

    /// What is done while no host runs.
    fn prepare(&mut self, point: Point) {
        self.oracle.plan(3);
        let data = self.config.with_file_name("data");
        match needs(point) {
            Needs::OldTables => {
                for name in ["store.db", "store.db-wal", "store.db-shm"] {
                    drop(std::fs::remove_file(data.join(name)));
                }
                let schema = usize::try_from(self.number).unwrap() % sqlite::older::store_schemas();
                if data.join("journal.db").exists() && schema > 0 {
                    sqlite::older::store(&data.join("store.db"), schema);
                }
            }
            Needs::Setting => {
                let text = std::fs::read_to_string(&self.config).unwrap();
                let other = text.replace("lifetime_days = 30\n", "lifetime_days = 31\n");
                assert_ne!(text, other);
                std::fs::write(&self.config, other).unwrap();
            }
            Needs::Errand => self.broadcast(),
            Needs::Pushes | Needs::Minute | Needs::Days | Needs::Bytes => {}
        }
    }

    fn broadcast(&self) {
        let (file, name) = (self.config.with_file_name("broadcast.toml"), format!("point-{}", self.number));
        let text = format!(
            "name = \"{name}\"\nfilter = 'size(staff) > 0'\n\n[[rendering]]\nscene = \"direct-message\"\n\
             text = \"{name}\"\n"
        );
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        cli_text(&self.config, &["broadcast", "send", file, "--by", "li", "--why", "a test"]).unwrap();
        self.oracle.promise_points(&self.config, &format!("points-{}", self.number)).unwrap();
    }

    /// Leads the host there.
    async fn act(&mut self, point: Point, host: &Host) -> anyhow::Result<()> {
        let hook = host.hook(WECOM);
        self.oracle.push(&hook, 1, Duration::ZERO).await;
        match needs(point) {
            Needs::OldTables | Needs::Pushes | Needs::Setting => Ok(()),
            Needs::Minute | Needs::Errand => self.advance(host, MINUTE_MS).await,
            Needs::Days => self.advance(host, 4 * DAY_MS).await,
            Needs::Bytes => self.flood(&hook).await,
        }
    }

    async fn advance(&mut self, host: &Host, by_ms: u64) -> anyhow::Result<()> {
        self.now += by_ms;
        self.on.clock.reach(self.now);
        host.advance(self.now).await.map(drop)
    }

    /// What is authentic and not understood is kept as it came, however long it is.
    async fn flood(&self, hook: &str) -> anyhow::Result<()> {
        let long = format!("<xml><Event>{}", "x".repeat(600 << 10));
        for _ in 0..80 {
            self.on.wecom.push_xml(hook, &long).await?;
        }
        Ok(())
    }
}

/// The first time that a host comes to a point, and where that can be, the second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_at_any_fail_point_loses_nothing_and_does_nothing_twice() {
    let mut world = World::new().await;
    for &point in Point::ALL {
        world.through(point, point.name()).await;
    }
    for &point in Point::ALL {
        if matches!(needs(point), Needs::Pushes | Needs::Minute | Needs::Errand) {
            world.through(point, &format!("{}:2", point.name())).await;
        }
    }
    let host = Host::start(&world.config).await.unwrap();
    world.advance(&host, DAY_MS).await.unwrap();
    host.stop().await.unwrap();
    assert_eq!(world.oracle.owed(), 0, "each errand of points is booked, whatever died meanwhile");
    let verdict = world.oracle.judge(&world.config).unwrap();
    assert!(verdict.points >= 8, "{verdict:?}");
}

/// Whatever it is that its tables are brought through.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_journal_whose_migration_breaks_off_anywhere_is_brought_up_to_date_by_the_next_start() {
    let world = World::new().await;
    let host = Host::start(&world.config).await.unwrap();
    world.oracle.plan(3);
    world.oracle.push(&host.hook(WECOM), 1, Duration::ZERO).await;
    host.stop().await.unwrap();
    let path = world.config.with_file_name("data").join("journal.db");
    let steps = sqlite::older::journal_schemas();
    for schema in 1..steps {
        for point in [Point::MigrationWritten, Point::Migrated] {
            // The store has its tables: the journal alone comes to the point.
            for nth in 1..=steps - schema {
                let before = deaths(&world.config).len();
                sqlite::older::journal(&path, schema);
                let at = format!("{}:{nth}", point.name());
                match Host::launch(&world.config, &Launch::to_die(&at)).await.unwrap() {
                    Launched::Listens(_) => panic!("schema {schema}, {at} was not reached"),
                    Launched::Ended(_) => assert_eq!(deaths(&world.config).len(), before + 1, "{at}"),
                }
                world.oracle.plan(1);
                let host = Host::start(&world.config).await.unwrap();
                world.oracle.push(&host.hook(WECOM), 1, Duration::ZERO).await;
                host.stop().await.unwrap();
                world.oracle.judge(&world.config).unwrap_or_else(|error| panic!("after {at}: {error:#}"));
            }
        }
    }
}

/// From the first file of a new folder to its first answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_breaks_off_anywhere_is_made_good_by_the_next() {
    for point in [
        Point::MigrationWritten,
        Point::Migrated,
        Point::AppendWritten,
        Point::AppendDone,
        Point::CommitWritten,
    ] {
        for nth in 1..=2 {
            let on = Platforms::start(START_MS).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let config = Tenant::default().write(folder.path(), &on).unwrap();
            crate::stage::warm(&config).await;
            let launch = Launch::to_die(format!("{}:{nth}", point.name()));
            match Host::launch(&config, &launch).await.unwrap() {
                Launched::Listens(host) => host.kill_now().await.unwrap(),
                Launched::Ended(_) => assert_eq!(deaths(&config), [point.name()]),
            }
            goes_on(&config, &on).await;
        }
    }
}

async fn goes_on(config: &Path, on: &Platforms) {
    let oracle = Oracle::new(on).unwrap();
    oracle.plan(2);
    let host = Host::start(config).await.unwrap();
    oracle.push(&host.hook(WECOM), 1, Duration::ZERO).await;
    assert_eq!(oracle.open(), 0);
    host.stop().await.unwrap();
    oracle.judge(config).unwrap();
}
