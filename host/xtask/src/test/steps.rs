//! The one list of steps.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::tally::Tally;
use super::{peers, template};
use crate::workspace::build_host;
use crate::{cargo, fuzz, plugins, tidy};

/// One thing that CI checks.
pub struct Step {
    pub name: &'static str,
    pub about: &'static str,
    pub run: fn(&Path, &mut Tally) -> Result<()>,
}

/// Seconds first, then what compiles, then what runs. Guests and the host come before the tests, which use both.
pub const STEPS: &[Step] = &[
    Step { name: "format", about: "cargo fmt", run: format },
    Step { name: "tidy", about: "cargo xtask tidy", run: |root, _| tidy::check(root) },
    Step { name: "guests", about: "cargo xtask plugins", run: |root, _| plugins::build(root, &[]).map(drop) },
    Step { name: "build", about: "the host and every test", run: build },
    Step { name: "lint", about: "cargo clippy, a warning is an error", run: lint },
    Step {
        name: "peers",
        about: "libraries of others, for the tests, into target/peers",
        run: peers::install,
    },
    Step { name: "test", about: "unit, conformance, goldens natively and sandboxed, end to end", run: test },
    Step {
        name: "fuzz",
        about: "what reads strangers' bytes, each part for some seconds",
        run: |root, _| fuzz::briefly(root, FUZZ_SECONDS),
    },
    Step { name: "docs", about: "cargo doc, a warning is an error", run: docs },
    Step {
        name: "template",
        about: "what `cargo xtask new` makes builds and passes its goldens",
        run: template::check,
    },
];

/// For each target: enough to see that the fuzzer sees, and to find what is near.
const FUZZ_SECONDS: u64 = 5;

fn format(root: &Path, _: &mut Tally) -> Result<()> {
    cargo::finish(cargo::host(root).args(["fmt", "--all", "--check"]))
}

/// With the same features as [`build_host`] picks, and the tests besides.
fn build(root: &Path, _: &mut Tally) -> Result<()> {
    cargo::finish(cargo::host(root).args(["build", "--release", "--workspace", "--all-targets"]))
}

fn lint(root: &Path, _: &mut Tally) -> Result<()> {
    let mut lint = cargo::host(root);
    // On to the other crates after one with findings: whoever mends sees them all.
    lint.args(["clippy", "--release", "--workspace", "--all-targets", "--keep-going"]);
    cargo::finish(lint.args(["--", "--deny", "warnings"]))
}

fn test(root: &Path, tally: &mut Tally) -> Result<()> {
    let mut tests = cargo::host(root);
    tests.args(["test", "--release", "--workspace", "--no-fail-fast"]);
    tally.count(with_sandbox(&mut tests, &build_host(root)?))
}

/// A crate's first page shows the way to its modules, most of which are private.
const RUSTDOC_FLAGS: &str = "--deny warnings --allow rustdoc::private-intra-doc-links";

fn docs(root: &Path, _: &mut Tally) -> Result<()> {
    let mut docs = cargo::host(root);
    docs.args(["doc", "--release", "--workspace", "--no-deps"]);
    cargo::finish(docs.env("RUSTDOCFLAGS", RUSTDOC_FLAGS))
}

/// Goldens run natively and in the real host; where the host or a component is missing they fail instead of passing
/// without having looked.
pub fn with_sandbox<'a>(tests: &'a mut Command, heliu: &Path) -> &'a mut Command {
    tests.env("HELIU_GOLDENS", "both").env("HELIU_BIN", heliu).env_remove("HELIU_BLESS")
}
