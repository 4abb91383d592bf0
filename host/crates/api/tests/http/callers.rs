//! Whoever fails too often is told to come again, before anything that it shows is looked at; others are served.

use std::net::IpAddr;

use api::{Peer, Reply};
use axum::body::Body;
use axum::http::Request;
use model::Answer;

use crate::world::{FAILURES_MAX, Got, TOKEN, World, call};

fn from(address: &str, path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(address.parse::<IpAddr>().unwrap()));
    request
}

async fn ask(world: &World, address: &str, path: &str, token: Option<&str>) -> Got {
    call(&world.router, from(address, path, token)).await
}

#[tokio::test]
async fn wrong_tokens_of_one_address_are_not_looked_at_for_ever() {
    let world = World::new();
    let status = async |address: &str, token: Option<&str>| {
        ask(&world, address, "/api/v1/digest", token).await.status.as_u16()
    };
    assert_eq!(status("192.0.2.7", Some(TOKEN)).await, 200);
    for _ in 0..FAILURES_MAX.0 {
        assert_eq!(status("192.0.2.1", Some("a-guess")).await, 401);
        // Whoever shows nothing tries nothing.
        assert_eq!(status("192.0.2.1", None).await, 401);
        assert_eq!(status("192.0.2.7", Some("a-typo")).await, 401);
    }
    // The right one is not found by trying on: it is not looked at either.
    for token in ["a-guess", TOKEN] {
        for path in ["/api/v1/digest", "/metrics", "/api/v1/no-such-thing"] {
            let got = ask(&world, "192.0.2.1", path, Some(token)).await;
            assert_eq!((got.status.as_u16(), got.code().as_str()), (429, "too_many_failures"), "{path}");
            let wait: u64 = got.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    // Nor does the door that everybody may ask tell whether it is right.
    let health = ask(&world, "192.0.2.1", "/healthz", Some(TOKEN)).await;
    assert_eq!((health.status.as_u16(), health.json()["plugins_failing"].is_null()), (200, true));
    // Others are served, and so is who had shown a right one from there before, whatever else came from there.
    assert_eq!(status("192.0.2.2", Some(TOKEN)).await, 200);
    assert_eq!(
        [status("192.0.2.7", Some(TOKEN)).await, status("192.0.2.7", Some("a-typo")).await],
        [200, 429]
    );
}

#[tokio::test]
async fn guesses_at_the_door_that_everybody_may_ask_count_as_well() {
    let world = World::new();
    for _ in 0..FAILURES_MAX.0 {
        assert_eq!(ask(&world, "192.0.2.1", "/healthz", Some("a-guess")).await.status.as_u16(), 200);
    }
    assert_eq!(ask(&world, "192.0.2.1", "/api/v1/digest", Some(TOKEN)).await.status.as_u16(), 429);
}

#[tokio::test]
async fn webhooks_that_are_not_authentic_are_not_given_to_the_connector_for_ever() {
    let mut world = World::new();
    let answer = || Reply::Answer(Answer { status: 200, headers: Vec::new(), body: b"success".to_vec() });
    let hook = |address: &str, name: &str| from(address, &format!("/hooks/{name}?a=b"), None);
    for _ in 0..3 {
        for _ in 1..FAILURES_MAX.1 {
            let (got, _) = world.hook(hook("192.0.2.1", "wecom"), Reply::NotAuthentic).await;
            assert_eq!(got.status.as_u16(), 401);
        }
        // One that is authentic starts the count anew: a platform's gate is many callers.
        assert_eq!(world.hook(hook("192.0.2.1", "wecom"), answer()).await.0.status.as_u16(), 200);
    }
    for _ in 0..FAILURES_MAX.1 {
        world.hook(hook("192.0.2.1", "wecom"), Reply::NotAuthentic).await;
    }
    // Nobody takes it off the queue: it is answered all the same.
    let got = call(&world.router, hook("192.0.2.1", "wecom")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (429, "too_many_failures"));
    assert!(got.headers.contains_key("retry-after") && world.intake.try_recv().is_err());
    // Another connection, another address, and the API are nobody's business of this.
    assert_eq!(world.hook(hook("192.0.2.1", "youzan"), answer()).await.0.status.as_u16(), 200);
    assert_eq!(world.hook(hook("192.0.2.2", "wecom"), answer()).await.0.status.as_u16(), 200);
    assert_eq!(ask(&world, "192.0.2.1", "/api/v1/digest", Some(TOKEN)).await.status.as_u16(), 200);
    // What the host could not do is no failure of who asked.
    for _ in 0..9 {
        let why = "too many".to_owned();
        world.hook(hook("192.0.2.3", "wecom"), Reply::Unavailable { why }).await;
    }
    assert_eq!(world.hook(hook("192.0.2.3", "wecom"), answer()).await.0.status.as_u16(), 200);
}
