//! The sandbox as a whole: engines, budgets, the cache, and the door through which plugins come in.

use std::path::PathBuf;
use std::sync::Arc;

use crate::admission::{self, Inspection, LoadError, Plugin};
use crate::cache::CodeCache;
use crate::compiler::{Compilation, Compiler};
use crate::engine::{Class, ConnectorEngine, PolicyEngine, start_ticker};
use crate::http::{HostGrant, Http};
use crate::imports::Grants;
use crate::limits::Limits;
use crate::meter::{MemoryBudget, MemoryShares};
use crate::places::Places;

#[derive(Clone, Debug)]
pub struct SandboxConfig {
    pub limits: Limits,
    /// The program that compiles. There is no other way: what is not in the cache needs a process.
    pub compiler: Compiler,
    /// Where compiled code is kept. None: everything is compiled at each start.
    pub cache_dir: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("no engine for {class:?} plugins: {reason}")]
    Engine { class: Class, reason: String },
    #[error("the thread that interrupts plugins did not start: {reason}")]
    Ticker { reason: String },
    #[error("no http client: {reason}")]
    Http { reason: String },
}

/// Cheap to clone. The plugins that it admitted keep it alive.
#[derive(Clone)]
pub struct Sandbox {
    runtime: Arc<Runtime>,
}

/// What all calls share.
pub(crate) struct Runtime {
    pub(crate) connectors: ConnectorEngine,
    pub(crate) policies: PolicyEngine,
    pub(crate) limits: Arc<Limits>,
    pub(crate) memory: Arc<MemoryBudget>,
    pub(crate) connectors_memory: Arc<MemoryBudget>,
    pub(crate) memory_shares: Arc<MemoryShares>,
    /// As many as the pool has room for: it fails where it is full, this waits.
    pub(crate) places: Arc<Places>,
    pub(crate) cache: Option<CodeCache>,
    pub(crate) compilation: Compilation,
}

impl Sandbox {
    /// # Errors
    /// The machine gives no engine or no thread. A cache that cannot be opened is done without, with a warning.
    pub fn new(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
        let SandboxConfig { limits, compiler, cache_dir } = config;
        let connectors = ConnectorEngine::new(&limits)?;
        let policies = PolicyEngine::new(&limits)?;
        start_ticker(&connectors, &policies)?;
        let open = |folder: PathBuf| match CodeCache::open(&folder) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "no cache of compiled code: every start compiles");
                None
            }
        };
        tracing::info!(
            connectors = placement(connectors.pooled),
            policies = placement(policies.pooled),
            "sandbox ready"
        );
        let memory = MemoryBudget::of_all(&limits);
        let runtime = Runtime {
            connectors_memory: MemoryBudget::of_connectors(&limits, &memory),
            memory,
            memory_shares: MemoryShares::new(&limits),
            places: Places::new(limits.connector_calls),
            cache: cache_dir.and_then(open),
            compilation: Compilation::new(compiler),
            limits: Arc::new(limits),
            connectors,
            policies,
        };
        Ok(Sandbox { runtime: Arc::new(runtime) })
    }

    /// Makes a plugin of a component's bytes. What is not in the cache is compiled by a process of its own, one component
    /// after the other, so it may take seconds: not for an async thread.
    ///
    /// # Errors
    /// [`LoadError`] names what is wrong, and the mend.
    pub fn admit(&self, bytes: &[u8], grants: &Grants) -> Result<Plugin, LoadError> {
        admission::admit(&self.runtime, bytes, grants)
    }

    /// Whose part a file would play, by what stands in it before anything is compiled. It may still be refused.
    ///
    /// # Errors
    /// As [`Sandbox::admit`].
    pub fn look(bytes: &[u8], grants: &Grants, limits: &Limits) -> Result<Class, LoadError> {
        Ok(admission::look(bytes, grants, limits)?.0)
    }

    /// Says what a file is, granting it every interface for as long as it describes itself.
    ///
    /// # Errors
    /// As [`Sandbox::admit`].
    pub fn inspect(&self, bytes: &[u8]) -> Result<Inspection, LoadError> {
        admission::inspect(&self.runtime, bytes)
    }

    /// The connections that are called from here on, each with the most of `connector_calls` that its calls may hold together. What
    /// they hold of calls and of memory leaves some to each of the others.
    pub fn share_calls(&self, shares: impl IntoIterator<Item = (String, usize)>) {
        let shares: Vec<(String, usize)> = shares.into_iter().collect();
        self.runtime.memory_shares.share(shares.iter().map(|(connection, _)| connection.clone()));
        self.runtime.places.share(shares);
    }

    /// The network for one connection.
    ///
    /// # Errors
    /// The TLS client could not be set up.
    pub fn http(&self, grants: Vec<HostGrant>) -> Result<Http, SandboxError> {
        Http::new(grants, &self.runtime.limits)
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.runtime.limits
    }

    /// Linear memory that all running plugins hold now, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.runtime.memory.used()
    }
}

impl Runtime {
    /// The engine of a class, and whether its instances are pooled.
    pub(crate) fn engine(&self, class: Class) -> (&wasmtime::Engine, bool) {
        match class {
            Class::Connector => (&self.connectors.engine, self.connectors.pooled),
            Class::Policy => (&self.policies.engine, self.policies.pooled),
        }
    }
}

fn placement(pooled: bool) -> &'static str {
    if pooled { "pooled" } else { "on demand" }
}
