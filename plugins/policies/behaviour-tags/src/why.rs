//! Reasons for people: what was counted, how often, and when the last time was.

use heliu_sdk::events::Instant;
use heliu_sdk::time::{DAY_MS, date};

use crate::condition::Condition;
use crate::memory::Track;
use crate::rules::{Plan, Rule};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Tells of one rule's count, with dates in one zone.
pub struct Teller<'a> {
    pub rule: &'a Rule,
    pub utc_offset_minutes: i32,
}

impl Teller<'_> {
    /// Why the tag comes.
    pub fn tag(&self, track: &Track) -> String {
        let done = self.done(&self.rule.when, &track.value);
        let (times, last) = (format!("{} times", self.rule.plan.facts()), self.date(track.newest()));
        let one = self.rule.plan.facts() == 1;
        let what = match self.rule.plan {
            Plan::Count { .. } if one => format!("{done} on {last}"),
            Plan::Count { within_ms: Some(ms), .. } => {
                format!("{done} {times} in {}, the last on {last}", duration(ms))
            }
            Plan::Count { within_ms: None, .. } => format!("{done} {times}, the last on {last}"),
            Plan::Silence { for_ms, .. } if one => {
                format!("{done} on {last}, and not again in {}", duration(for_ms))
            }
            Plan::Silence { for_ms, .. } => {
                format!("{done} {times}, the last on {last}, and not again in {}", duration(for_ms))
            }
            Plan::Stay { for_ms } => format!("{done} on {last} and has stayed for {}", duration(for_ms)),
        };
        self.signed(what)
    }

    /// Why the tag goes: something happened at this time.
    pub fn untag(&self, because: &Because<'_>, track: &Track) -> String {
        let what = match because {
            Because::Happened(condition, at) => {
                format!(
                    "{} on {}, which begins the count anew",
                    self.done(condition, &track.value),
                    self.date(*at)
                )
            }
            Because::Left(at) => {
                format!("left group {} on {}", self.subject(&self.rule.when, &track.value), self.date(*at))
            }
            Because::Again => {
                format!("{} again on {}", self.done(&self.rule.when, &track.value), self.date(track.newest()))
            }
            Because::GivenBack => "an order that counted was cancelled or refunded".to_owned(),
        };
        self.signed(what)
    }

    /// Why an alarm is set or taken back.
    pub fn alarm(&self, track: &Track) -> String {
        let what = match track.armed {
            0 => "nothing is waited for any more".to_owned(),
            due => {
                let done = self.done(&self.rule.when, &track.value);
                format!("{done} on {}; looks again on {}", self.date(track.newest()), self.date(due))
            }
        };
        self.signed(what)
    }

    fn signed(&self, what: String) -> String {
        format!("{what} (rule {:?})", self.rule.name)
    }

    fn done(&self, condition: &Condition, value: &str) -> String {
        let subject = self.subject(condition, value);
        let verb = verb(condition.text());
        if subject.is_empty() { verb } else { format!("{verb} {subject}") }
    }

    fn subject(&self, condition: &Condition, value: &str) -> String {
        if value.is_empty() { condition.subject() } else { value.to_owned() }
    }

    fn date(&self, at: Instant) -> String {
        date(at, self.utc_offset_minutes)
    }
}

/// What took a tag off.
pub enum Because<'a> {
    /// `untag_on` held, at this time.
    Happened(&'a Condition, Instant),
    /// She left the group, at this time.
    Left(Instant),
    /// What had not been done for long was done again.
    Again,
    /// An order was cancelled or refunded.
    GivenBack,
}

fn verb(fact: &str) -> String {
    match fact {
        "said.from-customer" => "said".to_owned(),
        "said.to-customer" => "was told".to_owned(),
        fact => match fact.split_once('.') {
            Some(("bought", step)) => format!("had an order {}:", step.replace('-', " ")),
            Some((_, kind)) => kind.replace('-', " "),
            None => fact.to_owned(),
        },
    }
}

fn duration(ms: u64) -> String {
    let (count, unit) =
        [(DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute"), (1_000, "second"), (1, "millisecond")]
            .into_iter()
            .find(|(unit_ms, _)| ms.is_multiple_of(*unit_ms))
            .map_or((ms, "millisecond"), |(unit_ms, unit)| (ms / unit_ms, unit));
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_largest_whole_unit() {
        assert_eq!(duration(30 * DAY_MS), "30 days");
        assert_eq!(duration(36 * HOUR_MS), "36 hours");
        assert_eq!(duration(MINUTE_MS), "1 minute");
        assert_eq!(duration(1_500), "1500 milliseconds");
    }
}
