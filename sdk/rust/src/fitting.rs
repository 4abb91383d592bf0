//! Whether the host would take what a push yields.
//!
//! The host refuses the whole of an answer with one label that is too long or has a control character in it, and tells
//! the channel that it failed; the channel comes again with the same, for as long as it likes. So what a stranger can put
//! into a push is held against the host's limits here, by their usual values, and kept as a dead letter instead.

use crate::chores::{Chore, Harvest};
use crate::events::{
    Act, Content, Event, Fact, Identity, Message, Order, OrderLine, Receipt, Tie, TraitValue, Value, View,
};

const LABEL_BYTES: usize = 256;
const TEXT_BYTES: usize = 64 << 10;
const JSON_BYTES: usize = 256 << 10;
const JSON_DEPTH: usize = 64;
const LIST_ITEMS: usize = 1024;

/// Says what does not fit.
pub(crate) fn check(kept: &Harvest) -> Result<(), String> {
    let Harvest { events, chores } = kept;
    events.iter().try_for_each(event)?;
    chores.iter().try_for_each(|Chore { key, due: _, job }| {
        label("a chore's key", key)?;
        json("a chore's job", job)
    })
}

fn label(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("{what} is empty")) } else { scope(what, text) }
}

fn scope(what: &str, text: &str) -> Result<(), String> {
    if text.len() > LABEL_BYTES {
        return Err(format!("{what} has {} bytes, {LABEL_BYTES} at most are taken", text.len()));
    }
    if text.chars().any(char::is_control) { Err(format!("{what} has control characters")) } else { Ok(()) }
}

fn text(what: &str, text: Option<&String>) -> Result<(), String> {
    match text {
        Some(text) if text.len() > TEXT_BYTES => {
            Err(format!("{what} has {} bytes, {TEXT_BYTES} at most are taken", text.len()))
        }
        Some(_) | None => Ok(()),
    }
}

fn list(what: &str, count: usize) -> Result<(), String> {
    if count > LIST_ITEMS { Err(format!("{count} {what}, {LIST_ITEMS} at most are taken")) } else { Ok(()) }
}

/// Its own grammar is the connector's business: it writes with a library.
fn json(what: &str, text: &str) -> Result<(), String> {
    if text.len() > JSON_BYTES {
        return Err(format!("{what} has {} bytes, {JSON_BYTES} at most are taken", text.len()));
    }
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH {
            return Err(format!("{what} nests deeper than {JSON_DEPTH}"));
        }
    }
    Ok(())
}

fn event(event: &Event) -> Result<(), String> {
    let Event { id, at: _, who, staff, touchpoint: _, fact: told, extra } = event;
    label("an event's id", id)?;
    list("handles", who.len())?;
    who.iter().try_for_each(identity)?;
    staff.as_ref().map_or(Ok(()), |staff| label("staff", staff))?;
    fact(told)?;
    extra.as_ref().map_or(Ok(()), |extra| json("extra", extra))
}

fn identity(identity: &Identity) -> Result<(), String> {
    let Identity { scheme, scope: within, value } = identity;
    label("a handle's scheme", scheme)?;
    scope("a handle's scope", within)?;
    label("a handle's value", value)
}

fn fact(fact: &Fact) -> Result<(), String> {
    match fact {
        Fact::Said(Message { direction: _, kind, text: said, group, about }) => {
            label("a message's kind", kind)?;
            text("a message", said.as_ref())?;
            text("a group", group.as_ref())?;
            about.as_ref().map_or(Ok(()), content)
        }
        Fact::Saw(View { look: _, about, dwell_ms: _, via }) => {
            content(about)?;
            text("via", via.as_ref())
        }
        Fact::Bought(bought) => order(bought),
        Fact::Did(Act { kind, object, title, quantity: _, state, whom }) => {
            label("an act's kind", kind)?;
            text("an object", object.as_ref())?;
            text("a title", title.as_ref())?;
            text("a state", state.as_ref())?;
            whom.as_ref().map_or(Ok(()), identity)
        }
        Fact::Met(Tie { bond: _, way, state, remark, tags, successor }) => {
            list("tags", tags.len())?;
            tags.iter().try_for_each(|tag| text("a tag", Some(tag)))?;
            [way, state, remark, successor].into_iter().try_for_each(|one| text("a tie's text", one.as_ref()))
        }
        Fact::Told(traits) => {
            list("traits", traits.len())?;
            traits.iter().try_for_each(told)
        }
        Fact::Carried(Receipt { errand, step: _, why }) => {
            label("an errand's id", errand)?;
            text("why", why.as_ref())
        }
    }
}

fn told(told: &TraitValue) -> Result<(), String> {
    let TraitValue { name, value } = told;
    label("a trait's name", name)?;
    match value {
        Value::Text(value) => text("a trait's value", Some(value)),
        Value::Number(number) if !number.is_finite() => Err(format!("a trait's value is {number}")),
        Value::Number(_) | Value::Truth(_) | Value::Time(_) => Ok(()),
    }
}

fn content(content: &Content) -> Result<(), String> {
    let Content { id, kind, title, category } = content;
    label("a content's id", id)?;
    label("a content's kind", kind)?;
    text("a content's title", title.as_ref())?;
    text("a content's category", category.as_ref())
}

fn order(order: &Order) -> Result<(), String> {
    let Order { id, step: _, currency: _, total: _, paid: _, refunded: _, lines, placed_at: _, source } =
        order;
    label("an order's id", id)?;
    text("an order's source", source.as_ref())?;
    list("order lines", lines.len())?;
    lines.iter().try_for_each(|OrderLine { sku, title, category, quantity: _, paid: _ }| {
        scope("a sku", sku)?;
        text("a line's title", Some(title))?;
        text("a line's category", category.as_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Touchpoint;

    fn with(change: impl FnOnce(&mut Event)) -> Result<(), String> {
        let act = Act {
            kind: "wecom.event".into(),
            object: None,
            title: None,
            quantity: None,
            state: None,
            whom: None,
        };
        let mut event = Event {
            id: "e".into(),
            at: 1,
            who: vec![Identity { scheme: "phone".into(), scope: String::new(), value: "1".into() }],
            staff: None,
            touchpoint: Touchpoint::Other,
            fact: Fact::Did(act),
            extra: Some("{}".into()),
        };
        change(&mut event);
        check(&Harvest { events: vec![event], chores: Vec::new() })
    }

    #[test]
    fn labels_fit_at_the_limit_and_not_one_byte_past_it() {
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|event| event.id = "x".repeat(LABEL_BYTES)), Ok(()));
        assert!(with(|event| event.id = "x".repeat(LABEL_BYTES + 1)).is_err());
        assert!(with(|event| event.id.clear()).is_err());
        assert!(with(|event| event.staff = Some("a\0b".into())).is_err());
        assert!(with(|event| event.who[0].value = "a\nb".into()).is_err());
    }

    #[test]
    fn json_fits_at_its_depth_and_not_deeper() {
        let nested = |depth: usize| Some(format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert_eq!(with(|event| event.extra = nested(JSON_DEPTH)), Ok(()));
        assert!(with(|event| event.extra = nested(JSON_DEPTH + 1)).is_err());
        // Brackets in a text are none.
        assert_eq!(with(|event| event.extra = Some(format!("\"\\\"{}\"", "[".repeat(100)))), Ok(()));
    }
}
