//! The fields of log lines are a promise to who searches them: all of them stand in OPERATIONS, and nothing else does.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::rust_source::RustSource;
use super::tree::{Finding, Tree};

const DOCUMENT: &str = "host/docs/OPERATIONS.md";
const HEADING: &str = "## The log";

/// Crates of the host whose lines a host that runs writes.
const FOLDERS: [&str; 2] = ["host/src/", "host/crates/"];

const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

/// What stands in front of fields and is none.
const NO_FIELDS: [&str; 3] = ["target:", "parent:", "name:"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(document) = tree.get(DOCUMENT) else { return Vec::new() };
    let told = listed(&document.text);
    let (mut used, mut findings) = (BTreeSet::new(), Vec::new());
    let files = tree.files.iter().filter(|file| file.path.ends_with(".rs"));
    for file in files.filter(|file| FOLDERS.iter().any(|folder| file.path.starts_with(folder))) {
        let source = RustSource::new(file);
        if source.is_test() {
            continue;
        }
        for (at, field) in LEVELS.iter().flat_map(|level| fields(&source, level)) {
            if !told.contains_key(&field) {
                let text = format!(
                    "a log line has the field `{field}`, and {DOCUMENT} does not; say there what it means"
                );
                findings.push(file.finding("log-field", source.line_at(at), text));
            }
            used.insert(field);
        }
    }
    for (field, line) in told.iter().filter(|(field, _)| !used.contains(*field)) {
        let text = format!("no log line has the field `{field}`; take it out");
        findings.push(document.finding("log-field", *line, text));
    }
    findings
}

/// The fields in the first column of the table, with their lines.
fn listed(text: &str) -> BTreeMap<String, usize> {
    let lines = text.lines().zip(1_usize..).skip_while(|(line, _)| *line != HEADING).skip(1);
    let section = lines.take_while(|(line, _)| !line.starts_with("## "));
    let rows =
        section.filter_map(|(line, number)| Some((line.strip_prefix("| ")?.split_once(" | ")?.0, number)));
    rows.flat_map(|(names, number)| {
        names.split('`').skip(1).step_by(2).map(move |name| (name.to_owned(), number))
    })
    .collect()
}

/// The fields of every line of this level, each with where its line begins.
fn fields(source: &RustSource<'_>, level: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let begin = format!("tracing::{level}!(");
    for at in source.find(&begin) {
        let inside = at + begin.len();
        for range in arguments(&source.code[inside..]) {
            let range = range.start + inside..range.end + inside;
            let (argument, written) = (source.code[range.clone()].trim(), source.file.text[range].trim());
            if ["\"", "r\"", "r#"].iter().any(|begin| written.starts_with(begin)) {
                // The message; what stands behind it is put into it.
                break;
            }
            if argument.is_empty() || NO_FIELDS.iter().any(|word| argument.starts_with(word)) {
                continue;
            }
            let name = argument.split_once(" = ").map_or(argument, |(name, _)| name);
            let name = name.trim_start_matches(['%', '?']).trim();
            found.push((at, name.rsplit('.').next().unwrap_or(name).to_owned()));
        }
    }
    found
}

/// What stands between the commas, up to the parenthesis that closes.
fn arguments(code: &str) -> Vec<Range<usize>> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => {
                found.push(start..at);
                return found;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    fn found(code: &str, table: &str) -> Vec<String> {
        let document = format!(
            "# A\n\n## The log\n\n| Field | Means |\n|---|---|\n{table}\n\n## More\n\n| `other` | no |\n"
        );
        let findings = check(&project(&[("host/src/a.rs", code), (DOCUMENT, &document)]));
        findings
            .iter()
            .map(|finding| format!("{}:{}: {}", finding.file, finding.line, finding.text))
            .collect()
    }

    #[test]
    fn a_field_that_nobody_explains_is_found() {
        let code = "fn a() {\n    tracing::warn!(\n        connection = one.name(\"a, b\"),\n        %error,\n        \"x {y}\", y = 1\n    );\n}\n";
        assert!(found(code, "| `connection` | a |\n| `error` | b |").is_empty());
        let told = found(code, "| `connection` | a |");
        assert!(
            told.len() == 1 && told[0].starts_with("host/src/a.rs:2: a log line has the field `error`"),
            "{told:?}"
        );
    }

    #[test]
    fn a_field_that_no_line_has_is_found() {
        let told = found("fn a() { tracing::info!(target: X, by, \"y\"); }", "| `by`, `gone` | a |");
        assert!(told.len() == 1 && told[0].contains(":7: no log line has the field `gone`"), "{told:?}");
    }

    #[test]
    fn what_tests_log_and_what_is_no_macro_is_nothing() {
        let code = "#[cfg(test)]\nmod tests { fn a() { tracing::info!(a, \"b\"); } }\n// tracing::info!(c)\n";
        assert!(found(code, "").is_empty());
    }
}
