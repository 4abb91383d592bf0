//! The brand's promises: the same arguments give the same life, and the life has in it what end to end
//! tests rest on.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::platforms::Platforms;
use crate::receiver::Receiver;
use crate::tmall::TradeStatus;
use crate::wecom::Seal;
use crate::youzan::OrderStatus;

async fn platforms() -> Platforms {
    Platforms::start(START_MS).await.unwrap()
}

#[test]
fn the_same_seed_gives_the_same_life() {
    let brand = |seed| Brand::new(seed, 60, 30);
    assert_eq!(brand(7).timeline(), brand(7).timeline());
    assert_ne!(brand(7).timeline(), brand(8).timeline());
}

#[test]
fn one_more_customer_changes_nobody_elses_orders() {
    let orders = |customers| {
        let truth = Brand::new(7, customers, 30).truth();
        truth.people.into_iter().take(50).map(|person| person.orders).collect::<Vec<_>>()
    };
    assert_eq!(orders(60), orders(61));
}

#[test]
fn tiny_brands_are_possible() {
    for (customers, days) in [(0, 1), (1, 1), (3, 2)] {
        let brand = Brand::new(1, customers, days);
        assert!(brand.truth().people.len() <= customers);
    }
}

#[test]
fn the_usual_brand_has_what_tests_rest_on() {
    let brand = Brand::new(1, 2_000, 120);
    let timeline = brand.timeline();
    assert!((20_000..40_000).contains(&timeline.len()), "{} happenings", timeline.len());
    assert!(timeline.is_sorted_by_key(|happening| happening.at_ms));
    let count = |is: fn(&Happening) -> bool| timeline.iter().filter(|happening| is(happening)).count();
    assert!(count(|happening| happening.redelivers().is_some()) > 100);
    assert!(count(|happening| happening.is_lost) > 100);
    assert!(count(|h| matches!(h.what, What::Wecom(WecomStep::ContactDeleted { .. }))) > 10);
    assert!(
        count(|h| matches!(&h.what, What::Wecom(WecomStep::ChatJoined { people, .. }) if people.len() > 1))
            > 10
    );

    let ids = |id: fn(&Person) -> &String| brand.people().iter().map(id).collect::<BTreeSet<_>>().len();
    assert_eq!([ids(|person| &person.phone), ids(|person| &person.external_userid)], [2_000, 2_000]);

    let mut staff_by_second: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    for happening in &timeline {
        if let What::Wecom(WecomStep::ContactAdded { staff, .. }) = happening.what {
            staff_by_second.entry(happening.at_ms / 1000).or_default().insert(staff);
        }
    }
    assert!(staff_by_second.values().filter(|staff| staff.len() > 1).count() > 10);
}

#[test]
fn the_truth_counts_people_once_where_they_can_be_joined() {
    let truth = Brand::new(1, 2_000, 120).truth();
    let count = |is: fn(&PersonTruth) -> bool| truth.people.iter().filter(|person| is(person)).count();
    let (joined, scanned) = (count(|person| person.is_joined), count(|person| person.is_scanned));
    let apart = count(|person| person.external_userid.is_some() && person.yz_open_id.is_some()) - joined;
    let unscanned =
        count(|person| person.external_userid.is_some() && person.tb_open_uid.is_some()) - scanned;
    // Those whom nothing in WeCom joins to a shop, and those who are in two shops and never in WeCom.
    let in_shops = count(|person| {
        person.external_userid.is_none() && person.yz_open_id.is_some() && person.tb_open_uid.is_some()
    });
    assert_eq!(truth.customers, truth.people.len() + apart + unscanned + in_shops);
    assert!((900..1_200).contains(&joined), "{joined} joined by a phone");
    assert!((70..300).contains(&apart), "{apart} in WeCom and Youzan, not to be joined");
    assert!((200..450).contains(&scanned), "{scanned} joined by a card");
    assert!((100..350).contains(&unscanned), "{unscanned} in WeCom and Tmall, not to be joined");
    assert!((150..300).contains(&count(|person| person.is_joined && person.is_scanned)));
    assert!((30..90).contains(&in_shops), "{in_shops} in two shops alone");
    let orders: Vec<&OrderTruth> = truth.people.iter().flat_map(|person| &person.orders).collect();
    assert_eq!(orders.len(), truth.shop.orders.len());
    let share =
        |is: fn(&OrderTruth) -> bool| orders.iter().filter(|order| is(order)).count() * 1000 / orders.len();
    assert!((25..60).contains(&share(|order| order.refunded_fen > 0)), "refunds");
    assert!((10..35).contains(&share(|order| order.is_lost)), "lost pushes");
    assert!((60..130).contains(&share(|order| order.status == OrderStatus::TradeClosed)), "closed");
    assert!(orders.iter().all(|order| order.refunded_fen <= order.real_payment_fen));
    assert!(truth.chats.values().all(|members| members.len() > 50));
}

