//! `[[policy]]`: a policy with its settings and its place in the order.

use std::path::PathBuf;

use model::Json;
use serde::Deserialize;
use toml::Table;

use crate::Problem;
use crate::connection::{check_name, existing_plugin};
use crate::secret::Surroundings;
use crate::settings::{self, Secrets};

/// Policies decide in the order in which they stand in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicySection {
    /// Lower-case letters, digits and dashes. What it remembers and intends bears this name: a renamed policy is
    /// another one.
    pub(crate) name: String,
    /// The policy's component, relative to this file.
    plugin: String,
    /// When the component or the settings change, keep what it remembers instead of folding every customer again. Off
    /// if left out. Set it only for a policy that says that it understands the memories of the version before.
    #[serde(default)]
    carry: bool,
    /// The policy's own settings. They stand in the journal, so none may come from a file or from the environment.
    #[serde(default)]
    settings: Table,
}

/// A policy with its settings; its place in the list is its place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: String,
    /// An existing file.
    pub plugin: PathBuf,
    pub carry: bool,
    /// One line, keys sorted: equal settings are equal text.
    pub settings: Json,
}

impl PolicySection {
    pub(crate) fn resolve(self, surroundings: &Surroundings<'_>) -> Result<Policy, Problem> {
        let PolicySection { name, plugin, carry, settings } = self;
        check_name(&name)?;
        let plugin = existing_plugin(plugin, surroundings)?;
        let settings = settings::resolve(&settings, Secrets::Refused, surroundings)?.json;
        Ok(Policy { name, plugin, carry, settings })
    }
}
