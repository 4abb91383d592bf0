//! Files as an older host left them: what a test opens to see them migrated.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::db::{Migration, Schema, Tables};

/// Tables of a journal that stand in each schema, and their columns in the first.
const JOURNAL: [(&str, &str); 6] = [
    ("record", "position, body"),
    ("seen", "hash, position"),
    ("feed", "connection, cursor"),
    ("memory", "connection, key, value, expires"),
    ("chore", "number, connection, key, due, attempts, job"),
    ("dead_request", "number, connection, now, why, method, path, query, headers, body"),
];

/// Makes of this journal, which nobody has open, what a host of this schema would have kept of it, from 1 to the present.
///
/// # Panics
/// If there is no such file, or there was no such schema.
pub fn journal(path: &Path, schema: usize) {
    let Tables::Kept(migrations) = &crate::journal::SCHEMA.tables else { panic!("a journal is kept") };
    let newer = path.with_extension("newer");
    for ending in ["", "-wal", "-shm"] {
        let named = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        if named(path).exists() {
            std::fs::rename(named(path), named(&newer)).expect("set it aside");
        }
    }
    let statements = |migration: &Migration| match migration {
        Migration::Tables(statements) => Some(*statements),
        // What a host did to rows that it had already; those that come now are a newer one's.
        Migration::Rows(_) => None,
    };
    let tables: Vec<&str> = migrations[..schema].iter().filter_map(statements).collect();
    let db = make(path, &crate::journal::SCHEMA, schema, &tables);
    db.execute("ATTACH ?1 AS newer", [newer.display().to_string()]).expect("open it beside");
    for (table, columns) in JOURNAL {
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}");
        db.execute_batch(&copy).expect("copy a table");
    }
    db.execute_batch("UPDATE main.floor SET now = (SELECT now FROM newer.floor)").expect("copy the time");
    if schema == migrations.len() {
        db.execute_batch("INSERT INTO main.setup SELECT position FROM newer.setup").expect("copy the list");
    }
    db.execute_batch("DETACH newer").expect("close it");
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{ending}", newer.display())));
    }
}

/// How many schemas of a journal there were.
#[must_use]
pub fn journal_schemas() -> usize {
    usize::try_from(crate::journal::SCHEMA.tables.schema()).expect("a small number")
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
