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

/// The letters of scripts, and the trait of whoever is asked so.
const CALLS: [(&str, &str); 4] = [("RS", "Webhook"), ("Pp", "Feed"), ("Ww", "ChoreWorker"), ("Cc", "Outlet")];

#[test]
fn each_connector_is_fuzzed_at_each_of_its_doors() {
    let folder = tests::host::workspace().join("plugins/connectors");
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut doors = 0;
    for name in names {
        let target = fuzz::target(&name).unwrap_or_else(|| panic!("the connector {name} is not fuzzed"));
        let seeds = (target.seeds)().unwrap();
        let source = |file: &str| fs::read_to_string(folder.join(&name).join("src").join(file));
        let source = ["lib.rs", "connector.rs"].map(|file| source(file).unwrap_or_default()).concat();
        for (letters, door) in CALLS {
            if !source.contains(&format!("impl {door} for ")) {
                continue;
            }
            doors += 1;
            for letter in letters.bytes() {
                let calls: Vec<&Vec<u8>> =
                    seeds.iter().filter(|seed| seed.first() == Some(&letter)).collect();
                let heard = |seed: &&&Vec<u8>| fuzz::call(&name, seed).is_some_and(|said| !said.is_empty());
                // A push comes in one way or in both.
                let some = letters == "RS" || !calls.is_empty();
                assert!(some, "{name}: no golden is a call of its {door}");
                assert_eq!(
                    calls.iter().filter(heard).count(),
                    calls.len(),
                    "{name}: its {door} is not asked"
                );
            }
        }
    }
    assert!(doors >= 10, "{doors} doors in {}", folder.display());
}
