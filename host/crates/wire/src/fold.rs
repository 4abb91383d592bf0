//! Twins of what the fold knows besides customers.

use model::*;

use crate::kind::{twin, twin_cases};

twin!(Version as VersionWire { binding: String, title: String, digest: Digest, settings: Digest, since: u64 });
twin!(Apart as ApartWire { position: u64, these: Vec<Identity>, those: Vec<Identity> });
twin!(Joined as JoinedWire { position: u64, one: CustomerId, other: CustomerId });
twin!(Corrections as CorrectionsWire { retracted: Vec<u64>, joins: Vec<Joined>, apart: Vec<Apart> });
twin!(Section as SectionWire { name: String, digest: Digest });
twin!(FoldState as FoldStateWire {
    setup: Setup,
    versions: Vec<Version>,
    corrections: Corrections,
    grants: Vec<Grant>,
    sections: Vec<Section>,
    alone: Vec<u64>,
});
twin!(Conflict as ConflictWire {
    position: u64,
    handle: Identity,
    customer: CustomerId,
    other: CustomerId,
    scheme: String,
});
twin!(DeadTurn as DeadTurnWire {
    position: u64,
    now: u64,
    customer: CustomerId,
    version: u32,
    alarm: Option<String>,
    kind: String,
    text: String,
});
twin!(Erasure as ErasureWire {
    position: u64,
    now: u64,
    customer: CustomerId,
    merged: Vec<CustomerId>,
    records: u64,
});
twin!(StrayReceipt as StrayReceiptWire {
    position: u64,
    now: u64,
    customer: CustomerId,
    intent: String,
    step: String,
    source: String,
    carrier: Option<String>,
});
twin!(Overflow as OverflowWire { position: u64, now: u64, customer: CustomerId, kind: String, text: String });
twin_cases!(Note as NoteWire {
    Conflict(Conflict),
    DeadTurn(DeadTurn),
    Erasure(Erasure),
    StrayReceipt(StrayReceipt),
    Overflow(Overflow),
});
