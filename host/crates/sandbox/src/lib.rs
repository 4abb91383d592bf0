//! Compiles, admits, links, limits, calls and retires plugins.
//!
//! The only crate that knows wasmtime, with `abi`. A plugin reaches nothing but what is lent to one call of it, and
//! leaves nothing behind but that call's answer.

mod limits;

mod sandbox;

mod admission;
mod answer;
mod compiler;
mod complexity;
mod outline;

mod connector;
mod policy;

mod batch;
mod bounds;
mod call;
mod fault;
mod http;
mod imports;
mod redact;

mod cache;
mod engine;
mod meter;
mod places;
mod shares;
mod stop;

/// Interfaces of the contract that hold types alone: importing one asks for nothing.
pub use abi::v0_1::TYPES;
pub use admission::{Inspection, LoadError, LoadErrorKind, Plugin};
pub use call::{Call, Called, Clock, ConnectionMemory, Held, Level, LogLine};
pub use compiler::{Compiler, compile_for_parent};
pub use connector::{Connector, Offers};
pub use engine::Class;
pub use fault::{FaultKind, PluginFault, Trouble, TurnFault, TurnFaultKind};
pub use http::{GrantError, HostGrant, Http, OnRefused, Taped, TapedBody};
pub use imports::{Grants, Import};
pub use limits::Limits;
pub use policy::{Evaluation, Policy, TurnOutcome};
pub use redact::secrets_in;
pub use sandbox::{Sandbox, SandboxConfig, SandboxError};
