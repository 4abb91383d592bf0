//! The tables that are exported, column by column, and what a cell is.
//!
//! Invariant: names, kinds and order of these columns are a promise to whoever reads the files. New ones go to the end.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use model::Instant;

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text that is JSON.
    Json,
    Integer,
    /// In CSV ISO 8601 in UTC with milliseconds, in Parquet a timestamp of milliseconds, UTC.
    Time,
}

impl Kind {
    /// As the documentation calls it.
    #[cfg(test)]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Json => "JSON",
            Kind::Integer => "integer",
            Kind::Time => "time",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Is there a cell in every row?
    pub(crate) always: bool,
}

const fn always(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, always: true }
}

const fn maybe(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, always: false }
}

pub(crate) const CUSTOMERS: &[Column] = &[
    always("customer_id", Kind::Text),
    always("first_seen", Kind::Time),
    maybe("name", Kind::Text),
    always("handles", Kind::Json),
    always("schemes", Kind::Json),
    always("traits", Kind::Json),
    always("tags", Kind::Json),
    always("stages", Kind::Json),
    always("staff", Kind::Json),
    always("events", Kind::Integer),
    always("intents", Kind::Integer),
    always("tasks", Kind::Integer),
    always("merged", Kind::Json),
];

pub(crate) const TAGS: &[Column] = &[
    always("customer_id", Kind::Text),
    always("tag", Kind::Text),
    always("since", Kind::Time),
    maybe("expires", Kind::Time),
    always("position", Kind::Integer),
    always("decided_at", Kind::Time),
    maybe("policy", Kind::Text),
    maybe("policy_version", Kind::Integer),
    maybe("alarm", Kind::Text),
    always("why", Kind::Text),
];

pub(crate) const INTENTS: &[Column] = &[
    always("intent_id", Kind::Text),
    always("customer_id", Kind::Text),
    always("policy", Kind::Text),
    always("key", Kind::Text),
    always("scene", Kind::Text),
    always("state", Kind::Text),
    maybe("text", Kind::Text),
    maybe("content_id", Kind::Text),
    maybe("content_kind", Kind::Text),
    maybe("content_title", Kind::Text),
    maybe("not_before", Kind::Time),
    maybe("not_after", Kind::Time),
    always("position", Kind::Integer),
    always("decided_at", Kind::Time),
    always("why", Kind::Text),
    maybe("detail", Kind::Json),
    maybe("step_at", Kind::Time),
    maybe("step_code", Kind::Text),
    maybe("connection", Kind::Text),
    maybe("receipt", Kind::Text),
    always("unfounded", Kind::Json),
    maybe("reached_at", Kind::Time),
    always("reactions", Kind::Json),
];

pub(crate) const EVENTS: &[Column] = &[
    always("position", Kind::Integer),
    always("recorded_at", Kind::Time),
    always("happened_at", Kind::Time),
    always("source_kind", Kind::Text),
    always("source", Kind::Text),
    always("event_id", Kind::Text),
    maybe("customer_id", Kind::Text),
    maybe("staff", Kind::Text),
    always("touchpoint", Kind::Text),
    always("fact", Kind::Text),
    maybe("kind", Kind::Text),
    maybe("direction", Kind::Text),
    maybe("text", Kind::Text),
    maybe("content_id", Kind::Text),
    maybe("content_title", Kind::Text),
    maybe("order_id", Kind::Text),
    maybe("currency", Kind::Text),
    maybe("total_minor", Kind::Integer),
    maybe("paid_minor", Kind::Integer),
    maybe("refunded_minor", Kind::Integer),
    maybe("placed_at", Kind::Time),
    always("handles", Kind::Json),
    always("event", Kind::Json),
];

/// All of them, by the word that the command line has for each.
#[cfg(test)]
pub(crate) const TABLES: &[(&str, &[Column])] =
    &[("customers", CUSTOMERS), ("tags", TAGS), ("intents", INTENTS), ("events", EVENTS)];

/// One value. Its case is its column's kind, or `None` where the column may be without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    None,
    /// Of a column of texts, or of JSON.
    Text(Cow<'a, str>),
    Integer(i64),
    Time(Instant),
}

impl<'a> Cell<'a> {
    pub(crate) fn text(text: &'a str) -> Cell<'a> {
        Cell::Text(Cow::Borrowed(text))
    }

    pub(crate) fn owned(text: String) -> Cell<'a> {
        Cell::Text(Cow::Owned(text))
    }

    pub(crate) fn text_if(text: Option<&'a str>) -> Cell<'a> {
        text.map_or(Cell::None, Cell::text)
    }

    /// Positions and counts stay far below what the sign takes.
    pub(crate) fn count(count: u64) -> Cell<'a> {
        Cell::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(crate) fn integer_if(integer: Option<i64>) -> Cell<'a> {
        integer.map_or(Cell::None, Cell::Integer)
    }

    pub(crate) fn time_if(time: Option<Instant>) -> Cell<'a> {
        time.map_or(Cell::None, Cell::Time)
    }
}

/// `2026-03-01T00:00:00.000Z`. A time beyond every calendar, which only a broken channel can tell, is written as its
/// milliseconds.
pub(crate) fn iso(time: Instant) -> String {
    let date = i64::try_from(time).ok().and_then(DateTime::from_timestamp_millis);
    date.map_or_else(|| time.to_string(), |date| date.to_rfc3339_opts(SecondsFormat::Millis, true))
}
