//! A database file: opened, checked, brought to the present schema; one writer, and readers beside it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use failpoint::Point;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// How long a statement waits for another process that holds the file, before it is an error.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Readers that may work at once.
const READERS: usize = 4;

/// Pages of 4 KiB (the minus says KiB) that the writer keeps in memory: 64 MiB. What random-order indexes of a million
/// rows need, so that a commit does not read them back from the disk.
const WRITER_CACHE_KIB: i64 = -65_536;

/// Pages in the write-ahead log before they are copied into the file: 32 MiB. A commit under load dirties a thousand pages of
/// the indexes, mostly those of the commit before; SQLite's own limit of 1 000 copies, and syncs, at every commit.
const CHECKPOINT_PAGES: i32 = 8192;

/// Why a database file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    #[error("{}: {doing}: {reason}", path.display())]
    Disk { path: PathBuf, doing: &'static str, reason: String },
    #[error("{}: damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{}: schema {found}, this host reads up to {known}: use the newer host", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{}: this is not {what}", path.display())]
    Foreign { path: PathBuf, what: &'static str },
}

/// What kind of file it is, and how it came to be what it is.
pub(crate) struct Schema {
    pub(crate) what: &'static str,
    /// SQLite's application id: tells our files from others, and from each other.
    pub(crate) application_id: i64,
    pub(crate) tables: Tables,
    /// `FULL` or `NORMAL`.
    pub(crate) synchronous: &'static str,
    /// All of a transaction is written; it is committed.
    pub(crate) written: Point,
    pub(crate) committed: Point,
}

/// How its tables come to be as they are now.
pub(crate) enum Tables {
    /// What the file holds is nowhere else. Each brings the tables from its place in the list to the next schema. Never edited,
    /// only added to.
    Kept(&'static [Migration]),
    /// What the file holds can be had again: tables of an older schema are dropped, and these made. `schema` goes up whenever they
    /// change, or what stands in them.
    Derived { schema: i64, tables: &'static str },
}

/// One step from a schema to the next.
pub(crate) enum Migration {
    Tables(&'static str),
    /// Fills what the tables before it have, and no statement can.
    Rows(fn(&Connection) -> Result<(), rusqlite::Error>),
}

impl Migration {
    pub(crate) fn run(&self, db: &Connection) -> Result<(), rusqlite::Error> {
        match self {
            Migration::Tables(statements) => db.execute_batch(statements),
            Migration::Rows(fill) => fill(db),
        }
    }
}

impl Tables {
    /// The schema that this host makes of any older one.
    pub(crate) fn schema(&self) -> i64 {
        match self {
            Tables::Kept(migrations) => i64::try_from(migrations.len()).unwrap_or(i64::MAX),
            Tables::Derived { schema, tables: _ } => *schema,
        }
    }
}

/// What is done about a file that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Make,
    Refuse,
}

pub(crate) struct Db {
    path: PathBuf,
    schema: &'static Schema,
    writer: Mutex<Connection>,
    readers: Vec<Mutex<Connection>>,
    next_reader: std::sync::atomic::AtomicUsize,
}

impl Db {
    pub(crate) fn open(path: &Path, schema: &'static Schema, missing: Missing) -> Result<Db, DbError> {
        let error = |doing| move |error: rusqlite::Error| classify(path, doing, &error);
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, missing == Missing::Make);
        let mut writer = Connection::open_with_flags(path, flags).map_err(error("open"))?;
        writer.busy_timeout(BUSY_WAIT).map_err(error("open"))?;
        writer.set_prepared_statement_cache_capacity(64);
        if identify(&writer, path, schema)? == 0 && missing == Missing::Refuse {
            let reason = format!("it is empty, and was {} before", schema.what);
            return Err(DbError::Damaged { path: path.to_owned(), reason });
        }
        writer.pragma_update(None, "journal_mode", "WAL").map_err(error("switch to WAL"))?;
        writer.pragma_update(None, "synchronous", schema.synchronous).map_err(error("set synchronous"))?;
        writer.pragma_update(None, "cache_size", WRITER_CACHE_KIB).map_err(error("set the cache"))?;
        // In the place of SQLite's own, which does the same at its own number of pages.
        writer.wal_hook(Some(checkpoint)).map_err(error("set when the log is copied"))?;
        writer.pragma_update(None, "foreign_keys", true).map_err(error("set foreign keys"))?;
        // What is deleted or replaced is overwritten with zeros: an erased person is not found in a free page of the file.
        writer.pragma_update(None, "secure_delete", true).map_err(error("set secure deletion"))?;
        migrate(&mut writer, path, schema)?;
        let readers = (0..READERS).map(|_| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(path, flags).map_err(error("open for reading"))?;
            reader.busy_timeout(BUSY_WAIT).map_err(error("open for reading"))?;
            reader.set_prepared_statement_cache_capacity(64);
            Ok(Mutex::new(reader))
        });
        let readers = readers.collect::<Result<Vec<_>, DbError>>()?;
        let next_reader = std::sync::atomic::AtomicUsize::new(0);
        Ok(Db { path: path.to_owned(), schema, writer: Mutex::new(writer), readers, next_reader })
    }

    /// All of `change` is kept, or nothing.
    pub(crate) fn write<T>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, DbError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            self.schema.written.reached();
            transaction.commit()?;
            self.schema.committed.reached();
            Ok(result)
        };
        run().map_err(|error: rusqlite::Error| classify(&self.path, doing, &error))
    }

    /// Empties the log of writes, so that it holds nothing of what was deleted before. Waits for readers of an older moment.
    pub(crate) fn scrub(&self, doing: &'static str) -> Result<(), DbError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let busy: bool = writer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|error| classify(&self.path, doing, &error))?;
        if busy {
            let (path, reason) = (self.path.clone(), "somebody reads an older state for too long".to_owned());
            return Err(DbError::Disk { path, doing, reason });
        }
        Ok(())
    }

    /// Reads at one moment, beside the writer.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        look: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, DbError> {
        let mut reader = self.reader();
        let run = || {
            let transaction = reader.transaction_with_behavior(TransactionBehavior::Deferred)?;
            look(&transaction)
        };
        run().map_err(|error: rusqlite::Error| classify(&self.path, doing, &error))
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        if let Some(free) = self.readers.iter().find_map(|reader| reader.try_lock().ok()) {
            return free;
        }
        let next = self.next_reader.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.readers[next % self.readers.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the whole file and looks whether its pages hang together. False: it was not done in that time.
    pub(crate) fn check(&self, within: Duration) -> Result<bool, DbError> {
        check(&mut self.reader(), &self.path, within)
    }

    pub(crate) fn checkpoint(&self) -> Result<(), DbError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Point::CheckpointBegun.reached();
        let copied = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        match copied {
            Ok(0) => {
                Point::CheckpointDone.reached();
                Ok(())
            }
            Ok(_) => {
                let reason = "somebody is reading it".to_owned();
                Err(DbError::Disk { path: self.path.clone(), doing: "copy the log", reason })
            }
            Err(error) => Err(classify(&self.path, "copy the log", &error)),
        }
    }

    pub(crate) fn damaged(&self, reason: String) -> DbError {
        DbError::Damaged { path: self.path.clone(), reason }
    }
}

