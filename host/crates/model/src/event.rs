//! What happened, to whom, and where: the twins of `wit/v0.1/plugin.wit`.

use crate::{Instant, Json};

/// One handle by which a channel knows a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub scheme: String,
    /// Within what the value is unique. Empty where the scheme is global.
    pub scope: String,
    pub value: String,
}

impl Identity {
    /// The channel whose name for her it is: what stands before the dot of its scheme, `wecom.external-userid`. None: a number of a
    /// telephone is no channel's.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        self.scheme.split_once('.').map(|(channel, _)| channel)
    }
}

/// Where in the customer's day it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touchpoint {
    DirectMessage,
    GroupChat,
    Moments,
    OfficialAccount,
    MiniProgram,
    ShortVideo,
    LiveRoom,
    Web,
    Shop,
    Store,
    Phone,
    Sms,
    Parcel,
    Other,
}

/// A thing that can be shown: the same id wherever it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub id: String,
    pub kind: String,
    pub title: Option<String>,
    pub category: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    FromCustomer,
    ToCustomer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub direction: Direction,
    pub kind: String,
    pub text: Option<String>,
    pub group: Option<String>,
    pub about: Option<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Viewed,
    Clicked,
    Liked,
    Commented,
    Shared,
    Favoured,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub look: Look,
    pub about: Content,
    pub dwell_ms: Option<u32>,
    pub via: Option<String>,
}

impl View {
    /// What led her here by a click: an intent, or a channel code.
    #[must_use]
    pub fn followed(&self) -> Option<&str> {
        match self.look {
            Look::Clicked => self.via.as_deref(),
            Look::Viewed | Look::Liked | Look::Commented | Look::Shared | Look::Favoured => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStep {
    Placed,
    Paid,
    Shipped,
    Received,
    Completed,
    Cancelled,
    RefundAsked,
    PartRefunded,
    Refunded,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    pub sku: String,
    pub title: String,
    pub category: Option<String>,
    pub quantity: u32,
    /// For the whole line, after discounts, in the order's minor unit.
    pub paid: Option<i64>,
}

/// A whole snapshot of the order at this step, never a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    pub step: OrderStep,
    pub currency: String,
    pub total: Option<i64>,
    pub paid: Option<i64>,
    pub refunded: Option<i64>,
    pub lines: Vec<OrderLine>,
    pub placed_at: Instant,
    pub source: Option<String>,
}

/// Anything else that a customer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub kind: String,
    pub object: Option<String>,
    pub title: Option<String>,
    pub quantity: Option<i64>,
    pub state: Option<String>,
    pub whom: Option<Identity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    Added,
    HalfAdded,
    RemovedByCustomer,
    RemovedByStaff,
    Transferred,
    Edited,
}

/// A change in the tie between the customer and a member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    pub bond: Bond,
    pub way: Option<String>,
    pub state: Option<String>,
    pub remark: Option<String>,
    pub tags: Vec<String>,
    pub successor: Option<String>,
}

/// What a trait can be. Numbers are compared by their bits: the fold must not depend on how a NaN was made.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Number(f64),
    Truth(bool),
    Time(Instant),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
            (Value::Truth(a), Value::Truth(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            (Value::Text(_) | Value::Number(_) | Value::Truth(_) | Value::Time(_), _) => false,
        }
    }
}

impl Eq for Value {}

/// A fact about the person: `name`, `gender`, `birthday`, `phone`, `city`, `member-level`, `points`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trait {
    pub name: String,
    pub value: Value,
}

/// How far an errand has come, or what the customer made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStep {
    /// The channel took it to the customer.
    Sent,
    /// Staff confirmed it, and it reached her.
    Confirmed,
    /// It did not reach her, and will not.
    Failed,
    /// Nobody confirmed it in the time that the channel gives.
    Expired,
    Read,
    Clicked,
    Replied,
    Bought,
}

/// What became of an errand that an outlet carried, or what the customer made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The errand's id.
    pub errand: String,
    pub step: ReceiptStep,
    /// For people: what the channel says of it.
    pub why: Option<String>,
}

/// The four behaviours of a private domain (said, saw, bought, did), the tie to staff, plain facts, and receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Said(Message),
    Saw(View),
    Bought(Order),
    Did(Act),
    Met(Tie),
    Told(Vec<Trait>),
    Carried(Receipt),
}

