//! `[plugins]`: who vouches for components.

use minisign_verify::PublicKey;
use serde::Deserialize;

use crate::Problem;
use crate::connection::check_name;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PluginsSection {
    /// Run no component but those that one of `keys` has signed: `X.wasm.minisig` beside `X.wasm`. Off if left out.
    require_signature: bool,
    /// Public keys of minisign.
    keys: Vec<KeySection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySection {
    /// What `heliu plugin inspect` and refusals call it. Lower-case letters, digits and dashes.
    name: String,
    /// The second line of a `minisign.pub`.
    key: String,
}

/// Whose components may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugins {
    pub require_signature: bool,
    /// In their order, each name once.
    pub keys: Vec<PluginKey>,
}

/// Somebody who vouches for components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginKey {
    pub name: String,
    pub key: PublicKey,
}

impl PluginsSection {
    pub(crate) fn resolve(self) -> Result<Plugins, Problem> {
        let PluginsSection { require_signature, keys } = self;
        if require_signature && keys.is_empty() {
            let mend =
                "a signature by nobody cannot be required: add `keys = [{ name = \"…\", key = \"…\" }]`";
            return Err(Problem::MissingKey { key: "keys".to_owned(), mend: mend.to_owned() });
        }
        let mut resolved: Vec<PluginKey> = Vec::with_capacity(keys.len());
        for KeySection { name, key } in keys {
            check_name(&name)?;
            if resolved.iter().any(|taken| taken.name == name) {
                return Err(Problem::wrong("keys", format!("the name \"{name}\" is there twice")));
            }
            let key = PublicKey::from_base64(key.trim()).map_err(|_| {
                let reason = format!(
                    "\"{name}\" is no public key of minisign: write the second line of its minisign.pub, which begins with RW"
                );
                Problem::wrong("keys", reason)
            })?;
            resolved.push(PluginKey { name, key });
        }
        Ok(Plugins { require_signature, keys: resolved })
    }
}
