//! Webhooks: what reaches the host, and what reaches the channel.

use api::Reply;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use model::Answer;

use crate::world::{BODY_MAX_BYTES, World, call};

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Reply::Answer(Answer { status, headers, body: body.to_vec() })
}

fn post(path: &str) -> Request<Body> {
    Request::post(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_request_arrives_byte_for_byte() {
    let body = [0, 0xff, b'\r', b'\n', 0xe5, b'%'];
    let request = Request::builder()
        .method("PATCH")
        .uri("/hooks/wecom-main/a%2Fb//c%zz+/?x=%E5+%2B&&y&x=")
        .header("X-Sign", "a b  c")
        .header("Cookie", "小".as_bytes())
        .header("x-sign", "d")
        .body(Body::from(body.to_vec()))
        .unwrap();
    let (got, incoming) = World::new().hook(request, answer(200, &[], b"ok")).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(incoming.connection, "wecom-main");
    let model::Request { method, path, query, headers, body: arrived } = incoming.request;
    assert_eq!(method, "PATCH");
    assert_eq!(path, "/a%2Fb//c%zz+/");
    assert_eq!(query, "x=%E5+%2B&&y&x=");
    let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(headers, [("x-sign", "a b  c"), ("x-sign", "d"), ("cookie", "小")]);
    assert_eq!(arrived, body);
}

#[tokio::test]
async fn a_connections_own_address_has_no_path_behind_it() {
    let mut world = World::new();
    for (address, name, path) in [
        ("/hooks/a", "a", ""),
        ("/hooks/a/", "a", "/"),
        ("/hooks/a//", "a", "//"),
        ("/hooks/a/b", "a", "/b"),
        ("/hooks/a%2Fb", "a%2Fb", ""),
    ] {
        let request = Request::get(address).body(Body::empty()).unwrap();
        let (_, incoming) = world.hook(request, answer(200, &[], b"")).await;
        assert_eq!((incoming.connection.as_str(), incoming.request.path.as_str()), (name, path));
        assert_eq!((incoming.request.method.as_str(), incoming.request.query.as_str()), ("GET", ""));
    }
}

#[tokio::test]
async fn an_answer_arrives_as_it_is_but_for_headers_of_the_connection() {
    let headers = [
        ("Content-Type", "text/xml; charset=gbk"),
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("Content-Length", "999"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("Upgrade", "h2c"),
    ];
    let reply = answer(202, &headers, &[0xd0, 0xa1]);
    let (got, _) = World::new().hook(post("/hooks/wecom-main"), reply).await;
    assert_eq!(got.status, StatusCode::ACCEPTED);
    assert_eq!(got.body, [0xd0, 0xa1]);
    let names: Vec<&str> = got.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["content-type", "set-cookie", "content-length"]);
    assert_eq!(got.headers["content-length"], "2", "ours, and right");
    assert_eq!(got.headers["content-type"], "text/xml; charset=gbk");
    assert_eq!(got.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn an_answer_that_http_cannot_carry_is_the_plugins_fault() {
    let mut world = World::new();
    for reply in [
        answer(99, &[], b""),
        answer(100, &[], b""),
        answer(1000, &[], b""),
        answer(200, &[("a b", "c")], b""),
        answer(200, &[("a", "c\r\nd: e")], b""),
    ] {
        let (got, _) = world.hook(post("/hooks/wecom-main"), reply.clone()).await;
        assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR, "{reply:?}");
    }
}

#[tokio::test]
async fn a_connection_that_rests_says_when_to_come_again() {
    let mut world = World::new();
    for (retry_after_ms, header) in [(0, "1"), (4_001, "5"), (300_000, "300")] {
        let reply = Reply::Resting { why: "its plugin rests".to_owned(), retry_after_ms };
        let (got, _) = world.hook(post("/hooks/wecom-main"), reply).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (503, "unavailable"));
        assert_eq!(got.headers["retry-after"], header);
        assert!(!got.text().contains("rests"), "{}", got.text());
    }
}

#[tokio::test]
async fn each_reply_has_its_status_and_the_hosts_own_words_stay_inside() {
    let mut world = World::new();
    let unavailable = Reply::Unavailable { why: "journal: disk /var/lib is full".to_owned() };
    for (reply, status, code) in [
        (Reply::NoSuchConnection, 404, "not_found"),
        (Reply::NotAuthentic, 401, "not_authentic"),
        (unavailable, 503, "unavailable"),
        (Reply::Faulty, 500, "internal"),
    ] {
        let (got, _) = world.hook(post("/hooks/wecom-main"), reply).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (status, code));
        assert_eq!(got.headers.contains_key("retry-after"), status == 503);
        assert!(!got.headers.contains_key("www-authenticate"), "a platform has no token");
        assert!(!got.text().contains("/var/lib"), "{}", got.text());
    }
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken_and_one_past_it_is_not() {
    let mut world = World::new();
    let request = |bytes: usize| Request::post("/hooks/a").body(Body::from(vec![b'x'; bytes])).unwrap();
    let (got, incoming) = world.hook(request(BODY_MAX_BYTES), answer(200, &[], b"")).await;
    assert_eq!((got.status, incoming.request.body.len()), (StatusCode::OK, BODY_MAX_BYTES));
    let got = call(&world.router, request(BODY_MAX_BYTES + 1)).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (413, "too_large"));
    assert!(world.intake.try_recv().is_err(), "nothing reaches the host");
}

#[tokio::test]
async fn a_header_that_is_no_text_is_refused_by_name() {
    let world = World::new();
    let request = Request::get("/hooks/a").header("x-odd", [0xff, 0xfe].as_slice());
    let got = call(&world.router, request.body(Body::empty()).unwrap()).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (400, "bad_request"));
    assert!(got.text().contains("x-odd"), "{}", got.text());
}

#[tokio::test]
async fn past_capacity_a_channel_is_told_to_come_again() {
    let world = World::new();
    let router = world.router.clone();
    let first = tokio::spawn(async move { call(&router, post("/hooks/a")).await });
    while world.intake.is_empty() {
        tokio::task::yield_now().await;
    }
    let got = call(&world.router, post("/hooks/a")).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (503, "unavailable"));
    assert_eq!(got.headers["retry-after"], "1");
    // A host that stops drops what waits: nothing was kept, so the channel must come again.
    drop(world.intake);
    assert_eq!(first.await.unwrap().status.as_u16(), 503);
    assert_eq!(call(&world.router, post("/hooks/a")).await.status.as_u16(), 503);
}

/// A body that never arrives.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

/// As many as there is room for: `BODIES_MAX`, each of one step in this world.
#[tokio::test]
async fn past_the_room_for_bodies_a_webhook_is_refused_until_another_is_gone() {
    let mut world = World::new();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..128 {
        let router = world.router.clone();
        let request = Request::post("/hooks/wecom-main").body(Body::new(Never)).unwrap();
        waiting.spawn(async move { call(&router, request).await });
    }
    // Each has come as far as its body: a turn of the runtime takes some sixty of them.
    for _ in 0..128 {
        tokio::task::yield_now().await;
    }
    let refused = call(&world.router, post("/hooks/wecom-main")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    waiting.shutdown().await;
    let (taken, _) = world.hook(post("/hooks/wecom-main"), answer(200, &[], b"")).await;
    assert_eq!(taken.status, StatusCode::OK);
}
