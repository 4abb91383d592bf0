//! `heliu shadow`: what the version beside a policy made of the live journal, held against what the policy made of it.

use std::io::Write;

use anyhow::bail;
use config::Config;
use heliu::shadows;
use heliu::wiring::Data;
use model::{Attest, CustomerId, FoldState};
use router::{Pair, Side, Trial};
use store::{Query, Standing, Store};

use super::compare::{Comparison, Terms};
use super::limits::Limits;
use super::report::{Behind, Compared, Report, Standings, named};
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
    // The shadow first: it follows the other, and is never ahead.
    let ((theirs, state), (ours, live)) = (beside.standing()?, data.store.standing()?);
    let find = |state: &FoldState| state.setup.policies.iter().find(|binding| binding.name == name).cloned();
    let (Some(old), Some(new)) = (find(&live), find(&state)) else {
        bail!("policy \"{name}\": it is not bound where its shadow stands, at position {}", theirs.position);
    };
    let (limits, zone) = (Limits::of(config, &data.sandbox()?)?, Zone::new(arguments.utc));
    let terms = Terms { binding: name, since: 0, zone, limits: &limits, named: named(json) };
    let mut comparison = Comparison::new(terms);
    let customers = pairs(&*data.store, &beside, &mut |pair| comparison.take(&pair, &pair.before.intents))?;
    let side = |store: &dyn Store, versions: FoldState| -> anyhow::Result<Side> {
        Ok(Side { faults: store.notes("", usize::MAX)?, versions, ..Side::default() })
    };
    let (before, after) = (side(&*data.store, live)?, side(&beside, state)?);
    let trial = Trial { before, after, customers, records: theirs.position };
    let standings = standings([ours, theirs], [data.store.standing()?.0, beside.standing()?.0]);
    let (range, fired) = (1..=ours.position.min(theirs.position), ours.fired.min(theirs.fired));
    let compared = Compared { bindings: [&old, &new], range, since: 0, fired, standings: Some(standings) };
    let report = Report::new(comparison, &trial, compared, None);
    finish(report, &data, arguments.page.html.as_deref(), zone, json, out)
}

/// Where the live store and that of the shadow stood before they were read, and whether they were still there afterwards.
fn standings([live, shadow]: [Standing; 2], after: [Standing; 2]) -> Standings {
    let behind = Behind {
        records: live.position.saturating_sub(shadow.position),
        fired_ms: live.fired.saturating_sub(shadow.fired),
    };
    Standings {
        live: live.into(),
        shadow: shadow.into(),
        behind: (live != shadow).then_some(behind),
        went_on: after.map(|store| store.position) != [live.position, shadow.position],
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_is_behind_by_records_or_by_alarms_and_stores_that_go_on_are_told() {
        let at = |position, fired| Standing { position, fired };
        let behind = |live, shadow| standings([live, shadow], [live, shadow]).behind;
        assert_eq!(behind(at(9, 70), at(9, 70)), None);
        assert_eq!(behind(at(9, 70), at(4, 20)), Some(Behind { records: 5, fired_ms: 50 }));
        assert_eq!(behind(at(9, 70), at(9, 20)), Some(Behind { records: 0, fired_ms: 50 }));
        let went_on = |after| standings([at(9, 70), at(9, 70)], after).went_on;
        assert!(!went_on([at(9, 70), at(9, 70)]));
        assert!(!went_on([at(9, 90), at(9, 80)]), "the clock alone");
        assert!(went_on([at(10, 70), at(9, 70)]) && went_on([at(9, 70), at(10, 70)]));
        let matters = |live, shadow| behind(live, shadow).is_some_and(Behind::matters);
        assert!(matters(at(9, 70), at(8, 70)) && matters(at(9, 70_000), at(9, 10_000)));
        assert!(!matters(at(9, 70_000), at(9, 69_000)), "it looks every second");
    }
}
