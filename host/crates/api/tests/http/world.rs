//! A host without a host: the state of an API whose other ends the test holds.

use std::sync::Arc;
use std::time::Duration;

use api::{
    Advance, ApiState, CallerLimits, Callers, HealthReport, Incoming, PluginState, Reply, Retry, Routers,
    ScanLimits, Tokens,
};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use journal::{Batch, Committer, CommitterConfig, Head, MemoryJournal, Records};
use model::{
    Binding, Cause, Change, ChannelEvent, Customer, CustomerId, Decision, Digest, Entry, Event, Fact,
    FoldState, Handle, Happening, HeldStage, HeldTag, HeldTrait, Identity, Instant, Intent, NewTag, Note,
    PolicyDescriptor, Position, Setup, StaffTask, Stage, Touchpoint, Trait, Turn, Value, Verdict, Version,
    Wake,
};
use router::{Plugins, PluginsError, Router as Fold, RouterConfig, TurnOutcome};
use segment::Segment;
use serde_json::Value as Json;
use store::{Changed, Commit, Indexed, MemoryStore, Standing, Store};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt as _;

pub const TOKEN: &str = "a-token";
pub const BODY_MAX_BYTES: usize = 1000;
/// Wrong tokens, and webhooks that are not authentic, a minute.
pub const FAILURES_MAX: (u32, u32) = (4, 2);
pub const BODY_WITHIN: Duration = Duration::from_millis(50);

pub struct World {
    pub router: Router,
    pub journal: Arc<MemoryJournal>,
    pub store: Arc<MemoryStore>,
    pub intake: mpsc::Receiver<Incoming>,
    pub health: watch::Sender<HealthReport>,
    pub plugins: watch::Sender<Vec<PluginState>>,
    pub segments: watch::Sender<Arc<[Segment]>>,
    pub clock: mpsc::Receiver<Advance>,
    pub retries: mpsc::Receiver<Retry>,
    /// Where the journal ends, whoever appended.
    pub head: watch::Receiver<Head>,
}

/// The one policy there is: whoever shows up is tagged.
pub struct Buyers;

impl Plugins for Buyers {
    fn evaluate(&self, _: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let decided = |turn: &Turn<'_>| {
            let seen = turn.memory.and_then(|memory| memory.first()).copied().unwrap_or(0) + 1;
            let change = Change::Tag(NewTag { name: format!("seen:{seen}"), expires: None });
            let decisions = vec![Decision { why: format!("record {seen} of hers"), change }];
            TurnOutcome::Verdict(Verdict { decisions, memory: Some(vec![seen]) })
        };
        Ok(turns.iter().map(decided).collect())
    }
}

/// What a world is made of.
pub struct Parts {
    /// What the API reads.
    pub read: Arc<dyn Store>,
    /// What the test writes.
    pub store: Arc<MemoryStore>,
    /// May the clock be moved?
    pub manual: bool,
    pub segments: Arc<[Segment]>,
    pub scans: ScanLimits,
    pub now: Arc<dyn Fn() -> Instant + Send + Sync>,
}

/// What a caller got.
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

pub async fn call(router: &Router, request: Request<Body>) -> Got {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Got { status: parts.status, headers: parts.headers, body }
}

impl World {
    pub fn new() -> World {
        World::with(Arc::default(), true)
    }

    pub fn without_manual_clock() -> World {
        World::with(Arc::default(), false)
    }

    fn with(store: Arc<MemoryStore>, manual: bool) -> World {
        World::over(Arc::clone(&store) as Arc<dyn Store>, store, manual)
    }

    /// The API reads `read`, the test writes `store`.
    pub fn over(read: Arc<dyn Store>, store: Arc<MemoryStore>, manual: bool) -> World {
        let (segments, scans) = (Arc::from([]), ScanLimits::default());
        World::of(Parts { read, store, manual, segments, scans, now: Arc::new(|| 0) })
    }

