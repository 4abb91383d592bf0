//! Dead letters as people ask for them: those of connectors, which the journal keeps, and turns at which a policy fails, which
//! are notes of the store. Shared with the command line.

use std::collections::BTreeMap;

use journal::{DeadLetter, DeadQuery, DeadState, Ended, Journal, JournalError};
use model::{CustomerId, DeadTurn, Deed, Digest, FoldState, Instant, Note, Version};
use router::Looked;
use store::{Store, StoreError};

use crate::views::{ActView, RetriedView};

/// Notes that are read at once in the search for turns.
const NOTES_READ: usize = 500;

/// Notes that are looked through for one answer, at most. Whoever has more has one cause for all of them.
pub const NOTES_SCANNED_MAX: usize = 20_000;

#[derive(Debug, thiserror::Error)]
pub enum DeadError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no dead letter \"{0}\": heliu dead list names them")]
    Nothing(String),
    #[error("dead letter {0} does not wait: it was {1}")]
    Ended(String, &'static str),
}

/// What a letter is called: a number, or `turn:POSITION:VERSION:TIME`, and the alarm's key where the turn was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterId {
    Letter(u64),
    /// The key of its note.
    Turn(String),
}

/// A turn at which a policy fails.
#[derive(Clone, Debug)]
pub struct Turn {
    pub note: DeadTurn,
    /// The policy's.
    pub version: Option<Version>,
    /// None: it waits.
    pub ended: Option<Ended>,
}

/// Turns that fail in the same way.
#[derive(Clone, Debug)]
pub struct TurnGroup {
    pub policy: String,
    pub reason: String,
    pub digest: Digest,
    pub title: String,
    pub turns: u64,
    pub first: DeadTurn,
    pub last: Instant,
}

/// What was found in the notes.
#[derive(Clone, Debug, Default)]
pub struct Scanned<T> {
    pub found: T,
    /// There were more notes than are looked through.
    pub cut: bool,
}

#[must_use]
pub fn turn_id(turn: &DeadTurn) -> String {
    let DeadTurn { position, now, version, alarm, .. } = turn;
    match alarm {
        None => format!("turn:{position}:{version}:{now}"),
        Some(alarm) => format!("turn:{position}:{version}:{now}:{alarm}"),
    }
}

/// What a log says of a letter with this id: where a turn was, and by which version. An alarm's key is any text, and left out.
#[must_use]
pub fn logged(id: &str) -> String {
    id.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")
}

/// Reads what `turn_id`, or a number, says. None: it is neither.
#[must_use]
pub fn parse_id(text: &str) -> Option<LetterId> {
    let Some(turn) = text.strip_prefix("turn:") else { return text.parse().ok().map(LetterId::Letter) };
    let mut parts = turn.splitn(4, ':');
    let position = parts.next()?.parse().ok()?;
    let version = parts.next()?.parse().ok()?;
    let now = parts.next()?.parse().ok()?;
    let alarm = parts.next().map(str::to_owned);
    let (customer, kind, text) = (CustomerId(0), String::new(), String::new());
    let note = Note::DeadTurn(DeadTurn { position, now, customer, version, alarm, kind, text });
    Some(LetterId::Turn(note.key()))
}

/// The letter with this number.
///
/// # Errors
/// [`DeadError::Nothing`] if there is none.
pub fn letter(journal: &dyn Journal, number: u64) -> Result<DeadLetter, DeadError> {
    let found = journal.dead(&DeadQuery::one(number))?.pop().filter(|letter| letter.number == number);
    found.ok_or_else(|| DeadError::Nothing(number.to_string()))
}

/// The letter with this number, if it waits.
///
/// # Errors
/// [`DeadError::Nothing`], [`DeadError::Ended`].
pub fn waiting(journal: &dyn Journal, number: u64) -> Result<DeadLetter, DeadError> {
    let letter = letter(journal, number)?;
    match letter.state {
        DeadState::Waiting => Ok(letter),
        DeadState::Retried(_) | DeadState::Dropped(_) => {
            Err(DeadError::Ended(number.to_string(), letter.state.name()))
        }
    }
}

/// What ends a turn at which a policy fails.
pub const TURNS_HEAL: &str = "`heliu dead retry ID` folds her again by the version that is bound now, and with --dry-run tells what would \
                              come of it; a new version of the policy takes all its turns again";

