//! Dead letters over HTTP: shown, tried again, let go.

use api::views::RetriedView;
use api::{Retry, RetryRefused};
use axum::body::Body;
use axum::http::Request;
use journal::{Batch, DeadQuery, DeadRequest, DeadState, DeadWhat, Journal, Records as _};
use model::{CustomerId, DeadTurn, Digest, Note};
use serde_json::{Value, json};

use crate::world::{Got, TOKEN, World, call};

fn letter(body: &[u8], reason: &str) -> Batch {
    let request = model::Request {
        method: "POST".to_owned(),
        path: "/a%2F".to_owned(),
        query: "b=%20".to_owned(),
        headers: vec![("x-sign".to_owned(), "s".to_owned())],
        body: body.to_owned(),
    };
    let dead = DeadRequest {
        what: DeadWhat::Request,
        reason: reason.to_owned(),
        why: "no XML".to_owned(),
        plugin: Digest([1; 32]),
        title: "WeCom".to_owned(),
        log: vec!["warn: odd".to_owned()],
        backtrace: Some("parse < receive".to_owned()),
        request,
    };
    Batch { connection: "wecom-main".to_owned(), now: 3, dead: Some(dead), ..Batch::default() }
}

fn turn(position: u64, kind: &str) -> Note {
    Note::DeadTurn(DeadTurn {
        position,
        now: 9,
        customer: CustomerId(2),
        version: 0,
        alarm: None,
        kind: kind.to_owned(),
        text: "too slow; in decide".to_owned(),
    })
}

