//! One erasure: records that say nothing any more, and everything that waits and names the person. And a look at the latter.

use std::collections::BTreeMap;

use journal::{Erasure, Gone, Naming, WaitingChore};
use model::{Chore, Entry, MemoryCell, Position};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{dead, decode};
use crate::db::{signed, unsigned};

/// Which chores, cells and letters hold a text.
const CHORES: &str = "instr(key, ?1) OR instr(job, ?1)";
const CELLS: &str = "instr(key, ?1) OR instr(value, CAST(?1 AS BLOB))";
const LETTERS: &str =
    "instr(why, ?1) OR instr(path, ?1) OR instr(query, ?1) OR instr(headers, ?1) OR instr(log, ?1)
     OR instr(coalesce(ended_why, ''), ?1) OR instr(body, CAST(?1 AS BLOB))";

/// `Err`: the journal has no record there, and nothing may be kept of what was done.
pub(super) fn erase(
    db: &Transaction<'_>,
    erasure: &Erasure,
) -> Result<Result<Gone, Position>, rusqlite::Error> {
    let Erasure { records, names, letters, turns } = erasure;
    if let Err(missing) = replace(db, records.iter().map(|(position, entry)| (*position, entry)))? {
        return Ok(Err(missing));
    }
    let (mut gone, mut taken) = (Gone::default(), Vec::new());
    for name in names {
        let mut chores = db.prepare_cached(&format!("DELETE FROM chore WHERE {CHORES}"))?;
        gone.chores += chores.execute(params![name])? as u64;
        let mut dead =
            db.prepare_cached(&format!("DELETE FROM dead_request WHERE {LETTERS} RETURNING number"))?;
        for number in dead.query_map(params![name], |row| row.get(0))? {
            taken.push(unsigned(number?));
        }
        let mut cells =
            db.prepare_cached(&format!("DELETE FROM memory WHERE {CELLS} RETURNING connection, key"))?;
        let cells = cells.query_map(params![name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        gone.cells.extend(cells.collect::<Result<Vec<_>, _>>()?);
        db.prepare_cached("DELETE FROM ended_turn WHERE instr(key, ?1) OR instr(ended_why, ?1)")?
            .execute(params![name])?;
    }
    for key in turns {
        db.prepare_cached("DELETE FROM ended_turn WHERE key = ?1")?.execute(params![key])?;
    }
    gone.dead = taken.len() as u64;
    gone.cells.sort_unstable();
    let words = letters.iter().filter(|(letter, ..)| taken.contains(letter));
    Ok(replace(db, words.map(|(_, position, entry)| (*position, entry)))?.map(|()| gone))
}

/// Puts these entries in the place of those at their positions. `Err`: there is none.
fn replace<'a>(
    db: &Transaction<'_>,
    records: impl Iterator<Item = (Position, &'a Entry)>,
) -> Result<Result<(), Position>, rusqlite::Error> {
    let mut bodies = Vec::new();
    let mut look = db.prepare_cached("SELECT body FROM record WHERE position = ?1")?;
    for (position, entry) in records {
        let body = look.query_row(params![signed(position)], |row| {
            Ok(decode(position, row.get_ref(0)?.as_blob()?).map_err(super::undecodable)?.now)
        });
        let Some(now) = body.optional()? else { return Ok(Err(position)) };
        bodies.push((position, wire::record_bytes(position, now, entry)));
    }
    let mut write = db.prepare_cached("UPDATE record SET body = ?2 WHERE position = ?1")?;
    for (position, body) in bodies {
        write.execute(params![signed(position), body])?;
    }
    Ok(Ok(()))
}

/// What [`erase`] would take of all that waits.
pub(super) fn naming(db: &Connection, names: &[String]) -> Result<Naming, rusqlite::Error> {
    let (mut chores, mut cells, mut letters) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for name in names {
        let mut query = db.prepare_cached(&format!("{} WHERE {CHORES}", super::CHORE))?;
        for waiting in query.query_map(params![name], super::chore)? {
            let waiting: WaitingChore = waiting?;
            let WaitingChore { connection, chore: Chore { key, .. }, .. } = &waiting;
            chores.insert((connection.clone(), key.clone()), waiting);
        }
        let mut query =
            db.prepare_cached(&format!("SELECT key, value, expires, connection FROM memory WHERE {CELLS}"))?;
        for cell in query.query_map(params![name], of_connection)? {
            let (connection, cell) = cell?;
            cells.insert((connection, cell.key.clone()), cell);
        }
        let mut query = db.prepare_cached(&format!("{} WHERE {LETTERS}", dead::LETTER))?;
        for letter in query.query_map(params![name], dead::letter)? {
            let letter = letter?;
            letters.insert(letter.number, letter);
        }
    }
    let cells = cells.into_iter().map(|((connection, _), cell)| (connection, cell));
    Ok(Naming {
        chores: chores.into_values().collect(),
        cells: cells.collect(),
        dead: letters.into_values().collect(),
    })
}

fn of_connection(row: &Row<'_>) -> Result<(String, MemoryCell), rusqlite::Error> {
    Ok((row.get(3)?, super::cell(row)?))
}
