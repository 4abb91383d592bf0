//! Who may have had to do with whom: the records of a journal, tied by what they name.
//!
//! Whatever the fold did with a record, it did because of a handle on it, a customer whom it names, or a record that it speaks
//! of. So records that nothing ties belong to people who never had to do with each other, by whatever rules and corrections
//! held at any time.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use foldhash::{HashMap, HashSet};
use model::{CustomerId, Deed, Entry, Identity, OperatorAct, Position, Record};

use crate::identity;

/// Records and handles, in groups. Two handles may count as one by accident: then a group is larger than it must be.
pub(super) struct Kin {
    /// How handles were compared, by whatever was configured.
    countries: Vec<String>,
    /// For each position, and behind them for each handle, another of its group; itself where it stands for the group.
    group: Vec<usize>,
    handles: HashMap<u64, usize>,
    last: Position,
}

impl Kin {
    /// Of the records up to `last`, and the setups among them.
    pub(super) fn new(setups: &[Record], last: Position) -> Kin {
        let mut countries = Vec::new();
        for record in setups {
            if let Some(setup) = record.entry.setup()
                && !countries.contains(&setup.phone_country)
            {
                countries.push(setup.phone_country.clone());
            }
        }
        Kin { countries, group: (0..=place(last)).collect(), handles: HashMap::default(), last }
    }

    /// Takes a record in.
    pub(super) fn add(&mut self, record: &Record) {
        let position = record.position;
        self.show(position, record.entry.who());
        match &record.entry {
            Entry::Event(_) | Entry::Derived(_) | Entry::Setup(_) | Entry::Configured(_) => {}
            Entry::Retelling(retelling) => self.tie(position, retelling.event),
            Entry::Progress(progress) => {
                self.tie(position, progress.customer.0);
                self.tie(position, progress.cause);
            }
            Entry::Erased(erased) => {
                if let Some(CustomerId(of)) = erased.of {
                    self.tie(position, of);
                    erased.cause.into_iter().for_each(|cause| self.tie(position, cause));
                }
            }
            Entry::Act(OperatorAct { deed, .. }) => match deed {
                Deed::Join(join) => {
                    self.tie(position, join.one.0);
                    self.tie(position, join.other.0);
                }
                Deed::Split(split) => {
                    self.tie(position, split.customer.0);
                    self.show(position, &split.handles);
                }
                Deed::Retract(retract) => self.tie(position, retract.edge),
                Deed::Propose(proposal) => self.tie(position, proposal.customer.0),
                Deed::Tag(tag) => self.tie(position, tag.customer.0),
                Deed::Untag(untag) => self.tie(position, untag.customer.0),
                Deed::Erase(erase) => self.tie(position, erase.customer.0),
                Deed::Retry(retry) => {
                    retry.customer.into_iter().for_each(|whose| self.tie(position, whose.0));
                }
                Deed::Attest(_) | Deed::Drop(_) | Deed::Grant(_) | Deed::Configure(_) => {}
            },
        }
    }

    /// The positions that are in one group with any of these, ascending.
    pub(super) fn of(&mut self, seeds: impl Iterator<Item = Position>) -> Vec<Position> {
        let wanted: HashSet<usize> = seeds.map(|seed| self.find(place(seed))).collect();
        (1..=self.last).filter(|&position| wanted.contains(&self.find(place(position)))).collect()
    }

    fn show(&mut self, position: Position, handles: &[Identity]) {
        for handle in handles {
            let compared = self.countries.iter().filter_map(|country| identity::comparable(handle, country));
            let mut keys: Vec<u64> = compared.map(|handle| key(&handle)).collect();
            keys.dedup();
            for key in keys {
                let new = self.group.len();
                let at = *self.handles.entry(key).or_insert(new);
                if at == new {
                    self.group.push(new);
                }
                self.join(place(position), at);
            }
        }
    }

    /// What is named behind the last record is nothing yet.
    fn tie(&mut self, position: Position, other: Position) {
        if (1..=self.last).contains(&other) {
            self.join(place(position), place(other));
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        self.group[one.max(other)] = one.min(other);
    }

    fn find(&mut self, mut at: usize) -> usize {
        while self.group[at] != at {
            self.group[at] = self.group[self.group[at]];
            at = self.group[at];
        }
        at
    }
}

fn place(position: Position) -> usize {
    usize::try_from(position).expect("because what has a position was kept by this machine")
}

fn key(handle: &Identity) -> u64 {
    let Identity { scheme, scope, value } = handle;
    let mut hasher = DefaultHasher::new();
    (scheme, scope, value).hash(&mut hasher);
    hasher.finish()
}
