//! Events and records in a line of plain words.

use model::{
    Act, Attest, Binding, Bond, Configure, Configured, Content, Deed, DerivedEvent, Direction, Dropped,
    Entry, Erase, Event, Fact, Grant, HandTag, HandUntag, Identity, IntentState, Join, Look, Message,
    OperatorAct, Order, OrderLine, OrderStep, Overflow, Pause, Progress, Proposal, Reaction, Receipt,
    ReceiptStep, Retelling, Retract, Retry, Setup, Split, StrayReceipt, Tie, Touchpoint, Trait, Value, View,
};

use super::calendar::Zone;
use super::table::cut;

/// Letters of a message that a line shows.
const SAID_LETTERS_MAX: usize = 60;
/// Order lines that a line names.
const LINES_NAMED_MAX: usize = 3;

/// Currencies without a minor unit, of those that are met here.
const WHOLE_CURRENCIES: &[&str] = &["JPY", "KRW", "VND"];

/// Where the record came from.
pub(crate) fn source(entry: &Entry) -> String {
    match entry {
        Entry::Event(channel) => channel.connection.clone(),
        Entry::Derived(derived) => format!("policy {}", derived.binding),
        Entry::Setup(_) | Entry::Configured(_) => "heliu.toml".to_owned(),
        Entry::Retelling(retelling) => format!("policy {}", retelling.binding),
        Entry::Progress(_) => "courier".to_owned(),
        Entry::Act(act) => act.by.clone(),
        Entry::Erased(_) => "erased".to_owned(),
    }
}

/// What the record says.
pub(crate) fn entry(entry: &Entry, zone: Zone) -> String {
    match entry {
        Entry::Event(channel) => event(&channel.event, zone),
        Entry::Derived(DerivedEvent { binding: _, cause, again: _, event: told }) => {
            format!("{} [derived from position {cause}]", event(told, zone))
        }
        Entry::Setup(setup) => self::setup(setup),
        Entry::Configured(Configured { setup, by, why }) => format!("{by}: {}: {why}", self::setup(setup)),
        Entry::Retelling(Retelling { binding: _, id: _, event, cause, counts }) => {
            let says = if *counts { "counts again" } else { "counts no longer" };
            format!("what was told at position {event} {says}, because of position {cause}")
        }
        Entry::Progress(progress) => self::progress(progress),
        Entry::Act(OperatorAct { id: _, by, why, deed }) => format!("{by} {}: {why}", self::deed(deed)),
        Entry::Erased(_) => "something of a person who was erased".to_owned(),
    }
}

fn setup(setup: &Setup) -> String {
    let Setup { policies, schemes, phone_country: _, tenant: _, outcomes: _ } = setup;
    let name = |binding: &Binding| match binding.paused {
        None => binding.name.clone(),
        Some(Pause { behind, fired: _, broke_off: _ }) => {
            format!("{} (paused behind position {behind})", binding.name)
        }
    };
    let names: Vec<String> = policies.iter().map(name).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("the configuration changed: policies {names}; {} schemes of handles", schemes.len())
}

fn progress(progress: &Progress) -> String {
    let Progress {
        intent,
        customer,
        cause: _,
        id: _,
        state,
        connection,
        staff,
        receipt,
        until: _,
        code,
        reason,
    } = progress;
    let mut text = format!("{intent} for {customer} is {}", intent_state(*state));
    for (word, detail) in [("by", connection), ("in the name of", staff), ("as", receipt)] {
        if let Some(detail) = detail {
            text = format!("{text} {word} {detail}");
        }
    }
    match (code.is_empty(), reason.is_empty()) {
        (_, false) => format!("{text}: {reason}"),
        (false, true) => format!("{text}: {code}"),
        (true, true) => text,
    }
}

pub(crate) fn intent_state(state: IntentState) -> &'static str {
    match state {
        IntentState::Proposed => "proposed",
        IntentState::Past => "of the past",
        IntentState::Held => "held",
        IntentState::Dropped => "dropped",
        IntentState::Due => "handed over",
        IntentState::Carried => "carried",
        IntentState::AwaitingStaff => "waiting for staff",
        IntentState::Sent => "sent",
        IntentState::Confirmed => "confirmed",
        IntentState::Failed => "failed",
        IntentState::Expired => "expired",
    }
}

