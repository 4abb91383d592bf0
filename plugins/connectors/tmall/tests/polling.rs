//! Polls a shop that goes on selling meanwhile, with every nuisance that TOP's lists have, and looks for a lost order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use heliu_sdk::chores::Chore;
use heliu_sdk::connector;
use heliu_sdk::http::{Failure, Request, Response};
use heliu_sdk::json::Json as Tree;
use heliu_sdk::log::Level;
use heliu_sdk::time::Zone;
use heliu_sdk::{Host, events::Event};
use serde_json::{Value, json};
use tmall::Tmall;

const START_MS: u64 = 1_795_140_000_000;
const SETTLE_S: u64 = 30;
const OVERLAP_S: u64 = 300;
const DAY_MS: u64 = 86_400_000;

/// A change of an order.
#[derive(Clone, Copy)]
struct Change {
    at: u64,
    /// From when on lists show it.
    seen: u64,
}

/// A shop whose orders change while they are read. Its lists give the newest first and show some changes late.
struct Shop {
    now: u64,
    seed: u64,
    /// By number: when it was created, and how it changed last.
    orders: BTreeMap<u64, (u64, Change)>,
    memory: BTreeMap<String, Vec<u8>>,
    page_size: usize,
    window_s: u64,
    calls: BTreeMap<String, u32>,
    /// In how many seconds out of a hundred something happens.
    busy: u64,
    /// One call in so many is refused. 0: none.
    refuse: u64,
}

impl Shop {
    fn new(seed: u64, page_size: usize, busy: u64) -> Shop {
        let (orders, memory, calls) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Shop { now: START_MS, seed, orders, memory, page_size, window_s: 1800, calls, busy, refuse: 0 }
    }

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
                let number = self.roll(400);
                let late = if self.roll(20) == 0 { self.roll((OVERLAP_S - SETTLE_S) * 1000) } else { 0 };
                self.change(number, self.now, late);
            }
        }
    }

    fn change(&mut self, number: u64, at: u64, late: u64) {
        let change = Change { at, seen: at + late };
        self.orders.entry(number).or_insert((at, change)).1 = change;
    }

    fn list(&self, asked: &BTreeMap<String, String>, of: &str, is_counted: bool) -> Value {
        let at = |name: String| Zone::of_minutes(480).instant(&Tree::text(&asked[&name])).unwrap_or_default();
        let (from, to) = (at(format!("start_{of}")), at(format!("end_{of}")));
        assert!(to <= self.now - SETTLE_S * 1000, "asked for what has not settled");
        assert!(to - from <= DAY_MS && (of == "created" || to - from <= self.window_s * 1000), "too wide");
        let time = |(created, change): &(u64, Change)| if of == "created" { *created } else { change.at };
        // The end is left out, to be on the safe side: nobody says whether it is.
        let is_in = |order: &(u64, Change)| {
            (from..to).contains(&(time(order) / 1000 * 1000)) && order.1.seen <= self.now
        };
        let mut rows: Vec<(u64, u64)> = self
            .orders
            .iter()
            .filter(|(_, order)| is_in(order))
            .map(|(number, order)| (*number, time(order)))
            .collect();
        rows.sort_by_key(|(number, at)| (std::cmp::Reverse(*at), *number));
        let page: usize = asked["page_no"].parse().unwrap_or(1);
        let skip = (page - 1) * self.page_size;
        let shown: Vec<Value> =
            rows.iter().skip(skip).take(self.page_size).map(|(number, _)| self.row(*number)).collect();
        let mut answer = json!({ "request_id": "r" });
        if !shown.is_empty() {
            answer["trades"] = json!({ "trade": shown });
        }
        if is_counted {
            answer["total_results"] = rows.len().into();
        } else {
            answer["has_next"] = (rows.len() > skip + self.page_size).into();
        }
        answer
    }

    fn row(&self, number: u64) -> Value {
        let modified = Zone::of_minutes(480).text(self.orders[&number].1.at);
        json!({ "tid": tid(number), "status": "TRADE_FINISHED", "modified": modified })
    }
}

