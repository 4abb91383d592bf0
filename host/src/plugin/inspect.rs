//! `heliu plugin inspect`: what a component is, and what it would have to be granted.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use config::PluginKey;
use heliu::signature::{Vouched, vouched};
use model::{Carriage, ConnectorDescriptor, PolicyDescriptor};
use sandbox::{Import, Inspection, Plugin, Sandbox};
use serde_json::{Value, json};

pub(super) fn inspect(
    sandbox: &Sandbox,
    file: &Path,
    config: &Path,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let bytes = super::read_component(file)?;
    let keys = keys(config);
    let vouched = vouched(file, &bytes, keys.as_deref().unwrap_or_default());
    let inspection = sandbox.inspect(&bytes).with_context(|| file.display().to_string())?;
    let text = if as_json {
        format!("{}\n", to_json(&inspection, &vouched)?)
    } else {
        let unknown = keys.err().filter(|_| matches!(vouched, Vouched::ByStranger { .. }));
        let why = unknown.map(|error| format!(" ({error:#})")).unwrap_or_default();
        for_people(&inspection, &format!("{vouched}{why}"))
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Those of the configuration. A component can be looked at where there is none.
fn keys(config: &Path) -> anyhow::Result<Vec<PluginKey>> {
    Ok(config::load(config).context("no keys are known")?.plugins.keys)
}

fn signature_json(vouched: &Vouched) -> Value {
    let (state, name, key_id, comment) = match vouched {
        Vouched::By { name, key_id, comment } => ("signed", Some(name), Some(key_id), Some(comment)),
        Vouched::Not { place: _ } => ("none", None, None, None),
        Vouched::ByStranger { place: _, key_id } => ("unknown-key", None, Some(key_id), None),
        Vouched::ForOther { place: _, name, key_id } => ("does-not-fit", Some(name), Some(key_id), None),
        Vouched::Unclear { place: _, reason: _ } => ("unreadable", None, None, None),
    };
    json!({ "state": state, "by": name, "key": key_id, "comment": comment, "text": vouched.to_string() })
}

/// The interfaces that an operator grants, by their short names.
fn interfaces(inspection: &Inspection) -> Vec<&'static str> {
    let asked = |import: &Import| inspection.imports.iter().any(|name| name == import.interface());
    Import::ALL.into_iter().filter(asked).map(Import::name).collect()
}

fn to_json(inspection: &Inspection, vouched: &Vouched) -> anyhow::Result<Value> {
    let Inspection { plugin, wit, bytes, imports, exports } = inspection;
    let (role, descriptor, hosts) = match plugin {
        Plugin::Connector(connector) => {
            let descriptor = connector.descriptor();
            ("connector", connector_json(descriptor)?, descriptor.hosts.as_slice())
        }
        Plugin::Policy(policy) => ("policy", policy_json(policy.descriptor())?, [].as_slice()),
    };
    Ok(json!({
        "role": role,
        "wit": wit,
        "digest": plugin.digest().to_string(),
        "bytes": bytes,
        "signature": signature_json(vouched),
        "imports": functional(imports),
        "exports": exports,
        "grants": { "interfaces": interfaces(inspection), "hosts": hosts },
        "descriptor": descriptor,
    }))
}

fn connector_json(descriptor: &ConnectorDescriptor) -> anyhow::Result<Value> {
    let ConnectorDescriptor { channel, title, settings_schema, schemes, abilities, hosts } = descriptor;
    let schema: Value = serde_json::from_str(settings_schema)?;
    let schemes: Vec<Value> = schemes
        .iter()
        .map(|s| json!({ "name": s.name, "lasting": s.lasting, "one_per_person": s.one_per_person }))
        .collect();
    let abilities: Vec<Value> =
        abilities.iter().map(|a| json!({ "scene": a.scene, "carriage": carriage(a.carriage) })).collect();
    Ok(json!({
        "channel": channel,
        "title": title,
        "settings_schema": schema,
        "schemes": schemes,
        "abilities": abilities,
        "hosts": hosts,
    }))
}

fn policy_json(descriptor: &PolicyDescriptor) -> anyhow::Result<Value> {
    let PolicyDescriptor { title, settings_schema, wants, tags, journeys, reads } = descriptor;
    let schema: Value = serde_json::from_str(settings_schema)?;
    Ok(json!({
        "title": title,
        "settings_schema": schema,
        "wants": wants,
        "tags": tags,
        "journeys": journeys,
        "reads": reads,
    }))
}

fn carriage(carriage: Carriage) -> &'static str {
    match carriage {
        Carriage::Sends => "sends",
        Carriage::AsksStaff => "asks_staff",
    }
}

