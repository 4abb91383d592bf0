//! One word for each idea: names that the project's own code may not declare, and texts that nothing may contain.

use super::rust_source::RustSource;
use super::tree::{Finding, Tree};

/// Words that must not be part of a name that the host or the SDK declares, with the word to say instead.
///
/// Few and exact: plugins and simulators speak their platforms' words, and most words that DESIGN.md rejects mean
/// something else somewhere (`source` of an error, `message` said by a customer).
const INSTEAD: &[(&str, &str)] = &[
    ("contact", "customer"),
    ("cron", "alarm or chore"),
    ("integration", "channel or connection"),
    ("permission", "grant"),
    ("permissions", "grants"),
    ("provider", "channel"),
    ("replay", "refold"),
    ("reprocess", "refold"),
];

const DECLARES: &[&str] = &["struct", "enum", "trait", "type", "fn", "mod", "const", "static"];
const DECLARES_IN_WIT: &[&str] =
    &["record", "variant", "enum", "flags", "resource", "interface", "world", "type"];

/// Hosts of package registries: a reader of the project has his own. In two pieces, lest this file breaks its rule.
const REGISTRIES: &[(&str, &str)] = &[
    ("crates", ".io"),
    ("registry.npmjs", ".org"),
    ("registry.yarnpkg", ".com"),
    ("pypi", ".org"),
    ("files.pythonhosted", ".org"),
    ("proxy.golang", ".org"),
    ("rsproxy", ".cn"),
    ("npmmirror", ".com"),
];

/// Folders at the root of a machine where the project happened to be written.
const PLACES: &[(&str, &str)] = &[("/", "work"), ("/", "farm")];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(names_in_rust(tree));
    findings.extend(names_in_wit(tree));
    findings.extend(foreign_text(tree));
    findings
}

fn names_in_rust(tree: &Tree) -> Vec<Finding> {
    let ours = |path: &str| {
        (path.starts_with("host/") || path.starts_with("sdk/")) && !path.starts_with("host/xtask/")
    };
    let mut findings = Vec::new();
    for file in tree.with_ending(".rs").filter(|file| ours(&file.path)) {
        let source = RustSource::new(file);
        for (at, name) in DECLARES.iter().flat_map(|keyword| source.declared(keyword)) {
            if let Some(text) = objection(name) {
                findings.push(file.finding("word", source.line_at(at), text));
            }
        }
    }
    findings
}

fn names_in_wit(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_ending(".wit") {
        for (line, text) in file.lines() {
            let mut words = text.split_whitespace();
            let declared = words.next().filter(|first| DECLARES_IN_WIT.contains(first)).and(words.next());
            findings.extend(declared.and_then(objection).map(|text| file.finding("word", line, text)));
        }
    }
    findings
}

fn objection(name: &str) -> Option<String> {
    let parts = parts(name);
    let (word, instead) = INSTEAD.iter().find(|(word, _)| parts.iter().any(|part| part == word))?;
    Some(format!("{name:?} says {word:?}; our word is {instead} (DESIGN, “Words”)"))
}

/// `CustomerId`, `customer_id` and `customer-id` are made of the same words.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        let starts = !letter.is_alphanumeric() || (letter.is_uppercase() && after_small);
        if starts {
            parts.push(String::new());
        }
        after_small = letter.is_lowercase() || letter.is_ascii_digit();
        if let Some(part) = parts.last_mut().filter(|_| letter.is_alphanumeric()) {
            part.extend(letter.to_lowercase());
        }
    }
    parts
}

fn foreign_text(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Cargo writes the registry's address into its lock file itself.
    for file in tree.files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (line, text) in file.lines() {
            for host in
                REGISTRIES.iter().map(|(a, b)| format!("{a}{b}")).filter(|host| text.contains(host.as_str()))
            {
                let mend = "names a package registry's host; a reader may have another, say the package's name alone";
                findings.push(file.finding("registry", line, format!("{host:?} {mend}")));
            }
            for place in
                PLACES.iter().map(|(a, b)| format!("{a}{b}")).filter(|place| stands_alone(text, place))
            {
                let mend = "is a folder of one machine; write the path from the workspace";
                findings.push(file.finding("place", line, format!("{place:?} {mend}")));
            }
        }
    }
    findings
}

/// Whether this absolute path stands in the text: `/xyz` or `/xyz/a`, but not `a/xyz`, `./xyz` or `/xyzzy`.
fn stands_alone(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let joined =
            |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | ')' | '*' | '~');
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        !text[..at].ends_with(joined) && !text[at + path.len()..].starts_with(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = project(&[(path, text)]);
        check(&tree).iter().map(|finding| format!("{}:{}", finding.rule, finding.line)).collect()
    }

    #[test]
    fn a_rejected_word_in_a_declared_name_is_found() {
        assert_eq!(found("host/src/a.rs", "\nstruct ReplayState;"), ["word:2"]);
        assert_eq!(found("sdk/rust/src/a.rs", "pub fn grant_permissions() {}"), ["word:1"]);
        assert_eq!(found("wit/v0.1/a.wit", "interface x {\n    record cron-entry {"), ["word:2"]);
    }

    #[test]
    fn the_same_word_elsewhere_is_no_finding() {
        assert!(
            found("host/src/a.rs", "// replay\nfn a(replay: u8) { fs::Permissions }\nstruct Replayed;")
                .is_empty()
        );
        assert!(found("plugins/connectors/a/src/lib.rs", "struct ExternalContact;").is_empty());
    }

    #[test]
    fn a_registrys_host_is_found_wherever_it_stands() {
        let text = format!("a\nsee https://{}{}/x", "crates", ".io");
        assert_eq!(found("README.md", &text), ["registry:2"]);
        assert!(found("Cargo.lock", &text).is_empty());
    }

    #[test]
    fn an_absolute_path_of_one_machine_is_found() {
        for text in ["see /WORK/main", "(\"/WORK\")", "/WORK"] {
            assert_eq!(found("README.md", &text.replace("WORK", "work")), ["place:1"], "{text}");
        }
        for text in ["chore/WORK", "./WORK/x", "/WORKer", "https://a.example/WORK/", "{base}/WORK"] {
            assert!(found("README.md", &text.replace("WORK", "work")).is_empty(), "{text}");
        }
    }
}
