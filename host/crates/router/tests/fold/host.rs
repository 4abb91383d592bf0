//! One host: a journal, a store, and the router between them.

use std::sync::Arc;

use journal::{Batch, Records};
use model::{
    Act as Doing, Attest, ChannelEvent, Content, Customer, CustomerId, Deed, Digest, Dropped, ENTERED, Entry,
    Erase, Event, Fact, Grant, HandTag, HandUntag, HeldIntent, IntentState, Join, LEFT, Look, Note,
    OperatorAct, Progress, Proposal, Receipt, ReceiptStep, Record, Retract, SEGMENTS, Split, Touchpoint,
    View,
};
use router::{Folded, Router, RouterConfig};
use store::{Query, Standing, Store};

use crate::life::{self, Act, Word};
use crate::policies::Natives;

pub struct Host {
    pub journal: Arc<dyn Records>,
    pub store: Arc<dyn Store>,
    pub plugins: Arc<Natives>,
    router: Router,
    batch_max: usize,
}

impl Host {
    pub fn new(journal: Arc<dyn Records>, store: Arc<dyn Store>, batch_max: usize) -> Host {
        let plugins = Arc::new(Natives::default());
        let router = open(&journal, &store, &plugins, batch_max);
        Host { journal, store, plugins, router, batch_max }
    }

    fn restart(&mut self) {
        self.router = open(&self.journal, &self.store, &self.plugins, self.batch_max);
    }

    /// Lives a life, to the end of time.
    pub fn live(&mut self, life: &[Act], restarts: bool) {
        for act in life {
            self.live_on(act);
            if restarts {
                self.restart();
            }
        }
        self.settle(life::THE_END);
    }

    pub fn live_on(&mut self, act: &Act) {
        match act {
            Act::Append(batch) => drop(self.journal.append(std::slice::from_ref(&**batch)).expect("append")),
            Act::Settle(now) => drop(self.router.settle(*now).expect("settle")),
            Act::Say(now, word) => drop(self.say(*now, *word)),
            Act::Fail => {
                self.plugins.fail_next();
                // Nothing may be lost by it; the next settle does what this one did not.
                if self.router.catch_up(u64::MAX).is_ok() {
                    self.plugins.heal();
                }
            }
        }
    }

    /// As far as it goes.
    pub fn try_to_settle(&mut self, now: u64) {
        drop(self.router.settle(now));
    }

    /// Says that a policy decides nothing from where the store stands. False: there is nothing to pause.
    pub fn pause(&mut self, policy: &str, now: u64) -> bool {
        self.router.pause(policy, "no answer", now).expect("pause").is_some()
    }

    pub fn settle(&mut self, now: u64) -> Folded {
        self.router.settle(now).expect("settle")
    }

    /// Says it of what is there once everything is folded. Gives where it stands; None: there is nothing to say it of.
    pub fn say(&mut self, now: u64, word: Word) -> Option<u64> {
        let entries = vec![self.entry(now, word)?];
        let batch = Batch { now, entries, ..Batch::default() };
        let receipts = self.journal.append(&[batch]).expect("append");
        Some(receipts[0].placed[0].position())
    }

