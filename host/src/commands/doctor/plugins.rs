//! The plugins: whether they are admitted, what they ask for and what they are granted, what of them the past needs, and
//! whether their hosts are reached.

use std::collections::BTreeSet;
use std::path::Path;

use config::{Config, Connection};
use heliu::signature::read_component;
use heliu::wiring::{self, Data, Naming, Shelf};
use model::Digest;
use sandbox::{Grants, HostGrant, Plugin, Sandbox};
use store::Store as _;
use tokio::task::JoinSet;

use super::finding::Findings;

const AREA: &str = "plugins";
const NETWORK: &str = "connections";

pub(super) async fn examine(config: &Config, data: Option<&Data>, findings: &mut Findings) {
    let cache_dir = config.data_dir.join("cache");
    // Where there is none, none is made.
    let cache_dir = cache_dir.is_dir().then_some(cache_dir);
    let sandbox = match wiring::sandbox(wiring::limits(config), cache_dir) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let mend = "no plugin runs before this is so: let the host's user start threads and map memory (`ulimit -u`, \
                        `ulimit -v`, TasksMax and LimitAS of its unit), or lower [limits]; and start the program from where it is";
            findings.bad(AREA, format!("{error:#}"), mend);
            return;
        }
    };
    let mut knocks = JoinSet::new();
    let mut descriptors = Vec::new();
    for wanted in &config.connections {
        let who = format!("connection \"{}\"", wanted.name);
        let connector = match admitted(&sandbox, config, &wanted.plugin, &who, findings) {
            Some(Plugin::Connector(connector)) => connector,
            Some(Plugin::Policy(_)) => {
                let mend = "declare it under [[policy]]";
                findings.bad(AREA, format!("{who}: the plugin is a policy"), mend);
                continue;
            }
            None => continue,
        };
        let descriptor = connector.descriptor().clone();
        settings(&descriptor.settings_schema, &wanted.settings, &who, findings);
        grants(wanted, &descriptor.hosts, findings);
        knock(wanted, &sandbox, &mut knocks, findings);
        descriptors.push((wanted, connector.digest(), descriptor));
    }
    examine_handles(&descriptors, findings);
    for wanted in &config.policies {
        let who = format!("policy \"{}\"", wanted.name);
        examine_policy(&sandbox, config, &wanted.plugin, &wanted.settings, &who, findings);
        if let Some(config::Shadow { plugin, settings }) = &wanted.shadow {
            examine_policy(&sandbox, config, plugin, settings, &format!("the shadow of {who}"), findings);
        }
    }
    if let Some(data) = data {
        shelf(data, findings);
    }
    let mut heard: Vec<(String, Result<(), String>)> = knocks.join_all().await;
    heard.sort();
    for (host, knocked) in heard {
        match knocked {
            Ok(()) => findings.good(NETWORK, format!("{host} answers")),
            Err(why) => findings.bad(
                NETWORK,
                format!("{host}: {why}"),
                "look at the name, at `hosts` and `inward`, and at this machine's way out",
            ),
        }
    }
}

fn examine_policy(
    sandbox: &Sandbox,
    config: &Config,
    plugin: &Path,
    written: &str,
    who: &str,
    findings: &mut Findings,
) {
    match admitted(sandbox, config, plugin, who, findings) {
        Some(Plugin::Policy(policy)) => {
            settings(&policy.descriptor().settings_schema, written, who, findings)
        }
        Some(Plugin::Connector(_)) => {
            findings.bad(
                AREA,
                format!("{who}: the plugin is a connector"),
                "declare it under [[connection]]",
            );
        }
        None => {}
    }
}

fn settings(schema: &str, written: &str, who: &str, findings: &mut Findings) {
    if let Err(error) = config::check_settings(schema, written) {
        findings.bad(AREA, format!("{who}: {error}"), "`heliu plugin inspect` shows the settings");
    }
}

/// May all of these connections name people as their connectors do?
fn examine_handles(
    descriptors: &[(&Connection, Digest, model::ConnectorDescriptor)],
    findings: &mut Findings,
) {
    let namings: Vec<Naming<'_>> = descriptors
        .iter()
        .map(|(wanted, component, descriptor): &(&config::Connection, _, model::ConnectorDescriptor)| {
            Naming {
                connection: &wanted.name,
                component: *component,
                schemes: &descriptor.schemes,
                shares: &wanted.shares,
            }
        })
        .collect();
    if let Err(error) = heliu::wiring::schemes(&namings) {
        let mend = "no host starts with it: correct `shares` of the connections that it names, or take versions of their plugins \
                    that agree";
        findings.bad(AREA, format!("{error:#}"), mend);
    }
}

