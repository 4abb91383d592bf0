//! Lets libFuzzer look for inputs that break what reads strangers' bytes; `tests/fuzz` says what that is.
//!
//! The compiler instruments our crates and the plugins, and nothing else, so that wasmtime and all other crates are
//! those of every other build. It is told so by this program in the place of the compiler (`wrapper`): flags for all
//! crates would compile all of them again.

mod statistics;
pub mod wrapper;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use self::statistics::Statistics;
use crate::workspace::{self, build_host};
use crate::{cargo, plugins};

/// Look for inputs that break what reads strangers' bytes: the gate, the connectors, the webhook's way
#[derive(clap::Args)]
pub struct Arguments {
    /// So long for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Keep in tests/fuzz/corpus what reached code that neither seeds nor corpus reach, and nothing else
    #[arg(long)]
    keep: bool,
    /// Only these targets; `TARGETS` in tests/fuzz/src/lib.rs lists them
    targets: Vec<String>,
}

/// Inputs of a target that are kept, and how long one may be: every test replays them. The longest go deepest; what is left out
/// the fuzzer finds again in a minute.
const KEPT_MAX: usize = 150;
const KEPT_BYTES_MAX: u64 = 1024;

/// All that is fuzzed. A test of `tests/fuzz` and the program itself know them, too: an unknown one fails by name.
const TARGETS: &[&str] = &["gate", "wecom", "youzan", "tmall", "verdicts", "webhook"];

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root()?;
    let Arguments { seconds, keep, targets } = arguments;
    if let Some(unknown) = targets.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        bail!("no target is called {unknown:?}; there are: {}", TARGETS.join(", "));
    }
    let chosen =
        TARGETS.iter().filter(|name| targets.is_empty() || targets.iter().any(|wanted| wanted == *name));
    let fuzzer = Fuzzer::build(&root)?;
    for target in chosen {
        fuzzer.fuzz(target, *seconds)?;
        if *keep {
            fuzzer.keep(target)?;
        }
    }
    Ok(())
}

/// Every target for so long: a step of `cargo xtask test`.
pub fn briefly(root: &Path, seconds: u64) -> Result<()> {
    let fuzzer = Fuzzer::build(root)?;
    TARGETS.iter().try_for_each(|target| fuzzer.fuzz(target, seconds))
}

/// The program, instrumented.
struct Fuzzer {
    root: PathBuf,
    program: PathBuf,
    heliu: PathBuf,
}

