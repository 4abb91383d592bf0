//! How far polling has come. Kept by the host as JSON, committed together with the events.
//!
//! ```json
//! {"version":1,"done_to":1795140000000,"span_ms":2592000000,
//!  "pass":{"goal":1795140060000,"calm_to":1795139460000,"read_to":1795139400000,
//!          "window":{"from":1795139399000,"to":1795140060000,"page":2,"total":130,"restarts":0}}}
//! ```
//!
//! Every order that changed before `done_to` has been read. A pass reads on from there to its goal; it begins
//! within what is done, for an order may have become visible late. It goes in windows, one query each, as
//! wide as a query can bear. A window of several pages ends at `calm_to` or begins there: orders may leave it
//! while it is read, and none get in. So every change is read once in calm waters, where no page can slip
//! away, and mostly once before, sooner. Instants are whole seconds, since that is all that the API can tell
//! apart.

use heliu_sdk::events::Json as JsonText;
use heliu_sdk::faults::Fault;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::settings::Settings;

const VERSION: u32 = 1;
const SECOND_MS: u64 = 1000;
const DAY_MS: u64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    version: u32,
    pub done_to: u64,
    /// How far the next window may reach. Halved where one held too much, doubled where it did not.
    span_ms: u64,
    pub pass: Option<Pass>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    goal: u64,
    /// What changed before this is visible by now.
    calm_to: u64,
    read_to: u64,
    window: Option<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from: u64,
    pub to: u64,
    /// The page to read next. They are read from the last to the first. None: not even counted yet.
    pub page: Option<u64>,
    /// How many orders there were at the last look.
    pub total: u64,
    pub restarts: u32,
}

#[derive(Deserialize)]
struct Stamp {
    version: u32,
}

impl Cursor {
    pub fn read(text: Option<&JsonText>, settings: &Settings, now: u64) -> Result<Cursor, Fault> {
        let Some(text) = text else { return Ok(Cursor::first(settings, now)) };
        let malformed = |e: serde_json::Error| Fault::Malformed(format!("cursor: {}", json::complaint(&e)));
        let Stamp { version } = serde_json::from_str(text).map_err(malformed)?;
        if version != VERSION {
            let why = format!("the cursor is of version {version}, this connector reads version {VERSION}");
            return Err(Fault::Misconfigured(why));
        }
        serde_json::from_str(text).map_err(malformed)
    }

    fn first(settings: &Settings, now: u64) -> Cursor {
        let back = u64::from(settings.first_poll_days) * DAY_MS;
        let done_to = whole_second(now.saturating_sub(back));
        Cursor { version: VERSION, done_to, span_ms: span_max_ms(settings), pass: None }
    }

    pub fn write(&self) -> JsonText {
        // Numbers alone: they always have a JSON text.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Takes out the window to read now: the one being paged through, or the next one of this pass, or the
    /// first of a new one up to `limit`. None if nothing lies between what is done and `limit`.
    pub fn take_window(&mut self, settings: &Settings, limit: u64) -> Option<Window> {
        if self.pass.is_none() && limit <= self.done_to {
            return None;
        }
        let overlap_ms = u64::from(settings.poll_overlap_s) * SECOND_MS;
        let read_to = self.done_to.saturating_sub(overlap_ms);
        let calm_to = limit.saturating_sub(overlap_ms);
        let pass = self.pass.get_or_insert(Pass { goal: limit, calm_to, read_to, window: None });
        let span_ms = self.span_ms.clamp(SECOND_MS, span_max_ms(settings));
        Some(pass.window.take().unwrap_or(Window {
            // Whether a query includes its ends, no page says: a second of the window before is read again.
            from: pass.read_to.saturating_sub(SECOND_MS),
            to: pass.goal.min(pass.read_to.saturating_add(span_ms)),
            page: None,
            total: 0,
            restarts: 0,
        }))
    }

    /// Goes on with this window at the next call.
    pub fn put_back(&mut self, window: Window) {
        if let Some(pass) = &mut self.pass {
            pass.window = Some(window);
        }
    }

    /// Cuts a window of several pages where the calm ends. None where it does not lie across.
    pub fn calm_part(&self, window: &Window) -> Option<Window> {
        let calm_to = self.pass.as_ref()?.calm_to;
        let is_across = window.from + SECOND_MS < calm_to && calm_to < window.to;
        is_across.then(|| Window { to: calm_to, ..window.clone() })
    }

    /// The window is read to its end.
    pub fn finish(&mut self, window: &Window, settings: &Settings) {
        self.span_ms = self.span_ms.saturating_mul(2).clamp(SECOND_MS, span_max_ms(settings));
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
    pub fn narrow(&mut self, window: &Window) -> bool {
        // The second that is read again does not count.
        let reach_ms = window.to.saturating_sub(window.from).saturating_sub(SECOND_MS);
        if reach_ms <= SECOND_MS {
            return false;
        }
        self.span_ms = whole_second(reach_ms / 2).max(SECOND_MS);
        true
    }
}

impl Window {
    /// The same, to be counted anew.
    pub fn restart(self) -> Window {
        Window { page: None, total: 0, restarts: self.restarts + 1, ..self }
    }
}

pub fn whole_second(ms: u64) -> u64 {
    ms - ms % SECOND_MS
}

/// Below three calendar months, whichever they are.
fn span_max_ms(settings: &Settings) -> u64 {
    u64::from(settings.window_days.clamp(1, 89)) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    const NOW: u64 = 1_795_140_701_000;

    fn cursor(done_to: u64, span_ms: u64) -> Cursor {
        Cursor { version: VERSION, done_to, span_ms, pass: None }
    }

    #[test]
    fn a_new_pass_reads_the_end_of_the_last_again() {
        let mut cursor = cursor(NOW, 30 * DAY_MS);
        assert_eq!(cursor.take_window(&sample(), NOW), None);
        let window = cursor.take_window(&sample(), NOW + 60_000);
        let expected = Window { from: NOW - 601_000, to: NOW + 60_000, page: None, total: 0, restarts: 0 };
        assert_eq!(window, Some(expected));
    }

    #[test]
    fn however_narrow_a_pass_leaves_no_gap_and_comes_to_its_end() {
        let settings = sample();
        let goal = NOW + 10 * DAY_MS;
        let mut cursor = cursor(NOW, 30 * DAY_MS);
        let (mut read_to, mut narrowed) = (NOW - 600_000, 0);
        while let Some(window) = cursor.take_window(&settings, goal) {
            assert!(window.from < read_to && window.to > read_to, "{window:?}");
            if narrowed < 40 && cursor.narrow(&window) {
                narrowed += 1;
            } else {
                read_to = window.to;
                cursor.finish(&window, &settings);
            }
        }
        assert_eq!((read_to, cursor.done_to), (goal, goal));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut written = cursor(NOW, 2000);
        let window = Window { from: NOW, to: NOW + 2000, page: Some(3), total: 130, restarts: 1 };
        written.pass = Some(Pass { goal: NOW, calm_to: NOW, read_to: NOW, window: Some(window) });
        assert_eq!(Cursor::read(Some(&written.write()), &sample(), 0), Ok(written));
        let foreign = Cursor::read(Some(&r#"{"version":2}"#.into()), &sample(), 0);
        assert!(matches!(foreign, Err(Fault::Misconfigured(_))));
        assert!(matches!(Cursor::read(Some(&"[]".into()), &sample(), 0), Err(Fault::Malformed(_))));
    }
}
