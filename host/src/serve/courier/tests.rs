//! The mover over a journal and a store in memory, with the real fold between them, and outlets that do as they are told.

mod budgets;
mod ends;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::courier::{
    Budget, Calendar, Cap, Limit, Of, Plan, Rules, Scope, Step, Suppression, Then, Window, Zone,
};
use journal::{Batch, MemoryJournal, Receipt, Records, Refused};
use model::{
    Ability, Binding, Carriage, Change, ChannelEvent, ConnectorDescriptor, Content, Customer, CustomerId,
    Decision, Deed, Digest, Entry, Errand, Event, Fact, Fault, Happening, HeldIntent, Identity, Instant,
    Intent, IntentState, OperatorAct, Order, OrderLine, OrderStep, Outcome, PolicyDescriptor, Position,
    Proposal, Receipt as CarriedReceipt, ReceiptStep, Scheme, Setup, Touchpoint, Trait, Turn, Value, Verdict,
    WELCOME, Wake,
};
use router::{Plugins, PluginsError, Router, RouterConfig, TurnOutcome};
use store::{MemoryStore, Query, Store};
use tokio::sync::{Notify, watch};

use super::Courier;
use super::port::{Carried, Left, Port};
use crate::carrying::Outlet;

const START: Instant = 1_795_140_000_000;
const HOUR: Instant = 3_600_000;
const DAY: Instant = 24 * HOUR;

/// How a fake outlet takes a call.
#[derive(Clone, Debug)]
enum Manner {
    Sends,
    AsksStaff,
    Fails(Fault),
    Breaks,
    /// It does it, and never comes back.
    Hangs,
}

struct NoPolicies;

impl Plugins for NoPolicies {
    fn evaluate(&self, _: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        assert!(turns.is_empty(), "nothing is bound");
        Ok(Vec::new())
    }
}

/// What is there whether a host runs or not.
struct World {
    journal: Arc<MemoryJournal>,
    store: Arc<MemoryStore>,
    router: Mutex<Router>,
    now: AtomicU64,
    plan: Mutex<Plan>,
    outlets: Mutex<BTreeMap<String, Outlet>>,
    /// By connection; what is left over is the last one.
    manners: Mutex<BTreeMap<String, VecDeque<Manner>>>,
    /// The calls that each connection had: the ids of their errands.
    calls: Mutex<BTreeMap<String, Vec<Vec<Errand>>>>,
    troubles: Mutex<BTreeMap<String, String>>,
    journal_fails: AtomicBool,
}

#[derive(Clone)]
struct FakePort(Arc<World>);

impl Port for FakePort {
    fn now(&self) -> Instant {
        self.0.now.load(Ordering::SeqCst)
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::new(Rules::new(self.0.plan.lock().unwrap().clone()))
    }

