//! `[limits]`: what one caller may ask of the host. Everything has a default.

use serde::Deserialize;

use crate::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSection {
    /// Bytes of a webhook's body; a larger one is answered 413. Platforms send a few KiB. 1 MiB if left out.
    body_max_bytes: usize,
    /// Webhooks that may wait for their plugin; past it a caller is answered 503 at once, and comes again. 1024 if
    /// left out.
    intake_waiting_max: usize,
}

/// What one caller may ask of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub body_max_bytes: usize,
    pub intake_waiting_max: usize,
}

/// The guests' memory must hold a body a few times over.
const BODY_MAX_BYTES_MAX: usize = 8 << 20;
/// Each that waits may hold a whole body.
const INTAKE_WAITING_MAX_MAX: usize = 65_536;

impl Default for LimitsSection {
    fn default() -> LimitsSection {
        LimitsSection { body_max_bytes: 1 << 20, intake_waiting_max: 1024 }
    }
}

impl LimitsSection {
    pub(crate) fn resolve(self) -> Result<Limits, Problem> {
        let LimitsSection { body_max_bytes, intake_waiting_max } = self;
        within("body_max_bytes", body_max_bytes, BODY_MAX_BYTES_MAX)?;
        within("intake_waiting_max", intake_waiting_max, INTAKE_WAITING_MAX_MAX)?;
        Ok(Limits { body_max_bytes, intake_waiting_max })
    }
}

fn within(key: &str, value: usize, max: usize) -> Result<(), Problem> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(Problem::wrong(key, format!("{value} is not between 1 and {max}")))
    }
}
