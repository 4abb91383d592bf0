//! Twins of decisions.

use model::*;

use crate::kind::{Bytes, Raw, twin, twin_cases};

twin!(Intent as IntentWire {
    key: String,
    scene: String,
    text: Option<String>,
    content: Option<Content>,
    detail: Option<Raw>,
    not_before: Option<u64>,
    not_after: Option<u64>,
});
twin!(NewTag as NewTagWire { name: String, expires: Option<u64> });
twin!(Stage as StageWire { journey: String, stage: String });
twin!(StaffTask as StaffTaskWire { title: String, due: Option<u64> });
twin!(Wake as WakeWire { key: String, due: u64 });
twin_cases!(Change as ChangeWire {
    Tag(NewTag),
    Untag(String),
    Stage(Stage),
    Put(Trait),
    Wake(Wake),
    Quiet(String),
    Intend(Intent),
    Tell(Event),
    AskStaff(StaffTask),
});
twin!(Decision as DecisionWire { why: String, change: Change });
twin!(Verdict as VerdictWire { decisions: Vec<Decision>, memory: Option<Bytes> });
