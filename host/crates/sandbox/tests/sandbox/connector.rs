//! Connectors that loop, swell, flood and pry.

use std::time::{Duration, Instant};

use model::{Errand, Fault, MemoryCell, MemoryWrite, Outcome};
use sandbox::{Called, FaultKind, HostGrant, Http, Limits, PluginFault};

use crate::guest::{admitted_connector, call, call_with, outlet, request, webhook};

const LOG: &str = r#"(import "heliu:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
const CLOCK: &str = r#"
    (import "heliu:plugin/clock@0.1.0" "now" (func $now (result i64)))
    (import "heliu:plugin/clock@0.1.0" "random" (func $random (param i32 i32)))"#;
const MEMORY: &str = r#"
    (import "heliu:plugin/memory@0.1.0" "get" (func $get (param i32 i32 i32)))
    (import "heliu:plugin/memory@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64)))"#;
const HTTP: &str = r#"
    (import "heliu:plugin/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
const FOR_EVER: &str = "(loop $for_ever (br $for_ever)) (unreachable)";

async fn receive(limits: Limits, component: &[u8]) -> Result<Called<u16>, PluginFault> {
    receive_with(limits, component, Http::closed()).await
}

/// The status of the answer. These guests refuse nothing.
async fn receive_with(limits: Limits, component: &[u8], http: Http) -> Result<Called<u16>, PluginFault> {
    let connector = admitted_connector(limits, component);
    let called = connector.receive(call_with(http), &request()).await?;
    let Called { value, memory, held, log, log_dropped, http_requests, memory_bytes } = called;
    let value = value.unwrap().answer.status;
    Ok(Called { value, memory, held, log, log_dropped, http_requests, memory_bytes })
}

fn limit_of(called: Result<Called<u16>, PluginFault>) -> &'static str {
    match called.unwrap_err().kind {
        FaultKind::Limit { name, .. } => name,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_webhook_is_answered() {
    let connector = admitted_connector(Limits::default(), &webhook("", "(call $answer)"));
    let offers = connector.offers();
    assert!(offers.webhook && !offers.feed && !offers.chores && !offers.outlet);
    let called = connector.receive(call(), &request()).await.unwrap();
    assert_eq!(called.value.unwrap().answer.status, 200);
    assert_eq!(called.memory_bytes, 2 << 16);
    let fault = connector.poll(call(), None).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::NotOffered { .. }), "{fault}");
}

#[tokio::test]
async fn a_loop_without_end_is_stopped_and_starves_nobody_meanwhile() {
    let limits = Limits { connector_cpu: Duration::from_millis(300), ..Limits::default() };
    let connector = admitted_connector(limits, &webhook("", FOR_EVER));
    // One thread for both: the guest must yield it.
    let mut beats = 0;
    let started = Instant::now();
    let request = request();
    let mut calling = std::pin::pin!(connector.receive(call(), &request));
    let called = loop {
        tokio::select! {
            called = &mut calling => break called,
            () = tokio::time::sleep(Duration::from_millis(10)) => beats += 1,
        }
    };
    let fault = called.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Limit { name: "connector_cpu", .. }), "{fault}");
    assert!(beats > 5, "{beats} beats in {:?}", started.elapsed());
}

#[tokio::test]
async fn waiting_ends_at_the_wall() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let limits = Limits { connector_wall: Duration::from_millis(200), ..Limits::default() };
    let http = Http::new(vec![HostGrant::parse(&url, true).unwrap()], &limits).unwrap();
    let asking = format!(
        r#"(call $send (i32.const 2048) (i32.const 3) (i32.const 2064) (i32.const {}) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
           (call $answer)"#,
        url.len()
    );
    let data = format!(r#"{HTTP} (data (i32.const 2048) "GET") (data (i32.const 2064) "{url}")"#);
    let called = receive_with(limits, &webhook(&data, &asking), http).await;
    assert_eq!(limit_of(called), "connector_wall");
}

#[tokio::test]
async fn memory_grows_to_the_limit_and_not_one_page_past_it() {
    let growing = webhook("", "(drop (memory.grow (i32.const 8))) (call $answer)");
    let limits = |pages: usize| Limits { connector_memory_bytes: pages << 16, ..Limits::default() };
    assert_eq!(receive(limits(10), &growing).await.unwrap().memory_bytes, 10 << 16);
    assert_eq!(limit_of(receive(limits(9), &growing).await), "connector_memory_bytes");
}

#[tokio::test]
async fn a_trap_tells_the_last_words_without_secrets() {
    let data = format!(r#"{LOG} (data (i32.const 2048) "key is hunter22\nERROR forged")"#);
    let dying = webhook(&data, "(call $log (i32.const 3) (i32.const 2048) (i32.const 28)) (unreachable)");
    let fault = receive(Limits::default(), &dying).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Trap { .. }), "{fault}");
    assert_eq!(fault.log[0].text, r"key is [secret]\nERROR forged");
    assert!(fault.to_string().contains("plugin \"hostile\""), "{fault}");
}

