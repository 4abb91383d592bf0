//! `host/docs/SEGMENTS.md` holds: each of its examples parses and finds whom it says, and it names all that there is.
#![expect(clippy::unwrap_used, reason = "a test that unwraps is a test that fails with a place")]

use std::collections::BTreeMap;

use model::{
    Cause, Customer, CustomerId, Handle, HeldStage, HeldTag, HeldTrait, Identity, Instant, Latest, Value,
};
use segment::Segment;
use segment::language::{DEPTH_MAX, FUNCTIONS, Kind, NODES_MAX, TEXT_BYTES_MAX, VARIABLES};

const DOCUMENT: &str = include_str!("../../../docs/SEGMENTS.md");

const DAY_MS: u64 = 86_400_000;
const NOW: Instant = 1_795_140_701_999;

/// Whom each example finds, of the people below.
const FOUND: &[(&str, &[&str])] = &[
    ("on-two-channels", &["fang"]),
    ("new-without-staff", &["new"]),
    ("drifting-buyers", &["li"]),
    ("talks-and-never-bought", &["new"]),
    ("silent-vips", &["li"]),
    ("of-the-delta", &["fang"]),
    ("club", &["fang", "li"]),
    ("about-to-lapse", &["li"]),
    ("coupon-ends", &["fang"]),
    ("birthday", &["fang"]),
];

fn ago(days: u64) -> Instant {
    NOW - days * DAY_MS
}

fn cause() -> Cause {
    Cause { position: 1, now: 1, version: None, alarm: None, why: "a test".to_owned() }
}

fn person(days: u64) -> Customer {
    Customer::new(CustomerId(1), ago(days))
}

fn tag(name: &str, since: u64, left: Option<u64>) -> HeldTag {
    let expires = left.map(|days| NOW + days * DAY_MS);
    HeldTag { name: name.to_owned(), since: ago(since), expires, cause: cause() }
}

fn held(name: &str, value: Value) -> HeldTrait {
    HeldTrait { name: name.to_owned(), value, cause: cause() }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn handle(scheme: &str, scope: &str) -> Handle {
    let (scheme, scope, value) = (scheme.to_owned(), scope.to_owned(), "v".to_owned());
    Handle { identity: Identity { scheme, scope, value }, position: 1, before: None }
}

fn stage(stage: &str, since: u64) -> HeldStage {
    HeldStage { journey: "lifecycle".to_owned(), stage: stage.to_owned(), since: ago(since), cause: cause() }
}

/// 方 buys and is close; 李 was a VIP and is gone; the new one has only just come.
fn people() -> Vec<(&'static str, Customer)> {
    let seen = |event: Option<u64>, message: Option<u64>, purchase: Option<u64>| Latest {
        event: event.map(ago),
        message: message.map(ago),
        purchase: purchase.map(ago),
    };
    let mut fang = person(400);
    fang.handles = vec![handle("wechat.unionid", "wx1"), handle("phone", "")];
    fang.tags = vec![tag("buyer", 300, None), tag("coupon:new", 5, Some(2)), tag("vip", 10, None)];
    fang.traits = vec![
        held("city", text("杭州")),
        held("next-birthday", Value::Time(NOW + 6 * DAY_MS)),
        held("points", Value::Number(1200.0)),
    ];
    fang.stages = vec![stage("repeat", 10)];
    fang.staff = vec!["wang".to_owned()];
    let mut li = person(800);
    li.handles = vec![handle("wechat.unionid", "wx1")];
    li.tags = vec![tag("buyer", 700, None), tag("coupon:old", 5, None), tag("vip", 600, None)];
    li.traits =
        vec![held("city", text("北京")), held("member-level", text("gold")), held("points", text("many"))];
    li.stages = vec![stage("repeat", 60)];
    li.staff = vec!["wang".to_owned()];
    let mut new = person(2);
    new.handles = vec![handle("wechat.unionid", "wx1")];
    new.tags = vec![tag("coupon:new", 1, Some(9))];
    fang.latest = seen(Some(1), Some(1), Some(20));
    li.latest = seen(Some(120), Some(150), Some(200));
    new.latest = seen(Some(0), Some(1), None);
    vec![("fang", fang), ("li", li), ("new", new)]
}

/// By its name: what stands between "```cel NAME" and "```".
fn examples() -> BTreeMap<&'static str, &'static str> {
    let blocks = DOCUMENT.split("\n```cel ").skip(1);
    blocks
        .map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            (name, rest.split_once("\n```").unwrap().0)
        })
        .collect()
}

#[test]
fn each_example_finds_whom_it_should() {
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:?}");
    assert_eq!(examples.len(), FOUND.len(), "each example has its line in FOUND");
    for (name, expected) in FOUND {
        let segment = Segment::parse(name, examples[name]).unwrap();
        let found = people()
            .into_iter()
            .filter_map(|(who, customer)| segment.matches(&customer, NOW).unwrap().then_some(who));
        assert_eq!(found.collect::<Vec<_>>(), *expected, "{name}");
    }
}

#[test]
fn the_example_of_toml_is_one_of_them() {
    let filter = DOCUMENT.split("filter = '''").nth(1).unwrap().split("'''").next().unwrap();
    assert_eq!(examples()["drifting-buyers"], filter);
}

#[test]
fn every_variable_field_and_function_is_told() {
    for variable in VARIABLES {
        let row = format!("| `{}` | ", variable.name);
        let line = DOCUMENT.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("{} is not in the table", variable.name));
        if let Kind::Record(fields) = variable.kind {
            fields.iter().for_each(|field| assert!(line.contains(&format!("`{field}`")), "{field}: {line}"));
        }
    }
    for function in FUNCTIONS {
        assert!(DOCUMENT.contains(&format!("`{function}")), "{function}");
    }
    let limits = format!("at most {TEXT_BYTES_MAX} bytes, {NODES_MAX} parts and {DEPTH_MAX} levels");
    assert!(DOCUMENT.contains(&limits), "{limits}");
}
