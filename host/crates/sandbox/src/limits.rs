//! Every limit of the sandbox: its name, its unit, why it is there, and its default.
//!
//! A limit's name in an error is the field's name here, so that an operator can look it up.

use std::time::Duration;

/// Sizes in bytes, times as durations, counts as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    // ---- files ----
    /// A component's file. 64 MiB holds a Python guest (35 MiB).
    pub component_bytes: usize,
    /// The body of one function, which is compiled as a whole. The largest of a JavaScript engine has a tenth of it.
    pub function_bytes: usize,
    /// Instances of components inside a component. A Rust guest has one for each interface that it exports.
    pub component_instances: u32,
    /// How deep components nest. Composed ones have two or three levels.
    pub component_depth: usize,

    // ---- compiling, in a process of its own ----
    /// Addresses that the process may use, its program included. The largest function that wasm allows takes
    /// most of it; our connectors take 130 MiB.
    pub compile_memory_bytes: usize,
    /// Time that it may compute, in whole seconds. About 1.2 s for each megabyte of a Rust guest's file: fifty of
    /// them, or a JavaScript guest on a machine a few times slower.
    pub compile_cpu: Duration,
    /// Time that it may take in all, however busy the machine is. At the end of it the process is killed.
    pub compile_wall: Duration,
    /// Code that it may answer. About three times the component's own code, and its data once.
    pub compiled_bytes: usize,

    // ---- instances ----
    /// Linear memory of one connector instance. Rust guests need 2 MiB, JavaScript and Python ones tens.
    pub connector_memory_bytes: usize,
    /// Linear memory of one policy instance, fixed per instance so that a verdict does not depend on the host's load.
    pub policy_memory_bytes: usize,
    /// Linear memory of all instances in the host together. Reaching it is the host's trouble, never a plugin's fault.
    pub all_memory_bytes: usize,
    /// Linear memory of all connectors' instances together. What remains of `all_memory_bytes` is the policies' alone, so
    /// that no connector can stop the fold.
    pub connectors_memory_bytes: usize,
    /// Linear memory of all instances of one connector together, so that it leaves room for the others.
    pub one_connector_memory_bytes: usize,
    /// Elements of one table. JavaScript and Python guests have tens of thousands of functions.
    pub table_elements: usize,
    /// Connector calls at the same time. Sizes the pool; a call beyond it waits. One that needs more of the pool than a Rust
    /// guest does counts as two or three.
    pub connector_calls: usize,
    /// Policy calls at the same time. Sizes the pool. Policies run on as many threads as the machine has cores.
    pub policy_calls: usize,
    /// Core instances in one component. A Rust guest has 3, one made by an adapter 5.
    pub core_instances: u32,

    // ---- time ----
    /// Time that a connector may compute in one call. Waiting for the network does not count.
    pub connector_cpu: Duration,
    /// Time that a connector's call may take in all, waiting included. A chore or a poll should do a bounded piece.
    pub connector_wall: Duration,
    /// `describe`, of either role, at admission.
    pub describe_cpu: Duration,
    /// Instructions of one policy call, of one turn or of many alike. 50 million are about 50 ms.
    pub policy_fuel: u64,
    /// Wall-clock backstop of a policy's call, for what fuel does not see. Reaching it is never a verdict.
    pub policy_wall: Duration,

    // ---- what a guest hands over ----
    /// Bytes that a connector may hand the host in one call or answer.
    pub connector_hostcall_bytes: usize,
    /// Bytes that a policy may hand the host in one answer.
    pub policy_hostcall_bytes: usize,
    /// Bytes of a policy's packed verdicts: unpacked they may take thirty times as much of the host's own memory.
    pub policy_packed_bytes: usize,
    /// Live handles of one instance. The contract has no resources; this bounds what a guest makes for itself.
    pub handles: usize,
    /// Turns in one policy call.
    pub batch_turns: usize,
    /// Estimated bytes of the turns in one policy call. A single larger turn goes alone.
    pub batch_bytes: usize,

    // ---- answers ----
    /// Events in one harvest.
    pub harvest_events: usize,
    /// Chores in one harvest.
    pub harvest_chores: usize,
    /// Decisions in one verdict.
    pub verdict_decisions: usize,
    /// What a policy remembers of one customer: it stands in her document and is rewritten with it.
    pub policy_memory: usize,
    /// A label: the name of a tag, trait, journey or stage, a scheme, a kind, a key, an id.
    pub label_bytes: usize,
    /// A text for people: a title, a message, a reason.
    pub text_bytes: usize,
    /// A JSON text inside an event, a chore, a cursor or an intent.
    pub json_bytes: usize,
    /// How deep such a JSON text nests. Readers downstream recurse.
    pub json_depth: usize,
    /// Parts of a schema of settings, once its references are followed. Readers downstream follow them all.
    pub schema_nodes: usize,
    /// Items of a list inside one event: order lines, traits, tags.
    pub list_items: usize,
    /// Handles on one event: each is looked up, and compared with all of hers.
    pub event_handles: usize,
    /// The body of an answer to a webhook.
    pub answer_body_bytes: usize,
    /// The headers of an answer to a webhook, names and values together.
    pub answer_header_bytes: usize,

    // ---- log ----
    /// One log line. The rest is cut off.
    pub log_line_bytes: usize,
    /// The log of one call. Older lines give way, and are counted.
    pub log_bytes: usize,

    // ---- memory of a connection ----
    /// A key of a connection's memory.
    pub memory_key_bytes: usize,
    /// A value of a connection's memory.
    pub memory_value_bytes: usize,
    /// Different keys that one call may write.
    pub memory_writes: usize,
    /// Different keys that one call may hold.
    pub memory_holds: usize,
    /// Keys and values of a connection together: the host holds them in its own memory. Calls at the same time may pass it
    /// by what each of them writes.
    pub memory_bytes: usize,

    // ---- http ----
    /// Requests of one connection at the same time.
    pub http_in_flight: usize,
    /// Requests in one call.
    pub http_requests: usize,
    /// The body of a request.
    pub http_request_bytes: usize,
    /// The body of a response.
    pub http_response_bytes: usize,
    /// Headers of a request or a response, names and values together.
    pub http_header_bytes: usize,
    /// Time to connect, name resolution and TLS included.
    pub http_connect: Duration,
    /// Time of one request in all. Less than a call's, so that a plugin sees the failure and can say something.
    pub http_total: Duration,
    /// Bytes from the secure random source in one call of `random`.
    pub random_bytes: u32,
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            component_bytes: 64 * MIB,
            function_bytes: MIB,
            component_instances: 256,
            component_depth: 16,
            compile_memory_bytes: 1024 * MIB,
            compile_cpu: Duration::from_secs(60),
            compile_wall: Duration::from_secs(300),
            compiled_bytes: 256 * MIB,
            connector_memory_bytes: 64 * MIB,
            policy_memory_bytes: 32 * MIB,
            all_memory_bytes: 512 * MIB,
            connectors_memory_bytes: 384 * MIB,
            one_connector_memory_bytes: 192 * MIB,
            table_elements: 100_000,
            connector_calls: 64,
            policy_calls: 32,
            core_instances: 16,
            connector_cpu: Duration::from_secs(5),
            connector_wall: Duration::from_secs(30),
            describe_cpu: Duration::from_secs(1),
            policy_fuel: 50_000_000,
            policy_wall: Duration::from_secs(10),
            connector_hostcall_bytes: 16 * MIB,
            policy_hostcall_bytes: 4 * MIB,
            policy_packed_bytes: MIB,
            handles: 1024,
            batch_turns: 256,
            batch_bytes: 256 * KIB,
            harvest_events: 10_000,
            harvest_chores: 10_000,
            verdict_decisions: 64,
            policy_memory: 64 * KIB,
            label_bytes: 256,
            text_bytes: 64 * KIB,
            json_bytes: 256 * KIB,
            json_depth: 64,
            schema_nodes: 10_000,
            list_items: 1024,
            event_handles: 64,
            answer_body_bytes: 8 * MIB,
            answer_header_bytes: 64 * KIB,
            log_line_bytes: KIB,
            log_bytes: 16 * KIB,
            memory_key_bytes: 256,
            memory_value_bytes: 64 * KIB,
            // A page of a feed may remember something of each of its hundred orders.
            memory_writes: 1024,
            memory_holds: 8,
            memory_bytes: 64 * MIB,
            http_in_flight: 8,
            http_requests: 64,
            http_request_bytes: 8 * MIB,
            http_response_bytes: 8 * MIB,
            http_header_bytes: 64 * KIB,
            http_connect: Duration::from_secs(5),
            http_total: Duration::from_secs(20),
            random_bytes: 64 * 1024,
        }
    }
}
