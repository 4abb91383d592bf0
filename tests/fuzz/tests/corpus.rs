//! Every seed and everything that the fuzzer ever found, without the fuzzer: what was mended stays so.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with a place")]
#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::fs;
use std::panic::catch_unwind;

/// Runs a target on all that is known of it.
fn replay(name: &str) {
    let target = fuzz::target(name).unwrap_or_else(|| panic!("no target is called {name}"));
    let mut inputs: Vec<(String, Vec<u8>)> = Vec::new();
    for (at, seed) in (target.seeds)().unwrap().into_iter().enumerate() {
        inputs.push((format!("seed {at}"), seed));
    }
    let seeds = inputs.len();
    for entry in fs::read_dir(fuzz::corpus(target)).unwrap() {
        let path = entry.unwrap().path();
        inputs.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    assert!(seeds > 0 && inputs.len() > seeds, "{name}: {seeds} seeds, {} inputs in all", inputs.len());
    let failed: Vec<&str> = inputs
        .iter()
        .filter(|(_, bytes)| catch_unwind(|| (target.run)(bytes)).is_err())
        .map(|(from, _)| from.as_str())
        .collect();
    assert!(failed.is_empty(), "{name}: {failed:?}");
}

#[test]
fn the_gate_takes_every_file() {
    replay("gate");
}

#[test]
fn wecom_takes_every_push_and_answer() {
    replay("wecom");
}

#[test]
fn youzan_takes_every_push_and_answer() {
    replay("youzan");
}

#[test]
fn tmall_takes_every_answer() {
    replay("tmall");
}

#[test]
fn the_webhook_route_takes_every_request() {
    replay("webhook");
}

#[test]
fn packed_verdicts_are_read_or_refused() {
    replay("verdicts");
}

#[test]
fn every_target_is_replayed() {
    let source = include_str!("corpus.rs");
    for target in fuzz::TARGETS {
        assert!(source.contains(&format!("replay(\"{}\")", target.name)), "{} is not replayed", target.name);
    }
}