    pub fn of(parts: Parts) -> World {
        World::keyed(parts, Tokens::new(Some(TOKEN), None)).0
    }

    /// With these tokens; and the same host behind two listeners.
    pub fn with_tokens(tokens: Tokens) -> (World, Routers) {
        let store = Arc::new(MemoryStore::default());
        let (read, segments, scans) = (store.clone(), Arc::from([]), ScanLimits::default());
        World::keyed(Parts { read, store, manual: true, segments, scans, now: Arc::new(|| 0) }, tokens)
    }

    fn keyed(parts: Parts, tokens: Tokens) -> (World, Routers) {
        let Parts { read, store, manual, segments, scans, now } = parts;
        let tokens = Arc::new(tokens);
        let (token_failures, webhook_failures) = FAILURES_MAX;
        let limits = CallerLimits { token_failures, webhook_failures, ..CallerLimits::default() };
        let callers = Arc::new(Callers::new(limits));
        let journal = Arc::new(MemoryJournal::default());
        let (intake_in, intake) = mpsc::channel(1);
        let (health, health_out) = watch::channel(HealthReport::default());
        let (plugins, plugins_out) = watch::channel(Vec::new());
        let (segments, segments_out) = watch::channel(segments);
        let (clock_in, clock) = mpsc::channel(1);
        let (retries_in, retries) = mpsc::channel(1);
        let (committer, appender) = Committer::new(journal.clone(), CommitterConfig::default()).unwrap();
        drop(committer.spawn().unwrap());
        let head = appender.head();
        let state = || ApiState {
            journal: journal.clone(),
            store: Arc::clone(&read),
            intake: intake_in.clone(),
            tokens: Arc::clone(&tokens),
            callers: Arc::clone(&callers),
            body_max_bytes: BODY_MAX_BYTES,
            body_within: BODY_WITHIN,
            health: health_out.clone(),
            plugins: plugins_out.clone(),
            segments: segments_out.clone(),
            scans,
            now: Arc::clone(&now),
            clock: manual.then_some(clock_in.clone()),
            appender: appender.clone(),
            policies: Arc::new(Native),
            retries: retries_in.clone(),
            intake_refused: Arc::default(),
            metrics: Arc::new(|| Ok("heliu_journal_position 7\n".to_owned())),
        };
        let (router, apart) = (api::router(state()), api::routers(state()));
        (World { router, journal, store, intake, health, plugins, segments, clock, retries, head }, apart)
    }

    /// With the token.
    pub async fn get(&self, path: &str) -> Got {
        World::get_from(&self.router, path).await
    }

    pub async fn get_from(router: &Router, path: &str) -> Got {
        let request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
        call(router, request.body(Body::empty()).unwrap()).await
    }

    /// Calls a hook, and answers it as the host would.
    pub async fn hook(&mut self, request: Request<Body>, reply: Reply) -> (Got, Incoming) {
        let router = self.router.clone();
        let calling = tokio::spawn(async move { call(&router, request).await });
        let Incoming { connection, request, span, reply: answer } = self.intake.recv().await.unwrap();
        answer.send(reply).unwrap();
        let (reply, _) = tokio::sync::oneshot::channel();
        (calling.await.unwrap(), Incoming { connection, request, span, reply })
    }

    /// A setup at position 1, then three customers with two records each, the last of them a tag's cause.
    pub fn populate(&self) {
        let mut entries = vec![Entry::Setup(Setup { phone_country: "86".to_owned(), ..Setup::default() })];
        for number in 1..=3 {
            entries.extend([told(number, "a"), told(number, "b")]);
        }
        let batch = Batch { now: 1_000, entries, ..Batch::default() };
        self.journal.append(&[batch]).unwrap();
        let customers: Vec<Customer> = (1..=3).map(customer).collect();
        self.keep(&customers, &[]);
    }

