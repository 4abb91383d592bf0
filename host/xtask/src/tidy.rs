//! `cargo xtask tidy`: the rules about the project's own text that no compiler checks.
//!
//! Each rule is a pure function from the project's files to findings, with a small bad example in its tests.

mod arrows;
mod contract;
mod documents;
mod exceptions;
mod log_fields;
mod plugin_folders;
mod rust_source;
mod shape;
mod tree;
mod words;

use std::path::Path;

use anyhow::{Result, bail};

use self::tree::{Finding, Tree};
use crate::workspace;

/// Check the project's own rules: arrows, shape, words, links, frozen contracts, plugin folders, log fields
#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments) -> Result<()> {
    check(&workspace::root()?)
}

/// Prints what breaks a rule, and fails if anything does.
pub fn check(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let mut findings = exceptions::apply(exceptions::EXCEPTIONS, findings(&tree)?);
    findings.extend(arrows::check_trees(root)?);
    findings.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing found", tree.files.len());
            Ok(())
        }
        1 => bail!("tidy: 1 finding"),
        many => bail!("tidy: {many} findings"),
    }
}

/// The one list of rules.
fn findings(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = arrows::check(tree)?;
    findings.extend(shape::check(tree));
    findings.extend(words::check(tree));
    findings.extend(documents::check(tree));
    findings.extend(contract::check(tree));
    findings.extend(log_fields::check(tree));
    findings.extend(plugin_folders::check(tree));
    Ok(findings)
}
