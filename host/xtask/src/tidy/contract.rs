//! The contract stays what it was: each WIT version parses, a frozen one never changes, and copies do not drift.

use sha2::{Digest, Sha256};
use wit_parser::SourceMap;

use super::tree::{File, Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for version in tree.folders_in("wit").iter().filter(|name| name.starts_with('v')) {
        let folder = format!("wit/{version}/");
        findings.extend(misread(tree, &folder));
        findings.extend(thawed(tree, &folder));
        findings.extend(drifted(tree, &folder));
    }
    findings
}

/// Whoever writes a plugin in another language hands this folder to his own tools: it must parse as it stands.
fn misread(tree: &Tree, folder: &str) -> Option<Finding> {
    let mut sources = SourceMap::default();
    for file in wit_files(tree, folder) {
        sources.push_str(&file.path, file.text.as_str());
    }
    let (sources, error) = sources.parse().err()?;
    // What is wrong, and where; then it draws.
    let rendered = error.render(&sources);
    let why: Vec<_> = rendered.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).collect();
    let text = format!("does not parse as it stands: {}", why.join(" "));
    Some(Finding { rule: "contract", file: folder.to_owned(), line: 0, text })
}

/// `wit/vN/FROZEN` holds the digest that the version had when it was released. Comments may be mended.
fn thawed(tree: &Tree, folder: &str) -> Option<Finding> {
    let frozen = tree.get(&format!("{folder}FROZEN"))?;
    let now = digest(tree, folder);
    if frozen.text.trim() == now {
        return None;
    }
    let text = format!(
        "the types and functions of {folder} have digest {now}, which is not the one written here; a released version \
         never changes: take the change back and make it in a new one (wit/README.md)"
    );
    Some(frozen.finding("frozen", 1, text))
}

/// Over names and meaning of the version's files, in the order of their names.
fn digest(tree: &Tree, folder: &str) -> String {
    let mut hasher = Sha256::new();
    for file in wit_files(tree, folder) {
        let meaning = meaning(&file.text);
        for part in [&file.path[folder.len()..], &meaning] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wit_files<'a>(tree: &'a Tree, folder: &str) -> Vec<&'a File> {
    let below = tree.files.iter().filter(|file| file.path.starts_with(folder) && file.path.ends_with(".wit"));
    let mut files: Vec<_> = below.collect();
    files.sort_by_key(|file| &file.path);
    files
}

/// A crate that is published alone carries a copy of the contract, below its own `wit/vN/`.
fn drifted(tree: &Tree, folder: &str) -> Vec<Finding> {
    let copies = tree.files.iter().filter_map(|file| {
        let (_, name) = file.path.split_once(&format!("/{folder}"))?;
        Some((file, tree.get(&format!("{folder}{name}"))))
    });
    copies
        .filter(|(copy, original)| original.is_none_or(|file| meaning(&file.text) != meaning(&copy.text)))
        .map(|(copy, _)| {
            copy.finding(
                "drift",
                0,
                format!("is a copy of a file in {folder} that has drifted; copy it again"),
            )
        })
        .collect()
}

/// The text without comments and with single blanks.
fn meaning(wit: &str) -> String {
    let code = wit.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    const A: &str = "package heliu:a@0.1.0;\ninterface a {}\n";

    fn rules(files: &[(&str, &str)]) -> Vec<&'static str> {
        check(&project(files)).iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_version_that_other_tools_cannot_parse_is_found() {
        assert!(rules(&[("wit/v0.1/a.wit", A)]).is_empty());
        assert_eq!(rules(&[("wit/v0.1/a.wit", "package heliu:a@0.1.0;\ninterface a {")]), ["contract"]);
        // Only one file of a package may have a comment there.
        let commented = format!("/// One.\n{A}");
        let twice = [
            ("wit/v0.1/a.wit", commented.as_str()),
            ("wit/v0.1/b.wit", "/// Two.\npackage heliu:a@0.1.0;\n"),
        ];
        assert_eq!(rules(&twice), ["contract"]);
    }

    #[test]
    fn a_frozen_version_whose_meaning_changed_is_found() {
        let digest = digest(&project(&[("wit/v0.1/a.wit", A)]), "wit/v0.1/") + "\n";
        let with = |text: &str| rules(&[("wit/v0.1/FROZEN", &digest), ("wit/v0.1/a.wit", text)]);
        assert!(with(A).is_empty());
        assert!(with(&format!("// Mended.\n{A}")).is_empty(), "comments may be mended");
        assert_eq!(with(&A.replace("{}", "{ f: func(); }")), ["frozen"]);
    }

    #[test]
    fn a_draft_may_change() {
        assert!(rules(&[("wit/v0.2/a.wit", &A.replace("{}", "{ f: func(); }"))]).is_empty());
    }

    #[test]
    fn a_copy_that_drifted_or_is_of_nothing_is_found() {
        let with = |path: &str, text: &str| rules(&[("wit/v0.1/a.wit", A), (path, text)]);
        assert!(with("sdk/rust/wit/v0.1/a.wit", &format!("// Ours.\n{A}")).is_empty());
        assert_eq!(with("sdk/rust/wit/v0.1/a.wit", &A.replace("{}", "{ f: func(); }")), ["drift"]);
        assert_eq!(with("host/crates/abi/wit/v0.1/b.wit", A), ["drift"]);
    }
}
