//! A backtest on a terminal.

use std::io::Write;

use super::report::{
    Behind, Dead, DeadExample, Example, LEFT_OUT, Line, Report, Row, Standings, Timeline, Version,
};
use crate::commands::calendar::Zone;
use crate::commands::table::{Table, plain};

pub(super) fn print(report: &Report, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    let kind = if report.standings.is_some() { "shadow of " } else { "" };
    writeln!(
        out,
        "{}policy {}: {} of {} customers change",
        kind, report.policy, report.changed, report.customers
    )?;
    writeln!(
        out,
        "positions {} to {}, alarms fired by {} ({})",
        report.from,
        report.to,
        zone.text(report.fired),
        zone.name()
    )?;
    if report.since > 0 {
        writeln!(out, "intents decided from {} on", zone.text(report.since))?;
    }
    if let Some(standings) = &report.standings {
        compared_with(standings, zone, out)?;
    }
    versions(report, out)?;
    rows("tags", &report.tags, out)?;
    rows("stages", &report.stages, out)?;
    intents(report, out)?;
    limits(report, out)?;
    for Example { id, changes, timeline: Timeline { left_out, lines } } in &report.most_changed {
        writeln!(out, "\n{id}: {}", plain(&changes.join("; ")))?;
        if *left_out > 0 {
            writeln!(out, "  … {left_out} earlier")?;
        }
        for Line { position: _, now, what } in lines {
            writeln!(out, "  {}  {}", zone.text(*now), plain(what))?;
        }
    }
    if let (Some(took_ms), Some(a_second)) = (report.took_ms, report.records_per_s) {
        let records = report.records;
        writeln!(out, "\n{records} records in {took_ms} ms: {a_second} a second, both versions included.")?;
    }
    writeln!(out, "\n{LEFT_OUT}")?;
    writeln!(out, "Nothing was written, nobody was sent anything.")?;
    Ok(())
}

/// Where the stores stand that a shadow is compared by.
fn compared_with(standings: &Standings, zone: Zone, out: &mut dyn Write) -> anyhow::Result<()> {
    for (name, stand) in [("live store", &standings.live), ("shadow", &standings.shadow)] {
        writeln!(out, "{name}: position {}, alarms fired by {}", stand.position, zone.text(stand.fired))?;
    }
    for caution in cautions(standings) {
        writeln!(out, "CAUTION: {caution}")?;
    }
    Ok(())
}

/// Why the numbers of a shadow may be others in a minute.
pub(super) fn cautions(standings: &Standings) -> Vec<String> {
    let mut cautions = Vec::new();
    if let Some(behind) = standings.behind.filter(|behind| behind.matters()) {
        let Behind { records, fired_ms } = behind;
        cautions.push(format!(
            "the shadow is {records} records and {} s of alarms behind the live store: what differs may be what it has not \
             folded yet. Ask again when it has",
            fired_ms.div_ceil(1000)
        ));
    }
    if standings.went_on {
        cautions.push(
            "the stores went on while they were read: customers are not all of the same place".to_owned(),
        );
    }
    cautions
}

fn versions(report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::default();
    let heads = ["", "component", "settings", "turns", "dead", "told", "tasks", "fuel", "took"];
    table.row(heads.map(str::to_owned));
    for (side, version) in [("before", &report.before), ("after", &report.after)] {
        let Version { title: _, digest, settings_digest, turns, took_ms, dead, told, tasks, .. } = version;
        let short = |digest: &str| digest.chars().take(12).collect::<String>();
        let dead: u64 = dead.values().map(|dead| dead.turns).sum();
        table.row([
            side.to_owned(),
            short(digest),
            short(settings_digest),
            counted(*turns),
            dead.to_string(),
            counted(*told),
            tasks.to_string(),
            fuel(version),
            took_ms.map_or_else(|| NOT_COUNTED.to_owned(), |ms| format!("{ms} ms")),
        ]);
    }
    table.print("  ", out)?;
    for (side, version) in [("before", &report.before), ("after", &report.after)] {
        for (kind, Dead { turns, example: DeadExample { policy, customer, position } }) in &version.dead {
            let policy = plain(policy);
            writeln!(
                out,
                "  dead {side}: {kind} {turns}, the first of {policy} for {customer} at position {position}"
            )?;
        }
    }
    Ok(())
}

/// What stands where nobody counted.
pub(super) const NOT_COUNTED: &str = "-";

pub(super) fn counted(count: Option<u64>) -> String {
    count.map_or_else(|| NOT_COUNTED.to_owned(), |count| count.to_string())
}

/// `1234567, 890 a turn`.
pub(super) fn fuel(version: &Version) -> String {
    let fuel = version.fuel.zip(version.fuel_a_turn);
    fuel.map_or_else(|| NOT_COUNTED.to_owned(), |(fuel, a_turn)| format!("{fuel}, {a_turn} a turn"))
}

fn rows(title: &str, rows: &[Row], out: &mut dyn Write) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    let mut table = Table::default();
    for row in rows {
        let Row { name, before, after, gained, lost, .. } = row;
        let [gaining, losing] = row.some();
        let some = |word: &str, ids: &[String]| {
            if ids.is_empty() { String::new() } else { format!("{word} {}", ids.join(" ")) }
        };
        table.row([
            name.clone(),
            format!("{before} → {after}"),
            format!("+{gained}"),
            format!("-{lost}"),
            some("gaining:", gaining),
            some("losing:", losing),
        ]);
    }
    table.print("  ", out)?;
    Ok(())
}

fn intents(report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
    if report.intents.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nintents by day and scene")?;
    let mut table = Table::default();
    let (differ, same): (Vec<_>, Vec<_>) = report.intents.iter().partition(|row| row.differs());
    for row in differ {
        table.row([
            row.day.clone(),
            row.scene.clone(),
            format!("{} → {}", row.before, row.after),
            format!("+{}", row.added),
            format!("-{}", row.dropped),
            format!("moved {}", row.moved),
        ]);
    }
    table.print("  ", out)?;
    if !same.is_empty() {
        let intents: u64 = same.iter().map(|row| row.after).sum();
        writeln!(out, "  the same on both sides: {} days and scenes, {intents} intents in all", same.len())?;
    }
    Ok(())
}

fn limits(report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
    if report.intents.is_empty() {
        return Ok(());
    }
    if report.limits.is_empty() {
        writeln!(out, "\n{NOT_STOPPED}")?;
        return Ok(());
    }
    writeln!(out, "\nintents that the courier would stop or delay")?;
    let mut table = Table::default();
    for limit in &report.limits {
        table.row([
            limit.name.to_owned(),
            format!("before {}", limit.before),
            format!("after {}", limit.after),
        ]);
    }
    table.print("  ", out)?;
    Ok(())
}

pub(super) const NOT_STOPPED: &str =
    "No cap, gap, quiet hour or end of its own stops or delays a message of either version.";
