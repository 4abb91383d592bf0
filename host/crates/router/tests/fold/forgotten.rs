//! What waits in the journal for somebody who is erased, however it names her.

use std::sync::Arc;

use journal::{
    Batch, DeadQuery, DeadRequest, DeadWhat, HowEnded, Journal as _, LetterEnd, Letters, MemoryJournal,
    Records as _,
};
use model::{
    Attest, ChannelEvent, Chore, CustomerId, DeadTurn, Deed, Digest, Entry, Erase, Event, Fact, Identity,
    MemoryCell, MemoryWrite, Note, OperatorAct, Request, Retry, Touchpoint, Trait, Value,
};
use store::MemoryStore;

use crate::host::Host;
use crate::life;

const SHOP: &str = "shop";
const NOW: u64 = 110;

fn phone(value: &str) -> Identity {
    Identity { scheme: "phone".to_owned(), scope: String::new(), value: value.to_owned() }
}

/// Two people by their phones, at the positions 2 and 3.
fn host() -> (Host, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::default());
    let mut host = Host::new(journal.clone(), Arc::new(MemoryStore::default()), 4);
    journal.append(&[life::setup(100, 0)]).expect("append");
    for number in ["13900000000", "13911111111"] {
        let told =
            Fact::Told(vec![Trait { name: "name".to_owned(), value: Value::Text("xiaoman".to_owned()) }]);
        let (id, who) = (format!("e{number}"), vec![phone(number)]);
        let event =
            Event { id, at: 1, who, staff: None, touchpoint: Touchpoint::Shop, fact: told, extra: None };
        append(&journal, Entry::Event(ChannelEvent { connection: SHOP.to_owned(), event }));
    }
    host.settle(NOW);
    (host, journal)
}

fn append(journal: &MemoryJournal, entry: Entry) -> u64 {
    let batch = Batch { now: NOW, entries: vec![entry], ..Batch::default() };
    journal.append(&[batch]).expect("append")[0].placed[0].position()
}

fn say(journal: &MemoryJournal, id: &str, why: &str, deed: Deed) -> u64 {
    let (id, by, why) = (id.to_owned(), "li".to_owned(), why.to_owned());
    append(journal, Entry::Act(OperatorAct { id, by, why, deed }))
}

/// Forgets the one at position 2.
fn erase(host: &mut Host, journal: &MemoryJournal) {
    say(journal, "erase", "she asked", Deed::Erase(Erase { customer: CustomerId(2) }));
    host.settle(NOW);
}

