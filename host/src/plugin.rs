//! `heliu plugin`: look at a plugin, or call it once in the real sandbox, outside any store.

mod call;
mod case;
mod inspect;
mod print;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use heliu::wiring;
use sandbox::{Limits, Sandbox};

use case::RunArgs;

#[derive(clap::Subcommand)]
pub enum PluginCommand {
    /// What a component is, who signed it, and what it would have to be granted.
    Inspect {
        /// The component.
        file: PathBuf,
    },
    /// Call a component once, with inputs from files, and print what it answers.
    ///
    /// Exit codes: 3 the request is not authentic, 4 it is malformed, 5 the plugin says that it could not do it, 1
    /// anything else, with the reason on standard error.
    Run(Box<RunArgs>),
}

/// The keys that may have signed it are those of the configuration, where there is one.
pub async fn run(command: PluginCommand, config: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let sandbox = sandbox(config)?;
    match command {
        PluginCommand::Inspect { file } => inspect::inspect(&sandbox, &file, config, json),
        PluginCommand::Run(arguments) => call::run(&sandbox, *arguments).await,
    }
}

/// A sandbox for one call: its pools are small, so that it starts at once. What compiling may cost says the configuration, where
/// there is one.
fn sandbox(config: &Path) -> anyhow::Result<Sandbox> {
    let configured =
        config::load(config).map_or_else(|_| Limits::default(), |config| wiring::limits(&config));
    let limits = Limits { connector_calls: 1, policy_calls: 1, ..configured };
    wiring::sandbox(limits, cache_dir())
}

/// Compiled code of plugins that were tried by hand: `HELIU_CACHE_DIR`, or where the system keeps caches.
fn cache_dir() -> Option<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    set("HELIU_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("heliu")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/heliu")))
}

fn read_component(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("read the plugin {}", file.display()))
}
