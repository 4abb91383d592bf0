//! The journal on SQLite.
//!
//! `record` holds one blob for each position. `seen` finds an event by a 64-bit hash of its source and id; a hit is
//! confirmed against the record, so a collision costs a read and never an event. A unique index on the ids themselves
//! was measured at little more than half the speed: random text of 40 bytes against 16 sorted ones.

mod append;
mod dead;
mod erase;

use std::path::Path;
use std::time::Duration;

use failpoint::Point;
use journal::{
    Batch, DeadCount, DeadLetter, DeadQuery, Ended, Erasure, Gone, Head, Journal, JournalError, Naming,
    Receipt, Recollection, Records, WaitingChore, fingerprint, fingerprint_of,
};
use model::{Chore, Digest, Instant, MemoryCell, Position, Record, Source};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::copy::{self, Copied};
use crate::db::{Db, DbError, Migration, Missing, Schema, Tables, signed, unsigned};

pub(crate) static SCHEMA: Schema = Schema {
    what: "a journal of Heliu",
    application_id: 0x4845_4c4a, // HELJ
    tables: Tables::Kept(&[
        Migration::Tables(include_str!("journal/schema_1.sql")),
        Migration::Tables(include_str!("journal/schema_2.sql")),
        Migration::Rows(list_setups),
    ]),
    synchronous: "FULL",
    written: Point::AppendWritten,
    committed: Point::AppendDone,
};

/// One file, the truth.
pub struct SqliteJournal {
    db: Db,
}

impl SqliteJournal {
    /// Opens the journal, or makes an empty one where there is no file.
    ///
    /// # Errors
    /// [`DbError`] names the file.
    pub fn open(path: &Path) -> Result<SqliteJournal, DbError> {
        Ok(SqliteJournal { db: Db::open(path, &SCHEMA, Missing::Make)? })
    }

    /// Opens a journal that must be there.
    ///
    /// # Errors
    /// [`DbError`] names the file.
    pub fn open_existing(path: &Path) -> Result<SqliteJournal, DbError> {
        Ok(SqliteJournal { db: Db::open(path, &SCHEMA, Missing::Refuse)? })
    }

    /// Reads the whole file and looks whether its pages hang together. False: it was not done in that time.
    ///
    /// # Errors
    /// [`DbError::Damaged`] names the file, and says what was found.
    pub fn check(&self, within: Duration) -> Result<bool, DbError> {
        self.db.check(within)
    }

    /// Copies the write-ahead log into the file, and empties it.
    ///
    /// # Errors
    /// [`DbError`]; the log stays, and nothing is lost.
    pub fn checkpoint(&self) -> Result<(), DbError> {
        self.db.checkpoint()
    }

    /// Copies the file as it is at one moment, also while a host writes to it; see [`Copied`].
    ///
    /// # Errors
    /// [`DbError`] names the file.
    pub fn copy(from: &Path, to: &Path) -> Result<Copied, DbError> {
        copy::copy(
            from,
            to,
            &SCHEMA,
            "SELECT coalesce(max(position), 0), (SELECT now FROM floor) FROM record",
        )
    }
}

fn of_db(error: DbError) -> JournalError {
    match error {
        DbError::Disk { path: _, doing, reason } => JournalError::Disk { doing, reason },
        DbError::Damaged { path, reason } => {
            JournalError::Damaged { place: path.display().to_string(), reason }
        }
        DbError::Newer { path, found, known } => {
            JournalError::Newer { place: path.display().to_string(), found, known }
        }
        DbError::Foreign { path, what } => {
            JournalError::Damaged { place: path.display().to_string(), reason: format!("this is not {what}") }
        }
    }
}

/// Its first 8 bytes: what the index holds.
fn hash(fingerprint: &Digest) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&fingerprint.0[..8]);
    i64::from_le_bytes(bytes)
}

/// One stored record. An undecodable blob is an error that names the position, never a record that is skipped.
fn decode(position: Position, body: &[u8]) -> Result<Record, String> {
    wire::from_bytes::<Record>(body).map_err(|error| format!("record {position}: {error}"))
}

