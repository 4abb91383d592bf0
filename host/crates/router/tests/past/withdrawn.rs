//! An intent that nothing intends any more does not hold: it is told what took its ground.

use model::{IntentState, Position};
use router::{Reason, Target};

use crate::answer;
use crate::world::{World, act, told};

fn hello() -> Option<Target> {
    Some(Target::Intent("hello".to_owned()))
}

fn ground(reason: &Reason) -> Option<Position> {
    let Reason::Withdrawn { cause, state: IntentState::Proposed, ground } = reason else {
        panic!("{reason:?}")
    };
    assert_eq!(cause.why, "hello");
    ground.as_ref().map(|record| record.position)
}

/// It was said to hold.
#[test]
fn an_intent_that_the_next_version_does_not_mean_is_withdrawn_by_its_setup() {
    let mut world = World::new();
    world.says(10, "a", act("meet"));
    assert_eq!(answer(&world, 2, hello()).0, "holds");
    world.set_up(20, "silent", false);
    world.says(21, "a", act("quiet"));
    let (code, reason) = answer(&world, 2, hello());
    assert_eq!((code, ground(&reason)), ("withdrawn", Some(3)));
    // Meant again, it is meant.
    world.set_up(30, "v0", false);
    world.settle(31);
    assert_eq!(answer(&world, 2, hello()).0, "holds");
    // And the last setup that took its ground is the one.
    world.set_up(40, "silent", false);
    world.settle(41);
    assert_eq!(ground(&answer(&world, 2, hello()).1), Some(6));
}

#[test]
fn an_intent_that_one_person_would_not_have_got_is_withdrawn_by_the_record_that_made_her_one() {
    let mut world = World::new();
    world.says_of(10, &["open:a"], act("shy"));
    world.says_of(11, &["open:b"], act("meet"));
    world.settle(12);
    assert_eq!(answer(&world, 3, hello()).0, "holds");
    world.says_of(13, &["open:a", "open:b"], told("name"));
    let (code, reason) = answer(&world, 3, hello());
    assert_eq!((code, ground(&reason)), ("withdrawn", Some(4)));
}
