//! Files and folders that are there after a power cut, with all that is in them.
//!
//! A name is part of its folder: a file that is synced and whose folder is not may be gone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file whole or not at all: under another name first, synced, then renamed.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // `x.wasm` by way of `x.wasm.new`, so that two files never share a way.
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_parent(path)
}

/// Makes a folder and those above it.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    match parent(path) {
        Some(above) => make_folder(above)?,
        None => return Ok(()),
    }
    match fs::create_dir(path) {
        Ok(()) => sync_parent(path),
        // Somebody else was there first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the name of this file or folder durable.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    parent(path).map_or(Ok(()), sync_folder)
}

/// `.` of a bare name; None of the root.
fn parent(path: &Path) -> Option<&Path> {
    let above = path.parent()?;
    Some(if above.as_os_str().is_empty() { Path::new(".") } else { above })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        make_folder(&deep).unwrap();
        make_folder(&deep).unwrap();
        let path = deep.join("c.wasm");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 1);
    }
}
