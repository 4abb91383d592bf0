//! Kills a host again and again, at random moments and at random fail points, under load, and says whether it kept its word.
//!
//! A life of the host: clients push, staff are asked to carry something, and somewhere in it the host dies. Then the next one
//! begins on what the last one left. In the end everything that was not answered is sent again, as a platform would, and
//! [`Oracle::judge`] compares.

mod oracle;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};

pub use oracle::{Oracle, Verdict};

use crate::conservation::sum;
use crate::dice::Dice;
use crate::host::{cli_text, deaths};
use crate::tenant::{WECOM, YOUZAN};
use crate::wecom::{Change, Contact, WecomEvent};
use crate::{Host, Launch, Launched, Platforms, Tenant};

/// The member of staff whom everybody adds.
pub const STAFF: &str = "linshen";

/// Names the dice of the killer among all that hang on one seed.
const DICE_STREAM: u64 = 0x6b69_6c6c;

/// Pushes that wait at the beginning of each life, and how they come: over so many connections, each resting in between, so that there
/// are some at every moment of a life. What is over when the host dies is there for the next.
const PUSHES: u64 = 160;
const LINES: usize = 4;
const PACE: Duration = Duration::from_millis(8);

/// How long a host lives at most that is killed from outside, in milliseconds, and one that is to come to a fail point.
const LIFE_MS: u64 = 600;
const POINT_MAX: Duration = Duration::from_secs(5);

/// How long the end may take: everything is pushed again, folded, and shown.
const END_MAX: Duration = Duration::from_secs(120);

/// The fail points that a life of this kind comes to, and how often it surely does.
const POINTS: &[(&str, u64)] = &[
    ("append-written", 20),
    ("append-done", 20),
    ("answer-owed", 40),
    ("page-read", 2),
    ("page-kept", 2),
    ("chore-worked", 20),
    ("chore-kept", 20),
    ("commit-written", 10),
    ("commit-done", 10),
    (DUE_TOLD, 1),
    (ERRAND_CARRIED, 1),
    (OUTCOME_KEPT, 1),
    (REFOLDED, 1),
    (MIGRATING, 1),
    (MIGRATED, 2),
    (FLOOR_RAISED, 1),
    (CHECKPOINT_BEGUN, 2),
    (CHECKPOINT_DONE, 2),
];
const DUE_TOLD: &str = "due-told";
const ERRAND_CARRIED: &str = "errand-carried";
const OUTCOME_KEPT: &str = "outcome-kept";
const REFOLDED: &str = "page-refolded";
const MIGRATING: &str = "migration-written";
const MIGRATED: &str = "migrated";
const FLOOR_RAISED: &str = "floor-raised";
const CHECKPOINT_BEGUN: &str = "checkpoint-begun";
const CHECKPOINT_DONE: &str = "checkpoint-done";

/// What tells late of a customer whose tags change with the days that have gone since: an alarm is due at once.
const LONG_AGO_S: u64 = 4 * 86_400;

/// What came of it.
#[derive(Debug)]
pub struct Soaked {
    pub verdict: Verdict,
    /// Lives that ended by SIGKILL from outside.
    pub killed: usize,
    /// The fail points at which others did.
    pub died_at: Vec<String>,
    pub took: Duration,
}

/// One run, in a folder of its own.
pub struct Soak {
    dice: Dice,
    config: PathBuf,
    on: Platforms,
    oracle: Oracle,
    life: u64,
    /// Another number is another setup, for which everybody is folded again.
    setting: u64,
    killed: usize,
}

