//! Compiled code on disk, so that a component is compiled once per machine; and the one place where compiled code is loaded.
//!
//! Loading compiled code is running it natively, without a sandbox around it. So only that is loaded which a child of this
//! host just answered, or an entry that bears the seal of this host: a keyed hash under a key that nobody else can read,
//! the child included. Everything else is ignored and rewritten.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use model::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compiler::Compiled;

/// The pinned version. Part of the name of an entry; a test holds it against the workspace's.
const WASMTIME: &str = "48.0.8";
const KEY_FILE: &str = "key";
const SEAL_BYTES: usize = 32;

pub(crate) struct CodeCache {
    folder: PathBuf,
    key: [u8; 32],
}

impl CodeCache {
    /// Opens a folder for one host. Makes the folder and its key where there are none.
    pub(crate) fn open(folder: &Path) -> io::Result<CodeCache> {
        make_folder(folder)?;
        let key = read_key(&folder.join(KEY_FILE))?;
        Ok(CodeCache { folder: folder.to_owned(), key })
    }

    /// The component's code, if this host compiled it with this engine before.
    pub(crate) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = entry_name(engine, digest);
        let bytes = fs::read(self.folder.join(&name)).ok()?;
        let (seal, code) = bytes.split_at_checked(SEAL_BYTES)?;
        let seal: [u8; SEAL_BYTES] = seal.try_into().ok()?;
        // Compared in constant time by blake3's own equality.
        if self.seal(&name, code) != blake3::Hash::from_bytes(seal) {
            tracing::warn!(entry = name, "compiled code without this host's seal: compiled again");
            return None;
        }
        match deserialize(engine, code) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(entry = name, %error, "compiled code does not load: compiled again");
                None
            }
        }
    }

    /// Keeps the component's code. A failure costs the next start some seconds, nothing else.
    pub(crate) fn store(&self, engine: &Engine, digest: Digest, compiled: &Compiled) {
        let name = entry_name(engine, digest);
        if let Err(error) = self.write(&name, compiled.code()) {
            tracing::warn!(folder = %self.folder.display(), %error, "compiled code is not kept");
        }
    }

    /// Written beside and renamed over: a reader sees the old entry or the new one, and a mapped file never changes.
    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let mut file = Beside::create(&self.folder, name)?;
        file.file.write_all(self.seal(name, code).as_bytes())?;
        file.file.write_all(code)?;
        fs::rename(&file.path, self.folder.join(name))
    }

    /// Over the name, too: an entry that was moved to another name is another's.
    fn seal(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(code);
        hasher.finalize()
    }
}

/// Loads what a child of this host answered.
pub(crate) fn load_compiled(engine: &Engine, compiled: &Compiled) -> wasmtime::Result<Component> {
    deserialize(engine, compiled.code())
}

#[expect(unsafe_code, reason = "compiled code can only be loaded so; where it came from was checked")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` asks for bytes that came out of `Engine::precompile_component` unchanged. `load_compiled` has
    // them from a process that this one started, of a program that the wiring names, over a pipe that nobody else
    // holds: a `Compiled` is made nowhere else. `load` calls this only after the keyed hash over them was verified, and
    // only `store` of this host, which holds the key, makes such hashes, over a `Compiled`. wasmtime itself compares
    // its version and the engine's settings.
    unsafe { Component::deserialize(engine, code) }
}

fn entry_name(engine: &Engine, digest: Digest) -> String {
    let mut compatibility = Collected(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut compatibility);
    compatibility.write(WASMTIME.as_bytes());
    format!("{digest}-{}.code", &compatibility.0.finalize().to_hex()[..16])
}

/// std's hashes are not the same in the next version of Rust; this one is.
struct Collected(blake3::Hasher);

impl Hasher for Collected {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(std::array::from_fn(|at| hash.as_bytes()[at]))
    }
}

fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    if let Some(key) = existing_key(path)? {
        return Ok(key);
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = Beside::create(folder, KEY_FILE)?;
    file.file.write_all(&key)?;
    file.file.sync_all()?;
    fs::rename(&file.path, path)?;
    // Where two hosts start at once, the later rename wins, and the other's entries are compiled again.
    Ok(key)
}

/// None: there is no key, or one that others could have read or written.
fn existing_key(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !is_private(&file)? {
        tracing::warn!(path = %path.display(), "the key of the compiled code is open to others: replaced");
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes.try_into().ok())
}

#[cfg(unix)]
fn is_private(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_file: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// A file of ours alone, under a name that nobody else uses. Gone again unless it was renamed.
struct Beside {
    file: File,
    path: PathBuf,
}

impl Beside {
    fn create(folder: &Path, name: &str) -> io::Result<Beside> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let path = folder.join(format!(".{name}.{:016x}", u64::from_le_bytes(random)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok(Beside { file, path })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(engine: &Engine) -> (Digest, Compiled) {
        let code = engine.precompile_component(&wat::parse_str("(component)").unwrap()).unwrap();
        (Digest([7; 32]), Compiled::here(code))
    }

    fn entries(folder: &Path) -> Vec<PathBuf> {
        let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|extension| extension == "code")).collect()
    }

    #[test]
    fn the_version_in_an_entrys_name_is_the_pinned_one() {
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../Cargo.toml");
        let text = fs::read_to_string(workspace).unwrap();
        assert!(text.contains(&format!("wasmtime = {{ version = \"={WASMTIME}\"")));
    }

    #[test]
    fn what_was_kept_is_found_again_by_the_same_host_alone() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (digest, code) = compiled(&engine);
        let cache = CodeCache::open(folder.path()).unwrap();
        assert!(cache.load(&engine, digest).is_none());
        cache.store(&engine, digest, &code);
        assert!(CodeCache::open(folder.path()).unwrap().load(&engine, digest).is_some());
        assert!(cache.load(&engine, Digest([8; 32])).is_none());

        fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        let stranger = CodeCache::open(folder.path()).unwrap();
        assert!(stranger.load(&engine, digest).is_none());
    }

    #[test]
    fn a_damaged_entry_is_ignored_and_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (digest, code) = compiled(&engine);
        let cache = CodeCache::open(folder.path()).unwrap();
        cache.store(&engine, digest, &code);
        let path = entries(folder.path()).remove(0);
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        flipped[SEAL_BYTES + 100] ^= 1;
        for bad in [&flipped[..], &good[..good.len() - 1], &good[..SEAL_BYTES], &good[..3], &[]] {
            fs::write(&path, bad).unwrap();
            assert!(cache.load(&engine, digest).is_none());
        }
        cache.store(&engine, digest, &code);
        assert!(cache.load(&engine, digest).is_some());
        assert_eq!(entries(folder.path()).len(), 1);
    }

    #[test]
    fn an_entry_under_anothers_name_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (digest, code) = compiled(&engine);
        let cache = CodeCache::open(folder.path()).unwrap();
        cache.store(&engine, digest, &code);
        let other = Digest([8; 32]);
        fs::copy(&entries(folder.path())[0], folder.path().join(entry_name(&engine, other))).unwrap();
        assert!(cache.load(&engine, other).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn files_are_the_hosts_own_and_an_open_key_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (digest, code) = compiled(&engine);
        let cache = CodeCache::open(folder.path()).unwrap();
        cache.store(&engine, digest, &code);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        fs::set_permissions(folder.path().join(KEY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(CodeCache::open(folder.path()).unwrap().load(&engine, digest).is_none());
    }
}
