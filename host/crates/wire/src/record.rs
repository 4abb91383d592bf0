//! Twins of journal records.

use model::*;

use crate::kind::{Kind, Raw, twin, twin_cases};

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

/// The bytes of a record around an entry that is only lent.
///
/// # Panics
/// Never: writing into memory does not fail.
#[must_use]
pub fn record_bytes(position: u64, now: u64, entry: &Entry) -> Vec<u8> {
    let record = RecordWire { position, now, entry: <Entry as Kind<'_>>::lend(entry) };
    postcard::to_stdvec(&record).expect("because writing into memory does not fail")
}
