//! `[change]`: who changed the file last, and why.

use serde::Deserialize;

use crate::Problem;

/// Letters of a name and of a reason: they stand in the journal for ever.
const BY_MAX: usize = 100;
const WHY_MAX: usize = 1000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChangeSection {
    /// Who changed this file last. Stands in the journal beside what changed; where this is as it was, nobody said who it was.
    by: Option<String>,
    /// Why.
    why: Option<String>,
}

/// Who changed the configuration last, and why, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub by: Option<String>,
    pub why: Option<String>,
}

impl ChangeSection {
    pub(crate) fn resolve(self) -> Result<Change, Problem> {
        let ChangeSection { by, why } = self;
        Ok(Change { by: line("by", by, BY_MAX)?, why: line("why", why, WHY_MAX)? })
    }
}

fn line(key: &str, text: Option<String>, max: usize) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let letters = text.chars().count();
    if text.trim().is_empty() || letters > max || text.chars().any(char::is_control) {
        return Err(Problem::wrong(key, format!("it is not one line of 1 to {max} letters")));
    }
    Ok(Some(text.trim().to_owned()))
}