/// A request with this body that could not be handled.
fn dying(body: &str) -> Batch {
    let request = Request {
        method: "POST".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let dead = DeadRequest {
        what: DeadWhat::Request,
        reason: "malformed".to_owned(),
        why: String::new(),
        plugin: Digest([7; 32]),
        title: "Shop".to_owned(),
        log: Vec::new(),
        backtrace: None,
        request,
    };
    Batch { connection: SHOP.to_owned(), now: NOW, dead: Some(dead), ..Batch::default() }
}

/// The numbers of all letters.
fn letters(journal: &MemoryJournal) -> Vec<u64> {
    journal.dead(&DeadQuery::all(0, 99)).expect("dead").iter().map(|letter| letter.number).collect()
}

/// A number is compared as `+8613900000000`; channels send it in other ways, and only these were left.
#[test]
fn what_waits_for_her_goes_however_her_number_is_written_there() {
    let (mut host, journal) = host();
    let bodies = [
        r#"{"mobile":"13900000000"}"#,
        "8613900000000",
        "+8613900000000",
        "008613900000000",
        r#"{"mobile":"13911111111"}"#,
        "139",
        "86",
    ];
    journal.append(&bodies.map(dying)).expect("append");
    let chores = ["profile:13900000000", "profile:13911111111"].map(|key| Chore {
        key: key.to_owned(),
        due: None,
        job: "{}".to_owned(),
    });
    let memory = ["13900000000", "13911111111"].map(|number| {
        let (key, value) = (format!("of {number}"), number.as_bytes().to_vec());
        MemoryWrite::Set(MemoryCell { key, value, expires: None })
    });
    let (connection, chores, memory) = (SHOP.to_owned(), chores.to_vec(), memory.to_vec());
    journal.append(&[Batch { connection, now: NOW, chores, memory, ..Batch::default() }]).expect("append");
    erase(&mut host, &journal);
    assert_eq!(letters(&journal), [5, 6, 7]);
    let chores = journal.chores(SHOP, NOW, 9).expect("chores");
    assert_eq!(chores.iter().map(|waiting| &*waiting.chore.key).collect::<Vec<_>>(), ["profile:13911111111"]);
    let memory = journal.recall(SHOP).expect("recall").memory;
    assert_eq!(memory.iter().map(|cell| &*cell.key).collect::<Vec<_>>(), ["of 13911111111"]);
}

/// The key of the note on the turn at that position, of an alarm with such a key.
fn turn(position: u64, alarm: &str) -> String {
    let (customer, kind, text) = (CustomerId(position), "fuel".to_owned(), String::new());
    let alarm = Some(alarm.to_owned());
    Note::DeadTurn(DeadTurn { position, now: NOW, customer, version: 0, alarm, kind, text }).key()
}

fn let_go(journal: &MemoryJournal, letters: Letters, why: &str) {
    let (by, why) = ("li".to_owned(), why.to_owned());
    let end = LetterEnd { letters, how: HowEnded::Dropped, by, why };
    let entries = end.record().into_iter().collect();
    let batch = Batch { connection: SHOP.to_owned(), now: NOW, entries, ends: vec![end], ..Batch::default() };
    journal.append(&[batch]).expect("append");
}

/// A reason is any text. Of words on her none is left, and of others all.
#[test]
fn what_operators_said_of_her_goes_and_what_they_said_of_others_stays() {
    let (mut host, journal) = host();
    journal.append(&["13900000000", "13911111111"].map(dying)).expect("append");
    let attest = |of: &str| Deed::Attest(Attest { what: "export".to_owned(), of: of.to_owned() });
    let retry = |letter: &str| Deed::Retry(Retry { letter: letter.to_owned(), customer: None });
    say(&journal, "a", "gone: her mother asked", attest("customer cus_0000000002"));
    say(&journal, "b", "stays: his mother asked", attest("customer cus_0000000003"));
    say(&journal, "c", "gone: 13900000000 called", attest("table tags as csv"));
    say(&journal, "d", "gone: a letter", attest("letters of 13900000000"));
    say(&journal, "e", "gone: hers", retry("1"));
    say(&journal, "f", "stays: his", retry("2"));
    let_go(&journal, Letters::One(1), "gone: her letter");
    let_go(&journal, Letters::One(2), "stays: his letter");
    let_go(&journal, Letters::Turn(turn(2, "gone: call 13900000000")), "gone: her alarm");
    let_go(&journal, Letters::Turn(turn(3, "stays: call him")), "stays: his alarm");
    let count = journal.read(0, 99).expect("read").len();
    host.settle(NOW);
    erase(&mut host, &journal);
    assert_eq!(letters(&journal), [2]);
    let keys = [turn(2, "gone: call 13900000000"), turn(3, "stays: call him")];
    let ended = journal.ended_turns(&keys).expect("ends");
    assert_eq!(ended.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
    let records = journal.read(0, 99).expect("read");
    assert_eq!(records.len(), count + 1, "all of them are still records, with a name and a time");
    let told = format!("{records:?}");
    assert!(!told.contains("gone: ") && !told.contains("13900000000"), "{told}");
    assert_eq!(told.matches("stays: ").count(), 5, "four reasons, and the alarm: {told}");
    let (digest, standing) = host.digest();
    let rebuilt = router::rebuild(journal, host.plugins.clone(), standing).expect("rebuild");
    assert_eq!(rebuilt.digest, digest);
}
