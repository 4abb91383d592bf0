//! Conditions: which facts a rule counts, and what it tells apart in them.

use heliu_sdk::events::{
    Act, Bond, Content, Direction, Event, Fact, Instant, Look, Message, Order, OrderLine, OrderStep,
    Touchpoint,
};
use heliu_sdk::words::{bond, look, order_step};

use crate::settings::{OneOrMore, Per, When};

/// Bytes of a value that a rule tells apart. What has a longer one does not count: its tag could not be kept.
const VALUE_BYTES_MAX: usize = 48;

/// Values of one order that count. A turn must not yield more changes than the host takes.
const VALUES_MAX: usize = 8;

/// A condition that has been checked.
pub struct Condition {
    text: String,
    fact: Wanted,
    content: Option<Vec<String>>,
    category: Option<Vec<String>>,
    group: Option<Vec<String>>,
    object: Option<Vec<String>>,
    /// In lower case.
    text_contains: Option<Vec<String>>,
    order_min_fen: Option<i64>,
    touchpoint: Option<Vec<Touchpoint>>,
}

/// The kind of fact. None: any of its kind.
#[derive(Debug, PartialEq)]
enum Wanted {
    Saw(Option<Look>),
    Said(Direction),
    Bought(Option<OrderStep>),
    Did(Option<String>),
    Met(Option<Bond>),
}

const JOINED: &str = "joined-group";
const LEFT: &str = "left-group";

impl Condition {
    /// The condition, or the key that cannot be and why.
    pub fn check(when: When) -> Result<Condition, String> {
        let When { fact: text, content, category, group, object, text_contains, order_min_fen, touchpoint } =
            when;
        let fact = Wanted::parse(&text).ok_or_else(|| format!("fact: there is no {text:?}"))?;
        let lower = |words: Vec<String>| words.iter().map(|word| word.to_lowercase()).collect();
        let condition = Condition {
            content: list("content", content, fact.has_content())?,
            category: list("category", category, fact.has_content())?,
            group: list("group", group, fact.has_group())?,
            object: list("object", object, fact.has_object())?,
            text_contains: list("text_contains", text_contains, matches!(fact, Wanted::Said(_)))?.map(lower),
            touchpoint: list("touchpoint", touchpoint, true)?.map(touchpoints).transpose()?,
            order_min_fen,
            text,
            fact,
        };
        match condition.order_min_fen {
            Some(fen) if fen <= 0 => Err(format!("order_min_fen: {fen} is no amount")),
            Some(_) if !matches!(condition.fact, Wanted::Bought(_)) => {
                Err("order_min_fen: only orders have it".to_owned())
            }
            _ => Ok(condition),
        }
    }

