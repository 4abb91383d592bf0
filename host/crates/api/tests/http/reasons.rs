//! Reasons of `why-not`, who told in `why`, and what of the host has a past.

use api::accesses;
use axum::http::Method;
use journal::{Batch, HowEnded, LetterEnd, Letters, Records as _};
use model::{Configured, CustomerId, Deed, Entry, HandTag, HandUntag, OperatorAct, Pause, Setup};
use serde_json::json;
use store::Store as _;

use crate::world::{Native, SILENT, World, told};

fn lived() -> World {
    let world = World::new();
    world.live();
    world
}

fn act(id: &str, deed: Deed) -> Entry {
    let (by, why) = ("li".to_owned(), "she asked for it".to_owned());
    Entry::Act(OperatorAct { id: id.to_owned(), by, why, deed })
}

fn setup(alter: impl FnOnce(&mut model::Binding)) -> Setup {
    let mut binding = Native::binding();
    alter(&mut binding);
    Setup { policies: vec![binding], phone_country: "86".to_owned(), ..Setup::default() }
}

#[tokio::test]
async fn what_was_given_or_taken_by_hand_says_so() {
    let world = lived();
    let (customer, name) = (CustomerId(2), "known".to_owned());
    world.happens(4_000, vec![act("a1", Deed::Untag(HandUntag { customer, name }))]);
    let path = "/api/v1/customers/cus_2/why-not?policy=again";
    let told = world.get(&format!("{path}&tag=known")).await.json();
    let hand = json!({"by": "li", "why": "she asked for it", "position": 6, "now": 4_000});
    assert_eq!((&told["code"], &told["reasons"][0]["hand"]), (&json!("untagged"), &hand), "{told}");
    let line = &told["lines"][2];
    assert_eq!(
        (&line["code"], &line["position"], &line["shown"]),
        (&json!("act"), &json!(6), &json!(false)),
        "{told}"
    );
    let name = "old".to_owned();
    world.happens(5_000, vec![act("a2", Deed::Tag(HandTag { customer, name, expires: None }))]);
    let told = world.get(&format!("{path}&tag=old")).await.json();
    assert_eq!(
        (&told["code"], &told["reasons"][0]["hand"]["position"]),
        (&json!("holds"), &json!(7)),
        "{told}"
    );
    assert!(told["answer"].as_str().unwrap().contains("by hand: li: she asked for it"), "{told}");
}

#[tokio::test]
async fn a_pause_and_a_setup_are_named_as_what_took_it() {
    let world = lived();
    let paused = setup(|binding| binding.paused = Some(Pause { behind: 5, fired: 3_000, broke_off: None }));
    let (by, why) = ("li".to_owned(), "silence".to_owned());
    let silent = setup(|binding| binding.settings = SILENT.to_owned());
    world.happens(4_000, vec![told(2, "c"), Entry::Setup(paused)]);
    let told = world.get("/api/v1/customers/cus_3/why-not?policy=again&tag=old").await.json();
    let said = json!({"behind": 5, "said": 7, "said_now": 4_000, "turns": 1});
    assert_eq!((&told["code"], &told["reasons"][0]["paused"]), (&json!("paused"), &said), "{told}");
    assert_eq!(told["lines"][2]["code"], "paused", "{told}");
    world.happens(5_000, vec![Entry::Configured(Configured { setup: silent, by, why })]);
    let path = "/api/v1/customers/cus_3/why-not?policy=again&intent=hello";
    assert_eq!(world.get(&format!("{path}&at=7")).await.json()["code"], "holds");
    let told = world.get(path).await.json();
    assert_eq!((&told["code"], &told["reasons"][0]["ground"]), (&json!("withdrawn"), &json!(8)), "{told}");
    assert!(told["answer"].as_str().unwrap().contains("li changed the configuration: silence"), "{told}");
}

#[tokio::test]
async fn a_state_hash_is_of_then() {
    let world = World::new();
    world.live();
    let was = world.get("/api/v1/digest").await.json();
    world.happens(4_000, vec![told(2, "c")]);
    assert_ne!(world.get("/api/v1/digest").await.json()["digest"], was["digest"]);
    let then = world.get("/api/v1/digest?at=5").await.json();
    assert_eq!((&then["digest"], &then["at"]["position"]), (&was["digest"], &json!(5)), "{then}");
}

#[tokio::test]
async fn turns_that_failed_waited_until_they_ended() {
    let world = lived();
    world.happens(4_000, vec![told(2, "boom")]);
    let turns = async |rest: &str| {
        let page = world.get(&format!("/api/v1/dead/turns?limit=9{rest}")).await.json();
        page["turns"].as_array().unwrap().len()
    };
    assert_eq!((turns("").await, turns("&at=6").await, turns("&at=5").await), (1, 1, 0));
    let letters = Letters::Turn(world.store.notes("", 9).unwrap()[0].key());
    let (by, why) = ("li".to_owned(), "seen".to_owned());
    let ends = vec![LetterEnd { letters, how: HowEnded::Dropped, by, why }];
    world.journal.append(&[Batch { now: 5_000, ends, ..Batch::default() }]).unwrap();
    assert_eq!((turns("").await, turns("&at=6").await), (0, 1));
}

#[tokio::test]
async fn the_setup_that_was_in_force_is_of_then() {
    let world = lived();
    let (by, why) = ("li".to_owned(), "silence".to_owned());
    let silent = setup(|binding| (binding.name, binding.settings) = ("other".to_owned(), SILENT.to_owned()));
    world.happens(4_000, vec![Entry::Configured(Configured { setup: silent, by, why })]);
    let now = world.get("/api/v1/plugins").await.json();
    assert_eq!((&now["setup"]["position"], &now["setup"]["by"]), (&json!(6), &json!("li")), "{now}");
    assert_eq!(now["setup"]["policies"][0]["name"], "other", "{now}");
    assert_eq!((&now["plugins"], now.get("at")), (&json!([]), None));
    let then = world.get("/api/v1/plugins?at=5").await.json();
    assert_eq!((&then["setup"]["position"], &then["setup"]["by"]), (&json!(1), &json!(null)), "{then}");
    assert_eq!(
        (&then["setup"]["policies"][0]["name"], then.get("plugins")),
        (&json!("again"), None),
        "{then}"
    );
    assert_eq!(then["at"], json!({"position": 5, "fired": 3_000, "agrees": null}));
}

/// Who reads may ask for the past, but for what has none.
#[tokio::test]
async fn every_read_takes_at_or_has_no_past() {
    const WITHOUT: &[(&str, &str)] = &[
        ("/api/v1/segments", "what is configured, which asks nobody"),
        ("/api/v1/dead", "letters of connections are no part of what is folded"),
        ("/api/v1/dead/groups", "the same"),
        ("/api/v1/dead/{id}", "the same"),
        ("/metrics", "how the host does now"),
    ];
    let world = lived();
    let reads = accesses().into_iter().filter(|route| route.method == Method::GET);
    let paths: Vec<String> = reads.map(|route| route.path).collect();
    for path in &paths {
        let filled = path.replace("{id}", "cus_0000000002").replace("{name}", "vips");
        let got = world.get(&format!("{filled}?at=soon")).await;
        let takes = got.status.as_u16() == 400 && got.text().contains("is no position and no time");
        let reason = WITHOUT.iter().find(|(without, _)| without == path);
        assert_eq!(takes, reason.is_none(), "{path}: {}: {reason:?}", got.text());
    }
    let gone = WITHOUT.iter().find(|(without, _)| !paths.iter().any(|path| path == without));
    assert_eq!(gone, None, "there is no such route");
}
