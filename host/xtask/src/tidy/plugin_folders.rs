//! What each plugin's folder holds, so that the host, the build and a reader find it without being told.

use toml::Table;

use super::tree::{File, Finding, Tree};

/// The two kinds of plugin: the folder they live in, and the role that their plugin.toml says.
const ROLES: &[(&str, &str)] = &[("connectors", "connector"), ("policies", "policy")];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, role) in ROLES {
        for name in tree.folders_in(&format!("plugins/{kind}")) {
            findings.extend(folder(tree, &format!("plugins/{kind}/{name}"), &name, role));
        }
    }
    for kind in tree.folders_in("plugins").iter().filter(|kind| ROLES.iter().all(|(known, _)| known != kind))
    {
        let text = "is neither connectors nor policies; a new role is a decision first";
        findings.push(finding(&format!("plugins/{kind}"), text));
    }
    findings
}

fn folder(tree: &Tree, folder: &str, name: &str, role: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, why) in [
        ("Cargo.toml", "a plugin is its own crate"),
        ("README.md", "say what it does, what to set, what it was checked against"),
        ("plugin.toml", "the build and the host find a plugin by it: name, role, crate"),
    ] {
        if tree.get(&format!("{folder}/{file}")).is_none() {
            findings.push(finding(&format!("{folder}/{file}"), &format!("is missing; {why}")));
        }
    }
    let goldens = format!("{folder}/tests/golden/");
    if !tree.files.iter().any(|file| file.path.starts_with(&goldens) && file.path.ends_with(".json")) {
        findings.push(finding(&goldens, "holds no case; record one real payload and what must come of it"));
    }
    if let Some(file) = tree.get(&format!("{folder}/plugin.toml")) {
        findings.extend(manifest(tree, file, folder, name, role));
    }
    findings
}

fn manifest(tree: &Tree, file: &File, folder: &str, name: &str, role: &str) -> Vec<Finding> {
    let Ok(table) = file.text.parse::<Table>() else {
        return vec![file.finding("plugin", 0, "is no TOML; it wants name, role and crate")];
    };
    let text = |key: &str| table.get(key).and_then(toml::Value::as_str).unwrap_or_default();
    let package = tree.get(&format!("{folder}/Cargo.toml")).and_then(package_name);
    let expected = [("name", Some(name.to_owned())), ("role", Some(role.to_owned())), ("crate", package)];
    let wrong = expected
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .filter(|(key, value)| text(key) != value);
    wrong
        .map(|(key, value)| {
            let found = text(key);
            file.finding(
                "plugin",
                file.line_with(key),
                format!("{key} is {found:?} where its folder and crate say {value:?}"),
            )
        })
        .collect()
}

fn package_name(file: &File) -> Option<String> {
    let table: Table = file.text.parse().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.to_owned())
}

fn finding(file: &str, text: &str) -> Finding {
    Finding { rule: "plugin", file: file.to_owned(), line: 0, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    const WHOLE: &[(&str, &str)] = &[
        ("plugins/policies/a/Cargo.toml", "[package]\nname = \"a\""),
        ("plugins/policies/a/README.md", "# a"),
        ("plugins/policies/a/plugin.toml", "name = \"a\"\nrole = \"policy\"\ncrate = \"a\""),
        ("plugins/policies/a/tests/golden/one.json", "{}"),
    ];

    #[test]
    fn a_whole_folder_is_fine_and_each_missing_file_is_found() {
        assert!(check(&project(WHOLE)).is_empty());
        for missing in 0..WHOLE.len() {
            let mut files = WHOLE.to_vec();
            let (path, _) = files.remove(missing);
            let findings = check(&project(&files));
            assert!(findings.iter().any(|finding| path.starts_with(&finding.file)), "{path}: {findings:?}");
        }
    }

    #[test]
    fn a_manifest_that_says_another_name_role_or_crate_is_found() {
        let mut files = WHOLE.to_vec();
        files[2].1 = "name = \"b\"\nrole = \"connector\"\ncrate = \"c\"";
        let lines: Vec<_> = check(&project(&files)).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }

    #[test]
    fn a_third_kind_of_plugin_is_found() {
        assert_eq!(check(&project(&[("plugins/widgets/a/x", "")])).len(), 1);
    }
}
