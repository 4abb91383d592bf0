//! Judges what waits for one customer at one instant.
//!
//! Every intent is judged in the order of its rank: `welcome`, then priority, age, id. What is let through takes its place
//! before the next one is judged.

use model::{Carriage, Instant, WELCOME};

use crate::accounts::Accounts;
use crate::plan::{Consent, Plan, Then};
use crate::reason::{Code, Reason};
use crate::route::{Route, routes};
use crate::standing::{Candidate, Standing};
use crate::stops::{Case, Use, duration, suppressing};
use crate::zone::{Calendar, Span};

/// The operator's plan, ready to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub(crate) plan: Plan,
}

/// What becomes of one intent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    Carry {
        connection: String,
        staff: Option<String>,
        carriage: Carriage,
    },
    /// Not now.
    Hold {
        /// The first instant at which it is worth judging again if nothing but time changes: before it, the answer is not
        /// `Carry`. None: time alone changes nothing. As every intent ends, that is where its end is beyond all time.
        until: Option<Instant>,
        reason: Reason,
    },
    /// Never.
    Drop {
        reason: Reason,
    },
    /// Its time is over.
    Expire {
        reason: Reason,
    },
}

impl Rules {
    #[must_use]
    pub fn new(plan: Plan) -> Rules {
        Rules { plan }
    }

    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The day of which [`Accounts`] say what was sent.
    #[must_use]
    pub fn today(&self, now: Instant) -> Span {
        self.plan.zone.span(Calendar::Day, now)
    }

    /// The last instant at which an intent is of use.
    ///
    /// Its `not-after`; where it names none, so long after its cause or its `not-before` as the plan says. A `welcome` has
    /// its own short time from its cause, whatever else it says.
    #[must_use]
    pub fn deadline(&self, candidate: &Candidate<'_>) -> Instant {
        let intent = candidate.intent;
        if intent.scene == WELCOME {
            let last = candidate.cause.saturating_add(self.plan.welcome_lifetime_ms);
            return intent.not_after.map_or(last, |end| end.min(last));
        }
        let start = intent.not_before.map_or(candidate.cause, |start| start.max(candidate.cause));
        intent.not_after.unwrap_or_else(|| start.saturating_add(self.plan.lifetime_ms))
    }

    /// One ruling for each of what waits, in its order.
    ///
    /// `now` must not be before the times of `customer`; `accounts` say what was sent in [`Rules::today`] of `now`. What is
    /// ruled `Carry` must stand in `customer` and `accounts` when she, or another, is judged next.
    #[must_use]
    pub fn judge(
        &self,
        now: Instant,
        customer: &Standing<'_>,
        waiting: &[Candidate<'_>],
        accounts: &Accounts,
    ) -> Vec<Ruling> {
        let ways: Vec<Vec<Route<'_>>> =
            waiting.iter().map(|candidate| routes(&self.plan, candidate, customer, accounts)).collect();
        let mut round =
            Round { rules: self, now, customer, waiting, uses: before(customer), seen: Vec::new() };
        let mut rulings: Vec<Option<Ruling>> = vec![None; waiting.len()];
        for place in self.ranks(waiting) {
            let (Some(ruling), Some(ways)) = (rulings.get_mut(place), ways.get(place)) else { continue };
            *ruling = round.judge(place, ways);
        }
        for ((ruling, candidate), ways) in rulings.iter_mut().zip(waiting).zip(&ways) {
            if let Some(Ruling::Hold { until, reason: _ }) = ruling {
                *until = round.until(candidate, ways);
            }
        }
        rulings.into_iter().flatten().collect()
    }

    fn ranks(&self, waiting: &[Candidate<'_>]) -> Vec<usize> {
        let mut ranks: Vec<_> = waiting.iter().enumerate().collect();
        ranks.sort_by_key(|(place, candidate)| {
            let scene = candidate.intent.scene.as_str();
            let priority = self.plan.priority(candidate.binding, scene);
            (scene != WELCOME, std::cmp::Reverse(priority), candidate.cause, candidate.id, *place)
        });
        ranks.into_iter().map(|(place, _)| place).collect()
    }
}

fn before<'a>(customer: &Standing<'a>) -> Vec<Use<'a>> {
    let carried = customer.carried.iter();
    carried
        .map(|carried| Use {
            scene: carried.scene,
            connection: carried.connection,
            channel: carried.channel,
            staff: None,
            at: carried.at,
            by: None,
        })
        .collect()
}

