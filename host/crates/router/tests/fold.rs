//! Random journals: neither the size of a batch, nor a restart, nor a failing call, nor when the clock ticked ever
//! changes what the fold gives.

#[path = "fold/acts.rs"]
mod acts;
#[path = "fold/broken_off.rs"]
mod broken_off;
#[path = "fold/campaign.rs"]
mod campaign;
#[path = "fold/document.rs"]
mod document;
#[path = "fold/faulty.rs"]
mod faulty;
#[path = "fold/forgotten.rs"]
mod forgotten;
#[path = "fold/host.rs"]
mod host;
#[path = "fold/joined.rs"]
mod joined;
#[path = "fold/life.rs"]
mod life;
#[path = "fold/paused.rs"]
mod paused;
#[path = "fold/policies.rs"]
mod policies;
#[path = "fold/retried.rs"]
mod retried;

use std::collections::BTreeSet;
use std::sync::Arc;

use journal::{MemoryJournal, Records as _};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use router::{Router, RouterConfig, Slice, edges, rebuild, refold};
use store::{MemoryStore, Standing, Store as _};

use faulty::Faulty;
use host::Host;
use life::{Act, Word};

fn host(batch_max: usize) -> Host {
    Host::new(Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()), batch_max)
}

fn check(life: &[Act]) -> Result<(), TestCaseError> {
    let mut first = host(1);
    first.live(life, false);
    let expected = first.digest();
    for (batch_max, restarts) in [(2, false), (7, true), (1000, false), (1, true)] {
        let mut other = host(batch_max);
        other.live(life, restarts);
        prop_assert_eq!(first.records(), other.records(), "journals, batches of {}", batch_max);
        prop_assert!(
            expected == other.digest(),
            "batches of {}, restarts {}: {}",
            batch_max,
            restarts,
            difference(&first.customers(), &other.customers())
        );
    }
    // The clock ticks differently: the journal is the same, and its rebuild is the store.
    check_rebuild(&first)
}

/// The journal, folded from its beginning, gives what the store has.
fn check_rebuild(host: &Host) -> Result<(), TestCaseError> {
    let (digest, standing) = host.digest();
    let scratch = Arc::new(MemoryStore::default());
    let config = RouterConfig { appends: false, erases: false, ..RouterConfig::default() };
    let router = Router::open(host.journal.clone(), scratch.clone(), host.plugins.clone(), config);
    let mut router = router.expect("open");
    router.catch_up(standing.position).expect("catch up");
    router.fire(standing.fired).expect("fire");
    let again = scratch.page(&store::Query { limit: usize::MAX, ..store::Query::default() }).expect("page");
    prop_assert!(again == host.customers(), "rebuild: {}", difference(&host.customers(), &again));
    let notes = scratch.notes("", usize::MAX).expect("notes");
    prop_assert!(notes == host.notes(), "rebuild: {}", difference(&host.notes(), &notes));
    let rebuilt = rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild");
    prop_assert_eq!(rebuilt.digest, digest, "rebuild");
    Ok(())
}