/// Where the event stands: candidates by hash, confirmed by their records.
fn locate(db: &Connection, wanted: &Digest) -> Result<Option<Position>, rusqlite::Error> {
    let mut candidates = db.prepare_cached(
        "SELECT seen.position, record.body FROM seen JOIN record USING (position) WHERE seen.hash = ?1",
    )?;
    let mut rows = candidates.query(params![hash(wanted)])?;
    while let Some(row) = rows.next()? {
        let position: i64 = row.get(0)?;
        let body = row.get_ref(1)?.as_blob()?;
        let record = decode(unsigned(position), body).map_err(undecodable)?;
        if fingerprint(&record.entry).as_ref() == Some(wanted) {
            return Ok(Some(record.position));
        }
    }
    Ok(None)
}

fn undecodable(reason: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, reason.into())
}

/// Schema 2 came with a list of where setups stand, and had it begin with the next one. Whoever folds looks ahead in it for pauses:
/// the older ones belong there.
fn list_setups(db: &Connection) -> Result<(), rusqlite::Error> {
    let mut records = db.prepare("SELECT position, body FROM record ORDER BY position")?;
    let mut list = db.prepare("INSERT OR IGNORE INTO setup VALUES (?1)")?;
    let mut rows = records.query([])?;
    while let Some(row) = rows.next()? {
        let position: i64 = row.get(0)?;
        let record = decode(unsigned(position), row.get_ref(1)?.as_blob()?).map_err(undecodable)?;
        if record.entry.setup().is_some() {
            list.execute(params![position])?;
        }
    }
    Ok(())
}

fn head(db: &Connection) -> Result<Head, rusqlite::Error> {
    let position: Option<i64> =
        db.prepare_cached("SELECT max(position) FROM record")?.query_row([], |row| row.get(0))?;
    let floor: i64 = db.prepare_cached("SELECT now FROM floor")?.query_row([], |row| row.get(0))?;
    Ok(Head { position: position.map_or(0, unsigned), now: unsigned(floor) })
}

impl Records for SqliteJournal {
    fn head(&self) -> Result<Head, JournalError> {
        self.db.read("read the head", head).map_err(of_db)
    }

    fn append(&self, batches: &[Batch]) -> Result<Vec<Receipt>, JournalError> {
        self.db.write("append", |db| append::append(db, batches)).map_err(of_db)
    }

