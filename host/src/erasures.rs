//! Who was erased, in a file that names nobody: so that a backup from before does not bring anybody back in silence.
//!
//! A backup of Monday holds whom Tuesday erased, and its journal knows of no erasure. So each one is listed outside of the
//! journal, too: in the data folder, and beside every backup that was made from it. A line has the act's id and, for each record
//! that was erased, its place and the beginning of its fingerprint. Whoever has the record finds it by that; nobody learns
//! from it what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use journal::{JournalError, Records, fingerprint};
use model::{CustomerId, Entry, Instant, Note, OperatorAct, Position, Record, Source};
use serde::{Deserialize, Serialize};
use store::{Query, Store};

use crate::files;

/// In the data folder, in each backup, and beside the backups.
pub const FILE: &str = "erasures.jsonl";

/// In the data folder: the folders in which backups were made, one in a line.
const BACKUPS: &str = "backups.list";

/// Records, notes or customers that are read together.
const PAGE: usize = 1024;

/// Letters of a fingerprint that are listed: enough to know a record again.
const PRINT: usize = 16;

/// One erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The id of the act.
    pub act: String,
    pub position: Position,
    pub now: Instant,
    pub customer: String,
    /// Place and fingerprint of each record.
    pub records: Vec<(Position, String)>,
}

