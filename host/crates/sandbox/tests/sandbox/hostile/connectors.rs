//! Connectors that loop, swell, flood, forge and pry.

use std::time::Duration;

use guests::Guest;
use model::{Chore, Errand, MemoryCell, Refusal, Request};
use sandbox::{Call, ConnectionMemory, FaultKind, HostGrant, Http, Limits, PluginFault};

use super::neighbours::{Neighbours, assert_limit, assert_named, fault_of};
use crate::guest::{call, call_with, request};

fn little_time() -> Limits {
    Limits { connector_cpu: Duration::from_millis(300), ..Limits::default() }
}

/// Long enough for a neighbour on a machine that does other things.
fn little_patience() -> Limits {
    Limits { connector_wall: Duration::from_secs(2), ..Limits::default() }
}

async fn reaches(limits: Limits, guest: Guest, limit: &str) -> PluginFault {
    let fault = fault_of(limits, guest).await;
    assert_limit(&fault, limit);
    fault
}

async fn traps(guest: Guest, parts: &[&str]) -> PluginFault {
    let fault = fault_of(Limits::default(), guest).await;
    assert!(matches!(fault.kind, FaultKind::Trap { .. }), "{fault}");
    parts.iter().for_each(|part| assert!(fault.to_string().contains(part), "{part}: {fault}"));
    fault
}

fn assert_answer(fault: &PluginFault, parts: &[&str]) {
    assert!(matches!(fault.kind, FaultKind::Answer { .. }), "{fault}");
    parts.iter().for_each(|part| assert!(fault.to_string().contains(part), "{part}: {fault}"));
}

async fn answers_out_of_bounds(guest: Guest, parts: &[&str]) {
    assert_answer(&fault_of(Limits::default(), guest).await, parts);
}

pub async fn loops_at_a_webhook(guest: Guest) {
    let fault = reaches(little_time(), guest, "connector_cpu").await;
    assert!(fault.to_string().contains("spoil"), "{fault}");
}

pub async fn recurses_at_a_webhook(guest: Guest) {
    traps(guest, &["stack", "down"]).await;
}

pub async fn dies_at_a_webhook(guest: Guest) {
    let fault = traps(guest, &["unreachable", "spoil"]).await;
    assert_eq!(fault.log[0].text, r"the key is [secret]\nERROR the host is compromised");
    assert!(!fault.to_string().contains("hunter22"), "{fault}");
}

pub async fn swells_at_a_webhook(guest: Guest) {
    let limits = Limits { connector_memory_bytes: 4 << 20, ..Limits::default() };
    reaches(limits, guest, "connector_memory_bytes").await;
}

/// Each of its calls is within its limit; together they are not.
pub async fn holds_its_memory(guest: Guest) {
    const MIB: usize = 1 << 20;
    let limits = Limits { one_connector_memory_bytes: 2 * MIB, ..Limits::default() };
    let neighbours = Neighbours::new(limits);
    let connector = neighbours.hostile_connector(guest);
    let call = call();
    let first = connector.receive(call.clone(), &request()).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (connector, call) = (connector.clone(), call.clone());
        waiting.spawn(async move { connector.receive(call, &request()).await.map(drop) });
    }
    while neighbours.sandbox.memory_bytes() < 2 * MIB {
        tokio::task::yield_now().await;
    }
    let fault = neighbours.during(connector.receive(call, &request())).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_limit(&fault, "one_connector_memory_bytes");
    drop(first.held);
    while let Some(ended) = waiting.join_next().await {
        ended.unwrap().unwrap();
    }
    assert_eq!(neighbours.sandbox.memory_bytes(), 0);
}

/// Two of them would hold all memory that there is for connectors: what is left for a third is not theirs.
pub async fn two_hold_their_memory(guest: Guest) {
    const MIB: usize = 1 << 20;
    let limits = Limits { connectors_memory_bytes: 3 * MIB, ..Limits::default() };
    let neighbours = Neighbours::new(limits);
    let connector = neighbours.hostile_connector(guest);
    neighbours.sandbox.share_calls(["greedy", "greedier", "test"].map(|name| (name.to_owned(), 4)));
    let of = |connection: &str| sandbox::Call { connection: connection.to_owned(), ..call() };
    let greedy = of("greedy");
    let first = connector.receive(greedy.clone(), &request()).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (connector, greedy) = (connector.clone(), greedy.clone());
        waiting.spawn(async move { connector.receive(greedy, &request()).await.map(drop) });
    }
    while neighbours.sandbox.memory_bytes() < 2 * MIB {
        tokio::task::yield_now().await;
    }
    // The last of three MiB: a sixth of it all is left for the one that behaves, and is not given away.
    let fault = neighbours.during(connector.receive(of("greedier"), &request())).await.unwrap_err();
    assert_named(&fault, &connector);
    assert!(
        matches!(&fault.kind, FaultKind::Busy { text } if text.contains("kept for other connections")),
        "{fault}"
    );
    drop(first.held);
    while let Some(ended) = waiting.join_next().await {
        ended.unwrap().unwrap();
    }
    assert_eq!(neighbours.sandbox.memory_bytes(), 0);
}

