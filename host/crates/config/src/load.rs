//! Reads a `heliu.toml` from the disk and gives the host what it says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use segment::Segment;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::api::ApiSection;
use crate::change::ChangeSection;
use crate::connection::ConnectionSection;
use crate::courier::{CourierSection, Misplaced, Names};
use crate::identity::IdentitySection;
use crate::limits::LimitsSection;
use crate::log::{LogSection, TelemetrySection};
use crate::plugins::PluginsSection;
use crate::policy::PolicySection;
use crate::secret::Surroundings;
use crate::segment::{SEGMENTS_MAX, SegmentSection};
use crate::tls::TlsSection;
use crate::{
    Api, Change, ConfigError, Connection, Limits, Log, Plugins, Policy, Problem, Tls, Written, section,
    written,
};

/// Everything that the operator configured, checked. Paths are relative to the folder that the process runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file that it stands in.
    pub path: PathBuf,
    /// Where the journal, the store and the caches are. Need not exist.
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub clock: Clock,
    /// Whose data it is.
    pub tenant: String,
    pub api: Api,
    /// The certificate of all listeners, but for the API's where that has its own.
    pub tls: Option<Tls>,
    pub log: Log,
    /// The collector of traces: scheme, host, port.
    pub otlp: Option<String>,
    /// Digits: `86`.
    pub phone_country: String,
    pub limits: Limits,
    /// Whose components may run.
    pub plugins: Plugins,
    /// Who changed it last, and why.
    pub change: Change,
    /// What stands there of which no setup and no grant speaks, by name.
    pub written: Vec<Written>,
    /// In their order, each name once.
    pub connections: Vec<Connection>,
    /// In the order in which they decide, each name once.
    pub policies: Vec<Policy>,
    /// When intents may be carried.
    pub courier: ::courier::Plan,
    /// In their order, each name once.
    pub segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// Stands still until it is set.
    Manual,
}

/// What stands at the top of the file. Sections are read one by one, so that an error names its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The folder for the journal, the store and the caches, relative to this file. `"data"` if left out.
    #[serde(default = "default_data")]
    data: PathBuf,
    /// The address and port for webhooks, and for the API unless that has its own. Port 0 takes a free one. `"127.0.0.1:8480"` if left out.
    #[serde(default = "default_listen")]
    listen: String,
    /// Whose data it is: a name that no other tenant of the same channels has. `"default"` if left out.
    #[serde(default = "default_tenant")]
    tenant: String,
    /// `"system"`, or `"manual"`: time stands still until `POST /api/v1/clock` sets it, for demos and tests.
    /// `"system"` if left out.
    #[serde(default)]
    clock: Clock,
    api: Option<Value>,
    tls: Option<Value>,
    log: Option<Value>,
    telemetry: Option<Value>,
    identity: Option<Value>,
    limits: Option<Value>,
    plugins: Option<Value>,
    change: Option<Value>,
    courier: Option<Value>,
    #[serde(default)]
    connection: Vec<Value>,
    #[serde(default)]
    policy: Vec<Value>,
    #[serde(default)]
    segment: Vec<Value>,
}

fn default_data() -> PathBuf {
    PathBuf::from("data")
}

/// Whose data it is where the file does not say so.
pub const TENANT: &str = "default";

fn default_tenant() -> String {
    TENANT.to_owned()
}

fn checked_tenant(tenant: String) -> Result<String, Problem> {
    match crate::connection::check_name(&tenant) {
        Ok(()) => Ok(tenant),
        Err(_) => {
            let reason = format!("\"{tenant}\" is not a name: use lower-case letters, digits and dashes");
            Err(Problem::wrong("tenant", reason))
        }
    }
}

fn default_listen() -> String {
    "127.0.0.1:8480".to_owned()
}

/// Loads and checks a configuration with everything that it refers to: secrets are read, plugins must exist.
///
/// # Errors
/// [`ConfigError`] with the first thing that is wrong. Its text never holds a secret.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    load_with(path, &|name| std::env::var(name).ok())
}

