//! What a policy that packs its verdicts answers.

use abi::v0_1::{PackedVerdicts, PackingError};
use heliu_sdk::events::{Act, Event, Fact, Touchpoint, TraitValue, Value};
use heliu_sdk::policy::{Alarm, Change, Decision, HeldStage, Intent, NewTag, StaffTask, Verdict};

/// As the sandbox has it.
const MOST_DECISIONS: usize = 64;

pub fn run(bytes: &[u8]) {
    assert_eq!(read(bytes), read(bytes), "the same bytes say the same");
}

fn read(bytes: &[u8]) -> Result<Vec<model::Verdict>, PackingError> {
    let mut packed = PackedVerdicts::open(bytes, MOST_DECISIONS)?;
    let mut verdicts = Vec::new();
    while let Some(verdict) = packed.next_verdict()? {
        assert!(verdict.decisions.len() <= MOST_DECISIONS, "more than are unpacked");
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Each kind of change, as the SDK packs it.
pub fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let text = || "神 a".to_owned();
    let told = |value| TraitValue { name: text(), value };
    let act =
        Act { kind: text(), object: None, title: Some(text()), quantity: Some(-1), state: None, whom: None };
    let event = Event {
        id: text(),
        at: 1 << 40,
        who: Vec::new(),
        staff: None,
        touchpoint: Touchpoint::Other,
        fact: Fact::Did(act),
        extra: Some("{}".to_owned()),
    };
    let intent = Intent {
        key: text(),
        scene: text(),
        text: Some(text()),
        content: None,
        detail: None,
        not_before: Some(1),
        not_after: None,
    };
    let changes = [
        Change::Tag(NewTag { name: text(), expires: Some(300) }),
        Change::Untag(text()),
        Change::Stage(HeldStage { journey: text(), stage: text() }),
        Change::Put(told(Value::Number(1.5))),
        Change::Put(told(Value::Time(128))),
        Change::Wake(Alarm { key: text(), due: 9 }),
        Change::Quiet(text()),
        Change::Intend(intent),
        Change::Tell(event),
        Change::AskStaff(StaffTask { title: text(), due: None }),
    ];
    let verdicts = changes.map(|change| Verdict {
        decisions: vec![Decision { why: text(), change }],
        memory: Some(vec![1, 2, 3]),
    });
    let mut seeds = vec![postcard::to_stdvec(&verdicts[..])?, postcard::to_stdvec::<[Verdict]>(&[])?];
    for verdict in verdicts {
        seeds.push(postcard::to_stdvec(&[verdict][..])?);
    }
    Ok(seeds)
}