impl Fuzzer {
    fn build(root: &Path) -> Result<Fuzzer> {
        let heliu = build_host(root)?;
        plugins::build(root, &["wecom".to_owned()])?;
        let built =
            |name: &str| root.join("target/release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let mut build = cargo::host(root);
        // Features are picked for the whole workspace, as for everything else: see `build_host`.
        build.args(["build", "--release", "--workspace", "--bin", "fuzz", "--features", "fuzz/libfuzzer"]);
        // By its place: what runs here is deleted where the tests' build made it anew.
        build.env("RUSTC_WORKSPACE_WRAPPER", built("xtask")).env(wrapper::ASKED, "1");
        cargo::finish(&mut build).context("libFuzzer needs a C++ compiler (Debian: g++)")?;
        Ok(Fuzzer { root: root.to_owned(), program: built("fuzz"), heliu })
    }

    /// For a target's inputs and findings.
    fn folder(&self, target: &str, name: &str) -> PathBuf {
        self.root.join("target/fuzz").join(target).join(name)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.root.join("tests/fuzz/corpus").join(target)
    }

    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.root).env("HELIU_FUZZ_TARGET", target).env("HELIU_BIN", &self.heliu);
        command
    }

    /// The seeds of this day: goldens change.
    fn seeds(&self, target: &str) -> Result<PathBuf> {
        let folder = emptied(self.folder(target, "seeds"))?;
        cargo::finish(self.command(target).env("HELIU_FUZZ_SEEDS", &folder))
            .context("the seeds cannot be made")?;
        Ok(folder)
    }

    fn fuzz(&self, target: &str, seconds: u64) -> Result<()> {
        let seeds = self.seeds(target)?;
        let (found, broken) = (made(self.folder(target, "found"))?, made(self.folder(target, "broken"))?);
        let corpus = made(self.corpus(target))?;
        let mut fuzz = self.command(target);
        fuzz.arg(format!("-max_total_time={seconds}")).args(["-timeout=20", "-rss_limit_mb=2048"]);
        fuzz.arg(format!("-artifact_prefix={}/", broken.display())).arg("-print_final_stats=1");
        // What is new goes into the first folder.
        fuzz.args([&found, &seeds, &corpus]).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = fuzz.output().with_context(|| format!("{} cannot be started", cargo::shown(&fuzz)))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let statistics = Statistics::read(&said);
        if !output.status.success() {
            bail!("{target}: {}\n\n{}", output.status, findings(&said, &broken));
        }
        let statistics =
            statistics.with_context(|| format!("{target}: libFuzzer said nothing of itself:\n{said}"))?;
        ensure!(statistics.covered > 0, "{target}: nothing is instrumented, the fuzzer is blind");
        println!("{target:<10} {statistics}");
        Ok(())
    }

    /// Makes the corpus anew: the fewest inputs that reach what the seeds do not. What bears a name was put
    /// there by a person, and stays.
    fn keep(&self, target: &str) -> Result<()> {
        let corpus = self.corpus(target);
        let merged = emptied(self.folder(target, "merged"))?;
        for seed in files(&self.folder(target, "seeds"))? {
            fs::copy(&seed, merged.join(file_name(&seed)))?;
        }
        let before: BTreeSet<OsString> = files(&merged)?.iter().map(|path| file_name(path)).collect();
        let mut merge = self.command(target);
        // By edges alone: how often each was taken would keep thousands.
        merge.args(["-merge=1", "-use_counters=0", "-timeout=20"]).args([
            &merged,
            &corpus,
            &self.folder(target, "found"),
        ]);
        let output = merge.stderr(Stdio::piped()).output().context("libFuzzer cannot be started")?;
        ensure!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
        for path in files(&corpus)?.iter().filter(|path| is_hash(&file_name(path))) {
            fs::remove_file(path)?;
        }
        let mut new: Vec<_> =
            files(&merged)?.into_iter().filter(|path| !before.contains(&file_name(path))).collect();
        let bytes = |path: &PathBuf| fs::metadata(path).map_or(u64::MAX, |file| file.len());
        new.retain(|path| bytes(path) <= KEPT_BYTES_MAX);
        new.sort_by_key(|path| std::cmp::Reverse(bytes(path)));
        new.truncate(KEPT_MAX);
        for path in &new {
            fs::copy(path, corpus.join(file_name(path)))?;
        }
        println!("{target:<10} {} inputs kept", new.len());
        Ok(())
    }
}

/// The name that libFuzzer gives: a SHA-1 in hex.
fn is_hash(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn file_name(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("{} cannot be listed", folder.display());
    let entries = fs::read_dir(folder).with_context(context)?;
    let mut paths =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>().with_context(context)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    made(folder)
}

/// The end of what was said, where the fault is, and what to do with it.
fn findings(said: &str, broken: &Path) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('#')).collect();
    let tail = lines[lines.len().saturating_sub(40)..].join("\n");
    format!(
        "{tail}\n\nThe input lies in {}. Mend what it breaks, and put it into tests/fuzz/corpus under a name that says what it was: \
         `cargo test --release -p fuzz` runs it without the fuzzer.",
        broken.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_named_is_no_hash() {
        assert!(is_hash(&"da39a3ee5e6b4b0d3255bfef95601890afd80709".into()));
        assert!(!is_hash(&"a-cursor-of-a-negative-time".into()));
    }

    #[test]
    fn the_targets_are_those_of_tests_fuzz() {
        let root = workspace::root().unwrap();
        let source = fs::read_to_string(root.join("tests/fuzz/src/lib.rs")).unwrap();
        let named = source.matches("name: \"").count();
        assert_eq!(named, TARGETS.len());
        assert!(TARGETS.iter().all(|target| source.contains(&format!("name: \"{target}\""))));
    }
}
