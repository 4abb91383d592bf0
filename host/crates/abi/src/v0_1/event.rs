//! Events, both ways. Out of a plugin they are moved; a policy's turns are lent instead, see `turn`.

use model::Instant;

use super::events as wit;

impl From<wit::Identity> for model::Identity {
    fn from(identity: wit::Identity) -> Self {
        let wit::Identity { scheme, scope, value } = identity;
        model::Identity { scheme, scope, value }
    }
}

impl From<wit::Touchpoint> for model::Touchpoint {
    fn from(touchpoint: wit::Touchpoint) -> Self {
        match touchpoint {
            wit::Touchpoint::DirectMessage => model::Touchpoint::DirectMessage,
            wit::Touchpoint::GroupChat => model::Touchpoint::GroupChat,
            wit::Touchpoint::Moments => model::Touchpoint::Moments,
            wit::Touchpoint::OfficialAccount => model::Touchpoint::OfficialAccount,
            wit::Touchpoint::MiniProgram => model::Touchpoint::MiniProgram,
            wit::Touchpoint::ShortVideo => model::Touchpoint::ShortVideo,
            wit::Touchpoint::LiveRoom => model::Touchpoint::LiveRoom,
            wit::Touchpoint::Web => model::Touchpoint::Web,
            wit::Touchpoint::Shop => model::Touchpoint::Shop,
            wit::Touchpoint::Store => model::Touchpoint::Store,
            wit::Touchpoint::Phone => model::Touchpoint::Phone,
            wit::Touchpoint::Sms => model::Touchpoint::Sms,
            wit::Touchpoint::Parcel => model::Touchpoint::Parcel,
            wit::Touchpoint::Other => model::Touchpoint::Other,
        }
    }
}

impl From<model::Touchpoint> for wit::Touchpoint {
    fn from(touchpoint: model::Touchpoint) -> Self {
        match touchpoint {
            model::Touchpoint::DirectMessage => wit::Touchpoint::DirectMessage,
            model::Touchpoint::GroupChat => wit::Touchpoint::GroupChat,
            model::Touchpoint::Moments => wit::Touchpoint::Moments,
            model::Touchpoint::OfficialAccount => wit::Touchpoint::OfficialAccount,
            model::Touchpoint::MiniProgram => wit::Touchpoint::MiniProgram,
            model::Touchpoint::ShortVideo => wit::Touchpoint::ShortVideo,
            model::Touchpoint::LiveRoom => wit::Touchpoint::LiveRoom,
            model::Touchpoint::Web => wit::Touchpoint::Web,
            model::Touchpoint::Shop => wit::Touchpoint::Shop,
            model::Touchpoint::Store => wit::Touchpoint::Store,
            model::Touchpoint::Phone => wit::Touchpoint::Phone,
            model::Touchpoint::Sms => wit::Touchpoint::Sms,
            model::Touchpoint::Parcel => wit::Touchpoint::Parcel,
            model::Touchpoint::Other => wit::Touchpoint::Other,
        }
    }
}

impl From<wit::Content> for model::Content {
    fn from(content: wit::Content) -> Self {
        let wit::Content { id, kind, title, category } = content;
        model::Content { id, kind, title, category }
    }
}

impl From<wit::Direction> for model::Direction {
    fn from(direction: wit::Direction) -> Self {
        match direction {
            wit::Direction::FromCustomer => model::Direction::FromCustomer,
            wit::Direction::ToCustomer => model::Direction::ToCustomer,
        }
    }
}

impl From<model::Direction> for wit::Direction {
    fn from(direction: model::Direction) -> Self {
        match direction {
            model::Direction::FromCustomer => wit::Direction::FromCustomer,
            model::Direction::ToCustomer => wit::Direction::ToCustomer,
        }
    }
}

impl From<wit::Message> for model::Message {
    fn from(message: wit::Message) -> Self {
        let wit::Message { direction, kind, text, group, about } = message;
        model::Message { direction: direction.into(), kind, text, group, about: about.map(Into::into) }
    }
}

