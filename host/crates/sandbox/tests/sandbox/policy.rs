//! Policies that loop, swell, lie and break off.

use std::time::Duration;

use model::{IntentOutcome, ReceiptStep, Verdict};
use sandbox::{Limits, Policy, Trouble, TurnFaultKind, TurnOutcome};

use crate::guest::{SETTINGS, admitted_policy, at_position, policy, policy_with, turns};

/// Enough for hundreds of empty verdicts, and soon spent by a loop.
fn little_fuel() -> Limits {
    Limits { policy_fuel: 1_000_000, ..Limits::default() }
}

fn outcomes(limits: Limits, component: &[u8], count: u64) -> Vec<TurnOutcome> {
    admitted_policy(limits, component).evaluate(SETTINGS, &turns(count)).unwrap()
}

fn empty() -> TurnOutcome {
    TurnOutcome::Verdict(Verdict::default())
}

/// Exactly the turn at `position` is at fault, in this way, with a text that has all these parts.
fn assert_only(outcomes: &[TurnOutcome], position: usize, kind: TurnFaultKind, parts: &[&str]) {
    for (at, outcome) in outcomes.iter().enumerate() {
        match outcome {
            TurnOutcome::Verdict(_) => assert_ne!(at + 1, position),
            TurnOutcome::Fault(fault) => {
                assert_eq!((at + 1, fault.kind), (position, kind), "{fault}");
                parts.iter().for_each(|part| assert!(fault.text.contains(part), "{part}: {fault}"));
            }
        }
    }
}

#[test]
fn each_turn_has_its_verdict() {
    let policy = admitted_policy(Limits::default(), &policy("(call $verdicts (local.get $count))"));
    assert_eq!(policy.descriptor().title, "hostile");
    assert_eq!(policy.descriptor().tags, ["vip"]);
    let evaluation = policy.evaluate_metered(SETTINGS, &turns(300)).unwrap();
    assert_eq!(evaluation.outcomes, vec![empty(); 300]);
    assert_eq!(evaluation.calls, 2);
    assert!(evaluation.fuel > 0);
    assert_eq!(policy.evaluate(SETTINGS, &[]).unwrap(), []);
}

/// What a policy remembers of one turn with these outcomes.
fn remembered(outcomes: Vec<IntentOutcome<'_>>, bytes: &str, count: &str) -> Vec<u8> {
    let body = format!(
        "(local $list i32) (local $verdict i32)
         (local.set $list (call $outcomes (call $nth (local.get $turns) (i32.const 0))))
         (drop (call $verdicts (local.get $count)))
         (local.set $verdict (call $verdict (i32.const 0)))
         (i32.store8 offset=8 (local.get $verdict) (i32.const 1))
         (i32.store offset=12 (local.get $verdict) {bytes})
         (i32.store offset=16 (local.get $verdict) {count})
         (i32.const 512)"
    );
    let mut turn = turns(1).pop().unwrap();
    turn.customer.outcomes = outcomes;
    let policy = admitted_policy(Limits::default(), &policy(&body));
    match policy.evaluate(SETTINGS, &[turn]).unwrap().pop().unwrap() {
        TurnOutcome::Verdict(Verdict { decisions: _, memory }) => memory.unwrap(),
        TurnOutcome::Fault(fault) => panic!("{fault}"),
    }
}

#[test]
fn a_turn_brings_what_came_of_the_policys_intents() {
    let outcome = |key, step, at, joined| IntentOutcome { key, step, at, joined };
    let came = || {
        vec![
            outcome("first", ReceiptStep::Confirmed, 7, false),
            outcome("first", ReceiptStep::Replied, 9, true),
        ]
    };
    let (first, all) =
        ("(i32.load (local.get $list))", "(i32.mul (i32.load offset=4 (local.get $list)) (i32.const 32))");
    let list = remembered(came(), first, all);
    assert_eq!(list.len(), 64);
    // Key, step, at, joined.
    let fields = |at: usize| (list[at + 8], list[at + 16], list[at + 24]);
    assert_eq!([fields(0), fields(32)], [(1, 7, 0), (6, 9, 1)]);
    let key = |offset: u8| format!("(i32.load offset={offset} {first})");
    assert_eq!(remembered(came(), &key(0), &key(4)), b"first");
}