/// A receipt that was not taken.
pub(crate) fn stray(stray: &StrayReceipt) -> String {
    let StrayReceipt { position, now: _, customer, intent, step, source, carrier } = stray;
    let carrier = match carrier {
        Some(carrier) => format!("{carrier} carried it"),
        None => "nobody had carried it".to_owned(),
    };
    format!("position {position}: {source} says that {intent} of {customer} is {step}, and {carrier}")
}

pub(crate) fn overflow(overflow: &Overflow) -> String {
    let Overflow { position, now: _, customer, kind, text } = overflow;
    format!("{customer}: too many {kind}, from position {position} on: {text}")
}

/// What she made of an intent: `bought order E1, as the host joins it`.
pub(crate) fn reaction(reaction: &Reaction) -> String {
    let Reaction { kind, at: _, now: _, position: _, joined, order } = reaction;
    let order = order.as_ref().map(|order| format!(" order {order}")).unwrap_or_default();
    let joined = if *joined { ", as the host joins it" } else { "" };
    format!("{kind}{order}{joined}")
}

fn deed(deed: &Deed) -> String {
    match deed {
        Deed::Join(Join { one, other }) => format!("said that {one} and {other} are one"),
        Deed::Split(Split { customer, handles }) => {
            let handles: Vec<String> = handles
                .iter()
                .map(|Identity { scheme, scope, value }| format!("{scheme}:{scope}:{value}"))
                .collect();
            format!("said that {} of {customer} is another's", handles.join(", "))
        }
        Deed::Tag(HandTag { customer, name, expires: _ }) => format!("gave {customer} the tag {name}"),
        Deed::Untag(HandUntag { customer, name }) => format!("took the tag {name} from {customer}"),
        Deed::Erase(Erase { customer }) => format!("erased {customer}"),
        Deed::Attest(Attest { what, of }) => format!("did: {what} of {of}"),
        Deed::Retry(Retry { letter, customer: None }) => format!("tried dead letter {letter} again"),
        Deed::Retry(Retry { letter, customer: Some(whose) }) => {
            format!("had {whose} folded again, because of the turn {letter}")
        }
        Deed::Drop(Dropped { letter }) => format!("let dead letter {letter} go"),
        Deed::Grant(grant) => self::grant(grant),
        Deed::Configure(Configure { section, digest: None, text: _ }) => {
            format!("took [{section}] out of the configuration")
        }
        Deed::Configure(Configure { section, digest: Some(_), text: Some(text) }) => {
            format!("configured [{section}]: {text}")
        }
        Deed::Configure(Configure { section, digest: Some(digest), text: None }) => {
            format!("configured [{section}], digest {:.12}", digest.to_string())
        }
        Deed::Retract(Retract { edge }) => format!("took back what position {edge} says of who is who"),
        Deed::Propose(Proposal { customer, binding, intent }) => {
            format!("proposed {} \"{}\" of {binding} to {customer}", intent.scene, intent.key)
        }
    }
}

fn grant(grant: &Grant) -> String {
    let Grant { connection, plugin, hosts, inward, schemes, shares, carry_again } = grant;
    let Some(plugin) = plugin else { return format!("took the connection {connection} away") };
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let inward = if *inward { ", also in the inner network" } else { "" };
    format!(
        "lets the connection {connection}, plugin {:.12}, reach {}{inward}; name people by {}, shared {}; carry again {}",
        plugin.to_string(),
        list(hosts),
        list(schemes),
        list(shares),
        list(carry_again)
    )
}

pub(crate) fn event(event: &Event, zone: Zone) -> String {
    let Event { id: _, at: _, who: _, staff, touchpoint, fact, extra: _ } = event;
    let staff = staff.as_deref();
    let what = match fact {
        Fact::Said(message) => said(message),
        Fact::Saw(view) => saw(view),
        Fact::Bought(order) => bought(order),
        Fact::Did(act) => did(act),
        // Who of the staff it is stands in the words themselves.
        Fact::Met(tie) => return format!("{} ({})", met(tie, staff), place(*touchpoint)),
        Fact::Told(traits) => told(traits, zone),
        Fact::Carried(receipt) => carried(receipt),
    };
    match staff {
        Some(staff) => format!("{what} ({}, with {staff})", place(*touchpoint)),
        None => format!("{what} ({})", place(*touchpoint)),
    }
}

