//! What operators are told: what an act would change, what made somebody one person, which acts are refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Batch, MemoryJournal};
use model::{
    ChannelEvent, Customer, CustomerId, Deed, Entry, Erase, Event, Fact, Identity, IntentState, Join,
    OperatorAct, Order, OrderStep, Retract, Split, Touchpoint, Trait, Value,
};
use proptest::prelude::*;
use router::{ActError, EdgeKind, Fate, IntentFate, Merged, Plugins, Refused, check, edges, report};
use store::MemoryStore;

use crate::host::Host;
use crate::life::{self, Act, Word};

fn handle(scheme: &str, value: &str) -> Identity {
    Identity { scheme: scheme.to_owned(), scope: String::new(), value: value.to_owned() }
}

fn event(number: u64, who: &[Identity], fact: Fact) -> Entry {
    let (id, who, touchpoint) = (format!("e{number}"), who.to_vec(), Touchpoint::Shop);
    let event = Event { id, at: 1, who, staff: None, touchpoint, fact, extra: None };
    Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })
}

fn bought() -> Fact {
    Fact::Bought(Order {
        id: "o".to_owned(),
        step: OrderStep::Paid,
        currency: "CNY".to_owned(),
        total: Some(1),
        paid: Some(1),
        refunded: Some(0),
        lines: Vec::new(),
        placed_at: 1,
        source: None,
    })
}

fn told() -> Fact {
    Fact::Told(vec![Trait { name: "name".to_owned(), value: Value::Text("xiaoman".to_owned()) }])
}

/// The setup at position 1, and these events behind it, one record each; all of it folded.
fn host(events: &[(&[Identity], Fact)]) -> Host {
    let mut host = Host::new(Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()), 4);
    host.journal.append(&[life::setup(100, 0)]).expect("append");
    for (number, (who, fact)) in (2..).zip(events) {
        append(&host, vec![event(number, who, fact.clone())]);
    }
    host.settle(110);
    host
}

fn append(host: &Host, entries: Vec<Entry>) -> u64 {
    let receipts = host.journal.append(&[Batch { now: 110, entries, ..Batch::default() }]).expect("append");
    receipts[0].placed[0].position()
}

fn act(id: &str, deed: Deed) -> OperatorAct {
    OperatorAct { id: id.to_owned(), by: "li".to_owned(), why: "so".to_owned(), deed }
}

fn join(one: u64, other: u64) -> Deed {
    Deed::Join(Join { one: CustomerId(one), other: CustomerId(other) })
}

fn split(customer: u64, handles: &[Identity]) -> Deed {
    Deed::Split(Split { customer: CustomerId(customer), handles: handles.to_vec() })
}

fn retract(edge: u64) -> Deed {
    Deed::Retract(Retract { edge })
}

/// Says it, and folds it. Gives where it stands.
fn say(host: &mut Host, deed: Deed) -> u64 {
    let id = format!("act{}", host.records().len());
    let position = append(host, vec![Entry::Act(act(&id, deed))]);
    host.settle(110);
    position
}

