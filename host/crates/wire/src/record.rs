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
twin!(Configure as ConfigureWire { section: String, digest: Option<Digest>, text: Option<String> });
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
    Configure(Configure),
});
twin!(OperatorAct as OperatorActWire { id: String, by: String, why: String, deed: Deed });
twin!(Erased as ErasedWire {
    who: Vec<Identity>,
    of: Option<CustomerId>,
    act: u64,
    cause: Option<u64>,
    fingerprint: Option<Digest>,
});
twin!(Configured as ConfiguredWire { setup: Setup, by: String, why: String });
twin_cases!(Entry as EntryWire {
    Event(ChannelEvent),
    Derived(DerivedEvent),
    Setup(Setup),
    Retelling(Retelling),
    Progress(Progress),
    Act(OperatorAct),
    Erased(Erased),
    Configured(Configured),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases are numbered in their order: one that is put between others, or a new field, would make every journal unreadable.
    #[test]
    fn what_older_hosts_wrote_is_what_it_was() {
        let act = |deed| Entry::Act(OperatorAct { id: "a".into(), by: "b".into(), why: "c".into(), deed });
        let attest = Attest { what: "d".into(), of: "e".into() };
        let grant = Grant {
            connection: "d".into(),
            plugin: None,
            hosts: vec!["e".into()],
            inward: true,
            schemes: Vec::new(),
            shares: Vec::new(),
            carry_again: Vec::new(),
        };
        let configure = Configure { section: "d".into(), digest: None, text: Some("e".into()) };
        let setup = Setup { phone_country: "86".into(), ..Setup::default() };
        let written: [(&[u8], Entry); 5] = [
            (b"\x01\x02\x02\x00\x00\x0286\x00\x00\x00\x00\x00", Entry::Setup(setup)),
            (b"\x01\x02\x05\x01a\x01b\x01c\x07\x01d\x01e", act(Deed::Attest(attest))),
            (b"\x01\x02\x05\x01a\x01b\x01c\x0a\x01d\x00\x01\x01e\x01\x00\x00\x00", act(Deed::Grant(grant))),
            (b"\x01\x02\x05\x01a\x01b\x01c\x0b\x01d\x00\x01\x01e", act(Deed::Configure(configure))),
            (b"\x01\x02\x06\x00\x00\x09\x00\x00", Entry::Erased(Erased { act: 9, ..Erased::default() })),
        ];
        for (bytes, entry) in written {
            let record = Record { position: 1, now: 2, entry };
            assert_eq!(crate::from_bytes::<Record>(bytes).as_ref(), Ok(&record));
            assert_eq!(record_bytes(1, 2, &record.entry), bytes);
        }
    }

    #[test]
    fn who_changed_the_configuration_survives_both_formats() {
        let (by, why) = ("config/li".to_owned(), "stricter".to_owned());
        let entry = Entry::Configured(Configured { setup: Setup::default(), by, why });
        let record = Record { position: 1, now: 2, entry };
        let json = crate::to_json::<Record>(&record);
        assert!(json.contains(r#""configured":{"setup":{"policies":[]"#), "{json}");
        assert!(json.contains(r#""by":"config/li","why":"stricter""#), "{json}");
        assert_eq!(crate::from_json::<Record>(&json).as_ref(), Ok(&record));
        assert_eq!(crate::from_bytes::<Record>(&record_bytes(1, 2, &record.entry)), Ok(record));
    }
}
