//! The shape of Rust files: headers, lengths, names, no `unwrap()`.

use super::rust_source::RustSource;
use super::tree::{File, Finding, Tree};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "imp", "manager", "util", "utils"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> =
        tree.files.iter().filter(|file| file.path.ends_with(".rs")).filter_map(header).collect();
    for file in tree.with_ending(".rs") {
        let source = RustSource::new(file);
        findings.extend(name(file));
        findings.extend(empty_modules(&source));
        if !source.is_test() {
            findings.extend(file_length(&source));
            findings.extend(function_lengths(&source));
            findings.extend(unwraps(&source));
        }
    }
    findings
}

fn header(file: &File) -> Option<Finding> {
    let text =
        "does not begin with `//!`; say in a line or two what the file is for and what it knows nothing of";
    (!file.text.starts_with("//!")).then(|| file.finding("header", 1, text))
}

fn name(file: &File) -> Option<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if name == "mod.rs" {
        let text = "no mod.rs; name the file after its module and put it beside the module's folder";
        return Some(file.finding("name", 0, text));
    }
    let empty = file.path.trim_end_matches(".rs").split('/').find(|part| EMPTY_NAMES.contains(part))?;
    Some(file.finding(
        "name",
        0,
        format!(
            "{empty:?} says nothing; a helper lives beside its one user, at the second user it gets a noun"
        ),
    ))
}

fn empty_modules(source: &RustSource<'_>) -> Vec<Finding> {
    let modules = source.declared("mod").into_iter().filter(|(_, name)| EMPTY_NAMES.contains(name));
    modules
        .map(|(at, name)| {
            let text = format!("module {name:?} says nothing; name it after what it holds");
            source.file.finding("name", source.line_at(at), text)
        })
        .collect()
}

fn file_length(source: &RustSource<'_>) -> Option<Finding> {
    let lines = source.production_lines();
    let text =
        format!("{lines} lines of production code, {FILE_LINES_MAX} at most; split it by what it knows");
    (lines > FILE_LINES_MAX).then(|| source.file.finding("file-length", 0, text))
}

fn function_lengths(source: &RustSource<'_>) -> Vec<Finding> {
    let lengths = source
        .functions()
        .into_iter()
        .map(|function| (function.last_line - function.first_line + 1, function));
    lengths
        .filter(|(lines, _)| *lines > FUNCTION_LINES_MAX)
        .map(|(lines, function)| {
            let text = format!(
                "fn {} has {lines} lines, {FUNCTION_LINES_MAX} at most; split it at a decision, move the pure steps out",
                function.name
            );
            source.file.finding("function-length", function.first_line, text)
        })
        .collect()
}

fn unwraps(source: &RustSource<'_>) -> Vec<Finding> {
    let text =
        "`unwrap()` in production code; return the error, or `expect(\"because …\")` where it cannot be";
    let places = source.find(".unwrap()").into_iter();
    places.map(|at| source.file.finding("unwrap", source.line_at(at), text)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::project;
    use super::*;

    /// What is found in a project of this one file, as `rule:line`.
    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = project(&[(path, text)]);
        check(&tree).iter().map(|finding| format!("{}:{}", finding.rule, finding.line)).collect()
    }

    #[test]
    fn a_file_without_a_header_is_found_and_a_template_too() {
        assert_eq!(found("host/src/a.rs", "use x;\n"), ["header:1"]);
        assert_eq!(found("host/xtask/templates/policy/src/lib.rs", "use x;\n"), ["header:1"]);
        assert!(found("host/src/a.rs", "//! A.\n").is_empty());
    }

    #[test]
    fn a_file_of_501_lines_is_found_and_its_tests_do_not_count() {
        let lines = |count: usize| format!("//! A.\n{}", "// x\n".repeat(count - 1));
        assert!(found("host/src/a.rs", &lines(500)).is_empty());
        assert_eq!(found("host/src/a.rs", &lines(501)), ["file-length:0"]);
        let tests = "#[cfg(test)]\nmod tests {\n}\n";
        assert!(found("host/src/a.rs", &(lines(500) + tests)).is_empty());
        assert!(found("host/tests/a.rs", &lines(501)).is_empty());
    }

    #[test]
    fn a_function_of_71_lines_is_found() {
        let function = |lines: usize| format!("//! A.\nfn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2));
        assert!(found("host/src/a.rs", &function(70)).is_empty());
        assert_eq!(found("host/src/a.rs", &function(71)), ["function-length:2"]);
        let with_a_brace_in_text = function(71).replacen("b()", "b(\"}\")", 1);
        assert_eq!(found("host/src/a.rs", &with_a_brace_in_text), ["function-length:2"]);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(found("host/src/a/mod.rs", "//! A.\n"), ["name:0"]);
        assert_eq!(found("host/src/utils.rs", "//! A.\n"), ["name:0"]);
        assert_eq!(found("tests/common/a.rs", "//! A.\n"), ["name:0"]);
        assert_eq!(found("host/src/a.rs", "//! A.\nmod helpers {}\n"), ["name:2"]);
        assert!(found("host/src/commons.rs", "//! mod utils\nmod helpers_of_a;\n").is_empty());
    }

    #[test]
    fn unwrap_is_found_in_production_code_alone() {
        assert_eq!(found("host/src/a.rs", "//! A.\nfn a() {\n    b().unwrap();\n}\n"), ["unwrap:3"]);
        assert!(
            found("host/src/a.rs", "//! `x.unwrap()`\nfn a() { \".unwrap()\"; b.unwrap_or(1) }\n").is_empty()
        );
        assert!(found("host/src/a/tests.rs", "//! A.\nfn a() { b().unwrap() }\n").is_empty());
    }
}