    /// The fact as the settings name it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn groups(&self) -> &[String] {
        self.group.as_deref().unwrap_or_default()
    }

    pub fn is_joining(&self) -> bool {
        matches!(&self.fact, Wanted::Did(Some(kind)) if kind == JOINED)
    }

    pub fn tells_apart(&self, per: Per) -> bool {
        match per {
            Per::Content | Per::Category => self.fact.has_content(),
            Per::Group => self.fact.has_group(),
            Per::Object => self.fact.has_object(),
        }
    }

    /// The values for which the event holds: one empty one where nothing is told apart, none where it does not hold.
    pub fn values<'e>(&self, event: &'e Event, per: Option<Per>) -> Vec<&'e str> {
        if self.touchpoint.as_ref().is_some_and(|wanted| !wanted.contains(&event.touchpoint)) {
            return Vec::new();
        }
        let holds = match (&self.fact, &event.fact) {
            (Wanted::Bought(step), Fact::Bought(order)) => return self.bought(*step, order, per),
            (Wanted::Saw(look), Fact::Saw(view)) => {
                look.is_none_or(|look| look == view.look)
                    && self.shown(&view.about.id, view.about.category.as_deref())
            }
            (Wanted::Said(direction), Fact::Said(message)) => {
                *direction == message.direction && self.said(message)
            }
            (Wanted::Did(kind), Fact::Did(act)) => {
                kind.as_ref().is_none_or(|kind| *kind == act.kind) && self.done(act)
            }
            (Wanted::Met(bond), Fact::Met(tie)) => bond.is_none_or(|bond| bond == tie.bond),
            _ => false,
        };
        let value = match per {
            _ if !holds => None,
            None => Some(""),
            Some(per) => value(&event.fact, per).filter(|value| can_be_told_apart(value)),
        };
        value.into_iter().collect()
    }

    /// When the fact happened. An order is as old as its placing, whatever its step: its later snapshots must neither
    /// move it nor look like another one. A step that is asked for by name has its own time.
    pub fn time(&self, event: &Event) -> Instant {
        match (&self.fact, &event.fact) {
            (Wanted::Bought(None), Fact::Bought(order)) if order.placed_at > 0 => {
                order.placed_at.min(event.at)
            }
            _ => event.at,
        }
    }

    /// Counts orders that are paid: one that is given back does not count any more.
    pub fn counts_paid_orders(&self) -> bool {
        matches!(self.fact, Wanted::Bought(None))
    }

    /// What is looked for, for a reason: the ids, categories or words of the settings.
    pub fn subject(&self) -> String {
        let lists = [&self.content, &self.category, &self.object, &self.group, &self.text_contains];
        lists.into_iter().flatten().next().map(|texts| texts.join(" or ")).unwrap_or_default()
    }

    /// The group of an event that ends the stay which this condition begins.
    pub fn left<'e>(&self, event: &'e Event) -> Option<&'e str> {
        let Fact::Did(Act { kind, object: Some(group), .. }) = &event.fact else { return None };
        (kind == LEFT && among(&self.group, group)).then_some(group.as_str())
    }

    fn bought<'e>(&self, step: Option<OrderStep>, order: &'e Order, per: Option<Per>) -> Vec<&'e str> {
        let step_holds = step.map_or_else(|| is_paid(order.step), |step| step == order.step);
        let amount_holds =
            self.order_min_fen.is_none_or(|fen| order.currency == "CNY" && order.paid >= Some(fen));
        if !step_holds || !amount_holds {
            return Vec::new();
        }
        let line_holds = |line: &&OrderLine| self.shown(&line.sku, line.category.as_deref());
        let mut lines = order.lines.iter().filter(line_holds);
        let any_line = self.content.is_none() && self.category.is_none();
        let value = |line: &'e OrderLine| match per {
            Some(Per::Content) => Some(line.sku.as_str()),
            Some(Per::Category) => line.category.as_deref(),
            Some(Per::Group | Per::Object) | None => None,
        };
        match per {
            None if any_line || lines.next().is_some() => vec![""],
            None => Vec::new(),
            Some(_) => {
                let mut values: Vec<&str> =
                    lines.filter_map(value).filter(|value| can_be_told_apart(value)).collect();
                values.sort_unstable();
                values.dedup();
                values.truncate(VALUES_MAX);
                values
            }
        }
    }

    fn shown(&self, id: &str, category: Option<&str>) -> bool {
        among(&self.content, id)
            && self
                .category
                .as_ref()
                .is_none_or(|wanted| category.is_some_and(|c| wanted.iter().any(|w| w == c)))
    }

    fn said(&self, message: &Message) -> bool {
        let group = message.group.as_deref().unwrap_or_default();
        let about = message.about.as_ref().map(|about| (about.id.as_str(), about.category.as_deref()));
        let (id, category) = about.unwrap_or_default();
        let words_hold = self.text_contains.as_ref().is_none_or(|words| {
            let text = message.text.as_deref().unwrap_or_default().to_lowercase();
            words.iter().any(|word| text.contains(word.as_str()))
        });
        among(&self.group, group) && self.shown(id, category) && words_hold
    }

    fn done(&self, act: &Act) -> bool {
        let object = act.object.as_deref().unwrap_or_default();
        let in_group =
            self.group.is_none() || ((act.kind == JOINED || act.kind == LEFT) && among(&self.group, object));
        in_group && among(&self.object, object)
    }
}

