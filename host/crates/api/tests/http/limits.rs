//! What a request may be, on every route: at each limit, and one past it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use api::{HEADER_BYTES_MAX, HEADERS_MAX, URI_BYTES_MAX, accesses};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use http_body::Frame;

use crate::world::{Got, TOKEN, World, call};

/// Every address there is, one of the hooks and one that is none besides. The hooks' other end is gone.
fn addresses() -> (World, Vec<(Method, String)>) {
    let mut world = World::new();
    world.intake.close();
    let filled = |path: &str| path.replace("{id}", "cus_0000000002").replace("{name}", "vips");
    let mut all: Vec<_> =
        accesses().iter().map(|route| (route.method.clone(), filled(&route.path))).collect();
    for path in ["/hooks/a", "/healthz", "/nothing"] {
        all.push((Method::GET, path.to_owned()));
    }
    (world, all)
}

fn request(method: &Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("authorization", format!("Bearer {TOKEN}"))
}

/// The status, and the code of an error.
fn told(got: &Got) -> (u16, String) {
    let is_error = got.status.is_client_error() || got.status.is_server_error();
    (got.status.as_u16(), if is_error { got.code() } else { String::new() })
}

#[tokio::test]
async fn an_address_has_a_longest() {
    let (world, addresses) = addresses();
    for (method, path) in addresses {
        for (bytes, refused) in [(URI_BYTES_MAX, false), (URI_BYTES_MAX + 1, true)] {
            let long = format!("{path}?{}", "x".repeat(bytes - path.len() - 1));
            let got = call(&world.router, request(&method, &long).body(Body::from("{}")).unwrap()).await;
            assert_eq!(
                told(&got) == (414, "uri_too_long".to_owned()),
                refused,
                "{path} {bytes}: {}",
                got.text()
            );
        }
    }
}

#[tokio::test]
async fn headers_have_a_number_and_a_size() {
    let (world, addresses) = addresses();
    let refusal = (431, "headers_too_large".to_owned());
    for (method, path) in addresses {
        for (count, refused) in [(HEADERS_MAX, false), (HEADERS_MAX + 1, true)] {
            let mut many = request(&method, &path);
            for number in 1..count {
                many = many.header(format!("x-{number}"), "v");
            }
            let got = call(&world.router, many.body(Body::from("{}")).unwrap()).await;
            assert_eq!(told(&got) == refusal, refused, "{path} {count}: {}", got.text());
        }
        let there = "authorization".len() + "Bearer ".len() + TOKEN.len() + "x".len();
        for (bytes, refused) in [(HEADER_BYTES_MAX, false), (HEADER_BYTES_MAX + 1, true)] {
            let large = request(&method, &path).header("x", "v".repeat(bytes - there));
            let got = call(&world.router, large.body(Body::from("{}")).unwrap()).await;
            assert_eq!(told(&got) == refusal, refused, "{path} {bytes}: {}", got.text());
        }
    }
}

#[tokio::test]
async fn a_body_of_the_api_has_a_size() {
    let (world, _) = addresses();
    for route in accesses() {
        let path = route.path.replace("{id}", "cus_0000000002").replace("{name}", "vips");
        for (bytes, refused) in [(route.body_max_bytes, false), (route.body_max_bytes + 1, true)] {
            let body = Body::from(vec![b' '; bytes]);
            let got = call(&world.router, request(&route.method, &path).body(body).unwrap()).await;
            assert_eq!(
                told(&got) == (413, "too_large".to_owned()),
                refused,
                "{path} {bytes}: {}",
                got.text()
            );
        }
    }
}

/// A sender that begins, and never goes on.
struct Stalled(Option<Bytes>);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (world, addresses) = addresses();
    for (method, path) in addresses.iter().filter(|(_, path)| path != "/healthz" && path != "/nothing") {
        let body = Body::new(Stalled(Some(Bytes::from_static(b"{"))));
        let got = call(&world.router, request(method, path).body(body).unwrap()).await;
        assert_eq!(told(&got), (408, "timed_out".to_owned()), "{path}: {}", got.text());
    }
}
