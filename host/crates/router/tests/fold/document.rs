//! A policy that gives one customer ever more of something comes to the limit of what it may keep of her: the turn dies with the
//! reason, and neither she, nor others, nor what other policies give her suffer by it.

use std::sync::Arc;

use journal::Batch;
use model::{Act as Doing, ChannelEvent, Customer, DeadTurn, Entry, Event, Fact, Identity, Note, Touchpoint};
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
        Note::Conflict(_) | Note::Erasure(_) | Note::StrayReceipt(_) => None,
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
