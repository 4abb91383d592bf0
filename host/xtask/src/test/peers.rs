//! Installs the peers: libraries of others that the end to end tests hold our cryptography and our simulators against.
//!
//! What is installed stands in `tests/peers/`, versions and hashes; it goes to `target/peers/` and is left alone until
//! one of those files changes. Without Python or Node the step fails: a test that nobody can run would pass unseen.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::cargo;

const FOLDER: &str = "target/peers";
/// Written when everything is there, with what it was installed from. The tests look for it too.
const INSTALLED: &str = "installed";
const REQUIREMENTS: &str = "requirements.txt";
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

/// The interpreters, and what to do where one is missing.
const PYTHON: (&str, &str) =
    ("python3", "install Python 3.9 or later, with its module venv (Debian: python3-venv)");
const NODE: (&str, &str) = ("node", "install Node.js 18 or later (Debian: nodejs, npm)");
const NPM: (&str, &str) = ("npm", "it comes with Node.js (Debian: npm)");

pub fn install(root: &Path, _: &mut Tally) -> Result<()> {
    let (from, folder) = (root.join("tests/peers"), root.join(FOLDER));
    let versions = [PYTHON, NODE, NPM].map(version).into_iter().collect::<Result<Vec<_>>>()?;
    let mark = mark(&from, &versions)?;
    if fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|there| there == mark) {
        println!("{FOLDER} is as tests/peers says");
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{FOLDER} cannot be emptied"))?;
    }
    let node = folder.join("node");
    fs::create_dir_all(&node).with_context(|| format!("{FOLDER} cannot be made"))?;
    python(&from, &folder.join("venv"))?;
    for name in PACKAGES {
        fs::copy(from.join(name), node.join(name)).with_context(|| format!("{name} cannot be copied"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&node);
    cargo::finish(&mut npm).context("the npm packages of tests/peers/package-lock.json")?;
    fs::write(folder.join(INSTALLED), mark).with_context(|| format!("{FOLDER}/{INSTALLED} cannot be written"))
}

/// An environment of its own: nothing of the machine's packages is seen or touched.
fn python(from: &Path, venv: &Path) -> Result<()> {
    let (program, mend) = PYTHON;
    let mut make = Command::new(program);
    cargo::finish(make.args(["-m", "venv"]).arg(venv))
        .with_context(|| format!("{program} -m venv: {mend}"))?;
    let mut pip = Command::new(venv.join("bin/python"));
    // Hashes are for what was published; what is built here from sources would run a stranger's code.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
    pip.args(["--only-binary", ":all:", "--requirement"]).arg(from.join(REQUIREMENTS));
    cargo::finish(&mut pip).context("the Python packages of tests/peers/requirements.txt")
}

fn version((program, mend): (&str, &str)) -> Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output =
        output.with_context(|| format!("{program} cannot be started, and tests of peers need it: {mend}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What is to be installed, and by what.
fn mark(from: &Path, versions: &[String]) -> Result<String> {
    let mut mark = versions.join("\n");
    for name in [REQUIREMENTS].iter().chain(&PACKAGES) {
        let path = from.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        mark = format!("{mark}\n\n{name}\n{text}");
    }
    Ok(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interpreter_is_named_with_its_mend() {
        let error = version(("python-that-nobody-has", "install it")).unwrap_err().to_string();
        assert!(error.starts_with("python-that-nobody-has cannot be started"), "{error}");
        assert!(error.ends_with("install it"), "{error}");
    }

    #[test]
    fn another_version_of_anything_is_another_mark() {
        let from = crate::workspace::root().unwrap().join("tests/peers");
        let versions = |python: &str| [python.to_owned(), "v20".to_owned()];
        let one = mark(&from, &versions("3.11")).unwrap();
        assert_ne!(one, mark(&from, &versions("3.12")).unwrap());
        assert!(one.contains("wechatpy==") && one.contains("@wecom/crypto"), "{one}");
    }
}
