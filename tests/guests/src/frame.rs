//! What a guest in WebAssembly text is put into: memory, an allocator, a description, and the contract's exports.
//!
//! The line `;; frame: …` of a text names its frame:
//!
//! - `policy`: the text has fields of a module. `$spoil (param $verdict i32)` is called for each third turn, with its
//!   empty verdict; or `$evaluate (param i32 i32 i32 i32) (result i32)` stands for all of it.
//! - `connector` and its interfaces, as in `connector webhook feed`: `$spoil (param $body i32) (param $bytes i32)` is called
//!   at a webhook, before the empty answer at 512 is given; or `$receive` stands for all of it. `$poll`, `$work` and
//!   `$carry` are the other interfaces' functions.
//! - `component` and `core`: the text is a whole one.
//!
//! `$describe` and `$realloc` stand for the frame's own. A line `;; world: …` adds to the world in WIT. What lies below 8192
//! and is not the frame's (256 to 600, 1024 to 1200) is the guest's own memory.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind};

/// Memory, and an allocator that never frees.
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
"#;

/// Of the settings of every guest here: `key` is a secret.
const SCHEMA: &str = r#"{"properties":{"key":{"type":"string","writeOnly":true}}}"#;

/// Interfaces that a connector may import.
const IMPORTS: [&str; 4] = ["http", "memory", "clock", "log"];

/// The file that a text stands for.
///
/// # Panics
/// The text is no guest.
#[must_use]
pub fn framed(text: &str) -> Vec<u8> {
    let frame = said(text, "frame").expect("because each guest names its frame");
    let (kind, interfaces) = frame.split_once(' ').unwrap_or((frame, ""));
    match kind {
        "policy" => policy_of(text),
        "connector" => connector_of(text, &interfaces.split(' ').collect::<Vec<_>>()),
        "component" | "core" => parsed(text),
        other => panic!("there is no frame {other}"),
    }
}

/// What a line `;; word: …` says.
fn said<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let begin = format!(";; {word}: ");
    text.lines().find_map(|line| line.strip_prefix(begin.as_str()))
}

/// A component of a world of its own, `world` being its imports and exports in WIT.
///
/// # Panics
/// They are none, or the module does not fit them.
#[must_use]
pub fn component(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = contract();
    let package = resolve
        .push_str("guest.wit", &format!("package test:guest;\nworld guest {{ {world} }}"))
        .expect("because a guest's world is written in WIT");
    let world = resolve.select_world(&[package], Some("guest")).expect("because it was made above");
    let mut module = parsed(module);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("because nothing of it is missing in the world");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .expect("because the module imports and exports what its world says")
}

/// What a text says in bytes.
///
/// # Panics
/// It is no WebAssembly text.
#[must_use]
pub fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("a guest is no WebAssembly text: {error}"))
}

fn contract() -> Resolve {
    let mut resolve = Resolve::default();
    resolve
        .push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/v0.1"))
        .expect("because the contract stands beside the tests");
    resolve
}

/// How a policy finds its way in memory.
struct Layout {
    /// The size of a turn, and where in it its position and its time stand.
    turn: usize,
    position: usize,
    now: usize,
    /// Where in it the list of outcomes stands.
    outcomes: usize,
    /// The size of a decision.
    decision: usize,
}

impl Layout {
    fn of_the_contract() -> Layout {
        let resolve = contract();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let named = |name: &str| {
            let mut types = resolve.types.iter();
            types.find(|(_, kind)| kind.name.as_deref() == Some(name)).expect("because policies know it")
        };
        let offset = |of: &str, name: &str| {
            let TypeDefKind::Record(record) = &named(of).1.kind else { panic!("a {of} is a record") };
            let offsets = sizes.field_offsets(record.fields.iter().map(|field| &field.ty));
            let at = record.fields.iter().position(|field| field.name == name).expect("because it has it");
            offsets[at].0.size_wasm32()
        };
        Layout {
            turn: sizes.size(&Type::Id(named("turn").0)).size_wasm32(),
            position: offset("turn", "position"),
            now: offset("turn", "now"),
            outcomes: offset("turn", "customer") + offset("customer", "outcomes"),
            decision: sizes.size(&Type::Id(named("decision").0)).size_wasm32(),
        }
    }
}

