//! What operators give and take by hand stands among what policies decide, in the order of time.

use model::{CustomerId, Deed, HandTag, HandUntag};
use router::{Doer, Hand, Line, Reason};

use crate::world::{World, act, bought};
use crate::{answer, tag};

fn give(name: &str, expires: Option<u64>) -> Deed {
    Deed::Tag(HandTag { customer: CustomerId(2), name: name.to_owned(), expires })
}

fn take(name: &str) -> Deed {
    Deed::Untag(HandUntag { customer: CustomerId(2), name: name.to_owned() })
}

fn hand(position: u64, now: u64) -> Hand {
    Hand { by: "li".to_owned(), why: "she asked for it".to_owned(), position, now }
}

/// It was said to be decided otherwise.
#[test]
fn a_tag_that_an_operator_took_away_says_who_why_and_where() {
    let mut world = World::new();
    world.says(10, "a", bought());
    world.does(11, take("buyer"));
    world.says(12, "a", act("quiet"));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!((code, reason), ("untagged", Reason::Untagged { by: Doer::Hand(hand(3, 11)) }));
    let lines = world.why_not(2, tag("buyer")).lines;
    assert!(
        matches!(&lines[..], [Line::Seen(_), Line::Act(record), Line::Seen(_)] if record.position == 3),
        "{lines:?}"
    );
    // As of before that, it holds; and it does again when the policy gives it again.
    assert_eq!(world.why_not_at(2, tag("buyer"), 2).reasons[0].code(), "holds");
    world.says(13, "a", bought());
    assert_eq!(answer(&world, 2, tag("buyer")).0, "holds");
}

/// It was said to have ended at a time that was not there yet.
#[test]
fn a_tag_with_an_end_ahead_that_an_operator_took_away_has_not_ended() {
    let mut world = World::new();
    world.says(10, "a", act("short"));
    world.does(11, take("buyer"));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!((code, reason), ("untagged", Reason::Untagged { by: Doer::Hand(hand(3, 11)) }));
    // Nor is it taken away where its time was over before.
    let mut world = World::new();
    world.says(10, "a", act("short"));
    world.does(30, take("buyer"));
    assert_eq!(answer(&world, 2, tag("buyer")).0, "tag-ended");
}

#[test]
fn a_tag_that_an_operator_gave_holds_by_hand_and_ends_by_hand() {
    let mut world = World::new();
    world.says(10, "a", act("quiet"));
    world.does(11, give("buyer", Some(20)));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!(code, "holds");
    assert!(matches!(reason, Reason::Holds { hand: Some(by), .. } if by == hand(3, 11)));
    world.says(21, "a", act("quiet"));
    let (code, reason) = answer(&world, 2, tag("buyer"));
    assert_eq!((code, reason), ("tag-ended", Reason::TagEnded { at: 20, by: Doer::Hand(hand(3, 11)) }));
}

#[test]
fn acts_stand_between_the_turns_as_the_fold_took_them() {
    // The alarm gives the tag at 30: at one time it comes before the act, and after one of an earlier time.
    for (now, code) in [(29, "holds"), (30, "untagged"), (31, "untagged")] {
        let mut world = World::new();
        world.says(10, "a", act("later"));
        world.does(now, take("woken"));
        world.settle(40);
        assert_eq!(answer(&world, 2, tag("woken")).0, code, "taken at {now}");
    }
    // The policy takes what the operator gave, and the operator what the policy gave.
    let mut world = World::new();
    world.says(10, "a", act("quiet"));
    world.does(11, give("buyer", None));
    world.says(12, "a", act("leave"));
    let (_, reason) = answer(&world, 2, tag("buyer"));
    assert!(matches!(&reason, Reason::Untagged { by: Doer::Turn(by) } if by.position == 4), "{reason:?}");
    world.says(13, "a", bought());
    world.does(14, take("buyer"));
    assert_eq!(answer(&world, 2, tag("buyer")).1, Reason::Untagged { by: Doer::Hand(hand(6, 14)) });
}

/// What a policy took away that is in force no longer is not taken away: everybody was folded again without it.
#[test]
fn what_a_policy_decided_that_is_gone_is_no_reason() {
    let mut world = World::new();
    world.says(10, "a", bought());
    world.says(11, "a", act("leave"));
    world.without(20, "strict");
    world.settle(21);
    world.does(22, take("buyer"));
    assert_eq!(answer(&world, 2, tag("buyer")).1, Reason::Untagged { by: Doer::Hand(hand(5, 22)) });
}
