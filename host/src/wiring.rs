//! Where concrete parts are put together: the data folder, its databases, the shelf of components, the sandbox.

use std::collections::HashMap;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use config::Config;
use journal::Journal;
use model::{Binding, Class, Digest, Entry, Instant, Setup, Turn};
use router::{Plugins, PluginsError, TurnOutcome};
use sandbox::{Grants, Plugin, Policy, Sandbox, SandboxConfig};
use sha2::{Digest as _, Sha256};
use sqlite::{SqliteJournal, SqliteStore};

/// A tenant's folder: `journal.db`, `store.db`, `plugins/`, `cache/`.
pub struct Data {
    pub folder: PathBuf,
    pub journal: Arc<SqliteJournal>,
    pub store: Arc<SqliteStore>,
}

impl Data {
    /// Opens the folder that the configuration names, beside a host that may be running.
    pub fn open(config: &Config) -> anyhow::Result<Data> {
        let folder = config.data_dir.clone();
        make_folder(&folder.join("plugins"))?;
        let journal = SqliteJournal::open(&folder.join("journal.db"))?;
        check_tenant(config, &journal)?;
        let store = SqliteStore::open(&folder.join("store.db"))?;
        Ok(Data { folder, journal: Arc::new(journal), store: Arc::new(store) })
    }

    /// Opens the folder for a host of its own. The lock is given back: it holds the folder until it is dropped.
    pub fn open_alone(config: &Config) -> anyhow::Result<(Data, Lock)> {
        match Data::try_alone(config)? {
            Some(held) => Ok(held),
            None => {
                let folder = config.data_dir.display();
                bail!("{folder}: another host works on this data folder; stop it first")
            }
        }
    }

    /// As `open_alone`. None: somebody else holds the folder.
    pub fn try_alone(config: &Config) -> anyhow::Result<Option<(Data, Lock)>> {
        make_folder(&config.data_dir)?;
        let path = lock_path(config);
        // What stands in it is its holder's.
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.with_context(|| format!("open {}", path.display()))?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        file.set_len(0).with_context(|| format!("write {}", path.display()))?;
        Ok(Some((Data::open(config)?, Lock { file })))
    }

    pub fn sandbox(&self) -> anyhow::Result<Sandbox> {
        let config = SandboxConfig { cache_dir: Some(self.folder.join("cache")), ..SandboxConfig::default() };
        Ok(Sandbox::new(config)?)
    }
}

/// Customers' data comes into it: what is made here is for the host's user alone. What is there stays as it is.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(folder);
    made.with_context(|| format!("make the data folder {}", folder.display()))
}

/// A folder is one tenant's for ever: its name is part of every intent's id. The journal's first record has it.
pub fn check_tenant(config: &Config, journal: &dyn Journal) -> anyhow::Result<()> {
    let first = journal.read(0, 1)?.pop();
    match first.map(|record| record.entry) {
        Some(Entry::Setup(setup)) if setup.tenant != config.tenant => bail!(
            "{}: the data folder {} is tenant \"{}\"'s, and this is the configuration of tenant \"{}\": correct `data` or \
             `tenant`",
            config.path.display(),
            config.data_dir.display(),
            setup.tenant,
            config.tenant
        ),
        _ => Ok(()),
    }
}

/// Holds a data folder.
pub struct Lock {
    file: File,
}

impl Lock {
    /// Leaves word in it where the host listens: with port 0, the configuration does not say.
    pub fn announce(&self, address: SocketAddr) -> std::io::Result<()> {
        use std::io::Write as _;
        (&self.file).write_all(address.to_string().as_bytes())
    }
}

/// Where the host that holds the folder listens. None: whoever holds it does not say.
pub fn announced(config: &Config) -> Option<SocketAddr> {
    fs::read_to_string(lock_path(config)).ok()?.trim().parse().ok()
}

/// Does somebody hold the folder? Where there was no host yet, nobody does.
pub fn is_held(config: &Config) -> anyhow::Result<bool> {
    let path = lock_path(config);
    if !path.exists() {
        return Ok(false);
    }
    let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
    Ok(file.try_lock_shared().is_err())
}

/// Where to knock at a host that listens everywhere.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

fn lock_path(config: &Config) -> PathBuf {
    config.data_dir.join("lock")
}

/// What the machine's clock says.
pub fn system_now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::try_from(since.as_millis()).unwrap_or(Instant::MAX)
}

/// Every component that was ever bound, by its digest: a fold of the past needs the policies of the past.
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub fn new(data: &Data) -> Shelf {
        Shelf::at(&data.folder.join("plugins"))
    }

    pub fn at(folder: &Path) -> Shelf {
        Shelf { folder: folder.to_owned() }
    }

    /// Reads a component and keeps a copy.
    pub fn take_in(&self, path: &Path) -> anyhow::Result<Vec<u8>> {
        let bytes = fs::read(path).with_context(|| format!("read the plugin {}", path.display()))?;
        let place = self.place(Digest(Sha256::digest(&bytes).into()));
        if !place.exists() {
            let new = place.with_extension("new");
            let kept = fs::write(&new, &bytes).and_then(|()| fs::rename(&new, &place));
            kept.with_context(|| format!("keep a copy of {} as {}", path.display(), place.display()))?;
        }
        Ok(bytes)
    }

    /// Is the component there, and is it what its name says? The error names its file.
    pub fn check(&self, digest: Digest) -> Result<(), String> {
        let place = self.place(digest);
        let bytes = fs::read(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        if Digest(Sha256::digest(&bytes).into()) == digest {
            Ok(())
        } else {
            Err(format!("{}: its content is not what its name says", place.display()))
        }
    }

    fn place(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }
}

