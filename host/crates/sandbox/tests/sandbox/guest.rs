//! Makes components out of core modules in text, and calls them.

use std::path::Path;
use std::sync::Arc;

use model::{CustomerId, CustomerView, Happening, Request, Turn};
use sandbox::{
    Call, Compiler, Connector, Grants, Http, Limits, LoadError, Plugin, Policy, Sandbox, SandboxConfig,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

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

/// A component of a world of its own, `world` being its imports and exports in WIT.
pub fn component(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit/v0.1")).unwrap();
    let package =
        resolve.push_str("guest.wit", &format!("package test:guest;\nworld guest {{ {world} }}")).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// Memory, and an allocator that never frees. Everything below 8192 is the guest's own.
const MEMORY: &str = r#"
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 8192))
    (func $allocate (param $bytes i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get $bytes)))
        (block $fits (loop $more
            (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
            (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
            (br $more)))
        (local.get $at))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $allocate (local.get 3)))
"#;

/// Of the settings of every guest here: `key` is a secret.
const SCHEMA: &str = r#"{"properties":{"key":{"type":"string","writeOnly":true}}}"#;

/// `(ptr, len)` pairs in memory.
fn words(words: &[u32]) -> String {
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}

/// A policy that may set the tag `vip`, with this body of `evaluate`. It sees `$turns` and `$count`, and finds
/// `$verdicts`, which gives an empty verdict for each of so many turns, and `$nth`, a turn's address.
pub fn policy(evaluate: &str) -> Vec<u8> {
    policy_with("", evaluate)
}

pub fn policy_with(fields: &str, evaluate: &str) -> Vec<u8> {
    let descriptor = words(&[1024, 7, 1040, SCHEMA.len() as u32, 0, 0, 1120, 1, 0, 0, 0, 0]);
    let (schema, tags) = (SCHEMA.replace('"', "\\22"), words(&[1136, 3]));
    let turn = <abi::v0_1::TurnRef<'_> as wasmtime::component::ComponentType>::SIZE32;
    component(
        "export heliu:plugin/policy@0.1.0;",
        &format!(
            r#"(module {MEMORY} {fields}
            (data (i32.const 256) "{descriptor}")
            (data (i32.const 1024) "hostile")
            (data (i32.const 1040) "{schema}")
            (data (i32.const 1120) "{tags}")
            (data (i32.const 1136) "vip")
            (func $verdicts (param $count i32) (result i32)
                (i32.store8 (i32.const 512) (i32.const 0))
                (i32.store (i32.const 516) (call $allocate (i32.mul (local.get $count) (i32.const 20))))
                (i32.store (i32.const 520) (local.get $count))
                (i32.const 512))
            (func $nth (param $turns i32) (param $at i32) (result i32)
                (i32.add (local.get $turns) (i32.mul (local.get $at) (i32.const {turn}))))
            (func $position (param $turn i32) (result i64) (i64.load offset=64 (local.get $turn)))
            (func (export "heliu:plugin/policy@0.1.0#describe") (result i32) (i32.const 256))
            (func (export "heliu:plugin/policy@0.1.0#evaluate")
                (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
                (local $at i32)
                {evaluate}))"#
        ),
    )
}

/// Runs `$body` with `$at` for each turn whose position is `position`, and gives empty verdicts.
pub fn at_position(position: u64, body: &str) -> String {
    format!(
        r#"(block $done (loop $next
            (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
            (if (i64.eq (call $position (call $nth (local.get $turns) (local.get $at))) (i64.const {position}))
                (then {body}))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
        (call $verdicts (local.get $count))"#
    )
}

/// A connector with a webhook alone, and this body of `receive`. `$answer` gives an empty reception with status 200.
pub fn webhook(imports: &str, receive: &str) -> Vec<u8> {
    let answer = "(func $answer (result i32)
            (i32.store16 offset=20 (i32.const 512) (i32.const 200))
            (i32.const 512))";
    let receive = format!(
        r#"(func (export "heliu:plugin/webhook@0.1.0#receive")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            {receive})"#
    );
    connector(imports, "webhook", &format!("{answer} {receive}"))
}

/// A connector with an outlet alone, and this body of `carry`. It sees `$errands` and `$count`. `$delivery` gives so many
/// outcomes, all sent without an id, and no chores. An outcome takes 24 bytes.
pub fn outlet(imports: &str, carry: &str) -> Vec<u8> {
    let delivery = "(func $delivery (param $count i32) (result i32)
            (i32.store (i32.const 512) (call $allocate (i32.mul (local.get $count) (i32.const 24))))
            (i32.store (i32.const 516) (local.get $count))
            (i32.store (i32.const 520) (i32.const 0))
            (i32.store (i32.const 524) (i32.const 0))
            (i32.const 512))";
    let carry = format!(
        r#"(func (export "heliu:plugin/outlet@0.1.0#carry")
            (param $settings i32) (param $length i32) (param $errands i32) (param $count i32) (result i32)
            {carry})"#
    );
    connector(imports, "outlet", &format!("{delivery} {carry}"))
}

/// A connector with one interface besides its description.
fn connector(imports: &str, interface: &str, functions: &str) -> Vec<u8> {
    let world: String = ["http", "memory", "clock", "log"]
        .iter()
        .filter(|name| imports.contains(&format!("heliu:plugin/{name}@")))
        .map(|name| format!("import heliu:plugin/{name}@0.1.0; "))
        .collect();
    let descriptor = words(&[1024, 7, 1024, 7, 1040, SCHEMA.len() as u32, 0, 0, 0, 0, 0, 0]);
    let schema = SCHEMA.replace('"', "\\22");
    component(
        &format!("{world} export heliu:plugin/about-connector@0.1.0; export heliu:plugin/{interface}@0.1.0;"),
        &format!(
            r#"(module {imports} {MEMORY}
            (data (i32.const 256) "{descriptor}")
            (data (i32.const 1024) "hostile")
            (data (i32.const 1040) "{schema}")
            (func (export "heliu:plugin/about-connector@0.1.0#describe") (result i32) (i32.const 256))
            {functions})"#
        ),
    )
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
        },
        memory: None,
        position,
        now: 1,
        happening: Happening::Alarm { key: "key", due: 1 },
    };
    (1..=count).map(turn).collect()
}

pub fn call() -> Call {
    call_with(Http::closed())
}

pub fn call_with(http: Http) -> Call {
    Call {
        connection: "test".to_owned(),
        settings: r#"{"key":"hunter22"}"#.to_owned(),
        clock: Arc::new(|| 1000),
        secrets: Vec::new(),
        memory: sandbox::ConnectionMemory::default(),
        http,
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