#[tokio::test]
async fn a_flood_of_log_lines_keeps_the_last() {
    let flood = "(local $i i32)
        (loop $again
            (call $log (i32.const 1) (i32.const 1024) (i32.const 7))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 10000))))
        (call $answer)";
    let limits = Limits { log_bytes: 70, ..Limits::default() };
    let called = receive(limits, &webhook(LOG, flood)).await.unwrap();
    assert_eq!((called.log.len(), called.log_dropped), (10, 9990));
}

#[tokio::test]
async fn no_more_bytes_are_handed_over_than_the_limit() {
    let shouting = |bytes: u32| {
        let receive = format!(
            "(drop (memory.grow (i32.const 2))) (call $log (i32.const 1) (i32.const 0) (i32.const {bytes})) (call $answer)"
        );
        webhook(LOG, &receive)
    };
    let limits = || Limits { connector_hostcall_bytes: 100_000, ..Limits::default() };
    assert!(receive(limits(), &shouting(99_000)).await.is_ok());
    assert_eq!(limit_of(receive(limits(), &shouting(100_001)).await), "connector_hostcall_bytes");
}

#[tokio::test]
async fn random_bytes_are_given_up_to_the_limit() {
    let asking =
        |n: u32| webhook(CLOCK, &format!("(call $random (i32.const {n}) (i32.const 3072)) (call $answer)"));
    let limits = || Limits { random_bytes: 64, ..Limits::default() };
    assert!(receive(limits(), &asking(64)).await.is_ok());
    assert_eq!(limit_of(receive(limits(), &asking(65)).await), "random_bytes");
}

#[tokio::test]
async fn what_a_call_remembers_comes_back_with_its_answer() {
    let remembering = webhook(
        MEMORY,
        "(call $set (i32.const 1024) (i32.const 7) (i32.const 1024) (i32.const 4) (i32.const 1) (i64.const 60))
         (call $answer)",
    );
    let called = receive(Limits::default(), &remembering).await.unwrap();
    let cell = MemoryCell { key: "hostile".to_owned(), value: b"host".to_vec(), expires: Some(1060) };
    assert_eq!(called.memory, [MemoryWrite::Set(cell)]);
}

#[tokio::test]
async fn a_key_is_held_until_what_was_written_under_it_is_committed() {
    let imports =
        format!(r#"{MEMORY} (import "heliu:plugin/memory@0.1.0" "hold" (func $hold (param i32 i32)))"#);
    // Holds the key; answers 201 if there is a value, and else writes one and answers 200.
    let renewing = "(call $hold (i32.const 1024) (i32.const 7))
        (call $get (i32.const 1024) (i32.const 7) (i32.const 3072))
        (drop (call $answer))
        (if (i32.load8_u (i32.const 3072))
            (then (i32.store16 offset=20 (i32.const 512) (i32.const 201)))
            (else (call $set (i32.const 1024) (i32.const 7) (i32.const 1024) (i32.const 4) (i32.const 0) (i64.const 0))))
        (i32.const 512)";
    let connector = admitted_connector(Limits::default(), &webhook(&imports, renewing));
    let (call, request) = (call(), request());
    let memory = call.memory.clone();
    let first = connector.receive(call.clone(), &request).await.unwrap();
    assert_eq!(first.value.unwrap().answer.status, 200);
    let mut second = std::pin::pin!(connector.receive(call, &request));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut second).await;
    assert!(early.is_err(), "the second call did not wait");
    memory.apply(first.memory, 1000);
    drop(first.held);
    let second = second.await.unwrap();
    assert_eq!((second.value.unwrap().answer.status, second.memory), (201, Vec::new()));
}

