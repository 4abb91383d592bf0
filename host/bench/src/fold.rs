//! Journal to committed store: appends, then the fold with real policies in the real sandbox.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use heliu::wiring::{Policies, Shelf};
use journal::{Batch, Journal};
use model::{Binding, Entry, Record, Setup};
use router::{Router, RouterConfig};
use sandbox::{Grants, Plugin, Sandbox, SandboxConfig};
use sqlite::{SqliteJournal, SqliteStore};

use crate::Figure;
use crate::events::Stream;

/// Events in one append: what gathers under load.
const BATCH: u64 = 1000;

/// The settings under which each policy is measured.
const POLICIES: [(&str, &str); 2] = [
    ("behaviour-tags", include_str!("settings/behaviour-tags.json")),
    ("repurchase", include_str!("settings/repurchase.json")),
];

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn all(folder: &Path, plugins: &Path, events: u64) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut figure =
        |name: String, value: f64, unit: &'static str| figures.push(Figure { name, value, unit });

    let journal = Arc::new(SqliteJournal::open(&folder.join("journal.db"))?);
    let policies = Arc::new(Policies::new(sandbox(folder)?, Shelf::at(folder)));
    let setup = setup(plugins, &sandbox(folder)?, &policies)?;
    let now = 1;
    journal.append(&[Batch { now, entries: vec![Entry::Setup(setup)], ..Batch::default() }])?;

    let (rate, bytes) = append(&*journal, events)?;
    figure("append_per_s".to_owned(), rate, "events/s");
    let raw = sqlite::raw_inserts(&folder.join("raw.db"), events, BATCH, bytes)?;
    figure("append_vs_sqlite".to_owned(), rate / raw, "of raw inserts with the same index");

    let store = Arc::new(SqliteStore::open(&folder.join("store.db"))?);
    let mut router = Router::open(journal, store, policies, RouterConfig::default())?;
    let started = Instant::now();
    let folded = router.catch_up(u64::MAX)?;
    let seconds = started.elapsed().as_secs_f64();
    figure(format!("fold_{}_per_s", short(events)), folded.records as f64 / seconds, "events/s");
    figure("turns_per_s".to_owned(), folded.turns as f64 / seconds, "turns/s");
    figure("peak_rss_mib".to_owned(), peak_rss_mib()?, "MiB");
    Ok(figures)
}

fn short(events: u64) -> String {
    match events {
        events if events.is_multiple_of(1_000_000) => format!("{}m", events / 1_000_000),
        events if events.is_multiple_of(1000) => format!("{}k", events / 1000),
        events => events.to_string(),
    }
}

fn sandbox(folder: &Path) -> anyhow::Result<Sandbox> {
    Ok(Sandbox::new(SandboxConfig { cache_dir: Some(folder.join("cache")), ..SandboxConfig::default() })?)
}

fn setup(plugins: &Path, sandbox: &Sandbox, policies: &Policies) -> anyhow::Result<Setup> {
    let bind = |(name, settings): (&str, &str)| {
        let path = plugins.join(format!("{name}.wasm"));
        let bytes = std::fs::read(&path)
            .with_context(|| format!("read {}: `cargo xtask plugins` builds it", path.display()))?;
        let Plugin::Policy(policy) = sandbox.admit(&bytes, &Grants::none())? else {
            bail!("{} is not a policy", path.display());
        };
        policies.add(&policy);
        let descriptor = policy.descriptor().clone();
        let (name, settings) = (name.to_owned(), settings.to_owned());
        Ok(Binding { name, digest: policy.digest(), settings, descriptor, carry: false })
    };
    let policies = POLICIES.into_iter().map(bind).collect::<anyhow::Result<_>>()?;
    Ok(Setup { policies, schemes: Vec::new(), phone_country: "86".to_owned() })
}

/// Events a second, and the bytes of a record.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn append(journal: &dyn Journal, events: u64) -> anyhow::Result<(f64, usize)> {
    let mut stream = Stream::new(events / 10);
    let (mut done, mut seconds) = (0, 0.0);
    while done < events {
        let (now, entries) = stream.batch(BATCH.min(events - done));
        done += entries.len() as u64;
        let batch = Batch { now, entries, ..Batch::default() };
        let started = Instant::now();
        journal.append(&[batch])?;
        seconds += started.elapsed().as_secs_f64();
    }
    let sample = journal.read(1, 1000)?;
    let bytes: usize = sample.iter().map(|record| wire::to_bytes::<Record>(record).len()).sum();
    Ok((events as f64 / seconds, bytes / sample.len().max(1)))
}

/// The most memory that this process ever held.
fn peak_rss_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("read the peak of memory")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc/self/status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
