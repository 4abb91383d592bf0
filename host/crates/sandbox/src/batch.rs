//! Cuts turns into calls of a bearable size.

use std::ops::Range;

use model::{
    Act, Content, Event, Fact, Happening, Identity, Message, Order, Receipt, Tie, Trait, Turn, Value, View,
};

use crate::limits::Limits;

/// What a turn takes besides its texts.
const TURN_BYTES: usize = 256;

/// Ranges in their order, each of at least one turn.
pub(crate) fn cut(turns: &[Turn<'_>], limits: &Limits) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, turn) in turns.iter().enumerate() {
        let weight = weigh(turn);
        let full = at - start == limits.batch_turns || bytes + weight > limits.batch_bytes;
        if at > start && full {
            ranges.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += weight;
    }
    if start < turns.len() {
        ranges.push(start..turns.len());
    }
    ranges
}

/// About how many bytes a turn takes in the guest.
fn weigh(turn: &Turn<'_>) -> usize {
    let customer = &turn.customer;
    let traits: usize = customer.traits.iter().map(|(name, value)| name.len() + weigh_value(value)).sum();
    let tags: usize = customer.tags.iter().map(|tag| tag.name.len() + 32).sum();
    let stages: usize = customer.stages.iter().map(|(journey, stage)| journey.len() + stage.len()).sum();
    let staff: usize = customer.staff.iter().map(String::len).sum();
    let outcomes: usize = customer.outcomes.iter().map(|outcome| outcome.key.len() + 32).sum();
    let happening = match turn.happening {
        Happening::Fact { event, extra } => weigh_event(event) + extra.map_or(0, str::len),
        Happening::Alarm { key, due: _ } => key.len(),
    };
    TURN_BYTES + traits + tags + stages + staff + outcomes + turn.memory.map_or(0, <[u8]>::len) + happening
}

fn weigh_event(event: &Event) -> usize {
    let fact = match &event.fact {
        Fact::Said(Message { direction: _, kind, text, group, about }) => {
            kind.len() + opt(text) + opt(group) + about.as_ref().map_or(0, weigh_content)
        }
        Fact::Saw(View { look: _, about, dwell_ms: _, via }) => weigh_content(about) + opt(via),
        Fact::Bought(order) => weigh_order(order),
        Fact::Did(Act { kind, object, title, quantity: _, state, whom }) => {
            kind.len() + opt(object) + opt(title) + opt(state) + whom.as_ref().map_or(0, weigh_identity)
        }
        Fact::Met(Tie { bond: _, way, state, remark, tags, successor }) => {
            opt(way) + opt(state) + opt(remark) + opt(successor) + tags.iter().map(String::len).sum::<usize>()
        }
        Fact::Told(traits) => {
            traits.iter().map(|Trait { name, value }| name.len() + weigh_value(value)).sum::<usize>()
        }
        Fact::Carried(Receipt { errand, step: _, why }) => errand.len() + opt(why),
    };
    event.id.len() + opt(&event.staff) + fact
}

fn weigh_order(order: &Order) -> usize {
    let lines: usize =
        order.lines.iter().map(|line| line.sku.len() + line.title.len() + opt(&line.category) + 64).sum();
    order.id.len() + opt(&order.source) + lines
}

fn weigh_content(content: &Content) -> usize {
    content.id.len() + content.kind.len() + opt(&content.title) + opt(&content.category)
}

fn weigh_identity(identity: &Identity) -> usize {
    identity.scheme.len() + identity.scope.len() + identity.value.len()
}

fn weigh_value(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Number(_) | Value::Truth(_) | Value::Time(_) => 16,
    }
}

fn opt(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use model::{CustomerId, CustomerView};

    use super::*;

    fn turn(memory: Option<&[u8]>) -> Turn<'_> {
        let customer = CustomerView {
            id: CustomerId(1),
            first_seen: 0,
            traits: Vec::new(),
            tags: Vec::new(),
            stages: Vec::new(),
            staff: &[],
            outcomes: Vec::new(),
        };
        Turn { customer, memory, position: 1, now: 1, happening: Happening::Alarm { key: "", due: 1 } }
    }

    #[test]
    fn a_batch_ends_at_its_count_and_at_its_bytes() {
        let limits = Limits { batch_turns: 2, batch_bytes: 3 * TURN_BYTES, ..Limits::default() };
        let small: Vec<Turn<'_>> = (0..5).map(|_| turn(None)).collect();
        assert_eq!(cut(&small, &limits), [0..2, 2..4, 4..5]);
        let heavy = vec![0; 2 * TURN_BYTES];
        let mixed = [turn(Some(&heavy)), turn(None), turn(None), turn(Some(&heavy))];
        assert_eq!(cut(&mixed, &limits), [0..1, 1..3, 3..4]);
    }

    #[test]
    fn a_turn_beyond_the_limit_goes_alone() {
        let limits = Limits { batch_bytes: 10, ..Limits::default() };
        assert_eq!(cut(&[turn(None), turn(None)], &limits), [0..1, 1..2]);
        assert!(cut(&[], &limits).is_empty());
    }
}
