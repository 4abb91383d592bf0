//! What `serde` packs is unpacked as it was, and anything else is found out.

use super::*;

fn text() -> String {
    "神经酰胺 cream".to_owned()
}

fn content() -> Content {
    Content { id: "p-1".to_owned(), kind: "product".to_owned(), title: Some(text()), category: None }
}

fn identity() -> Identity {
    Identity { scheme: "phone".to_owned(), scope: String::new(), value: "13800138000".to_owned() }
}

fn order(step: OrderStep) -> Order {
    let line = |paid| OrderLine { sku: "a".to_owned(), title: text(), category: None, quantity: 300, paid };
    Order {
        id: "E1".to_owned(),
        step,
        currency: "CNY".to_owned(),
        total: Some(i64::MAX),
        paid: Some(i64::MIN),
        refunded: Some(-1),
        lines: vec![line(None), line(Some(16_800))],
        placed_at: u64::MAX,
        source: Some(text()),
    }
}

/// Every case of every type that a turn holds.
fn facts() -> Vec<Fact> {
    let mut facts = Vec::new();
    for direction in [Direction::FromCustomer, Direction::ToCustomer] {
        let (kind, group) = ("text".to_owned(), None);
        facts.push(Fact::Said(Message {
            direction,
            kind,
            text: Some(text()),
            group,
            about: Some(content()),
        }));
    }
    for look in [Look::Viewed, Look::Clicked, Look::Liked, Look::Commented, Look::Shared, Look::Favoured] {
        facts.push(Fact::Saw(View { look, about: content(), dwell_ms: Some(u32::MAX), via: None }));
    }
    for step in [
        OrderStep::Placed,
        OrderStep::Paid,
        OrderStep::Shipped,
        OrderStep::Received,
        OrderStep::Completed,
        OrderStep::Cancelled,
        OrderStep::RefundAsked,
        OrderStep::PartRefunded,
        OrderStep::Refunded,
    ] {
        facts.push(Fact::Bought(order(step)));
    }
    facts.push(Fact::Did(Act {
        kind: "joined-group".to_owned(),
        object: Some(text()),
        title: None,
        quantity: Some(-300),
        state: None,
        whom: Some(identity()),
    }));
    for bond in [
        Bond::Added,
        Bond::HalfAdded,
        Bond::RemovedByCustomer,
        Bond::RemovedByStaff,
        Bond::Transferred,
        Bond::Edited,
    ] {
        let tags = vec![text(), String::new()];
        facts.push(Fact::Met(Tie {
            bond,
            way: None,
            state: Some(text()),
            remark: None,
            tags,
            successor: None,
        }));
    }
    let told = |value| TraitValue { name: "city".to_owned(), value };
    let values = [Value::Text(text()), Value::Number(-1.5e300), Value::Truth(true), Value::Time(128)];
    facts.push(Fact::Told(values.map(told).to_vec()));
    for step in [
        ReceiptStep::Sent,
        ReceiptStep::Confirmed,
        ReceiptStep::Failed,
        ReceiptStep::Expired,
        ReceiptStep::Read,
        ReceiptStep::Clicked,
        ReceiptStep::Replied,
        ReceiptStep::Bought,
    ] {
        facts.push(Fact::Carried(Receipt { errand: "int_1".to_owned(), step, why: None }));
    }
    facts
}

const TOUCHPOINTS: [Touchpoint; 14] = [
    Touchpoint::DirectMessage,
    Touchpoint::GroupChat,
    Touchpoint::Moments,
    Touchpoint::OfficialAccount,
    Touchpoint::MiniProgram,
    Touchpoint::ShortVideo,
    Touchpoint::LiveRoom,
    Touchpoint::Web,
    Touchpoint::Shop,
    Touchpoint::Store,
    Touchpoint::Phone,
    Touchpoint::Sms,
    Touchpoint::Parcel,
    Touchpoint::Other,
];

