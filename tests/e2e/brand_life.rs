//! The main job in small: a brand's life through three platforms, and afterwards the store against the truth.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tests::brand::{START_MS, Truth};
use tests::host::{cli_json, cli_text};
use tests::tenant::TMALL;
use tests::tmall::{Refund, TradeStatus};
use tests::{Brand, Tenant};

use crate::stage::Stage;

const HOUR_MS: u64 = 3_600_000;

async fn lived(customers: usize, days: u64) -> (Stage, Brand) {
    let stage = Stage::set(&Tenant::default()).await;
    let mut brand = Brand::new(7, customers, days);
    let timeline = brand.timeline();
    let (hooks, end) = (stage.hooks(), brand.calendar().end_ms());
    let (mut now, mut rest) = (START_MS, timeline.as_slice());
    while now < end {
        now += 6 * HOUR_MS;
        let (these, others) = rest.split_at(rest.partition_point(|happening| happening.at_ms < now));
        rest = others;
        let tally = brand.play_all(these, &stage.on, &hooks, 16).await;
        assert_eq!(tally.refused, 0, "{:?}", tally.last_refusal);
        stage.advance(now).await;
    }
    // What was lost on the way is found by the next polls, and read by the last chores.
    stage.advance(end + 12 * HOUR_MS).await;
    stage.advance(end + 24 * HOUR_MS).await;
    (stage, brand)
}

/// The value of a handle -> the customer who has it.
fn owners(customers: &[Value], scheme: &str) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for customer in customers {
        for handle in customer["handles"].as_array().unwrap() {
            if handle["scheme"] == scheme {
                let value = handle["value"].as_str().unwrap().to_owned();
                let id = customer["id"].as_str().unwrap().to_owned();
                assert!(owners.insert(value, id).is_none(), "two customers have one handle: {handle}");
            }
        }
    }
    owners
}

fn people_are_told_apart(customers: &[Value], truth: &Truth) {
    let [wecom, youzan, tmall] = ["wecom.external-userid", "youzan.yz-open-id", "taobao.open-uid"]
        .map(|scheme| owners(customers, scheme));
    let mut in_all_three = 0;
    for person in &truth.people {
        let number = person.person;
        let in_wecom = person.external_userid.as_ref().map(|id| wecom.get(id).expect("met in WeCom"));
        let in_youzan = person.yz_open_id.as_ref().map(|id| youzan.get(id).expect("met in the Youzan shop"));
        let in_tmall = person.tb_open_uid.as_ref().map(|id| tmall.get(id).expect("met in the Tmall shop"));
        if let Some((in_wecom, in_youzan)) = in_wecom.zip(in_youzan) {
            assert_eq!(in_wecom == in_youzan, person.is_joined, "person {number}");
        }
        if let Some((in_wecom, in_tmall)) = in_wecom.zip(in_tmall) {
            assert_eq!(in_wecom == in_tmall, person.is_scanned, "person {number}");
        }
        if let Some((in_youzan, in_tmall)) = in_youzan.zip(in_tmall) {
            assert_eq!(in_youzan == in_tmall, person.is_joined && person.is_scanned, "person {number}");
            in_all_three += u32::from(in_youzan == in_tmall);
        }
    }
    assert!(in_all_three > 0, "nobody is in all three");
    // Nobody else: not one customer more or less than people who can be told apart.
    assert_eq!(customers.len(), truth.customers);
}

/// The last snapshot of every order in the journal, by order id: step, paid, refunded.
fn orders(records: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut orders: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in records {
        let order = &record["entry"]["event"]["event"]["fact"]["bought"];
        if let Some(id) = order["id"].as_str() {
            orders.entry(id.to_owned()).or_default().push(order.clone());
        }
    }
    orders
}