/// The router's port to the sandbox: policies by the digest that the journal names.
pub struct Policies {
    sandbox: Sandbox,
    shelf: Shelf,
    loaded: Mutex<HashMap<Digest, Policy>>,
}

impl Policies {
    pub fn new(sandbox: Sandbox, shelf: Shelf) -> Policies {
        Policies { sandbox, shelf, loaded: Mutex::default() }
    }

    pub fn add(&self, policy: &Policy) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(policy.digest(), policy.clone());
    }

    fn policy(&self, binding: &Binding) -> Result<Policy, PluginsError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = loaded.get(&binding.digest) {
            return Ok(policy.clone());
        }
        let error =
            |reason: String| PluginsError { binding: binding.name.clone(), reason, class: Class::Operator };
        let place = self.shelf.place(binding.digest);
        let bytes = fs::read(&place).map_err(|io| {
            error(format!("{}: {io}: the journal needs this version; put the file back", place.display()))
        })?;
        match self.sandbox.admit(&bytes, &Grants::none()) {
            Ok(Plugin::Policy(policy)) => {
                loaded.insert(binding.digest, policy.clone());
                Ok(policy)
            }
            Ok(Plugin::Connector(_)) => Err(error(format!("{}: not a policy", place.display()))),
            Err(refused) => Err(error(format!("{}: {refused}", place.display()))),
        }
    }
}

impl Plugins for Policies {
    fn evaluate(&self, binding: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let policy = self.policy(binding)?;
        let outcomes = policy.evaluate(&binding.settings, turns).map_err(|trouble| PluginsError {
            binding: binding.name.clone(),
            class: trouble.class(),
            reason: trouble.to_string(),
        })?;
        let outcome = |outcome| match outcome {
            sandbox::TurnOutcome::Verdict(verdict) => TurnOutcome::Verdict(verdict),
            sandbox::TurnOutcome::Fault(fault) => {
                TurnOutcome::Fault { kind: fault.kind.name().to_owned(), text: fault.text }
            }
        };
        Ok(outcomes.into_iter().map(outcome).collect())
    }

    fn fuel(&self, binding: &Binding, turn: &Turn<'_>) -> Result<Option<u64>, PluginsError> {
        let policy = self.policy(binding)?;
        let metered = policy.evaluate_metered(&binding.settings, std::slice::from_ref(turn));
        let evaluation = metered.map_err(|trouble| PluginsError {
            binding: binding.name.clone(),
            class: trouble.class(),
            reason: trouble.to_string(),
        })?;
        Ok(Some(evaluation.fuel))
    }
}

/// The policies that the configuration binds, admitted and ready.
pub fn bind(
    config: &Config,
    sandbox: &Sandbox,
    shelf: &Shelf,
    policies: &Policies,
) -> anyhow::Result<Vec<Binding>> {
    let bind = |policy: &config::Policy| {
        let bytes = shelf.take_in(&policy.plugin)?;
        let plugin = match sandbox.admit(&bytes, &Grants::none())? {
            Plugin::Policy(plugin) => plugin,
            Plugin::Connector(_) => {
                bail!("{} is a connector: declare it under [[connection]]", policy.plugin.display())
            }
        };
        let descriptor = plugin.descriptor().clone();
        config::check_settings(&descriptor.settings_schema, &policy.settings)?;
        policies.add(&plugin);
        let (name, settings, carry) = (policy.name.clone(), policy.settings.clone(), policy.carry);
        Ok(Binding { name, digest: plugin.digest(), settings, descriptor, carry })
    };
    let named = |policy: &config::Policy| {
        bind(policy).with_context(|| format!("{}: policy \"{}\"", config.path.display(), policy.name))
    };
    config.policies.iter().map(named).collect()
}

/// One table of schemes for all connections. Two plugins that disagree about a scheme cannot both be right.
pub fn schemes<'a>(
    descriptors: impl Iterator<Item = (&'a str, &'a model::ConnectorDescriptor)>,
) -> anyhow::Result<Vec<model::Scheme>> {
    let mut table: std::collections::BTreeMap<&str, (&str, &model::Scheme)> =
        std::collections::BTreeMap::new();
    for (connection, descriptor) in descriptors {
        for scheme in &descriptor.schemes {
            let (first, known) = *table.entry(&scheme.name).or_insert((connection, scheme));
            if known != scheme {
                bail!(
                    "connections \"{first}\" and \"{connection}\" declare the scheme \"{}\" differently: one says \
                     {known:?}, the other {scheme:?}",
                    scheme.name
                );
            }
        }
    }
    Ok(table.into_values().map(|(_, scheme)| scheme.clone()).collect())
}

/// What the fold is told of a configuration.
pub fn setup(config: &Config, policies: Vec<Binding>, schemes: Vec<model::Scheme>) -> Setup {
    let (phone_country, tenant) = (config.phone_country.clone(), config.tenant.clone());
    Setup { policies, schemes, phone_country, tenant }
}
