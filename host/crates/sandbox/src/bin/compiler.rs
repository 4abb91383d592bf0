//! A program that only compiles, for tests of this crate: they have no host to start.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    sandbox::compile_for_parent(&arguments)
}
