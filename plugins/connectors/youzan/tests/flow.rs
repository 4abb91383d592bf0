//! Calls that follow one another, with one memory between them: what a later call knows by an earlier one.

use heliu_sdk::chores::Chore;
use heliu_sdk::connector::{self, Request};
use heliu_sdk::events::{Event, Fact, Order, OrderStep};
use heliu_sdk::harness::CassetteHost;
use serde_json::Value;
use youzan::Youzan;

const TID: &str = "E20261120101112077700011";

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// A host whose cassette is the one of a golden.
fn host_of(name: &str) -> CassetteHost {
    let golden = golden(name);
    let now = golden["now"].as_u64().unwrap_or_default();
    CassetteHost::parse(now, &golden["http"].to_string()).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// Receives the push of a golden.
fn receive(name: &str, host: &mut CassetteHost) -> (Vec<Event>, Vec<String>) {
    let golden = golden(name);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headers = golden["request"]["headers"].as_array().cloned().unwrap_or_default();
    let request = Request {
        method: "POST".into(),
        path: String::new(),
        query: String::new(),
        headers: headers.iter().map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect(),
        body: text(&golden["request"]["body"]).into_bytes(),
    };
    match connector::receive::<Youzan>(&golden["settings"].to_string(), request, host) {
        Ok(reception) => {
            let chores = reception.kept.chores.into_iter().map(|chore| chore.key).collect();
            (reception.kept.events, chores)
        }
        Err(why) => panic!("{name}: {why:?}"),
    }
}

/// Does the chore of a golden.
fn work(name: &str, host: &mut CassetteHost) -> Vec<Event> {
    let golden = golden(name);
    let chore = Chore { key: "-".into(), due: None, job: golden["chore"]["job"].to_string() };
    match connector::work::<Youzan>(&golden["settings"].to_string(), chore, host) {
        Ok(harvest) => harvest.events,
        Err(why) => panic!("{name}: {why:?}"),
    }
}

fn order(events: &[Event]) -> &Order {
    match events {
        [Event { fact: Fact::Bought(order), .. }] => order,
        other => panic!("one order was expected: {other:?}"),
    }
}

#[test]
fn the_detail_is_fetched_once_and_its_payment_stays() {
    let mut host = host_of("detail_with_real_payment");
    let (events, chores) = receive("trade_buyer_pay", &mut host);
    assert_eq!(order(&events).paid, Some(11600));
    assert_eq!(chores, [format!("detail:{TID}")]);

    assert_eq!(order(&work("detail_with_real_payment", &mut host)).paid, Some(11050));

    let (events, chores) = receive("trade_shipped", &mut host);
    assert_eq!(order(&events).paid, Some(11050));
    assert!(events[0].id.ends_with(":real"), "{}", events[0].id);
    assert!(chores.is_empty(), "{chores:?}");
}

#[test]
fn a_detail_that_does_not_tell_is_not_asked_again() {
    let mut host = host_of("detail_without_real_payment");
    work("detail_without_real_payment", &mut host);
    let (events, chores) = receive("trade_shipped", &mut host);
    assert_eq!(order(&events).paid, Some(11600));
    assert!(chores.is_empty(), "{chores:?}");
}

#[test]
fn a_proven_refund_stays_with_the_order() {
    let mut host = host_of("sample_refund_settled");
    assert_eq!(order(&work("sample_refund_settled", &mut host)).step, OrderStep::PartRefunded);
    let (events, _) = receive("trade_success", &mut host);
    assert_eq!((order(&events).step, order(&events).refunded), (OrderStep::Completed, Some(5800)));
}

#[test]
fn an_order_closed_after_all_went_back_is_refunded() {
    let mut host = host_of("refund_of_all");
    work("refund_of_all", &mut host);
    let (events, chores) = receive("trade_closed_refunded", &mut host);
    let closed = order(&events);
    assert_eq!((closed.step, closed.paid, closed.refunded), (OrderStep::Refunded, Some(11050), Some(11050)));
    // The other refund that the push names is not known yet.
    assert_eq!(chores, [format!("refund:{TID}:2026112000000050")]);
}

#[test]
fn a_withdrawn_refund_is_not_looked_at_again() {
    let mut host = host_of("refund_withdrawn");
    work("refund_withdrawn", &mut host);
    let (_, chores) = receive("trade_closed_refunded", &mut host);
    assert_eq!(chores, [format!("refund:{TID}:2026112000000050")]);
}
