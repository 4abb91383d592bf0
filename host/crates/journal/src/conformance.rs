//! The contract of [`Journal`], sentence by sentence. Each backend runs all of it:
//! `journal_conformance!(|run| run(&an_empty_journal))`.

use model::{
    Act, ChannelEvent, Chore, Configured, DerivedEvent, Digest, Entry, Erased, Event, Fact, Identity,
    MemoryCell, MemoryWrite, Request, Setup, Source, Touchpoint,
};

use crate::{
    Batch, ChoreEnd, ChoreUpdate, DeadLetter, DeadQuery, DeadRequest, DeadState, DeadWhat, Ended, Erasure,
    Gone, Head, HowEnded, Journal, JournalError, LetterEnd, Letters, Naming, Placed, fingerprint,
};

/// Makes one `#[test]` of every case. The one list of cases.
#[macro_export]
macro_rules! journal_conformance {
    ($open:expr) => {
        $crate::journal_conformance! { @each $open,
            positions_are_dense_and_in_order
            a_delivery_again_changes_nothing
            one_id_of_two_sources_is_two_events
            a_known_id_with_other_content_is_known
            times_never_go_back
            an_empty_append_raises_the_floor
            reads_stop_at_the_limit_and_at_the_end
            fetch_gives_what_was_asked_or_says_what_is_missing
            a_cursor_and_memory_come_with_their_batch
            two_chores_of_one_key_are_one
            a_chore_asked_for_again_outlives_its_end
            a_chore_put_off_comes_back_later
            dead_requests_are_kept_as_they_came
            what_is_erased_is_gone_and_known
            what_waits_and_names_her_is_gone
            what_was_said_of_what_is_gone_goes
            an_erasure_of_nothing_changes_nothing
            the_same_dead_request_again_is_one_letter
            a_letter_ends_once_and_with_its_batch
            a_feed_that_goes_on_ends_its_letters
            letters_that_wait_are_counted
            setups_are_found_behind_a_position
        }
    };
    (@each $open:expr, $($case:ident)*) => { $(
        #[test]
        fn $case() {
            let with: fn(&dyn Fn(&dyn $crate::Journal)) = $open;
            with(&$crate::conformance::$case);
        }
    )* };
}

const SHOP: &str = "shop";

