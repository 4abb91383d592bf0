//! One append: many batches, one transaction, indexes hit in sorted order.

use std::collections::{HashMap, HashSet};

use journal::{Batch, ChoreEnd, ChoreUpdate, Placed, Receipt, fingerprint};
use model::{Chore, Digest, Entry, MemoryWrite, Position};
use rusqlite::{Transaction, params};

use super::{dead, hash, head, locate};
use crate::db::signed;

pub(super) fn append(db: &Transaction<'_>, batches: &[Batch]) -> Result<Vec<Receipt>, rusqlite::Error> {
    let head = head(db)?;
    let mut next = head.position + 1;
    let mut floor = head.now;
    let mut placing = Placing::of(db, batches)?;
    let mut receipts = Vec::with_capacity(batches.len());
    {
        let mut insert = db.prepare_cached("INSERT INTO record (position, body) VALUES (?1, ?2)")?;
        let mut fingerprints = std::mem::take(&mut placing.fingerprints).into_iter();
        for batch in batches {
            floor = floor.max(batch.now);
            let mut placed = Vec::with_capacity(batch.entries.len());
            for entry in &batch.entries {
                let fingerprint = fingerprints.next().flatten();
                if let Some(known) = placing.known(db, fingerprint, next)? {
                    placed.push(Placed::Known(known));
                    continue;
                }
                insert.execute(params![signed(next), wire::record_bytes(next, floor, entry)])?;
                if matches!(entry, Entry::Setup(_) | Entry::Configured(_)) {
                    db.prepare_cached("INSERT INTO setup VALUES (?1)")?.execute(params![signed(next)])?;
                }
                placed.push(Placed::New(next));
                next += 1;
            }
            receipts.push(Receipt { placed });
        }
    }
    placing.insert(db)?;
    if floor != head.now {
        db.prepare_cached("UPDATE floor SET now = ?1")?.execute(params![signed(floor)])?;
    }
    for batch in batches {
        remember(db, batch)?;
    }
    Ok(receipts)
}

/// The events of one append: which of them the index may know, and the new ones, so that the second of two is known
/// although it is not in the index yet.
struct Placing {
    /// One for each entry of all batches, in their order. None: it has none, and is never known.
    fingerprints: Vec<Option<Digest>>,
    /// Hashes that the index has. Almost always none: an event that comes again is rare.
    met: HashSet<i64>,
    new: HashMap<Digest, Position>,
}

impl Placing {
    /// Looks all of them up in the order of the index, from one side to the other.
    fn of(db: &Transaction<'_>, batches: &[Batch]) -> Result<Placing, rusqlite::Error> {
        let entries = batches.iter().flat_map(|batch| &batch.entries);
        let fingerprints: Vec<Option<Digest>> = entries.map(fingerprint).collect();
        let mut hashes: Vec<i64> = fingerprints.iter().flatten().map(hash).collect();
        hashes.sort_unstable();
        let mut met = HashSet::new();
        let mut look = db.prepare_cached("SELECT 1 FROM seen WHERE hash = ?1")?;
        for hash in hashes {
            if look.exists(params![hash])? {
                met.insert(hash);
            }
        }
        Ok(Placing { fingerprints, met, new: HashMap::new() })
    }

    /// Where the event stands already. None: it is new, and will stand at `next`.
    fn known(
        &mut self,
        db: &Transaction<'_>,
        fingerprint: Option<Digest>,
        next: Position,
    ) -> Result<Option<Position>, rusqlite::Error> {
        let Some(fingerprint) = fingerprint else { return Ok(None) };
        if let Some(&position) = self.new.get(&fingerprint) {
            return Ok(Some(position));
        }
        // A hash that is there is confirmed by the record: two events may have one.
        let known = if self.met.contains(&hash(&fingerprint)) { locate(db, &fingerprint)? } else { None };
        if known.is_none() {
            self.new.insert(fingerprint, next);
        }
        Ok(known)
    }

    fn insert(self, db: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        let mut rows: Vec<(i64, Position)> =
            self.new.iter().map(|(fingerprint, &position)| (hash(fingerprint), position)).collect();
        rows.sort_unstable();
        let mut insert = db.prepare_cached("INSERT INTO seen (hash, position) VALUES (?1, ?2)")?;
        for (hash, position) in rows {
            insert.execute(params![hash, signed(position)])?;
        }
        Ok(())
    }
}

/// What comes with a batch besides records.
fn remember(db: &Transaction<'_>, batch: &Batch) -> Result<(), rusqlite::Error> {
    let Batch { connection, now, entries: _, cursor, memory, chores, chore, dead: _, ends: _ } = batch;
    if let Some(update) = chore {
        end_chore(db, connection, update)?;
    }
    if let Some(cursor) = cursor {
        db.prepare_cached("INSERT OR REPLACE INTO feed (connection, cursor) VALUES (?1, ?2)")?
            .execute(params![connection, cursor])?;
    }
    if !memory.is_empty() {
        // Cells are read by key, so one that is over is only in the way: it goes with the next write.
        db.prepare_cached("DELETE FROM memory WHERE connection = ?1 AND expires <= ?2")?
            .execute(params![connection, signed(*now)])?;
    }
    for write in memory {
        match write {
            MemoryWrite::Set(cell) => db
                .prepare_cached(
                    "INSERT OR REPLACE INTO memory (connection, key, value, expires) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![connection, cell.key, cell.value, cell.expires.map(signed)])?,
            MemoryWrite::Delete { key } => db
                .prepare_cached("DELETE FROM memory WHERE connection = ?1 AND key = ?2")?
                .execute(params![connection, key])?,
        };
    }
    for Chore { key, due, job } in chores {
        // The row is replaced, so that it gets a new number: whoever works on the old one does not end this one.
        let due = signed(due.unwrap_or(*now));
        let earlier: Option<i64> = db
            .prepare_cached("SELECT min(due) FROM chore WHERE connection = ?1 AND key = ?2")?
            .query_row(params![connection, key], |row| row.get(0))?;
        db.prepare_cached(
            "INSERT OR REPLACE INTO chore (connection, key, due, attempts, job) VALUES (?1, ?2, ?3, 0, ?4)",
        )?
        .execute(params![connection, key, earlier.map_or(due, |earlier| earlier.min(due)), job])?;
    }
    dead::bury(db, batch)
}

fn end_chore(db: &Transaction<'_>, connection: &str, update: &ChoreUpdate) -> Result<(), rusqlite::Error> {
    let ChoreUpdate { key, number, end } = update;
    match end {
        ChoreEnd::Done => db
            .prepare_cached("DELETE FROM chore WHERE connection = ?1 AND key = ?2 AND number = ?3")?
            .execute(params![connection, key, signed(*number)])?,
        ChoreEnd::Again { due } => db
            .prepare_cached(
                "UPDATE chore SET due = ?4, attempts = attempts + 1
                 WHERE connection = ?1 AND key = ?2 AND number = ?3",
            )?
            .execute(params![connection, key, signed(*number), signed(*due)])?,
    };
    Ok(())
}
