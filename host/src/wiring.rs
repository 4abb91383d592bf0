//! Where concrete parts are put together: the data folder, its databases, the shelf of components, the sandbox.

mod policies;

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use config::Config;
use journal::Journal;
use model::{Binding, Digest, Instant, Setup};
use sandbox::{Compiler, Grants, Limits, Plugin, Sandbox, SandboxConfig};
use sha2::{Digest as _, Sha256};
use sqlite::{DbError, SqliteJournal, SqliteStore};

use crate::files;
use crate::signature::read_component;

pub use policies::{Policies, outcomes};

/// How long a host looks at each of its files before it starts: a few gigabytes. What is larger is looked at in part.
const CHECK_MAX: Duration = Duration::from_secs(10);

/// Places for calls of connectors where there are many connections: so many for each, and so many in all, since each reserves
/// addresses.
const CALLS_FOR_EACH: usize = 4;
const CONNECTOR_CALLS_MAX: usize = 512;

/// A tenant's folder: `journal.db`, `store.db`, `plugins/`, `cache/`.
pub struct Data {
    pub folder: PathBuf,
    pub journal: Arc<SqliteJournal>,
    pub store: Arc<SqliteStore>,
    limits: Limits,
}

/// What the sandbox of this configuration is limited by.
pub fn limits(config: &Config) -> Limits {
    let config::Limits { compile_memory_bytes, compile_cpu, compile_wall, .. } = config.limits;
    let defaults = Limits::default();
    let connector_calls = defaults.connector_calls.max(CALLS_FOR_EACH * config.connections.len());
    let connector_calls = connector_calls.min(CONNECTOR_CALLS_MAX);
    Limits { compile_memory_bytes, compile_cpu, compile_wall, connector_calls, ..defaults }
}

impl Data {
    /// Opens the folder that the configuration names, beside a host that may be running.
    pub fn open(config: &Config) -> anyhow::Result<Data> {
        let folder = config.data_dir.clone();
        make_folder(&folder.join("plugins"))?;
        let path = folder.join("journal.db");
        // The journal is made first, and a component is taken in after it: whoever finds one of the others finds a journal.
        let journal = if folder.join("store.db").exists() || holds_any(&folder.join("plugins")) {
            if !path.exists() {
                bail!(
                    "{} is missing, and the folder holds what belongs to it: put it back, or restore a backup; to begin \
                     anew, move all of {} away",
                    path.display(),
                    folder.display()
                );
            }
            SqliteJournal::open_existing(&path)?
        } else {
            SqliteJournal::open(&path)?
        };
        check_tenant(config, &journal)?;
        let store = SqliteStore::open(&folder.join("store.db"))?;
        let limits = limits(config);
        Ok(Data { folder, journal: Arc::new(journal), store: Arc::new(store), limits })
    }

    /// Leaves everything in the two files, and nothing in their logs.
    pub fn close(&self) {
        for copied in [self.journal.checkpoint(), self.store.checkpoint()] {
            if let Err(error) = copied {
                tracing::warn!(%error, "the write-ahead log stays: it is a part of the file, and nothing is lost");
            }
        }
    }

    /// Looks whether the files are what was written, both at once.
    pub fn check(&self) -> anyhow::Result<()> {
        let told = |file: &str, whole: Result<bool, DbError>| -> anyhow::Result<()> {
            if !whole? {
                tracing::warn!(
                    file,
                    looked_s = CHECK_MAX.as_secs(),
                    "the file is large: only a part was checked"
                );
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let store = scope.spawn(|| self.store.check(CHECK_MAX));
            told("journal.db", self.journal.check(CHECK_MAX))?;
            told("store.db", store.join().map_err(|_| anyhow!("the check of store.db broke off"))?)
        })
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
        match Lock::take(&config.data_dir)? {
            Some(lock) => Ok(Some((Data::open(config)?, lock))),
            None => Ok(None),
        }
    }

    pub fn sandbox(&self) -> anyhow::Result<Sandbox> {
        sandbox(self.limits.clone(), Some(self.folder.join("cache")))
    }
}

/// The subcommand of `heliu` that compiles for the process that started it.
pub const COMPILE: &str = "compile";

/// A sandbox of the program that runs now, which must be `heliu`: it compiles in a second process of itself.
pub fn sandbox(limits: Limits, cache_dir: Option<PathBuf>) -> anyhow::Result<Sandbox> {
    let compiler =
        Compiler::this_program(&[COMPILE]).context("find the host's own program, which compiles")?;
    Ok(Sandbox::new(SandboxConfig { limits, compiler, cache_dir })?)
}

/// What a component is known by.
pub fn digest(component: &[u8]) -> Digest {
    Digest(Sha256::digest(component).into())
}

fn holds_any(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
}

