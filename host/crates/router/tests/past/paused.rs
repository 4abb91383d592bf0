//! What a policy was not shown because it was paused is told with the pause.

use router::{Line, Missed, Reason, Rung};

use crate::world::{World, act, bought, told};
use crate::{answer, tag};

/// Shown her first record; the second one stands before the setup at position 4, which pauses the policy behind the first.
fn paused() -> World {
    let mut world = World::new();
    world.says(10, "a", act("quiet"));
    world.unfolded(11, "a", bought());
    world.pause(12);
    world
}

/// It was said that the version before had not wanted it.
#[test]
fn a_record_that_a_paused_policy_missed_says_since_when() {
    let world = paused();
    let reasons = world.why_not(2, tag("buyer")).reasons;
    let Reason::Paused { turns, position, pause, said } = &reasons[0] else { panic!("{reasons:?}") };
    assert_eq!((reasons[0].code(), *turns, *position), ("paused", 1, 3));
    assert_eq!((pause.behind, *said), (2, Some((4, 12))));
    assert_eq!(reasons[1].code(), "decided-otherwise", "it was shown the first one");
    let lines = world.why_not(2, tag("buyer")).lines;
    assert!(
        matches!(&lines[..], [Line::Seen(_), Line::Missed(Missed { record, alarm: None, reason })]
            if record.position == 3 && reason.code() == "paused"),
        "{lines:?}"
    );
    // The setup stands behind what it is about: as of before it, the same.
    assert_eq!(world.why_not_at(2, tag("buyer"), 3).reasons[0].code(), "paused");
    assert_eq!(world.why_not_at(2, tag("buyer"), 2).reasons[0].code(), "decided-otherwise");
}

#[test]
fn what_is_made_up_for_is_not_missed() {
    let mut world = paused();
    world.says(13, "a", told("name"));
    world.set_up(20, "v0", false);
    world.settle(21);
    assert_eq!(answer(&world, 2, tag("buyer")).0, "holds");
    let told = world.why_not(2, tag("helped"));
    assert_eq!(told.reasons[0].code(), "decided-otherwise", "{:?}", told.reasons);
    assert!(told.lines.iter().all(|line| match line {
        Line::Missed(missed) => missed.reason.code() == "not-wanted",
        Line::Seen(_) | Line::Act(_) => true,
    }));
}

/// The turns of before do not count any more: her past was folded again, and the policy was not asked.
#[test]
fn who_is_made_one_in_a_pause_has_nothing_of_the_policy() {
    let mut world = World::new();
    world.says_of(10, &["open:a"], bought());
    world.says_of(11, &["open:b"], act("quiet"));
    world.settle(12);
    world.pause(13);
    assert_eq!(answer(&world, 2, tag("buyer")).0, "holds");
    world.says_of(14, &["open:a", "open:b"], told("name"));
    let told = world.why_not(2, tag("buyer"));
    let Reason::Paused { turns: 2, position: 2, pause, .. } = &told.reasons[0] else {
        panic!("{:?}", told.reasons)
    };
    assert_eq!(pause.behind, 3);
    assert!(told.lines.iter().all(|line| matches!(line, Line::Missed(_))), "{:?}", told.lines);
}

#[test]
fn an_alarm_whose_time_came_in_the_pause_was_missed() {
    let mut world = World::new();
    world.says(10, "a", act("later"));
    world.pause(12);
    world.settle(99);
    let told = world.why_not(2, tag("woken"));
    assert_eq!(told.reasons[0].code(), "paused", "{:?}", told.reasons);
    let rung = Some(Rung { key: "look".to_owned(), due: 30 });
    assert!(matches!(&told.lines[..], [Line::Seen(_), Line::Missed(Missed { alarm, .. })] if *alarm == rung));
}

#[test]
fn what_a_paused_policy_would_not_have_wanted_is_not_wanted() {
    let mut world = World::new();
    world.says(10, "a", told("name"));
    world.pause(12);
    world.says(13, "a", told("name"));
    assert_eq!(answer(&world, 2, tag("buyer")).0, "not-wanted");
}
