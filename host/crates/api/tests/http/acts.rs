//! What an operator says over HTTP: carried out, only looked at, or refused; and what made somebody one.

use std::sync::Arc;

use api::{HealthReport, Scope, TokenFile, Tokens};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use journal::{Batch, Records as _};
use model::{
    Binding, ChannelEvent, CustomerId, Digest, Entry, Event, Fact, Identity, PolicyDescriptor, Position,
    Scheme, Setup, Touchpoint, Trait, Value,
};
use router::{Router, RouterConfig};
use serde_json::{Value as Json, json};
use store::Store as _;

use crate::world::{Buyers, Got, TOKEN, World, call};

fn setup() -> Entry {
    let descriptor = PolicyDescriptor {
        title: "Seen".to_owned(),
        settings_schema: "{}".to_owned(),
        wants: vec!["told".to_owned()],
        tags: vec!["seen:*".to_owned()],
        journeys: Vec::new(),
        reads: Vec::new(),
    };
    let binding = Binding {
        name: "seen".to_owned(),
        digest: Digest([1; 32]),
        settings: "{}".to_owned(),
        descriptor,
        carry: false,
        paused: None,
    };
    let union = Scheme { name: "union".to_owned(), lasting: true, one_per_person: true };
    Entry::Setup(Setup { policies: vec![binding], schemes: vec![union], ..Setup::default() })
}

fn told(number: u64, who: &[(&str, &str)]) -> Entry {
    let identity = |(scheme, value): &(&str, &str)| Identity {
        scheme: (*scheme).to_owned(),
        scope: String::new(),
        value: (*value).to_owned(),
    };
    let (scheme, value) = ("name".to_owned(), Value::Text("小满".to_owned()));
    let event = Event {
        id: format!("e{number}"),
        at: 1,
        who: who.iter().map(identity).collect(),
        staff: None,
        touchpoint: Touchpoint::Shop,
        fact: Fact::Told(vec![Trait { name: scheme, value }]),
        extra: None,
    };
    Entry::Event(ChannelEvent { connection: "shop".to_owned(), event })
}

fn fold(world: &World) {
    let (journal, store) = (world.journal.clone(), world.store.clone());
    let mut router = Router::open(journal, store, Arc::new(Buyers), RouterConfig::default()).unwrap();
    let folded = router.catch_up(Position::MAX).map(|_| router.standing().position).unwrap();
    world.health.send_replace(HealthReport { position: folded, folded, ..HealthReport::default() });
}

/// The setup at 1, one customer at 2, one at 3, one at 4 and 5, where 5 has handles of 2 and 4 that clash.
fn lived() -> World {
    lives_in(World::new())
}

fn lives_in(world: World) -> World {
    let entries = vec![
        setup(),
        told(2, &[("open", "a"), ("union", "u1")]),
        told(3, &[("open", "b")]),
        told(4, &[("union", "u2"), ("card", "it's")]),
        told(5, &[("union", "u2"), ("open", "a")]),
    ];
    world.journal.append(&[Batch { now: 100, entries, ..Batch::default() }]).unwrap();
    fold(&world);
    world
}

fn name(number: u64) -> String {
    CustomerId(number).to_string()
}

fn join(one: u64, other: u64) -> Json {
    json!({ "join": { "one": name(one), "other": name(other) } })
}

/// With the token; the fold follows every append, as in a host.
async fn post(world: &World, path: &str, body: Json) -> Got {
    post_as(world, TOKEN, path, body).await
}

async fn post_as(world: &World, token: &str, path: &str, body: Json) -> Got {
    let request = Request::post(path).header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::from(body.to_string())).unwrap();
    let mut head = world.head.clone();
    let asked = call(&world.router, request);
    tokio::pin!(asked);
    loop {
        tokio::select! {
            got = &mut asked => return got,
            changed = head.changed() => {
                changed.unwrap();
                fold(world);
            }
        }
    }
}

async fn act(world: &World, deed: Json) -> Got {
    post(world, "/api/v1/acts", json!({ "by": "li", "why": "the same phone", "deed": deed })).await
}

