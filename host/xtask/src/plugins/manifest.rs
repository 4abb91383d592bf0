//! Finds plugins by their `plugin.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// What a plugin is to the host.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Connector,
    Policy,
}

/// A plugin of this repository, as its `plugin.toml` names it.
#[derive(Debug)]
pub struct Plugin {
    pub name: String,
    pub role: Role,
    /// The cargo package that is compiled.
    pub package: String,
    pub folder: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    name: String,
    role: Role,
    #[serde(rename = "crate")]
    package: String,
}

/// Every plugin of the repository, ordered by folder.
pub fn found(root: &Path) -> Result<Vec<Plugin>> {
    let mut plugins: Vec<Plugin> = Vec::new();
    for kind in folders_in(&root.join("plugins"))? {
        for folder in folders_in(&kind)? {
            let file = folder.join("plugin.toml");
            if !file.is_file() {
                bail!(
                    "{}: missing; every folder in {} is a plugin and needs one",
                    file.display(),
                    kind.display()
                );
            }
            let plugin = read(&file)?;
            if let Some(other) = plugins.iter().find(|other| other.name == plugin.name) {
                bail!(
                    "plugin name {:?} is taken twice: {} and {}",
                    plugin.name,
                    other.folder.display(),
                    folder.display()
                );
            }
            plugins.push(plugin);
        }
    }
    if plugins.is_empty() {
        bail!("{}: no plugin.toml found in plugins/*/*", root.display());
    }
    Ok(plugins)
}

fn read(file: &Path) -> Result<Plugin> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let Manifest { name, role, package } = toml::from_str(&text).with_context(|| {
        format!("{}: wants name = \"…\", role = \"connector\" or \"policy\", crate = \"…\"", file.display())
    })?;
    let folder = file.parent().unwrap_or(file).to_path_buf();
    Ok(Plugin { name, role, package, folder })
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
