//! What stops an intent at an instant, and until when: caps, gaps, quiet hours, budgets, its own `not-before`.
//!
//! Invariant: as long as nothing but time changes, what stops at an instant stops up to its end and without it. So the
//! first instant without a stop is found by going from end to end.

use model::Instant;

use crate::plan::{Budget, Cap, Gap, Limit, Of, Plan, Quiet, Suppression, Then, Window};
use crate::reason::{Code, Reason};
use crate::route::Route;
use crate::standing::{Candidate, Standing};

/// From end to end, so often at most: a year of nights and days, and some. What is reached by then is told instead.
const STEPS_MAX: usize = 1_000;

/// A place that is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use<'a> {
    pub scene: &'a str,
    pub connection: &'a str,
    pub channel: &'a str,
    pub staff: Option<&'a str>,
    pub at: Instant,
    /// In this round, by this candidate.
    pub by: Option<usize>,
}

/// One rule that stops it.
#[derive(Clone, Debug)]
pub(crate) struct Stop<'a> {
    /// None: no time mends it.
    pub until: Option<Instant>,
    pub rule: Rule<'a>,
    /// Of those who took a place in this round, the last one that the rule counts.
    pub by: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Rule<'a> {
    NotYet,
    Retry,
    Suppressed { category: &'a str, bought_at: Instant },
    Quiet(&'a Quiet),
    Cap { cap: &'a Cap, limit: usize },
    Gap(&'a Gap),
    Budget { budget: &'a Budget, limit: u32 },
}

/// All that one candidate's stops on one route depend on.
pub(crate) struct Case<'a> {
    pub plan: &'a Plan,
    pub now: Instant,
    pub customer: &'a Standing<'a>,
    pub candidate: &'a Candidate<'a>,
    pub route: &'a Route<'a>,
}

impl<'a> Case<'a> {
    /// The first instant from `now` on at which nothing stops it. None: never, by time alone.
    pub fn first_free(&self, uses: &[Use<'_>]) -> Option<Instant> {
        let mut at = self.now;
        for _ in 0..STEPS_MAX {
            let stops = self.stops(at, uses);
            if stops.is_empty() {
                return Some(at);
            }
            for stop in stops {
                at = at.max(stop.until?);
            }
        }
        Some(at)
    }

    /// Everything that stops it at this instant.
    pub fn stops(&self, at: Instant, uses: &[Use<'_>]) -> Vec<Stop<'a>> {
        let plan = self.plan;
        let mut stops = Vec::new();
        let starts = [(self.candidate.intent.not_before, Rule::NotYet), (self.candidate.again, Rule::Retry)];
        for (start, rule) in starts {
            if let Some(start) = start.filter(|&start| at < start) {
                stops.push(Stop { until: Some(start), rule, by: None });
            }
        }
        let holds = plan.suppressions.iter().filter(|rule| rule.then == Then::Hold);
        stops.extend(holds.filter_map(|rule| self.suppressed(rule, at)));
        stops.extend(plan.quiet.iter().filter_map(|quiet| self.quiet(quiet, at)));
        stops.extend(plan.caps.iter().filter_map(|cap| self.cap(cap, at, uses)));
        stops.extend(plan.gaps.iter().filter_map(|gap| self.gap(gap, at, uses)));
        stops.extend(plan.budgets.iter().filter_map(|budget| self.budget(budget, at, uses)));
        stops
    }

    fn scene(&self) -> &'a str {
        &self.candidate.intent.scene
    }

    fn covers(&self, scope: &crate::Scope) -> bool {
        let account = self.route.account;
        scope.covers(&self.plan.apart, self.scene(), &account.connection, &account.channel)
    }

    fn counted<'u>(
        &'u self,
        scope: &'u crate::Scope,
        uses: &'u [Use<'u>],
    ) -> impl Iterator<Item = &'u Use<'u>> {
        let apart = &self.plan.apart;
        uses.iter().filter(move |used| scope.covers(apart, used.scene, used.connection, used.channel))
    }

    pub fn suppressed(&self, rule: &'a Suppression, at: Instant) -> Option<Stop<'a>> {
        let (category, bought_at) = suppressing(self.plan, rule, self.candidate, self.customer, at)?;
        Some(Stop {
            until: Some(rule.over(bought_at)),
            rule: Rule::Suppressed { category, bought_at },
            by: None,
        })
    }

    fn quiet(&self, quiet: &'a Quiet, at: Instant) -> Option<Stop<'a>> {
        if !self.covers(&quiet.scope) {
            return None;
        }
        let until = quiet.zone.end_of(quiet.from, quiet.to, at)?;
        Some(Stop { until: Some(until), rule: Rule::Quiet(quiet), by: None })
    }

    fn cap(&self, cap: &'a Cap, at: Instant, uses: &[Use<'_>]) -> Option<Stop<'a>> {
        if !self.covers(&cap.scope) {
            return None;
        }
        let limit = match cap.limit {
            Limit::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Limit::DaysOfMonth => usize::try_from(cap.zone.days_in_month(at)).unwrap_or(usize::MAX),
        };
        let rule = Rule::Cap { cap, limit };
        match cap.window {
            Window::Sliding(ms) => {
                let full = sliding(self.counted(&cap.scope, uses), ms, limit, at)?;
                Some(Stop { until: full.until, rule, by: full.by })
            }
            Window::Calendar(calendar) => {
                let span = cap.zone.span(calendar, at);
                let inside: Vec<_> =
                    self.counted(&cap.scope, uses).filter(|used| span.holds(used.at)).collect();
                let until = (limit > 0).then_some(span.until);
                (inside.len() >= limit).then(|| Stop { until, rule, by: last_taker(&inside) })
            }
        }
    }

    fn gap(&self, gap: &'a Gap, at: Instant, uses: &[Use<'_>]) -> Option<Stop<'a>> {
        if !self.covers(&gap.scope) {
            return None;
        }
        let full = sliding(self.counted(&gap.scope, uses), gap.ms, 1, at)?;
        Some(Stop { until: full.until, rule: Rule::Gap(gap), by: full.by })
    }

    fn budget(&self, budget: &'a Budget, at: Instant, uses: &[Use<'_>]) -> Option<Stop<'a>> {
        let account = self.route.account;
        let staff = self.route.staff.as_deref();
        if !self.covers(&budget.scope) || (budget.of == Of::Staff && staff.is_none()) {
            return None;
        }
        let zone = &self.plan.zone;
        let of_staff = staff.and_then(|staff| account.staff(staff));
        let (since, tally) = match budget.of {
            Of::Connection => (account.since, Some(&account.sent_today)),
            Of::Staff => (of_staff.and_then(|staff| staff.since), of_staff.map(|staff| &staff.sent_today)),
        };
        // What is sent today is counted today; of another day nothing is known yet.
        let today = zone.span(crate::Calendar::Day, self.now).holds(at);
        let counts =
            |scene: &str| budget.scope.covers(&self.plan.apart, scene, &account.connection, &account.channel);
        let before = tally.filter(|_| today).map_or(0, |tally| tally.count(counts));
        let own = |used: &&Use<'_>| used.connection == account.connection && counts(used.scene);
        let own_staff = |used: &&Use<'_>| budget.of == Of::Connection || used.staff == staff;
        let taken: Vec<_> =
            uses.iter().filter(|used| used.by.is_some() && today).filter(own).filter(own_staff).collect();
        let age = since.map_or(0, |since| zone.days_between(since, at));
        let limit = budget.steps.iter().rev().find(|step| step.day <= age).map_or(0, |step| step.budget);
        let used = before.saturating_add(u32::try_from(taken.len()).unwrap_or(u32::MAX));
        if used < limit {
            return None;
        }
        let until = if limit > 0 {
            Some(zone.start_of_day_after(at, 1))
        } else {
            let later = budget.steps.iter().find(|step| step.day > age && step.budget > 0);
            // One whose age is not known stays new.
            later.filter(|_| since.is_some()).map(|step| zone.start_of_day_after(at, step.day - age))
        };
        Some(Stop { until, rule: Rule::Budget { budget, limit }, by: last_taker(&taken) })
    }
}

