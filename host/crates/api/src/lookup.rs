//! Finds a customer by what a person may call her: an id, or one of her handles.

use journal::Journal;
use model::{Conflict, Customer, CustomerId, FoldState, Identity, Note, Overflow, StrayReceipt};
use router::RouterError;
use store::{Store, StoreError};

use crate::views::ConflictPage;

/// Handles of this scheme are kept in E.164.
const PHONE: &str = "phone";

/// Reads `scheme:scope:value`. A scheme may have dots, a scope may be empty, a value may have colons. None: it has
/// fewer than two colons, or no scheme, or no value.
#[must_use]
pub fn parse_handle(text: &str) -> Option<Identity> {
    let (scheme, rest) = text.split_once(':')?;
    let (scope, value) = rest.split_once(':')?;
    if scheme.is_empty() || value.is_empty() {
        return None;
    }
    Some(Identity { scheme: scheme.to_owned(), scope: scope.to_owned(), value: value.to_owned() })
}

/// The customer with this id, or the one that she was merged into.
///
/// # Errors
/// [`StoreError`].
pub fn by_id(store: &dyn Store, id: CustomerId) -> Result<Option<Customer>, StoreError> {
    Ok(store.load(&[id])?.pop().flatten())
}

/// The customer who has this handle. A phone number is found without its country code, too.
///
/// # Errors
/// [`StoreError`].
pub fn by_handle(store: &dyn Store, handle: &Identity) -> Result<Option<Customer>, StoreError> {
    let mut wanted = vec![handle.clone()];
    if handle.scheme == PHONE && handle.value.bytes().all(|digit| digit.is_ascii_digit()) {
        let (_, FoldState { setup, versions: _, corrections: _, grants: _, sections: _, alone: _ }) =
            store.standing()?;
        for prefix in [format!("+{}", setup.phone_country), "+".to_owned()] {
            wanted.push(Identity { value: format!("{prefix}{}", handle.value), ..handle.clone() });
        }
    }
    let found = store.resolve(&wanted.iter().collect::<Vec<_>>())?;
    match found.into_iter().flatten().next() {
        Some(id) => by_id(store, id),
        None => Ok(None),
    }
}

/// The state of an intent by its word, as answers have it; a dash is as good as an underscore.
#[must_use]
pub fn intent_state(word: &str) -> Option<model::IntentState> {
    let quoted = serde_json::to_string(&word.replace('-', "_")).ok()?;
    wire::from_json::<model::IntentState>(&quoted).ok()
}

/// Receipts that were not taken, of those behind the note with the key `after`, in pages of notes, until `more` has seen enough.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub fn strays(
    store: &dyn Store,
    after: String,
    more: impl FnMut(StrayReceipt) -> bool,
) -> Result<(), StoreError> {
    let stray = |note| match note {
        Note::StrayReceipt(stray) => Some(stray),
        Note::Conflict(_) | Note::DeadTurn(_) | Note::Erasure(_) | Note::Overflow(_) => None,
    };
    notes(store, after, stray, more)
}

/// Customers of whom channels tell more than a document holds, of the notes behind the one with the key `after`, until `more` has
/// seen enough.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub fn overflows(
    store: &dyn Store,
    after: String,
    more: impl FnMut(Overflow) -> bool,
) -> Result<(), StoreError> {
    let overflow = |note| match note {
        Note::Overflow(overflow) => Some(overflow),
        Note::Conflict(_) | Note::DeadTurn(_) | Note::Erasure(_) | Note::StrayReceipt(_) => None,
    };
    notes(store, after, overflow, more)
}

/// Notes of one kind, behind that key, until `more` has seen enough.
fn notes<T>(
    store: &dyn Store,
    mut after: String,
    kind: impl Fn(Note) -> Option<T>,
    mut more: impl FnMut(T) -> bool,
) -> Result<(), StoreError> {
    loop {
        let page = store.notes(&after, NOTES_READ)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.key();
        if !page.into_iter().filter_map(&kind).all(&mut more) {
            return Ok(());
        }
    }
}

/// Notes that are read at once, to find conflicts among them.
const NOTES_READ: usize = 200;

/// At most `limit` conflicts behind the note with the key `after`.
///
/// # Errors
/// [`RouterError`] if journal or store cannot be read.
pub fn conflicts(
    journal: &dyn Journal,
    store: &dyn Store,
    mut after: String,
    limit: usize,
) -> Result<ConflictPage, RouterError> {
    let mut found: Vec<Conflict> = Vec::new();
    loop {
        let notes = store.notes(&after, NOTES_READ)?;
        let Some(last) = notes.last() else { break };
        after = last.key();
        found.extend(notes.into_iter().filter_map(|note| match note {
            Note::Conflict(conflict) => Some(conflict),
            Note::DeadTurn(_) | Note::Erasure(_) | Note::StrayReceipt(_) | Note::Overflow(_) => None,
        }));
        if found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| Note::Conflict(last.clone()).key());
    let mut conflicts = Vec::with_capacity(found.len());
    for conflict in found {
        let record = journal.fetch(&[conflict.position])?.pop();
        conflicts.push((conflict, record));
    }
    Ok(ConflictPage::new(&conflicts, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_cut_at_its_first_two_colons() {
        let parts = |text| parse_handle(text).map(|handle| (handle.scheme, handle.scope, handle.value));
        let some = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(parts("wechat.unionid:wx1:o6_b"), some("wechat.unionid", "wx1", "o6_b"));
        assert_eq!(parts("phone::+8613900000000"), some("phone", "", "+8613900000000"));
        assert_eq!(parts("a:b:c:d::"), some("a", "b", "c:d::"));
        for text in ["", "a", "a:b", "a:b:", ":b:c"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
