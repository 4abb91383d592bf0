//! Files as an older host left them: what a test opens to see them migrated.

use std::path::Path;

use rusqlite::Connection;

use crate::db::{Schema, Tables};

/// Makes a journal with the tables that it had at this schema, from 1 to the one before the present.
///
/// # Panics
/// If the file is there already, or there was no such schema.
pub fn journal(path: &Path, schema: usize) {
    let Tables::Kept(migrations) = &crate::journal::SCHEMA.tables else { panic!("a journal is kept") };
    make(path, &crate::journal::SCHEMA, schema, &migrations[..schema]);
}

/// Makes a store of this schema. It stands at a position, and holds a table and bytes of which a newer host knows nothing.
///
/// # Panics
/// If the file is there already.
pub fn store(path: &Path, schema: usize) {
    let Tables::Derived { tables, schema: _ } = crate::store::SCHEMA.tables else {
        panic!("a store is derived")
    };
    let forgotten = "CREATE TABLE \"what an \"\"older\"\" host kept\" (id INTEGER PRIMARY KEY, body BLOB)";
    let db = make(path, &crate::store::SCHEMA, schema, &[tables, forgotten]);
    db.execute("INSERT INTO standing (position, fired, state) VALUES (1, 1, x'ff')", [])
        .expect("stand somewhere");
    db.execute("INSERT INTO customer (id, document) VALUES (1, x'ff')", []).expect("keep a customer");
}

/// How many schemas of a store there were.
#[must_use]
pub fn store_schemas() -> usize {
    usize::try_from(crate::store::SCHEMA.tables.schema()).expect("a small number")
}

fn make(path: &Path, schema: &Schema, version: usize, tables: &[&str]) -> Connection {
    assert!(!path.exists(), "{} is there already", path.display());
    let db = Connection::open(path).expect("make a file");
    for tables in tables {
        db.execute_batch(tables).expect("make the tables");
    }
    let number = i64::try_from(version).expect("a small number");
    db.pragma_update(None, "user_version", number).expect("set the schema");
    db.pragma_update(None, "application_id", schema.application_id).expect("set the kind");
    db.pragma_update(None, "journal_mode", "WAL").expect("switch to WAL");
    db
}
