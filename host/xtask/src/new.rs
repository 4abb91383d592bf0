//! `cargo xtask new`: makes a plugin that builds, passes its goldens and is found without an edit anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use toml::Table;

use crate::workspace;

/// Make a plugin that builds and passes its goldens: plugins/connectors/NAME or plugins/policies/NAME
#[derive(clap::Args)]
pub struct Arguments {
    role: Role,
    /// Its name, in small letters: my-shop
    name: String,
}

/// What the plugin is to be.
#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    /// Turns what a channel sends into events
    Connector,
    /// Reads a customer's events and decides
    Policy,
}

impl Role {
    fn template(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::Policy => "policy",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Connector => "plugins/connectors",
            Self::Policy => "plugins/policies",
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root()?;
    let name = &arguments.name;
    check_free(&root, name)?;
    let folder = create(&root, &root, arguments.role, name)?;
    let shown = folder.strip_prefix(&root).unwrap_or(&folder).display();
    println!("{shown} is made. What next:");
    println!("  {shown}/README.md says what to put in");
    println!(
        "  cargo test --release -p {name}     runs its goldens; HELIU_BLESS=1 writes what comes out into them"
    );
    println!("  cargo xtask plugins {name}         builds its component");
    Ok(())
}

/// Writes the template of the workspace at `root`, filled in, below the workspace at `into`.
pub fn create(root: &Path, into: &Path, role: Role, name: &str) -> Result<PathBuf> {
    check_name(name)?;
    let folder = into.join(role.folder()).join(name);
    if folder.exists() {
        bail!("{} is there already; choose another name", folder.display());
    }
    copy(&root.join("host/xtask/templates").join(role.template()), &folder, name)?;
    Ok(folder)
}

fn check_name(name: &str) -> Result<()> {
    let kebab =
        !name.is_empty() && name.split('-').all(|part| part.bytes().all(is_small) && !part.is_empty());
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !kebab || !begins {
        bail!(
            "{name:?} is no plugin name; small letters, digits and single hyphens, a letter first: my-shop"
        );
    }
    Ok(())
}

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// A plugin's name is its crate's too: it must be no crate's that the workspace has or uses.
fn check_free(root: &Path, name: &str) -> Result<()> {
    let path = root.join("Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let lock: Table =
        toml::from_str(&text).with_context(|| format!("{} cannot be understood", path.display()))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let mut names = packages.filter_map(|package| package.get("name")?.as_str());
    if names.any(|taken| taken == name) {
        bail!("{name:?} is a crate of this workspace or one that it uses; choose another name");
    }
    Ok(())
}

fn copy(template: &Path, folder: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let entries =
        fs::read_dir(template).with_context(|| format!("{} cannot be listed", template.display()))?;
    for entry in entries {
        let from = entry.with_context(|| format!("{} cannot be listed", template.display()))?.path();
        let to = folder.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            copy(&from, &to, name)?;
            continue;
        }
        let text = fs::read_to_string(&from).with_context(|| format!("{} cannot be read", from.display()))?;
        fs::write(&to, filled(&text, name)).with_context(|| format!("{} cannot be written", to.display()))?;
    }
    Ok(())
}

fn filled(text: &str, name: &str) -> String {
    text.replace("{{name}}", name)
        .replace("{{Name}}", &type_name(name))
        .replace("{{ident}}", &name.replace('-', "_"))
}

fn type_name(name: &str) -> String {
    name.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_crate_a_type_and_an_identifier() {
        assert_eq!(filled("{{name}} {{Name}} {{ident}}", "my-shop-2"), "my-shop-2 MyShop2 my_shop_2");
    }

    #[test]
    fn names_that_cargo_or_rust_would_refuse_are_refused() {
        for name in ["", "Shop", "my_shop", "-shop", "shop-", "my--shop", "2shop", "商店", "../shop"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        check_name("my-shop2").unwrap();
    }

    #[test]
    fn a_name_that_a_crate_has_is_refused() {
        let root = workspace::root().unwrap();
        assert!(check_free(&root, "serde").is_err());
        assert!(check_free(&root, "model").is_err());
        check_free(&root, "no-crate-is-called-so").unwrap();
    }
}
