//! Polls a shop that goes on selling meanwhile, with every nuisance that the list has, and looks for a lost
//! order.

use std::collections::{BTreeMap, BTreeSet};

use heliu_sdk::Host;
use heliu_sdk::connector;
use heliu_sdk::http::{Failure, Request, Response};
use heliu_sdk::log::Level;
use serde_json::{Value, json};
use youzan::Youzan;

const START_MS: u64 = 1_795_140_000_000;
const SETTLE_MS: u64 = 60_000;
const OVERLAP_S: u64 = 300;

/// A shop whose orders change while they are read. Its list gives the newest first, counts only what is
/// visible, and shows some changes late.
struct Shop {
    now: u64,
    seed: u64,
    /// By order: when it changed last, and from when on that is seen.
    orders: BTreeMap<String, (u64, u64)>,
    calls: u32,
    page_size: usize,
    /// In how many seconds out of a hundred something happens.
    busy: u64,
}

impl Shop {
    fn roll(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    /// Time goes by: orders are placed and changed, several of them in one second.
    fn live(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += 1000;
            if self.roll(100) >= self.busy {
                continue;
            }
            for _ in 0..self.roll(4) {
                let tid = format!("E{}", self.roll(400) + 1);
                let late = if self.roll(20) == 0 { self.roll(OVERLAP_S * 1000) } else { 0 };
                self.orders.insert(tid, (self.now, self.now + late));
            }
        }
    }

    fn list(&self, asked: &Value) -> Value {
        let at = |name: &str| ms_of(asked[name].as_str().unwrap_or_default());
        let (from, to) = (at("start_update"), at("end_update"));
        assert!(to <= self.now - SETTLE_MS, "asked for what has not settled");
        // The end is left out, to be on the safe side: nobody says whether it is.
        let rows = self.orders.iter().filter(|(_, (at, seen))| (from..to).contains(at) && *seen <= self.now);
        let mut rows: Vec<(&String, u64)> = rows.map(|(tid, (at, _))| (tid, *at)).collect();
        rows.sort_by_key(|(tid, at)| (std::cmp::Reverse(*at), (*tid).clone()));
        let skip = (asked["page_no"].as_u64().unwrap_or(1) as usize - 1) * self.page_size;
        let page: Vec<Value> =
            rows.iter().skip(skip).take(self.page_size).map(|(tid, at)| row(tid, *at)).collect();
        json!({ "code": 200, "success": true, "data": { "total_results": rows.len(), "full_order_info_list": page } })
    }
}

fn row(tid: &str, at: u64) -> Value {
    let info = json!({ "tid": tid, "status": "TRADE_SUCCESS", "update_time": (at / 1000).to_string() });
    json!({ "full_order_info": { "order_info": info, "pay_info": { "payment": "1.00", "real_payment": "1.00" } } })
}

/// The times asked for lie on two days: the zone's own arithmetic is tested elsewhere.
fn ms_of(text: &str) -> u64 {
    let (date, time) = text.split_once(' ').unwrap_or_default();
    let day: u64 = date.rsplit('-').next().and_then(|day| day.parse().ok()).unwrap_or_default();
    let parts: Vec<u64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    let seconds = (day * 24 + parts[0]) * 3600 + parts[1] * 60 + parts[2];
    // 2026-11-20 10:00:00 in China.
    START_MS + seconds * 1000 - (20 * 24 + 10) * 3_600_000
}

impl Host for Shop {
    fn send(&mut self, request: Request) -> Result<Response, Failure> {
        self.calls += 1;
        let asked: Value = serde_json::from_slice(&request.body.unwrap_or_default()).unwrap_or_default();
        let answer = if request.url.ends_with("/auth/token") {
            json!({ "code": 200, "success": true, "data": { "access_token": "t", "expires": 1_999_999_999_000_u64 } })
        } else {
            let answer = self.list(&asked);
            let pause = self.roll(3);
            self.live(pause);
            answer
        };
        Ok(Response { status: 200, headers: Vec::new(), body: answer.to_string().into_bytes() })
    }

    fn get(&mut self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn set(&mut self, _: &str, _: &[u8], _: Option<u64>) {}

    fn hold(&mut self, _key: &str) {}
    fn delete(&mut self, _: &str) {}

    fn now(&mut self) -> u64 {
        self.now
    }

    fn random(&mut self, n: u32) -> Vec<u8> {
        vec![0; n as usize]
    }

    fn log(&mut self, _: Level, _: &str) {}
}

fn settings(page_size: usize) -> String {
    json!({
        "client_id": "c", "client_secret": "s", "kdt_id": 1, "page_size": page_size, "first_poll_days": 0,
        "poll_overlap_s": OVERLAP_S, "settle_ms": SETTLE_MS,
    })
    .to_string()
}

/// Polls until nothing more is waiting. What was found is added to `seen`.
fn catch_up(shop: &mut Shop, cursor: &mut Option<String>, seen: &mut BTreeSet<String>) {
    for _ in 0..3000 {
        let page = match connector::poll::<Youzan>(&settings(shop.page_size), cursor.clone(), shop) {
            Ok(page) => page,
            Err(why) => panic!("{why:?}"),
        };
        seen.extend(page.kept.events.into_iter().map(|event| event.id));
        *cursor = Some(page.cursor);
        if !page.more {
            return;
        }
    }
    panic!("polling does not come to rest");
}

fn nothing_is_lost(seed: u64, page_size: usize, busy: u64) {
    let orders = BTreeMap::new();
    let mut shop = Shop { now: START_MS, seed, orders, calls: 0, page_size, busy };
    let (mut cursor, mut seen) = (None, BTreeSet::new());
    for round in 0..12 {
        catch_up(&mut shop, &mut cursor, &mut seen);
        // Now and then nobody polls for a while.
        let pause = if round % 4 == 3 { 4000 } else { 20 + shop.roll(100) };
        shop.live(pause);
    }
    // Everything becomes visible, and settles; nothing changes any more.
    shop.busy = 0;
    shop.now += OVERLAP_S * 1000;
    catch_up(&mut shop, &mut cursor, &mut seen);

    let last_seen = shop.now - SETTLE_MS;
    let states = shop.orders.iter().filter(|(_, (at, _))| *at < last_seen);
    for (tid, (at, _)) in states {
        let id = format!("trade:{tid}:TRADE_SUCCESS:{at}:real");
        assert!(seen.contains(&id), "seed {seed}, pages of {page_size}: {id} is lost");
    }
}

#[test]
fn no_order_is_lost_however_the_list_moves() {
    for seed in 0..6 {
        nothing_is_lost(seed, 20, 100);
        nothing_is_lost(seed, 7, 30);
    }
}

#[test]
fn nor_when_every_window_holds_too_much() {
    // A hundred pages of three: what happens while nobody polls is more than a query gives.
    for seed in 0..3 {
        nothing_is_lost(seed, 3, 25);
    }
}

#[test]
fn a_quiet_shop_is_asked_once() {
    let mut shop = Shop { now: START_MS, seed: 1, orders: BTreeMap::new(), calls: 0, page_size: 20, busy: 0 };
    let (mut cursor, mut seen) = (None, BTreeSet::new());
    catch_up(&mut shop, &mut cursor, &mut seen);
    shop.now += 3_600_000;
    shop.calls = 0;
    catch_up(&mut shop, &mut cursor, &mut seen);
    assert_eq!(shop.calls, 2, "a token and a page");
}
