//! `[courier]`: when what policies intend may be carried to a customer. One place for all policies and channels.

use std::time::Duration;

use courier::{Plan, Retry, Zone};
use model::Outcomes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Value;

use crate::{Problem, duration, section};

mod rules;

pub(crate) use rules::check_names;
pub(crate) use rules::{
    BudgetSection, CapSection, ConsentSection, GapSection, PresetSection, PrioritySection, QuietSection,
    RouteSection, SuppressSection,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CourierSection {
    /// The time zone of days, nights and windows, by its IANA name. `"Asia/Shanghai"` if left out.
    zone: String,
    /// Scenes that a rule covers only where it names them, because a customer does not notice them. `welcome` always is
    /// one. `["tag", "points", "staff-task"]` if left out.
    apart: Vec<String>,
    /// From the cause of a welcome to when it is of no use. `"20s"` if left out: WeCom's own limit.
    welcome_expires_after: String,
    /// The end of an intent that names none, from its cause or from its `not-before`. `"30d"` if left out.
    expires_after: String,
    retry: Option<Value>,
    outcomes: Option<Value>,
    preset: Vec<Value>,
    cap: Vec<Value>,
    gap: Vec<Value>,
    quiet: Vec<Value>,
    budget: Vec<Value>,
    consent: Vec<Value>,
    suppress: Vec<Value>,
    priority: Vec<Value>,
    route: Vec<Value>,
}

impl Default for CourierSection {
    fn default() -> CourierSection {
        CourierSection {
            zone: "Asia/Shanghai".to_owned(),
            apart: ["tag", "points", "staff-task"].map(str::to_owned).to_vec(),
            welcome_expires_after: "20s".to_owned(),
            expires_after: "30d".to_owned(),
            retry: None,
            outcomes: None,
            preset: Vec::new(),
            cap: Vec::new(),
            gap: Vec::new(),
            quiet: Vec::new(),
            budget: Vec::new(),
            consent: Vec::new(),
            suppress: Vec::new(),
            priority: Vec::new(),
            route: Vec::new(),
        }
    }
}

/// `[courier.retry]`: how patient we are with a connection that says *later*.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetrySection {
    /// The pause after the first failure; each is twice the one before. `"30s"` if left out.
    first: String,
    /// No pause is longer, unless the connection asks for one. `"1h"` if left out.
    longest: String,
    /// So many tries in all. 20 if left out.
    tries: u32,
}

impl Default for RetrySection {
    fn default() -> RetrySection {
        RetrySection { first: "30s".to_owned(), longest: "1h".to_owned(), tries: 20 }
    }
}

/// `[courier.outcomes]`: what the host takes for a customer's answer, where no channel says so. Without it, nothing is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OutcomesSection {
    /// A message to the connection that carried it, so long after it reached her at most. No message, if left out.
    replied: Option<String>,
    /// An order that she paid, so long after it reached her at most. No order, if left out.
    bought: Option<String>,
    /// Only to these scenes. To all but `remark` and those apart, if left out.
    scenes: Vec<String>,
}

/// What else is configured, that rules may name.
pub(crate) struct Names<'a> {
    pub(crate) connections: Vec<&'a str>,
    pub(crate) policies: Vec<&'a str>,
}

/// A problem and which part of the section it is in.
pub(crate) struct Misplaced {
    pub(crate) section: String,
    pub(crate) problem: Problem,
}

