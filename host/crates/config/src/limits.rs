//! `[limits]`: what one caller may ask of the host. Everything has a default.

use std::time::Duration;

use serde::Deserialize;

use crate::{Problem, duration};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSection {
    /// Bytes of a webhook's body; a larger one is answered 413. Platforms send a few KiB. 1 MiB if left out.
    body_max_bytes: usize,
    /// Webhooks that may wait for their plugin; past it a caller is answered 503 at once, and comes again. 1024 if
    /// left out.
    intake_waiting_max: usize,
    /// Connections at once, on all listeners together; past it one is told 503 and closed. 1024 if left out.
    connections_max: usize,
    /// How long a request's head may take to arrive, TLS's greeting before it, and how long a connection may say nothing
    /// between two requests. `"10s"` if left out.
    head_within: String,
    /// How long a request's body may take to arrive. `"30s"` if left out.
    body_within: String,
}

/// What one caller may ask of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub body_max_bytes: usize,
    pub intake_waiting_max: usize,
    pub connections_max: usize,
    pub head_within: Duration,
    pub body_within: Duration,
}

/// The guests' memory must hold a body a few times over.
const BODY_MAX_BYTES_MAX: usize = 8 << 20;
/// Each that waits may hold a whole body.
const INTAKE_WAITING_MAX_MAX: usize = 65_536;
/// Each is a file of the process and some KiB.
const CONNECTIONS_MAX_MAX: usize = 65_536;
/// Whoever needs longer is held by somebody on purpose.
const WITHIN_MAX: Duration = Duration::from_secs(600);

impl Default for LimitsSection {
    fn default() -> LimitsSection {
        LimitsSection {
            body_max_bytes: 1 << 20,
            intake_waiting_max: 1024,
            connections_max: 1024,
            head_within: "10s".to_owned(),
            body_within: "30s".to_owned(),
        }
    }
}

impl LimitsSection {
    pub(crate) fn resolve(self) -> Result<Limits, Problem> {
        let LimitsSection { body_max_bytes, intake_waiting_max, connections_max, head_within, body_within } =
            self;
        within("body_max_bytes", body_max_bytes, BODY_MAX_BYTES_MAX)?;
        within("intake_waiting_max", intake_waiting_max, INTAKE_WAITING_MAX_MAX)?;
        within("connections_max", connections_max, CONNECTIONS_MAX_MAX)?;
        let (head_within, body_within) =
            (patience("head_within", &head_within)?, patience("body_within", &body_within)?);
        Ok(Limits { body_max_bytes, intake_waiting_max, connections_max, head_within, body_within })
    }
}

fn within(key: &str, value: usize, max: usize) -> Result<(), Problem> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(Problem::wrong(key, format!("{value} is not between 1 and {max}")))
    }
}

fn patience(key: &str, text: &str) -> Result<Duration, Problem> {
    let within = duration::parse(text).map_err(|reason| Problem::wrong(key, reason))?;
    if within > WITHIN_MAX {
        let reason = format!("\"{text}\" is longer than {} s", WITHIN_MAX.as_secs());
        return Err(Problem::wrong(key, reason));
    }
    Ok(within)
}
