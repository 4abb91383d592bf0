//! `cargo xtask soak`: kills a host at random, again and again, and compares with what was promised.

use anyhow::Result;

use crate::{cargo, plugins, workspace};

/// Kill a host at random moments and at fail points, under load, and look for anything lost or done twice
#[derive(clap::Args)]
pub struct Arguments {
    /// How often the host is killed
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// The same seed chooses the same ends
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root()?;
    plugins::build(&root, &[])?;
    let mut host = cargo::host(&root);
    host.args(["build", "--release", "--workspace", "--bins"]);
    cargo::finish(&mut host)?;
    let Arguments { kills, seed } = arguments;
    let mut soak = std::process::Command::new(root.join("target/release/heliu-soak"));
    soak.current_dir(&root).args(["--kills", &kills.to_string(), "--seed", &seed.to_string()]);
    cargo::finish(&mut soak)
}