/// `(ptr, len)` pairs in memory.
fn words(words: &[usize]) -> String {
    let word =
        |&word: &usize| u32::try_from(word).expect("because all of it stands below 8192").to_le_bytes();
    words.iter().flat_map(word).map(|byte| format!("\\{byte:02x}")).collect()
}

fn unless(text: &str, name: &str, own: String) -> String {
    if text.contains(&format!("(func ${name}")) { String::new() } else { own }
}

/// The allocator and the description, unless the guest has its own.
fn usual(text: &str, title_and_more: &[usize]) -> String {
    let descriptor = words(title_and_more);
    let schema = SCHEMA.replace('"', "\\22");
    let realloc = "(func $realloc (param i32 i32 i32 i32) (result i32) (call $allocate (local.get 3)))";
    let describe = "(func $describe (result i32) (i32.const 256))";
    format!(
        r#"{MEMORY}
        (data (i32.const 256) "{descriptor}")
        (data (i32.const 1024) "hostile")
        (data (i32.const 1040) "{schema}")
        {} {}
        (export "cabi_realloc" (func $realloc))"#,
        unless(text, "realloc", realloc.to_owned()),
        unless(text, "describe", describe.to_owned()),
    )
}

fn policy_of(text: &str) -> Vec<u8> {
    let Layout { turn, position, now, outcomes, decision } = Layout::of_the_contract();
    let usual = usual(text, &[1024, 7, 1040, SCHEMA.len(), 0, 0, 1120, 1, 0, 0, 0, 0]);
    let tags = words(&[1136, 3]);
    let spoil = unless(text, "spoil", "(func $spoil (param $verdict i32))".to_owned());
    let evaluate = r#"
        (func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
            (local $at i32)
            (drop (call $verdicts (local.get $count)))
            (block $done (loop $next
                (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
                (if (i64.eqz (i64.rem_u
                        (call $position (call $nth (local.get $turns) (local.get $at))) (i64.const 3)))
                    (then (call $spoil (call $verdict (local.get $at)))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $next)))
            (i32.const 512))"#;
    let evaluate = unless(text, "evaluate", evaluate.to_owned());
    component(
        &format!("export heliu:plugin/policy@0.1.0; {}", said(text, "world").unwrap_or_default()),
        &format!(
            r#"(module {text} {usual}
            (data (i32.const 1120) "{tags}")
            (data (i32.const 1136) "vip")
            (func $verdicts (param $count i32) (result i32)
                (i32.store8 (i32.const 512) (i32.const 0))
                (i32.store (i32.const 516) (call $allocate (i32.mul (local.get $count) (i32.const 20))))
                (i32.store (i32.const 520) (local.get $count))
                (i32.const 512))
            (func $verdict (param $at i32) (result i32)
                (i32.add (i32.load (i32.const 516)) (i32.mul (local.get $at) (i32.const 20))))
            (func $nth (param $turns i32) (param $at i32) (result i32)
                (i32.add (local.get $turns) (i32.mul (local.get $at) (i32.const {turn}))))
            (func $position (param $turn i32) (result i64) (i64.load offset={position} (local.get $turn)))
            (func $time (param $turn i32) (result i64) (i64.load offset={now} (local.get $turn)))
            (func $outcomes (param $turn i32) (result i32) (i32.add (local.get $turn) (i32.const {outcomes})))
            (func $decision_bytes (result i32) (i32.const {decision}))
            {spoil}
            {evaluate}
            (export "heliu:plugin/policy@0.1.0#describe" (func $describe))
            (export "heliu:plugin/policy@0.1.0#evaluate" (func $evaluate)))"#
        ),
    )
}

fn connector_of(text: &str, interfaces: &[&str]) -> Vec<u8> {
    let imports: String = IMPORTS
        .iter()
        .filter(|name| text.contains(&format!("heliu:plugin/{name}@")))
        .map(|name| format!("import heliu:plugin/{name}@0.1.0; "))
        .collect();
    let exports: String =
        interfaces.iter().map(|interface| format!("export heliu:plugin/{interface}@0.1.0; ")).collect();
    let functions: String = interfaces.iter().map(|interface| function(text, interface)).collect();
    let usual = usual(text, &[1024, 7, 1024, 7, 1040, SCHEMA.len(), 0, 0, 0, 0, 0, 0]);
    component(
        &format!(
            "{imports} export heliu:plugin/about-connector@0.1.0; {exports} {}",
            said(text, "world").unwrap_or_default()
        ),
        &format!(
            r#"(module {text} {usual}
            (export "heliu:plugin/about-connector@0.1.0#describe" (func $describe))
            {functions})"#
        ),
    )
}

