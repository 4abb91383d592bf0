//! The lists of `[courier]`: each rule as it stands in the file, and as the courier gets it.
//!
//! `scenes`, `except` and `channels` say the same in each: which scenes (all, where left out), which not, and on which
//! connections or channels (all, where left out). A trailing `*` of a name stands for any ending.

use courier::{
    Budget, Calendar, Cap, Consent, Gap, Limit, Of, PRESETS, Preference, Preset, Priority, Quiet, Scope,
    Step, Suppression, Then, TimeOfDay, Window, Zone,
};
use serde::Deserialize;
use toml::Value;

use super::{Names, known_zone, ms};
use crate::Problem;

const DAY_MS: u64 = 86_400_000;
/// `at_most` of a month.
const DAYS_OF_MONTH: &str = "days-of-month";

/// A rule of a platform's, by name. What is given besides overrides it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PresetSection {
    name: String,
    at_most: Option<Value>,
    each: Option<String>,
    zone: Option<String>,
    scenes: Option<Vec<String>>,
    channels: Option<Vec<String>>,
}

/// At most so many to one customer in each window.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CapSection {
    /// For reasons.
    name: Option<String>,
    #[serde(default)]
    scenes: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    channels: Vec<String>,
    /// A number, or `"days-of-month"`.
    at_most: Value,
    /// `"day"`, `"week"` (from Monday) or `"month"` of the calendar, or any stretch of a length, like `"36h"`.
    each: String,
    /// Of the calendar. That of `[courier]` if left out.
    zone: Option<String>,
}

/// At least so long between two to one customer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GapSection {
    #[serde(default)]
    scenes: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    channels: Vec<String>,
    at_least: String,
}

/// Nothing is carried between two times of the day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietSection {
    #[serde(default)]
    scenes: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    channels: Vec<String>,
    from: String,
    /// Not later than `from`: of the next day.
    to: String,
    /// That of `[courier]` if left out.
    zone: Option<String>,
}

/// How many an account may send a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetSection {
    #[serde(default)]
    scenes: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    channels: Vec<String>,
    /// `"connection"`, or `"staff"`: each member of staff in each connection.
    of: Whose,
    /// From the account's so many-th day on (the first is 0), so many a day.
    steps: Vec<StepSection>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    Connection,
    Staff,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepSection {
    day: u32,
    at_most: u32,
}

/// What a customer must have said, or must not: what does not meet it is dropped.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentSection {
    #[serde(default)]
    scenes: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    /// A trait that must be true.
    needs_trait: Option<String>,
    /// A tag that she must have.
    needs_tag: Option<String>,
    /// Tags that she must not have.
    #[serde(default)]
    forbids_tags: Vec<String>,
}

/// Nothing about a thing for a while after she bought of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuppressSection {
    #[serde(default)]
    scenes: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    /// What the intent is about: its content's category, kind, id. Each that is given must match.
    category: Option<String>,
    kind: Option<String>,
    id: Option<String>,
    /// The categories that count as bought. The content's own if left out.
    bought: Option<String>,
    /// `"bought"`.
    #[serde(default)]
    after: Cause,
    days: u32,
    /// `"drop"`, or `"hold"` until it is over. `"drop"` if left out.
    #[serde(default)]
    then: Outcome,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cause {
    #[default]
    Bought,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    #[default]
    Drop,
    Hold,
}

/// Who goes first where there is place for fewer. The first rule that matches holds; 0 where none does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrioritySection {
    #[serde(default)]
    scenes: Vec<String>,
    /// Names of `[[policy]]`. All if left out.
    #[serde(default)]
    policies: Vec<String>,
    /// Higher goes first.
    priority: i32,
}

/// Which connection plays a scene, where several could. The first rule that matches holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSection {
    #[serde(default)]
    scenes: Vec<String>,
    /// Names of `[[connection]]`, the best first.
    prefer: Vec<String>,
}

/// A star anywhere else than at the end would be a letter, which nobody means.
pub(crate) fn check_names(key: &str, names: &[String]) -> Result<(), Problem> {
    names.iter().try_for_each(|name| check_pattern(key, name))
}

