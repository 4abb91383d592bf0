//! `heliu shadow`: what the version beside a policy made of the live journal, held against what the policy made of it.

use std::io::Write;

use anyhow::bail;
use config::Config;
use heliu::shadows;
use heliu::wiring::Data;
use model::{Attest, CustomerId, FoldState};
use router::{Pair, Side, Trial};
use store::{Query, Store};

use super::compare::Comparison;
use super::limits::Limits;
use super::report::Report;
use super::{Page, finish};
use crate::commands::act::Signed;
use crate::commands::calendar::Zone;

/// Customers that are compared together.
const PAGE: usize = 1024;

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