fn names(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_merge_is_carried_out_and_says_what_it_changes() {
    let world = lived();
    let got = act(&world, join(2, 3)).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let answer = got.json();
    assert_eq!((&answer["position"], &answer["folded"]), (&json!(6), &json!(true)), "{answer}");
    assert_eq!((&answer["known"], &answer["dry_run"]), (&json!(false), &json!(false)));
    let report = &answer["report"];
    assert_eq!((&report["agrees"], &report["complete"]), (&json!(true), &json!(true)), "{report}");
    let [stays, gone] = &report["customers"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!((&stays["id"], &stays["fate"]), (&json!(name(2)), &json!("changes")));
    assert_eq!((&gone["fate"], &gone["other"]), (&json!("vanishes"), &json!(name(2))));
    assert_eq!(names(&stays["tags_gained"]), ["seen:2"]);
    assert_eq!(stays["tags_gained"][0]["cause"]["policy"], "seen");
    assert_eq!(
        stays["handles_gained"][0],
        json!({
            "handle": { "scheme": "open", "scope": "", "value": "b" }, "other": name(3),
        })
    );
    let now = world.store.load(&[CustomerId(3)]).unwrap().pop().flatten().unwrap();
    assert_eq!(now.id, CustomerId(2));
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_appends_nothing() {
    let world = lived();
    let body = json!({ "by": "li", "why": "so", "deed": join(2, 3) });
    let dry = post(&world, "/api/v1/acts?dry_run=true", body.clone()).await.json();
    assert_eq!((&dry["position"], &dry["dry_run"]), (&Json::Null, &json!(true)), "{dry}");
    assert_eq!(world.journal.head().unwrap().position, 5);
    let done = post(&world, "/api/v1/acts", body).await.json();
    assert_eq!(dry["report"], done["report"]);
}

#[tokio::test]
async fn the_same_id_twice_is_one_act() {
    let world = lived();
    let body = |deed: Json| json!({ "id": "ticket-7", "by": "li", "why": "so", "deed": deed });
    let first = post(&world, "/api/v1/acts", body(join(2, 3))).await.json();
    let again = post(&world, "/api/v1/acts", body(join(2, 3))).await.json();
    assert_eq!((&again["position"], &again["known"]), (&first["position"], &json!(true)), "{again}");
    assert_eq!(again["report"]["customers"], json!([]));
    assert_eq!(world.journal.head().unwrap().position, 6);
    let other = post(&world, "/api/v1/acts", body(join(2, 4))).await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, "refused".to_owned()));
}

#[tokio::test]
async fn handles_that_are_split_off_are_another_persons() {
    let world = lived();
    world
        .journal
        .append(&[Batch { now: 101, entries: vec![told(6, &[("card", "it's")])], ..Batch::default() }])
        .unwrap();
    fold(&world);
    let card = json!([{ "scheme": "card", "scope": "", "value": "it's" }]);
    let split = json!({ "split": { "customer": name(4), "handles": card } });
    let whose = async || {
        let found = world.get("/api/v1/customers?handle=card::it's").await.json();
        found["customers"][0]["id"].as_str().map(str::to_owned)
    };
    assert_eq!(whose().await, Some(name(4)));
    let got = act(&world, split).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    let told = got.json();
    assert_eq!((&told["position"], &told["folded"]), (&json!(7), &json!(true)), "{told}");
    let [changes, appears] = [0, 1].map(|place: usize| &told["report"]["customers"][place]);
    assert_eq!(changes["handles_lost"][0]["handle"]["value"], "it's", "{told}");
    assert_eq!((&appears["id"], &appears["fate"]), (&json!(name(6)), &json!("appears")), "{told}");
    assert_eq!(whose().await, Some(name(6)));
    let left = world.get(&format!("/api/v1/customers/{}", name(4))).await.json();
    let handles = left["handles"].as_array().unwrap().iter().map(|held| held["identity"]["scheme"].clone());
    let handles: Vec<Json> = handles.collect();
    assert_eq!((handles, &left["timeline"]), (vec![json!("union")], &json!([4, 5])), "{left}");
}

#[tokio::test]
async fn what_would_come_to_nothing_is_refused_and_not_appended() {
    let world = lived();
    let refused = async |deed: Json, status: StatusCode, words: &str| {
        let got = act(&world, deed).await;
        assert_eq!(got.status, status, "{}", got.text());
        assert!(got.text().contains(words), "{}", got.text());
    };
    refused(join(2, 99), StatusCode::NOT_FOUND, "there is no customer").await;
    refused(join(2, 4), StatusCode::CONFLICT, "a person has one union").await;
    let open = json!([{ "scheme": "open", "scope": "", "value": "b" }]);
    let split = json!({ "split": { "customer": name(2), "handles": open } });
    refused(split, StatusCode::CONFLICT, &format!("but {}'s", name(3))).await;
    refused(json!({ "retract": { "edge": 1 } }), StatusCode::CONFLICT, "makes nobody one").await;
    refused(json!({ "retract": { "edge": 77 } }), StatusCode::NOT_FOUND, "no record at position 77").await;
    assert_eq!(world.journal.head().unwrap().position, 5);
}

#[tokio::test]
async fn what_is_no_act_is_named() {
    let world = lived();
    let bad = async |path: &str, body: Json, words: &str| {
        let got = post(&world, path, body).await;
        assert_eq!((got.status, got.code()), (StatusCode::BAD_REQUEST, "bad_request".to_owned()));
        assert!(got.text().contains(words), "{}", got.text());
    };
    let body = |by: &str, why: &str| json!({ "by": by, "why": why, "deed": join(2, 3) });
    bad("/api/v1/acts", json!({ "by": "li", "deed": join(2, 3) }), "why").await;
    bad("/api/v1/acts", body(" ", "so"), "\\\"by\\\" is empty").await;
    bad("/api/v1/acts", body("li", &"x".repeat(1001)), "at most 1000").await;
    bad("/api/v1/acts", body("li\n", "a\nb"), "one line").await;
    bad("/api/v1/acts", json!({ "by": "li", "why": "so", "deed": { "merge": 1 } }), "deed").await;
    bad("/api/v1/acts?dry_run=1", body("li", "so"), "dry_run").await;
    let got = call(&world.router, Request::post("/api/v1/acts").body(Body::empty()).unwrap()).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn edges_are_listed_with_what_was_taken_back() {
    let world = lived();
    let position = act(&world, join(2, 3)).await.json()["position"].as_u64().unwrap();
    let edges = world.get(&format!("/api/v1/customers/{}/edges", name(3))).await.json();
    assert_eq!((&edges["id"], &edges["agrees"]), (&json!(name(2)), &json!(true)), "{edges}");
    let join = edges["edges"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&join["kind"], &join["source"], &join["why"]),
        (&json!("join"), &json!("config/li"), &json!("the same phone"))
    );
    assert_eq!(join["merged"], json!([{ "gone": name(3), "into": name(2) }]));
    let back = act(&world, json!({ "retract": { "edge": position } })).await.json();
    assert_eq!(back["report"]["customers"][1]["fate"], "appears", "{back}");
    let edges = world.get(&format!("/api/v1/customers/{}/edges", name(3))).await.json();
    let join = edges["edges"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(join["retracted"]["position"], back["position"], "{edges}");
    assert_eq!(world.get("/api/v1/customers/cus_0000000099/edges").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_conflict_is_listed_with_the_commands_that_end_it() {
    let world = lived();
    let page = world.get("/api/v1/conflicts").await.json();
    let [conflict] = &page["conflicts"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!((&conflict["position"], &conflict["scheme"]), (&json!(5), &json!("union")), "{page}");
    assert_eq!((&conflict["customer"], &conflict["other"]), (&json!(name(4)), &json!(name(2))), "{page}");
    let commands: Vec<&str> =
        conflict["mends"].as_array().unwrap().iter().map(|mend| mend["command"].as_str().unwrap()).collect();
    assert!(commands[0].starts_with("heliu identity retract 5 "), "{commands:?}");
    assert!(commands[1].contains("--handle open::a "), "{commands:?}");
    let back = act(&world, json!({ "retract": { "edge": 5 } })).await.json();
    assert_eq!(back["report"]["notes_gone"].as_array().unwrap().len(), 1, "{back}");
    assert_eq!(world.get("/api/v1/conflicts").await.json()["conflicts"], json!([]));
}

#[tokio::test]
async fn an_act_is_said_by_the_token_and_the_person_whom_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::new(folder.path(), "brand");
    let token = file.create("desk", &[Scope::Operate], None, 1, crate::access::word()).unwrap();
    let world = lives_in(World::with_tokens(Tokens::new(None, Some(file))).0);
    let mut deeds = [join(2, 3), json!({ "retract": { "edge": 5 } })].into_iter();
    for (by, said) in [(None, "desk"), (Some("li"), "desk/li")] {
        let body = json!({ "by": by, "why": "so", "deed": deeds.next().unwrap() });
        let got = post_as(&world, &token, "/api/v1/acts", body).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text());
        let position = got.json()["position"].as_u64().unwrap();
        let record = world.journal.fetch(&[position]).unwrap().remove(0);
        let Entry::Act(act) = record.entry else { panic!("{record:?}") };
        assert_eq!(act.by, said);
    }
}