/// What a file lists. A file that is not there lists nobody.
///
/// # Errors
/// The file cannot be read, or is no such list.
pub fn read(path: &Path) -> anyhow::Result<Vec<Listed>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let line = |(place, line): (usize, &str)| {
        serde_json::from_str(line)
            .with_context(|| format!("{}: line {} lists no erasure", path.display(), place + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}

/// Adds to a file those that it does not list. Gives how many that were.
///
/// # Errors
/// The file cannot be read or written.
pub fn add(path: &Path, more: &[Listed]) -> anyhow::Result<usize> {
    let mut all = read(path)?;
    let before = all.len();
    for listed in more {
        if !all.iter().any(|other| other.act == listed.act) {
            all.push(listed.clone());
        }
    }
    if all.len() == before {
        return Ok(0);
    }
    let mut text = String::new();
    for listed in &all {
        text.push_str(&serde_json::to_string(listed)?);
        text.push('\n');
    }
    files::write(path, text.as_bytes())
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .with_context(|| format!("write {}", path.display()))?;
    Ok(all.len() - before)
}

/// Lists every erasure that the store knows, in the data folder and beside the backups. A backup's folder that is not there any
/// more is passed over, and named.
///
/// # Errors
/// Journal, store or the data folder's list cannot be read, or the list not be written.
pub fn keep(data: &Path, journal: &dyn Records, store: &dyn Store) -> anyhow::Result<Vec<String>> {
    let path = data.join(FILE);
    let known: BTreeSet<String> = read(&path)?.into_iter().map(|listed| listed.act).collect();
    let mut new: BTreeMap<Position, Listed> = BTreeMap::new();
    // How many records each had, and where the first of them all stands: whoever there was is named after her first one.
    let (mut wanted, mut after) = (0, Position::MAX);
    for note in notes(store)? {
        let Note::Erasure(erasure) = note else { continue };
        let Some(Record { entry: Entry::Act(OperatorAct { id, .. }), .. }) =
            journal.fetch(&[erasure.position])?.pop()
        else {
            continue;
        };
        if !known.contains(&id) {
            let (position, now, customer) = (erasure.position, erasure.now, erasure.customer.to_string());
            wanted += erasure.records;
            after = after.min(erasure.customer.0.saturating_sub(1));
            new.insert(position, Listed { act: id, position, now, customer, records: Vec::new() });
        }
    }
    if !new.is_empty() {
        while wanted > 0 {
            let page = journal.read(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for record in &page {
                if let Entry::Erased(erased) = &record.entry
                    && let (Some(listed), Some(print)) = (new.get_mut(&erased.act), print(record))
                {
                    listed.records.push((record.position, print));
                    wanted = wanted.saturating_sub(1);
                }
            }
        }
        add(&path, &new.into_values().collect::<Vec<_>>())?;
    }
    let all = read(&path)?;
    let mut passed_over = Vec::new();
    for folder in backups(data)?.into_iter().filter(|_| !all.is_empty()) {
        if !folder.is_dir() {
            passed_over.push(format!("{}: it is not there", folder.display()));
        } else if let Err(error) = add(&folder.join(FILE), &all) {
            passed_over.push(format!("{error:#}"));
        }
    }
    Ok(passed_over)
}

/// From here on erasures are listed in this folder, too: backups are made in it.
///
/// # Errors
/// The list of folders cannot be read or written.
pub fn also_in(data: &Path, folder: &Path) -> anyhow::Result<()> {
    let folder = fs::canonicalize(folder).with_context(|| format!("find {}", folder.display()))?;
    let mut folders = backups(data)?;
    if folders.contains(&folder) {
        return Ok(());
    }
    folders.push(folder);
    let text: String = folders.iter().map(|folder| format!("{}\n", folder.display())).collect();
    let path = data.join(BACKUPS);
    files::write(&path, text.as_bytes()).with_context(|| format!("write {}", path.display()))
}

fn backups(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let path = data.join(BACKUPS);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().map(PathBuf::from).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Those of the list whom this journal has: it does not know that they were erased.
///
/// # Errors
/// The journal cannot be read.
pub fn back(listed: &[Listed], journal: &dyn Records) -> anyhow::Result<Vec<Listed>> {
    let mut back = Vec::new();
    for one in listed {
        if journal.locate(Source::Operator, &one.act)?.is_none() && !there(one, journal)?.is_empty() {
            back.push(one.clone());
        }
    }
    Ok(back)
}

/// Are people back who were erased? Then nobody may work on this folder before they are erased again.
///
/// # Errors
/// They are; or list or journal cannot be read.
pub fn check(data: &Path, journal: &dyn Records) -> anyhow::Result<()> {
    let path = data.join(FILE);
    let back = back(&read(&path)?, journal)?;
    ensure!(
        back.is_empty(),
        "{} of the people whom {} lists as erased are in this journal, which is older than that: erase them again, with \
         `heliu customer erase --listed --by NAME --why TEXT`",
        back.len(),
        path.display()
    );
    Ok(())
}

/// Whom a line means, in a store that is folded as far as its journal goes.
///
/// # Errors
/// One of them has events that the line does not list: they are somebody else's, too. Others if journal or store cannot be read.
pub fn meant(one: &Listed, journal: &dyn Records, store: &dyn Store) -> anyhow::Result<Vec<CustomerId>> {
    let there = there(one, journal)?;
    let (mut meant, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(&Query { after, limit: PAGE, ..Query::default() })?;
        let Some(last) = page.last() else { return Ok(meant) };
        after = Some(last.id);
        for customer in page.iter().filter(|customer| there.iter().any(|&position| customer.has(position))) {
            let more = customer.timeline.iter().copied().filter(|position| !there.contains(position));
            let more = journal.fetch(&more.collect::<Vec<_>>())?;
            let others = more.iter().filter(|record| matches!(record.entry, Entry::Event(_))).count();
            ensure!(
                others == 0,
                "{} was erased by {}; here {} has {others} more events: here she is one with somebody else, or has come back. \
                 Divide them with `heliu customer split`, and erase her with `heliu customer erase ID --id {}`",
                one.customer,
                one.act,
                customer.id,
                one.act
            );
            meant.push(customer.id);
        }
    }
}

/// The records of a line that this journal has.
fn there(one: &Listed, journal: &dyn Records) -> anyhow::Result<BTreeSet<Position>> {
    let mut there = BTreeSet::new();
    for (position, listed) in &one.records {
        let record = match journal.fetch(&[*position]) {
            Ok(mut records) => records.pop(),
            Err(JournalError::Missing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let same = |record: &Record| {
            !matches!(record.entry, Entry::Erased(_)) && print(record).as_ref() == Some(listed)
        };
        if record.as_ref().is_some_and(same) {
            there.insert(*position);
        }
    }
    Ok(there)
}

fn print(record: &Record) -> Option<String> {
    let print = fingerprint(&record.entry)?.to_string();
    Some(print.chars().take(PRINT).collect())
}

fn notes(store: &dyn Store) -> anyhow::Result<Vec<Note>> {
    let (mut notes, mut after) = (Vec::new(), String::new());
    loop {
        let page = store.notes(&after, PAGE)?;
        let Some(last) = page.last() else { return Ok(notes) };
        after = last.key();
        notes.extend(page);
    }
}
