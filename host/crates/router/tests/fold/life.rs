//! A random life of a tenant: events of a few people under many names, changes of setup, ticks of the clock, failures.

use journal::Batch;
use model::{
    Act as Doing, Bond, ChannelEvent, Configured, Direction, Entry, Event, Fact, Identity, Message, Order,
    OrderStep, Outcomes, Scheme, Setup, Tie, Touchpoint, Trait, Value,
};
use proptest::prelude::*;

use crate::policies;

/// After everything, and after every alarm.
pub const THE_END: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub enum Act {
    Append(Box<Batch>),
    Settle(u64),
    Fail,
    /// An operator, or the courier, says something about what is there by then.
    Say(u64, Word),
}

/// Which of those that are there is meant: any number, taken modulo their count.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    Join(u16, u16),
    Split(u16, u16),
    /// An event with handles, or an operator's act.
    Retract(u16),
    Propose(u16),
    Progress(u16, u8),
    /// A connection tells what became of an intent; perhaps one that did not carry it.
    Receipt(u16, u8, bool),
    /// A tag is given by hand, or taken.
    Tag(u16, u8),
    Erase(u16),
}

pub fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        3 => (0..99u16, 0..99u16).prop_map(|(one, other)| Word::Join(one, other)),
        2 => (0..99u16, 0..99u16).prop_map(|(who, handle)| Word::Split(who, handle)),
        4 => (0..99u16).prop_map(Word::Retract),
        1 => (0..99u16).prop_map(Word::Propose),
        4 => (0..99u16, 0..7u8).prop_map(|(which, state)| Word::Progress(which, state)),
        3 => (0..99u16, 0..9u8, proptest::bool::weighted(0.2))
            .prop_map(|(which, step, stray)| Word::Receipt(which, step, stray)),
        2 => (0..99u16, 0..6u8).prop_map(|(who, which)| Word::Tag(who, which)),
        1 => (0..99u16).prop_map(Word::Erase),
    ]
}

pub fn strategy() -> impl Strategy<Value = Vec<Act>> {
    let step = prop_oneof![
        12 => batch().prop_map(Step::Batch),
        2 => (0..3u8, 0..3u8).prop_map(|(policies, windows)| Step::Setup(policies + 8 * windows)),
        3 => Just(Step::Settle),
        1 => Just(Step::Fail),
        3 => word().prop_map(Step::Say),
    ];
    proptest::collection::vec((0..40u64, step), 1..40).prop_map(lived)
}

/// A life of two people to whom much is sent, and who answer.
pub fn busy() -> impl Strategy<Value = Vec<Act>> {
    let fact = prop_oneof![
        3 => proptest::bool::weighted(0.2).prop_map(said),
        3 => (0..3u8).prop_map(|order| paid(&format!("o{order}"))),
        1 => (0..4u8).prop_map(|kind| doing(kind, None)),
    ];
    let answer =
        (0..2u64, fact, 0..99u64).prop_map(|(who, fact, at)| event_of(vec![open(who)], fact, None, 3 * at));
    let words = prop_oneof![
        6 => (0..9u16, prop_oneof![Just(1), Just(2), Just(4)]).prop_map(|(which, state)| Word::Progress(which, state)),
        6 => (0..9u16, 0..5u8).prop_map(|(which, step)| Word::Receipt(which, step, false)),
        3 => (0..9u16).prop_map(Word::Propose),
        1 => word(),
    ];
    let step = prop_oneof![
        8 => proptest::collection::vec(answer, 1..4).prop_map(Step::Batch),
        14 => words.prop_map(Step::Say),
        1 => (0..2u8, 0..3u8).prop_map(|(policies, windows)| Step::Setup(2 + policies + 8 * windows)),
        1 => Just(Step::Settle),
    ];
    proptest::collection::vec((0..20u64, step), 20..60).prop_map(lived)
}

