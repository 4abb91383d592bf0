//! Two feeds and a webhook name one person by different handles: one customer, whatever comes first.
//!
//! There are four facts of each person, each with handles of its own: a trade of the Tmall feed (open uid), an order of
//! the Youzan feed (phone), the push of a WeCom adding whose state is that of a parcel's card (external userid, open
//! uid), and the profile that is read once staff wrote a phone down (external userid, phone). There are 24 orders in which
//! they can arrive, and 24 people live them side by side in one host.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::brand::{CARD_PREFIX, START_MS};
use tests::tenant::{TMALL, TMALL_SHOP, WECOM};
use tests::wecom::corp::{Customer, Relation};
use tests::wecom::{Change, Contact, WecomEvent};
use tests::{Platforms, Tenant, YouzanConfig, YouzanSim, tmall, youzan};

use crate::stage::Stage;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// When everything happened. What comes later is told late.
const HAPPENED_MS: u64 = START_MS + 9 * DAY_MS;
const STAFF: &str = "linshen";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    TmallTrade,
    YouzanOrder,
    WecomAdding,
    WecomProfile,
}

const ALL: [Arrival; 4] =
    [Arrival::TmallTrade, Arrival::YouzanOrder, Arrival::WecomAdding, Arrival::WecomProfile];

fn permutations(of: &[Arrival]) -> Vec<Vec<Arrival>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |first: &Arrival| {
        let others: Vec<Arrival> = of.iter().copied().filter(|other| other != first).collect();
        permutations(&others).into_iter().map(|rest| [vec![*first], rest].concat()).collect::<Vec<_>>()
    };
    of.iter().flat_map(with_first).collect()
}

/// One person, by number.
#[derive(Clone)]
struct Person {
    number: u64,
    /// Two of one household have one address: Tmall's token for it is the same.
    household: u64,
    order: Vec<Arrival>,
}

impl Person {
    fn external_userid(&self) -> String {
        format!("wmFabLe{:025}", self.number)
    }

    fn open_uid(&self) -> String {
        format!("AAHuid{:018}", self.number)
    }

    fn phone(&self) -> String {
        format!("199{:08}", self.number)
    }

    fn tid(&self) -> u64 {
        2_600_000_000_000_000_000 + self.number * 100
    }

    fn yz_tid(&self) -> String {
        format!("E20260311090000{:09}", self.number)
    }

    async fn arrives(&self, stage: &Stage, what: Arrival, now: u64) {
        match what {
            Arrival::TmallTrade => stage.on.tmall.shop().place(self.trade(now)),
            Arrival::YouzanOrder => stage.on.youzan.shop().place(self.yz_order(now)),
            Arrival::WecomAdding => {
                let state = Some(format!("{CARD_PREFIX}{}", self.open_uid()));
                let contact = self.contact();
                self.pushes(stage, Change::ContactAdded { contact, state, welcome_code: None }).await;
            }
            Arrival::WecomProfile => {
                self.is_known(&stage.on, vec![self.phone()]);
                self.pushes(stage, Change::ContactEdited { contact: self.contact() }).await;
            }
        }
    }

    fn contact(&self) -> Contact {
        Contact::new(STAFF, &self.external_userid())
    }

    async fn pushes(&self, stage: &Stage, change: Change) {
        let event = WecomEvent { at_s: HAPPENED_MS / 1000 + self.number, change };
        assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    }

    /// What the API says of her. The state stands in the push alone, so that no fact says what another says.
    fn is_known(&self, on: &Platforms, remark_mobiles: Vec<String>) {
        let mut corp = on.wecom.corp();
        corp.hire(STAFF, "林深");
        let external_userid = self.external_userid();
        let unionid = Some(format!("oUnion{:022}", self.number));
        corp.meet(Customer {
            external_userid: external_userid.clone(),
            name: "小满".into(),
            gender: 2,
            unionid,
        });
        corp.delete_relation(STAFF, &external_userid);
        let since_s = HAPPENED_MS / 1000;
        let relation = Relation { since_s, add_way: 1, remark_mobiles, ..Relation::default() };
        corp.follow(STAFF, &external_userid, relation);
    }

