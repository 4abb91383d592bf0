//! Compiling happens in a process of its own, within limits; whatever becomes of it is a refusal that says so.

use std::fmt::Write as _;
use std::time::Duration;

use sandbox::{Compiler, Grants, Limits, LoadErrorKind, Sandbox, SandboxConfig};

use crate::guest::{admit, compiler, policy, policy_with};

const VERDICTS: &str = "(call $verdicts (local.get $count))";

fn with(compiler: Compiler, limits: Limits) -> Sandbox {
    let limits = Limits { connector_calls: 1, policy_calls: 1, ..limits };
    Sandbox::new(SandboxConfig { limits, compiler, cache_dir: None }).unwrap()
}

/// What is said of a good component by a sandbox whose compiler is this script. It finds the true one as `$0`.
fn told_by(script: &str) -> LoadErrorKind {
    let Err(error) = with(shell(script), Limits::default()).admit(&policy(VERDICTS), &Grants::none()) else {
        panic!("admitted by {script}")
    };
    error.kind
}

fn shell(script: &str) -> Compiler {
    Compiler::new("/bin/sh", &["-c", script, env!("CARGO_BIN_EXE_sandbox-compiler")])
}

/// A policy with so many functions of so many steps that nobody calls. They keep a compiler busy, each for itself.
fn laborious(functions: usize, steps: usize) -> Vec<u8> {
    let mut fields = String::new();
    for _ in 0..functions {
        fields.push_str("(func (param i64 i64) (result i64)");
        for step in 0..steps {
            let (from, to) = (step % 2, (step + 1) % 2);
            write!(
                fields,
                "(local.set {to} (i64.rotl (i64.mul (local.get {from}) (i64.const {step})) (i64.div_u (local.get {to}) (local.get {from}))))"
            )
            .unwrap();
        }
        fields.push_str("(local.get 0))");
    }
    policy_with(&fields, VERDICTS)
}

fn past(limit: &str, limits: Limits, component: &[u8]) {
    let Err(error) = admit(limits, component) else { panic!("admitted past {limit}") };
    let LoadErrorKind::CompileLimit { limit: named, .. } = error.kind else { panic!("{error}") };
    assert_eq!(named, limit, "{error}");
}

#[test]
fn what_computes_too_long_is_ended_at_compile_cpu() {
    past(
        "compile_cpu",
        Limits { compile_cpu: Duration::from_secs(1), ..Limits::default() },
        &laborious(1200, 1000),
    );
}

#[test]
fn what_takes_too_long_is_ended_at_compile_wall() {
    let limits = Limits { compile_wall: Duration::from_millis(100), ..Limits::default() };
    past("compile_wall", limits, &laborious(1200, 1000));
}

#[test]
fn what_needs_too_much_memory_is_ended_at_compile_memory_bytes() {
    let large = laborious(1, 100_000);
    let roomy = Limits { function_bytes: 8 << 20, ..Limits::default() };
    let limits = Limits { compile_memory_bytes: 96 << 20, ..roomy.clone() };
    past("compile_memory_bytes", limits.clone(), &large);
    assert!(admit(limits, &policy(VERDICTS)).is_ok(), "a small one fits");
    assert!(admit(roomy, &large).is_ok(), "the default has room for it");
}

#[test]
fn code_passes_at_the_limit_and_not_one_byte_past_it() {
    const SEAL_BYTES: u64 = 32;
    let (folder, component) = (tempfile::tempdir().unwrap(), policy(VERDICTS));
    let config = SandboxConfig {
        limits: Limits::default(),
        compiler: compiler(),
        cache_dir: Some(folder.path().to_owned()),
    };
    Sandbox::new(config).unwrap().admit(&component, &Grants::none()).unwrap();
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    let entry = entries.into_iter().find(|entry| entry.path().extension().is_some()).unwrap();
    let bytes = usize::try_from(entry.metadata().unwrap().len() - SEAL_BYTES).unwrap();
    let limit = |compiled_bytes| Limits { compiled_bytes, ..Limits::default() };
    assert!(admit(limit(bytes), &component).is_ok());
    past("compiled_bytes", limit(bytes - 1), &component);
}

#[test]
fn a_process_that_crashes_costs_its_component_alone() {
    let kind = told_by("cat > /dev/null; echo the stack is gone >&2; kill -SEGV $$");
    let LoadErrorKind::CompilerFailed { reason, said, .. } = &kind else { panic!("{kind}") };
    assert!(reason.contains("SIGSEGV") && said == "the stack is gone", "{kind}");
    // Before it has read anything, and with nothing to say.
    assert!(
        matches!(told_by("exit 3"), LoadErrorKind::CompilerFailed { reason, .. } if reason.contains("exit status: 3"))
    );
}

