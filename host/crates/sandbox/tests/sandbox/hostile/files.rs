//! Files that must not become plugins.

use std::time::Duration;

use guests::Guest;
use sandbox::{Grants, Import, Limits, LoadErrorKind};

use super::neighbours::Neighbours;

/// Why a file is refused, and that its text has all these parts.
async fn refused_within(limits: Limits, guest: Guest, parts: &[&str]) -> LoadErrorKind {
    let neighbours = Neighbours::new(limits);
    let Err(error) = neighbours.admit(guest) else { panic!("{} was admitted", guest.name) };
    let text = error.to_string();
    parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    neighbours.go_on().await;
    error.kind
}

async fn refused(guest: Guest, parts: &[&str]) -> LoadErrorKind {
    refused_within(Limits::default(), guest, parts).await
}

fn short_describe() -> Limits {
    Limits { describe_cpu: Duration::from_millis(50), ..Limits::default() }
}

pub async fn core_module(guest: Guest) {
    let kind = refused(guest, &["core module", "wasm-tools component new"]).await;
    assert_eq!(kind, LoadErrorKind::CoreModule);
}

pub async fn wasi_in_a_policy(guest: Guest) {
    let kind = refused(guest, &["wasi:cli/environment@0.2.0", "wasm32-unknown-unknown"]).await;
    assert!(matches!(kind, LoadErrorKind::Import { .. }));
}

pub async fn wasi_sockets_in_a_connector(guest: Guest) {
    let kind = refused(guest, &["wasi:sockets/instance-network@0.2.0"]).await;
    assert!(matches!(kind, LoadErrorKind::Import { .. }));
}

pub async fn import_not_granted(guest: Guest) {
    let neighbours = Neighbours::new(Limits::default());
    let log_alone = Grants { imports: vec![Import::Log] };
    let Err(error) = neighbours.sandbox.admit(&guest.file(), &log_alone) else { panic!("admitted") };
    let text = error.to_string();
    assert!(text.contains("heliu:plugin/http@0.1.0") && text.contains("grant it \"http\""), "{text}");
    assert!(neighbours.admit(guest).is_ok());
    neighbours.go_on().await;
}

pub async fn clock_in_a_policy(guest: Guest) {
    let kind = refused(guest, &["heliu:plugin/clock@0.1.0", "imports nothing"]).await;
    assert!(matches!(kind, LoadErrorKind::Import { .. }));
}

pub async fn function_among_types(guest: Guest) {
    let kind = refused(guest, &["heliu:plugin/events@0.1.0", "types alone"]).await;
    assert!(matches!(kind, LoadErrorKind::Import { .. }));
}

pub async fn imported_module(guest: Guest) {
    let kind = refused(guest, &["heliu:plugin/code"]).await;
    assert!(matches!(kind, LoadErrorKind::Import { .. }));
}

pub async fn both_roles(guest: Guest) {
    assert_eq!(refused(guest, &["make two of it"]).await, LoadErrorKind::BothRoles);
}

pub async fn another_version(guest: Guest) {
    let kind = refused(guest, &["heliu:plugin/policy@0.9.0", "rebuild it"]).await;
    assert!(matches!(kind, LoadErrorKind::OtherVersion { .. }));
}

pub async fn exports_of_other_types(guest: Guest) {
    let kind = refused(guest, &["heliu:plugin/policy@0.1.0", "not as in the contract"]).await;
    assert!(matches!(kind, LoadErrorKind::Contract { .. }));
}

pub async fn cut_off_file(guest: Guest) {
    let kind = refused(guest, &["ends too early", "copied in full"]).await;
    assert!(matches!(kind, LoadErrorKind::Truncated { .. }));
}

pub async fn bit_flipped_file(guest: Guest) {
    let kind = refused(guest, &["damaged"]).await;
    assert!(matches!(kind, LoadErrorKind::Malformed { .. }));
}

/// The file is too large in this way.
async fn too_big(guest: Guest, limit: &str) {
    let kind = refused(guest, &[limit]).await;
    assert!(matches!(kind, LoadErrorKind::TooBig { name, .. } if name == limit), "{kind}");
}

pub async fn memory_to_begin_with(guest: Guest) {
    too_big(guest, "policy_memory_bytes").await;
}

