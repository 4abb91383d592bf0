//! Arrows point one way: which of our crates may use which, and which foreign crates they must never see.

use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::tree::{File, Finding, Tree};
use crate::cargo;

/// One row of the table of arrows.
struct Row {
    package: &'static str,
    /// Our crates that it may use.
    uses: &'static [&'static str],
    /// Our crates that its tests may use besides.
    tests_use: &'static [&'static str],
}

const fn row(package: &'static str, uses: &'static [&'static str]) -> Row {
    Row { package, uses, tests_use: &[] }
}

/// The whole table, from the bottom up. A new crate of the host gets a row here first, and a line in ARCHITECTURE.md.
const ARROWS: &[Row] = &[
    row("model", &[]),
    row("wire", &["model"]),
    row("abi", &["model"]),
    // Named in every crate that takes steps which a crash may part.
    row("failpoint", &[]),
    row("journal", &["model", "wire"]),
    row("store", &["model", "wire"]),
    row("courier", &["model"]),
    row("segment", &["model"]),
    // Reads the courier's plan, and the segments' filters, from the file.
    row("config", &["courier", "journal", "model", "segment", "store", "wire"]),
    Row { package: "sandbox", uses: &["abi", "model"], tests_use: &["guests"] },
    row("router", &["failpoint", "journal", "model", "store", "wire"]),
    row("sqlite", &["failpoint", "journal", "model", "store", "wire"]),
    // Tells what an act of an operator would change, and folds the past again for those who ask what was.
    row("api", &["journal", "model", "router", "segment", "store", "wire"]),
    // The one place where concrete backends are named.
    row(
        "heliu",
        &[
            "api",
            "config",
            "courier",
            "failpoint",
            "journal",
            "model",
            "router",
            "sandbox",
            "segment",
            "sqlite",
            "store",
            "wire",
        ],
    ),
    // Measures all of it beside its limits; a policy natively, too.
    row(
        "bench",
        &[
            "heliu",
            "heliu-sdk",
            "journal",
            "model",
            "repurchase",
            "router",
            "sandbox",
            "sqlite",
            "store",
            "tests",
            "wire",
        ],
    ),
    // Whatever reads strangers' bytes, and what stands around it.
    row(
        "fuzz",
        &[
            "abi",
            "api",
            "heliu-sdk",
            "journal",
            "model",
            "router",
            "sandbox",
            "store",
            "tests",
            "tmall",
            "wecom",
            "youzan",
        ],
    ),
    row("heliu-sdk", &[]),
    row("xtask", &["tests"]),
    // Hostile components, which know the contract alone.
    row("guests", &[]),
    Row {
        package: "tests",
        uses: &["model", "wire"],
        tests_use: &[
            "api",
            "config",
            "failpoint",
            "guests",
            "heliu",
            "journal",
            "router",
            "sandbox",
            "sqlite",
            "store",
        ],
    },
];

/// Every plugin may use this, and nothing else of ours.
const FOR_PLUGINS: &[&str] = &["heliu-sdk"];

/// Foreign crates that only these crates of ours may name in their manifests.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("wasmtime", &["abi", "sandbox"]),
    // Beside the backend, the bench, which measures what the engine does without us.
    ("rusqlite", &["sqlite", "bench"]),
];

/// Foreign crates that these must not see even through others. A trailing `*` stands for any ending.
const NEVER_SEEN: &[(&str, &[&str])] = &[
    ("router", &["wasmtime*", "rusqlite"]),
    ("api", &["rusqlite", "wasmtime*"]),
    ("xtask", &["wasmtime*"]),
    ("courier", &["rusqlite", "tokio", "wasmtime*"]),
    ("model", &["*"]),
];

/// One dependency as a manifest names it.
struct Dependency {
    package: String,
    for_tests: bool,
}

pub fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut manifests = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml") && !file.is_template()) {
        let table: Table =
            toml::from_str(&file.text).with_context(|| format!("{} cannot be understood", file.path))?;
        manifests.push((file, table));
    }
    let ours: Vec<_> = manifests.iter().filter_map(|(_, table)| name_of(table)).map(str::to_owned).collect();
    let mut findings = Vec::new();
    for (file, table) in &manifests {
        findings.extend(lints(file, table));
        findings.extend(arrows(file, table, &ours));
    }
    Ok(findings)
}

fn name_of(table: &Table) -> Option<&str> {
    table.get("package")?.get("name")?.as_str()
}

fn lints(file: &File, table: &Table) -> Option<Finding> {
    let shared = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    let text = "does not share the workspace's lints; add `[lints]` with `workspace = true`";
    (shared != Some(true)).then(|| file.finding("lints", 0, text))
}

fn arrows(file: &File, table: &Table, ours: &[String]) -> Vec<Finding> {
    let Some(package) = name_of(table) else { return Vec::new() };
    let (uses, tests_use) = if file.path.starts_with("plugins/") {
        (FOR_PLUGINS, [].as_slice())
    } else if let Some(row) = ARROWS.iter().find(|row| row.package == package) {
        (row.uses, row.tests_use)
    } else {
        let text = format!(
            "crate {package:?} has no row in the table of arrows (host/xtask/src/tidy/arrows.rs); say there what it may use"
        );
        return vec![file.finding("arrow", 0, text)];
    };
    let mut findings = Vec::new();
    for dependency in dependencies(table) {
        let used = dependency.package.as_str();
        let line = file.line_with(used);
        let allowed = uses.contains(&used) || (dependency.for_tests && tests_use.contains(&used));
        if ours.iter().any(|name| name == used) && !allowed {
            let text =
                format!("{package} → {used} points the wrong way; {package} may use: {}", listed(uses));
            findings.push(file.finding("arrow", line, text));
        }
        let keepers = KEPT_IN.iter().find(|(foreign, _)| *foreign == used).map(|(_, keepers)| *keepers);
        if let Some(keepers) = keepers.filter(|keepers| !keepers.contains(&package)) {
            let text = format!("{package} → {used}; only {} may name it", listed(keepers));
            findings.push(file.finding("arrow", line, text));
        }
    }
    findings
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "nothing of ours".to_owned() } else { names.join(", ") }
}

