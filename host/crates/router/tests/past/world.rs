//! A journal, a store, a router, and three small policies.

use std::sync::Arc;

use journal::{Batch, MemoryJournal, Records};
use model::{
    Act, Binding, Cause, Change, ChannelEvent, CustomerId, Decision, Deed, Digest, Entry, Event, Fact,
    Happening, Identity, Intent, NewTag, OperatorAct, Order, OrderStep, PolicyDescriptor, Position, Record,
    Scheme, Setup, Stage, Touchpoint, Trait, Turn, Value, Verdict, Wake,
};
use router::{
    Plugins, PluginsError, Question, Router, RouterConfig, RouterError, Since, Slice, Target, TurnOutcome,
    Walk, WhyNot, as_of_position, refold, why_not,
};
use store::{MemoryStore, Standing, Store};

pub struct World {
    journal: Arc<dyn Records>,
    store: Arc<dyn Store>,
    plugins: Arc<dyn Plugins>,
    router: Router,
    count: u64,
}

impl World {
    pub fn new() -> World {
        let journal: Arc<dyn Records> = Arc::new(MemoryJournal::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let plugins: Arc<dyn Plugins> = Arc::new(Natives);
        let router = Router::open(journal.clone(), store.clone(), plugins.clone(), RouterConfig::default())
            .expect("in memory");
        let mut world = World { journal, store, plugins, router, count: 0 };
        world.set_up(1, "v0", false);
        world
    }

    pub fn set_up(&mut self, now: u64, settings: &str, carry: bool) {
        self.append(now, Entry::Setup(setup(settings, carry)));
    }

    fn append(&mut self, now: u64, entry: Entry) {
        self.journal.append(&[Batch { now, entries: vec![entry], ..Batch::default() }]).expect("in memory");
        self.router.settle(now).expect("in memory");
    }

    /// Somebody who is known by one handle.
    pub fn says(&mut self, now: u64, who: &str, fact: Fact) {
        self.says_of(now, &[&format!("open:{who}")], fact);
    }

    pub fn says_of(&mut self, now: u64, who: &[&str], fact: Fact) {
        let entry = self.said(who, fact);
        self.append(now, entry);
    }

    /// In the journal, and not folded yet.
    pub fn unfolded(&mut self, now: u64, who: &str, fact: Fact) {
        let entries = vec![self.said(&[&format!("open:{who}")], fact)];
        self.journal.append(&[Batch { now, entries, ..Batch::default() }]).expect("in memory");
    }

    fn said(&mut self, who: &[&str], fact: Fact) -> Entry {
        self.count += 1;
        let event = event(format!("e{}", self.count), who.iter().map(|who| handle(who)).collect(), fact);
        Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })
    }

    /// An operator does something.
    pub fn does(&mut self, now: u64, deed: Deed) {
        self.count += 1;
        let (id, by, why) = (format!("a{}", self.count), "li".to_owned(), "she asked for it".to_owned());
        self.append(now, Entry::Act(OperatorAct { id, by, why, deed }));
    }

    /// The first policy cannot be called, from where the store stands on.
    pub fn pause(&mut self, now: u64) {
        assert!(self.router.pause("loyal", "no answer", now).expect("in memory").is_some());
        self.router.settle(now).expect("in memory");
    }

    /// Without the first policy.
    pub fn unbind(&mut self, now: u64) {
        self.without(now, "loyal");
    }

    pub fn without(&mut self, now: u64, policy: &str) {
        let mut setup = setup("v0", false);
        setup.policies.retain(|binding| binding.name != policy);
        self.append(now, Entry::Setup(setup));
    }

    pub fn settle(&mut self, now: u64) {
        self.router.settle(now).expect("in memory");
    }

    pub fn record(&self, position: Position) -> Record {
        self.journal.fetch(&[position]).expect("in memory").pop().expect("in memory")
    }

    fn slice(&self, customer: u64) -> Arc<Slice> {
        let known = self.store.load(&[CustomerId(customer)]).expect("in memory").pop().flatten();
        let id = known.map_or(CustomerId(customer), |customer| customer.id);
        Arc::new(Slice::of(&self.journal, &*self.store, &[id]).expect("in memory"))
    }

    fn standing(&self) -> Standing {
        self.store.standing().expect("in memory").0
    }

    pub fn ask(
        &self,
        customer: u64,
        policy: &str,
        target: Option<Target>,
    ) -> Result<Option<WhyNot>, RouterError> {
        let question = Question { customer: CustomerId(customer), policy: policy.to_owned(), target };
        why_not(&self.slice(customer), &self.plugins, self.standing(), &question)
    }

    pub fn why_not(&self, customer: u64, target: Option<Target>) -> WhyNot {
        self.ask(customer, "loyal", target).expect("in memory").expect("in memory")
    }

    pub fn why_not_at(&self, customer: u64, target: Option<Target>, position: Position) -> WhyNot {
        let question = Question { customer: CustomerId(customer), policy: "loyal".to_owned(), target };
        let upto = as_of_position(&*self.journal, position).expect("in memory");
        why_not(&self.slice(customer), &self.plugins, upto, &question).expect("in memory").expect("in memory")
    }

    pub fn since(&self, customer: u64, tag: &str, not: bool) -> Since<Option<Cause>> {
        self.since_of(customer, tag, not, 1000)
    }

    pub fn since_of(&self, customer: u64, tag: &str, not: bool, max: u64) -> Since<Option<Cause>> {
        let (target, id) = (Target::Tag(tag.to_owned()), CustomerId(customer));
        let mut walk = Walk::begin(&self.slice(customer), self.plugins.clone()).expect("in memory");
        walk.since(self.standing(), max, |store| {
            let customer = store.load(&[id])?.pop().flatten();
            Ok(customer.and_then(|customer| match (target.cause(&customer, ""), not) {
                (Some(cause), false) => Some(Some(cause)),
                (None, true) => Some(None),
                _ => None,
            }))
        })
        .expect("in memory")
    }

    /// Step by step it comes to the same as at once, and to what the store has.
    pub fn compare_walk(&self, customer: u64) {
        let (slice, upto) = (self.slice(customer), self.standing());
        let mut walk = Walk::begin(&slice, self.plugins.clone()).expect("in memory");
        let steps = std::iter::from_fn(|| walk.step(upto).expect("in memory")).count();
        assert!(steps > slice.len(), "alarms are moments, too: {steps}");
        walk.to(upto).expect("in memory");
        let (digest, _) = walk.store().digest().expect("in memory");
        let refolded = refold(&slice, self.plugins.clone(), upto, false).expect("in memory");
        assert_eq!(refolded.store.digest().expect("in memory").0, digest);
        let stored =
            self.store.load(&[CustomerId(customer)]).expect("in memory").pop().flatten().expect("in memory");
        assert!(refolded.agrees(&stored).expect("in memory"));
    }
}

