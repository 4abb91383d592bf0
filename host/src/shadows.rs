//! Versions of policies that decide beside the bound ones: each folds the live journal into a store of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use journal::Records;
use model::Binding;
use router::{Plugins, Router, RouterConfig, RouterError, Shadow};
use sqlite::SqliteStore;
use store::Store;

use crate::wiring::Data;

/// How often a shadow looks how far the fold has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long it rests after a failure.
const REST: Duration = Duration::from_secs(30);

/// Where the stores of shadows are.
const FOLDER: &str = "shadow";

/// How the names of a store's files end, behind `.db`.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

fn place(data: &Data, policy: &str) -> PathBuf {
    data.folder.join(FOLDER).join(format!("{policy}.db"))
}

/// The store of a policy's shadow, beside a host that may be running. None: it has folded nothing yet.
///
/// # Errors
/// If it cannot be read.
pub fn open(data: &Data, policy: &str) -> anyhow::Result<Option<SqliteStore>> {
    let place = place(data, policy);
    Ok(if place.exists() { Some(SqliteStore::open(&place)?) } else { None })
}

/// Takes away what shadows have folded, where no host works on the folder. It is derived: each begins anew when a host runs.
/// True: there was something.
///
/// # Errors
/// If it cannot be removed.
pub fn forget(folder: &Path) -> anyhow::Result<bool> {
    prune(&folder.join(FOLDER), &[])
}

/// Removes the stores of shadows that nobody wants any more: no fold would take anybody out of them who is erased. True: there
/// were some.
fn prune(folder: &Path, wanted: &[Binding]) -> anyhow::Result<bool> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("read {}", folder.display())),
    };
    let is_wanted = |file: &str| {
        let of = ENDINGS.iter().find_map(|ending| file.strip_suffix(&format!(".db{ending}")));
        of.is_some_and(|name| wanted.iter().any(|binding| binding.name == name))
    };
    let mut were_some = false;
    for entry in entries {
        let entry = entry.with_context(|| format!("read {}", folder.display()))?;
        if !entry.file_name().to_str().is_some_and(is_wanted) {
            let path = entry.path();
            std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            were_some = true;
        }
    }
    Ok(were_some)
}

/// The shadows that fold now.
pub struct Shadows {
    folder: PathBuf,
    journal: Arc<dyn Records>,
    store: Arc<dyn Store>,
    plugins: Arc<dyn Plugins>,
    running: Vec<Running>,
}

struct Running {
    binding: Binding,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Shadows {
    /// Lets these fold.
    ///
    /// # Errors
    /// If a store or a thread cannot be made.
    pub fn start(data: &Data, plugins: Arc<dyn Plugins>, wanted: Vec<Binding>) -> anyhow::Result<Shadows> {
        let folder = data.folder.join(FOLDER);
        let (journal, store) = (data.journal.clone(), data.store.clone());
        let mut shadows = Shadows { folder, journal, store, plugins, running: Vec::new() };
        shadows.replace(wanted)?;
        Ok(shadows)
    }

    /// Lets these fold from here on, and no others. One that is as it was goes on; one that is not begins anew. What others have
    /// folded is removed.
    ///
    /// # Errors
    /// If a store or a thread cannot be made.
    pub fn replace(&mut self, wanted: Vec<Binding>) -> anyhow::Result<()> {
        let (kept, ended): (Vec<Running>, Vec<Running>) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|running| wanted.contains(&running.binding));
        ended.into_iter().for_each(Running::end);
        self.running = kept;
        if prune(&self.folder, &wanted)? {
            tracing::info!("what shadows had folded that nobody wants any more is removed");
        }
        for binding in wanted {
            if !self.running.iter().any(|running| running.binding == binding) {
                let running = self.begin(binding)?;
                self.running.push(running);
            }
        }
        Ok(())
    }

    /// Ends all of them, each after the commit at hand.
    pub fn stop(&mut self) {
        std::mem::take(&mut self.running).into_iter().for_each(Running::end);
    }

    fn begin(&self, binding: Binding) -> anyhow::Result<Running> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("make the folder {}", self.folder.display()))?;
        let path = self.folder.join(format!("{}.db", binding.name));
        let stop = Arc::new(AtomicBool::new(false));
        let folding = Folding {
            path,
            binding: binding.clone(),
            journal: Arc::clone(&self.journal),
            live: Arc::clone(&self.store),
            plugins: Arc::clone(&self.plugins),
            stop: Arc::clone(&stop),
        };
        let thread = thread::Builder::new().name(format!("shadow of {}", binding.name));
        let thread = thread.spawn(move || folding.run()).context("start a thread for a shadow")?;
        Ok(Running { binding, stop, thread })
    }
}

impl Drop for Shadows {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        drop(self.thread.join());
    }
}

struct Folding {
    path: PathBuf,
    binding: Binding,
    journal: Arc<dyn Records>,
    live: Arc<dyn Store>,
    plugins: Arc<dyn Plugins>,
    stop: Arc<AtomicBool>,
}

impl Folding {
    fn run(self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.follow() {
                let (policy, error) = (&self.binding.name, format!("{error:#}"));
                tracing::error!(policy, error, "a shadow rests: nothing else is hurt by it");
                thread::park_timeout(REST);
            }
        }
    }

    /// Follows the fold that counts, until it is told to stop.
    fn follow(&self) -> anyhow::Result<()> {
        let store: Arc<dyn Store> = Arc::new(self.store()?);
        let shadow: Arc<dyn Records> = Arc::new(Shadow::new(Arc::clone(&self.journal), self.binding.clone()));
        // One thread: what counts goes first.
        let config = RouterConfig { threads: 1, ..RouterConfig::default() };
        let mut router = Router::open(shadow, store, Arc::clone(&self.plugins), config)?;
        let halt = router.halt();
        thread::scope(|scope| {
            let stopping = scope.spawn(|| {
                while !self.stop.load(Ordering::Relaxed) && !halt.load(Ordering::Relaxed) {
                    thread::sleep(LOOK_EVERY / 10);
                }
                halt.store(true, Ordering::Relaxed);
            });
            let result = self.fold(&mut router);
            halt.store(true, Ordering::Relaxed);
            drop(stopping.join());
            match result {
                Err(RouterError::Halted) | Ok(()) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn fold(&self, router: &mut Router) -> Result<(), RouterError> {
        while !self.stop.load(Ordering::Relaxed) {
            let (standing, _) = self.live.standing()?;
            router.catch_up(standing.position)?;
            // Alarms fire up to the time of that position, as they have there.
            if router.standing().position == standing.position {
                router.fire(standing.fired)?;
            }
            thread::park_timeout(LOOK_EVERY);
        }
        Ok(())
    }

    /// Its store; an empty one where what is there was folded for another version, or from another journal.
    fn store(&self) -> anyhow::Result<SqliteStore> {
        if self.path.exists() {
            let store = SqliteStore::open(&self.path)?;
            let (standing, state) = store.standing()?;
            let ours = |binding: &Binding| binding.name != self.binding.name || *binding == self.binding;
            if standing.position <= self.journal.head()?.position && state.setup.policies.iter().all(ours) {
                return Ok(store);
            }
            drop(store);
            for ending in ENDINGS {
                let file = PathBuf::from(format!("{}{ending}", self.path.display()));
                if file.exists() {
                    std::fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
                }
            }
        }
        Ok(SqliteStore::open(&self.path)?)
    }
}
