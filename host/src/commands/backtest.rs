//! `heliu backtest`: what a new version of a policy would have made of the journal, beside the one that is bound.
//!
//! Both versions fold every customer from her first record; nothing is written, and nobody is sent anything. Who is who is
//! as it is now. Only the policy itself is folded where it reads nothing that others give; all of them otherwise.

mod charts;
mod compare;
mod ledgers;
mod limits;
#[cfg(test)]
mod made;
mod page;
mod report;
mod shadow;
mod spent;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use api::past::At;
use config::Config;
use heliu::signature::read_component;
use heliu::wiring::{Data, Policies, Shelf};
use journal::Records as _;
use model::{Attest, Binding, Instant, Position, Setup};
use sandbox::{Grants, Plugin, Sandbox};
use store::{Standing, Store as _};

use self::compare::{Comparison, Terms};
use self::ledgers::Ledgers;
use self::limits::Limits;
use self::report::{Compared, Measured, Report};
pub(crate) use self::shadow::{ShadowArguments, shadow};
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
    let upto = upto(&data, arguments.to, range.last, standing)?;
    let [before, after] = [old, &new].map(|tried| setup(&state.setup, tried, old, &new));

    let (limits, zone) = (Limits::of(config, &sandbox)?, Zone::new(arguments.utc));
    let since = since(&data, arguments.from)?;
    let terms = Terms { binding: &old.name, since, zone, limits: &limits, named: report::named(json) };
    let mut ledgers = Ledgers::new(&*data.store, Comparison::new(terms));
    let began = std::time::Instant::now();
    let counted = Counted::new(&policies, [old, &new]);
    let trial = router::trial(&*data.journal, &*data.store, &counted, &before, &after, upto, &mut |pair| {
        ledgers.take(pair);
    })?;
    let comparison = ledgers.end()?;
    let measured = Measured { took: began.elapsed(), spent: counted.spent() };
    let range = range.after + 1..=upto.position;
    let compared = Compared { bindings: [old, &new], range, since, fired: upto.fired, standings: None };
    let report = Report::new(comparison, &trial, compared, Some(measured));
    finish(report, &data, arguments.page.html.as_deref(), zone, json, out)
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
fn upto(data: &Data, to: Option<At>, last: Position, standing: Standing) -> anyhow::Result<Standing> {
    let then = match to {
        None => return Ok(standing),
        Some(At::Position(_)) if last >= standing.position => return Ok(standing),
        Some(At::Position(_)) => router::as_of_position(&*data.journal, last)?,
        // Alarms fire by then, also those behind the last record.
        Some(At::Time(time)) => router::as_of_time(&*data.journal, time.saturating_sub(1))?,
    };
    let Standing { position, fired } = then;
    // The store has come to the time of its last record, whether an alarm fired by the clock since or not.
    let come_to = router::as_of_position(&*data.journal, standing.position)?.fired.max(standing.fired);
    Ok(Standing { position: position.min(standing.position), fired: fired.min(come_to) })
}

/// From when on what is decided counts.
fn since(data: &Data, from: Option<At>) -> anyhow::Result<Instant> {
    match from {
        None | Some(At::Position(0)) => Ok(0),
        Some(At::Time(time)) => Ok(time),
        Some(At::Position(position)) => {
            let head = data.journal.head()?.position;
            if position > head {
                bail!("--from: there is no record at position {position}: the last one is at {head}");
            }
            Ok(data.journal.fetch(&[position])?.first().map_or(0, |record| record.now))
        }
    }
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
mod tests;
