//! A journal that grows as fast as it is folded: alarms fire all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use journal::{Batch, MemoryJournal, Records};
use model::{
    Binding, Change, ChannelEvent, CustomerId, Decision, Digest, Entry, Event, Fact, Happening, Identity,
    NewTag, PolicyDescriptor, Scheme, Setup, Touchpoint, Trait, Turn, Value, Verdict, Wake,
};
use router::{Plugins, PluginsError, Router, RouterConfig, TurnOutcome};
use store::{MemoryStore, Store as _};

/// Where the stream ends at the latest: a fold that waits for it to end must not hang this test.
const STREAM_MAX: u64 = 5_000;

/// Wakes everybody once. While it folds one record, the next arrives.
struct Stream {
    journal: Arc<MemoryJournal>,
    made: AtomicU64,
}

impl Plugins for Stream {
    fn evaluate(&self, _: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        if self.made.load(Ordering::SeqCst) < STREAM_MAX {
            self.arrive(5);
        }
        let decided = |turn: &Turn<'_>| {
            let change = match turn.happening {
                Happening::Alarm { .. } => Change::Tag(NewTag { name: "woke".to_owned(), expires: None }),
                Happening::Fact { .. } => Change::Wake(Wake { key: "soon".to_owned(), due: turn.now + 10 }),
            };
            let decisions = vec![Decision { why: "because".to_owned(), change }];
            TurnOutcome::Verdict(Verdict { decisions, memory: None })
        };
        Ok(turns.iter().map(decided).collect())
    }
}

impl Stream {
    fn arrive(&self, now: u64) {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let who = Identity {
            scheme: "phone".to_owned(),
            scope: String::new(),
            value: format!("1990000{number:04}"),
        };
        let name = Trait { name: "name".to_owned(), value: Value::Text("a".to_owned()) };
        let event = Event {
            id: number.to_string(),
            at: now,
            who: vec![who],
            staff: None,
            touchpoint: Touchpoint::DirectMessage,
            fact: Fact::Told(vec![name]),
            extra: None,
        };
        let entries = vec![Entry::Event(ChannelEvent { connection: "a".to_owned(), event })];
        self.journal.append(&[Batch { now, entries, ..Batch::default() }]).expect("append");
    }
}

fn setup() -> Setup {
    let descriptor = PolicyDescriptor {
        title: "waker".to_owned(),
        settings_schema: "{}".to_owned(),
        wants: vec!["told".to_owned()],
        tags: vec!["woke".to_owned()],
        journeys: Vec::new(),
        reads: Vec::new(),
    };
    let (name, settings) = ("waker".to_owned(), "{}".to_owned());
    let waker = Binding { name, digest: Digest([1; 32]), settings, descriptor, carry: false, paused: None };
    let phone = Scheme { name: "phone".to_owned(), lasting: true, one_per_person: false };
    Setup { policies: vec![waker], schemes: vec![phone], phone_country: "86".to_owned(), ..Setup::default() }
}

#[test]
fn alarms_fire_while_records_never_cease() {
    let journal = Arc::new(MemoryJournal::default());
    let store = Arc::new(MemoryStore::default());
    let stream = Arc::new(Stream { journal: Arc::clone(&journal), made: AtomicU64::new(0) });
    journal.append(&[Batch { entries: vec![Entry::Setup(setup())], ..Batch::default() }]).expect("fold");
    stream.arrive(1);
    let config = RouterConfig::default();
    let mut router = Router::open(journal.clone(), store.clone(), stream.clone(), config).expect("fold");
    router.settle(1).expect("fold");
    router.settle(1_000).expect("fold");
    let first = store.load(&[CustomerId(2)]).expect("fold").remove(0).unwrap();
    assert_eq!(first.tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["woke"]);
    let made = stream.made.load(Ordering::SeqCst);
    assert!(made < 100, "{made} records were folded before an alarm fired");
}