    /// What would be said.
    pub fn entry(&mut self, now: u64, word: Word) -> Option<Entry> {
        self.settle(now);
        let records = self.records();
        let customers = self.store.page(&Query { limit: usize::MAX, ..Query::default() }).expect("page");
        let pick = |count: usize, which: u16| (count > 0).then(|| usize::from(which) % count.max(1));
        let number = records.len();
        let id = format!("act{number}");
        let act = |deed: Deed| {
            Entry::Act(OperatorAct { id: id.clone(), by: "li".to_owned(), why: "so".to_owned(), deed })
        };
        Some(match word {
            Word::Join(one, other) => {
                let one = customers[pick(customers.len(), one)?].id;
                let other = customers[pick(customers.len(), other)?].id;
                act(Deed::Join(Join { one, other }))
            }
            Word::Split(who, handle) => {
                let customer = &customers[pick(customers.len(), who)?];
                let handle = customer.handles[pick(customer.handles.len(), handle)?].identity.clone();
                act(Deed::Split(Split { customer: customer.id, handles: vec![handle] }))
            }
            Word::Retract(which) => {
                let edge = |record: &&Record| match &record.entry {
                    Entry::Event(channel) => channel.event.who.len() > 1,
                    Entry::Act(act) => matches!(act.deed, Deed::Join(_) | Deed::Split(_) | Deed::Retract(_)),
                    _ => false,
                };
                let edges: Vec<&Record> = records.iter().filter(edge).collect();
                act(Deed::Retract(Retract { edge: edges[pick(edges.len(), which)?].position }))
            }
            Word::Propose(who) => {
                let customer = customers[pick(customers.len(), who)?].id;
                let binding = "broadcast.sale".to_owned();
                let intent = crate::policies::intent(&format!("sale{}", who % 3));
                act(Deed::Propose(Proposal { customer, binding, intent }))
            }
            Word::Tag(who, which) => {
                let customer = &customers[pick(customers.len(), who)?];
                let name = format!("n:{}", which % 3);
                act(if which < 4 {
                    let expires = (which == 0).then_some(now + 30);
                    Deed::Tag(HandTag { customer: customer.id, name, expires })
                } else {
                    Deed::Untag(HandUntag { customer: customer.id, name })
                })
            }
            Word::Erase(who) => {
                let customer = customers[pick(customers.len(), who)?].id;
                act(Deed::Erase(Erase { customer }))
            }
            Word::Receipt(which, step, stray) => {
                let held: Vec<(&Customer, &HeldIntent)> = customers
                    .iter()
                    .flat_map(|customer| customer.intents.iter().map(move |held| (customer, held)))
                    .collect();
                let (customer, held) = held[pick(held.len(), which)?];
                receipt(now, customer, held, step, stray, number)
            }
            Word::Progress(which, state) => {
                let held: Vec<(CustomerId, &HeldIntent)> = customers
                    .iter()
                    .flat_map(|customer| customer.intents.iter().map(|held| (customer.id, held)))
                    .collect();
                let (customer, held) = held[pick(held.len(), which)?];
                Entry::Progress(progress(customer, held, state, number))
            }
            Word::Cross(who, segment) => {
                let customer = &customers[pick(customers.len(), who)?];
                crossing(now, customer, &format!("segment{segment}"), number)?
            }
            Word::Note(which) => act(match which {
                0 => Deed::Grant(grant(now)),
                1 => Deed::Attest(Attest { what: "export".to_owned(), of: "customers".to_owned() }),
                _ => Deed::Drop(Dropped { letter: "7".to_owned() }),
            }),
        })
    }

    /// Takes back what stands there.
    pub fn retract(&mut self, now: u64, edge: u64) {
        let (id, by, why) = (format!("back{edge}"), "li".to_owned(), "a mistake".to_owned());
        let deed = Deed::Retract(Retract { edge });
        let entries = vec![Entry::Act(OperatorAct { id, by, why, deed })];
        self.journal.append(&[Batch { now, entries, ..Batch::default() }]).expect("append");
    }

    /// Does the retraction at this position concern an event that was not retracted already?
    pub fn retracts_an_event(&self, position: u64) -> bool {
        let retracted =
            |position: u64| match &self.records()[usize::try_from(position).expect("small") - 1].entry {
                Entry::Act(OperatorAct { deed: Deed::Retract(retract), .. }) => Some(retract.edge),
                _ => None,
            };
        let Some(edge) = retracted(position) else { return false };
        let earlier = (1..position).any(|earlier| retracted(earlier) == Some(edge));
        !earlier && matches!(self.records()[usize::try_from(edge).expect("small") - 1].entry, Entry::Event(_))
    }

    pub fn notes(&self) -> Vec<Note> {
        self.store.notes("", usize::MAX).expect("notes")
    }

    pub fn customers(&self) -> Vec<Customer> {
        self.store.page(&Query { limit: usize::MAX, ..Query::default() }).expect("page")
    }

    pub fn digest(&self) -> (Digest, Standing) {
        self.store.digest().expect("digest")
    }

