//! Measures the host: `cargo xtask bench`.
//!
//! Every figure stands beside its limit, measured in the same run: the machine may be shared and noisy, a ratio is not.
//! Each section runs in a process of its own, so that the peak of memory is that section's.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod appending;
mod calls;
mod events;
mod figure;
mod folding;
mod limit;
mod load;
mod policies;
mod serving;
mod shopper;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};

use figure::Figure;

/// Measure the host, section by section.
#[derive(Parser)]
struct Arguments {
    /// One JSON object a line: name, value, unit.
    #[arg(long)]
    json: bool,
    /// Events of the large fold, and of the flow.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Customers of both folds.
    #[arg(long, default_value_t = 100_000)]
    customers: u64,
    /// The folder with the plugins' components.
    #[arg(long, default_value = "target/plugins")]
    plugins: PathBuf,
    /// Run one section in this process.
    #[arg(long, hide = true)]
    only: Option<Section>,
    /// Which; all of them otherwise.
    sections: Vec<Section>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Calls of plugins, and the same policy natively.
    Calls,
    /// The journal, beside SQLite.
    Append,
    /// 100 000 events of the customers, journal to committed store.
    Fold,
    /// As many as `--events` says.
    FoldLarge,
    /// Append and fold at the same time.
    Flow,
    /// A journal in which customers turn out to be one.
    Merging,
    /// Two versions of a policy over one journal.
    Backtest,
    /// The host as a process: start, webhooks, one event alone.
    Serve,
}

/// What a section needs to know.
pub struct Bench {
    folder: tempfile::TempDir,
    plugins: PathBuf,
    events: u64,
    customers: u64,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.only {
        Some(section) => {
            for figure in run(section, &arguments)? {
                println!("{}", figure.to_json());
            }
            Ok(())
        }
        None => all(&arguments),
    }
}

fn run(section: Section, arguments: &Arguments) -> anyhow::Result<Vec<Figure>> {
    let bench = Bench {
        folder: tempfile::tempdir().context("make a folder for the databases")?,
        plugins: arguments.plugins.clone(),
        events: arguments.events,
        customers: arguments.customers,
    };
    match section {
        Section::Calls => calls::measure(&bench),
        Section::Append => appending::measure(&bench),
        Section::Fold => folding::small(&bench),
        Section::FoldLarge => folding::large(&bench),
        Section::Flow => folding::flow(&bench),
        Section::Merging => folding::merging(&bench),
        Section::Backtest => folding::backtest(&bench),
        Section::Serve => serving::measure(&bench),
    }
}

/// Each section in a process of its own; then what needs two sections.
fn all(arguments: &Arguments) -> anyhow::Result<()> {
    let chosen = match arguments.sections.as_slice() {
        [] => Section::value_variants(),
        some => some,
    };
    let print = |figure: &Figure| match arguments.json {
        true => println!("{}", figure.to_json()),
        false => println!("{figure}"),
    };
    let mut figures = Vec::new();
    for &section in chosen {
        let these = child(section, arguments)?;
        these.iter().for_each(print);
        figures.extend(these);
    }
    folding::ratio(&figures, arguments.events).iter().for_each(print);
    Ok(())
}

fn child(section: Section, arguments: &Arguments) -> anyhow::Result<Vec<Figure>> {
    let name = section.to_possible_value().context("a section without a name")?.get_name().to_owned();
    eprintln!("measuring: {name}");
    let program = std::env::current_exe().context("find the bench's own program")?;
    let output = Command::new(program)
        .args(["--only", &name, "--events", &arguments.events.to_string()])
        .args(["--customers", &arguments.customers.to_string()])
        .arg("--plugins")
        .arg(absolute(&arguments.plugins)?)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("run the section {name}"))?;
    ensure!(output.status.success(), "the section {name} failed: {}", output.status);
    String::from_utf8(output.stdout)?.lines().map(Figure::from_json).collect()
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("find {}", path.display()))
}
