//! Who may do what: every route, every scope, and no token at all.

use api::{Scope, TokenFile, TokenWord, Tokens, accesses};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};

use crate::world::{Got, TOKEN, World, call};

/// By hand, so that a route that opens to others than before is noticed.
const TABLE: &[(&str, &str, &[Scope])] = &[
    ("GET", "/api/v1/customers", &[Scope::Read]),
    ("GET", "/api/v1/customers/{id}", &[Scope::Read]),
    ("GET", "/api/v1/customers/{id}/timeline", &[Scope::Read]),
    ("GET", "/api/v1/customers/{id}/tags", &[Scope::Read]),
    ("GET", "/api/v1/customers/{id}/edges", &[Scope::Read]),
    ("GET", "/api/v1/customers/{id}/why", &[Scope::Read]),
    ("GET", "/api/v1/customers/{id}/why-not", &[Scope::Read]),
    ("GET", "/api/v1/conflicts", &[Scope::Read]),
    ("GET", "/api/v1/segments", &[Scope::Read]),
    ("GET", "/api/v1/segments/{name}/customers", &[Scope::Read]),
    ("GET", "/api/v1/counts", &[Scope::Read]),
    ("GET", "/api/v1/intents", &[Scope::Read]),
    ("GET", "/api/v1/intents/counts", &[Scope::Read]),
    ("GET", "/api/v1/notes", &[Scope::Read]),
    ("GET", "/api/v1/dead", &[Scope::Operate]),
    ("GET", "/api/v1/dead/groups", &[Scope::Operate]),
    ("GET", "/api/v1/dead/turns", &[Scope::Operate]),
    ("GET", "/api/v1/dead/{id}", &[Scope::Operate]),
    ("POST", "/api/v1/dead/{id}/retry", &[Scope::Operate]),
    ("POST", "/api/v1/dead/{id}/drop", &[Scope::Operate]),
    ("POST", "/api/v1/acts", &[Scope::Operate]),
    ("POST", "/api/v1/proposals", &[Scope::Operate]),
    ("GET", "/api/v1/plugins", &[Scope::Read, Scope::Operate, Scope::Administer]),
    ("GET", "/api/v1/digest", &[Scope::Read, Scope::Operate, Scope::Administer]),
    ("POST", "/api/v1/clock", &[Scope::Administer]),
    ("GET", "/metrics", &[Scope::Read, Scope::Operate, Scope::Administer]),
];

async fn ask(router: &Router, method: &Method, path: &str, token: Option<&str>) -> Got {
    let path = path.replace("{id}", "cus_0000000002").replace("{name}", "vips");
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    call(router, request.body(Body::from("{}")).unwrap()).await
}

#[test]
fn the_table_is_the_one_that_was_meant() {
    let told: Vec<_> = accesses().into_iter().map(|route| (route.method, route.path, route.scopes)).collect();
    let meant =
        TABLE.iter().map(|(method, path, scopes)| (method.parse().unwrap(), (*path).to_owned(), *scopes));
    assert_eq!(told, meant.collect::<Vec<_>>());
}

pub(super) fn word() -> TokenWord {
    TokenWord { by: "config/li".to_owned(), why: "for a test".to_owned() }
}

#[tokio::test]
async fn every_route_opens_for_its_scopes_and_for_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::new(folder.path(), "brand");
    let make = |name: &str, scopes: &[Scope], expires| file.create(name, scopes, expires, 1, word()).unwrap();
    let single = Scope::ALL.map(|scope| (scope, make(scope.name(), &[scope], None)));
    let all = make("all", &Scope::ALL, Some(u64::MAX));
    let (over, revoked) = (make("over", &Scope::ALL, Some(2)), make("revoked", &Scope::ALL, None));
    file.revoke("revoked", 2, word()).unwrap();
    let (world, _) = World::with_tokens(Tokens::new(None, Some(file.clone())));
    world.populate();
    for route in accesses() {
        let (method, path) = (&route.method, &route.path);
        for token in [None, Some(""), Some("heliu_"), Some(TOKEN), Some(&over), Some(&revoked)] {
            let got = ask(&world.router, method, path, token).await;
            assert_eq!((got.status.as_u16(), got.code().as_str()), (401, "unauthorised"), "{path} {token:?}");
        }
        for (scope, token) in &single {
            let got = ask(&world.router, method, path, Some(token)).await;
            if route.scopes.contains(scope) {
                assert!(![401, 403].contains(&got.status.as_u16()), "{path} {scope}: {}", got.text());
            } else {
                assert_eq!((got.status.as_u16(), got.code().as_str()), (403, "forbidden"), "{path} {scope}");
                assert!(got.text().contains(&format!("has {scope}")), "{}", got.text());
            }
        }
        let got = ask(&world.router, method, path, Some(&all)).await;
        assert!(![401, 403].contains(&got.status.as_u16()), "{path}: {}", got.text());
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_opens_nothing_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::new(folder.path(), "brand");
    let (world, _) = World::with_tokens(Tokens::new(Some(TOKEN), Some(file.clone())));
    let path = "/api/v1/plugins";
    let token = file.create("one", &[Scope::Read], None, 1, word()).unwrap();
    assert_eq!(ask(&world.router, &Method::GET, path, Some(&token)).await.status.as_u16(), 200);
    file.revoke("one", 2, word()).unwrap();
    assert_eq!(ask(&world.router, &Method::GET, path, Some(&token)).await.status.as_u16(), 401);
    assert_eq!(ask(&world.router, &Method::GET, path, Some(TOKEN)).await.status.as_u16(), 200);
}

#[tokio::test]
async fn one_tenants_token_and_one_tenants_file_open_nothing_at_another() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (TokenFile::new(ours.path(), "a"), TokenFile::new(theirs.path(), "b"));
    let token = a.create("one", &Scope::ALL, None, 1, word()).unwrap();
    let (world, _) = World::with_tokens(Tokens::new(Some("config-of-b"), Some(b.clone())));
    let status = async |token: &str| {
        ask(&world.router, &Method::GET, "/api/v1/plugins", Some(token)).await.status.as_u16()
    };
    assert_eq!(status(&token).await, 401);
    std::fs::copy(a.path(), b.path()).unwrap();
    assert_eq!(status(&token).await, 401, "a file that was copied is the other tenant's all the same");
    assert_eq!(status("config-of-b").await, 200);
}

#[tokio::test]
async fn on_each_of_two_listeners_the_others_routes_do_not_exist() {
    let (world, apart) = World::with_tokens(Tokens::new(Some(TOKEN), None));
    for route in accesses() {
        let got = ask(&apart.hooks, &route.method, &route.path, Some(TOKEN)).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (404, "not_found"), "{}", route.path);
        let got = ask(&apart.api, &route.method, &route.path, None).await;
        assert_eq!(got.status.as_u16(), 401, "{}", route.path);
    }
    for path in ["/hooks/a", "/hooks/a/", "/hooks/a/b"] {
        let got = ask(&apart.api, &Method::POST, path, Some(TOKEN)).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (404, "not_found"), "{path}");
    }
    // On its own listener it does: it waits for the host until that is gone.
    drop(world);
    assert_eq!(ask(&apart.hooks, &Method::POST, "/hooks/a", None).await.status.as_u16(), 503);
    for router in [&apart.hooks, &apart.api] {
        assert_eq!(ask(router, &Method::GET, "/healthz", None).await.status.as_u16(), 200);
    }
}
