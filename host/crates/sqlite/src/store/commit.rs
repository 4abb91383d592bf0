//! One commit of the fold: documents, then the rows of the indexes that differ, each in the order of its index.

use std::collections::BTreeSet;

use model::{Customer, CustomerId, FoldState, Note};
use rusqlite::{OptionalExtension as _, Transaction, params};
use store::{Commit, Indexed, Standing};

use super::{hash, stands};
use crate::db::signed;

/// Some(standing): the store stands there, and nothing was written.
pub(super) fn commit(db: &Transaction<'_>, commit: &Commit<'_>) -> Result<Option<Standing>, rusqlite::Error> {
    let Commit {
        from,
        to,
        customers,
        merged,
        unmerged,
        vanished,
        handles_gone,
        notes_gone,
        handles,
        notes,
        state,
        scrub: _,
    } = commit;
    let stood = stands(db)?;
    let now = stood.unwrap_or_default();
    if now != *from {
        return Ok(Some(now));
    }
    step(db, stood.is_none(), *to, *state)?;
    let mut indexes = Indexes::default();
    for gone in unmerged {
        db.prepare_cached("DELETE FROM merged WHERE gone = ?1")?.execute(params![signed(gone.0)])?;
    }
    for &(gone, before) in vanished {
        db.prepare_cached("DELETE FROM customer WHERE id = ?1")?.execute(params![signed(gone.0)])?;
        indexes.differ(gone, before, &Indexed::default());
    }
    for &(gone, into, before) in merged {
        db.prepare_cached("DELETE FROM customer WHERE id = ?1")?.execute(params![signed(gone.0)])?;
        db.prepare_cached("INSERT OR REPLACE INTO merged (gone, into_customer) VALUES (?1, ?2)")?
            .execute(params![signed(gone.0), signed(into.0)])?;
        indexes.differ(gone, before, &Indexed::default());
    }
    let mut sorted: Vec<_> = customers.iter().collect();
    sorted.sort_by_key(|changed| changed.customer.id);
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO customer (id, document) VALUES (?1, ?2)")?;
    for changed in sorted {
        let customer = changed.customer;
        put.execute(params![signed(customer.id.0), wire::to_bytes::<Customer>(customer)])?;
        indexes.differ(customer.id, changed.before, &Indexed::of(customer));
    }
    indexes.write(db)?;
    for &handle in handles_gone {
        db.prepare_cached(
            "DELETE FROM handle WHERE hash = ?1 AND scheme = ?2 AND scope = ?3 AND value = ?4",
        )?
        .execute(params![hash(handle), handle.scheme, handle.scope, handle.value])?;
    }
    let mut owned: Vec<_> = handles.iter().map(|&(handle, owner)| (hash(handle), handle, owner)).collect();
    owned.sort_unstable();
    let mut put = db.prepare_cached(
        "INSERT OR REPLACE INTO handle (hash, customer, scheme, scope, value) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (hash, handle, owner) in owned {
        put.execute(params![hash, signed(owner.0), handle.scheme, handle.scope, handle.value])?;
    }
    for key in notes_gone {
        db.prepare_cached("DELETE FROM note WHERE key = ?1")?.execute(params![key])?;
    }
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO note (key, body) VALUES (?1, ?2)")?;
    for note in notes {
        put.execute(params![note.key(), wire::to_bytes::<Note>(note)])?;
    }
    Ok(None)
}

fn step(
    db: &Transaction<'_>,
    is_first: bool,
    to: Standing,
    state: Option<&FoldState>,
) -> Result<(), rusqlite::Error> {
    let Standing { position, fired } = to;
    if is_first {
        db.execute(
            "INSERT INTO standing (position, fired, state) VALUES (?1, ?2, ?3)",
            params![signed(position), signed(fired), wire::to_bytes::<FoldState>(&FoldState::default())],
        )?;
    }
    db.prepare_cached("UPDATE standing SET position = ?1, fired = ?2")?
        .execute(params![signed(position), signed(fired)])?;
    if let Some(state) = state {
        db.execute("UPDATE standing SET state = ?1", params![wire::to_bytes::<FoldState>(state)])?;
    }
    Ok(())
}

