//! A turn at which a policy failed is taken again by an operator's word: she whose turn it is is folded again, nobody else is,
//! and every fold of the journal comes to the same.

use std::sync::Arc;

use journal::Batch;
use model::{
    Act as Doing, ChannelEvent, Deed, Entry, Event, Fact, Identity, IntentState, Note, OperatorAct, Retry,
    Touchpoint,
};
use proptest::prelude::*;
use router::{ActError, Plugins, Refused, check, rebuild, report};
use store::MemoryStore;

use crate::host::Host;
use crate::life::{self, Act};

/// What takes the turn of this note again.
fn retry(note: &Note) -> OperatorAct {
    let Note::DeadTurn(dead) = note else { panic!("{note:?}") };
    let deed = Deed::Retry(Retry { letter: note.key(), customer: Some(dead.customer) });
    let (id, by, why) = ("again".to_owned(), "li".to_owned(), "mended".to_owned());
    OperatorAct { id, by, why, deed }
}

fn dead_turns(host: &Host) -> Vec<Note> {
    host.notes().into_iter().filter(|note| matches!(note, Note::DeadTurn(_))).collect()
}

/// Another version that carries on with the memories of the one before.
fn carried_on(now: u64, which: u8) -> Batch {
    let mut batch = life::setup(now, which);
    if let Some(Entry::Setup(setup)) = batch.entries.first_mut() {
        setup.policies.iter_mut().for_each(|binding| binding.carry = true);
    }
    batch
}

fn did(now: u64, id: &str, kind: &str) -> Batch {
    let (scheme, scope, value) = ("open".to_owned(), String::new(), "open1".to_owned());
    let act =
        Doing { kind: kind.to_owned(), object: None, title: None, quantity: None, state: None, whom: None };
    let event = Event {
        id: id.to_owned(),
        at: now,
        who: vec![Identity { scheme, scope, value }],
        staff: None,
        touchpoint: Touchpoint::Shop,
        fact: Fact::Did(act),
        extra: None,
    };
    let entries = vec![Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })];
    Batch { now, entries, ..Batch::default() }
}

fn append(host: &Host, now: u64, entry: Entry) {
    host.journal.append(&[Batch { now, entries: vec![entry], ..Batch::default() }]).expect("append");
}

/// The counter fails at her fourth record; the version that counts by twos would not. It carried on, so the turn still waits.
fn one_dead_turn() -> Host {
    let mut host = crate::host(4);
    host.live_on(&Act::Append(Box::new(life::setup(100, 2))));
    for (number, kind) in [(1, "kind2"), (2, "kind2"), (3, "kind2"), (4, "kind3")] {
        host.live_on(&Act::Append(Box::new(did(100 + number, &format!("e{number}"), kind))));
    }
    host.live_on(&Act::Append(Box::new(life::did(110, "other", "open2"))));
    host.live_on(&Act::Append(Box::new(carried_on(120, 3))));
    host.settle(120);
    host
}

#[test]
fn a_turn_that_is_taken_again_heals_and_nobody_else_is_folded() {
    let mut host = one_dead_turn();
    let [note] = &dead_turns(&host)[..] else { panic!("{:?}", host.notes()) };
    let act = retry(note);
    check(&*host.journal, &*host.store, &act).expect("it can be taken again");
    let plugins: Arc<dyn Plugins> = host.plugins.clone();
    let told = report(&host.journal, &*host.store, &plugins, &act).expect("report");
    assert_eq!(told.notes_gone, std::slice::from_ref(note));
    assert!(told.notes.is_empty() && told.disagrees.is_empty(), "{told:?}");
    let intents = host.customers().iter().map(|customer| customer.intents.len()).sum::<usize>();
    append(&host, 130, Entry::Act(act.clone()));
    // Her four turns.
    assert_eq!(host.settle(130).turns, 4);
    assert_eq!(dead_turns(&host), []);
    let customers = host.customers();
    let states = customers.iter().flat_map(|customer| &customer.intents).map(|held| held.state);
    let proposed = states.filter(|state| *state == IntentState::Proposed).count();
    assert!(proposed <= intents, "nothing more is sent: {proposed}");
    let (digest, standing) = host.digest();
    let again = rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild");
    assert_eq!(again.digest, digest);
    let refused = check(&*host.journal, &*host.store, &act);
    assert!(matches!(refused, Err(ActError::Refused(Refused::NoTurn(_)))), "{refused:?}");
}

#[test]
fn a_turn_that_still_fails_waits_on_and_changes_nothing() {
    let mut host = one_dead_turn();
    // Back to the version that fails.
    host.live_on(&Act::Append(Box::new(carried_on(125, 2))));
    host.settle(125);
    let before = dead_turns(&host);
    let act = retry(&before[0]);
    append(&host, 130, Entry::Act(act));
    host.settle(130);
    assert_eq!(dead_turns(&host), before);
}

fn take_again(life: &[Act], which: u16, later: u8, batch_max: usize) -> Result<(), TestCaseError> {
    let mut host = crate::host(batch_max);
    for act in life {
        host.live_on(act);
    }
    let now = 5_000;
    host.live_on(&Act::Append(Box::new(carried_on(now, later))));
    host.settle(now);
    let dead = dead_turns(&host);
    if dead.is_empty() {
        return Ok(());
    }
    append(&host, now + 1, Entry::Act(retry(&dead[usize::from(which) % dead.len()])));
    host.live_on(&Act::Append(Box::new(did(now + 2, "later", "kind0"))));
    host.settle(life::THE_END);
    crate::check_rebuild(&host)?;
    let mut other = Host::new(Arc::clone(&host.journal), Arc::new(MemoryStore::default()), 5);
    other.settle(life::THE_END);
    let different = crate::difference(&host.customers(), &other.customers());
    prop_assert_eq!(other.digest(), host.digest(), "folded at once: {}", different);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_turn_is_taken_again_the_same_way_in_every_fold(
        life in life::strategy(),
        which in 0..99u16,
        later in 0..3u8,
        batch_max in 1..9_usize,
    ) {
        take_again(&life, which, later, batch_max)?;
    }
}