async fn post(world: &World, path: &str, body: &str) -> Got {
    let request =
        Request::post(format!("/api/v1/dead/{path}")).header("authorization", format!("Bearer {TOKEN}"));
    call(&world.router, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_letter_is_shown_as_it_came_with_all_that_is_known_of_it() {
    let world = World::new();
    let (first, second) = (letter(&[0xff, 0x00], "trap"), letter(b"b", "malformed"));
    world.journal.append(&[first.clone(), first, second]).unwrap();
    let page = world.get("/api/v1/dead?limit=1").await.json();
    assert_eq!(page["next"], 1);
    assert_eq!(
        page["dead"][0],
        json!({
            "id": "1", "connection": "wecom-main", "what": "request", "state": "waiting", "ended": null,
            "reason": "trap", "why": "no XML", "title": "WeCom", "digest": "01".repeat(32),
            "now": 3, "last": 3, "times": 2, "log": ["warn: odd"], "backtrace": "parse < receive",
            "request": {
                "method": "POST", "path": "/a%2F", "query": "b=%20", "headers": [["x-sign", "s"]],
                "body_base64": "/wA=",
            },
        })
    );
    assert_eq!(world.get("/api/v1/dead/1").await.json(), page["dead"][0]);
    let page = world.get("/api/v1/dead?after=1").await.json();
    assert_eq!((&page["dead"][0]["id"], &page["next"]), (&json!("2"), &Value::Null));
    let page = world.get("/api/v1/dead?reason=malformed&connection=wecom-main").await.json();
    assert_eq!(page["dead"].as_array().unwrap().len(), 1);
    for (path, status) in [("9", 404), ("x", 404), ("turn:1:2:3", 404)] {
        assert_eq!(world.get(&format!("/api/v1/dead/{path}")).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn what_waits_is_grouped_by_reason_turns_of_policies_included() {
    let world = World::new();
    world.journal.append(&[letter(b"a", "trap"), letter(b"b", "trap"), letter(b"a", "trap")]).unwrap();
    world.keep(&[], &[turn(5, "fuel"), turn(6, "fuel"), turn(7, "trap")]);
    let groups = world.get("/api/v1/dead/groups").await.json();
    let told: Vec<String> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let of = |key: &str| group[key].as_str().unwrap().to_owned();
            format!("{} {} {} {} {}", of("name"), of("what"), of("reason"), group["letters"], group["times"])
        })
        .collect();
    assert_eq!(told, ["wecom-main request trap 2 3", "repurchase turn fuel 2 2", "repurchase turn trap 1 1"]);
    assert_eq!(groups["groups"][1]["first"], "turn:5:0:9");
    let turns = world.get("/api/v1/dead/turns?limit=2").await.json();
    assert_eq!(turns["turns"][1]["id"], "turn:6:0:9");
    let after = turns["next"].as_str().unwrap().replace(' ', "%20");
    let rest = world.get(&format!("/api/v1/dead/turns?after={after}")).await.json();
    assert_eq!((rest["turns"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(world.get("/api/v1/dead/turn:7:0:9").await.json()["why"], "too slow; in decide");
}

#[tokio::test]
async fn an_operator_lets_go_with_a_name_and_a_reason() {
    let world = World::new();
    world.journal.append(&[letter(b"a", "trap")]).unwrap();
    world.keep(&[], &[turn(5, "fuel")]);
    for body in ["", "{}", r#"{"by":"li"}"#, r#"{"by":"","why":"x"}"#, r#"{"by":"li","why":"x","z":1}"#] {
        assert_eq!(post(&world, "1/drop", body).await.status.as_u16(), 400, "{body}");
    }
    let body = r#"{"by":"li","why":"a probe of ours"}"#;
    for id in ["1", "turn:5:0:9"] {
        assert_eq!(post(&world, &format!("{id}/drop"), body).await.status.as_u16(), 200, "{id}");
        assert_eq!(post(&world, &format!("{id}/drop"), body).await.status.as_u16(), 409, "{id} again");
        let shown = world.get(&format!("/api/v1/dead/{id}")).await.json();
        assert_eq!(shown["state"], "dropped");
        assert_eq!(
            (&shown["ended"]["by"], &shown["ended"]["why"]),
            (&json!("config/li"), &json!("a probe of ours"))
        );
    }
    assert_eq!(world.get("/api/v1/dead").await.json()["dead"], json!([]));
    assert_eq!(world.get("/api/v1/dead/groups").await.json(), json!({"groups": [], "complete": true}));
    assert_eq!(world.get("/api/v1/dead?all=true").await.json()["dead"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("/api/v1/dead/turns").await.json()["turns"], json!([]));
    assert_eq!(world.get("/api/v1/dead/turns?all=true").await.json()["turns"].as_array().unwrap().len(), 1);
    assert_eq!(post(&world, "9/drop", body).await.status.as_u16(), 404);
    let state = world.journal.dead(&DeadQuery::one(1)).unwrap().remove(0).state;
    assert!(matches!(state, DeadState::Dropped(_)), "{state:?}");
}

#[tokio::test]
async fn a_letter_is_tried_again_by_whoever_has_the_plugins() {
    let mut world = World::new();
    let router = world.router.clone();
    let calling = tokio::spawn(async move {
        let request = Request::post("/api/v1/dead/1/retry?dry_run=true");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        call(&router, request.body(Body::from(r#"{"by":"li","why":"mended"}"#)).unwrap()).await
    });
    let Retry { number, dry_run, by, why, reply } = world.retries.recv().await.unwrap();
    assert_eq!((number, dry_run, by.as_str(), why.as_str()), (1, true, "config/li", "mended"));
    let view = RetriedView {
        id: "1".to_owned(),
        dry_run,
        outcome: "handled".to_owned(),
        message: String::new(),
        events: 2,
        stored: 1,
        chores: 0,
        title: "WeCom".to_owned(),
        digest: "01".to_owned(),
        act: None,
    };
    reply.send(Ok(view)).unwrap();
    let got = calling.await.unwrap();
    assert_eq!((&got.json()["outcome"], &got.json()["stored"]), (&json!("handled"), &json!(1)));
    // A turn is nothing for them.
    let body = r#"{"by":"li","why":"mended"}"#;
    assert_eq!(post(&world, "turn:5:0:9/retry", body).await.status.as_u16(), 404);
    // Whoever wants it says who and why.
    for body in ["{}", r#"{"by":"li"}"#, r#"{"by":"li","why":" "}"#, r#"{"by":"","why":"mended"}"#] {
        assert_eq!(post(&world, "1/retry", body).await.status.as_u16(), 400, "{body}");
    }
    let router = world.router.clone();
    let calling = tokio::spawn(async move {
        let request =
            Request::post("/api/v1/dead/1/retry").header("authorization", format!("Bearer {TOKEN}"));
        call(&router, request.body(Body::from(r#"{"by":"li","why":"mended"}"#)).unwrap()).await
    });
    let asked = world.retries.recv().await.unwrap();
    assert!(!asked.dry_run);
    asked.reply.send(Err(RetryRefused::Gone("no such connection".to_owned()))).unwrap();
    assert_eq!(calling.await.unwrap().status.as_u16(), 409);
}