impl Soak {
    pub async fn new(seed: u64, folder: &Path) -> anyhow::Result<Soak> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let on = Platforms::start(u64::try_from(since.as_millis())?).await?;
        let tenant =
            Tenant { clock: "system", carry_again: vec!["tag"], points_again: true, ..Tenant::default() };
        let config = tenant.write(folder, &on)?;
        let oracle = Oracle::new(&on)?;
        let dice = Dice::new(seed, DICE_STREAM);
        Ok(Soak { dice, config, on, oracle, life: 0, setting: 30, killed: 0 })
    }

    /// Lives and dies so often, and is judged. `tell` hears of each life.
    pub async fn run(mut self, kills: u64, tell: impl Fn(&str)) -> anyhow::Result<Soaked> {
        let begun = Instant::now();
        for _ in 0..kills {
            self.live(&tell).await.with_context(|| format!("life {}", self.life))?;
        }
        let verdict = self.end().await.context("after all lives")?;
        let died_at = deaths(&self.config);
        Ok(Soaked { verdict, killed: self.killed, died_at, took: begun.elapsed() })
    }

    async fn live(&mut self, tell: &impl Fn(&str)) -> anyhow::Result<()> {
        self.life += 1;
        let point = self.dice.chance(650).then(|| self.point());
        self.between(point.as_deref())?;
        self.oracle.plan(PUSHES.saturating_sub(self.oracle.open() as u64));
        let comes_to = |point_of: &str| point.as_deref().is_some_and(|at| at.starts_with(point_of));
        if comes_to(FLOOR_RAISED) {
            self.oracle.plan_ago(1, LONG_AGO_S);
        }
        // The logs are copied when a host stops.
        let stops = comes_to(CHECKPOINT_BEGUN) || comes_to(CHECKPOINT_DONE);
        self.on.clock.advance(1_000);
        let (launch, how) = match &point {
            Some(point) => (Launch::to_die(point.as_str()), point.as_str()),
            None => (Launch::default(), "SIGKILL"),
        };
        let before = deaths(&self.config).len();
        let mut host = match Host::launch(&self.config, &launch).await? {
            Launched::Listens(host) => host,
            Launched::Ended(status) => {
                ensure!(deaths(&self.config).len() == before + 1, "the host did not start: {status}");
                tell(&format!("life {}: {how}, before it listened", self.life));
                return Ok(());
            }
        };
        let hook = host.hook(WECOM);
        let oracle = self.oracle.clone();
        let pushing = tokio::spawn(async move { oracle.push(&hook, LINES, PACE).await });
        self.oracle.shop(&host.hook(YOUZAN)).await;
        if stops {
            tokio::time::sleep(Duration::from_millis(self.dice.between(0, LIFE_MS))).await;
            host.signal("TERM")?;
        }
        let lives = match point {
            Some(_) => POINT_MAX,
            None => Duration::from_millis(self.dice.between(0, LIFE_MS)),
        };
        match host.ended(lives).await? {
            Some(status) => {
                ensure!(deaths(&self.config).len() == before + 1, "the host ended by itself: {status}");
            }
            None => {
                self.killed += 1;
                host.kill_now().await?;
            }
        }
        pushing.await?;
        let (open, answered) = (self.oracle.open(), self.oracle.answered().len());
        tell(&format!("life {}: {how}, {answered} answered so far, {open} to send again", self.life));
        Ok(())
    }

    /// Now and then a moment behind it.
    fn point(&mut self) -> String {
        let &(point, times) = self.dice.pick(POINTS);
        let nth = self.dice.between(1, times);
        match self.dice.chance(300) {
            true => format!("{point}:{nth}+{}", self.dice.between(1, 3_000)),
            false => format!("{point}:{nth}"),
        }
    }

    /// What an operator does while no host runs: now and then, and where the host would not come to the point without it.
    fn between(&mut self, point: Option<&str>) -> anyhow::Result<()> {
        let point = point.and_then(|point| point.split(':').next()).unwrap_or_default();
        if self.life % 8 == 2 || [DUE_TOLD, ERRAND_CARRIED, OUTCOME_KEPT].contains(&point) {
            let name = format!("soak-{}", self.life);
            let path = self.config.with_file_name("broadcast.toml");
            let text = format!(
                "name = \"{name}\"\nfilter = 'size(staff) > 0'\n\n[[rendering]]\nscene = \"direct-message\"\n\
                 text = \"{name}\"\n\n[[rendering]]\nscene = \"tag\"\ndetail = {{ add = [\"{name}\"] }}\n"
            );
            std::fs::write(&path, text)?;
            let file = path.to_str().context("a path that is text")?;
            cli_text(&self.config, &["broadcast", "send", file, "--by", "li", "--why", "a soak"])?;
            self.oracle.promise_points(&self.config, &format!("points-{}", self.life))?;
        }
        if self.dice.chance(60) || point == REFOLDED {
            let text = std::fs::read_to_string(&self.config)?;
            // Not 90, which another rule has.
            let (old, new) = (self.setting, 100 + self.life);
            let changed =
                text.replace(&format!("lifetime_days = {old}\n"), &format!("lifetime_days = {new}\n"));
            ensure!(text != changed || old == new, "there is no setting to change");
            std::fs::write(&self.config, changed)?;
            self.setting = new;
        }
        if self.dice.chance(40) || [MIGRATING, MIGRATED].contains(&point) {
            for name in ["store.db", "store.db-wal", "store.db-shm"] {
                let path = self.config.with_file_name("data").join(name);
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn end(&mut self) -> anyhow::Result<Verdict> {
        let host = Host::start(&self.config).await?;
        let patience = tokio::time::Instant::now() + END_MAX;
        while self.oracle.open() > 0 {
            ensure!(tokio::time::Instant::now() < patience, "{} pushes are refused", self.oracle.open());
            self.oracle.push(&host.hook(WECOM), LINES, Duration::ZERO).await;
        }
        let fresh = format!("wmFabLeFresh{:020}", self.life);
        let change = Change::ContactLeft { contact: Contact::new(STAFF, &fresh) };
        let event = WecomEvent { at_s: self.on.clock.now_s(), change };
        let delivery = self.on.wecom.push(&host.hook(WECOM), &event).await?;
        ensure!(delivery.is_accepted(), "a fresh event is not taken: {delivery:?}");
        let corp = &self.on.wecom.config().corp_id;
        let her = format!("customers?handle=wecom.external-userid:{corp}:{fresh}&tag=behaviour:removed-us");
        while host.get(&her).await?["customers"].as_array().is_none_or(Vec::is_empty) {
            ensure!(tokio::time::Instant::now() < patience, "a fresh event does not flow");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while self.oracle.owed() > 0 {
            ensure!(tokio::time::Instant::now() < patience, "{} errands are not carried", self.oracle.owed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What it folds people again for is done too: a host may be stopped in the middle of that, and goes on with it later.
        let position = host.get("digest").await?["position"].as_u64().context("no position")?;
        while (sum(&host.metrics().await?, "heliu_fold_position", &[]) as u64) < position {
            ensure!(tokio::time::Instant::now() < patience, "the fold does not come to rest");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        host.stop().await?;
        self.oracle.judge(&self.config)
    }
}
