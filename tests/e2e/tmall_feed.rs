//! The Tmall feed against a platform that says no: it pauses and goes on, nothing is lost, nothing is there twice.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tests::brand::{Brand, Happening, START_MS};
use tests::tenant::TMALL;
use tests::tmall::{Dispute, Failure, Refund, RefundState, Trade, TradeStatus};
use tests::{Hooks, Tenant};
use tokio::time::Instant;

use crate::stage::{Stage, event_ids};

const HOUR_MS: u64 = 3_600_000;
/// A second would do; this is for a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays what happened until then. The platforms push to nobody: only the feed is looked at.
async fn until(stage: &Stage, brand: &mut Brand, rest: &mut &[Happening], now: u64) {
    let (these, others) = rest.split_at(rest.partition_point(|happening| happening.at_ms < now));
    *rest = others;
    brand.play_all(these, &stage.on, &Hooks::default(), 1).await;
    stage.advance(now).await;
}

/// Until the host shows what it says of the connection: that is a second old at most.
async fn shows(stage: &Stage, what: &str, is_so: impl Fn(&Value) -> bool) {
    let patience = Instant::now() + PATIENCE;
    loop {
        let plugins = stage.host.get("plugins").await.unwrap();
        let of_tmall = plugins["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == TMALL);
        let message = &of_tmall.unwrap()["message"];
        if is_so(message) {
            return;
        }
        assert!(Instant::now() < patience, "{what}: {message}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The trades of which the journal has a snapshot.
fn told(stage: &Stage) -> BTreeSet<u64> {
    let records = stage.records();
    let of_tmall = records.iter().filter(|record| record["entry"]["event"]["connection"] == TMALL);
    let ids =
        of_tmall.filter_map(|record| record["entry"]["event"]["event"]["fact"]["bought"]["id"].as_str());
    ids.map(|tid| tid.parse().unwrap()).collect()
}

fn existing(stage: &Stage) -> BTreeSet<u64> {
    stage.on.tmall.shop().trades.keys().copied().collect()
}

fn once_each(stage: &Stage) {
    let ids = event_ids(&stage.records(), TMALL);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an event is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_limit_is_waited_for() {
    let stage = Stage::set(&Tenant::default()).await;
    let mut brand = Brand::new(11, 80, 20);
    let timeline = brand.timeline();
    let mut rest = timeline.as_slice();
    for (day, failure) in [(4, Failure::CallLimited), (8, Failure::RemoteTrouble), (12, Failure::CallLimited)]
    {
        let now = START_MS + day * 24 * HOUR_MS;
        stage.on.tmall.fail_next(5, failure);
        until(&stage, &mut brand, &mut rest, now).await;
        let before = told(&stage);
        assert_ne!(before, existing(&stage), "day {day}: nothing was held up");
        // Refusals end, and so do the waits between the attempts.
        for minute in 1..=40 {
            stage.advance(now + minute * 60_000).await;
        }
        // What changed in the last moments is left to the next poll, which comes after two hours.
        until(&stage, &mut brand, &mut rest, now + 3 * HOUR_MS).await;
        stage.advance(now + 6 * HOUR_MS).await;
        assert_eq!(told(&stage), existing(&stage), "day {day}");
        assert!(told(&stage).len() > before.len());
    }
    once_each(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_is_replaced_by_the_operator_and_the_feed_goes_on() {
    let stage = Stage::set(&Tenant::default()).await;
    let mut brand = Brand::new(12, 80, 20);
    let timeline = brand.timeline();
    let mut rest = timeline.as_slice();
    let ended = START_MS + 6 * 24 * HOUR_MS;
    until(&stage, &mut brand, &mut rest, ended).await;
    stage.on.tmall.expire_session();
    until(&stage, &mut brand, &mut rest, ended + 24 * HOUR_MS).await;
    let calls = stage.on.tmall.calls();
    until(&stage, &mut brand, &mut rest, ended + 48 * HOUR_MS).await;
    assert_ne!(told(&stage), existing(&stage));
    shows(&stage, "the session is named", |message| {
        message.as_str().is_some_and(|message| message.contains("session"))
    })
    .await;
    // It does not hammer at a door that only the operator can open.
    assert!(stage.on.tmall.calls().values().sum::<u64>() - calls.values().sum::<u64>() < 20);

    stage.on.tmall.authorise_again();
    Tenant::default().write(stage.folder.path(), &stage.on).unwrap();
    stage.host.signal("HUP").unwrap();
    let log = stage.config.with_extension("log");
    let patience = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(&log).unwrap().contains("was read again") {
        assert!(Instant::now() < patience, "the configuration was not read again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for hour in [50, 53, 56] {
        until(&stage, &mut brand, &mut rest, ended + hour * HOUR_MS).await;
    }
    stage.advance(ended + 59 * HOUR_MS).await;
    assert_eq!(told(&stage), existing(&stage));
    once_each(&stage);
    shows(&stage, "no trouble is left", Value::is_null).await;
}

/// A trade of two lines as one of the brand's people places it, paid on the spot.
fn paid_trade(number: u64, at_ms: u64) -> Trade {
    let truth = Brand::new(1, 100, 30).truth();
    let mut trade = truth.tmall.trades.into_values().find(|trade| trade.lines.len() == 2).unwrap();
    trade.tid += number * 1_000_000;
    for (place, line) in (1..).zip(&mut trade.lines) {
        line.oid = trade.tid + place;
    }
    let status = TradeStatus::WaitSellerSendGoods;
    let paid_ms = Some(at_ms);
    Trade {
        status,
        created_ms: at_ms,
        paid_ms,
        shipped_ms: None,
        ended_ms: None,
        modified_ms: at_ms,
        ..trade
    }
}

fn refund(trade: &Trade, state: RefundState, at_ms: u64) -> Refund {
    Refund {
        refund_id: trade.tid / 2,
        tid: trade.tid,
        oid: trade.lines[0].oid,
        fee_fen: 1_234,
        dispute: Dispute::Refund,
        state,
        reason: "过敏".to_owned(),
        created_ms: at_ms,
        modified_ms: at_ms,
    }
}

/// What the journal says was paid and was given back, snapshot by snapshot.
fn amounts(stage: &Stage, tid: u64) -> Vec<(Option<u64>, Option<u64>)> {
    let (records, tid) = (stage.records(), tid.to_string());
    let orders = records.iter().map(|record| &record["entry"]["event"]["event"]["fact"]["bought"]);
    let of_trade = orders.filter(|order| order["id"].as_str() == Some(&tid));
    of_trade.map(|order| (order["paid"].as_u64(), order["refunded"].as_u64())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_is_kept_where_it_was_seen_and_not_guessed_where_it_was_not() {
    let stage = Stage::set(&Tenant::default()).await;
    let day = |day: u64| START_MS + day * 24 * HOUR_MS;
    let shop = || stage.on.tmall.shop();
    stage.advance(day(1)).await;
    let seen = paid_trade(1, day(1) + HOUR_MS);
    shop().place(seen.clone());
    stage.advance(day(2)).await;
    shop().ship(seen.tid, day(2) + HOUR_MS);
    shop().finish(seen.tid, day(9));
    stage.advance(day(10)).await;
    assert!(amounts(&stage, seen.tid).iter().all(|found| *found == (Some(seen.paid_fen()), Some(0))));

    // Money goes back of a trade that was over, and of one that nobody has read yet.
    let unseen = paid_trade(2, day(20) + HOUR_MS);
    shop().place(unseen.clone());
    for trade in [&seen, &unseen] {
        shop().refund(refund(trade, RefundState::Success, day(20) + 2 * HOUR_MS));
    }
    assert_eq!(shop().payment_fen(&unseen), unseen.paid_fen() - 1_234);
    stage.advance(day(21)).await;
    stage.advance(day(22)).await;
    let of_seen = amounts(&stage, seen.tid);
    assert_eq!(of_seen.last(), Some(&(Some(seen.paid_fen()), Some(1_234))), "{of_seen:?}");
    assert!(of_seen.iter().all(|(paid, _)| *paid == Some(seen.paid_fen())), "{of_seen:?}");
    let of_unseen = amounts(&stage, unseen.tid);
    assert!(!of_unseen.is_empty() && of_unseen.iter().all(|(paid, _)| paid.is_none()), "{of_unseen:?}");
    assert_eq!(of_unseen.last().unwrap().1, Some(1_234), "{of_unseen:?}");
    once_each(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_many_pages_is_read_whole() {
    let stage = Stage::set(&Tenant::default()).await;
    let now = START_MS + 24 * HOUR_MS;
    stage.advance(now).await;
    // Four pages of changes, many of them within one second.
    for number in 0..150 {
        stage.on.tmall.shop().place(paid_trade(number, now + HOUR_MS + number / 30 * 1000));
    }
    stage.advance(now + 3 * HOUR_MS).await;
    stage.advance(now + 6 * HOUR_MS).await;
    assert_eq!(told(&stage).len(), 150);
    assert_eq!(told(&stage), existing(&stage));
    once_each(&stage);
}
