//! A policy is shown what came of its own intents, as it was known at each turn, however late it is folded again.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with a place")]

use std::sync::{Arc, Mutex};

use journal::{Batch, MemoryJournal, Records};
use model::{
    Act, Binding, Change, ChannelEvent, Decision, Digest, Direction, Entry, Event, Fact, Happening, Identity,
    Instant, IntentState, Message, Outcomes, PolicyDescriptor, Progress, Setup, Touchpoint, Turn, Verdict,
    Wake,
};
use router::{Plugins, PluginsError, TurnOutcome};
use store::{MemoryStore, Query, Store};

use crate::policies::intent;

const DAY: Instant = 1_000;

/// Sends something each day, until she answers. What it was shown at each turn is written down.
#[derive(Default)]
struct Campaign {
    shown: Mutex<Vec<String>>,
}

impl Plugins for Campaign {
    fn evaluate(&self, _: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let because = |change| Decision { why: "a campaign".to_owned(), change };
        let decide = |turn: &Turn<'_>| {
            let came = &turn.customer.outcomes;
            let line = came.iter().map(|one| {
                let joined = if one.joined { "?" } else { "" };
                format!(" {} {}{joined}", one.key, one.step.name())
            });
            self.shown.lock().unwrap().push(format!("{}:{}", turn.now, line.collect::<String>()));
            if came.iter().any(|one| one.step == model::ReceiptStep::Replied) {
                return Verdict { decisions: vec![because(Change::Quiet("next".to_owned()))], memory: None };
            }
            let begins =
                matches!(turn.happening, Happening::Fact { event, .. } if matches!(event.fact, Fact::Did(_)));
            if !begins && matches!(turn.happening, Happening::Fact { .. }) {
                return Verdict::default();
            }
            let wake = Wake { key: "next".to_owned(), due: turn.now + DAY };
            let decisions = [Change::Intend(intent(&format!("day-{}", turn.now / DAY))), Change::Wake(wake)];
            Verdict { decisions: decisions.map(because).into(), memory: None }
        };
        Ok(turns.iter().map(|turn| TurnOutcome::Verdict(decide(turn))).collect())
    }
}

fn setup(settings: &str) -> Entry {
    let descriptor = PolicyDescriptor {
        title: "A campaign".to_owned(),
        settings_schema: "{}".to_owned(),
        wants: Vec::new(),
        tags: Vec::new(),
        journeys: Vec::new(),
        reads: vec!["outcomes".to_owned()],
    };
    let (name, settings) = ("campaign".to_owned(), settings.to_owned());
    let binding = Binding { name, digest: Digest([1; 32]), settings, descriptor, carry: false, paused: None };
    let outcomes = Outcomes { replied_ms: Some(10 * DAY), ..Outcomes::default() };
    Entry::Setup(Setup { policies: vec![binding], outcomes, ..Setup::default() })
}

fn event(id: &str, at: Instant, fact: Fact) -> Entry {
    let who = Identity { scheme: "open".to_owned(), scope: String::new(), value: "an".to_owned() };
    let (touchpoint, staff, extra) = (Touchpoint::Other, None, None);
    let event = Event { id: id.to_owned(), at, who: vec![who], staff, touchpoint, fact, extra };
    Entry::Event(ChannelEvent { connection: "wecom".to_owned(), event })
}

fn joined() -> Fact {
    let (object, title, quantity, state) = (None, None, None, None);
    Fact::Did(Act { kind: "joined-membership".to_owned(), object, title, quantity, state, whom: None })
}

fn said() -> Fact {
    let (direction, kind) = (Direction::FromCustomer, "text".to_owned());
    Fact::Said(Message { direction, kind, text: None, group: None, about: None })
}

struct World {
    journal: Arc<dyn Records>,
    store: Arc<dyn Store>,
    policy: Arc<Campaign>,
    router: router::Router,
}

