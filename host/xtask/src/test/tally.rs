//! How many tests ran, read from what cargo's tests print.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        let Self { passed, failed, ignored } = other;
        self.passed += passed;
        self.failed += failed;
        self.ignored += ignored;
    }

    /// For the step's line in the summary; empty where no test ran.
    pub fn note(&self) -> String {
        match self {
            Self { passed: 0, failed: 0, ignored: 0 } => String::new(),
            Self { passed, failed, ignored: 0 } => format!("  {passed} passed, {failed} failed"),
            Self { passed, failed, ignored } => {
                format!("  {passed} passed, {failed} failed, {ignored} ignored")
            }
        }
    }

    /// Runs tests, passes on what they print, and counts.
    pub fn count(&mut self, tests: &mut Command) -> Result<()> {
        let mut child = tests
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", cargo::shown(tests)))?;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                let line =
                    line.with_context(|| format!("the output of {} cannot be read", cargo::shown(tests)))?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                self.add(result_line(&line).unwrap_or_default());
            }
        }
        let status = child.wait().with_context(|| format!("{} cannot be waited for", cargo::shown(tests)))?;
        if !status.success() {
            bail!("{} failed ({status})", cargo::shown(tests));
        }
        Ok(())
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`
fn result_line(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count =
        |what: &str| counts.split("; ").find_map(|part| part.strip_suffix(what)?.trim_end().parse().ok());
    Some(Tally { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted_and_no_other_line_is() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s";
        assert_eq!(result_line(line), Some(Tally { passed: 12, failed: 2, ignored: 1 }));
        assert_eq!(result_line("test a::result ... ok"), None);
        assert_eq!(result_line("12 passed; 2 failed; 1 ignored"), None);
    }

    #[test]
    fn results_of_several_programs_are_summed() {
        let mut printf = Command::new("printf");
        let line = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\\n";
        printf.arg(line.repeat(2));
        let mut tally = Tally::default();
        tally.count(&mut printf).unwrap();
        assert_eq!(tally, Tally { passed: 4, failed: 0, ignored: 2 });
    }

    #[test]
    fn tests_that_exit_in_failure_fail_whatever_was_counted() {
        let mut tally = Tally::default();
        assert!(tally.count(&mut Command::new("false")).is_err());
    }
}
