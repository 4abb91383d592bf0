//! The gate: a file becomes a plugin only if it is what it must be, and asks for nothing that is not granted.
//!
//! In this order, cheapest first: the file's outline, and what it would cost; compiling, or the cache; what wasmtime says of its imports;
//! linking; its exports' types; its description of itself.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use model::{Class as Actor, Digest};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::cache;
use crate::call::{cut, printable};
use crate::compiler::Compiled;
use crate::complexity::Complexity;
use crate::connector::Connector;
use crate::engine::Class;
use crate::imports::Grants;
use crate::limits::Limits;
use crate::outline::{Outline, check_imports};
use crate::policy::Policy;
use crate::sandbox::Runtime;

/// A file that did not become a plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", shown(.kind))]
pub struct LoadError {
    pub kind: LoadErrorKind,
}

/// The file wrote the names in it: they must not forge lines of a log, steer a terminal, or fill either.
fn shown(kind: &LoadErrorKind) -> String {
    const SHOWN_BYTES: usize = 4 << 10;
    printable(&cut(&kind.to_string(), SHOWN_BYTES))
}

impl LoadError {
    #[must_use]
    pub fn class(&self) -> Actor {
        match self.kind {
            LoadErrorKind::Busy { .. } | LoadErrorKind::CompilerNotStarted { .. } => Actor::Retry,
            LoadErrorKind::TooLarge { .. }
            | LoadErrorKind::NotWasm
            | LoadErrorKind::CoreModule
            | LoadErrorKind::Precompiled
            | LoadErrorKind::Truncated { .. }
            | LoadErrorKind::Malformed { .. }
            | LoadErrorKind::BothRoles
            | LoadErrorKind::NoRole { .. }
            | LoadErrorKind::OtherVersion { .. }
            | LoadErrorKind::Import { .. }
            | LoadErrorKind::TooBig { .. }
            | LoadErrorKind::CompileLimit { .. }
            | LoadErrorKind::CompilerFailed { .. }
            | LoadErrorKind::Contract { .. }
            | LoadErrorKind::Describe { .. }
            | LoadErrorKind::Descriptor { .. } => Actor::Operator,
        }
    }
}

impl From<LoadErrorKind> for LoadError {
    fn from(kind: LoadErrorKind) -> LoadError {
        LoadError { kind }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadErrorKind {
    #[error("the file has {bytes} bytes, limit component_bytes is {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the file is not a wasm component: it does not begin like one")]
    NotWasm,
    #[error(
        "the file is a core module, not a component: make one of it with `wasm-tools component new`, or with `cargo xtask plugins`"
    )]
    CoreModule,
    #[error(
        "the file is compiled code: give the component itself, the host compiles it and keeps the code by itself"
    )]
    Precompiled,
    #[error("the file ends too early, was it copied in full? {reason}")]
    Truncated { reason: String },
    #[error("the file is damaged, or needs a wasm feature that plugins do not get: {reason}")]
    Malformed { reason: String },
    #[error("the component exports both a policy and a connector: make two of it")]
    BothRoles,
    #[error(
        "the component exports neither {} nor {}, but {}",
        abi::v0_1::ABOUT_CONNECTOR,
        abi::v0_1::POLICY,
        list(exports)
    )]
    NoRole { exports: Vec<String> },
    #[error(
        "the component offers {offered}, this host accepts {}@{}: rebuild it with an SDK of that version",
        abi::v0_1::PACKAGE,
        abi::v0_1::VERSION
    )]
    OtherVersion { offered: String },
    #[error("import \"{import}\" is not allowed: {mend}")]
    Import { import: String, mend: String },
    #[error("the component needs {needs}, limit {name} is {limit}")]
    TooBig { needs: String, name: &'static str, limit: String },
    #[error(
        "to compile the component {digest} takes more than limit {limit} allows, which is {value}: it is too large, or made \
         to do harm; a smaller one with the same work split over more functions passes"
    )]
    CompileLimit { digest: Digest, limit: &'static str, value: String },
    #[error(
        "the process that compiles the component {digest} {reason}: tell its author, and keep it out until you know why{}",
        last_words(said)
    )]
    CompilerFailed { digest: Digest, reason: String, said: String },
    #[error(
        "no process to compile the component {digest}: {} cannot be started: {reason}",
        program.display()
    )]
    CompilerNotStarted { digest: Digest, program: PathBuf, reason: String },
    #[error("{interface} is not as in the contract: {reason}")]
    Contract { interface: &'static str, reason: String },
    #[error("describe() failed: {reason}")]
    Describe { reason: String },
    #[error("what describe() says is out of bounds: {reason}")]
    Descriptor { reason: String },
    #[error("the host is busy: {reason}")]
    Busy { reason: String },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn last_words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("; its last words: {said}") }
}

/// An admitted plugin. Cheap to clone.
#[derive(Clone)]
pub enum Plugin {
    Connector(Connector),
    Policy(Policy),
}