impl CourierSection {
    pub(crate) fn resolve(self, names: &Names<'_>) -> Result<Plan, Misplaced> {
        let CourierSection {
            zone,
            apart,
            welcome_expires_after,
            expires_after,
            retry,
            outcomes,
            preset,
            cap,
            gap,
            quiet,
            budget,
            consent,
            suppress,
            priority,
            route,
        } = self;
        let here = |problem| Misplaced { section: "[courier]".to_owned(), problem };
        let zone = known_zone("zone", &zone).map_err(here)?;
        rules::check_names("apart", &apart).map_err(here)?;
        let welcome = ms("welcome_expires_after", &welcome_expires_after).map_err(here)?;
        let lifetime = ms("expires_after", &expires_after).map_err(here)?;
        let retry = retry.map_or_else(|| Ok(RetrySection::default()), section::read);
        let retry = retry.and_then(RetrySection::resolve);
        let retry = retry.map_err(|problem| Misplaced { section: "[courier.retry]".to_owned(), problem })?;
        let outcomes = outcomes.map_or_else(|| Ok(OutcomesSection::default()), section::read);
        let outcomes = outcomes.and_then(|section| section.resolve(&apart));
        let outcomes =
            outcomes.map_err(|problem| Misplaced { section: "[courier.outcomes]".to_owned(), problem })?;
        let mut caps = list("preset", preset, PresetSection::resolve)?;
        caps.extend(list("cap", cap, |cap: CapSection| cap.resolve(&zone))?);
        Ok(Plan {
            apart,
            welcome_lifetime_ms: welcome,
            lifetime_ms: lifetime,
            caps,
            gaps: list("gap", gap, GapSection::resolve)?,
            quiet: list("quiet", quiet, |quiet: QuietSection| quiet.resolve(&zone))?,
            budgets: list("budget", budget, BudgetSection::resolve)?,
            consents: list("consent", consent, ConsentSection::resolve)?,
            suppressions: list("suppress", suppress, SuppressSection::resolve)?,
            priorities: list("priority", priority, |rule: PrioritySection| rule.resolve(names))?,
            preferences: list("route", route, |rule: RouteSection| rule.resolve(names))?,
            retry,
            outcomes,
            zone,
        })
    }
}

impl RetrySection {
    fn resolve(self) -> Result<Retry, Problem> {
        let RetrySection { first, longest, tries } = self;
        let (first_ms, longest_ms) = (ms("first", &first)?, ms("longest", &longest)?);
        if longest_ms < first_ms {
            return Err(Problem::wrong(
                "longest",
                format!("\"{longest}\" is shorter than first = \"{first}\""),
            ));
        }
        if tries == 0 {
            return Err(Problem::wrong("tries", "0 tries would carry nothing: write 1 or more"));
        }
        Ok(Retry { first_ms, longest_ms, tries_max: tries })
    }
}

/// The scene that staff see, and she does not.
const REMARK: &str = "remark";

impl OutcomesSection {
    fn resolve(self, apart: &[String]) -> Result<Outcomes, Problem> {
        let OutcomesSection { replied, bought, scenes } = self;
        rules::check_names("scenes", &scenes)?;
        let replied_ms = replied.map(|text| ms("replied", &text)).transpose()?;
        let bought_ms = bought.map(|text| ms("bought", &text)).transpose()?;
        if replied_ms.is_none() && bought_ms.is_none() {
            if scenes.is_empty() {
                return Ok(Outcomes::default());
            }
            let reason = "alone says nothing: give replied = \"…\" or bought = \"…\", too";
            return Err(Problem::wrong("scenes", reason));
        }
        let mut apart = apart.to_vec();
        if !apart.iter().any(|scene| scene == REMARK) {
            apart.push(REMARK.to_owned());
        }
        Ok(Outcomes { replied_ms, bought_ms, scenes, apart })
    }
}

/// Reads each part of a list; an error names it by its place.
fn list<S: DeserializeOwned, T>(
    name: &str,
    values: Vec<Value>,
    resolve: impl Fn(S) -> Result<T, Problem>,
) -> Result<Vec<T>, Misplaced> {
    let each = values.into_iter().enumerate().map(|(place, value)| {
        let section = || format!("[[courier.{name}]] number {}:", place + 1);
        let read = section::read(value).and_then(&resolve);
        read.map_err(|problem| Misplaced { section: section(), problem })
    });
    each.collect()
}

fn known_zone(key: &str, name: &str) -> Result<Zone, Problem> {
    let reason = || format!("\"{name}\" is not a time zone: write an IANA name, like \"Asia/Shanghai\"");
    Zone::named(name).ok_or_else(|| Problem::wrong(key, reason()))
}

fn ms(key: &str, text: &str) -> Result<u64, Problem> {
    let parsed: Duration = duration::parse(text).map_err(|reason| Problem::wrong(key, reason))?;
    u64::try_from(parsed.as_millis()).map_err(|_| Problem::wrong(key, format!("\"{text}\" is too long")))
}
