//! A policy that gives one customer ever more of something comes to the limit of what it may keep of her: the turn dies with the
//! reason, and neither she, nor others, nor what other policies give her suffer by it.

use std::sync::Arc;

use journal::Batch;
use model::{
    Act as Doing, Bond, ChannelEvent, Customer, DeadTurn, Entry, Event, Fact, Identity, Intent, IntentState,
    Note, Overflow, Receipt, ReceiptStep, Tie, Touchpoint, Trait, Value,
};
use router::rebuild;
use store::MemoryStore;

use crate::host::Host;
use crate::life::{self, Act};

fn did(number: u64, kind: &str, open: &str) -> Act {
    let act =
        Doing { kind: kind.to_owned(), object: None, title: None, quantity: None, state: None, whom: None };
    let (scheme, scope, value) = ("open".to_owned(), String::new(), open.to_owned());
    let event = Event {
        id: format!("e{number}"),
        at: number,
        who: vec![Identity { scheme, scope, value }],
        staff: None,
        touchpoint: Touchpoint::Shop,
        fact: Fact::Did(act),
        extra: None,
    };
    let entries = vec![Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })];
    Act::Append(Box::new(Batch { now: 100 + number, entries, ..Batch::default() }))
}

/// What a greedy policy gets by so many records of a kind, and what another has by one.
fn greedy(kind: &str, records: u64) -> Host {
    let mut host = crate::host(7);
    host.live_on(&Act::Append(Box::new(life::setup(100, 4))));
    for number in 1..=records {
        host.live_on(&did(number, kind, "open1"));
    }
    host.live_on(&did(records + 1, "traits", "open2"));
    host.settle(100 + records + 1);
    host
}

fn first(host: &Host) -> Customer {
    host.customers().remove(0)
}

fn dead(host: &Host) -> Vec<DeadTurn> {
    let dead = |note| match note {
        Note::DeadTurn(dead) => Some(dead),
        Note::Conflict(_) | Note::Erasure(_) | Note::StrayReceipt(_) | Note::Overflow(_) => None,
    };
    host.notes().into_iter().filter_map(dead).filter(|dead| dead.kind == "document").collect()
}

fn agrees_with_a_rebuild(host: &Host) {
    let (digest, standing) = host.digest();
    let again = rebuild(host.journal.clone(), host.plugins.clone(), standing).expect("rebuild");
    assert_eq!(again.digest, digest);
    let mut other = Host::new(Arc::clone(&host.journal), Arc::new(MemoryStore::default()), 1);
    other.settle(standing.fired);
    assert_eq!(other.digest().0, digest, "one by one");
}

#[test]
fn what_passes_the_limit_is_a_dead_turn_that_names_it_and_nobody_else_suffers() {
    for (kind, records, most, word) in [
        ("tags", 9, 256, "tags"),
        ("traits", 9, 256, "traits"),
        ("stages", 3, 64, "stages"),
        ("alarms", 9, 256, "alarms"),
        ("intents", 70, 4_096, "intents"),
        ("tasks", 70, 4_096, "tasks of staff"),
        ("bytes", 3, 4 << 20, "bytes"),
    ] {
        let host = greedy(kind, records);
        let customer = first(&host);
        let its = |version: Option<u32>| version == Some(0);
        let kept = match kind {
            "tags" => customer.tags.iter().filter(|held| its(held.cause.version)).count(),
            "traits" | "bytes" => customer.traits.len(),
            "stages" => customer.stages.iter().filter(|held| its(held.cause.version)).count(),
            "alarms" => customer.alarms.iter().filter(|alarm| alarm.binding == "greedy").count(),
            "intents" => customer.intents.iter().filter(|held| held.binding == "greedy").count(),
            _ => customer.tasks.len(),
        };
        let dead = dead(&host);
        let expected = if kind == "bytes" { 64 } else { most };
        assert_eq!(kept, expected, "{kind}: as much as fits, by whole turns");
        let fits = if kind == "bytes" { 1 } else { u64::try_from(most / 64).expect("small") };
        assert_eq!(dead.len() as u64, records - fits, "{kind}");
        assert!(dead.iter().all(|dead| dead.text.contains(word)), "{kind}: {}", dead[0].text);
        assert!(dead.iter().all(|dead| dead.text.contains(&most.to_string())), "{kind}: {}", dead[0].text);
        // The other policy decides about her at each record, and this one about somebody else.
        assert_eq!(customer.memory("greedy"), Some(&[7][..]), "{kind}");
        assert!(customer.memory("counter").is_some() || records % 6 == 5, "{kind}");
        assert_eq!(host.customers()[1].traits.len(), 64, "{kind}");
        agrees_with_a_rebuild(&host);
    }
}