fn setup(settings: &str, carry: bool) -> Setup {
    let scheme = |name: &str, one_per_person| Scheme { name: name.to_owned(), lasting: true, one_per_person };
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let binding = |name: &str, settings: &str, wants: &[&str]| Binding {
        name: name.to_owned(),
        digest: Digest([7; 32]),
        settings: settings.to_owned(),
        descriptor: PolicyDescriptor {
            title: name.to_owned(),
            settings_schema: "{}".to_owned(),
            wants: texts(wants),
            tags: texts(&["buyer", "helped", "woken", "second"]),
            journeys: texts(&["way"]),
            reads: Vec::new(),
        },
        carry,
        paused: None,
    };
    let policies = vec![
        binding("loyal", settings, &["bought", "did"]),
        binding("strict", "", &["did.leave"]),
        binding("idle", "", &["saw"]),
    ];
    let schemes = vec![scheme("union", true), scheme("phone", false)];
    Setup {
        policies,
        schemes,
        phone_country: "86".to_owned(),
        tenant: "brand".to_owned(),
        ..Setup::default()
    }
}

fn handle(text: &str) -> Identity {
    let (scheme, value) = text.split_once(':').expect("in memory");
    let value = if scheme == "phone" { format!("1990000000{value}") } else { value.to_owned() };
    Identity { scheme: scheme.to_owned(), scope: String::new(), value }
}