fn lived(steps: Vec<(u64, Step)>) -> Vec<Act> {
    let mut now = 100;
    let mut acts = vec![Act::Append(Box::new(setup(now, 0)))];
    let mut count = 0;
    for (wait, step) in steps {
        now += wait;
        acts.push(match step {
            Step::Batch(events) => Act::Append(Box::new(named(now, events, &mut count))),
            Step::Setup(which) => Act::Append(Box::new(setup(now, which))),
            Step::Settle => Act::Settle(now),
            Step::Fail => Act::Fail,
            Step::Say(word) => Act::Say(now, word),
        });
    }
    acts
}

#[derive(Clone, Debug)]
enum Step {
    Batch(Vec<Event>),
    Setup(u8),
    Settle,
    Fail,
    Say(Word),
}

/// Gives every event an id of its own; every seventh is a delivery again.
fn named(now: u64, events: Vec<Event>, count: &mut u64) -> Batch {
    let entry = |mut event: Event| {
        *count += 1;
        let number = if count.is_multiple_of(7) { *count - 5 } else { *count };
        event.id = format!("e{number}");
        // Channels tell of things late, and of some at any time.
        if event.at.is_multiple_of(3) {
            event.at = now.saturating_sub(event.at % 60);
        }
        Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })
    };
    Batch { now, entries: events.into_iter().map(entry).collect(), ..Batch::default() }
}

/// The same life with nobody who tells of others.
pub fn without_tellers(life: &[Act]) -> Vec<Act> {
    let quiet = |act: &Act| match act {
        Act::Append(batch) => match batch.entries.first() {
            Some(Entry::Setup(of)) => {
                let Batch { mut entries, .. } = setup(batch.now, 2);
                if let Some(Entry::Setup(quiet)) = entries.first_mut() {
                    quiet.outcomes = of.outcomes.clone();
                }
                Act::Append(Box::new(Batch { now: batch.now, entries, ..Batch::default() }))
            }
            _ => act.clone(),
        },
        _ => act.clone(),
    };
    life.iter().map(quiet).collect()
}

/// The same life, in which two people have about as many handles as one may have, or as two together.
pub fn crowded(life: &[Act]) -> Vec<Act> {
    let many = |who: u64, count: u64| {
        let bulk = move |number: u64| Identity { value: format!("bulk{who}-{number}"), ..open(who) };
        let fact = doing(0, None);
        event_of([open(who)].into_iter().chain((0..count).map(bulk)).collect(), fact, None, 1)
    };
    let mut told = 1_000_000;
    let crowd = named(100, vec![many(0, 509), many(1, 510), many(2, 255), many(3, 255)], &mut told);
    let mut life = life.to_vec();
    life.insert(1, Act::Append(Box::new(crowd)));
    life
}

/// The same life where somebody says why each setup is as it is.
pub fn signed(life: &[Act]) -> Vec<Act> {
    let mut life = life.to_vec();
    for act in &mut life {
        let Act::Append(batch) = act else { continue };
        for entry in &mut batch.entries {
            if let Some(setup) = entry.setup().cloned() {
                let (by, why) = ("li".to_owned(), "stricter".to_owned());
                *entry = Entry::Configured(Configured { setup, by, why });
            }
        }
    }
    life
}

pub fn setup(now: u64, which: u8) -> Batch {
    let scheme =
        |name: &str, lasting, one_per_person| Scheme { name: name.to_owned(), lasting, one_per_person };
    let schemes = vec![scheme("alias", false, false), scheme("union", true, true)];
    let policies = policies::setup(which % 8);
    let (phone_country, tenant) = ("86".to_owned(), "brand".to_owned());
    let setup = Setup { policies, schemes, phone_country, tenant, outcomes: outcomes(which / 8) };
    Batch { now, entries: vec![Entry::Setup(setup)], ..Batch::default() }
}

fn outcomes(which: u8) -> Outcomes {
    let (replied_ms, bought_ms) = match which {
        0 => (Some(90), Some(200)),
        1 => (None, None),
        _ => (Some(300), Some(30)),
    };
    Outcomes { replied_ms, bought_ms, ..Outcomes::default() }
}

