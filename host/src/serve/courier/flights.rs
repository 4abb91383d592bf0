//! What is on its way: let through, being handed over, or told to the journal and not folded yet.
//!
//! Invariant: who is in here is not judged as if nothing had happened, and what the ledger calls `Due` and is not in here was
//! left behind by a host that broke off.

use std::collections::HashMap;

use courier::Carried;
use model::{Customer, CustomerId, Position};

use super::lane::Parcel;

/// One intent on its way.
#[derive(Clone, Debug)]
struct Flight {
    customer: CustomerId,
    /// Where it takes a place that the ledger does not tell of: the errand, and when it was let through.
    place: Option<(Parcel, String)>,
    /// Where it was told. It has landed once that is folded.
    told: Option<Position>,
}

#[derive(Debug, Default)]
pub(crate) struct Flights {
    intents: HashMap<String, Flight>,
    customers: HashMap<CustomerId, usize>,
}

impl Flights {
    /// It was let through, and waits in memory.
    pub(crate) fn depart(&mut self, parcel: &Parcel, channel: &str) {
        let (intent, customer) = (parcel.subject.intent.clone(), parcel.subject.customer);
        self.put(intent, Flight { customer, place: Some((parcel.clone(), channel.to_owned())), told: None });
    }

    /// Something was told of it that stands at this position. 0: nothing was.
    pub(crate) fn tell(&mut self, intent: &str, customer: CustomerId, position: Position) {
        self.put(intent.to_owned(), Flight { customer, place: None, told: Some(position) });
    }

    pub(crate) fn forget(&mut self, intent: &str) {
        if let Some(flight) = self.intents.remove(intent) {
            self.leave(flight.customer);
        }
    }

    /// Everything up to here is folded.
    pub(crate) fn land(&mut self, folded: Position) {
        let landed = |flight: &Flight| flight.told.is_some_and(|position| position <= folded);
        let gone: Vec<String> = self
            .intents
            .iter()
            .filter(|(_, flight)| landed(flight))
            .map(|(intent, _)| intent.clone())
            .collect();
        gone.iter().for_each(|intent| self.forget(intent));
    }

    pub(crate) fn has(&self, intent: &str) -> bool {
        self.intents.contains_key(intent)
    }

    pub(crate) fn concerns(&self, customer: CustomerId) -> bool {
        self.customers.contains_key(&customer)
    }

    pub(crate) fn customers(&self) -> usize {
        self.customers.len()
    }

    /// What was let through for her and does not stand in her document yet.
    pub(crate) fn of(&self, customer: &Customer) -> Vec<Carried<'_>> {
        if !self.concerns(customer.id) {
            return Vec::new();
        }
        let known = |parcel: &Parcel| {
            let held = customer.intents.iter().find(|held| held.id == parcel.subject.intent);
            held.is_some_and(|held| held.state.went_out())
        };
        let hers = self.intents.values().filter(|flight| flight.customer == customer.id);
        let mut carried: Vec<Carried<'_>> = hers
            .filter_map(|flight| flight.place.as_ref())
            .filter(|(parcel, _)| !known(parcel))
            .map(|(parcel, channel)| Carried {
                binding: &parcel.binding,
                key: &parcel.intent.key,
                scene: &parcel.intent.scene,
                connection: &parcel.connection,
                channel,
                at: parcel.judged,
            })
            .collect();
        carried.sort_by_key(|one| (one.at, one.binding, one.key));
        carried
    }

    fn put(&mut self, intent: String, flight: Flight) {
        *self.customers.entry(flight.customer).or_default() += 1;
        if let Some(before) = self.intents.insert(intent, flight) {
            self.leave(before.customer);
        }
    }

    fn leave(&mut self, customer: CustomerId) {
        if let Some(count) = self.customers.get_mut(&customer) {
            *count -= 1;
            if *count == 0 {
                self.customers.remove(&customer);
            }
        }
    }
}
