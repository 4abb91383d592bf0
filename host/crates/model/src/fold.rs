//! What the fold knows besides the customers themselves.

use crate::{CustomerId, Digest, Grant, Identity, Instant, Position, Setup};

/// One version of a policy that has decided here. Causes refer to it by its index in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub binding: String,
    pub title: String,
    /// Of the component.
    pub digest: Digest,
    /// Of the settings' text.
    pub settings: Digest,
    /// The setup record that first bound it.
    pub since: Position,
}

/// A part of the configuration in force, by what [`crate::Configure`] says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    pub digest: Digest,
}

/// The configuration in force at a position, and every version that was ever in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldState {
    pub setup: Setup,
    pub versions: Vec<Version>,
    pub corrections: Corrections,
    /// What each connection may do, by its name.
    pub grants: Vec<Grant>,
    /// Parts of the configuration that the journal was told of, by their names.
    pub sections: Vec<Section>,
    /// The records that were folded alone, ascending: who folds a part of the journal must fold them with it. Where to
    /// find them, and not part of the state: the state hash leaves it out.
    pub alone: Vec<Position>,
}

/// What operators said of who is who, as far as it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    /// Records that join nobody, ascending.
    pub retracted: Vec<Position>,
    /// By position.
    pub joins: Vec<Joined>,
    /// By position.
    pub apart: Vec<Apart>,
}

/// Whoever has the record that `one` is named after, and whoever has that of `other`, are one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The operator's act.
    pub position: Position,
    pub one: CustomerId,
    pub other: CustomerId,
}

/// Handles of two people: whoever has one of these has none of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The operator's act.
    pub position: Position,
    pub these: Vec<Identity>,
    pub those: Vec<Identity>,
}

/// Something that a person must look at. Nothing was guessed, and nothing was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    Conflict(Conflict),
    DeadTurn(DeadTurn),
    Erasure(Erasure),
    StrayReceipt(StrayReceipt),
    Overflow(Overflow),
}

/// A record named two people by handles that say that they are not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub position: Position,
    /// The handle that points at the other customer, who keeps it.
    pub handle: Identity,
    /// Whom the record went to.
    pub customer: CustomerId,
    /// Who keeps the handle.
    pub other: CustomerId,
    /// The scheme of which a person has at most one, and of which the two have different values.
    pub scheme: String,
}

/// A policy failed at one turn: the turn changed nothing, the fold went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadTurn {
    pub position: Position,
    pub now: Instant,
    pub customer: CustomerId,
    pub version: u32,
    /// The key of the alarm, where the turn was one.
    pub alarm: Option<String>,
    /// The sandbox's word for it (`trap`, `fuel`, `limit`, `answer`, `refused`), `alarms`: it woke itself without
    /// end, or `document`: it would keep too much of her.
    pub kind: String,
    pub text: String,
}

/// A customer was erased: what was there of her, and nothing of what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The operator's act, which says who and why.
    pub position: Position,
    pub now: Instant,
    pub customer: CustomerId,
    /// The customers that had become one with her.
    pub merged: Vec<CustomerId>,
    pub records: u64,
}

/// Somebody told what became of an errand that he had not carried: it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrayReceipt {
    pub position: Position,
    pub now: Instant,
    pub customer: CustomerId,
    pub intent: String,
    /// What was told of it: `confirmed`.
    pub step: String,
    /// The connection that told it, or the policy.
    pub source: String,
    /// The connection that carried it. None: nobody had.
    pub carrier: Option<String>,
}

/// Channels tell more of a customer than one document holds: from this record on, what passes the limit stands in the journal
/// alone. One for each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The first record that passed it.
    pub position: Position,
    pub now: Instant,
    pub customer: CustomerId,
    /// `traits`, `staff`, `receipts` or `notes`.
    pub kind: String,
    /// What the limit is, and what is not taken.
    pub text: String,
}

/// Digits of a position in a note's key.
const KEY_DIGITS: usize = 20;

impl Overflow {
    /// Is this the key of such a note of that kind?
    #[must_use]
    pub fn is_key(key: &str, kind: &str) -> bool {
        key.get(KEY_DIGITS..).and_then(|rest| rest.strip_prefix(" over ")) == Some(kind)
    }
}

impl Note {
    /// What stands just before the keys of all notes on this record.
    #[must_use]
    pub fn behind(position: Position) -> String {
        format!("{position:020}")
    }

    /// What makes a note one note, however often its record is folded.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Note::Conflict(conflict) => {
                let Identity { scheme, scope, value } = &conflict.handle;
                format!("{:020} conflict {scheme} {scope} {value}", conflict.position)
            }
            Note::Erasure(erasure) => format!("{:020} erased", erasure.position),
            Note::StrayReceipt(stray) => format!("{:020} stray", stray.position),
            Note::Overflow(overflow) => format!("{:020} over {}", overflow.position, overflow.kind),
            Note::DeadTurn(dead) => {
                let alarm = dead.alarm.as_deref().unwrap_or_default();
                format!("{:020} dead {:05} {:020} {alarm}", dead.position, dead.version, dead.now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_is_known_by_its_key_and_nothing_else_by_the_same() {
        let (kind, text) = ("staff".to_owned(), String::new());
        let over = Note::Overflow(Overflow { position: 7, now: 9, customer: CustomerId(1), kind, text });
        assert!(Overflow::is_key(&over.key(), "staff") && !Overflow::is_key(&over.key(), "traits"));
        let (kind, text, alarm) = ("trap".to_owned(), String::new(), Some("x over staff".to_owned()));
        let dead = DeadTurn { position: 7, now: 9, customer: CustomerId(1), version: 0, alarm, kind, text };
        assert!(!Overflow::is_key(&Note::DeadTurn(dead).key(), "staff"));
    }
}