/// The purchase for which a suppression holds at this instant, and for the longest.
pub(crate) fn suppressing<'a>(
    plan: &Plan,
    rule: &Suppression,
    candidate: &Candidate<'_>,
    customer: &Standing<'a>,
    at: Instant,
) -> Option<(&'a str, Instant)> {
    let content = candidate.intent.content.as_ref()?;
    if !rule.scope.covers_scene(&plan.apart, &candidate.intent.scene) {
        return None;
    }
    let held = customer.purchases.iter().filter(|purchase| rule.concerns(content, purchase.category));
    let last = held.max_by_key(|purchase| purchase.at)?;
    (at < rule.over(last.at)).then_some((last.category, last.at))
}

struct Full {
    until: Option<Instant>,
    by: Option<usize>,
}

/// Is there no place in the `ms` before `at`? What was carried exactly `ms` ago is outside.
fn sliding<'u>(uses: impl Iterator<Item = &'u Use<'u>>, ms: u64, limit: usize, at: Instant) -> Option<Full> {
    let mut inside: Vec<_> = uses.filter(|used| used.at.saturating_add(ms) > at).collect();
    if inside.len() < limit {
        return None;
    }
    let by = last_taker(&inside);
    inside.sort_by_key(|used| used.at);
    // When this one is outside, fewer than the limit are left.
    let leaves = inside.get(inside.len() - limit);
    Some(Full { until: leaves.map(|used| used.at.saturating_add(ms)), by })
}

