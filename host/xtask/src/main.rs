//! What a developer of Heliu runs: `cargo xtask <command>`.
#![expect(clippy::print_stdout, reason = "printing is this tool's job")]

mod bench;
mod cargo;
mod demo;
mod fuzz;
mod new;
mod plugins;
mod soak;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "What a developer of Heliu runs",
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Test(test::Arguments),
    Plugins(plugins::Arguments),
    New(new::Arguments),
    Tidy(tidy::Arguments),
    Bench(bench::Arguments),
    Soak(soak::Arguments),
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    let asked = std::env::var_os(fuzz::wrapper::ASKED).is_some();
    let done = if asked {
        fuzz::wrapper::compile(std::env::args_os().skip(1))
    } else {
        run(Arguments::parse().command)
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments)?,
        Command::Test(arguments) => return test::run(&arguments),
        Command::Plugins(arguments) => plugins::run(&arguments)?,
        Command::New(arguments) => new::run(&arguments)?,
        Command::Tidy(arguments) => tidy::run(&arguments)?,
        Command::Bench(arguments) => bench::run(&arguments)?,
        Command::Soak(arguments) => soak::run(&arguments)?,
        Command::Fuzz(arguments) => fuzz::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
