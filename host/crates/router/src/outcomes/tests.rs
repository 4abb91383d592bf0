//! What is taken of receipts, and what is joined to what, one rule at a time.

use std::sync::Arc;

use journal::{Batch, MemoryJournal};
use model::{
    Cause, Content, Customer, CustomerId, Intent, Look, Message, Order, OrderStep, Touchpoint, View,
};
use store::Indexed;

use super::*;
use crate::desk::Kept;

const WINDOWS: Outcomes =
    Outcomes { replied_ms: Some(100), bought_ms: Some(1_000), scenes: Vec::new(), apart: Vec::new() };

/// One customer's life, folded as it is told.
struct World {
    lane: Lane,
    journal: MemoryJournal,
    outcomes: Outcomes,
    strays: Vec<StrayReceipt>,
    /// Receipts for which there was no room.
    too_many: usize,
}

impl World {
    /// Each of these intents is handed to `wecom` at 10, in its scene.
    fn with(intents: &[(&str, &str)]) -> World {
        let mut customer = Customer::new(CustomerId(1), 1);
        for (id, scene) in intents {
            let intent = Intent {
                key: (*id).to_owned(),
                scene: (*scene).to_owned(),
                text: None,
                content: None::<Content>,
                detail: None,
                not_before: None,
                not_after: None,
            };
            let cause = Cause { position: 1, now: 1, version: None, alarm: None, why: String::new() };
            let (id, binding, state) = ((*id).to_owned(), "p".to_owned(), IntentState::Proposed);
            let (steps, reactions) = (Vec::new(), Vec::new());
            let held = HeldIntent { id, binding, intent, state, cause, steps, reactions, unfounded: false };
            customer.intents.push(held);
        }
        let lane = Lane::new(Kept { customer, before: Indexed::default() });
        let mut world = World {
            lane,
            journal: MemoryJournal::default(),
            outcomes: WINDOWS,
            strays: Vec::new(),
            too_many: 0,
        };
        for (id, _) in intents {
            world.step(10, id, IntentState::Due);
        }
        world
    }

    fn append(&mut self, now: Instant, entry: Entry) -> Record {
        let batch = Batch { now, entries: vec![entry], ..Batch::default() };
        let placed = self.journal.append(&[batch]).unwrap();
        let position = placed[0].placed[0].position();
        self.lane.customer.timeline.push(position);
        self.journal.fetch(&[position]).unwrap().pop().unwrap()
    }

    fn step(&mut self, now: Instant, intent: &str, state: IntentState) -> &mut World {
        let id = format!("{intent} {now} {state:?}");
        let told = Progress {
            intent: intent.to_owned(),
            customer: CustomerId(1),
            cause: 1,
            id,
            state,
            connection: Some("wecom".to_owned()),
            staff: None,
            receipt: None,
            until: None,
            code: String::new(),
            reason: String::new(),
        };
        let record = self.append(now, Entry::Progress(told.clone()));
        if let Some(reached) = progress(&mut self.lane, &told, record.position, now) {
            self.look_back(reached, record.position);
        }
        self
    }

    fn look_back(&mut self, reached: Reached, position: Position) {
        look_back(&mut self.lane, &self.outcomes, &self.journal, reached, position).unwrap();
    }

    fn event(&mut self, now: Instant, connection: &str, at: Instant, fact: Fact) -> &mut World {
        let id = format!("{now} {at} {}", self.lane.customer.timeline.len());
        let (touchpoint, staff, extra) = (Touchpoint::Other, None, None);
        let event = Event { id, at, who: Vec::new(), staff, touchpoint, fact, extra };
        let connection = connection.to_owned();
        let entry = Entry::Event(ChannelEvent { connection: connection.clone(), event: event.clone() });
        let record = self.append(now, entry);
        let teller = Teller::Connection(&connection);
        match became(&mut self.lane, teller, &event, record.position, now) {
            Became::Nothing => {}
            Became::Reached(reached) => self.look_back(reached, record.position),
            Became::Stray(stray) => self.strays.push(stray),
            Became::TooMuch => self.too_many += 1,
        }
        join(&mut self.lane, &self.outcomes, &record);
        self
    }

    fn receipt(&mut self, now: Instant, at: Instant, intent: &str, step: ReceiptStep) -> &mut World {
        let fact = Fact::Carried(Receipt { errand: intent.to_owned(), step, why: None });
        self.event(now, "wecom", at, fact)
    }

