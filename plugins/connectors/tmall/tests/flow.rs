//! Calls that follow one another, with one memory between them: what a later call knows by an earlier one.

use heliu_sdk::chores::Chore;
use heliu_sdk::connector;
use heliu_sdk::events::{Event, Fact, Order, OrderStep};
use heliu_sdk::faults::Fault;
use heliu_sdk::harness::CassetteHost;
use serde_json::Value;
use tmall::Tmall;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The shop that several goldens are of, one after the other. Each is played at its own host, which is given what the
/// hosts before it remembered of the order.
#[derive(Default)]
struct Shop {
    memory: Vec<(String, Vec<u8>)>,
}

const REMEMBERED: [&str; 2] = ["trade:2600000000000000001", "pace"];

impl Shop {
    fn at<T>(&mut self, golden: &Value, call: impl Fn(&mut CassetteHost) -> T) -> T {
        let now = golden["now"].as_u64().unwrap_or_default();
        let http = golden["http"].to_string();
        let mut host = CassetteHost::parse(now, &http).unwrap_or_else(|why| panic!("{why}"));
        for (key, value) in &self.memory {
            heliu_sdk::Host::set(&mut host, key, value, None);
        }
        let result = call(&mut host);
        let kept = REMEMBERED
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), heliu_sdk::Host::get(&mut host, key)?)));
        self.memory = kept.collect();
        result
    }

    fn try_work(&mut self, name: &str, change: impl Fn(&mut Value)) -> Result<Vec<Event>, Fault> {
        let mut golden = golden(name);
        change(&mut golden);
        let chore = Chore { key: "-".into(), due: None, job: golden["chore"]["job"].to_string() };
        let settings = golden["settings"].to_string();
        self.at(&golden, |host| connector::work::<Tmall>(&settings, chore.clone(), host))
            .map(|harvest| harvest.events)
    }

    fn work(&mut self, name: &str) -> Vec<Event> {
        self.try_work(name, |_| {}).unwrap_or_else(|why| panic!("{name}: {why:?}"))
    }

    /// The chores' keys that a poll leaves.
    fn poll(&mut self, name: &str) -> Vec<String> {
        let golden = golden(name);
        let (settings, cursor) = (golden["settings"].to_string(), golden["cursor"].to_string());
        let page = self.at(&golden, |host| connector::poll::<Tmall>(&settings, Some(cursor.clone()), host));
        page.unwrap_or_else(|why| panic!("{name}: {why:?}"))
            .kept
            .chores
            .into_iter()
            .map(|chore| chore.key)
            .collect()
    }
}

fn order(events: &[Event]) -> &Order {
    match events {
        [.., Event { fact: Fact::Bought(order), .. }] => order,
        other => panic!("an order was expected: {other:?}"),
    }
}

#[test]
fn what_was_paid_stays_when_a_refund_moves_the_payment() {
    let mut shop = Shop::default();
    assert_eq!(order(&shop.work("sample_trade_paid")).paid, Some(11600));
    let events = shop.work("refund_of_a_part");
    let refunded = order(&events);
    assert_eq!(refunded.step, OrderStep::PartRefunded);
    assert_eq!((refunded.total, refunded.paid, refunded.refunded), (Some(11600), Some(11600), Some(5800)));
    assert_eq!(refunded.lines[0].paid, Some(10800));

    let events = shop.work("trade_first_seen_with_a_refund");
    let finished = order(&events);
    assert_eq!(
        (finished.step, finished.refunded),
        (OrderStep::Completed, None),
        "its line names another refund"
    );
}

#[test]
fn an_order_that_was_given_back_whole_is_refunded_in_every_state() {
    let mut shop = Shop::default();
    shop.work("sample_trade_paid");
    let events = shop.work("refund_of_all");
    assert_eq!(order(&events).step, OrderStep::Refunded);
    let events = shop.work("trade_closed_refunded");
    let closed = order(&events);
    assert_eq!((closed.step, closed.paid, closed.refunded), (OrderStep::Refunded, Some(11600), Some(11600)));
    // After it was finished the same: the platform leaves it so.
    let events = shop.work("trade_finished");
    assert_eq!(order(&events).step, OrderStep::Refunded);
}

