//! What a collector is sent, by one that stands here.

use std::sync::Mutex;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value as Json;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use super::*;

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Json>>>);

impl Collector {
    async fn start(&self, status: StatusCode) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kept = self.0.clone();
        let take = move |headers: HeaderMap, body: String| {
            assert_eq!(headers["content-type"], "application/json");
            kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            std::future::ready(status)
        };
        let routes = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    fn spans(&self) -> Vec<Json> {
        let bodies = self.0.lock().unwrap();
        let spans =
            bodies.iter().flat_map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array());
        spans.flatten().cloned().collect()
    }
}

fn named<'a>(spans: &'a [Json], name: &str) -> &'a Json {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn number(value: &Json) -> u128 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_webhook_leads_to_the_fold_that_took_it_and_ends_before_it() {
    let collector = Collector::default();
    let (spans, exporter, flush) = pair(&collector.start(StatusCode::OK).await, "brand");
    let exporting = tokio::spawn(exporter.run());
    let layer = spans.with_filter(tracing_subscriber::filter::filter_fn(Spans::wants));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let waiting = Waiting::default();
        assert!(waiting.fold().is_none(), "nobody waits");
        let webhook = tracing::info_span!(target: api::TRACE, "webhook", status = tracing::field::Empty);
        webhook.in_scope(|| {
            tracing::info_span!("of another target", who = "somebody").in_scope(|| {});
            tracing::info_span!(target: api::TRACE, "append", records = 1_u64).in_scope(|| waiting.begin(7));
        });
        webhook.record("status", 200_u64);
        drop(webhook);
        assert!(!waiting.fold().is_none());
        waiting.folded(6);
        // It waits still, and the next fold began before anybody asked for its span.
        drop(waiting.commit().entered());
        waiting.folded(7);
        assert!(waiting.fold().is_none());
    });
    flush.flush().await;
    let spans = collector.spans();
    let (webhook, append, wait) =
        (named(&spans, "webhook"), named(&spans, "append"), named(&spans, "wait_for_fold"));
    assert_eq!((&webhook["kind"], &webhook["parentSpanId"]), (&2.into(), &"".into()));
    assert_eq!(webhook["attributes"][0]["value"]["intValue"], "200");
    for (child, parent) in [(append, webhook), (wait, append)] {
        assert_eq!((&child["traceId"], &child["parentSpanId"]), (&parent["traceId"], &parent["spanId"]));
    }
    let fold = spans.iter().find(|span| span["name"] == "fold" && span["links"] != serde_json::json!([]));
    let fold = fold.unwrap_or_else(|| panic!("{spans:#?}"));
    assert_ne!(fold["traceId"], webhook["traceId"]);
    assert_eq!(fold["links"][0]["spanId"], wait["spanId"]);
    assert_eq!(named(&spans, "commit")["parentSpanId"], fold["spanId"]);
    assert!(number(&webhook["endTimeUnixNano"]) <= number(&wait["endTimeUnixNano"]));
    assert!(spans.iter().all(|span| number(&span["startTimeUnixNano"]) <= number(&span["endTimeUnixNano"])));
    assert!(!serde_json::to_string(&spans).unwrap().contains("somebody"));
    let body = collector.0.lock().unwrap()[0].clone();
    let resource = body["resourceSpans"][0]["resource"]["attributes"].to_string();
    assert!(resource.contains("heliu.tenant") && resource.contains("brand"), "{resource}");
    drop(flush);
    tokio::time::timeout(Duration::from_secs(60), exporting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_collector_that_does_not_take_them_costs_spans_and_nothing_else() {
    let collector = Collector::default();
    let (spans, exporter, flush) = pair(&collector.start(StatusCode::BAD_GATEWAY).await, "brand");
    let lost = Arc::clone(&exporter.lost);
    let subscriber = tracing_subscriber::registry().with(spans);
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..=QUEUE_MAX {
            tracing::info_span!(target: api::TRACE, "webhook").in_scope(|| {});
        }
    });
    assert_eq!(lost.load(Ordering::Relaxed), 1, "more than the queue holds");
    tokio::spawn(exporter.run());
    flush.flush().await;
    assert_eq!(lost.load(Ordering::Relaxed), QUEUE_MAX as u64 + 1);
}