fn said(message: &Message) -> String {
    let Message { direction, kind, text, group, about } = message;
    let mut words = match (direction, text) {
        (Direction::FromCustomer, Some(text)) => format!("said \"{}\"", cut(text, SAID_LETTERS_MAX)),
        (Direction::ToCustomer, Some(text)) => format!("was told \"{}\"", cut(text, SAID_LETTERS_MAX)),
        (Direction::FromCustomer, None) => format!("sent: {kind}"),
        (Direction::ToCustomer, None) => format!("was sent: {kind}"),
    };
    if let Some(about) = about {
        words.push_str(&format!(" about {}", content(about)));
    }
    if let Some(group) = group {
        words.push_str(&format!(" in group {group}"));
    }
    words
}

fn saw(view: &View) -> String {
    let View { look, about, dwell_ms, via } = view;
    let verb = match look {
        Look::Viewed => "viewed",
        Look::Clicked => "clicked",
        Look::Liked => "liked",
        Look::Commented => "commented on",
        Look::Shared => "shared",
        Look::Favoured => "marked as a favourite",
    };
    let mut words = format!("{verb} {}", content(about));
    if let Some(dwell_ms) = dwell_ms {
        words.push_str(&format!(" for {} s", dwell_ms / 1000));
    }
    if let Some(via) = via {
        words.push_str(&format!(" by way of {via}"));
    }
    words
}

fn content(content: &Content) -> String {
    let Content { id, kind, title, category: _ } = content;
    match title {
        Some(title) => format!("{kind} \"{title}\""),
        None => format!("{kind} {id}"),
    }
}

fn bought(order: &Order) -> String {
    let Order { id, step, currency, total: _, paid, refunded, lines, placed_at: _, source: _ } = order;
    let step = match step {
        OrderStep::Placed => "placed",
        OrderStep::Paid => "paid",
        OrderStep::Shipped => "shipped",
        OrderStep::Received => "received",
        OrderStep::Completed => "completed",
        OrderStep::Cancelled => "cancelled",
        OrderStep::RefundAsked => "refund asked",
        OrderStep::PartRefunded => "refunded in part",
        OrderStep::Refunded => "refunded",
    };
    let mut words = format!("order {id} {step}: ");
    match paid {
        Some(paid) => words.push_str(&money(*paid, currency)),
        None => words.push_str("what the buyer paid is not known"),
    }
    if let Some(refunded) = refunded.filter(|refunded| *refunded != 0) {
        words.push_str(&format!(", {} given back", money(refunded, currency)));
    }
    let named = lines.iter().take(LINES_NAMED_MAX);
    let named = named.map(|line| {
        let OrderLine { sku: _, title, category: _, quantity, paid: _ } = line;
        format!(", {quantity} × \"{title}\"")
    });
    words.extend(named);
    if lines.len() > LINES_NAMED_MAX {
        words.push_str(&format!(" and {} more", lines.len() - LINES_NAMED_MAX));
    }
    words
}

fn money(minor: i64, currency: &str) -> String {
    if WHOLE_CURRENCIES.contains(&currency) {
        return format!("{minor} {currency}");
    }
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    format!("{sign}{}.{:02} {currency}", minor / 100, minor % 100)
}

fn did(act: &Act) -> String {
    let Act { kind, object, title, quantity, state, whom } = act;
    let mut words = kind.clone();
    match (title, object) {
        (Some(title), _) => words.push_str(&format!(" \"{title}\"")),
        (None, Some(object)) => words.push_str(&format!(" {object}")),
        (None, None) => {}
    }
    if let Some(quantity) = quantity {
        words.push_str(&format!(", {quantity}"));
    }
    if let Some(state) = state {
        words.push_str(&format!(", state {state}"));
    }
    if let Some(whom) = whom {
        words.push_str(&format!(", with {}:{}:{}", whom.scheme, whom.scope, whom.value));
    }
    words
}