    fn outlets(&self) -> Arc<BTreeMap<String, Outlet>> {
        Arc::new(self.0.outlets.lock().unwrap().clone())
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Receipt, Refused> {
        if self.0.journal_fails.load(Ordering::SeqCst) {
            return Err(Refused::Busy);
        }
        Ok(self.0.append(entries))
    }

    async fn folded(&self, _: Position) {
        self.0.settle();
    }

    async fn carry(&self, connection: &str, errands: &[Errand]) -> (Carried, Left) {
        self.0.calls.lock().unwrap().entry(connection.to_owned()).or_default().push(errands.to_vec());
        let manner = {
            let mut manners = self.0.manners.lock().unwrap();
            let manners = manners.entry(connection.to_owned()).or_default();
            if manners.len() > 1 { manners.pop_front() } else { manners.front().cloned() }
        };
        let all = |outcome: Outcome| Carried::Delivered(vec![outcome; errands.len()]);
        let carried = match manner.unwrap_or(Manner::Sends) {
            Manner::Sends => all(Outcome::Sent(Some("msg-1".to_owned()))),
            Manner::AsksStaff => all(Outcome::AwaitingStaff(None)),
            Manner::Fails(fault) => all(Outcome::Failed(fault)),
            Manner::Breaks => Carried::Broken("trap".to_owned()),
            Manner::Hangs => std::future::pending().await,
        };
        (carried, Left::default())
    }

    async fn keep(&self, _: &str, entries: Vec<Entry>, _: Left) -> Option<Position> {
        let receipt = self.0.append(entries);
        receipt.placed.iter().map(|placed| placed.position()).max()
    }

    fn show_trouble(&self, connection: &str, trouble: Option<String>) {
        let mut troubles = self.0.troubles.lock().unwrap();
        match trouble {
            Some(trouble) => drop(troubles.insert(connection.to_owned(), trouble)),
            None => drop(troubles.remove(connection)),
        }
    }
}

fn handle(person: &str) -> Identity {
    Identity { scheme: "wecom.id".to_owned(), scope: String::new(), value: person.to_owned() }
}

fn intent(key: &str, scene: &str) -> Intent {
    Intent {
        key: key.to_owned(),
        scene: scene.to_owned(),
        text: Some("hello".to_owned()),
        content: None,
        detail: None,
        not_before: None,
        not_after: None,
    }
}

impl World {
    fn new(plan: Plan) -> Arc<World> {
        World::with(plan, Arc::new(NoPolicies), Vec::new())
    }

    fn with(plan: Plan, plugins: Arc<dyn Plugins>, policies: Vec<Binding>) -> Arc<World> {
        let (journal, store) = (Arc::new(MemoryJournal::default()), Arc::new(MemoryStore::default()));
        let router = Router::open(journal.clone(), store.clone(), plugins, RouterConfig::default());
        let world = World {
            journal,
            store,
            router: Mutex::new(router.unwrap()),
            now: AtomicU64::new(START),
            plan: Mutex::new(plan),
            outlets: Mutex::default(),
            manners: Mutex::default(),
            calls: Mutex::default(),
            troubles: Mutex::default(),
            journal_fails: AtomicBool::default(),
        };
        let scheme = Scheme { name: "wecom.id".to_owned(), lasting: true, one_per_person: false };
        world.append(vec![Entry::Setup(Setup { schemes: vec![scheme], policies, ..Setup::default() })]);
        world.connect("wecom", &["direct-message", "welcome", "tag"], &[]);
        Arc::new(world)
    }