impl Wanted {
    fn parse(text: &str) -> Option<Wanted> {
        let (fact, kind) = text.split_once('.').map_or((text, None), |(fact, kind)| (fact, Some(kind)));
        Some(match (fact, kind) {
            ("saw", None) => Wanted::Saw(None),
            ("saw", Some(kind)) => Wanted::Saw(Some(look(kind)?)),
            ("said", None | Some("from-customer")) => Wanted::Said(Direction::FromCustomer),
            ("said", Some("to-customer")) => Wanted::Said(Direction::ToCustomer),
            ("bought", None) => Wanted::Bought(None),
            ("bought", Some(kind)) => Wanted::Bought(Some(order_step(kind)?)),
            ("did", None) => Wanted::Did(None),
            ("did", Some(kind)) if !kind.is_empty() => Wanted::Did(Some(kind.to_owned())),
            ("met", None) => Wanted::Met(None),
            ("met", Some(kind)) => Wanted::Met(Some(bond(kind)?)),
            _ => return None,
        })
    }

    fn has_content(&self) -> bool {
        matches!(self, Wanted::Saw(_) | Wanted::Said(_) | Wanted::Bought(_))
    }

    fn has_group(&self) -> bool {
        match self {
            Wanted::Said(_) => true,
            Wanted::Did(Some(kind)) => kind == JOINED || kind == LEFT,
            Wanted::Did(None) | Wanted::Saw(_) | Wanted::Bought(_) | Wanted::Met(_) => false,
        }
    }

    fn has_object(&self) -> bool {
        matches!(self, Wanted::Did(_))
    }
}

fn can_be_told_apart(value: &str) -> bool {
    (1..=VALUE_BYTES_MAX).contains(&value.len())
}

/// What a fact is told apart by. None: this one has no such thing. Orders have one for each line.
fn value(fact: &Fact, per: Per) -> Option<&str> {
    let about: Option<&Content> = match fact {
        Fact::Saw(view) => Some(&view.about),
        Fact::Said(message) => message.about.as_ref(),
        Fact::Bought(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) | Fact::Carried(_) => None,
    };
    match (per, fact) {
        (Per::Content, _) => about.map(|about| about.id.as_str()),
        (Per::Category, _) => about?.category.as_deref(),
        (Per::Group, Fact::Said(message)) => message.group.as_deref(),
        (Per::Group | Per::Object, Fact::Did(act)) => act.object.as_deref(),
        (Per::Group | Per::Object, _) => None,
    }
}

/// A step that an order reaches only when it has been paid and still is.
fn is_paid(step: OrderStep) -> bool {
    match step {
        OrderStep::Paid | OrderStep::Shipped | OrderStep::Received | OrderStep::Completed => true,
        OrderStep::Placed | OrderStep::Cancelled => false,
        OrderStep::RefundAsked | OrderStep::PartRefunded | OrderStep::Refunded => false,
    }
}

fn among(wanted: &Option<Vec<String>>, id: &str) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == id))
}

fn list(key: &str, given: Option<OneOrMore>, fits: bool) -> Result<Option<Vec<String>>, String> {
    let Some(texts) = given.map(OneOrMore::into_vec) else { return Ok(None) };
    if !fits {
        return Err(format!("{key}: this fact has none"));
    }
    match texts.iter().any(String::is_empty) || texts.is_empty() {
        true => Err(format!("{key}: it is empty, or has an empty text in it")),
        false => Ok(Some(texts)),
    }
}

fn touchpoints(names: Vec<String>) -> Result<Vec<Touchpoint>, String> {
    let parse = |name: String| touchpoint(&name).ok_or_else(|| format!("touchpoint: there is no {name:?}"));
    names.into_iter().map(parse).collect()
}

