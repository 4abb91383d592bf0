//! The store on SQLite.
//!
//! A customer is one document, written once for each commit that changes her; beside it stand only the indexes that the
//! fold and the reads need: handles, due times, tags. A commit touches the rows of an index that differ, sorted.
//! `synchronous = NORMAL`: a power cut may take the store some commits back, whole; the journal gives them again.

mod commit;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use failpoint::Point;
use model::{Customer, CustomerId, Digest, FoldState, Identity, Instant, Note};
use rusqlite::{Connection, OptionalExtension as _, params};
use store::{Agenda, Commit, Digester, Query, Standing, Store, StoreError};

use crate::copy::{self, Copied};
use crate::db::{Db, DbError, Missing, Schema, Tables, signed, unsigned};

pub(crate) static SCHEMA: Schema = Schema {
    what: "a store of Heliu",
    application_id: 0x4845_4c53, // HELS
    tables: Tables::Derived { schema: 6, tables: include_str!("store/tables.sql") },
    synchronous: "NORMAL",
    written: Point::CommitWritten,
    committed: Point::CommitDone,
};

/// One file, which the journal can give again.
pub struct SqliteStore {
    db: Db,
}

impl SqliteStore {
    /// Opens the store, or makes an empty one where there is no file.
    ///
    /// # Errors
    /// [`DbError`] names the file.
    pub fn open(path: &Path) -> Result<SqliteStore, DbError> {
        Ok(SqliteStore { db: Db::open(path, &SCHEMA, Missing::Make)? })
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
            "SELECT coalesce(max(position), 0), coalesce(max(fired), 0) FROM standing",
        )
    }

    /// What a look at the database gave, unless a blob in it is not what was stored.
    fn decoded<T>(&self, result: Result<Result<T, String>, DbError>) -> Result<T, StoreError> {
        result.and_then(|decoded| decoded.map_err(|reason| self.db.damaged(reason))).map_err(of_db)
    }
}

fn of_db(error: DbError) -> StoreError {
    match error {
        DbError::Disk { path: _, doing, reason } => StoreError::Disk { doing, reason },
        DbError::Damaged { path, reason } => {
            StoreError::Damaged { place: path.display().to_string(), reason }
        }
        DbError::Newer { path, found, known } => {
            StoreError::Newer { place: path.display().to_string(), found, known }
        }
        DbError::Foreign { path, what } => {
            StoreError::Damaged { place: path.display().to_string(), reason: format!("this is not {what}") }
        }
    }
}

fn hash(identity: &Identity) -> i64 {
    let Identity { scheme, scope, value } = identity;
    static NAMED: LazyLock<blake3::Hasher> =
        LazyLock::new(|| blake3::Hasher::new_derive_key("heliu store handle v1"));
    let mut hasher = NAMED.clone();
    for part in [scheme, scope, value] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    i64::from_le_bytes(bytes)
}

fn customer(bytes: &[u8]) -> Result<Customer, String> {
    wire::from_bytes::<Customer>(bytes).map_err(|error| error.to_string())
}

/// The customer that this one is in now.
fn present(db: &Connection, mut id: CustomerId) -> Result<CustomerId, rusqlite::Error> {
    let mut query = db.prepare_cached("SELECT into_customer FROM merged WHERE gone = ?1")?;
    while let Some(into) = query.query_row(params![signed(id.0)], |row| row.get(0)).optional()? {
        id = CustomerId(unsigned(into));
    }
    Ok(id)
}

/// Where the store stands. None: nothing was committed yet.
fn stands(db: &Connection) -> Result<Option<Standing>, rusqlite::Error> {
    db.prepare_cached("SELECT position, fired FROM standing")?
        .query_row([], |row| Ok(Standing { position: unsigned(row.get(0)?), fired: unsigned(row.get(1)?) }))
        .optional()
}

fn state(db: &Connection) -> Result<Result<FoldState, String>, rusqlite::Error> {
    let stored = db
        .prepare_cached("SELECT state FROM standing")?
        .query_row([], |row| {
            Ok(wire::from_bytes::<FoldState>(row.get_ref(0)?.as_blob()?).map_err(|error| error.to_string()))
        })
        .optional()?;
    Ok(stored.unwrap_or_else(|| Ok(FoldState::default())))
}

