//! Policies that loop, swell, lie, forge and break off.

use guests::Guest;
use model::Change;
use sandbox::{Limits, Trouble, TurnFaultKind, TurnOutcome};

use super::neighbours::Neighbours;
use crate::guest::{SETTINGS, turns};

/// Enough for some verdicts, and soon spent by a loop.
fn little_fuel() -> Limits {
    Limits { policy_fuel: 1_000_000, ..Limits::default() }
}

async fn outcomes(limits: Limits, guest: Guest) -> Vec<TurnOutcome> {
    let neighbours = Neighbours::new(limits);
    let policy = neighbours.hostile_policy(guest);
    let outcomes = neighbours.decided_by(&policy).await.unwrap();
    // Whoever asks again is told the same, in whatever batch.
    let one_by_one: Vec<TurnOutcome> =
        turns(5).chunks(1).flat_map(|turn| policy.evaluate(SETTINGS, turn).unwrap()).collect();
    assert_eq!(one_by_one, outcomes);
    outcomes
}

/// The fault of a turn is of this kind, and its text has all these parts.
fn assert_fault(outcome: &TurnOutcome, kind: TurnFaultKind, parts: &[&str]) {
    let TurnOutcome::Fault(fault) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fault.kind, kind, "{fault}");
    parts.iter().for_each(|part| assert!(fault.text.contains(part), "{part}: {fault}"));
}

/// The third turn of five is at fault, and the others have their verdicts.
async fn third_alone(limits: Limits, guest: Guest, kind: TurnFaultKind, parts: &[&str]) {
    let outcomes = outcomes(limits, guest).await;
    assert_fault(&outcomes[2], kind, parts);
    let healthy = outcomes.iter().filter(|outcome| matches!(outcome, TurnOutcome::Verdict(_)));
    assert_eq!(healthy.count(), 4, "{outcomes:?}");
}

/// All turns are at fault, each by itself.
async fn each(limits: Limits, guest: Guest, kind: TurnFaultKind, parts: &[&str]) {
    for outcome in outcomes(limits, guest).await {
        assert_fault(&outcome, kind, parts);
    }
}

pub async fn loops_at_a_turn(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Fuel, &["policy_fuel", "spoil"]).await;
}

pub async fn recurses_at_a_turn(guest: Guest) {
    third_alone(Limits::default(), guest, TurnFaultKind::Trap, &["stack", "down"]).await;
}

pub async fn fills_memory_for_ever(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Fuel, &["policy_fuel"]).await;
}

pub async fn dies_at_a_turn(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Trap, &["unreachable", "deep_inside"]).await;
}

pub async fn swells_at_a_turn(guest: Guest) {
    let limits = Limits { policy_memory_bytes: 2 << 20, ..little_fuel() };
    third_alone(limits, guest, TurnFaultKind::Memory, &["policy_memory_bytes (2097152)"]).await;
}

pub async fn swells_its_table(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Memory, &["table_elements (100000)"]).await;
}

pub async fn gives_no_verdict(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["0 verdicts for 1 turn"]).await;
}

pub async fn gives_one_verdict_more(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["2 verdicts for 1 turn"]).await;
}

pub async fn verdicts_beyond_memory(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["list"]).await;
}

pub async fn packed_verdict_that_breaks_off(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["packed verdicts mean nothing", "end of buffer"])
        .await;
}

pub async fn packed_verdicts_without_number(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["4294967295 verdicts for 1 turn"]).await;
}

pub async fn packed_decisions_without_number(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["5000 decisions", "verdict_decisions"]).await;
}

pub async fn packed_bytes_behind_the_last(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["4 bytes stand behind the last"]).await;
}

pub async fn packed_megabytes(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["policy_packed_bytes is 1048576"]).await;
}

pub async fn packed_reason_in_no_alphabet(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["packed verdicts mean nothing"]).await;
}

pub async fn packed_tag_of_another(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Bounds, &["blacklist"]).await;
}

pub async fn error_of_a_gigabyte(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["string"]).await;
}

pub async fn error_of_megabytes(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Memory, &["policy_hostcall_bytes"]).await;
}

pub async fn verdict_of_no_kind(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["discriminant"]).await;
}

