//! A backtest as one page that a business owner can read and sign: no script, nothing loaded from anywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::charts::{BARS_MAX, Bar, days, gains};
use super::report::{
    Dead, DeadExample, Example, IntentRow, LEFT_OUT, Line, Report, Row, Standings, Timeline, Version,
};
use super::text::{NOT_COUNTED, NOT_STOPPED, cautions, counted, fuel};
use crate::commands::calendar::Zone;

const STYLE: &str = "body{font:15px/1.5 system-ui,'PingFang SC','Microsoft YaHei',sans-serif;max-width:780px;margin:2em auto;\
padding:0 1em;color:#222}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;width:100%}\
td,th{padding:.25em .6em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}td.n{text-align:right}\
svg text{font-size:12px;fill:#333}svg line{stroke:#888}.gain{fill:#2a7}.loss{fill:#c54}.was{fill:#9ab}\
.key{color:#666}.caution{border:2px solid #c54;padding:.4em .8em}details{margin:.6em 0}.sign{margin-top:3em;display:flex;gap:2em}.sign div{flex:1;border-top:1px solid #222}";

pub(super) fn write(report: &Report, zone: Zone) -> String {
    let mut page = String::new();
    let kind = if report.standings.is_some() { "Shadow" } else { "Backtest" };
    let title = format!("{kind} of {}", report.policy);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>",
        escape(&title)
    );
    summary(report, zone, &mut page);
    if let Some(standings) = &report.standings {
        compared_with(standings, zone, &mut page);
    }
    versions(report, &mut page);
    rows("Tags", "tag", &report.tags, &mut page);
    rows("Stages", "stage", &report.stages, &mut page);
    intents(report, &mut page);
    limits(report, &mut page);
    examples(report, zone, &mut page);
    page.push_str(
        "<div class=\"sign\"><div>name</div><div>decision</div><div>date</div></div></body></html>\n",
    );
    page
}

fn summary(report: &Report, zone: Zone, page: &mut String) {
    let sum = |count: fn(&IntentRow) -> u64| report.intents.iter().map(count).sum::<u64>();
    let (added, dropped, moved) = (sum(|row| row.added), sum(|row| row.dropped), sum(|row| row.moved));
    let _ = write!(
        page,
        "<p><b>{}</b> of {} customers change. <b>{added}</b> messages would be sent that were not, <b>{dropped}</b> \
         would not be sent, <b>{moved}</b> at another time or in another way.",
        report.changed, report.customers
    );
    let (fired, name) = (zone.text(report.fired), zone.name());
    let _ = match &report.standings {
        None => write!(
            page,
            " Both versions were folded over {} records from each customer's first record, up to {fired} {name}.",
            report.records
        ),
        Some(_) => write!(
            page,
            " The version beside the policy has decided on the live journal from its beginning, up to {fired} {name}."
        ),
    };
    if report.since > 0 {
        let _ = write!(page, " Messages are those that were decided from {} on.", zone.text(report.since));
    }
    let _ = write!(
        page,
        " Nothing was written, and nobody was sent anything.</p><p class=\"key\">{LEFT_OUT}</p>"
    );
}

/// Where the stores stand that a shadow is compared by.
fn compared_with(standings: &Standings, zone: Zone, page: &mut String) {
    page.push_str("<p class=\"key\">");
    for (name, stand) in [("Live store", &standings.live), ("shadow", &standings.shadow)] {
        let _ = write!(page, "{name} at position {}, {}. ", stand.position, zone.text(stand.fired));
    }
    page.push_str("</p>");
    for caution in cautions(standings) {
        let _ = write!(page, "<p class=\"caution\"><b>CAUTION</b>: {}.</p>", escape(&caution));
    }
}

fn versions(report: &Report, page: &mut String) {
    page.push_str(
        "<h2>Versions</h2><table><tr><th></th><th>title</th><th>component</th><th>settings</th><th>turns</th>\
                   <th>failed turns</th><th>told of others</th><th>staff tasks</th><th>fuel</th><th>time</th></tr>",
    );
    for (side, version) in [("before", &report.before), ("after", &report.after)] {
        let Version { title, digest, settings_digest, turns, took_ms, dead, told, tasks, .. } = version;
        let dead: Vec<String> = dead.iter().map(dead_turns).collect();
        let dead = if dead.is_empty() { "none".to_owned() } else { dead.join("; ") };
        let _ = write!(
            page,
            "<tr><th>{side}</th><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{tasks}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(title),
            escape(digest.get(..12).unwrap_or(digest)),
            escape(settings_digest.get(..12).unwrap_or(settings_digest)),
            counted(*turns),
            escape(&dead),
            counted(*told),
            fuel(version),
            took_ms.map_or_else(|| NOT_COUNTED.to_owned(), |ms| format!("{ms} ms"))
        );
    }
    page.push_str("</table>");
}

