//! `heliu customer overflows`: of whom channels tell more than one document holds.

use std::io::Write;

use api::lookup;
use model::{Note, Overflow, Position};

use crate::commands::segment::Asked;
use crate::commands::table::plain;
use crate::commands::{print_json, words};

pub(super) fn run(
    asked: &Asked,
    after: Position,
    limit: usize,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut found = Vec::new();
    lookup::overflows(&*asked.store, Note::behind(after.saturating_add(1)), |overflow| {
        found.push(overflow);
        found.len() <= limit
    })?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.position);
    if json {
        let overflows: Vec<_> = found.iter().map(wire::to_raw::<Overflow>).collect();
        return print_json(out, &serde_json::json!({"overflows": overflows, "next": next}));
    }
    for overflow in &found {
        writeln!(out, "{}", plain(&words::overflow(overflow)))?;
    }
    if let Some(next) = next {
        writeln!(out, "more: --after {next}")?;
    }
    Ok(())
}
