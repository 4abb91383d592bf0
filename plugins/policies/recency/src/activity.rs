//! Which facts count as activity of hers, and when she was active then.

use heliu_sdk::events::{Bond, Direction, Event, Fact, Instant, Look, OrderStep, Touchpoint};
use heliu_sdk::words::{look, order_step};

use crate::settings::Activity;

/// All that the settings may count. Nothing that staff, the shop or the platform do by themselves.
pub const WANTS: [&str; 6] = ["bought", "said", "saw", "did", "met.added", "met.half-added"];

/// Acts of the contract that also happen to her: the shop gives points to everybody, staff remove her from a group, time moves
/// her in and out of segments.
const NOT_HERS_ALONE: [&str; 4] = ["earned-points", "left-group", "entered-segment", "left-segment"];

/// One kind of fact that counts.
pub struct Counted {
    fact: Wanted,
    touchpoints: Option<Vec<Touchpoint>>,
}

/// None: any of its kind that is hers.
enum Wanted {
    Bought(Option<OrderStep>),
    Said,
    Saw(Option<Look>),
    Did(Option<String>),
    Met(Bond),
}

impl Counted {
    /// What counts, or why it cannot.
    pub fn check(activity: Activity) -> Result<Counted, String> {
        let Activity { fact: text, touchpoints } = activity;
        let fact = Wanted::parse(&text).ok_or_else(|| {
            let known = "bought, said, saw, did, met.added, met.half-added, or bought.paid, saw.clicked, did.joined-group";
            format!("fact: {text:?} is nothing that a customer does; there are {known} and the like")
        })?;
        if touchpoints.as_ref().is_some_and(Vec::is_empty) {
            return Err("touchpoints: it is empty; leave it out where any will do".to_owned());
        }
        let touchpoints =
            touchpoints.map(|places| places.into_iter().map(|place| place.touchpoint()).collect());
        Ok(Counted { fact, touchpoints })
    }

    /// When she was active, if this fact says so.
    pub fn at(&self, event: &Event) -> Option<Instant> {
        if self.touchpoints.as_ref().is_some_and(|wanted| !wanted.contains(&event.touchpoint)) {
            return None;
        }
        let counts = match (&self.fact, &event.fact) {
            (Wanted::Bought(None), Fact::Bought(order)) => {
                // Whatever the shop or the platform did with it since, she placed it then.
                let placed = Some(order.placed_at.min(event.at)).filter(|at| *at > 0);
                return if is_hers(order.step) { Some(event.at) } else { placed };
            }
            (Wanted::Bought(Some(step)), Fact::Bought(order)) => *step == order.step,
            (Wanted::Said, Fact::Said(message)) => message.direction == Direction::FromCustomer,
            (Wanted::Saw(look), Fact::Saw(view)) => look.is_none_or(|look| look == view.look),
            (Wanted::Did(Some(kind)), Fact::Did(act)) => *kind == act.kind,
            // An act with a dot is the channel's own: it may be anything.
            (Wanted::Did(None), Fact::Did(act)) => {
                !act.kind.contains('.') && !NOT_HERS_ALONE.contains(&act.kind.as_str())
            }
            (Wanted::Met(bond), Fact::Met(tie)) => *bond == tie.bond,
            _ => false,
        };
        counts.then_some(event.at)
    }
}

impl Wanted {
    fn parse(text: &str) -> Option<Wanted> {
        let (name, kind) = text.split_once('.').map_or((text, None), |(name, kind)| (name, Some(kind)));
        Some(match (name, kind) {
            ("bought", None) => Wanted::Bought(None),
            ("bought", Some(step)) => Wanted::Bought(Some(order_step(step)?)),
            ("said", None) => Wanted::Said,
            ("saw", None) => Wanted::Saw(None),
            ("saw", Some(kind)) => Wanted::Saw(Some(look(kind)?)),
            ("did", None) => Wanted::Did(None),
            ("did", Some(kind)) if !kind.is_empty() => Wanted::Did(Some(kind.to_owned())),
            ("met", Some("added")) => Wanted::Met(Bond::Added),
            ("met", Some("half-added")) => Wanted::Met(Bond::HalfAdded),
            _ => return None,
        })
    }
}

/// Steps that a customer takes herself. Receipt, completion and cancellation come by themselves after some days.
fn is_hers(step: OrderStep) -> bool {
    match step {
        OrderStep::Placed | OrderStep::Paid | OrderStep::RefundAsked => true,
        OrderStep::Shipped | OrderStep::Received | OrderStep::Completed | OrderStep::Cancelled => false,
        OrderStep::PartRefunded | OrderStep::Refunded => false,
    }
}

/// What she did, for a reason.
pub fn word(fact: &Fact) -> &str {
    match fact {
        Fact::Bought(order) if order.step == OrderStep::RefundAsked => "asked for a refund",
        Fact::Bought(_) => "bought",
        Fact::Said(_) => "wrote",
        Fact::Saw(_) => "looked at something",
        Fact::Did(act) => &act.kind,
        Fact::Met(_) => "was added",
        Fact::Told(_) => "was told of",
        Fact::Carried(_) => "was sent something",
    }
}
