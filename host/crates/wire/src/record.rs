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
twin!(Pause as PauseWire { behind: u64, fired: u64, broke_off: Option<u64> });
twin!(Binding as BindingWire {
    name: String,
    digest: Digest,
    settings: Raw,
    descriptor: PolicyDescriptor,
    carry: bool,
    paused: Option<Pause>,
});
twin!(Outcomes as OutcomesWire {
    replied_ms: Option<u64>,
    bought_ms: Option<u64>,
    scenes: Vec<String>,
    apart: Vec<String>,
});
twin!(Setup as SetupWire {
    policies: Vec<Binding>,
    schemes: Vec<Scheme>,
    phone_country: String,
    tenant: String,
    outcomes: Outcomes,
});
twin!(ChannelEvent as ChannelEventWire { connection: String, event: Event });
twin!(DerivedEvent as DerivedEventWire { binding: String, cause: u64, again: Option<u64>, event: Event });
twin!(Retelling as RetellingWire { binding: String, id: String, event: u64, cause: u64, counts: bool });
twin!(Progress as ProgressWire {
    intent: String,
    customer: CustomerId,
    cause: u64,
    id: String,
    state: IntentState,
    connection: Option<String>,
    staff: Option<String>,
    receipt: Option<String>,
    until: Option<u64>,
    code: String,
    reason: String,
});
twin!(Join as JoinWire { one: CustomerId, other: CustomerId });
twin!(Split as SplitWire { customer: CustomerId, handles: Vec<Identity> });
twin!(Retract as RetractWire { edge: u64 });
twin!(Proposal as ProposalWire { customer: CustomerId, binding: String, intent: Intent });
twin!(HandTag as HandTagWire { customer: CustomerId, name: String, expires: Option<u64> });
twin!(HandUntag as HandUntagWire { customer: CustomerId, name: String });
twin!(Erase as EraseWire { customer: CustomerId });
twin!(Attest as AttestWire { what: String, of: String });
twin!(Retry as RetryWire { letter: String, customer: Option<CustomerId> });
twin!(Dropped as DroppedWire { letter: String });
twin!(Grant as GrantWire {
    connection: String,
    plugin: Option<Digest>,
    hosts: Vec<String>,
    inward: bool,
    schemes: Vec<String>,
    shares: Vec<String>,
    carry_again: Vec<String>,
});
twin_cases!(Deed as DeedWire {
    Join(Join),
    Split(Split),
    Retract(Retract),
    Propose(Proposal),
    Tag(HandTag),
    Untag(HandUntag),
    Erase(Erase),
    Attest(Attest),
    Retry(Retry),
    Drop(Dropped),
    Grant(Grant),
});
twin!(OperatorAct as OperatorActWire { id: String, by: String, why: String, deed: Deed });
twin!(Erased as ErasedWire {
    who: Vec<Identity>,
    of: Option<CustomerId>,
    act: u64,
    cause: Option<u64>,
    fingerprint: Option<Digest>,
});
twin_cases!(Entry as EntryWire {
    Event(ChannelEvent),
    Derived(DerivedEvent),
    Setup(Setup),
    Retelling(Retelling),
    Progress(Progress),
    Act(OperatorAct),
    Erased(Erased),
});
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
