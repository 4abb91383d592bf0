//! Twins of events.

use model::*;

use crate::kind::{Raw, twin, twin_cases, twin_enum};

twin!(Identity as IdentityWire { scheme: String, scope: String, value: String });
twin_enum!(Touchpoint as TouchpointWire {
    DirectMessage, GroupChat, Moments, OfficialAccount, MiniProgram, ShortVideo, LiveRoom, Web, Shop, Store, Phone, Sms,
    Parcel, Other,
});
twin!(Content as ContentWire { id: String, kind: String, title: Option<String>, category: Option<String> });
twin_enum!(Direction as DirectionWire { FromCustomer, ToCustomer });
twin!(Message as MessageWire {
    direction: Direction,
    kind: String,
    text: Option<String>,
    group: Option<String>,
    about: Option<Content>,
});
twin_enum!(Look as LookWire { Viewed, Clicked, Liked, Commented, Shared, Favoured });
twin!(View as ViewWire { look: Look, about: Content, dwell_ms: Option<u32>, via: Option<String> });
twin_enum!(OrderStep as OrderStepWire {
    Placed, Paid, Shipped, Received, Completed, Cancelled, RefundAsked, PartRefunded, Refunded,
});
twin!(OrderLine as OrderLineWire {
    sku: String,
    title: String,
    category: Option<String>,
    quantity: u32,
    paid: Option<i64>,
});
twin!(Order as OrderWire {
    id: String,
    step: OrderStep,
    currency: String,
    total: Option<i64>,
    paid: Option<i64>,
    refunded: Option<i64>,
    lines: Vec<OrderLine>,
    placed_at: u64,
    source: Option<String>,
});
twin!(Act as ActWire {
    kind: String,
    object: Option<String>,
    title: Option<String>,
    quantity: Option<i64>,
    state: Option<String>,
    whom: Option<Identity>,
});
twin_enum!(Bond as BondWire { Added, HalfAdded, RemovedByCustomer, RemovedByStaff, Transferred, Edited });
twin!(Tie as TieWire {
    bond: Bond,
    way: Option<String>,
    state: Option<String>,
    remark: Option<String>,
    tags: Vec<String>,
    successor: Option<String>,
});
twin_cases!(Value as ValueWire { Text(String), Number(f64), Truth(bool), Time(u64) });
twin!(Trait as TraitWire { name: String, value: Value });
twin_enum!(ReceiptStep as ReceiptStepWire { Sent, Confirmed, Failed, Expired, Read, Clicked, Replied, Bought });
twin!(Receipt as ReceiptWire { errand: String, step: ReceiptStep, why: Option<String> });
twin_cases!(Fact as FactWire {
    Said(Message), Saw(View), Bought(Order), Did(Act), Met(Tie), Told(Vec<Trait>), Carried(Receipt),
});
twin!(Event as EventWire {
    id: String,
    at: u64,
    who: Vec<Identity>,
    staff: Option<String>,
    touchpoint: Touchpoint,
    fact: Fact,
    extra: Option<Raw>,
});