/// One event: somebody did something.
pub fn did(now: u64, id: &str, open: &str) -> Batch {
    let (scheme, scope, value) = ("open".to_owned(), String::new(), open.to_owned());
    let event = Event {
        id: id.to_owned(),
        at: now,
        who: vec![Identity { scheme, scope, value }],
        staff: None,
        touchpoint: Touchpoint::Shop,
        fact: order(1),
        extra: None,
    };
    let entries = vec![Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })];
    Batch { now, entries, ..Batch::default() }
}

fn batch() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(event(), 1..5)
}

fn identity() -> impl Strategy<Value = Identity> {
    let handle = |scheme: &'static str, n: u64| Identity {
        scheme: scheme.to_owned(),
        scope: String::new(),
        value: if scheme == "phone" { format!("1990000000{n}") } else { format!("{scheme}{n}") },
    };
    prop_oneof![
        4 => (0..5u64).prop_map(move |n| handle("phone", n)),
        4 => (0..5u64).prop_map(move |n| handle("open", n)),
        2 => (0..3u64).prop_map(move |n| handle("union", n)),
        1 => (0..3u64).prop_map(move |n| handle("alias", n)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let fact = prop_oneof![
        4 => (0..4u8, proptest::option::of(identity())).prop_map(|(kind, whom)| doing(kind, whom)),
        2 => (0..3i64).prop_map(order),
        2 => (0..4u8).prop_map(|order| paid(&format!("o{order}"))),
        2 => proptest::bool::weighted(0.2).prop_map(said),
        1 => (0..2u8).prop_map(|n| Fact::Told(vec![Trait {
            name: "name".to_owned(),
            value: Value::Text(format!("n{n}")),
        }])),
        1 => (0..3u8).prop_map(tie),
    ];
    let staff = proptest::option::of((0..2u8).prop_map(|n| format!("staff{n}")));
    (proptest::collection::vec(identity(), 0..3), fact, staff, 0..500u64)
        .prop_map(|(who, fact, staff, at)| event_of(who, fact, staff, at))
}

fn event_of(who: Vec<Identity>, fact: Fact, staff: Option<String>, at: u64) -> Event {
    Event { id: String::new(), at, who, staff, touchpoint: Touchpoint::Shop, fact, extra: None }
}

fn open(number: u64) -> Identity {
    Identity { scheme: "open".to_owned(), scope: String::new(), value: format!("open{number}") }
}

fn doing(kind: u8, whom: Option<Identity>) -> Fact {
    let (object, title, quantity, state) = (None, None, None, None);
    Fact::Did(Doing { kind: format!("kind{kind}"), object, title, quantity, state, whom })
}

fn said(in_a_group: bool) -> Fact {
    let (direction, kind) = (Direction::FromCustomer, "text".to_owned());
    let group = in_a_group.then(|| "g".to_owned());
    Fact::Said(Message { direction, kind, text: None, group, about: None })
}

fn paid(id: &str) -> Fact {
    let Fact::Bought(mut bought) = order(1) else { unreachable!("an order is one") };
    id.clone_into(&mut bought.id);
    Fact::Bought(bought)
}

fn order(paid: i64) -> Fact {
    Fact::Bought(Order {
        id: "o".to_owned(),
        step: OrderStep::Paid,
        currency: "CNY".to_owned(),
        total: Some(paid),
        paid: Some(paid),
        refunded: Some(0),
        lines: Vec::new(),
        placed_at: 1,
        source: None,
    })
}

fn tie(bond: u8) -> Fact {
    let bond = match bond {
        0 => Bond::Added,
        1 => Bond::RemovedByCustomer,
        _ => Bond::Transferred,
    };
    let successor = Some("staff1".to_owned());
    Fact::Met(Tie { bond, way: None, state: None, remark: None, tags: Vec::new(), successor })
}