impl From<wit::Look> for model::Look {
    fn from(look: wit::Look) -> Self {
        match look {
            wit::Look::Viewed => model::Look::Viewed,
            wit::Look::Clicked => model::Look::Clicked,
            wit::Look::Liked => model::Look::Liked,
            wit::Look::Commented => model::Look::Commented,
            wit::Look::Shared => model::Look::Shared,
            wit::Look::Favoured => model::Look::Favoured,
        }
    }
}

impl From<model::Look> for wit::Look {
    fn from(look: model::Look) -> Self {
        match look {
            model::Look::Viewed => wit::Look::Viewed,
            model::Look::Clicked => wit::Look::Clicked,
            model::Look::Liked => wit::Look::Liked,
            model::Look::Commented => wit::Look::Commented,
            model::Look::Shared => wit::Look::Shared,
            model::Look::Favoured => wit::Look::Favoured,
        }
    }
}

impl From<wit::View> for model::View {
    fn from(view: wit::View) -> Self {
        let wit::View { look, about, dwell_ms, via } = view;
        model::View { look: look.into(), about: about.into(), dwell_ms, via }
    }
}

impl From<wit::OrderStep> for model::OrderStep {
    fn from(step: wit::OrderStep) -> Self {
        match step {
            wit::OrderStep::Placed => model::OrderStep::Placed,
            wit::OrderStep::Paid => model::OrderStep::Paid,
            wit::OrderStep::Shipped => model::OrderStep::Shipped,
            wit::OrderStep::Received => model::OrderStep::Received,
            wit::OrderStep::Completed => model::OrderStep::Completed,
            wit::OrderStep::Cancelled => model::OrderStep::Cancelled,
            wit::OrderStep::RefundAsked => model::OrderStep::RefundAsked,
            wit::OrderStep::PartRefunded => model::OrderStep::PartRefunded,
            wit::OrderStep::Refunded => model::OrderStep::Refunded,
        }
    }
}

impl From<model::OrderStep> for wit::OrderStep {
    fn from(step: model::OrderStep) -> Self {
        match step {
            model::OrderStep::Placed => wit::OrderStep::Placed,
            model::OrderStep::Paid => wit::OrderStep::Paid,
            model::OrderStep::Shipped => wit::OrderStep::Shipped,
            model::OrderStep::Received => wit::OrderStep::Received,
            model::OrderStep::Completed => wit::OrderStep::Completed,
            model::OrderStep::Cancelled => wit::OrderStep::Cancelled,
            model::OrderStep::RefundAsked => wit::OrderStep::RefundAsked,
            model::OrderStep::PartRefunded => wit::OrderStep::PartRefunded,
            model::OrderStep::Refunded => wit::OrderStep::Refunded,
        }
    }
}

impl From<wit::OrderLine> for model::OrderLine {
    fn from(line: wit::OrderLine) -> Self {
        let wit::OrderLine { sku, title, category, quantity, paid } = line;
        model::OrderLine { sku, title, category, quantity, paid }
    }
}

impl From<wit::Order> for model::Order {
    fn from(order: wit::Order) -> Self {
        let wit::Order { id, step, currency, total, paid, refunded, lines, placed_at, source } = order;
        model::Order {
            id,
            step: step.into(),
            currency,
            total,
            paid,
            refunded,
            lines: lines.into_iter().map(Into::into).collect(),
            placed_at,
            source,
        }
    }
}

impl From<wit::Act> for model::Act {
    fn from(act: wit::Act) -> Self {
        let wit::Act { kind, object, title, quantity, state, whom } = act;
        model::Act { kind, object, title, quantity, state, whom: whom.map(Into::into) }
    }
}

impl From<wit::Bond> for model::Bond {
    fn from(bond: wit::Bond) -> Self {
        match bond {
            wit::Bond::Added => model::Bond::Added,
            wit::Bond::HalfAdded => model::Bond::HalfAdded,
            wit::Bond::RemovedByCustomer => model::Bond::RemovedByCustomer,
            wit::Bond::RemovedByStaff => model::Bond::RemovedByStaff,
            wit::Bond::Transferred => model::Bond::Transferred,
            wit::Bond::Edited => model::Bond::Edited,
        }
    }
}

