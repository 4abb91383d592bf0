#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::time::Instant;
use model::*;
use sandbox::*;
fn event(i: u64) -> Event {
    let line = |s: &str| OrderLine { sku: s.to_owned(), title: format!("{s} title"), category: Some("cleanser".to_owned()), quantity: 1, paid: 8900 };
    Event { id: format!("e-{i}"), at: 1746806400000, who: vec![], staff: None, touchpoint: Touchpoint::Shop, extra: None,
        fact: Fact::Bought(Order { id: format!("o-{i}"), step: OrderStep::Paid, currency: "CNY".into(), total: 17800, paid: 17800, refunded: 0, lines: vec![line("cleanser-50"), line("cream-30")], placed_at: 1746028800000, source: Some("live".into()) }) }
}
#[test]
fn bench() {
    let sandbox = Sandbox::new(SandboxConfig::default()).unwrap();
    for name in ["repurchase", "behaviour-tags"] {
        let bytes = std::fs::read(format!("../../../target/plugins/{name}.wasm")).unwrap();
        let t = Instant::now();
        let Plugin::Policy(policy) = sandbox.admit(&bytes, &Grants::none()).unwrap() else { panic!() };
        println!("{name} admit {:?}", t.elapsed());
        let events: Vec<Event> = (0..256).map(event).collect();
        let cause = Cause { position: 1, now: 1, version: None, alarm: None, why: String::new() };
        let tags: Vec<HeldTag> = (0..4).map(|i| HeldTag { name: format!("tag-number-{i}"), since: 1, expires: None, cause: cause.clone() }).collect();
        let v = Value::Text("some text".into());
        let turns: Vec<Turn> = events.iter().enumerate().map(|(i, e)| Turn {
            customer: CustomerView { id: CustomerId(i as u64 + 1), first_seen: 1, traits: vec![("name", &v), ("city", &v)], tags: tags.iter().collect(), stages: vec![], staff: &[] },
            memory: None, position: i as u64 + 1, now: 1777564800000, happening: Happening::Fact(e) }).collect();
        for size in [1, 64, 256] {
            let n = 2000 / size.max(4) + 20;
            let e = policy.evaluate_metered("{}", &turns[..size]).unwrap();
            let t = Instant::now();
            for _ in 0..n { policy.evaluate("{}", &turns[..size]).unwrap(); }
            let each = t.elapsed() / n as u32;
            println!("{name} batch {size}: {each:?} ({:?} a turn), fuel {} calls {} {:?}", each / size as u32, e.fuel, e.calls, matches!(e.outcomes[0], TurnOutcome::Verdict(_)));
        }
    }
    let bytes = std::fs::read("../../../target/plugins/wecom.wasm").unwrap();
    let Plugin::Connector(wecom) = sandbox.admit(&bytes, &Grants::all()).unwrap() else { panic!() };
    let golden: serde_json::Value = serde_json::from_str(&std::fs::read_to_string("../../../plugins/connectors/wecom/tests/golden/acquisition-balance-low.json").unwrap()).unwrap();
    let r = &golden["request"];
    let request = Request { method: "POST".into(), path: String::new(), query: r["query"].as_str().unwrap().into(), headers: vec![("content-type".into(), "text/xml".into())], body: r["body"].as_str().unwrap().as_bytes().to_vec() };
    let now = golden["now"].as_u64().unwrap();
    let rt = tokio::runtime::Runtime::new().unwrap();
    rt.block_on(async {
        let call = || Call { connection: "x".into(), settings: golden["settings"].to_string(), clock: Arc::new(move || now), secrets: vec![], memory: ConnectionMemory::default(), http: Http::closed() };
        let called = wecom.receive(call(), &request).await.unwrap();
        println!("ok {}", called.value.is_ok());
        let t = Instant::now();
        for _ in 0..1000 { wecom.receive(call(), &request).await.unwrap(); }
        println!("receive {:?}", t.elapsed() / 1000);
    });
}