impl Plugin {
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Plugin::Connector(connector) => connector.digest(),
            Plugin::Policy(policy) => policy.digest(),
        }
    }
}

/// What a file says of itself, for people.
pub struct Inspection {
    pub plugin: Plugin,
    /// The version of the contract that it speaks.
    pub wit: &'static str,
    pub bytes: usize,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

pub(crate) fn inspect(runtime: &Arc<Runtime>, bytes: &[u8]) -> Result<Inspection, LoadError> {
    let Outline { imports, exports, .. } = Outline::read(bytes, &runtime.limits)?;
    let plugin = admit(runtime, bytes, &Grants::all())?;
    Ok(Inspection { plugin, wit: abi::v0_1::VERSION, bytes: bytes.len(), imports, exports })
}

/// What is refused before it is compiled: all that the host itself reads of a file.
pub(crate) fn look(
    bytes: &[u8],
    grants: &Grants,
    limits: &Limits,
) -> Result<(Class, Complexity), LoadErrorKind> {
    let outline = Outline::read(bytes, limits)?;
    let class = outline.class()?;
    check_imports(&outline.imports, class, grants)?;
    outline.check_size(class, limits)?;
    let complexity = Complexity::read(bytes, limits)?;
    complexity.check(limits)?;
    Ok((class, complexity))
}

pub(crate) fn admit(runtime: &Arc<Runtime>, bytes: &[u8], grants: &Grants) -> Result<Plugin, LoadError> {
    let (class, complexity) = look(bytes, grants, &runtime.limits)?;
    let digest = Digest(Sha256::digest(bytes).into());
    let (engine, _) = runtime.engine(class);
    let component = compile(runtime, class, bytes, digest)?;
    check_types(engine, &component, class, grants)?;
    check_modules(&component)?;
    let room = complexity.room();
    let plugin = match class {
        Class::Connector => Plugin::Connector(Connector::admit(runtime, &component, digest, grants, room)?),
        Class::Policy => Plugin::Policy(Policy::admit(runtime, &component, digest)?),
    };
    // Otherwise the first event pays for it.
    component
        .initialize_copy_on_write_image()
        .map_err(|error| LoadErrorKind::Busy { reason: format!("{error:#}") })?;
    Ok(plugin)
}

fn compile(
    runtime: &Runtime,
    class: Class,
    bytes: &[u8],
    digest: Digest,
) -> Result<Component, LoadErrorKind> {
    let (engine, _) = runtime.engine(class);
    let known = || runtime.cache.as_ref().and_then(|cache| cache.load(engine, digest));
    if let Some(component) = known() {
        return Ok(component);
    }
    // Asked again when it is its turn: another admission may have compiled the same one meanwhile.
    match runtime.compilation.compile(class, bytes, digest, &runtime.limits, known)? {
        Ok(component) => Ok(component),
        Err(compiled) => keep(runtime, engine, digest, &compiled),
    }
}

/// Loads it, and then keeps it: what does not load is not kept.
fn keep(
    runtime: &Runtime,
    engine: &Engine,
    digest: Digest,
    compiled: &Compiled,
) -> Result<Component, LoadErrorKind> {
    let component =
        cache::load_compiled(engine, compiled).map_err(|error| LoadErrorKind::CompilerFailed {
            digest,
            reason: "answered code that does not load here".to_owned(),
            said: format!("{error:#}"),
        })?;
    if let Some(cache) = &runtime.cache {
        cache.store(engine, digest, compiled);
    }
    Ok(component)
}

/// What the file really imports, as wasmtime sees it. An instance of types alone asks for nothing.
fn check_types(
    engine: &Engine,
    component: &Component,
    class: Class,
    grants: &Grants,
) -> Result<(), LoadErrorKind> {
    let component_type = component.component_type();
    let asks = |item: &ComponentItem| match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).any(|(_, export)| !matches!(export.ty, ComponentItem::Type(_)))
        }
        _ => true,
    };
    let imports = component_type.imports(engine).filter(|(_, import)| asks(&import.ty));
    let imports: Vec<String> = imports.map(|(name, _)| name.to_owned()).collect();
    if let Some(import) = imports.iter().find(|import| abi::v0_1::TYPES.contains(&import.as_str())) {
        let mend = "it holds types alone, and is imported here with functions".to_owned();
        return Err(LoadErrorKind::Import { import: import.clone(), mend });
    }
    check_imports(&imports, class, grants)
}

/// A plugin brings its own modules: what it would be handed, nobody has admitted.
fn check_modules(component: &Component) -> Result<(), LoadErrorKind> {
    if component.resources_required().is_none() {
        let mend = "a plugin brings its own modules".to_owned();
        return Err(LoadErrorKind::Import { import: "a core module".to_owned(), mend });
    }
    Ok(())
}

/// Runs a future that has nothing to wait for. None: it waited all the same.
///
/// Admission is not async: it compiles, and compiling blocks. A connector's calls are, but at admission no host function
/// waits and no epoch yields.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
