//! The policies that are measured, bound as a host binds them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use heliu::wiring::{COMPILE, Policies, Shelf};
use model::{Binding, Setup};
use sandbox::{Compiler, Grants, Limits, Plugin, Policy, Sandbox, SandboxConfig};

use crate::Bench;

/// In their binding order, with the settings of a skin-care brand.
const BOUND: [(&str, &str); 3] = [
    ("behaviour-tags", include_str!("settings/behaviour-tags.json")),
    ("repurchase", REPURCHASE),
    ("recency", "{}"),
];

pub const REPURCHASE: &str = include_str!("settings/repurchase.json");

pub fn sandbox(bench: &Bench) -> anyhow::Result<Sandbox> {
    let cache_dir = Some(bench.path("cache"));
    let compiler = Compiler::new(tests::host::binary()?, &[COMPILE]);
    Ok(Sandbox::new(SandboxConfig { limits: Limits::default(), compiler, cache_dir })?)
}

pub fn admit(plugins: &Path, sandbox: &Sandbox, name: &str) -> anyhow::Result<Policy> {
    let path = plugins.join(format!("{name}.wasm"));
    let bytes = std::fs::read(&path)
        .with_context(|| format!("read {}: `cargo xtask plugins` builds it", path.display()))?;
    match sandbox.admit(&bytes, &Grants::none())? {
        Plugin::Policy(policy) => Ok(policy),
        Plugin::Connector(_) => bail!("{} is not a policy", path.display()),
    }
}

/// All of them, and the setup that binds them.
pub fn bind(bench: &Bench) -> anyhow::Result<(Arc<Policies>, Setup)> {
    let sandbox = sandbox(bench)?;
    let policies = Policies::new(sandbox.clone(), Shelf::at(bench.folder.path()));
    let mut setup = Setup { phone_country: "86".to_owned(), ..Setup::default() };
    for (name, settings) in BOUND {
        let policy = admit(&bench.plugins, &sandbox, name)?;
        policies.add(&policy);
        setup.policies.push(Binding {
            name: name.to_owned(),
            digest: policy.digest(),
            settings: settings.to_owned(),
            descriptor: policy.descriptor().clone(),
            carry: false,
            paused: None,
        });
    }
    Ok((Arc::new(policies), setup))
}
