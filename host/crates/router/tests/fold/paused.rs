//! A policy that cannot be called is paused by a word in the journal: from then on the fold goes without it, and whoever folds
//! the journal again comes to the same, although the word stands behind what it is about.

use std::sync::Arc;

use model::{Act as Doing, Entry, Fact, Identity, IntentState};
use proptest::prelude::*;
use router::{UnderWay, rebuild, under_way};
use store::MemoryStore;

use crate::host::Host;
use crate::life::{self, Act};

/// Lives a life in which a policy fails at one moment, or only seems to, and is paused; the next setup lets it decide again.
/// Where it has a relapse, the call at which it fails then may be in the middle of a re-fold.
fn live(host: &mut Host, life: &[Act], at: usize, policy: &str, (fails, relapse): (bool, usize)) -> bool {
    let (mut now, mut paused) = (100, false);
    for (place, act) in life.iter().enumerate() {
        now = match act {
            Act::Append(batch) => batch.now,
            Act::Settle(time) | Act::Say(time, _) => *time,
            Act::Fail => now,
        };
        if place == at {
            if fails {
                host.plugins.fail_next();
                host.try_to_settle(now);
                host.plugins.heal();
            }
            if host.pause(policy, now) {
                paused = true;
                host.plugins.forbid(policy);
            }
        }
        if let Act::Append(batch) = act
            && matches!(batch.entries.first(), Some(Entry::Setup(_)))
        {
            // What stands before it is folded without the policy, and it is asked again from here on.
            host.settle(now);
            host.plugins.allow();
        }
        host.live_on(act);
        if let Act::Append(batch) = act
            && matches!(batch.entries.first(), Some(Entry::Setup(_)))
            && paused
            && relapse > 0
        {
            host.plugins.fail_at(relapse);
            host.try_to_settle(now);
            host.plugins.heal();
            if host.pause(policy, now) {
                host.plugins.forbid(policy);
            }
        }
    }
    host.settle(life::THE_END);
    paused
}

fn check(
    life: &[Act],
    at: usize,
    policy: &str,
    fails: (bool, usize),
    batch_max: usize,
) -> Result<bool, TestCaseError> {
    let mut first = crate::host(batch_max);
    let paused = live(&mut first, life, at, policy, fails);
    first.plugins.allow();
    // Somebody was erased who had to do with others, and these wait for the policy.
    if let Some(UnderWay::Others(_)) =
        under_way(&*first.journal, &*first.store, first.digest().1).expect("under way")
    {
        first.live_on(&Act::Append(Box::new(life::setup(life::THE_END + 1, 0))));
        first.settle(life::THE_END + 1);
    }
    let (digest, standing) = first.digest();
    let rebuilt = rebuild(first.journal.clone(), first.plugins.clone(), standing).expect("rebuild");
    prop_assert_eq!(rebuilt.digest, digest, "rebuild");
    let before = first.records();
    let mut other = Host::new(Arc::clone(&first.journal), Arc::new(MemoryStore::default()), 5);
    other.settle(life::THE_END);
    let different = crate::difference(&first.customers(), &other.customers());
    prop_assert_eq!(other.digest().0, digest, "folded at once: {}", different);
    prop_assert_eq!(other.digest().1.position, standing.position);
    prop_assert_eq!(before, other.records());
    Ok(paused)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fold_without_a_paused_policy_is_the_same_in_every_fold(
        life in life::strategy(),
        at in 1..30_usize,
        (counter, fails, relapse, batch_max) in (any::<bool>(), any::<bool>(), 0..9_usize, 1..4_usize),
    ) {
        // Where both come together, whoever had to do with her stays as they were: decision 022.
        let erases = life.iter().any(|act| matches!(act, Act::Say(_, life::Word::Erase(_))));
        let relapse = if erases { 0 } else { relapse };
        check(&life, at, if counter { "counter" } else { "teller" }, (fails, relapse), batch_max)?;
    }
}

fn tagged(host: &Host) -> Vec<usize> {
    host.customers().iter().map(|customer| customer.tags.len()).collect()
}

