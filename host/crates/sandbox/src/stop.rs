//! Why a call into a guest ended without an answer.
//!
//! Three things that never mix: what a guest is told and may handle (`HostCall::Guest`), what ends its call because it
//! went too far (`HostCall::Trap`), and a mistake of ours (`HostCall::Bug`).

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::call::{cut, printable};
use crate::engine::Class;

/// Ends a call from inside: thrown by host functions and the meter, found again in the error that comes out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("limit {name} ({limit}): {text}")]
    Limit { name: &'static str, limit: String, text: String },
    /// The host has no room just now. Nobody's fault.
    #[error("the host is busy: {0}")]
    Busy(String),
    #[error("host bug: {0}")]
    Bug(String),
}

impl Stop {
    pub(crate) fn limit(name: &'static str, limit: impl std::fmt::Display, text: String) -> Stop {
        Stop::Limit { name, limit: limit.to_string(), text }
    }
}

/// What a host function decides. Each interface has one exhaustive match that makes it out of its own refusals.
pub(crate) enum HostCall<E> {
    /// The guest's own business: it may go on.
    Guest(E),
    /// The guest went too far: its call ends.
    Trap(Stop),
    /// We made a mistake: its call ends, and the report says so.
    Bug(String),
}

impl<E> HostCall<E> {
    /// As the generated host traits want it.
    pub(crate) fn into_result<T>(self) -> wasmtime::Result<Result<T, E>> {
        match self {
            HostCall::Guest(error) => Ok(Err(error)),
            HostCall::Trap(stop) => Err(stop.into()),
            HostCall::Bug(text) => Err(Stop::Bug(text).into()),
        }
    }
}

/// A call's end, sorted by who must act.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The guest reached a limit.
    Limit {
        name: &'static str,
        text: String,
    },
    /// The guest broke off.
    Trap {
        text: String,
    },
    /// It had computed for so long that the epoch clock stopped it.
    Interrupted,
    /// No instance was free, or no memory.
    Busy {
        text: String,
    },
    Bug {
        text: String,
    },
}

/// Sorts what came out of wasmtime.
pub(crate) fn ending(error: &wasmtime::Error, class: Class) -> Ending {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Limit { name, limit: _, text: _ } => Ending::Limit { name, text: stop.to_string() },
            Stop::Busy(text) => Ending::Busy { text: text.clone() },
            Stop::Bug(text) => Ending::Bug { text: text.clone() },
        };
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return Ending::Busy { text: full.to_string() };
    }
    if error.is::<wasmtime::OutOfMemory>() {
        return Ending::Busy { text: "the machine has no memory".to_owned() };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Ending::Interrupted,
        Some(Trap::OutOfFuel) => Ending::Limit {
            name: "policy_fuel",
            text: "limit policy_fuel: it computed for too long".to_owned(),
        },
        Some(Trap::UnreachableCodeReached) => {
            Ending::Trap { text: "it panicked or aborted (`unreachable`)".to_owned() }
        }
        Some(Trap::StackOverflow) => {
            Ending::Trap { text: "it ran out of stack: a recursion without end?".to_owned() }
        }
        Some(trap) => Ending::Trap { text: trap.to_string() },
        None => refusal(&error.root_cause().to_string(), class),
    }
}

/// What is left are refusals of the component model itself: a string that is no UTF-8, too many bytes, too many handles.
/// All of them stem from what the guest did. wasmtime gives no types for them, so the two limits among them are told by
/// their words; tests go past both.
fn refusal(words: &str, class: Class) -> Ending {
    let limit = |name| Ending::Limit { name, text: format!("limit {name}: {words}") };
    if words.contains("fuel allocated for hostcalls has been exhausted") {
        return limit(match class {
            Class::Connector => "connector_hostcall_bytes",
            Class::Policy => "policy_hostcall_bytes",
        });
    }
    if words.contains("handle limit exceeded") {
        return limit("handles");
    }
    Ending::Trap { text: shown(words) }
}

/// What a guest wrote, or had a part in: one line of it, and not a long one.
fn shown(text: &str) -> String {
    const SHOWN_BYTES: usize = 200;
    printable(&cut(text, SHOWN_BYTES))
}

/// The guest's frames, innermost first, as far as its name section tells.
pub(crate) fn backtrace(error: &wasmtime::Error) -> Option<String> {
    let trace = error.downcast_ref::<WasmBacktrace>()?;
    let frames = trace.frames().iter().map(|frame| match frame.func_name() {
        Some(name) => shown(&without_hash(name)),
        None => format!("function {}", frame.func_index()),
    });
    Some(frames.collect::<Vec<_>>().join(" < "))
}

/// Why `describe` failed, in one line.
pub(crate) fn describe_failure(error: &wasmtime::Error, class: Class) -> String {
    let text = match ending(error, class) {
        Ending::Limit { name: _, text }
        | Ending::Trap { text }
        | Ending::Busy { text }
        | Ending::Bug { text } => text,
        Ending::Interrupted => "limit describe_cpu: it computed for too long".to_owned(),
    };
    match backtrace(error) {
        Some(trace) => format!("{text}; in {trace}"),
        None => text,
    }
}

/// `core::fmt::write::h0123456789abcdef` without its hash. Names in the name section are demangled already where the
/// toolchain did it, and mangled where it did not.
fn without_hash(name: &str) -> String {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path.to_owned()
        }
        Some(_) | None => name.to_owned(),
    }
}
