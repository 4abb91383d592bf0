//! `cargo xtask plugins`: builds every plugin of the repository to a component that the host can load.
//!
//! A plugin is a folder `plugins/*/*` with a `plugin.toml`; there is no list of them anywhere in code.

mod component;
mod manifest;
mod toolchain;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use manifest::{Plugin, Role};
use toolchain::Toolchain;

use crate::workspace;

/// Build plugins to components, target/plugins/NAME.wasm: those named, or all of them
#[derive(clap::Args)]
pub struct Arguments {
    /// The plugins to build, by the name in their plugin.toml
    names: Vec<String>,
}

/// A component that was built.
pub struct Built {
    pub name: String,
    pub path: PathBuf,
    pub bytes: usize,
    pub took: Duration,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    build(&workspace::root()?, &arguments.names).map(drop)
}

/// Builds the plugins of these names, or all of them where no name is given, and prints a line for each.
pub fn build(root: &Path, names: &[String]) -> Result<Vec<Built>> {
    build_chosen(root, &root.join("target/guests"), names)
}

/// Builds all plugins of another workspace, with the compiled crates of this one.
pub fn build_apart(root: &Path, guests: &Path) -> Result<()> {
    build_chosen(root, guests, &[]).map(drop)
}

fn build_chosen(root: &Path, guests: &Path, names: &[String]) -> Result<Vec<Built>> {
    let plugins = chosen(manifest::found(root)?, names)?;
    let toolchain = Toolchain::ready(root)?;
    eprintln!("building {} plugins with {}", plugins.len(), toolchain.describe());
    let mut built = Vec::new();
    for plugin in &plugins {
        let one = build_one(root, guests, &toolchain, plugin)
            .with_context(|| format!("plugin {:?} in {}", plugin.name, plugin.folder.display()))?;
        let Built { name, path, bytes, took } = &one;
        eprintln!(
            "{name:<24} {:>6} KiB {:>6.1} s  {}",
            bytes.div_ceil(1024),
            took.as_secs_f64(),
            shown(root, path)
        );
        built.push(one);
    }
    Ok(built)
}

fn chosen(found: Vec<Plugin>, names: &[String]) -> Result<Vec<Plugin>> {
    if names.is_empty() {
        return Ok(found);
    }
    if let Some(unknown) = names.iter().find(|name| found.iter().all(|plugin| plugin.name != **name)) {
        let known: Vec<_> = found.iter().map(|plugin| plugin.name.as_str()).collect();
        bail!("no plugin is called {unknown:?}; there are: {}", known.join(", "));
    }
    Ok(found.into_iter().filter(|plugin| names.contains(&plugin.name)).collect())
}

fn build_one(root: &Path, guests: &Path, toolchain: &Toolchain, plugin: &Plugin) -> Result<Built> {
    let started = Instant::now();
    let module = toolchain.compile(root, guests, plugin)?;
    let component = component::from_module(&module, plugin.role)?;
    let path = workspace::component(root, &plugin.name);
    component::write(&path, &component)?;
    Ok(Built { name: plugin.name.clone(), path, bytes: component.len(), took: started.elapsed() })
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str) -> Plugin {
        Plugin { name: name.into(), role: Role::Policy, package: name.into(), folder: PathBuf::new() }
    }

    #[test]
    fn without_names_every_plugin_is_chosen() {
        let all = chosen(vec![plugin("wecom"), plugin("repurchase")], &[]).unwrap();
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn a_name_that_no_plugin_has_is_refused_and_the_names_are_listed() {
        let Err(error) = chosen(vec![plugin("wecom"), plugin("repurchase")], &["wecome".into()]) else {
            panic!("chosen")
        };
        assert_eq!(error.to_string(), r#"no plugin is called "wecome"; there are: wecom, repurchase"#);
    }
}
