//! One customer's round: what is told of what waits for her, and what is let through.

use courier::{Code, Reason, Rules, Ruling};
use model::{Customer, Entry, HeldIntent, Instant, IntentState};

use super::lane::Parcel;
use super::port::Port;
use super::told::{self, Details, Subject};
use super::{Courier, Lane};
use crate::carrying::{self, Carriers};

/// How long nobody looks again where time alone changes nothing, in milliseconds.
const NOTHING_CHANGES_MS: u64 = 86_400_000;

/// What became of what waits for one customer.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Each with its intent's id.
    pub(crate) told: Vec<(String, Entry)>,
    pub(crate) parcels: Vec<Parcel>,
}

impl<P: Port> Courier<P> {
    pub(super) fn judge(
        &mut self,
        rules: &Rules,
        carriers: &Carriers<'_>,
        customer: &Customer,
        now: Instant,
    ) -> anyhow::Result<Judged> {
        let mut judged = Judged::default();
        let here = |held: &&HeldIntent| !self.flights.has(&held.id);
        let left: Vec<&HeldIntent> =
            customer.intents.iter().filter(|held| held.state == IntentState::Due).filter(here).collect();
        for held in left {
            let (_, connection) = carrying::handed_over(held).unwrap_or((now, None));
            let connection = connection.unwrap_or_default();
            let outlet = carriers.outlet(connection);
            let again = outlet.is_some_and(|outlet| outlet.carries_again(&held.intent.scene));
            let staff = held.steps.last().and_then(|step| step.staff.as_deref());
            let what = "the host broke off in the middle of handing it over";
            let (state, details) = told::unknown(now, again, what, connection, staff);
            let (intent, why) = (&held.id, &details.reason);
            tracing::error!(connection, intent, customer = %customer.id, why, "an errand's end is not known");
            judged.told.push((held.id.clone(), Subject::of(customer, held).says(state, details)));
        }
        let waiting: Vec<&HeldIntent> = customer.intents.iter().filter(here).collect();
        let waiting: Vec<(&HeldIntent, courier::Candidate<'_>)> =
            waiting.into_iter().filter_map(|held| Some((held, carrying::candidate(held)?))).collect();
        if waiting.is_empty() {
            return Ok(judged);
        }
        let candidates: Vec<courier::Candidate<'_>> = waiting.iter().map(|(_, one)| *one).collect();
        let on_the_way = self.flights.of(customer);
        let rulings = carriers.judge(rules, &*self.journal, customer, on_the_way, &candidates, now)?;
        for ((held, candidate), ruling) in waiting.iter().zip(rulings) {
            let end = rules.deadline(candidate).saturating_add(1);
            self.rule(customer, held, ruling, now, end, &mut judged);
        }
        Ok(judged)
    }

    /// `end` is the first instant at which the intent is of no use.
    fn rule(
        &mut self,
        customer: &Customer,
        held: &HeldIntent,
        ruling: Ruling,
        now: Instant,
        end: Instant,
        judged: &mut Judged,
    ) {
        let subject = Subject::of(customer, held);
        let (state, details) = match ruling {
            Ruling::Carry { connection, staff, carriage } => {
                let lane = self.lanes.entry(connection.clone()).or_default();
                match waits(lane, &connection, &held.intent.scene, now) {
                    Some((until, reason)) => told::held_until(until.min(end), &reason),
                    None => {
                        let (binding, intent) = (held.binding.clone(), held.intent.clone());
                        let judged_at = now;
                        judged.parcels.push(Parcel {
                            subject,
                            binding,
                            intent,
                            connection,
                            staff,
                            carriage,
                            judged: judged_at,
                        });
                        return;
                    }
                }
            }
            Ruling::Hold { until, reason } => {
                let until = until.unwrap_or(now.saturating_add(NOTHING_CHANGES_MS)).max(now + 1);
                told::held_until(until, &reason)
            }
            Ruling::Drop { reason } => (IntentState::Dropped, Details::why(&reason)),
            Ruling::Expire { reason } => (IntentState::Expired, Details::why(&reason)),
        };
        if is_news(held, state, &details) {
            judged.told.push((held.id.clone(), subject.says(state, details)));
        }
    }
}

/// Until when its connection has no room for it.
fn waits(lane: &mut Lane, connection: &str, scene: &str, now: Instant) -> Option<(Instant, Reason)> {
    if let Some(rest) = lane.rests(scene, now) {
        return Some((rest.until, rest.reason.clone()));
    }
    if lane.takes(scene) {
        return None;
    }
    let until = lane.send_away(now);
    let text = format!("\"{connection}\" has more errands before it than it carries at once");
    Some((until, Reason::new(Code::Queue, text)))
}

/// The same once more is not told: only time, state or the word for it.
fn is_news(held: &HeldIntent, state: IntentState, details: &Details) -> bool {
    let last = held.steps.last().filter(|_| held.state == state);
    last.is_none_or(|last| last.until != details.until || last.code != details.code)
}