    fn trade(&self, now: u64) -> tmall::Trade {
        tmall::Trade {
            tid: self.tid(),
            kind: "guarantee_trade",
            buyer: tmall::Buyer {
                nick: format!("tb{}", self.number),
                open_uid: self.open_uid(),
                ouid: format!("AAGouid{:017}", self.number),
            },
            receiver: tmall::Receiver {
                name: "张三".into(),
                mobile: format!("198{:08}", self.household),
                state: "浙江省".into(),
                city: "杭州市".into(),
                district: "西湖区".into(),
                address: format!("示例路{}号", self.household),
            },
            lines: vec![tmall::Line {
                oid: self.tid(),
                num_iid: 680_000_000_001,
                sku_id: 5_000_000_000_001,
                title: "神经酰胺面霜".into(),
                spec: "50ml".into(),
                units: 1,
                price_fen: 16_800,
                outer_iid: "cream-ceramide".into(),
                outer_sku_id: "cream-ceramide-50ml".into(),
            }],
            post_fen: 0,
            discount_fen: 0,
            status: tmall::TradeStatus::WaitSellerSendGoods,
            created_ms: HAPPENED_MS,
            paid_ms: Some(HAPPENED_MS + 60_000),
            shipped_ms: None,
            ended_ms: None,
            modified_ms: now - HOUR_MS,
        }
    }

    fn yz_order(&self, now: u64) -> youzan::Order {
        youzan::Order {
            tid: self.yz_tid(),
            buyer: youzan::Buyer {
                yz_open_id: format!("YzPerson{:014}", self.number),
                fans_id: 8_800_000 + self.number,
                openid: format!("oOpen{:023}", self.number),
                mobile: self.phone(),
                name: "张三".into(),
                province: "浙江省".into(),
                city: "杭州市".into(),
            },
            lines: vec![youzan::Line {
                oid: format!("1{:018}", self.number),
                item_id: 900_001,
                sku_id: 800_001,
                title: "维C亮肤精华".into(),
                units: 2,
                price_fen: 25_900,
                outer_item_id: "serum-vc".into(),
                outer_sku_id: "serum-vc-30ml".into(),
                spec: "30ml".into(),
            }],
            post_fen: 0,
            discount_fen: 0,
            coupon_id: None,
            subsidy_fen: 0,
            status: youzan::OrderStatus::WaitSellerSendGoods,
            created_ms: HAPPENED_MS + HOUR_MS,
            paid_ms: Some(HAPPENED_MS + HOUR_MS + 60_000),
            shipped_ms: None,
            succeeded_ms: None,
            updated_ms: now - HOUR_MS,
            close_type: 0,
        }
    }
}

/// A shop whose app may see phones, so that its feed names people by them.
async fn stage() -> Stage {
    let on = Platforms::start(START_MS).await.unwrap();
    let config = YouzanConfig { masks_phones: false, ..YouzanConfig::demo(on.clock.clone()) };
    let youzan = YouzanSim::start(config).await.unwrap();
    Stage::set_on(&Tenant::default(), Platforms { youzan, ..on }).await
}

/// Each round brings everybody's next fact, and the host gets to know it.
async fn arrive(stage: &Stage, people: &[Person]) -> u64 {
    people.iter().for_each(|person| person.is_known(&stage.on, Vec::new()));
    let mut now = HAPPENED_MS + DAY_MS;
    stage.advance(now).await;
    for round in 0..ALL.len() {
        now += 3 * HOUR_MS;
        stage.on.clock.reach(now);
        for person in people {
            person.arrives(stage, person.order[round], now).await;
        }
        stage.advance(now).await;
        // What the feeds found is fetched by chores, some of them a minute later.
        stage.advance(now + HOUR_MS / 2).await;
    }
    now + HOUR_MS
}

async fn found(stage: &Stage, handle: &str) -> Value {
    let page = stage.host.get(&format!("customers?handle={handle}")).await.unwrap();
    let customers = page["customers"].as_array().unwrap();
    assert_eq!(customers.len(), 1, "{handle}: {page}");
    customers[0].clone()
}

