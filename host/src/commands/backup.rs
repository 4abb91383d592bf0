//! `heliu backup` and `heliu restore`: everything that is needed to go on elsewhere, in one folder.
//!
//! Order is all: the store is copied before the journal, so that it never stands where the copied journal does not reach;
//! components after the journal, which names only what is on the shelf already. The folder gets its name when all of it is
//! there and synced: a backup that was broken off is none.

mod configuration;
mod manifest;
mod restore;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use config::Config;
use heliu::{erasures, files, wiring};
use model::{Attest, Position};
use sqlite::{SqliteJournal, SqliteStore};
use store::Store as _;

use super::act::Signed;
use manifest::{JournalFile, Kept, MANIFEST, Made, Manifest, StoreFile};
pub(crate) use restore::restore;

/// Copies everything into a new folder, once `say` has said so in the journal, as far as it could.
pub(crate) fn backup(
    config: &Config,
    folder: &Path,
    signed: &Signed,
    say: impl FnOnce(Attest) -> anyhow::Result<Option<Position>>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let is_free = !folder.exists() || fs::read_dir(folder).is_ok_and(|mut files| files.next().is_none());
    ensure!(is_free, "{}: there is something already; a backup gets a folder of its own", folder.display());
    let journal = config.data_dir.join("journal.db");
    ensure!(journal.exists(), "{}: there is no journal to copy", journal.display());
    let partial = partial(folder)?;
    if let Some(above) = partial.parent().filter(|above| !above.as_os_str().is_empty()) {
        files::make_folder(above).with_context(|| format!("make {}", above.display()))?;
    }
    // Nobody else may read it: there are people in it.
    if let Err(error) = fs::DirBuilder::new().mode(0o700).create(&partial) {
        let hint = "remove it, if a backup was broken off there";
        bail!("make {}: {error}; {hint}", partial.display());
    }
    let attest = Attest { what: "backup".to_owned(), of: "journal, store and components".to_owned() };
    let copied = say(attest).and_then(|act| {
        let Signed { by: _, why } = signed.clone();
        copy(config, &partial, Made { by: signed.by(), why, act })
    });
    let manifest = match copied {
        Ok(manifest) => manifest,
        Err(error) => {
            drop(fs::remove_dir_all(&partial));
            return Err(error);
        }
    };
    fs::rename(&partial, folder).and_then(|()| files::sync_parent(folder)).with_context(|| {
        format!("give {} the name {}: all of it is there", partial.display(), folder.display())
    })?;
    if let Some(above) = folder.canonicalize()?.parent() {
        erasures::also_in(&config.data_dir, above)?;
        erasures::add(&above.join(erasures::FILE), &erasures::read(&config.data_dir.join(erasures::FILE))?)?;
    }
    if json {
        return super::print_json(out, &manifest);
    }
    manifest.tell(folder, out)
}

/// `DIR.partial`, beside it.
fn partial(folder: &Path) -> anyhow::Result<PathBuf> {
    let name = folder.file_name().with_context(|| format!("{} is no name for a folder", folder.display()))?;
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(folder.with_file_name(name))
}

fn copy(config: &Config, to: &Path, of: Made) -> anyhow::Result<Manifest> {
    let made = wiring::system_now();
    let data = &config.data_dir;
    let journal_path = data.join("journal.db");
    let store = if data.join("store.db").exists() { copy_store(data, to)? } else { None };
    let copied = SqliteJournal::copy(&journal_path, &to.join("journal.db"))?;
    let journal = JournalFile {
        kept: Kept::of(to, "journal.db")?,
        schema: copied.schema,
        position: copied.position,
        now: copied.time,
    };
    if let Some(store) = &store {
        let (stands, ends) = (store.position, journal.position);
        ensure!(stands <= ends, "the copied store stands at {stands}, the copied journal ends at {ends}");
    }
    let listed = config.data_dir.join(erasures::FILE);
    let erased = erasures::read(&listed)?.len();
    let erasures = if erased == 0 {
        None
    } else {
        fs::copy(&listed, to.join(erasures::FILE)).context("copy the list of erasures")?;
        Some(Kept::of(to, erasures::FILE)?)
    };
    let plugins = copy_shelf(&data.join("plugins"), to)?;
    let configuration = configuration::copy(config, to)?;
    let heliu = env!("CARGO_PKG_VERSION").to_owned();
    let tenant = config.tenant.clone();
    let of = Some(of);
    let manifest =
        Manifest { heliu, made, of, tenant, journal, store, erasures, erased, plugins, configuration };
    files::write(&to.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)
        .with_context(|| format!("write the manifest into {}", to.display()))?;
    for file in fs::read_dir(to)?.chain(fs::read_dir(to.join("plugins"))?) {
        let file = file?.path();
        if file.is_file() {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))
                .with_context(|| format!("keep others from {}", file.display()))?;
        }
    }
    files::sync_folder(&to.join("plugins"))
        .and_then(|()| files::sync_folder(to))
        .context("sync the backup")?;
    Ok(manifest)
}

/// None: it has no tables yet.
fn copy_store(data: &Path, to: &Path) -> anyhow::Result<Option<StoreFile>> {
    let (from, path) = (data.join("store.db"), to.join("store.db"));
    let copied = match SqliteStore::copy(&from, &path) {
        Ok(copied) => copied,
        Err(sqlite::DbError::Foreign { path: _, what: _ }) if fs::metadata(&from)?.len() == 0 => {
            fs::remove_file(&path).context("remove an empty copy")?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    // Of an older host's store nobody here can take it.
    let digest = copied.is_current.then(|| SqliteStore::open(&path)?.digest().map_err(anyhow::Error::from));
    let digest = digest.transpose()?.map(|(digest, _)| digest.to_string());
    let (schema, position, fired) = (copied.schema, copied.position, copied.time);
    Ok(Some(StoreFile { kept: Kept::of(to, "store.db")?, schema, position, fired, digest }))
}

/// Each under the name that says what must be in it.
fn copy_shelf(shelf: &Path, to: &Path) -> anyhow::Result<Vec<Kept>> {
    fs::create_dir(to.join("plugins")).context("make the folder for components")?;
    let mut kept = Vec::new();
    let mut names: Vec<_> = fs::read_dir(shelf)
        .with_context(|| format!("read {}", shelf.display()))?
        .map(|file| Ok(file?.path()))
        .collect::<std::io::Result<_>>()?;
    names.sort();
    for from in names.iter().filter(|name| name.extension().is_some_and(|ending| ending == "wasm")) {
        let Some(digest) = from.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        let name = format!("plugins/{digest}.wasm");
        files::write(&to.join(&name), &bytes).with_context(|| format!("copy {}", from.display()))?;
        let one = Kept::of(to, &name)?;
        ensure!(one.sha256 == digest, "{}: damaged: it is not what its name says", from.display());
        kept.push(one);
    }
    Ok(kept)
}
