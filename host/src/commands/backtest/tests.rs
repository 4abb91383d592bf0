//! What a report looks like, and which policies are folded together.

use std::collections::BTreeMap;

use super::overlap;
use super::report::{IntentRow, Report, Version};
use super::{page, text};
use crate::commands::calendar::Zone;

fn report(intents: Vec<IntentRow>) -> Report {
    let version = || Version {
        title: "t".to_owned(),
        digest: "d".to_owned(),
        settings_digest: "s".to_owned(),
        turns: None,
        took_ms: None,
        dead: BTreeMap::new(),
        told: None,
        fuel: Some(70),
        fuel_a_turn: Some(7),
        tasks: 0,
    };
    Report {
        policy: "p".to_owned(),
        before: version(),
        after: version(),
        from: 1,
        to: 9,
        fired: 0,
        records: 9,
        customers: 1,
        changed: 0,
        tags: Vec::new(),
        stages: Vec::new(),
        intents,
        limits: Vec::new(),
        most_changed: Vec::new(),
        took_ms: None,
        records_per_s: None,
    }
}

fn row(day: &str, moved: u64) -> IntentRow {
    let (day, scene) = (day.to_owned(), "moments".to_owned());
    IntentRow { day, scene, before: 4, after: 4, added: 0, dropped: 0, moved }
}

fn shown(intents: Vec<IntentRow>) -> (String, String) {
    let (report, mut out) = (report(intents), Vec::new());
    text::print(&report, Zone::new(true), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), page::write(&report, Zone::new(true)))
}

#[test]
fn days_on_which_the_versions_differ_are_listed_and_the_others_are_counted() {
    let (text, page) = shown(vec![row("2026-05-01", 0), row("2026-05-02", 3), row("2026-05-03", 0)]);
    assert!(text.contains("2026-05-02  moments  4 → 4  +0  -0  moved 3"), "{text}");
    assert!(text.contains("the same on both sides: 2 days and scenes, 8 intents in all"), "{text}");
    assert!(!text.contains("2026-05-01"), "{text}");
    assert!(page.contains("<td>2026-05-02</td>") && !page.contains("<td>2026-05-01</td>"), "{page}");
    let (text, page) = shown(vec![row("2026-05-01", 0)]);
    assert!(text.contains("the same on both sides: 1 days"), "{text}");
    assert!(text.contains("70, 7 a turn") && page.contains("70, 7 a turn"), "{text}");
    assert!(page.contains("<svg") && page.contains("The same messages on the same days"), "{page}");
}

#[test]
fn patterns_overlap_where_a_name_matches_both() {
    let cases = [
        ("a:*", "a:b", true),
        ("a:b", "a:*", true),
        ("a:*", "b:*", false),
        ("a*", "ab*", true),
        ("a", "a", true),
        ("a", "b", false),
    ];
    for (one, other, expected) in cases {
        assert_eq!(overlap(one, other), expected, "{one} {other}");
    }
}
