//! Calendars and clocks on the wall: which instants a day, a week, a month or a night is made of in a time zone.
//!
//! Invariant: the days of a zone are without gap and without overlap, whatever its clocks do at midnight; so are its weeks
//! and months. The zones' rules come with the crate: the machine's own are never read, so every machine agrees.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use model::Instant;

/// A time zone by its IANA name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A stretch of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    Day,
    /// From Monday on.
    Week,
    Month,
}

/// From the first instant on, up to the second and without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Instant,
    pub until: Instant,
}

/// What a clock on the wall shows, to the minute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl Span {
    #[must_use]
    pub fn holds(self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }
}

impl TimeOfDay {
    /// Reads `22:00`: two digits each, from `00:00` to `23:59`. None for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<TimeOfDay> {
        let (hour, minute) = text.split_once(':')?;
        let number = |digits: &str, below: i8| -> Option<i8> {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|number| plain && *number < below)
        };
        Some(TimeOfDay { hour: number(hour, 24)?, minute: number(minute, 60)? })
    }

    fn on(self, date: Date) -> DateTime {
        date.at(self.hour, self.minute, 0, 0)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeOfDay({self})")
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl Zone {
    /// The zone of this IANA name, like `Asia/Shanghai`. None where there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Zone> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Some(Zone { name, rules })
    }

    /// Coordinated universal time, which needs no database.
    #[must_use]
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When a day begins that is written like `2026-11-26`. None where there is no such day.
    #[must_use]
    pub fn day(&self, text: &str) -> Option<Instant> {
        text.parse().ok().map(|date: Date| self.start(date))
    }

    /// The day, week or month that `at` falls into.
    #[must_use]
    pub fn span(&self, calendar: Calendar, at: Instant) -> Span {
        let day = self.date(at);
        let (first, next) = match calendar {
            Calendar::Day => (day, tomorrow(day)),
            Calendar::Week => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                let monday = later(day, -back);
                (monday, later(monday, 7))
            }
            Calendar::Month => {
                let first = day.first_of_month();
                (first, tomorrow(day.last_of_month()))
            }
        };
        Span { from: self.start(first), until: self.start(next) }
    }

    /// How many days the month of `at` has.
    #[must_use]
    pub fn days_in_month(&self, at: Instant) -> u32 {
        u32::from(self.date(at).days_in_month().unsigned_abs())
    }

    /// How many midnights lie between two instants. 0 where the second is not later.
    #[must_use]
    pub fn days_between(&self, from: Instant, to: Instant) -> u32 {
        let hours = self.date(to).duration_since(self.date(from)).as_hours();
        u32::try_from(hours / 24).unwrap_or(0)
    }

    /// When the day begins that is `days` after that of `at`.
    #[must_use]
    pub fn start_of_day_after(&self, at: Instant, days: u32) -> Instant {
        self.start(later(self.date(at), i64::from(days)))
    }

    /// The end of the stretch from `from` to `to` on the wall that `at` falls into, across midnight where `to` is not the
    /// later one. None where `at` is outside. Where clocks show a time twice, the stretch is the longer one; where they
    /// skip it, it begins or ends as they do.
    #[must_use]
    pub fn end_of(&self, from: TimeOfDay, to: TimeOfDay, at: Instant) -> Option<Instant> {
        let today = self.date(at);
        // One that began yesterday is over before one of today that touches it, so the later end is asked last.
        let ends = [later(today, -1), today, tomorrow(today)].into_iter().filter_map(|date| {
            let last_day = if to <= from { tomorrow(date) } else { date };
            let span = Span { from: self.first(from.on(date)), until: self.last(to.on(last_day)) };
            span.holds(at).then_some(span.until)
        });
        ends.max()
    }

    /// For people: `2026-11-26 08:00 in Asia/Shanghai`.
    #[must_use]
    pub fn say(&self, at: Instant) -> String {
        let civil = self.rules.to_datetime(timestamp(at));
        let (date, time) = (civil.date(), civil.time());
        let seconds = if time.second() == 0 { String::new() } else { format!(":{:02}", time.second()) };
        format!("{date} {:02}:{:02}{seconds} in {}", time.hour(), time.minute(), self.name)
    }

    /// The date whose day `at` falls into. Not always the date on the wall: where clocks go back over midnight, the second
    /// evening belongs to the day that has begun.
    fn date(&self, at: Instant) -> Date {
        let date = self.rules.to_datetime(timestamp(at)).date();
        if at >= self.start(tomorrow(date)) && date != Date::MAX { tomorrow(date) } else { date }
    }

    fn start(&self, date: Date) -> Instant {
        self.first(date.to_datetime(Time::midnight()))
    }

    /// The first instant at which the wall shows this, or the jump over it.
    fn first(&self, civil: DateTime) -> Instant {
        match self.rules.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => instant(offset.to_timestamp(civil)),
            AmbiguousOffset::Fold { before, after: _ } => instant(before.to_timestamp(civil)),
            AmbiguousOffset::Gap { before: _, after } => self.jump(instant(after.to_timestamp(civil))),
        }
    }

    /// The last instant at which the wall shows this, or the jump over it.
    fn last(&self, civil: DateTime) -> Instant {
        match self.rules.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => instant(offset.to_timestamp(civil)),
            AmbiguousOffset::Fold { before: _, after } => instant(after.to_timestamp(civil)),
            AmbiguousOffset::Gap { before: _, after } => self.jump(instant(after.to_timestamp(civil))),
        }
    }

    /// The first change of the clocks after `before`.
    fn jump(&self, before: Instant) -> Instant {
        let next = self.rules.following(timestamp(before)).next();
        next.map_or(before, |change| instant(Ok(change.timestamp())))
    }
}

/// The calendar ends in the year 9999; what is later is taken for its last instant.
fn timestamp(at: Instant) -> Timestamp {
    let ms = i64::try_from(at).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// Past the calendar's end lies what never comes; before 1970 lies nothing.
fn instant(timestamp: Result<Timestamp, jiff::Error>) -> Instant {
    timestamp.map_or(Instant::MAX, |timestamp| u64::try_from(timestamp.as_millisecond()).unwrap_or(0))
}

fn tomorrow(date: Date) -> Date {
    later(date, 1)
}

fn later(date: Date, days: i64) -> Date {
    // More than the calendar has, and less than what a span of days can hold.
    const DAYS_MAX: i64 = 4_000_000;
    date.saturating_add(days.clamp(-DAYS_MAX, DAYS_MAX).days())
}

#[cfg(test)]
mod tests;