/// One customer's round, as far as it has come.
struct Round<'a> {
    rules: &'a Rules,
    now: Instant,
    customer: &'a Standing<'a>,
    waiting: &'a [Candidate<'a>],
    uses: Vec<Use<'a>>,
    /// Those of a better rank that may still be carried, each binding and key once.
    seen: Vec<usize>,
}

impl<'a> Round<'a> {
    /// None only for a place that there is not.
    fn judge(&mut self, place: usize, ways: &'a [Route<'a>]) -> Option<Ruling> {
        let candidate = self.waiting.get(place)?;
        if let Some(ruling) = self.over(candidate).or_else(|| self.again(candidate)) {
            return Some(ruling);
        }
        // What she has not agreed to today she may agree to until it is due.
        let due = candidate.intent.not_before.is_none_or(|start| start <= self.now)
            && candidate.again.is_none_or(|start| start <= self.now);
        if due && let Some(reason) = self.unwanted(candidate) {
            return Some(Ruling::Drop { reason });
        }
        self.seen.push(place);
        Some(self.way(place, candidate, ways))
    }

    fn over(&self, candidate: &Candidate<'_>) -> Option<Ruling> {
        let zone = &self.rules.plan.zone;
        let deadline = self.rules.deadline(candidate);
        if self.now <= deadline {
            return None;
        }
        let late = if candidate.intent.scene == WELCOME && candidate.intent.not_after != Some(deadline) {
            let lifetime = duration(self.rules.plan.welcome_lifetime_ms);
            format!("a welcome is of use for {lifetime} after its cause, up to {}", zone.say(deadline))
        } else {
            format!("it was of use up to {}", zone.say(deadline))
        };
        Some(Ruling::Expire { reason: Reason::new(Code::TooLate, late) })
    }

    /// The same binding and key as one that goes first, or that went.
    fn again(&self, candidate: &Candidate<'_>) -> Option<Ruling> {
        let Candidate { binding, intent, .. } = candidate;
        let key = &intent.key;
        let went =
            self.customer.carried.iter().find(|carried| carried.binding == *binding && carried.key == key);
        let first = self.seen.iter().filter_map(|&place| self.waiting.get(place));
        let mut first = first.filter(|other| other.binding == *binding && other.intent.key == *key);
        let text = match (went, first.next()) {
            (Some(went), _) => {
                let when = self.rules.plan.zone.say(went.at);
                format!("{binding} carried its \"{key}\" to her at {when}: a key is carried once")
            }
            (None, Some(other)) => {
                format!(
                    "{} is the same \"{key}\" of {binding} and goes first: a key is carried once",
                    other.id
                )
            }
            (None, None) => return None,
        };
        Some(Ruling::Drop { reason: Reason::new(Code::Duplicate, text) })
    }

    /// What she did not agree to, or would take amiss.
    fn unwanted(&self, candidate: &Candidate<'_>) -> Option<Reason> {
        let plan = &self.rules.plan;
        let scene = &candidate.intent.scene;
        let consents = plan.consents.iter().filter(|rule| rule.scope.covers_scene(&plan.apart, scene));
        let consents = consents.filter_map(|rule| refused(rule, self.customer));
        let mut consents = consents.map(|text| format!("{scene}: {text}"));
        if let Some(text) = consents.next() {
            return Some(Reason::new(Code::Consent, text));
        }
        let mut drops = plan.suppressions.iter().filter(|rule| rule.then == Then::Drop);
        drops.find_map(|rule| {
            let (category, at) = suppressing(plan, rule, candidate, self.customer, self.now)?;
            let (when, long) = (plan.zone.say(at), duration(rule.ms));
            let text = format!("she bought {category} at {when}: no {scene} about it for {long}");
            Some(Reason::new(Code::Suppressed, text))
        })
    }

    /// The first way that is free now, or what stops it on the one that is free first.
    fn way(&mut self, place: usize, candidate: &'a Candidate<'a>, ways: &'a [Route<'a>]) -> Ruling {
        let cases: Vec<_> = ways.iter().map(|route| self.case(candidate, route)).collect();
        if let Some(case) = cases.iter().find(|case| case.stops(self.now, &self.uses).is_empty()) {
            let Route { account, carriage, staff } = case.route;
            self.uses.push(Use {
                scene: &candidate.intent.scene,
                connection: &account.connection,
                channel: &account.channel,
                staff: staff.as_deref(),
                at: self.now,
                by: Some(place),
            });
            let (connection, staff) = (account.connection.clone(), staff.clone());
            return Ruling::Carry { connection, staff, carriage: *carriage };
        }
        let first = cases.iter().min_by_key(|case| case.first_free(&self.uses).unwrap_or(Instant::MAX));
        let reason = first.map_or_else(
            || {
                Reason::new(
                    Code::NoRoute,
                    format!("no connection plays scene {} for her", candidate.intent.scene),
                )
            },
            |case| self.why(case),
        );
        Ruling::Hold { until: None, reason }
    }

    /// When to ask again, once it is known all that is carried in this round: those of a lower rank may have taken places
    /// that this one needs as well.
    fn until(&self, candidate: &'a Candidate<'a>, ways: &'a [Route<'a>]) -> Option<Instant> {
        let free = ways.iter().filter_map(|route| self.case(candidate, route).first_free(&self.uses)).min();
        let over = self.rules.deadline(candidate).checked_add(1);
        [free, over].into_iter().flatten().min()
    }

    fn case(&self, candidate: &'a Candidate<'a>, route: &'a Route<'a>) -> Case<'a> {
        Case { plan: &self.rules.plan, now: self.now, customer: self.customer, candidate, route }
    }

    /// What stops it for the longest now: a rule by itself, or one whose last place another intent just took.
    fn why(&self, case: &Case<'_>) -> Reason {
        let before: Vec<_> = self.uses.iter().filter(|used| used.by.is_none()).copied().collect();
        let longest = |uses: &[Use<'_>]| {
            let stops = case.stops(self.now, uses).into_iter();
            stops.max_by_key(|stop| stop.until.unwrap_or(Instant::MAX))
        };
        if let Some(stop) = longest(&before) {
            return stop.reason(case);
        }
        let lost = longest(&self.uses);
        let reason = lost.as_ref().map(|stop| stop.reason(case));
        let winner = lost.and_then(|stop| stop.by).and_then(|place| self.waiting.get(place));
        let rule = reason.map_or_else(String::new, |reason| format!(": {}", reason.text));
        let text = match winner {
            Some(Candidate { id, binding, intent, .. }) => {
                format!("{id} (\"{}\" of {binding}, {}) took the place{rule}", intent.key, intent.scene)
            }
            None => format!("another took the place{rule}"),
        };
        Reason::new(Code::LostSlot, text)
    }
}

/// What a customer did not say, or said.
fn refused(rule: &Consent, customer: &Standing<'_>) -> Option<String> {
    let Consent { scope: _, needs_trait, needs_tag, forbids_tags } = rule;
    let has = |pattern: &str| customer.tags.iter().find(|tag| model::name_matches(pattern, tag));
    if let Some(tag) = forbids_tags.iter().find_map(|pattern| has(pattern)) {
        return Some(format!("her tag {tag} forbids it"));
    }
    if let Some(name) = needs_trait {
        let said = customer.traits.iter().find(|(held, _)| held == name);
        if !said.is_some_and(|(_, value)| matches!(value, model::Value::Truth(true))) {
            return Some(format!("it needs her consent, and her trait {name} is not true"));
        }
    }
    match needs_tag {
        Some(tag) if has(tag).is_none() => Some(format!("it needs her consent, and she has no tag {tag}")),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests;