    /// Commits these customers with their handles, whatever stood there.
    pub fn keep(&self, customers: &[Customer], notes: &[Note]) {
        let (from, _) = self.store.standing().unwrap();
        let nothing = Indexed::default();
        let handles = customers
            .iter()
            .flat_map(|customer| customer.handles.iter().map(|handle| (&handle.identity, customer.id)));
        let commit = Commit {
            from,
            to: Standing { position: from.position + 7, fired: 5_000 },
            customers: customers.iter().map(|customer| Changed { customer, before: &nothing }).collect(),
            handles: handles.collect(),
            notes: notes.to_vec(),
            state: Some(&state()),
            ..Commit::default()
        };
        self.store.commit(&commit).unwrap();
    }

    /// Two customers, each told of at 1000 and again at 2000, folded by [`Native`], who tags whoever is told of again.
    pub fn live(&self) {
        let policies = vec![Native::binding()];
        let setup = Setup { policies, phone_country: "86".to_owned(), ..Setup::default() };
        for (now, entries) in [
            (1_000, vec![Entry::Setup(setup), told(1, "a"), told(2, "a")]),
            (2_000, vec![told(1, "b")]),
            (3_000, vec![told(2, "b")]),
        ] {
            self.happens(now, entries);
        }
    }

    /// Appends and folds it.
    pub fn happens(&self, now: Instant, entries: Vec<Entry>) {
        self.journal.append(&[Batch { now, entries, ..Batch::default() }]).unwrap();
        let (journal, store) = (self.journal.clone(), self.store.clone());
        let mut fold = Fold::open(journal, store, Arc::new(Native), RouterConfig::default()).unwrap();
        fold.settle(now).unwrap();
    }

    /// Puts somebody into the store otherwise than the fold left her.
    pub fn alter(&self, id: u64, alter: impl FnOnce(&mut Customer)) {
        let (from, _) = self.store.standing().unwrap();
        let mut customer = self.store.load(&[CustomerId(id)]).unwrap().pop().flatten().unwrap();
        let before = Indexed::of(&customer);
        alter(&mut customer);
        let customers = vec![Changed { customer: &customer, before: &before }];
        self.store.commit(&Commit { from, to: from, customers, ..Commit::default() }).unwrap();
    }

    /// The first goes into the second.
    pub fn merge(&self, gone: CustomerId, into: CustomerId) {
        let (from, _) = self.store.standing().unwrap();
        let nothing = Indexed::default();
        let merged = vec![(gone, into, &nothing)];
        self.store.commit(&Commit { from, to: from, merged, ..Commit::default() }).unwrap();
    }
}

pub fn state() -> FoldState {
    let version = Version {
        binding: "repurchase".to_owned(),
        title: "The next order".to_owned(),
        digest: Digest([0xab; 32]),
        settings: Digest([0xcd; 32]),
        since: 1,
    };
    let setup = Setup { phone_country: "86".to_owned(), ..Setup::default() };
    FoldState { setup, versions: vec![version], ..FoldState::default() }
}

fn unionid(number: u64) -> Identity {
    let scheme = "wechat.unionid".to_owned();
    Identity { scheme, scope: "wx1".to_owned(), value: format!("o6:{number}") }
}

fn phone(number: u64) -> Identity {
    Identity { scheme: "phone".to_owned(), scope: String::new(), value: format!("+861990000000{number}") }
}