#[test]
fn what_staff_are_asked_is_an_intent_and_the_same_again_is_the_same_one() {
    let host = greedy("same", 2);
    let customer = first(&host);
    assert_eq!(customer.tasks.len(), 2 * 64);
    let intents: Vec<_> = customer.intents.iter().filter(|held| held.binding == "greedy").collect();
    let [held] = intents.as_slice() else { panic!("{intents:?}") };
    let Intent { key: _, scene, text, content, detail, not_before, not_after } = &held.intent;
    let said = (scene.as_str(), text.as_deref(), detail.as_deref());
    assert_eq!(said, ("staff-task", Some("call"), Some("{\"due\":9}")));
    assert_eq!((content, not_before, not_after), (&None, &None, &None));
    assert_eq!((held.state, held.cause.why.as_str()), (IntentState::Proposed, "more"));
    agrees_with_a_rebuild(&host);
}

#[test]
fn at_the_limit_one_thing_may_take_the_place_of_another() {
    let mut host = greedy("tags", 4);
    host.live_on(&did(20, "swap", "open1"));
    host.settle(200);
    assert_eq!(dead(&host), []);
    let customer = first(&host);
    let its = customer.tags.iter().filter(|held| held.cause.version == Some(0)).count();
    assert!((256..=257).contains(&its) && customer.tags.iter().any(|tag| tag.name.ends_with("-31")), "{its}");
    agrees_with_a_rebuild(&host);
}

fn handle(value: &str) -> Identity {
    Identity { scheme: "open".to_owned(), scope: String::new(), value: value.to_owned() }
}

fn told(number: u64, who: Vec<Identity>, staff: Option<String>, fact: Fact) -> Act {
    let (touchpoint, extra) = (Touchpoint::Shop, None);
    let event = Event { id: format!("e{number}"), at: number, who, staff, touchpoint, fact, extra };
    let entries = vec![Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })];
    Act::Append(Box::new(Batch { now: 100 + number, entries, ..Batch::default() }))
}

fn traits(name: &str) -> Fact {
    let (name, value) = (name.to_owned(), Value::Truth(true));
    Fact::Told(vec![Trait { name, value }])
}

/// A host whose channel tells of one person without end, and what it notes.
fn flooded(facts: impl Iterator<Item = Act>) -> (Host, Vec<Note>) {
    let mut host = crate::host(7);
    host.live_on(&Act::Append(Box::new(life::setup(100, 2))));
    facts.for_each(|fact| host.live_on(&fact));
    host.settle(100_000);
    agrees_with_a_rebuild(&host);
    let notes = host.notes();
    (host, notes)
}

