//! The commands over a small life: three customers, a policy in plain Rust, a journal and a store in memory.

mod broadcasts;
mod customers;
mod exports;
mod journals;
mod past;
mod reasons;
mod segments;
mod then;

use std::sync::Arc;

use journal::{Batch, Journal, MemoryJournal, Records};
use model::{
    Act, Binding, Change, ChannelEvent, Content, Decision, Digest, Direction, Entry, Event, Fact, Happening,
    Identity, Instant, Intent, Message, NewTag, Order, OrderLine, OrderStep, PolicyDescriptor, Setup,
    StaffTask, Stage, Touchpoint, Trait, Turn, Value, Verdict, Wake,
};
use router::{Plugins, PluginsError, Router, RouterConfig, TurnOutcome};
use segment::Segment;
use store::{MemoryStore, Store};

pub(super) const DAY_MS: u64 = 86_400_000;
/// 2026-03-01 08:00:00 in Beijing.
pub(super) const MARCH: Instant = 1_772_323_200_000;

/// A host's data, and a fold over it.
pub(super) struct Host {
    pub(super) journal: Arc<MemoryJournal>,
    pub(super) store: Arc<MemoryStore>,
}

impl Host {
    pub(super) fn empty() -> Host {
        Host { journal: Arc::default(), store: Arc::default() }
    }

    /// 小满 buys, and 70 days later has not bought again; before that she helped 小雪, of whom the policy tells.
    pub(super) fn lived() -> Host {
        let host = Host::empty();
        host.append(MARCH, vec![Entry::Setup(setup())]);
        host.append(MARCH + 1, vec![event("e1", 1, told("小满")), event("e2", 2, told("小雪\u{1b}[31m"))]);
        host.append(MARCH + DAY_MS, vec![event("e3", 1, said("面霜还有吗\n在吗")), event("e4", 1, bought())]);
        host.append(MARCH + 2 * DAY_MS, vec![event("e5", 1, helped(2))]);
        host.fold(MARCH + 70 * DAY_MS);
        host
    }

    pub(super) fn append(&self, now: Instant, entries: Vec<Entry>) {
        self.journal.append(&[Batch { now, entries, ..Batch::default() }]).unwrap();
    }

    pub(super) fn fold(&self, now: Instant) {
        let (journal, store) = (self.journal.clone(), self.store.clone());
        let mut router = Router::open(journal, store, Arc::new(Native), RouterConfig::default()).unwrap();
        router.settle(now).unwrap();
    }

    pub(super) fn customer(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let command: super::CustomerCommand = parsed(arguments);
        printed(|out, json| super::customer(command, &self.asked(Vec::new()), json, out), arguments)
    }

    pub(super) fn journal(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = ["--by", "li", "--why", "a copy for the office"];
        let said = if arguments[0] == "tail" { &[][..] } else { &said[..] };
        let command: super::JournalCommand = parsed(&[arguments, said].concat());
        let (journal, store): (Arc<dyn Journal>, Arc<dyn Store>) = (self.journal.clone(), self.store.clone());
        printed(|out, json| super::journal(command, "brand", journal, store, json, out), arguments)
    }

    pub(super) fn segment(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.segment_of(segments::segments(), arguments)
    }

    pub(super) fn segment_of(&self, segments: Vec<Segment>, arguments: &[&str]) -> anyhow::Result<String> {
        let command: super::SegmentCommand = parsed(arguments);
        printed(|out, json| super::segment(command, &self.asked(segments), json, out), arguments)
    }

    pub(super) fn counts(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let asked = self.asked(segments::segments());
        printed(|out, json| super::counts(&asked, &when(arguments), json, out), arguments)
    }

    pub(super) fn notes(&self, arguments: &[&str]) -> anyhow::Result<String> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            notes: super::NotesArguments,
        }
        let given = arguments.iter().filter(|argument| **argument != "--json");
        let line: Line = clap::Parser::try_parse_from(std::iter::once(&"heliu").chain(given)).unwrap();
        let asked = self.asked(segments::segments());
        printed(|out, json| super::notes(&line.notes, &asked, json, out), arguments)
    }

    pub(super) fn export(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = ["--by", "li", "--why", "the monthly report"];
        let command: super::ExportCommand = parsed(&[arguments, &said].concat());
        printed(|out, json| super::export(command, &self.asked(segments::segments()), json, out), arguments)
    }

    pub(super) fn intent(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let command: super::IntentCommand = parsed(arguments);
        printed(|out, json| super::intent(command, &self.asked(segments::segments()), json, out), arguments)
    }

    pub(super) fn identity(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let command: super::IdentityCommand = parsed(arguments);
        printed(|out, json| super::identity(command, &self.asked(segments::segments()), json, out), arguments)
    }

    /// At the time up to which the host has come.
    fn asked(&self, segments: Vec<Segment>) -> super::Asked {
        let now = self.store.standing().unwrap().0.fired;
        let plugins = Box::new(|| Ok(Arc::new(Native) as Arc<dyn Plugins>));
        super::Asked { journal: self.journal.clone(), store: self.store.clone(), segments, now, plugins }
    }

    pub(super) fn digest(&self) -> String {
        self.digest_of(&["--json"]).unwrap()
    }

    pub(super) fn digest_of(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let asked = self.asked(Vec::new());
        printed(|out, json| super::digest(&asked, &when(arguments), json, out), arguments)
    }

    pub(super) fn dead(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let command: super::DeadCommand = parsed(arguments);
        printed(|out, json| super::dead(command, &self.asked(Vec::new()), json, out), arguments)
    }

    pub(super) fn broadcast(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let command: super::BroadcastCommand = parsed(arguments);
        let (asked, plan) = (self.asked(segments::segments()), courier::Plan::default());
        let propose: super::Propose = Box::new(super::propose_alone);
        let ground = super::Ground { asked, plan, outlets: Vec::new(), stages: Vec::new(), propose };
        printed(|out, json| super::broadcast(command, &ground, json, out), arguments)
    }

    /// Everything that is kept of her.
    pub(super) fn kept(&self, who: &str, arguments: &[&str]) -> anyhow::Result<serde_json::Value> {
        let (asked, when) = (self.asked(Vec::new()), when(arguments));
        let found = when.person(&asked, who)?;
        let printed = printed(|out, _| super::export_customer(&asked, &found, Some(9), out), arguments)?;
        Ok(serde_json::from_str(&printed)?)
    }
}

