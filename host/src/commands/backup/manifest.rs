//! What a backup says of itself.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(super) const MANIFEST: &str = "manifest.json";

#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version that made it.
    pub(super) heliu: String,
    /// When it was begun, in milliseconds since 1970. Everything that was answered before is in it.
    pub(super) made: u64,
    /// None: an older host's, which asked nobody.
    #[serde(default)]
    pub(super) of: Option<Made>,
    pub(super) tenant: String,
    pub(super) journal: JournalFile,
    /// None: the host had none yet. The journal gives it again.
    pub(super) store: Option<StoreFile>,
    /// Who was erased before it was made: a list that names nobody. None: nobody.
    #[serde(default)]
    pub(super) erasures: Option<Kept>,
    /// How many.
    #[serde(default)]
    pub(super) erased: usize,
    pub(super) plugins: Vec<Kept>,
    pub(super) configuration: Configuration,
}

/// Who made it, and why.
#[derive(Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) by: String,
    pub(super) why: String,
    /// The record that says so. None: the journal could not be told.
    pub(super) act: Option<u64>,
}

/// A file of the backup.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// Within the backup.
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JournalFile {
    #[serde(flatten)]
    pub(super) kept: Kept,
    pub(super) schema: i64,
    /// Its last record.
    pub(super) position: u64,
    /// No later record is older.
    pub(super) now: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoreFile {
    #[serde(flatten)]
    pub(super) kept: Kept,
    pub(super) schema: i64,
    /// Up to where it is folded.
    pub(super) position: u64,
    pub(super) fired: u64,
    /// The state hash at that position. None: an older host's, which this one could not take.
    pub(super) digest: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Configuration {
    /// `heliu.toml`, without its secrets. None: it could not be had without them.
    pub(super) kept: Option<Kept>,
    /// Why there is none.
    pub(super) left_out: Option<String>,
    /// How many secrets stood in it, and stand in it no more.
    pub(super) blotted: usize,
    /// The files, and the variables of the environment, that it names as secrets. They are not in the backup.
    pub(super) secrets: Vec<String>,
    /// What it calls each component, and which one that was.
    pub(super) components: Vec<Component>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Component {
    /// The connection's, or the policy's.
    pub(super) name: String,
    pub(super) sha256: String,
}

impl Kept {
    pub(super) fn of(folder: &Path, file: &str) -> anyhow::Result<Kept> {
        let path = folder.join(file);
        let (bytes, sha256) = digest(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(Kept { file: file.to_owned(), bytes, sha256 })
    }

    /// Is it still what it was?
    pub(super) fn check(&self, folder: &Path) -> anyhow::Result<()> {
        let now = Kept::of(folder, &self.file)?;
        ensure!(
            now.bytes == self.bytes && now.sha256 == self.sha256,
            "{}: damaged: {} bytes with the digest {}, the manifest says {} and {}",
            folder.join(&self.file).display(),
            now.bytes,
            now.sha256,
            self.bytes,
            self.sha256
        );
        Ok(())
    }
}

fn digest(path: &Path) -> std::io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let bytes = std::io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok((bytes, model::Digest(hasher.finalize().into()).to_string()))
}

impl Manifest {
    pub(super) fn read(folder: &Path) -> anyhow::Result<Manifest> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read(&path)
            .with_context(|| format!("read {}: without it, this is no whole backup", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a manifest", path.display()))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Kept> {
        let store = self.store.as_ref().map(|store| &store.kept);
        let configuration = self.configuration.kept.as_ref();
        std::iter::once(&self.journal.kept)
            .chain(store)
            .chain(&self.erasures)
            .chain(configuration)
            .chain(&self.plugins)
    }

    pub(super) fn tell(&self, folder: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        let Manifest {
            heliu: _,
            made: _,
            of,
            tenant,
            journal,
            store,
            erasures: _,
            erased,
            plugins,
            configuration,
        } = self;
        let mib = self.files().map(|file| file.bytes).sum::<u64>() >> 20;
        writeln!(out, "{}: tenant \"{tenant}\", {mib} MiB", folder.display())?;
        if let Some(Made { by, why, act }) = of {
            let told = act.map_or_else(
                || "of which the journal does NOT tell".to_owned(),
                |act| format!("as record {act} says"),
            );
            writeln!(out, "made        by {by}, {told}: {why}")?;
        }
        writeln!(out, "journal     up to record {}", journal.position)?;
        match store {
            Some(store) => writeln!(out, "store       folded up to record {}", store.position)?,
            None => writeln!(out, "store       none yet: the journal gives it again")?,
        }
        writeln!(out, "erasures    {erased} before it; those after it are listed beside it")?;
        writeln!(out, "components  {}", plugins.len())?;
        configuration.tell(out)
    }
}

impl Configuration {
    fn tell(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        match (&self.left_out, self.blotted) {
            (Some(why), _) => writeln!(out, "heliu.toml  NOT in it: {why}")?,
            (None, 0) => writeln!(out, "heliu.toml  as it is")?,
            (None, blotted) => writeln!(out, "heliu.toml  without {blotted} secrets that stood in it")?,
        }
        if !self.secrets.is_empty() {
            writeln!(out, "NOT in it, keep them elsewhere: {}", self.secrets.join(", "))?;
        }
        Ok(())
    }
}