/// The turn whose note has this key, if it waits.
///
/// # Errors
/// As [`turn`]; [`DeadError::Ended`].
pub fn waiting_turn(journal: &dyn Journal, store: &dyn Store, key: &str) -> Result<Turn, DeadError> {
    let turn = turn(journal, store, key)?;
    if turn.ended.is_some() {
        return Err(DeadError::Ended(turn_id(&turn.note), "dropped"));
    }
    Ok(turn)
}

/// What takes a turn again.
#[must_use]
pub fn again(turn: &Turn) -> Deed {
    let letter = Note::DeadTurn(turn.note.clone()).key();
    Deed::Retry(model::Retry { letter, customer: Some(turn.note.customer) })
}

/// What came of a turn that was taken again; or what would, as far as the report knows.
///
/// # Errors
/// [`DeadError`] if the store cannot be read.
pub fn retried(
    store: &dyn Store,
    turn: &Turn,
    act: ActView,
    looked: &Looked,
) -> Result<RetriedView, DeadError> {
    let (report, state) = (&looked.report, store.standing()?.1);
    let binding = |version: u32| {
        usize::try_from(version).ok().and_then(|place| state.versions.get(place)).map(|held| &held.binding)
    };
    let is_it = |dead: &DeadTurn| {
        (dead.position, dead.now, &dead.alarm, binding(dead.version))
            == (turn.note.position, turn.note.now, &turn.note.alarm, binding(turn.note.version))
    };
    let dead = |note: &Note| match note {
        Note::DeadTurn(dead) if is_it(dead) => Some(dead.clone()),
        Note::DeadTurn(_)
        | Note::Conflict(_)
        | Note::Erasure(_)
        | Note::StrayReceipt(_)
        | Note::Overflow(_) => None,
    };
    let key = Note::DeadTurn(turn.note.clone()).key();
    let healed = report.notes_gone.iter().any(|note| note.key() == key);
    let still = match (act.folded && !act.dry_run, healed) {
        // The store knows.
        (true, _) => {
            let notes = store.notes(&Note::behind(turn.note.position), NOTES_READ)?;
            notes.iter().find_map(dead)
        }
        (false, true) => report.notes.iter().find_map(dead),
        (false, false) => Some(turn.note.clone()),
    };
    let bound = binding(turn.note.version);
    let bound = state.setup.policies.iter().find(|policy| Some(&policy.name) == bound);
    let (outcome, message) = match (still, bound) {
        (Some(dead), _) => (dead.kind, dead.text),
        (None, Some(_)) => ("handled".to_owned(), "the policy decides at this turn now".to_owned()),
        (None, None) => ("handled".to_owned(), "the policy is bound no longer".to_owned()),
    };
    Ok(RetriedView {
        id: turn_id(&turn.note),
        dry_run: act.dry_run,
        outcome,
        message,
        events: 0,
        stored: 0,
        chores: 0,
        title: bound.map(|policy| policy.descriptor.title.clone()).unwrap_or_default(),
        digest: bound.map(|policy| policy.digest.to_string()).unwrap_or_default(),
        act: Some(act),
    })
}

/// The turn whose note has this key.
///
/// # Errors
/// [`DeadError::Nothing`] if there is none: perhaps a new version healed it.
pub fn turn(journal: &dyn Journal, store: &dyn Store, key: &str) -> Result<Turn, DeadError> {
    // The key itself stands behind all that is smaller by its last letter.
    let position = key.split(' ').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let mut after = Note::behind(position);
    loop {
        let notes = store.notes(&after, NOTES_READ)?;
        let Some(last) = notes.last() else { return Err(DeadError::Nothing(key.to_owned())) };
        after = last.key();
        let past = after.as_str() >= key;
        for note in notes {
            if let Note::DeadTurn(note) = note
                && Note::DeadTurn(note.clone()).key() == key
            {
                let ended = journal.ended_turns(&[key.to_owned()])?.pop().flatten();
                let version = version(&store.standing()?.1, &note);
                return Ok(Turn { note, version, ended });
            }
        }
        if past {
            return Err(DeadError::Nothing(key.to_owned()));
        }
    }
}

