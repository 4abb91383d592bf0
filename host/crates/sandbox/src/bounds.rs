//! What a plugin's answer must keep to before the host takes it: sizes, well-formed JSON, and what its descriptor said.
//!
//! Each refusal names the value and the mend. Beyond this point answers are trusted: JSON inside an event is embedded as
//! it is, labels are printed, lists are kept.

mod connector;
mod policy;
mod schema;

use model::{
    Act, Content, Event, Fact, Identity, Message, Order, OrderLine, Receipt, Tie, Trait, Value, View,
};

use crate::call::{cut, printable};
use crate::limits::Limits;

/// An answer that the host may not keep. The text names the value and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct OutOfBounds {
    pub(crate) text: String,
    /// The limit that it passed, where it is about one.
    pub(crate) limit: Option<&'static str>,
}

impl OutOfBounds {
    pub(crate) fn because(text: String) -> OutOfBounds {
        OutOfBounds { text, limit: None }
    }

    /// Past this limit of `Limits`, which the text names.
    fn past(limit: &'static str, text: String) -> OutOfBounds {
        OutOfBounds { text, limit: Some(limit) }
    }
}

/// How much of an offending value is shown.
const SHOWN_BYTES: usize = 120;

pub(crate) struct Bounds<'a> {
    limits: &'a Limits,
}

