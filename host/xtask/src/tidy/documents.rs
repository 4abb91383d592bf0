//! Documents: links lead somewhere, decision notes are numbered without gaps.

use super::tree::{File, Finding, Tree};

const DECISIONS: &str = "host/docs/decisions/";

/// Short enough to be read in one sitting.
const ARCHITECTURE: &str = "host/docs/ARCHITECTURE.md";
const ARCHITECTURE_LINES_MAX: usize = 400;

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = decisions(tree);
    findings.extend(tree.get(ARCHITECTURE).and_then(too_long));
    for file in tree.with_ending(".md") {
        for (line, text) in prose(file) {
            findings.extend(links(&without_code(text)).filter_map(|link| broken(tree, file, line, link)));
            if names_a_line(text) {
                let text = "names a line of a Rust file, which moves; name the symbol";
                findings.push(file.finding("line-number", line, text));
            }
        }
    }
    findings
}

fn too_long(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let text = format!("{lines} lines, {ARCHITECTURE_LINES_MAX} at most; details belong beside the code");
    (lines > ARCHITECTURE_LINES_MAX).then(|| file.finding("document-length", 0, text))
}

/// The lines outside of code blocks.
fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    file.lines().filter(move |(_, text)| {
        let fence = text.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

fn without_code(text: &str) -> String {
    // Every second piece stands between backticks. A path in a link's text may, its target never does.
    text.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.trim())
}

fn broken(tree: &Tree, file: &File, line: usize, link: &str) -> Option<Finding> {
    let (target, part) = link.split_once('#').unwrap_or((link, ""));
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let digits = part.strip_prefix('L').unwrap_or_default();
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(file.finding(
            "line-number",
            line,
            format!("link {link:?} names a line, which moves; name the symbol"),
        ));
    }
    if target.is_empty() {
        return None;
    }
    let there = resolved(&file.path, target).is_some_and(|path| tree.has(&path));
    let mend = "leads nowhere; a link is a path from this file's own folder";
    (!there).then(|| file.finding("link", line, format!("link {link:?} {mend}")))
}

/// The path from the workspace that a link in this file means; none where it leaves the workspace.
fn resolved(file: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn names_a_line(text: &str) -> bool {
    text.match_indices(".rs:")
        .any(|(at, mark)| text[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

/// Notes are named `NNN-title.md` and numbered from 001, so that a number is never given twice.
fn decisions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut notes: Vec<_> = tree.files.iter().filter(|file| file.path.starts_with(DECISIONS)).collect();
    notes.sort_by_key(|file| &file.path);
    let mut expected = 1;
    for file in notes {
        let name = &file.path[DECISIONS.len()..];
        if name == "README.md" {
            continue;
        }
        let Some(number) = number_of(name) else {
            findings.push(file.finding(
                "decision",
                0,
                "is not named NNN-title.md; give it the next free number",
            ));
            continue;
        };
        if number != expected {
            let text = format!(
                "has number {number:03} where {expected:03} comes next; numbers have no gaps and no twins"
            );
            findings.push(file.finding("decision", 0, text));
        }
        expected = number + 1;
    }
    findings
}

fn number_of(name: &str) -> Option<u32> {
    let (number, title) = name.strip_suffix(".md")?.split_once('-')?;
    let three_digits = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let kebab =
        !title.is_empty() && title.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (three_digits && kebab).then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&project(files)).iter().map(|finding| format!("{}:{}", finding.rule, finding.line)).collect()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(
            found(&[("host/docs/A.md", "a\nsee [b](B.md) and [c](../../C.md)")]),
            ["link:2", "link:2"]
        );
        assert_eq!(found(&[("README.md", "[up](../outside.md)")]), ["link:1"]);
        assert_eq!(found(&[("README.md", "[`code`](gone.rs)")]), ["link:1"]);
    }

    #[test]
    fn a_link_that_leads_to_a_file_a_folder_or_away_is_fine() {
        let text = "[b](B.md#part) [d](../../wit/) [e](https://e.example) [f](#below) `[g](gone)`\n```\n[h](gone)\n```\n";
        assert!(
            found(&[("host/docs/A.md", text), ("host/docs/B.md", ""), ("wit/v0.1/a.wit", "")]).is_empty()
        );
    }

    #[test]
    fn a_line_number_is_found() {
        assert_eq!(found(&[("A.md", "[b](b.rs#L12)"), ("b.rs", "")]), ["line-number:1"]);
        assert_eq!(found(&[("A.md", "see `b.rs:12` there")]), ["line-number:1"]);
        assert!(found(&[("A.md", "see b.rs: there")]).is_empty());
    }

    #[test]
    fn an_architecture_of_401_lines_is_found() {
        assert!(found(&[(ARCHITECTURE, &"a\n".repeat(400))]).is_empty());
        assert_eq!(found(&[(ARCHITECTURE, &"a\n".repeat(401))]), ["document-length:0"]);
    }

    #[test]
    fn a_gap_a_twin_and_a_nameless_decision_are_found() {
        let note = |name: &'static str| (name, "");
        let one = note("host/docs/decisions/001-journal.md");
        assert!(found(&[one, note("host/docs/decisions/002-store.md")]).is_empty());
        assert_eq!(found(&[one, note("host/docs/decisions/003-store.md")]), ["decision:0"]);
        assert_eq!(found(&[one, note("host/docs/decisions/001-store.md")]), ["decision:0"]);
        assert_eq!(found(&[one, note("host/docs/decisions/2-store.md")]), ["decision:0"]);
    }
}
