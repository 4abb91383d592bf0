//! Segments and counts over HTTP: what is told, how often the store is read for it, and who has to wait.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use api::ScanLimits;
use model::{Customer, CustomerId, Digest, FoldState, Identity, Instant, Note};
use segment::Segment;
use serde_json::json;
use store::{Agenda, Commit, MemoryStore, Query, Standing, Store, StoreError};

use crate::world::{Parts, World, customer};

fn segments() -> Arc<[Segment]> {
    let segment = |name, text| Segment::parse(name, text).unwrap();
    Arc::from([
        segment("vips", "\"vip\" in tags").titled("Our best"),
        segment("told-lately", "days.last_event < 10"),
        segment("nobody", "stage.lifecycle == \"x\""),
    ])
}

/// The reference store, which counts its pages and lets nobody read one while it is closed.
#[derive(Default)]
struct Watched {
    store: Arc<MemoryStore>,
    pages: AtomicUsize,
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Watched {
    fn pages(&self) -> usize {
        self.pages.load(Ordering::SeqCst)
    }

    fn close(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.opened.notify_all();
    }
}

impl Store for Watched {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        self.store.standing()
    }
    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        self.store.load(ids)
    }
    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.store.resolve(handles)
    }
    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError> {
        self.store.due(agenda, upto, limit)
    }
    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.store.commit(commit)
    }
    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError> {
        self.pages.fetch_add(1, Ordering::SeqCst);
        let mut closed = self.closed.lock().unwrap();
        while *closed {
            closed = self.opened.wait(closed).unwrap();
        }
        self.store.page(query)
    }
    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError> {
        self.store.notes(after, limit)
    }
    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        self.store.digest()
    }
}

/// A world whose store is watched and whose clock the test sets.
fn watched(scans: ScanLimits) -> (World, Arc<Watched>, Arc<AtomicU64>) {
    let store = Arc::new(Watched::default());
    let now = Arc::new(AtomicU64::new(6_000));
    let clock = Arc::clone(&now);
    let world = World::of(Parts {
        read: store.clone(),
        store: store.store.clone(),
        manual: true,
        segments: segments(),
        scans,
        now: Arc::new(move || clock.load(Ordering::SeqCst)),
    });
    world.populate();
    (world, store, now)
}

#[tokio::test]
async fn segments_are_told_as_they_are_configured() {
    let (world, store, _) = watched(ScanLimits::default());
    let told = world.get("/api/v1/segments").await.json();
    assert_eq!(
        told["segments"][0],
        json!({"name": "vips", "title": "Our best", "filter": "\"vip\" in tags"})
    );
    assert_eq!(told["segments"].as_array().unwrap().len(), 3);
    assert_eq!(store.pages(), 0, "nobody was asked");
}

#[tokio::test]
async fn customers_of_a_segment_are_paged() {
    let (world, _, _) = watched(ScanLimits::default());
    let page = world.get("/api/v1/segments/vips/customers?limit=1").await.json();
    assert_eq!(page["segment"]["name"], "vips");
    assert_eq!(
        (&page["customers"][0]["id"], &page["next"]),
        (&json!("cus_0000000002"), &json!("cus_0000000002"))
    );
    assert_eq!((&page["position"], &page["now"]), (&json!(7), &json!(6_000)));
    let page = world.get("/api/v1/segments/vips/customers?limit=1&after=cus_0000000002").await.json();
    assert_eq!((&page["customers"][0]["id"], &page["next"]), (&json!("cus_0000000006"), &json!(null)));
    let page = world.get("/api/v1/segments/told-lately/customers").await.json();
    assert_eq!(page["customers"].as_array().unwrap().len(), 3);
    let page = world.get("/api/v1/segments/nobody/customers").await.json();
    assert_eq!((&page["customers"], &page["next"]), (&json!([]), &json!(null)));
}

#[tokio::test]
async fn everybody_is_counted() {
    let (world, _, _) = watched(ScanLimits::default());
    let told = world.get("/api/v1/counts").await.json();
    let named = |name: &str, customers: u64| json!({"name": name, "customers": customers});
    assert_eq!(
        told,
        json!({
            "position": 7, "now": 6_000, "customers": 3, "left_out": 0,
            "segments": [
                {"name": "vips", "title": "Our best", "customers": 2},
                {"name": "told-lately", "title": "told-lately", "customers": 3},
                {"name": "nobody", "title": "nobody", "customers": 0},
            ],
            "tags": [named("lapsed", 3), named("vip", 2)],
            "stages": [{"journey": "lifecycle", "stage": "repeat", "customers": 3}],
            "channels": [named("wechat", 3)],
            "schemes": [named("phone", 3), named("wechat.unionid", 3)],
        })
    );
}

