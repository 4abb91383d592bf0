//! How far polling has come in a list that moves while it is read: passes, windows, and pages from the last to the
//! first.
//!
//! For lists of orders by their time of change, one page for each call. A feed keeps its [`Progress`] in its cursor:
//!
//! ```json
//! {"done_to":1795140000000,"span_ms":2592000000,
//!  "pass":{"goal":1795140060000,"calm_to":1795139460000,"read_to":1795139400000,
//!          "window":{"from":1795139399000,"to":1795140060000,"page":2,"total":130,"restarts":0}}}
//! ```
//!
//! Everything that changed before `done_to` has been read. A pass reads on from there to its goal; it begins within
//! what is done, for a change may have become visible late. It goes in windows, one query each, as wide as a query can
//! bear. Instants are whole seconds, since that is all that such APIs can tell apart.
//!
//! A window's pages are read from the last to the first. An order that changes again leaves the window, and those
//! behind it move up: into pages that are still to be read. From the first to the last they would move into pages that
//! were read already, and be missed. If the count grows, the window is read anew.
//!
//! A window of several pages ends at `calm_to` or begins there: orders may leave it while it is read, and none get in.
//! So every change is read once in calm waters, where no page can slip away, and mostly once before, sooner.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::events::Instant;
use crate::faults::Fault;
use crate::json;

const SECOND_MS: u64 = 1000;

/// A window that rows get into while it is paged through is read again so many times before it is narrowed.
const RESTARTS_MAX: u32 = 2;

/// The end moves on while a page is read. Only more than this is called being behind, or polling would never rest.
const BEHIND_MS: u64 = 60_000;

/// How far one pass reaches, and one query of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The widest window that a query takes.
    pub span_max_ms: u64,
    /// How much of what is done each pass reads again: how late a change may become visible.
    pub overlap_ms: u64,
}

/// What the page that was just read tells of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Rows of the whole window.
    pub total: u64,
    /// Rows of a page.
    pub size: u64,
    /// The most rows that one query gives, whatever the pages.
    pub rows_max: u64,
}

/// What to do with the page that was just read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Keep its rows. The progress has gone on behind it.
    Keep,
    /// Leave it: the window is read anew, or in other bounds.
    Reread,
    /// The window holds more rows than can be read, and it is only a second wide.
    TooMuch,
}

/// How far a feed has come in one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whatever changed before this has been read.
    pub done_to: Instant,
    /// How far the next window may reach. Halved where one held too much, doubled where it did not.
    span_ms: u64,
    pass: Option<Pass>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pass {
    goal: Instant,
    /// What changed before this is visible by now.
    calm_to: Instant,
    read_to: Instant,
    window: Option<Window>,
}

/// One query, being paged through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The query's first second.
    pub from: Instant,
    /// Its last second.
    pub to: Instant,
    /// The page to read next. None: not even counted yet, which its first page does.
    pub page: Option<u64>,
    /// How many rows there were when it was counted.
    pub total: u64,
    restarts: u32,
}

impl Progress {
    /// Nothing after `done_to` is read yet.
    pub fn since(done_to: Instant, reach: Reach) -> Progress {
        Progress { done_to: whole_second(done_to), span_ms: reach.span_max_ms, pass: None }
    }

    /// Takes out the window to read now: the one being paged through, or the next one of this pass, or the first of a
    /// new one up to `limit`. None if nothing lies between what is done and `limit`.
    pub fn take_window(&mut self, reach: Reach, limit: Instant) -> Option<Window> {
        if self.pass.is_none() && limit <= self.done_to {
            return None;
        }
        let read_to = self.done_to.saturating_sub(reach.overlap_ms);
        let calm_to = limit.saturating_sub(reach.overlap_ms);
        let pass = self.pass.get_or_insert(Pass { goal: limit, calm_to, read_to, window: None });
        let span_ms = self.span_ms.clamp(SECOND_MS, reach.span_max_ms);
        Some(pass.window.take().unwrap_or(Window {
            // Whether a query includes its ends, no page says: a second of the window before is read again.
            from: pass.read_to.saturating_sub(SECOND_MS),
            to: pass.goal.min(pass.read_to.saturating_add(span_ms)),
            page: None,
            total: 0,
            restarts: 0,
        }))
    }

