//! What policies tell of others goes into the journal, and so does that they tell it no longer.
//!
//! A derived event has an id made from its cause, so telling it again changes nothing. When a past is folded again, as
//! another person or by another version, some of what was told then is not told now, and the other way round. A derived
//! event cannot be taken out of the journal: a [`Retelling`] says that it no longer counts, and another that it does
//! again. They are numbered for each event, so that folding the same cause again finds its own.

use std::collections::BTreeSet;

use journal::{Batch, Records};
use model::{CustomerId, DerivedEvent, Entry, Position, Retelling, Source, Told};

use crate::RouterError;
use crate::lane::Lane;

/// Something that is said of an event about another person, and its place among all that is.
#[derive(Debug)]
pub(crate) struct Tell {
    pub(crate) order: (u64, CustomerId, u64, usize, usize),
    pub(crate) said: Said,
}

#[derive(Debug)]
pub(crate) enum Said {
    Told(DerivedEvent),
    /// In a past that is folded again because of the record at `cause`; it was not told when the past was folded before.
    Retold {
        derived: DerivedEvent,
        cause: Position,
    },
    /// It was told when the past was folded before.
    Untold {
        told: Told,
        cause: Position,
    },
}

/// What those whose past was folded again tell no longer.
pub(crate) fn untold(lanes: &[Lane]) -> Vec<Tell> {
    let mut tells = Vec::new();
    let again = || lanes.iter().filter_map(|lane| Some((lane.relived?, lane)));
    let causes: BTreeSet<Position> = again().map(|(cause, _)| cause).collect();
    for cause in causes {
        let lanes = || again().filter(|&(of, _)| of == cause).map(|(_, lane)| lane);
        let mut known: BTreeSet<&Told> = lanes().flat_map(|lane| &lane.customer.told).collect();
        for lane in lanes() {
            let gone: BTreeSet<&Told> = lane.told_before.iter().filter(|told| known.insert(told)).collect();
            tells.extend(gone.into_iter().enumerate().map(|(place, told)| Tell {
                order: (cause, lane.customer.id, u64::MAX, 0, place),
                said: Said::Untold { told: told.clone(), cause },
            }));
        }
    }
    tells
}

/// The keys of notes on turns that were taken again, without fault.
pub(crate) fn healed(lanes: &[Lane]) -> Vec<String> {
    let before: BTreeSet<&String> = lanes.iter().flat_map(|lane| &lane.noted_before).collect();
    if before.is_empty() {
        return Vec::new();
    }
    let still = lanes.iter().filter(|lane| !lane.superseded);
    let now: BTreeSet<&String> = still.flat_map(|lane| &lane.customer.noted).collect();
    before.difference(&now).map(|&key| key.clone()).collect()
}

/// Writes all of it into the journal, in its order; or, where nothing may be appended, finds it there. Gives the last
/// position of what it wrote; 0: nothing.
///
/// # Errors
/// [`RouterError::Untold`] where it must be there and is not.
pub(crate) fn write(
    journal: &dyn Records,
    mut tells: Vec<Tell>,
    appends: bool,
) -> Result<Position, RouterError> {
    tells.sort_by_key(|tell| tell.order);
    let mut last = 0;
    let mut waiting: Vec<Entry> = Vec::new();
    for Tell { order: _, said } in tells {
        match said {
            Said::Told(derived) => waiting.push(Entry::Derived(derived)),
            Said::Retold { derived, cause } => {
                last = last.max(keep(journal, &mut waiting, appends)?);
                let told = Told { binding: derived.binding.clone(), id: derived.event.id.clone() };
                let entry = retelling(journal, &told, cause, true)?.unwrap_or(Entry::Derived(derived));
                waiting.push(entry);
            }
            Said::Untold { told, cause } => {
                last = last.max(keep(journal, &mut waiting, appends)?);
                waiting.extend(retelling(journal, &told, cause, false)?);
            }
        }
    }
    Ok(last.max(keep(journal, &mut waiting, appends)?))
}

fn keep(journal: &dyn Records, waiting: &mut Vec<Entry>, appends: bool) -> Result<Position, RouterError> {
    let entries = std::mem::take(waiting);
    if entries.is_empty() {
        return Ok(0);
    }
    if appends {
        let receipts = journal.append(&[Batch { entries, ..Batch::default() }])?;
        let placed = receipts.iter().flat_map(|receipt| &receipt.placed);
        return Ok(placed.map(|placed| placed.position()).max().unwrap_or(0));
    }
    for entry in &entries {
        let Some((source, id)) = entry.source() else { continue };
        if journal.locate(source, id)?.is_none() {
            return Err(untold_by(entry));
        }
    }
    Ok(0)
}

fn untold_by(entry: &Entry) -> RouterError {
    let (binding, position) = match entry {
        Entry::Derived(derived) => (derived.binding.clone(), derived.cause),
        Entry::Retelling(retelling) => (retelling.binding.clone(), retelling.cause),
        Entry::Event(_)
        | Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Progress(_)
        | Entry::Act(_)
        | Entry::Erased(_) => (String::new(), 0),
    };
    RouterError::Untold { binding, position }
}

/// The entry that says whether a derived event counts. None: the journal did not know the event before this cause.
fn retelling(
    journal: &dyn Records,
    told: &Told,
    cause: Position,
    counts: bool,
) -> Result<Option<Entry>, RouterError> {
    let source = Source::Policy(&told.binding);
    let Some(event) = journal.locate(source, &told.id)? else { return Ok(None) };
    let is_new = |entry: &Entry| matches!(entry, Entry::Derived(derived) if derived.again == Some(cause));
    if counts && journal.fetch(&[event])?.iter().any(|record| is_new(&record.entry)) {
        return Ok(None);
    }
    let entry = |number: u64| {
        let (binding, id) = (told.binding.clone(), retelling_id(&told.id, number));
        Entry::Retelling(Retelling { binding, id, event, cause, counts })
    };
    // What was said of it because of earlier records holds here. Other words may be in the journal by now: because of later
    // records, or of earlier ones that were folded again since.
    let mut held: Option<(Position, bool)> = None;
    let mut number = 0_u64;
    while let Some(place) = journal.locate(source, &retelling_id(&told.id, number))? {
        for record in journal.fetch(&[place])? {
            let Entry::Retelling(said) = record.entry else { continue };
            if said.cause == cause && said.counts == counts {
                return Ok(Some(entry(number)));
            }
            if said.cause < cause && held.is_none_or(|(last, _)| last <= said.cause) {
                held = Some((said.cause, said.counts));
            }
        }
        number += 1;
    }
    let counted = held.is_none_or(|(_, counted)| counted);
    Ok((counted != counts).then(|| entry(number)))
}

fn retelling_id(event: &str, number: u64) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("heliu retelling v1");
    hasher.update(&number.to_le_bytes());
    hasher.update(event.as_bytes());
    format!("ret_{}", &hasher.finalize().to_hex()[..32])
}