#[test]
fn a_channel_that_names_one_person_by_ever_more_handles_comes_to_an_end_and_each_further_one_is_a_conflict() {
    let more =
        |number: u64| told(number, vec![handle("her"), handle(&format!("h{number}"))], None, traits("a"));
    let (mut host, notes) = flooded((1..=600).map(more));
    let her = first(&host);
    assert_eq!((her.handles.len(), her.timeline.len()), (512, 600), "all of it is hers");
    assert_eq!(notes.len(), 600 - 511);
    assert!(
        notes.iter().all(|note| matches!(note, Note::Conflict(conflict)
            if conflict.scheme == "too-many-handles" && conflict.customer == her.id && conflict.other == her.id)),
        "{:?}",
        notes[0]
    );
    // By itself such a handle is somebody else's, until a person says otherwise; and then it is told what is in the way.
    host.live_on(&told(700, vec![handle("h600")], None, traits("b")));
    host.live_on(&told(701, vec![handle("her"), handle("h600")], None, traits("c")));
    host.settle(100_001);
    let people = host.customers();
    assert_eq!((people.len(), people[0].timeline.len(), people[1].timeline.len()), (2, 601, 1));
    let join = model::Join { one: people[0].id, other: people[1].id };
    let (id, by, why) = ("a".to_owned(), "li".to_owned(), "b".to_owned());
    let act = model::OperatorAct { id, by, why, deed: model::Deed::Join(join) };
    let plugins: Arc<dyn router::Plugins> = host.plugins.clone();
    let refused = router::look(&host.journal, &*host.store, &plugins, &act).unwrap_err().to_string();
    assert!(refused.contains("would have 513 handles, and a person has 512 at most"), "{refused}");
    // Where one of them is taken back, the first that there was no room for is hers.
    let before = host.notes().len();
    host.retract(100_002, 2);
    host.settle(100_003);
    let her = first(&host);
    let has = |value: &str| her.handles.iter().any(|held| held.identity == handle(value));
    assert!(has("h512") && !has("h1") && !has("h513"), "{:?}", her.handles.last());
    assert_eq!((her.handles.len(), host.notes().len()), (512, before - 1));
    agrees_with_a_rebuild(&host);
}

#[test]
fn what_channels_tell_of_one_person_beyond_what_she_can_have_is_noted_once_and_stays_in_the_journal() {
    let met = |number: u64| {
        let (way, state, remark, tags, successor) = (None, None, None, Vec::new(), None);
        let tie = Tie { bond: Bond::Added, way, state, remark, tags, successor };
        told(number, vec![handle("her")], Some(format!("staff{number}")), Fact::Met(tie))
    };
    let named = |number: u64| told(number, vec![handle("her")], None, traits(&format!("t{number}")));
    let stray = |number: u64| {
        let receipt = Receipt { errand: String::new(), step: ReceiptStep::Sent, why: None };
        told(number, vec![handle("her")], None, Fact::Carried(receipt))
    };
    for (kind, most, act) in [
        ("staff", 1_024_u64, &met as &dyn Fn(u64) -> Act),
        ("traits", 1_024, &named),
        ("notes", 1_024, &stray),
    ] {
        let mut errand = None;
        let facts = (1..=most + 20).map(act);
        let (host, notes) = if kind == "notes" {
            // A receipt of an intent that nobody carried is not taken, and noted.
            let mut host = crate::host(7);
            host.live_on(&Act::Append(Box::new(life::setup(100, 2))));
            host.live_on(&named(90_000));
            host.say(200, life::Word::Propose(0));
            host.settle(201);
            errand = first(&host).intents.first().map(|held| held.id.clone());
            for fact in facts {
                let Act::Append(mut batch) = fact else { unreachable!("because it is told") };
                let Entry::Event(told) = &mut batch.entries[0] else {
                    unreachable!("because it is an event")
                };
                let Fact::Carried(receipt) = &mut told.event.fact else {
                    unreachable!("because it is a receipt")
                };
                receipt.errand = errand.clone().expect("it was proposed");
                host.live_on(&Act::Append(batch));
            }
            host.settle(100_000);
            agrees_with_a_rebuild(&host);
            let notes = host.notes();
            (host, notes)
        } else {
            flooded(facts)
        };
        let her = first(&host);
        let kept = match kind {
            "staff" => her.staff.len(),
            "traits" => her.traits.iter().filter(|held| held.cause.version.is_none()).count(),
            _ => her.noted.len() - 1,
        };
        assert_eq!(kept as u64, most, "{kind}");
        let over: Vec<&Overflow> = notes
            .iter()
            .filter_map(|note| match note {
                Note::Overflow(overflow) => Some(overflow),
                Note::Conflict(_) | Note::DeadTurn(_) | Note::Erasure(_) | Note::StrayReceipt(_) => None,
            })
            .collect();
        assert_eq!(over.len(), 1, "{kind}: {over:?}");
        assert_eq!((over[0].kind.as_str(), over[0].customer), (kind, her.id));
        assert!(over[0].text.contains("1024"), "{}", over[0].text);
        let first_beyond = over[0].position;
        assert_eq!(her.timeline.iter().filter(|&&at| at >= first_beyond).count(), 20, "{kind}");
        assert_eq!(errand.is_some(), kind == "notes");
    }
}