    /// Goes on behind the page that was read of this window: to the page before it, to the next window, or back.
    pub fn turn(&mut self, window: Window, count: Count, reach: Reach) -> Turn {
        let Count { total, size, rows_max } = count;
        let is_too_much = total > rows_max;
        let has_grown = window.page.is_some() && total > window.total;
        if is_too_much || has_grown {
            let is_restless = window.restarts >= RESTARTS_MAX;
            if (is_too_much || is_restless) && self.narrow(&window) {
                return Turn::Reread;
            }
            if is_too_much {
                return Turn::TooMuch;
            }
            self.put_back(Window { page: None, total: 0, restarts: window.restarts + 1, ..window });
            return Turn::Reread;
        }
        if window.page.is_none()
            && total > size
            && let Some(calm) = self.calm_part(&window)
        {
            self.put_back(calm);
            return Turn::Reread;
        }
        let next = match window.page {
            // Counted by its first page. If there are others, the first is read again as the last.
            None => Some(total.div_ceil(size)).filter(|last| *last > 1),
            Some(number) => Some(number - 1).filter(|next| *next > 0),
        };
        match next {
            Some(next) => self.put_back(Window { page: Some(next), total, ..window }),
            None => self.finish(&window, reach),
        }
        Turn::Keep
    }

    /// Whether a pass is under way.
    pub fn is_under_way(&self) -> bool {
        self.pass.is_some()
    }

    /// Whether a window is being paged through.
    pub fn is_in_window(&self) -> bool {
        self.pass.as_ref().is_some_and(|pass| pass.window.is_some())
    }

    /// Whether so much lies between here and `limit` that it is worth another call at once.
    pub fn is_behind(&self, limit: Instant) -> bool {
        self.is_under_way() || limit.saturating_sub(self.done_to) > BEHIND_MS
    }

    fn put_back(&mut self, window: Window) {
        if let Some(pass) = &mut self.pass {
            pass.window = Some(window);
        }
    }

    /// Cuts a window of several pages where the calm ends. None where it does not lie across.
    fn calm_part(&self, window: &Window) -> Option<Window> {
        let calm_to = self.pass.as_ref()?.calm_to;
        let is_across = window.from + SECOND_MS < calm_to && calm_to < window.to;
        is_across.then(|| Window { to: calm_to, ..window.clone() })
    }

    /// The window is read to its end.
    fn finish(&mut self, window: &Window, reach: Reach) {
        self.span_ms = self.span_ms.saturating_mul(2).clamp(SECOND_MS, reach.span_max_ms);
        match &mut self.pass {
            Some(pass) if window.to < pass.goal => pass.read_to = window.to,
            Some(pass) => {
                self.done_to = self.done_to.max(pass.goal);
                self.pass = None;
            }
            None => {}
        }
    }

    /// The window holds too much: the next one reaches half as far. False if it cannot.
    fn narrow(&mut self, window: &Window) -> bool {
        // The second that is read again does not count.
        let reach_ms = window.to.saturating_sub(window.from).saturating_sub(SECOND_MS);
        if reach_ms <= SECOND_MS {
            return false;
        }
        self.span_ms = whole_second(reach_ms / 2).max(SECOND_MS);
        true
    }
}

/// Reads a feed's cursor, a JSON object whose `version` says which shape it has. Another version than the plugin's own is
/// for the operator to mend: he went back to an older plugin.
pub fn read_cursor<T: DeserializeOwned>(text: &str, version: u32) -> Result<T, Fault> {
    #[derive(Deserialize)]
    struct Stamp {
        version: u32,
    }
    let malformed = |e: serde_json::Error| Fault::Malformed(format!("cursor: {}", json::complaint(&e)));
    let stamp: Stamp = serde_json::from_str(text).map_err(malformed)?;
    if stamp.version != version {
        return Err(Fault::Misconfigured(format!(
            "the cursor is of version {}, this connector reads version {version}",
            stamp.version
        )));
    }
    serde_json::from_str(text).map_err(malformed)
}