impl World {
    fn new() -> World {
        let journal: Arc<dyn Records> = Arc::new(MemoryJournal::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let policy = Arc::new(Campaign::default());
        let config = router::RouterConfig { threads: 1, ..router::RouterConfig::default() };
        let router = router::Router::open(journal.clone(), store.clone(), policy.clone(), config).unwrap();
        World { journal, store, policy, router }
    }

    fn at(&mut self, now: Instant, entry: Entry) -> &mut World {
        self.journal.append(&[Batch { now, entries: vec![entry], ..Batch::default() }]).unwrap();
        self.settle(now)
    }

    fn settle(&mut self, now: Instant) -> &mut World {
        self.router.settle(now).unwrap();
        self
    }

    /// The courier, or a channel through it, says how far her intent of this key has come.
    fn step(&mut self, now: Instant, key: &str, state: IntentState) -> &mut World {
        let customer = self.store.page(&Query { limit: 1, ..Query::default() }).unwrap().pop().unwrap();
        let held = customer.intents.iter().find(|held| held.intent.key == key).unwrap();
        let progress = Progress {
            intent: held.id.clone(),
            customer: customer.id,
            cause: held.cause.position,
            id: format!("{now} {state:?}"),
            state,
            connection: Some("wecom".to_owned()),
            staff: None,
            receipt: None,
            until: None,
            code: String::new(),
            reason: String::new(),
        };
        self.at(now, Entry::Progress(progress))
    }

    fn shown(&self) -> Vec<String> {
        std::mem::take(&mut *self.policy.shown.lock().unwrap())
    }
}

#[test]
fn a_campaign_ends_when_she_has_answered() {
    let mut world = World::new();
    world.at(0, setup("{}")).at(100, event("e1", 100, joined())).settle(100);
    world.step(200, "day-0", IntentState::Due).step(300, "day-0", IntentState::Sent);
    world.settle(DAY + 100).step(DAY + 200, "day-1", IntentState::Due);
    world.at(DAY + 500, event("e2", DAY + 500, said()));
    assert_eq!(world.shown(), ["100:", "1100: day-0 sent", "1500: day-0 sent day-0 replied?"]);
    // What was on its way then still goes out, and is answered, too.
    world.step(DAY + 600, "day-1", IntentState::Sent).settle(9 * DAY);
    world.at(9 * DAY, event("e3", 9 * DAY, said()));
    assert_eq!(world.shown(), ["9000: day-0 sent day-0 replied? day-1 sent day-1 replied?"]);
    let keys = || {
        let customer = world.store.page(&Query { limit: 1, ..Query::default() }).unwrap().pop().unwrap();
        customer.intents.iter().map(|held| held.intent.key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["day-0", "day-1"], "nothing more was intended");
}

/// What her turns are shown when all of her past is folded again is what they were shown when she lived it, although every step
/// of her intents is known by then.
#[test]
fn a_past_that_is_folded_again_is_shown_what_was_known_in_it() {
    let mut world = World::new();
    world.at(0, setup("{}")).at(100, event("e1", 100, joined())).settle(100);
    world.step(200, "day-0", IntentState::Due);
    world.at(300, event("e2", 300, said())).at(400, event("e3", 400, said()));
    // At 250, as the channel says: so the first message was an answer, and nobody had known.
    let mut told = event("e4", 250, said());
    if let Entry::Event(ChannelEvent { event, .. }) = &mut told {
        let customer = world.store.page(&Query { limit: 1, ..Query::default() }).unwrap().pop().unwrap();
        let errand = customer.intents[0].id.clone();
        let step = model::ReceiptStep::Confirmed;
        event.fact = Fact::Carried(model::Receipt { errand, step, why: None });
    }
    world.at(500, told).settle(2 * DAY);
    let lived = world.shown();
    let expected = ["100:", "300:", "400:", "500: day-0 confirmed day-0 replied?"];
    assert_eq!(lived, expected);
    world.at(3 * DAY, setup("{\"v\":1}"));
    assert_eq!(world.shown(), lived);
}
