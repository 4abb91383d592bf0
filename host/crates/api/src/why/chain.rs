//! From the record that something of her comes from back to the raw fact, through whoever told of her.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use journal::Records;
use model::{Cause, CustomerId, DerivedEvent, Entry, Position, Record};
use router::{Shown, Tracing, Walk};

use super::{Again, Turns, Whose};
use crate::past::PastError;

/// Records that are followed back. Each stands in front of what it led to, so the chain ends by itself; a chain
/// this long is a policy that tells itself.
const CHAIN_MAX: usize = 16;

/// The record at the cause's position; then, while the one before is derived, the one that it was derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub links: Vec<Link>,
    /// The record at which it goes on, and was cut. None: it is whole.
    pub cut: Option<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub record: Record,
    /// Given where a policy told it.
    pub told: Option<Told>,
}

/// The turn at which a policy told of her, as a fold of the teller's records gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    By(Teller),
    /// Why it is not known.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teller {
    /// Because of whom it was told.
    pub customer: CustomerId,
    /// The turn, and the policy's words.
    pub cause: Cause,
}

impl<E: Display + From<PastError>> Turns<'_, E> {
    pub(super) fn chain(&self, journal: &dyn Records, position: Position) -> Result<Chain, E> {
        let (mut links, mut next) = (Vec::new(), Some(position));
        while let Some(position) = next.filter(|_| links.len() < CHAIN_MAX) {
            next = None;
            let Some(record) = journal.fetch(&[position]).map_err(PastError::from)?.pop() else { break };
            let told = match &record.entry {
                Entry::Derived(derived) => {
                    // Never forwards, whatever an imported record says.
                    next = Some(derived.cause).filter(|cause| *cause < position);
                    Some(self.told(derived))
                }
                Entry::Event(_)
                | Entry::Setup(_)
                | Entry::Configured(_)
                | Entry::Retelling(_)
                | Entry::Progress(_)
                | Entry::Act(_)
                | Entry::Erased(_) => None,
            };
            links.push(Link { record, told });
        }
        Ok(Chain { links, cut: next })
    }

    fn told(&self, derived: &DerivedEvent) -> Told {
        self.teller(derived).unwrap_or_else(|error| Told::Unknown(format!("{error:#}")))
    }

    fn teller(&self, derived: &DerivedEvent) -> Result<Told, E> {
        let DerivedEvent { binding, cause, again: _, event } = derived;
        let again = (self.again)(Whose::Of(*cause))?;
        let customer = again.customer;
        let Some(turns) = self.of_another(again, binding)? else {
            let text = "the records of all who told would be more than may be folded for one answer";
            return Ok(Told::Unknown(text.to_owned()));
        };
        let tells = |shown: &Shown| {
            let decision = shown.tells().find(|(id, _)| *id == event.id).map(|(_, decision)| decision)?;
            let (position, now, version) = (shown.position, shown.now, shown.version(self.subject.state));
            let (alarm, why) = (shown.alarm.clone(), decision.why.clone());
            Some(Teller { customer, cause: Cause { position, now, version, alarm, why } })
        };
        // The last time, where her past was folded again.
        Ok(match turns.iter().rev().find_map(tells) {
            Some(teller) => Told::By(teller),
            None => Told::Unknown(format!("the records of {customer}, folded by themselves, do not tell it")),
        })
    }

    /// None: it would be too many records.
    fn of_another(&self, again: Again, binding: &str) -> Result<Option<Rc<Vec<Shown>>>, E> {
        let Again { plugins, customer, slice, records_max } = again;
        let key = (customer, binding.to_owned());
        if let Some(turns) = self.told.borrow().get(&key) {
            return Ok(Some(Rc::clone(turns)));
        }
        let folded = self.folded.get().saturating_add(slice.len() as u64);
        if folded > records_max {
            return Ok(None);
        }
        self.folded.set(folded);
        let tracing = Arc::new(Tracing::of(plugins, binding, false));
        let mut walk = Walk::begin(&slice, tracing.clone()).map_err(PastError::from)?;
        walk.to(self.subject.standing).map_err(PastError::from)?;
        let turns = Rc::new(tracing.take());
        self.told.borrow_mut().insert(key, Rc::clone(&turns));
        Ok(Some(turns))
    }
}
