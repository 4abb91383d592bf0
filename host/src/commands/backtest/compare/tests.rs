//! Hand-made pairs of documents, and what is said of them.

use std::cmp::Reverse;

use courier::Plan;

use super::super::made::{DAY, HOUR, customer, intent};
use super::*;

/// The morning of May 1 in UTC, and of the same day in Beijing.
const MAY_1: Instant = 1_777_593_600_000;

fn limits() -> Limits {
    Limits::new(Plan::default(), Vec::new())
}

fn terms(limits: &Limits) -> Terms<'_> {
    Terms { binding: "p", since: 0, zone: Zone::Utc, limits, named: 2 }
}

fn pair(before: Customer, after: Customer) -> Pair {
    Pair { before, after }
}

/// What is said of one customer, and the sums by day and scene.
fn intents(
    before: &[HeldIntent],
    after: &[HeldIntent],
    since: Instant,
) -> (Vec<String>, Vec<(String, Intents)>) {
    let limits = limits();
    let mut comparison = Comparison::new(Terms { since, ..terms(&limits) });
    comparison.take(&pair(customer(1, &[], &[], before, &[]), customer(1, &[], &[], after, &[])), &[]);
    let what = comparison.most_changed().pop().map(|changed| changed.what).unwrap_or_default();
    let cell = |((day, scene), sum): (&(String, String), &Intents)| (format!("{day} {scene}"), *sum);
    (what, comparison.intents.iter().map(cell).collect())
}

fn sum(before: u64, after: u64, [added, dropped, moved]: [u64; 3]) -> Intents {
    Intents { before, after, added, dropped, moved }
}

fn cell(place: &str, sum: Intents) -> (String, Intents) {
    (place.to_owned(), sum)
}

#[test]
fn who_gains_a_tag_and_who_loses_it_is_counted_and_some_are_named() {
    let limits = limits();
    let mut comparison = Comparison::new(terms(&limits));
    for (id, before, after) in [
        (1, &["a", "b"][..], &["a"][..]),
        (2, &["b"], &["b"]),
        (3, &[], &["a"]),
        (4, &[], &["a"]),
        (5, &[], &["a"]),
        (6, &[], &[]),
    ] {
        comparison.take(&pair(customer(id, before, &[], &[], &[]), customer(id, after, &[], &[], &[])), &[]);
    }
    let ids = |ids: &[u64]| ids.iter().map(|&id| CustomerId(id)).collect::<Vec<_>>();
    let a = Held { before: 1, after: 4, gained: 3, lost: 0, gaining: ids(&[3, 4]), losing: ids(&[]) };
    let b = Held { before: 2, after: 1, gained: 0, lost: 1, gaining: ids(&[]), losing: ids(&[1]) };
    assert_eq!(comparison.tags.into_iter().collect::<Vec<_>>(), [("a".to_owned(), a), ("b".to_owned(), b)]);
    assert_eq!(comparison.changed, 4);
}

#[test]
fn a_tag_that_changes_is_said_of_her() {
    let limits = limits();
    let mut comparison = Comparison::new(terms(&limits));
    comparison.take(&pair(customer(1, &["a"], &[], &[], &[]), customer(1, &["b"], &[], &[], &[])), &[]);
    let what = vec!["loses the tag a".to_owned(), "gains the tag b".to_owned()];
    assert_eq!(comparison.most_changed(), [Changed { changes: 2, id: Reverse(CustomerId(1)), what }]);
}

#[test]
fn another_stage_of_a_journey_is_one_change_and_none_is_another() {
    let limits = limits();
    let mut comparison = Comparison::new(terms(&limits));
    let before = [("way", "one"), ("path", "x")];
    comparison
        .take(&pair(customer(1, &[], &before, &[], &[]), customer(1, &[], &[("way", "two")], &[], &[])), &[]);
    let what = vec!["is nowhere in path".to_owned(), "is at two in way".to_owned()];
    assert_eq!(comparison.most_changed()[0].what, what);
    let sums = |held: &Held| (held.before, held.after, held.gained, held.lost);
    let stages: Vec<_> =
        comparison.stages.iter().map(|((j, s), held)| (format!("{j} {s}"), sums(held))).collect();
    let expected = [("path x", (1, 0, 0, 1)), ("way one", (1, 0, 0, 1)), ("way two", (0, 1, 1, 0))];
    assert_eq!(stages, expected.map(|(name, sums)| (name.to_owned(), sums)));
}

#[test]
fn intents_are_added_dropped_and_moved_by_day_and_scene() {
    let at = |key, scene, ms| intent(key, scene, MAY_1 + ms);
    let before = [
        at("gone", "moments", 0),
        at("same", "moments", 0),
        at("later", "moments", 0),
        at("other", "moments", 0),
    ];
    let after = [
        at("new", "coupon", DAY),
        at("same", "moments", 0),
        at("later", "moments", DAY),
        at("other", "direct-message", 0),
    ];
    let (what, sums) = intents(&before, &after, 0);
    assert_eq!(
        what,
        [
            "is not sent moments \"gone\"",
            "is sent moments \"later\" on 2026-05-02, not 2026-05-01",
            "is sent coupon \"new\" on 2026-05-02",
            "is sent direct-message \"other\" on 2026-05-01, not moments on 2026-05-01",
        ]
    );
    assert_eq!(
        sums,
        [
            cell("2026-05-01 direct-message", sum(0, 1, [0, 0, 1])),
            cell("2026-05-01 moments", sum(4, 1, [0, 1, 0])),
            cell("2026-05-02 coupon", sum(0, 1, [1, 0, 0])),
            cell("2026-05-02 moments", sum(0, 1, [0, 0, 1])),
        ]
    );
}

