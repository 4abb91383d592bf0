//! `heliu doctor`: what is wrong, or soon will be, and what mends it.
//!
//! Looks and changes nothing, but for a file that it writes into the data folder and takes away again; what it opens is
//! migrated as by every reading command. Works beside a running host.

mod data;
mod disk;
mod doors;
mod finding;
mod plugins;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use config::Config;
use heliu::wiring;

use super::{print_json, unless_reader_left};
use finding::{Findings, Rank};

pub(crate) async fn run(path: &Path, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    match config::load(path) {
        Ok(config) => {
            findings.good("configuration", format!("{} holds", path.display()));
            examine(&config, &mut findings).await;
        }
        Err(error) => {
            findings.bad("configuration", error.to_string(), "correct the file; nothing else was looked at");
        }
    }
    let printed =
        if json { print_json(out, &findings.view()) } else { findings.print(out).map_err(Into::into) };
    unless_reader_left(printed)?;
    Ok(ExitCode::from(match findings.worst() {
        Rank::Good => 0,
        Rank::Look => 1,
        Rank::Bad => 2,
    }))
}

async fn examine(config: &Config, findings: &mut Findings) {
    let now = wiring::system_now();
    configuration(config, findings);
    doors::tokens(config, now, findings);
    doors::certificates(config, now, findings);
    disk::examine(config, findings);
    let data = data::examine(config, now, findings);
    plugins::examine(config, data.as_ref(), findings).await;
}

fn configuration(config: &Config, findings: &mut Findings) {
    const AREA: &str = "configuration";
    if let Err(error) = crate::logging::filter(config) {
        findings.bad(AREA, format!("{error:#}"), "write a level, like info, or a filter of tracing");
    }
    if config.clock == config::Clock::Manual {
        let mend = "leave `clock` out, unless this is a demo or a test";
        findings.look(AREA, "time stands still until a caller of the API moves it", mend);
    }
    if config.log.plugin_text {
        let mend = "leave it off when you have found what you look for";
        findings.look(AREA, "[log] plugin_text is on: the log may name people", mend);
    }
    if config.connections.is_empty() {
        findings.look(AREA, "there is no connection: nothing comes in", "add a [[connection]]");
    }
}

#[cfg(test)]
mod tests;
