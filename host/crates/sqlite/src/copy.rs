//! A copy of a file that somebody may be writing to.
//!
//! All of it is read in one transaction: the copy is the file at one moment, the writer goes on meanwhile, and its log
//! grows until the copy is done. Nothing is migrated: a newer host copies what an older one is working on.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::db::{DbError, Schema, check, classify, identify, unsigned};

/// How long a copy waits before it asks again for a file that is held.
const PAUSE: Duration = Duration::from_millis(50);

/// A copy is checked whole, whatever it takes.
const CHECK_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The version of its tables. A host that knows them, or newer ones, can open it.
    pub schema: i64,
    /// These are the tables that this host works with: opened, the file stays as it is.
    pub is_current: bool,
    /// Of a journal: its last record. Of a store: up to where it is folded.
    pub position: u64,
    /// Of a journal: no later record is older. Of a store: the time up to which alarms fired.
    pub time: u64,
}

/// Copies, syncs, and checks the copy. `holds` asks for a position and a time.
pub(crate) fn copy(from: &Path, to: &Path, schema: &Schema, holds: &str) -> Result<Copied, DbError> {
    let error = |path: &'_ Path, doing| {
        let path = path.to_owned();
        move |error: rusqlite::Error| classify(&path, doing, &error)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(error(from, "open to copy it"))?;
    identify(&source, from, schema)?;
    let mut copy = Connection::open(to).map_err(error(to, "make a copy"))?;
    {
        let backup = Backup::new(&source, &mut copy).map_err(error(to, "copy"))?;
        loop {
            // All pages in one step: between two steps somebody might write, and it would begin anew for ever.
            match backup.step(-1).map_err(error(to, "copy"))? {
                StepResult::Done => break,
                StepResult::More | StepResult::Busy | StepResult::Locked | _ => std::thread::sleep(PAUSE),
            }
        }
    }
    check(&mut copy, to, CHECK_MAX)?;
    let version = identify(&copy, to, schema)?;
    if version == 0 {
        return Err(DbError::Foreign { path: from.to_owned(), what: schema.what });
    }
    let row = |row: &rusqlite::Row<'_>| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)));
    let (position, time) = copy.query_row(holds, [], row).map_err(error(to, "read the copy"))?;
    copy.close().map_err(|(_, failed)| error(to, "close the copy")(failed))?;
    let file = std::fs::File::open(to).and_then(|file| file.sync_all());
    file.map_err(|io| DbError::Disk { path: to.to_owned(), doing: "sync the copy", reason: io.to_string() })?;
    let is_current = version == schema.tables.schema();
    Ok(Copied { schema: version, is_current, position, time })
}

#[cfg(test)]
mod tests {
    use crate::{SqliteJournal, SqliteStore};
    use journal::{Batch, Records as _};
    use model::{Entry, Setup};

    #[test]
    fn a_copy_is_the_file_at_one_moment_and_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("journal.db"), folder.path().join("copy.db"));
        let journal = SqliteJournal::open(&from).unwrap();
        let batch = |now| Batch { now, entries: vec![Entry::Setup(Setup::default())], ..Batch::default() };
        for now in 1..=500 {
            journal.append(&[batch(now)]).unwrap();
        }
        let copied = std::thread::scope(|scope| {
            let writing =
                scope.spawn(|| (501..=800).for_each(|now| drop(journal.append(&[batch(now)]).unwrap())));
            let copied = SqliteJournal::copy(&from, &to).unwrap();
            writing.join().unwrap();
            copied
        });
        assert!((500..=800).contains(&copied.position) && copied.position == copied.time, "{copied:?}");
        let copy = SqliteJournal::open_existing(&to).unwrap();
        assert_eq!(copy.head().unwrap().position, copied.position);
        assert_eq!(copy.read(0, 1000).unwrap().len() as u64, copied.position);
        assert_eq!(journal.head().unwrap().position, 800, "the source goes on");
    }

    #[test]
    fn a_file_of_another_kind_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        drop(SqliteStore::open(&path).unwrap());
        let error = SqliteJournal::copy(&path, &folder.path().join("copy.db")).unwrap_err();
        assert!(error.to_string().contains("not a journal of Heliu"), "{error}");
    }
}