pub(crate) fn classify(path: &Path, doing: &'static str, error: &rusqlite::Error) -> DbError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            DbError::Damaged { path, reason: error.to_string() }
        }
        _ => DbError::Disk { path, doing, reason: error.to_string() },
    }
}

/// After a commit, which stands whatever comes of this: where the disk is full, the log grows no less for it, and the next
/// commit tries again. `PASSIVE` waits for nobody who reads.
fn checkpoint(log: &mut Wal, pages: i32) -> rusqlite::Result<()> {
    if pages >= CHECKPOINT_PAGES {
        Point::CheckpointBegun.reached();
        if log.checkpoint().is_ok() {
            Point::CheckpointDone.reached();
        }
    }
    Ok(())
}

/// Instructions of SQLite between two looks at the clock: a few milliseconds.
const CHECK_STEPS: i32 = 100_000;

/// SQLite's `quick_check`, for so long at most.
pub(crate) fn check(db: &mut Connection, path: &Path, within: Duration) -> Result<bool, DbError> {
    let error = |error: rusqlite::Error| classify(path, "check the file", &error);
    let begun = std::time::Instant::now();
    db.progress_handler(CHECK_STEPS, Some(move || begun.elapsed() > within)).map_err(error)?;
    let found = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    db.progress_handler(0, None::<fn() -> bool>).map_err(error)?;
    match found {
        Ok(found) if found == "ok" => Ok(true),
        Ok(found) => Err(DbError::Damaged { path: path.to_owned(), reason: found.replace('\n', " ") }),
        Err(stopped) if stopped.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            Ok(false)
        }
        Err(other) => Err(error(other)),
    }
}

/// A file of another kind is refused before anything is written to it. Gives its schema; 0: it has none yet.
pub(crate) fn identify(writer: &Connection, path: &Path, schema: &Schema) -> Result<i64, DbError> {
    let number = |pragma| -> Result<i64, DbError> {
        writer
            .pragma_query_value(None, pragma, |row| row.get(0))
            .map_err(|error| classify(path, "read the header", &error))
    };
    let (application_id, found) = (number("application_id")?, number("user_version")?);
    let known = schema.tables.schema();
    if application_id != 0 && application_id != schema.application_id {
        return Err(DbError::Foreign { path: path.to_owned(), what: schema.what });
    }
    if found > known {
        return Err(DbError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

fn migrate(writer: &mut Connection, path: &Path, schema: &Schema) -> Result<(), DbError> {
    let mut run = || -> Result<(), rusqlite::Error> {
        let found: i64 = writer.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match schema.tables {
            Tables::Kept(migrations) => {
                for (from, migration) in (0_i64..).zip(migrations).filter(|(from, _)| *from >= found) {
                    step(writer, schema, from + 1, |transaction| migration.run(transaction))?;
                }
            }
            Tables::Derived { schema: present, tables } if found < present => {
                step(writer, schema, present, |transaction| {
                    drop_all(transaction)?;
                    transaction.execute_batch(tables)
                })?;
            }
            Tables::Derived { schema: _, tables: _ } => {}
        }
        Ok(())
    };
    run().map_err(|error| classify(path, "bring the schema up to date", &error))
}

/// All of a change of tables, or nothing.
fn step(
    writer: &mut Connection,
    schema: &Schema,
    to: i64,
    change: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<(), rusqlite::Error>,
) -> Result<(), rusqlite::Error> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    change(&transaction)?;
    transaction.pragma_update(None, "user_version", to)?;
    transaction.pragma_update(None, "application_id", schema.application_id)?;
    Point::MigrationWritten.reached();
    transaction.commit()?;
    Point::Migrated.reached();
    Ok(())
}

/// Takes out every table, whatever an older host called it.
fn drop_all(transaction: &rusqlite::Transaction<'_>) -> Result<(), rusqlite::Error> {
    let mut tables = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for name in names {
        transaction.execute_batch(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")))?;
    }
    Ok(())
}

/// SQLite's integers are signed: positions and times fit, hashes are cast and cast back.
pub(crate) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

pub(crate) fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}
