//! Files as an older host left them: what a test opens to see them migrated.

use std::path::Path;

use rusqlite::Connection;

use crate::db::Schema;

/// Makes a journal with the tables that it had at this schema, from 1 to the one before the present.
///
/// # Panics
/// If the file is there already.
pub fn journal(path: &Path, schema: usize) {
    make(path, &crate::journal::SCHEMA, schema);
}

/// As [`journal`], a store. It stands at a position and holds bytes of which a newer host understands nothing.
///
/// # Panics
/// If the file is there already.
pub fn store(path: &Path, schema: usize) {
    let db = make(path, &crate::store::SCHEMA, schema);
    db.execute("INSERT INTO standing (position, fired, state) VALUES (1, 1, x'ff')", [])
        .expect("stand somewhere");
    db.execute("INSERT INTO customer (id, document) VALUES (1, x'ff')", []).expect("keep a customer");
}

/// How many schemas of a store there were.
#[must_use]
pub fn store_schemas() -> usize {
    crate::store::SCHEMA.migrations.len()
}

fn make(path: &Path, schema: &Schema, version: usize) -> Connection {
    assert!(!path.exists(), "{} is there already", path.display());
    let db = Connection::open(path).expect("make a file");
    for migration in &schema.migrations[..version] {
        db.execute_batch(migration).expect("make the tables");
    }
    let number = i64::try_from(version).expect("a small number");
    db.pragma_update(None, "user_version", number).expect("set the schema");
    db.pragma_update(None, "application_id", schema.application_id).expect("set the kind");
    db.pragma_update(None, "journal_mode", "WAL").expect("switch to WAL");
    db
}
