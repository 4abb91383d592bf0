//! This program in the place of the compiler: the same call, with instrumentation.
//!
//! Cargo calls a wrapper of the workspace for the workspace's own crates alone. The flags are those of a stable
//! compiler: passes of LLVM, which libFuzzer reads.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Set where cargo calls this program as a compiler.
pub const ASKED: &str = "HELIU_FUZZ_COMPILES";

const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // What wraps around in silence is found, too.
    "-Coverflow-checks=on",
    "-Cdebug-assertions=on",
];

/// `arguments` are the compiler's path and its own.
pub fn compile(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let compiler = arguments.next().context("a compiler's path is missing: cargo gives it to a wrapper")?;
    let arguments: Vec<OsString> = arguments.collect();
    let flags = if is_instrumented(&arguments) { FLAGS } else { &[] };
    let mut command = Command::new(&compiler);
    let status = command.args(&arguments).args(flags).status();
    let status = status.with_context(|| format!("{} cannot be started", compiler.display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Not cargo's questions to the compiler, and no build script: that one has no fuzzer in it.
fn is_instrumented(arguments: &[OsString]) -> bool {
    let name = arguments.iter().skip_while(|argument| *argument != "--crate-name").nth(1);
    name.is_some_and(|name| name != "___" && !name.to_string_lossy().starts_with("build_script"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_instrumented_and_questions_are_not() {
        let asked = |text: &str| is_instrumented(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(asked("--crate-name wecom --edition=2024 src/lib.rs"));
        assert!(!asked("--crate-name ___ --print=cfg"));
        assert!(!asked("--crate-name build_script_build build.rs"));
        assert!(!asked("-vV"));
    }
}