    fn says(&mut self, now: Instant, connection: &str, group: Option<&str>) -> &mut World {
        let (direction, kind, group) = (Direction::FromCustomer, "text".to_owned(), group.map(str::to_owned));
        let said = Fact::Said(Message { direction, kind, text: None, group, about: None });
        self.event(now, connection, now, said)
    }

    fn pays(&mut self, now: Instant, order: &str, step: OrderStep, placed_at: Instant) -> &mut World {
        let order = Order {
            id: order.to_owned(),
            step,
            currency: "CNY".to_owned(),
            total: None,
            paid: None,
            refunded: None,
            lines: Vec::new(),
            placed_at,
            source: None,
        };
        self.event(now, "shop", now, Fact::Bought(order))
    }

    fn clicks(&mut self, now: Instant, connection: &str, via: &str, look: Look) -> &mut World {
        let (id, kind) = ("page-1".to_owned(), "page".to_owned());
        let about = Content { id, kind, title: None, category: None };
        let view = View { look, about, dwell_ms: None, via: Some(via.to_owned()) };
        self.event(now, connection, now, Fact::Saw(view))
    }

    fn held(&self, intent: &str) -> &HeldIntent {
        self.lane.customer.intents.iter().find(|held| held.id == intent).unwrap()
    }

    fn reactions(&self, intent: &str) -> Vec<(&str, Instant, bool)> {
        let reactions = self.held(intent).reactions.iter();
        reactions.map(|one| (one.kind.as_str(), one.at, one.joined)).collect()
    }
}

#[test]
fn a_receipt_that_overtakes_what_the_call_gave_back_stays_the_last_word() {
    let mut world = World::with(&[("a", "direct-message")]);
    world.receipt(15, 15, "a", ReceiptStep::Confirmed);
    world.step(16, "a", IntentState::AwaitingStaff);
    world.receipt(17, 17, "a", ReceiptStep::Sent);
    let held = world.held("a");
    assert_eq!(held.state, IntentState::Confirmed);
    let told: Vec<IntentState> = held.steps.iter().map(|step| step.state).collect();
    use IntentState::{AwaitingStaff, Confirmed, Due, Sent};
    assert_eq!(told, [Due, Confirmed, AwaitingStaff, Sent]);
}

#[test]
fn what_is_told_again_is_known_and_what_she_made_of_it_is_no_state() {
    let mut world = World::with(&[("a", "direct-message")]);
    world.step(15, "a", IntentState::Sent).receipt(16, 16, "a", ReceiptStep::Clicked);
    for record in world.journal.read(0, 10).unwrap() {
        match &record.entry {
            Entry::Progress(told) => drop(progress(&mut world.lane, told, record.position, record.now)),
            Entry::Event(told) => {
                let teller = Teller::Connection(&told.connection);
                drop(became(&mut world.lane, teller, &told.event, record.position, record.now));
            }
            other => panic!("{other:?}"),
        }
    }
    let held = world.held("a");
    assert_eq!((held.state, held.steps.len()), (IntentState::Sent, 2));
    assert_eq!(world.reactions("a"), [("clicked", 16, false)]);
    // One that was withdrawn, or is another's, is nobody's.
    world.step(17, "b", IntentState::Failed).receipt(18, 18, "b", ReceiptStep::Failed);
    assert_eq!(world.held("a").state, IntentState::Sent);
}

#[test]
fn a_receipt_is_taken_from_whoever_carried_the_errand_and_from_nobody_else() {
    let mut world = World::with(&[("a", "direct-message")]);
    world.lane.customer.intents.push(HeldIntent {
        id: "b".to_owned(),
        steps: Vec::new(),
        ..world.held("a").clone()
    });
    let of = |errand: &str, step| Fact::Carried(Receipt { errand: errand.to_owned(), step, why: None });
    for step in [ReceiptStep::Confirmed, ReceiptStep::Failed, ReceiptStep::Bought] {
        world.event(20, "shop", 20, of("a", step));
    }
    world.event(21, "wecom", 21, of("b", ReceiptStep::Sent));
    assert_eq!((world.held("a").state, world.held("a").steps.len()), (IntentState::Due, 1));
    assert!(world.reactions("a").is_empty() && world.held("b").steps.is_empty());
    let told: Vec<(&str, &str, Option<&str>)> = world
        .strays
        .iter()
        .map(|stray| (stray.source.as_str(), stray.step.as_str(), stray.carrier.as_deref()))
        .collect();
    let wecom = Some("wecom");
    assert_eq!(
        told,
        [
            ("shop", "confirmed", wecom),
            ("shop", "failed", wecom),
            ("shop", "bought", wecom),
            ("wecom", "sent", None)
        ]
    );
    // Nor may a policy tell it.
    let (touchpoint, fact) = (Touchpoint::Other, of("a", ReceiptStep::Sent));
    let event =
        Event { id: "d".to_owned(), at: 1, who: Vec::new(), staff: None, touchpoint, fact, extra: None };
    let told = became(&mut world.lane, Teller::Policy("wecom"), &event, 99, 99);
    assert!(matches!(told, Became::Stray(_)), "{told:?}");
}