#[test]
fn an_answer_that_is_none_is_not_loaded() {
    let failed = |script: &str, part: &str| {
        let kind = told_by(script);
        assert!(
            matches!(&kind, LoadErrorKind::CompilerFailed { reason, .. } if reason.contains(part)),
            "{script}: {kind}"
        );
    };
    failed("cat > /dev/null; echo rubbish", "answered 8 bytes that are no compiled code");
    failed("\"$0\" \"$@\" | head -c 1000", "answered 1000 bytes that are no compiled code");
    failed("\"$0\" \"$@\"; echo and more", "that are no compiled code");
    // Whole, and for another engine.
    failed("shift; exec \"$0\" connector \"$@\"", "code that does not load here");
}

#[test]
fn a_process_that_says_too_much_or_never_ends_is_ended() {
    assert!(matches!(told_by("exec cat /dev/zero"), LoadErrorKind::CompilerFailed { .. }));
    // It has closed its answer, and lives on.
    assert!(matches!(told_by("exec sleep 1000 > /dev/null"), LoadErrorKind::CompilerFailed { .. }));
    // What it started holds its answer open, and ends with it.
    let limits = Limits { compile_wall: Duration::from_millis(200), ..Limits::default() };
    let sandbox = with(shell("sleep 1000 & sleep 1000"), limits);
    let Err(error) = sandbox.admit(&policy(VERDICTS), &Grants::none()) else { panic!("admitted") };
    assert!(error.to_string().contains("compile_wall"), "{error}");
}

#[test]
fn a_process_sees_nothing_of_the_hosts_environment() {
    assert!(std::env::var_os("PATH").is_some(), "there is something to be seen");
    let LoadErrorKind::CompilerFailed { said, .. } = told_by("env >&2; pwd >&2; exit 1") else { panic!() };
    assert!(said.contains("PWD=/") && !said.contains("PATH=") && !said.contains("HOME="), "{said}");
}

#[test]
fn where_no_process_starts_nothing_is_compiled() {
    let sandbox = with(Compiler::new("/nowhere/heliu", &["compile"]), Limits::default());
    let Err(error) = sandbox.admit(&policy(VERDICTS), &Grants::none()) else { panic!("admitted") };
    assert_eq!(error.class(), model::Class::Retry);
    let text = error.to_string();
    assert!(text.contains("/nowhere/heliu cannot be started"), "{text}");
}

#[test]
fn what_was_compiled_before_needs_no_process() {
    let (folder, component) = (tempfile::tempdir().unwrap(), policy(VERDICTS));
    let open = |compiler| {
        let limits = Limits { connector_calls: 1, policy_calls: 1, ..Limits::default() };
        Sandbox::new(SandboxConfig { limits, compiler, cache_dir: Some(folder.path().to_owned()) }).unwrap()
    };
    open(compiler()).admit(&component, &Grants::none()).unwrap();
    assert!(open(Compiler::new("/nowhere", &[])).admit(&component, &Grants::none()).is_ok());
}

#[test]
fn components_are_compiled_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("one").display().to_string();
    // Two at once would make the same folder.
    let script = format!("mkdir {place} || exit 9; \"$0\" \"$@\"; rmdir {place}");
    let sandbox = with(shell(&script), Limits { policy_calls: 8, ..Limits::default() });
    std::thread::scope(|scope| {
        let admit = |at: usize| {
            let sandbox = sandbox.clone();
            scope.spawn(move || {
                sandbox
                    .admit(&policy(&format!("(drop (i32.const {at})) {VERDICTS}")), &Grants::none())
                    .map(drop)
            })
        };
        let all: Vec<_> = (0..6).map(admit).collect();
        all.into_iter().for_each(|one| one.join().unwrap().unwrap());
    });
}

/// Of a host that is killed nothing stays behind.
#[cfg(target_os = "linux")]
#[test]
fn a_process_ends_with_the_one_that_started_it() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};

    // Its input stays open, so it would wait for ever.
    let mut parent = Command::new("/bin/sh")
        .args(["-c", "exec 3<&0; \"$0\" policy 1000000000 60 1000 1000 <&3 & echo $!; wait"])
        .arg(env!("CARGO_BIN_EXE_sandbox-compiler"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = parent.stdin.take();
    let mut output = BufReader::new(parent.stdout.take().unwrap());
    let mut pid = String::new();
    output.read_line(&mut pid).unwrap();
    let limits = format!("/proc/{}/limits", pid.trim());
    // Nothing tells when it has limited itself; it does so before it reads.
    let is_confined =
        || std::fs::read_to_string(&limits).unwrap().contains("Max address space         1000000000");
    while !is_confined() {
        std::thread::sleep(Duration::from_millis(5));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(output.read_to_end(&mut Vec::new()).is_ok()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(true), "its output is still open");
    drop(input);
}
