//! Puts a backup back: into a data folder that holds nothing yet.
//!
//! The journal comes last: a host refuses to start on the folder of a restore that was broken off.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use heliu::wiring::{self, Lock};
use heliu::{erasures, files};
use journal::{Batch, Head, Records as _};
use model::{Attest, Deed, Entry, OperatorAct};
use serde::Serialize;
use sqlite::SqliteJournal;
use toml::{Table, Value};

use super::Signed;
use super::configuration::referred;
use super::manifest::{Kept, Manifest};

/// What was done, and what is left to do.
#[derive(Serialize)]
struct Restored {
    data: PathBuf,
    position: u64,
    /// It was put there from the backup.
    configuration: Option<PathBuf>,
    /// Components that the configuration names, put where it looks for them.
    components: Vec<PathBuf>,
    /// Components that it names and that are not in the backup.
    components_missing: Vec<PathBuf>,
    /// Files of secrets that it names and that are not there.
    secrets_missing: Vec<PathBuf>,
    /// Secrets that stood in it and must be written there again.
    blotted: usize,
    /// People who are in the backup and were erased after it was made.
    back: usize,
}

pub(crate) fn restore(
    path: &Path,
    folder: &Path,
    younger: Option<&Path>,
    signed: &Signed,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let manifest = Manifest::read(folder)?;
    for kept in manifest.files() {
        kept.check(folder)?;
    }
    let configuration = place_configuration(path, folder, &manifest)?;
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let table: Table =
        toml::from_str(&text).with_context(|| format!("{} cannot be understood", path.display()))?;
    check_tenant(path, &table, &manifest)?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let data = beside.join(table.get("data").and_then(Value::as_str).unwrap_or("data"));
    place_data(&data, folder, &manifest, signed)?;
    let back = list_erasures(&data, folder, younger)?;
    let (components, components_missing) = place_components(&table, beside, folder, &manifest)?;
    let secrets = referred(&Value::Table(table)).into_iter().filter(|name| !name.starts_with('$'));
    let secrets_missing = secrets.map(|name| beside.join(name)).filter(|path| !path.exists()).collect();
    let blotted = if configuration.is_some() { manifest.configuration.blotted } else { 0 };
    let position = manifest.journal.position;
    let restored = Restored {
        data,
        position,
        configuration,
        components,
        components_missing,
        secrets_missing,
        blotted,
        back,
    };
    if json {
        return super::super::print_json(out, &restored);
    }
    restored.tell(out)
}

/// Where there is a configuration, it stays.
fn place_configuration(path: &Path, folder: &Path, manifest: &Manifest) -> anyhow::Result<Option<PathBuf>> {
    if path.exists() {
        return Ok(None);
    }
    let Some(kept) = &manifest.configuration.kept else {
        bail!("{} is not there, and the backup has none: write it first", path.display());
    };
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        files::make_folder(above).with_context(|| format!("make {}", above.display()))?;
    }
    place(folder, kept, path)?;
    Ok(Some(path.to_owned()))
}

/// A folder is one tenant's for ever.
fn check_tenant(path: &Path, table: &Table, manifest: &Manifest) -> anyhow::Result<()> {
    let (theirs, ours) = (&manifest.tenant, table.get("tenant").and_then(Value::as_str));
    let ours = ours.unwrap_or(config::TENANT);
    ensure!(
        theirs == ours,
        "{}: the backup is tenant \"{theirs}\"'s, and this is the configuration of tenant \"{ours}\": name the right one with \
         --config",
        path.display()
    );
    Ok(())
}

fn place_data(data: &Path, folder: &Path, manifest: &Manifest, signed: &Signed) -> anyhow::Result<()> {
    let Some(_lock) = Lock::take(data)? else {
        bail!("{}: a host works on this data folder; stop it first", data.display());
    };
    let shelf = data.join("plugins");
    let taken = ["journal.db", "journal.db-wal", "store.db", "store.db-wal"];
    let taken = taken.iter().map(|name| data.join(name)).find(|path| path.exists());
    let taken = taken.or_else(|| fs::read_dir(&shelf).ok()?.next().map(|_| shelf.clone()));
    if let Some(taken) = taken {
        bail!("{} is there already: a backup is put into a data folder that holds nothing", taken.display());
    }
    files::make_folder(&shelf).with_context(|| format!("make {}", shelf.display()))?;
    for kept in &manifest.plugins {
        place(folder, kept, &data.join(&kept.file))?;
    }
    if let Some(store) = &manifest.store {
        place(folder, &store.kept, &data.join("store.db"))?;
    }
    place(folder, &manifest.journal.kept, &data.join("journal.db"))?;
    attest(data, manifest, signed)
}