/// The rows to take out of the indexes, and those to put in.
#[derive(Default)]
struct Indexes<'a> {
    due_out: Vec<(u64, CustomerId)>,
    due_in: Vec<(u64, CustomerId)>,
    errands_out: Vec<(u64, CustomerId)>,
    errands_in: Vec<(u64, CustomerId)>,
    tags_out: Vec<(&'a str, CustomerId)>,
    tags_in: Vec<(String, CustomerId)>,
    segments_out: Vec<(&'a str, CustomerId)>,
    segments_in: Vec<(String, CustomerId)>,
}

impl<'a> Indexes<'a> {
    fn differ(&mut self, id: CustomerId, before: &'a Indexed, after: &Indexed) {
        if before.due != after.due {
            self.due_out.extend(before.due.map(|due| (due, id)));
            self.due_in.extend(after.due.map(|due| (due, id)));
        }
        if before.errand != after.errand {
            self.errands_out.extend(before.errand.map(|due| (due, id)));
            self.errands_in.extend(after.errand.map(|due| (due, id)));
        }
        if before.tags != after.tags {
            let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
                (before.tags.iter().collect(), after.tags.iter().collect());
            self.tags_out
                .extend(before.tags.iter().filter(|tag| !new.contains(tag)).map(|tag| (tag.as_str(), id)));
            self.tags_in.extend(new.difference(&old).map(|&tag| (tag.clone(), id)));
        }
        if before.segments != after.segments {
            let left = before.segments.iter().filter(|name| !after.segments.contains(name));
            self.segments_out.extend(left.map(|name| (name.as_str(), id)));
            let entered = after.segments.iter().filter(|name| !before.segments.contains(name));
            self.segments_in.extend(entered.map(|name| (name.clone(), id)));
        }
    }

    fn write(mut self, db: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        self.tags_out.sort_unstable();
        self.tags_in.sort_unstable();
        let rows = |statement: &str, mut rows: Vec<(u64, CustomerId)>| {
            rows.sort_unstable();
            let mut statement = db.prepare_cached(statement)?;
            rows.into_iter()
                .try_for_each(|(due, id)| statement.execute(params![signed(due), signed(id.0)]).map(drop))
        };
        rows("DELETE FROM due WHERE due = ?1 AND customer = ?2", self.due_out)?;
        rows("INSERT OR REPLACE INTO due (due, customer) VALUES (?1, ?2)", self.due_in)?;
        rows("DELETE FROM errand WHERE due = ?1 AND customer = ?2", self.errands_out)?;
        rows("INSERT OR REPLACE INTO errand (due, customer) VALUES (?1, ?2)", self.errands_in)?;
        let mut delete = db.prepare_cached("DELETE FROM segment WHERE name = ?1 AND customer = ?2")?;
        for (name, id) in self.segments_out {
            delete.execute(params![name, signed(id.0)])?;
        }
        let mut insert =
            db.prepare_cached("INSERT OR REPLACE INTO segment (name, customer) VALUES (?1, ?2)")?;
        for (name, id) in self.segments_in {
            insert.execute(params![name, signed(id.0)])?;
        }
        let mut delete = db.prepare_cached(
            "DELETE FROM tag WHERE tag = (SELECT id FROM tag_name WHERE name = ?1) AND customer = ?2",
        )?;
        for (tag, id) in self.tags_out {
            delete.execute(params![tag, signed(id.0)])?;
        }
        let mut insert = db.prepare_cached("INSERT OR REPLACE INTO tag (tag, customer) VALUES (?1, ?2)")?;
        let mut last: Option<(String, i64)> = None;
        for (tag, id) in self.tags_in {
            let number = match last.take() {
                Some((name, number)) if name == tag => number,
                _ => tag_number(db, &tag)?,
            };
            insert.execute(params![number, signed(id.0)])?;
            last = Some((tag, number));
        }
        Ok(())
    }
}

fn tag_number(db: &Transaction<'_>, name: &str) -> Result<i64, rusqlite::Error> {
    let find = |db: &Transaction<'_>| {
        db.prepare_cached("SELECT id FROM tag_name WHERE name = ?1")?
            .query_row(params![name], |row| row.get(0))
            .optional()
    };
    if let Some(number) = find(db)? {
        return Ok(number);
    }
    db.prepare_cached("INSERT INTO tag_name (name) VALUES (?1)")?.execute(params![name])?;
    Ok(db.last_insert_rowid())
}