fn load_with(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let file_name = path.display().to_string();
    let at = |section: &'static str| {
        let file_name = file_name.clone();
        move |problem: Problem| problem.at(&file_name, section)
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| at("")(Problem::Unreadable { reason: error.to_string() }))?;
    let table: Table = toml::from_str(&text).map_err(|error| at("")(syntax(&text, &error)))?;
    let File {
        data,
        listen,
        tenant,
        clock,
        api,
        tls,
        log,
        telemetry,
        identity,
        limits,
        plugins,
        change,
        courier,
        connection,
        policy,
        segment,
    } = section::read(Value::Table(table.clone())).map_err(at(""))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let surroundings = Surroundings { folder, variable };
    let api: ApiSection = or_default(api).map_err(at("[api] "))?;
    let tls = tls.map(section::read::<TlsSection>).transpose().map_err(at("[tls] "))?;
    let log: LogSection = or_default(log).map_err(at("[log] "))?;
    let telemetry: TelemetrySection = or_default(telemetry).map_err(at("[telemetry] "))?;
    let identity: IdentitySection = or_default(identity).map_err(at("[identity] "))?;
    let limits: LimitsSection = or_default(limits).map_err(at("[limits] "))?;
    let plugins: PluginsSection = or_default(plugins).map_err(at("[plugins] "))?;
    let courier: CourierSection = or_default(courier).map_err(at("[courier] "))?;
    let connections = each("connection", connection, &file_name, |value| {
        let connection = section::read::<ConnectionSection>(value)?.resolve(&surroundings)?;
        Ok((connection.name.clone(), connection))
    })?;
    let policies = policies(policy, &file_name, &surroundings)?;
    let names = Names {
        connections: connections.iter().map(|connection| connection.name.as_str()).collect(),
        policies: policies.iter().map(|policy| policy.name.as_str()).collect(),
    };
    let courier = courier
        .resolve(&names)
        .map_err(|Misplaced { section, problem }| problem.at(&file_name, &format!("{section} ")))?;
    Ok(Config {
        path: path.to_owned(),
        data_dir: folder.join(data),
        listen: address(&listen).map_err(at(""))?,
        clock,
        tenant: checked_tenant(tenant).map_err(at(""))?,
        api: api.resolve(&surroundings).map_err(at("[api] "))?,
        tls: tls.map(|tls| tls.resolve(&surroundings)).transpose().map_err(at("[tls] "))?,
        log: log.resolve(),
        otlp: telemetry.resolve().map_err(at("[telemetry] "))?,
        phone_country: identity.resolve().map_err(at("[identity] "))?,
        limits: limits.resolve().map_err(at("[limits] "))?,
        plugins: plugins.resolve().map_err(at("[plugins] "))?,
        change: or_default(change).and_then(ChangeSection::resolve).map_err(at("[change] "))?,
        connections,
        policies,
        courier,
        segments: segments(segment, &file_name)?,
        written: written::sections(&table).map_err(at(""))?,
    })
}

fn policies(
    sections: Vec<Value>,
    file: &str,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Policy>, ConfigError> {
    each("policy", sections, file, |value| {
        let policy = section::read::<PolicySection>(value)?.resolve(surroundings)?;
        Ok((policy.name.clone(), policy))
    })
}

fn segments(sections: Vec<Value>, file: &str) -> Result<Vec<Segment>, ConfigError> {
    if sections.len() > SEGMENTS_MAX {
        let count = sections.len();
        let reason = format!("{count} segments are more than {SEGMENTS_MAX}: leave out what nobody asks for");
        return Err(Problem::Shape { reason }.at(file, ""));
    }
    each("segment", sections, file, |value| {
        let segment = section::read::<SegmentSection>(value)?.resolve()?;
        Ok((segment.name().to_owned(), segment))
    })
}

fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // The message alone: the error's full text shows the line, in which a secret may stand.
    Problem::Syntax { line, reason: error.message().replace('\n', ", ") }
}

/// A section that need not be there.
fn or_default<T: Default + DeserializeOwned>(section: Option<Value>) -> Result<T, Problem> {
    section.map_or_else(|| Ok(T::default()), section::read)
}

pub(crate) fn address(listen: &str) -> Result<SocketAddr, Problem> {
    let reason = || format!("\"{listen}\" is not an IP address with a port, like \"127.0.0.1:8480\"");
    listen.parse().map_err(|_| Problem::wrong("listen", reason()))
}

/// Resolves each section of a list; errors name it by its name where it has one, and by its place where it does not.
fn each<T>(
    kind: &'static str,
    sections: Vec<Value>,
    file: &str,
    resolve: impl Fn(Value) -> Result<(String, T), Problem>,
) -> Result<Vec<T>, ConfigError> {
    let mut resolved: Vec<(String, T)> = Vec::with_capacity(sections.len());
    for (place, value) in sections.into_iter().enumerate() {
        let section = match value.get("name").and_then(Value::as_str) {
            Some(name) => format!("{kind} \"{name}\": "),
            None => format!("{kind} number {}: ", place + 1),
        };
        let (name, value) = resolve(value).map_err(|problem| problem.at(file, &section))?;
        if resolved.iter().any(|(taken, _)| *taken == name) {
            return Err(Problem::NameTaken { kind }.at(file, &section));
        }
        resolved.push((name, value));
    }
    Ok(resolved.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests;
