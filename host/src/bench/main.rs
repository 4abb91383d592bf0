//! Measures the host: `cargo xtask bench`.
//!
//! Every figure stands beside its limit, measured in the same run: the machine may be shared and noisy, a ratio is not.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod events;
mod measure;

use std::path::PathBuf;

use clap::Parser;

/// Measure journal to committed store.
#[derive(Parser)]
struct Arguments {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Events, of a tenth as many customers.
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// The folder with the policies' components.
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Where to put the databases; a temporary folder otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// One line of the table.
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

fn main() -> anyhow::Result<()> {
    let Arguments { json, events, plugins, folder } = Arguments::parse();
    let folder =
        folder.unwrap_or_else(|| std::env::temp_dir().join(format!("heliu-bench-{}", std::process::id())));
    std::fs::create_dir_all(&folder)?;
    let result = measure::all(&folder, &plugins, events);
    std::fs::remove_dir_all(&folder)?;
    for Figure { name, value, unit } in result? {
        if json {
            println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit }));
        } else {
            println!("{name:<28}{value:>14.2} {unit}");
        }
    }
    Ok(())
}