    pub fn records(&self) -> Vec<Record> {
        self.journal.read(0, usize::MAX).expect("read")
    }
}

fn receipt(now: u64, customer: &Customer, held: &HeldIntent, step: u8, stray: bool, number: usize) -> Entry {
    let step = match step {
        0 => ReceiptStep::Sent,
        1 | 2 => ReceiptStep::Confirmed,
        3 => ReceiptStep::Failed,
        4 => ReceiptStep::Expired,
        5 => ReceiptStep::Read,
        6 => ReceiptStep::Replied,
        8 => ReceiptStep::Clicked,
        _ => ReceiptStep::Bought,
    };
    let errand = held.id.clone();
    let who = customer.handles.iter().take(1).map(|handle| handle.identity.clone()).collect();
    let at = now.saturating_sub(u64::from(held.id.bytes().last().unwrap_or(0) % 50));
    let fact = if step == ReceiptStep::Clicked {
        let (id, kind) = ("page".to_owned(), "page".to_owned());
        let about = Content { id, kind, title: None, category: None };
        Fact::Saw(View { look: Look::Clicked, about, dwell_ms: None, via: Some(errand) })
    } else {
        Fact::Carried(Receipt { errand, step, why: None })
    };
    let (id, touchpoint) = (format!("receipt{number}"), Touchpoint::Other);
    let event = Event { id, at, who, staff: None, touchpoint, fact, extra: None };
    let connection = if stray { "other" } else { "shop" }.to_owned();
    Entry::Event(ChannelEvent { connection, event })
}

/// As the host tells it: by one of her handles. None: she has none.
fn crossing(now: u64, customer: &Customer, segment: &str, number: usize) -> Option<Entry> {
    let handle = customer.handles.first()?.identity.clone();
    let kind = if customer.is_in(segment) { LEFT } else { ENTERED }.to_owned();
    let (object, title) = (Some(segment.to_owned()), Some("regulars".to_owned()));
    let fact = Fact::Did(Doing { kind, object, title, quantity: None, state: None, whom: None });
    let (id, touchpoint) = (format!("crossing{number}"), Touchpoint::Other);
    let event = Event { id, at: now, who: vec![handle], staff: None, touchpoint, fact, extra: None };
    Some(Entry::Event(ChannelEvent { connection: SEGMENTS.to_owned(), event }))
}

/// Another one each time.
fn grant(now: u64) -> Grant {
    Grant {
        connection: "shop".to_owned(),
        plugin: (!now.is_multiple_of(5)).then_some(Digest([1; 32])),
        hosts: vec![format!("https://h{now}.example")],
        inward: false,
        schemes: vec!["open".to_owned()],
        shares: Vec::new(),
        carry_again: Vec::new(),
    }
}

fn progress(customer: CustomerId, held: &HeldIntent, state: u8, number: usize) -> Progress {
    let state = match state {
        0 => IntentState::Held,
        1 => IntentState::Due,
        2 => IntentState::Sent,
        3 => IntentState::Dropped,
        4 => IntentState::AwaitingStaff,
        5 => IntentState::Due,
        6 => IntentState::Failed,
        7 => IntentState::Carried,
        8 => IntentState::Confirmed,
        _ => IntentState::Expired,
    };
    let until = (state == IntentState::Held).then_some(900);
    Progress {
        intent: held.id.clone(),
        customer,
        cause: held.cause.position,
        id: format!("{}:{number}", held.id),
        state,
        connection: Some("shop".to_owned()),
        staff: None,
        receipt: None,
        until,
        code: "quiet-hours".to_owned(),
        reason: String::new(),
    }
}

pub fn open(
    journal: &Arc<dyn Records>,
    store: &Arc<dyn Store>,
    plugins: &Arc<Natives>,
    batch_max: usize,
) -> Router {
    let config = RouterConfig {
        batch_max,
        commit_max: 2 * batch_max + 1,
        desk_max: 3,
        threads: 3,
        threads_from: 2,
        appends: true,
        erases: true,
    };
    Router::open(Arc::clone(journal), Arc::clone(store), plugins.clone(), config).expect("open")
}
