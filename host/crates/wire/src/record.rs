//! Twins of journal records.

use model::*;

use crate::kind::{Raw, twin, twin_cases};

twin!(Scheme as SchemeWire { name: String, lasting: bool, one_per_person: bool });
twin!(PolicyDescriptor as PolicyDescriptorWire {
    title: String,
    settings_schema: Raw,
    wants: Vec<String>,
    tags: Vec<String>,
    journeys: Vec<String>,
    reads: Vec<String>,
});
twin!(Binding as BindingWire {
    name: String,
    digest: Digest,
    settings: Raw,
    descriptor: PolicyDescriptor,
    carry: bool,
});
twin!(Setup as SetupWire { policies: Vec<Binding>, schemes: Vec<Scheme>, phone_country: String });
twin!(ChannelEvent as ChannelEventWire { connection: String, event: Event });
twin!(DerivedEvent as DerivedEventWire { binding: String, cause: u64, event: Event });
twin_cases!(Entry as EntryWire { Event(ChannelEvent), Derived(DerivedEvent), Setup(Setup) });
twin!(Record as RecordWire { position: u64, now: u64, entry: Entry });
