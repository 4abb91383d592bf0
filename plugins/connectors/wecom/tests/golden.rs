//! The goldens: encrypted calls in, events out; chores in, events out; errands in, outcomes out. What stands in `plain/` is made into goldens
//! first, so that nobody needs to encrypt by hand.

#[path = "plain/make.rs"]
mod make;

use std::sync::Once;

use serde_json::Value;
use wecom::Wecom;

/// Once for all tests here: they compare what it may have just blessed.
static RUN: Once = Once::new();

#[test]
fn goldens() {
    RUN.call_once_force(|_| {
        make::all();
        heliu_sdk::harness::full_connector_goldens::<Wecom>(env!("CARGO_MANIFEST_DIR"));
    });
}

fn ids(case: &str) -> Vec<String> {
    let golden = make::read_golden(case).unwrap_or_else(|why| panic!("{why}"));
    let events = golden["expect"]["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect()
}

fn request(case: &str) -> Value {
    make::read_golden(case).unwrap_or_else(|why| panic!("{why}"))["request"].clone()
}

#[test]
fn a_delivery_again_has_another_nonce_and_the_same_ids() {
    goldens();
    for (first, again) in [
        ("customer-added", "customer-added-delivered-again"),
        ("group-joined-by-two", "group-joined-by-two-delivered-again"),
    ] {
        assert_ne!(request(first), request(again));
        assert!(!ids(first).is_empty());
        assert_eq!(ids(first), ids(again));
    }
}

#[test]
fn two_customers_in_one_second_are_two_events() {
    goldens();
    let (one, two) = (ids("customer-added"), ids("customer-added-in-the-same-second"));
    assert_eq!((one.len(), two.len()), (1, 1));
    assert_ne!(one, two);
}
