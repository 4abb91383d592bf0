//! Journal to committed store, with three policies in the sandbox: after the append, and beside it.

use std::sync::Arc;
use std::time::Instant;

use journal::{Batch, Records};
use model::{Binding, Entry, Position, Setup, Turn, Verdict};
use router::{Folded, Plugins, PluginsError, Router, RouterConfig, TurnOutcome};
use sqlite::{SqliteJournal, SqliteStore};

use crate::events::Stream;
use crate::figure::{Figure, peak_rss_mib};
use crate::{Bench, appending, policies};

const SMALL: u64 = 100_000;

pub fn small(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    fold(bench, SMALL)
}

pub fn large(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    fold(bench, bench.events)
}

/// One event in twenty makes two customers one, whose pasts are folded again.
const MERGING_EVERY: u64 = 20;

/// A journal in which customers turn out to be one, beside one in which nobody does.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub fn merging(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let mut rates = Vec::new();
    for (name, every) in [("plain", 0), ("merging", MERGING_EVERY)] {
        let (plugins, setup) = policies::bind(bench)?;
        let journal = begin(bench, &format!("{name}.journal.db"), &setup)?;
        appending::append_of(&*journal, bench.events, Stream::merging(bench.customers, every), |_| {})?;
        let mut router = router(bench, &format!("{name}.store.db"), plugins, journal)?;
        let started = Instant::now();
        let folded = router.catch_up(Position::MAX)?;
        rates.push(folded.records as f64 / started.elapsed().as_secs_f64());
    }
    let name = |what: &str| format!("fold_merging_{}_{what}", short(bench.events));
    Ok(vec![
        Figure::new(name("per_s"), rates[1], "events/s, one in twenty a merge"),
        Figure::new(name("vs_plain"), rates[1] / rates[0], "of a journal without merges"),
    ])
}

/// Two versions of a policy that reads and remembers little, over a journal: what a backtest does.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub fn backtest(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (plugins, mut setup) = policies::bind(bench)?;
    let journal = begin(bench, "journal.db", &setup)?;
    appending::append(&*journal, bench.events, bench.customers, |_| {})?;
    let mut router = router(bench, "store.db", Arc::new(Silent), Arc::clone(&journal))?;
    router.catch_up(Position::MAX)?;
    let store = SqliteStore::open(&bench.path("store.db"))?;
    setup.policies.retain(|binding| binding.name == "recency");
    let upto = router.standing();
    let run = |plugins: &dyn Plugins| {
        let started = Instant::now();
        let trial = router::trial(&*journal, &store, plugins, &setup, &setup, upto, &mut |_| {})?;
        Ok::<_, anyhow::Error>((trial, started.elapsed().as_secs_f64()))
    };
    let (trial, seconds) = run(&*plugins)?;
    let (_, silent) = run(&Silent)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) as f64;
    let rate = trial.records as f64 / seconds;
    Ok(vec![
        Figure::new("backtest_per_s", rate, "events/s through two versions"),
        Figure::new("backtest_per_core_per_s", rate / cores, "events/s for each core, both versions"),
        Figure::new("backtest_vs_silent", silent / seconds, "of policies that say nothing"),
    ])
}

/// Policies that are asked and say nothing: what the fold takes without them is their limit.
struct Silent;

impl Plugins for Silent {
    fn evaluate(&self, _: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let nothing = || TurnOutcome::Verdict(Verdict { decisions: Vec::new(), memory: None });
        Ok(turns.iter().map(|_| nothing()).collect())
    }
}

/// The rate of the large fold beside that of the small one, if both were measured.
pub fn ratio(figures: &[Figure], events: u64) -> Option<Figure> {
    let rate =
        |events| figures.iter().find(|figure| figure.name == rate_name(events)).map(|figure| figure.value);
    let (large, small) = (rate(events)?, rate(SMALL)?);
    let name = format!("fold_{}_vs_{}", short(events), short(SMALL));
    (events != SMALL).then(|| Figure::new(name, large / small, "of the rate"))
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn fold(bench: &Bench, events: u64) -> anyhow::Result<Vec<Figure>> {
    let (plugins, setup) = policies::bind(bench)?;
    let journal = begin(bench, "journal.db", &setup)?;
    appending::append(&*journal, events, bench.customers, |_| {})?;
    let run = |store: &str, plugins: Arc<dyn Plugins>| {
        let mut router = router(bench, store, plugins, Arc::clone(&journal))?;
        let started = Instant::now();
        let folded = router.catch_up(Position::MAX)?;
        Ok::<_, anyhow::Error>((folded, started.elapsed().as_secs_f64()))
    };
    let (Folded { records, turns }, seconds) = run("store.db", plugins)?;
    let peak = peak_rss_mib()?;
    let (_, limit) = run("silent.db", Arc::new(Silent))?;
    let mut figures = vec![
        Figure::new(rate_name(events), records as f64 / seconds, "events/s"),
        Figure::new(format!("turns_{}_per_s", short(events)), turns as f64 / seconds, "turns/s"),
        Figure::new(
            format!("fold_{}_vs_silent", short(events)),
            limit / seconds,
            "of policies that say nothing",
        ),
    ];
    if events == bench.events {
        figures.push(Figure::new("peak_rss_mib", peak, "MiB"));
    }
    Ok(figures)
}

/// From the first append to the last committed store, both at once: what two cores do for a host under load.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub fn flow(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let (plugins, setup) = policies::bind(bench)?;
    let journal = begin(bench, "journal.db", &setup)?;
    let mut router = router(bench, "store.db", plugins, Arc::clone(&journal))?;
    let (news_in, news) = std::sync::mpsc::channel();
    let started = Instant::now();
    let (events, customers) = (bench.events, bench.customers);
    let appending = std::thread::spawn(move || {
        appending::append(&*journal, events, customers, |done| {
            // Nobody listens any more only when the fold has failed.
            let _ = news_in.send(done);
        })
    });
    // As the host's folder does: it looks when something was appended, and then folds all that is there.
    while news.recv().is_ok() {
        while news.try_recv().is_ok() {}
        router.catch_up(Position::MAX)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    appending.join().map_err(|_| anyhow::anyhow!("the appending thread panicked"))??;
    anyhow::ensure!(router.standing().position == events + 1, "not everything was folded");
    let name = format!("flow_{}_per_s", short(events));
    Ok(vec![
        Figure::new(name, events as f64 / seconds, "events/s"),
        Figure::new("flow_peak_rss_mib", peak_rss_mib()?, "MiB"),
    ])
}

fn begin(bench: &Bench, name: &str, setup: &Setup) -> anyhow::Result<Arc<SqliteJournal>> {
    let journal = SqliteJournal::open(&bench.path(name))?;
    let entries = vec![Entry::Setup(setup.clone())];
    journal.append(&[Batch { now: 1, entries, ..Batch::default() }])?;
    Ok(Arc::new(journal))
}

fn router(
    bench: &Bench,
    name: &str,
    plugins: Arc<dyn Plugins>,
    journal: Arc<SqliteJournal>,
) -> anyhow::Result<Router> {
    let store = Arc::new(SqliteStore::open(&bench.path(name))?);
    Ok(Router::open(journal, store, plugins, RouterConfig::default())?)
}

fn rate_name(events: u64) -> String {
    format!("fold_{}_per_s", short(events))
}

fn short(events: u64) -> String {
    match events {
        events if events.is_multiple_of(1_000_000) => format!("{}m", events / 1_000_000),
        events if events.is_multiple_of(1000) => format!("{}k", events / 1000),
        events => events.to_string(),
    }
}
