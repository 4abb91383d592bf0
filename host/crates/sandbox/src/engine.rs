//! The two engines: what each class of plugin is compiled and run with, and the clock that interrupts it.
//!
//! Invariant: nothing of one engine is ever used with the other. Each is behind its own type.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::SandboxError;
use crate::limits::Limits;

/// How often the engines' epochs advance. Fine enough for a deadline of a second, rare enough to cost nothing.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Stack that a guest may use. Fixed here, because where a deep recursion ends belongs to a policy's determinism.
const WASM_STACK_BYTES: usize = 512 << 10;
const ASYNC_STACK_BYTES: usize = 2 << 20;
/// Core instances, memories and tables are pooled per component instance; a Rust guest has 3, 1 and 2.
pub(crate) const CORE_INSTANCES_PER_CALL: u32 = 6;
pub(crate) const MEMORIES_PER_CALL: u32 = 2;
pub(crate) const TABLES_PER_CALL: u32 = 4;
pub(crate) const TABLES_PER_COMPONENT: u32 = 8;
/// Beside the calls that are counted: `describe` at an admission.
const SPARE_CALLS: u32 = 4;
/// Kept mapped between calls, else each call faults its pages in anew, which was a quarter of a policy's time. The kernel is
/// asked which pages a call wrote (`pagemap_scan`), and those alone are wiped. A Rust guest's heap begins above a megabyte
/// of stack: less would keep the wrong end.
const MEMORY_RESIDENT_BYTES: usize = 4 << 20;
/// The same where the kernel cannot say (before Linux 6.7): then all of it is wiped each time, written or not.
const MEMORY_WIPED_BYTES: usize = 512 << 10;
const TABLE_RESIDENT_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Connector,
    Policy,
}

/// Ways to place instances in the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placement {
    Pooled,
    OnDemand,
}

/// The only place where an engine is configured. The cache of compiled code is keyed by what comes out of it.
fn engine_config(class: Class, placement: Placement, limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // No `async func`, no streams in this contract: stores are smaller and calls cheaper without.
        .concurrency_support(false)
        .epoch_interruption(true)
        .shared_memory(false)
        // The same bits on every processor.
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(ASYNC_STACK_BYTES)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32))
        .memory_init_cow(true);
    match class {
        Class::Policy => config.consume_fuel(true).cranelift_nan_canonicalization(true),
        Class::Connector => config.consume_fuel(false),
    };
    match placement {
        Placement::Pooled => {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(class, limits)))
        }
        Placement::OnDemand => config.allocation_strategy(InstanceAllocationStrategy::OnDemand),
    };
    config
}

fn pool(class: Class, limits: &Limits) -> PoolingAllocationConfig {
    let (calls, memory) = match class {
        Class::Connector => (limits.connector_calls, limits.connector_memory_bytes),
        Class::Policy => (limits.policy_calls, limits.policy_memory_bytes),
    };
    let calls = u32::try_from(calls).unwrap_or(u32::MAX).saturating_add(SPARE_CALLS);
    let resident = match PoolingAllocationConfig::is_pagemap_scan_available() {
        true => MEMORY_RESIDENT_BYTES,
        false => MEMORY_WIPED_BYTES,
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(CORE_INSTANCES_PER_CALL).max(limits.core_instances))
        .total_memories(calls.saturating_mul(MEMORIES_PER_CALL))
        .total_tables(calls.saturating_mul(TABLES_PER_CALL))
        .total_stacks(calls)
        .max_memory_size(memory)
        .table_elements(limits.table_elements)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .max_core_instances_per_component(limits.core_instances)
        .max_memories_per_component(MEMORIES_PER_CALL)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memories_per_module(MEMORIES_PER_CALL)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(resident)
        .table_keep_resident(TABLE_RESIDENT_BYTES);
    pool
}

/// The engine of a process that compiles and runs nothing: what comes out is the same, and nothing is reserved.
pub(crate) fn compiling(class: Class) -> wasmtime::Result<Engine> {
    Engine::new(&engine_config(class, Placement::OnDemand, &Limits::default()))
}

/// The pool reserves gigabytes of addresses, which some containers do not give: then instances are placed one by one.
fn build(class: Class, limits: &Limits) -> Result<(Engine, Placement), SandboxError> {
    match Engine::new(&engine_config(class, Placement::Pooled, limits)) {
        Ok(engine) => Ok((engine, Placement::Pooled)),
        Err(refusal) => {
            tracing::warn!(?class, reason = %refusal, "no pool of instances: placing them one by one, which is slower");
            let engine = Engine::new(&engine_config(class, Placement::OnDemand, limits))
                .map_err(|error| SandboxError::Engine { class, reason: format!("{error:#}") })?;
            Ok((engine, Placement::OnDemand))
        }
    }
}

/// Runs connectors: epochs, async host functions.
pub(crate) struct ConnectorEngine {
    pub(crate) engine: Engine,
    pub(crate) pooled: bool,
}

/// Runs policies: fuel, and the same bits on every machine.
pub(crate) struct PolicyEngine {
    pub(crate) engine: Engine,
    pub(crate) pooled: bool,
}

impl ConnectorEngine {
    pub(crate) fn new(limits: &Limits) -> Result<ConnectorEngine, SandboxError> {
        let (engine, placement) = build(Class::Connector, limits)?;
        Ok(ConnectorEngine { engine, pooled: placement == Placement::Pooled })
    }
}

impl PolicyEngine {
    pub(crate) fn new(limits: &Limits) -> Result<PolicyEngine, SandboxError> {
        let (engine, placement) = build(Class::Policy, limits)?;
        Ok(PolicyEngine { engine, pooled: placement == Placement::Pooled })
    }
}

/// How many epochs pass in a time, at least one.
pub(crate) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Starts the thread that advances the epochs. It ends by itself when the engines are gone: it holds neither.
pub(crate) fn start_ticker(connector: &ConnectorEngine, policy: &PolicyEngine) -> Result<(), SandboxError> {
    let engines: [EngineWeak; 2] = [connector.engine.weak(), policy.engine.weak()];
    let tick = move || {
        loop {
            thread::sleep(TICK);
            let mut alive = false;
            for engine in engines.iter().filter_map(EngineWeak::upgrade) {
                engine.increment_epoch();
                alive = true;
            }
            if !alive {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("wasm-ticker".to_owned())
        .spawn(tick)
        .map(drop)
        .map_err(|error| SandboxError::Ticker { reason: error.to_string() })
}
