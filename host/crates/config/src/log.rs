//! `[log]` and `[telemetry]`: what the host tells of its work.

use serde::Deserialize;

use crate::{Problem, origin};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// `"text"` for people, or `"json"`: one object in a line. `"text"` if left out; `heliu --json serve` is `"json"`.
    format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter of `tracing` like `info,sandbox=debug`. The
    /// environment variable `HELIU_LOG` goes before it. `"info"` if left out.
    level: String,
    /// Also log what plugins say in words of their own: their log lines, and why they refused or failed. These may quote
    /// what a channel sent, and so name people. Off if left out.
    plugin_text: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// How the host logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    /// A filter of `tracing`, not judged yet.
    pub level: String,
    pub plugin_text: bool,
}

impl Default for LogSection {
    fn default() -> LogSection {
        LogSection { format: LogFormat::default(), level: "info".to_owned(), plugin_text: false }
    }
}

impl LogSection {
    pub(crate) fn resolve(self) -> Log {
        let LogSection { format, level, plugin_text } = self;
        Log { format, level, plugin_text }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelemetrySection {
    /// Where traces go: a collector that takes OTLP over HTTP, by scheme, host and port; `/v1/traces` is put behind it.
    /// Nowhere if left out.
    otlp: Option<String>,
}

impl TelemetrySection {
    /// The collector's scheme, host and port.
    pub(crate) fn resolve(self) -> Result<Option<String>, Problem> {
        let TelemetrySection { otlp } = self;
        let checked = otlp.as_deref().map(origin::check).transpose();
        checked.map_err(|reason| Problem::wrong("otlp", reason))
    }
}
