//! What a report looks like, and which policies are folded together.

use std::collections::BTreeMap;

use courier::Plan;
use model::{
    Binding, CustomerId, DeadTurn, Digest, FoldState, Note, PolicyDescriptor, Setup, Version as Bound,
};
use router::{Pair, Side, Trial};
use serde_json::{Value, json};

use super::compare::{Comparison, Terms};
use super::limits::Limits;
use super::made::{customer, intent};
use super::report::{
    Behind, Compared, Dead, DeadExample, Example, IntentRow, Line, Report, Row, Sides, Stand, Standings,
    Timeline, Version, named,
};
use super::{overlap, page, text};
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
        standings: None,
        before: version(),
        after: version(),
        from: 1,
        to: 9,
        since: 0,
        fired: 0,
        records: 9,
        customers: 1,
        changed: 0,
        tags: Vec::new(),
        stages: Vec::new(),
        intents,
        limits: Vec::new(),
        limits_not_judged: Vec::new(),
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
    printed(&report(intents))
}

fn printed(report: &Report) -> (String, String) {
    let mut out = Vec::new();
    text::print(report, Zone::new(true), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), page::write(report, Zone::new(true)))
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

/// Whatever strangers call themselves, and whatever a policy calls things, is text.
#[test]
fn a_page_holds_no_markup_of_strangers_and_loads_nothing() {
    const HOSTILE: &str = "<script src=x>alert('&\"')</script><a href=x style=\"background:url(x)\">";
    const SAFE: &str = "&lt;script src=x&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;&lt;a href=x style=&quot;background:url(x)&quot;&gt;";
    let name = || HOSTILE.to_owned();
    let one = || Row {
        name: name(),
        before: 0,
        after: 1,
        gained: 1,
        lost: 1,
        gaining: vec![name()],
        losing: vec![name()],
        not_named: 0,
    };
    let version = || {
        let example = DeadExample { policy: name(), customer: name(), position: 1 };
        Version {
            title: name(),
            digest: "d".to_owned(),
            settings_digest: "s".to_owned(),
            turns: Some(1),
            took_ms: Some(1),
            dead: BTreeMap::from([(name(), Dead { turns: 1, example })]),
            told: Some(1),
            fuel: Some(1),
            fuel_a_turn: Some(1),
            tasks: 1,
        }
    };
    let lines = vec![Line { position: 1, now: 1, what: name() }];
    let row = IntentRow { day: name(), scene: name(), ..row("", 1) };
    let report = Report {
        policy: name(),
        before: version(),
        after: version(),
        tags: vec![one()],
        stages: vec![one()],
        limits: vec![Sides { name: "cap", before: 1, after: 1 }],
        most_changed: vec![Example {
            id: name(),
            changes: vec![name()],
            timeline: Timeline { left_out: 1, lines },
        }],
        ..report(vec![row])
    };
    let (_, page) = printed(&report);
    assert!(page.matches(SAFE).count() > 20, "{page}");
    let rest = page.replace(SAFE, "");
    for word in ["<script", "src=", "href=", "url(", "<a", "alert"] {
        assert!(!rest.contains(word), "{word}: {rest}");
    }
    assert!(page.contains("<details open>"), "timelines are printed");
}

#[test]
fn all_who_change_are_named_in_json_and_five_of_each_kind_elsewhere() {
    let limits = Limits::new(Plan::default(), Vec::new());
    let row = |named: usize| {
        let terms = Terms { binding: "p", since: 0, zone: Zone::Utc, limits: &limits, named };
        let mut comparison = Comparison::new(terms);
        for id in 1..=7 {
            let [before, after] = [&[][..], &["t"]].map(|tags| customer(id, tags, &[], &[], &[]));
            comparison.take(&Pair { before, after }, &[]);
        }
        reported(comparison, None)
    };
    let report = row(named(true));
    let json = serde_json::to_value(&report).unwrap();
    let ids: Vec<String> = (1..=7).map(|id| CustomerId(id).to_string()).collect();
    assert_eq!(
        (&json["tags"][0]["gaining"], &json["tags"][0]["not_named"]),
        (&json!(ids), &json!(0)),
        "{json}"
    );
    for report in [report, row(named(false))] {
        let (text, page) = printed(&report);
        for (place, id) in ids.iter().enumerate() {
            // Each of the seven is among those who change most, with a line that begins with her.
            let named = text.lines().any(|line| line.contains("gaining:") && line.contains(id));
            assert_eq!(named, place < 5, "{id}: {text}");
        }
        assert!(page.contains(&ids[..5].join(" ")) && !page.contains(&ids[..6].join(" ")), "{page}");
    }
    let cut = row(3).tags.remove(0);
    assert_eq!((cut.gaining.len(), cut.not_named), (3, 4));
}