#[test]
fn a_loop_without_end_is_the_fault_of_its_turn_alone() {
    let looping = policy(&at_position(13, "(loop $for_ever (br $for_ever))"));
    assert_only(&outcomes(little_fuel(), &looping, 40), 13, TurnFaultKind::Fuel, &["policy_fuel"]);
}

/// Halves alone would come to 511 calls for the first 256.
#[test]
fn a_policy_that_fails_at_every_turn_is_called_little_more_than_once_for_each() {
    let trapping = admitted_policy(Limits::default(), &policy("(unreachable)"));
    for (count, calls) in [(256, 1 + 2 + 256), (3, 1 + 2 + 2), (2, 1 + 2), (1, 1)] {
        let evaluation = trapping.evaluate_metered(SETTINGS, &turns(count)).unwrap();
        let faults = evaluation.outcomes.iter().filter(|outcome| matches!(outcome, TurnOutcome::Fault(_)));
        assert_eq!((faults.count() as u64, evaluation.calls), (count, calls));
    }
    // One turn among so many is found by halves: each of eight steps is two calls, one of which fails.
    let once = admitted_policy(Limits::default(), &policy(&at_position(99, "(unreachable)")));
    let evaluation = once.evaluate_metered(SETTINGS, &turns(256)).unwrap();
    assert_eq!(evaluation.calls, 1 + 2 * 8);
    assert_only(&evaluation.outcomes, 99, TurnFaultKind::Trap, &[]);
    let first_two = at_position(2, "(unreachable)").replace("i64.eq", "i64.le_u");
    let twice = admitted_policy(Limits::default(), &policy(&first_two));
    let outcomes = twice.evaluate(SETTINGS, &turns(256)).unwrap();
    let faults = outcomes.iter().enumerate().filter(|(_, outcome)| matches!(outcome, TurnOutcome::Fault(_)));
    assert_eq!(faults.map(|(at, _)| at + 1).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn calls_that_come_to_nothing_take_as_long_as_they_may_and_then_the_policy_is_named() {
    let looping =
        admitted_policy(Limits::default(), &policy("(loop $for_ever (br $for_ever)) (unreachable)"));
    let failing_max = Duration::from_millis(150);
    let began = std::time::Instant::now();
    let trouble = looping.evaluate_within(SETTINGS, &turns(256), failing_max).unwrap_err();
    let took = began.elapsed();
    assert_eq!(trouble.class(), model::Class::Reject);
    let text = trouble.to_string();
    for part in ["policy \"hostile\"", "keeps failing", "150 ms", "fuel, limit policy_fuel"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // All turns would take hundreds of such calls.
    let one = looping.evaluate_metered(SETTINGS, &turns(1)).unwrap().failing;
    assert!(took < failing_max + 50 * one, "{took:?}, and one call is {one:?}");
    // Who fails now and then does not come there.
    let once =
        admitted_policy(Limits::default(), &policy(&at_position(99, "(loop $for_ever (br $for_ever))")));
    let evaluation = once.evaluate_within(SETTINGS, &turns(256), Duration::from_secs(60)).unwrap();
    assert!(evaluation.failing > Duration::ZERO && evaluation.failing < Duration::from_secs(60));
    assert_only(&evaluation.outcomes, 99, TurnFaultKind::Fuel, &[]);
}

/// A metric counts by this name.
#[test]
fn a_fault_names_the_limit_that_it_is_about() {
    let tag = "(call $verdicts (local.get $count))";
    for (limits, body, kind, limit) in [
        (little_fuel(), "(loop $for_ever (br $for_ever))", TurnFaultKind::Fuel, Some("policy_fuel")),
        (
            Limits { policy_memory_bytes: 9 << 16, ..little_fuel() },
            "(drop (memory.grow (i32.const 8)))",
            TurnFaultKind::Memory,
            Some("policy_memory_bytes"),
        ),
        (
            Limits { policy_memory: 2, ..little_fuel() },
            "(local $verdict i32)
             (drop (call $verdicts (local.get $count)))
             (local.set $verdict (call $verdict (i32.const 0)))
             (i32.store8 offset=8 (local.get $verdict) (i32.const 1))
             (i32.store offset=12 (local.get $verdict) (i32.const 512))
             (i32.store offset=16 (local.get $verdict) (i32.const 3))
             (i32.const 512) (return)",
            TurnFaultKind::Bounds,
            Some("policy_memory"),
        ),
        (little_fuel(), "(unreachable)", TurnFaultKind::Trap, None),
    ] {
        let outcome = outcomes(limits, &policy(&format!("{body} {tag}")), 1).remove(0);
        let TurnOutcome::Fault(fault) = outcome else { panic!("{limit:?}: {outcome:?}") };
        assert_eq!((fault.kind, fault.limit), (kind, limit), "{fault}");
    }
}

#[test]
fn a_trap_is_the_fault_of_its_turn_alone_and_names_the_function() {
    let fields = "(func $deep_inside (unreachable))";
    let trapping = policy_with(fields, &at_position(40, "(call $deep_inside)"));
    let parts = ["unreachable", "deep_inside"];
    assert_only(&outcomes(little_fuel(), &trapping, 40), 40, TurnFaultKind::Trap, &parts);
}

#[test]
fn a_recursion_without_end_runs_out_of_stack() {
    let recursing = policy_with("(func $down (call $down) (call $down))", &at_position(1, "(call $down)"));
    let limits = Limits { policy_fuel: 100_000_000, ..Limits::default() };
    assert_only(&outcomes(limits, &recursing, 2), 1, TurnFaultKind::Trap, &["stack"]);
}

#[test]
fn memory_grows_to_the_limit_and_not_one_page_past_it() {
    // The guest begins with 2 pages and asks for 8 more, at once.
    let growing = policy(&at_position(2, "(drop (memory.grow (i32.const 8)))"));
    let limits = |pages: usize| Limits { policy_memory_bytes: pages << 16, ..little_fuel() };
    assert_eq!(outcomes(limits(10), &growing, 3), vec![empty(); 3]);
    assert_only(&outcomes(limits(9), &growing, 3), 2, TurnFaultKind::Memory, &["policy_memory_bytes"]);
}

#[test]
fn a_table_cannot_swell_either() {
    let fields = "(table $t 1 funcref)";
    let swelling =
        policy_with(fields, &at_position(1, "(drop (table.grow $t (ref.null func) (i32.const 200000)))"));
    assert_only(&outcomes(little_fuel(), &swelling, 2), 1, TurnFaultKind::Memory, &["table_elements"]);
}

#[test]
fn too_few_verdicts_are_no_verdicts() {
    let short = policy("(call $verdicts (i32.const 1))");
    // Alone, each turn has its one verdict: a batch is split until that is so.
    assert_eq!(outcomes(little_fuel(), &short, 5), vec![empty(); 5]);
    let none = policy("(call $verdicts (i32.const 0))");
    let outcomes = outcomes(little_fuel(), &none, 2);
    let fault =
        |outcome: &TurnOutcome| matches!(outcome, TurnOutcome::Fault(f) if f.kind == TurnFaultKind::Bounds);
    assert!(outcomes.iter().all(fault), "{outcomes:?}");
}

#[test]
fn more_verdicts_than_memory_holds_are_a_trap() {
    let lying = policy(
        "(i32.store (i32.const 516) (i32.const 8192)) (i32.store (i32.const 520) (i32.const 0x7fffffff)) (i32.const 512)",
    );
    assert_only(&outcomes(little_fuel(), &lying, 1), 1, TurnFaultKind::Trap, &["list"]);
}

#[test]
fn no_more_bytes_are_handed_over_than_the_limit() {
    // An error of so many bytes.
    let talking = |bytes: u32| {
        policy(&format!(
            "(i32.store8 (i32.const 512) (i32.const 1))
             (i32.store (i32.const 516) (i32.const 70000))
             (i32.store (i32.const 520) (i32.const {bytes}))
             (i32.const 512)"
        ))
    };
    let limits = || Limits { policy_hostcall_bytes: 2000, ..little_fuel() };
    assert_only(&outcomes(limits(), &talking(2000), 1), 1, TurnFaultKind::Refused, &[]);
    assert_only(&outcomes(limits(), &talking(2001), 1), 1, TurnFaultKind::Memory, &["policy_hostcall_bytes"]);
}

#[test]
fn a_policys_own_error_is_shown_without_secrets() {
    // The error is the settings.
    let telling = policy(
        "(i32.store8 (i32.const 512) (i32.const 1))
         (i32.store (i32.const 516) (local.get $settings))
         (i32.store (i32.const 520) (local.get $length))
         (i32.const 512)",
    );
    let outcomes = outcomes(little_fuel(), &telling, 1);
    let TurnOutcome::Fault(fault) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!((fault.kind, fault.text.as_str()), (TurnFaultKind::Refused, r#"{"key":"[secret]"}"#));
}

/// A verdict with one decision at 2048: the tag named by `pointer` and `length`.
fn tagging(pointer: u32, length: u32) -> Vec<u8> {
    policy(&format!(
        "(i32.store8 (i32.const 2056) (i32.const 0))
         (i32.store (i32.const 2064) (i32.const {pointer}))
         (i32.store (i32.const 2068) (i32.const {length}))
         (drop (call $verdicts (local.get $count)))
         (i32.store (i32.load (i32.const 516)) (i32.const 2048))
         (i32.store offset=4 (i32.load (i32.const 516)) (i32.const 1))
         (i32.const 512)"
    ))
}

#[test]
fn a_policy_sets_the_tags_that_it_declared_and_no_others() {
    let outcomes_of = |component: &[u8]| outcomes(little_fuel(), component, 2);
    let declared = outcomes_of(&tagging(1136, 3));
    assert!(
        matches!(&declared[0], TurnOutcome::Verdict(verdict) if verdict.decisions.len() == 1),
        "{declared:?}"
    );
    // `hostile` is its title.
    assert_only(&outcomes_of(&tagging(1024, 7)), 1, TurnFaultKind::Bounds, &["hostile", "vip", "declare it"]);
}

#[test]
fn no_outcome_depends_on_the_batch() {
    // Position 5 traps, 7 loops.
    let body = format!(
        "{} {} {}",
        at_position(5, "(unreachable)"),
        "(drop) (local.set $at (i32.const 0))",
        at_position(7, "(loop $for_ever (br $for_ever))")
    );
    let policy = admitted_policy(little_fuel(), &policy(&body));
    let turns = turns(12);
    let whole = policy.evaluate(SETTINGS, &turns).unwrap();
    let evaluate = |policy: &Policy, size| -> Vec<TurnOutcome> {
        turns.chunks(size).flat_map(|chunk| policy.evaluate(SETTINGS, chunk).unwrap()).collect()
    };
    for size in 1..=turns.len() {
        assert_eq!(evaluate(&policy, size), whole, "{size}");
    }
}

#[test]
fn the_hosts_own_trouble_is_no_turns_fault() {
    let component = policy("(call $verdicts (local.get $count))");
    // Two pages for the describing instance, none to spare for a second one beside it.
    let limits = Limits { all_memory_bytes: 2 << 16, ..Limits::default() };
    assert!(admitted_policy(limits, &component).evaluate(SETTINGS, &turns(1)).is_ok());
    let growing = policy("(drop (memory.grow (i32.const 1))) (call $verdicts (local.get $count))");
    let limits = Limits { all_memory_bytes: 2 << 16, ..Limits::default() };
    let trouble = admitted_policy(limits, &growing).evaluate(SETTINGS, &turns(4)).unwrap_err();
    assert!(matches!(trouble, Trouble::Busy { .. }), "{trouble}");

    let looping = policy("(loop $for_ever (br $for_ever)) (unreachable)");
    let limits =
        Limits { policy_fuel: u64::MAX, policy_wall: Duration::from_millis(50), ..Limits::default() };
    let trouble = admitted_policy(limits, &looping).evaluate(SETTINGS, &turns(4)).unwrap_err();
    assert!(matches!(trouble, Trouble::Backstop { .. }), "{trouble}");
}