fn parsed<C: clap::Subcommand>(arguments: &[&str]) -> C {
    try_parsed(arguments).unwrap()
}

fn try_parsed<C: clap::Subcommand>(arguments: &[&str]) -> Result<C, clap::Error> {
    #[derive(clap::Parser)]
    struct Line<C: clap::Subcommand> {
        #[command(subcommand)]
        command: C,
    }
    let arguments = arguments.iter().filter(|argument| **argument != "--json");
    let line: Result<Line<C>, _> = clap::Parser::try_parse_from(std::iter::once(&"heliu").chain(arguments));
    line.map(|line| line.command)
}

fn when(arguments: &[&str]) -> super::When {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        when: super::When,
    }
    let given = arguments.iter().filter(|argument| **argument != "--json");
    let line: Line = clap::Parser::try_parse_from(std::iter::once(&"heliu").chain(given)).unwrap();
    line.when
}

fn printed(
    run: impl FnOnce(&mut dyn std::io::Write, bool) -> anyhow::Result<()>,
    arguments: &[&str],
) -> anyhow::Result<String> {
    let mut out = Vec::new();
    run(&mut out, arguments.contains(&"--json"))?;
    Ok(String::from_utf8(out).unwrap())
}

pub(super) fn setup() -> Setup {
    let descriptor = PolicyDescriptor {
        title: "The next order".to_owned(),
        settings_schema: "{}".to_owned(),
        wants: Vec::new(),
        tags: vec!["*".to_owned()],
        journeys: vec!["lifecycle".to_owned()],
        reads: Vec::new(),
    };
    let binding = Binding {
        name: "repurchase".to_owned(),
        digest: Digest([7; 32]),
        settings: "{\"days\":60}".to_owned(),
        descriptor,
        carry: false,
        paused: None,
    };
    Setup {
        outcomes: model::Outcomes::default(),
        policies: vec![binding],
        schemes: Vec::new(),
        phone_country: "86".to_owned(),
        tenant: "brand".to_owned(),
    }
}

fn person(number: u64) -> Identity {
    let scheme = "wechat.unionid".to_owned();
    Identity { scheme, scope: "wx1".to_owned(), value: format!("o6:{number}") }
}

pub(super) fn event(id: &str, number: u64, fact: Fact) -> Entry {
    let phone =
        Identity { scheme: "phone".to_owned(), scope: String::new(), value: format!("1990000000{number}") };
    let event = Event {
        id: id.to_owned(),
        at: MARCH,
        who: vec![person(number), phone],
        staff: None,
        touchpoint: Touchpoint::DirectMessage,
        fact,
        extra: Some("{\"n\":\n18446744073709551999}".to_owned()),
    };
    Entry::Event(ChannelEvent { connection: "wecom-main".to_owned(), event })
}

pub(super) fn told(name: &str) -> Fact {
    Fact::Told(vec![Trait { name: "name".to_owned(), value: Value::Text(name.to_owned()) }])
}

pub(super) fn said(text: &str) -> Fact {
    Fact::Said(Message {
        direction: Direction::FromCustomer,
        kind: "text".to_owned(),
        text: Some(text.to_owned()),
        group: None,
        about: None,
    })
}

fn bought() -> Fact {
    let line = OrderLine {
        sku: "s".to_owned(),
        title: "面霜 50g".to_owned(),
        category: None,
        quantity: 2,
        paid: Some(19_900),
    };
    Fact::Bought(Order {
        id: "E1".to_owned(),
        step: OrderStep::Paid,
        currency: "CNY".to_owned(),
        total: Some(19_900),
        paid: Some(19_900),
        refunded: Some(0),
        lines: vec![line],
        placed_at: MARCH,
        source: None,
    })
}