impl<'a> Bounds<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Bounds<'a> {
        Bounds { limits }
    }

    /// A name, a key, an id: short, of one line, not empty.
    fn label(&self, what: &str, value: &str) -> Result<(), OutOfBounds> {
        if value.is_empty() {
            return Err(OutOfBounds::because(format!("{what} is empty")));
        }
        self.scope(what, value)
    }

    /// A label that may be empty.
    fn scope(&self, what: &str, value: &str) -> Result<(), OutOfBounds> {
        if value.len() > self.limits.label_bytes {
            let limit = self.limits.label_bytes;
            return Err(OutOfBounds::past(
                "label_bytes",
                format!(
                    "{what} \"{}\" has {} bytes, limit label_bytes is {limit}: shorten it",
                    show(value),
                    value.len()
                ),
            ));
        }
        // Some begin with 0xc2; a text without any of these bytes, as almost all are, is looked through at once.
        let suspect = |byte: u8| byte < 0x20 || byte == 0x7f || byte == 0xc2;
        if value.bytes().any(suspect) && value.chars().any(char::is_control) {
            return Err(OutOfBounds::because(format!(
                "{what} \"{}\" has control characters: take them out",
                show(value)
            )));
        }
        Ok(())
    }

    fn text(&self, what: &str, value: &str) -> Result<(), OutOfBounds> {
        if value.len() > self.limits.text_bytes {
            let limit = self.limits.text_bytes;
            return Err(OutOfBounds::past(
                "text_bytes",
                format!(
                    "{what} \"{}\" has {} bytes, limit text_bytes is {limit}: cut it",
                    show(value),
                    value.len()
                ),
            ));
        }
        Ok(())
    }

    fn texts<'t>(
        &self,
        values: impl IntoIterator<Item = (&'t str, Option<&'t String>)>,
    ) -> Result<(), OutOfBounds> {
        values.into_iter().try_for_each(|(what, value)| value.map_or(Ok(()), |value| self.text(what, value)))
    }

    pub(crate) fn count(
        &self,
        what: &str,
        count: usize,
        name: &'static str,
        limit: usize,
    ) -> Result<(), OutOfBounds> {
        if count > limit {
            return Err(OutOfBounds::past(
                name,
                format!("{count} {what}, limit {name} is {limit}: give fewer at a time"),
            ));
        }
        Ok(())
    }

    fn list(&self, what: &str, count: usize) -> Result<(), OutOfBounds> {
        self.count(what, count, "list_items", self.limits.list_items)
    }

    /// One JSON text. It is never parsed again before it stands inside a larger one.
    fn json(&self, what: &str, text: &str) -> Result<(), OutOfBounds> {
        if text.len() > self.limits.json_bytes {
            let limit = self.limits.json_bytes;
            return Err(OutOfBounds::past(
                "json_bytes",
                format!("{what} has {} bytes, limit json_bytes is {limit}", text.len()),
            ));
        }
        if nesting(text) > self.limits.json_depth {
            return Err(OutOfBounds::past(
                "json_depth",
                format!("{what} nests deeper than limit json_depth ({})", self.limits.json_depth),
            ));
        }
        match serde_json::from_str::<&serde_json::value::RawValue>(text) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(OutOfBounds::because(format!("{what} is not JSON ({error}): \"{}\"", show(text))))
            }
        }
    }

    fn event(&self, event: &Event) -> Result<(), OutOfBounds> {
        let Event { id, at: _, who, staff, touchpoint: _, fact, extra } = event;
        self.label("an event's id", id)?;
        let inside = || -> Result<(), OutOfBounds> {
            self.count("handles", who.len(), "event_handles", self.limits.event_handles)?;
            who.iter().try_for_each(|identity| self.identity(identity))?;
            if let Some(staff) = staff {
                self.label("staff", staff)?;
            }
            self.fact(fact)?;
            if let Some(extra) = extra {
                self.json("extra", extra)?;
                if !extra.trim_start().starts_with('{') {
                    return Err(OutOfBounds::because(format!(
                        "extra is not a JSON object: \"{}\"",
                        show(extra)
                    )));
                }
            }
            Ok(())
        };
        inside().map_err(|OutOfBounds { text, limit }| OutOfBounds {
            text: format!("event \"{}\": {text}", show(id)),
            limit,
        })
    }

    fn identity(&self, identity: &Identity) -> Result<(), OutOfBounds> {
        let Identity { scheme, scope, value } = identity;
        self.label("a handle's scheme", scheme)?;
        self.scope("a handle's scope", scope)?;
        self.label("a handle's value", value)
    }

    fn fact(&self, fact: &Fact) -> Result<(), OutOfBounds> {
        match fact {
            Fact::Said(Message { direction: _, kind, text, group, about }) => {
                self.label("a message's kind", kind)?;
                self.texts([("text", text.as_ref()), ("group", group.as_ref())])?;
                about.as_ref().map_or(Ok(()), |about| self.content(about))
            }
            Fact::Saw(View { look: _, about, dwell_ms: _, via }) => {
                self.content(about)?;
                self.texts([("via", via.as_ref())])
            }
            Fact::Bought(order) => self.order(order),
            Fact::Did(Act { kind, object, title, quantity: _, state, whom }) => {
                self.label("an act's kind", kind)?;
                let (object, title, state) = (object.as_ref(), title.as_ref(), state.as_ref());
                self.texts([("object", object), ("title", title), ("state", state)])?;
                whom.as_ref().map_or(Ok(()), |whom| self.identity(whom))
            }
            Fact::Met(Tie { bond: _, way, state, remark, tags, successor }) => {
                let (way, state, remark) = (way.as_ref(), state.as_ref(), remark.as_ref());
                self.texts([("way", way), ("state", state), ("remark", remark)])?;
                self.texts([("successor", successor.as_ref())])?;
                self.list("tags", tags.len())?;
                self.texts(tags.iter().map(|tag| ("a tag", Some(tag))))
            }
            Fact::Told(traits) => {
                self.list("traits", traits.len())?;
                traits.iter().try_for_each(|told| self.told(told))
            }
            Fact::Carried(Receipt { errand, step: _, why }) => {
                self.label("an errand's id", errand)?;
                self.texts([("why", why.as_ref())])
            }
        }
    }

    fn order(&self, order: &Order) -> Result<(), OutOfBounds> {
        let Order { id, step: _, currency, total: _, paid: _, refunded: _, lines, placed_at: _, source } =
            order;
        self.label("an order's id", id)?;
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            let shown = show(currency);
            return Err(OutOfBounds::because(format!(
                "currency \"{shown}\" is not an ISO 4217 code like CNY"
            )));
        }
        self.texts([("source", source.as_ref())])?;
        self.list("order lines", lines.len())?;
        lines.iter().try_for_each(|line| {
            let OrderLine { sku, title, category, quantity: _, paid: _ } = line;
            self.scope("a sku", sku)?;
            self.text("a line's title", title)?;
            self.texts([("category", category.as_ref())])
        })
    }

    fn content(&self, content: &Content) -> Result<(), OutOfBounds> {
        let Content { id, kind, title, category } = content;
        self.label("a content's id", id)?;
        self.label("a content's kind", kind)?;
        self.texts([("title", title.as_ref()), ("category", category.as_ref())])
    }

    fn told(&self, told: &Trait) -> Result<(), OutOfBounds> {
        let Trait { name, value } = told;
        self.label("a trait's name", name)?;
        match value {
            Value::Text(text) => self.text("a trait's value", text),
            // Neither has a place in JSON, and a NaN has many forms.
            Value::Number(number) if !number.is_finite() => Err(OutOfBounds::because(format!(
                "trait \"{name}\" is {number}: give a finite number, or nothing"
            ))),
            Value::Number(_) | Value::Truth(_) | Value::Time(_) => Ok(()),
        }
    }
}

