//! `heliu backtest`: what a new version of a policy would have made of the journal, beside the one that is bound.
//!
//! Both versions fold every customer from her first record; nothing is written, and nobody is sent anything. Who is who is
//! as it is now. Only the policy itself is folded where it reads nothing that others give; all of them otherwise.

mod charts;
mod compare;
mod limits;
mod page;
mod report;
mod spent;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::past::At;
use config::Config;
use heliu::shadows;
use heliu::signature::read_component;
use heliu::wiring::{Data, Policies, Shelf};
use model::{Attest, Binding, CustomerId, FoldState, Setup};
use router::{Pair, Side, Trial};
use sandbox::{Grants, Plugin, Sandbox};
use store::{Query, Standing, Store};

use self::compare::Comparison;
use self::limits::Limits;
use self::report::{Measured, Report};
use self::spent::Counted;
use super::act::{Signed, line};
use super::calendar::Zone;
use super::export::range::{Range, bound};
use super::print_json;

#[derive(Debug, clap::Args)]
pub(crate) struct BacktestArguments {
    /// The policy's name in heliu.toml, as it is bound where the store stands.
    #[arg(long)]
    policy: String,
    /// The component to try. The bound one if left out.
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// A file with the settings to try, as JSON. The bound ones if left out.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Intents are compared from here on: a position, or a time with its zone. Tags and stages are those at the end.
    #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
    from: Option<At>,
    /// Fold up to here, itself not included. All that the store has folded if left out.
    #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
    to: Option<At>,
    #[command(flatten)]
    page: Page,
    /// Show times in UTC instead of Beijing time.
    #[arg(long)]
    utc: bool,
}

/// Customers that are compared together.
const PAGE: usize = 1024;

pub(crate) fn run(
    arguments: &BacktestArguments,
    config: &Config,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let data = Data::open(config)?;
    let sandbox = data.sandbox()?;
    let policies = Policies::new(sandbox.clone(), Shelf::new(&data));
    let (standing, state) = data.store.standing()?;
    let Some(old) = state.setup.policies.iter().find(|binding| binding.name == arguments.policy) else {
        let names: Vec<&str> = state.setup.policies.iter().map(|binding| binding.name.as_str()).collect();
        bail!(
            "no policy \"{}\" is bound where the store stands: there are {}",
            arguments.policy,
            names.join(", ")
        );
    };
    let new = candidate(arguments, old, &config.plugins, &sandbox, &policies)?;
    let range = Range::of(&*data.journal, arguments.from, arguments.to)?;
    let upto = upto(&data, arguments.to, range, standing)?;
    let [before, after] = [old, &new].map(|tried| setup(&state.setup, tried, old, &new));

    let limits = Limits::of(config, &sandbox)?;
    let mut comparison = Comparison::new(&old.name, since(&data, range)?, Zone::new(arguments.utc), &limits);
    let began = std::time::Instant::now();
    let counted = Counted::new(&policies, [old, &new]);
    let trial = router::trial(&*data.journal, &*data.store, &counted, &before, &after, upto, &mut |pair| {
        comparison.take(&pair);
    })?;
    let measured = Measured { took: began.elapsed(), spent: counted.spent() };
    let range = range.after + 1..=upto.position;
    let report = Report::new(comparison, &trial, [old, &new], range, upto.fired, Some(measured));
    finish(report, &data, arguments.page.html.as_deref(), Zone::new(arguments.utc), json, out)
}

/// A page for people. It shows customers with what they did, and goes from hand to hand: like an export, it has a record.
#[derive(Debug, clap::Args)]
struct Page {
    /// Write a page for people besides: one file with everything in it, with customers and what they did.
    #[arg(long, value_name = "FILE", requires_all = ["by", "why"])]
    html: Option<PathBuf>,
    /// Who wants the page. Stands in the journal for ever.
    #[arg(long, value_name = "NAME", value_parser = line, requires = "html")]
    by: Option<String>,
    /// What it is wanted for. Stands in the journal for ever.
    #[arg(long, value_name = "TEXT", value_parser = line, requires = "html")]
    why: Option<String>,
}

impl Page {
    fn attests(&self, of: String) -> Option<(Signed, Attest)> {
        let Page { html: Some(_), by: Some(by), why: Some(why) } = self else { return None };
        let signed = Signed { by: by.clone(), why: why.clone() };
        Some((signed, Attest { what: "export".to_owned(), of }))
    }
}

impl BacktestArguments {
    /// What the journal says before a page is written.
    pub(crate) fn attests(&self) -> Option<(Signed, Attest)> {
        self.page.attests(format!("page of a backtest of policy {}", self.policy))
    }
}

impl ShadowArguments {
    /// What the journal says before a page is written.
    pub(crate) fn attests(&self) -> Option<(Signed, Attest)> {
        self.page.attests(format!("page of the shadow of policy {}", self.policy.as_deref().unwrap_or("?")))
    }

