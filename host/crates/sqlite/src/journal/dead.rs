//! Dead letters in their table: kept, found, counted and ended.

use journal::{
    Batch, DeadCount, DeadLetter, DeadQuery, DeadRequest, DeadState, DeadWhat, Ended, HowEnded, LetterEnd,
    Letters,
};
use model::{Digest, Request};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::undecodable;
use crate::db::{signed, unsigned};

/// Ends letters, and keeps what the batch could not handle.
pub(super) fn bury(db: &Transaction<'_>, batch: &Batch) -> Result<(), rusqlite::Error> {
    for end in &batch.ends {
        let LetterEnd { letters, how, by, why } = end;
        let (now, state) = (signed(batch.now), state_of(*how));
        match letters {
            Letters::One(number) => db
                .prepare_cached(
                    "UPDATE dead_request SET state = ?2, ended = ?3, ended_by = ?4, ended_why = ?5
                     WHERE number = ?1 AND state = 0",
                )?
                .execute(params![signed(*number), state, now, by, why])?,
            Letters::Feed => db
                .prepare_cached(
                    "UPDATE dead_request SET state = ?2, ended = ?3, ended_by = ?4, ended_why = ?5
                     WHERE connection = ?1 AND state = 0 AND what = 'poll'",
                )?
                .execute(params![batch.connection, state, now, by, why])?,
            Letters::Turn(key) => db
                .prepare_cached("INSERT OR IGNORE INTO ended_turn VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![key, now, by, why])?,
        };
    }
    match &batch.dead {
        Some(dead) => keep(db, batch, dead),
        None => Ok(()),
    }
}

fn keep(db: &Transaction<'_>, batch: &Batch, dead: &DeadRequest) -> Result<(), rusqlite::Error> {
    let DeadRequest { what, reason, why, plugin, title, log, backtrace, request } = dead;
    let Request { method, path, query, headers, body } = request;
    let (hash, now, log) = (hash(dead), signed(batch.now), log.join("\n"));
    let headers = headers_to(headers);
    let again: Option<i64> = db
        .prepare_cached(
            "SELECT number FROM dead_request WHERE connection = ?1 AND hash = ?2 AND state = 0
             AND what = ?3 AND method = ?4 AND path = ?5 AND query = ?6 AND body = ?7",
        )?
        .query_row(params![batch.connection, hash, what.name(), method, path, query, body], |row| row.get(0))
        .optional()?;
    match again {
        Some(number) => db
            .prepare_cached(
                "UPDATE dead_request SET last = ?2, times = times + 1, reason = ?3, why = ?4, plugin = ?5,
                 title = ?6, log = ?7, backtrace = ?8, headers = ?9 WHERE number = ?1",
            )?
            .execute(params![number, now, reason, why, &plugin.0[..], title, log, backtrace, headers])?,
        None => db
            .prepare_cached(
                "INSERT INTO dead_request (connection, now, last, hash, what, reason, why, plugin, title, log,
                 backtrace, method, path, query, headers, body)
                 VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                batch.connection,
                now,
                hash,
                what.name(),
                reason,
                why,
                &plugin.0[..],
                title,
                log,
                backtrace,
                method,
                path,
                query,
                headers,
                body
            ])?,
    };
    Ok(())
}

/// All of a letter, in the order in which it is read.
pub(super) const LETTER: &str =
    "SELECT number, connection, now, last, times, what, reason, why, plugin, title, log, backtrace, method,
     path, query, headers, body, state, ended, ended_by, ended_why FROM dead_request";

pub(super) fn letters(db: &Connection, asked: &DeadQuery) -> Result<Vec<DeadLetter>, rusqlite::Error> {
    let DeadQuery { after, limit, waiting, connection, reason } = asked;
    let mut query = db.prepare_cached(&format!(
        "{LETTER} WHERE number > ?1 AND (?3 = 0 OR state = 0) AND (?4 IS NULL OR connection = ?4)
         AND (?5 IS NULL OR reason = ?5) ORDER BY number LIMIT ?2"
    ))?;
    let after = i64::try_from(*after).unwrap_or(i64::MAX);
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![after, limit, waiting, connection, reason], letter)?;
    rows.collect()
}