fn touchpoint(name: &str) -> Option<Touchpoint> {
    Some(match name {
        "direct_message" => Touchpoint::DirectMessage,
        "group_chat" => Touchpoint::GroupChat,
        "moments" => Touchpoint::Moments,
        "official_account" => Touchpoint::OfficialAccount,
        "mini_program" => Touchpoint::MiniProgram,
        "short_video" => Touchpoint::ShortVideo,
        "live_room" => Touchpoint::LiveRoom,
        "web" => Touchpoint::Web,
        "shop" => Touchpoint::Shop,
        "store" => Touchpoint::Store,
        "phone" => Touchpoint::Phone,
        "sms" => Touchpoint::Sms,
        "parcel" => Touchpoint::Parcel,
        "other" => Touchpoint::Other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use heliu_sdk::events::View;

    use super::*;

    fn condition(json: &str) -> Condition {
        let when = serde_json::from_str(json).expect("because the condition is one");
        Condition::check(when).expect("because the condition can be")
    }

    fn event(touchpoint: Touchpoint, fact: Fact) -> Event {
        Event { id: "e".to_owned(), at: 9, who: vec![], staff: None, touchpoint, fact, extra: None }
    }

    fn order(step: OrderStep, skus: &[&str]) -> Fact {
        let line = |sku: &&str| OrderLine {
            sku: (*sku).to_owned(),
            title: String::new(),
            category: Some("cream".to_owned()),
            quantity: 1,
            paid: Some(0),
        };
        Fact::Bought(Order {
            id: "o".to_owned(),
            step,
            currency: "CNY".to_owned(),
            total: Some(0),
            paid: Some(0),
            refunded: Some(0),
            lines: skus.iter().map(line).collect(),
            placed_at: 5,
            source: None,
        })
    }

    fn view(id: &str, look: Look) -> Fact {
        let about = Content { id: id.to_owned(), kind: "product".to_owned(), title: None, category: None };
        Fact::Saw(View { look, about, dwell_ms: None, via: None })
    }

    #[test]
    fn a_content_counts_wherever_it_was_seen_unless_the_rule_says_where() {
        let (anywhere, moments) =
            (r#"{"fact":"saw","content":"A"}"#, r#"{"fact":"saw","touchpoint":["moments"]}"#);
        for touchpoint in [Touchpoint::Moments, Touchpoint::LiveRoom, Touchpoint::Other] {
            let event = event(touchpoint, view("A", Look::Viewed));
            assert_eq!(condition(anywhere).values(&event, None), [""]);
            assert_eq!(condition(moments).values(&event, None).is_empty(), touchpoint != Touchpoint::Moments);
        }
    }

    #[test]
    fn one_kind_of_a_fact_is_not_another() {
        let clicked = condition(r#"{"fact":"saw.clicked"}"#);
        assert!(clicked.values(&event(Touchpoint::Web, view("A", Look::Viewed)), None).is_empty());
        assert_eq!(clicked.values(&event(Touchpoint::Web, view("A", Look::Clicked)), None), [""]);
    }

    #[test]
    fn an_order_has_a_value_for_each_of_its_products_and_is_as_old_as_its_placing() {
        let bought = condition(r#"{"fact":"bought"}"#);
        let paid = event(Touchpoint::Shop, order(OrderStep::Shipped, &["b", "a", "b", ""]));
        assert_eq!(bought.values(&paid, Some(Per::Content)), ["a", "b"]);
        assert_eq!(bought.values(&paid, Some(Per::Category)), ["cream"]);
        assert_eq!(bought.time(&paid), 5);
        assert!(bought.values(&event(Touchpoint::Shop, order(OrderStep::Placed, &["a"])), None).is_empty());
        let refunded = condition(r#"{"fact":"bought.refunded"}"#);
        let given_back = event(Touchpoint::Shop, order(OrderStep::Refunded, &["a"]));
        assert_eq!((refunded.values(&given_back, None), refunded.time(&given_back)), (vec![""], 9));
    }

    #[test]
    fn an_order_of_many_products_or_of_long_names_stays_within_the_limits() {
        let skus: Vec<String> = (0..100).map(|i| format!("sku-{i}")).collect();
        let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
        let bought = condition(r#"{"fact":"bought"}"#);
        let many = event(Touchpoint::Shop, order(OrderStep::Paid, &skus));
        assert_eq!(bought.values(&many, Some(Per::Content)).len(), VALUES_MAX);
        let long = event(Touchpoint::Shop, order(OrderStep::Paid, &["霜".repeat(VALUE_BYTES_MAX).as_str()]));
        assert!(bought.values(&long, Some(Per::Content)).is_empty());
    }
}
