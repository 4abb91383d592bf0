//! The reference journal: in memory, plain, and right by inspection.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Digest, Entry, Instant, MemoryCell, MemoryWrite, Position, Record, Source};

use crate::{
    Batch, ChoreEnd, DeadCount, DeadLetter, DeadQuery, DeadState, DeadWhat, Ended, Erasure, Gone, Head,
    Journal, JournalError, Letters, Naming, Placed, Receipt, Recollection, Records, WaitingChore,
    fingerprint, fingerprint_of,
};

/// Keeps everything in memory. For tests, and for trying a policy without a disk.
#[derive(Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    floor: Instant,
    known: BTreeMap<Digest, Position>,
    connections: BTreeMap<String, Recollection>,
    chores: BTreeMap<(String, String), WaitingChore>,
    chores_numbered: u64,
    dead: Vec<DeadLetter>,
    turns: BTreeMap<String, Ended>,
}

impl MemoryJournal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, batch: &Batch) -> Receipt {
        self.floor = self.floor.max(batch.now);
        let placed = batch.entries.iter().map(|entry| self.place(entry)).collect();
        self.remember(batch);
        for chore in &batch.chores {
            self.chores_numbered += 1;
            let key = (batch.connection.clone(), chore.key.clone());
            let due = chore.due.unwrap_or(batch.now);
            let due = self.chores.get(&key).map_or(due, |waiting| waiting.due.min(due));
            let chore = chore.clone();
            let number = self.chores_numbered;
            let waiting =
                WaitingChore { connection: batch.connection.clone(), number, due, attempts: 0, chore };
            self.chores.insert(key, waiting);
        }
        self.bury(batch);
        Receipt { placed }
    }

    fn bury(&mut self, batch: &Batch) {
        for end in &batch.ends {
            let ended = Ended { now: batch.now, by: end.by.clone(), why: end.why.clone() };
            let is_meant = |letter: &DeadLetter| match &end.letters {
                Letters::One(number) => letter.number == *number,
                Letters::Feed => letter.connection == batch.connection && letter.dead.what == DeadWhat::Poll,
                Letters::Turn(_) => false,
            };
            let waiting = self.dead.iter_mut().filter(|letter| letter.state == DeadState::Waiting);
            for letter in waiting.filter(|letter| is_meant(letter)) {
                letter.state = end.how.state(ended.clone());
            }
            if let Letters::Turn(key) = &end.letters {
                self.turns.entry(key.clone()).or_insert(ended);
            }
        }
        let Some(dead) = &batch.dead else { return };
        let again = self.dead.iter_mut().find(|letter| {
            letter.connection == batch.connection
                && letter.state == DeadState::Waiting
                && letter.dead.is_again(dead)
        });
        if let Some(letter) = again {
            (letter.last, letter.times, letter.dead) = (batch.now, letter.times + 1, dead.clone());
            return;
        }
        self.dead.push(DeadLetter {
            number: self.dead.last().map_or(0, |letter| letter.number) + 1,
            connection: batch.connection.clone(),
            now: batch.now,
            last: batch.now,
            times: 1,
            dead: dead.clone(),
            state: DeadState::Waiting,
        });
    }

    fn place(&mut self, entry: &Entry) -> Placed {
        let position = self.records.len() as Position + 1;
        if let Some(key) = fingerprint(entry) {
            if let Some(&known) = self.known.get(&key) {
                return Placed::Known(known);
            }
            self.known.insert(key, position);
        }
        self.records.push(Record { position, now: self.floor, entry: entry.clone() });
        Placed::New(position)
    }

    fn remember(&mut self, batch: &Batch) {
        if let Some(update) = &batch.chore {
            let key = (batch.connection.clone(), update.key.clone());
            if self.chores.get(&key).is_some_and(|waiting| waiting.number == update.number) {
                match update.end {
                    ChoreEnd::Done => drop(self.chores.remove(&key)),
                    ChoreEnd::Again { due } => {
                        if let Some(waiting) = self.chores.get_mut(&key) {
                            waiting.due = due;
                            waiting.attempts += 1;
                        }
                    }
                }
            }
        }
        let recollection = self.connections.entry(batch.connection.clone()).or_default();
        if let Some(cursor) = &batch.cursor {
            recollection.cursor = Some(cursor.clone());
        }
        for write in &batch.memory {
            let key = match write {
                MemoryWrite::Set(cell) => &cell.key,
                MemoryWrite::Delete { key } => key,
            };
            let place = recollection.memory.binary_search_by(|cell| cell.key.cmp(key));
            match (write, place) {
                (MemoryWrite::Set(cell), Ok(place)) => recollection.memory[place] = cell.clone(),
                (MemoryWrite::Set(cell), Err(place)) => recollection.memory.insert(place, cell.clone()),
                (MemoryWrite::Delete { key: _ }, Ok(place)) => drop(recollection.memory.remove(place)),
                (MemoryWrite::Delete { key: _ }, Err(_)) => {}
            }
        }
    }
}

