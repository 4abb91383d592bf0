//! The Tmall feed against a platform that says no: it pauses and goes on, nothing is lost, nothing is there twice.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tests::brand::{Brand, Happening, START_MS};
use tests::tenant::TMALL;
use tests::tmall::Failure;
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
