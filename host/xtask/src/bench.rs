//! `cargo xtask bench`: measures what must not be asserted in a test.

use anyhow::Result;

use crate::{cargo, plugins, workspace};

/// Measure speed on this machine, each figure beside its limit in the same run
#[derive(clap::Args)]
pub struct Arguments {
    /// One JSON object a line: name, value, unit
    #[arg(long)]
    json: bool,
    /// Events of the large fold, of 100 000 customers
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Only these sections: calls, append, fold, fold-large, flow, merging, backtest, serve
    sections: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root()?;
    plugins::build(&root, &[])?;
    // The whole workspace: one set of features, so that nothing is compiled twice.
    let mut host = cargo::host(&root);
    cargo::finish(host.args(["build", "--quiet", "--release", "--workspace", "--bins"]))?;
    let mut bench = std::process::Command::new(root.join("target/release/heliu-bench"));
    bench.current_dir(&root);
    bench.args(["--events", &arguments.events.to_string()]).args(&arguments.sections);
    if arguments.json {
        bench.arg("--json");
    }
    cargo::finish(&mut bench)
}
