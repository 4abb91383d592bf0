//! A golden's file: read, compared, blessed.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cassette::{Cell, Exchange};
use super::shape::{Errand, Outcome, Request, Turn};
use super::verbatim::{self, Members};
use crate::chores::Chore;

/// Where one golden lies.
pub struct Case {
    pub path: PathBuf,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Receive,
    Poll,
    Work,
    Carry,
    Evaluate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// What the case shows, in one line.
    #[serde(rename = "about")]
    _about: String,
    pub call: Call,
    pub settings: Box<RawValue>,
    pub now: Option<u64>,
    pub request: Option<Request>,
    pub cursor: Option<Box<RawValue>>,
    pub chore: Option<Chore>,
    pub errands: Option<Vec<Errand>>,
    pub turns: Option<Vec<Turn>>,
    /// What the connection remembers.
    #[serde(default)]
    pub memory: Vec<Cell>,
    #[serde(default)]
    pub http: Vec<Exchange>,
    expect: Option<Box<RawValue>>,
    exit: Option<i32>,
}

impl Case {
    /// The goldens of a plugin, by name. It must have one.
    pub fn all(folder: &Path) -> Result<Vec<Case>, String> {
        let goldens = folder.join("tests/golden");
        let entries =
            std::fs::read_dir(&goldens).map_err(|error| format!("{}: {error}", goldens.display()))?;
        let mut cases: Vec<Case> = entries
            .filter_map(Result::ok)
            .map(|entry| Case { path: entry.path() })
            .filter(|case| case.path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        cases.sort_by(|a, b| a.path.cmp(&b.path));
        if cases.is_empty() { Err(format!("{}: no goldens", goldens.display())) } else { Ok(cases) }
    }

    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub fn read(&self) -> Result<Golden, String> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("not a golden: {error}"))
    }

    /// Writes the outcome into the file as what is expected. The rest keeps its content and its order.
    pub fn bless(&self, outcome: &Outcome) -> Result<(), String> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| error.to_string())?;
        let Members(mut members) = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        members.retain(|(key, _)| key != "expect" && key != "exit");
        let exit = RawValue::from_string(outcome.exit.to_string()).map_err(|error| error.to_string())?;
        members.push(("expect".to_owned(), outcome.json.clone()));
        members.push(("exit".to_owned(), exit));
        let member = |(key, value): &(String, Box<RawValue>)| {
            format!("  \"{key}\": {}", verbatim::pretty(value.get(), 2))
        };
        let lines: Vec<String> = members.iter().map(member).collect();
        std::fs::write(&self.path, format!("{{\n{}\n}}\n", lines.join(",\n")))
            .map_err(|error| error.to_string())
    }
}

impl Golden {
    /// Says what is not as expected. `fuel`, which the sandbox prints, is no part of a plugin's answer.
    pub fn compare(&self, outcome: &Outcome) -> Result<(), String> {
        let Some(expect) = &self.expect else {
            return Err("it expects nothing yet: look at what HELIU_BLESS=1 writes".to_owned());
        };
        if let Some(why) = verbatim::difference(&without_fuel(expect)?, &without_fuel(&outcome.json)?) {
            return Err(format!("expect{why}"));
        }
        match self.exit.unwrap_or(0) {
            exit if exit == outcome.exit => Ok(()),
            exit => Err(format!("exit: expected {exit}, got {}", outcome.exit)),
        }
    }
}

fn without_fuel(json: &RawValue) -> Result<Box<RawValue>, String> {
    let Ok(mut members) =
        serde_json::from_str::<std::collections::BTreeMap<String, Box<RawValue>>>(json.get())
    else {
        return Ok(json.to_owned());
    };
    members.remove("fuel");
    serde_json::value::to_raw_value(&members).map_err(|error| error.to_string())
}
