//! Rules that have been checked. A rule that cannot work is refused with its name and the key at fault.

use heliu_sdk::policy::fingerprint;
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Deserializer};

use crate::condition::Condition;
use crate::settings::{self, Per, Settings};

/// Before every tag of this policy: its descriptor cannot know the settings, and no other policy's tag is touched.
pub const PREFIX: &str = "behaviour:";

/// Rules of one binding. Each is tried on every fact that is wanted.
const RULES_MAX: usize = 64;
/// Facts that one rule may count. As many instants are remembered.
const AT_LEAST_MAX: u32 = 32;
/// Days of any setting: ten years.
const DAYS_MAX: u32 = 3_653;
/// Bytes of a rule's name, which stands in alarm keys, and of a tag before its value is put in.
const NAME_BYTES_MAX: usize = 64;

/// Orders remembered beyond those that a rule needs: as many may be given back before it counts too few.
const SPARE_ORDERS: usize = 2;

const PLACEHOLDER: &str = "{value}";

/// The settings, checked.
pub struct Rules {
    pub rules: Vec<Rule>,
    pub utc_offset_minutes: i32,
}

pub struct Rule {
    pub name: String,
    /// Stands for the rule in memories.
    pub id: u64,
    tag: String,
    pub when: Condition,
    pub per: Option<Per>,
    pub untag_on: Option<Condition>,
    pub lifetime_ms: Option<u64>,
    pub plan: Plan,
}

/// When the tag comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// As soon as the newest `facts` lie within the time.
    Count { facts: usize, within_ms: Option<u64> },
    /// When there have been so many facts, and then none for the time.
    Silence { facts: usize, for_ms: u64 },
    /// When she joined and did not leave for the time.
    Stay { for_ms: u64 },
}

impl Rule {
    /// The whole tag for a value.
    pub fn tag(&self, value: &str) -> String {
        format!("{PREFIX}{}", self.tag.replace(PLACEHOLDER, value))
    }

    /// How many facts are remembered.
    pub fn capacity(&self) -> usize {
        self.plan.facts() + if self.when.counts_paid_orders() { SPARE_ORDERS } else { 0 }
    }
}

