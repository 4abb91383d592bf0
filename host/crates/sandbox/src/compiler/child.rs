//! The process that compiles: it limits itself, reads a component, answers its code, and ends.
//!
//! It holds no key and opens no file. It is never the process that serves, though it is the same program: engine and
//! wasmtime are then the same by themselves.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::ExitCode;

use super::NO_MEMORY;
use super::answer::Answer;
use crate::engine::{Class, compiling};
use crate::limits::Limits;

/// What a child is told, in its arguments: the component comes over its standard input, when the limits hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    class: Class,
    memory_bytes: u64,
    cpu_s: u64,
    component_bytes: u64,
    code_bytes: u64,
}

impl Order {
    pub(super) fn new(class: Class, limits: &Limits) -> Order {
        Order {
            class,
            memory_bytes: limits.compile_memory_bytes as u64,
            // The system counts whole seconds.
            cpu_s: limits.compile_cpu.as_secs().max(1),
            component_bytes: limits.component_bytes as u64,
            code_bytes: limits.compiled_bytes as u64,
        }
    }

    pub(super) fn arguments(&self) -> [String; 5] {
        let Order { class, memory_bytes, cpu_s, component_bytes, code_bytes } = self;
        let class = match class {
            Class::Connector => "connector",
            Class::Policy => "policy",
        };
        [
            class.to_owned(),
            memory_bytes.to_string(),
            cpu_s.to_string(),
            component_bytes.to_string(),
            code_bytes.to_string(),
        ]
    }

    fn read(arguments: &[OsString]) -> Option<Order> {
        let texts: Vec<&str> = arguments.iter().map(|text| text.to_str()).collect::<Option<_>>()?;
        let [class, numbers @ ..] = texts.as_slice() else { return None };
        let numbers: Vec<u64> = numbers.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
        let [memory_bytes, cpu_s, component_bytes, code_bytes] = *numbers.as_slice() else { return None };
        let class = match *class {
            "connector" => Class::Connector,
            "policy" => Class::Policy,
            _ => return None,
        };
        Some(Order { class, memory_bytes, cpu_s, component_bytes, code_bytes })
    }
}

/// The whole life of a child that compiles: for the program that a `Compiler` names, with the arguments behind its own.
/// Nothing may be read or printed before.
pub fn compile_for_parent(arguments: &[OsString]) -> ExitCode {
    let Some(order) = Order::read(arguments) else {
        eprintln!(
            "this is for the host's own use: it compiles one component for the process that started it"
        );
        return ExitCode::from(2);
    };
    match confine(&order).and_then(|()| obey(&order)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// From here on no more memory and time than was ordered, no new process, no file, no core dump; and not without the parent.
#[cfg(unix)]
fn confine(order: &Order) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::Kill))?;
    let exactly = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    // At the first the process is told by a signal that has a name, at the second it is just gone.
    let cpu = Rlimit { current: Some(order.cpu_s), maximum: Some(order.cpu_s.saturating_add(1)) };
    let limits = [
        (Resource::As, exactly(order.memory_bytes)),
        (Resource::Cpu, cpu),
        (Resource::Core, exactly(0)),
        (Resource::Fsize, exactly(0)),
        (Resource::Nofile, exactly(FILES)),
        (Resource::Nproc, exactly(0)),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, limit)
            .map_err(|error| io::Error::other(format!("limit {resource:?} cannot be set: {error}")))?;
    }
    Ok(())
}

/// Where a process cannot limit itself, its parent's deadline is all there is.
#[cfg(not(unix))]
fn confine(_order: &Order) -> io::Result<()> {
    Ok(())
}

/// Its three pipes.
#[cfg(unix)]
const FILES: u64 = 3;

fn obey(order: &Order) -> io::Result<()> {
    let mut component = Vec::new();
    io::stdin().lock().take(order.component_bytes).read_to_end(&mut component)?;
    let engine = compiling(order.class).map_err(|error| io::Error::other(format!("{error:#}")))?;
    let mut out = io::stdout().lock();
    match engine.precompile_component(&component) {
        Ok(code) if code.len() as u64 > order.code_bytes => Answer::TooLong.write(&mut out),
        Ok(code) => Answer::Code(&code).write(&mut out),
        // Some of wasmtime's own allocations do not abort.
        Err(error) if error.is::<wasmtime::OutOfMemory>() => {
            Err(io::Error::other(format!("{NO_MEMORY}some bytes failed: {error}")))
        }
        Err(error) => Answer::Refused(&format!("{error:#}")).write(&mut out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for class in [Class::Connector, Class::Policy] {
            let order = Order::new(class, &Limits::default());
            let arguments: Vec<OsString> = order.arguments().iter().map(OsString::from).collect();
            assert_eq!(Order::read(&arguments), Some(order));
            assert_eq!(Order::read(&arguments[1..]), None);
        }
        assert_eq!(Order::read(&[]), None);
    }
}
