//! Who is meant: gives each record its customer, by the handles on it alone.
//!
//! A lasting handle belongs to one customer; two customers whose handles meet on one record are one, unless they have
//! different values of a scheme of which a person has at most one. Then nothing is guessed: the record goes to the
//! customer of the first handle that can be hers, the other handle stays where it is, and a note says so.
//! No policy has a say, so identity can run ahead of the rounds.

use foldhash::HashMap;
use std::sync::Arc;

use model::{Conflict, Customer, CustomerId, Handle, Identity, Note, Record, Scheme, Setup};

use crate::RouterError;
use crate::desk::{Desk, Kept};
use crate::lane::{Lane, Refold};

const PHONE: &str = "phone";

/// The rules of the setup in force.
pub(crate) struct Rules<'a> {
    schemes: HashMap<&'a str, &'a Scheme>,
    phone_country: &'a str,
}

impl<'a> Rules<'a> {
    pub(crate) fn new(setup: &'a Setup) -> Rules<'a> {
        let schemes = setup.schemes.iter().map(|scheme| (scheme.name.as_str(), scheme)).collect();
        Rules { schemes, phone_country: &setup.phone_country }
    }

    /// A scheme that nobody declared lasts, and says nothing against a merge.
    fn lasts(&self, identity: &Identity) -> bool {
        self.schemes.get(identity.scheme.as_str()).is_none_or(|scheme| scheme.lasting)
    }

    fn one_per_person(&self, identity: &Identity) -> bool {
        self.schemes
            .get(identity.scheme.as_str())
            .is_some_and(|scheme| scheme.lasting && scheme.one_per_person)
    }

    /// The handles of a record as they are compared: without those that name nobody, each once.
    pub(crate) fn handles(&self, record: &Record) -> Vec<Identity> {
        let who = record.entry.event().map(|event| event.who.as_slice()).unwrap_or_default();
        let mut handles: Vec<Identity> = Vec::with_capacity(who.len());
        for identity in who.iter().filter_map(|identity| self.comparable(identity)) {
            if !handles.contains(&identity) {
                handles.push(identity);
            }
        }
        // Those that can forbid a merge are judged first.
        handles.sort_by_key(|handle| !self.one_per_person(handle));
        handles
    }

    fn comparable(&self, identity: &Identity) -> Option<Identity> {
        let value = identity.value.trim();
        if value.is_empty() {
            return None;
        }
        let value =
            if identity.scheme == PHONE { e164(value, self.phone_country)? } else { value.to_owned() };
        Some(Identity { scheme: identity.scheme.clone(), scope: identity.scope.clone(), value })
    }

    /// The scheme by which two lists of handles cannot be one person's.
    fn clash<'b>(
        &self,
        these: impl Iterator<Item = &'b Identity>,
        those: &'b [Handle],
    ) -> Option<&'b Identity> {
        these.filter(|this| self.one_per_person(this)).find(|this| {
            those.iter().map(|handle| &handle.identity).any(|that| {
                this.scheme == that.scheme && this.scope == that.scope && this.value != that.value
            })
        })
    }
}

/// A phone number in E.164. None: it is masked, or no number at all.
fn e164(text: &str, country: &str) -> Option<String> {
    let digits: String =
        text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '\u{a0}')).collect();
    let (digits, international) = match digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")) {
        Some(rest) => (rest, true),
        None => (digits.as_str(), false),
    };
    if !(5..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // A Chinese mobile number is often written with its country code and without a plus.
    let with_country = country == "86" && digits.len() == 13 && digits.starts_with("861");
    Some(if international || with_country { format!("+{digits}") } else { format!("+{country}{digits}") })
}

/// What the records of one batch were given to.
#[derive(Default)]
pub(crate) struct Assigned {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) notes: Vec<Note>,
    /// Handles that are new, or moved, in the order in which that happened.
    pub(crate) handles: Vec<Identity>,
    /// Customers that are gone, and the lanes that they were.
    pub(crate) gone: Vec<(CustomerId, CustomerId, usize)>,
    by_customer: HashMap<CustomerId, usize>,
}

impl Assigned {
    /// Lanes that no record gave: whom the clock, or a new setup, has something for.
    pub(crate) fn of(lanes: Vec<Lane>) -> Assigned {
        Assigned { lanes, ..Assigned::default() }
    }

    /// Gives a record with these handles to a lane, merging where it says that two customers are one.
    pub(crate) fn give(
        &mut self,
        rules: &Rules<'_>,
        desk: &mut Desk,
        record: &Arc<Record>,
        handles: &[Identity],
    ) -> Result<(), RouterError> {
        let lasting: Vec<&Identity> = handles.iter().filter(|handle| rules.lasts(handle)).collect();
        let lane = if lasting.is_empty() {
            // A rotating handle finds a customer where nothing better is there, and never merges.
            if handles.is_empty() {
                return Ok(());
            }
            let owner = handles.iter().find_map(|handle| desk.owner(handle));
            owner.map(|owner| self.lane_of(desk, owner)).transpose()?
        } else {
            self.judge(rules, desk, record, handles, &lasting)?
        };
        let lane = lane.unwrap_or_else(|| self.open(Customer::new(CustomerId(record.position), record.now)));
        for handle in handles {
            self.attach(rules, desk, record, lane, handle);
        }
        self.lanes[lane].customer.timeline.push(record.position);
        self.lanes[lane].live.push_back(Arc::clone(record));
        Ok(())
    }

