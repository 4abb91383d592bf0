//! `cargo xtask soak`: kills the real host as often as one likes, and says whether it lost anything.
#![expect(clippy::print_stdout, reason = "a soak tells how it goes")]

use anyhow::Context as _;
use clap::Parser;
use tests::soak::Soak;

#[derive(Parser)]
struct Arguments {
    /// How often the host is killed.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// The same seed chooses the same ends. What a host was at when it died is the machine's.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lives that are judged together; then others begin on a folder of their own.
    #[arg(long, default_value_t = 50)]
    lives: u64,
    /// Say nothing of single lives.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { kills, seed, lives, quiet } = Arguments::parse();
    let (mut left, mut round) = (kills, 0);
    while left > 0 {
        let now = left.min(lives.max(1));
        let folder = tempfile::tempdir().context("make a folder")?;
        let soaked = async {
            let soak = Soak::new(seed.wrapping_add(round), folder.path()).await?;
            let tell = |line: &str| {
                if !quiet {
                    println!("{line}");
                }
            };
            soak.run(now, tell).await
        };
        match soaked.await {
            Ok(soaked) => println!("seed {}: {soaked:#?}", seed.wrapping_add(round)),
            Err(error) => {
                let kept = folder.keep();
                return Err(error.context(format!(
                    "seed {}: the folder is kept: {}",
                    seed.wrapping_add(round),
                    kept.display()
                )));
            }
        }
        (left, round) = (left - now, round + 1);
    }
    println!("{kills} kills, nothing lost and nothing twice");
    Ok(())
}
