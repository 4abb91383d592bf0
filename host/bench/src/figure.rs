//! One line of the table.

use std::fmt;

use anyhow::Context as _;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: String,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &str) -> Figure {
        Figure { name: name.into(), value, unit: unit.to_owned() }
    }

    pub fn to_json(&self) -> Value {
        let Figure { name, value, unit } = self;
        json!({ "name": name, "value": value, "unit": unit })
    }

    pub fn from_json(line: &str) -> anyhow::Result<Figure> {
        let object: Value = serde_json::from_str(line).with_context(|| format!("not a figure: {line}"))?;
        let text =
            |key: &str| object[key].as_str().map(str::to_owned).context("a figure without a name or unit");
        let value = object["value"].as_f64().context("a figure without a value")?;
        Ok(Figure { name: text("name")?, value, unit: text("unit")? })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<28}{:>14.2} {}", self.name, self.value, self.unit)
    }
}

/// The most memory that this process ever held, in MiB.
pub fn peak_rss_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("read the peak of memory")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc/self/status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
