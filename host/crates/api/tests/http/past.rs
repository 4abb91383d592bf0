//! `?at=`, and why something is not so.

use std::sync::Arc;

use model::{Act, ENTERED, Entry, Fact, LEFT, SEGMENTS};
use segment::Segment;
use serde_json::json;

use crate::world::{World, told};

fn lived() -> World {
    let world = World::new();
    world.live();
    world
}

#[tokio::test]
async fn a_customer_as_of_then_says_where_the_fold_stood() {
    let world = lived();
    let now = world.get("/api/v1/customers/cus_3").await.json();
    assert_eq!((&now["tags"][0]["name"], now.get("at")), (&json!("known"), None));
    let then = world.get("/api/v1/customers/cus_3?at=4").await.json();
    assert_eq!(then["at"], json!({"position": 4, "fired": 2000, "agrees": true}));
    assert_eq!((&then["tags"], &then["timeline"]), (&json!([]), &json!([3])));
    assert_eq!(then["traits"][0]["value"], json!({"text": "小满2"}), "raw parts stay what they are");
    let then = world.get("/api/v1/customers/cus_2/tags?at=1970-01-01T00:00:02.5Z").await.json();
    assert_eq!((&then["at"]["position"], &then["tags"][0]["name"]), (&json!(4), &json!("known")));
    let then = world.get("/api/v1/customers/cus_3/timeline?at=1970-01-01T08:00:02%2B08:00").await.json();
    assert_eq!((&then["at"]["position"], then["records"].as_array().unwrap().len()), (&json!(4), 1));
}

/// A store that has her otherwise than her own records give her: what is told of the past may not be what was, and says so.
#[tokio::test]
async fn a_past_that_does_not_lead_to_the_present_is_told_with_that_word() {
    let world = lived();
    let before = world.get("/api/v1/customers/cus_3?at=4").await.json();
    world.alter(3, |customer| customer.first_seen += 1);
    let after = world.get("/api/v1/customers/cus_3?at=4").await.json();
    assert_eq!((&before["at"]["agrees"], &after["at"]["agrees"]), (&json!(true), &json!(false)));
    assert_eq!(before["tags"], after["tags"]);
    let told = world.get("/api/v1/customers/cus_3/why-not?policy=again").await.json();
    assert_eq!(told["at"]["agrees"], false, "{told}");
    let other = world.get("/api/v1/customers/cus_2?at=4").await.json();
    assert_eq!(other["at"]["agrees"], true, "nobody else is doubted");
}

#[tokio::test]
async fn lists_and_counts_as_of_then() {
    let world = lived();
    let page = world.get("/api/v1/customers?tag=known&at=4").await.json();
    assert_eq!(page["customers"].as_array().unwrap().len(), 1);
    assert_eq!(page["at"], json!({"position": 4, "fired": 2000, "agrees": null}));
    // The next page of the same past.
    let first = world.get("/api/v1/customers?limit=1&at=3").await.json();
    assert_eq!((&first["next"], &first["customers"][0]["tags"]), (&json!("cus_0000000002"), &json!([])));
    let second = world.get("/api/v1/customers?limit=1&at=3&after=cus_2").await.json();
    assert_eq!((&second["next"], &second["customers"][0]["id"]), (&json!(null), &json!("cus_0000000003")));
    let counts = world.get("/api/v1/counts?at=4").await.json();
    assert_eq!(
        (&counts["tags"], &counts["position"]),
        (&json!([{"name": "known", "customers": 1}]), &json!(4))
    );
    assert_eq!(world.get("/api/v1/counts").await.json()["tags"][0]["customers"], 2);
    for (path, list) in [
        ("conflicts?at=4", "conflicts"),
        ("intents?at=4", "intents"),
        ("intents/counts?at=4", "counts"),
        ("notes?at=4", "notes"),
    ] {
        let told = world.get(&format!("/api/v1/{path}")).await.json();
        assert!(told[list].is_array() && told["at"]["position"] == 4, "{path}: {told}");
    }
    world.segments.send_replace(Arc::from([Segment::parse("known", "\"known\" in tags").unwrap()]));
    let members = |at: &str| format!("/api/v1/segments/known/customers{at}");
    let (now, then) = (world.get(&members("")).await.json(), world.get(&members("?at=4")).await.json());
    let ids = |page: &serde_json::Value| page["customers"].as_array().unwrap().len();
    assert_eq!((ids(&now), ids(&then), &then["at"]["position"]), (2, 1, &json!(4)));
    let edges = world.get("/api/v1/customers/cus_2/edges?at=2").await.json();
    assert_eq!((&edges["id"], &edges["at"]["position"]), (&json!("cus_0000000002"), &json!(2)), "{edges}");
    let by_handle = world.get("/api/v1/customers?handle=wechat.unionid:wx1:o6:2&at=4").await.json();
    assert_eq!(by_handle["customers"][0]["tags"], json!([]));
}

