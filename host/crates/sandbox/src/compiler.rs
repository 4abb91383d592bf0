//! Has components compiled by a process of its own, and judges what comes back.
//!
//! Compiling is what the host does to a stranger's bytes with no sandbox around it, and neither its time nor its memory is
//! bounded by the size of the file. So a child does it: it limits itself before it reads a byte (`child`), this end
//! ends it at a deadline, and a crash is the child's alone. What it answers is loaded as native code: it must come from
//! the program that was started here, whole (`answer`), and nothing else can make a [`Compiled`].

mod answer;
mod child;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use model::Digest;

use crate::admission::LoadErrorKind;
use crate::engine::Class;
use crate::limits::Limits;
use answer::Answer;
pub use child::compile_for_parent;

/// What a child's last words are cut to.
const SAID_BYTES: u64 = 4 << 10;

/// mimalloc reserves a gigabyte of addresses at once, which would count as used. Without it, it takes what it needs.
const NO_RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");

/// The program that compiles. It must hand the arguments behind its own to [`compile_for_parent`], and print nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Compiler {
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Compiler {
        let arguments = arguments.iter().map(OsString::from).collect();
        Compiler { program: program.into(), arguments }
    }

    /// The program that runs now, whatever has become of its file since: an upgrade replaces it under a running host.
    ///
    /// # Errors
    /// The system does not say where the program is.
    pub fn this_program(arguments: &[&str]) -> io::Result<Compiler> {
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() { running.to_owned() } else { std::env::current_exe()? };
        Ok(Compiler::new(program, arguments))
    }
}

/// Code that a child of this process made of a component, not yet loaded.
pub(crate) struct Compiled {
    code: Vec<u8>,
}

impl Compiled {
    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }

    #[cfg(test)]
    pub(crate) fn here(code: Vec<u8>) -> Compiled {
        Compiled { code }
    }
}

/// The one compiler of a sandbox. Components are compiled one after the other: many cold ones at once would take as many
/// times the memory, on a machine whose other cores serve.
pub(crate) struct Compilation {
    compiler: Compiler,
    turn: Mutex<()>,
}

/// How a child came to its end.
struct Ended {
    /// None: it was ended at its deadline.
    answer: Option<Vec<u8>>,
    status: ExitStatus,
    said: String,
}

impl Compilation {
    pub(crate) fn new(compiler: Compiler) -> Compilation {
        Compilation { compiler, turn: Mutex::new(()) }
    }

    /// Compiles, unless `known` has the result once it is this one's turn.
    pub(crate) fn compile<T>(
        &self,
        class: Class,
        component: &[u8],
        digest: Digest,
        limits: &Limits,
        known: impl FnOnce() -> Option<T>,
    ) -> Result<Result<T, Compiled>, LoadErrorKind> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known() {
            return Ok(Ok(known));
        }
        let started = std::time::Instant::now();
        let ended = self.start(class, limits).and_then(|child| attend(child, component, limits));
        let ended = ended.map_err(|error| LoadErrorKind::CompilerNotStarted {
            digest,
            program: self.compiler.program.clone(),
            reason: error.to_string(),
        })?;
        let compiled = judge(ended, digest, limits)?;
        let (took, bytes) = (started.elapsed(), compiled.code.len());
        tracing::debug!(%digest, took_ms = took.as_millis(), bytes, "a component is compiled");
        Ok(Err(compiled))
    }

    /// With nothing of ours: no environment, no folder, no open file but its three pipes.
    fn start(&self, class: Class, limits: &Limits) -> io::Result<Child> {
        let mut command = Command::new(&self.compiler.program);
        command
            .args(&self.compiler.arguments)
            .args(child::Order::new(class, limits).arguments())
            .env_clear()
            .env(NO_RESERVE.0, NO_RESERVE.1)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // So that whatever a child starts ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }
}

/// Gives it the component and takes its answer, until it has answered or its time is over.
fn attend(mut child: Child, component: &[u8], limits: &Limits) -> io::Result<Ended> {
    let (Some(mut input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("a process without pipes"));
    };
    thread::scope(|scope| {
        // A child that ends before it has read everything says why by its end.
        scope.spawn(move || drop(input.write_all(component)));
        let saying = scope.spawn(move || first_bytes(errors, SAID_BYTES));
        let (sender, answered) = mpsc::channel();
        let length_max = answer::length_max(limits.compiled_bytes);
        scope.spawn(move || sender.send(first_bytes(output, length_max + 1)));
        let answer = answered.recv_timeout(limits.compile_wall).ok();
        // Whoever has closed its answer, or said too much, has nothing left to do. One that is ending already keeps its
        // own status.
        end(&mut child);
        let status = child.wait()?;
        let said = saying.join().unwrap_or_default();
        Ok(Ended { answer, status, said: String::from_utf8_lossy(&said).trim().to_owned() })
    })
}

fn first_bytes(from: impl Read, count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before a failure is judged like any other answer that ends early.
    drop(from.take(count).read_to_end(&mut bytes));
    bytes
}

#[cfg(unix)]
fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may be gone already: it is waited for next.
    let _ = group.map(|group| kill_process_group(group, Signal::Kill));
    drop(child.kill());
}

#[cfg(not(unix))]
fn end(child: &mut Child) {
    drop(child.kill());
}

/// What a Rust program says before it aborts for want of memory.
const NO_MEMORY: &str = "memory allocation of ";

fn judge(ended: Ended, digest: Digest, limits: &Limits) -> Result<Compiled, LoadErrorKind> {
    let Ended { answer, status, said } = ended;
    let past = |limit, value: String| LoadErrorKind::CompileLimit { digest, limit, value };
    let Some(answer) = answer else {
        return Err(past("compile_wall", seconds(limits.compile_wall)));
    };
    match Answer::read(&answer, limits.compiled_bytes) {
        Some(Answer::Code(code)) => return Ok(Compiled { code: code.to_owned() }),
        Some(Answer::Refused(reason)) => return Err(LoadErrorKind::Malformed { reason: reason.to_owned() }),
        Some(Answer::TooLong) => {
            return Err(past("compiled_bytes", format!("{} bytes", limits.compiled_bytes)));
        }
        None => {}
    }
    if is_out_of_time(status) {
        return Err(past("compile_cpu", seconds(limits.compile_cpu)));
    }
    if said.contains(NO_MEMORY) {
        return Err(past("compile_memory_bytes", format!("{} bytes", limits.compile_memory_bytes)));
    }
    let reason = if answer.is_empty() {
        format!("ended without an answer ({status})")
    } else {
        format!("answered {} bytes that are no compiled code ({status})", answer.len())
    };
    Err(LoadErrorKind::CompilerFailed { digest, reason, said: crate::call::printable(&said) })
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(unix)]
fn is_out_of_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(rustix::process::Signal::Xcpu as i32)
}

#[cfg(not(unix))]
fn is_out_of_time(_status: ExitStatus) -> bool {
    false
}