pub async fn table_to_begin_with(guest: Guest) {
    too_big(guest, "table_elements").await;
}

pub async fn many_tables(guest: Guest) {
    too_big(guest, "tables of a component").await;
}

pub async fn many_memories(guest: Guest) {
    too_big(guest, "memories of a component").await;
}

pub async fn many_instances(guest: Guest) {
    too_big(guest, "core_instances").await;
}

pub async fn instances_without_number(guest: Guest) {
    assert!(guest.file().len() < 4000, "{}", guest.file().len());
    too_big(guest, "core_instances").await;
}

pub async fn function_without_end(guest: Guest) {
    too_big(guest, "function_bytes").await;
}

pub async fn components_in_components(guest: Guest) {
    too_big(guest, "component_depth").await;
}

/// Its neighbours decide and answer in the midst of it.
pub async fn takes_minutes_to_compile(guest: Guest) {
    let compile_cpu = Duration::from_secs(2);
    let neighbours = Neighbours::new(Limits { compile_cpu, ..Limits::default() });
    let sandbox = neighbours.sandbox.clone();
    let (refused, went_on) =
        neighbours.beside(move || sandbox.admit(&guest.file(), &Grants::all()).map(drop)).await;
    let Err(error) = refused else { panic!("{} was admitted", guest.name) };
    let text = error.to_string();
    assert!(text.contains("compile_cpu") && text.contains("2 s"), "{text}");
    assert!(matches!(error.kind, LoadErrorKind::CompileLimit { limit: "compile_cpu", .. }), "{text}");
    assert!(went_on > 10, "they went on {went_on} times");
}

async fn fails_to_describe(limits: Limits, guest: Guest, parts: &[&str]) {
    let kind = refused_within(limits, guest, parts).await;
    assert!(matches!(kind, LoadErrorKind::Describe { .. }), "{kind}");
}

pub async fn starts_without_end(guest: Guest) {
    fails_to_describe(Limits::default(), guest, &["describe() failed", "policy_fuel", "for_ever"]).await;
}

pub async fn connector_starts_without_end(guest: Guest) {
    fails_to_describe(short_describe(), guest, &["describe() failed", "describe_cpu", "for_ever"]).await;
}

pub async fn describes_without_end(guest: Guest) {
    fails_to_describe(Limits::default(), guest, &["describe() failed", "policy_fuel"]).await;
}

pub async fn connector_describes_without_end(guest: Guest) {
    fails_to_describe(short_describe(), guest, &["describe() failed", "describe_cpu"]).await;
}

pub async fn describes_in_recursion(guest: Guest) {
    fails_to_describe(Limits::default(), guest, &["stack"]).await;
}

pub async fn dies_at_start(guest: Guest) {
    fails_to_describe(Limits::default(), guest, &["unreachable", "die"]).await;
}

pub async fn describes_nonsense(guest: Guest) {
    let kind = refused(guest, &["settings-schema"]).await;
    assert!(matches!(kind, LoadErrorKind::Descriptor { .. }), "{kind}");
}

pub async fn schema_that_leads_to_itself(guest: Guest) {
    let kind = refused(guest, &["settings-schema", "back to itself"]).await;
    assert!(matches!(kind, LoadErrorKind::Descriptor { .. }), "{kind}");
}

pub async fn schema_that_leads_outside(guest: Guest) {
    let kind = refused(guest, &["settings-schema", "169.254.169.254", "not in it"]).await;
    assert!(matches!(kind, LoadErrorKind::Descriptor { .. }), "{kind}");
}

pub async fn describes_a_million_tags(guest: Guest) {
    fails_to_describe(Limits::default(), guest, &["policy_hostcall_bytes"]).await;
}

pub async fn describes_itself_by_the_network(guest: Guest) {
    let kind = refused(guest, &["channel is empty"]).await;
    assert!(matches!(kind, LoadErrorKind::Descriptor { .. }), "{kind}");
}

pub async fn import_that_clears_the_screen(guest: Guest) {
    let kind = refused(guest, &[r"\u{1b}[2J", "is not allowed"]).await;
    assert!(matches!(kind, LoadErrorKind::Import { .. }), "{kind}");
}