impl Fact {
    /// The name by which a policy's `wants` asks for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fact::Said(_) => "said",
            Fact::Saw(_) => "saw",
            Fact::Bought(_) => "bought",
            Fact::Did(_) => "did",
            Fact::Met(_) => "met",
            Fact::Told(_) => "told",
            Fact::Carried(_) => "carried",
        }
    }

    /// The finer name behind the dot of a `wants` entry: `joined-group` of `did.joined-group`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Fact::Said(message) => Some(&message.kind),
            Fact::Saw(view) => Some(view.look.name()),
            Fact::Bought(order) => Some(order.step.name()),
            Fact::Did(act) => Some(&act.kind),
            Fact::Met(tie) => Some(tie.bond.name()),
            Fact::Told(_) => None,
            Fact::Carried(receipt) => Some(receipt.step.name()),
        }
    }

    /// Does an entry of a policy's `wants`, like `bought` or `did.joined-group`, ask for this fact?
    #[must_use]
    pub fn answers(&self, want: &str) -> bool {
        match want.split_once('.') {
            None => want == self.name(),
            Some((name, kind)) => name == self.name() && self.kind() == Some(kind),
        }
    }
}

impl Look {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Look::Viewed => "viewed",
            Look::Clicked => "clicked",
            Look::Liked => "liked",
            Look::Commented => "commented",
            Look::Shared => "shared",
            Look::Favoured => "favoured",
        }
    }
}

impl OrderStep {
    /// Did the buyer pay, and not take all of it back? A channel may begin to tell of an order late.
    #[must_use]
    pub fn is_bought(self) -> bool {
        match self {
            OrderStep::Paid
            | OrderStep::Shipped
            | OrderStep::Received
            | OrderStep::Completed
            | OrderStep::RefundAsked
            | OrderStep::PartRefunded => true,
            OrderStep::Placed | OrderStep::Cancelled | OrderStep::Refunded => false,
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OrderStep::Placed => "placed",
            OrderStep::Paid => "paid",
            OrderStep::Shipped => "shipped",
            OrderStep::Received => "received",
            OrderStep::Completed => "completed",
            OrderStep::Cancelled => "cancelled",
            OrderStep::RefundAsked => "refund-asked",
            OrderStep::PartRefunded => "part-refunded",
            OrderStep::Refunded => "refunded",
        }
    }
}

impl Bond {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Bond::Added => "added",
            Bond::HalfAdded => "half-added",
            Bond::RemovedByCustomer => "removed-by-customer",
            Bond::RemovedByStaff => "removed-by-staff",
            Bond::Transferred => "transferred",
            Bond::Edited => "edited",
        }
    }
}

impl ReceiptStep {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReceiptStep::Sent => "sent",
            ReceiptStep::Confirmed => "confirmed",
            ReceiptStep::Failed => "failed",
            ReceiptStep::Expired => "expired",
            ReceiptStep::Read => "read",
            ReceiptStep::Clicked => "clicked",
            ReceiptStep::Replied => "replied",
            ReceiptStep::Bought => "bought",
        }
    }

    /// What she made of it, by its name.
    #[must_use]
    pub fn reaction(name: &str) -> Option<ReceiptStep> {
        let reactions = [ReceiptStep::Read, ReceiptStep::Clicked, ReceiptStep::Replied, ReceiptStep::Bought];
        reactions.into_iter().find(|reaction| reaction.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The channel's own id of this fact, unique within the connection.
    pub id: String,
    pub at: Instant,
    /// Every handle of the customer that the channel gave. Empty: the fact is about no customer.
    pub who: Vec<Identity>,
    pub staff: Option<String>,
    pub touchpoint: Touchpoint,
    pub fact: Fact,
    pub extra: Option<Json>,
}

/// Where facts come from that say who entered a segment, or left it: no connection may have this name.
pub const SEGMENTS: &str = "segments";

/// The acts that say so; `object` is the segment.
pub const ENTERED: &str = "entered-segment";
pub const LEFT: &str = "left-segment";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_want_names_a_fact_or_a_kind_of_it() {
        let joined = Fact::Did(Act {
            kind: "joined-group".to_owned(),
            object: None,
            title: None,
            quantity: None,
            state: None,
            whom: None,
        });
        assert!(joined.answers("did"));
        assert!(joined.answers("did.joined-group"));
        assert!(!joined.answers("did.left-group"));
        assert!(!joined.answers("bought"));
        assert!(!Fact::Told(Vec::new()).answers("told.name"));
        let read = Fact::Carried(Receipt { errand: "int_1".to_owned(), step: ReceiptStep::Read, why: None });
        assert!(read.answers("carried"));
        assert!(read.answers("carried.read"));
        assert!(!read.answers("carried.replied"));
    }
}