#[tokio::test]
async fn an_ungranted_host_is_the_guests_own_business() {
    let data =
        format!(r#"{HTTP} (data (i32.const 2048) "GET") (data (i32.const 2064) "http://127.0.0.1:1/")"#);
    // Answers with the status 200 plus the discriminants of the result and of the failure.
    let asking = "(call $send (i32.const 2048) (i32.const 3) (i32.const 2064) (i32.const 19) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
        (drop (call $answer))
        (i32.store16 offset=20 (i32.const 512) (i32.add (i32.const 200)
            (i32.add (i32.mul (i32.load8_u (i32.const 3072)) (i32.const 10)) (i32.load8_u (i32.const 3076)))))
        (i32.const 512)";
    let http = Http::new(Vec::new(), &Limits::default()).unwrap();
    let called = receive_with(Limits::default(), &webhook(&data, asking), http).await.unwrap();
    assert_eq!((called.value, called.http_requests), (210, 1));
}

#[tokio::test]
async fn a_flood_of_requests_ends_the_call() {
    let data =
        format!(r#"{HTTP} (data (i32.const 2048) "GET") (data (i32.const 2064) "http://127.0.0.1:1/")"#);
    let flooding = |requests: u32| {
        let receive = format!(
            "(local $i i32)
             (loop $again
                (call $send (i32.const 2048) (i32.const 3) (i32.const 2064) (i32.const 19) (i32.const 0)
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const {requests}))))
             (call $answer)"
        );
        webhook(&data, &receive)
    };
    let limits = || Limits { http_requests: 5, ..Limits::default() };
    assert_eq!(receive(limits(), &flooding(5)).await.unwrap().http_requests, 5);
    assert_eq!(limit_of(receive(limits(), &flooding(6)).await), "http_requests");
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused_by_name() {
    let fault = receive(Limits::default(), &webhook("", "(i32.const 512)")).await.unwrap_err();
    let FaultKind::Answer { text, limit: _ } = &fault.kind else { panic!("{fault}") };
    assert!(text.contains("status 0"), "{fault}");
}

#[tokio::test]
async fn calls_beyond_the_pool_wait_for_their_turn() {
    let connector = admitted_connector(Limits::default(), &webhook("", "(call $answer)"));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let connector = connector.clone();
        calls.spawn(async move { connector.receive(call(), &request()).await.map(drop) });
    }
    while let Some(called) = calls.join_next().await {
        called.unwrap().unwrap();
    }
}

fn errands(count: usize) -> Vec<Errand> {
    let errand = |at: usize| Errand {
        id: format!("int_{at}"),
        scene: "direct-message".to_owned(),
        to: Vec::new(),
        staff: None,
        text: Some("你好".to_owned()),
        content: None,
        detail: "{}".to_owned(),
        not_after: None,
    };
    (0..count).map(errand).collect()
}

#[tokio::test]
async fn each_errand_has_its_outcome() {
    let remembering = "(call $set (i32.const 1024) (i32.const 7) (i32.const 1024) (i32.const 4) (i32.const 0) (i64.const 0))
        (call $delivery (local.get $count))";
    let connector = admitted_connector(Limits::default(), &outlet(MEMORY, remembering));
    let offers = connector.offers();
    assert!(offers.outlet && !offers.webhook && !offers.feed && !offers.chores);
    let called = connector.carry(call(), &errands(3)).await.unwrap();
    assert_eq!(called.value.outcomes, vec![Outcome::Sent(None); 3]);
    assert!(called.value.chores.is_empty());
    let cell = MemoryCell { key: "hostile".to_owned(), value: b"host".to_vec(), expires: None };
    assert_eq!(called.memory, [MemoryWrite::Set(cell)]);
    assert_eq!(connector.carry(call(), &[]).await.unwrap().value.outcomes, []);
}

#[tokio::test]
async fn a_connector_without_an_outlet_carries_nothing() {
    let connector = admitted_connector(Limits::default(), &webhook("", "(call $answer)"));
    let fault = connector.carry(call(), &errands(1)).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::NotOffered { .. }), "{fault}");
}

#[tokio::test]
async fn too_few_or_too_many_outcomes_are_none() {
    for given in [0, 1, 3] {
        let connector = admitted_connector(
            Limits::default(),
            &outlet("", &format!("(call $delivery (i32.const {given}))")),
        );
        let fault = connector.carry(call(), &errands(2)).await.unwrap_err();
        let FaultKind::Answer { text, limit: _ } = &fault.kind else { panic!("{fault}") };
        assert!(text.contains(&format!("{given} outcomes for 2 errands")), "{fault}");
    }
}

#[tokio::test]
async fn what_an_errand_failed_of_is_told_without_secrets() {
    // The first outcome fails, misconfigured, with the settings themselves as the reason.
    let failing = "(drop (call $delivery (local.get $count)))
        (i32.store8 (i32.load (i32.const 512)) (i32.const 2))
        (i32.store8 offset=4 (i32.load (i32.const 512)) (i32.const 0))
        (i32.store offset=8 (i32.load (i32.const 512)) (local.get $settings))
        (i32.store offset=12 (i32.load (i32.const 512)) (local.get $length))
        (i32.const 512)";
    let connector = admitted_connector(Limits::default(), &outlet("", failing));
    let called = connector.carry(call(), &errands(2)).await.unwrap();
    let failed = Outcome::Failed(Fault::Misconfigured(r#"{"key":"[secret]"}"#.to_owned()));
    assert_eq!(called.value.outcomes, [failed, Outcome::Sent(None)]);
}

#[tokio::test]
async fn an_outlet_that_never_ends_is_stopped() {
    let limits = Limits { connector_cpu: Duration::from_millis(50), ..Limits::default() };
    let connector = admitted_connector(limits, &outlet("", FOR_EVER));
    let fault = connector.carry(call(), &errands(1)).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Limit { name: "connector_cpu", .. }), "{fault}");
}