fn check_pattern(key: &str, name: &str) -> Result<(), Problem> {
    let start = name.strip_suffix('*').unwrap_or(name);
    if name.is_empty() {
        Err(Problem::wrong(key, "has an empty name: write one, or leave the key out for all"))
    } else if start.contains('*') {
        Err(Problem::wrong(key, format!("\"{name}\": a star stands at the end of a name and nowhere else")))
    } else {
        Ok(())
    }
}

fn scope(scenes: Vec<String>, except: Vec<String>, channels: Vec<String>) -> Result<Scope, Problem> {
    check_names("scenes", &scenes)?;
    check_names("except", &except)?;
    check_names("channels", &channels)?;
    Ok(Scope { scenes, except, channels })
}

fn window(text: &str) -> Result<Window, Problem> {
    match text {
        "day" => Ok(Window::Calendar(Calendar::Day)),
        "week" => Ok(Window::Calendar(Calendar::Week)),
        "month" => Ok(Window::Calendar(Calendar::Month)),
        length => match ms("each", length) {
            Ok(ms) => Ok(Window::Sliding(ms)),
            Err(_) => {
                let reason =
                    format!("\"{text}\" is no window: write day, week, month or a length, like \"36h\"");
                Err(Problem::wrong("each", reason))
            }
        },
    }
}

fn limit(value: &Value) -> Result<Limit, Problem> {
    let count = value.as_integer().and_then(|count| u32::try_from(count).ok()).filter(|&count| count > 0);
    match count {
        Some(count) => Ok(Limit::Count(count)),
        None if value.as_str() == Some(DAYS_OF_MONTH) => Ok(Limit::DaysOfMonth),
        None => {
            let reason = format!("{value} is no limit: write a number from 1 on, or \"{DAYS_OF_MONTH}\"");
            Err(Problem::wrong("at_most", reason))
        }
    }
}

fn fitting(limit: Limit, window: Window) -> Result<(), Problem> {
    if limit == Limit::DaysOfMonth && window != Window::Calendar(Calendar::Month) {
        let reason = format!("at_most = \"{DAYS_OF_MONTH}\" goes with each = \"month\" alone");
        return Err(Problem::wrong("each", reason));
    }
    Ok(())
}

fn own_zone(name: Option<String>, courier: &Zone) -> Result<Zone, Problem> {
    name.map_or_else(|| Ok(courier.clone()), |name| known_zone("zone", &name))
}

impl PresetSection {
    pub(crate) fn resolve(self) -> Result<Cap, Problem> {
        let PresetSection { name, at_most, each, zone, scenes, channels } = self;
        let Some(preset) = Preset::named(&name) else {
            let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            let reason = format!("\"{name}\" is no preset: known are {}", known.join(", "));
            return Err(Problem::wrong("name", reason));
        };
        let mut cap = preset.cap();
        if let Some(at_most) = at_most {
            cap.limit = limit(&at_most)?;
        }
        if let Some(each) = each {
            cap.window = window(&each)?;
        }
        fitting(cap.limit, cap.window)?;
        cap.zone = own_zone(zone, &cap.zone)?;
        let Scope { scenes: preset_scenes, except, channels: preset_channels } = cap.scope;
        cap.scope = scope(scenes.unwrap_or(preset_scenes), except, channels.unwrap_or(preset_channels))?;
        Ok(cap)
    }
}

impl CapSection {
    pub(crate) fn resolve(self, zone: &Zone) -> Result<Cap, Problem> {
        let CapSection { name, scenes, except, channels, at_most, each, zone: own } = self;
        let (limit, window) = (limit(&at_most)?, window(&each)?);
        fitting(limit, window)?;
        Ok(Cap { name, scope: scope(scenes, except, channels)?, limit, window, zone: own_zone(own, zone)? })
    }
}

impl GapSection {
    pub(crate) fn resolve(self) -> Result<Gap, Problem> {
        let GapSection { scenes, except, channels, at_least } = self;
        Ok(Gap { scope: scope(scenes, except, channels)?, ms: ms("at_least", &at_least)? })
    }
}