fn binding(settings: &str) -> Binding {
    let descriptor = PolicyDescriptor {
        title: "p".to_owned(),
        settings_schema: "{}".to_owned(),
        wants: Vec::new(),
        tags: Vec::new(),
        journeys: Vec::new(),
        reads: Vec::new(),
    };
    let (name, settings, digest) = ("p".to_owned(), settings.to_owned(), Digest([1; 32]));
    Binding { name, digest, settings, descriptor, carry: false, paused: None }
}

fn reported(comparison: Comparison<'_>, standings: Option<Standings>) -> Report {
    let trial = Trial { customers: 1, ..Trial::default() };
    let bindings = [&binding("1"), &binding("2")];
    Report::new(comparison, &trial, Compared { bindings, range: 1..=9, since: 0, fired: 0, standings }, None)
}

/// A policy whose settings were changed once has two versions of one component.
#[test]
fn the_settings_of_a_version_are_those_that_it_is_bound_to() {
    let [first, old, new] = ["first", "old", "new"].map(binding);
    let version = |binding: &Binding| Bound {
        binding: binding.name.clone(),
        title: String::new(),
        digest: binding.digest,
        settings: router::settings_digest(binding),
        since: 1,
    };
    let setup = Setup { policies: vec![old.clone()], ..Setup::default() };
    let versions =
        FoldState { setup, versions: vec![version(&first), version(&old)], ..FoldState::default() };
    let trial = Trial { before: Side { versions, ..Side::default() }, ..Trial::default() };
    let limits = Limits::new(Plan::default(), Vec::new());
    let terms = Terms { binding: "p", since: 0, zone: Zone::Utc, limits: &limits, named: 5 };
    let compared = Compared { bindings: [&old, &new], range: 1..=9, since: 0, fired: 0, standings: None };
    let report = Report::new(Comparison::new(terms), &trial, compared, None);
    let digest = |binding| router::settings_digest(binding).to_string();
    assert_eq!([report.before.settings_digest, report.after.settings_digest], [digest(&old), digest(&new)]);
}

#[test]
fn turns_that_fail_are_told_by_kind_with_the_first_of_each() {
    let dead = |position, customer, version, kind: &str| {
        let (kind, text) = (kind.to_owned(), "at 7".to_owned());
        Note::DeadTurn(DeadTurn {
            position,
            now: 1,
            customer: CustomerId(customer),
            version,
            alarm: None,
            kind,
            text,
        })
    };
    let version = |binding: &str| Bound {
        binding: binding.to_owned(),
        title: String::new(),
        digest: Digest([1; 32]),
        settings: Digest([2; 32]),
        since: 1,
    };
    let versions = FoldState { versions: vec![version("p"), version("q")], ..FoldState::default() };
    let faults = vec![dead(4, 1, 1, "trap"), dead(6, 2, 0, "fuel"), dead(8, 3, 0, "trap")];
    let trial = Trial { after: Side { faults, versions, ..Side::default() }, ..Trial::default() };
    let limits = Limits::new(Plan::default(), Vec::new());
    let terms = Terms { binding: "p", since: 0, zone: Zone::Utc, limits: &limits, named: 5 };
    let compared = Compared {
        bindings: [&binding("1"), &binding("2")],
        range: 1..=9,
        since: 0,
        fired: 0,
        standings: None,
    };
    let report = Report::new(Comparison::new(terms), &trial, compared, None);
    let json: Value = serde_json::to_value(&report.after).unwrap();
    let [one, two] = [1, 2].map(|id| CustomerId(id).to_string());
    let expected = json!({
        "fuel": {"turns": 1, "example": {"policy": "p", "customer": two, "position": 6}},
        "trap": {"turns": 2, "example": {"policy": "q", "customer": one, "position": 4}},
    });
    assert_eq!(json["dead"], expected);
    let (text, page) = printed(&report);
    assert!(text.contains(&format!("dead after: trap 2, the first of q for {one} at position 4")), "{text}");
    assert!(
        page.contains(&format!("fuel 1, first of p for {two} at 6; trap 2, first of q for {one} at 4")),
        "{page}"
    );
}