/// As a host would take it in: where signatures are required, only with one.
fn admitted(
    sandbox: &Sandbox,
    config: &Config,
    path: &Path,
    who: &str,
    findings: &mut Findings,
) -> Option<Plugin> {
    let bytes = match read_component(path, &config.plugins) {
        Ok(bytes) => bytes,
        Err(error) => {
            let mend = if std::fs::File::open(path).is_ok() {
                "put its author's signature beside it, and the author's key into [plugins] keys"
            } else {
                "put the component there, readable for the host's user"
            };
            findings.bad(AREA, format!("{who}: {error:#}"), mend);
            return None;
        }
    };
    match sandbox.admit(&bytes, &Grants::all()) {
        Ok(plugin) => {
            findings.good(AREA, format!("{who} is admitted: {}", plugin.digest()));
            Some(plugin)
        }
        Err(error) => {
            let mend = "build it anew against the contract that this host knows (`heliu plugin inspect`)";
            findings.bad(AREA, format!("{who}: {error}"), mend);
            None
        }
    }
}

/// What it asks for, and what it may reach.
fn grants(wanted: &Connection, asked: &[String], findings: &mut Findings) {
    let Connection { name, hosts, inward, .. } = wanted;
    let covered = |host: &String| {
        hosts.iter().any(|grant| {
            let wild = grant.split_once("://*.").and_then(|(scheme, domain)| {
                let rest = host.strip_prefix(scheme)?.strip_prefix("://")?;
                Some(rest.ends_with(&format!(".{domain}")))
            });
            grant == host || wild == Some(true)
        })
    };
    let missing: Vec<&String> = asked.iter().filter(|host| !covered(host)).collect();
    // One that was given an address of its own, of a sandbox or a proxy, does without those that it knows by itself.
    if !missing.is_empty() && hosts.is_empty() {
        findings.bad(
            AREA,
            format!("connection \"{name}\" may reach nothing, and asks for {}", listed(&missing)),
            format!("grant it: hosts = {}", serde_json::json!(asked)),
        );
    } else if !missing.is_empty() {
        let what = format!("connection \"{name}\" asks for {}, and may not reach it", listed(&missing));
        findings.look(AREA, what, "add it to `hosts`, unless its settings name another host in its place");
    }
    if let Some(wide) = hosts.iter().find(|host| host.contains("://*.")) {
        let what = format!("connection \"{name}\" may reach everything below a domain: {wide}");
        findings.look(AREA, what, "name the hosts that it asks for");
    }
    if hosts.iter().any(|host| host.starts_with("http://")) && !inward {
        let what = format!("connection \"{name}\" may speak in the clear over the network");
        findings.look(AREA, what, "grant https, unless the host has nothing else");
    }
}

fn listed(hosts: &[&String]) -> String {
    hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
}

/// Asks each granted host for nothing, within the grants. A wildcard names no host.
fn knock(
    wanted: &Connection,
    sandbox: &Sandbox,
    knocks: &mut JoinSet<(String, Result<(), String>)>,
    findings: &mut Findings,
) {
    let Connection { name, hosts, inward, .. } = wanted;
    let grants = hosts.iter().map(|host| HostGrant::parse(host, *inward)).collect::<Result<Vec<_>, _>>();
    let http = match grants.map_err(|error| error.to_string()) {
        Ok(grants) => sandbox.http(grants).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let http = match http {
        Ok(http) => http,
        Err(error) => {
            findings.bad(NETWORK, format!("connection \"{name}\": {error}"), "correct `hosts`");
            return;
        }
    };
    for host in hosts.iter().filter(|host| !host.contains('*')) {
        let (told, host, http) = (format!("{host}, for \"{name}\""), host.clone(), http.clone());
        let limits = sandbox.limits().clone();
        knocks.spawn(async move { (told, http.knock(&host, &limits).await) });
    }
}

/// Every version that ever decided must be there, and be what its name says.
fn shelf(data: &Data, findings: &mut Findings) {
    let state = match data.store.standing() {
        Ok((_, state)) => state,
        // The part that looks at the data has said so.
        Err(_) => return,
    };
    let needed: BTreeSet<Digest> = state.versions.iter().map(|version| version.digest).collect();
    let shelf = Shelf::new(data);
    let mut whole = true;
    for digest in &needed {
        if let Err(reason) = shelf.check(*digest) {
            whole = false;
            findings.bad(AREA, reason, "put the component back: a fold of the past needs every version");
        }
    }
    if whole && !needed.is_empty() {
        findings.good(AREA, format!("all {} versions that ever decided are kept", needed.len()));
    }
}
