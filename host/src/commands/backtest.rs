//! `heliu backtest`: what a new version of a policy would have made of the journal, beside the one that is bound.
//!
//! Both versions fold every customer from her first record; nothing is written, and nobody is sent anything. Who is who is
//! as it is now. Only the policy itself is folded where it reads nothing that others give; all of them otherwise.

mod charts;
mod compare;
mod limits;
mod page;
mod report;
mod text;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use api::past::At;
use config::Config;
use heliu::signature::read_component;
use heliu::wiring::{Data, Policies, Shelf};
use model::{Binding, Setup};
use sandbox::{Grants, Plugin, Sandbox};
use store::{Standing, Store as _};

use self::compare::Comparison;
use self::limits::Limits;
use self::report::Report;
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
    /// Write a page for people besides: one file with everything in it.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
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
    let upto = upto(&data, arguments.to, range, standing)?;
    let [before, after] = [old, &new].map(|tried| setup(&state.setup, tried, old, &new));

    let limits = Limits::of(config, &sandbox)?;
    let mut comparison = Comparison::new(&old.name, since(&data, range)?, Zone::new(arguments.utc), &limits);
    let began = std::time::Instant::now();
    let trial = router::trial(&*data.journal, &*data.store, &policies, &before, &after, upto, &mut |pair| {
        comparison.take(&pair);
    })?;
    let report = Report::new(
        comparison,
        &trial,
        [old, &new],
        range.after + 1..=upto.position,
        upto.fired,
        began.elapsed(),
    );
    if let Some(path) = &arguments.html {
        let timelines = report.timelines(&*data.journal, &*data.store, Zone::new(arguments.utc))?;
        let page = page::write(&report, &timelines, Zone::new(arguments.utc));
        std::fs::write(path, page).with_context(|| format!("write {}", path.display()))?;
    }
    if json {
        return print_json(out, &report);
    }
    let timelines = report.timelines(&*data.journal, &*data.store, Zone::new(arguments.utc))?;
    text::print(&report, &timelines, Zone::new(arguments.utc), out)
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
    use journal::Journal as _;
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
    let all = reads.any(|read| read != EXTRA && !own.iter().any(|own| overlap(read, own)));
    setup.policies.retain(|binding| all || binding.name == tried.name);
    setup
}

/// The entry of `reads` that stands for what a channel said beyond an event.
const EXTRA: &str = "extra";

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
    use super::overlap;

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