fn every_order_is_there(records: &[Value], truth: &Truth) {
    let found = orders(records);
    for order in truth.people.iter().flat_map(|person| &person.orders) {
        let snapshots = found.get(&order.tid).unwrap_or_else(|| panic!("order {} is missing", order.tid));
        let paid = snapshots.iter().filter_map(|snapshot| snapshot["paid"].as_u64()).max().unwrap();
        let refunded = snapshots.iter().filter_map(|snapshot| snapshot["refunded"].as_u64()).max().unwrap();
        assert_eq!(refunded, order.refunded_fen, "refunded of {}", order.tid);
        if order.real_payment_fen == 0 {
            assert_eq!(paid, 0, "{} was never paid", order.tid);
        } else {
            let told = snapshots.iter().any(|snapshot| snapshot["paid"] == order.real_payment_fen);
            assert!(told, "{}: {} was paid, told {snapshots:?}", order.tid, order.real_payment_fen);
        }
    }
}

/// No snapshot of a trade ever says another amount than the truth. What was paid is unknown, and not guessed, where the
/// trade was first read after money had gone back: the platform no longer tells it then.
fn every_trade_is_there(records: &[Value], truth: &Truth) {
    let found = orders(records);
    let mut unknown = 0;
    for trade in truth.people.iter().flat_map(|person| &person.trades) {
        let tid = trade.tid;
        let snapshots = found.get(&tid.to_string()).unwrap_or_else(|| panic!("trade {tid} is missing"));
        let amounts = |name: &str| {
            snapshots.iter().filter_map(|snapshot| snapshot[name].as_u64()).collect::<BTreeSet<_>>()
        };
        let (paid, refunded) = (amounts("paid"), amounts("refunded"));
        assert!(paid.iter().all(|fen| [0, trade.paid_fen].contains(fen)), "{tid}: {paid:?} paid, {trade:?}");
        assert_eq!(refunded.last().copied().unwrap_or(0), trade.refunded_fen, "{tid}: {snapshots:?}");
        if trade.paid_fen > 0 && !paid.contains(&trade.paid_fen) {
            assert!(trade.refunded_fen > 0, "{tid}: {} was paid, told {snapshots:?}", trade.paid_fen);
            unknown += 1;
        }
        if trade.status == TradeStatus::TradeClosedByTaobao {
            assert!(snapshots.iter().any(|snapshot| snapshot["step"] == "cancelled"), "{tid}: {snapshots:?}");
        }
    }
    assert_eq!(orders_of(records, TMALL), truth.tmall.trades.len());
    let is_late = |refund: &Refund| {
        let ended_ms = truth.tmall.trades[&refund.tid].ended_ms;
        refund.paid_back_fen() > 0 && ended_ms.is_some_and(|ended_ms| ended_ms < refund.created_ms)
    };
    assert!(truth.tmall.refunds.values().any(is_late), "nothing went back of a trade that was over");
    let refunded = truth.tmall.trades.keys().filter(|tid| truth.tmall.refunded_fen(**tid) > 0).count();
    assert!(
        refunded > 1 && unknown <= refunded / 2,
        "{unknown} of {refunded} refunded trades without an amount"
    );
}

fn orders_of(records: &[Value], connection: &str) -> usize {
    let of = records.iter().filter(|record| record["entry"]["event"]["connection"] == connection);
    orders(&of.cloned().collect::<Vec<_>>()).len()
}

