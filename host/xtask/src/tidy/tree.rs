//! The project's files as the rules see them, and what a rule finds in them.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders that hold nothing of ours, at any depth.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "__pycache__", ".venv"];

/// One text file. Its path is relative to the workspace and has forward slashes on every system.
#[derive(Debug)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// Every file of the project.
#[derive(Debug, Default)]
pub struct Tree {
    pub files: Vec<File>,
    /// What is no text: pictures, compiled guests, symbolic links. Links in documents may lead there.
    pub binaries: Vec<String>,
}

/// One breach of one rule, and its mend.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub file: String,
    /// From 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong, then what to do.
    pub text: String,
}

impl Tree {
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let context = || format!("{} cannot be listed", folder.display());
        let mut entries: Vec<_> =
            fs::read_dir(folder).with_context(context)?.collect::<Result<_, _>>().with_context(context)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().with_context(|| format!("{path} cannot be looked at"))?;
            if kind.is_symlink() {
                // What it leads to is read where it is.
                self.binaries.push(path);
                continue;
            }
            if kind.is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    self.read_folder(&entry.path(), &format!("{path}/"))?;
                }
                continue;
            }
            let bytes = fs::read(entry.path()).with_context(|| format!("{path} cannot be read"))?;
            match String::from_utf8(bytes) {
                Ok(text) => self.files.push(File { path, text }),
                Err(_) => self.binaries.push(path),
            }
        }
        Ok(())
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a folder of this path.
    pub fn has(&self, path: &str) -> bool {
        let below = |candidate: &str| {
            candidate
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || path.is_empty() || rest.starts_with('/'))
        };
        self.files.iter().any(|file| below(&file.path)) || self.binaries.iter().any(|path| below(path))
    }

    /// Files with this ending that are the project's own words: templates for `new` are not, they hold placeholders.
    pub fn with_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.ends_with(ending) && !file.is_template())
    }

    /// Names of the folders right below this one, in order.
    pub fn folders_in(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        let paths = self.files.iter().map(|file| &file.path).chain(&self.binaries);
        let mut names: Vec<String> = paths
            .filter_map(|path| path.strip_prefix(&prefix)?.split_once('/'))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

impl File {
    pub fn is_template(&self) -> bool {
        self.path.starts_with("host/xtask/templates/")
    }

    /// Line numbers from 1 with their text.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The first line that contains this, from 1; 0 where none does.
    pub fn line_with(&self, needle: &str) -> usize {
        self.lines().find(|(_, line)| line.contains(needle)).map_or(0, |(number, _)| number)
    }

    pub fn finding(&self, rule: &'static str, line: usize, text: impl Into<String>) -> Finding {
        Finding { rule, file: self.path.clone(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, file, line, text } = self;
        match line {
            0 => write!(out, "{file}: {rule}: {text}"),
            line => write!(out, "{file}:{line}: {rule}: {text}"),
        }
    }
}

/// For the rules' own tests: a project of these files.
#[cfg(test)]
pub fn project(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
    Tree { files: files.iter().map(file).collect(), binaries: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_when_a_file_is_below_it() {
        let tree = project(&[("host/docs/OPERATIONS.md", "")]);
        assert!(tree.has("host/docs") && tree.has("host/docs/OPERATIONS.md") && tree.has(""));
        assert!(!tree.has("host/doc") && !tree.has("docs"));
    }

    #[test]
    fn folders_are_listed_once_and_files_are_not() {
        let tree = project(&[
            ("plugins/policies/a/x", ""),
            ("plugins/policies/a/y", ""),
            ("plugins/policies/README.md", ""),
        ]);
        assert_eq!(tree.folders_in("plugins/policies"), ["a"]);
    }
}