impl From<model::Bond> for wit::Bond {
    fn from(bond: model::Bond) -> Self {
        match bond {
            model::Bond::Added => wit::Bond::Added,
            model::Bond::HalfAdded => wit::Bond::HalfAdded,
            model::Bond::RemovedByCustomer => wit::Bond::RemovedByCustomer,
            model::Bond::RemovedByStaff => wit::Bond::RemovedByStaff,
            model::Bond::Transferred => wit::Bond::Transferred,
            model::Bond::Edited => wit::Bond::Edited,
        }
    }
}

impl From<wit::Tie> for model::Tie {
    fn from(tie: wit::Tie) -> Self {
        let wit::Tie { bond, way, state, remark, tags, successor } = tie;
        model::Tie { bond: bond.into(), way, state, remark, tags, successor }
    }
}

impl From<wit::Value> for model::Value {
    fn from(value: wit::Value) -> Self {
        match value {
            wit::Value::Text(text) => model::Value::Text(text),
            wit::Value::Number(number) => model::Value::Number(number),
            wit::Value::Truth(truth) => model::Value::Truth(truth),
            wit::Value::Time(time) => model::Value::Time(time),
        }
    }
}

impl From<wit::TraitValue> for model::Trait {
    fn from(told: wit::TraitValue) -> Self {
        let wit::TraitValue { name, value } = told;
        model::Trait { name, value: value.into() }
    }
}

impl From<wit::ReceiptStep> for model::ReceiptStep {
    fn from(step: wit::ReceiptStep) -> Self {
        match step {
            wit::ReceiptStep::Sent => model::ReceiptStep::Sent,
            wit::ReceiptStep::Confirmed => model::ReceiptStep::Confirmed,
            wit::ReceiptStep::Failed => model::ReceiptStep::Failed,
            wit::ReceiptStep::Expired => model::ReceiptStep::Expired,
            wit::ReceiptStep::Read => model::ReceiptStep::Read,
            wit::ReceiptStep::Clicked => model::ReceiptStep::Clicked,
            wit::ReceiptStep::Replied => model::ReceiptStep::Replied,
            wit::ReceiptStep::Bought => model::ReceiptStep::Bought,
        }
    }
}

impl From<model::ReceiptStep> for wit::ReceiptStep {
    fn from(step: model::ReceiptStep) -> Self {
        match step {
            model::ReceiptStep::Sent => wit::ReceiptStep::Sent,
            model::ReceiptStep::Confirmed => wit::ReceiptStep::Confirmed,
            model::ReceiptStep::Failed => wit::ReceiptStep::Failed,
            model::ReceiptStep::Expired => wit::ReceiptStep::Expired,
            model::ReceiptStep::Read => wit::ReceiptStep::Read,
            model::ReceiptStep::Clicked => wit::ReceiptStep::Clicked,
            model::ReceiptStep::Replied => wit::ReceiptStep::Replied,
            model::ReceiptStep::Bought => wit::ReceiptStep::Bought,
        }
    }
}

impl From<wit::Receipt> for model::Receipt {
    fn from(receipt: wit::Receipt) -> Self {
        let wit::Receipt { errand, step, why } = receipt;
        model::Receipt { errand, step: step.into(), why }
    }
}

impl From<wit::Fact> for model::Fact {
    fn from(fact: wit::Fact) -> Self {
        match fact {
            wit::Fact::Said(message) => model::Fact::Said(message.into()),
            wit::Fact::Saw(view) => model::Fact::Saw(view.into()),
            wit::Fact::Bought(order) => model::Fact::Bought(order.into()),
            wit::Fact::Did(act) => model::Fact::Did(act.into()),
            wit::Fact::Met(tie) => model::Fact::Met(tie.into()),
            wit::Fact::Told(traits) => model::Fact::Told(traits.into_iter().map(Into::into).collect()),
            wit::Fact::Carried(receipt) => model::Fact::Carried(receipt.into()),
        }
    }
}

impl From<wit::Event> for model::Event {
    fn from(event: wit::Event) -> Self {
        let wit::Event { id, at, who, staff, touchpoint, fact, extra } = event;
        let at: Instant = at;
        model::Event {
            id,
            at,
            who: who.into_iter().map(Into::into).collect(),
            staff,
            touchpoint: touchpoint.into(),
            fact: fact.into(),
            extra,
        }
    }
}