fn turn(memory: Option<Vec<u8>>, happening: Happening) -> Turn {
    let customer = Customer {
        id: "cus_1".to_owned(),
        first_seen: 1_772_380_800_000,
        traits: vec![TraitValue { name: "city".to_owned(), value: Value::Text(text()) }],
        tags: vec![HeldTag { name: "vip".to_owned(), since: 127, expires: Some(128) }],
        stages: vec![HeldStage { journey: "life".to_owned(), stage: "new".to_owned() }],
        staff: vec!["linshen".to_owned()],
        outcomes: vec![IntentOutcome { key: text(), step: ReceiptStep::Replied, at: 300, joined: true }],
    };
    Turn { customer, memory, position: 16_384, now: 0, happening }
}

fn turns() -> Vec<Turn> {
    let touchpoints = TOUCHPOINTS.into_iter().cycle();
    let facts = facts().into_iter().zip(touchpoints).map(|(fact, touchpoint)| {
        let (id, at, extra) = (text(), 5, Some("{}".to_owned()));
        Happening::Fact(Event { id, at, who: vec![identity()], staff: None, touchpoint, fact, extra })
    });
    let alarm = Happening::Alarm(Alarm { key: text(), due: 9 });
    let memories = [None, Some(Vec::new()), Some((0..=255).collect())].into_iter().cycle();
    facts.chain([alarm]).zip(memories).map(|(happening, memory)| turn(memory, happening)).collect()
}

fn unpack(bytes: &[u8]) -> Result<Vec<Turn>, String> {
    let mut reader = Reader::new(bytes);
    let turns = reader.take();
    reader.end().map(|()| turns)
}

#[test]
fn numbers_of_every_length_are_read_alike_with_and_without_bytes_behind_them() {
    let numbers = (0..64).flat_map(|bit| {
        let one = 1_u64 << bit;
        [one - 1, one, one | 1, !one, u64::MAX - one]
    });
    for number in numbers {
        let alone = postcard::to_stdvec(&number).expect("because it is a number");
        for behind in [0, 1, 7, 20] {
            for filler in [0, 0x7f, 0xff] {
                let bytes = [&alone[..], &vec![filler; behind]].concat();
                let mut reader = Reader::new(&bytes);
                assert_eq!(reader.take::<u64>(), number, "{bytes:?}");
                assert_eq!((reader.rest.len(), reader.broken), (behind, false), "{bytes:?}");
            }
        }
    }
    for (tenth, holds) in [(1, true), (2, false), (0x7f, false), (0x80, false)] {
        let bytes = [[0xff; 9].as_slice(), &[tenth, 0]].concat();
        let mut reader = Reader::new(&bytes);
        reader.take::<u64>();
        assert_eq!(!reader.broken, holds, "{tenth}");
    }
}

#[test]
fn every_case_of_a_turn_is_unpacked_as_serde_packed_it() {
    let turns = turns();
    assert!(turns.len() >= TOUCHPOINTS.len(), "each touchpoint stands somewhere");
    let bytes = postcard::to_stdvec(&turns).expect("because postcard takes any turn");
    assert_eq!(unpack(&bytes), Ok(turns));
}

#[test]
fn what_is_cut_off_anywhere_is_found_out() {
    let bytes = postcard::to_stdvec(&turns()).expect("because postcard takes any turn");
    for cut in 0..bytes.len() {
        assert!(unpack(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert!(unpack(&[&bytes[..], &[0]].concat()).is_err(), "one byte too many");
}

#[test]
fn what_serde_refuses_is_refused() {
    let one = postcard::to_stdvec(&turns()[..1]).expect("because postcard takes any turn");
    for at in 0..one.len() {
        for byte in [0, 1, 2, 7, 9, 0x7f, 0x80, 0xff] {
            let mut bytes = one.clone();
            bytes[at] = byte;
            let read = unpack(&bytes);
            match postcard::take_from_bytes::<Vec<Turn>>(&bytes) {
                Ok((turns, [])) => assert_eq!(read.as_ref(), Ok(&turns), "byte {at} is {byte}"),
                _ => assert!(read.is_err(), "byte {at} is {byte}: {read:?}"),
            }
        }
    }
}
