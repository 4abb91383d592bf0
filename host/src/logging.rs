//! What the host tells of its work, and in which shape.
//!
//! Field names are a promise to who searches them; OPERATIONS lists them. Nobody's data stands in a line of the host's own:
//! what plugins say in words of their own, which may quote what a channel sent, goes to the target `PLUGIN_TEXT`, which is
//! off unless `[log] plugin_text` is set, whatever the filter says.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use config::{Config, Log, LogFormat};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::telemetry::{self, Exporter, Flush, Spans};

/// Of what plugins say in words of their own.
pub(crate) const PLUGIN_TEXT: &str = "plugin_text";

/// Goes before `[log] level`.
const VARIABLE: &str = "HELIU_LOG";

/// From here on the process logs to standard error, `json` whatever the file says; and gathers traces, where somebody
/// collects them.
pub(crate) fn start(config: &Config, json: bool) -> anyhow::Result<Option<(Exporter, Flush)>> {
    let Log { format, level: _, plugin_text } = &config.log;
    let filter = filter(config)?;
    let (json, plugin_text) = (json || *format == LogFormat::Json, *plugin_text);
    let shown = filter_fn(move |line| {
        let target = line.target();
        target != api::TRACE && (plugin_text || target != PLUGIN_TEXT)
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines =
        if json { lines.json().boxed() } else { lines.with_ansi(std::io::stderr().is_terminal()).boxed() };
    let (spans, sending) = match &config.otlp {
        Some(collector) => {
            let (spans, exporter, flush) = telemetry::pair(collector, &config.tenant);
            (Some(spans.with_filter(filter_fn(Spans::wants))), Some((exporter, flush)))
        }
        None => (None, None),
    };
    let lines = lines.with_filter(filter.and(shown));
    tracing_subscriber::registry().with(lines).with(spans).try_init().context("start the log")?;
    Ok(sending)
}

/// What is let through, by the environment or the file.
pub(crate) fn filter(config: &Config) -> anyhow::Result<EnvFilter> {
    match std::env::var(VARIABLE) {
        Ok(filter) => EnvFilter::try_new(&filter).with_context(|| format!("{VARIABLE}: \"{filter}\"")),
        Err(_) => {
            let level = &config.log.level;
            let at = || format!("{}: [log] key \"level\": \"{level}\"", config.path.display());
            EnvFilter::try_new(level).with_context(at)
        }
    }
}
