//! What was, why something is not so, and since when it is: lives of a few records, each with a reason of its own.

#[path = "past/hand.rs"]
mod hand;
#[path = "past/paused.rs"]
mod paused;
#[path = "past/withdrawn.rs"]
mod withdrawn;
#[path = "past/world.rs"]
mod world;

use model::CustomerId;
use router::{Before, Doer, Line, Missed, Reason, RouterError, Seen, Target, TurnOutcome};

use world::{World, act, bought, helped, told};

fn tag(name: &str) -> Option<Target> {
    Some(Target::Tag(name.to_owned()))
}

/// The answer's word, and the answer.
fn answer(world: &World, id: u64, target: Option<Target>) -> (&'static str, Reason) {
    let reason = world.why_not(id, target).reasons.into_iter().next().expect("a reason");
    (reason.code(), reason)
}

#[test]
fn what_holds_is_said_to_hold() {
    let mut world = World::new();
    world.says(10, "a", bought());
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "holds");
    assert!(
        matches!(reason, Reason::Holds { cause, hand: None } if cause.position == 2 && cause.why == "an order")
    );
}

#[test]
fn a_tag_that_the_policy_does_not_declare_is_named_so() {
    let mut world = World::new();
    world.says(10, "a", bought());
    let (code, reason) = answer(&world, 2, tag("vip"));
    assert_eq!(code, "undeclared");
    assert!(matches!(reason, Reason::Undeclared { declared } if declared.contains(&"buyer".to_owned())));
}

#[test]
fn a_fact_that_the_policy_does_not_want_is_named() {
    let mut world = World::new();
    world.says(10, "a", told("name"));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "not-wanted");
    let (facts, wants) = (vec!["told".to_owned()], vec!["bought".to_owned(), "did".to_owned()]);
    assert_eq!(reason, Reason::NotWanted { facts, wants });
    let lines = world.why_not(2, tag("buyer")).lines;
    assert!(matches!(&lines[..], [Line::Missed(Missed { record, .. })] if record.position == 2));
}

#[test]
fn a_record_with_her_handle_that_is_anothers_is_named_with_the_conflict() {
    let mut world = World::new();
    world.says_of(10, &["union:1", "phone:1"], act("quiet"));
    // The phone is hers, the union id says that it is somebody else.
    world.says_of(11, &["union:2", "phone:1"], bought());
    let told = world.why_not(2, tag("buyer"));
    assert_eq!(told.reasons[0].code(), "not-hers", "{:?}", told.reasons);
    let Reason::NotHers { position, whose, conflict } = &told.reasons[0] else {
        panic!("{:?}", told.reasons)
    };
    assert_eq!((*position, *whose), (3, Some(CustomerId(3))));
    let conflict = conflict.as_ref().expect("because the fold noted it");
    assert_eq!((conflict.scheme.as_str(), conflict.other), ("union", CustomerId(2)));
    // That she did something else is told, too, behind it.
    assert_eq!(told.reasons[1].code(), "decided-otherwise");
}

#[test]
fn what_was_told_of_her_and_counts_no_longer_is_named() {
    let mut world = World::new();
    world.says(10, "b", act("quiet"));
    world.says_of(11, &["open:a", "phone:9"], helped("b"));
    world.says_of(12, &["phone:9"], act("quiet"));
    world.settle(13);
    assert_eq!(answer(&world, 2, tag("helped")).0, "holds");
    // By another version, nobody is helped.
    world.set_up(20, "v1", false);
    world.settle(21);
    let told = world.why_not(2, tag("helped"));
    assert_eq!(told.reasons[0].code(), "counted-no-longer", "{:?}", told.reasons);
    let Reason::CountedNoLonger { position, cause } = told.reasons[0] else { panic!() };
    let event = &world.record(position).entry;
    assert!(matches!(event, model::Entry::Derived(derived) if derived.cause == 3), "{event:?}");
    assert!(matches!(world.record(cause).entry, model::Entry::Setup(_)));
}

#[test]
fn a_turn_at_which_the_policy_failed_is_the_answer() {
    let mut world = World::new();
    world.says(10, "a", act("boom"));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "fault");
    assert!(matches!(reason, Reason::Fault { by, kind, .. } if by.position == 2 && kind == "trap"));
}

