//! Coupons and coupon codes: claimed, used, and what else becomes of them.

use heliu_sdk::chores::Harvest;
use heliu_sdk::events::{Act, Fact, Touchpoint};

use crate::facts::{self, Desk, customers};
use crate::push::Push;

pub fn changed(push: &Push, desk: &mut Desk<'_>) -> Harvest {
    let kind = match push.status.as_deref() {
        Some("CARD_TAKE" | "CODE_TAKE") => "claimed-coupon".to_owned(),
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
    facts::only(facts::event(push.unique(), at, who, Touchpoint::Shop, Fact::Did(act), push.whole()))
}
