//! How far polling has come in each list. Kept by the host as JSON, committed together with the chores.
//!
//! ```json
//! {"version":1,"turn":"trades","trades":{"done_to":1795140000000,"span_ms":1799000,"pass":null},
//!  "refunds":{…},"backfill":{"goal":1795140000000,"progress":{…}}}
//! ```
//!
//! The first poll fixes an instant. Orders created before it are the backfill's, as far back as the settings say; what
//! changes after it is the increments'. `heliu_sdk::passes` says what stands in a list's progress.

use heliu_sdk::events::{Instant, Json as JsonText};
use heliu_sdk::faults::Fault;
use heliu_sdk::passes::{self, Count, Progress, Turn, Window};
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Serialize};

use crate::lists::List;
use crate::settings::Settings;

const VERSION: u32 = 1;

/// TOP keeps three months, the shortest of which have 89 days.
const HISTORY_DAYS: u64 = 89;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    version: u32,
    /// The list whose turn it is.
    pub turn: List,
    trades: Progress,
    refunds: Progress,
    /// None: done.
    backfill: Option<Backfill>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Backfill {
    goal: Instant,
    progress: Progress,
}

impl Cursor {
    /// `limit` is how far polling may read now.
    pub fn read(text: Option<&JsonText>, settings: &Settings, limit: Instant) -> Result<Cursor, Fault> {
        match text {
            Some(text) => passes::read_cursor(text, VERSION),
            None => Ok(Cursor::first(settings, limit)),
        }
    }

    fn first(settings: &Settings, limit: Instant) -> Cursor {
        let days = u64::from(settings.backfill_days).min(HISTORY_DAYS);
        let begin = limit.saturating_sub(days * DAY_MS);
        let progress = Progress::since(begin, List::Backfill.reach(settings));
        Cursor {
            version: VERSION,
            turn: List::Trades,
            trades: Progress::since(limit, List::Trades.reach(settings)),
            refunds: Progress::since(begin, List::Refunds.reach(settings)),
            backfill: (days > 0).then_some(Backfill { goal: limit, progress }),
        }
    }

    pub fn write(&self) -> JsonText {
        // Numbers and names alone: they always have a JSON text.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Moves a list on that was left alone for longer than TOP keeps. Gives what cannot be read any more.
    pub fn skip_what_is_gone(
        &mut self,
        settings: &Settings,
        limit: Instant,
    ) -> Option<(List, Instant, Instant)> {
        let oldest = limit.saturating_sub(HISTORY_DAYS * DAY_MS);
        let done_to = self.trades.done_to;
        if done_to >= oldest {
            return None;
        }
        self.trades = Progress::since(oldest, List::Trades.reach(settings));
        Some((List::Trades, done_to, oldest))
    }

    /// Takes out the window to read now of the list whose turn it is. None if there is nothing to read in it.
    pub fn take_window(&mut self, settings: &Settings, limit: Instant) -> Option<Window> {
        let reach = self.turn.reach(settings);
        // While the past is being read, the present is looked at once a minute and not after each page.
        let is_resting = |progress: &Progress| self.backfill.is_some() && !progress.is_behind(limit);
        match self.turn {
            List::Trades if is_resting(&self.trades) => None,
            List::Refunds if is_resting(&self.refunds) => None,
            List::Trades => self.trades.take_window(reach, limit),
            List::Refunds => self.refunds.take_window(reach, limit),
            List::Backfill => {
                let backfill = self.backfill.as_mut()?;
                let window = backfill.progress.take_window(reach, backfill.goal);
                if window.is_none() {
                    self.backfill = None;
                }
                window
            }
        }
    }

    /// Goes on behind the page that was read. A list that has come to the end of its pass gives its turn away; so does
    /// the backfill after each window.
    pub fn turn_page(&mut self, window: Window, total: u64, settings: &Settings) -> Turn {
        let count = Count { total, size: settings.page_size(), rows_max: List::rows_max(settings) };
        let reach = self.turn.reach(settings);
        let Some(progress) = self.progress() else { return Turn::Keep };
        let turn = progress.turn(window, count, reach);
        let is_over = match self.turn {
            List::Trades => !self.trades.is_under_way(),
            List::Refunds => !self.refunds.is_under_way(),
            List::Backfill => self.backfill.as_ref().is_none_or(|backfill| !backfill.progress.is_in_window()),
        };
        if is_over {
            self.turn = self.turn.next();
        }
        turn
    }

    /// Whether more is waiting, so that the next call should come at once.
    pub fn is_behind(&self, limit: Instant) -> bool {
        let is_mid_round = self.turn != List::Trades;
        is_mid_round
            || self.backfill.is_some()
            || self.trades.is_behind(limit)
            || self.refunds.is_behind(limit)
    }

    fn progress(&mut self) -> Option<&mut Progress> {
        match self.turn {
            List::Trades => Some(&mut self.trades),
            List::Refunds => Some(&mut self.refunds),
            List::Backfill => self.backfill.as_mut().map(|backfill| &mut backfill.progress),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    const NOW: Instant = 1_795_140_701_000;

    fn first(days: u16) -> Cursor {
        let mut settings = sample();
        settings.backfill_days = days;
        Cursor::first(&settings, NOW)
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for days in [0, 30] {
            let written = first(days);
            assert_eq!(Cursor::read(Some(&written.write()), &sample(), 0), Ok(written));
        }
        let foreign = Cursor::read(Some(&r#"{"version":2}"#.into()), &sample(), 0);
        assert!(matches!(foreign, Err(Fault::Misconfigured(_))));
        assert!(matches!(Cursor::read(Some(&"[]".into()), &sample(), 0), Err(Fault::Malformed(_))));
    }

    #[test]
    fn the_past_is_read_whole_and_the_present_meanwhile() {
        let settings = sample();
        let mut cursor = first(3);
        let (mut windows, mut limit) = (Vec::new(), NOW);
        while cursor.is_behind(limit) {
            limit += 20_000;
            if let Some(window) = cursor.take_window(&settings, limit) {
                windows.push((cursor.turn, window.from, window.to));
                assert_eq!(cursor.turn_page(window, 0, &settings), Turn::Keep);
            } else {
                cursor.turn = cursor.turn.next();
            }
            assert!(windows.len() < 50, "{windows:?}");
        }
        for list in [List::Trades, List::Refunds, List::Backfill] {
            let of_list: Vec<_> = windows.iter().filter(|(of, ..)| *of == list).collect();
            let gaps = of_list.windows(2).filter(|pair| pair[1].1 >= pair[0].2).count();
            assert_eq!(gaps, 0, "{of_list:?}");
        }
        let past: Vec<_> = windows.iter().filter(|(of, ..)| *of == List::Backfill).collect();
        assert!(past[0].1 < NOW - 3 * DAY_MS && past[past.len() - 1].2 == NOW, "{past:?}");
    }

    #[test]
    fn no_window_is_wider_than_the_platform_takes() {
        let mut settings = sample();
        settings.window_s = 86_400;
        let mut cursor = first(0);
        for limit in [NOW + 1000, NOW + 10 * DAY_MS] {
            let window = cursor.clone().take_window(&settings, limit).expect("because time has gone by");
            assert!(window.to - window.from <= DAY_MS, "{window:?}");
        }
        assert_eq!(cursor.skip_what_is_gone(&settings, NOW + DAY_MS), None);
        let gone = cursor.skip_what_is_gone(&settings, NOW + 100 * DAY_MS);
        assert_eq!(gone, Some((List::Trades, NOW, NOW + 11 * DAY_MS)));
    }
}