/// The dependencies of a manifest, those for one target alone included.
fn dependencies(table: &Table) -> Vec<Dependency> {
    let targets =
        table.get("target").and_then(Value::as_table).into_iter().flat_map(|targets| targets.values());
    let tables = std::iter::once(table).chain(targets.filter_map(Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for (section, for_tests) in
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
        {
            for (key, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned();
                found.push(Dependency { package, for_tests });
            }
        }
    }
    found
}

/// What cargo itself says that a crate is made of, to catch what comes in through others.
pub fn check_trees(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (package, never) in NEVER_SEEN {
        let mut tree = cargo::host(root);
        tree.args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]);
        findings.extend(seen(package, never, &cargo::output(&mut tree)?));
    }
    Ok(findings)
}

fn seen(package: &str, never: &[&str], tree: &str) -> Vec<Finding> {
    let mut names: Vec<_> = tree
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    let forbidden = |name: &str| {
        never.iter().any(|pattern| {
            pattern.strip_suffix('*').map_or(*pattern == name, |start| name.starts_with(start))
        })
    };
    let found = names.into_iter().filter(|name| forbidden(name));
    found
        .map(|name| {
            let text = format!("{package} must never see {name}; `cargo tree --package {package} --invert {name}` shows the way it comes in");
            Finding { rule: "arrow", file: "Cargo.lock".into(), line: 0, text }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = {name:?}\n[lints]\nworkspace = true\n{rest}")
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&project(files)).unwrap().iter().map(|finding| finding.text.clone()).collect()
    }

    #[test]
    fn an_arrow_against_the_table_is_found_and_one_along_it_is_not() {
        let store = manifest("store", "[dependencies]\nmodel.workspace = true\n");
        let router = manifest("router", "[dependencies]\nstore.workspace = true\n");
        let model = manifest("model", "[target.'cfg(unix)'.dependencies]\nstore = { workspace = true }\n");
        let files = [
            ("host/crates/store/Cargo.toml", store.as_str()),
            ("host/crates/router/Cargo.toml", router.as_str()),
            ("host/crates/model/Cargo.toml", model.as_str()),
        ];
        assert_eq!(found(&files), ["model → store points the wrong way; model may use: nothing of ours"]);
    }

    #[test]
    fn a_backend_behind_another_name_is_found() {
        let sqlite = manifest("sqlite", "");
        let api = manifest(
            "api",
            "[dependencies]\nbackend = { package = \"sqlite\", path = \"../sqlite\" }\nrusqlite = \"1\"\n",
        );
        let texts =
            found(&[("host/crates/api/Cargo.toml", &api), ("host/crates/sqlite/Cargo.toml", &sqlite)]);
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("api → sqlite") && texts[1].starts_with("api → rusqlite"), "{texts:?}");
    }

    #[test]
    fn what_tests_may_use_production_code_may_not() {
        let sqlite = manifest("sqlite", "");
        let tests = manifest("tests", "[dev-dependencies]\nsqlite.workspace = true\n");
        let files =
            |tests| found(&[("tests/Cargo.toml", tests), ("host/crates/sqlite/Cargo.toml", sqlite.as_str())]);
        assert!(files(&tests).is_empty());
        assert_eq!(files(&tests.replace("dev-", "")).len(), 1);
    }

    #[test]
    fn a_plugin_that_uses_the_host_is_found() {
        let sdk = manifest("heliu-sdk", "");
        let model = manifest("model", "");
        let plugin =
            manifest("wecom", "[dependencies]\nheliu-sdk.workspace = true\nmodel.workspace = true\n");
        let texts = found(&[
            ("plugins/connectors/wecom/Cargo.toml", &plugin),
            ("sdk/rust/Cargo.toml", &sdk),
            ("host/crates/model/Cargo.toml", &model),
        ]);
        assert_eq!(texts, ["wecom → model points the wrong way; wecom may use: heliu-sdk"]);
    }

    #[test]
    fn a_crate_without_a_row_or_without_the_lints_is_found() {
        let texts = found(&[("host/crates/stranger/Cargo.toml", "[package]\nname = \"stranger\"\n")]);
        assert!(
            texts[0].starts_with("does not share the workspace's lints") && texts[1].contains("no row"),
            "{texts:?}"
        );
    }

    #[test]
    fn what_comes_in_through_others_is_found() {
        let tree =
            "router v0.1.0 (path)\nstore v0.1.0 (path)\nwasmtime-environ v48.0.8\nserde v1.0.0 (*)\n\n";
        let findings = seen("router", &["wasmtime*"], tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].text.contains("wasmtime-environ"));
        assert!(seen("router", &["wasmtime"], tree).is_empty());
        assert!(seen("model", &["*"], "model v0.1.0 (path)\n").is_empty());
    }
}
