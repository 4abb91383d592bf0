//! The language of filters as an operator meets it: what is refused and how, what is missing, and where it ends.

use model::{Cause, Customer, CustomerId, HeldTag, HeldTrait, Instant, Latest, Value};
use proptest::prelude::*;
use segment::Segment;
use segment::language::{DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX};

const DAY_MS: u64 = 86_400_000;
const NOW: Instant = 1_795_140_701_999;

fn cause() -> Cause {
    Cause { position: 1, now: 1, version: None, alarm: None, why: "a test".to_owned() }
}

fn held(name: &str, value: Value) -> HeldTrait {
    HeldTrait { name: name.to_owned(), value, cause: cause() }
}

/// With two tags, a trait of each kind, and three records.
fn customer() -> Customer {
    let mut customer = Customer::new(CustomerId(1), NOW - 10 * DAY_MS);
    let tag = |name: &str, days: u64| {
        let since = NOW - days * DAY_MS;
        HeldTag { name: name.to_owned(), since, expires: None, cause: cause() }
    };
    customer.tags = vec![tag("coupon:a", 3), tag("vip", 5)];
    customer.traits = vec![
        held("born", Value::Time(631_152_000_000)),
        held("city", Value::Text("上海".to_owned())),
        held("club", Value::Truth(true)),
        held("points", Value::Number(12.5)),
    ];
    customer.latest = Latest { event: Some(NOW - DAY_MS), ..Latest::default() };
    customer.timeline = vec![1, 2, 3];
    customer.staff = vec!["wang".to_owned()];
    customer
}