#[test]
fn a_policy_that_wakes_itself_for_ever_was_quieted() {
    let mut world = World::new();
    world.says(10, "a", act("awake"));
    world.settle(30_000);
    let told = world.why_not(2, tag("buyer"));
    let Reason::Fault { by, kind, .. } = &told.reasons[0] else { panic!("{:?}", told.reasons) };
    assert_eq!((kind.as_str(), by.policy.as_str()), ("alarms", "loyal"));
}

#[test]
fn turns_are_listed_with_decisions_memory_and_fuel() {
    let mut world = World::new();
    world.says(10, "a", act("quiet"));
    world.says(11, "a", act("later"));
    world.settle(99);
    let told = world.why_not(2, tag("buyer"));
    assert_eq!(told.reasons[0].code(), "decided-otherwise");
    assert!(matches!(&told.reasons[0], Reason::DecidedOtherwise { turns: 3, last } if last.alarm.is_some()));
    let seen: Vec<&Seen> = told
        .lines
        .iter()
        .map(|line| match line {
            Line::Seen(seen) => seen,
            Line::Missed(_) | Line::Act(_) => panic!("{line:?}"),
        })
        .collect();
    let memory = |seen: &Seen| match &seen.shown.outcome {
        TurnOutcome::Verdict(verdict) => (seen.shown.before.clone(), verdict.memory.clone()),
        TurnOutcome::Fault { .. } => panic!(),
    };
    assert_eq!(memory(seen[0]), (None, Some(vec![1])));
    assert_eq!(memory(seen[1]), (Some(vec![1]), Some(vec![1, 1])));
    assert_eq!((seen[2].shown.now, seen[2].shown.position), (31, 3), "the alarm, by the record that asked");
    assert_eq!(seen[2].shown.fuel, Some(7), "the natives say that a turn costs 7");
    assert_eq!((seen[0].version, seen[0].again), (Some(0), None));
}

#[test]
fn a_tag_that_ended_says_when() {
    let mut world = World::new();
    world.says(10, "a", act("short"));
    world.says(40, "b", act("quiet"));
    world.settle(50);
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "tag-ended");
    assert!(matches!(reason, Reason::TagEnded { at: 20, by: Doer::Turn(by) } if by.position == 2));
}

#[test]
fn a_tag_that_was_taken_away_says_by_which_turn_of_which_policy() {
    let mut world = World::new();
    world.says(10, "a", bought());
    world.says(11, "a", act("leave"));
    world.says(12, "a", act("quiet"));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "untagged");
    assert!(
        matches!(reason, Reason::Untagged { by: Doer::Turn(by) } if by.position == 3 && by.why == "left" && by.policy == "strict")
    );
}

#[test]
fn a_stage_that_she_left_says_for_which() {
    let mut world = World::new();
    world.says(10, "a", act("on"));
    world.says(11, "a", act("off"));
    let (code, reason) = answer(&world, 2, Some(Target::stage("way=first")));
    assert_eq!(code, "stage-moved");
    assert!(matches!(reason, Reason::StageMoved { to, by } if to == "second" && by.position == 3));
    assert_eq!(answer(&world, 2, Some(Target::stage("way"))).0, "holds");
}

#[test]
fn what_a_merge_took_away_is_told_with_its_record() {
    let mut world = World::new();
    world.says_of(10, &["open:a"], act("shy"));
    world.says_of(11, &["open:b"], bought());
    world.settle(12);
    assert_eq!(answer(&world, 3, tag("buyer")).0, "holds");
    // One person who was shy before she bought is not tagged.
    world.says_of(13, &["open:a", "open:b"], told("name"));
    let told = world.why_not(3, tag("buyer"));
    assert_eq!(told.customer.id, CustomerId(2));
    let merged = Reason::MergedAway { gone: CustomerId(3), who: CustomerId(3), position: 4 };
    assert_eq!(told.reasons[0], merged);
    assert_eq!(told.lines.len(), 3, "the turns are those of one person: {:?}", told.lines);
}

