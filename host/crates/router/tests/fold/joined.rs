//! What the host joins to an intent does not depend on when it learned that the intent had reached her.

use std::cell::Cell;

use journal::Batch;
use model::{Entry, Outcomes, Setup};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::host::Host;
use crate::life::{self, Act};
use crate::{difference, host};

pub fn last_setup(host: &Host) -> Setup {
    let setups = host.records().into_iter().rev().filter_map(|record| match record.entry {
        Entry::Setup(setup) => Some(setup),
        _ => None,
    });
    setups.into_iter().next().expect("every life begins with one")
}

fn set(host: &mut Host, outcomes: Outcomes) {
    let setup = Setup { outcomes, ..last_setup(host) };
    let batch = Batch { now: life::THE_END, entries: vec![Entry::Setup(setup)], ..Batch::default() };
    host.journal.append(&[batch]).expect("append");
    host.settle(life::THE_END);
}

/// Record by record while it is lived, or all of it at once behind its end: the same.
fn joins_again(life: &[Act], joined: &Cell<usize>) -> Result<(), TestCaseError> {
    let mut host = host(3);
    host.live(life, false);
    let windows = last_setup(&host).outcomes;
    let before = host.customers();
    let reactions = before.iter().flat_map(|customer| &customer.intents).flat_map(|held| &held.reactions);
    joined.set(joined.get() + reactions.filter(|reaction| reaction.joined).count());
    set(&mut host, Outcomes { replied_ms: Some(1), ..Outcomes::default() });
    set(&mut host, windows);
    let after = host.customers();
    prop_assert!(before == after, "{}", difference(&before, &after));
    Ok(())
}

#[test]
fn what_was_joined_as_she_lived_is_what_is_joined_behind_her_end() {
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let joined = Cell::new(0);
    let result = runner.run(&life::busy(), |life| joins_again(&life, &joined));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(joined.get() > 100, "{} were joined: the lives are too quiet", joined.get());
}
