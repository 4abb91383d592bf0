//! Instants for people and for platforms: days, dates, texts. A plugin has no time zone of its own; it is a setting.

mod zone;

use crate::events::Instant;

pub use zone::Zone;

/// The milliseconds of a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The days from 1970-01-01 that have a year of four digits: from the year 1 to the year 9999.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;

/// The date of an instant, as `2026-05-03`, in a zone that is `utc_offset_minutes` ahead of UTC (480 in China). What is
/// beyond the year 9999 is its last day.
pub fn date(at: Instant, utc_offset_minutes: i32) -> String {
    let local_ms =
        i64::try_from(at).unwrap_or(i64::MAX).saturating_add(i64::from(utc_offset_minutes) * 60_000);
    // Reasons are full of dates, and the formatter takes ten times as long as this does.
    let (year, month, day) = civil(day_of(local_ms));
    let digit = |number: i32| char::from(b'0' + (number % 10) as u8);
    let mut text = String::with_capacity("2026-05-03".len());
    [year / 1000, year / 100, year / 10, year].into_iter().for_each(|number| text.push(digit(number)));
    for part in [month, day] {
        text.push('-');
        text.push(digit(part / 10));
        text.push(digit(part));
    }
    text
}

/// The days since 1970-01-01, within the years of four digits.
fn day_of(local_ms: i64) -> i32 {
    local_ms.div_euclid(DAY_MS as i64).clamp(FIRST_DAY.into(), LAST_DAY.into()) as i32
}

/// Year, month and day of a count of days since 1970-01-01. Counts in years that begin in March, so that the leap day
/// is the last of its year, and in cycles of 400 years, which all have the same number of days. In 32 bits, of which a
/// sandbox divides several times as fast as of 64.
fn civil(days: i32) -> (i32, i32, i32) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i32::from(month <= 2), month, day)
}

/// The count of days since 1970-01-01 of a date; the way back of [`civil`]. A day or a month too many runs on into the
/// next one.
fn days(year: i32, month: i32, day: i32) -> i32 {
    let year = year - i32::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at, expected) in [
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (1_709_164_800_000, "2024-02-29"),
            (1_767_225_599_999, "2025-12-31"),
            (1_767_225_600_000, "2026-01-01"),
            (4_107_542_400_000, "2100-03-01"),
        ] {
            assert_eq!(date(at, 0), expected);
        }
    }

    #[test]
    fn an_offset_moves_the_midnight_and_no_instant_overflows() {
        assert_eq!(date(1_767_225_599_999, 480), "2026-01-01");
        assert_eq!(date(0, -720), "1969-12-31");
        assert_eq!(date(u64::MAX, i32::MAX), "9999-12-31");
        assert_eq!(date(0, i32::MIN), "0001-01-01");
        assert_eq!(date(253_402_300_799_999, 0), "9999-12-31");
    }
}