fn for_people(inspection: &Inspection, signature: &str) -> String {
    let Inspection { plugin, wit, bytes, imports: _, exports } = inspection;
    let mut lines = Vec::new();
    let mut line = |name: &str, values: Vec<String>| {
        let text = if values.is_empty() { "none".to_owned() } else { values.join(", ") };
        lines.push(format!("  {name:<10}{text}"));
    };
    line("speaks", vec![format!("heliu:plugin@{wit}")]);
    line("digest", vec![plugin.digest().to_string()]);
    line("signature", vec![signature.to_owned()]);
    line("size", vec![format!("{bytes} bytes")]);
    line("exports", exports.iter().map(|name| short(name)).collect());
    let heading = match plugin {
        Plugin::Connector(connector) => {
            let descriptor = connector.descriptor();
            let scheme = |s: &model::Scheme| {
                let lasting = if s.lasting { "lasting" } else { "rotating" };
                let one = if s.one_per_person { ", one per person" } else { "" };
                format!("{} ({lasting}{one})", s.name)
            };
            let ability = |a: &model::Ability| format!("{} ({})", a.scene, carriage(a.carriage));
            line("handles", descriptor.schemes.iter().map(scheme).collect());
            line("abilities", descriptor.abilities.iter().map(ability).collect());
            line("settings", settings(&descriptor.settings_schema));
            line("asks for", interfaces(inspection).into_iter().map(str::to_owned).collect());
            line("grant", vec![format!("hosts = {}", json!(descriptor.hosts))]);
            format!("connector \"{}\": {}", descriptor.channel, descriptor.title)
        }
        Plugin::Policy(policy) => {
            let PolicyDescriptor { title, settings_schema, wants, tags, journeys, reads } =
                policy.descriptor();
            let wants = if wants.is_empty() { vec!["everything".to_owned()] } else { wants.clone() };
            line("wants", wants);
            line("reads", reads.clone());
            line("tags", tags.clone());
            line("journeys", journeys.clone());
            line("settings", settings(settings_schema));
            line("asks for", vec!["nothing, as every policy".to_owned()]);
            format!("policy: {title}")
        }
    };
    format!("{heading}\n{}\n", lines.join("\n"))
}

/// `heliu:plugin/webhook@0.1.0` as `webhook`.
fn short(name: &str) -> String {
    let name = name.split('@').next().unwrap_or(name);
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

/// The keys of the settings: `corp_id, token (secret), staff (optional)`.
fn settings(schema: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let describe = |(name, property): (&String, &Value)| {
        let mut notes = Vec::new();
        if property["writeOnly"] == Value::Bool(true) {
            notes.push("secret");
        }
        if !required.contains(&name.as_str()) {
            notes.push("optional");
        }
        if notes.is_empty() { name.clone() } else { format!("{name} ({})", notes.join(", ")) }
    };
    properties.iter().map(describe).collect()
}

/// Interfaces of types alone ask for nothing, and are not shown.
fn functional(imports: &[String]) -> Vec<&String> {
    imports.iter().filter(|name| !sandbox::TYPES.contains(&name.as_str())).collect()
}