fn last_taker(uses: &[&Use<'_>]) -> Option<usize> {
    uses.iter().rev().find_map(|used| used.by)
}

impl Stop<'_> {
    /// For people and machines, where no other candidate took the place.
    pub fn reason(&self, case: &Case<'_>) -> Reason {
        let zone = &case.plan.zone;
        let until = self.until.map_or_else(String::new, |until| format!(", until {}", zone.say(until)));
        let (code, text) = match &self.rule {
            Rule::NotYet => (Code::NotYet, format!("its policy asked to wait{until}")),
            Rule::Retry => (Code::Retry, format!("its connection failed and is tried again{until}")),
            Rule::Suppressed { category, bought_at } => {
                let when = zone.say(*bought_at);
                (Code::Suppressed, format!("she bought {category} at {when}: nothing about it{until}"))
            }
            Rule::Quiet(Quiet { scope: _, from, to, zone: own }) => {
                (Code::QuietHours, format!("quiet from {from} to {to} in {}{until}", own.name()))
            }
            Rule::Cap { cap, limit } => (Code::Cap, format!("{}{until}", cap.say(*limit))),
            Rule::Gap(gap) => {
                let apart = duration(gap.ms);
                (Code::Gap, format!("{} at least {apart} apart to one customer{until}", gap.scope.say()))
            }
            Rule::Budget { budget, limit } => {
                let whose = case.account_name(budget.of);
                (Code::Budget, format!("{whose} has sent the {limit} of its budget of this day{until}"))
            }
        };
        Reason { code, text }
    }
}

impl Case<'_> {
    fn account_name(&self, of: Of) -> String {
        let connection = &self.route.account.connection;
        match (of, &self.route.staff) {
            (Of::Staff, Some(staff)) => format!("{staff} on {connection}"),
            (Of::Staff, None) | (Of::Connection, _) => connection.clone(),
        }
    }
}

impl Cap {
    fn say(&self, limit: usize) -> String {
        let window = match self.window {
            Window::Calendar(crate::Calendar::Day) => "a day".to_owned(),
            Window::Calendar(crate::Calendar::Week) => "a week".to_owned(),
            Window::Calendar(crate::Calendar::Month) => "a month".to_owned(),
            Window::Sliding(ms) => format!("in {}", duration(ms)),
        };
        let name = self.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        format!("at most {limit} {window} of {} to one customer{name}", self.scope.say())
    }
}

/// For people: in the largest unit that leaves nothing over.
pub(crate) fn duration(ms: u64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let fitting = units.iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    let (number, name) = fitting.map_or((ms, "millisecond"), |(unit, name)| (ms / unit, *name));
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}
