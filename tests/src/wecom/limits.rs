//! What the platform lets through: mass messages to one customer, calls of an app, and what a test has fail.

use std::collections::BTreeMap;

use crate::beijing::Civil;

const DAY_S: u64 = 24 * 3600;
/// Beijing's days begin eight hours before UTC's.
const ZONE_S: u64 = 8 * 3600;

/// Mass messages that one customer gets. The corp chooses one of these; older pages say four a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MassLimit {
    OneADay,
    /// From Monday on.
    SevenAWeek,
    /// In a month as many as it has days.
    DaysOfTheMonth,
}

impl MassLimit {
    /// Whether she gets one more, who got some in those seconds.
    pub fn lets(self, got_s: impl Iterator<Item = u64>, now_s: u64) -> bool {
        let (from_s, most) = self.window(now_s);
        got_s.filter(|at_s| *at_s >= from_s).count() < most
    }

    /// Since when it counts, and how many.
    fn window(self, now_s: u64) -> (u64, usize) {
        let today = (now_s + ZONE_S) / DAY_S;
        let begins = |day: u64| day * DAY_S - ZONE_S;
        match self {
            MassLimit::OneADay => (begins(today), 1),
            // The first day of 1970 was a Thursday.
            MassLimit::SevenAWeek => (begins(today - (today + 3) % 7), 7),
            MassLimit::DaysOfTheMonth => {
                let first = Civil { day: 1, second_of_day: 0, ..Civil::of(now_s * 1000) };
                let days = (first.plus_months(1).to_ms() - first.to_ms()) / 1000 / DAY_S;
                (first.to_ms() / 1000, usize::try_from(days).unwrap_or(usize::MAX))
            }
        }
    }
}

/// Why calls of the API are refused that say nothing wrong.
#[derive(Default)]
pub(crate) struct Gate {
    /// So many calls from now on.
    pub to_limit: u64,
    /// The next call of an endpoint, with this code.
    pub to_fail: BTreeMap<&'static str, i64>,
    minute: u64,
    /// Calls in that minute, by endpoint.
    calls: BTreeMap<&'static str, u64>,
}

impl Gate {
    /// The code with which the test has this call fail.
    pub fn failing(&mut self, endpoint: &str) -> Option<i64> {
        self.to_fail.remove(endpoint)
    }

    /// Whether there were too many calls. One that is refused counts too, as on the platform.
    pub fn is_limited(&mut self, endpoint: &'static str, per_minute: Option<u64>, now_s: u64) -> bool {
        if self.to_limit > 0 {
            self.to_limit -= 1;
            return true;
        }
        let minute = now_s / 60;
        if minute != self.minute {
            (self.minute, self.calls) = (minute, BTreeMap::new());
        }
        let calls = self.calls.entry(endpoint).or_default();
        *calls += 1;
        per_minute.is_some_and(|most| *calls > most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(month: u64, day: u64, hour: u64) -> u64 {
        Civil { year: 2026, month, day, second_of_day: hour * 3600 }.to_ms() / 1000
    }

    /// How many she gets who is written to at each of these.
    fn got(limit: MassLimit, times: &[u64]) -> usize {
        let mut got: Vec<u64> = Vec::new();
        for &now_s in times {
            if limit.lets(got.iter().copied(), now_s) {
                got.push(now_s);
            }
        }
        got.len()
    }

    #[test]
    fn limits_count_by_days_weeks_and_months_of_beijing() {
        // The 16th of November 2026 is a Monday; each day at one in the morning and at eleven at night.
        let twice_a_day: Vec<u64> = (1..=30).flat_map(|day| [at(11, day, 1), at(11, day, 23)]).collect();
        assert_eq!(got(MassLimit::OneADay, &twice_a_day), 30);
        assert_eq!(got(MassLimit::DaysOfTheMonth, &twice_a_day), 30);
        // The 1st is a Sunday, then four weeks, then a Monday.
        assert_eq!(got(MassLimit::SevenAWeek, &twice_a_day), 2 + 4 * 7 + 2);
        let one_hour = vec![at(2, 3, 9); 40];
        assert_eq!(got(MassLimit::DaysOfTheMonth, &one_hour), 28);
        assert_eq!(got(MassLimit::SevenAWeek, &one_hour), 7);
        assert_eq!(got(MassLimit::OneADay, &one_hour), 1);
    }

    #[test]
    fn calls_are_counted_by_endpoint_and_minute() {
        let mut gate = Gate::default();
        let limited: Vec<bool> = (0..4).map(|_| gate.is_limited("a", Some(2), 59)).collect();
        assert_eq!(limited, [false, false, true, true]);
        assert!(!gate.is_limited("b", Some(2), 59) && !gate.is_limited("a", Some(2), 60));
        assert!(!gate.is_limited("c", None, 60));
    }
}
