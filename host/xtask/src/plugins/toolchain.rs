//! The compiler for guests: the developer's own where it has the target, else Debian's, which carries the
//! standard library's source.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::manifest::{Plugin, Role};
use crate::cargo;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian builds its browsers with these. They are the newest Rust that a Debian release carries.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "cargo-web"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// How guests are compiled, whatever the workspace's own profile says.
///
/// The name section stays (`debuginfo` takes DWARF alone): a trap's backtrace names functions.
const PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", OPT_LEVEL),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    // Allocations become a few instructions in place of three calls: 8 % of a turn of the repurchase policy.
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    // Memory that is there from the start is not grown by each fresh instance: 4 % of a turn.
    ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Clink-arg=--initial-memory=4194304"),
];
/// Measured on the goldens of our policies: "s" takes 20 to 35 % more fuel than "3", "z" 40 to 60 %, and with the
/// names in it no component is smaller for it. "2" is as good as "3".
const OPT_LEVEL: &str = "3";
/// A policy counts fuel: each call of a function costs a look at it before and after. More of them are inlined than a native
/// program would have, which is a twentieth of a turn for a quarter more code. A connector counts none, and would be twice
/// as large.
const POLICY_INLINING: &str = "-Cllvm-args=-inline-threshold=500";

/// A compiler that can build guests.
pub enum Toolchain {
    /// The developer's own, with the target installed.
    Own,
    /// Debian's. It has no ready-made standard library for the target: cargo builds it once, into `target/guests`.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// Finds one, and where there is none installs one.
    pub fn ready(root: &Path) -> Result<Self> {
        if own_has_target(root)? {
            return Ok(Self::Own);
        }
        if !debian_is_installed() {
            if rustup_adds_target(root) && own_has_target(root)? {
                return Ok(Self::Own);
            }
            install_debian().context(
                "no compiler for guests. Mend: `rustup target add wasm32-unknown-unknown`, or on Debian \
                 `apt-get install rustc-web rust-web-src cargo-web`",
            )?;
        }
        Ok(Self::Debian { linker: linker(root)? })
    }

    pub fn describe(&self) -> &'static str {
        match self {
            Self::Own => "your own toolchain",
            Self::Debian { .. } => "Debian's rustc-web (your toolchain lacks wasm32-unknown-unknown)",
        }
    }

    /// Compiles one package and gives the path of its core module.
    ///
    /// One package at a time, since cargo would unify features, and a module with two worlds is none; all in one
    /// folder, so that the standard library and the SDK's dependencies are compiled once.
    pub fn compile(&self, root: &Path, guests: &Path, plugin: &Plugin) -> Result<PathBuf> {
        let package = &plugin.package;
        let mut command = self.cargo(root);
        // The component alone: beside an rlib, cargo leaves link-time optimisation out without a word.
        command.args(["rustc", "--release", "--lib", "--crate-type", "cdylib"]);
        command.args(["--package", package, "--target", TARGET]);
        command.args(["--message-format", "json-render-diagnostics", "--target-dir"]).arg(guests);
        if let Self::Debian { .. } = self {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        if plugin.role == Role::Policy {
            // For the last step alone, in which all of it is optimised once more: crates that both roles share stay shared.
            command.args(["--", POLICY_INLINING]);
        }
        let messages = cargo::output(&mut command)?;
        module_of(&messages, package).with_context(|| {
            format!("package {package:?} gave no core module; its Cargo.toml wants [lib] crate-type = [\"cdylib\", \"rlib\"]")
        })
    }

    fn cargo(&self, root: &Path) -> Command {
        match self {
            Self::Own => {
                let own = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
                let mut command = cargo::guest(root, &own);
                command.envs(PROFILE.iter().copied());
                command
            }
            Self::Debian { linker } => {
                let mut command = cargo::guest(root, DEBIAN_CARGO.as_ref());
                command.envs(PROFILE.iter().copied());
                command.env_remove("RUSTUP_TOOLCHAIN").env("RUSTC", DEBIAN_RUSTC);
                // `-Zbuild-std` is not stable, and Debian's compiler is a stable one.
                command.env("RUSTC_BOOTSTRAP", "1");
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                command
            }
        }
    }
}

fn own_has_target(root: &Path) -> Result<bool> {
    Ok(own_sysroot(root)?.join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn own_sysroot(root: &Path) -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    let printed = cargo::output(rustc.args(["--print", "sysroot"]).current_dir(root))?;
    Ok(PathBuf::from(printed.trim_end()))
}

fn debian_is_installed() -> bool {
    [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_SOURCE].iter().all(|path| Path::new(path).exists())
}

/// The mildest way to a compiler: it touches nothing but the developer's own toolchain. Fails where rustup or its
/// server is out of reach.
fn rustup_adds_target(root: &Path) -> bool {
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(root);
    eprintln!("no compiler for guests yet: {}", cargo::shown(&rustup));
    match cargo::finish(&mut rustup) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("{error:#}");
            false
        }
    }
}

fn install_debian() -> Result<()> {
    let mut install = apt_get()?;
    install.args(["install", "--yes", "--no-install-recommends"]).args(DEBIAN_PACKAGES);
    eprintln!("no compiler for guests yet: {}", cargo::shown(&install));
    if cargo::finish(&mut install).is_err() {
        // A fresh machine or container has no package lists.
        let mut update = apt_get()?;
        update.arg("update");
        eprintln!("trying again after {}", cargo::shown(&update));
        cargo::finish(&mut update)?;
        cargo::finish(&mut install)?;
    }
    if !debian_is_installed() {
        bail!("{DEBIAN_RUSTC}, {DEBIAN_CARGO} or {DEBIAN_SOURCE} is still missing after the installation");
    }
    Ok(())
}

/// `apt-get` with the rights to install: root's own, or sudo's where it asks for no password.
fn apt_get() -> Result<Command> {
    let user = cargo::output(Command::new("id").arg("-u"))?;
    let mut command = if user.trim() == "0" {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    Ok(command)
}

/// Debian's packages bring no linker for wasm of their own: rustup's toolchain has one, and so has Debian's `lld`.
fn linker(root: &Path) -> Result<PathBuf> {
    let bundled = own_sysroot(root)?.join("lib/rustlib").join(host_triple(root)?).join("bin/rust-lld");
    let candidates = [bundled, PathBuf::from("/usr/bin/wasm-ld"), PathBuf::from("/usr/bin/rust-lld")];
    candidates.into_iter().find(|path| path.is_file()).context(
        "no linker for wasm: neither rust-lld in your toolchain nor /usr/bin/wasm-ld. Mend: \
         `rustup target add wasm32-unknown-unknown`, or `apt-get install lld`",
    )
}

fn host_triple(root: &Path) -> Result<String> {
    let version = cargo::output(Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_string())
}

/// The last `.wasm` that cargo reports for the package in its stream of JSON messages.
fn module_of(messages: &str, package: &str) -> Option<PathBuf> {
    let library = package.replace('-', "_");
    messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == library.as_str();
        let files = message["filenames"].as_array().filter(|_| ours)?;
        files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_the_one_that_cargo_names() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"heliu_sdk"},"filenames":["/t/libheliu_sdk.rlib"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"behaviour_tags"},"filenames":["/t/b.wasm","/t/b.rlib"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(module_of(messages, "behaviour-tags"), Some(PathBuf::from("/t/b.wasm")));
        assert_eq!(module_of(messages, "heliu-sdk"), None, "a library without a cdylib has no module");
    }
}