pub async fn logs_without_end(guest: Guest) {
    let fault = reaches(little_time(), guest, "connector_cpu").await;
    let bytes: usize = fault.log.iter().map(|line| line.text.len()).sum();
    assert!(bytes <= Limits::default().log_bytes, "{bytes}");
    assert_eq!(fault.log[0].text, r"\u{1b}[2J\u{202e} harmless\r\n");
}

pub async fn logs_megabytes(guest: Guest) {
    let fault = reaches(little_time(), guest, "connector_cpu").await;
    assert!(fault.log.iter().all(|line| line.text.len() <= 1100), "{fault}");
}

pub async fn logs_a_gigabyte(guest: Guest) {
    traps(guest, &["string"]).await;
}

pub async fn logs_more_than_is_taken(guest: Guest) {
    reaches(Limits::default(), guest, "connector_hostcall_bytes").await;
}

pub async fn logs_in_no_alphabet(guest: Guest) {
    traps(guest, &["utf-8"]).await;
}

pub async fn logs_at_no_level(guest: Guest) {
    traps(guest, &["discriminant"]).await;
}

pub async fn calls_back_while_it_is_called(guest: Guest) {
    traps(guest, &["cannot leave component instance", "realloc"]).await;
}

pub async fn host_call_without_end(guest: Guest) {
    let neighbours = Neighbours::new(little_patience());
    let connector = neighbours.hostile_connector(guest);
    let call = call();
    // The first one has the key, and never gives it back.
    let _first = connector.receive(call.clone(), &request()).await.unwrap();
    let fault = neighbours.during(connector.receive(call, &request())).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_limit(&fault, "connector_wall");
}

pub async fn host_calls_without_end(guest: Guest) {
    reaches(little_time(), guest, "connector_cpu").await;
}

pub async fn holds_every_key(guest: Guest) {
    reaches(Limits::default(), guest, "memory_holds").await;
}

pub async fn remembers_without_number(guest: Guest) {
    reaches(Limits::default(), guest, "memory_writes").await;
}

pub async fn remembers_a_value_too_large(guest: Guest) {
    reaches(Limits::default(), guest, "memory_value_bytes").await;
}

pub async fn remembers_more_at_each_call(guest: Guest) {
    let limits = Limits { memory_bytes: 200_000, ..Limits::default() };
    let neighbours = Neighbours::new(limits);
    let connector = neighbours.hostile_connector(guest);
    let call = call();
    let under = |key: &str| Request { body: key.as_bytes().to_vec(), ..request() };
    for key in ["1", "2", "3"] {
        let called = connector.receive(call.clone(), &under(key)).await.unwrap();
        call.memory.apply(called.memory, 1000);
    }
    let request = under("4");
    let fault = neighbours.during(connector.receive(call.clone(), &request)).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_limit(&fault, "memory_bytes");
    // What it has it may write anew.
    assert!(connector.receive(call, &under("3")).await.is_ok());
}

pub async fn reads_anothers_memory(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let token = MemoryCell { key: "token".to_owned(), value: b"s3cret".to_vec(), expires: None };
    let its_own = Call { memory: ConnectionMemory::new(vec![token]), ..call() };
    let request = request();
    let answered = connector.receive(its_own, &request).await.unwrap().value.unwrap().answer;
    assert_eq!((answered.status, answered.body.as_slice()), (200, &b"s3cret"[..]));
    let another = neighbours.during(connector.receive(call(), &request)).await.unwrap();
    let answered = another.value.unwrap().answer;
    assert_eq!((answered.status, answered.body), (404, Vec::new()));
}