/// The export of one interface of a connector.
fn function(text: &str, interface: &str) -> String {
    let name = match interface {
        "webhook" => "receive",
        "feed" => "poll",
        "chore-worker" => "work",
        "outlet" => "carry",
        other => panic!("a connector has no interface {other}"),
    };
    let receive = r#"
        (func $receive (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (drop (call $answer))
            (call $spoil (local.get 10) (local.get 11))
            (i32.const 512))"#;
    let receive = match interface {
        "webhook" => {
            let answer = "(func $answer (result i32)
                (i32.store16 offset=20 (i32.const 512) (i32.const 200))
                (i32.const 512))";
            let spoil =
                unless(text, "spoil", "(func $spoil (param $body i32) (param $bytes i32))".to_owned());
            let spoil = if text.contains("(func $receive") { String::new() } else { spoil };
            format!("{answer} {spoil} {}", unless(text, "receive", receive.to_owned()))
        }
        "outlet" => "(func $delivery (param $count i32) (result i32)
                (i32.store (i32.const 512) (call $allocate (i32.mul (local.get $count) (i32.const 24))))
                (i32.store (i32.const 516) (local.get $count))
                (i32.store (i32.const 520) (i32.const 0))
                (i32.store (i32.const 524) (i32.const 0))
                (i32.const 512))"
            .to_owned(),
        _ => String::new(),
    };
    format!(r#"{receive} (export "heliu:plugin/{interface}@0.1.0#{name}" (func ${name}))"#)
}

/// A policy that may set the tag `vip`, with this body of `evaluate`. It sees `$turns` and `$count`, and finds
/// `$verdicts`, which gives an empty verdict for each of so many turns, and `$nth`, a turn's address.
#[must_use]
pub fn policy(evaluate: &str) -> Vec<u8> {
    policy_with("", evaluate)
}

/// The same, with more fields of its module.
#[must_use]
pub fn policy_with(fields: &str, evaluate: &str) -> Vec<u8> {
    policy_of(&format!(
        "{fields}
        (func $evaluate (param $settings i32) (param $length i32) (param $turns i32) (param $count i32) (result i32)
            (local $at i32)
            {evaluate})"
    ))
}

/// Runs `$body` with `$at` for each turn whose position is `position`, and gives empty verdicts.
#[must_use]
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
#[must_use]
pub fn webhook(imports: &str, receive: &str) -> Vec<u8> {
    let receive = format!(
        "{imports} (func $receive (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {receive})"
    );
    connector_of(&receive, &["webhook"])
}

/// A connector with an outlet alone, and this body of `carry`. It sees `$errands` and `$count`. `$delivery` gives so many
/// outcomes, all sent without an id, and no chores. An outcome takes 24 bytes.
#[must_use]
pub fn outlet(imports: &str, carry: &str) -> Vec<u8> {
    let carry = format!(
        "{imports} (func $carry (param $settings i32) (param $length i32) (param $errands i32) (param $count i32) (result i32) {carry})"
    );
    connector_of(&carry, &["outlet"])
}