/// The instant without its milliseconds.
pub fn whole_second(at: Instant) -> Instant {
    at - at % SECOND_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = 1_795_140_701_000;
    const DAY_MS: u64 = 86_400_000;
    const REACH: Reach = Reach { span_max_ms: 30 * DAY_MS, overlap_ms: 600_000 };

    fn done(done_to: Instant) -> Progress {
        Progress::since(done_to, REACH)
    }

    fn count(total: u64) -> Count {
        Count { total, size: 100, rows_max: 10_000 }
    }

    #[test]
    fn a_new_pass_reads_the_end_of_the_last_again() {
        let mut progress = done(NOW);
        assert_eq!(progress.take_window(REACH, NOW), None);
        let window = progress.take_window(REACH, NOW + 60_000);
        let expected = Window { from: NOW - 601_000, to: NOW + 60_000, page: None, total: 0, restarts: 0 };
        assert_eq!(window, Some(expected));
    }

    #[test]
    fn however_narrow_a_pass_leaves_no_gap_and_comes_to_its_end() {
        let goal = NOW + 10 * DAY_MS;
        let mut progress = done(NOW);
        let (mut read_to, mut narrowed) = (NOW - 600_000, 0);
        while let Some(window) = progress.take_window(REACH, goal) {
            assert!(window.from < read_to && window.to > read_to, "{window:?}");
            let to = window.to;
            let total = if narrowed < 40 { 10_001 } else { 1 };
            match progress.turn(window, count(total), REACH) {
                Turn::Reread => narrowed += 1,
                Turn::Keep => read_to = to,
                // As narrow as can be: what it holds is taken as it is from here on.
                Turn::TooMuch => {
                    narrowed = 40;
                    progress.pass.as_mut().expect("because it is under way").window = None;
                }
            }
        }
        assert_eq!((read_to, progress.done_to), (goal, goal));
        assert!(narrowed >= 20, "{narrowed}");
    }

    #[test]
    fn pages_are_turned_from_the_last_to_the_first() {
        let mut progress = done(NOW);
        // All of it is calm: the pass's goal lies far behind.
        let mut pages = Vec::new();
        let reach = Reach { overlap_ms: 0, ..REACH };
        while let Some(window) = progress.take_window(reach, NOW + 60_000) {
            pages.push(window.page);
            assert_eq!(progress.turn(window, count(250), reach), Turn::Keep);
        }
        assert_eq!(pages, [None, Some(3), Some(2), Some(1)]);
        assert!(!progress.is_behind(NOW + 60_000));
    }

    #[test]
    fn a_window_that_grows_is_read_anew_and_then_narrowed() {
        let mut progress = done(NOW);
        let reach = Reach { overlap_ms: 0, ..REACH };
        let goal = NOW + 60_000;
        let mut take = |total, expected| {
            let window = progress.take_window(reach, goal).expect("because the pass is not over");
            let (page, to) = (window.page, window.to);
            assert_eq!(progress.turn(window, count(total), reach), expected);
            (page, to)
        };
        for _ in 0..2 {
            assert_eq!(take(150, Turn::Keep), (None, goal));
            assert_eq!(take(151, Turn::Reread), (Some(2), goal));
        }
        assert_eq!(take(150, Turn::Keep), (None, goal));
        assert_eq!(take(151, Turn::Reread), (Some(2), goal));
        assert_eq!(take(80, Turn::Keep), (None, NOW + 30_000));
    }

    #[test]
    fn several_pages_are_cut_where_late_rows_may_still_appear() {
        let mut progress = done(NOW);
        let goal = NOW + DAY_MS;
        let window = progress.take_window(REACH, goal).expect("because a day is new");
        assert_eq!(progress.turn(window, count(150), REACH), Turn::Reread);
        let calm = progress.take_window(REACH, goal).expect("because it is read in two parts");
        assert_eq!((calm.page, calm.to), (None, goal - REACH.overlap_ms));
    }

    #[test]
    fn a_cursor_of_another_version_is_not_read() {
        assert_eq!(
            read_cursor(r#"{"version":1,"done":2}"#, 1),
            Ok(serde_json::json!({"version":1,"done":2}))
        );
        let read = |text: &str| read_cursor::<serde_json::Value>(text, 1);
        assert!(matches!(read(r#"{"version":2}"#), Err(Fault::Misconfigured(_))));
        assert!(matches!(read("[]"), Err(Fault::Malformed(_))));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut written = done(NOW);
        let window = written.take_window(REACH, NOW + 2000).expect("because two seconds are new");
        written.turn(
            window,
            Count { total: 130, size: 50, rows_max: 10_000 },
            Reach { overlap_ms: 0, ..REACH },
        );
        let text = serde_json::to_string(&written).expect("because numbers have a text");
        assert_eq!(serde_json::from_str::<Progress>(&text).expect("because it was just written"), written);
    }
}
