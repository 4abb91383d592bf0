//! Runs cargo and other programs, free of what the cargo above xtask left in the environment.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What cargo sets for the program that it runs, and what would move our artefacts out of `target/`.
/// A nested cargo that inherits them builds for the wrong package or compiles everything twice.
const INHERITED: &[&str] = &[
    "CARGO",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "OUT_DIR",
];

/// What a developer sets for the host's compiler. None of it fits a guest.
const FOR_THE_HOST: &[&str] = &[
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
];

/// The developer's own cargo, working on the workspace at `root`.
pub fn host(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root);
    clean(&mut command, INHERITED);
    command
}

/// A cargo that builds guests: no flag that was meant for the host reaches it.
pub fn guest(root: &Path, program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root);
    clean(&mut command, INHERITED);
    clean(&mut command, FOR_THE_HOST);
    command
}

/// An entry that ends in `_` stands for every variable that begins so.
fn clean(command: &mut Command, unwanted: &[&str]) {
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        if unwanted.iter().any(|entry| text == *entry || (entry.ends_with('_') && text.starts_with(entry))) {
            command.env_remove(&name);
        }
    }
}

/// Runs it to its end; what it prints goes where ours goes.
pub fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{} cannot be started", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs it to its end and gives what it wrote to its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} cannot be started", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something else than UTF-8", shown(command)))
}

/// The command as a developer would type it, for messages.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_every_variable_that_begins_with_it() {
        // Cargo itself sets these two for a test.
        let mut command = Command::new("true");
        clean(&mut command, &["CARGO_PKG_"]);
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.contains(&OsStr::new("CARGO_PKG_NAME")));
        assert!(!removed.contains(&OsStr::new("CARGO_MANIFEST_DIR")));
    }

    #[test]
    fn a_message_shows_the_command_as_one_types_it() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["build", "--release"]);
        assert_eq!(shown(&command), "`cargo build --release`");
    }
}
