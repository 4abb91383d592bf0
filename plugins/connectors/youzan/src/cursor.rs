//! How far polling has come. Kept by the host as JSON, committed together with the events.
//!
//! ```json
//! {"version":1,"done_to":1795140000000,"span_ms":2592000000,"pass":null}
//! ```
//!
//! `heliu_sdk::passes` says what the numbers mean.

use heliu_sdk::events::Json as JsonText;
use heliu_sdk::faults::Fault;
use heliu_sdk::passes::{self, Progress, Reach};
use heliu_sdk::time::DAY_MS;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    version: u32,
    #[serde(flatten)]
    pub progress: Progress,
}

impl Cursor {
    pub fn read(text: Option<&JsonText>, settings: &Settings, now: u64) -> Result<Cursor, Fault> {
        match text {
            Some(text) => passes::read_cursor(text, VERSION),
            None => Ok(Cursor::first(settings, now)),
        }
    }

    fn first(settings: &Settings, now: u64) -> Cursor {
        let back = u64::from(settings.first_poll_days) * DAY_MS;
        Cursor { version: VERSION, progress: Progress::since(now.saturating_sub(back), reach(settings)) }
    }

    pub fn write(&self) -> JsonText {
        // Numbers alone: they always have a JSON text.
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub fn reach(settings: &Settings) -> Reach {
    Reach {
        // Below three calendar months, whichever they are.
        span_max_ms: u64::from(settings.window_days.clamp(1, 89)) * DAY_MS,
        overlap_ms: u64::from(settings.poll_overlap_s) * 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::sample;

    #[test]
    fn it_is_read_as_it_was_written() {
        let written = Cursor::first(&sample(), 1_795_140_701_000);
        assert_eq!(Cursor::read(Some(&written.write()), &sample(), 0), Ok(written));
        let foreign = Cursor::read(Some(&r#"{"version":2}"#.into()), &sample(), 0);
        assert!(matches!(foreign, Err(Fault::Misconfigured(_))));
        assert!(matches!(Cursor::read(Some(&"[]".into()), &sample(), 0), Err(Fault::Malformed(_))));
    }
}