    /// The lane of the first lasting handle that can be hers, merged with those of the others that can.
    fn judge(
        &mut self,
        rules: &Rules<'_>,
        desk: &mut Desk,
        record: &Record,
        handles: &[Identity],
        lasting: &[&Identity],
    ) -> Result<Option<usize>, RouterError> {
        let mut target: Option<usize> = None;
        let mut refused: Vec<(Identity, CustomerId, String)> = Vec::new();
        for &handle in lasting {
            let Some(owner) = desk.owner(handle) else { continue };
            let lane = self.lane_of(desk, owner)?;
            if target == Some(lane) {
                continue;
            }
            let hers = &self.lanes[lane].customer.handles;
            let mut clash = rules.clash(handles.iter(), hers);
            if let (None, Some(target)) = (clash, target) {
                let ours = self.lanes[target].customer.handles.iter().map(|handle| &handle.identity);
                clash = rules.clash(ours, hers);
            }
            match (clash, target) {
                (Some(clash), _) => {
                    refused.push((handle.clone(), self.lanes[lane].customer.id, clash.scheme.clone()));
                }
                (None, None) => target = Some(lane),
                (None, Some(other)) => target = Some(self.merge(desk, record, other, lane)),
            }
        }
        let position = record.position;
        let customer = target.map_or(CustomerId(position), |lane| self.lanes[lane].customer.id);
        self.notes.extend(refused.into_iter().map(|(handle, other, scheme)| {
            Note::Conflict(Conflict { position, handle, customer, other, scheme })
        }));
        Ok(target)
    }

    fn attach(
        &mut self,
        rules: &Rules<'_>,
        desk: &mut Desk,
        record: &Record,
        lane: usize,
        handle: &Identity,
    ) {
        let customer = &mut self.lanes[lane].customer;
        let held = customer.handles.iter().any(|held| held.identity == *handle);
        let owner = desk.owner(handle);
        if held && owner == Some(customer.id) {
            return;
        }
        let lasts = rules.lasts(handle);
        if lasts && owner.is_some_and(|owner| owner != customer.id) {
            return;
        }
        if let Some(clash) = rules.clash(std::iter::once(handle), &customer.handles) {
            // One record with two values of a scheme of which a person has one: the first is hers.
            let (position, scheme) = (record.position, clash.scheme.clone());
            let (handle, customer) = (handle.clone(), customer.id);
            self.notes.push(Note::Conflict(Conflict { position, handle, customer, other: customer, scheme }));
            return;
        }
        if !held {
            customer.handles.push(Handle { identity: handle.clone(), position: record.position });
        }
        desk.own(handle.clone(), customer.id);
        self.handles.push(handle.clone());
    }

    fn open(&mut self, customer: Customer) -> usize {
        self.lane(Kept { customer, before: store::Indexed::default() })
    }

    fn lane(&mut self, kept: Kept) -> usize {
        self.by_customer.insert(kept.customer.id, self.lanes.len());
        self.lanes.push(Lane::new(kept));
        self.lanes.len() - 1
    }

    fn lane_of(&mut self, desk: &mut Desk, id: CustomerId) -> Result<usize, RouterError> {
        if let Some(&lane) = self.by_customer.get(&id) {
            return Ok(lane);
        }
        // A handle's owner was fetched together with the handle.
        let kept = desk.take(id).ok_or(RouterError::Lost { customer: id })?;
        Ok(self.lane(kept))
    }

    /// Opens a lane for the one person that two customers are: the older's id, both histories folded again.
    fn merge(&mut self, desk: &mut Desk, record: &Record, a: usize, b: usize) -> usize {
        let (older, younger) =
            if self.lanes[a].customer.id < self.lanes[b].customer.id { (a, b) } else { (b, a) };
        let (stays, gone) = (&self.lanes[older].customer, &self.lanes[younger].customer);
        let mut customer = Customer::new(stays.id, stays.first_seen.min(gone.first_seen));
        customer.handles = stays.handles.iter().chain(&gone.handles).cloned().collect();
        customer.handles.sort_by_key(|handle| handle.position);
        customer.timeline = stays.timeline.iter().chain(&gone.timeline).copied().collect();
        customer.timeline.sort_unstable();
        customer.merged = stays.merged.iter().chain(&gone.merged).copied().chain([gone.id]).collect();
        customer.merged.sort_unstable();
        let (stays, gone) = (stays.id, gone.id);
        for handle in &customer.handles {
            // Those that are not at hand are found by the store, which follows the merge.
            if desk.owner(&handle.identity) == Some(gone) {
                desk.own(handle.identity.clone(), stays);
            }
        }
        let before = self.lanes[older].before.clone();
        let mut lane = Lane::new(Kept { customer, before });
        lane.refold = Refold::Waiting(lane.customer.timeline.clone());
        lane.parents = vec![older, younger];
        self.lanes[older].supersede(record);
        self.lanes[younger].supersede(record);
        self.gone.push((gone, stays, younger));
        self.by_customer.insert(stays, self.lanes.len());
        self.by_customer.insert(gone, self.lanes.len());
        self.lanes.push(lane);
        self.lanes.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_compared_in_e164() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(e164(text, "86").as_deref(), expected, "{text}");
        };
        check("199 0000-0001", Some("+8619900000001"));
        check("+86 19900000001", Some("+8619900000001"));
        check("008619900000001", Some("+8619900000001"));
        check("8619900000001", Some("+8619900000001"));
        check("+14155550100", Some("+14155550100"));
        check("138****0001", None);
        check("*******0001", None);
        check("none", None);
        check("123", None);
    }
}