proptest! {
    // The same lives in every run: about one fresh one in two thousand has a past that a slice does not know of.
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_persons_own_part_of_the_journal_gives_her(life in life::strategy()) {
        let divided = |act: &Act| matches!(act, Act::Say(_, Word::Split(..) | Word::Retract(_) | Word::Erase(_)));
        prop_assume!(!life.iter().any(divided));
        let mut host = host(3);
        host.live(&life, false);
        check_slices(&host)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_depends_on_the_journal_and_nothing_else(life in life::strategy(), quiet in any::<bool>()) {
        check(&if quiet { life::without_tellers(&life) } else { life })?;
    }

    #[test]
    fn what_is_sent_and_answered_depends_on_the_journal_and_nothing_else(life in life::busy()) {
        check(&life)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_has_as_many_handles_as_may_be_is_the_same_in_every_fold(life in life::strategy()) {
        let life = life::crowded(&life);
        check(&life)?;
        let mut host = host(3);
        host.live(&life, false);
        let most = host.customers().iter().map(|customer| customer.handles.len()).max();
        prop_assert!(most <= Some(512), "{:?} handles", most);
    }
}

/// The lines in which two lists of customers differ.
fn difference<T: std::fmt::Debug>(one: &[T], other: &[T]) -> String {
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let head = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let tail = one[head..].iter().rev().zip(other[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let part = |of: &[&str]| {
        of[head.saturating_sub(9)..of.len() - tail]
            .iter()
            .take(90)
            .map(|l| l.trim())
            .collect::<Vec<_>>()
            .join(" ")
    };
    format!("FIRST\n{}\nOTHER\n{}", part(&one), part(&other))
}

/// Each person's own part of the journal, folded by itself, gives her as the store has her; but for what was intended while
/// she was one with somebody who was taken back since. Where an operator divided people, somebody may have shown a handle
/// that is another's now, and nothing leads from the one to the other: who refolds compares with the store and says so.
fn check_slices(host: &Host) -> Result<(), TestCaseError> {
    let (_, upto) = host.digest();
    let less = |mut customer: model::Customer| {
        customer.intents.clear();
        customer
    };
    for customer in host.customers().into_iter().map(less) {
        let edges = edges(&*host.journal, &*host.store, customer.id).expect("edges").expect("she is there");
        prop_assert!(edges.agrees, "{}: {:?}", customer.id, edges);
        let slice = Arc::new(Slice::of(&host.journal, &*host.store, &[customer.id]).expect("slice"));
        let refolded = refold(&slice, host.plugins.clone(), upto, false).expect("refold");
        let alone = refolded.customer(customer.id).expect("memory").map(less);
        let different = difference(std::slice::from_ref(&customer), alone.as_slice());
        let positions: Vec<_> = slice.records().map(|record| record.position).collect();
        prop_assert!(alone.as_ref() == Some(&customer), "{} {:?}: {}", customer.id, positions, different);
    }
    Ok(())
}

/// What holds of everybody, whatever records stand behind it.
fn state(host: &Host) -> (model::Digest, Vec<model::Customer>, Vec<model::Note>) {
    (host.digest().0, host.customers(), host.notes())
}

/// Whatever an operator says of who is who, taking it back leaves what was there before.
///
/// The same lives in every run. Of fresh ones about one in two thousand leaves a trace: where an earlier correction has moved
/// a handle from somebody, and nothing leads back to who showed it once, that record may be listed as refused, or not.
#[test]
fn what_is_taken_back_leaves_no_trace() {
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let lives = (life::strategy(), life::word(), 1..9_usize);
    let result = runner.run(&lives, |(life, word, batch_max)| take_back(&life, word, batch_max));
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// The same where people have as many handles as may be.
#[test]
fn what_is_taken_back_leaves_no_trace_in_a_crowd() {
    let config = ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let lives = (life::strategy(), life::word(), 1..9_usize);
    let result =
        runner.run(&lives, |(life, word, batch_max)| take_back(&life::crowded(&life), word, batch_max));
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Something was sent because of a record that is nobody's any more. A policy that reads outcomes is shown what came of it while she
/// lives on, and not where her past is folded again: what it makes of that is another thing then.
fn is_shown_what_is_nobodys(customer: &model::Customer) -> bool {
    customer.intents.iter().any(|held| !held.steps.is_empty() && !customer.has(held.cause.position))
}

fn take_back(life: &[Act], word: Word, batch_max: usize) -> Result<(), TestCaseError> {
    if life.iter().any(|act| matches!(act, Act::Say(_, Word::Erase(_)))) {
        // What somebody's records said of the others is not there any more.
        return Ok(());
    }
    let mut host = host(batch_max);
    host.live(life, false);
    host.settle(life::THE_END + 9);
    let before = state(&host);
    if before.1.iter().any(is_shown_what_is_nobodys) {
        return Ok(());
    }
    if matches!(
        word,
        Word::Propose(_)
            | Word::Progress(..)
            | Word::Receipt(..)
            | Word::Tag(..)
            | Word::Erase(_)
            | Word::Cross(..)
            | Word::Note(_)
    ) {
        return Ok(());
    }
    let Some(position) = host.say(life::THE_END + 9, word) else { return Ok(()) };
    host.settle(life::THE_END + 9);
    host.retract(life::THE_END + 9, position);
    host.settle(life::THE_END + 9);
    let after = state(&host);
    // A retraction of a join, or of a split, cannot be taken back: it can be said again.
    let taken_back = match word {
        Word::Retract(_) => host.retracts_an_event(position),
        _ => true,
    };
    if taken_back {
        prop_assert!(before.1 == after.1, "{:?} at {}: {}", word, position, difference(&before.1, &after.1));
        prop_assert!(before.2 == after.2, "{:?} at {}: {}", word, position, difference(&before.2, &after.2));
        prop_assert_eq!(before.0, after.0);
    }
    let rebuilt = rebuild(host.journal.clone(), host.plugins.clone(), host.digest().1).expect("rebuild");
    prop_assert_eq!(rebuilt.digest, host.digest().0, "rebuild");
    Ok(())
}

/// Nothing in a journal, by the words that people and programs read, names one of these handles' values.
fn names(records: &[model::Record], handles: &[model::Identity]) -> bool {
    let text: String = records.iter().map(|record| words(&record.entry)).collect();
    handles.iter().any(|handle| text.contains(&format!("{:?}", handle.value)))
}

fn words(entry: &model::Entry) -> String {
    format!("{entry:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Who is erased is gone from journal and store, a rebuild finds everybody else as the store has them, and who of them is
    /// not as before is told beforehand: nobody, where nobody had been one with her and nobody tells of others.
    #[test]
    fn who_is_erased_is_gone_and_who_changes_is_told(
        life in life::strategy(),
        quiet in any::<bool>(),
        who in 0..99u16,
        batch_max in 1..9_usize,
    ) {
        let divides = |act: &Act| matches!(act, Act::Say(_, Word::Split(..) | Word::Retract(_)));
        let life = if quiet { life::without_tellers(&life) } else { life };
        let mut host = host(batch_max);
        host.live(&life, false);
        let now = life::THE_END + 9;
        host.settle(now);
        let before = host.customers();
        let plugins: Arc<dyn router::Plugins> = host.plugins.clone();
        let told = match host.entry(now, Word::Erase(who)) {
            Some(model::Entry::Act(act)) => {
                router::look(&host.journal, &*host.store, &plugins, &act).expect("look").erases.expect("somebody")
            }
            _ => return Ok(()),
        };
        let Some(position) = host.say(now, Word::Erase(who)) else { return Ok(()) };
        let model::Entry::Act(act) = &host.records()[usize::try_from(position).expect("small") - 1].entry else {
            unreachable!("because an act was said")
        };
        let model::Deed::Erase(erase) = act.deed.clone() else { unreachable!("because it erases") };
        host.settle(now);
        let hers = before.iter().find(|customer| customer.id == erase.customer).expect("she was there");
        let after = host.customers();
        // A rotating handle goes from one to the next: what was another's once may stay.
        let handles = hers.handles.iter().map(|held| held.identity.clone());
        let handles: Vec<model::Identity> = handles.filter(|handle| handle.scheme != "alias").collect();
        let of = |people: &[model::Customer], id| people.iter().find(|one| one.id == id).cloned();
        let mut ids: Vec<_> = before.iter().chain(&after).map(|one| one.id).filter(|&id| id != hers.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|&id| of(&before, id) != of(&after, id));
        prop_assert_eq!(&ids, &told.changed, "{}", difference(&before, &after));
        if quiet && !life.iter().any(divides) {
            // What policies remember of others may have named her, and a rotating handle may have been hers, too; nothing
            // else of them has changed.
            let less = |mut customer: model::Customer| {
                customer.handles.retain(|held| held.identity.scheme != "alias");
                model::Customer { memories: Vec::new(), ..customer }
            };
            for id in ids {
                prop_assert_eq!(of(&before, id).map(less), of(&after, id).map(less));
            }
        }
        let records = host.records();
        for position in &hers.timeline {
            let record = &records[usize::try_from(*position).expect("small") - 1];
            prop_assert!(matches!(record.entry, model::Entry::Erased(_)), "{record:?}");
            prop_assert!(!names(std::slice::from_ref(record), &handles), "{record:?}");
        }
        check_rebuild(&host)?;
        // A delivery again is known, and brings nobody back.
        let people = host.customers().len();
        for act in &life {
            if let Act::Append(batch) = act && !matches!(batch.entries.first(), Some(model::Entry::Setup(_))) {
                host.journal.append(std::slice::from_ref(&**batch)).expect("append");
            }
        }
        host.settle(now);
        prop_assert_eq!(host.customers().len(), people);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Who changed the configuration, and why, is told, and changes nothing.
    #[test]
    fn a_setup_by_somebody_folds_as_one_by_nobody(life in life::strategy(), batch_max in 1..9_usize) {
        let (mut one, mut other) = (host(batch_max), host(batch_max));
        one.live(&life, false);
        other.live(&life::signed(&life), false);
        let signed = other.records();
        prop_assert!(signed.iter().all(|record| !matches!(record.entry, model::Entry::Setup(_))));
        prop_assert!(signed.iter().any(|record| record.entry.setup().is_some()));
        for host in [&mut one, &mut other] {
            host.settle(life::THE_END);
        }
        prop_assert_eq!(one.digest(), other.digest());
        check_rebuild(&other)?;
    }

    /// What a backtest says of a version is what becomes of everybody when it is bound.
    #[test]
    fn a_trial_gives_what_binding_the_version_gives(life in life::strategy(), batch_max in 1..9_usize) {
        let mut host = host(batch_max);
        host.live(&life::without_tellers(&life), false);
        let now = life::THE_END;
        // A change of setup fires what is due by then first.
        let upto = Standing { fired: now, ..host.digest().1 };
        let (journal, store) = (host.journal.clone(), host.store.clone());
        let windows = joined::last_setup(&host).outcomes;
        let [before, after] = [2, 3].map(|which| match life::setup(now, which).entries.pop() {
            Some(model::Entry::Setup(setup)) => model::Setup { outcomes: windows.clone(), ..setup },
            _ => unreachable!("because a setup was asked for"),
        });
        let policies: Vec<String> = after.policies.iter().map(|binding| binding.name.clone()).collect();
        let (was, mut tried) = (host.customers(), Vec::new());
        let trial = router::trial(&*journal, &*store, &*host.plugins, &before, &after, upto, &mut |pair| {
            tried.push(pair);
        }).expect("trial");
        prop_assert_eq!(trial.customers as usize, was.len());
        let entries = vec![model::Entry::Setup(after)];
        journal.append(&[journal::Batch { now, entries, ..journal::Batch::default() }]).expect("append");
        host.settle(now);
        for ((pair, before), after) in tried.iter().zip(&was).zip(&host.customers()) {
            for (tried, stored) in [(&pair.before, before), (&pair.after, after)] {
                let less = |customer: &model::Customer| {
                    let mut less = model::Customer::new(customer.id, customer.first_seen);
                    less.memories.clone_from(&customer.memories);
                    less.alarms.clone_from(&customer.alarms);
                    less.staff.clone_from(&customer.staff);
                    let names = customer.tags.iter().map(|tag| tag.name.clone());
                    let stages = customer.stages.iter().map(|held| format!("{} {}", held.stage, held.since));
                    let traits = customer.traits.iter().map(|held| format!("{} {:?}", held.name, held.value));
                    // A store keeps what does not hold any more, and what operators propose, too.
                    let bound = |held: &&model::HeldIntent| policies.contains(&held.binding) && !held.unfounded;
                    let intents = customer.intents.iter().filter(bound);
                    // Of two who became one, the same key may stand twice.
                    let intents: BTreeSet<String> =
                        intents.map(|held| format!("{} {}", held.binding, held.intent.key)).collect();
                    let tasks = customer.tasks.iter();
                    let tasks = tasks.map(|held| format!("{} {:?} {}", held.binding, held.task, held.cause.now));
                    let said = names.chain(stages).chain(traits).chain(intents).chain(tasks);
                    (less, said.collect::<Vec<_>>())
                };
                prop_assert_eq!(less(tried), less(stored));
            }
        }
    }
}

/// Folds a backlog into a store whose n-th commit fails, trying again as a host does. Gives the digest, and whether it failed.
fn backlog(life: &[Act], nth: usize) -> (model::Digest, bool) {
    let (journal, store) = (Arc::new(MemoryJournal::default()), Arc::new(Faulty::failing(nth)));
    for act in life {
        if let Act::Append(batch) = act {
            journal.append(std::slice::from_ref(&**batch)).expect("append");
        }
    }
    let mut router = host::open(&(journal as _), &(store.clone() as _), &Arc::default(), 3);
    let failures = (0..).take_while(|_| router.settle(life::THE_END).is_err()).count();
    assert!(failures <= 1, "one commit fails, {failures} settles did");
    assert_eq!(
        router.standing(),
        store.digest().expect("digest").1,
        "the router knows where the store stands"
    );
    (store.digest().expect("digest").0, store.has_failed() && nth > 0)
}

/// Commits of a backlog are written beside the fold: one that fails must take back what was folded upon it meanwhile.
#[test]
fn a_commit_that_fails_is_folded_again_whichever_it_is() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = life::strategy();
    let lives = (0..40).map(|_| strategy.new_tree(&mut runner).expect("a life").current());
    let mut failed = 0;
    for life in lives {
        let (expected, _) = backlog(&life, 0);
        for nth in 1.. {
            let (digest, has_failed) = backlog(&life, nth);
            assert_eq!(digest, expected, "commit {nth} failed in {life:?}");
            if !has_failed {
                break;
            }
            failed += 1;
        }
    }
    assert!(failed > 100, "only {failed} commits failed: the lives are too short to tell");
}
