//! `cargo xtask demo`: a brand's life through simulated platforms and a real host.

use anyhow::Result;

use crate::{cargo, plugins, workspace};

/// See it at work: 120 days of a skin-care brand, WeCom, Youzan and Tmall simulated, through a real host
#[derive(clap::Args)]
pub struct Arguments {
    /// The same seed plays the same life
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many people live
    #[arg(long, default_value_t = 2000)]
    customers: usize,
    /// How long they live
    #[arg(long, default_value_t = 120)]
    days: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root()?;
    plugins::build(&root, &[])?;
    let mut host = cargo::host(&root);
    host.args(["build", "--release", "--workspace", "--bins"]);
    cargo::finish(&mut host)?;
    let Arguments { seed, customers, days } = arguments;
    let mut demo = std::process::Command::new(root.join("target/release/heliu-demo"));
    demo.current_dir(&root);
    demo.args([
        "--seed",
        &seed.to_string(),
        "--customers",
        &customers.to_string(),
        "--days",
        &days.to_string(),
    ]);
    cargo::finish(&mut demo)
}
