//! Places for connectors' calls: as many as the pool of instances has room for, shared so that nobody takes them all.
//!
//! Each connection has a bound of its own, and some places are always left for each of the others: however many connections
//! hang, one that does not is called at once.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Places that are left for a connection, whatever the others do, where there are enough: a guest of another language counts as
/// two or three.
const LEFT_FOR_EACH: usize = 4;

pub(crate) struct Places {
    all: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// By connection: those that are configured, and those at work.
    of: BTreeMap<String, Share>,
}

#[derive(Clone, Copy, Default)]
struct Share {
    held: usize,
    /// None: it is not configured, and nothing is left for it.
    most: Option<usize>,
}

/// Places that a call holds.
pub(crate) struct Room {
    places: Arc<Places>,
    connection: String,
    count: usize,
}

impl Places {
    pub(crate) fn new(all: usize) -> Arc<Places> {
        Arc::new(Places { all, taken: Mutex::default(), freed: Notify::new() })
    }

    /// The connections that are configured from here on, each with the most places that its calls may hold together.
    pub(crate) fn share(&self, shares: impl IntoIterator<Item = (String, usize)>) {
        let mut taken = self.lock();
        taken.of.values_mut().for_each(|share| share.most = None);
        for (connection, most) in shares {
            taken.of.entry(connection).or_default().most = Some(most);
        }
        taken.of.retain(|_, share| share.held > 0 || share.most.is_some());
        drop(taken);
        self.freed.notify_waiters();
    }

    /// Waits for so many places.
    pub(crate) async fn take(self: &Arc<Places>, connection: &str, count: usize) -> Room {
        loop {
            let mut freed = pin!(self.freed.notified());
            // From here on no end of a call is missed.
            freed.as_mut().enable();
            if self.lock().take(self.all, connection, count) {
                return Room { places: Arc::clone(self), connection: connection.to_owned(), count };
            }
            freed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn take(&mut self, all: usize, connection: &str, count: usize) -> bool {
        let Share { held, most } = self.of.get(connection).copied().unwrap_or_default();
        let configured = self.of.values().filter(|share| share.most.is_some()).count();
        let left = LEFT_FOR_EACH.min(all / configured.max(1));
        let owed = |(name, share): (&String, &Share)| match share.most {
            Some(_) if name != connection => left.saturating_sub(share.held),
            Some(_) | None => 0,
        };
        let for_others: usize = self.of.iter().map(owed).sum();
        let free = all.saturating_sub(self.all);
        // What is more than its bound goes alone.
        let within = held == 0 || held + count <= most.unwrap_or(all);
        let is_its_own = most.is_some() && held + count <= left;
        if !within || count > free || !(is_its_own || count + for_others <= free) {
            return false;
        }
        self.all += count;
        self.of.entry(connection.to_owned()).or_default().held += count;
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all = taken.all.saturating_sub(self.count);
        if let Some(share) = taken.of.get_mut(&self.connection) {
            share.held = share.held.saturating_sub(self.count);
            if share.held == 0 && share.most.is_none() {
                taken.of.remove(&self.connection);
            }
        }
        drop(taken);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as it gets without waiting.
    fn fill(places: &Arc<Places>, connection: &str, count: usize) -> Vec<Room> {
        let mut rooms = Vec::new();
        while places.lock().take(places.all, connection, count) {
            let places = Arc::clone(places);
            rooms.push(Room { places, connection: connection.to_owned(), count });
        }
        rooms
    }

    fn shared(all: usize, shares: &[(&str, usize)]) -> Arc<Places> {
        let places = Places::new(all);
        places.share(shares.iter().map(|(name, most)| ((*name).to_owned(), *most)));
        places
    }

    #[test]
    fn a_connection_has_its_bound_and_leaves_some_to_each_of_the_others() {
        let places = shared(64, &[("a", 48), ("b", 48), ("c", 48), ("d", 48)]);
        let a = fill(&places, "a", 1);
        assert_eq!(a.len(), 48);
        let b = fill(&places, "b", 1);
        assert_eq!(b.len(), 8, "64 less 48, and four for each of c and d");
        // What is left for one is nobody else's, and it suffices for a guest that counts as three.
        let c = fill(&places, "c", 3);
        assert_eq!(c.len(), 1);
        assert_eq!(fill(&places, "d", 1).len(), 4);
        drop((a, b, c));
        assert_eq!(places.lock().all, 0);
    }

    #[test]
    fn in_a_small_pool_each_has_its_part_and_what_is_too_large_goes_alone() {
        let places = shared(4, &[("a", 9), ("b", 9), ("c", 1)]);
        assert_eq!(fill(&places, "a", 1).len(), 2);
        let c = fill(&places, "c", 2);
        assert_eq!(c.len(), 1, "beyond its bound, and alone");
        // Nobody is configured: `heliu plugin run`.
        assert_eq!(fill(&Places::new(3), "x", 1).len(), 3);
    }

    #[test]
    fn one_that_is_configured_no_longer_is_left_nothing_and_gives_back_what_it_holds() {
        let places = shared(8, &[("a", 8), ("b", 8)]);
        let b = fill(&places, "b", 1);
        assert_eq!(b.len(), 4);
        places.share([("a".to_owned(), 8)]);
        assert_eq!(fill(&places, "a", 1).len(), 4);
        drop(b);
        assert!(!places.lock().of.contains_key("b"));
        assert_eq!(fill(&places, "a", 1).len(), 8);
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_a_call_ends() {
        let places = shared(1, &[("a", 1)]);
        let first = places.take("a", 1).await;
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { drop(places.take("a", 1).await) }
        });
        // Let go of before or after the other began to wait: neither is missed.
        tokio::task::yield_now().await;
        drop(first);
        waiting.await.unwrap();
    }
}
