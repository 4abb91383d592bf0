//! Times as the Chinese platforms write them: `2026-11-20 10:11:12`, in GMT+8 and without a zone.

const OFFSET_MS: u64 = 8 * 3_600_000;
pub const DAY_MS: u64 = 86_400_000;
pub const HOUR_MS: u64 = 3_600_000;
pub const MINUTE_MS: u64 = 60_000;

/// A moment in calendar fields of GMT+8, ordered as time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub second_of_day: u64,
}

impl Civil {
    pub fn of(ms: u64) -> Self {
        let local = ms + OFFSET_MS;
        let second_of_day = local % DAY_MS / 1000;
        // Days to civil date, after Howard Hinnant's public-domain algorithm; all times here are after 1970.
        let shifted = local / DAY_MS + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            second_of_day,
        }
    }

    pub fn to_ms(self) -> u64 {
        let year = self.year - u64::from(self.month <= 2);
        let shifted_month = if self.month > 2 { self.month - 3 } else { self.month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
        let (era, year_of_era) = (year / 400, year % 400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        days * DAY_MS + self.second_of_day * 1000 - OFFSET_MS
    }

    /// The same day and time `months` later; a day that the month lacks is kept as a number, which only
    /// serves comparison.
    pub fn plus_months(self, months: u64) -> Self {
        let month = self.month - 1 + months;
        Self { year: self.year + month / 12, month: month % 12 + 1, ..self }
    }
}

/// `yyyy-MM-dd HH:mm:ss`.
pub fn text(ms: u64) -> String {
    let Civil { year, month, day, second_of_day: s } = Civil::of(ms);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// `yyyyMMddHHmmss`, as order numbers begin.
pub fn digits(ms: u64) -> String {
    text(ms).chars().filter(char::is_ascii_digit).collect()
}

/// The inverse of [`text`]; `None` for anything else, a date alone included.
pub fn parse(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if bytes.len() != 19 || separators.iter().any(|(at, mark)| bytes[*at] != *mark) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let sane = year >= 1971
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    sane.then(|| Civil { year, month, day, second_of_day: hour * 3600 + minute * 60 + second }.to_ms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        assert_eq!(text(1_795_140_701_000), "2026-11-20 10:11:41");
        assert_eq!(parse("2026-11-20 10:11:41"), Some(1_795_140_701_000));
        assert_eq!(digits(1_795_140_701_999), "20261120101141");
        for ms in (0..40_000).map(|day| day * 79_000_000 + 40_000_000_000) {
            assert_eq!(parse(&text(ms)), Some(ms / 1000 * 1000));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in ["", "2026-11-20", "2026-11-20T10:11:41", "2026-13-20 10:11:41", "1795140701"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
