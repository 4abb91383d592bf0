//! The configuration in a backup: all of it but its secrets.
//!
//! Most secrets stand in files or in the environment, and only their names are here. One that is written out is blotted: the
//! tokens of `[api]`, and what a connector's schema marks `writeOnly`. In its place stands the name of a file that is nowhere, so
//! that no host starts without it. Where one cannot be found in the text as it is, `heliu.toml` is left out, and the manifest
//! says so.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use config::Config;
use heliu::files;
use heliu::wiring;
use sandbox::{Grants, Plugin};
use toml::{Table, Value};

use super::manifest::{Component, Configuration, Kept};

/// What stands in the place of a secret.
const BLOT: &str = "{ file = \"left-out-of-the-backup\" }";

/// Keys below `[api]` whose texts are secrets.
const API_SECRETS: &[&str] = &["token", "secret", "password", "key"];

pub(super) fn copy(config: &Config, to: &Path) -> anyhow::Result<Configuration> {
    let path = config.path.display();
    let text = fs::read_to_string(&config.path).with_context(|| format!("read {path}"))?;
    let table: Table = toml::from_str(&text).with_context(|| format!("{path} cannot be understood"))?;
    let mut told =
        Configuration { secrets: referred(&Value::Table(table.clone())), ..Configuration::default() };
    told.secrets.sort();
    told.secrets.dedup();
    let mut secrets = api_secrets(&table);
    let connections = config.connections.iter().map(|connection| (&connection.name, &connection.plugin));
    for (name, plugin) in
        connections.chain(config.policies.iter().map(|policy| (&policy.name, &policy.plugin)))
    {
        told.components.push(component(name, plugin)?);
    }
    match settings_secrets(config) {
        Ok(more) => secrets.extend(more),
        Err(error) => return Ok(Configuration { left_out: Some(format!("{error:#}")), ..told }),
    }
    match blot(&text, secrets) {
        Some((text, blotted)) => {
            files::write(&to.join("heliu.toml"), text.as_bytes()).context("copy the configuration")?;
            Ok(Configuration { kept: Some(Kept::of(to, "heliu.toml")?), blotted, ..told })
        }
        None => {
            let why = "a secret stands in it in a way that could not be blotted out".to_owned();
            Ok(Configuration { left_out: Some(why), ..told })
        }
    }
}

fn component(name: &str, plugin: &Path) -> anyhow::Result<Component> {
    let bytes = fs::read(plugin).with_context(|| format!("read the plugin {}", plugin.display()))?;
    Ok(Component { name: name.to_owned(), sha256: wiring::digest(&bytes).to_string() })
}

/// Written-out settings that their connectors' schemas mark as secrets.
fn settings_secrets(config: &Config) -> anyhow::Result<Vec<String>> {
    let sandbox = wiring::sandbox(wiring::limits(config), Some(config.data_dir.join("cache")))?;
    let mut secrets = Vec::new();
    for connection in &config.connections {
        let plugin = &connection.plugin;
        let bytes = fs::read(plugin).with_context(|| format!("read the plugin {}", plugin.display()))?;
        if let Plugin::Connector(connector) = sandbox.admit(&bytes, &Grants::all())? {
            secrets
                .extend(sandbox::secrets_in(&connector.descriptor().settings_schema, &connection.settings));
        }
        secrets.extend(connection.secrets.iter().cloned());
    }
    Ok(secrets)
}

fn api_secrets(table: &Table) -> Vec<String> {
    fn find(value: &Value, is_secret: bool, secrets: &mut Vec<String>) {
        match value {
            Value::String(text) if is_secret => secrets.push(text.clone()),
            Value::Table(table) if reference(table).is_none() => table.iter().for_each(|(key, value)| {
                find(value, API_SECRETS.iter().any(|name| key.contains(name)), secrets);
            }),
            Value::Array(values) => values.iter().for_each(|value| find(value, is_secret, secrets)),
            _ => {}
        }
    }
    let mut secrets = Vec::new();
    if let Some(api) = table.get("api") {
        find(api, false, &mut secrets);
    }
    secrets
}

/// `{ file = "…" }` or `{ env = "…" }`: where a secret is.
fn reference(table: &Table) -> Option<String> {
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((key, Value::String(name))), None) if key == "file" => Some(name.clone()),
        (Some((key, Value::String(name))), None) if key == "env" => Some(format!("${name}")),
        _ => None,
    }
}

pub(super) fn referred(value: &Value) -> Vec<String> {
    match value {
        Value::Table(table) => match reference(table) {
            Some(name) => vec![name],
            None => table.values().flat_map(referred).collect(),
        },
        Value::Array(values) => values.iter().flat_map(referred).collect(),
        _ => Vec::new(),
    }
}

/// The text without the secrets, and how many it had. None: one of them is still in it.
fn blot(text: &str, mut secrets: Vec<String>) -> Option<(String, usize)> {
    // The longest first: one may contain another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    let (mut text, mut blotted) = (text.to_owned(), 0);
    for secret in &secrets {
        for standing in [format!("\"{secret}\""), format!("'{secret}'")] {
            blotted += text.matches(&standing).count();
            text = text.replace(&standing, BLOT);
        }
    }
    let table: Table = toml::from_str(&text).ok()?;
    let is_clean = texts(&Value::Table(table)).iter().all(|text| !secrets.contains(text));
    is_clean.then_some((text, blotted))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Table(table) => table.values().flat_map(texts).collect(),
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[api]\ntoken = \"open-sesame\"\n\n[[connection]]\nname = \"wecom\"\n\
                        [connection.settings]\nsecret = { file = \"wecom.secret\" }\ntoken = { env = \"TOKEN\" }\n\
                        aes = 'plain-as-day'\n";

    #[test]
    fn secrets_that_are_written_out_are_blotted_and_others_named() {
        let table: Table = toml::from_str(FILE).unwrap();
        assert_eq!(api_secrets(&table), ["open-sesame"]);
        assert_eq!(referred(&Value::Table(table)), ["wecom.secret", "$TOKEN"]);
        let secrets = vec!["open-sesame".to_owned(), "plain-as-day".to_owned(), "elsewhere".to_owned()];
        let (text, blotted) = blot(FILE, secrets).unwrap();
        assert_eq!(blotted, 2);
        assert!(!text.contains("sesame") && !text.contains("plain-as-day"), "{text}");
        assert!(text.contains("wecom.secret") && text.contains(&format!("token = {BLOT}")), "{text}");
    }

    #[test]
    fn a_secret_that_hides_behind_an_escape_keeps_the_file_out() {
        let file = "[api]\ntoken = \"open\\u002Dsesame\"\n";
        assert!(blot(file, vec!["open-sesame".to_owned()]).is_none());
    }
}
