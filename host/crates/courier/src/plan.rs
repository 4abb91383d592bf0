//! What the operator says about carrying, as data: one place for all policies and all channels.
//!
//! Plain values; `config` reads them from `heliu.toml` and checks them there.

use model::{Content, Instant, Outcomes, WELCOME, name_matches};

use crate::zone::Calendar;
use crate::{Retry, Zone};

/// WeCom's `WelcomeCode` can be used once, within 20 s of the event that brought it.
const WELCOME_LIFETIME_MS: u64 = 20_000;
/// A policy that names no end did not think of one; a month later nobody expects the message.
const LIFETIME_MS: u64 = 30 * 86_400_000;

/// Everything that the operator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Days of budgets are counted in it, and reasons name their times in it.
    pub zone: Zone,
    /// Scenes beside `welcome` that a rule covers only where it names them exactly: what a customer does not notice, and
    /// so what takes nobody's place.
    pub apart: Vec<String>,
    /// From the cause of a `welcome` to when it is of no use, in milliseconds.
    pub welcome_lifetime_ms: u64,
    /// The end of an intent that names none, in milliseconds from its cause, or from its `not-before` where that is later.
    pub lifetime_ms: u64,
    pub caps: Vec<Cap>,
    pub gaps: Vec<Gap>,
    pub quiet: Vec<Quiet>,
    pub budgets: Vec<Budget>,
    pub consents: Vec<Consent>,
    pub suppressions: Vec<Suppression>,
    /// The first that matches holds; 0 where none does.
    pub priorities: Vec<Priority>,
    /// The first that matches holds.
    pub preferences: Vec<Preference>,
    pub retry: Retry,
    /// What the fold takes for an answer to what was carried. No rule: nothing is held or dropped by it.
    pub outcomes: Outcomes,
}

impl Default for Plan {
    /// No rule at all, but that intents end.
    fn default() -> Plan {
        Plan {
            zone: Zone::utc(),
            apart: ["tag", "points", "staff-task"].map(str::to_owned).to_vec(),
            welcome_lifetime_ms: WELCOME_LIFETIME_MS,
            lifetime_ms: LIFETIME_MS,
            caps: Vec::new(),
            gaps: Vec::new(),
            quiet: Vec::new(),
            budgets: Vec::new(),
            consents: Vec::new(),
            suppressions: Vec::new(),
            priorities: Vec::new(),
            preferences: Vec::new(),
            retry: Retry::default(),
            outcomes: Outcomes::default(),
        }
    }
}

/// What a rule is about. A trailing `*` of a name stands for any ending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Empty: every scene, but `welcome` and those of [`Plan::apart`], which must be named exactly.
    pub scenes: Vec<String>,
    /// Scenes that it is not about all the same.
    pub except: Vec<String>,
    /// Names of connections or of channels. Empty: every one.
    pub channels: Vec<String>,
}

impl Scope {
    pub(crate) fn covers_scene(&self, apart: &[String], scene: &str) -> bool {
        let matches = |names: &[String]| names.iter().any(|name| name_matches(name, scene));
        let covered = if scene == WELCOME || apart.iter().any(|name| name == scene) {
            self.scenes.iter().any(|name| name == scene)
        } else {
            self.scenes.is_empty() || matches(&self.scenes)
        };
        covered && !matches(&self.except)
    }

    pub(crate) fn covers(&self, apart: &[String], scene: &str, connection: &str, channel: &str) -> bool {
        let here = |name: &String| name_matches(name, connection) || name_matches(name, channel);
        self.covers_scene(apart, scene) && (self.channels.is_empty() || self.channels.iter().any(here))
    }

    /// For people: `direct-message on wecom`.
    pub(crate) fn say(&self) -> String {
        let scenes = if self.scenes.is_empty() { "all scenes".to_owned() } else { self.scenes.join(" and ") };
        if self.channels.is_empty() { scenes } else { format!("{scenes} on {}", self.channels.join(" and ")) }
    }
}