#[test]
fn the_tmall_shop_has_every_kind_of_refund() {
    let truth = Brand::new(1, 2_000, 120).truth();
    let trades: Vec<&TradeTruth> = truth.people.iter().flat_map(|person| &person.trades).collect();
    assert_eq!(trades.len(), truth.tmall.trades.len());
    assert!((1_000..2_500).contains(&trades.len()), "{} trades", trades.len());
    assert!(trades.iter().all(|trade| trade.refunded_fen <= trade.paid_fen));
    let count = |is: fn(&TradeTruth) -> bool| trades.iter().filter(|trade| is(trade)).count();
    assert!(count(|trade| trade.status == TradeStatus::TradeClosedByTaobao && trade.paid_fen == 0) > 30);
    assert!(count(|trade| trade.status == TradeStatus::TradeClosed && trade.refunded_fen > 0) > 30);
    assert!(count(|trade| trade.status == TradeStatus::TradeFinished && trade.refunded_fen > 0) > 30);
    // Money that went back when the trade was over.
    let late = truth.tmall.refunds.values().filter(|refund| {
        let ended_ms = truth.tmall.trades[&refund.tid].ended_ms;
        refund.paid_back_fen() > 0
            && ended_ms.is_some_and(|ended_ms| ended_ms + 86_400_000 < refund.created_ms)
    });
    assert!(late.count() > 10);
    assert!(truth.tmall.refunds.values().any(|refund| !refund.dispute.moves_money()));
    // Numbers are unique, and a double would mix them up.
    let oids: Vec<u64> =
        truth.tmall.trades.values().flat_map(|trade| trade.lines.iter().map(|line| line.oid)).collect();
    let exact: BTreeSet<u64> = oids.iter().copied().collect();
    let as_doubles: BTreeSet<u64> = oids.iter().map(|oid| *oid as f64 as u64).collect();
    assert_eq!(exact.len(), oids.len());
    assert!(as_doubles.len() < oids.len());
}

#[test]
fn the_state_on_a_parcels_card_fits_into_wecoms_thirty_characters() {
    let brand = Brand::new(1, 300, 60);
    assert!(brand.people().iter().all(|person| person.card_state().len() <= 30));
    let scans = |card: Card| brand.people().iter().filter(|person| person.card == card).count();
    assert!(scans(Card::First) > 5 && scans(Card::Later) > 5);
}

#[tokio::test]
async fn played_platforms_end_where_the_truth_says() {
    let on = platforms().await;
    let (at_wecom, at_youzan) =
        (Receiver::start("").await.unwrap(), Receiver::start("success").await.unwrap());
    let hooks = Hooks { wecom: Some(at_wecom.hook()), youzan: Some(at_youzan.hook()) };
    let mut brand = Brand::new(3, 40, 40);
    let (timeline, truth) = (brand.timeline(), brand.truth());
    let tally = brand.play_all(&timeline, &on, &hooks, 8).await;
    assert_eq!((tally.happenings, tally.refused), (timeline.len() as u64, 0), "{:?}", tally.last_refusal);
    assert_eq!(tally.accepted, (at_wecom.received().len() + at_youzan.received().len()) as u64);
    assert_eq!(*on.tmall.shop(), truth.tmall);
    assert_eq!(on.youzan.shop().orders, truth.shop.orders);
    assert_eq!(
        on.wecom.corp().customers.keys().collect::<Vec<_>>(),
        truth.corp.customers.keys().collect::<Vec<_>>()
    );
    assert_eq!(on.clock.now_ms(), timeline.last().unwrap().at_ms);
}

#[tokio::test]
async fn a_redelivery_repeats_the_xml_or_the_msg_id() {
    let on = platforms().await;
    let mut brand = Brand::new(5, 150, 60);
    let timeline = brand.timeline();
    let mut applied: HashMap<u32, Vec<Parcel>> = HashMap::new();
    let (mut of_wecom, mut of_youzan) = (0, 0);
    for happening in &timeline {
        let parcels = brand.apply(happening, &on);
        if let Some(of) = happening.redelivers() {
            assert_eq!(parcels.len(), applied[&of].len());
            for pair in parcels.iter().zip(&applied[&of]) {
                match pair {
                    (Parcel::Wecom { inner_xml: again }, Parcel::Wecom { inner_xml: first }) => {
                        assert_eq!(again, first);
                        of_wecom += 1;
                    }
                    (Parcel::Youzan(again), Parcel::Youzan(first)) => {
                        assert_eq!((&again.msg_id, again.send_count), (&first.msg_id, first.send_count + 1));
                        of_youzan += 1;
                    }
                    other => panic!("another platform's parcel: {other:?}"),
                }
            }
        }
        applied.insert(happening.id, parcels);
    }
    assert!(of_wecom > 0 && of_youzan > 0, "{of_wecom} and {of_youzan}");
}

#[tokio::test]
async fn a_saved_tag_group_gives_an_event_for_each_tag_in_one_second() {
    let on = platforms().await;
    let at_wecom = Receiver::start("").await.unwrap();
    let hooks = Hooks { wecom: Some(at_wecom.hook()), youzan: None };
    let mut brand = Brand::new(1, 0, 1);
    let saved = brand
        .timeline()
        .into_iter()
        .find(|h| matches!(h.what, What::Wecom(WecomStep::TagGroupSaved { .. })))
        .unwrap();
    let tally = brand.play(&saved, &on, &hooks).await;
    assert_eq!(tally.accepted, 6);
    let callback = &on.wecom.config().callback;
    let seal = Seal::new(&callback.token, &callback.encoding_aes_key).unwrap();
    let mut inner = BTreeSet::new();
    for push in at_wecom.received() {
        let encrypted =
            push.body.split("<Encrypt><![CDATA[").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        inner.insert(seal.decrypt(encrypted).unwrap().0);
    }
    assert_eq!(inner.len(), 6);
    let second = format!("<CreateTime>{}</CreateTime>", saved.at_ms / 1000);
    assert!(inner.iter().all(|xml| xml.contains(&second) && xml.contains("change_external_tag")));
}
