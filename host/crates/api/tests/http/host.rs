//! What the host tells of itself, to whom, and what it keeps to itself.

use std::sync::Arc;

use api::{BreakerState, Condition, HealthReport, PluginState, Role};
use axum::body::Body;
use axum::http::Request;
use journal::{Batch, Records as _};
use model::{
    Configured, Conflict, Customer, CustomerId, DeadTurn, Digest, Entry, FoldState, Identity, Instant, Note,
    Setup,
};
use serde_json::json;
use store::{Agenda, Commit, Query, Standing, Store, StoreError};

use crate::world::{Got, TOKEN, World, call};

async fn with(world: &World, path: &str, authorization: &str) -> Got {
    let request = Request::get(path).header("authorization", authorization);
    call(&world.router, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_the_token_nothing_is_read() {
    let world = World::new();
    for path in ["/api/v1/customers", "/api/v1/digest", "/api/v1/no-such-thing", "/metrics"] {
        let got = call(&world.router, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (401, "unauthorised"), "{path}");
        assert_eq!(got.headers["www-authenticate"], "Bearer");
    }
    for wrong in ["Bearer a-tokem", "Bearer a-toke", "Bearer a-token-", "Bearer ", "Basic a-token", "a-token"]
    {
        assert_eq!(with(&world, "/api/v1/digest", wrong).await.status.as_u16(), 401, "{wrong}");
    }
    for right in ["Bearer a-token", "bearer a-token", "BEARER  a-token "] {
        assert_eq!(with(&world, "/api/v1/digest", right).await.status.as_u16(), 200, "{right}");
    }
}

#[tokio::test]
async fn a_wrong_address_or_method_is_told_in_json() {
    let world = World::new();
    for (path, status, code) in [
        ("/api/v1/no-such-thing", 404, "not_found"),
        ("/api/v1/clock", 405, "method_not_allowed"),
        ("/no-such-thing", 404, "not_found"),
        ("/hooks/", 404, "not_found"),
        ("/", 404, "not_found"),
    ] {
        let got = world.get(path).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (status, code), "{path}");
    }
}

#[tokio::test]
async fn health_is_public_and_its_trouble_is_not() {
    let world = World::new();
    let report = HealthReport { position: 9, folded: 8, fired: 7, trouble: None };
    world.health.send_replace(report.clone());
    let asked = || call(&world.router, Request::get("/healthz").body(Body::empty()).unwrap());
    let got = asked().await;
    assert_eq!(got.status.as_u16(), 200);
    assert_eq!(got.json(), json!({"status": "ok", "position": 9, "folded": 8, "fired": 7}));
    let trouble = Some("store: disk /var/lib is full".to_owned());
    world.health.send_replace(HealthReport { trouble, ..report });
    let got = asked().await;
    assert_eq!(got.status.as_u16(), 503);
    assert_eq!(got.json()["status"], "failing");
    assert!(!got.text().contains("/var/lib"), "{}", got.text());
    let trusted = with(&world, "/healthz", &format!("Bearer {TOKEN}")).await;
    assert_eq!(trusted.json()["trouble"], "store: disk /var/lib is full");
}

#[tokio::test]
async fn the_digest_says_what_it_stands_for() {
    let world = World::new();
    world.populate();
    let (digest, standing) = world.store.digest().unwrap();
    let told = world.get("/api/v1/digest").await.json();
    assert_eq!(told, json!({"digest": digest.to_string(), "position": standing.position, "fired": 5_000}));
}

#[tokio::test]
async fn plugins_are_listed_with_their_state() {
    let world = World::new();
    let state = PluginState {
        name: "wecom-main".to_owned(),
        role: Role::Connector,
        file: "plugins/wecom.wasm".to_owned(),
        digest: Digest([1; 32]),
        title: "WeCom".to_owned(),
        state: Condition::Failing,
        message: Some("misconfigured: secret".to_owned()),
        calls: 7,
        faults: 6,
        stored: 5,
        duplicates: 4,
        refused: 3,
        breakers: vec![BreakerState { name: "webhook", state: "open", until: Some(9), opened: 2 }],
    };
    world.plugins.send_replace(vec![state]);
    // The host is at work all the same, and whoever has the token learns what is not.
    let health = with(&world, "/healthz", &format!("Bearer {TOKEN}")).await;
    assert_eq!((health.status.as_u16(), &health.json()["status"]), (200, &json!("ok")));
    assert_eq!(
        health.json()["plugins_failing"],
        json!([{"name": "wecom-main", "state": "failing", "message": "misconfigured: secret"}])
    );
    let stranger = call(&world.router, Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert!(!stranger.text().contains("wecom-main"), "{}", stranger.text());
    let told = world.get("/api/v1/plugins").await.json();
    assert_eq!(
        told["plugins"][0],
        json!({
            "name": "wecom-main", "role": "connector", "file": "plugins/wecom.wasm", "digest": "01".repeat(32),
            "title": "WeCom", "state": "failing", "message": "misconfigured: secret", "calls": 7, "faults": 6,
            "stored": 5, "duplicates": 4, "refused": 3,
            "breakers": [{"name": "webhook", "state": "open", "until": 9, "opened": 2}],
        })
    );
    // Since when policies decide as they do, and who wanted it so, where that is known.
    assert_eq!(told["setup"], json!(null), "an empty journal");
    world.populate();
    let of = async || world.get("/api/v1/plugins").await.json()["setup"].clone();
    assert_eq!(of().await, json!({"position": 1, "now": 1_000, "by": null, "why": null, "policies": []}));
    let (setup, by, why) = (Setup::default(), "config/li".to_owned(), "stricter".to_owned());
    let entries = vec![Entry::Configured(Configured { setup, by, why })];
    world.journal.append(&[Batch { now: 2_000, entries, ..Batch::default() }]).unwrap();
    assert_eq!(
        of().await,
        json!({"position": 8, "now": 2_000, "by": "config/li", "why": "stricter", "policies": []})
    );
}

#[tokio::test]
async fn notes_are_paged_by_their_keys() {
    let world = World::new();
    let handle =
        Identity { scheme: "phone".to_owned(), scope: String::new(), value: "+8619900000001".to_owned() };
    let (customer, other) = (CustomerId(2), CustomerId(4));
    let scheme = "wechat.unionid".to_owned();
    let conflict = Note::Conflict(Conflict { position: 5, handle, customer, other, scheme });
    let kind = "fuel".to_owned();
    let text = "too slow".to_owned();
    let dead = DeadTurn { position: 6, now: 9, customer, version: 0, alarm: None, kind, text };
    world.keep(&[], &[conflict.clone(), Note::DeadTurn(dead)]);
    let page = world.get("/api/v1/notes?limit=1").await.json();
    assert_eq!(page["notes"][0]["note"]["conflict"]["other"], "cus_0000000004");
    assert_eq!(page["notes"][0]["version"], json!(null));
    assert_eq!(page["next"], conflict.key());
    let after = conflict.key().replace(' ', "%20").replace('+', "%2B");
    let page = world.get(&format!("/api/v1/notes?after={after}")).await.json();
    assert_eq!(page["notes"].as_array().unwrap().len(), 1);
    assert_eq!(page["notes"][0]["note"]["dead_turn"]["kind"], "fuel");
    assert_eq!(page["notes"][0]["version"]["binding"], "repurchase");
    assert_eq!(page["next"], json!(null));
}

#[tokio::test]
async fn metrics_are_text_for_a_scraper() {
    let world = World::new();
    let got = world.get("/metrics").await;
    assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "heliu_journal_position 7\n"));
    assert_eq!(got.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
}

fn clock(body: &str) -> Request<Body> {
    let request = Request::post("/api/v1/clock").header("authorization", format!("Bearer {TOKEN}"));
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn the_manual_clock_answers_when_the_host_has_settled() {
    let mut world = World::new();
    for (result, status) in [
        (Ok(Standing { position: 8, fired: 42 }), 200),
        (Err("store: disk /var/lib is full".to_owned()), 500),
    ] {
        let router = world.router.clone();
        let calling = tokio::spawn(async move { call(&router, clock(r#"{"now":42}"#)).await });
        let asked = world.clock.recv().await.unwrap();
        assert_eq!(asked.now, 42);
        assert!(!calling.is_finished());
        asked.reply.send(result).unwrap();
        let got = calling.await.unwrap();
        assert_eq!(got.status.as_u16(), status);
        assert!(!got.text().contains("/var/lib"), "{}", got.text());
        if status == 200 {
            assert_eq!(got.json(), json!({"now": 42, "position": 8, "fired": 42}));
        }
    }
    for body in ["", "{}", r#"{"now":-1}"#, r#"{"now":1,"later":2}"#] {
        assert_eq!(call(&world.router, clock(body)).await.status.as_u16(), 400, "{body}");
    }
}

#[tokio::test]
async fn the_systems_clock_is_not_for_callers_to_move() {
    let world = World::without_manual_clock();
    let got = call(&world.router, clock(r#"{"now":42}"#)).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (404, "not_found"));
}

/// A store whose disk is gone, or whose file is damaged.
struct Broken(StoreError);

impl Store for Broken {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        Err(self.0.clone())
    }
    fn load(&self, _: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        Err(self.0.clone())
    }
    fn resolve(&self, _: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        Err(self.0.clone())
    }
    fn due(&self, _: Agenda, _: Instant, _: usize) -> Result<Vec<CustomerId>, StoreError> {
        Err(self.0.clone())
    }
    fn commit(&self, _: &Commit<'_>) -> Result<(), StoreError> {
        Err(self.0.clone())
    }
    fn page(&self, _: &Query) -> Result<Vec<Customer>, StoreError> {
        Err(self.0.clone())
    }
    fn notes(&self, _: &str, _: usize) -> Result<Vec<Note>, StoreError> {
        Err(self.0.clone())
    }
    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        Err(self.0.clone())
    }
}

#[tokio::test]
async fn a_broken_store_is_told_by_its_class_and_not_by_its_words() {
    let reason = "the words of the inside".to_owned();
    let disk = StoreError::Disk { doing: "read a page", reason: reason.clone() };
    let damaged = StoreError::Damaged { place: "/var/lib/store.db".to_owned(), reason };
    for (error, status) in [(disk, 503), (damaged, 500)] {
        let world = World::over(Arc::new(Broken(error)), Arc::default(), true);
        for path in ["customers", "customers/cus_1", "customers?handle=a:b:c", "notes", "digest"] {
            let got = world.get(&format!("/api/v1/{path}")).await;
            assert_eq!(got.status.as_u16(), status, "{path}");
            assert_eq!(got.headers.contains_key("retry-after"), status == 503);
            let text = got.text();
            assert!(!text.contains("inside") && !text.contains("/var/lib"), "{text}");
        }
    }
}
