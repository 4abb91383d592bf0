//! Youzan's times: text without a zone, seconds, or milliseconds, by field and by type of push.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::json::Json;

/// Digits from here on are seconds, since 2001. Less than that is a count: versions are times, or were meant
/// to be.
const SECONDS_FROM: u64 = 1_000_000_000;
/// Digits from here on are milliseconds; as seconds it would be the year 5138.
const MILLIS_FROM: u64 = 100_000_000_000;

/// The zone of times in text. Youzan names none anywhere; Chinese time is what its consoles show.
#[derive(Clone, Copy, Debug)]
pub struct Zone(Offset);

impl Zone {
    /// An offset that no zone on Earth has falls back to Chinese time; the settings' schema does not let it
    /// come here.
    pub fn of_minutes(minutes: i16) -> Zone {
        let east = |minutes: i16| Offset::from_seconds(i32::from(minutes) * 60).ok();
        Zone(east(minutes).or_else(|| east(480)).unwrap_or(Offset::UTC))
    }

    /// The instant that a field names. Empty texts, zeros and the years before 1970 that stand for "never"
    /// name none.
    pub fn instant(self, json: &Json) -> Option<u64> {
        let said = json.word()?;
        if said.bytes().all(|b| b.is_ascii_digit()) {
            return of_number(said.parse().ok()?);
        }
        let ms = self.0.to_timestamp(of_text(said)?).ok()?.as_millisecond();
        u64::try_from(ms).ok().filter(|ms| *ms > 0)
    }

    /// As the API takes it. Milliseconds are cut off: the API knows none.
    pub fn text(self, ms: u64) -> String {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        match Timestamp::from_millisecond(ms) {
            Ok(instant) => text_of(self.0.to_datetime(instant)),
            Err(_) => String::new(),
        }
    }
}

/// `2026-11-20 10:11:41` and nothing else. By hand: a parser and a printer of any format make the component
/// a good deal larger.
fn of_text(said: &str) -> Option<DateTime> {
    let (date, time) = said.split_once(' ')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let small = |number: i16| i8::try_from(number).ok();
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i16; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn text_of(civil: DateTime) -> String {
    let (date, time) = (civil.date(), civil.time());
    let date = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
    format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// Seconds and milliseconds, told apart by their size: `version` is the one for trades and the other for
/// items.
fn of_number(number: u64) -> Option<u64> {
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
    fn text_is_chinese_time() {
        assert_eq!(china().instant(&Json::text("2026-11-20 10:11:41")), Some(1_795_140_701_000));
        assert_eq!(china().text(1_795_140_701_999), "2026-11-20 10:11:41");
        assert_eq!(Zone::of_minutes(0).instant(&Json::text("2026-11-20 02:11:41")), Some(1_795_140_701_000));
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