pub async fn answer_out_of_line(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["align"]).await;
}

/// Each turn keeps to its bounds: it is the fold that counts what she has (`router`'s document.rs, `tests/e2e/hostile.rs`).
pub async fn puts_ever_new_traits(guest: Guest) {
    for outcome in outcomes(Limits::default(), guest).await {
        let TurnOutcome::Verdict(verdict) = outcome else { panic!("{outcome:?}") };
        let [put, wake] = &verdict.decisions[..] else { panic!("{verdict:?}") };
        assert!(matches!(&put.change, Change::Put(put) if put.name.len() == 16), "{put:?}");
        assert!(matches!(&wake.change, Change::Wake(wake) if wake.key.len() == 16), "{wake:?}");
    }
}

pub async fn tag_of_another(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["blacklisted", "declare it"]).await;
}

pub async fn journey_of_another(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["lifecycle", "declare it"]).await;
}

pub async fn tag_of_pages(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["4096 bytes", "label_bytes"]).await;
}

pub async fn tag_of_two_lines(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["control characters", r"vip\nERROR"]).await;
}

pub async fn decisions_without_number(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["5000 decisions", "verdict_decisions"]).await;
}

pub async fn reason_in_no_alphabet(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Trap, &["utf-8"]).await;
}

pub async fn trait_that_is_no_number(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["score", "NaN"]).await;
}

pub async fn detail_in_brackets(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["detail", "json_depth"]).await;
}

pub async fn remembers_too_much(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Bounds, &["100000 bytes", "policy_memory"]).await;
}

pub async fn allocator_that_dies(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["unreachable", "realloc"]).await;
}

pub async fn allocator_without_end(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Fuel, &["policy_fuel", "realloc"]).await;
}

pub async fn allocator_outside_of_memory(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["realloc"]).await;
}

pub async fn allocator_out_of_line(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Trap, &["align"]).await;
}

pub async fn forged_handle(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Trap, &["handle"]).await;
}

pub async fn handles_without_number(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Memory, &["handles"]).await;
}

pub async fn freed_twice(guest: Guest) {
    third_alone(little_fuel(), guest, TurnFaultKind::Trap, &["handle"]).await;
}

pub async fn cleans_up_without_end(guest: Guest) {
    each(little_fuel(), guest, TurnFaultKind::Fuel, &["policy_fuel"]).await;
}

pub async fn function_of_two_lines(guest: Guest) {
    let neighbours = Neighbours::new(little_fuel());
    let outcomes = neighbours.decided_by(&neighbours.hostile_policy(guest)).await.unwrap();
    assert_fault(&outcomes[2], TurnFaultKind::Trap, &[r"spoil\nERROR nothing to see here"]);
    let TurnOutcome::Fault(fault) = &outcomes[2] else { panic!("{outcomes:?}") };
    assert!(!fault.text.contains(char::is_control) && fault.text.len() < 1000, "{fault}");
}

/// A fresh instance for each call: none has a second one.
pub async fn counts_across_calls(guest: Guest) {
    for outcome in outcomes(little_fuel(), guest).await {
        let TurnOutcome::Verdict(verdict) = outcome else { panic!("{outcome:?}") };
        assert_eq!(verdict.decisions, []);
    }
}

/// One turn in 1024 is tried alone, too.
pub async fn counts_its_neighbours(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let policy = neighbours.hostile_policy(guest);
    let trouble = policy.evaluate(SETTINGS, &turns(1100)).unwrap_err();
    assert!(matches!(trouble, Trouble::Unsteady { position: 1024, .. }), "{trouble}");
    let text = trouble.to_string();
    let digest = policy.digest().short();
    for part in ["policy \"hostile\"", &digest, "position 1024", "unbind it"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    neighbours.go_on().await;
}

pub async fn reads_the_processor(guest: Guest) {
    let canonical = 0x7ff8_0000_0000_0000_u64.to_le_bytes().repeat(3);
    for outcome in outcomes(little_fuel(), guest).await {
        let TurnOutcome::Verdict(verdict) = outcome else { panic!("{outcome:?}") };
        assert_eq!(verdict.memory.as_deref(), Some(canonical.as_slice()));
    }
}
