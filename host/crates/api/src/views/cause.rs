//! Why: a cause with the policy that decided, and the record that led to it.

use model::{Cause, DerivedEvent, Digest, Entry, Event, FoldState, Instant, Position, Record, Version};
use serde::Serialize;

use super::Raw;

/// A cause that speaks for itself. `policy` to `bound_at` are null where no policy decided: a connector told it.
#[derive(Debug, Serialize)]
pub struct Explained<'a> {
    /// The record that led to it; for an alarm, the record at which the alarm was asked for.
    pub position: Position,
    /// The journal's time of it; for an alarm, its due time.
    pub now: Instant,
    /// The policy's name in `heliu.toml`.
    pub policy: Option<&'a str>,
    /// What the policy calls itself.
    pub title: Option<&'a str>,
    /// Of the component.
    pub digest: Option<String>,
    /// Of the settings' text.
    pub settings_digest: Option<String>,
    /// The version's index in the fold's list.
    pub version: Option<u32>,
    /// The setup record that first bound this version.
    pub bound_at: Option<Position>,
    /// The key of the alarm that fired, where it was one.
    pub alarm: Option<&'a str>,
    /// The policy's own words.
    pub why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceView<'a>>,
    /// The event at `position`, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Raw>,
}

/// Where an event came from: `{"connection":"wecom-main"}`, `{"policy":{"name":"referral","cause":12}}`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceView<'a> {
    Connection(&'a str),
    /// A policy derived it from the record at `cause`, which may be another customer's.
    Policy {
        name: &'a str,
        cause: Position,
    },
}

/// Puts the names behind a cause's numbers.
#[must_use]
pub fn explain<'a>(state: &'a FoldState, cause: &'a Cause) -> Explained<'a> {
    let Cause { position, now, version, alarm, why } = cause;
    let place = version.and_then(|version| usize::try_from(version).ok());
    let decided = place.and_then(|place| state.versions.get(place));
    let digest = |digest: fn(&Version) -> Digest| decided.map(|version| digest(version).to_string());
    Explained {
        position: *position,
        now: *now,
        policy: decided.map(|version| version.binding.as_str()),
        title: decided.map(|version| version.title.as_str()),
        digest: digest(|version| version.digest),
        settings_digest: digest(|version| version.settings),
        version: *version,
        bound_at: decided.map(|version| version.since),
        alarm: alarm.as_deref(),
        why,
        source: None,
        event: None,
    }
}

impl<'a> Explained<'a> {
    /// With the event of the record at its position. A record without one changes nothing.
    #[must_use]
    pub fn with(mut self, record: &'a Record) -> Explained<'a> {
        self.source = source(&record.entry);
        self.event = record.entry.event().map(wire::to_raw::<Event>);
        self
    }
}

fn source(entry: &Entry) -> Option<SourceView<'_>> {
    match entry {
        Entry::Event(channel) => Some(SourceView::Connection(&channel.connection)),
        Entry::Derived(DerivedEvent { binding, cause, again: _, event: _ }) => {
            Some(SourceView::Policy { name: binding, cause: *cause })
        }
        Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Retelling(_)
        | Entry::Progress(_)
        | Entry::Act(_)
        | Entry::Erased(_) => None,
    }
}