fn did(kind: &str, whom: Option<Identity>) -> Fact {
    Fact::Did(Act { kind: kind.to_owned(), object: None, title: None, quantity: None, state: None, whom })
}

fn helped(number: u64) -> Fact {
    did("helped-friend", Some(person(number)))
}

/// With these settings, the policy decides nothing.
pub(super) const SILENT: &str = "{\"silent\":true}";

/// Tags and moves buyers, wakes itself 60 days later, and tells of friends who were helped.
struct Native;

impl Plugins for Native {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let silent = binding.settings == SILENT;
        let verdict = |turn: &Turn<'_>| {
            if matches!(turn.happening, Happening::Fact { event, .. } if event.fact == did("boom", None)) {
                return TurnOutcome::Fault { kind: "trap".to_owned(), text: "boom".to_owned() };
            }
            let decisions = if silent { Vec::new() } else { decide(turn) };
            TurnOutcome::Verdict(Verdict { decisions, memory: remember(turn) })
        };
        Ok(turns.iter().map(verdict).collect())
    }

    fn fuel(&self, _: &Binding, _: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        Ok(Some(4711))
    }
}

/// What she told it to remember last.
fn remember(turn: &Turn<'_>) -> Option<Vec<u8>> {
    let told = match turn.happening {
        Happening::Fact {
            event: Event { fact: Fact::Said(Message { text: Some(text), .. }), .. }, ..
        } => text.strip_prefix("remember ").map(|text| text.as_bytes().to_vec()),
        _ => None,
    };
    told.or_else(|| turn.memory.map(<[u8]>::to_vec))
}

fn decide(turn: &Turn<'_>) -> Vec<Decision> {
    let because = |why: &str, change| Decision { why: why.to_owned(), change };
    let tag = |name: &str| Change::Tag(NewTag { name: name.to_owned(), expires: None });
    let fact = match turn.happening {
        Happening::Alarm { key: "recommend", due: _ } => {
            return vec![because("a day later", tell(turn, person(2), did("was.recommended", None)))];
        }
        Happening::Alarm { key: _, due: _ } => {
            let stage = Stage { journey: "lifecycle".to_owned(), stage: "lapsed".to_owned() };
            let intent = Intent {
                key: "revisit-1".to_owned(),
                scene: "direct-message".to_owned(),
                text: Some("面霜用完了吗".to_owned()),
                content: Some(Content {
                    id: "c".to_owned(),
                    kind: "coupon".to_owned(),
                    title: None,
                    category: None,
                }),
                detail: None,
                not_before: None,
                not_after: None,
            };
            let why = "60 days without an order";
            return vec![
                because(why, tag("lapsed")),
                because(why, Change::Stage(stage)),
                because(why, Change::Intend(intent)),
            ];
        }
        Happening::Fact { event, extra: _ } => &event.fact,
    };
    match fact {
        Fact::Bought(_) => {
            let wake = Wake { key: "revisit".to_owned(), due: turn.now + 60 * DAY_MS };
            vec![because("an order was paid", tag("buyer")), because("to look again", Change::Wake(wake))]
        }
        // She passes it on to the third, and that is told as her own doing.
        Fact::Did(Act { kind, whom: Some(_), .. }) if kind == "began-chain" => {
            let fact = did("helped-friend", Some(person(3)));
            vec![because("she began a chain", tell(turn, person(2), fact))]
        }
        // Each one in the line tells of the next one, and the last one of nobody.
        Fact::Did(Act { kind, whom: Some(whom), .. }) if kind == "began-line" => {
            let next = whom.value.trim_start_matches("o6:").parse::<u64>().unwrap() + 1;
            if next > 31 {
                return vec![because("she is in line", tag("in-line"))];
            }
            let fact = did("began-line", Some(person(next)));
            vec![
                because("she is in line", tag("in-line")),
                because("the next", tell(turn, whom.clone(), fact)),
            ]
        }
        Fact::Did(Act { kind, .. }) if kind == "recommends-later" => {
            let wake = Wake { key: "recommend".to_owned(), due: turn.now + DAY_MS };
            vec![because("not at once", Change::Wake(wake))]
        }
        Fact::Did(act) if act.kind == "was.recommended" => vec![because("so it is", tag("recommended"))],
        Fact::Did(act) if act.kind == "was.helped" => vec![because("a friend helped her", tag("helped"))],
        Fact::Did(Act { kind, .. }) if kind == "asked-staff" => {
            let task = StaffTask { title: "call her".to_owned(), due: None };
            vec![because("she asked for a call", Change::AskStaff(task))]
        }
        Fact::Did(Act { whom: Some(whom), .. }) => {
            vec![because("she helped a friend", tell(turn, whom.clone(), did("was.helped", None)))]
        }
        _ => Vec::new(),
    }
}

fn tell(turn: &Turn<'_>, whom: Identity, fact: Fact) -> Change {
    Change::Tell(Event {
        id: String::new(),
        at: turn.now,
        who: vec![whom],
        staff: None,
        touchpoint: Touchpoint::Other,
        fact,
        extra: None,
    })
}
