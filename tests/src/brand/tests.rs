//! The brand's promises: the same arguments give the same life, and the life has in it what end to end
//! tests rest on.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::clock::SimClock;
use crate::receiver::Receiver;
use crate::wecom::{Seal, WecomConfig, WecomSim};
use crate::youzan::{OrderStatus, YouzanConfig, YouzanSim};

async fn sims() -> (WecomSim, YouzanSim) {
    let clock = SimClock::at(START_MS);
    let wecom = WecomSim::start(WecomConfig::demo(clock.clone())).await.unwrap();
    let youzan = YouzanSim::start(YouzanConfig::demo(clock)).await.unwrap();
    (wecom, youzan)
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
    let on_both = |person: &&PersonTruth| person.external_userid.is_some() && person.yz_open_id.is_some();
    let joined = truth.people.iter().filter(|person| person.is_joined).count();
    let apart = truth.people.iter().filter(on_both).count() - joined;
    assert_eq!(truth.customers, truth.people.len() + apart);
    assert!((900..1_200).contains(&joined), "{joined} joined");
    assert!((70..300).contains(&apart), "{apart} on both platforms, not to be joined");
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

#[tokio::test]
async fn played_platforms_end_where_the_truth_says() {
    let (wecom, youzan) = sims().await;
    let (at_wecom, at_youzan) =
        (Receiver::start("").await.unwrap(), Receiver::start("success").await.unwrap());
    let hooks = Hooks { wecom: Some(at_wecom.hook()), youzan: Some(at_youzan.hook()) };
    let mut brand = Brand::new(3, 40, 40);
    let (timeline, truth) = (brand.timeline(), brand.truth());
    let tally = brand.play_all(&timeline, &wecom, &youzan, &hooks, 8).await;
    assert_eq!((tally.happenings, tally.refused), (timeline.len() as u64, 0), "{:?}", tally.last_refusal);
    assert_eq!(tally.accepted, (at_wecom.received().len() + at_youzan.received().len()) as u64);
    assert_eq!(youzan.shop().orders, truth.shop.orders);
    assert_eq!(
        wecom.corp().customers.keys().collect::<Vec<_>>(),
        truth.corp.customers.keys().collect::<Vec<_>>()
    );
    assert_eq!(wecom.config().clock.now_ms(), timeline.last().unwrap().at_ms);
}

#[tokio::test]
async fn a_redelivery_repeats_the_xml_or_the_msg_id() {
    let (wecom, youzan) = sims().await;
    let mut brand = Brand::new(5, 150, 60);
    let timeline = brand.timeline();
    let mut applied: HashMap<u32, Vec<Parcel>> = HashMap::new();
    let (mut of_wecom, mut of_youzan) = (0, 0);
    for happening in &timeline {
        let parcels = brand.apply(happening, &wecom, &youzan);
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
    let (wecom, youzan) = sims().await;
    let at_wecom = Receiver::start("").await.unwrap();
    let hooks = Hooks { wecom: Some(at_wecom.hook()), youzan: None };
    let mut brand = Brand::new(1, 0, 1);
    let saved = brand
        .timeline()
        .into_iter()
        .find(|h| matches!(h.what, What::Wecom(WecomStep::TagGroupSaved { .. })))
        .unwrap();
    let tally = brand.play(&saved, &wecom, &youzan, &hooks).await;
    assert_eq!(tally.accepted, 6);
    let callback = &wecom.config().callback;
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