/// At most so many to one customer in each window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// For reasons: the preset's name, or the operator's own.
    pub name: Option<String>,
    pub scope: Scope,
    pub limit: Limit,
    pub window: Window,
    /// Of the calendar, where the window is one of it.
    pub zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Count(u32),
    /// As many as the month has days.
    DaysOfMonth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// All of it counts: what was carried before a customer's Monday does not count on it.
    Calendar(Calendar),
    /// So many milliseconds back from any instant. What was carried exactly so long ago no longer counts.
    Sliding(u64),
}

/// At least so long between two to one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub scope: Scope,
    pub ms: u64,
}

/// Nothing is carried while the clock on the wall stands between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub scope: Scope,
    pub from: crate::TimeOfDay,
    /// Not later than `from`: of the next day.
    pub to: crate::TimeOfDay,
    pub zone: Zone,
}

/// How many an account may send in a day of [`Plan::zone`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub scope: Scope,
    pub of: Of,
    /// By day, ascending. Before the first one nothing is sent.
    pub steps: Vec<Step>,
}

impl Budget {
    /// Does it depend on how old an account is?
    #[must_use]
    pub fn rises(&self) -> bool {
        self.steps.len() > 1 || self.steps.first().is_some_and(|first| first.day > 0)
    }
}

/// Whose budget it is: each of them has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Connection,
    /// Each member of staff in each connection. Does not concern an errand without one.
    Staff,
}

/// From the `day`th day of the account on (its first is day 0), so many a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub day: u32,
    pub budget: u32,
}

/// What a customer must have said, or must not. One that is not met drops the intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// By scene alone: consent to a scene holds on every channel.
    pub scope: Scope,
    /// A trait that must be true.
    pub needs_trait: Option<String>,
    /// A tag that she must have. A trailing `*` stands for any ending.
    pub needs_tag: Option<String>,
    /// Tags that she must not have. A trailing `*` stands for any ending.
    pub forbids_tags: Vec<String>,
}

/// Nothing about a thing for a while after she bought of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    pub scope: Scope,
    /// Patterns of what the intent is about; each that is given must match. None of them matches an intent without content.
    pub category: Option<String>,
    pub kind: Option<String>,
    pub id: Option<String>,
    /// A pattern of the categories that count as bought. None: the category that the intent is about.
    pub bought: Option<String>,
    /// Counted from the purchase, in milliseconds.
    pub ms: u64,
    pub then: Then,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    #[default]
    Drop,
    /// Until the suppression is over; the intent's own end still holds.
    Hold,
}

impl Suppression {
    /// Is it about this content, and does a purchase of `category` count?
    pub(crate) fn concerns(&self, content: &Content, category: &str) -> bool {
        let fits = |pattern: &Option<String>, value: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| value.is_some_and(|value| name_matches(pattern, value)))
        };
        let own = content.category.as_deref();
        fits(&self.category, own)
            && fits(&self.kind, Some(&content.kind))
            && fits(&self.id, Some(&content.id))
            && match &self.bought {
                Some(pattern) => name_matches(pattern, category),
                None => own == Some(category),
            }
    }

    pub(crate) fn over(&self, bought_at: Instant) -> Instant {
        bought_at.saturating_add(self.ms)
    }
}

/// Who goes first where there is place for fewer. Higher goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priority {
    /// Empty: every scene. A trailing `*` stands for any ending.
    pub scenes: Vec<String>,
    /// Names of policies, as bound. Empty: every one.
    pub policies: Vec<String>,
    pub priority: i32,
}

/// Which connection plays a scene, where several could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Empty: every scene. A trailing `*` stands for any ending.
    pub scenes: Vec<String>,
    /// Connections, the best first. Others come behind them, by name.
    pub connections: Vec<String>,
}

pub(crate) fn matches_any(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| name_matches(pattern, name))
}