#[test]
fn a_shadow_says_where_it_stands_and_that_it_is_behind() {
    let limits = Limits::new(Plan::default(), Vec::new());
    let shown = |records: u64, went_on| {
        let terms = Terms { binding: "p", since: 0, zone: Zone::Utc, limits: &limits, named: 5 };
        let behind = (records > 0).then_some(Behind { records, fired_ms: 0 });
        let [live, shadow] = [9, 9 - records].map(|position| Stand { position, fired: 0 });
        let report = reported(Comparison::new(terms), Some(Standings { live, shadow, behind, went_on }));
        (serde_json::to_value(&report).unwrap(), printed(&report))
    };
    let (json, (text, page)) = shown(0, false);
    assert!(
        text.starts_with("shadow of policy p:") && page.contains("<title>Shadow of p</title>"),
        "{text} {page}"
    );
    assert!(text.contains("live store: position 9") && text.contains("shadow: position 9"), "{text}");
    assert!(
        !text.contains("CAUTION") && !page.contains("CAUTION") && json.get("behind").is_none(),
        "{text} {json}"
    );
    assert_eq!(json["shadow"], json!({"position": 9, "fired": 0}));
    let (json, (text, page)) = shown(5, false);
    assert!(text.contains("CAUTION: the shadow is 5 records and 0 s of alarms behind"), "{text}");
    assert!(page.contains("<b>CAUTION</b>: the shadow is 5 records"), "{page}");
    assert_eq!(json["behind"], json!({"records": 5, "fired_ms": 0}));
    let (_, (text, page)) = shown(0, true);
    assert!(text.contains("CAUTION: the stores went on") && page.contains("the stores went on"), "{text}");
    // A backtest is none.
    let (text, page) = printed(&report(Vec::new()));
    assert!(text.starts_with("policy p:") && page.contains("<title>Backtest of p</title>"), "{text} {page}");
}

/// Where nothing is stopped that is said, and what nobody looked at is said wherever a report is.
#[test]
fn a_report_says_what_it_does_not_look_at() {
    let limits = Limits::new(Plan::default(), Vec::new());
    let terms = Terms { binding: "p", since: 0, zone: Zone::Utc, limits: &limits, named: 5 };
    let mut comparison = Comparison::new(terms);
    let mut later = intent("k", "coupon", 0);
    later.intent.not_before = Some(86_400_000);
    let [before, after] = [intent("k", "coupon", 0), later].map(|held| customer(1, &[], &[], &[held], &[]));
    comparison.take(&Pair { before, after }, &[]);
    let report = reported(comparison, None);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["limits_not_judged"], json!(["budget", "consent", "suppressed"]));
    let (text, page) = printed(&report);
    for shown in [&text, &page] {
        assert!(
            shown.contains("Not looked at: consent, purchases that suppress a message, and budgets"),
            "{shown}"
        );
    }
    assert!(text.contains("no-route  before 1  after 1"), "{text}");
    assert!(page.contains("<b>1</b> at another time or in another way"), "{page}");
    let (text, page) = shown(vec![row("2026-05-01", 0)]);
    assert!(text.contains(text::NOT_STOPPED) && page.contains(text::NOT_STOPPED), "{text}");
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
