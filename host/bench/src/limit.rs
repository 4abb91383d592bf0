//! The limit that appends are measured beside: the least that SQLite must do to keep the same bytes, durable and known
//! again by their ids.

use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, params};

/// Rows a second into a table with an index on a random 64-bit number, `batch` of them in a synced transaction.
///
/// # Errors
/// SQLite's.
pub fn raw_inserts(path: &Path, rows: u64, batch: u64, bytes: usize) -> Result<f64, rusqlite::Error> {
    let mut db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE record (position INTEGER PRIMARY KEY, body BLOB NOT NULL);
         CREATE TABLE seen (hash INTEGER, position INTEGER, PRIMARY KEY (hash, position)) WITHOUT ROWID;",
    )?;
    let body = vec![7_u8; bytes];
    let started = Instant::now();
    let mut position = 0_i64;
    while position.unsigned_abs() < rows {
        let transaction = db.transaction()?;
        let mut hashes = Vec::new();
        {
            let mut insert = transaction.prepare_cached("INSERT INTO record VALUES (?1, ?2)")?;
            for _ in 0..batch {
                position += 1;
                insert.execute(params![position, body])?;
                hashes.push((position.wrapping_mul(0x5851_f42d_4c95_7f2d), position));
            }
            hashes.sort_unstable();
            let mut insert = transaction.prepare_cached("INSERT INTO seen VALUES (?1, ?2)")?;
            for (hash, position) in hashes {
                insert.execute(params![hash, position])?;
            }
        }
        transaction.commit()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}