async fn groups_are_who_is_in_them(stage: &Stage, truth: &Truth) {
    for (chat, members) in &truth.chats {
        let tagged =
            stage.host.get(&format!("customers?limit=200&tag=behaviour:group:{chat}")).await.unwrap();
        let tagged = tagged["customers"].as_array().unwrap();
        let found: BTreeSet<String> = owners(tagged, "wecom.external-userid").into_keys().collect();
        assert_eq!(&found, members, "group {chat}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brands_life_ends_in_the_customers_that_lived_it() {
    let (stage, brand) = lived(160, 40).await;
    let truth = brand.truth();
    let customers = stage.host.customers().await.unwrap();
    people_are_told_apart(&customers, &truth);
    let records = stage.records();
    every_order_is_there(&records, &truth);
    every_trade_is_there(&records, &truth);
    groups_are_who_is_in_them(&stage, &truth).await;
    every_tag_says_why(&stage, &customers).await;
    a_backtest_counts_who_would_change(&stage, &customers);

    // The store is what the journal gives, and stays so over a restart.
    let before = cli_json(&stage.config, &["digest"]).unwrap();
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
    let Stage { host, config, folder, .. } = stage;
    host.stop().await.unwrap();
    assert_eq!(cli_json(&config, &["digest"]).unwrap(), before);
    cli_text(&config, &["rebuild", "--check"]).unwrap();
    drop(folder);
}

/// The bound version is what the host itself says; another name for one tier is lost by all and gained by as many.
fn a_backtest_counts_who_would_change(stage: &Stage, customers: &[Value]) {
    let tagged = |name: &str| {
        let holds = |customer: &&Value| customer["tags"].as_array().unwrap().iter().any(|tag| tag == name);
        customers.iter().filter(holds).count()
    };
    let digest = || cli_json(&stage.config, &["digest"]).unwrap()["digest"].clone();
    let before = digest();
    let [settings, page] = ["new.json", "report.html"].map(|name| stage.folder.path().join(name));
    let tiers = r#"{"tiers": [{"within_hours": 48, "tag": "48h"}, {"within_days": 30, "tag": "month"}], "beyond": "beyond"}"#;
    std::fs::write(&settings, tiers).unwrap();
    let (settings, html) = (settings.to_str().unwrap(), page.to_str().unwrap());
    let arguments = ["backtest", "--policy", "recency", "--settings", settings, "--html", html];
    // The page goes from hand to hand, with customers on it.
    assert!(cli_text(&stage.config, &arguments).is_err() && !page.exists());
    let said = ["--by", "li", "--why", "the board wants to see it"];
    let report = cli_json(&stage.config, &[&arguments[..], &said].concat()).unwrap();
    let last = crate::stage::records(&stage.config).pop().unwrap();
    assert_eq!(last["entry"]["act"]["deed"]["attest"]["of"], "page of a backtest of policy recency");
    let row = |name: &str| {
        let rows = report["tags"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).cloned().unwrap_or(Value::Null)
    };
    let month = row("recency:month");
    assert_eq!((&month["before"], month["gained"].as_u64()), (&0.into(), month["after"].as_u64()));
    let thirty = row("recency:30d");
    assert_eq!(thirty["before"].as_u64(), Some(tagged("recency:30d") as u64), "{thirty}");
    assert_eq!(
        (thirty["lost"].as_u64(), month["gained"].as_u64()),
        (thirty["before"].as_u64(), thirty["before"].as_u64())
    );
    let fresh = row("recency:48h");
    assert_eq!(fresh["before"].as_u64(), Some(tagged("recency:48h") as u64), "{fresh}");
    assert_eq!((&fresh["gained"], &fresh["lost"]), (&0.into(), &0.into()), "the same tier");
    assert_eq!(report["customers"].as_u64(), Some(customers.len() as u64));
    let most = report["most_changed"].as_array().unwrap();
    assert!(report["changed"].as_u64() > Some(0) && !most.is_empty());
    for changed in most {
        let lines = changed["timeline"]["lines"].as_array().unwrap();
        assert!(!lines.is_empty() && lines.iter().all(|line| line["what"].is_string()), "{changed}");
    }
    for side in ["before", "after"] {
        let [fuel, a_turn, turns] =
            ["fuel", "fuel_a_turn", "turns"].map(|key| report[side][key].as_u64().unwrap());
        assert!(turns > 0 && a_turn == fuel / turns && a_turn > 100, "{side}: {}", report[side]);
    }
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("<svg") && text.contains("recency:month") && !text.contains("<script"), "{text}");
    // Nothing to compare is said, and nothing was written by any of it.
    assert!(cli_text(&stage.config, &["backtest", "--policy", "recency"]).is_err());
    assert_eq!(digest(), before);
}

async fn every_tag_says_why(stage: &Stage, customers: &[Value]) {
    let mut tags = 0;
    for customer in customers.iter().take(40) {
        let id = customer["id"].as_str().unwrap();
        for tag in stage.host.get(&format!("customers/{id}/tags")).await.unwrap()["tags"].as_array().unwrap()
        {
            let cause = &tag["cause"];
            assert!(!cause["why"].as_str().unwrap().is_empty(), "{tag}");
            assert!(cause["policy"].is_string() && cause["digest"].is_string(), "{tag}");
            assert!(cause["event"]["id"].is_string(), "{tag}");
            tags += 1;
        }
    }
    assert!(tags > 20, "only {tags} tags among the first customers");
}
