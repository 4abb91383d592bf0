//! Makes the list of the files in `hostile/`, so that none of them can be forgotten.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=hostile");
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir("hostile")? {
        files.push(entry?.path().canonicalize()?);
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let _ =
            writeln!(list, "    Guest {{ name: {name:?}, source: Source::Text(include_str!({file:?})) }},");
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets no OUT_DIR"))?;
    fs::write(Path::new(&out).join("files.rs"), list)
}