impl Plan {
    /// How many facts it takes.
    pub fn facts(self) -> usize {
        match self {
            Plan::Count { facts, .. } | Plan::Silence { facts, .. } => facts,
            Plan::Stay { .. } => 1,
        }
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rules, D::Error> {
        Rules::check(Settings::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Rules {
    fn check(settings: Settings) -> Result<Rules, String> {
        let Settings { rules, utc_offset_minutes } = settings;
        if !(-720..=840).contains(&utc_offset_minutes) {
            return Err(format!("utc_offset_minutes: {utc_offset_minutes} is no zone; -720 to 840 are"));
        }
        if rules.len() > RULES_MAX {
            return Err(format!("rules: {} of them, and {RULES_MAX} are the most", rules.len()));
        }
        let mut checked: Vec<Rule> = Vec::with_capacity(rules.len());
        for (i, rule) in rules.into_iter().enumerate() {
            check_name(&rule.name).map_err(|why| format!("rules[{i}].name: {why}"))?;
            let name = rule.name.clone();
            if checked.iter().any(|other| other.name == name) {
                return Err(format!("rule {name:?}: name: another rule has it"));
            }
            checked.push(Rule::check(rule).map_err(|why| format!("rule {name:?}: {why}"))?);
        }
        Ok(Rules { rules: checked, utc_offset_minutes })
    }
}

impl Rule {
    fn check(rule: settings::Rule) -> Result<Rule, String> {
        check_tag(&rule.tag, rule.per)?;
        let plan = plan(&rule)?;
        let settings::Rule { name, tag, when, per, lifetime_days, untag_on, .. } = rule;
        let when = Condition::check(when).map_err(|why| format!("when.{why}"))?;
        let untag_on = untag_on.map(Condition::check).transpose().map_err(|why| format!("untag_on.{why}"))?;
        if let Some(per) = per.filter(|&per| !when.tells_apart(per)) {
            return Err(format!("per: {:?} has no {per:?}", when.text()).to_lowercase());
        }
        if matches!(plan, Plan::Stay { .. }) {
            check_stay(&when, per, untag_on.is_some())?;
        }
        let lifetime_ms = days("lifetime_days", lifetime_days)?;
        Ok(Rule { id: fingerprint(&name), name, tag, when, per, untag_on, lifetime_ms, plan })
    }
}

fn check_name(name: &str) -> Result<(), String> {
    match name {
        "" => Err("it is empty".to_owned()),
        name if name.contains('/') => Err(format!("{name:?} has a slash")),
        name if name.len() > NAME_BYTES_MAX => Err(format!("{name:?} is longer than {NAME_BYTES_MAX} bytes")),
        _ => Ok(()),
    }
}

fn check_tag(tag: &str, per: Option<Per>) -> Result<(), String> {
    match (tag, tag.contains(PLACEHOLDER), per) {
        ("", ..) => Err("tag: it is empty".to_owned()),
        (tag, ..) if tag.starts_with(PREFIX) => Err(format!("tag: {PREFIX:?} is put before it anyway")),
        (tag, ..) if tag.len() > NAME_BYTES_MAX => {
            Err(format!("tag: {tag:?} is longer than {NAME_BYTES_MAX} bytes"))
        }
        (tag, ..) if tag.matches(PLACEHOLDER).count() > 1 => {
            Err(format!("tag: {PLACEHOLDER} is in it twice"))
        }
        (_, true, None) => Err(format!("tag: {PLACEHOLDER} needs `per`")),
        (_, false, Some(_)) => {
            Err(format!("tag: `per` needs {PLACEHOLDER} in it, or all would share one tag"))
        }
        _ => Ok(()),
    }
}

fn plan(rule: &settings::Rule) -> Result<Plan, String> {
    let facts = match rule.at_least {
        n @ 1..=AT_LEAST_MAX => n as usize,
        n => return Err(format!("at_least: {n} is not within 1 to {AT_LEAST_MAX}")),
    };
    let within_ms = match (days("within_days", rule.within_days)?, rule.within_ms) {
        (Some(_), Some(_)) => return Err("within_ms: `within_days` is given as well".to_owned()),
        (None, Some(0)) => return Err("within_ms: 0 is no time".to_owned()),
        (days, ms) => days.or(ms),
    };
    match (days("without_days", rule.without_days)?, days("stay_days", rule.stay_days)?) {
        (None, None) => Ok(Plan::Count { facts, within_ms }),
        (Some(_), Some(_)) => Err("stay_days: `without_days` is given as well".to_owned()),
        (Some(_), None) if within_ms.is_some() => {
            Err("without_days: it does not go with `within_days` or `within_ms`".to_owned())
        }
        (Some(for_ms), None) => Ok(Plan::Silence { facts, for_ms }),
        (None, Some(_)) if facts > 1 || within_ms.is_some() => {
            Err("stay_days: it does not go with `at_least`, `within_days` or `within_ms`".to_owned())
        }
        (None, Some(for_ms)) => Ok(Plan::Stay { for_ms }),
    }
}

/// A stay ends by leaving the group that was joined, so the rule must know which one.
fn check_stay(when: &Condition, per: Option<Per>, has_untag_on: bool) -> Result<(), String> {
    if !when.is_joining() {
        return Err("stay_days: it needs `when.fact` to be \"did.joined-group\"".to_owned());
    }
    if has_untag_on {
        return Err("untag_on: a stay ends when she leaves the group".to_owned());
    }
    let one_group = when.groups().len() == 1;
    if per.is_none() && !one_group {
        return Err("stay_days: it needs one `when.group`, or `per` to be \"group\"".to_owned());
    }
    Ok(())
}

fn days(key: &str, days: Option<u32>) -> Result<Option<u64>, String> {
    match days {
        None => Ok(None),
        Some(days @ 1..=DAYS_MAX) => Ok(Some(u64::from(days) * DAY_MS)),
        Some(days) => Err(format!("{key}: {days} is not within 1 to {DAYS_MAX}")),
    }
}
