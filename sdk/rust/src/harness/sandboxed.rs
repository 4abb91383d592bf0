//! The same case in the real sandbox, through `heliu plugin run`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::value::RawValue;

use super::golden::Case;
use super::shape::Outcome;

/// A built host and a built component.
pub struct Sandbox {
    host: PathBuf,
    component: PathBuf,
}

/// The host and the component, if both are built. An error where they must be and are not.
pub fn find(folder: &Path) -> Result<Option<Sandbox>, String> {
    let wish = std::env::var("HELIU_GOLDENS").unwrap_or_default();
    if wish == "native" {
        return Ok(None);
    }
    let name = plugin_name(folder)?;
    let target = folder
        .ancestors()
        .find(|ancestor| ancestor.join("Cargo.lock").exists())
        .unwrap_or(folder)
        .join("target");
    let host = std::env::var_os("HELIU_BIN").map_or_else(|| target.join("release/heliu"), PathBuf::from);
    let component = target.join("plugins").join(format!("{name}.wasm"));
    let missing = [&host, &component].into_iter().find(|path| !path.exists()).cloned();
    match missing {
        None => Ok(Some(Sandbox { host, component })),
        Some(missing) if wish == "both" => {
            Err(format!("HELIU_GOLDENS=both, and {} is not built", missing.display()))
        }
        Some(_) => Ok(None),
    }
}

fn plugin_name(folder: &Path) -> Result<String, String> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim().trim_matches('"').to_owned())
    });
    name.ok_or_else(|| format!("{}: no name", path.display()))
}

impl Sandbox {
    /// Runs a case. What the host says beside the JSON is told only where there is no JSON.
    pub fn run(&self, case: &Case) -> Result<Outcome, String> {
        let mut command = Command::new(&self.host);
        command.args(["plugin", "run"]).arg(&self.component).arg("--golden").arg(&case.path);
        let output = command.output().map_err(|error| format!("{}: {error}", self.host.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let json = serde_json::from_str::<Box<RawValue>>(&text).map_err(|error| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("in the sandbox: {} printed no JSON ({error}): {}", output.status, said.trim())
        })?;
        Ok(Outcome { json, exit: output.status.code().unwrap_or(-1) })
    }
}