/// The journal goes on with who put it there: what stands behind this record is not what stood there before.
fn attest(data: &Path, manifest: &Manifest, signed: &Signed) -> anyhow::Result<()> {
    let journal = SqliteJournal::open_existing(&data.join("journal.db"))?;
    let Head { position, now } = journal.head()?;
    if position == 0 {
        return Ok(());
    }
    let of = format!("backup of time {}, up to record {position}", manifest.made);
    let deed = Deed::Attest(Attest { what: "restore".to_owned(), of });
    let id = format!("restore/{}/{}", manifest.made, wiring::system_now());
    let act = OperatorAct { id, by: signed.by(), why: signed.why.clone(), deed };
    journal.append(&[Batch { now, entries: vec![Entry::Act(act)], ..Batch::default() }])?;
    Ok(())
}

/// Lists in the data folder who was erased, as far as it is known here. Gives how many of them are back.
fn list_erasures(data: &Path, folder: &Path, younger: Option<&Path>) -> anyhow::Result<usize> {
    let mut listed = erasures::read(&folder.join(erasures::FILE))?;
    if let Some(above) = folder.canonicalize()?.parent() {
        listed.extend(erasures::read(&above.join(erasures::FILE))?);
    }
    if let Some(younger) = younger {
        ensure!(younger.exists(), "{} is not there", younger.display());
        listed.extend(erasures::read(younger)?);
    }
    let path = data.join(erasures::FILE);
    erasures::add(&path, &listed)?;
    let journal = SqliteJournal::open_existing(&data.join("journal.db"))?;
    Ok(erasures::back(&erasures::read(&path)?, &journal)?.len())
}

/// Components that are not where the configuration looks for them.
fn place_components(
    table: &Table,
    beside: &Path,
    folder: &Path,
    manifest: &Manifest,
) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut placed, mut missing) = (Vec::new(), Vec::new());
    let sections = ["connection", "policy"].iter().filter_map(|kind| table.get(*kind)?.as_array()).flatten();
    for section in sections {
        let text = |key: &str| section.get(key).and_then(Value::as_str);
        let (Some(name), Some(plugin)) = (text("name"), text("plugin")) else { continue };
        let path = beside.join(plugin);
        if path.exists() {
            continue;
        }
        let known = manifest.configuration.components.iter().find(|component| component.name == name);
        let kept = known.and_then(|known| manifest.plugins.iter().find(|kept| kept.sha256 == known.sha256));
        let Some(kept) = kept else {
            missing.push(path);
            continue;
        };
        if let Some(above) = path.parent() {
            files::make_folder(above).with_context(|| format!("make {}", above.display()))?;
        }
        place(folder, kept, &path)?;
        placed.push(path);
    }
    Ok((placed, missing))
}

/// Copies a file under a name that it gets when all of it is there.
fn place(folder: &Path, kept: &Kept, to: &Path) -> anyhow::Result<()> {
    let mut new = to.as_os_str().to_owned();
    new.push(".new");
    let copied = fs::copy(folder.join(&kept.file), &new)
        .and_then(|bytes| fs::File::open(&new)?.sync_all().map(|()| bytes))
        .with_context(|| format!("copy {} to {}", kept.file, to.display()))?;
    ensure!(copied == kept.bytes, "{}: {copied} bytes were copied of {}", kept.file, kept.bytes);
    fs::rename(&new, to)
        .and_then(|()| files::sync_parent(to))
        .with_context(|| format!("put {} in its place", to.display()))
}

impl Restored {
    fn tell(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let Restored {
            data,
            position,
            configuration,
            components,
            components_missing,
            secrets_missing,
            blotted,
            back,
        } = self;
        writeln!(out, "{}: restored up to record {position}", data.display())?;
        let listed = |out: &mut dyn Write, what: &str, paths: &[PathBuf]| {
            paths.iter().try_for_each(|path| writeln!(out, "{what} {}", path.display()))
        };
        listed(out, "placed  ", configuration.as_slice())?;
        listed(out, "placed  ", components)?;
        listed(out, "MISSING ", components_missing)?;
        listed(out, "MISSING ", secrets_missing)?;
        if *blotted > 0 {
            writeln!(
                out,
                "MISSING  {blotted} secrets that stood in the configuration: write them there again"
            )?;
        }
        if *back > 0 {
            writeln!(
                out,
                "ERASED   {back} people after this backup was made, who are in it: the host does not start before `heliu \
                 customer erase --listed --by NAME --why TEXT`"
            )?;
        }
        writeln!(
            out,
            "Before the host starts: what was carried after record {position} is not known here, and would be carried \
             again. OPERATIONS, \"What is carried\", says how to hold it. Then: heliu rebuild --check"
        )?;
        Ok(())
    }
}