    /// Staff confirm messages; everything else is sent.
    fn connect(&self, name: &str, scenes: &[&str], carry_again: &[&str]) {
        let ability = |&scene: &&str| {
            let carriage = if scene == "direct-message" { Carriage::AsksStaff } else { Carriage::Sends };
            Ability { scene: scene.to_owned(), carriage }
        };
        let descriptor = ConnectorDescriptor {
            channel: "wecom".to_owned(),
            title: String::new(),
            settings_schema: "{}".to_owned(),
            schemes: vec![Scheme { name: "wecom.id".to_owned(), lasting: true, one_per_person: false }],
            abilities: scenes.iter().map(ability).collect(),
            hosts: Vec::new(),
        };
        let again: Vec<String> = carry_again.iter().map(|&scene| scene.to_owned()).collect();
        // Both reach everybody: the scope of a handle is empty, and so is a text of their settings.
        let outlet = Outlet::new(name, &descriptor, r#"{"scope": ""}"#, &[], &again, None);
        self.outlets.lock().unwrap().insert(name.to_owned(), outlet);
    }

    fn behave(&self, connection: &str, manners: &[Manner]) {
        self.manners.lock().unwrap().insert(connection.to_owned(), manners.iter().cloned().collect());
    }

    fn append(&self, entries: Vec<Entry>) -> Receipt {
        let now = self.now.load(Ordering::SeqCst);
        self.journal.append(&[Batch { now, entries, ..Batch::default() }]).unwrap().remove(0)
    }

    fn settle(&self) {
        self.router.lock().unwrap().settle(self.now.load(Ordering::SeqCst)).unwrap();
    }

    fn pass(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    fn fact(&self, id: &str, person: &str, fact: Fact) {
        self.fact_by(id, person, None, fact);
    }

    fn fact_by(&self, id: &str, person: &str, staff: Option<&str>, fact: Fact) {
        let event = Event {
            id: id.to_owned(),
            at: self.now.load(Ordering::SeqCst),
            who: vec![handle(person)],
            staff: staff.map(str::to_owned),
            touchpoint: Touchpoint::Other,
            fact,
            extra: None,
        };
        self.append(vec![Entry::Event(ChannelEvent { connection: "wecom".to_owned(), event })]);
        self.settle();
    }

    fn meet(&self, person: &str) -> CustomerId {
        let called = Trait { name: "name".to_owned(), value: Value::Text(person.to_owned()) };
        self.fact(&format!("met-{person}"), person, Fact::Told(vec![called]));
        self.customer(person).id
    }

    /// A member of staff meets somebody.
    fn meet_by(&self, person: &str, staff: &str) {
        self.fact_by(&format!("met-{person}"), person, Some(staff), Fact::Told(Vec::new()));
    }

    fn propose(&self, person: &str, intent: Intent) {
        let customer = self.customer(person).id;
        let proposal = Proposal { customer, binding: "broadcast.sale".to_owned(), intent };
        let id = format!("act-{person}-{}", proposal.intent.key);
        let deed = Deed::Propose(proposal);
        let act = OperatorAct { id, by: "li".to_owned(), why: "sale".to_owned(), deed };
        self.append(vec![Entry::Act(act)]);
        self.settle();
    }

    fn customer(&self, person: &str) -> Customer {
        let owner = self.store.resolve(&[&handle(person)]).unwrap()[0].expect("somebody has it");
        self.store.load(&[owner]).unwrap().remove(0).expect("she is there")
    }

    fn held(&self, person: &str, key: &str) -> HeldIntent {
        let customer = self.customer(person);
        customer.intents.into_iter().find(|held| held.intent.key == key).expect("it was intended")
    }

    /// The states of its steps, and the word for the last one.
    fn steps(&self, person: &str, key: &str) -> (Vec<IntentState>, String) {
        let held = self.held(person, key);
        let code = held.steps.last().map(|step| step.code.clone()).unwrap_or_default();
        (held.steps.iter().map(|step| step.state).collect(), code)
    }

    fn calls(&self, connection: &str) -> Vec<Vec<Errand>> {
        self.calls.lock().unwrap().get(connection).cloned().unwrap_or_default()
    }

    fn courier(self: &Arc<World>) -> Courier<FakePort> {
        Courier::new(FakePort(Arc::clone(self)), self.journal.clone(), self.store.clone())
    }

    async fn carry(self: &Arc<World>) {
        self.courier().until_quiet().await.unwrap();
        self.settle();
    }
}

fn once_a_day() -> Plan {
    let cap = Cap {
        name: None,
        scope: Scope::default(),
        limit: Limit::Count(1),
        window: Window::Calendar(Calendar::Day),
        zone: Zone::utc(),
    };
    Plan { caps: vec![cap], ..Plan::default() }
}

#[tokio::test]
async fn what_is_proposed_is_carried_once_and_its_way_stands_in_the_ledger() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    world.behave("wecom", &[Manner::AsksStaff]);
    world.carry().await;
    world.carry().await;
    let (states, _) = world.steps("an", "k");
    assert_eq!(states, [IntentState::Due, IntentState::AwaitingStaff]);
    let held = world.held("an", "k");
    let told = |held: &HeldIntent| -> Vec<(String, String)> {
        held.steps.iter().map(|step| (step.code.clone(), step.reason.clone())).collect()
    };
    let said = |code: &str, reason: &str| (code.to_owned(), reason.to_owned());
    let mut words = vec![
        said("let-through", "no rule stops it: \"wecom\" asks staff to confirm it"),
        said("asks-staff", "\"wecom\" has asked staff to confirm it"),
    ];
    assert_eq!(told(&held), words, "each step says why");
    let calls = world.calls("wecom");
    assert_eq!(calls.len(), 1);
    let errand = &calls[0][0];
    assert_eq!((errand.id.as_str(), errand.to.as_slice()), (held.id.as_str(), [handle("an")].as_slice()));
    assert_eq!((errand.scene.as_str(), errand.detail.as_str()), ("direct-message", "null"));
    let confirmed = CarriedReceipt { errand: held.id, step: ReceiptStep::Confirmed, why: None };
    world.fact("receipt", "an", Fact::Carried(confirmed));
    world.carry().await;
    assert_eq!((world.held("an", "k").state, world.calls("wecom").len()), (IntentState::Confirmed, 1));
    words.push(said("receipt", "\"wecom\" says so: confirmed"));
    assert_eq!(told(&world.held("an", "k")), words);
}

#[tokio::test]
async fn the_second_of_a_day_is_held_and_goes_out_the_next_day() {
    let world = World::new(once_a_day());
    world.meet("an");
    world.propose("an", intent("one", "direct-message"));
    world.carry().await;
    world.propose("an", intent("two", "direct-message"));
    world.carry().await;
    assert_eq!(world.steps("an", "two"), (vec![IntentState::Held], "cap".to_owned()));
    let head = world.journal.head().unwrap();
    world.pass(HOUR);
    world.carry().await;
    assert_eq!(world.journal.head().unwrap(), head, "what is held still is not told again");
    world.pass(DAY);
    world.carry().await;
    let (states, _) = world.steps("an", "two");
    assert_eq!(states, [IntentState::Held, IntentState::Due, IntentState::Sent]);
}

#[tokio::test]
async fn what_she_bought_in_between_is_not_carried() {
    let rule = Suppression {
        scope: Scope::default(),
        category: Some("cream".to_owned()),
        kind: None,
        id: None,
        bought: None,
        ms: 60 * DAY,
        then: Then::Drop,
    };
    let world = World::new(Plan { suppressions: vec![rule], ..Plan::default() });
    let content = Content {
        id: "poster".to_owned(),
        kind: "poster".to_owned(),
        title: None,
        category: Some("cream".to_owned()),
    };
    let later = |key: &str| Intent {
        content: Some(content.clone()),
        not_before: Some(START + DAY),
        ..intent(key, "direct-message")
    };
    for person in ["an", "bo", "ci"] {
        world.meet(person);
        world.propose(person, later("cream"));
    }
    world.carry().await;
    assert_eq!(world.steps("an", "cream"), (vec![IntentState::Held], "not-yet".to_owned()));
    world.pass(HOUR);
    let order = |step| {
        let line = OrderLine {
            sku: "c1".to_owned(),
            title: "cream".to_owned(),
            category: Some("cream".to_owned()),
            quantity: 1,
            paid: None,
        };
        Fact::Bought(Order {
            id: "o1".to_owned(),
            step,
            currency: "CNY".to_owned(),
            total: None,
            paid: None,
            refunded: None,
            lines: vec![line],
            placed_at: START + HOUR,
            source: None,
        })
    };
    world.fact("o1-paid", "an", order(OrderStep::Paid));
    world.fact("o2-paid", "bo", order(OrderStep::Paid));
    world.fact("o2-refunded", "bo", order(OrderStep::Refunded));
    world.pass(DAY);
    world.carry().await;
    assert_eq!(world.steps("an", "cream").1, "suppressed");
    assert_eq!(world.held("an", "cream").state, IntentState::Dropped);
    assert_eq!(world.held("bo", "cream").state, IntentState::Sent, "what was given back is not bought");
    assert_eq!(world.held("ci", "cream").state, IntentState::Sent);
}

/// A host that is gone in the middle of a call: the call never comes back, and the mover is dropped.
async fn die_in_a_call(world: &Arc<World>, connection: &str) {
    world.behave(connection, &[Manner::Hangs]);
    let mut courier = world.courier();
    let died = tokio::time::timeout(Duration::from_millis(200), courier.until_quiet()).await;
    assert!(died.is_err(), "the outlet does not come back");
    world.behave(connection, &[Manner::Sends]);
}

#[tokio::test]
async fn what_a_dead_host_was_handing_over_is_not_tried_again() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    die_in_a_call(&world, "wecom").await;
    assert_eq!(world.held("an", "k").state, IntentState::Due);
    world.carry().await;
    assert_eq!(
        world.steps("an", "k"),
        (vec![IntentState::Due, IntentState::Failed], "unknown-end".to_owned())
    );
    assert_eq!(world.calls("wecom").len(), 1);
}

#[tokio::test]
async fn what_may_have_reached_her_takes_its_place() {
    let world = World::new(once_a_day());
    world.meet("an");
    world.propose("an", intent("one", "direct-message"));
    die_in_a_call(&world, "wecom").await;
    world.propose("an", intent("two", "direct-message"));
    world.carry().await;
    assert_eq!(world.steps("an", "two"), (vec![IntentState::Held], "cap".to_owned()));
}

#[tokio::test]
async fn a_channel_that_takes_one_errand_once_is_given_it_again() {
    let world = World::new(Plan::default());
    world.connect("wecom", &["direct-message", "tag"], &["tag"]);
    world.meet("an");
    world.propose("an", intent("k", "tag"));
    die_in_a_call(&world, "wecom").await;
    world.carry().await;
    let (states, _) = world.steps("an", "k");
    assert_eq!(states, [IntentState::Due, IntentState::Held, IntentState::Due, IntentState::Sent]);
    let ids: Vec<String> = world.calls("wecom").iter().map(|call| call[0].id.clone()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "the channel can know it");
}

#[tokio::test]
async fn a_step_that_a_former_host_told_and_nobody_folded_is_not_carried() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    // The former host's journal got the step, and its store was some commits behind when the power went.
    let held = world.held("an", "k");
    let subject = super::told::Subject::of(&world.customer("an"), &held);
    let due = subject.says(IntentState::Due, super::told::Details::default().by("wecom", None));
    world.append(vec![due]);
    world.carry().await;
    assert_eq!(world.steps("an", "k").1, "unknown-end");
    assert!(world.calls("wecom").is_empty());
}

