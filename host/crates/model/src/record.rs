//! What stands in the journal: everything that can change what the host knows.

use crate::{Digest, Event, Instant, Json, PolicyDescriptor, Position, Scheme};

/// A policy with its settings and its place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub name: String,
    /// SHA-256 of the component's bytes.
    pub digest: Digest,
    pub settings: Json,
    /// What the component said of itself. Part of the record: the fold then needs no plugin to know who wants what.
    pub descriptor: PolicyDescriptor,
    /// Keep the memories of the version before instead of folding every customer again.
    pub carry: bool,
}

/// What the operator configured of the things that the fold depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// In their order.
    pub policies: Vec<Binding>,
    /// By name.
    pub schemes: Vec<Scheme>,
    /// Put before a phone number that has no country code, to compare numbers in E.164: `86`.
    pub phone_country: String,
}

/// A fact from a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelEvent {
    pub connection: String,
    pub event: Event,
}

/// A fact about another person that a policy derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedEvent {
    pub binding: String,
    /// The record that led to it.
    pub cause: Position,
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Event(ChannelEvent),
    Derived(DerivedEvent),
    /// The configuration changed.
    Setup(Setup),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub position: Position,
    /// When it was appended. Never less than that of the record before.
    pub now: Instant,
    pub entry: Entry,
}

impl Entry {
    /// The event in it, where there is one.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match self {
            Entry::Event(channel) => Some(&channel.event),
            Entry::Derived(derived) => Some(&derived.event),
            Entry::Setup(_) => None,
        }
    }

    /// Within what its event's id is unique, and the id. Two appends of one id within one source are one.
    #[must_use]
    pub fn source(&self) -> Option<(Source<'_>, &str)> {
        match self {
            Entry::Event(channel) => Some((Source::Connection(&channel.connection), &channel.event.id)),
            Entry::Derived(derived) => Some((Source::Policy(&derived.binding), &derived.event.id)),
            Entry::Setup(_) => None,
        }
    }
}

/// Where an event came from: within it, an event's id is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source<'a> {
    Connection(&'a str),
    Policy(&'a str),
}