/// The pool gives each call a place in which others were before.
pub async fn searches_the_ashes(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let request = request();
    for at in 0..12 {
        let settings = format!(r#"{{"key":"the secret of connection {at}"}}"#);
        let call = Call { settings, ..call() };
        let called = neighbours.during(connector.receive(call, &request)).await.unwrap();
        assert_eq!(called.value.unwrap().answer.status, 200, "call {at} found what another left");
    }
}

pub async fn tells_its_secrets(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let called = neighbours.during(connector.receive(call(), &request())).await.unwrap();
    assert_eq!(called.value, Err(Refusal::NotAuthentic(r#"{"key":"[secret]"}"#.to_owned())));
}

pub async fn draws_without_end(guest: Guest) {
    reaches(Limits::default(), guest, "random_bytes").await;
}

pub async fn requests_without_number(guest: Guest) {
    reaches(Limits::default(), guest, "http_requests").await;
}

/// It is told so, and may go on: the refusal is its own business. Not even a grant reaches there.
pub async fn asks_whom_nobody_granted(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let metadata = HostGrant::parse("http://169.254.169.254", true).unwrap();
    for grants in [Vec::new(), vec![metadata]] {
        let http = Http::new(grants, &Limits::default()).unwrap();
        let called = neighbours.during(connector.receive(call_with(http), &request())).await.unwrap();
        assert_eq!((called.value.unwrap().answer.status, called.http_requests), (403, 1));
    }
}

pub async fn waits_for_a_mute_server(guest: Guest) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let limits = little_patience();
    let http = Http::new(vec![HostGrant::parse(&url, true).unwrap()], &limits).unwrap();
    let neighbours = Neighbours::new(limits);
    let connector = neighbours.hostile_connector(guest);
    let request = Request { body: url.into_bytes(), ..request() };
    let fault = neighbours.during(connector.receive(call_with(http), &request)).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_limit(&fault, "connector_wall");
}

pub async fn answers_with_no_status(guest: Guest) {
    answers_out_of_bounds(guest, &["status 0"]).await;
}

pub async fn answers_with_two_headers_in_one(guest: Guest) {
    answers_out_of_bounds(guest, &["header \"x\"", "control characters"]).await;
}

pub async fn answers_with_megabytes(guest: Guest) {
    answers_out_of_bounds(guest, &["9437184 bytes", "answer_body_bytes"]).await;
}

pub async fn events_without_number(guest: Guest) {
    answers_out_of_bounds(guest, &["10001 events", "harvest_events"]).await;
}

pub async fn event_of_another_scheme(guest: Guest) {
    answers_out_of_bounds(guest, &["event \"e1\"", "wechat.unionid", "declares"]).await;
}

/// It declares what it uses, so the sandbox has nothing against it: whose kind of handle that is, the configuration says
/// (`heliu`'s wiring.rs, `tests/e2e/hostile.rs`).
pub async fn names_people_by_phone(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let kept = connector.receive(call(), &request()).await.unwrap().value.unwrap().kept;
    let who = &kept.events[0].who[0];
    assert_eq!((who.scheme.as_str(), who.value.as_str()), ("phone", "13900000000"));
}

pub async fn event_with_extra_in_brackets(guest: Guest) {
    answers_out_of_bounds(guest, &["event \"e1\"", "extra", "json_depth"]).await;
}

pub async fn event_that_is_no_fact(guest: Guest) {
    traps(guest, &["discriminant"]).await;
}

pub async fn events_of_one_text(guest: Guest) {
    reaches(Limits::default(), guest, "connector_hostcall_bytes").await;
}

pub async fn cursor_of_no_kind(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let fault = neighbours.during(connector.poll(call(), None)).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_answer(&fault, &["cursor is not JSON", "hostile"]);
}

pub async fn chores_without_number(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let chore = Chore { key: "k".to_owned(), due: None, job: "{}".to_owned() };
    let fault = neighbours.during(connector.work(call(), &chore)).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_answer(&fault, &["10001 chores", "harvest_chores"]);
}

pub async fn outcomes_of_nobodys_errands(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let connector = neighbours.hostile_connector(guest);
    let errand = Errand {
        id: "int_1".to_owned(),
        scene: "direct-message".to_owned(),
        to: Vec::new(),
        staff: None,
        text: None,
        content: None,
        detail: "{}".to_owned(),
        not_after: None,
    };
    let errands = [errand];
    let fault = neighbours.during(connector.carry(call(), &errands)).await.unwrap_err();
    assert_named(&fault, &connector);
    assert_answer(&fault, &["2 outcomes for 1 errands"]);
}
