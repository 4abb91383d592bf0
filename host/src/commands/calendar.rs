//! Times for people: in Beijing, where these customers live, or in UTC.

use model::Instant;

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// UTC+8 all year.
    Beijing,
    Utc,
}

impl Zone {
    pub(crate) fn new(utc: bool) -> Zone {
        if utc { Zone::Utc } else { Zone::Beijing }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Zone::Beijing => "Beijing time",
            Zone::Utc => "UTC",
        }
    }

    /// How many hours its clocks are before UTC.
    pub(crate) fn hours(self) -> i8 {
        match self {
            Zone::Beijing => 8,
            Zone::Utc => 0,
        }
    }

    /// `2026-11-20 10:11:12`.
    pub(crate) fn text(self, time: Instant) -> String {
        let local = match self {
            Zone::Beijing => time.saturating_add(8 * HOUR_MS),
            Zone::Utc => time,
        };
        let second = local % DAY_MS / 1000;
        let (year, month, day) = civil(local / DAY_MS);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Year, month and day of a number of days since 1970: eras of 400 years that begin in March, so that a leap day is
/// the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_zone() {
        assert_eq!(Zone::Utc.text(0), "1970-01-01 00:00:00");
        assert_eq!(Zone::Beijing.text(0), "1970-01-01 08:00:00");
        assert_eq!(Zone::Beijing.text(1_795_140_701_999), "2026-11-20 10:11:41");
        assert_eq!(Zone::Utc.text(1_709_164_799_000), "2024-02-28 23:59:59");
        assert_eq!(Zone::Utc.text(1_709_164_800_000), "2024-02-29 00:00:00");
        assert_eq!(Zone::Beijing.text(1_709_222_400_000), "2024-03-01 00:00:00");
        assert_eq!(Zone::Beijing.text(u64::MAX), "584556019-04-03 14:25:51");
    }
}