pub(super) fn letter(row: &Row<'_>) -> Result<DeadLetter, rusqlite::Error> {
    let request = Request {
        method: row.get(12)?,
        path: row.get(13)?,
        query: row.get(14)?,
        headers: headers_from(row.get_ref(15)?.as_str()?),
        body: row.get(16)?,
    };
    let ended = || -> Result<Ended, rusqlite::Error> {
        Ok(Ended { now: unsigned(row.get(18)?), by: row.get(19)?, why: row.get(20)? })
    };
    let number = unsigned(row.get(0)?);
    let state = match row.get::<_, i64>(17)? {
        0 => DeadState::Waiting,
        1 => DeadState::Retried(ended()?),
        2 => DeadState::Dropped(ended()?),
        other => return Err(undecodable(format!("dead letter {number}: state {other}"))),
    };
    let dead = DeadRequest {
        what: what(row.get_ref(5)?.as_str()?)?,
        reason: row.get(6)?,
        why: row.get(7)?,
        plugin: digest(row.get_ref(8)?.as_blob()?)?,
        title: row.get(9)?,
        log: row.get_ref(10)?.as_str()?.lines().map(str::to_owned).collect(),
        backtrace: row.get(11)?,
        request,
    };
    Ok(DeadLetter {
        number,
        connection: row.get(1)?,
        now: unsigned(row.get(2)?),
        last: unsigned(row.get(3)?),
        times: unsigned(row.get(4)?),
        dead,
        state,
    })
}

pub(super) fn counts(db: &Connection) -> Result<Vec<DeadCount>, rusqlite::Error> {
    // A component has one title: whichever row it is taken from.
    let mut query = db.prepare_cached(
        "SELECT connection, what, reason, plugin, title, count(*), sum(times), max(last), min(number)
         FROM dead_request WHERE state = 0 GROUP BY connection, what, reason, plugin",
    )?;
    let rows = query.query_map([], |row| {
        Ok(DeadCount {
            connection: row.get(0)?,
            what: what(row.get_ref(1)?.as_str()?)?,
            reason: row.get(2)?,
            plugin: digest(row.get_ref(3)?.as_blob()?)?,
            title: row.get(4)?,
            letters: unsigned(row.get(5)?),
            times: unsigned(row.get(6)?),
            last: unsigned(row.get(7)?),
            first: unsigned(row.get(8)?),
        })
    })?;
    let mut counts = rows.collect::<Result<Vec<DeadCount>, _>>()?;
    counts.sort_by(|one, other| {
        fn order(count: &DeadCount) -> (&str, DeadWhat, &str, [u8; 32]) {
            (&count.connection, count.what, &count.reason, count.plugin.0)
        }
        order(one).cmp(&order(other))
    });
    Ok(counts)
}

pub(super) fn ended_turns(db: &Connection, keys: &[String]) -> Result<Vec<Option<Ended>>, rusqlite::Error> {
    let mut query = db.prepare_cached("SELECT ended, ended_by, ended_why FROM ended_turn WHERE key = ?1")?;
    let mut one = |key: &String| {
        let ended =
            |row: &Row<'_>| Ok(Ended { now: unsigned(row.get(0)?), by: row.get(1)?, why: row.get(2)? });
        query.query_row(params![key], ended).optional()
    };
    keys.iter().map(&mut one).collect()
}

fn state_of(how: HowEnded) -> i64 {
    match how {
        HowEnded::Retried => 1,
        HowEnded::Dropped => 2,
    }
}

fn what(name: &str) -> Result<DeadWhat, rusqlite::Error> {
    DeadWhat::named(name).ok_or_else(|| undecodable(format!("a dead letter of a \"{name}\"")))
}

fn digest(bytes: &[u8]) -> Result<Digest, rusqlite::Error> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Digest).map_err(|_| undecodable("a dead letter's plugin is no digest".to_owned()))
}

fn hash(dead: &DeadRequest) -> i64 {
    let Request { method, path, query, headers: _, body } = &dead.request;
    let mut hasher = blake3::Hasher::new_derive_key("heliu journal dead request v1");
    for part in [dead.what.name().as_bytes(), method.as_bytes(), path.as_bytes(), query.as_bytes(), body] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    i64::from_le_bytes(bytes)
}

/// Headers as lines of `name: value`, as on the wire: neither can hold a line break.
fn headers_to(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

fn headers_from(text: &str) -> Vec<(String, String)> {
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.lines().filter_map(pair).collect()
}