/// What is told of a person, with what is hers alone written as what it is.
async fn picture(stage: &Stage, person: &Person) -> Value {
    let customer = found(stage, &format!("taobao.open-uid:{TMALL_SHOP}:{}", person.open_uid())).await;
    let id = customer["id"].as_str().unwrap();
    for (scheme, scope, value) in [
        ("wecom.external-userid", stage.on.wecom.config().corp_id.clone(), person.external_userid()),
        ("phone", String::new(), format!("%2B86{}", person.phone())),
    ] {
        assert_eq!(found(stage, &format!("{scheme}:{scope}:{value}")).await["id"], id, "{:?}", person.order);
    }
    let handles = customer["handles"].as_array().unwrap().iter();
    // The address's token belongs to the household.
    let handles = handles.filter(|handle| handle["scheme"] != "taobao.oaid");
    let mut schemes: Vec<&str> = handles.map(|handle| handle["scheme"].as_str().unwrap()).collect();
    schemes.sort_unstable();
    let tags = stage.host.get(&format!("customers/{id}/tags")).await.unwrap();
    let tags: BTreeSet<&str> =
        tags["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let timeline = stage.host.get(&format!("customers/{id}/timeline?limit=200")).await.unwrap();
    let records = timeline["records"].as_array().unwrap();
    let mut bought = BTreeMap::new();
    for record in records {
        let event = &record["entry"]["event"];
        let order = &event["event"]["fact"]["bought"];
        if order.is_object() {
            let key = format!("{} {}", event["connection"], order["step"]);
            bought.insert(key, json!([order["paid"], order["refunded"], order["placed_at"]]));
        }
    }
    let ids: BTreeSet<&str> = records
        .iter()
        .filter_map(|record| record["entry"]["event"]["event"]["fact"]["bought"]["id"].as_str())
        .collect();
    assert_eq!(ids, BTreeSet::from([person.tid().to_string().as_str(), person.yz_tid().as_str()]));
    json!({"schemes": schemes, "tags": tags, "bought": bought})
}

#[tokio::test(flavor = "multi_thread")]
async fn four_facts_in_any_order_end_in_one_customer() {
    let stage = stage().await;
    let people: Vec<Person> = (0..)
        .zip(permutations(&ALL))
        .map(|(number, order)| Person { number, household: number, order })
        .collect();
    assert_eq!(people.len(), 24);
    let end = arrive(&stage, &people).await;
    // Days later, and when the tags have come that wait for weeks.
    for later in [5, 70] {
        stage.advance(end + later * DAY_MS).await;
        let first = picture(&stage, &people[0]).await;
        assert!(
            first["tags"].as_array().unwrap().iter().any(|tag| tag.as_str().unwrap().starts_with("recency:"))
        );
        assert_eq!(
            first["schemes"].as_array().unwrap().iter().filter(|scheme| *scheme == "phone").count(),
            1
        );
        assert!(first["bought"].as_object().unwrap().len() >= 2, "{first}");
        for person in &people[1..] {
            assert_eq!(picture(&stage, person).await, first, "{:?} after {later} days", person.order);
        }
        assert_eq!(stage.host.customers().await.unwrap().len(), people.len());
    }
    let notes = stage.host.get("notes").await.unwrap();
    assert_eq!(notes["notes"].as_array().map(Vec::len), Some(0), "{notes}");
    tests::host::cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_one_household_stay_two() {
    let stage = stage().await;
    // Both buy under one address; in the second pair each platform meets the other one first.
    let orders = permutations(&ALL);
    let person =
        |number: u64, order: &[Arrival]| Person { number, household: number / 2, order: order.to_vec() };
    let people =
        [person(0, &orders[0]), person(1, &orders[0]), person(2, &orders[7]), person(3, &orders[23])];
    let end = arrive(&stage, &people).await;
    stage.advance(end + DAY_MS).await;
    assert_eq!(stage.host.customers().await.unwrap().len(), people.len());
    for person in &people {
        // Her orders alone are in her picture.
        picture(&stage, person).await;
    }
    assert!(stage.on.tmall.calls_of("taobao.trade.fullinfo.get") >= 4);
    assert!(!crate::stage::event_ids(&stage.records(), TMALL).is_empty());
}
