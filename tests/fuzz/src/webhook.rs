//! A webhook from the API's route through the connector `wecom`, the component itself, in the sandbox, to the answer.
//!
//! Between the two stands what `heliu serve` does with a request, without its queues and its journal. Whatever a channel
//! sends, the connector must not fault: the channel would be told to come again, and would come with the same.

use std::sync::{Arc, OnceLock};

use api::{ApiState, HealthReport, Incoming, Reply, ScanLimits, Tokens};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use journal::{Committer, CommitterConfig, MemoryJournal};
use model::{Binding, Reception, Refusal, Turn};
use router::{Plugins, PluginsError, TurnOutcome};
use sandbox::{
    Call, Compiler, ConnectionMemory, Connector, FaultKind, Grants, Http, Limits, Plugin, Sandbox,
    SandboxConfig,
};
use store::MemoryStore;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt as _;

use crate::connectors::{AS_IT_IS, SEALED, wecom_push, wecom_seeds, wecom_settings};
use crate::script::{self, BETWEEN, NOW, Script};

/// A request as it is: method, path behind the connection, query, a header's name and value, body.
const WHOLE: u8 = b'H';
const BODY_MAX_BYTES: usize = 64 << 10;

struct Door {
    runtime: Runtime,
    routes: axum::Router,
}

pub fn run(bytes: &[u8]) {
    static DOOR: OnceLock<Door> = OnceLock::new();
    let door = DOOR.get_or_init(|| Door::open().unwrap_or_else(|error| panic!("no door: {error:#}")));
    let Some(request) = Script::read(bytes).and_then(|script| request(script)) else { return };
    let answered = door.runtime.block_on(door.routes.clone().oneshot(request));
    let status = answered.map(|response| response.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "the host failed");
    assert_ne!(status, StatusCode::SERVICE_UNAVAILABLE, "the channel would come again");
}

/// None: HTTP has no such request.
fn request(mut script: Script<'_>) -> Option<Request<Body>> {
    if matches!(script.call, AS_IT_IS | SEALED) {
        let push = wecom_push(&mut script);
        let uri = format!("/hooks/wecom?{}", push.query);
        return Request::builder().method(push.method.as_str()).uri(uri).body(Body::from(push.body)).ok();
    }
    let [method, path, query, name, value, body] = std::array::from_fn(|_| script.part());
    let uri = [b"/hooks/wecom", path, b"?", query].concat();
    let mut request = Request::builder().method(method).uri(uri.as_slice());
    if !name.is_empty() {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_vec())).ok()
}

impl Door {
    fn open() -> anyhow::Result<Door> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let limits = Limits { connector_calls: 2, policy_calls: 1, ..Limits::default() };
        let compiler = Compiler::new(tests::host::binary()?, &["compile"]);
        let cache_dir = Some(tests::host::workspace().join("target/fuzz/cache"));
        let sandbox = Sandbox::new(SandboxConfig { limits, compiler, cache_dir })?;
        let component = std::fs::read(tests::host::plugin("wecom")?)?;
        let Plugin::Connector(connector) = sandbox.admit(&component, &Grants::all())? else {
            anyhow::bail!("wecom is no connector")
        };
        let (intake, incoming) = mpsc::channel(1);
        runtime.spawn(take(connector, incoming));
        let routes = runtime.block_on(async { routes(intake) })?;
        Ok(Door { runtime, routes })
    }
}

fn routes(intake: mpsc::Sender<Incoming>) -> anyhow::Result<axum::Router> {
    let journal = Arc::new(MemoryJournal::default());
    let (committer, appender) = Committer::new(journal.clone(), CommitterConfig::default())?;
    drop(committer.spawn()?);
    Ok(api::router(ApiState {
        journal,
        store: Arc::new(MemoryStore::default()),
        intake,
        callers: Arc::default(),
        tokens: Arc::new(Tokens::new(Some("a-token"), None)),
        body_within: std::time::Duration::from_secs(30),
        body_max_bytes: BODY_MAX_BYTES,
        health: watch::channel(HealthReport::default()).1,
        plugins: watch::channel(Vec::new()).1,
        segments: watch::channel(Arc::from([])).1,
        scans: ScanLimits::default(),
        now: Arc::new(|| NOW),
        clock: None,
        appender,
        policies: Arc::new(NoPolicies),
        retries: mpsc::channel(1).0,
        intake_refused: Arc::default(),
        metrics: Arc::new(|| Ok(String::new())),
    }))
}

/// What `heliu serve` makes of a request, but for the journal.
async fn take(connector: Connector, mut incoming: mpsc::Receiver<Incoming>) {
    while let Some(Incoming { connection: _, request, span: _, reply }) = incoming.recv().await {
        let answer = match connector.receive(call(), &request).await {
            Ok(called) => match called.value {
                Ok(Reception { kept: _, answer }) | Err(Refusal::Malformed { why: _, answer }) => {
                    Reply::Answer(answer)
                }
                Err(Refusal::NotAuthentic(_)) => Reply::NotAuthentic,
            },
            // A busy machine is no fault of the plugin's; but nothing else runs here.
            Err(fault) if matches!(fault.kind, FaultKind::Busy { .. }) => Reply::NoSuchConnection,
            Err(fault) => {
                // For whoever looks at a finding.
                eprintln!("{fault}");
                Reply::Unavailable { why: fault.to_string() }
            }
        };
        drop(reply.send(answer));
    }
}

fn call() -> Call {
    Call {
        connection: "wecom".to_owned(),
        settings: wecom_settings().to_string(),
        secrets: Vec::new(),
        clock: Arc::new(|| NOW),
        memory: ConnectionMemory::default(),
        http: Http::closed(),
        patience: std::time::Duration::MAX,
    }
}

struct NoPolicies;

impl Plugins for NoPolicies {
    fn evaluate(&self, binding: &Binding, _: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let reason = "nothing is folded here".to_owned();
        Err(PluginsError { binding: binding.name.clone(), reason, class: model::Class::Bug })
    }
}

/// The connector's own, and some requests that never were WeCom's.
pub fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let mut seeds = wecom_seeds()?;
    seeds.retain(|seed| matches!(seed.first(), Some(&(AS_IT_IS | SEALED))));
    let whole: [[&[u8]; 6]; 4] = [
        [b"POST", b"", b"msg_signature=0&timestamp=1&nonce=n", b"content-type", b"text/xml", b"<xml></xml>"],
        [b"GET", b"/a%2Fb", b"echostr=%E5%9B%A0", b"x-forwarded-for", b"10.0.0.1", b""],
        [b"DELETE", b"/..", b"", b"content-encoding", b"gzip", b"\x1f\x8b"],
        [b"PROPFIND", b"", b"a=1&a=2&%00", b"", b"", b"{\"encrypt\":\"AAAA\"}"],
    ];
    seeds.extend(whole.into_iter().map(|parts| script::write(WHOLE, parts)));
    debug_assert!(seeds.iter().all(|seed| seed.first() != Some(&BETWEEN)));
    Ok(seeds)
}
