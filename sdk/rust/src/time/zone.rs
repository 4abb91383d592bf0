//! Times as platforms write them: text without a zone, seconds, or milliseconds, side by side in one document.

use super::{DAY_MS, civil, day_of, days};
use crate::events::Instant;
use crate::json::Json;

/// Digits from here on are seconds, since 2001. Less than that is a count: versions are times, or were meant to be.
const SECONDS_FROM: u64 = 1_000_000_000;
/// Digits from here on are milliseconds; as seconds it would be the year 5138.
const MILLIS_FROM: u64 = 100_000_000_000;
/// Chinese time.
const CHINA_MINUTES: i16 = 480;
/// No zone on Earth is further from UTC.
const FURTHEST_MINUTES: i16 = 14 * 60;

/// The zone of times in text, as minutes east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(i16);

impl Zone {
    /// An offset that no zone on Earth has falls back to Chinese time; a settings' schema does not let it come here.
    pub fn of_minutes(minutes: i16) -> Zone {
        let is_on_earth = minutes.unsigned_abs() <= FURTHEST_MINUTES.unsigned_abs();
        Zone(if is_on_earth { minutes } else { CHINA_MINUTES })
    }

    /// The instant that a field names: `2026-11-20 10:11:41` in this zone, or digits, whose number tells seconds from
    /// milliseconds. Empty texts, zeros and the years before 1970 that stand for "never" name none.
    pub fn instant(self, json: &Json) -> Option<Instant> {
        let said = json.word()?;
        if said.bytes().all(|b| b.is_ascii_digit()) {
            return of_number(said.parse().ok()?);
        }
        let local_ms = of_text(said)?.checked_mul(1000)?;
        u64::try_from(local_ms - i64::from(self.0) * 60_000).ok().filter(|ms| *ms > 0)
    }

    /// As platforms take it: `2026-11-20 10:11:41`. Milliseconds are cut off.
    pub fn text(self, at: Instant) -> String {
        let day_ms = DAY_MS as i64;
        let local_ms = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(i64::from(self.0) * 60_000);
        let (year, month, day) = civil(day_of(local_ms));
        let seconds = local_ms.rem_euclid(day_ms) / 1000;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Seconds since 1970 of a date and a time, taken as UTC. Of `2026-11-20 10:11:41` and nothing else.
fn of_text(said: &str) -> Option<i64> {
    let (date, time) = said.split_once(' ')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let days = days(year, month, day);
    // The 30th of February is another day when it is counted back, and so is the 13th month.
    let is_a_day = civil(days) == (year, month, day);
    let is_a_time = hour < 24 && minute < 60 && second < 60;
    let seconds = hour * 3600 + minute * 60 + second;
    (is_a_day && is_a_time).then(|| i64::from(days) * 86_400 + i64::from(seconds))
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i32; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let is_part = |part: &&str| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *number = parts.next().filter(is_part)?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Seconds and milliseconds, told apart by their size: of Youzan's versions a trade's is the one and an item's the other.
fn of_number(number: u64) -> Option<Instant> {
    match number {
        count if count < SECONDS_FROM => None,
        seconds if seconds < MILLIS_FROM => Some(seconds * 1000),
        ms => Some(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn china() -> Zone {
        Zone::of_minutes(480)
    }

    #[test]
    fn text_is_in_the_zone() {
        assert_eq!(china().instant(&Json::text("2026-11-20 10:11:41")), Some(1_795_140_701_000));
        assert_eq!(china().text(1_795_140_701_999), "2026-11-20 10:11:41");
        assert_eq!(Zone::of_minutes(0).instant(&Json::text("2026-11-20 02:11:41")), Some(1_795_140_701_000));
        assert_eq!(Zone::of_minutes(-300).text(1_795_140_701_999), "2026-11-19 21:11:41");
        assert_eq!(Zone::of_minutes(2000), china());
    }

    #[test]
    fn every_second_is_read_as_it_was_written() {
        // Steps that are no whole number of days, over leap days and turns of years, for a century.
        for at in (1_000..4_102_444_800_000).step_by(8_210_987_000) {
            assert_eq!(china().instant(&Json::text(china().text(at))), Some(at / 1000 * 1000), "{at}");
        }
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        for json in [
            Json::text("1795140701"),
            Json::Number("1795140701".into()),
            Json::Number("1795140701000".into()),
        ] {
            assert_eq!(china().instant(&json), Some(1_795_140_701_000));
        }
    }

    #[test]
    fn never_is_spelt_in_many_ways() {
        let never = [
            "",
            "null",
            "--",
            "0",
            "0001-01-01 00:00:00",
            "0000-00-00 00:00:00",
            "1970-01-01 08:00:00",
            "2026-11-20",
            "2026-02-30 00:00:00",
            "2026-13-01 00:00:00",
            "2026-11-20 24:00:00",
            "2026-11-20T10:11:41Z",
            "2026-11-20 1:11:41",
            "2026-11-20 10:11:41.5",
            "7",
            "soon",
        ];
        for said in never {
            assert_eq!(china().instant(&Json::text(said)), None, "{said}");
        }
        assert_eq!(china().instant(&Json::Null), None);
    }
}
