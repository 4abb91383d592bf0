//! Who is meant: gives each record its customer, by the handles on it alone.
//!
//! A lasting handle belongs to one customer; two customers whose handles meet on one record are one, unless they have
//! different values of a scheme of which a person has at most one. Then nothing is guessed: the record goes to the
//! customer of the first handle that can be hers, the other handle stays where it is, and a note says so. The same where one
//! person would have more handles than anybody has.
//! No policy has a say, so identity can run ahead of the rounds.

use foldhash::HashMap;
use std::sync::Arc;

use model::{
    Conflict, Corrections, Customer, CustomerId, Deed, ERASED, Entry, Handle, Identity, Instant, Note,
    OperatorAct, Position, Record, Scheme, Setup,
};

use crate::RouterError;
use crate::desk::{Desk, Kept};
use crate::document;
use crate::lane::{Lane, Refold};

/// The scheme of phone numbers.
pub(crate) const PHONE: &str = "phone";

/// The rules of the setup in force.
pub(crate) struct Rules<'a> {
    schemes: HashMap<&'a str, &'a Scheme>,
    phone_country: &'a str,
    corrections: &'a Corrections,
    /// Where who is who is said. None: at each record itself.
    at: Option<Position>,
}

/// The word for what keeps two people apart where it is no scheme.
const OPERATOR: &str = "operator";

impl<'a> Rules<'a> {
    pub(crate) fn new(setup: &'a Setup, corrections: &'a Corrections) -> Rules<'a> {
        let schemes = setup.schemes.iter().map(|scheme| (scheme.name.as_str(), scheme)).collect();
        Rules { schemes, phone_country: &setup.phone_country, corrections, at: None }
    }

    /// Records are judged by what is known at this one.
    pub(crate) fn at(mut self, position: Position) -> Rules<'a> {
        self.at = Some(position);
        self
    }

    /// Does this handle on that record name anybody? What stands for one of somebody who was erased does, as hers did, until
    /// the act that erased her. From there on it only says whom the record cannot mean.
    fn speaks(&self, identity: &Identity, record: &Record) -> bool {
        let Some(rest) = identity.value.strip_prefix(ERASED) else { return true };
        let act = rest.split_once(':').and_then(|(act, _)| act.parse::<Position>().ok());
        act.is_some_and(|act| self.at.unwrap_or(record.position) < act)
    }

    /// A scheme that nobody declared lasts, and says nothing against a merge.
    pub(crate) fn lasts(&self, identity: &Identity) -> bool {
        self.schemes.get(identity.scheme.as_str()).is_none_or(|scheme| scheme.lasting)
    }

    fn one_per_person(&self, identity: &Identity) -> bool {
        self.schemes
            .get(identity.scheme.as_str())
            .is_some_and(|scheme| scheme.lasting && scheme.one_per_person)
    }

    /// The handles by which a record is judged. One that an operator retracted names only her whom its first lasting handle
    /// names.
    pub(crate) fn handles(&self, record: &Record) -> Vec<Identity> {
        let mut handles = self.shown(record);
        if self.corrections.retracted.binary_search(&record.position).is_ok() {
            let first = handles.iter().position(|handle| self.lasts(handle)).unwrap_or(0);
            handles = handles.into_iter().skip(first).take(1).collect();
        }
        handles
    }

    /// The handles of a record as they are compared: without those that name nobody, each once.
    pub(crate) fn shown(&self, record: &Record) -> Vec<Identity> {
        let who = record.entry.who();
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

    pub(crate) fn comparable(&self, identity: &Identity) -> Option<Identity> {
        comparable(identity, self.phone_country)
    }

    /// What says that two lists of handles cannot be one person's: a scheme, or an operator.
    pub(crate) fn clash<'b>(
        &self,
        these: impl Iterator<Item = &'b Identity> + Clone,
        those: &'b [Handle],
    ) -> Option<String> {
        self.scheme_clash(these.clone(), those).or_else(|| self.apart(these, those))
    }

    pub(crate) fn scheme_clash<'b>(
        &self,
        mut these: impl Iterator<Item = &'b Identity>,
        those: &'b [Handle],
    ) -> Option<String> {
        let clashes = |this: &&Identity| {
            self.one_per_person(this)
                && those.iter().map(|handle| &handle.identity).any(|that| {
                    this.scheme == that.scheme && this.scope == that.scope && this.value != that.value
                })
        };
        these.find(clashes).map(|identity| identity.scheme.clone())
    }

    /// Does an operator say that they are two people's?
    fn apart<'b>(
        &self,
        these: impl Iterator<Item = &'b Identity> + Clone,
        those: &'b [Handle],
    ) -> Option<String> {
        let apart = self.corrections.apart.iter().any(|apart| {
            let any = |of: &[Identity]| these.clone().any(|this| of.contains(this));
            let held = |of: &[Identity]| those.iter().any(|that| of.contains(&that.identity));
            any(&apart.these) && held(&apart.those) || any(&apart.those) && held(&apart.these)
        });
        apart.then(|| OPERATOR.to_owned())
    }
}

