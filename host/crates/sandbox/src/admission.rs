//! The gate: a file becomes a plugin only if it is what it must be, and asks for nothing that is not granted.
//!
//! In this order, cheapest first: the file's outline, and what it would cost; compiling, or the cache; what wasmtime says of its imports;
//! linking; its exports' types; its description of itself.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use model::{Class as Actor, Digest};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::call::{cut, printable};
use crate::complexity::Complexity;
use crate::connector::Connector;
use crate::engine::Class;
use crate::imports::Grants;
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
            LoadErrorKind::Busy { .. } => Actor::Retry,
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

pub(crate) fn admit(runtime: &Arc<Runtime>, bytes: &[u8], grants: &Grants) -> Result<Plugin, LoadError> {
    let outline = Outline::read(bytes, &runtime.limits)?;
    let class = outline.class()?;
    check_imports(&outline.imports, class, grants)?;
    outline.check_size(class, &runtime.limits)?;
    let complexity = Complexity::read(bytes, &runtime.limits)?;
    complexity.check(&runtime.limits)?;
    let digest = Digest(Sha256::digest(bytes).into());
    let engine = match class {
        Class::Connector => &runtime.connectors.engine,
        Class::Policy => &runtime.policies.engine,
    };
    let component = compile(runtime, engine, bytes, digest)?;
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
    engine: &Engine,
    bytes: &[u8],
    digest: Digest,
) -> Result<Component, LoadErrorKind> {
    if let Some(component) = runtime.cache.as_ref().and_then(|cache| cache.load(engine, digest)) {
        return Ok(component);
    }
    let component = Component::from_binary(engine, bytes)
        .map_err(|error| LoadErrorKind::Malformed { reason: format!("{error:#}") })?;
    if let Some(cache) = &runtime.cache {
        cache.store(engine, digest, &component);
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
