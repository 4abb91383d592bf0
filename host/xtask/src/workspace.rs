//! Where things are in the workspace.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo;

/// The folder of the workspace that xtask was started in, wherever in it that was.
pub fn root() -> Result<PathBuf> {
    // Cargo tells where xtask's own manifest is; started by hand, only the current folder is known.
    let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_dir().context("the current folder cannot be read")?,
    };
    root_above(&start).with_context(|| {
        format!(
            "{}: no Heliu workspace here or above; run `cargo xtask` inside the repository",
            start.display()
        )
    })
}

fn root_above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| folder.join("host/xtask/Cargo.toml").is_file()).map(Path::to_path_buf)
}

/// Builds the host and gives the path of its program.
///
/// Always with the whole workspace's features: cargo picks features for what is built together, and wasmtime with
/// other features is another wasmtime, which takes minutes to compile. So the demo, the tests and the bench share one.
pub fn build_host(root: &Path) -> Result<PathBuf> {
    cargo::finish(cargo::host(root).args(["build", "--release", "--workspace", "--bin", "heliu"]))?;
    Ok(root.join("target/release").join(format!("heliu{}", std::env::consts::EXE_SUFFIX)))
}

/// Where the component of a plugin goes, and where the host, the goldens and the demo look for it.
pub fn component(root: &Path, plugin: &str) -> PathBuf {
    root.join("target/plugins").join(plugin).with_extension("wasm")
}