    fn read(&self, after: Position, limit: usize) -> Result<Vec<Record>, JournalError> {
        let bodies = |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT position, body FROM record WHERE position > ?1 ORDER BY position LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = query.query_map(params![i64::try_from(after).unwrap_or(i64::MAX), limit], |row| {
                Ok(decode(unsigned(row.get(0)?), row.get_ref(1)?.as_blob()?))
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        let records = self.db.read("read records", bodies).map_err(of_db)?;
        records.into_iter().map(|record| record.map_err(|reason| of_db(self.db.damaged(reason)))).collect()
    }

    fn fetch(&self, positions: &[Position]) -> Result<Vec<Record>, JournalError> {
        let find = |db: &Connection| {
            let mut query = db.prepare_cached("SELECT body FROM record WHERE position = ?1")?;
            let mut one = |&position: &Position| {
                let body = query
                    .query_row(params![signed(position)], |row| {
                        Ok(decode(position, row.get_ref(0)?.as_blob()?))
                    })
                    .optional()?;
                Ok((position, body))
            };
            positions.iter().map(&mut one).collect::<Result<Vec<_>, rusqlite::Error>>()
        };
        let found = self.db.read("fetch records", find).map_err(of_db)?;
        let check = |(position, record): (Position, Option<Result<Record, String>>)| {
            let record = record.ok_or(JournalError::Missing(position))?;
            record.map_err(|reason| of_db(self.db.damaged(reason)))
        };
        found.into_iter().map(check).collect()
    }

    fn locate(&self, source: Source<'_>, id: &str) -> Result<Option<Position>, JournalError> {
        self.db.read("locate an event", |db| locate(db, &fingerprint_of(source, id))).map_err(of_db)
    }

    fn setups(&self, after: Position) -> Result<Vec<Record>, JournalError> {
        let find = |db: &Connection| {
            let mut query =
                db.prepare_cached("SELECT position FROM setup WHERE position > ?1 ORDER BY position")?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let rows = query.query_map(params![after], |row| Ok(unsigned(row.get(0)?)))?;
            rows.collect::<Result<Vec<Position>, _>>()
        };
        let positions = self.db.read("read setups", find).map_err(of_db)?;
        self.fetch(&positions)
    }

    fn erase(&self, erasure: &Erasure) -> Result<Gone, JournalError> {
        let erased = self.db.write("erase", |db| erase::erase(db, erasure)).map_err(of_db)?;
        let gone = erased.map_err(JournalError::Missing)?;
        self.db.scrub("erase").map_err(of_db)?;
        Ok(gone)
    }
}

impl Journal for SqliteJournal {
    fn recall(&self, connection: &str) -> Result<Recollection, JournalError> {
        let recall = |db: &Connection| {
            let cursor = db
                .prepare_cached("SELECT cursor FROM feed WHERE connection = ?1")?
                .query_row(params![connection], |row| row.get(0))
                .optional()?;
            let mut cells = db.prepare_cached(
                "SELECT key, value, expires FROM memory WHERE connection = ?1 ORDER BY key",
            )?;
            let memory = cells.query_map(params![connection], cell)?;
            Ok(Recollection { cursor, memory: memory.collect::<Result<_, _>>()? })
        };
        self.db.read("recall a connection", recall).map_err(of_db)
    }

    fn chores(
        &self,
        connection: &str,
        now: Instant,
        limit: usize,
    ) -> Result<Vec<WaitingChore>, JournalError> {
        let due = |db: &Connection| {
            let mut query = db.prepare_cached(&format!(
                "{CHORE} WHERE connection = ?1 AND due <= ?2 ORDER BY due, number LIMIT ?3"
            ))?;
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            query.query_map(params![connection, now, limit], chore)?.collect()
        };
        self.db.read("read chores", due).map_err(of_db)
    }

    fn dead(&self, query: &DeadQuery) -> Result<Vec<DeadLetter>, JournalError> {
        self.db.read("read dead letters", |db| dead::letters(db, query)).map_err(of_db)
    }

    fn dead_counts(&self) -> Result<Vec<DeadCount>, JournalError> {
        self.db.read("count dead letters", dead::counts).map_err(of_db)
    }

    fn ended_turns(&self, keys: &[String]) -> Result<Vec<Option<Ended>>, JournalError> {
        self.db.read("read how letters ended", |db| dead::ended_turns(db, keys)).map_err(of_db)
    }

    fn naming(&self, names: &[String]) -> Result<Naming, JournalError> {
        self.db.read("look for somebody", |db| erase::naming(db, names)).map_err(of_db)
    }
}

/// All of a chore, in the order in which it is read.
const CHORE: &str = "SELECT connection, key, number, due, attempts, job FROM chore";

fn chore(row: &Row<'_>) -> Result<WaitingChore, rusqlite::Error> {
    let due = unsigned(row.get(3)?);
    Ok(WaitingChore {
        connection: row.get(0)?,
        number: unsigned(row.get(2)?),
        due,
        attempts: row.get(4)?,
        chore: Chore { key: row.get(1)?, due: Some(due), job: row.get(5)? },
    })
}

/// Of a row that begins with key, value and when it expires.
fn cell(row: &Row<'_>) -> Result<MemoryCell, rusqlite::Error> {
    let expires: Option<i64> = row.get(2)?;
    Ok(MemoryCell { key: row.get(0)?, value: row.get(1)?, expires: expires.map(unsigned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    journal::journal_conformance!(|run| {
        let folder = tempfile::tempdir().unwrap();
        run(&SqliteJournal::open(&folder.path().join("journal.db")).unwrap());
    });

    #[test]
    fn everything_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let batch =
            Batch { now: 7, cursor: Some("1".to_owned()), connection: "a".to_owned(), ..Batch::default() };
        SqliteJournal::open(&path).unwrap().append(&[batch]).unwrap();
        let again = SqliteJournal::open(&path).unwrap();
        assert_eq!(again.head(), Ok(Head { position: 0, now: 7 }));
        assert_eq!(again.recall("a").unwrap().cursor.as_deref(), Some("1"));
    }

    fn event(extra: Option<&str>) -> model::Entry {
        let event = model::Event {
            id: "e".to_owned(),
            at: 1,
            who: Vec::new(),
            staff: None,
            touchpoint: model::Touchpoint::Other,
            fact: model::Fact::Told(Vec::new()),
            extra: extra.map(str::to_owned),
        };
        model::Entry::Event(model::ChannelEvent { connection: "a".to_owned(), event })
    }

    /// The list of setups came later than setups did, and was empty at first.
    #[test]
    fn a_journal_of_an_older_host_knows_its_setups() {
        use model::{Configured, Entry, Setup};
        let setup = |tenant: &str| Setup { tenant: tenant.to_owned(), ..Setup::default() };
        let (by, why) = ("li".to_owned(), "moved".to_owned());
        let event = || event(None);
        let entries = [
            Entry::Setup(setup("first")),
            event(),
            Entry::Configured(Configured { setup: setup("second"), by, why }),
        ];
        for schema in 1..=3 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal.db");
            let journal = SqliteJournal::open(&path).unwrap();
            journal.append(&[Batch { now: 7, entries: entries.to_vec(), ..Batch::default() }]).unwrap();
            journal.checkpoint().unwrap();
            drop(journal);
            crate::older::journal(&path, schema);
            let journal = SqliteJournal::open(&path).unwrap();
            let last = Entry::Setup(setup("third"));
            journal.append(&[Batch { entries: vec![event(), last.clone()], ..Batch::default() }]).unwrap();
            assert_eq!(
                journal.head(),
                Ok(Head { position: 4, now: 7 }),
                "schema {schema}: an event is known"
            );
            let setups: Vec<(Position, Entry)> = journal
                .setups(0)
                .unwrap()
                .into_iter()
                .map(|record| (record.position, record.entry))
                .collect();
            let all = [(1, entries[0].clone()), (3, entries[2].clone()), (4, last)];
            assert_eq!(setups, all, "schema {schema}");
        }
    }

    #[test]
    fn nothing_of_what_was_erased_is_left_in_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = SqliteJournal::open(&path).unwrap();
        let secret = "a secret that nobody else has ".repeat(400);
        journal.append(&[Batch { entries: vec![event(Some(&secret))], ..Batch::default() }]).unwrap();
        let found = || {
            let files =
                std::fs::read_dir(folder.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()));
            let mut bytes = files.map(Result::unwrap);
            bytes.any(|bytes| bytes.windows(29).any(|part| part == &secret.as_bytes()[..29]))
        };
        assert!(found(), "what is kept is there");
        let erased = model::Entry::Erased(model::Erased::default());
        journal.erase(&Erasure { records: vec![(1, erased)], ..Erasure::default() }).unwrap();
        assert!(!found());
    }

    #[test]
    fn a_file_of_another_kind_is_left_alone_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        std::fs::write(&path, "not a database, but long enough to be looked at as one".repeat(40)).unwrap();
        let error = SqliteJournal::open(&path).err().unwrap().to_string();
        assert!(error.contains("journal.db"), "{error}");
        drop(crate::SqliteStore::open(&folder.path().join("store.db")).unwrap());
        let error = SqliteJournal::open(&folder.path().join("store.db")).err().unwrap().to_string();
        assert!(error.contains("not a journal of Heliu"), "{error}");
    }
}