fn refused(host: &Host, deed: Deed) -> Refused {
    match check(&*host.journal, &*host.store, &act("new", deed)) {
        Err(ActError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

fn reported(host: &Host, deed: Deed) -> router::Report {
    let plugins: Arc<dyn Plugins> = host.plugins.clone();
    report(&host.journal, &*host.store, &plugins, &act("new", deed)).expect("report")
}

/// One person by the record at 3; her second order leads to an intent that two people would not have had.
fn one_by_a_record() -> Host {
    let (phone, open) = (handle("phone", "19900000001"), handle("open", "a"));
    host(&[
        (std::slice::from_ref(&phone), bought()),
        (&[phone.clone(), open.clone()], told()),
        (&[open], bought()),
    ])
}

#[test]
fn taking_an_edge_back_is_told_with_what_would_not_have_been_sent() {
    let mut host = one_by_a_record();
    // The intents are k1 and k2, in their order; the second one goes out.
    host.say(110, Word::Progress(1, 2)).expect("an intent");
    host.settle(110);
    let told = reported(&host, retract(3));
    assert!(told.disagrees.is_empty() && told.unseen.is_empty() && !told.incomplete, "{told:?}");
    let [kept, new] = &told.people[..] else { panic!("{told:?}") };
    assert_eq!((kept.id, kept.fate), (CustomerId(2), Fate::Changes));
    assert_eq!((new.id, new.fate), (CustomerId(4), Fate::Appears { from: Some(CustomerId(2)) }));
    assert_eq!(kept.handles_lost.len(), 1);
    assert_eq!(kept.handles_lost[0].identity, handle("open", "a"));
    assert_eq!(kept.handles_lost[0].other, Some(CustomerId(4)));
    assert_eq!(new.handles_gained[0].other, Some(CustomerId(2)));
    let lost: Vec<_> = kept.tags_lost.iter().map(|tag| (tag.name.as_str(), tag.cause.why.as_str())).collect();
    assert_eq!(lost, [("n:2", "counted")]);
    assert_eq!(new.tags_gained.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["n:1"]);
    let [intent] = &told.intents[..] else { panic!("{told:?}") };
    assert_eq!(intent.fate, IntentFate::WouldNotHaveBeenSent);
    assert_eq!((intent.held.intent.key.as_str(), intent.held.state), ("k2", IntentState::Sent));
    assert_eq!(intent.before, Some(CustomerId(2)));
}

/// What they were meant together came of her records, too. Without these the journal does not give it, and a receipt says so.
#[test]
fn who_was_one_with_somebody_who_is_erased_is_told_what_changes() {
    let mut host = one_by_a_record();
    host.say(110, Word::Progress(1, 2)).expect("an intent");
    host.settle(110);
    say(&mut host, retract(3));
    let erase = Deed::Erase(Erase { customer: CustomerId(2) });
    let plugins: Arc<dyn Plugins> = host.plugins.clone();
    let looked =
        router::look(&host.journal, &*host.store, &plugins, &act("new", erase.clone())).expect("look");
    let told = looked.erases.expect("somebody");
    assert_eq!((told.folded, &told.changed, &told.waits), (1, &vec![CustomerId(4)], &None));
    let fates = looked.report.intents.iter().map(|change| (change.fate, change.held.intent.key.as_str()));
    assert!(fates.clone().any(|told| told == (IntentFate::Forgotten, "k2")), "{:?}", looked.report);
    say(&mut host, erase);
    let (digest, standing) = host.digest();
    let rebuilt = router::rebuild(host.journal.clone(), plugins, standing).expect("rebuild");
    assert_eq!(rebuilt.digest, digest);
    assert_eq!(host.customers().iter().map(|one| one.id).collect::<Vec<_>>(), [CustomerId(4)]);
}

#[test]
fn an_intent_that_did_not_go_out_is_withdrawn() {
    let host = one_by_a_record();
    let told = reported(&host, retract(3));
    let [intent] = &told.intents[..] else { panic!("{told:?}") };
    assert_eq!((intent.fate, intent.held.intent.key.as_str()), (IntentFate::Withdrawn, "k2"));
}

#[test]
fn a_report_changes_neither_journal_nor_store() {
    let host = one_by_a_record();
    let before = (host.records(), host.digest());
    reported(&host, retract(3));
    assert_eq!((host.records(), host.digest()), before);
}

#[test]
fn a_merge_by_hand_is_told_from_both_sides() {
    let host = host(&[(&[handle("phone", "19900000001")], bought()), (&[handle("open", "a")], bought())]);
    let told = reported(&host, join(2, 3));
    let [stays, gone] = &told.people[..] else { panic!("{told:?}") };
    assert_eq!((stays.id, stays.fate), (CustomerId(2), Fate::Changes));
    assert_eq!((gone.id, gone.fate), (CustomerId(3), Fate::Vanishes { into: Some(CustomerId(2)) }));
    assert_eq!((stays.records_gained, gone.records_lost), (1, 1));
    assert_eq!(stays.handles_gained[0].other, Some(CustomerId(3)));
    assert_eq!(stays.tags_gained.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["n:2"]);
}

#[test]
fn edges_tell_what_made_her_one_and_what_was_taken_back() {
    let (phone, open) = (handle("phone", "+8619900000001"), handle("open", "a"));
    let mut host = host(&[
        (&[handle("phone", "19900000001")], bought()),
        (std::slice::from_ref(&open), bought()),
        (&[phone.clone(), open.clone()], told()),
        (std::slice::from_ref(&phone), bought()),
    ]);
    let of = |host: &Host, id: u64| {
        edges(&*host.journal, &*host.store, CustomerId(id)).expect("edges").expect("she is there")
    };
    let one = of(&host, 2);
    assert!(one.agrees);
    let seen: Vec<_> = one.edges.iter().map(|edge| (edge.record.position, edge.attached.clone())).collect();
    assert_eq!(seen, [(2, vec![phone.clone()]), (3, vec![open.clone()]), (4, vec![])]);
    assert_eq!(one.edges[2].merged, [Merged { gone: CustomerId(3), into: CustomerId(2) }]);
    assert_eq!(one.edges[2].handles, [phone, open.clone()]);

    let back = say(&mut host, retract(4));
    let one = of(&host, 2);
    assert!(one.agrees);
    let last = one.edges.last().expect("an edge");
    assert_eq!(last.record.position, 4);
    assert_eq!(last.retracted.as_ref().map(|back| (back.position, back.by.as_str())), Some((back, "li")));
    // The other one had a handle on it, too.
    assert!(of(&host, 3).edges.iter().any(|edge| edge.record.position == 4 && edge.retracted.is_some()));

    let joined = say(&mut host, join(2, 3));
    let one = of(&host, 3);
    assert_eq!(one.customer, CustomerId(2));
    let last = one.edges.last().expect("an edge");
    assert_eq!((last.record.position, last.kind), (joined, EdgeKind::Join));
    assert_eq!(last.merged, [Merged { gone: CustomerId(3), into: CustomerId(2) }]);
    let back = say(&mut host, retract(joined));
    let taken_back = of(&host, 3).edges.into_iter().find(|edge| edge.record.position == joined);
    let taken_back = taken_back.expect("the join").retracted.map(|back| back.position);
    assert_eq!(taken_back, Some(back));
}

#[test]
fn a_split_is_told_among_the_edges() {
    let mut host = one_by_a_record();
    let position = say(&mut host, split(2, &[handle("open", "a")]));
    let one = edges(&*host.journal, &*host.store, CustomerId(2)).expect("edges").expect("she is there");
    assert_eq!(one.splits.len(), 1);
    assert_eq!((one.splits[0].record.position, &one.splits[0].retracted), (position, &None));
    assert_eq!(one.splits[0].these, [handle("open", "a")]);
}

#[test]
fn what_would_come_to_nothing_is_refused_with_its_reason() {
    let (phone, open, alias) = (handle("phone", "19900000001"), handle("open", "a"), handle("alias", "x"));
    let mut host = host(&[
        (&[phone.clone(), open.clone(), alias.clone()], bought()),
        (&[handle("union", "u1")], bought()),
        (&[handle("union", "u2")], bought()),
        (&[handle("open", "b")], bought()),
    ]);
    assert_eq!(refused(&host, join(2, 2)), Refused::OneName(CustomerId(2)));
    assert_eq!(refused(&host, join(2, 99)), Refused::NoCustomer(CustomerId(99)));
    let schemes = refused(&host, join(3, 4));
    assert!(
        matches!(&schemes, Refused::Schemes { scheme, hers, others, .. } if scheme == "union" && hers == "union::u1" && others == "union::u2"),
        "{schemes:?}"
    );
    assert!(schemes.to_string().contains("heliu identity retract"), "{schemes}");
    assert_eq!(refused(&host, split(2, &[])), Refused::NoHandles);
    assert!(matches!(refused(&host, split(2, &[handle("phone", "138****0001")])), Refused::Nobody { .. }));
    let other = refused(&host, split(2, &[handle("open", "b")]));
    assert!(matches!(other, Refused::NotHers { owner: Some(CustomerId(5)), .. }), "{other:?}");
    assert!(matches!(refused(&host, split(2, &[alias])), Refused::Rotates { .. }));
    assert_eq!(refused(&host, split(2, &[phone, open.clone()])), Refused::NothingLeft(CustomerId(2)));
    assert_eq!(refused(&host, retract(0)), Refused::NoRecord(0));
    assert_eq!(refused(&host, retract(99)), Refused::NoRecord(99));
    assert!(matches!(refused(&host, retract(1)), Refused::NoEdge(1, _)));
    assert_eq!(refused(&host, retract(3)), Refused::OneHandle(3));

    let joined = say(&mut host, join(2, 5));
    let already = Refused::OneAlready { one: CustomerId(2), other: CustomerId(5), now: CustomerId(2) };
    assert_eq!(refused(&host, join(2, 5)), already);
    let back = say(&mut host, retract(joined));
    assert_eq!(refused(&host, retract(joined)), Refused::Retracted { edge: joined, by: Some(back) });
    assert_eq!(refused(&host, retract(back)), Refused::SayAgain(back));
}

#[test]
fn whom_a_split_keeps_apart_nobody_joins_before_it_is_taken_back() {
    let mut host = one_by_a_record();
    let divided = say(&mut host, split(2, &[handle("open", "a")]));
    let ids: Vec<u64> = host.customers().iter().map(|one| one.id.0).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    let (one, other) = (CustomerId(ids[0]), CustomerId(ids[1]));
    assert_eq!(refused(&host, join(ids[0], ids[1])), Refused::Apart { one, other, split: divided });
    let edge = say(&mut host, retract(divided));
    assert_eq!(host.customers().len(), 1);
    assert_eq!(refused(&host, retract(divided)), Refused::Retracted { edge: divided, by: Some(edge) });
}

#[test]
fn a_retraction_of_an_event_can_be_taken_back_once() {
    let mut host = one_by_a_record();
    let back = say(&mut host, retract(3));
    assert_eq!(refused(&host, retract(3)), Refused::Retracted { edge: 3, by: Some(back) });
    assert_eq!(check(&*host.journal, &*host.store, &act("new", retract(back))), Ok(()));
    say(&mut host, retract(back));
    assert_eq!(host.customers().len(), 1);
    assert!(matches!(refused(&host, retract(back)), Refused::Retracted { .. }));
}

/// Her handles, tags and stages, and how many records she has.
type Outline = (Vec<Identity>, Vec<String>, Vec<String>, usize);

/// Who is there, without what a report does not compare.
fn compared(customers: Vec<Customer>) -> BTreeMap<CustomerId, Outline> {
    let one = |customer: Customer| {
        let mut handles: Vec<Identity> = customer.handles.into_iter().map(|held| held.identity).collect();
        // A rotating handle that went from one to the other before they were one is there for each of them.
        handles.sort();
        handles.dedup();
        let tags = customer.tags.into_iter().map(|tag| tag.name).collect();
        let stages = customer.stages.into_iter().map(|held| held.journey + &held.stage).collect();
        (customer.id, (handles, tags, stages, customer.timeline.len()))
    };
    customers.into_iter().map(one).collect()
}

proptest! {
    // The same lives in every run: of fresh ones some have a past that a slice does not know of.
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    /// Whoever the report says changes, changes, and nobody else; unless it says itself that it does not know. As with all
    /// slices, nothing may lead from one to the other of those whom an operator divided before.
    #[test]
    fn what_is_reported_is_what_happens(life in life::strategy(), word in life::word()) {
        let divided = |act: &Act| matches!(act, Act::Say(_, Word::Split(..) | Word::Retract(_) | Word::Erase(_)));
        let changes = matches!(word, Word::Join(..) | Word::Split(..) | Word::Retract(_) | Word::Tag(..));
        if !changes || life.iter().any(divided) {
            return Ok(());
        }
        let mut host = Host::new(Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()), 5);
        host.live(&life, false);
        host.settle(life::THE_END + 9);
        let before = compared(host.customers());
        let Some(entry) = host.entry(life::THE_END + 9, word) else { return Ok(()) };
        let Entry::Act(act) = &entry else { return Ok(()) };
        let plugins: Arc<dyn Plugins> = host.plugins.clone();
        let told = report(&host.journal, &*host.store, &plugins, act).expect("report");
        let entries = vec![entry.clone()];
        host.journal.append(&[Batch { now: life::THE_END + 9, entries, ..Batch::default() }]).expect("append");
        host.settle(life::THE_END + 9);
        let after = compared(host.customers());
        if !told.disagrees.is_empty() || told.incomplete {
            return Ok(());
        }
        let changed: Vec<CustomerId> = before
            .keys()
            .chain(after.keys())
            .copied()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .filter(|id| before.get(id) != after.get(id))
            .collect();
        for difference in &told.people {
            let (was, is) = (before.get(&difference.id), after.get(&difference.id));
            let tags = |of: Option<&Outline>| {
                of.map(|of| of.1.clone()).unwrap_or_default()
            };
            let lost: Vec<String> = tags(was).into_iter().filter(|tag| !tags(is).contains(tag)).collect();
            let reported: Vec<String> = difference.tags_lost.iter().map(|tag| tag.name.clone()).collect();
            prop_assert_eq!(lost, reported, "{} {:?}", difference.id, word);
            match difference.fate {
                Fate::Appears { .. } => prop_assert!(was.is_none() && is.is_some(), "{}", difference.id),
                Fate::Vanishes { .. } => prop_assert!(was.is_some() && is.is_none(), "{}", difference.id),
                Fate::Changes => prop_assert!(was.is_some() && is.is_some(), "{}", difference.id),
            }
        }
        for id in changed {
            prop_assert!(told.people.iter().any(|one| one.id == id), "{} changed, {:?}: {:?}", id, word, told);
        }
    }
}