#[test]
fn refunds_of_one_order_are_summed_and_each_counts_once() {
    let mut shop = Shop::default();
    shop.work("sample_trade_paid");
    let another = |fee: &'static str| {
        move |golden: &mut Value| {
            let refund = &mut golden["chore"]["job"]["refund"]["refund"];
            refund["refund_id"] = "230000000000000077".into();
            refund["refund_fee"] = fee.into();
        }
    };
    shop.work("refund_of_a_part");
    shop.work("refund_of_a_part");
    let events = shop.try_work("refund_of_a_part", another("40.05")).unwrap_or_default();
    assert_eq!(order(&events).refunded, Some(9805));
    // More than was paid is what the platform says; it is refunded then, and the sum is told as it is.
    let mut other = Shop::default();
    other.work("sample_trade_paid");
    other.work("refund_of_a_part");
    let events = other.try_work("refund_of_a_part", another("99.00")).unwrap_or_default();
    assert_eq!((order(&events).step, order(&events).refunded), (OrderStep::Refunded, Some(15700)));
}

#[test]
fn a_refund_that_was_withdrawn_counts_nothing() {
    let mut shop = Shop::default();
    shop.work("sample_trade_paid");
    let events = shop.work("refund_wait_seller_agree");
    assert_eq!((order(&events).step, order(&events).refunded), (OrderStep::RefundAsked, Some(0)));
    let events = shop.work("refund_withdrawn");
    assert_eq!((order(&events).step, order(&events).paid), (OrderStep::Shipped, Some(11600)));
}

#[test]
fn an_older_state_of_a_refund_moves_nothing_back() {
    let mut shop = Shop::default();
    shop.work("sample_trade_paid");
    shop.work("refund_of_a_part");
    let older = |golden: &mut Value| {
        golden["chore"]["job"]["refund"]["refund"]["refund_version"] = 1_795_226_402_000_u64.into();
    };
    let events = shop.try_work("refund_wait_seller_agree", older).unwrap_or_default();
    match &events[..] {
        [Event { fact: Fact::Did(act), .. }] => assert_eq!(act.kind, "tmall.refund.WAIT_SELLER_AGREE"),
        other => panic!("{other:?}"),
    }
    assert_eq!(order(&shop.work("trade_finished")).refunded, Some(5800));
}

#[test]
fn a_presale_is_paid_in_two_steps_and_is_one_order() {
    let mut shop = Shop::default();
    assert_eq!(order(&shop.work("presale_begun")).paid, Some(0));
    let events = shop.work("presale_deposit");
    assert_eq!((order(&events).step, order(&events).paid), (OrderStep::Placed, Some(2000)));
    let events = shop.work("presale_paid");
    assert_eq!((order(&events).step, order(&events).paid), (OrderStep::Paid, Some(11600)));
}

#[test]
fn the_same_state_is_one_event_and_a_better_known_one_another() {
    let mut shop = Shop::default();
    let first = shop.work("trade_first_seen_with_a_refund");
    assert_eq!(first[0].id, shop.work("trade_first_seen_with_a_refund")[0].id);
    let mut other = Shop::default();
    other.work("sample_trade_paid");
    assert_ne!(first[0].id, other.work("trade_first_seen_with_a_refund")[0].id);
}

#[test]
fn what_was_read_already_is_not_fetched_again() {
    let mut shop = Shop::default();
    let row = "poll_the_same_state_again";
    assert_eq!(shop.poll(row), ["detail:2600000000000000001"]);
    shop.work("sample_trade_paid");
    assert!(shop.poll(row).is_empty());
    assert_eq!(shop.poll("poll_a_later_state"), ["detail:2600000000000000001"]);

    assert_eq!(shop.poll("poll_finds_refunds")[0], "refund:230000000000000051");
    shop.work("refund_of_a_part");
    assert_eq!(shop.poll("poll_finds_refunds"), ["refund:230000000000000052"]);
}

#[test]
fn too_many_calls_are_one_pause_for_all() {
    let mut shop = Shop::default();
    let pause = |shop: &mut Shop, name: &str, at: u64| match shop
        .try_work(name, |golden| golden["now"] = at.into())
    {
        Err(Fault::Later(pause)) => pause.retry_after_ms,
        other => panic!("{other:?}"),
    };
    let now = 1_795_140_800_000;
    assert_eq!(pause(&mut shop, "fails_too_many_calls", now), Some(3_000));
    // Nothing is sent meanwhile: this one would be answered.
    assert_eq!(pause(&mut shop, "sample_trade_paid", now + 1_000), Some(2_000));
}