#[test]
fn what_she_opened_by_a_link_of_an_intent_is_its_click_whoever_shows_it_to_her() {
    let mut world = World::with(&[("a", "direct-message")]);
    let mut waits = world.held("a").clone();
    (waits.id, waits.steps) = ("b".to_owned(), Vec::new());
    world.lane.customer.intents.push(waits);
    world.clicks(20, "mini-program", "a", Look::Clicked).clicks(30, "wecom", "a", Look::Clicked);
    let clicks = [("clicked", 20, false), ("clicked", 30, false)];
    assert_eq!(world.reactions("a"), clicks);
    // A look is no click, a channel code is no intent, and nobody follows what was handed to nobody.
    world.clicks(40, "mini-program", "a", Look::Viewed).clicks(41, "mini-program", "code-7", Look::Clicked);
    world.clicks(42, "mini-program", "b", Look::Clicked);
    assert_eq!(world.reactions("a"), clicks);
    assert!(world.reactions("b").is_empty());
    assert_eq!(
        (world.held("a").state, world.held("a").steps.len()),
        (IntentState::Due, 1),
        "no news of its way"
    );
    assert!(world.strays.is_empty());
    // A policy has seen nothing.
    let id = "page".to_owned();
    let about = Content { id: id.clone(), kind: id.clone(), title: None, category: None };
    let view = View { look: Look::Clicked, about, dwell_ms: None, via: Some("a".to_owned()) };
    let (touchpoint, fact) = (Touchpoint::Other, Fact::Saw(view));
    let event = Event { id, at: 50, who: Vec::new(), staff: None, touchpoint, fact, extra: None };
    assert_eq!(became(&mut world.lane, Teller::Policy("p"), &event, 99, 50), Became::Nothing);
    assert_eq!(world.reactions("a"), clicks);
    // Folded again, each is known.
    for record in world.journal.read(0, usize::MAX).unwrap() {
        let Entry::Event(told) = &record.entry else { continue };
        became(
            &mut world.lane,
            Teller::Connection(&told.connection),
            &told.event,
            record.position,
            record.now,
        );
    }
    assert_eq!(world.reactions("a"), clicks);
}

#[test]
fn a_message_to_who_carried_it_within_the_window_is_an_answer_to_the_last_one() {
    let mut world = World::with(&[("a", "direct-message"), ("b", "moments"), ("g", "group-message")]);
    world.step(20, "a", IntentState::Sent).step(20, "g", IntentState::Sent);
    // Not yet, and not to this shop.
    world.says(20, "wecom", None).says(30, "shop", None);
    assert!(world.reactions("a").is_empty());
    world.says(40, "wecom", None).says(41, "wecom", None).says(42, "wecom", Some("group"));
    assert_eq!(world.reactions("a"), [("replied", 40, true)]);
    assert_eq!(world.reactions("g"), [("replied", 42, true)]);
    world.step(50, "b", IntentState::Sent).says(150, "wecom", None).says(151, "wecom", None);
    assert_eq!(world.reactions("b"), [("replied", 150, true)]);
    assert_eq!(world.reactions("a").len(), 1);
}

#[test]
fn each_order_that_she_paid_within_the_window_is_one_outcome_of_the_last_one() {
    let mut world = World::with(&[("a", "direct-message"), ("t", "tag")]);
    world.outcomes.apart = vec!["tag".to_owned()];
    world.step(20, "a", IntentState::Sent).step(25, "t", IntentState::Sent);
    world.pays(30, "o1", OrderStep::Placed, 30);
    assert!(world.reactions("a").is_empty());
    // It was in the cart before.
    world.pays(40, "o2", OrderStep::Paid, 5).pays(50, "o2", OrderStep::Shipped, 5);
    // A channel that begins to tell late.
    world.pays(60, "o3", OrderStep::Completed, 45).pays(70, "o4", OrderStep::Shipped, 5);
    world.pays(1_021, "o5", OrderStep::Paid, 1_021);
    assert_eq!(world.reactions("a"), [("bought", 40, true), ("bought", 45, true)]);
    assert_eq!(world.held("a").reactions[0].order.as_deref(), Some("o2"));
    assert!(world.reactions("t").is_empty());
}