fn event(id: &str, kind: &str) -> Event {
    Event {
        id: id.to_owned(),
        at: 5,
        who: vec![Identity { scheme: "phone".to_owned(), scope: String::new(), value: "+861".to_owned() }],
        staff: Some("linshen".to_owned()),
        touchpoint: Touchpoint::Shop,
        fact: Fact::Did(Act {
            kind: kind.to_owned(),
            object: None,
            title: None,
            quantity: Some(-3),
            state: None,
            whom: None,
        }),
        extra: Some(r#"{"n":18446744073709551999}"#.to_owned()),
    }
}

fn entry(connection: &str, id: &str) -> Entry {
    Entry::Event(ChannelEvent { connection: connection.to_owned(), event: event(id, "checked-in") })
}

fn batch(now: u64, ids: &[&str]) -> Batch {
    let entries = ids.iter().map(|id| entry(SHOP, id)).collect();
    Batch { connection: SHOP.to_owned(), now, entries, ..Batch::default() }
}

fn chore(key: &str, due: Option<u64>, job: &str) -> Chore {
    Chore { key: key.to_owned(), due, job: job.to_owned() }
}

fn asking(now: u64, chores: Vec<Chore>) -> Batch {
    Batch { connection: SHOP.to_owned(), now, chores, ..Batch::default() }
}

fn ending(now: u64, key: &str, number: u64, end: ChoreEnd) -> Batch {
    let chore = Some(ChoreUpdate { key: key.to_owned(), number, end });
    Batch { connection: SHOP.to_owned(), now, chore, ..Batch::default() }
}

fn append(journal: &dyn Journal, batches: &[Batch]) -> Vec<Vec<Placed>> {
    let receipts = journal.append(batches).expect("append");
    receipts.into_iter().map(|receipt| receipt.placed).collect()
}

pub fn positions_are_dense_and_in_order(journal: &dyn Journal) {
    use Placed::New;
    assert_eq!(journal.head(), Ok(Head { position: 0, now: 0 }));
    let placed = append(journal, &[batch(10, &["a", "b"]), batch(10, &[]), batch(11, &["c"])]);
    assert_eq!(placed, [vec![New(1), New(2)], vec![], vec![New(3)]]);
    let setup = Batch { now: 12, entries: vec![Entry::Setup(Setup::default())], ..Batch::default() };
    assert_eq!(append(journal, &[setup]), [[New(4)]]);
    assert_eq!(journal.head(), Ok(Head { position: 4, now: 12 }));
    let records = journal.read(0, 10).expect("read");
    assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(records[2].entry, entry(SHOP, "c"));
    assert_eq!(records[3].entry, Entry::Setup(Setup::default()));
}

pub fn a_delivery_again_changes_nothing(journal: &dyn Journal) {
    use Placed::{Known, New};
    assert_eq!(append(journal, &[batch(10, &["a", "b"])]), [[New(1), New(2)]]);
    // Within one append, and a year later.
    let year = 365 * 86_400_000;
    let placed = append(journal, &[batch(11, &["c", "c"]), batch(year, &["b", "c", "d"])]);
    assert_eq!(placed, [vec![New(3), Known(3)], vec![Known(2), Known(3), New(4)]]);
    assert_eq!(journal.head().expect("head").position, 4);
    assert_eq!(journal.locate(Source::Connection(SHOP), "c"), Ok(Some(3)));
    assert_eq!(journal.locate(Source::Connection(SHOP), "e"), Ok(None));
}

pub fn one_id_of_two_sources_is_two_events(journal: &dyn Journal) {
    use Placed::New;
    let derived = |binding: &str| {
        Entry::Derived(DerivedEvent {
            binding: binding.to_owned(),
            cause: 1,
            again: None,
            event: event("a", "x"),
        })
    };
    let entries = vec![entry("shop", "a"), entry("sho", "pa"), derived("shop"), derived("other")];
    let mixed = Batch { now: 1, entries, ..Batch::default() };
    assert_eq!(append(journal, &[mixed]), [[New(1), New(2), New(3), New(4)]]);
    assert_eq!(journal.locate(Source::Policy("shop"), "a"), Ok(Some(3)));
    assert_eq!(journal.locate(Source::Connection("other"), "a"), Ok(None));
}

pub fn a_known_id_with_other_content_is_known(journal: &dyn Journal) {
    append(journal, &[batch(1, &["a"])]);
    let other = Entry::Event(ChannelEvent { connection: SHOP.to_owned(), event: event("a", "left-group") });
    let again = Batch { now: 2, entries: vec![other], ..Batch::default() };
    assert_eq!(append(journal, &[again]), [[Placed::Known(1)]]);
    assert_eq!(journal.read(0, 9).expect("read")[0].entry, entry(SHOP, "a"));
}

pub fn times_never_go_back(journal: &dyn Journal) {
    append(journal, &[batch(10, &["a"]), batch(7, &["b"]), batch(12, &["c"])]);
    append(journal, &[batch(3, &["d"])]);
    let times: Vec<u64> = journal.read(0, 9).expect("read").iter().map(|record| record.now).collect();
    assert_eq!(times, [10, 10, 12, 12]);
}

pub fn an_empty_append_raises_the_floor(journal: &dyn Journal) {
    append(journal, &[Batch { now: 50, ..Batch::default() }]);
    assert_eq!(journal.head(), Ok(Head { position: 0, now: 50 }));
    append(journal, &[batch(20, &["a"])]);
    assert_eq!(journal.read(0, 1).expect("read")[0].now, 50);
}

pub fn reads_stop_at_the_limit_and_at_the_end(journal: &dyn Journal) {
    append(journal, &[batch(1, &["a", "b", "c"])]);
    let positions = |after, limit| {
        let records = journal.read(after, limit).expect("read");
        records.into_iter().map(|record| record.position).collect::<Vec<_>>()
    };
    assert_eq!(positions(0, 2), [1, 2]);
    assert_eq!(positions(2, 2), [3]);
    assert_eq!(positions(3, 2), [0; 0]);
    assert_eq!(positions(99, 2), [0; 0]);
}

pub fn fetch_gives_what_was_asked_or_says_what_is_missing(journal: &dyn Journal) {
    append(journal, &[batch(1, &["a", "b", "c"])]);
    let records = journal.fetch(&[1, 3]).expect("fetch");
    assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(journal.fetch(&[2, 4]), Err(JournalError::Missing(4)));
    assert_eq!(journal.fetch(&[]), Ok(Vec::new()));
}

pub fn a_cursor_and_memory_come_with_their_batch(journal: &dyn Journal) {
    let cell = |key: &str, value: &[u8], expires| MemoryCell {
        key: key.to_owned(),
        value: value.to_owned(),
        expires,
    };
    let writing = |cursor: Option<&str>, memory| Batch {
        connection: SHOP.to_owned(),
        cursor: cursor.map(str::to_owned),
        memory,
        ..Batch::default()
    };
    let set = |key: &str, value: &[u8], expires| MemoryWrite::Set(cell(key, value, expires));
    assert_eq!(journal.recall(SHOP), Ok(crate::Recollection::default()));
    append(journal, &[writing(Some(r#"{"p":1}"#), vec![set("token", b"t1", Some(9)), set("b", b"", None)])]);
    append(
        journal,
        &[writing(None, vec![set("token", b"t2", None), MemoryWrite::Delete { key: "b".to_owned() }])],
    );
    let recollection = journal.recall(SHOP).expect("recall");
    assert_eq!(recollection.cursor.as_deref(), Some(r#"{"p":1}"#));
    assert_eq!(recollection.memory, [cell("token", b"t2", None)]);
    assert_eq!(journal.recall("other"), Ok(crate::Recollection::default()));
}

pub fn two_chores_of_one_key_are_one(journal: &dyn Journal) {
    let chores = vec![chore("p", Some(30), "1"), chore("q", None, "2"), chore("p", Some(40), "3")];
    append(journal, &[asking(20, chores)]);
    let due = journal.chores(SHOP, 29, 9).expect("chores");
    assert_eq!(
        due.iter().map(|chore| (chore.due, chore.chore.key.as_str())).collect::<Vec<_>>(),
        [(20, "q")]
    );
    let due = journal.chores(SHOP, 30, 9).expect("chores");
    assert_eq!(due.iter().map(|chore| chore.chore.job.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(journal.chores(SHOP, 30, 1).expect("chores").len(), 1);
    assert_eq!(journal.chores("other", 30, 9), Ok(Vec::new()));
}

pub fn a_chore_asked_for_again_outlives_its_end(journal: &dyn Journal) {
    append(journal, &[asking(1, vec![chore("p", None, "1")])]);
    let first = journal.chores(SHOP, 1, 1).expect("chores").remove(0);
    append(journal, &[asking(2, vec![chore("p", None, "2")])]);
    append(journal, &[ending(3, "p", first.number, ChoreEnd::Done)]);
    let second = journal.chores(SHOP, 3, 9).expect("chores").remove(0);
    assert_eq!(second.chore.job, "2");
    append(journal, &[ending(4, "p", second.number, ChoreEnd::Done)]);
    assert_eq!(journal.chores(SHOP, 99, 9), Ok(Vec::new()));
}

pub fn a_chore_put_off_comes_back_later(journal: &dyn Journal) {
    append(journal, &[asking(1, vec![chore("p", None, "1")])]);
    let waiting = journal.chores(SHOP, 1, 1).expect("chores").remove(0);
    append(journal, &[ending(2, "p", waiting.number, ChoreEnd::Again { due: 60 })]);
    assert_eq!(journal.chores(SHOP, 59, 9), Ok(Vec::new()));
    let again = journal.chores(SHOP, 60, 9).expect("chores").remove(0);
    assert_eq!((again.number, again.attempts, again.due), (waiting.number, 1, 60));
}

fn dead_request(what: DeadWhat, body: &[u8]) -> DeadRequest {
    let request = Request {
        method: "POST".to_owned(),
        path: "/a%20b".to_owned(),
        query: "x=%E4".to_owned(),
        headers: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
        body: body.to_owned(),
    };
    DeadRequest {
        what,
        reason: "trap".to_owned(),
        why: "no <xml>".to_owned(),
        plugin: Digest([7; 32]),
        title: "Shop".to_owned(),
        log: vec!["one".to_owned(), "two".to_owned()],
        backtrace: Some("f < g".to_owned()),
        request,
    }
}

fn dying(now: u64, dead: &DeadRequest) -> Batch {
    Batch { connection: SHOP.to_owned(), now, dead: Some(dead.clone()), ..Batch::default() }
}

fn ends(now: u64, letters: Letters, how: HowEnded) -> Batch {
    let end = LetterEnd { letters, how, by: "li".to_owned(), why: "mended".to_owned() };
    Batch { connection: SHOP.to_owned(), now, ends: vec![end], ..Batch::default() }
}

fn ended(now: u64) -> Ended {
    Ended { now, by: "li".to_owned(), why: "mended".to_owned() }
}

fn letters(journal: &dyn Journal) -> Vec<DeadLetter> {
    journal.dead(&DeadQuery::all(0, 9)).expect("dead")
}

pub fn dead_requests_are_kept_as_they_came(journal: &dyn Journal) {
    let dead = dead_request(DeadWhat::Request, &[0, 255, 13, 10]);
    let silent = DeadRequest { log: Vec::new(), backtrace: None, ..dead_request(DeadWhat::Chore, b"") };
    append(journal, &[dying(7, &dead), dying(8, &silent)]);
    let letters = letters(journal);
    assert_eq!(letters.len(), 2);
    assert_eq!((&letters[0].dead, letters[0].now, letters[0].times), (&dead, 7, 1));
    assert_eq!((&letters[1].dead, &letters[1].state), (&silent, &DeadState::Waiting));
    assert_eq!(journal.dead(&DeadQuery::all(letters[0].number, 9)).expect("dead"), letters[1..]);
    assert_eq!(journal.dead(&DeadQuery::one(letters[1].number)).expect("dead"), letters[1..]);
    assert_eq!(journal.head(), Ok(Head { position: 0, now: 8 }));
}

pub fn the_same_dead_request_again_is_one_letter(journal: &dyn Journal) {
    let dead = dead_request(DeadWhat::Request, b"a");
    let mut later = DeadRequest { reason: "limit".to_owned(), ..dead.clone() };
    later.request.headers.clear();
    append(journal, &[dying(7, &dead), dying(9, &later), dying(9, &dead_request(DeadWhat::Poll, b"a"))]);
    let first = letters(journal);
    assert_eq!(first.len(), 2);
    assert_eq!((first[0].now, first[0].last, first[0].times, &first[0].dead), (7, 9, 2, &later));
    // Another connection's is another, and so is one that comes after the end of the first.
    let other = Batch { connection: "other".to_owned(), ..dying(10, &dead) };
    append(journal, &[other, ends(11, Letters::One(first[0].number), HowEnded::Retried), dying(12, &dead)]);
    assert_eq!(letters(journal).len(), 4);
}

pub fn a_letter_ends_once_and_with_its_batch(journal: &dyn Journal) {
    append(journal, &[dying(7, &dead_request(DeadWhat::Request, b"a"))]);
    let number = letters(journal)[0].number;
    let with_events =
        Batch { entries: vec![entry(SHOP, "a")], ..ends(8, Letters::One(number), HowEnded::Retried) };
    append(journal, &[with_events, ends(9, Letters::One(number), HowEnded::Dropped)]);
    assert_eq!(letters(journal)[0].state, DeadState::Retried(ended(8)));
    assert_eq!(journal.head().expect("head").position, 1);
    let waiting = DeadQuery { waiting: true, ..DeadQuery::all(0, 9) };
    assert_eq!(journal.dead(&waiting), Ok(Vec::new()));
    let keys = ["k".to_owned(), "l".to_owned()];
    let turn = || Letters::Turn("l".to_owned());
    append(journal, &[ends(9, turn(), HowEnded::Dropped), ends(10, turn(), HowEnded::Dropped)]);
    assert_eq!(journal.ended_turns(&keys), Ok(vec![None, Some(ended(9))]));
}

pub fn a_feed_that_goes_on_ends_its_letters(journal: &dyn Journal) {
    let of = |what| dying(7, &dead_request(what, b"a"));
    let other = Batch { connection: "other".to_owned(), ..of(DeadWhat::Poll) };
    append(journal, &[of(DeadWhat::Poll), of(DeadWhat::Chore), other]);
    append(journal, &[ends(8, Letters::Feed, HowEnded::Retried)]);
    let states: Vec<DeadState> = letters(journal).into_iter().map(|letter| letter.state).collect();
    assert_eq!(states, [DeadState::Retried(ended(8)), DeadState::Waiting, DeadState::Waiting]);
}

pub fn letters_that_wait_are_counted(journal: &dyn Journal) {
    let one = dead_request(DeadWhat::Request, b"a");
    let two = dead_request(DeadWhat::Request, b"b");
    let malformed = DeadRequest { reason: "malformed".to_owned(), ..dead_request(DeadWhat::Request, b"c") };
    append(journal, &[dying(7, &one), dying(8, &one), dying(9, &two), dying(9, &malformed)]);
    let counts = journal.dead_counts().expect("counts");
    let told: Vec<_> = counts
        .iter()
        .map(|count| (count.reason.as_str(), count.letters, count.times, count.first, count.last))
        .collect();
    assert_eq!(told, [("malformed", 1, 1, 3, 9), ("trap", 2, 3, 1, 9)]);
    assert_eq!((counts[1].plugin, counts[1].what), (Digest([7; 32]), DeadWhat::Request));
    let trapped = DeadQuery { reason: Some("trap".to_owned()), ..DeadQuery::all(0, 9) };
    assert_eq!(journal.dead(&trapped).expect("dead").len(), 2);
    let others = DeadQuery { connection: Some("other".to_owned()), ..DeadQuery::all(0, 9) };
    assert_eq!(journal.dead(&others), Ok(Vec::new()));
    append(journal, &[ends(9, Letters::One(3), HowEnded::Dropped)]);
    assert_eq!(journal.dead_counts().expect("counts").len(), 1);
}

pub fn setups_are_found_behind_a_position(journal: &dyn Journal) {
    let setup = |tenant: &str| Entry::Setup(Setup { tenant: tenant.to_owned(), ..Setup::default() });
    let said = |tenant: &str| {
        let setup = Setup { tenant: tenant.to_owned(), ..Setup::default() };
        Entry::Configured(Configured { setup, by: "li".to_owned(), why: "moved".to_owned() })
    };
    let entries = vec![setup("a"), entry(SHOP, "x"), said("b"), entry(SHOP, "y"), said("c")];
    append(journal, &[Batch { now: 1, entries, ..Batch::default() }]);
    let positions = |after| {
        journal.setups(after).expect("setups").iter().map(|record| record.position).collect::<Vec<_>>()
    };
    assert_eq!((positions(0), positions(1), positions(5)), (vec![1, 3, 5], vec![3, 5], vec![]));
    assert_eq!(journal.setups(3).expect("setups")[0].entry, said("c"));
}

fn gone(entry: &Entry) -> Entry {
    Entry::Erased(Erased { fingerprint: fingerprint(entry), ..Erased::default() })
}

pub fn what_is_erased_is_gone_and_known(journal: &dyn Journal) {
    append(journal, &[batch(7, &["a", "b", "c"])]);
    let erasure = Erasure { records: vec![(2, gone(&entry(SHOP, "b")))], ..Erasure::default() };
    // Twice is once.
    for _ in 0..2 {
        assert_eq!(journal.erase(&erasure), Ok(Gone::default()));
        let records = journal.read(0, 9).expect("read");
        assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((records[1].now, &records[1].entry), (7, &erasure.records[0].1));
        assert_eq!(records[2].entry, entry(SHOP, "c"));
        assert_eq!(journal.locate(Source::Connection(SHOP), "b"), Ok(Some(2)));
        assert_eq!(append(journal, &[batch(8, &["b"])]), [[Placed::Known(2)]]);
    }
    // A copy of the journal knows it, too.
    assert_eq!(
        append(journal, &[Batch { entries: vec![gone(&entry(SHOP, "x"))], ..Batch::default() }]),
        [[Placed::New(4)]]
    );
    assert_eq!(append(journal, &[batch(9, &["x"])]), [[Placed::Known(4)]]);
}

pub fn what_waits_and_names_her_is_gone(journal: &dyn Journal) {
    let cell = |key: &str, value: &str| {
        MemoryWrite::Set(MemoryCell { key: key.to_owned(), value: value.as_bytes().to_vec(), expires: None })
    };
    let dead = |body: &str| dying(1, &dead_request(DeadWhat::Request, body.as_bytes()));
    let mut said = dead_request(DeadWhat::Request, b"y");
    said.log = vec!["no name for wm-xiaoman".to_owned()];
    let chores = vec![chore("profile:wm-xiaoman", None, "{}"), chore("other", None, r#"{"of":"wm-other"}"#)];
    let memory = vec![cell("a", "of wm-xiaoman"), cell("seen:wm-xiaoman", ""), cell("token", "t")];
    append(
        journal,
        &[Batch { memory, ..asking(1, chores) }, dead("wm-other"), dead("x wm-xiaoman y"), dying(1, &said)],
    );
    let names = vec!["wm-xiaoman".to_owned()];
    let naming = journal.naming(&names).expect("naming");
    let erasure = Erasure { names: names.clone(), ..Erasure::default() };
    let cells = vec![(SHOP.to_owned(), "a".to_owned()), (SHOP.to_owned(), "seen:wm-xiaoman".to_owned())];
    // What is found beforehand is what goes.
    assert_eq!(
        naming.chores.iter().map(|found| &*found.chore.key).collect::<Vec<_>>(),
        ["profile:wm-xiaoman"]
    );
    let found = naming.cells.iter().map(|(connection, cell)| (connection.clone(), cell.key.clone()));
    assert_eq!(found.collect::<Vec<_>>(), cells);
    assert_eq!(naming.dead, letters(journal)[1..]);
    assert_eq!(journal.erase(&erasure), Ok(Gone { chores: 1, cells, dead: 2 }));
    assert_eq!(journal.naming(&names), Ok(Naming::default()));
    let waiting = journal.chores(SHOP, 9, 9).expect("chores");
    assert_eq!(waiting.iter().map(|waiting| waiting.chore.key.as_str()).collect::<Vec<_>>(), ["other"]);
    let memory = journal.recall(SHOP).expect("recall").memory;
    assert_eq!(memory.iter().map(|cell| cell.key.as_str()).collect::<Vec<_>>(), ["token"]);
    assert_eq!(letters(journal).iter().map(|letter| letter.number).collect::<Vec<_>>(), [1]);
    assert_eq!(journal.erase(&erasure), Ok(Gone::default()));
}

pub fn what_was_said_of_what_is_gone_goes(journal: &dyn Journal) {
    let ending = |letters: Letters, why: &str| {
        let (how, by, why) = (HowEnded::Dropped, "li".to_owned(), why.to_owned());
        let end = LetterEnd { letters, how, by, why };
        let entries = end.record().into_iter().collect();
        Batch { connection: SHOP.to_owned(), now: 2, entries, ends: vec![end], ..Batch::default() }
    };
    let turn = |key: &str| Letters::Turn(key.to_owned());
    append(
        journal,
        &[
            dying(1, &dead_request(DeadWhat::Request, b"wm-other")),
            dying(1, &dead_request(DeadWhat::Request, b"wm-xiaoman")),
            ending(Letters::One(1), "a test"),
            ending(Letters::One(2), "her test"),
            ending(turn("7 0 9"), "a test"),
            ending(turn("8 0 9 call wm-xiaoman"), "a test"),
            ending(turn("9 0 9"), "as wm-xiaoman said"),
            ending(turn("10 0 9"), "a test"),
        ],
    );
    let words = journal.read(0, 9).expect("read");
    assert!(words.iter().all(|word| {
        let Some((_, id)) = word.entry.source() else { return false };
        !id.contains("wm-xiaoman")
    }));
    let said = gone(&entry(SHOP, "x"));
    let erasure = Erasure {
        names: vec!["wm-xiaoman".to_owned()],
        letters: vec![(1, 1, said.clone()), (2, 2, said.clone())],
        turns: vec!["10 0 9".to_owned()],
        ..Erasure::default()
    };
    // Twice is once.
    for dead in [1, 0] {
        assert_eq!(journal.erase(&erasure), Ok(Gone { dead, ..Gone::default() }));
        let now = journal.read(0, 9).expect("read");
        assert_eq!((&now[0], &now[1].entry), (&words[0], &said));
        let keys = ["7 0 9", "8 0 9 call wm-xiaoman", "9 0 9", "10 0 9"].map(str::to_owned);
        let ended = journal.ended_turns(&keys).expect("ends");
        assert_eq!(ended.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, false]);
    }
}

pub fn an_erasure_of_nothing_changes_nothing(journal: &dyn Journal) {
    append(journal, &[batch(7, &["a"])]);
    let erasure = Erasure {
        records: vec![(1, gone(&entry(SHOP, "a"))), (2, gone(&entry(SHOP, "b")))],
        ..Erasure::default()
    };
    assert_eq!(journal.erase(&erasure), Err(JournalError::Missing(2)));
    assert_eq!(journal.read(0, 9).expect("read")[0].entry, entry(SHOP, "a"));
}