#[test]
fn an_intent_of_a_past_is_told_with_the_version_that_meant_it() {
    let mut world = World::new();
    world.says(10, "a", act("meet"));
    world.set_up(20, "v1", false);
    world.settle(21);
    assert_eq!(answer(&world, 2, Some(Target::Intent("hello".to_owned()))).0, "holds");
    // Only the next version means this.
    let (code, reason) = answer(&world, 2, Some(Target::Intent("again".to_owned())));
    assert_eq!(code, "before-policy");
    let past = Reason::BeforePolicy { position: 2, version: 3, since: 3, what: Before::Past };
    assert_eq!(reason, past);
    let told = world.why_not(2, None);
    assert!(matches!(&told.lines[0], Line::Seen(seen) if seen.again == Some(3) && seen.version == Some(3)));
}

#[test]
fn a_version_that_carried_on_has_not_seen_what_was_before() {
    let mut world = World::new();
    world.says(10, "a", act("quiet"));
    world.set_up(20, "v2", true);
    world.settle(21);
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "before-policy");
    let carried = Reason::BeforePolicy { position: 2, version: 3, since: 3, what: Before::Carried };
    assert_eq!(reason, carried);
}

#[test]
fn a_policy_that_is_in_force_no_longer_is_shown_nothing() {
    let mut world = World::new();
    world.says(10, "a", bought());
    world.unbind(20);
    world.settle(21);
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!((code, reason), ("no-turns", Reason::NoTurns { unbound: true }));
    // As of before that, it holds.
    assert_eq!(world.why_not_at(2, tag("buyer"), 2).reasons[0].code(), "holds");
    assert!(world.ask(99, "loyal", tag("buyer")).unwrap().is_none(), "nobody has this id");
}

#[test]
fn a_policy_that_is_not_bound_is_an_error_that_names_those_that_are() {
    let mut world = World::new();
    world.says(10, "a", bought());
    let error = world.ask(2, "loyl", None).unwrap_err();
    assert!(matches!(&error, RouterError::Unbound { bound, .. } if bound.len() == 3), "{error}");
    assert_eq!(error.to_string(), "no policy \"loyl\" is in force there; there is: loyal, strict, idle");
}

#[test]
fn since_is_the_last_moment_that_broke_it() {
    let mut world = World::new();
    world.says(10, "a", bought());
    world.says(11, "a", act("leave"));
    world.says(12, "a", act("quiet"));
    world.says(13, "a", bought());
    world.says(14, "a", bought());
    world.settle(15);
    let since = world.since(2, "buyer", false);
    let (moment, cause) = since.began.unwrap();
    assert_eq!((moment.standing.position, moment.record, moment.now), (5, Some(5), 13));
    assert_eq!(cause.unwrap().position, 5);
    assert_eq!(since.looked_at, 6, "the setup and five records");
    assert!(world.since(2, "buyer", true).began.is_none());
}

#[test]
fn since_sees_what_time_alone_does_and_what_a_setup_does() {
    let mut world = World::new();
    world.says(10, "a", act("short"));
    world.says(12, "b", act("later"));
    world.settle(90);
    let (moment, _) = world.since(2, "buyer", true).began.unwrap();
    assert_eq!((moment.now, moment.record, moment.standing.position), (20, None, 2), "the tag's end");
    let (moment, _) = world.since(3, "woken", false).began.unwrap();
    assert_eq!((moment.now, moment.record), (32, None), "the alarm");
    world.set_up(100, "v1", false);
    world.settle(101);
    let (moment, cause) = world.since(2, "second", false).began.unwrap();
    assert_eq!(moment.record, Some(4), "the setup's record");
    assert_eq!(cause.unwrap().position, 2, "and the cause is the old record");
}

#[test]
fn a_walk_ends_as_its_slice_at_once_does_and_stops_at_its_limit() {
    let mut world = World::new();
    for now in 10..30 {
        world.says(now, "a", act("later"));
    }
    world.settle(99);
    world.compare_walk(2);
    let since = world.since_of(2, "woken", false, 3);
    assert!(!since.ended && since.began.is_none() && since.looked_at == 3);
}