#[test]
fn a_policy_that_is_let_go_on_decides_on_whom_it_missed_and_on_nobody_else() {
    let mut host = crate::host(4);
    host.live_on(&Act::Append(Box::new(life::setup(100, 2))));
    host.live_on(&Act::Append(Box::new(life::did(110, "e1", "open1"))));
    host.settle(110);
    assert_eq!(tagged(&host), [1]);
    // These stand before the word that pauses it, and it cannot be called for them.
    host.live_on(&Act::Append(Box::new(life::did(120, "e2", "open2"))));
    host.plugins.forbid("counter");
    host.try_to_settle(120);
    assert!(host.pause("counter", 121) && !host.pause("counter", 121) && !host.pause("nobody", 121));
    host.live_on(&Act::Append(Box::new(life::did(130, "e3", "open3"))));
    host.settle(200);
    // What it had said stays, and it says nothing more.
    assert_eq!(tagged(&host), [1, 0, 0]);
    host.plugins.allow();
    host.live_on(&Act::Append(Box::new(life::setup(210, 2))));
    // One turn of each of the two whom it missed.
    assert_eq!(host.settle(210).turns, 2);
    assert_eq!(tagged(&host), [1, 1, 1]);
    // And nobody is sent anything for what it missed.
    let customers = host.customers();
    let states = customers.iter().flat_map(|customer| &customer.intents).map(|held| held.state);
    let states: Vec<IntentState> = states.collect();
    assert_eq!(states, [IntentState::Proposed, IntentState::Past, IntentState::Past]);
    let (digest, standing) = host.digest();
    let rebuilt = rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild");
    assert_eq!(rebuilt.digest, digest);
}

/// The call of the second of those who are folded again fails, and the policy is paused once more: who was folded again already
/// is not as she would be, had nobody been, and a rebuild must come to the same.
#[test]
fn a_pause_that_breaks_off_the_fold_of_those_who_were_missed_is_the_same_in_a_rebuild() {
    for (failing, tags) in [(1, [1, 0, 0]), (2, [1, 0, 0]), (3, [1, 1, 1])] {
        let mut host = crate::host(1);
        host.live_on(&Act::Append(Box::new(life::setup(100, 2))));
        host.live_on(&Act::Append(Box::new(life::did(110, "e1", "open1"))));
        host.settle(110);
        assert!(host.pause("counter", 111));
        host.live_on(&Act::Append(Box::new(life::did(120, "e2", "open2"))));
        host.live_on(&Act::Append(Box::new(life::did(130, "e3", "open3"))));
        host.settle(130);
        host.live_on(&Act::Append(Box::new(life::setup(140, 2))));
        host.plugins.fail_at(failing);
        host.try_to_settle(140);
        host.plugins.heal();
        assert!(host.pause("counter", 141));
        host.settle(150);
        assert_eq!(tagged(&host), tags, "failing at call {failing}");
        let (digest, standing) = host.digest();
        let again = rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild");
        assert_eq!(again.digest, digest, "failing at call {failing}");
        host.live_on(&Act::Append(Box::new(life::setup(160, 2))));
        host.settle(160);
        assert_eq!(tagged(&host), [1, 1, 1], "failing at call {failing}");
        let (digest, standing) = host.digest();
        let again = rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild");
        assert_eq!(again.digest, digest, "failing at call {failing}, at the end");
    }
}

/// What a policy told when it was let go on, of somebody who is erased since, was told then, although a later setup takes it
/// back.
#[test]
fn what_was_told_before_it_was_taken_back_is_found_told() {
    let phone = |last: u8| Identity {
        scheme: "phone".to_owned(),
        scope: String::new(),
        value: format!("1990000000{last}"),
    };
    let did = |id: &str, who: u8, whom: Option<u8>| {
        let mut batch = life::did(100, id, "");
        let Some(Entry::Event(channel)) = batch.entries.first_mut() else {
            unreachable!("because it is one")
        };
        let (kind, object, title, quantity, state) = ("kind0".to_owned(), None, None, None, None);
        let whom = whom.map(phone);
        channel.event.fact = Fact::Did(Doing { kind, object, title, quantity, state, whom });
        channel.event.who = vec![phone(who)];
        Act::Append(Box::new(batch))
    };
    let setup = |which| Act::Append(Box::new(life::setup(100, which)));
    let life = [
        setup(0),
        setup(2),
        did("e1", 1, None),
        did("e2", 0, None),
        did("e3", 1, Some(0)),
        setup(0),
        Act::Say(100, life::Word::Erase(1)),
        setup(2),
    ];
    check(&life, 1, "teller", (false, 0), 1).expect("the same");
}
