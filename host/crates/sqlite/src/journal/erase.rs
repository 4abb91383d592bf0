//! One erasure: records that say nothing any more, and everything that waits and names the person.

use journal::{Erasure, Gone};
use model::Position;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::decode;
use crate::db::signed;

/// `Err`: the journal has no record there, and nothing may be kept of what was done.
pub(super) fn erase(
    db: &Transaction<'_>,
    erasure: &Erasure,
) -> Result<Result<Gone, Position>, rusqlite::Error> {
    let Erasure { records, names } = erasure;
    let mut bodies = Vec::with_capacity(records.len());
    {
        let mut look = db.prepare_cached("SELECT body FROM record WHERE position = ?1")?;
        for (position, entry) in records {
            let body = look.query_row(params![signed(*position)], |row| {
                Ok(decode(*position, row.get_ref(0)?.as_blob()?).map_err(super::undecodable)?.now)
            });
            let Some(now) = body.optional()? else { return Ok(Err(*position)) };
            bodies.push((*position, wire::record_bytes(*position, now, entry)));
        }
        let mut write = db.prepare_cached("UPDATE record SET body = ?2 WHERE position = ?1")?;
        for (position, body) in bodies {
            write.execute(params![signed(position), body])?;
        }
    }
    let mut gone = Gone::default();
    for name in names {
        gone.chores += taken(db, "DELETE FROM chore WHERE instr(key, ?1) OR instr(job, ?1)", name)?;
        gone.dead += taken(
            db,
            "DELETE FROM dead_request WHERE instr(why, ?1) OR instr(path, ?1) OR instr(query, ?1)
             OR instr(headers, ?1) OR instr(log, ?1) OR instr(coalesce(ended_why, ''), ?1)
             OR instr(body, CAST(?1 AS BLOB))",
            name,
        )?;
        let mut cells = db.prepare_cached(
            "DELETE FROM memory WHERE instr(key, ?1) OR instr(value, CAST(?1 AS BLOB)) RETURNING connection, key",
        )?;
        let cells = cells.query_map(params![name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        gone.cells.extend(cells.collect::<Result<Vec<_>, _>>()?);
    }
    gone.cells.sort_unstable();
    Ok(Ok(gone))
}

fn taken(db: &Transaction<'_>, statement: &str, name: &str) -> Result<u64, rusqlite::Error> {
    Ok(db.prepare_cached(statement)?.execute(params![name])? as u64)
}
