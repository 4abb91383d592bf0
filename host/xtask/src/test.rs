//! `cargo xtask test`: everything that CI runs, in an order that fails early.

mod peers;
mod steps;
mod tally;
mod template;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::steps::{STEPS, Step};
use self::tally::Tally;
use crate::workspace;

/// Run what CI runs: format, tidy, guests, build, lint, every test, a short fuzz, docs, the templates of `new`
#[derive(clap::Args)]
pub struct Arguments {
    /// Go on after a step that failed, and fail at the end
    #[arg(long)]
    keep_going: bool,
    /// Only these steps: format, tidy, guests, build, lint, peers, test, fuzz, docs, template
    steps: Vec<String>,
}

/// What became of a step.
enum Outcome {
    Passed(Tally),
    Failed(Tally),
    NotRun,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root()?;
    let chosen = chosen(&arguments.steps)?;
    let started = Instant::now();
    let mut failed = false;
    let mut results = Vec::new();
    for step in chosen {
        let began = Instant::now();
        let outcome = if failed && !arguments.keep_going { Outcome::NotRun } else { run_step(step, &root) };
        failed |= matches!(outcome, Outcome::Failed(_));
        results.push((step.name, outcome, began.elapsed()));
    }
    summarise(&results, started.elapsed());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("no step is called {unknown:?}; there are: {}", known.join(", "));
    }
    Ok(STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

fn run_step(step: &Step, root: &Path) -> Outcome {
    println!("\n=== {}: {}", step.name, step.about);
    let mut tally = Tally::default();
    let result = (step.run)(root, &mut tally);
    if let Err(error) = &result {
        println!("{}: {error:#}", step.name);
    }
    match result {
        Ok(()) if tally.failed == 0 => Outcome::Passed(tally),
        // A step that fails without a failing test (a lint, a compiler's error) is one failure: never none.
        Ok(()) | Err(_) => Outcome::Failed(Tally { failed: tally.failed.max(1), ..tally }),
    }
}

/// A line for each step, then the totals alone on the last line, for whatever reads the output.
fn summarise(results: &[(&str, Outcome, Duration)], took: Duration) {
    println!();
    let mut total = Tally::default();
    for (name, outcome, took) in results {
        let (word, tally) = match outcome {
            Outcome::Passed(tally) => ("ok", *tally),
            Outcome::Failed(tally) => ("FAILED", *tally),
            Outcome::NotRun => ("not run", Tally::default()),
        };
        println!("{name:<10} {word:<8} {:>7.1} s{}", took.as_secs_f64(), tally.note());
        total.add(tally);
    }
    println!("{:<10} {:<8} {:>7.1} s", "all", "", took.as_secs_f64());
    println!("{} passed, {} failed", total.passed, total.failed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Result<Vec<&'static str>> {
        let asked: Vec<_> = asked.iter().map(|name| (*name).to_owned()).collect();
        Ok(chosen(&asked)?.into_iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_run_in_their_own_order_whatever_order_was_asked() {
        assert_eq!(names(&["test", "format"]).unwrap(), ["format", "test"]);
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(
            names(&["tests"])
                .unwrap_err()
                .to_string()
                .starts_with("no step is called \"tests\"; there are: format")
        );
    }

    #[test]
    fn a_step_that_fails_without_a_test_is_one_failure() {
        let step = Step { name: "x", about: "", run: |_, _| bail!("a lint") };
        assert!(matches!(run_step(&step, Path::new("")), Outcome::Failed(Tally { failed: 1, .. })));
    }

    #[test]
    fn a_step_whose_tests_failed_has_failed_even_if_its_command_says_otherwise() {
        let count_two = |_: &Path, tally: &mut Tally| {
            tally.failed = 2;
            Ok(())
        };
        let step = Step { name: "x", about: "", run: count_two };
        assert!(matches!(run_step(&step, Path::new("")), Outcome::Failed(Tally { failed: 2, .. })));
    }
}