#[tokio::test]
async fn a_wrong_question_about_segments_is_refused() {
    let (world, store, _) = watched(ScanLimits::default());
    let got = world.get("/api/v1/segments/vip/customers").await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (404, "not_found"));
    for path in [
        "segments?limit=1",
        "counts?tag=vip",
        "segments/vips/customers?after=4",
        "segments/vips/customers?limit=0",
    ] {
        assert_eq!(world.get(&format!("/api/v1/{path}")).await.status.as_u16(), 400, "{path}");
    }
    assert_eq!(store.pages(), 0);
}

#[tokio::test]
async fn nobody_is_asked_again_while_nothing_changed() {
    let (world, store, now) = watched(ScanLimits::default());
    let counts = || async { world.get("/api/v1/counts").await.json() };
    let first = counts().await;
    assert_eq!((counts().await, store.pages()), (first.clone(), 1));
    world.get("/api/v1/segments/vips/customers").await;
    world.get("/api/v1/segments/vips/customers").await;
    assert_eq!(store.pages(), 2, "another question");
    assert_eq!((counts().await, store.pages()), (first.clone(), 2));
    now.fetch_add(59_999, Ordering::SeqCst);
    assert_eq!((counts().await, store.pages()), (first, 2));
    now.fetch_add(1, Ordering::SeqCst);
    assert_eq!((counts().await["now"].clone(), store.pages()), (json!(66_000), 3), "a minute is over");
    // Without records: the journal has none of hers.
    world.keep(&[Customer { timeline: Vec::new(), ..customer(4) }], &[]);
    let told = counts().await;
    assert_eq!(
        (&told["customers"], &told["position"], store.pages()),
        (&json!(4), &json!(14), 4),
        "the store moved"
    );
    world.segments.send_replace(Arc::from([]));
    assert_eq!((counts().await["segments"].clone(), store.pages()), (json!([]), 5), "other segments");
    assert_eq!(world.get("/api/v1/segments/vips/customers").await.status.as_u16(), 404);
}

#[tokio::test]
async fn one_scan_at_a_time_and_the_next_is_told_to_come_again() {
    let wait_max = Duration::from_millis(50);
    let (world, store, _) = watched(ScanLimits { wait_max, ..ScanLimits::default() });
    store.close(true);
    let (path, router) = ("/api/v1/segments/vips/customers", world.router.clone());
    let scanning = tokio::spawn(async move { World::get_from(&router, path).await });
    while store.pages() == 0 {
        tokio::task::yield_now().await;
    }
    let got = world.get("/api/v1/counts").await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (503, "unavailable"));
    assert!(
        got.headers.contains_key("retry-after") && got.text().contains("another scan runs"),
        "{}",
        got.text()
    );
    assert_eq!(world.get("/api/v1/segments").await.status.as_u16(), 200, "what needs no scan does not wait");
    assert_eq!(store.pages(), 1);
    store.close(false);
    assert_eq!(scanning.await.unwrap().status.as_u16(), 200);
    assert_eq!(world.get("/api/v1/counts").await.status.as_u16(), 200);
}

#[tokio::test]
async fn who_leaves_does_not_let_another_scan_in_beside_his() {
    let wait_max = Duration::from_millis(50);
    let (world, store, _) = watched(ScanLimits { wait_max, ..ScanLimits::default() });
    store.close(true);
    let router = world.router.clone();
    let leaving = tokio::spawn(async move { World::get_from(&router, "/api/v1/counts").await });
    while store.pages() == 0 {
        tokio::task::yield_now().await;
    }
    leaving.abort();
    assert!(leaving.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(world.get("/api/v1/segments/vips/customers").await.status.as_u16(), 503);
    assert_eq!(store.pages(), 1);
    store.close(false);
}

#[tokio::test]
async fn who_waited_for_the_same_gets_the_same_answer() {
    let (world, store, _) = watched(ScanLimits::default());
    store.close(true);
    let ask = || {
        let router = world.router.clone();
        tokio::spawn(async move { World::get_from(&router, "/api/v1/counts").await })
    };
    let asked: Vec<_> = (0..5).map(|_| ask()).collect();
    while store.pages() == 0 {
        tokio::task::yield_now().await;
    }
    store.close(false);
    for got in asked {
        assert_eq!(got.await.unwrap().json()["customers"], 3);
    }
    assert_eq!(store.pages(), 1);
}

#[tokio::test]
async fn a_scan_that_takes_too_long_ends() {
    let run_max = Duration::ZERO;
    let (world, _, _) = watched(ScanLimits { run_max, ..ScanLimits::default() });
    let got = world.get("/api/v1/counts").await;
    assert_eq!(got.status.as_u16(), 503);
    assert!(got.text().contains("the scan took too long, it saw 0 customers"), "{}", got.text());
    // A page goes on from where it stopped, whoever is found.
    let (mut path, mut found, mut pages) = ("/api/v1/segments/vips/customers".to_owned(), 0, 0);
    loop {
        let page = world.get(&path).await.json();
        found += page["customers"].as_array().unwrap().len();
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/segments/vips/customers?after={next}");
    }
    assert_eq!((found, pages), (2, 4));
}