impl Records for MemoryJournal {
    fn head(&self) -> Result<Head, JournalError> {
        let state = self.state();
        Ok(Head { position: state.records.len() as Position, now: state.floor })
    }

    fn append(&self, batches: &[Batch]) -> Result<Vec<Receipt>, JournalError> {
        let mut state = self.state();
        Ok(batches.iter().map(|batch| state.keep(batch)).collect())
    }

    fn read(&self, after: Position, limit: usize) -> Result<Vec<Record>, JournalError> {
        let state = self.state();
        let start = usize::try_from(after).unwrap_or(usize::MAX).min(state.records.len());
        let end = start.saturating_add(limit).min(state.records.len());
        Ok(state.records[start..end].to_vec())
    }

    fn fetch(&self, positions: &[Position]) -> Result<Vec<Record>, JournalError> {
        let state = self.state();
        let find = |&position: &Position| {
            let index = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
            let record = index.and_then(|index| state.records.get(index));
            record.cloned().ok_or(JournalError::Missing(position))
        };
        positions.iter().map(find).collect()
    }

    fn locate(&self, source: Source<'_>, id: &str) -> Result<Option<Position>, JournalError> {
        Ok(self.state().known.get(&fingerprint_of(source, id)).copied())
    }

    fn setups(&self, after: Position) -> Result<Vec<Record>, JournalError> {
        let state = self.state();
        let setups = state.records.iter().filter(|record| record.position > after);
        Ok(setups
            .filter(|record| matches!(record.entry, Entry::Setup(_) | Entry::Configured(_)))
            .cloned()
            .collect())
    }

    fn erase(&self, erasure: &Erasure) -> Result<Gone, JournalError> {
        let mut state = self.state();
        let last = state.records.len() as Position;
        if let Some(&(missing, _)) =
            erasure.records.iter().find(|(position, _)| !(1..=last).contains(position))
        {
            return Err(JournalError::Missing(missing));
        }
        for record in &mut state.records {
            let place = erasure.records.binary_search_by_key(&record.position, |&(position, _)| position);
            if let Ok(place) = place {
                record.entry = erasure.records[place].1.clone();
            }
        }
        let names = &erasure.names;
        let mut gone = Gone::default();
        let (chores, dead) = (state.chores.len(), state.dead.len());
        let letters: Vec<u64> = state
            .dead
            .iter()
            .filter(|letter| is_letter_of(letter, names))
            .map(|letter| letter.number)
            .collect();
        state.chores.retain(|_, waiting| !is_chore_of(waiting, names));
        state.dead.retain(|letter| !letters.contains(&letter.number));
        gone.chores = (chores - state.chores.len()) as u64;
        gone.dead = (dead - state.dead.len()) as u64;
        for (connection, recollection) in &mut state.connections {
            recollection.memory.retain(|cell| {
                let named = is_cell_of(cell, names);
                if named {
                    gone.cells.push((connection.clone(), cell.key.clone()));
                }
                !named
            });
        }
        state.turns.retain(|key, ended| {
            !erasure.turns.contains(key)
                && !holds(key.as_bytes(), names)
                && !holds(ended.why.as_bytes(), names)
        });
        for (_, position, entry) in erasure.letters.iter().filter(|(letter, ..)| letters.contains(letter)) {
            if let Some(record) = state.records.iter_mut().find(|record| record.position == *position) {
                record.entry = entry.clone();
            }
        }
        Ok(gone)
    }
}