/// The file that whoever works on a data folder holds.
const LOCK: &str = "lock";

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
    match first.as_ref().and_then(|record| record.entry.setup()) {
        Some(setup) if setup.tenant != config.tenant => bail!(
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
    /// Makes the folder, if need be, and holds it. None: somebody else does.
    pub fn take(folder: &Path) -> anyhow::Result<Option<Lock>> {
        files::make_folder(folder).with_context(|| format!("make the data folder {}", folder.display()))?;
        let path = folder.join(LOCK);
        // What stands in it is its holder's.
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.with_context(|| format!("open {}", path.display()))?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        file.set_len(0).with_context(|| format!("write {}", path.display()))?;
        Ok(Some(Lock { file }))
    }

    /// Leaves word in it where the host listens: with port 0, the configuration does not say.
    pub fn announce(&self, address: SocketAddr) -> std::io::Result<()> {
        use std::io::Write as _;
        (&self.file).write_all(address.to_string().as_bytes())
    }
}

/// Where the host that holds the folder listens. None: whoever holds it does not say.
pub fn announced(config: &Config) -> Option<SocketAddr> {
    fs::read_to_string(config.data_dir.join(LOCK)).ok()?.trim().parse().ok()
}

/// Does somebody hold the folder? Where there was no host yet, nobody does.
pub fn is_held(config: &Config) -> anyhow::Result<bool> {
    let path = config.data_dir.join(LOCK);
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

    /// Reads a component, signed where that is required, and keeps a copy.
    pub fn take_in(&self, path: &Path, plugins: &config::Plugins) -> anyhow::Result<Vec<u8>> {
        let bytes = read_component(path, plugins)?;
        let place = self.place(digest(&bytes));
        if !place.exists() {
            // The journal will name it: it must not be the one of the two that a power cut takes.
            files::write(&place, &bytes)
                .with_context(|| format!("keep a copy of {} as {}", path.display(), place.display()))?;
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

/// A component that the configuration names was not taken. The context of the reason.
#[derive(Clone, Debug)]
pub struct PluginRefused {
    file: PathBuf,
    /// `connection`, `policy`, or `the shadow of policy`.
    what: &'static str,
    /// As the configuration calls it.
    pub name: String,
}

impl PluginRefused {
    pub fn new(config: &Config, what: &'static str, name: &str) -> PluginRefused {
        PluginRefused { file: config.path.clone(), what, name: name.to_owned() }
    }
}

impl std::fmt::Display for PluginRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PluginRefused { file, what, name } = self;
        write!(f, "{}: {what} \"{name}\"", file.display())
    }
}

fn bind_one(
    policy: &config::Policy,
    plugins: &config::Plugins,
    sandbox: &Sandbox,
    shelf: &Shelf,
    policies: &Policies,
) -> anyhow::Result<Binding> {
    let bytes = shelf.take_in(&policy.plugin, plugins)?;
    let admitted = sandbox.admit(&bytes, &Grants::none());
    let plugin = match admitted.with_context(|| policy.plugin.display().to_string())? {
        Plugin::Policy(plugin) => plugin,
        Plugin::Connector(_) => {
            bail!("{} is a connector: declare it under [[connection]]", policy.plugin.display())
        }
    };
    let descriptor = plugin.descriptor().clone();
    config::check_settings(&descriptor.settings_schema, &policy.settings)?;
    policies.add(&plugin);
    let (name, settings, carry) = (policy.name.clone(), policy.settings.clone(), policy.carry);
    Ok(Binding { name, digest: plugin.digest(), settings, descriptor, carry, paused: None })
}

/// The policies that the configuration binds, admitted and ready.
pub fn bind(
    config: &Config,
    sandbox: &Sandbox,
    shelf: &Shelf,
    policies: &Policies,
) -> anyhow::Result<Vec<Binding>> {
    let named = |policy: &config::Policy| {
        let binding = bind_one(policy, &config.plugins, sandbox, shelf, policies);
        binding.with_context(|| PluginRefused::new(config, "policy", &policy.name))
    };
    config.policies.iter().map(named).collect()
}

/// The versions that decide beside policies, admitted and ready.
pub fn shadows(
    config: &Config,
    sandbox: &Sandbox,
    shelf: &Shelf,
    policies: &Policies,
) -> anyhow::Result<Vec<Binding>> {
    let shadow = |policy: &config::Policy| {
        let config::Shadow { plugin, settings } = policy.shadow.clone()?;
        let beside = config::Policy { plugin, settings, shadow: None, ..policy.clone() };
        let binding = bind_one(&beside, &config.plugins, sandbox, shelf, policies);
        Some(binding.with_context(|| PluginRefused::new(config, "the shadow of policy", &policy.name)))
    };
    config.policies.iter().filter_map(shadow).collect()
}

/// A connection, and the handles by which its connector names people.
pub struct Naming<'a> {
    pub connection: &'a str,
    pub component: Digest,
    pub schemes: &'a [model::Scheme],
    /// Kinds of handles that it may have in common with others.
    pub shares: &'a [String],
}

/// The kinds of handles of all connections. Who shows the same handle on two is one person: so two components have a kind in
/// common only where the configuration says of both that they may, and both must mean the same by it.
pub fn schemes(namings: &[Naming<'_>]) -> anyhow::Result<Vec<model::Scheme>> {
    let mut table: std::collections::BTreeMap<&str, (&Naming<'_>, &model::Scheme)> =
        std::collections::BTreeMap::new();
    for naming in namings {
        let Naming { connection, component: _, schemes, shares } = naming;
        if let Some(name) = shares.iter().find(|name| !schemes.iter().any(|scheme| scheme.name == **name)) {
            let declared: Vec<&str> = schemes.iter().map(|scheme| scheme.name.as_str()).collect();
            bail!(
                "connection \"{connection}\": key \"shares\": its connector names nobody by \"{name}\", but by: {}",
                declared.join(", ")
            );
        }
        for scheme in *schemes {
            let (first, known) = *table.entry(&scheme.name).or_insert((naming, scheme));
            if known != scheme {
                bail!(
                    "connections \"{}\" and \"{connection}\" declare the handle \"{}\" differently: one says {known:?}, the \
                     other {scheme:?}; take versions of their plugins that agree, or leave one of them out",
                    first.connection,
                    scheme.name
                );
            }
            if first.component != naming.component
                && let Some(owner) =
                    [first, naming].into_iter().find(|one| !one.shares.contains(&scheme.name))
            {
                bail!(
                    "connections \"{}\" and \"{connection}\" are of different plugins, and both name people by \"{name}\": who \
                     has such a handle on the one would be the person who has it on the other. If that is meant, both need \
                     shares = [\"{name}\"], and \"{}\" has it not; if not, one of the plugins is not what it says",
                    first.connection,
                    owner.connection,
                    name = scheme.name,
                );
            }
        }
    }
    Ok(table.into_values().map(|(_, scheme)| scheme.clone()).collect())
}

/// What the fold is told of a configuration.
pub fn setup(config: &Config, policies: Vec<Binding>, schemes: Vec<model::Scheme>) -> Setup {
    let (phone_country, tenant) = (config.phone_country.clone(), config.tenant.clone());
    Setup { policies, schemes, phone_country, tenant, outcomes: config.courier.outcomes.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_handle_is_shared_only_where_both_may() {
        let scheme =
            |name: &str, lasting| model::Scheme { name: name.to_owned(), lasting, one_per_person: false };
        let (own, phone, other) =
            (scheme("wecom.external-userid", true), scheme("phone", true), scheme("phone", false));
        let (wecom, both) = ([own, phone.clone()], ["phone".to_owned()]);
        let phones = [phone];
        let naming = |connection, component, schemes, shares| Naming {
            connection,
            component: Digest([component; 32]),
            schemes,
            shares,
        };
        let told = |namings: &[Naming<'_>]| schemes(namings).map_err(|error| error.to_string());
        let main = naming("wecom-main", 1, &wecom, &[]);
        // Two accounts of one channel are of one plugin.
        let second = naming("wecom-second", 1, &wecom, &[]);
        assert_eq!(told(&[main, second]).unwrap().len(), 2);
        let stranger = || naming("survey", 2, &phones, &both);
        let refused = told(&[naming("wecom-main", 1, &wecom, &[]), stranger()]).unwrap_err();
        assert!(refused.contains("\"survey\"") && refused.contains("\"wecom-main\" has it not"), "{refused}");
        let refused = told(&[naming("wecom-main", 1, &wecom, &both), naming("survey", 2, &phones, &[])]);
        assert!(refused.unwrap_err().contains("\"survey\" has it not"));
        assert_eq!(told(&[naming("wecom-main", 1, &wecom, &both), stranger()]).unwrap().len(), 2);
        let misspelt = ["phones".to_owned()];
        let refused = told(&[naming("wecom-main", 1, &wecom, &misspelt)]).unwrap_err();
        assert!(
            refused.contains("\"phones\"") && refused.contains("wecom.external-userid, phone"),
            "{refused}"
        );
        let weaker = [other];
        let refused = told(&[naming("wecom-main", 1, &wecom, &both), naming("survey", 2, &weaker, &both)]);
        assert!(refused.unwrap_err().contains("differently"));
    }

    #[test]
    fn the_sandbox_has_the_limits_of_the_configuration_and_places_for_each_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heliu.toml");
        fs::write(folder.path().join("c.wasm"), "").unwrap();
        let connections: String =
            (0..20).map(|n| format!("[[connection]]\nname = \"c{n}\"\nplugin = \"c.wasm\"\n")).collect();
        let text = format!(
            "[limits]\ncompile_memory_bytes = 268435456\ncompile_cpu = \"7s\"\ncompile_wall = \"9s\"\n{connections}"
        );
        fs::write(&path, text).unwrap();
        let config = config::load(&path).unwrap();
        let wanted = Limits {
            compile_memory_bytes: 256 << 20,
            compile_cpu: Duration::from_secs(7),
            compile_wall: Duration::from_secs(9),
            connector_calls: 80,
            ..Limits::default()
        };
        assert_eq!(Data::open(&config).unwrap().sandbox().unwrap().limits(), &wanted);
    }
}
