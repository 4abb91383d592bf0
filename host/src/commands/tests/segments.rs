//! `heliu segment` and `heliu counts`.

use segment::Segment;
use serde_json::{Value as Json, json};

use super::{DAY_MS, Host, MARCH};

fn json_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

pub(super) fn segments() -> Vec<Segment> {
    let segment = |name, text| Segment::parse(name, text).unwrap();
    vec![
        segment("lapsed", "\"lapsed\" in tags && stage_days.lifecycle < 30").titled("Lapsed of late"),
        segment("bought", "days.last_purchase > 60"),
        segment("helped", "\"helped\" in tags"),
        segment("nobody", "\"x\" in tags"),
    ]
}

#[test]
fn segments_are_listed_with_their_filters() {
    let host = Host::lived();
    let text = host.segment(&["list"]).unwrap();
    assert!(text.starts_with("lapsed  Lapsed of late  \"lapsed\" in tags && "), "{text}");
    let told = json_of(&host.segment(&["list", "--json"]).unwrap());
    assert_eq!(
        told["segments"][1],
        json!({"name": "bought", "title": "bought", "filter": "days.last_purchase > 60"})
    );
}

#[test]
fn a_segment_shows_who_is_in_it() {
    let host = Host::lived();
    let text = host.segment(&["show", "lapsed", "--utc"]).unwrap();
    assert_eq!(
        text,
        "lapsed  Lapsed of late\n  \"lapsed\" in tags && stage_days.lifecycle < 30\n  as of 2026-05-10 00:00:00 (UTC)\n\n\
         cus_0000000002  小满  4 records  since 2026-03-01 00:00:00  buyer, lapsed\n"
    );
    let told = json_of(&host.segment(&["show", "bought", "--json"]).unwrap());
    assert_eq!(told["now"], MARCH + 70 * DAY_MS);
    assert_eq!((&told["customers"][0]["id"], &told["next"]), (&json!("cus_0000000002"), &Json::Null));
    assert!(
        json_of(&host.segment(&["show", "nobody", "--json"]).unwrap())["customers"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let error = host.segment(&["show", "vips"]).unwrap_err().to_string();
    assert_eq!(error, "the configuration has no segment \"vips\"; there is: lapsed, bought, helped, nobody");
}

#[test]
fn a_segment_is_paged() {
    let host = Host::lived();
    let everybody = vec![Segment::parse("all", "true").unwrap()];
    let first = host.segment_of(everybody.clone(), &["show", "all", "--limit", "1"]).unwrap();
    assert!(first.ends_with("more: --after cus_0000000002\n"), "{first}");
    let rest = host.segment_of(everybody, &["show", "all", "--limit", "1", "--after", "cus_2"]).unwrap();
    assert!(rest.contains("cus_0000000003") && !rest.contains("more:"), "{rest}");
}

#[test]
fn segments_are_counted() {
    let host = Host::lived();
    let text = host.segment(&["count"]).unwrap();
    assert_eq!(
        text,
        "lapsed  Lapsed of late  1  50.0 %\nbought  bought          1  50.0 %\nhelped  helped          1  50.0 %\n\
         nobody  nobody          0  0.0 %\n"
    );
    let told = json_of(&host.segment(&["count", "helped", "--json"]).unwrap());
    assert_eq!(told["segments"], json!([{"name": "helped", "title": "helped", "customers": 1}]));
    assert_eq!(told["customers"], 2);
}

#[test]
fn counts_are_by_segment_tag_stage_and_channel() {
    let host = Host::lived();
    let told = json_of(&host.counts(&["--json"]).unwrap());
    let named = |name: &str, customers: u64| json!({"name": name, "customers": customers});
    assert_eq!(told["customers"], 2);
    assert_eq!(told["tags"], json!([named("buyer", 1), named("helped", 1), named("lapsed", 1)]));
    assert_eq!(told["stages"], json!([{"journey": "lifecycle", "stage": "lapsed", "customers": 1}]));
    assert_eq!(told["channels"], json!([named("wechat", 2)]));
    assert_eq!(told["schemes"], json!([named("phone", 2), named("wechat.unionid", 2)]));
    assert_eq!((&told["segments"][0]["customers"], &told["left_out"]), (&json!(1), &json!(0)));
    let text = host.counts(&[]).unwrap();
    for line in [
        "2 customers at position 7, 2026-05-10 08:00:00 (Beijing time)",
        "  lapsed  Lapsed of late  1  50.0 %",
        "  buyer   1  50.0 %",
        "  lifecycle  lapsed  1  50.0 %",
        "  wechat  2  100.0 %",
        "  wechat.unionid  2  100.0 %",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
}
