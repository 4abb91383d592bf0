//! Budgets of a day: the same in a mover that lives on and in one that reads the journal, and rising with an account's age.

use super::*;

fn at_most(of: Of, steps: &[(u32, u32)]) -> Plan {
    let steps = steps.iter().map(|&(day, budget)| Step { day, budget }).collect();
    Plan {
        zone: Zone::utc(),
        budgets: vec![Budget { scope: Scope::default(), of, steps }],
        ..Plan::default()
    }
}

fn to_lin(key: &str) -> Intent {
    Intent { detail: Some(r#"{"staff":"lin"}"#.to_owned()), ..intent(key, "direct-message") }
}

async fn carry_on(world: &World, mover: &mut Courier<FakePort>) {
    mover.until_quiet().await.unwrap();
    world.settle();
}

/// What an outlet gives back, by name, and whether it may be handed over again.
fn ways_to_come_back() -> Vec<(&'static str, Manner, bool)> {
    let why = || "busy".to_owned();
    vec![
        ("later", Manner::Fails(Fault::Later { why: why(), retry_after_ms: Some(60_000) }), false),
        ("unauthorised", Manner::Fails(Fault::Unauthorised(why())), false),
        ("misconfigured", Manner::Fails(Fault::Misconfigured(why())), false),
        ("malformed", Manner::Fails(Fault::Malformed(why())), false),
        ("breaks", Manner::Breaks, true),
    ]
}

/// Retries used to count again and again as long as the host ran, and once after a restart.
#[tokio::test]
async fn what_came_back_takes_no_place_of_the_day_while_the_host_runs_either() {
    for (name, manner, again) in ways_to_come_back() {
        let world = World::new(at_most(Of::Connection, &[(0, 2)]));
        if again {
            world.connect("wecom", &["direct-message"], &["direct-message"]);
        }
        for person in ["an", "bo", "ci", "di"] {
            world.meet(person);
        }
        let mut living = world.courier();
        world.propose("an", intent("k", "direct-message"));
        world.behave("wecom", &[manner.clone(), manner, Manner::Sends]);
        for _ in 0..4 {
            carry_on(&world, &mut living).await;
            world.pass(2 * HOUR);
        }
        let went = world.held("an", "k").state == IntentState::Sent;
        assert_eq!(went, name != "malformed", "{name}: {:?}", world.steps("an", "k"));
        world.behave("wecom", &[Manner::Sends]);
        world.propose("bo", intent("k", "direct-message"));
        carry_on(&world, &mut living).await;
        assert_eq!(world.held("bo", "k").state, IntentState::Sent, "{name}: {:?}", world.steps("bo", "k"));
        world.propose("ci", intent("k", "direct-message"));
        carry_on(&world, &mut living).await;
        let full = (vec![IntentState::Held], "budget".to_owned());
        let fits = (vec![IntentState::Due, IntentState::Sent], "taken".to_owned());
        assert_eq!(world.steps("ci", "k"), if went { full.clone() } else { fits }, "{name}");
        // A mover that has the journal alone comes to the same.
        world.propose("di", intent("k", "direct-message"));
        world.carry().await;
        assert_eq!(world.steps("di", "k"), full, "{name}");
    }
}

#[tokio::test]
async fn what_a_former_host_left_and_is_handed_over_again_is_counted_once() {
    let world = World::new(at_most(Of::Connection, &[(0, 2)]));
    world.connect("wecom", &["direct-message"], &["direct-message"]);
    for person in ["an", "bo", "ci"] {
        world.meet(person);
    }
    world.propose("an", intent("k", "direct-message"));
    die_in_a_call(&world, "wecom").await;
    let mut living = world.courier();
    carry_on(&world, &mut living).await;
    assert_eq!(world.held("an", "k").state, IntentState::Sent);
    for person in ["bo", "ci"] {
        world.propose(person, intent("k", "direct-message"));
        carry_on(&world, &mut living).await;
    }
    assert_eq!(world.held("bo", "k").state, IntentState::Sent);
    assert_eq!(world.steps("ci", "k"), (vec![IntentState::Held], "budget".to_owned()));
}

#[tokio::test]
async fn what_waits_over_midnight_is_counted_on_the_day_on_which_it_goes() {
    let world = World::new(at_most(Of::Connection, &[(0, 1)]));
    for person in ["an", "bo"] {
        world.meet(person);
    }
    world.pass(DAY - START % DAY - 1_000);
    let mut living = world.courier();
    world.propose("an", intent("k", "direct-message"));
    living.round().await.unwrap();
    assert!(world.calls("wecom").is_empty(), "it is let through, and waits for its call");
    world.pass(2_000);
    carry_on(&world, &mut living).await;
    world.propose("bo", intent("k", "direct-message"));
    carry_on(&world, &mut living).await;
    assert_eq!(world.held("an", "k").state, IntentState::Sent);
    assert_eq!(world.steps("bo", "k"), (vec![IntentState::Held], "budget".to_owned()));
}

/// On its second day an account may send two; it shows itself, and so does its member of staff, when the mover runs already.
#[tokio::test]
async fn an_account_that_appears_later_grows_older_without_a_restart() {
    for of in [Of::Connection, Of::Staff] {
        let world = World::new(at_most(of, &[(0, 1), (1, 2)]));
        let mut living = world.courier();
        carry_on(&world, &mut living).await;
        for person in ["an", "bo", "ci"] {
            world.meet_by(person, "lin");
            world.propose(person, to_lin("first"));
        }
        let went = |key: &str| {
            let all = ["an", "bo", "ci"].iter().filter(|her| world.held(her, key).state == IntentState::Sent);
            all.count()
        };
        carry_on(&world, &mut living).await;
        assert_eq!(went("first"), 1, "{of:?}: on its first day");
        world.pass(DAY);
        carry_on(&world, &mut living).await;
        assert_eq!(went("first"), 3, "{of:?}: two more on its second");
    }
}

/// More than one look takes in: nobody is held by the budget of a new account meanwhile.
#[tokio::test]
async fn an_account_is_as_old_as_its_first_record_wherever_that_stands() {
    let world = World::new(at_most(Of::Connection, &[(0, 0), (1, 5)]));
    let other = |number: u32| {
        let fact = Fact::Told(Vec::new());
        let (touchpoint, who) = (Touchpoint::Other, Vec::new());
        let event =
            Event { id: format!("{number}"), at: START, who, staff: None, touchpoint, fact, extra: None };
        Entry::Event(ChannelEvent { connection: "other".to_owned(), event })
    };
    // As many as are read in one look, and more.
    for page in 0..17 {
        world.append((0..4_096).map(|number| other(page * 4_096 + number)).collect());
    }
    world.settle();
    world.meet("an");
    world.pass(DAY);
    world.propose("an", intent("k", "direct-message"));
    world.carry().await;
    assert_eq!(world.steps("an", "k").0, [IntentState::Due, IntentState::Sent], "never held");
}