fn met(tie: &Tie, staff: Option<&str>) -> String {
    let Tie { bond, way, state, remark, tags, successor } = tie;
    let staff = staff.unwrap_or("somebody");
    let mut words = match bond {
        Bond::Added => format!("became a friend of {staff}"),
        Bond::HalfAdded => format!("was added by {staff}, not yet the other way round"),
        Bond::RemovedByCustomer => format!("removed {staff}"),
        Bond::RemovedByStaff => format!("was removed by {staff}"),
        Bond::Transferred => {
            format!("was handed from {staff} to {}", successor.as_deref().unwrap_or("somebody"))
        }
        Bond::Edited => format!("was edited by {staff}"),
    };
    for (name, value) in [("way", way), ("state", state), ("remark", remark)] {
        if let Some(value) = value {
            words.push_str(&format!(", {name} {value}"));
        }
    }
    if !tags.is_empty() {
        words.push_str(&format!(", labelled {}", tags.join(", ")));
    }
    words
}

fn told(traits: &[Trait], zone: Zone) -> String {
    let one = |Trait { name, value: held }: &Trait| format!("{name} {}", value(held, zone));
    let all: Vec<String> = traits.iter().map(one).collect();
    format!("is known by {}", if all.is_empty() { "nothing".to_owned() } else { all.join(", ") })
}

fn carried(receipt: &Receipt) -> String {
    let Receipt { errand, step, why } = receipt;
    let mut words = match step {
        ReceiptStep::Sent => format!("was sent {errand}"),
        ReceiptStep::Confirmed => format!("was sent {errand}, which staff confirmed"),
        ReceiptStep::Failed => format!("could not be sent {errand}"),
        ReceiptStep::Expired => format!("was not sent {errand}: nobody confirmed it in time"),
        ReceiptStep::Read => format!("read {errand}"),
        ReceiptStep::Clicked => format!("clicked in {errand}"),
        ReceiptStep::Replied => format!("answered {errand}"),
        ReceiptStep::Bought => format!("bought because of {errand}"),
    };
    if let Some(why) = why {
        words.push_str(&format!(", because: {}", cut(why, SAID_LETTERS_MAX)));
    }
    words
}

pub(crate) fn value(value: &Value, zone: Zone) -> String {
    match value {
        Value::Text(text) => format!("\"{text}\""),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Value::Time(time) => zone.text(*time),
    }
}

fn place(touchpoint: Touchpoint) -> &'static str {
    match touchpoint {
        Touchpoint::DirectMessage => "direct message",
        Touchpoint::GroupChat => "group chat",
        Touchpoint::Moments => "Moments",
        Touchpoint::OfficialAccount => "official account",
        Touchpoint::MiniProgram => "mini program",
        Touchpoint::ShortVideo => "short video",
        Touchpoint::LiveRoom => "live room",
        Touchpoint::Web => "web",
        Touchpoint::Shop => "shop",
        Touchpoint::Store => "store",
        Touchpoint::Phone => "phone",
        Touchpoint::Sms => "SMS",
        Touchpoint::Parcel => "parcel",
        Touchpoint::Other => "elsewhere",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_told_in_its_unit() {
        assert_eq!(money(19_905, "CNY"), "199.05 CNY");
        assert_eq!(money(-5, "CNY"), "-0.05 CNY");
        assert_eq!(money(1_200, "JPY"), "1200 JPY");
        assert_eq!(money(i64::MIN, "CNY"), "-92233720368547758.08 CNY");
    }

    #[test]
    fn a_receipt_says_what_became_of_its_errand() {
        let receipt = |step, why: Option<&str>| Receipt {
            errand: "int_1".to_owned(),
            step,
            why: why.map(str::to_owned),
        };
        assert_eq!(carried(&receipt(ReceiptStep::Read, None)), "read int_1");
        assert_eq!(
            carried(&receipt(ReceiptStep::Failed, Some("she is no friend"))),
            "could not be sent int_1, because: she is no friend"
        );
    }

    #[test]
    fn an_order_names_its_first_lines() {
        let line = |title: &str| OrderLine {
            sku: "s".to_owned(),
            title: title.to_owned(),
            category: None,
            quantity: 2,
            paid: Some(1),
        };
        let order = Order {
            id: "E1".to_owned(),
            step: OrderStep::PartRefunded,
            currency: "CNY".to_owned(),
            total: Some(30_000),
            paid: Some(29_900),
            refunded: Some(100),
            lines: ["面霜", "b", "c", "d"].map(line).to_vec(),
            placed_at: 0,
            source: None,
        };
        assert_eq!(
            bought(&order),
            "order E1 refunded in part: 299.00 CNY, 1.00 CNY given back, 2 × \"面霜\", 2 × \"b\", 2 × \"c\" and 1 more"
        );
    }
}
