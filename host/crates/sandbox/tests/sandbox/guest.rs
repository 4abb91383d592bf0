//! Admits guests and calls them.

use std::sync::Arc;
use std::time::Duration;

pub use guests::frame::{at_position, outlet, policy, policy_with, webhook};

use model::{CustomerId, CustomerView, Happening, Request, Turn};
use sandbox::{
    Call, Compiler, Connector, Grants, Http, Limits, LoadError, Plugin, Policy, Sandbox, SandboxConfig,
};

pub fn sandbox(limits: Limits) -> Sandbox {
    // Small pools: a test machine runs many of these at once.
    let limits = Limits { connector_calls: 4, policy_calls: 4, ..limits };
    Sandbox::new(SandboxConfig { limits, compiler: compiler(), cache_dir: None }).unwrap()
}

pub fn compiler() -> Compiler {
    Compiler::new(env!("CARGO_BIN_EXE_sandbox-compiler"), &[])
}

pub fn admit(limits: Limits, component: &[u8]) -> Result<Plugin, LoadError> {
    sandbox(limits).admit(component, &Grants::all())
}

pub fn admitted_policy(limits: Limits, component: &[u8]) -> Policy {
    match admit(limits, component).unwrap() {
        Plugin::Policy(policy) => policy,
        Plugin::Connector(_) => panic!("a connector"),
    }
}

pub fn admitted_connector(limits: Limits, component: &[u8]) -> Connector {
    match admit(limits, component).unwrap() {
        Plugin::Connector(connector) => connector,
        Plugin::Policy(_) => panic!("a policy"),
    }
}

/// Turns of different customers at positions 1 to `count`.
pub fn turns(count: u64) -> Vec<Turn<'static>> {
    let turn = |position| Turn {
        customer: CustomerView {
            id: CustomerId(position),
            first_seen: 1,
            traits: Vec::new(),
            tags: Vec::new(),
            stages: Vec::new(),
            staff: &[],
            outcomes: Vec::new(),
        },
        memory: None,
        position,
        now: 1,
        happening: Happening::Alarm { key: "key", due: 1 },
    };
    (1..=count).map(turn).collect()
}

pub const SETTINGS: &str = r#"{"key":"hunter22"}"#;

pub fn call() -> Call {
    call_with(Http::closed())
}

pub fn call_with(http: Http) -> Call {
    Call {
        connection: "test".to_owned(),
        settings: SETTINGS.to_owned(),
        clock: Arc::new(|| 1000),
        secrets: Vec::new(),
        memory: sandbox::ConnectionMemory::default(),
        http,
        patience: Duration::from_secs(60),
    }
}

pub fn request() -> Request {
    Request {
        method: "POST".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: Vec::new(),
        body: b"body".to_vec(),
    }
}