impl Store for SqliteStore {
    fn standing(&self) -> Result<(Standing, FoldState), StoreError> {
        let look = |db: &Connection| {
            let standing = stands(db)?.unwrap_or_default();
            Ok(state(db)?.map(|state| (standing, state)))
        };
        self.decoded(self.db.read("read the standing", look))
    }

    fn load(&self, ids: &[CustomerId]) -> Result<Vec<Option<Customer>>, StoreError> {
        let look = |db: &Connection| {
            let mut query = db.prepare_cached("SELECT document FROM customer WHERE id = ?1")?;
            let mut found = |id: CustomerId| {
                let row = |row: &rusqlite::Row<'_>| Ok(customer(row.get_ref(0)?.as_blob()?));
                query.query_row(params![signed(id.0)], row).optional()
            };
            let mut one = |&id: &CustomerId| match found(id)? {
                Some(customer) => Ok(Some(customer)),
                None => match present(db, id)? {
                    same if same == id => Ok(None),
                    now => found(now),
                },
            };
            let all = ids.iter().map(&mut one).collect::<Result<Vec<_>, rusqlite::Error>>()?;
            Ok(all.into_iter().map(Option::transpose).collect())
        };
        self.decoded(self.db.read("load customers", look))
    }

    fn resolve(&self, handles: &[&Identity]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        let look = |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT customer FROM handle WHERE hash = ?1 AND scheme = ?2 AND scope = ?3 AND value = ?4",
            )?;
            let mut owner = |identity: &Identity| {
                let Identity { scheme, scope, value } = identity;
                let key = params![hash(identity), scheme, scope, value];
                let owner: Option<i64> = query.query_row(key, |row| row.get(0)).optional()?;
                owner.map(|owner| present(db, CustomerId(unsigned(owner)))).transpose()
            };
            let mut sorted: Vec<usize> = (0..handles.len()).collect();
            sorted.sort_by_cached_key(|&place| hash(handles[place]));
            let mut owners = vec![None; handles.len()];
            for place in sorted {
                owners[place] = owner(handles[place])?;
            }
            Ok(owners)
        };
        self.db.read("resolve handles", look).map_err(of_db)
    }

    fn due(&self, agenda: Agenda, upto: Instant, limit: usize) -> Result<Vec<CustomerId>, StoreError> {
        let look = |db: &Connection| {
            let mut query = db.prepare_cached(match agenda {
                Agenda::Fold => "SELECT customer FROM due WHERE due <= ?1 ORDER BY due, customer LIMIT ?2",
                Agenda::Courier => {
                    "SELECT customer FROM errand WHERE due <= ?1 ORDER BY due, customer LIMIT ?2"
                }
            })?;
            let upto = i64::try_from(upto).unwrap_or(i64::MAX);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = query.query_map(params![upto, limit], |row| Ok(CustomerId(unsigned(row.get(0)?))))?;
            rows.collect()
        };
        self.db.read("read who is due", look).map_err(of_db)
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), StoreError> {
        let stands = self.db.write("commit", |db| commit::commit(db, commit)).map_err(of_db)?;
        match stands {
            None if commit.scrub => self.db.scrub("commit an erasure").map_err(of_db),
            None => Ok(()),
            Some(stands) => Err(StoreError::Conflict { stands, from: commit.from }),
        }
    }

    fn page(&self, query: &Query) -> Result<Vec<Customer>, StoreError> {
        let after = query.after.map_or(0, |after| signed(after.0));
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let look = |db: &Connection| {
            let row = |row: &rusqlite::Row<'_>| Ok(customer(row.get_ref(0)?.as_blob()?));
            let all: Vec<Result<Customer, String>> = match (&query.segment, &query.tag) {
                (Some(segment), _) => db
                    .prepare_cached(
                        "SELECT document FROM segment JOIN customer ON customer.id = segment.customer
                         WHERE name = ?1 AND customer > ?2 ORDER BY customer LIMIT ?3",
                    )?
                    .query_map(params![segment, after, limit], row)?
                    .collect::<Result<_, _>>()?,
                (None, None) => db
                    .prepare_cached("SELECT document FROM customer WHERE id > ?1 ORDER BY id LIMIT ?2")?
                    .query_map(params![after, limit], row)?
                    .collect::<Result<_, _>>()?,
                (None, Some(tag)) => db
                    .prepare_cached(
                        "SELECT document FROM tag_name JOIN tag ON tag.tag = tag_name.id
                         JOIN customer ON customer.id = tag.customer
                         WHERE tag_name.name = ?1 AND tag.customer > ?2 ORDER BY tag.customer LIMIT ?3",
                    )?
                    .query_map(params![tag, after, limit], row)?
                    .collect::<Result<_, _>>()?,
            };
            Ok(all.into_iter().collect())
        };
        self.decoded(self.db.read("page through customers", look))
    }

    fn notes(&self, after: &str, limit: usize) -> Result<Vec<Note>, StoreError> {
        let look = |db: &Connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let row = |row: &rusqlite::Row<'_>| {
                Ok(wire::from_bytes::<Note>(row.get_ref(0)?.as_blob()?).map_err(|error| error.to_string()))
            };
            let all = db
                .prepare_cached("SELECT body FROM note WHERE key > ?1 ORDER BY key LIMIT ?2")?
                .query_map(params![after, limit], row)?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(all.into_iter().collect())
        };
        self.decoded(self.db.read("read notes", look))
    }

    fn digest(&self) -> Result<(Digest, Standing), StoreError> {
        let look = |db: &Connection| {
            let standing = stands(db)?.unwrap_or_default();
            let state = match state(db)? {
                Ok(state) => state,
                Err(reason) => return Ok(Err(reason)),
            };
            let mut digester = Digester::new(&state);
            let mut documents = db.prepare_cached("SELECT document FROM customer ORDER BY id")?;
            let mut rows = documents.query([])?;
            while let Some(row) = rows.next()? {
                digester.customer_bytes(row.get_ref(0)?.as_blob()?);
            }
            let mut merges = db.prepare_cached("SELECT gone, into_customer FROM merged ORDER BY gone")?;
            let mut rows = merges.query([])?;
            while let Some(row) = rows.next()? {
                digester.merged(CustomerId(unsigned(row.get(0)?)), CustomerId(unsigned(row.get(1)?)));
            }
            let mut notes = db.prepare_cached("SELECT body FROM note ORDER BY key")?;
            let mut rows = notes.query([])?;
            while let Some(row) = rows.next()? {
                digester.note_bytes(row.get_ref(0)?.as_blob()?);
            }
            Ok(Ok((digester.finish(), standing)))
        };
        self.decoded(self.db.read("take the digest", look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    store::store_conformance!(|run| {
        let folder = tempfile::tempdir().unwrap();
        run(&SqliteStore::open(&folder.path().join("store.db")).unwrap());
    });

    fn tables(path: &Path) -> Vec<String> {
        let db = Connection::open(path).unwrap();
        let mut names =
            db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_store_of_an_older_schema_is_begun_anew_and_one_of_a_newer_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
        drop(SqliteStore::open(&new).unwrap());
        let db = Connection::open(&old).unwrap();
        db.execute_batch(
            "CREATE TABLE standing (somewhere TEXT); INSERT INTO standing VALUES ('else');
             CREATE TABLE \"a \"\"gone\"\" table\" (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB);
             CREATE INDEX beside ON \"a \"\"gone\"\" table\" (body);",
        )
        .unwrap();
        db.pragma_update(None, "application_id", SCHEMA.application_id).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        drop(db);
        let store = SqliteStore::open(&old).unwrap();
        assert_eq!(store.standing().unwrap(), (Standing::default(), FoldState::default()));
        drop(store);
        // SQLite keeps the numbers of AUTOINCREMENT in a table of its own, for ever.
        let left: Vec<String> = tables(&old).into_iter().filter(|name| name != "sqlite_sequence").collect();
        assert_eq!(left, tables(&new));

        Connection::open(&old).unwrap().pragma_update(None, "user_version", 1000).unwrap();
        let error = SqliteStore::open(&old).err().unwrap().to_string();
        assert!(error.contains("schema 1000") && error.contains("newer host"), "{error}");
    }
}