/// A value as it is shown in a message.
fn show(value: &str) -> String {
    printable(&cut(value, SHOWN_BYTES))
}

/// How deep the brackets of a JSON text nest. Does not recurse, whatever the text is.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_counts_brackets_outside_of_strings() {
        assert_eq!(nesting("1"), 0);
        assert_eq!(nesting(r#"{"a":[1,{"b":2}],"c":[]}"#), 3);
        assert_eq!(nesting(r#"{"a":"[[[\"[[["}"#), 1);
    }

    #[test]
    fn json_passes_at_its_limits_and_not_one_past_them() {
        let limits = Limits { json_bytes: 6, json_depth: 2, ..Limits::default() };
        let bounds = Bounds::new(&limits);
        assert_eq!(bounds.json("extra", "[[1 ]]"), Ok(()));
        assert!(bounds.json("extra", "[[1  ]]").is_err());
        assert!(bounds.json("extra", "[[[]]]").is_err());
        assert!(bounds.json("extra", "[1,]").is_err());
        assert!(bounds.json("extra", "").is_err());
    }

    #[test]
    fn labels_are_short_and_of_one_line() {
        let limits = Limits { label_bytes: 6, ..Limits::default() };
        let bounds = Bounds::new(&limits);
        assert_eq!(bounds.label("a tag", "小满"), Ok(()));
        let long = bounds.label("a tag", "小满a").unwrap_err();
        assert!(long.text.contains("小满a") && long.text.contains("label_bytes"), "{long}");
        assert!(bounds.label("a tag", "").is_err());
        assert!(bounds.label("a tag", "a\nb").is_err());
        for character in (0..=0x2ff).filter_map(char::from_u32) {
            assert_eq!(bounds.label("a tag", &character.to_string()).is_err(), character.is_control());
        }
    }

    #[test]
    fn an_event_has_so_many_handles_and_not_one_more() {
        let limits = Limits { event_handles: 2, ..Limits::default() };
        let handle = |number: usize| model::Identity {
            scheme: "phone".to_owned(),
            scope: String::new(),
            value: format!("+861380000000{number}"),
        };
        let event = |handles: usize| Event {
            id: "e".to_owned(),
            at: 1,
            who: (0..handles).map(handle).collect(),
            staff: None,
            touchpoint: model::Touchpoint::Other,
            fact: Fact::Told(Vec::new()),
            extra: None,
        };
        assert_eq!(Bounds::new(&limits).event(&event(2)), Ok(()));
        let error = Bounds::new(&limits).event(&event(3)).unwrap_err();
        assert!(error.text.contains("3 handles") && error.text.contains("event_handles"), "{error}");
    }

    #[test]
    fn a_number_that_is_none_is_named() {
        let limits = Limits::default();
        let told = Trait { name: "score".to_owned(), value: Value::Number(f64::NAN) };
        let error = Bounds::new(&limits).told(&told).unwrap_err();
        assert!(error.text.contains("score") && error.text.contains("NaN"), "{error}");
    }
}