/// Both are decided at one instant; what differs is from when on they may go out.
#[test]
fn an_intent_that_only_waits_longer_is_moved_to_the_day_on_which_it_may_go_out() {
    let waits = |until: Option<Instant>| {
        let mut held = intent("k", "moments", MAY_1 + HOUR);
        held.intent.not_before = until;
        [held]
    };
    let (what, sums) = intents(&waits(None), &waits(Some(MAY_1 + 3 * DAY)), 0);
    assert_eq!(what, ["is sent moments \"k\" on 2026-05-04, not 2026-05-01"]);
    let moved =
        [cell("2026-05-01 moments", sum(1, 0, [0, 0, 0])), cell("2026-05-04 moments", sum(0, 1, [0, 0, 1]))];
    assert_eq!(sums, moved);
    let (what, _) = intents(&[], &waits(Some(MAY_1 + 3 * DAY)), 0);
    assert_eq!(what, ["is sent moments \"k\" on 2026-05-04"]);
    let (what, sums) = intents(&waits(Some(MAY_1 + 9 * HOUR)), &waits(Some(MAY_1 + 21 * HOUR)), 0);
    assert_eq!(what, ["is sent moments \"k\" on 2026-05-01 at 21:00:00, not at 09:00:00"]);
    assert_eq!(sums, [cell("2026-05-01 moments", sum(1, 1, [0, 0, 1]))]);
    // It is never sent before it was decided.
    let (what, _) = intents(&waits(None), &waits(Some(MAY_1)), 0);
    assert!(what.is_empty(), "{what:?}");
}

#[test]
fn what_was_decided_earlier_what_another_intends_and_what_does_not_hold_any_more_are_not_compared() {
    let other = HeldIntent { binding: "q".to_owned(), ..intent("q", "moments", MAY_1) };
    let withdrawn = HeldIntent { unfounded: true, ..intent("w", "moments", MAY_1) };
    let earlier = intent("e", "moments", MAY_1 - 1);
    assert_eq!(intents(&[other, withdrawn, earlier], &[], MAY_1), (Vec::new(), Vec::new()));
}

#[test]
fn tasks_of_the_policy_are_counted_on_both_sides() {
    let limits = limits();
    let mut comparison = Comparison::new(terms(&limits));
    comparison
        .take(&pair(customer(1, &[], &[], &[], &["p", "q"]), customer(1, &[], &[], &[], &["p", "p"])), &[]);
    assert_eq!((comparison.tasks, comparison.changed), ([1, 2], 0));
}

#[test]
fn the_ten_who_change_most_are_kept_and_of_equals_the_older_ones() {
    let limits = limits();
    let mut comparison = Comparison::new(terms(&limits));
    let names: Vec<String> = (0..20).map(|n| format!("t{n:02}")).collect();
    let tags = |count: usize| names[..count].iter().map(String::as_str).collect::<Vec<_>>();
    // The 13th changes most, and everybody else in one of two ways.
    for id in 1..=13_u64 {
        let count = if id == 13 {
            9
        } else if id % 2 == 0 {
            3
        } else {
            2
        };
        comparison
            .take(&pair(customer(id, &[], &[], &[], &[]), customer(id, &tags(count), &[], &[], &[])), &[]);
    }
    let most: Vec<_> = comparison.most_changed().iter().map(|one| (one.changes, one.id.0.0)).collect();
    let rest = [(3, 2), (3, 4), (3, 6), (3, 8), (3, 10), (3, 12), (2, 1), (2, 3), (2, 5)];
    assert_eq!(most, [&[(9, 13)][..], &rest].concat());
    assert_eq!(comparison.changed, 13);
}

/// A cap of one a day, and what each side meant before is known to it.
#[test]
fn limits_are_judged_for_each_side_beside_what_others_sent() {
    let cap = courier::Cap {
        name: None,
        scope: courier::Scope::default(),
        limit: courier::Limit::Count(1),
        window: courier::Window::Sliding(DAY),
        zone: courier::Zone::utc(),
    };
    let plays = model::Ability { scene: "moments".to_owned(), carriage: model::Carriage::Sends };
    let account = courier::Account {
        connection: "wecom-main".to_owned(),
        channel: "wecom".to_owned(),
        abilities: vec![plays],
        addresses: Vec::new(),
        strangers: Vec::new(),
        since: None,
        sent_today: courier::Tally::default(),
        staff: Vec::new(),
    };
    let limits = Limits::new(Plan { caps: vec![cap], ..Plan::default() }, vec![account]);
    let mut comparison = Comparison::new(Terms { since: MAY_1 + HOUR, ..terms(&limits) });
    let at = |key, ms| intent(key, "moments", MAY_1 + ms);
    let one = pair(
        customer(1, &[], &[], &[at("a", 0), at("b", 2 * HOUR)], &[]),
        customer(1, &[], &[], &[at("b", 2 * HOUR)], &[]),
    );
    assert!(comparison.asks_ledger(&one));
    assert!(!comparison.asks_ledger(&pair(customer(2, &[], &[], &[], &[]), customer(2, &[], &[], &[], &[]))));
    comparison.take(&one, &[]);
    assert_eq!(comparison.limits_hit.get("cap"), Some(&[1, 0]));
    let broadcast = super::super::made::sent("broadcast.may", "moments", "wecom-main", MAY_1 + HOUR);
    comparison.take(&one, &[broadcast]);
    assert_eq!(comparison.limits_hit.get("cap"), Some(&[2, 1]));
}