/// Who is in a segment that is kept stands in her document: of then, in that of then.
#[tokio::test]
async fn members_of_a_segment_that_is_kept_are_of_then() {
    let world = lived();
    let kept = Segment::parse("known", "\"known\" in tags").unwrap().kept(true);
    world.segments.send_replace(Arc::from([kept]));
    let crossing = |id: &str, kind: &str| {
        let Entry::Event(mut channel) = told(1, id) else { panic!() };
        channel.connection = SEGMENTS.to_owned();
        let (object, title, quantity, state, whom) = (Some("known".to_owned()), None, None, None, None);
        channel.event.fact = Fact::Did(Act { kind: kind.to_owned(), object, title, quantity, state, whom });
        Entry::Event(channel)
    };
    world.happens(4_000, vec![crossing("in", ENTERED)]);
    world.happens(5_000, vec![crossing("out", LEFT)]);
    let ids = async |at: &str| {
        let page = world.get(&format!("/api/v1/customers?segment=known{at}")).await.json();
        let customers = page["customers"].as_array().unwrap().iter();
        customers.map(|customer| customer["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (none, her) = (Vec::<String>::new(), vec!["cus_0000000002".to_owned()]);
    assert_eq!((ids("").await, ids("&at=6").await, ids("&at=5").await), (none.clone(), her, none));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_text() {
    let world = lived();
    for (path, status, text) in [
        ("customers?at=2026-03-01", 400, "with its zone"),
        ("customers/cus_2?at=6", 400, "the store stands at position 5"),
        ("customers/cus_2?at=2999-01-01T00:00:00Z", 400, "is not there yet"),
        ("customers/cus_3?at=2", 404, "her first record is at position 3"),
        ("customers/cus_9?at=2", 404, "there is no customer cus_0000000009"),
        ("customers/cus_2/why-not", 400, "give `policy`"),
        ("customers/cus_2/why-not?policy=x", 404, "those that are: again"),
        ("customers/cus_2/why-not?policy=again&tag=a&intent=b", 400, "one of"),
    ] {
        let got = world.get(&format!("/api/v1/{path}")).await;
        assert_eq!(got.status.as_u16(), status, "{path}: {}", got.text());
        assert!(got.text().contains(text), "{path}: {}", got.text());
    }
}

#[tokio::test]
async fn why_not_is_answered_with_turns_and_a_code() {
    let world = lived();
    let path = "/api/v1/customers/cus_3/why-not?policy=again&tag=known";
    assert_eq!(world.get(path).await.json()["code"], "holds");
    let told = world.get(&format!("{path}&at=4")).await.json();
    assert_eq!(
        (&told["code"], &told["kind"], &told["name"]),
        (&json!("decided-otherwise"), &json!("tag"), &json!("known"))
    );
    let line = &told["lines"][0];
    assert_eq!((&line["position"], &line["fact"], &line["shown"]), (&json!(3), &json!("told"), &json!(true)));
    assert_eq!(
        (&line["memory_before"], &line["memory_after"]),
        (&json!(null), &json!({"hex": "01", "bytes": 1}))
    );
    assert_eq!((&line["decisions"], &line["version"], &line["bound_at"]), (&json!([]), &json!(0), &json!(1)));
    let old = world.get("/api/v1/customers/cus_3/why-not?policy=again&tag=old").await.json();
    assert_eq!(old["lines"].as_array().unwrap().len(), 2);
    assert!(old["answer"].as_str().unwrap().contains("at position 5"), "{}", old["answer"]);
}

#[tokio::test]
async fn why_says_what_the_turn_cost_of_each_kind_of_thing() {
    let world = lived();
    let why = async |rest: &str| world.get(&format!("/api/v1/customers/cus_2/why?{rest}")).await.json();
    let decided = ["tag=known", "stage=lifecycle", "intent=hello", "task=call%20her", "alarm=later"];
    for asked in decided {
        let told = why(asked).await;
        let held = &told["held"][0];
        assert_eq!((&held["fuel"], &held["fuel_unknown"]), (&json!(42), &json!(null)), "{asked}: {told}");
        let cause = &held["cause"];
        assert_eq!((&cause["policy"], &cause["version"]), (&json!("again"), &json!(0)), "{asked}: {told}");
        assert_eq!((&cause["why"], &cause["position"]), (&json!("told again"), &json!(4)), "{asked}: {told}");
        assert_eq!(held["records"][0]["position"], 4, "{asked}: {told}");
    }
    let told = why("trait=score").await;
    assert_eq!((&told["held"][0]["fuel"], &told["held"][0]["detail"]), (&json!(42), &json!("2")), "{told}");
    let told = why("trait=name").await;
    let held = &told["held"][0];
    assert_eq!((&held["fuel"], &held["cause"]["policy"]), (&json!(null), &json!(null)), "nobody decided");

    let told = why("tag=known&at=4").await;
    assert_eq!((&told["at"]["position"], &told["held"][0]["fuel"]), (&json!(4), &json!(42)), "{told}");
    for (asked, status) in [("tag=known&at=3", 404), ("tag=x", 404), ("", 400), ("tag=a&task=b", 400)] {
        let got = world.get(&format!("/api/v1/customers/cus_2/why?{asked}")).await;
        assert_eq!(got.status.as_u16(), status, "{asked}: {}", got.text());
    }
}
