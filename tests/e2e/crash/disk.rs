//! A disk that fails under the real host: `fault.c`, preloaded into it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tests::Launch;

/// No space left, read-only, and the disk's own: what Linux calls them.
pub const NO_SPACE: i32 = 28;
pub const READ_ONLY: i32 = 30;
pub const IO: i32 = 5;
/// Half of the call is done, and the process is killed.
pub const DEATH: i32 = 0;

/// The databases' four files.
pub const ANY: &str = "*";

/// One host's disk, and what is to be wrong with it.
pub struct Disk {
    folder: tempfile::TempDir,
}

/// Which calls fail.
#[derive(Clone, Copy)]
pub struct Fault {
    pub errno: i32,
    /// `w` write, `s` sync, `t` truncate, `r` read, `o` open.
    pub kinds: &'static str,
    /// The first that fails, and how many after that again. 0: none.
    pub first: u64,
    pub every: u64,
    /// How the file's name ends.
    pub of: &'static str,
}

impl Disk {
    pub fn new() -> Disk {
        Disk { folder: tempfile::tempdir().unwrap() }
    }

    /// A host on this disk.
    pub fn launch(&self) -> Launch {
        let env = |name: &str, path: &Path| (name.to_owned(), path.to_str().unwrap().to_owned());
        let env = vec![env("LD_PRELOAD", library()), env("HELIU_DISK", self.folder.path())];
        Launch { env, ..Launch::default() }
    }

    pub fn fail(&self, fault: Fault) {
        let Fault { errno, kinds, first, every, of } = fault;
        // Under another name first: the host must not read half of it.
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{errno} {kinds} {first} {every} {of}\n")).unwrap();
        std::fs::rename(new, self.folder.path().join("fault")).unwrap();
    }

    pub fn mend(&self) {
        drop(std::fs::remove_file(self.folder.path().join("fault")));
    }

    /// Syncs wait from now on.
    pub fn hold(&self) {
        std::fs::write(self.folder.path().join("hold"), "").unwrap();
    }

    pub fn let_go(&self) {
        std::fs::remove_file(self.folder.path().join("hold")).unwrap();
    }

    /// Notes what is synced from now on.
    pub fn trace(&self) {
        std::fs::write(self.folder.path().join("trace"), "").unwrap();
    }

    pub fn synced(&self) -> Vec<PathBuf> {
        let text = std::fs::read_to_string(self.folder.path().join("trace")).unwrap();
        text.lines().map(PathBuf::from).collect()
    }
}

/// Compiled once: SQLite and the allocator need a C compiler, too.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/crash/fault.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fault-{}.so", std::process::id()));
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let made = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        library
    })
}