#[tokio::test]
async fn a_connector_that_breaks_off_may_have_carried_it() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    world.behave("wecom", &[Manner::Breaks]);
    world.carry().await;
    assert_eq!(world.steps("an", "k").1, "unknown-end");
    assert!(world.troubles.lock().unwrap()["wecom"].contains("trap"));
}

#[tokio::test]
async fn later_is_tried_again_and_comes_to_an_end() {
    let mut plan = Plan::default();
    plan.retry.tries_max = 3;
    let world = World::new(plan);
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    let later = || Manner::Fails(Fault::Later { why: "busy".to_owned(), retry_after_ms: Some(60_000) });
    world.behave("wecom", &[later()]);
    world.carry().await;
    let held = world.held("an", "k");
    assert_eq!((held.state, held.steps[1].until), (IntentState::Held, Some(START + 60_000)));
    world.carry().await;
    assert_eq!(world.calls("wecom").len(), 1, "not before its time");
    for _ in 0..6 {
        world.pass(HOUR);
        world.carry().await;
    }
    assert_eq!(world.steps("an", "k").1, "tries-used-up");
    assert_eq!(world.calls("wecom").len(), 3);
}

#[tokio::test]
async fn what_only_an_operator_mends_is_held_and_shown() {
    let world = World::new(Plan::default());
    let mut courier = world.courier();
    for person in ["an", "bo"] {
        world.meet(person);
    }
    world.propose("an", intent("k", "direct-message"));
    world.behave("wecom", &[Manner::Fails(Fault::Unauthorised("token".to_owned())), Manner::Sends]);
    courier.until_quiet().await.unwrap();
    world.settle();
    assert_eq!(world.steps("an", "k"), (vec![IntentState::Due, IntentState::Held], "paused".to_owned()));
    assert!(world.troubles.lock().unwrap()["wecom"].contains("operator"));
    world.propose("bo", intent("k", "direct-message"));
    courier.until_quiet().await.unwrap();
    world.settle();
    assert_eq!(world.steps("bo", "k"), (vec![IntentState::Held], "paused".to_owned()), "not even tried");
    assert_eq!(world.calls("wecom").len(), 1);
    world.pass(2 * HOUR);
    courier.until_quiet().await.unwrap();
    world.settle();
    assert_eq!(["an", "bo"].map(|her| world.held(her, "k").state), [IntentState::Sent; 2]);
    courier.until_quiet().await.unwrap();
    assert!(world.troubles.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_scene_that_is_misconfigured_stops_no_other() {
    let world = World::new(Plan::default());
    let mut courier = world.courier();
    world.meet("an");
    world.propose("an", intent("one", "direct-message"));
    world.behave("wecom", &[Manner::Fails(Fault::Misconfigured("no right".to_owned())), Manner::Sends]);
    courier.until_quiet().await.unwrap();
    world.propose("an", intent("two", "tag"));
    courier.until_quiet().await.unwrap();
    world.settle();
    assert_eq!(world.held("an", "two").state, IntentState::Sent);
    assert_eq!(world.steps("an", "one").1, "paused");
}

#[tokio::test]
async fn equal_messages_of_one_member_of_staff_are_one_call() {
    let world = World::new(Plan::default());
    let with = |key: &str, staff: &str| Intent {
        detail: Some(format!(r#"{{"staff":"{staff}"}}"#)),
        ..intent(key, "direct-message")
    };
    for person in ["an", "bo", "ci"] {
        world.meet(person);
        world.propose(person, with("k", if person == "ci" { "wang" } else { "lin" }));
    }
    world.behave("wecom", &[Manner::AsksStaff]);
    world.carry().await;
    let sizes: Vec<usize> = world.calls("wecom").iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 1]);
    assert_eq!(world.calls("wecom")[0][0].staff.as_deref(), Some("lin"));
}

#[tokio::test]
async fn what_was_sent_today_is_known_after_a_restart() {
    let budget =
        Budget { scope: Scope::default(), of: Of::Connection, steps: vec![Step { day: 0, budget: 2 }] };
    let world = World::new(Plan { budgets: vec![budget], ..Plan::default() });
    for person in ["an", "bo", "ci", "di"] {
        world.meet(person);
    }
    // One that came back takes no place.
    world.propose("di", intent("k", "direct-message"));
    let later = Fault::Later { why: "busy".to_owned(), retry_after_ms: Some(DAY as u32) };
    world.behave("wecom", &[Manner::Fails(later), Manner::Sends]);
    world.carry().await;
    for person in ["an", "bo", "ci"] {
        world.propose(person, intent("k", "direct-message"));
        world.carry().await;
    }
    assert_eq!(world.held("bo", "k").state, IntentState::Sent);
    assert_eq!(world.steps("ci", "k"), (vec![IntentState::Held], "budget".to_owned()));
    world.pass(DAY - HOUR);
    world.carry().await;
    assert_eq!(world.held("ci", "k").state, IntentState::Sent);
}

#[tokio::test]
async fn nothing_is_handed_over_before_the_journal_knows() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    world.journal_fails.store(true, Ordering::SeqCst);
    let run = Running::start(&world);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(world.calls("wecom").is_empty());
    world.journal_fails.store(false, Ordering::SeqCst);
    run.until(&world, || world.held("an", "k").state == IntentState::Sent).await;
    assert_eq!(world.calls("wecom").len(), 1);
}

/// The mover as it runs by the system's clock.
struct Running {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    _folds: watch::Sender<api::HealthReport>,
}

impl Running {
    fn start(world: &Arc<World>) -> Running {
        let (stop, stopped) = watch::channel(false);
        let (folds, health) = watch::channel(api::HealthReport::default());
        let task = tokio::spawn(world.courier().run(health, Arc::new(Notify::new()), stopped));
        Running { stop, task, _folds: folds }
    }

    /// Waits until it is so, and folds meanwhile, as the folder does.
    async fn until(self, world: &World, is_so: impl Fn() -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while !is_so() {
                world.settle();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.expect("it comes to be so");
        self.stop.send_replace(true);
        self.task.abort();
    }
}

#[tokio::test]
async fn a_dead_connection_delays_neither_another_nor_a_welcome() {
    let world = World::new(Plan::default());
    world.connect("wecom", &["direct-message", "welcome"], &[]);
    world.connect("other", &["tag"], &[]);
    world.behave("wecom", &[Manner::Hangs]);
    for number in 0..40 {
        let person = format!("p{number}");
        world.meet(&person);
        let different = Intent { text: Some(person.clone()), ..intent("k", "direct-message") };
        world.propose(&person, different);
    }
    let run = Running::start(&world);
    let hanging = || world.calls("wecom").len() >= super::lane::CALLS_MAX;
    tokio::time::timeout(Duration::from_secs(20), async {
        while !hanging() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("all calls hang");
    world.behave("wecom", &[Manner::Sends]);
    for person in ["an", "p39"] {
        world.meet(person);
        world.propose(person, intent("hi", WELCOME));
    }
    world.meet("bo");
    world.propose("bo", intent("t", "tag"));
    let done = |person: &str, key: &str| world.held(person, key).state == IntentState::Sent;
    run.until(&world, || done("an", "hi") && done("p39", "hi") && done("bo", "t")).await;
    assert_eq!(world.held("p0", "k").state, IntentState::Due);
    let messages = world.calls("wecom").iter().filter(|call| call[0].scene == "direct-message").count();
    assert_eq!(messages, super::lane::CALLS_MAX);
}

#[tokio::test]
async fn a_host_that_stops_hears_its_calls_out() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", intent("k", "direct-message"));
    let run = Running::start(&world);
    tokio::time::timeout(Duration::from_secs(20), async {
        while world.calls("wecom").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is carried");
    run.stop.send_replace(true);
    run.task.await.unwrap();
    world.settle();
    assert_eq!(world.held("an", "k").state, IntentState::Sent);
}

#[tokio::test]
async fn many_customers_are_judged_page_by_page() {
    let world = World::new(Plan::default());
    for number in 0..600 {
        world.meet(&format!("p{number}"));
    }
    let customers = world.store.page(&Query { limit: usize::MAX, ..Query::default() }).unwrap();
    let propose = |customer: &Customer| {
        let binding = "broadcast.sale".to_owned();
        let proposal = Proposal { customer: customer.id, binding, intent: intent("k", "direct-message") };
        let id = format!("sale/{}", customer.id);
        let (by, why) = ("li".to_owned(), "sale".to_owned());
        Entry::Act(OperatorAct { id, by, why, deed: Deed::Propose(proposal) })
    };
    world.append(customers.iter().map(propose).collect());
    world.settle();
    world.carry().await;
    let sent = world.calls("wecom").iter().map(Vec::len).sum::<usize>();
    assert_eq!(sent, 600);
    assert_eq!(world.held("p599", "k").state, IntentState::Sent);
}
