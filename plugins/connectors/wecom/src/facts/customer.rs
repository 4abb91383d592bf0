//! `change_external_contact`: the tie between a customer and a member of staff.

use heliu_sdk::events::{Bond, Fact, Tie, Touchpoint};

use super::{Findings, Notice};
use crate::identity;
use crate::jobs::Job;

/// What a tie's push means for the tie, and whether the API now knows more.
fn meaning(notice: &Notice<'_>) -> Option<(Bond, bool)> {
    let by_transfer = notice.push.text("Source").as_deref() == Some("DELETE_BY_TRANSFER");
    match notice.push.change()?.as_str() {
        "add_external_contact" => Some((Bond::Added, true)),
        "add_half_external_contact" => Some((Bond::HalfAdded, true)),
        // Says that remark or tags changed, not how.
        "edit_external_contact" => Some((Bond::Edited, true)),
        // Nobody removed her: she was handed over, and the push does not say to whom. Her profile does.
        "del_external_contact" if by_transfer => Some((Bond::Transferred, true)),
        "del_external_contact" => Some((Bond::RemovedByStaff, false)),
        "del_follow_user" => Some((Bond::RemovedByCustomer, false)),
        _ => None,
    }
}

pub fn read(notice: &Notice<'_>) -> Findings {
    let push = notice.push;
    // A failed transfer and a consent are about the two of them, but leave the tie as it was.
    let Some((bond, has_news)) = meaning(notice) else {
        return Findings { events: vec![notice.act()], jobs: Vec::new() };
    };
    let tie =
        Tie { bond, way: None, state: push.text("State"), remark: None, tags: Vec::new(), successor: None };
    let job = push
        .text("ExternalUserID")
        .filter(|_| has_news)
        .map(|external_userid| Job::Profile { external_userid, cause: notice.at });
    // Only her own adding is done through the code.
    let named = match bond {
        Bond::Added | Bond::HalfAdded => identity::of_state(notice.settings, tie.state.as_deref()),
        Bond::Edited | Bond::Transferred | Bond::RemovedByCustomer | Bond::RemovedByStaff => None,
    };
    let mut event = notice.event(Touchpoint::DirectMessage, Fact::Met(tie));
    // Without her there is nobody who added anybody.
    if !event.who.is_empty() {
        event.who.extend(named);
    }
    Findings { events: vec![event], jobs: job.into_iter().collect() }
}