#[test]
fn what_staff_had_sent_before_it_was_told_is_answered_all_the_same() {
    let mut world = World::with(&[("a", "direct-message"), ("b", "direct-message")]);
    world.step(11, "a", IntentState::AwaitingStaff).step(11, "b", IntentState::Sent);
    world.says(40, "wecom", None).pays(45, "o", OrderStep::Paid, 45);
    assert_eq!(world.reactions("b").len(), 2);
    // Staff sent it at 30; the platform is asked at 60.
    world.receipt(60, 30, "a", ReceiptStep::Confirmed);
    assert_eq!(world.reactions("a"), [("replied", 40, true), ("bought", 45, true)]);
    assert!(world.reactions("b").is_empty());
}

#[test]
fn what_failed_after_all_has_no_answers_and_they_go_to_what_reached_her() {
    let mut world = World::with(&[("a", "direct-message"), ("b", "direct-message")]);
    world.step(11, "a", IntentState::Sent).step(12, "b", IntentState::Sent).says(40, "wecom", None);
    assert_eq!(world.reactions("b").len(), 1);
    world.receipt(60, 60, "b", ReceiptStep::Failed);
    assert!(world.reactions("b").is_empty());
    assert_eq!(world.reactions("a"), [("replied", 40, true)]);
}

#[test]
fn a_channel_that_tells_any_time_moves_nothing_before_it_was_handed_over() {
    let mut world = World::with(&[("a", "direct-message")]);
    world.says(12, "wecom", None).receipt(60, 0, "a", ReceiptStep::Confirmed);
    assert_eq!(world.held("a").reached().map(|step| step.at), Some(10));
    world.receipt(70, u64::MAX, "a", ReceiptStep::Clicked);
    assert_eq!(world.reactions("a"), [("replied", 12, true), ("clicked", 70, false)]);
}

#[test]
fn other_windows_join_anew_what_lies_in_them() {
    let mut world = World::with(&[("a", "direct-message")]);
    world.step(11, "a", IntentState::Sent).says(40, "wecom", None).pays(45, "o", OrderStep::Paid, 45);
    let journal = Arc::new(std::mem::take(&mut world.journal));
    let windows = Outcomes { replied_ms: None, ..WINDOWS };
    rejoin(&mut world.lane, &windows, &*journal).unwrap();
    assert_eq!(world.reactions("a"), [("bought", 45, true)]);
    rejoin(&mut world.lane, &WINDOWS, &*journal).unwrap();
    assert_eq!(world.reactions("a").len(), 2);
    rejoin(&mut world.lane, &Outcomes::default(), &*journal).unwrap();
    assert!(world.reactions("a").is_empty());
}

/// A broken channel that tells each delivery again as a fact of its own.
#[test]
fn what_a_channel_tells_of_one_errand_is_bounded_in_each_fold_alike() {
    let mut world = World::with(&[("a", "direct-message"), ("b", "direct-message")]);
    for number in 0..400 {
        world.receipt(20 + number, 20, "a", ReceiptStep::Confirmed);
        world.receipt(20 + number, 20, "a", ReceiptStep::Clicked);
    }
    let held = world.held("a").clone();
    assert_eq!((held.steps.len(), held.reactions.len()), (RECEIPT_STEPS_MAX, REACTIONS_MAX));
    assert_eq!(world.too_many, 800 - (RECEIPT_STEPS_MAX - 1) - REACTIONS_MAX);
    // The courier's own words still come, and another errand has its own room.
    world.step(900, "a", IntentState::Failed).receipt(901, 901, "b", ReceiptStep::Confirmed);
    assert_eq!(world.held("b").steps.len(), 2);
    // Folded again, with all steps there from the beginning, the same receipts are refused and no others.
    let held = world.held("a").clone();
    let mut refused = 0;
    for record in world.journal.read(0, usize::MAX).unwrap() {
        let Entry::Event(told) = &record.entry else { continue };
        let teller = Teller::Connection(&told.connection);
        let became = became(&mut world.lane, teller, &told.event, record.position, record.now);
        refused += usize::from(became == Became::TooMuch);
    }
    assert_eq!((refused, world.held("a")), (world.too_many, &held));
}