impl QuietSection {
    pub(crate) fn resolve(self, zone: &Zone) -> Result<Quiet, Problem> {
        let QuietSection { scenes, except, channels, from, to, zone: own } = self;
        let time = |key: &str, text: &str| {
            let reason = || format!("\"{text}\" is no time of day: write one like \"22:00\"");
            TimeOfDay::parse(text).ok_or_else(|| Problem::wrong(key, reason()))
        };
        let (from, to) = (time("from", &from)?, time("to", &to)?);
        if from == to {
            let reason = format!("\"{to}\" is `from` again: a day without end would carry nothing at all");
            return Err(Problem::wrong("to", reason));
        }
        Ok(Quiet { scope: scope(scenes, except, channels)?, from, to, zone: own_zone(own, zone)? })
    }
}

impl BudgetSection {
    pub(crate) fn resolve(self) -> Result<Budget, Problem> {
        let BudgetSection { scenes, except, channels, of, steps } = self;
        let steps: Vec<_> =
            steps.into_iter().map(|StepSection { day, at_most }| Step { day, budget: at_most }).collect();
        if steps.is_empty() {
            let reason = "has no step: write at least `steps = [{ day = 0, at_most = 200 }]`";
            return Err(Problem::wrong("steps", reason));
        }
        if let Some(pair) = steps.windows(2).find(|pair| pair[0].day >= pair[1].day) {
            let reason = format!(
                "day {} stands behind day {}: write them in ascending order",
                pair[1].day, pair[0].day
            );
            return Err(Problem::wrong("steps", reason));
        }
        let of = match of {
            Whose::Connection => Of::Connection,
            Whose::Staff => Of::Staff,
        };
        Ok(Budget { scope: scope(scenes, except, channels)?, of, steps })
    }
}

impl ConsentSection {
    pub(crate) fn resolve(self) -> Result<Consent, Problem> {
        let ConsentSection { scenes, except, needs_trait, needs_tag, forbids_tags } = self;
        if needs_trait.is_none() && needs_tag.is_none() && forbids_tags.is_empty() {
            let mend =
                "write needs_trait, needs_tag or forbids_tags: without one of them the rule says nothing";
            return Err(Problem::MissingKey { key: "needs_trait".to_owned(), mend: mend.to_owned() });
        }
        check_names("forbids_tags", &forbids_tags)?;
        needs_tag.iter().try_for_each(|tag| check_pattern("needs_tag", tag))?;
        Ok(Consent { scope: scope(scenes, except, Vec::new())?, needs_trait, needs_tag, forbids_tags })
    }
}

impl SuppressSection {
    pub(crate) fn resolve(self) -> Result<Suppression, Problem> {
        let SuppressSection { scenes, except, category, kind, id, bought, after, days, then } = self;
        let Cause::Bought = after;
        if category.is_none() && kind.is_none() && id.is_none() {
            let mend = "write category, kind or id: what must the intent be about? `category = \"*\"` is whatever she bought";
            return Err(Problem::MissingKey { key: "category".to_owned(), mend: mend.to_owned() });
        }
        for (key, pattern) in [("category", &category), ("kind", &kind), ("id", &id), ("bought", &bought)] {
            pattern.iter().try_for_each(|pattern| check_pattern(key, pattern))?;
        }
        if days == 0 {
            return Err(Problem::wrong("days", "0 days suppress nothing: write 1 or more"));
        }
        let then = match then {
            Outcome::Drop => Then::Drop,
            Outcome::Hold => Then::Hold,
        };
        let ms = u64::from(days) * DAY_MS;
        Ok(Suppression { scope: scope(scenes, except, Vec::new())?, category, kind, id, bought, ms, then })
    }
}

impl PrioritySection {
    pub(crate) fn resolve(self, names: &Names<'_>) -> Result<Priority, Problem> {
        let PrioritySection { scenes, policies, priority } = self;
        check_names("scenes", &scenes)?;
        known("policies", "policy", &policies, &names.policies)?;
        Ok(Priority { scenes, policies, priority })
    }
}

impl RouteSection {
    pub(crate) fn resolve(self, names: &Names<'_>) -> Result<Preference, Problem> {
        let RouteSection { scenes, prefer } = self;
        check_names("scenes", &scenes)?;
        known("prefer", "connection", &prefer, &names.connections)?;
        Ok(Preference { scenes, connections: prefer })
    }
}

fn known(key: &str, kind: &str, named: &[String], known: &[&str]) -> Result<(), Problem> {
    match named.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let there = if known.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            Err(Problem::wrong(key, format!("\"{name}\" is no {kind} of this file: {there}")))
        }
    }
}
