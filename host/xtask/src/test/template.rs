//! Proves that what `cargo xtask new` makes is a plugin: well formed, free of lints, passing its goldens natively and
//! in the sandbox, without an edit anywhere.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::steps::with_sandbox;
use super::tally::Tally;
use crate::new::{self, Role};
use crate::workspace::build_host;
use crate::{cargo, plugins};

const FOLDER: &str = "target/template";
const PLUGINS: [(Role, &str); 2] = [(Role::Connector, "new-connector"), (Role::Policy, "new-policy")];

/// Makes both kinds in a workspace of their own, which shares our dependencies, lints and compiled crates.
pub fn check(root: &Path, tally: &mut Tally) -> Result<()> {
    let folder = root.join(FOLDER);
    lay_out(root, &folder)?;
    for (role, name) in PLUGINS {
        new::create(root, &folder, role, name)?;
    }
    let packages = PLUGINS.map(|(_, name)| ["--package", name]).concat();
    cargo::finish(cargo::host(&folder).arg("fmt").args(&packages).arg("--check"))?;
    plugins::build_apart(&folder, &root.join("target/guests"))?;
    let target = root.join("target");
    let mut lint = cargo::host(&folder);
    lint.args(["clippy", "--release", "--all-targets", "--target-dir"]).arg(&target);
    cargo::finish(lint.args(["--", "--deny", "warnings"]))?;
    let mut tests = cargo::host(&folder);
    tests.args(["test", "--release", "--no-fail-fast", "--target-dir"]).arg(&target);
    tally.count(with_sandbox(&mut tests, &build_host(root)?))
}

fn lay_out(root: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let path = root.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let manifest = folder.join("Cargo.toml");
    fs::write(&manifest, apart(&text, root)?)
        .with_context(|| format!("{} cannot be written", manifest.display()))?;
    for file in ["Cargo.lock", "rustfmt.toml", "clippy.toml"] {
        fs::copy(root.join(file), folder.join(file)).with_context(|| format!("{file} cannot be copied"))?;
    }
    Ok(())
}

/// The workspace's manifest for a workspace of plugins alone, elsewhere.
fn apart(manifest: &str, root: &Path) -> Result<String> {
    let mut table: Table = toml::from_str(manifest).context("Cargo.toml cannot be understood")?;
    let workspace =
        table.get_mut("workspace").and_then(Value::as_table_mut).context("Cargo.toml has no [workspace]")?;
    let members = ["plugins/connectors/*", "plugins/policies/*"];
    workspace.insert("members".into(), Value::from(members.map(Value::from).to_vec()));
    let dependencies = workspace.get_mut("dependencies").and_then(Value::as_table_mut).into_iter().flatten();
    for path in dependencies.filter_map(|(_, value)| value.as_table_mut()?.get_mut("path")) {
        let absolute = root.join(path.as_str().unwrap_or_default());
        *path = Value::from(absolute.to_string_lossy().into_owned());
    }
    toml::to_string(&table).context("the manifest cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_apart_has_plugins_alone_and_finds_our_crates() {
        let manifest = "[workspace]\nmembers = [\"host\"]\n[workspace.dependencies]\nheliu-sdk = { path = \"sdk/rust\" }\nserde = \"1\"\n[profile.release]\ndebug = 0\n";
        let table: Table = apart(manifest, Path::new("/root-of-it")).unwrap().parse().unwrap();
        let workspace = &table["workspace"];
        assert_eq!(workspace["members"].as_array().unwrap().len(), 2);
        assert_eq!(workspace["dependencies"]["heliu-sdk"]["path"].as_str(), Some("/root-of-it/sdk/rust"));
        assert_eq!(workspace["dependencies"]["serde"].as_str(), Some("1"));
        assert_eq!(table["profile"]["release"]["debug"].as_integer(), Some(0));
    }
}
