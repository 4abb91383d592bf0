//! Asks every customer: who is in a segment, and how many hold what.
//!
//! There is no index behind it. A scan reads the store page by page, so it costs time in proportion to all customers,
//! and memory for one page and its answer.
//!
//! A scan is no snapshot: a page shows its customers as they are when it is read, and the fold may go on meanwhile.

mod intents;

use std::collections::{BTreeMap, BTreeSet};
use std::time;

use journal::{Journal, JournalError};
use model::{Customer, CustomerId, Identity, Instant};
use segment::{Segment, SegmentError};
use store::{Query, Store, StoreError};

pub use intents::{IntentCounts, IntentFilter, Intents, Reacted, carrier, last_code};

/// Customers of one page: about a megabyte.
const PAGE_CUSTOMERS: usize = 200;

/// Different tags, or stages, or schemes, that are counted each; a policy may make tags without end. Customers who hold
/// others are counted in one number.
pub const NAMES_MAX: usize = 10_000;

/// Where and when customers are asked.
pub struct Scan<'a> {
    pub journal: &'a dyn Journal,
    pub store: &'a dyn Store,
    /// What `days` are counted from.
    pub now: Instant,
    /// When to stop, for a caller who does not wait for ever.
    pub until: Option<time::Instant>,
}

/// Why a scan has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Segment(#[from] SegmentError),
    #[error("the scan's time was over after {customers} customers")]
    TooLong { customers: u64 },
}

/// Customers of one segment, ascending by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    pub customers: Vec<Customer>,
    /// Behind whom to go on. None: there are no more.
    pub next: Option<CustomerId>,
}

/// How many customers there are of each name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<K> {
    pub counts: BTreeMap<K, u64>,
    /// What was not counted by name, because there are more than [`NAMES_MAX`].
    pub left_out: u64,
}

impl<K: Ord> Named<K> {
    fn add(&mut self, name: K) {
        let full = self.counts.len() >= NAMES_MAX;
        match self.counts.get_mut(&name) {
            Some(count) => *count += 1,
            None if full => self.left_out += 1,
            None => drop(self.counts.insert(name, 1)),
        }
    }
}

impl<K> Default for Named<K> {
    fn default() -> Named<K> {
        Named { counts: BTreeMap::new(), left_out: 0 }
    }
}

/// All customers, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub customers: u64,
    /// In the order of the segments.
    pub segments: Vec<u64>,
    pub tags: Named<String>,
    /// By journey and stage.
    pub stages: Named<(String, String)>,
    /// Those who are known by a channel, by its name.
    pub channels: Named<String>,
    /// Those who have a handle of it, by scheme.
    pub schemes: Named<String>,
}

impl Scan<'_> {
    /// At most `limit` customers of the segment behind `after`. When the time is over there may be fewer, and `next` is
    /// whoever was asked last: nothing is asked twice.
    ///
    /// # Errors
    /// [`ScanError`], but for `TooLong`.
    pub fn members(
        &self,
        segment: &Segment,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Members, ScanError> {
        let mut members = Members { customers: Vec::new(), next: after };
        loop {
            let query = Query { after: members.next, limit: PAGE_CUSTOMERS, ..Query::default() };
            let page = self.store.page(&query)?;
            let ended = page.len() < PAGE_CUSTOMERS;
            for customer in page {
                let id = customer.id;
                if self.holds(segment, &customer)? {
                    if members.customers.len() == limit {
                        members.next = members.customers.last().map(|last| last.id).or(after);
                        return Ok(members);
                    }
                    members.customers.push(customer);
                }
                members.next = Some(id);
                if self.is_over() {
                    return Ok(members);
                }
            }
            if ended {
                return Ok(Members { next: None, ..members });
            }
        }
    }

    /// Counts everybody.
    ///
    /// # Errors
    /// [`ScanError`].
    pub fn counts(&self, segments: &[Segment]) -> Result<Counts, ScanError> {
        let mut counts = Counts { segments: vec![0; segments.len()], ..Counts::default() };
        self.each::<ScanError>(|customer| {
            counts.customers += 1;
            counts.add(customer);
            for (count, segment) in counts.segments.iter_mut().zip(segments) {
                *count += u64::from(segment.matches(customer, self.now)?);
            }
            Ok(())
        })?;
        Ok(counts)
    }

    /// Shows everybody, ascending by id.
    ///
    /// # Errors
    /// [`ScanError`], or what `show` says.
    pub fn each<E: From<ScanError>>(
        &self,
        mut show: impl FnMut(&Customer) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut after, mut customers) = (None, 0_u64);
        loop {
            let query = Query { after, limit: PAGE_CUSTOMERS, ..Query::default() };
            let page = self.store.page(&query).map_err(ScanError::from)?;
            for customer in &page {
                if self.is_over() {
                    return Err(ScanError::TooLong { customers }.into());
                }
                show(customer)?;
                customers += 1;
            }
            after = page.last().map(|last| last.id);
            if page.len() < PAGE_CUSTOMERS {
                return Ok(());
            }
        }
    }

    /// Is she in the segment?
    ///
    /// # Errors
    /// [`ScanError`].
    pub fn holds(&self, segment: &Segment, customer: &Customer) -> Result<bool, ScanError> {
        Ok(segment.matches(customer, self.now)?)
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| time::Instant::now() >= until)
    }
}

impl Counts {
    fn add(&mut self, customer: &Customer) {
        for tag in &customer.tags {
            self.tags.add(tag.name.clone());
        }
        for held in &customer.stages {
            self.stages.add((held.journey.clone(), held.stage.clone()));
        }
        let identities = || customer.handles.iter().map(|handle| &handle.identity);
        let channels: BTreeSet<&str> = identities().filter_map(Identity::channel).collect();
        channels.into_iter().for_each(|channel| self.channels.add(channel.to_owned()));
        let schemes: BTreeSet<&str> = identities().map(|identity| identity.scheme.as_str()).collect();
        schemes.into_iter().for_each(|scheme| self.schemes.add(scheme.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_their_limit_are_counted_in_one_number() {
        let mut named = Named::default();
        (0..NAMES_MAX).for_each(|name| named.add(name));
        assert_eq!((named.counts.len(), named.left_out), (NAMES_MAX, 0));
        named.add(NAMES_MAX);
        named.add(3);
        assert_eq!((named.counts.len(), named.left_out, named.counts[&3]), (NAMES_MAX, 1, 2));
    }
}