/// The handles that a record shows, as this setup compares them and the store keeps them.
#[must_use]
pub fn handles(setup: &Setup, record: &Record) -> Vec<Identity> {
    Rules::new(setup, &Corrections::default()).shown(record)
}

/// A handle as it is compared. None: it names nobody.
pub(crate) fn comparable(identity: &Identity, phone_country: &str) -> Option<Identity> {
    let value = identity.value.trim();
    if value.is_empty() {
        return None;
    }
    if value.starts_with(ERASED) {
        return Some(identity.clone());
    }
    let value = if identity.scheme == PHONE { e164(value, phone_country)? } else { value.to_owned() };
    Some(Identity { scheme: identity.scheme.clone(), scope: identity.scope.clone(), value })
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

    /// Gives a record with these handles to a lane, which will take it as a step.
    pub(crate) fn give(
        &mut self,
        rules: &Rules<'_>,
        desk: &mut Desk,
        record: &Arc<Record>,
        handles: &[Identity],
    ) -> Result<(), RouterError> {
        let lane = match addressee(&record.entry) {
            Some(customer) => self.lane_named(desk, customer)?,
            None => self.assign(rules, desk, record, handles)?,
        };
        if let Some(lane) = lane {
            self.lanes[lane].customer.timeline.push(record.position);
            self.lanes[lane].live.push_back(Arc::clone(record));
        }
        Ok(())
    }

    /// The lane of the person that these handles name, merging where the record says that two customers are one. None:
    /// they name nobody.
    pub(crate) fn assign(
        &mut self,
        rules: &Rules<'_>,
        desk: &mut Desk,
        record: &Record,
        handles: &[Identity],
    ) -> Result<Option<usize>, RouterError> {
        let speaking = || handles.iter().filter(|handle| rules.speaks(handle, record));
        let lasting: Vec<&Identity> = speaking().filter(|handle| rules.lasts(handle)).collect();
        let lane = if lasting.is_empty() {
            // A rotating handle finds a customer where nothing better is there, and never merges.
            if speaking().next().is_none() {
                return Ok(None);
            }
            let owner = speaking().find_map(|handle| desk.owner(handle));
            owner.map(|owner| self.lane_of(desk, owner)).transpose()?
        } else {
            self.judge(rules, desk, record, handles, &lasting)?
        };
        let lane = lane.unwrap_or_else(|| self.open(Customer::new(CustomerId(record.position), record.now)));
        for handle in speaking() {
            self.attach(rules, desk, record, lane, handle)?;
        }
        Ok(Some(lane))
    }

    /// Merges two lanes because an operator says so, unless their handles say that they are not one person.
    pub(crate) fn join(
        &mut self,
        rules: &Rules<'_>,
        desk: &mut Desk,
        position: Position,
        one: usize,
        other: usize,
    ) {
        if one == other {
            return;
        }
        let hers = &self.lanes[other].customer.handles;
        let ours = self.lanes[one].customer.handles.iter().map(|handle| &handle.identity);
        let count = (self.lanes[one].customer.handles.len(), hers.len());
        if let Some(scheme) = rules.clash(ours, hers).or_else(|| document::crowd(count.0, count.1)) {
            let handle = hers.first().map(|handle| handle.identity.clone());
            let (customer, keeps) = (self.lanes[one].customer.id, self.lanes[other].customer.id);
            self.notes.extend(
                handle.map(|handle| {
                    Note::Conflict(Conflict { position, handle, customer, other: keeps, scheme })
                }),
            );
            return;
        }
        self.merge(desk, position, 0, one, other);
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
            let scheme = rules.scheme_clash(handles.iter(), hers);
            let mut clash = scheme.or_else(|| rules.apart(std::iter::once(handle), hers));
            if let (None, Some(target)) = (&clash, target) {
                let ours = &self.lanes[target].customer.handles;
                let crowd = || document::crowd(ours.len(), hers.len());
                clash = rules.clash(ours.iter().map(|handle| &handle.identity), hers).or_else(crowd);
            }
            match (clash, target) {
                (Some(clash), _) => {
                    let keeper = &mut self.lanes[lane].customer;
                    refuse(keeper, record);
                    refused.push((handle.clone(), keeper.id, clash));
                }
                (None, None) => target = Some(lane),
                (None, Some(other)) => {
                    target = Some(self.merge(desk, record.position, record.now, other, lane))
                }
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
    ) -> Result<(), RouterError> {
        let customer = &self.lanes[lane].customer;
        let held = customer.handles.iter().any(|held| held.identity == *handle);
        let owner = desk.owner(handle);
        if held && owner == Some(customer.id) {
            return Ok(());
        }
        let other = owner.filter(|&owner| owner != customer.id);
        if rules.lasts(handle) && other.is_some() {
            return Ok(());
        }
        let crowd = || if held { None } else { document::crowd(customer.handles.len(), 1) };
        if let Some(scheme) = rules.clash(std::iter::once(handle), &customer.handles).or_else(crowd) {
            // One record with two values of a scheme of which a person has one: the first is hers. Or she has too many.
            let position = record.position;
            let (handle, customer) = (handle.clone(), customer.id);
            self.notes.push(Note::Conflict(Conflict { position, handle, customer, other: customer, scheme }));
            return Ok(());
        }
        if let Some(other) = other {
            let keeper = self.lane_of(desk, other)?;
            refuse(&mut self.lanes[keeper].customer, record);
        }
        let customer = &mut self.lanes[lane].customer;
        match customer.handles.iter_mut().find(|held| held.identity == *handle) {
            Some(held) => held.before = other.or(held.before),
            None => customer.handles.push(Handle {
                identity: handle.clone(),
                position: record.position,
                before: other,
            }),
        }
        desk.own(handle, customer.id);
        self.handles.push(handle.clone());
        Ok(())
    }

    fn open(&mut self, customer: Customer) -> usize {
        self.lane(Kept { customer, before: store::Indexed::default() })
    }

    /// The lane of a customer whom a record names by an id that she had. None: nobody has it, she was taken back.
    fn lane_named(&mut self, desk: &mut Desk, id: CustomerId) -> Result<Option<usize>, RouterError> {
        let id = desk.named(id);
        if let Some(lane) = self.current(id) {
            return Ok(Some(lane));
        }
        if desk.has(id) { self.lane_of(desk, id).map(Some) } else { Ok(None) }
    }

    /// The lane of a customer, or of whom she was merged into, once there is one.
    pub(crate) fn current(&self, mut id: CustomerId) -> Option<usize> {
        loop {
            let &lane = self.by_customer.get(&id)?;
            let now = self.lanes[lane].customer.id;
            if !self.lanes[lane].superseded || self.by_customer.get(&now) == Some(&lane) {
                return Some(lane);
            }
            id = now;
        }
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
    fn merge(&mut self, desk: &mut Desk, position: Position, now: Instant, a: usize, b: usize) -> usize {
        let (older, younger) =
            if self.lanes[a].customer.id < self.lanes[b].customer.id { (a, b) } else { (b, a) };
        let (stays, gone) = (&self.lanes[older].customer, &self.lanes[younger].customer);
        let mut customer = Customer::new(stays.id, stays.first_seen.min(gone.first_seen));
        customer.handles = stays.handles.iter().chain(&gone.handles).cloned().collect();
        customer.handles.sort_by_key(|handle| handle.position);
        customer.timeline = stays.timeline.iter().chain(&gone.timeline).copied().collect();
        customer.timeline.sort_unstable();
        customer.refused = stays.refused.iter().chain(&gone.refused).copied().collect();
        customer.refused.sort_unstable();
        customer.refused.dedup();
        customer.merged = stays.merged.iter().chain(&gone.merged).copied().chain([gone.id]).collect();
        customer.merged.sort_unstable();
        let (stays, gone) = (stays.id, gone.id);
        for handle in &customer.handles {
            // Those that are not at hand are found by the store, which follows the merge.
            if desk.owner(&handle.identity) == Some(gone) {
                desk.own(&handle.identity, stays);
            }
        }
        let before = self.lanes[older].before.clone();
        let mut lane = Lane::new(Kept { customer, before });
        lane.refold = Refold::Waiting(lane.customer.timeline.clone());
        lane.relive(position);
        for parent in [older, younger] {
            if self.lanes[parent].relived == Some(position) {
                // Three who are one by one record: nobody was the two of them, not for a moment.
                lane.parents.append(&mut self.lanes[parent].pass());
            } else {
                self.lanes[parent].supersede(position, now);
                lane.parents.push(parent);
            }
        }
        self.gone.push((gone, stays, younger));
        self.by_customer.insert(stays, self.lanes.len());
        self.by_customer.insert(gone, self.lanes.len());
        self.lanes.push(lane);
        self.lanes.len() - 1
    }
}

/// Marks in whom a record met that is another's.
fn refuse(keeper: &mut Customer, record: &Record) {
    if keeper.refused.last() != Some(&record.position) {
        keeper.refused.push(record.position);
    }
}

/// Whom a record names by her id.
pub(crate) fn addressee(entry: &Entry) -> Option<CustomerId> {
    match entry {
        Entry::Progress(progress) => Some(progress.customer),
        Entry::Act(OperatorAct { deed, .. }) => match deed {
            Deed::Propose(proposal) => Some(proposal.customer),
            Deed::Tag(tag) => Some(tag.customer),
            Deed::Untag(untag) => Some(untag.customer),
            Deed::Join(_)
            | Deed::Split(_)
            | Deed::Retract(_)
            | Deed::Erase(_)
            | Deed::Attest(_)
            | Deed::Retry(_)
            | Deed::Drop(_)
            | Deed::Grant(_)
            | Deed::Configure(_) => None,
        },
        Entry::Erased(erased) => erased.of,
        Entry::Event(_)
        | Entry::Derived(_)
        | Entry::Setup(_)
        | Entry::Configured(_)
        | Entry::Retelling(_) => None,
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
