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
    /// Another version that decides beside this one, and nothing of it reaches anybody.
    shadow: Option<ShadowSection>,
}

/// What differs from the policy that it stands beside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShadowSection {
    /// The policy's own if left out.
    plugin: Option<String>,
    /// The policy's own if left out.
    settings: Option<Table>,
}

/// Another version of a policy, which decides beside it on the live journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// An existing file.
    pub plugin: PathBuf,
    pub settings: Json,
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
    pub shadow: Option<Shadow>,
}

impl PolicySection {
    pub(crate) fn resolve(self, surroundings: &Surroundings<'_>) -> Result<Policy, Problem> {
        let PolicySection { name, plugin, carry, settings, shadow } = self;
        check_name(&name)?;
        let plugin = existing_plugin(plugin, surroundings)?;
        let settings = settings::resolve(&settings, Secrets::Refused, surroundings)?.json;
        let shadow = shadow.map(|shadow| shadow.resolve(&plugin, &settings, surroundings)).transpose()?;
        Ok(Policy { name, plugin, carry, settings, shadow })
    }
}

impl ShadowSection {
    fn resolve(
        self,
        plugin: &PathBuf,
        settings: &Json,
        surroundings: &Surroundings<'_>,
    ) -> Result<Shadow, Problem> {
        let ShadowSection { plugin: other, settings: others } = self;
        let shadow = Shadow {
            plugin: match other {
                Some(other) => existing_plugin(other, surroundings)?,
                None => plugin.clone(),
            },
            settings: match others {
                Some(others) => settings::resolve(&others, Secrets::Refused, surroundings)?.json,
                None => settings.clone(),
            },
        };
        if (&shadow.plugin, &shadow.settings) == (plugin, settings) {
            let reason = "is the policy itself: give another plugin, or other settings".to_owned();
            return Err(Problem::wrong("shadow", reason));
        }
        Ok(shadow)
    }
}