fn holds(filter: &str) -> bool {
    let segment = Segment::parse("s", filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    segment.matches(&customer(), NOW).unwrap_or_else(|error| panic!("{filter}: {error}"))
}

fn refused(filter: &str) -> String {
    match Segment::parse("s", filter) {
        Ok(_) => panic!("{filter} was let through"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn questions_are_answered() {
    for filter in [
        "true",
        "\"vip\" in tags",
        "!('x' in tags)",
        "size(tags) == 2 && tags.size() == 2 && count.tags == 2.0",
        "count.events > 2 && count.events < 3.5 && count.events - 1 == 2",
        "days.first_seen == 10 && days.last_event == 1 && days.first_seen - days.last_event > 8",
        "tag_days[\"vip\"] == 5 && tag_days.vip >= 5",
        "trait.city == \"上海\" && trait.city.startsWith(\"上\") && size(trait.city) == 2",
        "trait.points > 12 && trait.points < 13 && trait.points * 2 == 25 && -trait.points < 0",
        "trait.club && trait.club == true",
        "trait.born == \"1990-01-01T00:00:00.000Z\" && trait.born < \"1990-02\" && trait_days.born > 10000",
        "\"city\" in trait && has(trait.city) && !has(trait.`no-such`)",
        "trait.city in [\"北京\", \"上海\"] && trait.points in [12.5, 3]",
        "tags.exists(t, t == 'vip') && tags.all(t, size(t) > 2) && tags.exists_one(t, t.startsWith('coupon:'))",
        "size(tags.filter(t, t.contains(':'))) == 1 && [1, 2].exists(n, n == 2)",
        "staff == staff || true ? true : false",
    ] {
        if filter.starts_with("staff") {
            assert!(refused(filter).contains("cannot be compared"), "{filter}");
        } else {
            assert!(holds(filter), "{filter}");
        }
    }
}

#[test]
fn what_she_does_not_have_makes_a_comparison_false() {
    for filter in [
        "trait.street == 'x'",
        "trait['street'] < 'x'",
        "trait.street > 5",
        "trait.street",
        "trait.street in ['x']",
        "trait.street.contains('x')",
        "size(trait.street) >= 0",
        "trait.street == trait.street",
        "days.last_purchase > 0",
        "days.last_purchase <= 0",
        "stage.lifecycle == 'new'",
        "tag_days.gone < 1000",
        "tag_days_left.vip < 1000",
        "tags.exists(t, tag_days_left[t] < 3)",
        "has(days.last_message)",
    ] {
        assert!(!holds(filter), "{filter}");
        assert!(holds(&format!("!({filter})")), "!({filter})");
        assert!(holds(&format!("{filter} || true")), "{filter} || true");
        assert!(holds(&format!("({filter}) ? false : true")), "{filter} ?");
    }
    assert!(holds("trait.street != 'x'") && !holds("!(trait.street != 'x')"));
}

#[test]
fn a_trait_of_another_kind_is_like_a_missing_one() {
    for filter in
        ["trait.city > 5", "trait.points.contains('1')", "trait.city", "trait.club > 1", "-trait.city < 1"]
    {
        assert!(!holds(filter), "{filter}");
    }
    assert!(!holds("trait.city == 5") && holds("trait.city != 5"));
}

#[test]
fn what_does_not_exist_is_refused_with_its_place_and_a_mend() {
    for (filter, error) in [
        ("'vip' in tag", "line 1, column 10: unknown variable \"tag\": did you mean \"tags\"?"),
        (
            "\n  city == 'x'",
            "line 2, column 3: unknown variable \"city\": known here are channels, count, days",
        ),
        (
            "trait.city == '上' && dais.first_seen > 1",
            "column 22: unknown variable \"dais\": did you mean \"days\"?",
        ),
        ("days.last_seen > 1", "unknown field \"last_seen\": known here are first_seen, last_event"),
        ("count.event > 1", "unknown field \"event\": did you mean \"events\"?"),
        ("has(count.event)", "unknown field \"event\": did you mean \"events\"?"),
        ("lower(trait.city) == 'x'", "unknown function \"lower\" of 1: known here are all, contains"),
        (
            "trait.city.startWith('x')",
            "unknown function on a value \"startWith\" of 1: did you mean \"startsWith\"?",
        ),
        ("trait.city.matches('x')", "\"matches\" cannot stand like this: there are no patterns"),
        ("tags.map(t, t) == ['x']", "is no loop that there is: use exists, all, exists_one or filter"),
        ("tags.exists(t)", "\"exists\" cannot stand like this: write like tags.exists(t, "),
        ("count.tags % 2 == 0", "\"_%_\" cannot stand like this: there is no remainder"),
        ("trait.?city == 'x'", "cannot be read as CEL"),
        ("trait.city == '上海' &&& true", "column 22: cannot be read as CEL"),
        ("true\n&& '上' = 'x'", "line 2, column 8: cannot be read as CEL"),
        ("timestamp('2026-01-01T00:00:00Z') > timestamp('x')", "unknown function \"timestamp\""),
    ] {
        let told = refused(filter);
        assert!(told.starts_with("segment \"s\": line ") && told.contains(error), "{filter}\n{told}");
        assert!(!told.contains('\n'), "{told}");
    }
}

#[test]
fn what_could_never_hold_is_refused() {
    for (filter, error) in [
        ("count.tags == '2'", "a number cannot be compared with a text: this would never hold"),
        ("days.first_seen > true", "a number cannot be compared with true or false"),
        ("true < false", "true or false cannot be compared"),
        ("tags == 'vip'", "a list of texts cannot be compared with a text"),
        ("5 in tags", "a number is never in a list of texts"),
        ("'a' in 'abc'", "a text is never in a text: write like \"vip\" in tags"),
        ("tags", "is a list of texts where a condition is expected"),
        ("count.tags && true", "is a number where a condition is expected"),
        ("'yes'", "is a text where a condition is expected"),
        ("trait.city == null", "there is no null: ask with has(…)"),
        ("tags[0] == 'vip'", "a list of texts has no places: ask with `in`"),
        ("trait[0] == 'vip'", "a table is asked by a text"),
        ("days['last_event'] > 1", "is asked with a dot: one of first_seen"),
        ("tags.vip", "\"vip\" is asked of a list of texts, which has no fields"),
        ("trait.city.street == 'x'", "\"street\" is asked of a trait, which has no fields"),
        ("['a', 1].exists(x, true)", "a list has texts, or numbers"),
        ("size([]) == 0", "a list has texts, or numbers"),
        ("size({'a': 1}) == 1", "a filter makes no tables"),
        ("count.tags == 1u", "leave the `u` out"),
        ("trait.city == b'x'", "leave the `b` out"),
        ("trait.city + 'x' == 'yx'", "calculates with a text, not with a number"),
        ("trait.points > 9007199254740993", "9007199254740993 has more digits than numbers keep"),
        ("tags.exists(tags, true)", "\"tags\" is a variable already"),
        ("tags.exists(t, staff.exists(s, s == t))", "a loop stands in a loop"),
        ("trait.exists(t, true)", "goes through a table of names: only lists"),
        ("true ? 'a' : 'b'", "is a text where a condition is expected"),
        ("(true ? 'a' : 1) == 'a'", "gives a text or a number: both must be of one kind"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("'vip' in", "cannot be read as CEL"),
        ("\"vip in tags", "cannot be read as CEL"),
        ("'vip' in tags)", "cannot be read as CEL"),
        ("t == 'vip' && tags.exists(t, true)", "unknown variable \"t\""),
    ] {
        let told = refused(filter);
        assert!(told.contains(error), "{filter}\n{told}");
    }
}

#[test]
fn a_text_has_a_limit() {
    let padded = |bytes: usize| format!("{:bytes$}", "true");
    assert!(Segment::parse("s", &padded(TEXT_BYTES_MAX)).is_ok());
    let told = refused(&padded(TEXT_BYTES_MAX + 1));
    assert!(told.contains("4097 bytes are more than 4096: divide the segment"), "{told}");
}

#[test]
fn depth_has_a_limit() {
    let nots = |count: usize| format!("{}true", "!(".repeat(count)) + &")".repeat(count);
    assert_eq!(holds(&nots(DEPTH_MAX)), DEPTH_MAX.is_multiple_of(2));
    assert!(refused(&nots(DEPTH_MAX + 1)).contains("stands more than 24 deep"), "brackets");
    // A sum nests without brackets.
    let sum = |terms: usize| format!("count.tags > {}", vec!["1"; terms].join(" + "));
    assert!(!holds(&sum(DEPTH_MAX)));
    assert!(refused(&sum(DEPTH_MAX + 2)).contains("stands more than 24 deep"), "a sum");
}

#[test]
fn parts_have_a_limit() {
    // A question has three parts and a step that joins it to the others.
    let chain = |questions: usize| vec!["'x' in tags"; questions].join(" || ");
    let most = (1..).take_while(|questions| Segment::parse("s", &chain(*questions)).is_ok()).count();
    assert!((NODES_MAX / 4..NODES_MAX / 3).contains(&most), "{most}");
    assert!(!holds(&chain(most)));
    assert!(refused(&chain(most + 1)).contains("more than 256 parts"), "{most}");
}

/// Texts that would make a recursive parser fall over, were it given them.
#[test]
fn texts_made_to_nest_are_refused_or_read_but_never_fatal() {
    let small = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        for part in [
            "(",
            "[",
            "{",
            "!",
            "-",
            "!(",
            "a.",
            "a[",
            "a?",
            "a?a:",
            "1+",
            "1+(",
            "f(",
            "[[",
            "\"",
            "'\\",
            "`",
            "true&&",
            "true||",
            "true?true:",
            "tags.exists(t,",
            "小",
            "\u{0}",
            "//",
            "r'",
            "'''",
            "==",
            "in ",
            "{a:",
            "x{a:",
        ] {
            let text = part.repeat(TEXT_BYTES_MAX / part.len());
            drop(Segment::parse("s", &text));
            drop(Segment::parse("s", &format!("{text}true")));
        }
    });
    small.unwrap().join().unwrap();
}

#[test]
fn segments_are_equal_by_what_is_written() {
    let segment = |name, text| Segment::parse(name, text).unwrap();
    assert_eq!(segment("a", "true"), segment("a", "true"));
    assert_ne!(segment("a", "true"), segment("b", "true"));
    assert_ne!(segment("a", "true"), segment("a", "!false"));
    assert_ne!(segment("a", "true"), segment("a", "true").titled("A"));
    assert_eq!(segment("a", "true").title(), "a");
}

/// Pieces of which filters are made, good ones and bad ones.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "tags",
        "trait.city",
        "trait.x",
        "days.last_event",
        "count.tags",
        "stage",
        "'vip'",
        "\"上\"",
        "1",
        "2.5",
        "true",
        "null",
        "t",
        " in ",
        " == ",
        " != ",
        " < ",
        " && ",
        " || ",
        "!",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".exists(t, ",
        "has(",
        "size(",
        ".contains(",
        " ? ",
        " : ",
        " + ",
        "-",
    ])
}

proptest! {
    /// Whatever is let through is answered, and answered the same again; whatever is not has a place and one line.
    #[test]
    fn what_is_let_through_is_answered(pieces in prop::collection::vec(piece(), 1..12)) {
        let text = pieces.concat();
        match Segment::parse("s", &text) {
            Ok(segment) => {
                let ask = || segment.matches(&customer(), NOW);
                let first = ask();
                prop_assert!(first.is_ok(), "{text}: {first:?}");
                prop_assert_eq!(first, ask());
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
        }
    }
}