/// Numbers that no float can tell apart.
fn tid(number: u64) -> u64 {
    2_600_000_000_000_000_001 + number
}

fn asked(body: &[u8]) -> BTreeMap<String, String> {
    let query = String::from_utf8_lossy(body).into_owned();
    let request = connector::Request {
        method: "GET".into(),
        path: String::new(),
        query: query.clone(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    let names = names.map(|name| name.replace("%5F", "_"));
    names.filter_map(|name| Some((name.clone(), request.query_value(&name)?))).collect()
}

impl Host for Shop {
    fn send(&mut self, request: Request) -> Result<Response, Failure> {
        let asked = asked(&request.body.unwrap_or_default());
        let api = asked["method"].clone();
        *self.calls.entry(api.clone()).or_default() += 1;
        let answer = if self.refuse > 0 && self.roll(self.refuse) == 0 {
            json!({ "error_response": { "code": 15, "sub_code": "isp.remote-service-error" } })
        } else {
            let below = match api.as_str() {
                "taobao.trades.sold.increment.get" => {
                    self.list(&asked, "modified", asked["use_has_next"] == "false")
                }
                "taobao.trades.sold.get" => self.list(&asked, "created", true),
                "taobao.refunds.receive.get" => json!({ "request_id": "r", "total_results": 0 }),
                "taobao.trade.fullinfo.get" => {
                    let number = asked["tid"].parse::<u64>().unwrap_or_default() - tid(0);
                    json!({ "trade": self.row(number) })
                }
                other => panic!("{other}"),
            };
            json!({ format!("{}_response", api.trim_start_matches("taobao.").replace('.', "_")): below })
        };
        let pause = self.roll(3);
        self.live(pause);
        Ok(Response { status: 200, headers: Vec::new(), body: answer.to_string().into_bytes() })
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.memory.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], _: Option<u64>) {
        self.memory.insert(key.to_owned(), value.to_owned());
    }

    fn hold(&mut self, _key: &str) {}

    fn delete(&mut self, key: &str) {
        self.memory.remove(key);
    }

    fn now(&mut self) -> u64 {
        self.now
    }

    fn random(&mut self, n: u32) -> Vec<u8> {
        vec![0; n as usize]
    }

    fn log(&mut self, _: Level, _: &str) {}
}

/// What the host keeps between calls.
struct Feed {
    settings: String,
    cursor: Option<String>,
    chores: VecDeque<Chore>,
    events: Vec<Event>,
}

impl Feed {
    fn new(shop: &Shop, backfill_days: u64) -> Feed {
        let settings = json!({
            "app_key": "1", "app_secret": "s", "session": "t", "shop": "demo", "page_size": shop.page_size,
            "backfill_days": backfill_days, "overlap_s": OVERLAP_S, "settle_s": SETTLE_S, "window_s": shop.window_s,
        });
        Feed { settings: settings.to_string(), cursor: None, chores: VecDeque::new(), events: Vec::new() }
    }

    /// Polls until nothing more is waiting, and does all chores. A refusal is tried again, as the host would.
    fn catch_up(&mut self, shop: &mut Shop) {
        for _ in 0..20_000 {
            match connector::poll::<Tmall>(&self.settings, self.cursor.clone(), shop) {
                Ok(page) => {
                    self.events.extend(page.kept.events);
                    self.chores.extend(page.kept.chores);
                    self.cursor = Some(page.cursor);
                    if !page.more {
                        return self.work(shop);
                    }
                }
                Err(heliu_sdk::faults::Fault::Later(_)) => shop.live(1),
                Err(other) => panic!("{other:?}"),
            }
        }
        panic!("polling does not come to rest");
    }

    fn work(&mut self, shop: &mut Shop) {
        while let Some(chore) = self.chores.pop_front() {
            match connector::work::<Tmall>(&self.settings, chore.clone(), shop) {
                Ok(harvest) => self.events.extend(harvest.events),
                Err(heliu_sdk::faults::Fault::Later(_)) => self.chores.push_back(chore),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn assert_nothing_is_lost(&self, shop: &Shop, what: &str) {
        let seen: BTreeSet<&str> = self.events.iter().map(|event| event.id.as_str()).collect();
        for (number, (_, change)) in &shop.orders {
            let id = format!("trade:{}:TRADE_FINISHED:{}:", tid(*number), change.at / 1000 * 1000);
            let is_seen = seen.range(id.as_str()..).next().is_some_and(|seen| seen.starts_with(&id));
            assert!(is_seen, "{what}: {id} is lost");
        }
    }
}

fn nothing_is_lost(seed: u64, page_size: usize, busy: u64, refuse: u64) {
    let mut shop = Shop::new(seed, page_size, busy);
    shop.refuse = refuse;
    let mut feed = Feed::new(&shop, 0);
    for round in 0..12 {
        feed.catch_up(&mut shop);
        // Now and then nobody polls for a while.
        let pause = if round % 4 == 3 { 4000 } else { 20 + shop.roll(100) };
        shop.live(pause);
    }
    // Everything becomes visible, and settles; nothing changes any more.
    shop.busy = 0;
    shop.now += OVERLAP_S * 1000;
    feed.catch_up(&mut shop);
    feed.assert_nothing_is_lost(&shop, &format!("seed {seed}, pages of {page_size}"));
}

#[test]
fn no_order_is_lost_however_the_lists_move() {
    for seed in 0..4 {
        nothing_is_lost(seed, 20, 100, 0);
        nothing_is_lost(seed, 7, 30, 0);
    }
}

#[test]
fn nor_when_calls_are_refused_in_the_middle() {
    for seed in 0..3 {
        nothing_is_lost(seed, 10, 60, 5);
    }
}

#[test]
fn nor_when_every_window_holds_too_much() {
    // A hundred pages of two: what happens in half an hour is more than a query gives.
    for seed in 0..2 {
        nothing_is_lost(seed, 2, 12, 0);
    }
}

#[test]
fn the_past_is_read_while_the_shop_goes_on_selling() {
    let mut shop = Shop::new(7, 10, 20);
    for number in 1000..1400 {
        let created = START_MS - shop.roll(10 * DAY_MS);
        shop.change(number, created, 0);
        // Some changed long after they were created, and before anybody polled.
        if number % 3 == 0 {
            let changed = created + shop.roll(START_MS - created + 1);
            shop.change(number, changed, 0);
        }
    }
    let mut feed = Feed::new(&shop, 10);
    for _ in 0..4 {
        feed.catch_up(&mut shop);
        shop.live(300);
    }
    shop.busy = 0;
    shop.now += OVERLAP_S * 1000;
    feed.catch_up(&mut shop);
    feed.assert_nothing_is_lost(&shop, "the past");
}

#[test]
fn a_quiet_shop_is_asked_once_for_each_list_and_its_orders_are_not_fetched_again() {
    let mut shop = Shop::new(1, 20, 0);
    let mut feed = Feed::new(&shop, 0);
    feed.catch_up(&mut shop);
    shop.live(60);
    shop.change(1, shop.now, 0);
    shop.live(60);
    feed.catch_up(&mut shop);
    assert_eq!(feed.events.len(), 1);
    for _ in 0..3 {
        shop.calls.clear();
        shop.live(60);
        feed.catch_up(&mut shop);
        let calls: Vec<(&str, u32)> = shop.calls.iter().map(|(api, calls)| (api.as_str(), *calls)).collect();
        assert_eq!(calls, [("taobao.refunds.receive.get", 1), ("taobao.trades.sold.increment.get", 1)]);
    }
    assert_eq!(feed.events.len(), 1);
}