    /// Would it come to something?
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.page.html.is_some() && self.policy.is_none() {
            bail!("--html: a page is of one shadow: name its policy");
        }
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShadowArguments {
    /// The policy whose shadow is meant. All that have one if left out.
    #[arg(value_name = "POLICY")]
    policy: Option<String>,
    #[command(flatten)]
    page: Page,
    /// Show times in UTC instead of Beijing time.
    #[arg(long)]
    utc: bool,
}

/// `heliu shadow`: what the version beside a policy makes of everybody, held against what the policy made.
pub(crate) fn shadow(
    arguments: &ShadowArguments,
    config: &Config,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let names = config.policies.iter().filter(|policy| policy.shadow.is_some()).map(|policy| &policy.name);
    let wanted = |name: &&String| arguments.policy.as_ref().is_none_or(|policy| policy == *name);
    let names: Vec<&String> = names.filter(wanted).collect();
    if names.is_empty() {
        match &arguments.policy {
            Some(policy) => bail!("policy \"{policy}\" has no shadow: give it a [policy.shadow]"),
            None => bail!("no policy has a shadow: give one a [policy.shadow]"),
        }
    }
    for name in names {
        shadow_of(name, arguments, config, json, out)?;
    }
    Ok(())
}

fn shadow_of(
    name: &str,
    arguments: &ShadowArguments,
    config: &Config,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let data = Data::open(config)?;
    let Some(beside) = shadows::open(&data, name)? else {
        bail!("policy \"{name}\": its shadow has folded nothing yet: a host that runs does");
    };
    let ((ours, live), (theirs, state)) = (data.store.standing()?, beside.standing()?);
    let find = |state: &FoldState| state.setup.policies.iter().find(|binding| binding.name == name).cloned();
    let (Some(old), Some(new)) = (find(&live), find(&state)) else {
        bail!("policy \"{name}\": it is not bound where its shadow stands, at position {}", theirs.position);
    };
    let zone = Zone::new(arguments.utc);
    let limits = Limits::of(config, &data.sandbox()?)?;
    let mut comparison = Comparison::new(name, 0, zone, &limits);
    let customers = pairs(&*data.store, &beside, &mut |pair| comparison.take(&pair))?;
    let side = |store: &dyn Store, versions: FoldState| -> anyhow::Result<Side> {
        Ok(Side { faults: store.notes("", usize::MAX)?, versions, ..Side::default() })
    };
    let (before, after) = (side(&*data.store, live)?, side(&beside, state)?);
    let trial = Trial { before, after, customers, records: theirs.position };
    let upto = ours.position.min(theirs.position);
    let report = Report::new(comparison, &trial, [&old, &new], 1..=upto, theirs.fired.min(ours.fired), None);
    finish(report, &data, arguments.page.html.as_deref(), zone, json, out)
}

/// Everybody in both stores. They are read one page after the other: a host that runs goes on meanwhile.
fn pairs(ours: &dyn Store, theirs: &dyn Store, take: &mut dyn FnMut(Pair)) -> anyhow::Result<u64> {
    let (mut after, mut customers) = (None, 0);
    loop {
        let page = ours.page(&Query { after, limit: PAGE, ..Query::default() })?;
        let Some(last) = page.last() else { return Ok(customers) };
        after = Some(last.id);
        let ids: Vec<CustomerId> = page.iter().map(|customer| customer.id).collect();
        for (before, after) in page.into_iter().zip(theirs.load(&ids)?) {
            if let Some(after) = after {
                customers += 1;
                take(Pair { before, after });
            }
        }
    }
}

/// The report in the form that was asked for.
fn finish(
    report: Report,
    data: &Data,
    html: Option<&Path>,
    zone: Zone,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let report = report.with_timelines(&*data.journal, &*data.store, zone)?;
    if let Some(path) = html {
        std::fs::write(path, page::write(&report, zone))
            .with_context(|| format!("write {}", path.display()))?;
    }
    if json {
        return print_json(out, &report);
    }
    text::print(&report, zone, out)
}

/// The binding to try in the place of the one that is bound.
fn candidate(
    arguments: &BacktestArguments,
    old: &Binding,
    plugins: &config::Plugins,
    sandbox: &Sandbox,
    policies: &Policies,
) -> anyhow::Result<Binding> {
    let mut new = old.clone();
    if let Some(path) = &arguments.plugin {
        let bytes = read_component(path, plugins)?;
        let admitted = sandbox.admit(&bytes, &Grants::none());
        let plugin = match admitted.with_context(|| path.display().to_string())? {
            Plugin::Policy(plugin) => plugin,
            Plugin::Connector(_) => bail!("{}: a connector; only policies can be tried", path.display()),
        };
        policies.add(&plugin);
        (new.digest, new.descriptor) = (plugin.digest(), plugin.descriptor().clone());
    }
    if let Some(path) = &arguments.settings {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{}: not JSON", path.display()))?;
        new.settings = value.to_string();
    }
    config::check_settings(&new.descriptor.settings_schema, &new.settings)
        .with_context(|| format!("the settings of \"{}\"", new.name))?;
    if (new.digest, &new.settings) == (old.digest, &old.settings) {
        bail!(
            "nothing to compare: give --plugin or --settings that differ from what \"{}\" is bound to",
            new.name
        );
    }
    Ok(new)
}

/// How far both are folded: never behind the store, which says who is who.
fn upto(data: &Data, to: Option<At>, range: Range, standing: Standing) -> anyhow::Result<Standing> {
    if to.is_none() || range.last >= standing.position {
        return Ok(standing);
    }
    let then = match to {
        Some(At::Time(time)) => router::as_of_time(&*data.journal, time.saturating_sub(1))?,
        Some(At::Position(_)) | None => router::as_of_position(&*data.journal, range.last)?,
    };
    Ok(Standing { fired: then.fired.min(standing.fired), ..then })
}

/// The time of the first record of the range.
fn since(data: &Data, range: Range) -> anyhow::Result<u64> {
    use journal::Records as _;
    Ok(if range.after == 0 {
        0
    } else {
        data.journal.read(range.after, 1)?.first().map_or(0, |record| record.now)
    })
}

/// One side: the tried policy alone where neither version reads what others give, all of them otherwise.
fn setup(bound: &Setup, tried: &Binding, old: &Binding, new: &Binding) -> Setup {
    let mut setup = bound.clone();
    for binding in &mut setup.policies {
        if binding.name == tried.name {
            *binding = tried.clone();
        }
    }
    // Its own tags and journeys it gives itself; whatever else it reads may be another policy's.
    let own: Vec<&String> = [old, new]
        .into_iter()
        .flat_map(|of| of.descriptor.tags.iter().chain(&of.descriptor.journeys))
        .collect();
    let mut reads = old.descriptor.reads.iter().chain(&new.descriptor.reads);
    let all = reads.any(|read| !model::is_part_of_turn(read) && !own.iter().any(|own| overlap(read, own)));
    setup.policies.retain(|binding| all || binding.name == tried.name);
    setup
}

/// Can one name match both patterns?
fn overlap(one: &str, other: &str) -> bool {
    let stem = |pattern: &str| pattern.strip_suffix('*').map(str::to_owned);
    match (stem(one), stem(other)) {
        (None, None) => one == other,
        (Some(stem), None) => other.starts_with(&stem),
        (None, Some(stem)) => one.starts_with(&stem),
        (Some(one), Some(other)) => one.starts_with(&other) || other.starts_with(&one),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::overlap;
    use super::report::{IntentRow, Report, Version};
    use super::{page, text};
    use crate::commands::calendar::Zone;

    fn report(intents: Vec<IntentRow>) -> Report {
        let version = || Version {
            title: "t".to_owned(),
            digest: "d".to_owned(),
            settings_digest: "s".to_owned(),
            turns: None,
            took_ms: None,
            dead: BTreeMap::new(),
            told: None,
            fuel: Some(70),
            fuel_a_turn: Some(7),
            tasks: 0,
        };
        Report {
            policy: "p".to_owned(),
            before: version(),
            after: version(),
            from: 1,
            to: 9,
            fired: 0,
            records: 9,
            customers: 1,
            changed: 0,
            tags: Vec::new(),
            stages: Vec::new(),
            intents,
            limits: Vec::new(),
            most_changed: Vec::new(),
            took_ms: None,
            records_per_s: None,
        }
    }

    fn row(day: &str, moved: u64) -> IntentRow {
        let (day, scene) = (day.to_owned(), "moments".to_owned());
        IntentRow { day, scene, before: 4, after: 4, added: 0, dropped: 0, moved }
    }

    fn shown(intents: Vec<IntentRow>) -> (String, String) {
        let (report, mut out) = (report(intents), Vec::new());
        text::print(&report, Zone::new(true), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), page::write(&report, Zone::new(true)))
    }

    #[test]
    fn days_on_which_the_versions_differ_are_listed_and_the_others_are_counted() {
        let (text, page) = shown(vec![row("2026-05-01", 0), row("2026-05-02", 3), row("2026-05-03", 0)]);
        assert!(text.contains("2026-05-02  moments  4 → 4  +0  -0  moved 3"), "{text}");
        assert!(text.contains("the same on both sides: 2 days and scenes, 8 intents in all"), "{text}");
        assert!(!text.contains("2026-05-01"), "{text}");
        assert!(page.contains("<td>2026-05-02</td>") && !page.contains("<td>2026-05-01</td>"), "{page}");
        let (text, page) = shown(vec![row("2026-05-01", 0)]);
        assert!(text.contains("the same on both sides: 1 days"), "{text}");
        assert!(text.contains("70, 7 a turn") && page.contains("70, 7 a turn"), "{text}");
        assert!(page.contains("<svg") && page.contains("The same messages on the same days"), "{page}");
    }

    #[test]
    fn patterns_overlap_where_a_name_matches_both() {
        let cases = [
            ("a:*", "a:b", true),
            ("a:b", "a:*", true),
            ("a:*", "b:*", false),
            ("a*", "ab*", true),
            ("a", "a", true),
            ("a", "b", false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
        }
    }
}