fn holds(text: &[u8], names: &[String]) -> bool {
    names.iter().any(|name| text.windows(name.len().max(1)).any(|part| part == name.as_bytes()))
}

fn is_chore_of(waiting: &WaitingChore, names: &[String]) -> bool {
    holds(waiting.chore.key.as_bytes(), names) || holds(waiting.chore.job.as_bytes(), names)
}

fn is_cell_of(cell: &MemoryCell, names: &[String]) -> bool {
    holds(cell.key.as_bytes(), names) || holds(&cell.value, names)
}

fn is_letter_of(letter: &DeadLetter, names: &[String]) -> bool {
    let model::Request { method: _, path, query, headers, body } = &letter.dead.request;
    let ended = letter.state.ended().map(|ended| &ended.why);
    let texts = [path, query, &letter.dead.why].into_iter().chain(&letter.dead.log).chain(ended);
    let mut held = texts.chain(headers.iter().map(|(_, value)| value));
    holds(body, names) || held.any(|text| holds(text.as_bytes(), names))
}

impl Journal for MemoryJournal {
    fn recall(&self, connection: &str) -> Result<Recollection, JournalError> {
        Ok(self.state().connections.get(connection).cloned().unwrap_or_default())
    }

    fn chores(
        &self,
        connection: &str,
        now: Instant,
        limit: usize,
    ) -> Result<Vec<WaitingChore>, JournalError> {
        let state = self.state();
        let mut due: Vec<WaitingChore> = state
            .chores
            .values()
            .filter(|chore| chore.connection == connection && chore.due <= now)
            .cloned()
            .collect();
        due.sort_by_key(|chore| (chore.due, chore.number));
        due.truncate(limit);
        Ok(due)
    }

    fn dead(&self, query: &DeadQuery) -> Result<Vec<DeadLetter>, JournalError> {
        let state = self.state();
        let meant = state.dead.iter().filter(|letter| query.asks_for(letter));
        Ok(meant.take(query.limit).cloned().collect())
    }

    fn dead_counts(&self) -> Result<Vec<DeadCount>, JournalError> {
        let state = self.state();
        let mut counts: BTreeMap<_, DeadCount> = BTreeMap::new();
        for letter in state.dead.iter().filter(|letter| letter.state == DeadState::Waiting) {
            let DeadLetter { number, connection, last, times, dead, .. } = letter;
            let key = (connection, dead.what, &dead.reason, dead.plugin);
            let count = counts.entry(key).or_insert_with(|| DeadCount {
                connection: connection.clone(),
                what: dead.what,
                reason: dead.reason.clone(),
                plugin: dead.plugin,
                title: dead.title.clone(),
                letters: 0,
                times: 0,
                first: *number,
                last: 0,
            });
            count.letters += 1;
            count.times += times;
            count.last = count.last.max(*last);
        }
        Ok(counts.into_values().collect())
    }

    fn ended_turns(&self, keys: &[String]) -> Result<Vec<Option<Ended>>, JournalError> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.turns.get(key).cloned()).collect())
    }

    fn naming(&self, names: &[String]) -> Result<Naming, JournalError> {
        let state = self.state();
        let cells = state.connections.iter().flat_map(|(connection, recollection)| {
            let hers = recollection.memory.iter().filter(|cell| is_cell_of(cell, names));
            hers.map(|cell| (connection.clone(), cell.clone()))
        });
        Ok(Naming {
            chores: state.chores.values().filter(|waiting| is_chore_of(waiting, names)).cloned().collect(),
            cells: cells.collect(),
            dead: state.dead.iter().filter(|letter| is_letter_of(letter, names)).cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    crate::journal_conformance!(|run| run(&crate::MemoryJournal::default()));
}
