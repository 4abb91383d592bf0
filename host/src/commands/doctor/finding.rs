//! What a doctor says: where, how bad, what, and the mend.

use std::io::{self, Write};

use serde::Serialize;

use crate::commands::table::plain;

/// How bad the worst of all is. In this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rank {
    /// Nothing to do.
    Good,
    /// Works, and somebody should look at it.
    Look,
    /// Does not work, or will lose something.
    Bad,
}

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) area: &'static str,
    pub(super) rank: Rank,
    pub(super) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Serialize)]
pub(super) struct FindingsView<'a> {
    rank: Rank,
    findings: &'a [Finding],
}

impl Findings {
    pub(super) fn good(&mut self, area: &'static str, what: impl Into<String>) {
        self.0.push(Finding { area, rank: Rank::Good, what: what.into(), mend: None });
    }

    pub(super) fn look(&mut self, area: &'static str, what: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { area, rank: Rank::Look, what: what.into(), mend: Some(mend.into()) });
    }

    pub(super) fn bad(&mut self, area: &'static str, what: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { area, rank: Rank::Bad, what: what.into(), mend: Some(mend.into()) });
    }

    pub(super) fn worst(&self) -> Rank {
        self.0.iter().map(|finding| finding.rank).max().unwrap_or(Rank::Good)
    }

    pub(super) fn view(&self) -> FindingsView<'_> {
        FindingsView { rank: self.worst(), findings: &self.0 }
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &[Finding] {
        &self.0
    }

    /// One finding in a line, its mend below it.
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for Finding { area, rank, what, mend } in &self.0 {
            let sign = match rank {
                Rank::Good => "ok  ",
                Rank::Look => "look",
                Rank::Bad => "BAD ",
            };
            writeln!(out, "{sign}  {area:<13}  {}", plain(what))?;
            if let Some(mend) = mend {
                writeln!(out, "                     → {}", plain(mend))?;
            }
        }
        let count = |rank: Rank| self.0.iter().filter(|finding| finding.rank == rank).count();
        writeln!(out, "{} to mend, {} to look at", count(Rank::Bad), count(Rank::Look))
    }
}