/// `trap 3, first of p for cus_7 at 9`.
fn dead_turns((kind, dead): (&String, &Dead)) -> String {
    let Dead { turns, example: DeadExample { policy, customer, position } } = dead;
    format!("{kind} {turns}, first of {policy} for {customer} at {position}")
}

fn rows(title: &str, word: &str, rows: &[Row], page: &mut String) {
    let changed: Vec<&Row> = rows.iter().filter(|row| row.gained + row.lost > 0).collect();
    let _ = write!(page, "<h2>{title}</h2>");
    if changed.is_empty() {
        let _ = write!(page, "<p>No customer gains or loses a {word}.</p>");
        return;
    }
    let mut bars: Vec<Bar> = changed
        .iter()
        .map(|row| Bar { label: row.name.clone(), gained: row.gained, lost: row.lost })
        .collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.gained + bar.lost));
    page.push_str(&gains(title, &bars));
    if bars.len() > BARS_MAX {
        let _ = write!(page, "<p class=\"key\">The {BARS_MAX} that change most are drawn.</p>");
    }
    let _ = write!(
        page,
        "<table><tr><th>{word}</th><th>before</th><th>after</th><th>gain it</th><th>lose it</th><th>some of them</th></tr>"
    );
    for row in changed {
        let Row { name, before, after, gained, lost, .. } = row;
        let some: Vec<&str> = row.some().into_iter().flatten().map(String::as_str).collect();
        let _ = write!(
            page,
            "<tr><td>{}</td><td class=\"n\">{before}</td><td class=\"n\">{after}</td><td class=\"n\">{gained}</td>\
             <td class=\"n\">{lost}</td><td class=\"key\">{}</td></tr>",
            escape(name),
            escape(&some.join(" "))
        );
    }
    page.push_str("</table>");
}

fn intents(report: &Report, page: &mut String) {
    page.push_str("<h2>Messages</h2>");
    if report.intents.is_empty() {
        page.push_str("<p>Neither version intends any.</p>");
        return;
    }
    let mut by_scene: BTreeMap<&str, Vec<(String, u64, u64)>> = BTreeMap::new();
    for row in &report.intents {
        by_scene.entry(&row.scene).or_default().push((row.day.clone(), row.before, row.after));
    }
    for (scene, by_day) in &by_scene {
        let _ = write!(page, "<h3>{}</h3>{}", escape(scene), days(scene, by_day));
    }
    page.push_str("<p class=\"key\">Grey: before. Green: after.</p>");
    let differ: Vec<&IntentRow> = report.intents.iter().filter(|row| row.differs()).collect();
    if differ.is_empty() {
        page.push_str("<p>The same messages on the same days, from both versions.</p>");
        return;
    }
    page.push_str(
        "<p>Days on which they differ:</p><table><tr><th>day</th><th>scene</th><th>before</th><th>after</th>\
         <th>added</th><th>dropped</th><th>moved</th></tr>",
    );
    for row in differ {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&row.day),
            escape(&row.scene),
            row.before,
            row.after,
            row.added,
            row.dropped,
            row.moved
        );
    }
    page.push_str("</table>");
}

fn limits(report: &Report, page: &mut String) {
    if report.intents.is_empty() {
        return;
    }
    page.push_str("<h2>Stopped or delayed by the rules of the house</h2>");
    if report.limits.is_empty() {
        let _ = write!(page, "<p>{NOT_STOPPED}</p>");
        return;
    }
    page.push_str("<table><tr><th>rule</th><th>before</th><th>after</th></tr>");
    for limit in &report.limits {
        let _ = write!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(limit.name),
            limit.before,
            limit.after
        );
    }
    page.push_str("</table>");
}

fn examples(report: &Report, zone: Zone, page: &mut String) {
    page.push_str("<h2>The customers who change most</h2>");
    for Example { id, changes, timeline: Timeline { left_out, lines } } in &report.most_changed {
        let _ =
            write!(page, "<details open><summary>{}: {} changes</summary><ul>", escape(id), changes.len());
        for change in changes {
            let _ = write!(page, "<li>{}</li>", escape(change));
        }
        page.push_str("</ul><table>");
        if *left_out > 0 {
            let _ = write!(page, "<tr><td class=\"key\">{left_out} earlier records</td></tr>");
        }
        for Line { position: _, now, what } in lines {
            let _ = write!(page, "<tr><td>{}  {}</td></tr>", zone.text(*now), escape(what));
        }
        page.push_str("</table></details>");
    }
}

/// Text inside a page: nothing that a stranger called himself is markup.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