/// At most `limit` turns behind the note with the key `after`; with those that ended only if `all` are asked for. With `by`, what
/// ended later waited then.
///
/// # Errors
/// [`DeadError`] if journal or store cannot be read.
pub fn turns(
    journal: &dyn Journal,
    store: &dyn Store,
    after: &str,
    limit: usize,
    all: bool,
    by: Option<Instant>,
) -> Result<Scanned<Vec<Turn>>, DeadError> {
    let mut found = Vec::new();
    let cut = scan(journal, store, after, &mut |mut turn| {
        turn.ended = turn.ended.filter(|ended| by.is_none_or(|by| ended.now <= by));
        if all || turn.ended.is_none() {
            found.push(turn);
        }
        found.len() < limit
    })?;
    Ok(Scanned { found, cut })
}

/// The turns that wait, by how they fail; the most frequent first.
///
/// # Errors
/// [`DeadError`] if journal or store cannot be read.
pub fn turn_groups(journal: &dyn Journal, store: &dyn Store) -> Result<Scanned<Vec<TurnGroup>>, DeadError> {
    let mut groups: BTreeMap<(u32, String), TurnGroup> = BTreeMap::new();
    let cut = scan(journal, store, "", &mut |turn| {
        if turn.ended.is_some() {
            return true;
        }
        let Turn { note, version, ended: _ } = turn;
        let key = (note.version, note.kind.clone());
        let group = groups.entry(key).or_insert_with(|| TurnGroup {
            policy: version.as_ref().map(|version| version.binding.clone()).unwrap_or_default(),
            title: version.as_ref().map(|version| version.title.clone()).unwrap_or_default(),
            digest: version.map_or(Digest([0; 32]), |version| version.digest),
            reason: note.kind.clone(),
            turns: 0,
            first: note.clone(),
            last: 0,
        });
        group.turns += 1;
        group.last = group.last.max(note.now);
        true
    })?;
    let mut found: Vec<TurnGroup> = groups.into_values().collect();
    found.sort_by_key(|group| std::cmp::Reverse(group.turns));
    Ok(Scanned { found, cut })
}

/// Shows each turn behind `after` until `more` has seen enough. True: there are more notes than are looked through.
fn scan(
    journal: &dyn Journal,
    store: &dyn Store,
    after: &str,
    more: &mut dyn FnMut(Turn) -> bool,
) -> Result<bool, DeadError> {
    let (mut after, mut scanned) = (after.to_owned(), 0);
    while scanned < NOTES_SCANNED_MAX {
        let notes = store.notes(&after, NOTES_READ)?;
        let Some(last) = notes.last() else { return Ok(false) };
        (after, scanned) = (last.key(), scanned + notes.len());
        let turns: Vec<DeadTurn> = notes
            .into_iter()
            .filter_map(|note| match note {
                Note::DeadTurn(turn) => Some(turn),
                Note::Conflict(_) | Note::Erasure(_) | Note::StrayReceipt(_) | Note::Overflow(_) => None,
            })
            .collect();
        if turns.is_empty() {
            continue;
        }
        let keys: Vec<String> = turns.iter().map(|turn| Note::DeadTurn(turn.clone()).key()).collect();
        let ended = journal.ended_turns(&keys)?;
        // Read after the notes: the list of versions only grows.
        let state = store.standing()?.1;
        for (note, ended) in turns.into_iter().zip(ended) {
            let version = version(&state, &note);
            if !more(Turn { note, version, ended }) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn version(state: &FoldState, turn: &DeadTurn) -> Option<Version> {
    usize::try_from(turn.version).ok().and_then(|place| state.versions.get(place)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let turn = |alarm: Option<&str>| DeadTurn {
            position: 42,
            now: 7,
            customer: CustomerId(1),
            version: 3,
            alarm: alarm.map(str::to_owned),
            kind: "fuel".to_owned(),
            text: String::new(),
        };
        for turn in [turn(None), turn(Some("a:b c"))] {
            let key = Note::DeadTurn(turn.clone()).key();
            assert_eq!(parse_id(&turn_id(&turn)), Some(LetterId::Turn(key)));
        }
        assert_eq!(parse_id("17"), Some(LetterId::Letter(17)));
        assert_eq!((logged("17").as_str(), logged(&turn_id(&turn(None))).as_str()), ("17", "turn:42:3"));
        assert_eq!(logged(&turn_id(&turn(Some("13900000000:c")))), "turn:42:3");
        for text in ["", "x", "-1", "turn:", "turn:1:2", "turn:a:1:2"] {
            assert_eq!(parse_id(text), None, "{text}");
        }
    }
}
