//! Coupons and coupon codes: claimed, used, and what else becomes of them.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Fact, Touchpoint};

use crate::facts::{self, Desk, customers};
use crate::outlet;
use crate::push::Push;

const CLAIMED: &str = "claimed-coupon";

pub fn changed(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let kind = match push.status.as_deref() {
        Some("CARD_TAKE" | "CODE_TAKE") => CLAIMED.to_owned(),
        Some("CARD_CONSUME" | "CODE_CONSUME") => "used-coupon".to_owned(),
        // Given back, revoked, edited by the shop: known words, but no act that other channels know too.
        Some(other) => format!("youzan.coupon.{other}"),
        None => "youzan.coupon".to_owned(),
    };
    let act = Act {
        object: push.msg.get("id").id().or(push.id.as_deref()).map(str::to_owned),
        title: push.msg.get("title").word().map(str::to_owned),
        ..facts::act(kind)
    };
    let who = customers::customer(&push.msg, desk.settings);
    let at = push.at(desk.settings, desk.now);
    let taken = act.kind == CLAIMED;
    let errand =
        act.object.as_deref().filter(|_| taken).and_then(|id| outlet::errand_of(id, &who, desk.host));
    let had =
        errand.map(|errand| outlet::has_it(&errand, at, who.clone(), "Youzan tells that she has the coupon"));
    let event = facts::event(push.unique(), at, who, Touchpoint::Shop, Fact::Did(act), push.whole());
    Harvest { events: std::iter::once(event).chain(had).collect(), chores: Vec::new() }
}
