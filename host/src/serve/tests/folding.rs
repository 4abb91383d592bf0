//! The thread that folds, and a policy that cannot be called.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::HealthReport;
use journal::{Batch, MemoryJournal, Records};
use model::{
    Act, Binding, Change, ChannelEvent, Class, Decision, Digest, Entry, Event, Fact, Identity, NewTag,
    PolicyDescriptor, Scheme, Setup, Touchpoint, Turn, Verdict,
};
use router::{Plugins, PluginsError, Router, RouterConfig, TurnOutcome};
use store::{MemoryStore, Query, Store};
use tokio::sync::watch;

use super::super::clock::HostClock;
use super::super::folder::{Folder, FolderHandle};
use super::super::granting::Wanted;

/// Tags everybody, unless the machine is overloaded.
#[derive(Default)]
struct Tags {
    overloaded: AtomicBool,
    /// Held by a test, nobody is tagged meanwhile.
    gate: Mutex<()>,
    calls: AtomicUsize,
    largest: AtomicUsize,
}

impl Plugins for Tags {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().unwrap());
        self.largest.fetch_max(turns.len(), Ordering::SeqCst);
        if binding.name == "slow" && self.overloaded.load(Ordering::SeqCst) {
            let (binding, reason) = (binding.name.clone(), "no answer within policy_wall".to_owned());
            return Err(PluginsError { binding, reason, class: Class::Retry });
        }
        let verdict = |_: &Turn<'_>| {
            let change = Change::Tag(NewTag { name: binding.name.clone(), expires: None });
            let decisions = vec![Decision { why: "seen".to_owned(), change }];
            TurnOutcome::Verdict(Verdict { decisions, memory: None })
        };
        Ok(turns.iter().map(verdict).collect())
    }
}

fn setup() -> Setup {
    let binding = |name: &str| Binding {
        name: name.to_owned(),
        digest: Digest([1; 32]),
        settings: "{}".to_owned(),
        descriptor: PolicyDescriptor {
            title: name.to_owned(),
            settings_schema: "{}".to_owned(),
            wants: Vec::new(),
            tags: vec![name.to_owned()],
            journeys: Vec::new(),
            reads: Vec::new(),
        },
        carry: false,
        paused: None,
    };
    let scheme = Scheme { name: "open".to_owned(), lasting: true, one_per_person: false };
    Setup { policies: vec![binding("slow"), binding("quick")], schemes: vec![scheme], ..Setup::default() }
}

fn came(now: u64, who: &str) -> Batch {
    let (scheme, scope, value) = ("open".to_owned(), String::new(), who.to_owned());
    let act = Act {
        kind: "checked-in".to_owned(),
        object: None,
        title: None,
        quantity: None,
        state: None,
        whom: None,
    };
    let event = Event {
        id: who.to_owned(),
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

fn tags(store: &MemoryStore) -> Vec<Vec<String>> {
    let everybody = store.page(&Query { limit: 99, ..Query::default() }).unwrap();
    let names = |customer: &model::Customer| {
        let mut names: Vec<String> = customer.tags.iter().map(|tag| tag.name.clone()).collect();
        names.sort_unstable();
        names
    };
    everybody.iter().map(names).collect()
}

struct Running {
    journal: Arc<MemoryJournal>,
    store: Arc<MemoryStore>,
    plugins: Arc<Tags>,
    health: watch::Receiver<HealthReport>,
    fold: FolderHandle,
    folding: std::thread::JoinHandle<()>,
}

impl Running {
    async fn start() -> Running {
        let (journal, store) = (Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()));
        let (clock, plugins) = (HostClock::manual(), Arc::new(Tags::default()));
        let router =
            Router::open(journal.clone(), store.clone(), plugins.clone(), RouterConfig::default()).unwrap();
        let (health_in, health) = watch::channel(HealthReport::default());
        let (folder, fold) = Folder::new(
            router,
            journal.clone(),
            clock,
            Wanted { setup: setup(), ..Wanted::default() },
            health_in,
            tokio::sync::mpsc::unbounded_channel().0,
            crate::telemetry::Waiting::default(),
        );
        let folding = folder.spawn().unwrap();
        fold.settle().await.unwrap();
        Running { journal, store, plugins, health, fold, folding }
    }
}

async fn stop(fold: FolderHandle, folding: std::thread::JoinHandle<()>) {
    fold.stop();
    tokio::task::spawn_blocking(move || folding.join().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_it_folds_waits_for_what_comes_next() {
    let Running { journal, store, plugins, health: _, fold, folding } = Running::start().await;
    let mut came_so_far = 0;
    let mut come = || {
        came_so_far += 1;
        journal.append(&[came(came_so_far, &format!("w{came_so_far}"))]).unwrap();
        fold.wake();
        came_so_far
    };
    let mut together = false;
    // A machine that stops for longer than the fold waits may part the two, now and then.
    for _ in 0..30 {
        let gate = plugins.gate.lock().unwrap();
        let calls = plugins.calls.load(Ordering::SeqCst);
        come();
        while plugins.calls.load(Ordering::SeqCst) == calls {
            std::thread::sleep(Duration::from_micros(100));
        }
        come();
        plugins.largest.store(0, Ordering::SeqCst);
        drop(gate);
        std::thread::sleep(Duration::from_millis(4));
        let last = come();
        fold.settle().await.unwrap();
        assert_eq!(tags(&store), vec![["quick", "slow"]; usize::try_from(last).unwrap()]);
        together |= plugins.largest.load(Ordering::SeqCst) == 2;
        if together {
            break;
        }
    }
    assert!(together, "the second was folded without the third, each time");
    stop(fold, folding).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_cannot_be_called_is_paused_aloud_and_goes_on_when_an_operator_looks() {
    let Running { journal, store, plugins, health, fold, folding } = Running::start().await;
    journal.append(&[came(10, "ann")]).unwrap();
    fold.settle().await.unwrap();
    assert_eq!(tags(&store), [["quick", "slow"]]);
    plugins.overloaded.store(true, Ordering::SeqCst);
    journal.append(&[came(20, "bea")]).unwrap();
    // Nothing is skipped at once, and the host says what it is kept from.
    let failed = fold.settle().await.unwrap_err();
    assert!(failed.contains("policy \"slow\": no answer"), "{failed}");
    assert!(health.borrow().trouble.is_some() && fold.paused().is_empty());
    let mut tries = 1;
    while fold.settle().await.is_err() {
        tries += 1;
        assert!(tries < 20, "it is tried for ever");
    }
    assert!(fold.paused()["slow"].contains("no answer"), "{:?}", fold.paused());
    assert_eq!(health.borrow().trouble, None);
    assert_eq!(tags(&store), [vec!["quick", "slow"], vec!["quick"]]);
    // It stays so for a while, whatever else comes.
    plugins.overloaded.store(false, Ordering::SeqCst);
    journal.append(&[came(30, "cis")]).unwrap();
    fold.settle().await.unwrap();
    assert_eq!(tags(&store).last().unwrap(), &["quick"]);
    assert_eq!(journal.setups(0).unwrap().len(), 2);
    // SIGHUP.
    fold.want(Wanted { setup: setup(), ..Wanted::default() });
    fold.settle().await.unwrap();
    assert_eq!(tags(&store), [["quick", "slow"]; 3]);
    assert!(fold.paused().is_empty());
    let standing = store.digest().unwrap();
    let rebuilt = router::rebuild(journal.clone(), plugins.clone(), standing.1).unwrap();
    assert_eq!(rebuilt.digest, standing.0);
    stop(fold, folding).await;
}