impl Plan {
    pub(crate) fn priority(&self, binding: &str, scene: &str) -> i32 {
        let rule = self
            .priorities
            .iter()
            .find(|rule| matches_any(&rule.scenes, scene) && matches_any(&rule.policies, binding));
        rule.map_or(0, |rule| rule.priority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(scenes: &[&str], except: &[&str], channels: &[&str]) -> Scope {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Scope { scenes: owned(scenes), except: owned(except), channels: owned(channels) }
    }

    #[test]
    fn a_scope_without_names_covers_all_but_what_stands_apart() {
        let Plan { apart, .. } = Plan::default();
        let covers = |scope: &Scope, scene| scope.covers(&apart, scene, "wecom-main", "wecom");
        let all = scope(&[], &[], &[]);
        assert!(covers(&all, "moments") && covers(&all, "coupon"));
        assert!(!covers(&all, "welcome") && !covers(&all, "tag") && !covers(&all, "points"));
        assert!(!covers(&all, "staff-task"), "she notices nothing of it");
        assert!(!covers(&scope(&["*"], &[], &[]), "welcome"), "a pattern is no exact name");
        let named = scope(&["welcome", "direct-*"], &["direct-call"], &[]);
        assert!(covers(&named, "welcome") && covers(&named, "direct-message"));
        assert!(!covers(&named, "direct-call") && !covers(&named, "moments"));
    }

    #[test]
    fn a_channel_is_meant_by_its_name_or_by_that_of_a_connection() {
        for (channels, covered) in [
            (&["wecom"][..], true),
            (&["wecom-main"], true),
            (&["wecom-o*"], false),
            (&["youzan", "wecom*"], true),
        ] {
            assert_eq!(
                scope(&[], &[], channels).covers(&[], "moments", "wecom-main", "wecom"),
                covered,
                "{channels:?}"
            );
        }
    }

    #[test]
    fn a_suppression_is_about_what_all_its_patterns_match() {
        let content = Content {
            id: "poster-cream-1".to_owned(),
            kind: "poster".to_owned(),
            title: None,
            category: Some("cream".to_owned()),
        };
        let rule = |category: Option<&str>, kind: Option<&str>, id: Option<&str>, bought: Option<&str>| {
            Suppression {
                scope: Scope::default(),
                category: category.map(str::to_owned),
                kind: kind.map(str::to_owned),
                id: id.map(str::to_owned),
                bought: bought.map(str::to_owned),
                ms: 1,
                then: Then::Drop,
            }
        };
        assert!(rule(Some("*"), None, None, None).concerns(&content, "cream"));
        assert!(
            !rule(Some("*"), None, None, None).concerns(&content, "soap"),
            "only what it is about counts"
        );
        assert!(!rule(Some("soap"), None, None, None).concerns(&content, "cream"));
        assert!(
            rule(None, Some("poster"), Some("poster-cream-*"), Some("skin*")).concerns(&content, "skin-care")
        );
        assert!(!rule(None, Some("video"), None, Some("cream")).concerns(&content, "cream"));
        let nameless = Content { category: None, ..content };
        assert!(!rule(Some("*"), None, None, Some("cream")).concerns(&nameless, "cream"));
    }

    #[test]
    fn the_first_priority_that_matches_holds() {
        let priority = |scenes: &[&str], policies: &[&str], priority| Priority {
            scenes: scenes.iter().map(|&name| name.to_owned()).collect(),
            policies: policies.iter().map(|&name| name.to_owned()).collect(),
            priority,
        };
        let priorities = vec![priority(&["coupon"], &[], 5), priority(&[], &["repurchase"], 3)];
        let plan = Plan { priorities, ..Plan::default() };
        assert_eq!(plan.priority("repurchase", "coupon"), 5);
        assert_eq!(plan.priority("repurchase", "moments"), 3);
        assert_eq!(plan.priority("other", "moments"), 0);
    }
}
