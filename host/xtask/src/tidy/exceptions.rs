//! Breaches that we live with, each with its reason.

use super::tree::Finding;

/// One file that may break one rule. It may break it more than once.
pub struct Exception {
    pub rule: &'static str,
    pub file: &'static str,
    pub reason: &'static str,
}

/// Short by intent: an exception that is no longer needed is a finding itself.
pub const EXCEPTIONS: &[Exception] = &[];

/// The findings that no exception covers, and a finding for each exception that covers none.
pub fn apply(exceptions: &[Exception], findings: Vec<Finding>) -> Vec<Finding> {
    let covers = |exception: &Exception, finding: &Finding| {
        exception.rule == finding.rule && exception.file == finding.file
    };
    let idle =
        exceptions.iter().filter(|exception| !findings.iter().any(|finding| covers(exception, finding)));
    let idle: Vec<_> = idle
        .map(|Exception { rule, file, reason }| Finding {
            rule: "exception",
            file: (*file).to_owned(),
            line: 0,
            text: format!("no longer breaks {rule:?} ({reason}); take it off the list of exceptions"),
        })
        .collect();
    let uncovered =
        findings.into_iter().filter(|finding| !exceptions.iter().any(|exception| covers(exception, finding)));
    uncovered.chain(idle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Exception = Exception { rule: "file-length", file: "host/src/a.rs", reason: "a table" };

    fn finding(rule: &'static str) -> Finding {
        Finding { rule, file: "host/src/a.rs".into(), line: 0, text: String::new() }
    }

    #[test]
    fn an_exception_covers_its_rule_in_its_file_and_no_other() {
        assert!(apply(&[LONG], vec![finding("file-length")]).is_empty());
        assert_eq!(apply(&[LONG], vec![finding("file-length"), finding("unwrap")]), [finding("unwrap")]);
    }

    #[test]
    fn an_exception_that_is_no_longer_needed_is_found() {
        let findings = apply(&[LONG], Vec::new());
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].rule, "exception");
    }
}
