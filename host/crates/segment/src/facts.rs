//! What a filter may ask of a customer's past and her document does not tell.

use model::{Direction, Event, Fact, Instant};

/// When something last happened, by the channels' times. None: never, as far as the journal knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Any record of hers.
    pub last_event: Option<Instant>,
    /// A message from her.
    pub last_message: Option<Instant>,
    /// An order of hers that was paid was placed.
    pub last_purchase: Option<Instant>,
}

impl Facts {
    /// Takes one of her events into account. Their order does not matter.
    pub fn take(&mut self, event: &Event) {
        later(&mut self.last_event, event.at);
        match &event.fact {
            Fact::Said(message) => match message.direction {
                Direction::FromCustomer => later(&mut self.last_message, event.at),
                Direction::ToCustomer => {}
            },
            Fact::Bought(order) => {
                if order.step.is_bought() {
                    later(&mut self.last_purchase, order.placed_at);
                }
            }
            Fact::Saw(_) | Fact::Did(_) | Fact::Met(_) | Fact::Told(_) | Fact::Carried(_) => {}
        }
    }
}

fn later(held: &mut Option<Instant>, at: Instant) {
    *held = Some(held.map_or(at, |held| held.max(at)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Message, Order, OrderStep, Touchpoint};

    fn event(at: Instant, fact: Fact) -> Event {
        let (id, staff) = (at.to_string(), None);
        Event { id, at, who: Vec::new(), staff, touchpoint: Touchpoint::Other, fact, extra: None }
    }

    fn said(direction: Direction) -> Fact {
        Fact::Said(Message { direction, kind: "text".to_owned(), text: None, group: None, about: None })
    }

    fn bought(step: OrderStep, placed_at: Instant) -> Fact {
        let (id, currency) = ("o".to_owned(), "CNY".to_owned());
        let (total, paid, refunded, source) = (None, None, None, None);
        Fact::Bought(Order {
            id,
            step,
            currency,
            total,
            paid,
            refunded,
            lines: Vec::new(),
            placed_at,
            source,
        })
    }

    #[test]
    fn the_latest_of_each_kind_is_kept_in_any_order() {
        let mut events = [
            event(5, said(Direction::FromCustomer)),
            event(3, said(Direction::FromCustomer)),
            event(9, said(Direction::ToCustomer)),
            event(7, bought(OrderStep::Paid, 6)),
            event(8, bought(OrderStep::Placed, 8)),
        ];
        let wanted = Facts { last_event: Some(9), last_message: Some(5), last_purchase: Some(6) };
        for _ in 0..events.len() {
            events.rotate_left(1);
            let mut facts = Facts::default();
            events.iter().for_each(|event| facts.take(event));
            assert_eq!(facts, wanted);
        }
    }

    #[test]
    fn an_order_counts_once_it_was_paid() {
        let purchase = |step| {
            let mut facts = Facts::default();
            facts.take(&event(2, bought(step, 1)));
            facts.last_purchase.is_some()
        };
        for step in [OrderStep::Paid, OrderStep::Shipped, OrderStep::Completed, OrderStep::PartRefunded] {
            assert!(purchase(step), "{step:?}");
        }
        for step in [OrderStep::Placed, OrderStep::Cancelled, OrderStep::Refunded] {
            assert!(!purchase(step), "{step:?}");
        }
    }
}