fn event(id: String, who: Vec<Identity>, fact: Fact) -> Event {
    Event { id, at: 1, who, staff: None, touchpoint: Touchpoint::Web, fact, extra: None }
}

pub fn act(kind: &str) -> Fact {
    Fact::Did(Act {
        kind: kind.to_owned(),
        object: None,
        title: None,
        quantity: None,
        state: None,
        whom: None,
    })
}

/// She helped somebody.
pub fn helped(whom: &str) -> Fact {
    let whom = Some(handle(&format!("open:{whom}")));
    Fact::Did(Act { kind: "help".to_owned(), object: None, title: None, quantity: None, state: None, whom })
}

pub fn told(name: &str) -> Fact {
    Fact::Told(vec![Trait { name: name.to_owned(), value: Value::Truth(true) }])
}

pub fn bought() -> Fact {
    Fact::Bought(Order {
        id: "o".to_owned(),
        step: OrderStep::Paid,
        currency: "CNY".to_owned(),
        total: None,
        paid: None,
        refunded: None,
        lines: Vec::new(),
        placed_at: 1,
        source: None,
    })
}

fn intent(key: &str) -> Intent {
    Intent {
        key: key.to_owned(),
        scene: "direct-message".to_owned(),
        text: None,
        content: None,
        detail: None,
        not_before: None,
        not_after: None,
    }
}

struct Natives;

impl Plugins for Natives {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        Ok(turns.iter().map(|turn| decide(binding, turn)).collect())
    }

    fn fuel(&self, _: &Binding, _: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        Ok(Some(7))
    }
}

fn decide(binding: &Binding, turn: &Turn<'_>) -> TurnOutcome {
    let because = |why: &str, change| vec![Decision { why: why.to_owned(), change }];
    let tag = |name: &str, expires| Change::Tag(NewTag { name: name.to_owned(), expires });
    let stage = |stage: &str| Change::Stage(Stage { journey: "way".to_owned(), stage: stage.to_owned() });
    let wake = |after| Change::Wake(Wake { key: "look".to_owned(), due: turn.now + after });
    let mut memory = turn.memory.map(<[u8]>::to_vec).unwrap_or_default();
    let second = binding.settings == "v1";
    let decisions = match &turn.happening {
        Happening::Alarm { .. } if memory.contains(&9) => because("once more", wake(1)),
        Happening::Alarm { .. } => because("woke", tag("woken", None)),
        Happening::Fact { event, .. } => match &event.fact {
            // Who was shy is not tagged when she buys.
            Fact::Bought(_) if memory.contains(&5) => Vec::new(),
            Fact::Bought(_) => because("an order", tag("buyer", None)),
            Fact::Did(act) => match act.kind.as_str() {
                "boom" => return TurnOutcome::Fault { kind: "trap".to_owned(), text: "boom".to_owned() },
                "leave" if binding.name == "strict" => because("left", Change::Untag("buyer".to_owned())),
                "short" if second => because("short, again", tag("second", None)),
                "short" => because("for a while", tag("buyer", Some(turn.now + 10))),
                "on" => because("on", stage("first")),
                "off" => because("off", stage("second")),
                "later" => because("later", wake(20)),
                "awake" => {
                    memory.push(9);
                    because("awake", wake(1))
                }
                "shy" => {
                    memory.push(5);
                    Vec::new()
                }
                "meet" if memory.contains(&5) || binding.settings == "silent" => Vec::new(),
                "meet" if second => {
                    let mut both = because("hello", Change::Intend(intent("hello")));
                    both.extend(because("again", Change::Intend(intent("again"))));
                    both
                }
                "meet" => because("hello", Change::Intend(intent("hello"))),
                "helped" => because("she was helped", tag("helped", None)),
                "help" if !second => {
                    let who = act.whom.clone().into_iter().collect();
                    let told = event_of(who);
                    because("she helped", Change::Tell(told))
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        },
    };
    if memory.len() < 6 {
        memory.push(1);
    }
    TurnOutcome::Verdict(Verdict { decisions, memory: Some(memory) })
}

fn event_of(who: Vec<Identity>) -> Event {
    event(String::new(), who, act("helped"))
}