pub fn told(number: u64, id: &str) -> Entry {
    let event = Event {
        id: format!("e-{number}-{id}"),
        at: 900,
        who: vec![unionid(number)],
        staff: None,
        touchpoint: Touchpoint::DirectMessage,
        fact: Fact::Told(vec![Trait {
            name: "name".to_owned(),
            value: Value::Text(format!("小满{number}")),
        }]),
        extra: Some(r#"{"n":18446744073709551999}"#.to_owned()),
    };
    Entry::Event(ChannelEvent { connection: "wecom-main".to_owned(), event })
}

/// Her records stand at `2n` and `2n + 1`; she is named after the first.
pub fn customer(number: u64) -> Customer {
    let positions: Vec<Position> = vec![2 * number, 2 * number + 1];
    let cause = |version: Option<u32>, why: &str| Cause {
        position: positions[1],
        now: 1_000,
        version,
        alarm: version.map(|_| "revisit".to_owned()),
        why: why.to_owned(),
    };
    let mut customer = Customer::new(CustomerId(positions[0]), 1_000);
    customer.handles = vec![
        Handle { identity: unionid(number), position: positions[0], before: None },
        Handle { identity: phone(number), position: positions[1], before: None },
    ];
    customer.traits = vec![HeldTrait {
        name: "name".to_owned(),
        value: Value::Text(format!("小满{number}")),
        cause: cause(None, "told by wecom-main"),
    }];
    let tag = |name: &str| HeldTag {
        name: name.to_owned(),
        since: 1_000,
        expires: None,
        cause: cause(Some(0), "60 days without an order"),
    };
    customer.tags = if number == 2 { vec![tag("lapsed")] } else { vec![tag("lapsed"), tag("vip")] };
    customer.stages = vec![HeldStage {
        journey: "lifecycle".to_owned(),
        stage: "repeat".to_owned(),
        since: 1_000,
        cause: cause(Some(0), "her second order"),
    }];
    customer.timeline = positions;
    customer.latest.event = Some(5_000);
    customer
}

/// With these settings it decides nothing.
pub const SILENT: &str = "{\"silent\":true}";

/// A policy that counts what it was shown of somebody, and decides one of each kind at the second time.
pub struct Native;

impl Native {
    pub fn binding() -> Binding {
        Binding {
            name: "again".to_owned(),
            digest: Digest([7; 32]),
            settings: "{}".to_owned(),
            descriptor: PolicyDescriptor {
                title: "Told again".to_owned(),
                settings_schema: "{}".to_owned(),
                wants: vec!["told".to_owned()],
                tags: vec!["known".to_owned(), "old".to_owned()],
                journeys: vec!["lifecycle".to_owned()],
                reads: Vec::new(),
            },
            carry: false,
            paused: None,
        }
    }

    fn changes(now: Instant) -> [Change; 6] {
        let intent = Intent {
            key: "hello".to_owned(),
            scene: "direct-message".to_owned(),
            text: None,
            content: None,
            detail: None,
            not_before: None,
            not_after: None,
        };
        [
            Change::Tag(NewTag { name: "known".to_owned(), expires: None }),
            Change::Stage(Stage { journey: "lifecycle".to_owned(), stage: "again".to_owned() }),
            Change::Put(Trait { name: "score".to_owned(), value: Value::Number(2.0) }),
            Change::Wake(Wake { key: "later".to_owned(), due: now + 1_000_000 }),
            Change::Intend(intent),
            Change::AskStaff(StaffTask { title: "call her".to_owned(), due: None }),
        ]
    }
}

impl Plugins for Native {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        if binding.name != Native::binding().name {
            return Buyers.evaluate(binding, turns);
        }
        let decide = |turn: &Turn<'_>| {
            if matches!(turn.happening, Happening::Fact { event, .. } if event.id.ends_with("-boom")) {
                return TurnOutcome::Fault { kind: "trap".to_owned(), text: "boom".to_owned() };
            }
            if binding.settings == SILENT {
                return TurnOutcome::Verdict(Verdict { decisions: Vec::new(), memory: None });
            }
            let seen = turn.memory.map_or(0, |memory| memory[0]) + 1;
            let because = |change| Decision { why: "told again".to_owned(), change };
            let decisions = if seen > 1 { Native::changes(turn.now).map(because).into() } else { Vec::new() };
            TurnOutcome::Verdict(Verdict { decisions, memory: Some(vec![seen]) })
        };
        Ok(turns.iter().map(decide).collect())
    }

    fn fuel(&self, _: &Binding, turn: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        Ok(Some(40 + turn.memory.map_or(1, |memory| u64::from(memory[0]) + 1)))
    }
}
